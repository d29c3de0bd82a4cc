/* dense_method.h - one way of computing a dense layer: y = x W^T + b. dense.c chooses between them; the seam is conv_method.h's.
 *
 * Methods run tasks on the pool; task boundaries depend on shapes and constants only, so the bits are the same for any number of
 * threads. Scratch is the plan's: shared_bytes once, worker_bytes for each worker. Nothing is allocated during a call. */
#ifndef CVT_NN_DENSE_METHOD_H
#define CVT_NN_DENSE_METHOD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/pool.h"

struct cvt_kernels;                         /* kernels/kernels.h: the table of one instruction set */

enum cvt_dense_pass { CVT_DENSE_FORWARD, CVT_DENSE_BACKWARD };

/* One call. Strides are floats from one image to the next. Any in, out, n of at least 1; no alignment is asked for. */
struct cvt_dense_call {
	int in, out, n;
	const float *x; ptrdiff_t x_stride;     /* [n, in]: forward, backward */
	float *y; ptrdiff_t y_stride;           /* [n, out]: forward */
	const float *dy; ptrdiff_t dy_stride;   /* [n, out]: backward, after ReLU's mask where relu was absorbed */
	float *dx; ptrdiff_t dx_stride; bool dx_adds;   /* [n, in]: written, or added to; NULL: nobody wants it */
	float *weight;                          /* [out, in]; changed by a backward that applies the update */
	const float *bias;                      /* [out], or NULL */
	float *dweight;                         /* [out, in], overwritten; NULL: backward applies the update to weight instead */
	float *dbias;                           /* [out], overwritten; NULL: none. The bias is never updated here. */
	float *velocity;                        /* [out, in] of the update with momentum; NULL: without */
	float lr, momentum, weight_decay;       /* g = dW + weight_decay*W; velocity = momentum*velocity + g; W -= lr*velocity (or lr*g) */
	bool relu;                              /* forward: max(0, .) on the way out */
	void *shared, *workers; size_t worker_bytes;    /* scratch, 64-byte aligned; worker w's is workers + w*worker_bytes */
	struct cvt_pool *pool; const struct cvt_kernels *kernels;
};

struct cvt_dense_method {
	const char *name;                       /* "dense lanes", "gemm" */
	void (*scratch)(int in, int out, enum cvt_dense_pass pass, int max_batch, const struct cvt_kernels *kernels,
		size_t *ret_shared_bytes, size_t *ret_worker_bytes);
	void (*forward)(const struct cvt_dense_call *call);
	void (*backward)(const struct cvt_dense_call *call);
};

extern const struct cvt_dense_method cvt_dense_lanes;       /* dense_lanes.c, on kernels/dense.h */

#endif
