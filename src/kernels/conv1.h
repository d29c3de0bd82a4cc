/* conv1.h - 1 x 1 convolutions of stride 1: what stands around the products of product.h. Tensors are NCHW, channels `plane` floats apart. */
#ifndef CVT_KERNELS_CONV1_H
#define CVT_KERNELS_CONV1_H

#include <stddef.h>

#include "kernels/finish.h"

struct cvt_conv1_kernels {
	/* u[c][width] = `pixels` pixels of each channel, zeros up to whole vectors: width = pixels rounded up. u aligned to the vector. */
	void (*pack)(const float *x, ptrdiff_t plane, int channels, int pixels, float *u);
	/* The same of `images` images side by side, image_stride floats apart: width = images * pixels rounded up. */
	void (*pack_images)(const float *x, ptrdiff_t image_stride, int images, ptrdiff_t plane, int channels, int pixels, float *u);
	/* u[p * stride + c] = `channels` channels of each pixel, zeros up to whole vectors: stride is at least channels rounded up. u has room for
	 * one vector of pixels more. */
	void (*pack_pixels)(const float *x, ptrdiff_t plane, int channels, int pixels, float *u, ptrdiff_t stride);
	/* y = m[o][width], finished: of each row `images` maps of `pixels`, side by side in m, image_stride floats apart in y. */
	void (*output)(const float *m, int width, int outputs, int images, int pixels, float *y, ptrdiff_t image_stride, ptrdiff_t plane,
		const struct cvt_finish *finish);
};

#endif
