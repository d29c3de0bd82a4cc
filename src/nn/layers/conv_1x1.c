/* conv_1x1.c - 1 x 1 convolutions of stride 1 without padding, on kernels/conv1.h and product.h: how the work is cut into tasks.
 *
 * Forward and input gradient (the same with transposed weights): a task is a run of panels of pixels of one image, packed once, for
 * which ROWS outputs at a time are multiplied and finished. Of maps that fill no more than half a panel, images stand side by side in one.
 * Weight gradient: a task is one of at most 8 image chunks and a block of input channels; its sum is its own, and the chunks' are added in
 * order. Where maps are so small that eight sums would cost more than the pixels: all images' pixels are gathered as if they were one map,
 * and a task is a block of outputs and a block of input channels of the sum itself. */
#include "nn/layers/conv_common.h"

#include <string.h>

#include "kernels/kernels.h"

enum {
	PANELS = 4,                             /* of a task: 256 pixels where vectors are longest */
	ROWS = 48,                              /* outputs multiplied before they are finished */
	PIXELS = 128,                           /* weight gradient: summed in registers */
	CHUNKS = 8,
	SMALL_MAP = 64, MOST_GATHERED = 4096,   /* pixels: of a map, of all images */
	GATHER_ROWS = 16                        /* outputs gathered by a task */
};

struct job {
	const struct cvt_conv_call *call;
	int channels, outputs, pixels;          /* maps in, maps out, pixels of a map */
	int length, panel;                      /* of a vector; of a panel: pixels (or, weight gradient, input channels) */
	int runs, chunks;                       /* tasks of an image; of the batch */
	int together, tasks;                    /* images in a panel; tasks of the batch, forward and input gradient */
	bool backward;
	const float *weight; ptrdiff_t weight_stride;   /* [outputs][channels], rows apart */
	float *transposed;
	double *sums;                           /* [tasks][outputs][2], or NULL */
	float *x, *dy;                          /* gathered: [blocks of channels][pixels][lanes of a block], [outputs][row] */
	ptrdiff_t row;                          /* pixels of all images, in whole vectors */
};

static struct job job_of(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, int n, const struct cvt_kernels *kernels)
{
	struct job j = {.backward = pass == CVT_CONV_INPUT_GRADIENT, .length = kernels->vector_length,
		.panel = kernels->product.block_vectors * kernels->vector_length};
	j.channels = j.backward ? shape->out_c : shape->in_c;
	j.outputs = j.backward ? shape->in_c : shape->out_c;
	j.pixels = shape->in_h * shape->in_w;
	j.runs = cvt_conv_whole(j.pixels, PANELS * j.panel);
	j.chunks = n < CHUNKS ? n : CHUNKS;
	/* as many images as fill a panel, but no more than leave a task to each of so many threads */
	int most = n / CHUNKS, fill = j.panel / j.pixels;
	j.together = fill < 2 || most < 2 ? 1 : fill < most ? fill : most;
	j.tasks = j.together > 1 ? cvt_conv_whole(n, j.together) : n * j.runs;
	return j;
}

/* [out_c, in_c] to [in_c, out_c in whole vectors], a vector of the rows at a time */
static void transpose_task(void *context, int task, int worker)
{
	const struct job *j = context;
	int c = task * j->length, n = j->outputs - c < j->length ? j->outputs - c : j->length;
	j->call->kernels->conv1.pack_pixels(j->call->weight + c, j->outputs, j->channels, n, j->transposed + c * j->weight_stride);
}

static struct cvt_finish finish_of(const struct job *j, int task, int o)
{
	return cvt_conv_finish_from(j->call, j->backward, o, (int64_t)j->call->n * j->outputs * j->pixels,
		j->sums ? j->sums + (ptrdiff_t)task * j->outputs * 2 : NULL);
}

