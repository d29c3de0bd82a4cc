/* maxpool.c - maximum pooling, VL neighbouring windows at a time; of narrow maps the same window of VL maps.
 *
 * The map is copied into scratch with its padding around it, so that no window is special; with stride 2 the columns of VL windows are the
 * even or the odd ones of 2 VL floats. Backward runs the same comparison and notes which tap of each window was the first largest. 3 x 3: rows of
 * three are compared first, each once, then columns of three of those; then every pixel collects dy from the windows that chose it, a
 * constant order of at most 9, and is written once. Other windows add dy to a padded gradient at each tap in turn. */
#include <math.h>
#include <stdbool.h>

#include "kernels/kernels.h"

#include "kernels/vec.h"

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

/* ---- 3 x 3, stride 1 or 2: rows of three are compared once; backward each pixel collects ---- */

enum { K = 3, GUARD = VL, AHEAD = 2 /* rows: copied some time before they are read at other addresses than they were stored to */ };

/* Lines of one number a window, GUARD more before them and at least as many behind: windows that are not there choose no tap. */
static int line_floats(const struct cvt_pool_shape *s) { return (s->out_w + VL - 1) / VL * VL + 3 * GUARD; }

/* Of each three columns of a row with its padding: the first largest, and which of them it is. */
CVT_INLINE void compare_row(const float *row, int windows, int stride, float *top, float *which)
{
	for (int ox = 0; ox < windows; ox += VL) {
		vf best = vset(-INFINITY), at = vzero();
		CVT_UNROLL
		for (int kx = 0; kx < K; kx++) {
			vf v = tap(row + ox * stride + kx, stride);
			vi larger = v > best;
			best = vselect(larger, v, best);
			at = vselect(larger, vset((float)kx), at);
		}
		vstoreu(top + ox, best);
		vstoreu(which + ox, at);
	}
}

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

CVT_INLINE void choose_row(const float *const tops[K], const float *const whiches[K], int windows, float *chosen, vi tail)
{
	int ox = 0;
	vstoreu(chosen, vset(-1));
	for (chosen += GUARD; ox < windows; ox += VL) {
		vf best = vset(-INFINITY), at = vzero();
		CVT_UNROLL
		for (int ky = 0; ky < K; ky++) {
			vf v = vloadu(tops[ky] + ox);
			vi larger = v > best;
			best = vselect(larger, v, best);
			at = vselect(larger, vloadu(whiches[ky] + ox) + (float)(K * ky), at);
		}
		vstoreu(chosen + ox, ox + VL < windows ? at : vselect(tail, at, vset(-1)));
	}
	vstoreu(chosen + ox, vset(-1));
}

/* chosen: a line for each row of windows. lines: room for AHEAD + 1 lines of pixels and 2 K of windows, columns each. */
CVT_INLINE void find_chosen(const struct cvt_pool_shape *s, const float *x, float *chosen, float *lines, int stride)
{
	int columns = cvt_pool_columns(s), line = line_floats(s), done = 0, last = (s->out_w - 1) % VL + 1;
	float *tops = lines + (AHEAD + 1) * columns, *whiches = tops + K * columns;
	vi tail;
	for (int i = 0; i < VL; i++)
		tail[i] = i < last ? -1 : 0;
	fill(lines, (AHEAD + 1) * columns, -INFINITY);
	for (int row = 0; row < AHEAD; row++)
		take_row(s, x, row, lines + row * columns);
	for (int oy = 0; oy < s->out_h; oy++, chosen += line) {
		const float *top[K], *which[K];
		for (; done < oy * stride + K; done++) {
			take_row(s, x, done + AHEAD, lines + (done + AHEAD) % (AHEAD + 1) * columns);
			compare_row(lines + done % (AHEAD + 1) * columns, s->out_w, stride, tops + done % K * columns, whiches + done % K * columns);
		}
		for (int ky = 0; ky < K; ky++) {
			top[ky] = tops + (oy * stride + ky) % K * columns;
			which[ky] = whiches + (oy * stride + ky) % K * columns;
		}
		choose_row(top, which, s->out_w, chosen, tail);
	}
}

/* What VL windows give to their tap. */
CVT_INLINE vf given(const float *chosen, const float *dy, ptrdiff_t at, int tap)
{
	return vselect(vloadu(chosen + at) == (float)tap, vloadu(dy + at), vzero());
}

CVT_INLINE void put(float *to, vf v, int n, int adds)
{
	if (n >= VL)
		vstoreu(to, adds ? vloadu(to) + v : v);
	else if (n > 0)
		vstore_n(to, adds ? vload_n(to, n) + v : v, n);
}

