/* maxpool3.c - maxima of 3 x 3 windows padded by one, every pixel or every two, straight from the maps' rows.
 *
 * The largest of a window is found in two steps: `top` of each three pixels side by side; then of three tops, one above the other. Backward
 * goes the same way down: what a window is given goes to the first largest of its three tops, and what a top has been given by its
 * windows to the first largest of its three pixels. So a pixel costs 3 + 3 comparisons and selections, not 9 of each. (Values alone: the other way
 * round, which needs the neighbours at left and right once a window.) Every two pixels: windows3.h.
 *
 * Every pixel, narrow maps: a vector is a row, or several rows, or several maps: neighbours are one lane, or a row of lanes, away, and what lies
 * outside of the map is another vector's lane, minus infinity. All of a map is in registers, three vectors at a time. For the sizes that networks
 * have, shifts are constants. Wide maps: three rows of tops are in memory. */
#include "kernels/maxpool3.h"

#include "kernels/windows3.h"

/* ---- narrow maps ---- */

/* Rows of a vector: w columns, `rows` of them, of maps of `border` rows (`rows`, where a map is no smaller than the vector); windows every
 * `stride` pixels: two where rows and columns are even. */
struct grid { int w, rows, border, stride; };

/* Each lane's neighbour above, below, at left, at right. `before`: the vector above; `outside`: what is beyond a border, in all lanes. */
CVT_INLINE vf from_above(const struct grid *g, vf before, vf a)
{
	vi place = {0};
	for (int i = 0; i < VL; i++) {
		int row = i / g->w;
		place[i] = row % g->border ? VL + i - g->w : row ? 0 : (g->rows - 1) * g->w + i;
	}
	return vpermute2(before, a, place);
}

CVT_INLINE vf from_below(const struct grid *g, vf a, vf next)
{
	vi place = {0};
	for (int i = 0; i < VL; i++) {
		int row = i / g->w;
		place[i] = row < g->rows - 1 && row % g->border < g->border - 1 ? i + g->w : VL + i % g->w;
	}
	return vpermute2(a, next, place);
}

CVT_INLINE vf from_left(const struct grid *g, vf a, vf outside)
{
	vi place = {0};
	for (int i = 0; i < VL; i++)
		place[i] = i % g->w ? i - 1 : VL;
	return vpermute2(a, outside, place);
}

CVT_INLINE vf from_right(const struct grid *g, vf a, vf outside)
{
	vi place = {0};
	for (int i = 0; i < VL; i++)
		place[i] = i < VL - 1 && (i + 1) % g->w ? i + 1 : VL;
	return vpermute2(a, outside, place);
}

/* One map, or as many as are in a vector: n vectors, the last of `last` lanes, the others of w x rows. */
struct vectors { int n, step, last; };

CVT_INLINE int lanes_of(const struct vectors *s, int i)
{
	return i < s->n - 1 ? s->step : s->last;
}

/* Windows of vector i, from the values of all that have their middle in it. Every two pixels: a quarter of them. */
CVT_INLINE void store_windows(const struct grid *g, const struct vectors *s, int i, vf v, float *y)
{
	vi place = {0};
	if (g->stride == 1) {
		store(y + i * s->step, v, lanes_of(s, i));
		return;
	}
	for (int k = 0; k < VL / 4; k++)
		place[k] = k / (g->w / 2) * 2 * g->w + k % (g->w / 2) * 2;
	vstore_n(y + i * s->step / 4, vpermute2(v, v, place), lanes_of(s, i) / 4);
}

/* Back; 0 where no window has its middle. */
CVT_INLINE vf load_windows(const struct grid *g, const struct vectors *s, int i, const float *dy)
{
	vi place = {0};
	if (g->stride == 1)
		return load(dy + i * s->step, lanes_of(s, i));
	for (int k = 0; k < VL; k++)
		place[k] = k / g->w % 2 || k % g->w % 2 ? VL : k / g->w / 2 * (g->w / 2) + k % g->w / 2;
	return vpermute2(vload_n(dy + i * s->step / 4, lanes_of(s, i) / 4), vzero(), place);
}

CVT_INLINE void forward_narrow(const struct grid *grid, const struct vectors *s, const float *x, float *y)
{
	vf outside = vset(-INFINITY), before = outside, now = load(x, lanes_of(s, 0));
	for (int i = 0; i < s->n; i++) {
		vf next = i + 1 < s->n ? load(x + (i + 1) * s->step, lanes_of(s, i + 1)) : outside;
		vf v = vmax(vmax(from_above(grid, before, now), now), from_below(grid, now, next));
		v = vmax(vmax(from_left(grid, v, outside), v), from_right(grid, v, outside));
		store_windows(grid, s, i, v, y);
		before = now;
		now = next;
	}
}

CVT_INLINE struct tops narrow_tops(const struct grid *grid, vf v)
{
	vf outside = vset(-INFINITY), left = from_left(grid, v, outside), right = from_right(grid, v, outside);
	vmask second = vgreater(v, left);
	vf larger = vpick(second, v, left);
	vmask third = vgreater(right, larger);
	return (struct tops){.top = vpick(third, right, larger), .second = second, .third = third};
}

