/* windows3.h - 3 x 3 windows every two pixels, padded by one, of one map: VL neighbouring windows at a time, straight from the map's rows.
 *
 * Window o of a row sees the columns 2o - 1, 2o, 2o + 1: 2 VL pixels of a row are taken apart into even and odd ones, and the left column of a
 * window is the odd one before. Of values alone, the largest of three rows comes first. For gradients the first largest is wanted, row by
 * row: of each row's three pixels, then of three rows. An odd row belongs to the windows above it and to those below it: what it has been
 * given above is held until then. Rows go from right to left, so that a pixel is complete when it is written, and is read before, even in place.
 * With a map's numbers, the wanted values are normed, and the gradient goes back through the norm on its way out. */
#ifndef CVT_KERNELS_WINDOWS3_H
#define CVT_KERNELS_WINDOWS3_H

#include <math.h>

#include "kernels/norm_map.h"

/* Windows in a row, or a column, of so many pixels. */
CVT_INLINE int windows_of(int pixels) { return (pixels + 1) / 2; }

/* At most 2 VL pixels: even columns and odd ones; zeros where there is none. */
CVT_INLINE void load_columns(const float *row, int pixels, vf *even, vf *odd)
{
	if (pixels >= 2 * VL) {
		vdeinterleave2(vloadu(row), vloadu(row + VL), even, odd);
	} else {
		int low = lanes(pixels);
		vdeinterleave2(vload_n(row, low), pixels > low ? vload_n(row + VL, pixels - low) : vzero(), even, odd);
	}
}

/* The odd column after the last even one, where a row ends between them, has the value `none`. */
CVT_INLINE vf without_missing(vf odd, int pixels, float none)
{
	return pixels < 2 * VL && pixels % 2 ? vselect(first_lanes(pixels / 2), odd, vset(none)) : odd;
}

/* ---- values ---- */

/* Which value of a window is wanted. */
enum wanted { LARGEST, LEAST, FIRST };

CVT_INLINE vf wanted_of(enum wanted wanted, vf a, vf b)
{
	return wanted == FIRST ? a : wanted == LEAST ? vmin(a, b) : vmax(a, b);
}

/* `pixels` <= VL columns of three rows. */
CVT_INLINE vf wanted_rows(enum wanted wanted, const float *const rows[3], ptrdiff_t at, int pixels)
{
	return wanted_of(wanted, wanted_of(wanted, load(rows[0] + at, pixels), load(rows[1] + at, pixels)), load(rows[2] + at, pixels));
}

/* A row of windows on its way from left to right. rows: the three of the windows, one twice where one is missing; odd: the odd columns before. */
struct window_row { const float *rows[3]; ptrdiff_t ahead; vf odd; };

CVT_INLINE struct window_row window_row(enum wanted wanted, const float *x, int h, int w, int oy)
{
	const float *middle = x + (ptrdiff_t)2 * oy * w;
	struct window_row r = {.rows = {middle, middle, middle}, .ahead = rows_ahead(w) * w};
	if (oy)
		r.rows[0] -= w;
	if (2 * oy + 1 < h)
		r.rows[2] += w;
	r.odd = vset(wanted == FIRST ? r.rows[0][0] : wanted == LEAST ? INFINITY : -INFINITY);
	return r;
}

/* The wanted value of each of n <= VL windows, those from window i on, which come after those before. */
CVT_INLINE vf windows_wanted(enum wanted wanted, struct window_row *r, int i, int w)
{
	int pixels = w - 2 * i < 2 * VL ? w - 2 * i : 2 * VL, low = lanes(pixels), high = pixels - low;
	vf middle, right, lo, hi = vzero();
	CVT_PREFETCH(r->rows[1] + r->ahead + 2 * i, 2 * VL);
	CVT_PREFETCH(r->rows[2] + r->ahead + 2 * i, 2 * VL);
	if (pixels == 2 * VL) {
		lo = wanted_rows(wanted, r->rows, 2 * i, VL);
		hi = wanted_rows(wanted, r->rows, 2 * i + VL, VL);
	} else {
		lo = wanted_rows(wanted, r->rows, 2 * i, low);
		if (high)
			hi = wanted_rows(wanted, r->rows, 2 * i + VL, high);
	}
	vdeinterleave2(lo, hi, &middle, &right);
	if (wanted != FIRST)
		right = without_missing(right, pixels, wanted == LEAST ? INFINITY : -INFINITY);
	vf left = vshift_in(r->odd, right);
	r->odd = right;
	return wanted_of(wanted, wanted_of(wanted, left, middle), right);
}

/* Of all windows of a map; with a map's numbers, normed. */
CVT_INLINE void windows_forward(enum wanted wanted, const float *x, float *y, int h, int w, const struct map *map)
{
	int windows = windows_of(w);
	for (int oy = 0; oy < windows_of(h); oy++, y += windows) {
		struct window_row row = window_row(wanted, x, h, w, oy);
		for (int i = 0; i < windows; i += VL) {
			vf v = windows_wanted(wanted, &row, i, w);
			if (map)
				v = normed(v, vset(map->mean), vset(map->scale), vset(map->beta));
			store(y + i, map && map->relu ? vrelu(v) : v, lanes(windows - i));
		}
	}
}

