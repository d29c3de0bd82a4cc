/* winograd5_tile.h - private to the winograd5 family: one-dimensional transforms, and tiles in the lanes of vectors.
 *
 * VL consecutive tiles make a group: tile l of it covers 4 columns of a row, so a row of the group is 4 vectors, VL / 4 tiles in each.
 * vtranspose4 turns those into "first columns", "second columns", ...: one tile a lane, tile l at lane 4 (l % (VL/4)) + l / (VL/4). It is
 * its own inverse, so the order inside never matters. A group runs over ends of rows and images: it is made of segments, tiles
 * side by side in one row; a segment cut where vectors end is made of pieces. */
#ifndef CVT_KERNELS_WINOGRAD5_TILE_H
#define CVT_KERNELS_WINOGRAD5_TILE_H

#include <stdbool.h>

#include "kernels/vec.h"

void CVT_KERNEL_NAME(cvt_winograd5_gradient_init)(struct cvt_winograd5_kernels *k);   /* its slots, in winograd5_gradient.c */

enum { TILES_A_VECTOR = VL / 4, ROW = 5 * VL /* floats of a group's row, with the overlap */ };

struct segment { long image; int row, column /* of the first tile, in tiles */, count, lane /* its place in the group */; };
struct piece { long image; int row, column /* in pixels */, vector, from, to /* lanes */; };
struct group {
	int n_segments, n_pieces, n_halves, n_tiles;
	bool whole;                             /* all pixels of all tiles are inside */
	struct segment segments[VL];
	struct piece pieces[VL], halves[VL];    /* halves: of the 2 x 2 pooled rows, twice the tiles in a vector */
};

static inline int tiles_across(int pixels) { return (pixels + 3) / 4; }

/* Cuts a segment, whose tiles are `size` pixels here, where vectors end. Returns how many pieces. */
static int cut_segment(const struct segment *s, int size, int w, struct piece *pieces)
{
	int n = 0, per_vector = VL / size;
	for (int i = 0; i < s->count;) {
		int at = s->lane + i, room = per_vector - at % per_vector, m = room < s->count - i ? room : s->count - i;
		int column = size * (s->column + i), pixels = w - column < size * m ? w - column : size * m, from = at % per_vector * size;
		if (pixels > 0)
			pieces[n++] = (struct piece){ s->image, size * s->row, column, at / per_vector, from, from + pixels };
		i += m;
	}
	return n;
}

/* The n tiles (1 to VL) from `tile` on. */
static void find_group(struct group *g, long tile, int n, int h, int w)
{
	int across = tiles_across(w), down = tiles_across(h);
	long image = tile / ((long)across * down), rest = tile % ((long)across * down);
	int row = (int)(rest / across), column = (int)(rest % across);

	g->n_segments = g->n_pieces = g->n_halves = 0;
	g->n_tiles = n;
	g->whole = n == VL;
	for (int lane = 0; lane < n;) {
		int count = across - column < n - lane ? across - column : n - lane;
		struct segment s = { image, row, column, count, lane };
		g->segments[g->n_segments++] = s;
		g->n_pieces += cut_segment(&s, 4, w, g->pieces + g->n_pieces);
		g->n_halves += cut_segment(&s, 2, w / 2, g->halves + g->n_halves);
		if (4 * (column + count) > w || 4 * row + 4 > h)
			g->whole = false;
		lane += count;
		column = 0;
		if (++row == down) {
			row = 0;
			image++;
		}
	}
}

/* B^T d: 8 -> 8, the points 0, 1, -1, 2, -2, 1/2, -1/2, infinity. */
CVT_INLINE void transform_in(const vf *d, int s, vf *o)
{
	vf d0 = d[0], d1 = d[s], d2 = d[2 * s], d3 = d[3 * s], d4 = d[4 * s], d5 = d[5 * s], d6 = d[6 * s], d7 = d[7 * s];
	vf even, odd;
	o[0] = d0 - d6 + (d4 - d2) * 5.25f;
	o[7] = d7 - d1 + (d3 - d5) * 5.25f;
	even = d2 + d6 - d4 * 4.25f;
	odd = d1 + d5 - d3 * 4.25f;
	o[1] = even + odd;
	o[2] = even - odd;
	even = d6 + d2 * 0.25f - d4 * 1.25f;
	odd = d1 * 0.5f - d3 * 2.5f + d5 * 2.f;
	o[3] = even + odd;
	o[4] = even - odd;
	even = d6 + (d2 - d4 * 1.25f) * 4.f;
	odd = d1 * 2.f - d3 * 2.5f + d5 * 0.5f;
	o[5] = even + odd;
	o[6] = even - odd;
}

