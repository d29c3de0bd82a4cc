/* conv_winograd3_weights.c - the weight gradient of a 3 x 3 convolution by Winograd: dw = G^T (sum over tiles of P . V) G.
 *
 * dU, the sum in the transformed domain, is 36 or 64 times in_c x out_c floats. Two ways to share the sum among tasks:
 *   chunks  while dU is small (12,288 channel pairs: 3 MB): the strips are dealt to 8 chunks, each with a dU of its own, added in order;
 *   slices  above: strips are transformed into shared arrays, some hundred tiles at a time, then each task owns a plane and a block
 *           of outputs of dU and adds the group's tiles to it, in order. */
#include "nn/layers/conv_winograd3.h"

enum { STRIP = 48, CHUNKS = 8, MOST_PAIRS = 12288, GROUP = 384, CHANNELS = 32 /* of a final task */ };

struct job {
	const struct cvt_conv_call *call;
	struct cvt_winograd3_cut cut;
	int in_c, out_c, block, parts;          /* block: outputs multiplied together; parts: chunks, or 1 */
	bool slices;
	int group_strips;                       /* slices: strips transformed before they are multiplied */
	ptrdiff_t v_tile, v_plane, p_tile, p_plane, u_plane;
	float *du, *v, *p;                      /* dU: [parts][planes][u_plane]; slices: V and P of a group */
	int first_strip, tiles;                 /* slices: of the group */
	double *bias;                           /* sums of dy: [parts][outputs in whole vectors] */
};

static struct job job_of(const struct cvt_conv_shape *shape, int n, const struct cvt_kernels *kernels)
{
	struct job j = {.in_c = shape->in_c, .out_c = shape->out_c, .slices = (int64_t)shape->in_c * shape->out_c > MOST_PAIRS};
	j.cut = cvt_winograd3_cut(shape, n, STRIP, kernels);
	j.block = kernels->product.block_vectors * kernels->vector_length;
	j.group_strips = j.slices ? GROUP / j.cut.strip_tiles : 1;
	j.parts = j.slices ? 1 : j.cut.strips < CHUNKS ? j.cut.strips : CHUNKS;
	j.v_tile = cvt_winograd3_tile_stride(&j.cut, j.in_c);
	j.p_tile = cvt_winograd3_tile_stride(&j.cut, j.out_c);
	j.v_plane = cvt_winograd3_plane_stride(j.slices ? GROUP : j.cut.most_tiles, j.v_tile);
	j.p_plane = cvt_winograd3_plane_stride(j.slices ? GROUP : j.cut.most_tiles, j.p_tile);
	j.u_plane = cvt_winograd3_plane_stride(j.in_c, cvt_winograd3_lanes(&j.cut, j.out_c));
	return j;
}

static size_t transform_bytes(const struct job *j)
{
	return cvt_winograd3_scratch(j->cut.m, j->cut.most_tiles, j->cut.kernels->vector_length) * sizeof(float);
}

/* V and P of a strip; returns its tiles. */
static int transform_strip(const struct job *j, int strip, float *v, float *p, float *scratch, bool stream)
{
	const struct cvt_conv_call *call = j->call;
	int tiles = 0;
	for (int i = strip * j->cut.strip_segments; i < cvt_winograd3_strip_end(&j->cut, strip); i++) {
		int image;
		struct cvt_winograd3_segment s = cvt_winograd3_segment(&j->cut, i, &image);
		j->cut.tile->input(&s, call->x + image * call->x_stride, j->in_c, v + tiles * j->v_tile, j->v_plane, j->v_tile, scratch, stream);
		j->cut.tile->gradient(&s, call->dy + image * call->dy_stride, j->out_c, p + tiles * j->p_tile, j->p_plane, j->p_tile, scratch, stream);
		tiles += s.tiles;
	}
	return tiles;
}

/* dU of one plane and one block of outputs, from `tiles` tiles; one of the planes gives the bias's gradient too. */
static void accumulate(const struct job *j, int part, int plane, int o, const float *v, const float *p, int tiles, bool first)
{
	int lanes = cvt_winograd3_lanes(&j->cut, j->out_c), width = lanes - o < j->block ? lanes - o : j->block;
	float *du = j->du + part * j->cut.planes * j->u_plane;
	if (plane == j->cut.m + 3 && j->call->dbias) {
		double *bias = j->bias + (ptrdiff_t)part * lanes + o;
		for (int i = 0; first && i < width; i++)
			bias[i] = 0;
		j->cut.kernels->winograd3.bias(p + plane * j->p_plane + o, j->p_tile, tiles, width, bias);
	}
	j->cut.kernels->product.columns(v + plane * j->v_plane, j->v_tile, j->in_c, tiles, p + plane * j->p_plane + o, j->p_tile,
		width / j->cut.kernels->vector_length, du + plane * j->u_plane + (ptrdiff_t)o * j->in_c, !first);
}

