/* maxpool3.h - what maxpool.c calls of maxpool3.c (one instruction set): maps of a shape that is cvt_pool_three. */
#ifndef CVT_KERNELS_MAXPOOL3_H
#define CVT_KERNELS_MAXPOOL3_H

#include <stdbool.h>

#include "kernels/kernels.h"
#include "kernels/vec.h"

void CVT_KERNEL_NAME(cvt_maxpool3_forward)(const struct cvt_pool_shape *s, int maps, const float *x, float *y);
/* dx may be x. scratch: cvt_pool_backward_floats. */
void CVT_KERNEL_NAME(cvt_maxpool3_backward)(const struct cvt_pool_shape *s, int maps, const float *x, const float *dy, float *dx, bool adds,
	float *scratch);

#endif
