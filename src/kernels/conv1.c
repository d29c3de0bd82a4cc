/* conv1.c - 1 x 1 convolutions: y[o][p] = sum over c of w[o][c] x[c][p] is one product of matrices an image, without any windows.
 *
 * Forward and input gradient: the lanes are pixels. A panel of 4 (or 2) vectors of pixels of all channels is packed side by side, as
 * channels of a map are often powers of two apart and would fight for one set of a cache; then weights are broadcast into blocks of
 * 6 outputs x the panel (product.c: rows). The panel is read from the second-level cache, 256 bytes for 24 multiply-adds of 16 lanes.
 * Weight gradient: dw[o][c] = sum over p of dy[o][p] x[c][p]: the lanes are input channels, so x's pixels are transposed VL x VL in
 * registers, and dy is broadcast from where it lies (small maps: from where all images' are gathered, row by row). */
#include "kernels/kernels.h"
#include "kernels/rows.h"

static void pack(const float *x, ptrdiff_t plane, int channels, int pixels, float *u)
{
	enum { AHEAD = 8 };                     /* channels: their lines are far apart, and nothing that a processor guesses */
	for (int c = 0; c < channels; c++, x += plane) {
		int i = 0;
		if (c + AHEAD < channels)
			CVT_PREFETCH(x + AHEAD * plane, pixels);
		else
			CVT_PREFETCH(x + (AHEAD - channels) * plane + pixels, pixels);  /* of the panel beside */
		for (; i + VL <= pixels; i += VL, u += VL)
			vstore(u, vloadu(x + i));
		if (i < pixels) {
			vstore(u, vload_n(x + i, pixels - i));
			u += VL;
		}
	}
}

static void pack_images(const float *x, ptrdiff_t image_stride, int images, ptrdiff_t plane, int channels, int pixels, float *u)
{
	int width = (images * pixels + VL - 1) / VL * VL;
	for (int c = 0; c < channels; c++, x += plane, u += width) {
		vstore(u + width - VL, vzero());
		for (int i = 0; i < images; i++) {
			const float *from = x + i * image_stride;
			float *to = u + i * pixels;
			int p = 0;
			for (; p + VL <= pixels; p += VL)
				vstoreu(to + p, vloadu(from + p));
			if (p < pixels)
				vstore_n(to + p, vload_n(from + p, pixels - p), pixels - p);
		}
	}
}

static void pack_pixels(const float *x, ptrdiff_t plane, int channels, int pixels, float *u, ptrdiff_t stride)
{
	for (int c = 0; c < channels; c += VL)
		for (int i = 0; i < pixels; i += VL) {
			vf block[VL];
			const float *from = x + c * plane + i, *next = c + VL < channels ? from + VL * plane : x + i + pixels;
			int n = pixels - i < VL ? pixels - i : VL;
			for (int k = 0; k < VL && (c + VL < channels ? c + VL : 0) + k < channels; k++)
				__builtin_prefetch(next + k * plane, 0, 3);
			vload_maps(from, plane, channels - c < VL ? channels - c : VL, n, block);
			CVT_UNROLL
			for (int k = 0; k < VL; k++)
				vstoreu(u + (i + k) * stride + c, block[k]);
		}
}

/* What happens to a row of output o on its way out. */
struct row { vf bias, scale, shift, pivot; bool relu, first, last /* scaled before, after the ReLU */; };

CVT_INLINE vf finished(vf v, const struct row *r)
{
	v += r->bias;
	if (r->first)
		v = v * r->scale + r->shift;
	if (r->relu)
		v = vrelu(v);
	return r->last ? v * r->scale + r->shift : v;
}

static struct row row_of(const struct cvt_finish *f, int o)
{
	return (struct row){.bias = vset(f->bias ? f->bias[o] : 0), .scale = vset(f->scale ? f->scale[o] : 1), .shift = vset(f->scale ? f->shift[o] : 0),
		.pivot = vset(f->pivot ? f->pivot[o] : 0), .relu = f->relu, .first = f->scale && !f->scale_after_relu, .last = f->scale && f->scale_after_relu};
}

/* A row of one image to memory; its sums are added to sums[0], of squares to sums[1]. */
CVT_INLINE void write_row(const float *m, int pixels, float *y, const struct row *r, bool adds, bool stream, vf *sums)
{
	int i = 0;
	for (; i + VL <= pixels; i += VL) {
		vf v = finished(vloadu(m + i), r), d = v - r->pivot;
		if (sums) {
			sums[0] += d;
			sums[1] += d * d;
		}
		if (stream)
			vstream(y + i, v);
		else
			vstoreu(y + i, adds ? v + vloadu(y + i) : v);
	}
	if (i < pixels) {
		vf v = finished(vload_n(m + i, pixels - i), r);
		if (sums) {
			vf d = v - r->pivot;
			for (int k = pixels - i; k < VL; k++)
				d[k] = 0;
			sums[0] += d;
			sums[1] += d * d;
		}
		vstore_n(y + i, adds ? v + vload_n(y + i, pixels - i) : v, pixels - i);
	}
}

static void output(const float *m, int width, int outputs, int images, int pixels, float *y, ptrdiff_t image_stride, ptrdiff_t plane,
	const struct cvt_finish *f)
{
	enum { AHEAD = 4 };                     /* outputs: a store that misses the caches holds up all that come after it */
	bool stream = f->stream && !f->adds && ((uintptr_t)y | (uintptr_t)plane * 4 | (uintptr_t)image_stride * 4) % 64 == 0;
	for (int o = 0; o < outputs; o++, m += width, y += plane) {
		struct row r = row_of(f, o);
		vf sums[2] = {vzero(), vzero()};
		for (int i = 0; i < images; i++) {
			float *to = y + i * image_stride;
			if (o + AHEAD < outputs && !stream)
				CVT_PREFETCH_PLACE(to + AHEAD * plane, pixels);
			if (f->sums)
				write_row(m + i * pixels, pixels, to, &r, f->adds, stream, sums);
			else
				write_row(m + i * pixels, pixels, to, &r, f->adds, stream, NULL);
		}
		if (f->sums) {
			f->sums[2 * o] += vsum(sums[0]);
			f->sums[2 * o + 1] += vsum(sums[1]);
		}
	}
	if (stream)
		vstream_fence();
}

void CVT_KERNEL_INIT(conv1)(struct cvt_conv1_kernels *k)
{
	k->pack = pack;
	k->pack_images = pack_images;
	k->pack_pixels = pack_pixels;
	k->output = output;
}
