/* conv_winograd3.c - 3 x 3 convolutions of stride 1 by Winograd's minimal filtering (kernels/winograd3.c): forward and input gradient.
 *
 * First the weights are transformed, once a call. Then a task takes a strip of some tens of tiles through the three stages, alone, in
 * its worker's scratch: windows of all channels to V; for each block of outputs the products, M = V . U in each of the 64 or 36
 * planes; and M back to pixels, finished, in their place. V and M stay in the caches; U is read once a strip. A strip is long enough
 * that reading U costs little, short enough that V fits: 48 tiles up to 64 channels, 72 above; less for few images, so that there is
 * work for several threads, but 36 where U is too large for the caches and comes from memory for each strip.
 * F(6x6) where it saves at least a tenth of the multiplications, on maps of more than 32 x 32; else F(4x4), whose smaller tiles waste
 * less at the edges, whose weights are a little more than half as large, and which rounds better. */
#include "nn/layers/conv_winograd3.h"

#include <string.h>

#include "nn/layers/conv_common.h"

enum {
	SHORT_STRIP = 48, LONG_STRIP = 72,      /* tiles, up to 64 channels and above */
	LEAST_STRIP = 12, LEAST_LARGE = 36, FEW_STRIPS = 16,
	LARGE_WEIGHTS = 1 << 20,                /* floats of U */
	LARGE_MAP = 33,
	MOST_SHORT = 256                        /* strips of a batch so small that they are shortened: 12 tiles x 16, or fewer than 48 strips */
};
#define STREAM_BYTES ((ptrdiff_t)4 << 20)       /* a tensor past this size is not in a cache when it is read next */

static int whole(int a, int b)
{
	return (a + b - 1) / b;
}

static bool large_tiles(int h, int w)
{
	int64_t six = (int64_t)whole(h, 6) * whole(w, 6) * 64, four = (int64_t)whole(h, 4) * whole(w, 4) * 36;
	return h >= LARGE_MAP && w >= LARGE_MAP && six * 10 <= four * 9;
}

struct cvt_winograd3_cut cvt_winograd3_cut(const struct cvt_conv_shape *shape, int n, int tiles, const struct cvt_kernels *kernels)
{
	struct cvt_winograd3_cut c = {.kernels = kernels, .h = shape->out_h, .w = shape->out_w, .n = n};
	c.tile = large_tiles(c.h, c.w) ? &kernels->winograd3.tile6 : &kernels->winograd3.tile4;
	c.m = c.tile->m;
	c.planes = (c.m + 2) * (c.m + 2);
	c.tile_rows = whole(c.h, c.m);
	c.row_tiles = whole(c.w, c.m);
	int whole_lines = c.m == 6 ? 8 : 4;     /* tiles that are whole cache lines: segments begin there */
	int total = c.n * c.tile_rows * c.row_tiles, fair = whole(total, FEW_STRIPS);
	int least = (int64_t)shape->in_c * shape->out_c * c.planes > LARGE_WEIGHTS ? LEAST_LARGE : LEAST_STRIP;
	if (tiles > fair)
		tiles = fair < least ? least : fair;
	c.most_tiles = tiles;
	if (c.row_tiles <= tiles) {             /* strips of equal length, in whole rows */
		int even = whole(whole(total, whole(total, tiles)), c.row_tiles) * c.row_tiles;
		tiles = even < tiles ? even : tiles;
	}
	c.segment_tiles = c.row_tiles;
	c.row_segments = 1;
	if (c.row_tiles > tiles) {
		c.segment_tiles = whole(whole(c.row_tiles, whole(c.row_tiles, tiles / whole_lines * whole_lines)), whole_lines) * whole_lines;
		c.row_segments = whole(c.row_tiles, c.segment_tiles);
	}
	c.strip_segments = tiles / c.segment_tiles;
	c.strip_tiles = c.strip_segments * c.segment_tiles;
	c.segments = c.n * c.tile_rows * c.row_segments;
	c.strips = whole(c.segments, c.strip_segments);
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

/* One call of forward or input gradient: `channels` maps come in, `outputs` go out. */
struct job {
	const struct cvt_conv_call *call;
	struct cvt_winograd3_cut cut;
	int channels, outputs, block;           /* block: outputs multiplied together */
	bool flipped;
	ptrdiff_t v_tile, v_plane, m_plane, u_plane;
	float *u;
	double *sums;                           /* [strips][outputs][2], or NULL */
};

static struct job job_of(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, int n, const struct cvt_kernels *kernels)
{
	struct job j = {.flipped = pass == CVT_CONV_INPUT_GRADIENT};
	j.channels = j.flipped ? shape->out_c : shape->in_c;
	j.outputs = j.flipped ? shape->in_c : shape->out_c;
	j.cut = cvt_winograd3_cut(shape, n, j.channels <= 64 ? SHORT_STRIP : LONG_STRIP, kernels);
	j.block = kernels->product.block_vectors * kernels->vector_length;
	j.v_tile = cvt_winograd3_tile_stride(&j.cut, j.channels);
	j.v_plane = cvt_winograd3_plane_stride(j.cut.most_tiles, j.v_tile);
	j.m_plane = cvt_winograd3_plane_stride(j.cut.most_tiles, j.block);
	j.u_plane = cvt_winograd3_plane_stride(j.channels, cvt_winograd3_lanes(&j.cut, j.outputs));
	return j;
}

static void weights_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_shape *s = &j->call->shape;
	j->cut.tile->weights(j->call->weight, s->in_c, s->out_c, j->flipped, task * j->call->kernels->vector_length, j->u, j->u_plane);
}