/* A^T m: 8 -> 4. */
CVT_INLINE void transform_out(const vf *m, int s, vf *o, int so)
{
	vf p = m[s] + m[2 * s], q = m[s] - m[2 * s], r = m[3 * s] + m[4 * s], t = m[3 * s] - m[4 * s];
	vf u = m[5 * s] + m[6 * s], v = m[5 * s] - m[6 * s];
	o[0] = m[0] + p + r + u;
	o[so] = q + t * 2.f + v * 0.5f;
	o[2 * so] = p + r * 4.f + u * 0.25f;
	o[3 * so] = q + t * 8.f + v * 0.125f + m[7 * s];
}

/* A d: 4 -> 8, the adjoint of transform_out. */
CVT_INLINE void transform_out_adjoint(const vf *d, int s, vf *o, int so)
{
	vf d0 = d[0], d1 = d[s], d2 = d[2 * s], d3 = d[3 * s], even = d0 + d2, odd = d1 + d3;
	o[0] = d0;
	o[so] = even + odd;
	o[2 * so] = even - odd;
	even = d0 + d2 * 4.f;
	odd = d1 * 2.f + d3 * 8.f;
	o[3 * so] = even + odd;
	o[4 * so] = even - odd;
	even = d0 + d2 * 0.25f;
	odd = d1 * 0.5f + d3 * 0.125f;
	o[5 * so] = even + odd;
	o[6 * so] = even - odd;
	o[7 * so] = d3;
}

/* G g: 5 -> 8. */
CVT_INLINE void transform_weight(const vf *g, int s, vf *o, int so)
{
	const float one = -2.f / 9, two = 1.f / 90, half = 32.f / 45;
	vf g0 = g[0], g1 = g[s], g2 = g[2 * s], g3 = g[3 * s], g4 = g[4 * s];
	vf even = (g0 + g2 + g4) * one, odd = (g1 + g3) * one;
	o[0] = g0;
	o[so] = even + odd;
	o[2 * so] = even - odd;
	even = (g0 + g2 * 4.f + g4 * 16.f) * two;
	odd = (g1 * 2.f + g3 * 8.f) * two;
	o[3 * so] = even + odd;
	o[4 * so] = even - odd;
	even = (g0 + g2 * 0.25f + g4 * 0.0625f) * half;
	odd = (g1 * 0.5f + g3 * 0.125f) * half;
	o[5 * so] = even + odd;
	o[6 * so] = even - odd;
	o[7 * so] = g4;
}

/* G^T u: 8 -> 5, its adjoint. */
CVT_INLINE void transform_weight_adjoint(const vf *u, int s, vf *o, int so)
{
	const float one = -2.f / 9, two = 1.f / 90, half = 32.f / 45;
	vf e1 = (u[s] + u[2 * s]) * one, d1 = (u[s] - u[2 * s]) * one;
	vf e2 = (u[3 * s] + u[4 * s]) * two, d2 = (u[3 * s] - u[4 * s]) * two;
	vf e3 = (u[5 * s] + u[6 * s]) * half, d3 = (u[5 * s] - u[6 * s]) * half;
	o[0] = u[0] + e1 + e2 + e3;
	o[so] = d1 + d2 * 2.f + d3 * 0.5f;
	o[2 * so] = e1 + e2 * 4.f + e3 * 0.25f;
	o[3 * so] = d1 + d2 * 8.f + d3 * 0.125f;
	o[4 * so] = e1 + e2 * 16.f + e3 * 0.0625f + u[7 * s];
}

