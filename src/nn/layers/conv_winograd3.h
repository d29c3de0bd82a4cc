/* conv_winograd3.h - how a 3 x 3 convolution is cut into tiles, segments, strips: shared by conv_winograd3.c and conv_winograd3_weights.c.
 *
 * Maps are cut into rows of tiles of m x m outputs, rows into segments of equal length (but the last), and some consecutive segments,
 * of one image or several, are a strip: what a task transforms and multiplies at a time. All follows from shapes. */
#ifndef CVT_NN_CONV_WINOGRAD3_H
#define CVT_NN_CONV_WINOGRAD3_H

#include "kernels/kernels.h"
#include "nn/layers/conv_method.h"

struct cvt_winograd3_cut {
	const struct cvt_kernels *kernels;
	const struct cvt_winograd3_tile *tile;
	int m, planes;                          /* outputs of a tile's side; elements of a transformed tile */
	int h, w, n;                            /* of the maps; images */
	int tile_rows, row_tiles;               /* of an image; of a row */
	int segment_tiles, row_segments;        /* tiles of a segment; segments of a row */
	int strip_segments, strip_tiles;        /* of a strip, at most */
	int most_tiles;                         /* at least strip_tiles, and never less for a larger batch: scratch is sized by it */
	int segments, strips;                   /* of the batch */
};

/* The cut for strips of up to `tiles` tiles. */
struct cvt_winograd3_cut cvt_winograd3_cut(const struct cvt_conv_shape *shape, int n, int tiles, const struct cvt_kernels *kernels);
/* A segment, and which image it is of. */
struct cvt_winograd3_segment cvt_winograd3_segment(const struct cvt_winograd3_cut *cut, int index, int *ret_image);
/* The last segment, exclusive, of a strip that starts at segment strip * strip_segments. */
int cvt_winograd3_strip_end(const struct cvt_winograd3_cut *cut, int strip);

/* Rounded up to whole vectors. */
static inline int cvt_winograd3_lanes(const struct cvt_winograd3_cut *cut, int channels)
{
	int length = cut->kernels->vector_length;
	return (channels + length - 1) / length * length;
}
/* Floats from one tile, one plane to the next: a little more than it takes, as powers of two fight for the same places of a cache. */
static inline ptrdiff_t cvt_winograd3_tile_stride(const struct cvt_winograd3_cut *cut, int channels)
{
	return cvt_winograd3_lanes(cut, channels) + 16;
}
static inline ptrdiff_t cvt_winograd3_plane_stride(ptrdiff_t rows, ptrdiff_t row)
{
	return (rows * row + 15) / 16 * 16 + 16;
}

void cvt_winograd3_weight_scratch(const struct cvt_conv_shape *shape, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes);
void cvt_winograd3_weight_run(const struct cvt_conv_call *call);

#endif