/* A panel of small images side by side. */
static void together_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_call *call = j->call;
	int first = task * j->together, images = call->n - first < j->together ? call->n - first : j->together;
	int vectors = cvt_conv_whole(images * j->pixels, j->length), width = vectors * j->length;
	ptrdiff_t x_stride = j->backward ? call->dy_stride : call->x_stride, y_stride = j->backward ? call->dx_stride : call->y_stride;
	const float *x = (j->backward ? call->dy : call->x) + first * x_stride;
	float *y = (j->backward ? call->dx : call->y) + first * y_stride, *m = cvt_conv_worker(call, worker), *panel = m + ROWS * j->panel;
	call->kernels->conv1.pack_images(x, x_stride, images, j->pixels, j->channels, j->pixels, panel);
	if (j->sums)
		memset(j->sums + (ptrdiff_t)task * j->outputs * 2, 0, (size_t)j->outputs * 2 * sizeof(double));
	for (int o = 0; o < j->outputs; o += ROWS) {
		int rows = j->outputs - o < ROWS ? j->outputs - o : ROWS;
		struct cvt_finish finish = finish_of(j, task, o);
		call->kernels->product.rows(j->weight + o * j->weight_stride, j->weight_stride, rows, j->channels, panel, vectors, m, false);
		call->kernels->conv1.output(m, width, rows, images, j->pixels, y + (ptrdiff_t)o * j->pixels, y_stride, j->pixels, &finish);
	}
}

static void run_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_call *call = j->call;
	int image = task / j->runs, first = task % j->runs * PANELS * j->panel, end = first + PANELS * j->panel;
	const float *x = (j->backward ? call->dy + image * call->dy_stride : call->x + image * call->x_stride);
	float *y = j->backward ? call->dx + image * call->dx_stride : call->y + image * call->y_stride;
	float *m = cvt_conv_worker(call, worker), *panels = m + ROWS * j->panel;
	end = end < j->pixels ? end : j->pixels;
	for (int p = first; p < end; p += j->panel)
		call->kernels->conv1.pack(x + p, j->pixels, j->channels, end - p < j->panel ? end - p : j->panel,
			panels + (ptrdiff_t)(p - first) * j->channels);
	if (j->sums)
		memset(j->sums + (ptrdiff_t)task * j->outputs * 2, 0, (size_t)j->outputs * 2 * sizeof(double));
	for (int o = 0; o < j->outputs; o += ROWS) {
		int rows = j->outputs - o < ROWS ? j->outputs - o : ROWS;
		struct cvt_finish finish = finish_of(j, task, o);
		for (int p = first; p < end; p += j->panel) {
			int pixels = end - p < j->panel ? end - p : j->panel, vectors = cvt_conv_whole(pixels, j->length);
			call->kernels->product.rows(j->weight + o * j->weight_stride, j->weight_stride, rows, j->channels,
				panels + (ptrdiff_t)(p - first) * j->channels, vectors, m, false);
			call->kernels->conv1.output(m, vectors * j->length, rows, 1, pixels, y + (ptrdiff_t)o * j->pixels + p, 0, j->pixels, &finish);
		}
	}
}

/* The part of dw of a chunk of images and a block of input channels: [out_c][width], at its place in shared scratch. */
static float *part_of(const struct job *j, int chunk, int c)
{
	int lanes = cvt_conv_whole(j->channels, j->length) * j->length;
	return (float *)j->call->shared + (ptrdiff_t)j->outputs * ((ptrdiff_t)chunk * lanes + c);
}

static void weight_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_call *call = j->call;
	int chunk = task % j->chunks, c = task / j->chunks * j->panel, channels = j->channels - c < j->panel ? j->channels - c : j->panel;
	int begin = (int)((int64_t)call->n * chunk / j->chunks), end = (int)((int64_t)call->n * (chunk + 1) / j->chunks);
	float *part = part_of(j, chunk, c), *u = cvt_conv_worker(call, worker);
	for (int image = begin; image < end; image++)
		for (int p = 0; p < j->pixels; p += PIXELS) {
			int pixels = j->pixels - p < PIXELS ? j->pixels - p : PIXELS;
			call->kernels->conv1.pack_pixels(call->x + image * call->x_stride + (ptrdiff_t)c * j->pixels + p, j->pixels, channels, pixels, u);
			call->kernels->product.rows(call->dy + image * call->dy_stride + p, j->pixels, j->outputs, pixels, u,
				cvt_conv_whole(channels, j->length), part, image > begin || p > 0);
		}
}