/* The 8 rows that a segment's tiles read, transformed down the columns, to rows[i][0 .. 4 count + 3]. plane: that of the image. */
CVT_INLINE void transform_columns(const float *plane, int h, int w, const struct segment *s, float rows[8][ROW])
{
	int top = 4 * s->row - 2, left = 4 * s->column - 2, vectors = (4 * s->count + 4 + VL - 1) / VL;
	const float *corner = plane + (ptrdiff_t)top * w + left;
	bool all_rows = top >= 0 && top + 8 <= h;

	for (int v = 0; v < vectors; v++) {
		int column = left + v * VL, from = column < 0 ? -column : 0, to = w - column < VL ? w - column : VL;
		vf d[8], o[8];
		if (to < from)
			to = from;
		if (all_rows && from == 0 && to == VL) {
			CVT_UNROLL
			for (int i = 0; i < 8; i++)
				d[i] = vloadu(corner + (ptrdiff_t)i * w + v * VL);
		} else {
			CVT_UNROLL
			for (int i = 0; i < 8; i++)
				d[i] = top + i >= 0 && top + i < h ? vload_range(corner + (ptrdiff_t)i * w + v * VL, from, to) : vzero();
		}
		transform_in(d, 1, o);
		CVT_UNROLL
		for (int i = 0; i < 8; i++)
			vstore(rows[i] + v * VL, o[i]);
	}
}

/* Asks for what transform_input will read: of each row's few lines the processor guesses none, and waiting for them took longer than the sums. */
CVT_INLINE void prefetch_input(const struct group *g, const float *x, ptrdiff_t x_stride, int h, int w)
{
	for (int i = 0; i < g->n_segments; i++) {
		const struct segment *s = &g->segments[i];
		int top = 4 * s->row - 2, from = 4 * s->column, last = top + 8 < h ? top + 8 : h;
		for (int row = top < 0 ? 0 : top; row < last; row++)
			CVT_PREFETCH(x + s->image * x_stride + (ptrdiff_t)row * w + from, 4 * s->count + 2);
	}
}

/* Channel c of in_c is about to be transformed for a group: asks for the one that comes some channels later, of this group or of the next, which may
 * be without tiles. */
CVT_INLINE void prefetch_ahead(const struct group *g, const struct group *next, int c, int in_c, const float *x, ptrdiff_t x_stride, int h, int w)
{
	int then = c + (in_c < 4 ? in_c : 4);
	if (then < in_c)
		prefetch_input(g, x + (ptrdiff_t)then * h * w, x_stride, h, w);
	else if (next->n_tiles)
		prefetch_input(next, x + (ptrdiff_t)(then - in_c) * h * w, x_stride, h, w);
}

/* One channel of a group: out[64][step], a vector each, tiles in the lanes; lanes without a tile are 0. x: the channel in image 0. */
CVT_PHASE void transform_input(const struct group *g, const float *x, ptrdiff_t x_stride, int h, int w, float *out, ptrdiff_t step)
{
	float rows[8][ROW] __attribute__((aligned(64)));
	float near[8][ROW + VL] __attribute__((aligned(64))), far[8][ROW + VL] __attribute__((aligned(64)));
	bool single = g->n_segments == 1 && g->n_tiles == VL;

	for (int i = 0; i < g->n_segments; i++) {
		const struct segment *s = &g->segments[i];
		transform_columns(x + s->image * x_stride, h, w, s, rows);
		if (single)
			break;
		/* columns 0 to 3 of each tile, and 4 to 7; what a last vector has too much, the next segment overwrites */
		for (int v = 0; v < 4 * s->count; v += VL) {
			CVT_UNROLL
			for (int r = 0; r < 8; r++) {
				vstoreu(near[r] + 4 * s->lane + v, vload(rows[r] + v));
				vstoreu(far[r] + 4 * s->lane + v, vloadu(rows[r] + v + 4));
			}
		}
	}
	if (g->n_tiles < VL)
		for (int r = 0; r < 8; r++) {
			memset(near[r] + 4 * g->n_tiles, 0, sizeof(float) * 4 * (size_t)(VL - g->n_tiles));
			memset(far[r] + 4 * g->n_tiles, 0, sizeof(float) * 4 * (size_t)(VL - g->n_tiles));
		}
	for (int r = 0; r < 8; r++) {
		const float *a = single ? rows[r] : near[r], *b = single ? rows[r] + 4 : far[r];
		vf d[8], o[8];
		CVT_UNROLL
		for (int i = 0; i < 4; i++) {
			d[i] = vload(a + i * VL);
			d[4 + i] = vloadu(b + i * VL);
		}
		vtranspose4(d);
		vtranspose4(d + 4);
		transform_in(d, 1, o);
		CVT_UNROLL
		for (int i = 0; i < 8; i++)
			vstore(out + (r * 8 + i) * step, o[i]);
	}
}

#endif
