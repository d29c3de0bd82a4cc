/* conv1.c - 1 x 1 convolutions: y[o][p] = sum over c of w[o][c] x[c][p] is one product of matrices an image, without any windows.
 *
 * Forward and input gradient: the lanes are pixels. A panel of 4 (or 2) vectors of pixels of all channels is packed side by side, as
 * channels of a map are often powers of two apart and would fight for one set of a cache; then weights are broadcast into blocks of
 * 6 outputs x the panel (product.c: rows). The panel is read from the second-level cache, 256 bytes for 24 multiply-adds of 16 lanes.
 * Weight gradient: dw[o][c] = sum over p of dy[o][p] x[c][p]: the lanes are input channels, so x's pixels are transposed VL x VL in
 * registers, and dy is broadcast from where it lies. */
#include "kernels/kernels.h"
#include "kernels/vec.h"

static void pack(const float *x, ptrdiff_t plane, int channels, int pixels, float *u)
{
	for (int c = 0; c < channels; c++, x += plane) {
		int i = 0;
		for (; i + VL <= pixels; i += VL, u += VL)
			vstore(u, vloadu(x + i));
		if (i < pixels) {
			vstore(u, vload_n(x + i, pixels - i));
			u += VL;
		}
	}
}

static void pack_pixels(const float *x, ptrdiff_t plane, int channels, int pixels, float *u)
{
	int width = (channels + VL - 1) / VL * VL;
	for (int c = 0; c < channels; c += VL)
		for (int i = 0; i < pixels; i += VL) {
			vf block[VL];
			const float *from = x + c * plane + i;
			int n = pixels - i < VL ? pixels - i : VL;
			if (n == VL && channels - c >= VL)
				CVT_UNROLL
				for (int k = 0; k < VL; k++)
					block[k] = vloadu(from + k * plane);
			else
				CVT_UNROLL
				for (int k = 0; k < VL; k++)
					block[k] = c + k < channels ? vload_n(from + k * plane, n) : vzero();
			vtranspose(block);
			CVT_UNROLL
			for (int k = 0; k < VL; k++)
				vstore(u + (ptrdiff_t)(i + k) * width + c, block[k]);
		}
}

/* One row in place: finished, and its sums, floats in the row, double from row to row. */
CVT_INLINE void finish_row(float *m, int pixels, int o, const struct cvt_finish *f)
{
	vf bias = vset(f->bias ? f->bias[o] : 0), pivot = vset(f->pivot ? f->pivot[o] : 0), sum = vzero(), squares = vzero();
	for (int i = 0; i < pixels; i += VL) {
		vf v = vload(m + i) + bias;
		if (f->scale && !f->scale_after_relu)
			v = v * vset(f->scale[o]) + vset(f->shift[o]);
		if (f->relu)
			v = vrelu(v);
		if (f->scale && f->scale_after_relu)
			v = v * vset(f->scale[o]) + vset(f->shift[o]);
		vstore(m + i, v);
		if (f->sums) {
			vf d = v - pivot;
			if (pixels - i < VL)
				for (int k = pixels - i; k < VL; k++)
					d[k] = 0;
			sum += d;
			squares += d * d;
		}
	}
	if (f->sums) {
		f->sums[2 * o] += vsum(sum);
		f->sums[2 * o + 1] += vsum(squares);
	}
}

static void output(float *m, int width, int outputs, int pixels, float *y, ptrdiff_t plane, const struct cvt_finish *finish)
{
	bool stream = finish->stream && !finish->adds && ((uintptr_t)y | (uintptr_t)plane * 4) % 64 == 0;
	for (int o = 0; o < outputs; o++, m += width, y += plane) {
		int i = 0;
		finish_row(m, pixels, o, finish);
		for (; i + VL <= pixels; i += VL)
			if (stream)
				vstream(y + i, vload(m + i));
			else
				vstoreu(y + i, finish->adds ? vload(m + i) + vloadu(y + i) : vload(m + i));
		if (i < pixels)
			vstore_n(y + i, finish->adds ? vload(m + i) + vload_n(y + i, pixels - i) : vload(m + i), pixels - i);
	}
	if (stream)
		vstream_fence();
}

void CVT_KERNEL_INIT(conv1)(struct cvt_conv1_kernels *k)
{
	k->pack = pack;
	k->pack_pixels = pack_pixels;
	k->output = output;
}
