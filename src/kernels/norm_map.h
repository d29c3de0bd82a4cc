/* norm_map.h - what the passes of norm.c and norm_windows.c share: vectors with a tail, and one map's numbers. */
#ifndef CVT_KERNELS_NORM_MAP_H
#define CVT_KERNELS_NORM_MAP_H

#include "kernels/norm.h"
#include "kernels/vec.h"

CVT_INLINE vf load(const float *p, int n)
{
	return n == VL ? vloadu(p) : vload_n(p, n);
}

CVT_INLINE void store(float *p, vf v, int n)
{
	if (n == VL)
		vstoreu(p, v);
	else
		vstore_n(p, v, n);
}

CVT_INLINE int lanes(int64_t left)
{
	return left < VL ? (int)left : VL;
}

/* -1 in the first n lanes */
CVT_INLINE vi first_lanes(int n)
{
	vi index;
	for (int i = 0; i < VL; i++)
		index[i] = i;
	return index < n;
}

/* Passes over memory that is in no cache: asked for some kilobytes ahead, as the processor's own guesses begin anew with each row. */
enum { AHEAD = 1024 };

/* How many rows ahead of a pair of rows. */
CVT_INLINE ptrdiff_t rows_ahead(int w)
{
	return ((ptrdiff_t)AHEAD / (2 * w) + 1) * 2;
}

/* One map's numbers. */
struct map { float mean, scale, beta, c2, c3; bool relu, mask, adds; };

static inline struct map map_of(const struct cvt_norm_maps *m, int i)
{
	return (struct map){.mean = m->mean[i], .scale = m->scale[i], .beta = m->beta[i], .c2 = m->c2 ? m->c2[i] : 0, .c3 = m->c3 ? m->c3[i] : 0,
		.relu = m->relu, .mask = m->mask, .adds = m->adds};
}

CVT_INLINE vf normed(vf x, vf mean, vf scale, vf beta)
{
	return (x - mean) * scale + beta;
}

CVT_INLINE vf dx_of(vf x, vf g, const struct map *map)
{
	vf d = g * map->scale - map->c2 - (x - map->mean) * map->c3;
	return map->mask ? vselect(x > 0, d, vzero()) : d;
}

#endif