/* A row of dx from the rows of windows over it. Padding is 0 or 1. With stride 2 every other pixel is in the middle of one window across,
 * and those between are the last of one and the first of the next. */
CVT_INLINE void collect_row(const struct cvt_pool_shape *s, int y, const float *chosen, const float *dy, float *dx, int adds, int stride)
{
	int line = line_floats(s), row = y + s->padding;
	for (int x = 0; x < s->w; x += stride * VL) {
		vf sum = vzero(), middle = vzero(), lo, hi;
		for (int ky = 0; ky < K; ky++) {
			int oy = (row - ky) / stride;
			ptrdiff_t at = (ptrdiff_t)oy * line + GUARD + x / stride + s->padding;
			if (row < ky || (row - ky) % stride || oy >= s->out_h)
				continue;
			sum += given(chosen, dy, at, K * ky);
			if (stride == 1)
				sum += given(chosen, dy, at - 1, K * ky + 1);
			else
				middle += given(chosen, dy, at - s->padding, K * ky + 1);
			sum += given(chosen, dy, at - (stride == 1 ? 2 : 1), K * ky + 2);
		}
		if (stride == 1) {
			put(dx + x, sum, s->w - x, adds);
			continue;
		}
		vinterleave2(s->padding ? middle : sum, s->padding ? sum : middle, &lo, &hi);
		put(dx + x, lo, s->w - x, adds);
		put(dx + x + VL, hi, s->w - x - VL, adds);
	}
}

CVT_INLINE void backward_three(const struct cvt_pool_shape *s, const float *x, const float *dy, float *dx, int adds, float *scratch, int stride)
{
	ptrdiff_t line = line_floats(s);
	float *chosen = scratch, *given_dy = chosen + s->out_h * line;
	find_chosen(s, x, chosen, given_dy + s->out_h * line, stride);
	for (int oy = 0; oy < s->out_h; oy++)           /* what is before and behind a row is nobody's choice, but read */
		for (int i = 0; i < s->out_w; i += VL) {
			const float *from = dy + (ptrdiff_t)oy * s->out_w + i;
			vstoreu(given_dy + oy * line + GUARD + i, s->out_w - i < VL ? vload_n(from, s->out_w - i) : vloadu(from));
		}
	for (int y = 0; y < s->h; y++)
		collect_row(s, y, chosen, given_dy, dx + (ptrdiff_t)y * s->w, adds, stride);
}

/* The largest of each three columns. */
CVT_INLINE void largest_of_row(const float *row, int windows, int stride, float *top)
{
	for (int ox = 0; ox < windows; ox += VL) {
		const float *p = row + ox * stride;
		vstoreu(top + ox, vmax(vmax(tap(p, stride), tap(p + 1, stride)), tap(p + 2, stride)));
	}
}

/* As find_chosen, without asking which. scratch: room for AHEAD + 1 + K lines. */
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

/* ---- narrow maps, 3 x 3: VL of them in the lanes ---- */

/* [n maps][count] to [count][VL] */
CVT_INLINE void take_maps(const float *x, int n, int count, float *to)
{
	for (int p = 0; p < count; p += VL) {
		int m = lanes(count - p);
		vf block[VL];
		CVT_UNROLL
		for (int l = 0; l < VL; l++)
			block[l] = l >= n ? vzero() : m == VL ? vloadu(x + (ptrdiff_t)l * count + p) : vload_n(x + (ptrdiff_t)l * count + p, m);
		vtranspose(block);
		CVT_UNROLL
		for (int k = 0; k < VL; k++)
			if (k < m)
				vstoreu(to + (ptrdiff_t)(p + k) * VL, block[k]);
	}
}

CVT_INLINE void give_maps(const float *from, int n, int count, float *x, int adds)
{
	for (int p = 0; p < count; p += VL) {
		int m = lanes(count - p);
		vf block[VL];
		CVT_UNROLL
		for (int k = 0; k < VL; k++)
			block[k] = k < m ? vloadu(from + (ptrdiff_t)(p + k) * VL) : vzero();
		vtranspose(block);
		CVT_UNROLL
		for (int l = 0; l < VL; l++)
			if (l < n)
				put(x + (ptrdiff_t)l * count + p, block[l], m, adds);
	}
}

/* Where a window of three begins and ends inside the map: taps from *ret_from to before the end. */
CVT_INLINE int taps_inside(int window, int stride, int padding, int size, int *ret_from)
{
	int start = window * stride - padding;
	*ret_from = start < 0 ? -start : 0;
	return size - start < K ? size - start : K;
}

