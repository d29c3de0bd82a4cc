/* reference.h - what the kernels are compared with: the definition of each operation, written as plainly as it can be, sums in double.
 *
 * Results are doubles, each with the sum of the absolute values of its terms (`bound`), from which a test derives what a float sum
 * may be off by. Dense arrays: images, channels, rows, columns without gaps. Slow; linked into the tests only. */
#ifndef CVT_KERNELS_REFERENCE_H
#define CVT_KERNELS_REFERENCE_H

/* A convolution as PyTorch's Conv2d: square kernel, zeros around. out = (in + 2*padding - kernel) / stride + 1. */
struct cvt_reference_conv { int n, in_c, in_h, in_w, out_c, out_h, out_w, kernel, stride, padding; };

/* y, bound: [n, out_c, out_h, out_w]; x: [n, in_c, in_h, in_w]; weight: [out_c, in_c, kernel, kernel]; bias: [out_c] or NULL. */
void cvt_reference_conv_forward(const struct cvt_reference_conv *c, const float *x, const float *weight, const float *bias,
	double *y, double *bound);
/* dx, bound: [n, in_c, in_h, in_w]; dy: [n, out_c, out_h, out_w]. */
void cvt_reference_conv_input_gradient(const struct cvt_reference_conv *c, const float *dy, const float *weight, double *dx, double *bound);
/* dweight, bound: as weight; dbias, dbias_bound: [out_c]. */
void cvt_reference_conv_weight_gradient(const struct cvt_reference_conv *c, const float *x, const float *dy, double *dweight, double *bound,
	double *dbias, double *dbias_bound);

#endif