static const float *from(const float *p, int index)
{
	return p ? p + index : NULL;
}

/* M of outputs o .. to pixels, segment by segment. */
static void output_strip(const struct job *j, int strip, int o, int width, const float *m, float *scratch)
{
	const struct cvt_conv_call *call = j->call;
	bool pooled = !j->flipped && call->pooled;
	ptrdiff_t map = pooled ? (ptrdiff_t)(j->cut.h / 2) * (j->cut.w / 2) : (ptrdiff_t)j->cut.h * j->cut.w;
	ptrdiff_t stride = j->flipped ? call->dx_stride : pooled ? call->pooled_stride : call->y_stride;
	float *to = j->flipped ? call->dx : pooled ? call->pooled : call->y;
	int outputs = j->outputs - o < j->block ? j->outputs - o : j->block;
	struct cvt_finish finish = {.adds = j->flipped && call->dx_adds, .pooled = pooled,
		.stream = call->n * j->outputs * map * (ptrdiff_t)sizeof(float) > STREAM_BYTES};
	if (!j->flipped) {
		finish.bias = from(call->bias, o);
		finish.scale = from(call->scale, o);
		finish.shift = from(call->shift, o);
		finish.relu = call->relu;
		finish.scale_after_relu = call->scale_after_relu;
		finish.pivot = from(call->pivot, o);
		finish.sums = j->sums ? j->sums + ((ptrdiff_t)strip * j->outputs + o) * 2 : NULL;
	}
	for (int i = strip * j->cut.strip_segments; i < cvt_winograd3_strip_end(&j->cut, strip); i++) {
		int image;
		struct cvt_winograd3_segment segment = cvt_winograd3_segment(&j->cut, i, &image);
		j->cut.tile->output(&segment, m, j->m_plane, width, to + image * stride + o * map, outputs, &finish, scratch);
		m += (ptrdiff_t)segment.tiles * width;
	}
}

