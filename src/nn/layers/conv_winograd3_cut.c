/* conv_winograd3_cut.c - tiles, segments and strips of a 3 x 3 convolution by Winograd, and a group of strips transformed together. */
#include "nn/layers/conv_winograd3.h"

enum { LARGE_MAP = 33 };

/* Multiplications a pair of channels. */
static int64_t cost(int h, int w, int m)
{
	return (int64_t)cvt_conv_whole(h, m) * cvt_conv_whole(w, m) * (m + 2) * (m + 2);
}

static const struct cvt_winograd3_tile *choose(int h, int w, const struct cvt_winograd3_kernels *k)
{
	if (h >= LARGE_MAP && w >= LARGE_MAP && cost(h, w, 6) * 10 <= cost(h, w, 4) * 9)
		return &k->tile6;
	return cost(h, w, 2) < cost(h, w, 4) ? &k->tile2 : &k->tile4;
}

struct cvt_winograd3_cut cvt_winograd3_cut(const struct cvt_conv_shape *shape, int n, int tiles, int least, int wanted,
	const struct cvt_kernels *kernels)
{
	struct cvt_winograd3_cut c = {.kernels = kernels, .h = shape->out_h, .w = shape->out_w, .n = n};
	c.tile = choose(c.h, c.w, &kernels->winograd3);
	c.m = c.tile->m;
	c.planes = (c.m + 2) * (c.m + 2);
	c.tile_rows = cvt_conv_whole(c.h, c.m);
	c.row_tiles = cvt_conv_whole(c.w, c.m);
	int whole_lines = c.m == 4 ? 4 : 8;     /* tiles that are whole cache lines: segments begin there */
	int total = c.n * c.tile_rows * c.row_tiles, fair = cvt_conv_whole(total, wanted);
	if (tiles > fair)
		tiles = fair < least ? least : fair;
	c.most_tiles = tiles;
	if (c.row_tiles <= tiles) {             /* strips of equal length, in whole rows */
		int even = cvt_conv_whole(cvt_conv_whole(total, cvt_conv_whole(total, tiles)), c.row_tiles) * c.row_tiles;
		tiles = even < tiles ? even : tiles;
	}
	c.segment_tiles = c.row_tiles;
	c.row_segments = 1;
	if (c.row_tiles > tiles) {
		int pieces = cvt_conv_whole(c.row_tiles, tiles / whole_lines * whole_lines);
		c.segment_tiles = cvt_conv_whole(cvt_conv_whole(c.row_tiles, pieces), whole_lines) * whole_lines;
		c.row_segments = cvt_conv_whole(c.row_tiles, c.segment_tiles);
	}
	c.strip_segments = tiles / c.segment_tiles;
	c.strip_tiles = c.strip_segments * c.segment_tiles;
	c.segments = c.n * c.tile_rows * c.row_segments;
	c.strips = cvt_conv_whole(c.segments, c.strip_segments);
	return c;
}

struct cvt_winograd3_segment cvt_winograd3_segment(const struct cvt_winograd3_cut *cut, int index, int *ret_image)
{
	int row = index / cut->row_segments, first = index % cut->row_segments * cut->segment_tiles;
	*ret_image = row / cut->tile_rows;
	return (struct cvt_winograd3_segment){.h = cut->h, .w = cut->w, .y = row % cut->tile_rows * cut->m, .x = first * cut->m,
		.tiles = cut->row_tiles - first < cut->segment_tiles ? cut->row_tiles - first : cut->segment_tiles};
}

int cvt_winograd3_strip_end(const struct cvt_winograd3_cut *cut, int strip)
{
	int end = (strip + 1) * cut->strip_segments;
	return end < cut->segments ? end : cut->segments;
}

int cvt_winograd3_tiles(const struct cvt_winograd3_cut *cut, int first, int end)
{
	int tiles = 0;
	for (int i = first * cut->strip_segments; first < end && i < cvt_winograd3_strip_end(cut, end - 1); i++) {
		int image;
		tiles += cvt_winograd3_segment(cut, i, &image).tiles;
	}
	return tiles;
}

struct cvt_winograd3_staged cvt_winograd3_staged(const struct cvt_winograd3_cut *cut, int channels, int most, int tiles, bool gradient)
{
	int lanes = cvt_winograd3_lanes(cut, channels);
	struct cvt_winograd3_staged s = {.cut = cut, .channels = channels, .part_channels = most < lanes ? most : lanes, .gradient = gradient};
	s.parts = cvt_conv_whole(channels, s.part_channels);
	s.plane = cvt_winograd3_plane_stride(tiles, s.part_channels);
	s.part_stride = cut->planes * s.plane;
	return s;
}

void cvt_winograd3_stage(const struct cvt_winograd3_staged *s, int task, float *scratch)
{
	int strip = s->first_strip + task / s->parts, part = task % s->parts, c = part * s->part_channels;
	int channels = s->channels - c < s->part_channels ? s->channels - c : s->part_channels;
	float *v = s->v + part * s->part_stride + (ptrdiff_t)cvt_winograd3_tiles(s->cut, s->first_strip, strip) * s->part_channels;
	for (int i = strip * s->cut->strip_segments; i < cvt_winograd3_strip_end(s->cut, strip); i++) {
		int image;
		struct cvt_winograd3_segment segment = cvt_winograd3_segment(s->cut, i, &image);
		const float *x = s->x + image * s->x_stride + (ptrdiff_t)c * s->cut->h * s->cut->w;
		if (s->gradient)
			s->cut->tile->gradient(&segment, x, channels, v, s->plane, s->part_channels, scratch);
		else
			s->cut->tile->input(&segment, x, channels, v, s->plane, s->part_channels, scratch);
		v += (ptrdiff_t)segment.tiles * s->part_channels;
	}
}
