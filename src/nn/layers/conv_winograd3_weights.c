/* conv_winograd3_weights.c - the weight gradient of a 3 x 3 convolution by Winograd: dw = G^T (sum over tiles of P . V) G.
 *
 * dU, the sum in the transformed domain, is 16, 36 or 64 times in_c x out_c floats. Two ways to share the sum among tasks:
 *   chunks  while dU is small (12,288 channel pairs: 3 MB) beside the tiles: the strips are dealt to 8 chunks, each with a dU of its own, added in order;
 *   slices  else: strips are transformed into shared arrays, some hundred tiles at a time; then each task owns 32 channels of a block of
 *           outputs in all planes: their dU stays in the second cache, and is transformed back at once and added to dw. */
#include "nn/layers/conv_winograd3.h"

enum { STRIP = 48, CHUNKS = 8, FEW_STRIPS = 16, LEAST_STRIP = 12, MOST_PAIRS = 12288, GROUP = 384, CHANNELS = 32 /* of a slice, a final task */ };

struct job {
	const struct cvt_conv_call *call;
	struct cvt_winograd3_cut cut;
	int in_c, out_c, block, parts;          /* block: outputs multiplied together; parts: chunks, or 1 */
	bool slices;
	double *bias;                           /* sums of dy: [parts][outputs in whole vectors] */
	ptrdiff_t v_tile, v_plane, p_tile, p_plane, u_plane;   /* chunks: of V, P, and dU: */
	float *du;                              /* [parts][planes][u_plane] */
	struct cvt_winograd3_staged v, p;       /* slices: the group's */
	int group_strips, tiles;                /* slices: strips of a group; tiles of this one */
};

/* Chunks write and read CHUNKS dU, slices what is staged of the tiles (several times, from the caches). By the largest batch: scratch is
 * planned for one of the two. */
static bool in_slices(const struct cvt_conv_shape *shape, const struct cvt_winograd3_cut *cut)
{
	int64_t pairs = (int64_t)shape->in_c * shape->out_c, tiles = (int64_t)shape->batch * cut->tile_rows * cut->row_tiles;
	return pairs > MOST_PAIRS || 2 * tiles * (shape->in_c + shape->out_c) < CHUNKS * pairs;
}

static void job_of(struct job *j, const struct cvt_conv_shape *shape, int n, const struct cvt_kernels *kernels)
{
	*j = (struct job){.in_c = shape->in_c, .out_c = shape->out_c};
	j->cut = cvt_winograd3_cut(shape, n, STRIP, LEAST_STRIP, FEW_STRIPS, kernels);
	j->slices = in_slices(shape, &j->cut);
	j->block = kernels->product.block_vectors * kernels->vector_length;
	if (j->slices) {
		int total = n * j->cut.tile_rows * j->cut.row_tiles, room = total < GROUP ? total : GROUP;
		room = room > j->cut.most_tiles ? room : j->cut.most_tiles;
		j->parts = 1;
		j->group_strips = room / j->cut.strip_tiles;
		j->v = cvt_winograd3_staged(&j->cut, j->in_c, CHANNELS, room, false);
		j->p = cvt_winograd3_staged(&j->cut, j->out_c, j->block, room, true);
		j->u_plane = cvt_winograd3_plane_stride(CHANNELS, j->block);
		return;
	}
	j->parts = j->cut.strips < CHUNKS ? j->cut.strips : CHUNKS;
	j->v_tile = cvt_winograd3_tile_stride(&j->cut, j->in_c);
	j->p_tile = cvt_winograd3_tile_stride(&j->cut, j->out_c);
	j->v_plane = cvt_winograd3_plane_stride(j->cut.most_tiles, j->v_tile);
	j->p_plane = cvt_winograd3_plane_stride(j->cut.most_tiles, j->p_tile);
	j->u_plane = cvt_winograd3_plane_stride(j->in_c, cvt_winograd3_lanes(&j->cut, j->out_c));
}

static size_t transform_bytes(const struct job *j)
{
	return cvt_winograd3_scratch(j->cut.m, j->cut.most_tiles, j->cut.kernels->vector_length) * sizeof(float);
}