static void strip_task(void *context, int strip, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_call *call = j->call;
	float *v = (float *)((char *)call->workers + (size_t)worker * call->worker_bytes);
	float *m = v + j->cut.planes * j->v_plane, *scratch = m + j->cut.planes * j->m_plane;
	int tiles = 0, lanes = cvt_winograd3_lanes(&j->cut, j->outputs);
	for (int i = strip * j->cut.strip_segments; i < cvt_winograd3_strip_end(&j->cut, strip); i++) {
		int image;
		struct cvt_winograd3_segment segment = cvt_winograd3_segment(&j->cut, i, &image);
		const float *x = j->flipped ? call->dy + image * call->dy_stride : call->x + image * call->x_stride;
		j->cut.tile->input(&segment, x, j->channels, v + tiles * j->v_tile, j->v_plane, j->v_tile, scratch, false);
		tiles += segment.tiles;
	}
	if (j->sums)
		memset(j->sums + (ptrdiff_t)strip * j->outputs * 2, 0, (size_t)j->outputs * 2 * sizeof(double));
	for (int o = 0; o < j->outputs; o += j->block) {
		int width = lanes - o < j->block ? lanes - o : j->block;
		for (int p = 0; p < j->cut.planes; p++)
			call->kernels->product.rows(v + p * j->v_plane, j->v_tile, tiles, j->channels,
				j->u + p * j->u_plane + (ptrdiff_t)o * j->channels, width / call->kernels->vector_length, m + p * j->m_plane, false);
		output_strip(j, strip, o, width, m, scratch);
	}
}

static void sums_task(void *context, int o, int worker)
{
	const struct job *j = context;
	double *to = j->call->sums + 2 * o;
	to[0] = to[1] = 0;
	for (int s = 0; s < j->cut.strips; s++)
		for (int i = 0; i < 2; i++)
			to[i] += j->sums[((ptrdiff_t)s * j->outputs + o) * 2 + i];
}

static size_t padded(ptrdiff_t floats)
{
	return ((size_t)floats * sizeof(float) + 63) / 64 * 64;
}

static void scratch(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes)
{
	if (pass == CVT_CONV_WEIGHT_GRADIENT) {
		cvt_winograd3_weight_scratch(shape, max_batch, kernels, ret_shared_bytes, ret_worker_bytes);
		return;
	}
	struct job j = job_of(shape, pass, max_batch, kernels);
	*ret_shared_bytes = padded(j.cut.planes * j.u_plane);
	if (pass == CVT_CONV_FORWARD)
		*ret_shared_bytes += (size_t)(j.cut.strips < MOST_SHORT ? MOST_SHORT : j.cut.strips) * (size_t)j.outputs * 2 * sizeof(double);
	*ret_worker_bytes = padded(j.cut.planes * (j.v_plane + j.m_plane)) +
		padded((ptrdiff_t)cvt_winograd3_scratch(j.cut.m, j.cut.most_tiles, kernels->vector_length));
}

static void run(const struct cvt_conv_call *call, enum cvt_conv_pass pass)
{
	if (pass == CVT_CONV_WEIGHT_GRADIENT) {
		cvt_winograd3_weight_run(call);
		return;
	}
	struct job j = job_of(&call->shape, pass, call->n, call->kernels);
	j.call = call;
	j.u = call->shared;
	if (!j.flipped && call->sums)
		j.sums = (double *)((char *)call->shared + padded(j.cut.planes * j.u_plane));
	cvt_pool_run(call->pool, weights_task, &j, cvt_winograd3_lanes(&j.cut, j.outputs) / call->kernels->vector_length);
	cvt_pool_run(call->pool, strip_task, &j, j.cut.strips);
	if (j.sums)
		cvt_pool_run(call->pool, sums_task, &j, j.outputs);
}

/* Transformed weights are 4 to 7 times the weights, made and read again whatever the batch: the last layers of VGG on a picture or two are
 * quicker with the weights as they are, and gradients of many channels, whose transforms are in no cache, longer. Measured against im2col. */
static bool worth_it(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass)
{
	bool many = pass != CVT_CONV_FORWARD && (int64_t)shape->in_c * shape->out_c >= 1 << 17;
	int64_t pixels = (int64_t)shape->batch * shape->in_h * shape->in_w;
	int64_t tiles = (int64_t)shape->batch * whole(shape->in_h, 4) * whole(shape->in_w, 4);
	return shape->batch == 0 || (tiles >= (many ? 8 : 4) && pixels >= (many ? 64 : 32));
}

static bool fits(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, const struct cvt_kernels *kernels)
{
	return shape->kernel == 3 && shape->stride == 1 && shape->padding == 1 && worth_it(shape, pass);
}

const struct cvt_conv_method cvt_conv_winograd3 = {.name = "winograd 3x3", .fits = fits, .scratch = scratch, .run = run,
	.pools = true, .sums = true};
