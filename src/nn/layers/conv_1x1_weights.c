/* conv_1x1_weights.c - 1 x 1 convolutions: weight gradient.
 *
 * A task is one of at most 8 image chunks and a block of input channels; its sum is its own, and the chunks' are added in
 * order. Where maps are so small that eight sums would cost more than the pixels: all images' pixels are gathered as if they were one map,
 * and a task is a block of outputs and a block of input channels of the sum itself. Calls that are joined share what is packed of x. */
#include "nn/layers/conv_1x1.h"

#include <string.h>

enum {
	PIXELS = 128,                           /* summed in registers */
	ROWS = 48,                              /* outputs of a task, of what is gathered */
	SMALL_MAP = 64, MOST_GATHERED = 4096    /* pixels: of a map, of all images */
};

/* The part of dw of a chunk of images and a block of input channels: [outputs][width], at its place in shared scratch. */
static float *part_of(const struct cvt_1x1_job *j, int chunk, int c)
{
	int lanes = cvt_conv_whole(j->channels, j->length) * j->length;
	return (float *)j->calls->shared + (ptrdiff_t)j->outputs * ((ptrdiff_t)chunk * lanes + c);
}

/* The input channels of a block: how many, and in whole vectors. */
struct block { int first, channels, vectors, width; };

static struct block block_of(const struct cvt_1x1_job *j, int index)
{
	int first = index * j->panel, channels = j->channels - first < j->panel ? j->channels - first : j->panel;
	int vectors = cvt_conv_whole(channels, j->length);
	return (struct block){first, channels, vectors, vectors * j->length};
}

static int blocks_of(const struct cvt_1x1_job *j)
{
	return cvt_conv_whole(j->channels, j->panel);
}

/* Where a block's maps of an image are pooled, behind what is packed. */
static float *pooled_block(const struct cvt_1x1_job *j, const struct cvt_conv_call *call, int worker)
{
	return cvt_conv_worker(call, worker) + (ptrdiff_t)(PIXELS + j->length) * j->panel;
}

static void weight_task(void *context, int task, int worker)
{
	const struct cvt_1x1_job *j = context;
	const struct cvt_conv_call *first = j->calls;
	int chunk = task % j->chunks;
	struct block b = block_of(j, task / j->chunks);
	int begin = (int)((int64_t)first->n * chunk / j->chunks), end = (int)((int64_t)first->n * (chunk + 1) / j->chunks);
	float *u = cvt_conv_worker(first, worker);
	for (int image = begin; image < end; image++) {
		struct cvt_1x1_source x = cvt_1x1_source(j, first->x + image * first->x_stride + (ptrdiff_t)b.first * j->pixels, b.channels, 0, j->pixels,
			pooled_block(j, first, worker));
		for (int p = 0; p < j->pixels; p += PIXELS) {
			int pixels = j->pixels - p < PIXELS ? j->pixels - p : PIXELS;
			float *part = part_of(j, chunk, b.first);
			first->kernels->conv1.pack_pixels(x.maps + p, x.plane, b.channels, pixels, u, b.width);
			for (const struct cvt_conv_call *call = first; call; part += (ptrdiff_t)call->shape.out_c * b.width, call = call->next)
				call->kernels->product.rows(call->dy + image * call->dy_stride + p, j->pixels, call->shape.out_c, pixels, u, b.vectors, part,
					image > begin || p > 0);
		}
	}
}

/* The call that the output o of all belongs to; *o becomes its own number. */
static const struct cvt_conv_call *call_of(const struct cvt_1x1_job *j, int *o)
{
	const struct cvt_conv_call *call = j->calls;
	for (; *o >= call->shape.out_c; call = call->next)
		*o -= call->shape.out_c;
	return call;
}

static void add_task(void *context, int task, int worker)
{
	const struct cvt_1x1_job *j = context;
	int o = task;
	float *dweight = call_of(j, &o)->dweight + (ptrdiff_t)o * j->channels;
	for (int i = 0; i < blocks_of(j); i++) {
		struct block b = block_of(j, i);
		float *to = dweight + b.first;
		for (int chunk = 0; chunk < j->chunks; chunk++) {
			const float *part = part_of(j, chunk, b.first) + (ptrdiff_t)task * b.width;
			for (int c = 0; c < b.channels; c++)
				to[c] = chunk ? to[c] + part[c] : part[c];
		}
	}
}

static bool gathers(const struct cvt_1x1_job *j, int n)
{
	return j->pixels <= SMALL_MAP && n * j->pixels <= MOST_GATHERED;
}

static float *gathered_x(const struct cvt_1x1_job *j, int block)
{
	return j->x + block * (j->pixel_row + j->length) * j->panel;
}

/* A task's outputs, ROWS or what a call has left: the call, its first output and how many; `before`: outputs of the calls before. */
struct rows { const struct cvt_conv_call *call; int first, n, before; };

