/* conv_winograd3.h - how a 3 x 3 convolution is cut into tiles, segments, strips: shared by the conv_winograd3*.c.
 *
 * Maps are cut into rows of tiles of m x m outputs, rows into segments of equal length (but the last), and some consecutive segments,
 * of one image or several, are a strip: what a task transforms and multiplies at a time. All follows from shapes. */
#ifndef CVT_NN_CONV_WINOGRAD3_H
#define CVT_NN_CONV_WINOGRAD3_H

#include "kernels/kernels.h"
#include "nn/layers/conv_common.h"

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

/* The cut for strips of up to `tiles` tiles; fewer, but not less than `least`, where that makes no `wanted` strips. */
struct cvt_winograd3_cut cvt_winograd3_cut(const struct cvt_conv_shape *shape, int n, int tiles, int least, int wanted,
	const struct cvt_kernels *kernels);
/* A segment, and which image it is of. */
struct cvt_winograd3_segment cvt_winograd3_segment(const struct cvt_winograd3_cut *cut, int index, int *ret_image);
/* The last segment, exclusive, of a strip that starts at segment strip * strip_segments. */
int cvt_winograd3_strip_end(const struct cvt_winograd3_cut *cut, int strip);
/* Tiles of the strips first .. end. */
int cvt_winograd3_tiles(const struct cvt_winograd3_cut *cut, int first, int end);

/* Rounded up to whole vectors. */
static inline int cvt_winograd3_lanes(const struct cvt_winograd3_cut *cut, int channels)
{
	int length = cut->kernels->vector_length;
	return (channels + length - 1) / length * length;
}
/* Of the block of outputs multiplied together that begins at o: the last is narrower. */
static inline int cvt_winograd3_block_lanes(const struct cvt_winograd3_cut *cut, int outputs, int o)
{
	int lanes = cvt_winograd3_lanes(cut, outputs), block = cut->kernels->product.block_vectors * cut->kernels->vector_length;
	return lanes - o < block ? lanes - o : block;
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

/* One call of forward or input gradient: `channels` maps come in, `outputs` go out. */
struct cvt_winograd3_job {
	const struct cvt_conv_call *call;
	struct cvt_winograd3_cut cut;
	int channels, outputs, block;           /* block: outputs multiplied together */
	bool flipped;                           /* the input gradient */
	double *sums;                           /* [strips][outputs][2], or NULL */
};

struct cvt_winograd3_job cvt_winograd3_job(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, const struct cvt_kernels *kernels);
/* M of the outputs o .. o+width of a strip to pixels, finished, in their place. */
void cvt_winograd3_output(const struct cvt_winograd3_job *j, int strip, int o, int width, const float *m, ptrdiff_t m_plane, float *scratch);
/* The bytes that a job's sums take at most. */
size_t cvt_winograd3_sums_bytes(const struct cvt_winograd3_job *j, enum cvt_conv_pass pass);

/* Transformed tiles of a group of strips, for tasks that read each other's: [parts][planes][tiles][part_channels]. */
struct cvt_winograd3_staged {
	const struct cvt_winograd3_cut *cut;    /* borrowed: often of the struct that this is in, which then must not be copied */
	const float *x; ptrdiff_t x_stride;     /* maps, or (gradient) dy: images apart */
	int channels, part_channels, parts;
	bool gradient;                          /* P, not V */
	float *v;
	ptrdiff_t plane, part_stride;           /* floats from one plane, one part to the next */
	int first_strip;                        /* of the group */
};

/* With room for `tiles` tiles: part_channels are at most `most`, whole vectors. x, x_stride and v are the caller's to fill in. */
struct cvt_winograd3_staged cvt_winograd3_staged(const struct cvt_winograd3_cut *cut, int channels, int most, int tiles, bool gradient);
static inline ptrdiff_t cvt_winograd3_staged_floats(const struct cvt_winograd3_staged *s) { return s->parts * s->part_stride; }
/* Strip task / parts of the group, part task % parts. scratch: cvt_winograd3_scratch() floats for a strip. */
void cvt_winograd3_stage(const struct cvt_winograd3_staged *s, int task, float *scratch);

/* conv_winograd3_many.c: forward and input gradient of so many channels, for so few tiles of a batch, that the transformed
 * weights would not stay in a cache for long enough to pay. */
bool cvt_winograd3_is_many(const struct cvt_conv_shape *shape, const struct cvt_kernels *kernels);
void cvt_winograd3_many_scratch(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes);
void cvt_winograd3_many_run(const struct cvt_conv_call *call, enum cvt_conv_pass pass);

/* conv_winograd3_weights.c: the weight gradient. */
void cvt_winograd3_weight_scratch(const struct cvt_conv_shape *shape, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes);
void cvt_winograd3_weight_run(const struct cvt_conv_call *call);

#endif
