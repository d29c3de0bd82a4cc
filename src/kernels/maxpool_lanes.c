/* maxpool_lanes.c - 3 x 3 maximum pooling with maps in the lanes: the same window of VL maps at a time, so that no window is special.
 *
 * The largest of a window is found in two steps: `top` of each three pixels side by side, once a row; then of three tops, one above
 * the other. Backward goes the same way down: what a window is given goes to the first largest of its three tops, and what a top has been
 * given by its windows to the first largest of its three pixels. So a pixel costs 3 + 3 comparisons and selections, not 9 of each.
 * Rows come in transposed VL x VL, three at a time are alive; of narrow maps all rows at once, as a row does not fill a vector. Tops
 * outside of the map are minus infinity, and what they are given is thrown away. */
#include <math.h>

#include "kernels/maxpool_lanes.h"

enum { K = 3 };

/* Vectors of pixels p .. of whole rows of `w`, into rows of `columns`, or back: `fixed` is w where VL is a multiple of it and all are there, so
 * that places are constants; else 0. */
CVT_INLINE void spread(const vf block[VL], int count, int w, int fixed, int columns, vfu **to, int *column)
{
	if (fixed) {
		CVT_UNROLL
		for (int k = 0; k < VL; k++)
			(*to)[k / fixed * columns + k % fixed] = block[k];
		*to += VL / fixed * columns;
		return;
	}
	for (int k = 0; k < count; k++) {
		(*to)[*column] = block[k];
		if (++*column == w) {
			*column = 0;
			*to += columns;
		}
	}
}

CVT_INLINE void gather(vf block[VL], int count, int w, int fixed, int columns, const vfu **from, int *column)
{
	if (fixed) {
		CVT_UNROLL
		for (int k = 0; k < VL; k++)
			block[k] = (*from)[k / fixed * columns + k % fixed];
		*from += VL / fixed * columns;
		return;
	}
	for (int k = 0; k < VL; k++) {
		block[k] = k < count ? (*from)[*column] : vzero();
		if (k < count && ++*column == w) {
			*column = 0;
			*from += columns;
		}
	}
}

CVT_INLINE void take_pixels(const float *x, ptrdiff_t plane, int n, int w, int rows, int fixed, int columns, vfu *to)
{
	int column = 0;
	for (int p = 0; p < rows * w; p += VL) {
		int count = rows * w - p < VL ? rows * w - p : VL;
		vf block[VL];
		if (n == VL && (fixed || count == VL))
			CVT_UNROLL
			for (int l = 0; l < VL; l++)
				block[l] = vloadu(x + l * plane + p);
		else
			CVT_UNROLL
			for (int l = 0; l < VL; l++)
				block[l] = l < n ? vload_n(x + l * plane + p, count) : vzero();
		vtranspose(block);
		spread(block, count, w, fixed, columns, &to, &column);
	}
}

CVT_INLINE void give_pixels_of(const vfu *from, int columns, int n, int w, int rows, int fixed, float *x, ptrdiff_t plane, int adds)
{
	int column = 0;
	for (int p = 0; p < rows * w; p += VL) {
		int count = rows * w - p < VL ? rows * w - p : VL;
		vf block[VL];
		gather(block, count, w, fixed, columns, &from, &column);
		vtranspose(block);
		if (n == VL && (fixed || count == VL) && !adds)
			CVT_UNROLL
			for (int l = 0; l < VL; l++)
				vstoreu(x + l * plane + p, block[l]);
		else
			for (int l = 0; l < n; l++)
				vstore_n(x + l * plane + p, adds ? block[l] + vload_n(x + l * plane + p, count) : block[l], count);
	}
}

/* 4 or 8, if that is w and pixels of whole rows fill whole vectors; else 0. */
CVT_INLINE int fixed_width(int w, int rows)
{
	return rows * w % VL == 0 && (w == 4 || w == 8) ? w : 0;
}

/* Rows of `w` pixels of n maps, `plane` apart, into rows of `columns` vectors, with minus infinity before the first `padding` of them and
 * behind the pixels. Rows of whole vectors are taken one by one: each is as good as rows of VL. */
