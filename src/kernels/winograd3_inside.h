/* winograd3_inside.h - what winograd3.c and winograd3_weights.c share (one instruction set). */
#ifndef CVT_KERNELS_WINOGRAD3_INSIDE_H
#define CVT_KERNELS_WINOGRAD3_INSIDE_H

#include "kernels/kernels.h"
#include "kernels/vec.h"

/* Vectors of outputs in a block: product.c's block_vectors. */
enum { BLOCK_VECTORS = CVT_VECTOR_REGISTERS >= 32 ? 4 : 2 };

/* Width, in vectors, of the block that the vector of lanes from `lane` is in, and the block's place in a plane of U. */
CVT_INLINE int block_width(int lanes, int lane)
{
	int left = (lanes + VL - 1) / VL - lane / VL / BLOCK_VECTORS * BLOCK_VECTORS;
	return left < BLOCK_VECTORS ? left : BLOCK_VECTORS;
}

CVT_INLINE ptrdiff_t block_start(int channels, int lane)
{
	return (ptrdiff_t)(lane / VL / BLOCK_VECTORS) * BLOCK_VECTORS * VL * channels;
}

void CVT_KERNEL_NAME(cvt_winograd3_weights)(struct cvt_winograd3_kernels *k);

#endif
