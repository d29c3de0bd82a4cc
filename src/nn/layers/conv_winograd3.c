/* conv_winograd3.c - 3 x 3 convolutions of stride 1 by Winograd's minimal filtering (kernels/winograd3.c): forward and input gradient.
 *
 * First the weights are transformed, once a call. Then a task takes a strip of some tens of tiles through the three stages, alone, in
 * its worker's scratch: windows of all channels to V; for each block of outputs the products, M = V . U in each of the 64, 36 or
 * 16 planes; and M back to pixels, finished, in their place. V and M stay in the caches; U is read once a strip. A strip is long enough
 * that reading U costs little, short enough that V fits: 48 tiles up to 64 channels, 72 above; less for few images, so that there is
 * work for several threads. Where U is too large for the caches: conv_winograd3_many.c.
 * F(6x6) where it saves at least a tenth of the multiplications, on maps of more than 32 x 32; else F(4x4), whose smaller tiles waste
 * less at the edges, whose weights are a little more than half as large, and which rounds better; F(2x2) on maps no more than 2 high or
 * wide, if it is fewer multiplications. */
#include "nn/layers/conv_winograd3.h"

#include <string.h>


enum {
	SHORT_STRIP = 48, LONG_STRIP = 72,      /* tiles, up to 64 channels and above */
	LEAST_STRIP = 12, FEW_STRIPS = 16,
	MOST_SHORT = 256                        /* strips of a batch so small that they are shortened: 12 tiles x 16, or fewer than 48 strips */
};

/* Forward and input gradient with U of all channels, made once. */
struct job {
	struct cvt_winograd3_job all;
	ptrdiff_t v_tile, v_plane, m_plane, u_plane;
	float *u;                               /* [planes][blocks of outputs][channels][lanes of the block] */
};

struct cvt_winograd3_job cvt_winograd3_job(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, const struct cvt_kernels *kernels)
{
	bool flipped = pass == CVT_CONV_INPUT_GRADIENT;
	return (struct cvt_winograd3_job){.flipped = flipped, .channels = flipped ? shape->out_c : shape->in_c,
		.outputs = flipped ? shape->in_c : shape->out_c, .block = kernels->product.block_vectors * kernels->vector_length};
}

static struct job job_of(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, int n, const struct cvt_kernels *kernels)
{
	struct job j = {.all = cvt_winograd3_job(shape, pass, kernels)};
	struct cvt_winograd3_cut *cut = &j.all.cut;
	*cut = cvt_winograd3_cut(shape, n, j.all.channels <= 64 ? SHORT_STRIP : LONG_STRIP, LEAST_STRIP, FEW_STRIPS, kernels);
	j.v_tile = cvt_winograd3_tile_stride(cut, j.all.channels);
	j.v_plane = cvt_winograd3_plane_stride(cut->most_tiles, j.v_tile);
	j.m_plane = cvt_winograd3_plane_stride(cut->most_tiles, j.all.block);
	j.u_plane = cvt_winograd3_plane_stride(j.all.channels, cvt_winograd3_lanes(cut, j.all.outputs));
	return j;
}

static void weights_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_winograd3_job *a = &j->all;
	const struct cvt_conv_shape *s = &a->call->shape;
	int lane = task * a->cut.kernels->vector_length, first = lane / a->block * a->block;
	a->cut.tile->weights(a->call->weight, s->in_c, s->out_c, a->flipped, lane, 0, a->channels,
		j->u + (ptrdiff_t)first * a->channels + lane - first, cvt_winograd3_block_lanes(&a->cut, a->outputs, first), j->u_plane);
}

void cvt_winograd3_output(const struct cvt_winograd3_job *j, int strip, int o, int width, const float *m, ptrdiff_t m_plane, float *scratch)
{
	const struct cvt_conv_call *call = j->call;
	bool pooled = !j->flipped && call->pooled;
	ptrdiff_t map = pooled ? (ptrdiff_t)(j->cut.h / 2) * (j->cut.w / 2) : (ptrdiff_t)j->cut.h * j->cut.w;
	ptrdiff_t stride = j->flipped ? call->dx_stride : pooled ? call->pooled_stride : call->y_stride;
	float *to = j->flipped ? call->dx : pooled ? call->pooled : call->y;
	int outputs = j->outputs - o < width ? j->outputs - o : width;
	struct cvt_finish finish = cvt_conv_finish_from(call, j->flipped, o, (int64_t)call->n * j->outputs * map,
		j->sums ? j->sums + (ptrdiff_t)strip * j->outputs * 2 : NULL);
	finish.pooled = pooled;
	if (finish.sums)
		memset(finish.sums, 0, (size_t)outputs * 2 * sizeof *finish.sums);
	for (int i = strip * j->cut.strip_segments; i < cvt_winograd3_strip_end(&j->cut, strip); i++) {
		int image;
		struct cvt_winograd3_segment segment = cvt_winograd3_segment(&j->cut, i, &image);
		j->cut.tile->output(&segment, m, m_plane, width, to + image * stride + o * map, outputs, &finish, scratch);
		m += (ptrdiff_t)segment.tiles * width;
	}
}