/* What a vector of windows gives to the tops above, at, and below them. */
struct gifts { vf upper, middle, lower; };

CVT_INLINE void narrow_pixels(const struct grid *grid, const struct tops *t, vf g, float *dx, int n, bool adds)
{
	vf rest = vdrop(t->third, g), v = vkeep(t->second, rest);
	v += from_left(grid, vkeep(t->third, g), vzero());
	v += from_right(grid, vdrop(t->second, rest), vzero());
	store(dx, adds ? load(dx, n) + v : v, n);
}

CVT_INLINE void backward_narrow(const struct grid *grid, const struct vectors *s, const float *x, const float *dy, float *dx, bool adds)
{
	struct tops none = {.top = vset(-INFINITY)}, before = none, now = narrow_tops(grid, load(x, lanes_of(s, 0)));
	struct gifts given = {0};               /* by the vector before */
	vf from_before = vzero();               /* what its tops got from above */
	for (int i = 0; i < s->n; i++) {
		struct tops next = none;
		if (i + 1 < s->n)
			next = narrow_tops(grid, load(x + (i + 1) * s->step, lanes_of(s, i + 1)));
		vf g = load_windows(grid, s, i, dy), above = from_above(grid, before.top, now.top);
		vmask second = vgreater(now.top, above);
		vf larger = vpick(second, now.top, above);
		vmask third = vgreater(from_below(grid, now.top, next.top), larger);
		vf rest = vdrop(third, g);
		struct gifts gives = {.upper = vdrop(second, rest), .middle = vkeep(second, rest), .lower = vkeep(third, g)};
		if (i)
			narrow_pixels(grid, &before, given.middle + from_before + from_below(grid, given.upper, gives.upper), dx + (i - 1) * s->step, s->step, adds);
		from_before = from_above(grid, given.lower, gives.lower);
		given = gives;
		before = now;
		now = next;
	}
	narrow_pixels(grid, &before, given.middle + from_before + from_below(grid, given.upper, vzero()), dx + (s->n - 1) * s->step, s->last, adds);
}

/* All maps; dy: NULL for forward. */
CVT_INLINE void narrow(const struct grid *grid, int h, int maps, const float *x, const float *dy, float *to, bool adds)
{
	int together = grid->rows / grid->border, windows = grid->stride * grid->stride, pixels = h * grid->w, step = grid->w * grid->rows;
	for (int i = 0; i < maps; i += together) {
		struct vectors v = {.n = (h + grid->rows - 1) / grid->rows, .step = step, .last = step};
		if (together > 1 && maps - i < together)
			v.last = (maps - i) * pixels;
		ptrdiff_t at = (ptrdiff_t)i * pixels;
		if (dy)
			backward_narrow(grid, &v, x + at, dy + at / windows, to + at, adds);
		else
			forward_narrow(grid, &v, x + at, to + at / windows);
	}
}

/* Sizes that networks have, whose shifts are constants, and, every pixel, any row that is no longer than a vector. Returns whether it is one. */
CVT_INLINE bool narrow_of_size(int h, int w, int stride, int maps, const float *x, const float *dy, float *to, bool adds)
{
	if (w == 2 && h == 2)
		narrow(&(struct grid){2, VL / 2, 2, stride}, h, maps, x, dy, to, adds);
#if VL >= 8
	else if (w == 4 && h == 4)
		narrow(&(struct grid){4, VL / 4, VL / 4, stride}, h, maps, x, dy, to, adds);
#endif
#if VL == 16
	else if (w == 8 && h % 2 == 0)
		narrow(&(struct grid){8, 2, 2, stride}, h, maps, x, dy, to, adds);
#endif
	else if (stride == 1 && w == VL)
		narrow(&(struct grid){VL, 1, 1, stride}, h, maps, x, dy, to, adds);
	else if (stride == 1 && w < VL)
		narrow(&(struct grid){w, 1, 1, stride}, h, maps, x, dy, to, adds);
	else
		return false;
	return true;
}

/* Every stride is a constant in there. */
CVT_INLINE bool narrow_of(const struct cvt_pool_shape *s, int maps, const float *x, const float *dy, float *to, bool adds)
{
	return s->stride == 1 ? narrow_of_size(s->h, s->w, 1, maps, x, dy, to, adds) : narrow_of_size(s->h, s->w, 2, maps, x, dy, to, adds);
}

/* ---- wide maps ---- */

CVT_INLINE void forward_wide(const float *x, float *y, int h, int w)
{
	for (int row = 0; row < h; row++, x += w, y += w) {
		const float *rows[3] = {row ? x - w : x, x, row + 1 < h ? x + w : x};
		vf before = vset(-INFINITY), now = wanted_rows(LARGEST, rows, 0, VL);
		for (int i = 0; i < w; i += VL) {
			int n = lanes(w - i), n_next = lanes(w - i - VL);
			vf next = vset(-INFINITY);
			CVT_PREFETCH(rows[2] + AHEAD + i, VL);
			if (n_next > 0)
				next = wanted_rows(LARGEST, rows, i + VL, n_next);
			if (n_next > 0 && n_next < VL)
				next = vselect(first_lanes(n_next), next, vset(-INFINITY));
			vf right = vshift_out(now, next);
			store(y + i, vmax(vmax(vshift_in(before, now), now), right), n);
			before = now;
			now = next;
		}
	}
}