/* The bias's gradient, of a block of outputs: one of P's planes holds the sums of tiles. */
static void add_bias(const struct job *j, int part, int o, const float *p, ptrdiff_t p_tile, int tiles, bool first)
{
	double *bias = j->bias + (ptrdiff_t)part * cvt_winograd3_lanes(&j->cut, j->out_c) + o;
	for (int i = 0; first && i < cvt_winograd3_block_lanes(&j->cut, j->out_c, o); i++)
		bias[i] = 0;
	j->cut.kernels->winograd3.bias(p, p_tile, tiles, cvt_winograd3_block_lanes(&j->cut, j->out_c, o), bias);
}

/* V and P of a strip; returns its tiles. */
static int transform_strip(const struct job *j, int strip, float *v, float *p, float *scratch)
{
	const struct cvt_conv_call *call = j->call;
	int tiles = 0;
	for (int i = strip * j->cut.strip_segments; i < cvt_winograd3_strip_end(&j->cut, strip); i++) {
		int image;
		struct cvt_winograd3_segment s = cvt_winograd3_segment(&j->cut, i, &image);
		j->cut.tile->input(&s, call->x + image * call->x_stride, j->in_c, v + tiles * j->v_tile, j->v_plane, j->v_tile, scratch);
		j->cut.tile->gradient(&s, call->dy + image * call->dy_stride, j->out_c, p + tiles * j->p_tile, j->p_plane, j->p_tile, scratch);
		tiles += s.tiles;
	}
	return tiles;
}

static void chunk_task(void *context, int chunk, int worker)
{
	const struct job *j = context;
	float *v = cvt_conv_worker(j->call, worker), *p = v + j->cut.planes * j->v_plane, *scratch = p + j->cut.planes * j->p_plane;
	float *du = j->du + chunk * j->cut.planes * j->u_plane;
	int begin = (int)((int64_t)j->cut.strips * chunk / j->parts), end = (int)((int64_t)j->cut.strips * (chunk + 1) / j->parts);
	for (int strip = begin; strip < end; strip++) {
		int tiles = transform_strip(j, strip, v, p, scratch);
		for (int o = 0; o < j->out_c; o += j->block) {
			for (int plane = 0; plane < j->cut.planes; plane++)
				j->cut.kernels->product.columns(v + plane * j->v_plane, j->v_tile, j->in_c, tiles, p + plane * j->p_plane + o, j->p_tile,
					cvt_winograd3_block_lanes(&j->cut, j->out_c, o) / j->cut.kernels->vector_length, du + plane * j->u_plane + (ptrdiff_t)o * j->in_c, strip > begin);
			if (j->call->dbias)
				add_bias(j, chunk, o, p + (j->cut.m + 3) * j->p_plane + o, j->p_tile, tiles, strip == begin);
		}
	}
}

/* The chunks' dU, added, to dw: a vector of outputs and some channels. */
static void finish_task(void *context, int task, int worker)
{
	const struct job *j = context;
	int pieces = (j->in_c + CHANNELS - 1) / CHANNELS, c = task % pieces * CHANNELS;
	int lane = task / pieces * j->cut.kernels->vector_length, o = lane / j->block * j->block, row = cvt_winograd3_block_lanes(&j->cut, j->out_c, o);
	j->cut.tile->weight_gradient(j->du + (ptrdiff_t)o * j->in_c + (ptrdiff_t)c * row + lane - o, row, j->u_plane, j->cut.planes * j->u_plane,
		j->parts, j->in_c, j->out_c, lane, c, c + CHANNELS < j->in_c ? c + CHANNELS : j->in_c, j->call->dweight, false);
}

static void stage_task(void *context, int task, int worker)
{
	const struct job *j = context;
	int strip = task / (j->v.parts + j->p.parts), part = task % (j->v.parts + j->p.parts);
	if (part < j->v.parts)
		cvt_winograd3_stage(&j->v, strip * j->v.parts + part, cvt_conv_worker(j->call, worker));
	else
		cvt_winograd3_stage(&j->p, strip * j->p.parts + part - j->v.parts, cvt_conv_worker(j->call, worker));
}

