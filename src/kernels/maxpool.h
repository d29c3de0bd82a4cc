/* maxpool.h - the largest value of each window of maps, and its gradient. Windows of k x k every s, padded by p of minus infinity. */
#ifndef CVT_KERNELS_MAXPOOL_H
#define CVT_KERNELS_MAXPOOL_H

#include <stddef.h>

struct cvt_pool_shape { int h, w, out_h, out_w, kernel, stride, padding; };

/* A map with its padding, as scratch: rows and columns. The columns have room for the longest vectors of windows, which run past the last. */
static inline int cvt_pool_rows(const struct cvt_pool_shape *s)
{
	int windows = (s->out_h - 1) * s->stride + s->kernel, map = s->h + s->padding;
	return windows > map ? windows : map;
}
static inline int cvt_pool_columns(const struct cvt_pool_shape *s)
{
	int windows = (s->out_w - 1) * s->stride + s->kernel, map = s->w + s->padding;
	return (windows > map ? windows : map) + 16 * s->stride;
}
static inline size_t cvt_pool_floats(const struct cvt_pool_shape *s)
{
	return (size_t)cvt_pool_rows(s) * (size_t)cvt_pool_columns(s);
}

/* 3 x 3 as networks have it, for which there is more: maxpool3.c. Without padding it is as any window. */
static inline int cvt_pool_three(const struct cvt_pool_shape *s) { return s->kernel == 3 && s->stride <= 2 && s->padding == 1; }

/* Scratch of forward: a map. */
static inline size_t cvt_pool_forward_floats(const struct cvt_pool_shape *s)
{
	return cvt_pool_three(s) ? 0 : cvt_pool_floats(s);
}
/* Of backward: two maps, or some rows and what is known of them, for the longest vectors. */
static inline size_t cvt_pool_backward_floats(const struct cvt_pool_shape *s)
{
	return cvt_pool_three(s) ? 3 * (4 * (size_t)s->w + 64) : 2 * cvt_pool_floats(s);
}

struct cvt_maxpool_kernels {
	/* y [maps][out_h][out_w] of x [maps][h][w]; scratch: cvt_pool_forward_floats. */
	void (*forward)(const struct cvt_pool_shape *shape, int maps, const float *x, float *y, float *scratch);
	/* dx [maps][h][w] = (adds: +=) dy at the first largest value of each window, found again in x. dx may be x. scratch:
	 * cvt_pool_backward_floats. */
	void (*backward)(const struct cvt_pool_shape *shape, int maps, const float *x, const float *dy, float *dx, int adds, float *scratch);
};

#endif
