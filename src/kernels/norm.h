/* norm.h - passes over maps of a batch norm, alone or with the ReLU and the 2 x 2 maximum that follow it.
 *
 * The maps of a call lie one after another. A map is `count` consecutive floats, or h rows of w. xhat = (x - mean) scale + beta is what the
 * norm gives (scale = gamma / deviation); with relu, max(0, .) of that; with pool, the largest of each 2 x 2 block of that, [h / 2][w / 2], a last odd row or column being left out.
 * Sums: float in the lanes of runs of at most 1024 (small maps of several images are one run), double across runs, in order. */
#ifndef CVT_KERNELS_NORM_H
#define CVT_KERNELS_NORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cvt_moments { double count, mean, m2; };         /* m2: sum of squared distances from the mean */

/* What is known of `maps` maps: arrays, a number each. */
struct cvt_norm_maps {
	int maps;
	const float *mean, *scale, *beta;
	const float *c2, *c3;               /* backward: dx = scale dy' - c2 - c3 (x - mean), dy' = dy where it comes through ReLU and maximum */
	bool relu;
	bool mask;                          /* backward: x came out of a ReLU that leaves its mask to us: dx = 0 where x <= 0 */
	bool adds;                          /* backward: dx += */
};

/* Of `maps` of them, from map `from` on. */
static inline struct cvt_norm_maps cvt_norm_maps_from(const struct cvt_norm_maps *m, int from, int maps)
{
	struct cvt_norm_maps part = *m;
	part.maps = maps;
	part.mean += from;
	part.scale += from;
	part.beta += from;
	if (part.c2) {
		part.c2 += from;
		part.c3 += from;
	}
	return part;
}

struct cvt_norm_kernels {
	/* Merges the moments of x into *moments (count 0: none so far). Each run is centred on its own mean, so nothing cancels. */
	void (*moments)(const float *x, int64_t count, struct cvt_moments *moments);
	/* y may be x. */
	void (*apply)(const float *x, float *y, int64_t count, const struct cvt_norm_maps *maps);
	void (*apply_pool)(const float *x, float *y, int h, int w, const struct cvt_norm_maps *maps);
	/* Of each map: sums[0] += sum of dy'; sums[1] += sum of dy' (x - mean), over `images` images, strides apart. */
	void (*sums)(const float *x, ptrdiff_t x_stride, const float *dy, ptrdiff_t dy_stride, int images, int64_t count,
		const struct cvt_norm_maps *maps, double (*sums)[2]);
	void (*sums_pool)(const float *x, const float *dy, int h, int w, const struct cvt_norm_maps *maps, double (*sums)[2]);
	/* dx may be x, or (without pool) dy. */
	void (*backward)(const float *x, const float *dy, float *dx, int64_t count, const struct cvt_norm_maps *maps);
	void (*backward_pool)(const float *x, const float *dy, float *dx, int h, int w, const struct cvt_norm_maps *maps);
};

#endif
