/* norm_map.h - one map's numbers in a batch norm, and what they do: for norm.c and windows3.h. */
#ifndef CVT_KERNELS_NORM_MAP_H
#define CVT_KERNELS_NORM_MAP_H

#include "kernels/norm.h"
#include "kernels/passes.h"

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