static void strip_task(void *context, int strip, int worker)
{
	const struct job *j = context;
	const struct cvt_winograd3_job *a = &j->all;
	const struct cvt_conv_call *call = a->call;
	const struct cvt_winograd3_cut *cut = &a->cut;
	float *v = cvt_conv_worker(call, worker);
	float *m = v + cut->planes * j->v_plane, *scratch = m + cut->planes * j->m_plane;
	int tiles = 0;
	for (int i = strip * cut->strip_segments; i < cvt_winograd3_strip_end(cut, strip); i++) {
		int image;
		struct cvt_winograd3_segment segment = cvt_winograd3_segment(cut, i, &image);
		const float *x = a->flipped ? call->dy + image * call->dy_stride : call->x + image * call->x_stride;
		cut->tile->input(&segment, x, a->channels, v + tiles * j->v_tile, j->v_plane, j->v_tile, scratch);
		tiles += segment.tiles;
	}
	for (int o = 0; o < a->outputs; o += a->block) {
		int width = cvt_winograd3_block_lanes(&a->cut, a->outputs, o);
		for (int p = 0; p < cut->planes; p++)
			cut->kernels->product.rows(v + p * j->v_plane, j->v_tile, tiles, a->channels,
				j->u + p * j->u_plane + (ptrdiff_t)o * a->channels, width / cut->kernels->vector_length, m + p * j->m_plane, false);
		cvt_winograd3_output(a, strip, o, width, m, j->m_plane, scratch);
	}
}

size_t cvt_winograd3_sums_bytes(const struct cvt_winograd3_job *j, enum cvt_conv_pass pass)
{
	if (pass != CVT_CONV_FORWARD)
		return 0;
	return (size_t)(j->cut.strips < MOST_SHORT ? MOST_SHORT : j->cut.strips) * (size_t)j->outputs * 2 * sizeof(double);
}

static void scratch(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes)
{
	if (pass == CVT_CONV_WEIGHT_GRADIENT) {
		cvt_winograd3_weight_scratch(shape, max_batch, kernels, ret_shared_bytes, ret_worker_bytes);
		return;
	}
	if (cvt_winograd3_is_many(shape, kernels)) {
		cvt_winograd3_many_scratch(shape, pass, max_batch, kernels, ret_shared_bytes, ret_worker_bytes);
		return;
	}
	struct job j = job_of(shape, pass, max_batch, kernels);
	const struct cvt_winograd3_cut *cut = &j.all.cut;
	*ret_shared_bytes = cvt_conv_bytes(cut->planes * j.u_plane) + cvt_winograd3_sums_bytes(&j.all, pass);
	*ret_worker_bytes = cvt_conv_bytes(cut->planes * (j.v_plane + j.m_plane)) +
		cvt_conv_bytes((ptrdiff_t)cvt_winograd3_scratch(cut->m, cut->most_tiles, kernels->vector_length));
}

static void run(const struct cvt_conv_call *call, enum cvt_conv_pass pass)
{
	if (pass == CVT_CONV_WEIGHT_GRADIENT) {
		cvt_winograd3_weight_run(call);
		return;
	}
	if (cvt_winograd3_is_many(&call->shape, call->kernels)) {
		cvt_winograd3_many_run(call, pass);
		return;
	}
	struct job j = job_of(&call->shape, pass, call->n, call->kernels);
	const struct cvt_winograd3_cut *cut = &j.all.cut;
	j.all.call = call;
	j.u = call->shared;
	if (!j.all.flipped && call->sums)
		j.all.sums = (double *)((char *)call->shared + cvt_conv_bytes(cut->planes * j.u_plane));
	cvt_pool_run(call->pool, weights_task, &j, cvt_winograd3_lanes(cut, j.all.outputs) / call->kernels->vector_length);
	cvt_pool_run(call->pool, strip_task, &j, cut->strips);
	if (j.all.sums)
		cvt_conv_add_sums(call, j.all.sums, cut->strips, j.all.outputs);
}

/* Weights are transformed whatever the batch, which takes as long as some tiles' products: the last layers of VGG on a picture or two are quicker
 * with the weights as they are. Measured against im2col, when the transformed weights of many channels still went through memory. */
static bool worth_it(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass)
{
	bool many = pass != CVT_CONV_FORWARD && (int64_t)shape->in_c * shape->out_c >= 1 << 17;
	int64_t pixels = (int64_t)shape->batch * shape->in_h * shape->in_w;
	int64_t tiles = (int64_t)shape->batch * cvt_conv_whole(shape->in_h, 4) * cvt_conv_whole(shape->in_w, 4);
	return shape->forced || (tiles >= (many ? 8 : 4) && pixels >= (many ? 64 : 32));
}

static bool fits(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, const struct cvt_kernels *kernels)
{
	return shape->kernel == 3 && shape->stride == 1 && shape->padding == 1 && worth_it(shape, pass);
}

const struct cvt_conv_method cvt_conv_winograd3 = {.name = "winograd 3x3", .fits = fits, .scratch = scratch, .run = run,
	.pools = true, .sums = true};
