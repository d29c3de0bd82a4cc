/* finish.h - what is done to the outputs of a convolution on their way out, for the families that do it in registers. */
#ifndef CVT_KERNELS_FINISH_H
#define CVT_KERNELS_FINISH_H

#include <stdbool.h>

/* y = v + bias, then scale and shift and ReLU in either order. */
struct cvt_finish {
	const float *bias, *scale, *shift;      /* of the block's channels, or NULL */
	bool relu, scale_after_relu;
	bool adds;                              /* added to what is there */
	bool pooled;                            /* winograd3: only the largest of each 2 x 2 is written, to maps of [h / 2][w / 2] */
	bool stream;                            /* a large tensor: written past the caches where it is aligned */
	const float *pivot; double *sums;       /* NULL, or of the block's channels: [2], sum and sum of squares of y - pivot are added */
};

#endif