static void take(const float *x, ptrdiff_t plane, int n, int w, int rows, int padding, int columns, vfu *to)
{
	for (int r = 0; r < rows; r++) {
		for (int i = 0; i < padding; i++)
			to[r * columns + i] = vset(-INFINITY);
		for (int i = padding + w; i < columns; i++)
			to[r * columns + i] = vset(-INFINITY);
	}
	to += padding;
	if (w % VL == 0) {
		for (int r = 0; r < rows; r++)
			take_pixels(x + r * w, plane, n, w, 1, VL, VL, to + r * columns);
		return;
	}
	switch (fixed_width(w, rows)) {
	case 4: take_pixels(x, plane, n, w, rows, 4, columns, to); break;
	case 8: take_pixels(x, plane, n, w, rows, 8, columns, to); break;
	default: take_pixels(x, plane, n, w, rows, 0, columns, to);
	}
}

/* Back. */
static void give(const vfu *from, int columns, int n, int w, int rows, float *x, ptrdiff_t plane, int adds)
{
	if (w % VL == 0) {
		for (int r = 0; r < rows; r++)
			give_pixels_of(from + r * columns, VL, n, w, 1, VL, x + r * w, plane, adds);
		return;
	}
	switch (fixed_width(w, rows)) {
	case 4: give_pixels_of(from, columns, n, w, rows, 4, x, plane, adds); break;
	case 8: give_pixels_of(from, columns, n, w, rows, 8, x, plane, adds); break;
	default: give_pixels_of(from, columns, n, w, rows, 0, x, plane, adds);
	}
}

/* Of each three pixels the largest, and whether the second is larger than the first, the third than both. */
struct tops { vfu *top, *given; vmasku *second, *third; };

CVT_INLINE void compare(const vfu *line, int windows, int stride, const struct tops *t)
{
	for (int o = 0; o < windows; o++, line += stride) {
		vf a = line[0], b = line[1], c = line[2];
		vmask second = vgreater(b, a);
		vf ab = vpick(second, b, a);
		vmask third = vgreater(c, ab);
		t->top[o] = vpick(third, c, ab);
		t->second[o] = second;
		t->third[o] = third;
		t->given[o] = vzero();
	}
}

/* A row of windows gives dy to the first largest of its tops. */
CVT_INLINE void give_tops(const struct tops *a, const struct tops *b, const struct tops *c, int windows, const vfu *dy)
{
	for (int o = 0; o < windows; o++) {
		vf g = dy[o], upper = a->top[o], middle = b->top[o];
		vmask second = vgreater(middle, upper), third = vgreater(c->top[o], vpick(second, middle, upper));
		vf rest = vdrop(third, g);
		a->given[o] += vdrop(second, rest);
		b->given[o] += vkeep(second, rest);
		c->given[o] += vkeep(third, g);
	}
}

/* A row of tops gives to the first largest of its pixels: to a line with its padding. */
CVT_INLINE void give_pixels(const struct tops *t, int windows, int stride, vfu *line)
{
	vf before = vzero(), last = vzero();    /* what the windows before gave to the next two pixels */
	for (int o = 0; o < windows; o++, line += stride) {
		vf g = t->given[o], rest = vdrop(t->third[o], g), third = vkeep(t->third[o], g);
		vf first = vdrop(t->second[o], rest), second = vkeep(t->second[o], rest);
		line[0] = first + before;
		if (stride == 1) {
			before = second + last;
			last = third;
		} else {
			line[1] = second;
			before = third;
		}
	}
	line[0] = before;
	line[1] = last;
}

struct scratch { vfu *in, *dy; struct tops rows[K], outside; };

CVT_INLINE vfu *cut(float **scratch, int vectors)
{
	vfu *p = (vfu *)*scratch;
	*scratch += (ptrdiff_t)vectors * VL;
	return p;
}

CVT_INLINE struct tops cut_tops(float **scratch, int windows)
{
	struct tops t = {.top = cut(scratch, windows), .given = cut(scratch, windows)};
	t.second = (vmasku *)cut(scratch, windows);
	t.third = (vmasku *)cut(scratch, windows);
	return t;
}

CVT_INLINE struct scratch cut_scratch(const struct cvt_pool_shape *s, float *memory)
{
	bool whole = cvt_pool_narrow(s);
	struct scratch c = {.in = cut(&memory, (whole ? s->h : 1) * cvt_pool_lane_columns(s)),
		.dy = cut(&memory, (whole ? s->out_h : 1) * s->out_w)};
	for (int i = 0; i < K; i++)
		c.rows[i] = cut_tops(&memory, s->out_w);
	c.outside = cut_tops(&memory, s->out_w);
	for (int o = 0; o < s->out_w; o++) {
		c.outside.top[o] = vset(-INFINITY);
		c.outside.given[o] = vzero();
	}
	return c;
}

