/* maxpool.c - maximum pooling of any window, VL neighbouring windows at a time; 3 x 3 as networks have it: maxpool3.c.
 *
 * The map is copied into scratch with its padding around it, so that no window is special; with stride 2 the columns of VL windows are the
 * even or the odd ones of 2 VL floats. Backward runs the same comparison, notes which tap of each window was the first largest, and adds dy to a
 * padded gradient at each tap in turn. */
#include <math.h>

#include "kernels/maxpool3.h"
#include "kernels/passes.h"

static void fill(float *p, int n, float v)
{
	for (int i = 0; i < n; i++)
		p[i] = v;
}

static void pad(const struct cvt_pool_shape *s, const float *x, float *out)
{
	int columns = cvt_pool_columns(s), rows = cvt_pool_rows(s);
	for (int y = 0; y < rows; y++, out += columns) {
		int row = y - s->padding;
		if (row < 0 || row >= s->h) {
			fill(out, columns, -INFINITY);
			continue;
		}
		fill(out, s->padding, -INFINITY);
		memcpy(out + s->padding, x + (size_t)row * (size_t)s->w, (size_t)s->w * sizeof(float));
		fill(out + s->padding + s->w, columns - s->padding - s->w, -INFINITY);
	}
}

/* Tap kx of VL windows from p on. */
CVT_INLINE vf tap(const float *p, int stride)
{
	vf even, odd;
	if (stride == 1)
		return vloadu(p);
	if (stride == 2) {
		vdeinterleave2(vloadu(p), vloadu(p + VL), &even, &odd);
		return even;
	}
	for (int i = 0; i < VL; i++)
		even[i] = p[(ptrdiff_t)i * stride];
	return even;
}

CVT_INLINE void forward_with(const struct cvt_pool_shape *s, const float *x, float *y, float *scratch, int kernel, int stride)
{
	int columns = cvt_pool_columns(s);
	pad(s, x, scratch);
	for (int oy = 0; oy < s->out_h; oy++, y += s->out_w) {
		for (int ox = 0; ox < s->out_w; ox += VL) {
			const float *p = scratch + (size_t)oy * (size_t)stride * (size_t)columns + ox * stride;
			vf top = vset(-INFINITY);
			for (int ky = 0; ky < kernel; ky++, p += columns)
				for (int kx = 0; kx < kernel; kx++)
					top = vmax(top, tap(p + kx, stride));
			store(y + ox, top, lanes(s->out_w - ox));
		}
	}
}

/* 2 x 2 blocks side by side need no copy. */
static void forward_blocks(const struct cvt_pool_shape *s, const float *x, float *y)
{
	for (int oy = 0; oy < s->out_h; oy++, x += 2 * s->w, y += s->out_w) {
		int ox = 0;
		for (; ox + VL <= s->out_w; ox += VL) {
			const float *p = x + 2 * ox;
			vf even, odd, lo = vmax(vloadu(p), vloadu(p + s->w)), hi = vmax(vloadu(p + VL), vloadu(p + s->w + VL));
			vdeinterleave2(lo, hi, &even, &odd);
			vstoreu(y + ox, vmax(even, odd));
		}
		for (; ox < s->out_w; ox++) {
			const float *p = x + 2 * ox;
			float a = p[0] > p[1] ? p[0] : p[1], b = p[s->w] > p[s->w + 1] ? p[s->w] : p[s->w + 1];
			y[ox] = a > b ? a : b;
		}
	}
}

/* to[stride * i] += v[i] */
CVT_INLINE void add_tap(float *to, vf v, int stride)
{
	vf lo, hi;
	if (stride == 1) {
		vstoreu(to, vloadu(to) + v);
	} else if (stride == 2) {
		vinterleave2(v, vzero(), &lo, &hi);
		vstoreu(to, vloadu(to) + lo);
		vstoreu(to + VL, vloadu(to + VL) + hi);
	} else {
		for (int i = 0; i < VL; i++)
			to[(ptrdiff_t)i * stride] += v[i];
	}
}

CVT_INLINE void backward_with(const struct cvt_pool_shape *s, const float *x, const float *dy, float *grad, int kernel, int stride)
{
	int columns = cvt_pool_columns(s);
	for (int oy = 0; oy < s->out_h; oy++, dy += s->out_w) {
		for (int ox = 0; ox < s->out_w; ox += VL) {
			size_t at = (size_t)oy * (size_t)stride * (size_t)columns + (size_t)(ox * stride);
			int n = lanes(s->out_w - ox);
			vf g = load(dy + ox, n), top = vset(-INFINITY);
			vi where = {0};
			for (int ky = 0; ky < kernel; ky++)
				for (int kx = 0; kx < kernel; kx++) {
					vf v = tap(x + at + (size_t)ky * (size_t)columns + kx, stride);
					vi larger = v > top;
					top = vselect(larger, v, top);
					where = (larger & (ky * kernel + kx)) | (~larger & where);
				}
			for (int ky = 0; ky < kernel; ky++)
				for (int kx = 0; kx < kernel; kx++)
					add_tap(grad + at + (size_t)ky * (size_t)columns + kx, vselect(where == ky * kernel + kx, g, vzero()), stride);
		}
	}
}

static void forward_map(const struct cvt_pool_shape *s, const float *x, float *y, float *scratch)
{
	if (s->kernel == 2 && s->stride == 2 && s->padding == 0)
		forward_blocks(s, x, y);
	else
		forward_with(s, x, y, scratch, s->kernel, s->stride);
}

static void forward_windows(const struct cvt_pool_shape *s, int maps, const float *x, float *y, float *scratch)
{
	ptrdiff_t in = (ptrdiff_t)s->h * s->w, out = (ptrdiff_t)s->out_h * s->out_w;
	if (cvt_pool_three(s)) {
		CVT_KERNEL_NAME(cvt_maxpool3_forward)(s, maps, x, y);
		return;
	}
	for (int i = 0; i < maps; i++)
		forward_map(s, x + i * in, y + i * out, scratch);
}

CVT_INLINE void backward_any(const struct cvt_pool_shape *s, const float *x, const float *dy, float *dx, int adds, float *scratch)
{
	int columns = cvt_pool_columns(s);
	float *grad = scratch + cvt_pool_floats(s);
	pad(s, x, scratch);
	memset(grad, 0, cvt_pool_floats(s) * sizeof(float));
	if (s->kernel == 2 && s->stride == 2)
		backward_with(s, scratch, dy, grad, 2, 2);
	else
		backward_with(s, scratch, dy, grad, s->kernel, s->stride);
	for (int y = 0; y < s->h; y++, dx += s->w)
		for (int i = 0; i < s->w; i += VL) {
			vf v = vloadu(grad + (size_t)(y + s->padding) * (size_t)columns + s->padding + i);
			int n = lanes(s->w - i);
			store(dx + i, adds ? load(dx + i, n) + v : v, n);
		}
}

static void backward_windows(const struct cvt_pool_shape *s, int maps, const float *x, const float *dy, float *dx, int adds, float *scratch)
{
	ptrdiff_t in = (ptrdiff_t)s->h * s->w, out = (ptrdiff_t)s->out_h * s->out_w;
	if (cvt_pool_three(s)) {
		CVT_KERNEL_NAME(cvt_maxpool3_backward)(s, maps, x, dy, dx, adds, scratch);
		return;
	}
	for (int i = 0; i < maps; i++)
		backward_any(s, x + i * in, dy + i * out, dx + i * in, adds, scratch);
}

void CVT_KERNEL_INIT(maxpool)(struct cvt_maxpool_kernels *k)
{
	k->forward = forward_windows;
	k->backward = backward_windows;
}
