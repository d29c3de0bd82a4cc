/* winograd3_product.h - what winograd3.c needs of the two sources beside it (one instruction set). */
#ifndef CVT_KERNELS_WINOGRAD3_PRODUCT_H
#define CVT_KERNELS_WINOGRAD3_PRODUCT_H

#include "kernels/kernels.h"
#include "kernels/vec.h"

/* Vectors of outputs in a block: a register block is then 6 tiles x 4 vectors, or 6 x 2 where there are 16 registers. */
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

void CVT_KERNEL_NAME(cvt_winograd3_products)(struct cvt_winograd3_kernels *k);
void CVT_KERNEL_NAME(cvt_winograd3_weights)(struct cvt_winograd3_kernels *k);

#endif