/* Tops of a row, to memory. */
CVT_INLINE void hold_row(const float *row, int w, struct held *held)
{
	vf before = vset(-INFINITY), now = vloadu(row);
	for (int i = 0; i < w; i += VL, held++) {
		int n_next = lanes(w - i - VL);
		vf next = vset(-INFINITY);
		CVT_PREFETCH(row + AHEAD + i, VL);
		if (n_next == VL)
			next = vloadu(row + i + VL);
		else if (n_next > 0)
			next = vselect(first_lanes(n_next), vload_n(row + i + VL, n_next), vset(-INFINITY));
		vf left = vshift_in(before, now), right = vshift_out(now, next);
		vmask second = vgreater(now, left);
		vf larger = vpick(second, now, left);
		vmask third = vgreater(right, larger);
		*held = (struct held){.top = vpick(third, right, larger), .given = vzero(), .second = second, .third = third};
		before = now;
		now = next;
	}
}

/* A row of tops, which have got all, gives to its pixels. */
CVT_INLINE void give_row(const struct held *held, int w, float *dx, bool adds)
{
	vf before = vzero(), g = held->given, rest = vdrop(held->third, g), left = vdrop(held->second, rest);
	for (int i = 0; i < w; i += VL) {
		vf right = vkeep(held->third, g), v = vkeep(held->second, rest) + vshift_in(before, right), next = vzero();
		int n = lanes(w - i);
		if (n == VL && i + VL < w) {
			held++;
			g = held->given;
			rest = vdrop(held->third, g);
			next = vdrop(held->second, rest);
		}
		v += vshift_out(left, next);
		store(dx + i, adds ? load(dx + i, n) + v : v, n);
		before = right;
		left = next;
	}
}

CVT_INLINE void backward_wide(const float *x, const float *dy, float *dx, int h, int w, bool adds, struct held *memory)
{
	int n = (w + VL - 1) / VL;
	struct held *upper = memory, *middle = memory + n, *lower = memory + 2 * n;
	for (int k = 0; k < n; k++)
		upper[k] = lower[k] = (struct held){.top = vset(-INFINITY)};
	hold_row(x, w, middle);
	for (int row = 0; row < h; row++, dy += w) {
		if (row + 1 < h)
			hold_row(x + (ptrdiff_t)(row + 1) * w, w, lower);
		else
			for (int k = 0; k < n; k++)
				lower[k].top = vset(-INFINITY);
		for (int k = 0; k < n; k++) {
			vf g = load(dy + k * VL, lanes(w - k * VL)), above = upper[k].top, top = middle[k].top;
			CVT_PREFETCH(dy + AHEAD + k * VL, VL);
			vmask second = vgreater(top, above);
			vmask third = vgreater(lower[k].top, vpick(second, top, above));
			vf rest = vdrop(third, g);
			upper[k].given += vdrop(second, rest);
			middle[k].given += vkeep(second, rest);
			lower[k].given += vkeep(third, g);
		}
		if (row)
			give_row(upper, w, dx + (ptrdiff_t)(row - 1) * w, adds);
		struct held *spent = upper;
		upper = middle;
		middle = lower;
		lower = spent;
	}
	give_row(upper, w, dx + (ptrdiff_t)(h - 1) * w, adds);
}

void CVT_KERNEL_NAME(cvt_maxpool3_forward)(const struct cvt_pool_shape *s, int maps, const float *x, float *y)
{
	if (narrow_of(s, maps, x, NULL, y, false))
		return;
	for (int i = 0; i < maps; i++, x += (ptrdiff_t)s->h * s->w, y += (ptrdiff_t)s->out_h * s->out_w)
		if (s->stride == 1)
			forward_wide(x, y, s->h, s->w);
		else
			windows_forward(LARGEST, x, y, s->h, s->w, NULL);
}

void CVT_KERNEL_NAME(cvt_maxpool3_backward)(const struct cvt_pool_shape *s, int maps, const float *x, const float *dy, float *dx, bool adds,
	float *scratch)
{
	ptrdiff_t plane = (ptrdiff_t)s->h * s->w;
	if (narrow_of(s, maps, x, dy, dx, adds))
		return;
	for (int i = 0; i < maps; i++, x += plane, dx += plane, dy += (ptrdiff_t)s->out_h * s->out_w)
		if (s->stride == 1)
			backward_wide(x, dy, dx, s->h, s->w, adds, (struct held *)scratch);
		else
			windows_backward(LARGEST, x, dy, dx, s->h, s->w, NULL, adds, (struct held *)scratch);
}
