/* conv_winograd3_many.c - 3 x 3 convolutions of many channels by Winograd: weights are transformed where they are multiplied.
 *
 * U, the transformed weights, is 4 or 7 times the weights: 38 MB for 512 to 512 channels, which go to memory and come back for a few
 * multiplications each where maps are small and images few. Here U never exists as a whole. A group of strips is transformed to V, in
 * the third cache; then a task takes a strip and up to 32 or 64 outputs, and some channels at a time: their U in the second cache, multiplied at
 * once with the strip's V into M: fewer outputs leave room for M beside U, and more channels for fewer passes over it. A strip of 96
 * tiles pays for the weights' transform a fortieth of its products, one of 8 tiles a third. Sums run over channels in their order, as if
 * U were whole. */
#include "nn/layers/conv_winograd3.h"

enum {
	SPAN = 32, TERMS = 64,                  /* outputs of a task, at most; channels at a time */
	FLIPPED_SPAN = 64, FLIPPED_TERMS = 16,  /* the weights of outputs lie side by side then, those of channels far apart */
	STRIP = 96, LEAST_STRIP = 36, FEW_TASKS = 16,
	FEW_TILES = 64, SOME_TILES = 1024,       /* of a batch */
	SOME_WEIGHTS = 1 << 19, LARGE_WEIGHTS = 1 << 21,   /* floats of U */
	GROUP_FLOATS = 2 << 20                  /* of V */
};

struct job {
	struct cvt_winograd3_job all;
	struct cvt_winograd3_staged v;
	int terms, span;                        /* channels at a time; outputs of a task at most */
	int spans, group_strips;                /* spans of outputs: whole vectors, as even as they get */
	ptrdiff_t m_plane, m_block, u_plane;
};

/* U as a whole is read again for each strip: of some megabytes from the third cache, which costs less than to make it again if it is for more
 * than a strip or two; what is larger comes from memory, and is worth keeping only for long batches. Measured. */
bool cvt_winograd3_is_many(const struct cvt_conv_shape *shape, const struct cvt_kernels *kernels)
{
	struct cvt_winograd3_cut cut = cvt_winograd3_cut(shape, 1, STRIP, LEAST_STRIP, 1, kernels);
	int64_t u = (int64_t)shape->in_c * shape->out_c * cut.planes, tiles = (int64_t)shape->batch * cut.tile_rows * cut.row_tiles;
	return u > LARGE_WEIGHTS ? tiles <= SOME_TILES : u > SOME_WEIGHTS && tiles <= FEW_TILES;
}

static void job_of(struct job *j, const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, int n, const struct cvt_kernels *kernels)
{
	*j = (struct job){.all = cvt_winograd3_job(shape, pass, kernels)};
	struct cvt_winograd3_cut *cut = &j->all.cut;
	j->span = j->all.flipped ? FLIPPED_SPAN : SPAN;
	j->terms = j->all.flipped ? FLIPPED_TERMS : TERMS;
	j->spans = cvt_conv_whole(cvt_conv_whole(j->all.outputs, j->span), 2) * 2;      /* an even number: tasks of one strip are few */
	*cut = cvt_winograd3_cut(shape, n, STRIP, LEAST_STRIP, cvt_conv_whole(FEW_TASKS, j->spans), kernels);
	int total = n * cut->tile_rows * cut->row_tiles, room = GROUP_FLOATS / (cut->planes * cvt_winograd3_lanes(cut, j->all.channels));
	room = room < total ? room : total;
	j->group_strips = room > cut->strip_tiles ? room / cut->strip_tiles : 1;
	j->v = cvt_winograd3_staged(cut, j->all.channels, j->terms, room > cut->most_tiles ? room : cut->most_tiles, false);
	int width = j->span < j->all.block ? j->span : j->all.block;
	j->m_plane = cvt_winograd3_plane_stride(cut->most_tiles, width);
	j->m_block = cut->planes * j->m_plane;
	j->u_plane = cvt_winograd3_plane_stride(j->terms, width);
}

static void stage_task(void *context, int task, int worker)
{
	const struct job *j = context;
	cvt_winograd3_stage(&j->v, task, cvt_conv_worker(j->all.call, worker));
}

