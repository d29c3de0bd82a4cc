/* winograd_bound.h - how far a Winograd convolution may be from the definition, in units of 2^-24. */
#ifndef CVT_TESTS_KERNELS_WINOGRAD_BOUND_H
#define CVT_TESTS_KERNELS_WINOGRAD_BOUND_H

#include <stddef.h>

/* A convolution of `n` images of `channels` in to `lanes` out, `plane` pixels each; weight[o*o_step + c*c_step + tap], `taps` of them. The error of
 * an output comes from all inputs under its tile and all weights of a kernel, also those that meet only zeros at a border. At each point of
 * the transforms a rounding error is multiplied by no more than |A| max|G| sum|B| of the point's row and column; errors of different points
 * and channels are independent and add up as the root of their squares: over the points of a tile of the worst filter that is about 400 (403, of
 * F(4x4, 5x5): computed from the matrices, as are all); over the channels it is done here.
 * The additions over channels give 4 units of the plain sum. bound: [n][lanes][plane]. */
void kt_winograd_bound(int n, int channels, int lanes, size_t plane, int taps, const float *x, const float *weight, size_t o_step, size_t c_step,
	double *bound);

/* The same of the weight gradient, [lanes][channels][taps]: a sum over tiles, `size` x `size` outputs each; about 400 again, twice,
 * as a point is rounded four times (two transforms, the product, its sum), and a sum of one tile shows it. */
void kt_winograd_gradient_bound(int n, int channels, int lanes, size_t plane, int taps, int size, const float *x, const float *dy, double *bound);

#endif
