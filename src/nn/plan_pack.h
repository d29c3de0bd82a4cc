/* plan_pack.h - places buffers that live for a while into one block of memory, so that those alive at the same time do not overlap. */
#ifndef CVT_NN_PLAN_PACK_H
#define CVT_NN_PLAN_PACK_H

#include <stddef.h>

enum { CVT_BUFFER_ALIGNMENT = 64 };

struct cvt_buffer {
	size_t bytes;                           /* 0: takes no place */
	int first, last;                        /* points of the timeline, inclusive: alive */
	size_t offset;                          /* found by cvt_pack, a multiple of CVT_BUFFER_ALIGNMENT */
};

/* Interval packing: largest first, each at the lowest free offset. `order`: room for n numbers. Returns the bytes of the block. */
size_t cvt_pack(struct cvt_buffer *buffers, int n, int *order);

#endif
