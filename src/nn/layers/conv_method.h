/* conv_method.h - one way of computing a convolution. conv.c chooses among them from shapes alone; `--conv` forces one.
 *
 * Methods run tasks on the pool; task boundaries depend on shapes and constants only. A method may use scratch that the plan packs:
 * shared_bytes once, worker_bytes for each worker. Nothing is allocated during a call. */
#ifndef CVT_NN_CONV_METHOD_H
#define CVT_NN_CONV_METHOD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/pool.h"
#include "kernels/norm.h"

struct cvt_kernels;                         /* kernels/kernels.h: the table of one instruction set */

struct cvt_conv_shape {
	int in_c, in_h, in_w, out_c, out_h, out_w, kernel, stride, padding;
	int batch;                              /* images of a call at most */
	bool windows;                           /* forward: `pooled` is of 3 x 3 windows every two pixels, padded by one, [n, out_c, (out_h + 1)/2, ..] */
	bool unpools;                           /* the weight gradient makes dy itself, of what cvt_conv_call.normed has */
	bool forced;                            /* a method does whatever it can; else it may find so few images not worth it */
};

enum cvt_conv_pass { CVT_CONV_FORWARD, CVT_CONV_INPUT_GRADIENT, CVT_CONV_WEIGHT_GRADIENT };

/* One call. Strides are floats from one image to the next; channels are h*w apart. */
struct cvt_conv_call {
	struct cvt_conv_shape shape;
	int n;
	const float *x; ptrdiff_t x_stride;     /* forward, weight gradient: input */
	float *y; ptrdiff_t y_stride;           /* forward: output */
	const float *dy; ptrdiff_t dy_stride;   /* gradients: of the output, after ReLU's mask where relu was absorbed */
	const float *normed; ptrdiff_t normed_stride;   /* weight gradient: NULL, or with shape.unpools the output itself, which a norm that pooled */
	struct cvt_norm_maps norm;              /* followed: these are the norm's numbers, and dy is the gradient of its maxima */
	float *made; ptrdiff_t made_stride;     /* NULL, or where to leave the dy that is made of them; may be normed */
	float *dx; ptrdiff_t dx_stride; bool dx_adds;   /* input gradient: written, or added to */
	const float *weight, *bias;             /* [out_c, in_c, k, k], [out_c] */
	float *dweight, *dbias;                 /* overwritten */
	bool relu;                              /* forward: max(0, .) on the way out */
	const float *scale, *shift;             /* evaluation: NULL, or y = y*scale[o] + shift[o] (batch norm folded in), before or after relu: */
	bool scale_after_relu;
	float *pooled; ptrdiff_t pooled_stride; /* forward, of a method that pools: NULL, or [n, out_c, out_h/2, out_w/2]: of each 2 x 2 of y, as it is */
	                                        /* written (after bias, relu, scale and shift), the maximum. y is NULL then: not wanted. Of a */
	const float *pool_sign;                 /* method that pools beside y: both may be; and the minimum where pool_sign[out_c], if any, is below 0 */
	double *sums;                           /* training: NULL, or [out_c][2]: sum and sum of squares of y - pivot, for the norm that follows */
	const float *pivot;                     /* [out_c] */
	void *shared, *workers; size_t worker_bytes;   /* scratch, 64-byte aligned; worker w's is workers + w*worker_bytes */
	struct cvt_pool *pool; const struct cvt_kernels *kernels;
	const struct cvt_conv_call *next;       /* of a method that joins: NULL, or another convolution of the same x and shape (but for out_c), n and
	                                         * dx, to be done in the same passes; scratch and dx_adds are the first one's */
};

struct cvt_conv_method {
	const char *name;                       /* "winograd F(4x4,5x5)", "gemm", "direct" */
	bool (*fits)(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, const struct cvt_kernels *kernels);
	/* out_c: of all that are joined */
	void (*scratch)(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, int max_batch, const struct cvt_kernels *kernels,
		size_t *ret_shared_bytes, size_t *ret_worker_bytes);
	void (*run)(const struct cvt_conv_call *call, enum cvt_conv_pass pass);
	bool pools, windows, sums;              /* knows what to do with the call's `pooled`, of 2 x 2, of windows; with its `sums` */
	bool pools_beside_y;                    /* writes y and pooled in one call, by sign */
	/* May the call have a `norm` that pooled 2 x 2? NULL: never. And one that pooled 3 x 3 windows? */
	bool (*unpools)(const struct cvt_conv_shape *shape, const struct cvt_kernels *kernels);
	bool unpools_windows;
	const char *joined;                     /* its name where it does several calls in one; NULL: it does not look at `next` */
};

/* The order of preference; conv.c takes the first that fits and that --conv allows. */
extern const struct cvt_conv_method cvt_conv_stem, cvt_conv_gemm, cvt_conv_direct, cvt_conv_winograd5, cvt_conv_winograd3, cvt_conv_1x1;

#endif
