/* maxpool.c - maximum pooling, VL neighbouring windows at a time; 3 x 3 backward, and of narrow maps, with maps in the lanes: maxpool_lanes.c.
 *
 * The map is copied into scratch with its padding around it, so that no window is special; with stride 2 the columns of VL windows are the
 * even or the odd ones of 2 VL floats. 3 x 3 forward: the largest of each three columns first, each once, then of three of those. Backward
 * runs the same comparison, notes which tap of each window was the first largest, and adds dy to a padded gradient at each tap in turn. */
#include <math.h>

#include "kernels/maxpool_lanes.h"

CVT_INLINE int lanes(int left)
{
	return left < VL ? left : VL;
}

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
			if (lanes(s->out_w - ox) == VL)
				vstoreu(y + ox, top);
			else
				vstore_n(y + ox, top, s->out_w - ox);
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
			vf g = n == VL ? vloadu(dy + ox) : vload_n(dy + ox, n), top = vset(-INFINITY);
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

/* ---- 3 x 3, stride 1 or 2, forward ---- */

enum { K = 3, AHEAD = 2 /* rows: copied some time before they are read at other addresses than they were stored to */ };

/* Row `row` of the padded map into a line that is minus infinity elsewhere. */
CVT_INLINE void take_row(const struct cvt_pool_shape *s, const float *x, int row, float *line)
{
	int y = row - s->padding;
	bool inside = y >= 0 && y < s->h;
	const float *from = x + (ptrdiff_t)y * s->w;
	enum { SOON = 512 };                    /* floats */
	for (int i = 0; i < s->w; i += VL) {
		CVT_PREFETCH(from + SOON + i, VL);
		int n = lanes(s->w - i);
		if (n == VL)
			vstoreu(line + s->padding + i, inside ? vloadu(from + i) : vset(-INFINITY));
		else
			vstore_n(line + s->padding + i, inside ? vload_n(from + i, n) : vset(-INFINITY), n);
	}
}

CVT_INLINE void put(float *to, vf v, int n, int adds)
{
	if (n >= VL)
		vstoreu(to, adds ? vloadu(to) + v : v);
	else if (n > 0)
		vstore_n(to, adds ? vload_n(to, n) + v : v, n);
}

/* The largest of each three columns. */
CVT_INLINE void largest_of_row(const float *row, int windows, int stride, float *top)
{
	for (int ox = 0; ox < windows; ox += VL) {
		const float *p = row + ox * stride;
		vstoreu(top + ox, vmax(vmax(tap(p, stride), tap(p + 1, stride)), tap(p + 2, stride)));
	}
}

/* lines: room for AHEAD + 1 + K of them. */
CVT_INLINE void forward_three(const struct cvt_pool_shape *s, const float *x, float *y, float *lines, int stride)
{
	int columns = cvt_pool_columns(s), done = 0;
	float *tops = lines + (AHEAD + 1) * columns;
	fill(lines, (AHEAD + 1) * columns, -INFINITY);
	for (int row = 0; row < AHEAD; row++)
		take_row(s, x, row, lines + row * columns);
	for (int oy = 0; oy < s->out_h; oy++, y += s->out_w) {
		const float *top[K];
		for (; done < oy * stride + K; done++) {
			take_row(s, x, done + AHEAD, lines + (done + AHEAD) % (AHEAD + 1) * columns);
			largest_of_row(lines + done % (AHEAD + 1) * columns, s->out_w, stride, tops + done % K * columns);
		}
		for (int ky = 0; ky < K; ky++)
			top[ky] = tops + (oy * stride + ky) % K * columns;
		for (int ox = 0; ox < s->out_w; ox += VL) {
			vf v = vmax(vmax(vloadu(top[0] + ox), vloadu(top[1] + ox)), vloadu(top[2] + ox));
			if (lanes(s->out_w - ox) == VL)
				vstoreu(y + ox, v);
			else
				vstore_n(y + ox, v, s->out_w - ox);
		}
	}
}

static void forward_map(const struct cvt_pool_shape *s, const float *x, float *y, float *scratch)
{
	if (s->kernel == 2 && s->stride == 2 && s->padding == 0)
		forward_blocks(s, x, y);
	else if (s->kernel == K && s->stride == 2)
		forward_three(s, x, y, scratch, 2);
	else if (s->kernel == K && s->stride == 1)
		forward_three(s, x, y, scratch, 1);
	else
		forward_with(s, x, y, scratch, s->kernel, s->stride);
}

static void forward_windows(const struct cvt_pool_shape *s, int maps, const float *x, float *y, float *scratch)
{
	ptrdiff_t in = (ptrdiff_t)s->h * s->w, out = (ptrdiff_t)s->out_h * s->out_w;
	for (int i = 0; i < maps;) {
		int n = cvt_pool_narrow(s) ? lanes(maps - i) : 1;
		if (cvt_pool_narrow(s))
			CVT_KERNEL_NAME(cvt_maxpool_lanes_forward)(s, n, x + i * in, y + i * out, scratch);
		else
			forward_map(s, x + i * in, y + i * out, scratch);
		i += n;
	}
}

/* ---- any window ---- */

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
		for (int i = 0; i < s->w; i += VL)
			put(dx + i, vloadu(grad + (size_t)(y + s->padding) * (size_t)columns + s->padding + i), s->w - i, adds);
}

static void backward_windows(const struct cvt_pool_shape *s, int maps, const float *x, const float *dy, float *dx, int adds, float *scratch)
{
	ptrdiff_t in = (ptrdiff_t)s->h * s->w, out = (ptrdiff_t)s->out_h * s->out_w;
	for (int i = 0; i < maps;) {
		int n = cvt_pool_in_lanes(s) ? lanes(maps - i) : 1;
		if (cvt_pool_in_lanes(s))
			CVT_KERNEL_NAME(cvt_maxpool_lanes_backward)(s, n, x + i * in, dy + i * out, dx + i * in, adds, scratch);
		else
			backward_any(s, x + i * in, dy + i * out, dx + i * in, adds, scratch);
		i += n;
	}
}

void CVT_KERNEL_INIT(maxpool)(struct cvt_maxpool_kernels *k)
{
	k->forward = forward_windows;
	k->backward = backward_windows;
}
