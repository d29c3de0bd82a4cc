/* maxpool.h - the largest value of each window of maps, and its gradient. Windows of k x k every s, padded by p of minus infinity. */
#ifndef CVT_KERNELS_MAXPOOL_H
#define CVT_KERNELS_MAXPOOL_H

#include <stddef.h>

struct cvt_pool_shape { int h, w, out_h, out_w, kernel, stride, padding; };

/* A map with its padding, as scratch: rows and columns. The columns have room for vectors that run past the last window. */
static inline int cvt_pool_rows(const struct cvt_pool_shape *s)
{
	int windows = (s->out_h - 1) * s->stride + s->kernel, map = s->h + s->padding;
	return windows > map ? windows : map;
}
static inline int cvt_pool_columns(const struct cvt_pool_shape *s)
{
	int windows = (s->out_w - 1) * s->stride + s->kernel, map = s->w + s->padding;
	return (windows > map ? windows : map) + 64;
}
static inline size_t cvt_pool_floats(const struct cvt_pool_shape *s)
{
	return (size_t)cvt_pool_rows(s) * (size_t)cvt_pool_columns(s);
}

/* 3 x 3 as networks have it: backward has maps in its lanes, not windows. */
static inline int cvt_pool_in_lanes(const struct cvt_pool_shape *s) { return s->kernel == 3 && s->stride <= 2 && s->padding <= 1; }
/* Forward too, where maps are so narrow that vectors of windows would be half empty: all rows at once. */
static inline int cvt_pool_narrow(const struct cvt_pool_shape *s) { return cvt_pool_in_lanes(s) && s->w <= 16 && s->h <= 16; }
/* Of a row with its padding and some more. */
static inline int cvt_pool_lane_columns(const struct cvt_pool_shape *s) { return s->w + 2 * s->padding + 3; }
/* A row or, of narrow maps, all of the map and its windows, and four rows of windows with what is known of them, for the longest vectors. */
static inline size_t cvt_pool_lanes_floats(const struct cvt_pool_shape *s)
{
	size_t rows = cvt_pool_narrow(s) ? (size_t)s->h : 1, window_rows = cvt_pool_narrow(s) ? (size_t)s->out_h : 1;
	return 16 * (rows * (size_t)cvt_pool_lane_columns(s) + (window_rows + 4 * 4) * (size_t)s->out_w);
}

/* Scratch of forward: a map, or three rows of a 3 x 3 and three of windows. */
static inline size_t cvt_pool_forward_floats(const struct cvt_pool_shape *s)
{
	return cvt_pool_narrow(s) ? cvt_pool_lanes_floats(s) : cvt_pool_floats(s) + 3 * (size_t)cvt_pool_columns(s);
}
/* Of backward: two maps. */
static inline size_t cvt_pool_backward_floats(const struct cvt_pool_shape *s)
{
	return cvt_pool_in_lanes(s) ? cvt_pool_lanes_floats(s) : 2 * cvt_pool_floats(s);
}

struct cvt_maxpool_kernels {
	/* y [maps][out_h][out_w] of x [maps][h][w]; scratch: cvt_pool_forward_floats. */
	void (*forward)(const struct cvt_pool_shape *shape, int maps, const float *x, float *y, float *scratch);
	/* dx [maps][h][w] = (adds: +=) dy at the first largest value of each window, found again in x. dx may be x. scratch:
	 * cvt_pool_backward_floats. */
	void (*backward)(const struct cvt_pool_shape *shape, int maps, const float *x, const float *dy, float *dx, int adds, float *scratch);
};

#endif