static void chunk_task(void *context, int chunk, int worker)
{
	const struct job *j = context;
	float *v = (float *)((char *)j->call->workers + (size_t)worker * j->call->worker_bytes);
	float *p = v + j->cut.planes * j->v_plane, *scratch = p + j->cut.planes * j->p_plane;
	int begin = (int)((int64_t)j->cut.strips * chunk / j->parts), end = (int)((int64_t)j->cut.strips * (chunk + 1) / j->parts);
	for (int strip = begin; strip < end; strip++) {
		int tiles = transform_strip(j, strip, v, p, scratch, false);
		for (int plane = 0; plane < j->cut.planes; plane++)
			for (int o = 0; o < j->out_c; o += j->block)
				accumulate(j, chunk, plane, o, v, p, tiles, strip == begin);
	}
}

static void stage_task(void *context, int task, int worker)
{
	const struct job *j = context;
	float *scratch = (float *)((char *)j->call->workers + (size_t)worker * j->call->worker_bytes);
	ptrdiff_t first = 0;
	for (int i = j->first_strip * j->cut.strip_segments; i < (j->first_strip + task) * j->cut.strip_segments; i++) {
		int image;
		first += cvt_winograd3_segment(&j->cut, i, &image).tiles;
	}
	transform_strip(j, j->first_strip + task, j->v + first * j->v_tile, j->p + first * j->p_tile, scratch, true);
}

static void slice_task(void *context, int task, int worker)
{
	const struct job *j = context;
	int blocks = (j->out_c + j->block - 1) / j->block, plane = task / blocks, o = task % blocks * j->block;
	for (int t = 0; t < j->tiles; t += STRIP)
		accumulate(j, 0, plane, o, j->v + t * j->v_tile, j->p + t * j->p_tile, j->tiles - t < STRIP ? j->tiles - t : STRIP,
			j->first_strip == 0 && t == 0);
}

static void run_slices(struct job *j)
{
	for (; j->first_strip < j->cut.strips; j->first_strip += j->group_strips) {
		int left = j->cut.strips - j->first_strip, strips = left < j->group_strips ? left : j->group_strips;
		j->tiles = 0;
		for (int i = j->first_strip * j->cut.strip_segments; i < cvt_winograd3_strip_end(&j->cut, j->first_strip + strips - 1); i++) {
			int image;
			j->tiles += cvt_winograd3_segment(&j->cut, i, &image).tiles;
		}
		cvt_pool_run(j->call->pool, stage_task, j, strips);
		cvt_pool_run(j->call->pool, slice_task, j, (j->out_c + j->block - 1) / j->block * j->cut.planes);
	}
}

static void finish_task(void *context, int task, int worker)
{
	const struct job *j = context;
	int pieces = (j->in_c + CHANNELS - 1) / CHANNELS, c = task % pieces * CHANNELS;
	j->cut.tile->weight_gradient(j->du, j->u_plane, j->cut.planes * j->u_plane, j->parts, j->in_c, j->out_c,
		task / pieces * j->cut.kernels->vector_length, c, c + CHANNELS < j->in_c ? c + CHANNELS : j->in_c, j->call->dweight);
}

void cvt_winograd3_weight_scratch(const struct cvt_conv_shape *shape, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes)
{
	struct job j = job_of(shape, max_batch, kernels);
	size_t du = (size_t)(j.slices ? 1 : CHUNKS) * (size_t)(j.cut.planes * j.u_plane);
	size_t tiles = (size_t)(j.cut.planes * (j.v_plane + j.p_plane));
	size_t bias = (size_t)(j.slices ? 1 : CHUNKS) * (size_t)cvt_winograd3_lanes(&j.cut, j.out_c);
	*ret_shared_bytes = (du + (j.slices ? tiles : 0)) * sizeof(float) + bias * sizeof(double);
	*ret_worker_bytes = (j.slices ? 0 : tiles * sizeof(float)) + (transform_bytes(&j) + 63) / 64 * 64;
}

void cvt_winograd3_weight_run(const struct cvt_conv_call *call)
{
	struct job j = job_of(&call->shape, call->n, call->kernels);
	int vectors = cvt_winograd3_lanes(&j.cut, j.out_c) / call->kernels->vector_length;
	j.call = call;
	j.du = call->shared;
	j.v = j.du + j.parts * j.cut.planes * j.u_plane;
	j.p = j.v + j.cut.planes * j.v_plane;
	j.bias = (double *)(j.slices ? j.p + j.cut.planes * j.p_plane : j.v);
	if (j.slices)
		run_slices(&j);
	else
		cvt_pool_run(call->pool, chunk_task, &j, j.parts);
	cvt_pool_run(call->pool, finish_task, &j, vectors * ((j.in_c + CHANNELS - 1) / CHANNELS));
	for (int o = 0; call->dbias && o < j.out_c; o++) {
		double sum = 0;
		for (int part = 0; part < j.parts; part++)
			sum += j.bias[(ptrdiff_t)part * vectors * call->kernels->vector_length + o];
		call->dbias[o] = (float)sum;
	}
}
