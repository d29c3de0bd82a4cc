/* maxpool_lanes.h - what maxpool.c calls of maxpool_lanes.c (one instruction set): n <= VL maps of a shape that cvt_pool_in_lanes. */
#ifndef CVT_KERNELS_MAXPOOL_LANES_H
#define CVT_KERNELS_MAXPOOL_LANES_H

#include <stdbool.h>

#include "kernels/kernels.h"
#include "kernels/vec.h"

/* Of narrow maps. scratch: cvt_pool_lanes_floats. */
void CVT_KERNEL_NAME(cvt_maxpool_lanes_forward)(const struct cvt_pool_shape *s, int n, const float *x, float *y, float *scratch);
/* dx may be x. */
void CVT_KERNEL_NAME(cvt_maxpool_lanes_backward)(const struct cvt_pool_shape *s, int n, const float *x, const float *dy, float *dx, int adds,
	float *scratch);

#endif