/* ---- gradients ---- */

/* Of each three pixels of a row side by side the largest; whether the second is larger than the first, the third than both. */
struct tops { vf top; vmask second, third; };

/* A value such that the largest is the wanted one, and back. */
CVT_INLINE vf ranked(enum wanted wanted, vf x)
{
	return wanted == FIRST ? vzero() : wanted == LEAST ? -x : x;
}

CVT_INLINE struct tops tops_of(enum wanted wanted, const float *row, int i, int w)
{
	int pixels = w - 2 * i;
	vf middle, right;
	load_columns(row + 2 * i, pixels, &middle, &right);
	vf before = i ? ranked(wanted, vset(row[2 * i - 1])) : vset(-INFINITY);
	middle = ranked(wanted, middle);
	right = without_missing(ranked(wanted, right), pixels, -INFINITY);
	vf left = vshift_in(before, right);
	vmask second = vgreater(middle, left);
	vf larger = vpick(second, middle, left);
	vmask third = vgreater(right, larger);
	return (struct tops){.top = vpick(third, right, larger), .second = second, .third = third};
}

/* An odd row of tops and what the windows above gave it, in memory. */
struct held { vfu top, given; vmasku second, third; };

/* A row of tops gives to the first largest of its pixels; they go through the norm to dx. *next: what the windows to the right gave to the column
 * at their left; then what these gave. */
CVT_INLINE void give_pixels(const float *x, float *dx, int i, int w, vmask second, vmask third, vf g, vf *next, const struct map *map, bool adds)
{
	int pixels = w - 2 * i < 2 * VL ? w - 2 * i : 2 * VL, low = lanes(pixels), high = pixels - low;
	vf rest = vdrop(third, g), left = vdrop(second, rest), lo, hi;
	vinterleave2(vkeep(second, rest), vkeep(third, g) + vshift_out(left, *next), &lo, &hi);
	*next = left;
	x += 2 * i;
	dx += 2 * i;
	if (map)
		lo = dx_of(load(x, low), lo, map);
	store(dx, adds ? load(dx, low) + lo : lo, low);
	if (high == 0)
		return;
	if (map)
		hi = dx_of(load(x + VL, high), hi, map);
	store(dx + VL, adds ? load(dx + VL, high) + hi : hi, high);
}

/* map: NULL, or numbers whose sign of scale `wanted` is (0: FIRST). */
CVT_INLINE void windows_backward(enum wanted wanted, const float *x, const float *dy, float *dx, int h, int w, const struct map *map, bool adds,
	struct held *held)
{
	int windows = windows_of(w), last = (windows - 1) / VL * VL;
	ptrdiff_t ahead = rows_ahead(w) * w;
	for (int oy = 0; oy < windows_of(h); oy++, dy += windows) {
		const float *middle = x + (ptrdiff_t)2 * oy * w, *lower = middle + w;
		float *to = dx + (ptrdiff_t)2 * oy * w;
		vf next_upper = vzero(), next_middle = vzero();
		for (int i = last; i >= 0; i -= VL) {
			struct held *mine = held + i / VL;
			vf g = load(dy + i, lanes(windows - i)), minus = vset(-INFINITY);
			CVT_PREFETCH(middle + ahead + 2 * i, 2 * VL);
			CVT_PREFETCH(lower + ahead + 2 * i, 2 * VL);
			CVT_PREFETCH(dy + ahead / 4 + i, VL);
			struct tops m = tops_of(wanted, middle, i, w), l = {.top = minus};
			if (2 * oy + 1 < h)
				l = tops_of(wanted, lower, i, w);
			vf upper = oy ? (vf)mine->top : minus;
			vmask second = vgreater(m.top, upper);
			vf larger = vpick(second, m.top, upper);
			vmask third = vgreater(l.top, larger);
			if (map && map->relu) {
				vf top = ranked(wanted, vpick(third, l.top, larger));
				g = vkeep(vgreater(normed(top, vset(map->mean), vset(map->scale), vset(map->beta)), vzero()), g);
			}
			vf rest = vdrop(third, g);
			if (oy)
				give_pixels(middle - w, to - w, i, w, mine->second, mine->third, mine->given + vdrop(second, rest), &next_upper, map, adds);
			give_pixels(middle, to, i, w, m.second, m.third, vkeep(second, rest), &next_middle, map, adds);
			*mine = (struct held){.top = l.top, .given = vkeep(third, g), .second = l.second, .third = l.third};
		}
	}
	vf next = vzero();
	for (int i = last; i >= 0 && h % 2 == 0; i -= VL) {
		const struct held *mine = held + i / VL;
		ptrdiff_t at = (ptrdiff_t)(h - 1) * w;
		give_pixels(x + at, dx + at, i, w, mine->second, mine->third, mine->given, &next, map, adds);
	}
}

#endif
