/* winograd5.h - 5 x 5 convolutions, stride 1, padding 2, by Winograd's F(4 x 4, 5 x 5). The mathematics: winograd5.c.
 *
 * Images are cut into tiles of 4 x 4 outputs; tile t of a call is image t / (tiles of an image), then row, then column. A kernel does
 * a range of tiles; any range will do, and an output's value does not depend on it. Planes are h * w floats without gaps, images stride
 * floats apart. No alignment is asked of images and weights; scratch and transformed weights are 64-byte aligned. */
#ifndef CVT_KERNELS_WINOGRAD5_H
#define CVT_KERNELS_WINOGRAD5_H

#include <stdbool.h>
#include <stddef.h>

/* y [images, out_c, h, w] = x [images, in_c, h, w] * weights, then (each where not NULL) + bias, relu, * scale + shift. */
struct cvt_winograd5_forward {
	int in_c, out_c, h, w;
	long first_tile, last_tile;             /* [first, last) */
	const float *x; ptrdiff_t x_stride;
	float *y; ptrdiff_t y_stride;           /* NULL: nobody wants it (then pooled is not) */
	float *pooled; ptrdiff_t pooled_stride; /* NULL, or [images, out_c, h / 2, w / 2]: of each 2 x 2 of y the largest, */
	const float *pool_sign;                 /* or the smallest where pool_sign[channel] < 0; NULL: always the largest */
	bool stream_pooled;                     /* past the caches: w / 2 % 16 == 0, and as for stream */
	const float *weights;                   /* as transform_weights left them */
	const float *bias;                      /* [out_c] or NULL */
	bool relu;
	const float *scale, *shift;             /* [out_c] or both NULL */
	bool scale_after_relu;                  /* else before it */
	bool adds;                              /* y += instead of y =; pooled is NULL, sums too */
	bool stream;                            /* past the caches: w % 16 == 0, y 64-byte aligned, y_stride % 16 == 0 */
	const float *pivot;                     /* [out_c]: wanted where sums is not NULL */
	double *sums;                           /* NULL or [out_c][2], written: sum and sum of squares of y - pivot over these tiles */
	float *scratch;                         /* forward_scratch() bytes */
};

/* The weight gradient of some tiles, still transformed: accumulator [64][in_c][out_c rounded up to vectors], overwritten or added to. */
struct cvt_winograd5_gradient {
	int in_c, out_c, h, w;
	long first_tile, last_tile;
	const float *x; ptrdiff_t x_stride;
	const float *dy; ptrdiff_t dy_stride, dy_plane;         /* dy_plane: from one channel to the next */
	int dy_row;                             /* the row of the images that dy begins with: no more than the rows of these tiles need be there. */
	                                        /* (dy_stride 0: of tiles of one image, whichever it is) */
	float *accumulator;                     /* accumulator_floats() */
	double *bias;                           /* [out_c]: sums of dy over these tiles, overwritten or added to */
	bool adds;
	float *scratch;                         /* gradient_scratch() bytes */
};

struct cvt_winograd5_kernels {
	/* Floats of the transformed weights. */
	size_t (*weights_floats)(int in_c, int out_c);
	/* Blocks of output channels; transform_weights does one of them: 0 <= block < weights_blocks(out_c). */
	int (*weights_blocks)(int in_c, int out_c);
	/* weight(o, c, row, column) is at o * out_step + c * in_step + 5 * row + column; flipped: both axes read from the far end,
	 * which with in and out exchanged makes the input gradient of the same convolution. */
	void (*transform_weights)(int in_c, int out_c, const float *weight, ptrdiff_t out_step, ptrdiff_t in_step, bool flipped,
		int block, float *weights);
	size_t (*forward_scratch)(int in_c, int out_c);
	void (*forward)(const struct cvt_winograd5_forward *a);
	/* even, odd [(w + 1) / 2] = the columns of a row of w; odd ends in 0 where w is odd. */
	void (*split_columns)(const float *row, int w, float *even, float *odd);

	size_t (*accumulator_floats)(int in_c, int out_c);
	size_t (*gradient_scratch)(int in_c, int out_c);
	void (*gradient)(const struct cvt_winograd5_gradient *a);
	/* dweight [out_c, in_c, 5, 5] of input channel c, from n accumulators `stride` floats apart, added in order. */
	void (*gradient_finish)(int in_c, int out_c, int c, int n, const float *accumulators, size_t stride, float *dweight);
};

#endif