static void forward_narrow(const struct cvt_pool_shape *s, int n, const float *x, float *y, float *scratch)
{
	float *in = scratch, *out = in + (ptrdiff_t)VL * s->h * s->w, *to = out;
	take_maps(x, n, s->h * s->w, in);
	for (int oy = 0; oy < s->out_h; oy++)
		for (int ox = 0; ox < s->out_w; ox++, to += VL) {
			int ky, first, y_end = taps_inside(oy, s->stride, s->padding, s->h, &ky), x_end = taps_inside(ox, s->stride, s->padding, s->w, &first);
			vf top = vset(-INFINITY);
			for (; ky < y_end; ky++)
				for (int kx = first; kx < x_end; kx++)
					top = vmax(top, vloadu(in + (ptrdiff_t)VL * ((oy * s->stride - s->padding + ky) * s->w + ox * s->stride - s->padding + kx)));
			vstoreu(to, top);
		}
	give_maps(out, n, s->out_h * s->out_w, y, 0);
}

static void backward_narrow(const struct cvt_pool_shape *s, int n, const float *x, const float *dy, float *dx, int adds, float *scratch)
{
	int windows = s->out_h * s->out_w;
	float *in = scratch, *chosen = in + (ptrdiff_t)VL * s->h * s->w, *grad = chosen + (ptrdiff_t)VL * windows, *to = chosen;
	take_maps(x, n, s->h * s->w, in);
	take_maps(dy, n, windows, grad);
	for (int oy = 0; oy < s->out_h; oy++)
		for (int ox = 0; ox < s->out_w; ox++, to += VL) {
			int ky, first, y_end = taps_inside(oy, s->stride, s->padding, s->h, &ky), x_end = taps_inside(ox, s->stride, s->padding, s->w, &first);
			vf top = vset(-INFINITY), at = vset(-1);
			for (; ky < y_end; ky++)
				for (int kx = first; kx < x_end; kx++) {
					vf v = vloadu(in + (ptrdiff_t)VL * ((oy * s->stride - s->padding + ky) * s->w + ox * s->stride - s->padding + kx));
					vi larger = v > top;
					top = vselect(larger, v, top);
					at = vselect(larger, vset((float)(K * ky + kx)), at);
				}
			vstoreu(to, at);
		}
	/* Every pixel collects, in the order of the taps; `in` has been compared, and takes dx. */
	to = in;
	for (int row = s->padding; row < s->padding + s->h; row++)
		for (int column = s->padding; column < s->padding + s->w; column++, to += VL) {
			vf sum = vzero();
			for (int ky = 0; ky < K; ky++)
				for (int kx = 0; kx < K; kx++) {
					int oy = (row - ky) / s->stride, ox = (column - kx) / s->stride;
					if (row < ky || column < kx || (row - ky) % s->stride || (column - kx) % s->stride || oy >= s->out_h || ox >= s->out_w)
						continue;
					sum += given(chosen, grad, (ptrdiff_t)VL * (oy * s->out_w + ox), K * ky + kx);
				}
			vstoreu(to, sum);
		}
	give_maps(in, n, s->h * s->w, dx, adds);
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
		if (n > 1)
			forward_narrow(s, n, x + i * in, y + i * out, scratch);
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

static void backward_one(const struct cvt_pool_shape *s, const float *x, const float *dy, float *dx, int adds, float *scratch)
{
	if (s->kernel == K && s->stride == 1)
		backward_three(s, x, dy, dx, adds, scratch, 1);
	else if (s->kernel == K && s->stride == 2)
		backward_three(s, x, dy, dx, adds, scratch, 2);
	else
		backward_any(s, x, dy, dx, adds, scratch);
}

static void backward_windows(const struct cvt_pool_shape *s, int maps, const float *x, const float *dy, float *dx, int adds, float *scratch)
{
	ptrdiff_t in = (ptrdiff_t)s->h * s->w, out = (ptrdiff_t)s->out_h * s->out_w;
	for (int i = 0; i < maps;) {
		int n = cvt_pool_narrow(s) ? lanes(maps - i) : 1;
		if (n > 1)
			backward_narrow(s, n, x + i * in, dy + i * out, dx + i * in, adds, scratch);
		else
			backward_one(s, x + i * in, dy + i * out, dx + i * in, adds, scratch);
		i += n;
	}
}

void CVT_KERNEL_INIT(maxpool)(struct cvt_maxpool_kernels *k)
{
	k->forward = forward_windows;
	k->backward = backward_windows;
}