static void slice_task(void *context, int task, int worker)
{
	const struct job *j = context;
	int c = task % j->v.parts * j->v.part_channels, o = task / j->v.parts * j->block, row = cvt_winograd3_block_lanes(&j->cut, j->out_c, o);
	int length = j->cut.kernels->vector_length, channels = j->in_c - c < j->v.part_channels ? j->in_c - c : j->v.part_channels;
	const float *v = j->v.v + task % j->v.parts * j->v.part_stride, *p = j->p.v + task / j->v.parts * j->p.part_stride;
	float *du = cvt_conv_worker(j->call, worker);
	for (int plane = 0; plane < j->cut.planes; plane++)
		for (int t = 0; t < j->tiles; t += STRIP)
			j->cut.kernels->product.columns(v + plane * j->v.plane + (ptrdiff_t)t * j->v.part_channels, j->v.part_channels, channels,
				j->tiles - t < STRIP ? j->tiles - t : STRIP, p + plane * j->p.plane + (ptrdiff_t)t * j->p.part_channels, j->p.part_channels,
				row / length, du + plane * j->u_plane, t > 0);
	for (int lane = 0; lane < row; lane += length)
		j->cut.tile->weight_gradient(du + lane, row, j->u_plane, 0, 1, j->in_c, j->out_c, o + lane, c, c + channels, j->call->dweight,
			j->v.first_strip > 0);
	for (int t = 0; c == 0 && j->call->dbias && t < j->tiles; t += STRIP)
		add_bias(j, 0, o, p + (j->cut.m + 3) * j->p.plane + (ptrdiff_t)t * j->p.part_channels, j->p.part_channels,
			j->tiles - t < STRIP ? j->tiles - t : STRIP, j->v.first_strip == 0 && t == 0);
}

static void run_slices(struct job *j)
{
	for (int first = 0; first < j->cut.strips; first += j->group_strips) {
		int left = j->cut.strips - first, strips = left < j->group_strips ? left : j->group_strips;
		j->v.first_strip = j->p.first_strip = first;
		j->tiles = cvt_winograd3_tiles(&j->cut, first, first + strips);
		cvt_pool_run(j->call->pool, stage_task, j, strips * (j->v.parts + j->p.parts));
		cvt_pool_run(j->call->pool, slice_task, j, j->v.parts * j->p.parts);
	}
}

void cvt_winograd3_weight_scratch(const struct cvt_conv_shape *shape, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes)
{
	struct job j;
	job_of(&j, shape, max_batch, kernels);
	size_t bias = (size_t)(j.slices ? 1 : CHUNKS) * (size_t)cvt_winograd3_lanes(&j.cut, j.out_c) * sizeof(double);
	if (j.slices) {
		size_t du = (size_t)(j.cut.planes * j.u_plane) * sizeof(float), transform = transform_bytes(&j);
		*ret_shared_bytes = (size_t)(cvt_winograd3_staged_floats(&j.v) + cvt_winograd3_staged_floats(&j.p)) * sizeof(float) + bias;
		*ret_worker_bytes = ((du > transform ? du : transform) + 63) / 64 * 64;
		return;
	}
	*ret_shared_bytes = CHUNKS * (size_t)(j.cut.planes * j.u_plane) * sizeof(float) + bias;
	*ret_worker_bytes = (size_t)(j.cut.planes * (j.v_plane + j.p_plane)) * sizeof(float) + (transform_bytes(&j) + 63) / 64 * 64;
}

void cvt_winograd3_weight_run(const struct cvt_conv_call *call)
{
	struct job j;
	job_of(&j, &call->shape, call->n, call->kernels);
	int lanes = cvt_winograd3_lanes(&j.cut, j.out_c);
	j.call = call;
	if (j.slices) {
		j.v.x = call->x;
		j.v.x_stride = call->x_stride;
		j.v.v = call->shared;
		j.p.x = call->dy;
		j.p.x_stride = call->dy_stride;
		j.p.v = j.v.v + cvt_winograd3_staged_floats(&j.v);
		j.bias = (double *)(j.p.v + cvt_winograd3_staged_floats(&j.p));
		run_slices(&j);
	} else {
		j.du = call->shared;
		j.bias = (double *)(j.du + j.parts * j.cut.planes * j.u_plane);
		cvt_pool_run(call->pool, chunk_task, &j, j.parts);
		cvt_pool_run(call->pool, finish_task, &j, lanes / call->kernels->vector_length * ((j.in_c + CHANNELS - 1) / CHANNELS));
	}
	for (int o = 0; call->dbias && o < j.out_c; o++) {
		double sum = 0;
		for (int part = 0; part < j.parts; part++)
			sum += j.bias[(ptrdiff_t)part * lanes + o];
		call->dbias[o] = (float)sum;
	}
}