static void add_task(void *context, int o, int worker)
{
	const struct job *j = context;
	for (int c = 0; c < j->channels; c += j->panel) {
		int channels = j->channels - c < j->panel ? j->channels - c : j->panel, width = cvt_conv_whole(channels, j->length) * j->length;
		float *to = j->call->dweight + (ptrdiff_t)o * j->channels + c;
		for (int chunk = 0; chunk < j->chunks; chunk++) {
			const float *part = part_of(j, chunk, c) + (ptrdiff_t)o * width;
			for (int i = 0; i < channels; i++)
				to[i] = chunk ? to[i] + part[i] : part[i];
		}
	}
}

static bool gathers(const struct job *j, int n)
{
	return j->pixels <= SMALL_MAP && n * j->pixels <= MOST_GATHERED;
}

static int blocks_of(const struct job *j)
{
	return cvt_conv_whole(j->channels, j->panel);
}

static float *gathered_x(const struct job *j, int block)
{
	return j->x + block * (j->row + j->length) * j->panel;
}

static void gather_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_call *call = j->call;
	if (task < blocks_of(j)) {
		int c = task * j->panel, channels = j->channels - c < j->panel ? j->channels - c : j->panel, width = cvt_conv_whole(channels, j->length) * j->length;
		for (int i = 0; i < call->n; i++)               /* in order: each leaves a little behind its pixels */
			call->kernels->conv1.pack_pixels(call->x + i * call->x_stride + (ptrdiff_t)c * j->pixels, j->pixels, channels, j->pixels,
				gathered_x(j, task) + (ptrdiff_t)i * j->pixels * width);
		return;
	}
	int o = (task - blocks_of(j)) * GATHER_ROWS, rows = j->outputs - o < GATHER_ROWS ? j->outputs - o : GATHER_ROWS;
	call->kernels->conv1.pack_images(call->dy + (ptrdiff_t)o * j->pixels, call->dy_stride, call->n, j->pixels, rows, j->pixels, j->dy + o * j->row);
}

static void gathered_task(void *context, int task, int worker)
{
	const struct job *j = context;
	int block = task % blocks_of(j), o = task / blocks_of(j) * ROWS, rows = j->outputs - o < ROWS ? j->outputs - o : ROWS;
	int c = block * j->panel, channels = j->channels - c < j->panel ? j->channels - c : j->panel, vectors = cvt_conv_whole(channels, j->length);
	int pixels = j->call->n * j->pixels;
	float *m = cvt_conv_worker(j->call, worker);
	for (int p = 0; p < pixels; p += PIXELS)
		j->call->kernels->product.rows(j->dy + o * j->row + p, j->row, rows, pixels - p < PIXELS ? pixels - p : PIXELS,
			gathered_x(j, block) + (ptrdiff_t)p * vectors * j->length, vectors, m, p > 0);
	for (int i = 0; i < rows; i++)
		memcpy(j->call->dweight + (ptrdiff_t)(o + i) * j->channels + c, m + (ptrdiff_t)i * vectors * j->length, (size_t)channels * sizeof *m);
}

static size_t gathered_x_floats(const struct job *j)
{
	return (size_t)blocks_of(j) * (size_t)(j->row + j->length) * (size_t)j->panel;
}

static bool fits(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, const struct cvt_kernels *kernels)
{
	/* few pixels are not worth the weights' transpose. Measured against the general product */
	bool few = pass == CVT_CONV_INPUT_GRADIENT && !shape->forced && (int64_t)shape->batch * shape->in_h * shape->in_w < 48;
	return shape->kernel == 1 && shape->stride == 1 && shape->padding == 0 && !few;
}

