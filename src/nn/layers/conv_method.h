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

/* Where a weight gradient has dy from: it is given, or made, for others too or for itself alone. See struct cvt_conv_call. */
enum cvt_conv_dy { CVT_DY_GIVEN, CVT_DY_KEPT, CVT_DY_UNKEPT };

struct cvt_conv_shape {
	int in_c, in_h, in_w, out_c, out_h, out_w, kernel, stride, padding;
	int batch;                              /* images of a call at most */
	bool pools_x;                           /* what is convolved is not x but the largest of each 3 x 3 window of it, every pixel, padded by one */
	bool windows;                           /* forward: `pooled` is of 3 x 3 windows every two pixels, padded by one */
	enum cvt_conv_dy dy;                    /* weight gradient */
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
	/* Weight gradient, where shape.dy is not CVT_DY_GIVEN: dy is made of the output, which a norm that pooled followed, of the gradient of the
	 * norm's maxima, and of the norm's numbers; into `made`, which may be `normed` and is then the input gradient's dy, or NULL: nobody wants it. */
	const float *normed; ptrdiff_t normed_stride;
	const float *dmaxima; ptrdiff_t dmaxima_stride;
	float *made; ptrdiff_t made_stride;
	struct cvt_norm_maps norm;
	float *dx; ptrdiff_t dx_stride; bool dx_adds;   /* input gradient: written, or added to */
	const float *weight, *bias;             /* [out_c, in_c, k, k], [out_c] */
	float *dweight, *dbias;                 /* overwritten */
	bool relu;                              /* forward: max(0, .) on the way out */
	const float *scale, *shift;             /* evaluation: NULL, or y = y*scale[o] + shift[o] (batch norm folded in), before or after relu: */
	bool scale_after_relu;
	/* Forward, of a method that pools: NULL, or where the maximum of each 2 x 2 of y goes (shape.windows: of each 3 x 3 window), as y is written:
	 * after bias, relu, scale and shift. y is NULL then: not wanted; a method that pools beside y takes both, and where pool_sign, NULL or
	 * [out_c], is below 0 it takes the minimum. */
	float *pooled; ptrdiff_t pooled_stride; /* [n, out_c, out_h/2, out_w/2]; windows: [n, out_c, (out_h + 1)/2, (out_w + 1)/2] */
	const float *pool_sign;
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
	bool pools, windows, sums;              /* knows what to do with the call's `pooled`: of 2 x 2, of windows; with its `sums` */
	bool pools_beside_y;                    /* writes y and pooled in one call, by sign */
	bool pools_x;                           /* can do what shape.pools_x asks for, in all passes */
	/* May dy be made through a norm that pooled 2 x 2? NULL: never. And through one that pooled 3 x 3 windows? */
	bool (*unpools)(const struct cvt_conv_shape *shape, const struct cvt_kernels *kernels);
	bool unpools_windows;
	const char *joined;                     /* its name where it does several calls in one; NULL: it does not look at `next` */
};

/* The order of preference; conv.c takes the first that fits and that --conv allows. */
extern const struct cvt_conv_method cvt_conv_stem, cvt_conv_gemm, cvt_conv_direct, cvt_conv_winograd5, cvt_conv_winograd3, cvt_conv_1x1;

#endif
