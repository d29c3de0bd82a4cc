/* maxpool_lanes.c - 3 x 3 maximum pooling with maps in the lanes: the same window of VL maps at a time, so that no window is special.
 *
 * The largest of a window is found in two steps: `top` of each three pixels side by side, once a row; then of three tops, one above
 * the other. Backward goes the same way down: what a window is given goes to the first largest of its three tops, and what a top has been
 * given by its windows to the first largest of its three pixels. So a pixel costs 3 + 3 comparisons and selections, not 9 of each.
 * Rows come in transposed VL x VL, three at a time are alive; of narrow maps all rows at once, as a row does not fill a vector. Tops
 * outside of the map are minus infinity, and what they are given is thrown away. */
#include <math.h>

#include "kernels/maxpool_lanes.h"
#include "kernels/rows.h"

enum { K = 3 };

/* Rows of `w` pixels of n maps into rows of `columns` vectors, with minus infinity before the first `padding` of them and behind the pixels. */
static void take(const float *x, ptrdiff_t plane, int n, int w, int rows, int padding, int columns, vfu *to)
{
	for (int r = 0; r < rows; r++) {
		for (int i = 0; i < padding; i++)
			to[r * columns + i] = vset(-INFINITY);
		for (int i = padding + w; i < columns; i++)
			to[r * columns + i] = vset(-INFINITY);
	}
	take_rows(x, plane, n, w, rows, to + padding, columns);
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
				give_rows(line + s->padding, columns, n, s->w, 1, dx + (ptrdiff_t)given * s->w, plane, adds);
		}
	}
	if (whole)
		give_rows(c.in + s->padding, columns, n, s->w, s->h, dx, plane, adds);
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
	give_rows(c.dy, s->out_w, n, s->out_w, s->out_h, y, (ptrdiff_t)s->out_h * s->out_w, false);
}
