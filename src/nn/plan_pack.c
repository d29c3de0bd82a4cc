/* plan_pack.c - interval packing. A few hundred buffers, so the square of their number is nothing. */
#include "nn/plan_pack.h"

#include <stdbool.h>
#include <string.h>

static bool before(const struct cvt_buffer *buffers, int a, int b)
{
	if (buffers[a].bytes != buffers[b].bytes)
		return buffers[a].bytes > buffers[b].bytes;
	return a < b;
}

static void sort_by_size(const struct cvt_buffer *buffers, int n, int *order)
{
	for (int i = 0; i < n; i++) {
		int at = i;
		for (; at > 0 && before(buffers, i, order[at - 1]); at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

static bool together(const struct cvt_buffer *a, const struct cvt_buffer *b)
{
	return a->first <= b->last && b->first <= a->last;
}

static size_t room_of(const struct cvt_buffer *b)
{
	return (b->bytes + CVT_BUFFER_ALIGNMENT - 1) / CVT_BUFFER_ALIGNMENT * CVT_BUFFER_ALIGNMENT;
}

/* The lowest offset at which b collides with none of those placed, which are in order of offset. */
static size_t lowest_gap(const struct cvt_buffer *buffers, const int *placed, int n_placed, const struct cvt_buffer *b)
{
	size_t offset = 0;
	for (int i = 0; i < n_placed; i++) {
		const struct cvt_buffer *other = &buffers[placed[i]];
		if (!together(b, other))
			continue;
		if (other->offset >= offset + room_of(b))
			break;
		if (other->offset + room_of(other) > offset)
			offset = other->offset + room_of(other);
	}
	return offset;
}

size_t cvt_pack(struct cvt_buffer *buffers, int n, int *order)
{
	size_t total = 0;
	sort_by_size(buffers, n, order);
	/* order[0..i) turns from "by size" into "by offset" as the buffers are placed */
	for (int i = 0; i < n; i++) {
		int index = order[i], at = i;
		struct cvt_buffer *b = &buffers[index];
		b->offset = b->bytes ? lowest_gap(buffers, order, i, b) : 0;
		while (at > 0 && buffers[order[at - 1]].offset > b->offset)
			at--;
		memmove(order + at + 1, order + at, (size_t)(i - at) * sizeof *order);
		order[at] = index;
		if (b->bytes && b->offset + room_of(b) > total)
			total = b->offset + room_of(b);
	}
	return total;
}