/* M of one block of outputs from o on, `terms` channels from c on added. */
static void multiply(const struct job *j, int o, int width, int c, const float *v, int tiles, float *u, float *m)
{
	const struct cvt_winograd3_job *a = &j->all;
	const struct cvt_conv_shape *s = &a->call->shape;
	int length = a->cut.kernels->vector_length, terms = a->channels - c < j->terms ? a->channels - c : j->terms;
	for (int lane = 0; lane < width; lane += length)
		a->cut.tile->weights(a->call->weight, s->in_c, s->out_c, a->flipped, o + lane, c, c + terms, u + lane, width, j->u_plane);
	for (int p = 0; p < a->cut.planes; p++)
		a->cut.kernels->product.rows(v + p * j->v.plane, j->v.part_channels, tiles, terms, u + p * j->u_plane, width / length,
			m + p * j->m_plane, c > 0);
}

/* The first output of a span, of the one behind the last too. */
static int span_first(const struct job *j, int span)
{
	int length = j->all.cut.kernels->vector_length;
	return cvt_winograd3_lanes(&j->all.cut, j->all.outputs) / length * span / j->spans * length;
}

/* Blocks of M that a span has at most. */
static int blocks_of(const struct job *j)
{
	return j->span > j->all.block ? j->span / j->all.block : 1;
}

static void product_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_winograd3_job *a = &j->all;
	int strip = j->v.first_strip + task / j->spans, first = span_first(j, task % j->spans), end = span_first(j, task % j->spans + 1);
	int tiles = cvt_winograd3_tiles(&a->cut, strip, strip + 1), before = cvt_winograd3_tiles(&a->cut, j->v.first_strip, strip);
	float *u = cvt_conv_worker(j->all.call, worker), *m = u + a->cut.planes * j->u_plane, *scratch = m + blocks_of(j) * j->m_block;
	for (int c = 0; c < a->channels; c += j->terms) {
		const float *v = j->v.v + c / j->terms * j->v.part_stride + (ptrdiff_t)before * j->v.part_channels;
		for (int o = first; o < end; o += a->block)
			multiply(j, o, end - o < a->block ? end - o : a->block, c, v, tiles, u, m + (o - first) / a->block * j->m_block);
	}
	for (int o = first; o < end; o += a->block)
		cvt_winograd3_output(a, strip, o, end - o < a->block ? end - o : a->block, m + (o - first) / a->block * j->m_block, j->m_plane, scratch);
}

void cvt_winograd3_many_scratch(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes)
{
	struct job j;
	job_of(&j, shape, pass, max_batch, kernels);
	const struct cvt_winograd3_cut *cut = &j.all.cut;
	*ret_shared_bytes = cvt_conv_bytes(cvt_winograd3_staged_floats(&j.v)) + cvt_winograd3_sums_bytes(&j.all, pass);
	*ret_worker_bytes = cvt_conv_bytes(cut->planes * j.u_plane + blocks_of(&j) * j.m_block) +
		cvt_conv_bytes((ptrdiff_t)cvt_winograd3_scratch(cut->m, cut->most_tiles, kernels->vector_length));
}

void cvt_winograd3_many_run(const struct cvt_conv_call *call, enum cvt_conv_pass pass)
{
	struct job j;
	job_of(&j, &call->shape, pass, call->n, call->kernels);
	const struct cvt_winograd3_cut *cut = &j.all.cut;
	j.all.call = call;
	j.v.x = j.all.flipped ? call->dy : call->x;
	j.v.x_stride = j.all.flipped ? call->dy_stride : call->x_stride;
	j.v.v = call->shared;
	if (!j.all.flipped && call->sums)
		j.all.sums = (double *)((char *)call->shared + cvt_conv_bytes(cvt_winograd3_staged_floats(&j.v)));
	for (; j.v.first_strip < cut->strips; j.v.first_strip += j.group_strips) {
		int left = cut->strips - j.v.first_strip, strips = left < j.group_strips ? left : j.group_strips;
		cvt_pool_run(call->pool, stage_task, &j, strips * j.v.parts);
		cvt_pool_run(call->pool, product_task, &j, strips * j.spans);
	}
	if (j.all.sums)
		cvt_conv_add_sums(call, j.all.sums, cut->strips, j.all.outputs);
}