static int rows_tasks(const struct cvt_1x1_job *j)
{
	int n = 0;
	for (const struct cvt_conv_call *call = j->calls; call; call = call->next)
		n += cvt_conv_whole(call->shape.out_c, ROWS);
	return n;
}

static struct rows rows_of(const struct cvt_1x1_job *j, int task)
{
	struct rows r = {.call = j->calls};
	for (int n; task >= (n = cvt_conv_whole(r.call->shape.out_c, ROWS)); r.call = r.call->next) {
		task -= n;
		r.before += r.call->shape.out_c;
	}
	r.first = task * ROWS;
	r.n = r.call->shape.out_c - r.first < ROWS ? r.call->shape.out_c - r.first : ROWS;
	return r;
}

static void gather_task(void *context, int task, int worker)
{
	const struct cvt_1x1_job *j = context;
	const struct cvt_conv_call *call = j->calls;
	if (task < blocks_of(j)) {
		struct block b = block_of(j, task);
		for (int i = 0; i < call->n; i++) {             /* in order: each leaves a little behind its pixels */
			struct cvt_1x1_source x = cvt_1x1_source(j, call->x + i * call->x_stride + (ptrdiff_t)b.first * j->pixels, b.channels, 0, j->pixels,
				pooled_block(j, call, worker));
			call->kernels->conv1.pack_pixels(x.maps, x.plane, b.channels, j->pixels, gathered_x(j, task) + (ptrdiff_t)i * j->pixels * b.width, b.width);
		}
		return;
	}
	struct rows r = rows_of(j, task - blocks_of(j));
	r.call->kernels->conv1.pack_images(r.call->dy + (ptrdiff_t)r.first * j->pixels, r.call->dy_stride, r.call->n, j->pixels, r.n, j->pixels,
		j->dy + (r.before + r.first) * j->pixel_row);
}

static void gathered_task(void *context, int task, int worker)
{
	const struct cvt_1x1_job *j = context;
	int index = task % blocks_of(j), pixels = j->calls->n * j->pixels;
	struct block b = block_of(j, index);
	struct rows r = rows_of(j, task / blocks_of(j));
	float *m = cvt_conv_worker(j->calls, worker);
	for (int p = 0; p < pixels; p += PIXELS)
		j->calls->kernels->product.rows(j->dy + (r.before + r.first) * j->pixel_row + p, j->pixel_row, r.n, pixels - p < PIXELS ? pixels - p : PIXELS,
			gathered_x(j, index) + (ptrdiff_t)p * b.width, b.vectors, m, p > 0);
	for (int i = 0; i < r.n; i++)
		memcpy(r.call->dweight + (ptrdiff_t)(r.first + i) * j->channels + b.first, m + (ptrdiff_t)i * b.width, (size_t)b.channels * sizeof *m);
}

static size_t gathered_x_floats(const struct cvt_1x1_job *j)
{
	return (size_t)blocks_of(j) * (size_t)(j->pixel_row + j->length) * (size_t)j->panel;
}

void cvt_1x1_weight_scratch(const struct cvt_1x1_job *job, int max_batch, size_t *ret_shared_bytes, size_t *ret_worker_bytes)
{
	struct cvt_1x1_job j = *job;
	*ret_shared_bytes = cvt_conv_bytes((ptrdiff_t)j.chunks * cvt_conv_whole(j.channels, j.length) * j.length * j.outputs);
	*ret_worker_bytes = cvt_conv_bytes((ptrdiff_t)((size_t)(PIXELS + j.length) * (size_t)j.panel + cvt_1x1_pooled_floats(&j, j.pixels, j.panel)));
	if (!gathers(&j, 1))
		return;
	int n = gathers(&j, max_batch) ? max_batch : MOST_GATHERED / j.pixels;
	j.pixel_row = (ptrdiff_t)cvt_conv_whole(n * j.pixels, j.length) * j.length;
	size_t gathered = cvt_conv_bytes((ptrdiff_t)gathered_x_floats(&j) + (size_t)j.outputs * (size_t)j.pixel_row);
	*ret_shared_bytes = gathers(&j, max_batch) || gathered > *ret_shared_bytes ? gathered : *ret_shared_bytes;
}

void cvt_1x1_weight_run(struct cvt_1x1_job *j)
{
	const struct cvt_conv_call *first = j->calls;
	if (gathers(j, first->n)) {
		j->pixel_row = (ptrdiff_t)cvt_conv_whole(first->n * j->pixels, j->length) * j->length;
		j->x = first->shared;
		j->dy = j->x + gathered_x_floats(j);
		cvt_pool_run(first->pool, gather_task, j, blocks_of(j) + rows_tasks(j));
		cvt_pool_run(first->pool, gathered_task, j, blocks_of(j) * rows_tasks(j));
	} else {
		cvt_pool_run(first->pool, weight_task, j, j->chunks * blocks_of(j));
		cvt_pool_run(first->pool, add_task, j, j->outputs);
	}
	for (const struct cvt_conv_call *call = first; call; call = call->next)
		cvt_conv_bias_gradient(call);
}
