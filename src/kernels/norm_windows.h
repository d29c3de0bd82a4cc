/* norm_windows.h - passes over maps of a batch norm with the ReLU and the maximum of 3 x 3 windows every two pixels, padded by one, that follow it.
 *
 * As norm.h: y and dy are maps of [(h + 1) / 2][(w + 1) / 2]; the gradient of a window goes to the first of its values that is the largest (gamma negative: the
 * least; 0: to the first). */
#ifndef CVT_KERNELS_NORM_WINDOWS_H
#define CVT_KERNELS_NORM_WINDOWS_H

#include <stddef.h>

#include "kernels/norm.h"

/* Scratch of backward: what is held of a row of windows, for vectors of any length. */
static inline size_t cvt_norm_windows_floats(int w)
{
	return 4 * (size_t)((w + 1) / 2) + 64;
}

struct cvt_norm_windows_kernels {
	void (*apply)(const float *x, float *y, int h, int w, const struct cvt_norm_maps *maps);
	void (*sums)(const float *x, const float *dy, int h, int w, const struct cvt_norm_maps *maps, double (*sums)[2]);
	/* dx may be x. scratch: cvt_norm_windows_floats. */
	void (*backward)(const float *x, const float *dy, float *dx, int h, int w, const struct cvt_norm_maps *maps, float *scratch);
};

#endif