CVT_INLINE int first_row(const struct cvt_pool_shape *s, int oy) { return oy * s->stride - s->padding; }
CVT_INLINE const struct tops *tops_of(const struct cvt_pool_shape *s, const struct scratch *c, int row)
{
	return row < 0 || row >= s->h ? &c->outside : &c->rows[row % K];
}

CVT_INLINE void backward(const struct cvt_pool_shape *s, int n, const float *x, const float *dy, float *dx, int adds, float *memory, int stride)
{
	bool whole = cvt_pool_narrow(s);
	struct scratch c = cut_scratch(s, memory);
	int columns = cvt_pool_lane_columns(s), taken = 0, given = 0;
	ptrdiff_t plane = (ptrdiff_t)s->h * s->w, windows = (ptrdiff_t)s->out_h * s->out_w;
	if (whole) {
		take(x, plane, n, s->w, s->h, s->padding, columns, c.in);
		take(dy, windows, n, s->out_w, s->out_h, 0, s->out_w, c.dy);
	}
	for (int oy = 0; oy < s->out_h; oy++) {
		int first = first_row(s, oy), until = oy + 1 < s->out_h ? first_row(s, oy + 1) : s->h;
		for (; taken < first + K && taken < s->h; taken++) {
			if (!whole)
				take(x + (ptrdiff_t)taken * s->w, plane, n, s->w, 1, s->padding, columns, c.in);
			compare(c.in + (whole ? taken * columns : 0), s->out_w, stride, &c.rows[taken % K]);
		}
		if (!whole)
			take(dy + (ptrdiff_t)oy * s->out_w, windows, n, s->out_w, 1, 0, s->out_w, c.dy);
		give_tops(tops_of(s, &c, first), tops_of(s, &c, first + 1), tops_of(s, &c, first + 2), s->out_w, c.dy + (whole ? oy * s->out_w : 0));
		for (; given < until; given++) {        /* rows that no window further down sees */
			vfu *line = c.in + (whole ? given * columns : 0);
			if (given < taken)
				give_pixels(&c.rows[given % K], s->out_w, stride, line);
			else
				for (int i = 0; i < columns; i++)
					line[i] = vzero();
			if (!whole)
				give(line + s->padding, columns, n, s->w, 1, dx + (ptrdiff_t)given * s->w, plane, adds);
		}
	}
	if (whole)
		give(c.in + s->padding, columns, n, s->w, s->h, dx, plane, adds);
}

void CVT_KERNEL_NAME(cvt_maxpool_lanes_backward)(const struct cvt_pool_shape *s, int n, const float *x, const float *dy, float *dx, int adds,
	float *scratch)
{
	if (s->stride == 1)
		backward(s, n, x, dy, dx, adds, scratch, 1);
	else
		backward(s, n, x, dy, dx, adds, scratch, 2);
}

CVT_INLINE void largest(const vfu *line, int windows, int stride, vfu *top)
{
	for (int o = 0; o < windows; o++, line += stride)
		top[o] = vmax(vmax(line[0], line[1]), line[2]);
}

void CVT_KERNEL_NAME(cvt_maxpool_lanes_forward)(const struct cvt_pool_shape *s, int n, const float *x, float *y, float *memory)
{
	struct scratch c = cut_scratch(s, memory);
	int columns = cvt_pool_lane_columns(s), done = 0;
	take(x, (ptrdiff_t)s->h * s->w, n, s->w, s->h, s->padding, columns, c.in);
	for (int oy = 0; oy < s->out_h; oy++) {
		int first = first_row(s, oy);
		for (; done < first + K && done < s->h; done++)
			largest(c.in + done * columns, s->out_w, s->stride, c.rows[done % K].top);
		const vfu *a = tops_of(s, &c, first)->top, *b = tops_of(s, &c, first + 1)->top, *d = tops_of(s, &c, first + 2)->top;
		for (int o = 0; o < s->out_w; o++)
			c.dy[oy * s->out_w + o] = vmax(vmax(a[o], b[o]), d[o]);
	}
	give(c.dy, s->out_w, n, s->out_w, s->out_h, y, (ptrdiff_t)s->out_h * s->out_w, 0);
}