static void scratch(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes)
{
	struct job j = job_of(shape, pass, max_batch, kernels);
	size_t lanes = (size_t)cvt_conv_whole(j.channels, j.length) * (size_t)j.length;
	switch (pass) {
	case CVT_CONV_FORWARD:
		*ret_shared_bytes = (size_t)max_batch * (size_t)j.runs * (size_t)j.outputs * 2 * sizeof(double);
		break;
	case CVT_CONV_INPUT_GRADIENT:
		*ret_shared_bytes = cvt_conv_bytes((ptrdiff_t)lanes * (size_t)(j.outputs + j.length));
		break;
	case CVT_CONV_WEIGHT_GRADIENT:
		*ret_shared_bytes = cvt_conv_bytes((ptrdiff_t)j.chunks * lanes * (size_t)j.outputs);
		*ret_worker_bytes = cvt_conv_bytes((ptrdiff_t)(PIXELS + j.length) * (size_t)j.panel);
		if (gathers(&j, 1)) {
			int n = gathers(&j, max_batch) ? max_batch : MOST_GATHERED / j.pixels;
			j.row = (ptrdiff_t)cvt_conv_whole(n * j.pixels, j.length) * j.length;
			size_t gathered = cvt_conv_bytes((ptrdiff_t)gathered_x_floats(&j) + (size_t)j.outputs * (size_t)j.row);
			*ret_shared_bytes = gathers(&j, max_batch) || gathered > *ret_shared_bytes ? gathered : *ret_shared_bytes;
		}
		return;
	}
	*ret_worker_bytes = cvt_conv_bytes((ptrdiff_t)ROWS * (size_t)j.panel + (size_t)PANELS * (size_t)j.panel * (size_t)j.channels);
}

static void run(const struct cvt_conv_call *call, enum cvt_conv_pass pass)
{
	struct job j = job_of(&call->shape, pass, call->n, call->kernels);
	j.call = call;
	j.weight = call->weight;
	j.weight_stride = j.channels;
	switch (pass) {
	case CVT_CONV_FORWARD:
		j.sums = call->sums ? call->shared : NULL;
		cvt_pool_run(call->pool, j.together > 1 ? together_task : run_task, &j, j.tasks);
		if (j.sums)
			cvt_conv_add_sums(call, j.sums, j.tasks, j.outputs);
		break;
	case CVT_CONV_INPUT_GRADIENT:
		j.weight = j.transposed = call->shared;
		j.weight_stride = (ptrdiff_t)cvt_conv_whole(j.channels, j.length) * j.length;
		cvt_pool_run(call->pool, transpose_task, &j, cvt_conv_whole(j.outputs, j.length));
		cvt_pool_run(call->pool, j.together > 1 ? together_task : run_task, &j, j.tasks);
		break;
	case CVT_CONV_WEIGHT_GRADIENT:
		if (gathers(&j, call->n)) {
			j.row = (ptrdiff_t)cvt_conv_whole(call->n * j.pixels, j.length) * j.length;
			j.x = call->shared;
			j.dy = j.x + gathered_x_floats(&j);
			cvt_pool_run(call->pool, gather_task, &j, blocks_of(&j) + cvt_conv_whole(j.outputs, GATHER_ROWS));
			cvt_pool_run(call->pool, gathered_task, &j, blocks_of(&j) * cvt_conv_whole(j.outputs, ROWS));
		} else {
			cvt_pool_run(call->pool, weight_task, &j, j.chunks * blocks_of(&j));
			cvt_pool_run(call->pool, add_task, &j, j.outputs);
		}
		cvt_conv_bias_gradient(call);
		break;
	}
}

const struct cvt_conv_method cvt_conv_1x1 = {.name = "1x1", .fits = fits, .scratch = scratch, .run = run, .sums = true};
