/* conv_1x1.c - 1 x 1 convolutions of stride 1 without padding, on kernels/conv1.h and product.h: how the work is cut into tasks.
 *
 * Forward and input gradient (the same with transposed weights): a task is a run of panels of pixels of one image, packed once, for
 * which ROWS outputs at a time are multiplied and finished. Of maps that fill no more than half a panel, images stand side by side in one.
 * Weight gradient: a task is one of at most 8 image chunks and a block of input channels; its sum is its own, and the chunks' are added in
 * order. Where maps are so small that eight sums would cost more than the pixels: all images' pixels are gathered as if they were one map,
 * and a task is a block of outputs and a block of input channels of the sum itself.
 * Calls that are joined (`next`) share what is packed of x: forward and weight gradient go from call to call with it. Their input gradients are one:
 * the maps of all dy are packed as those of one tensor, and so are the weights' rows, so that dx is summed in registers and written once. */
#include "nn/layers/conv_common.h"

#include <string.h>

#include "kernels/kernels.h"

enum {
	PANELS = 4,                             /* of a task: 256 pixels where vectors are longest */
	ROWS = 48,                              /* outputs multiplied before they are finished */
	PIXELS = 128,                           /* weight gradient: summed in registers */
	CHUNKS = 8,
	SMALL_MAP = 64, MOST_GATHERED = 4096    /* pixels: of a map, of all images */
};

struct job {
	const struct cvt_conv_call *calls;      /* that are joined: one after another along maps in (input gradient), maps out (else) */
	int channels, outputs, pixels;          /* maps in, maps out, of all; pixels of a map */
	int length, panel;                      /* of a vector; of a panel: pixels (or, weight gradient, input channels) */
	int runs, chunks;                       /* tasks of an image; of the batch */
	int together, tasks;                    /* images in a panel; tasks of the batch, forward and input gradient */
	bool backward;
	float *transposed; ptrdiff_t row;       /* input gradient: weights, [outputs][row]: channels, and room for a vector */
	float *x, *dy; ptrdiff_t pixel_row;     /* gathered: [blocks of channels][pixels][lanes of a block], [outputs][pixels of all images, in whole vectors] */
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
	j.row = (ptrdiff_t)cvt_conv_whole(j.channels, j.length) * j.length + j.length;
	return j;
}

/* Rows of [in_c][outputs of all calls], from [out_c, in_c] of each: a vector of rows at a time. What a call's last vector has too much, the
 * next call overwrites. */
static void transpose_task(void *context, int task, int worker)
{
	const struct job *j = context;
	int c = task * j->length, n = j->outputs - c < j->length ? j->outputs - c : j->length;
	float *to = j->transposed + c * j->row;
	for (const struct cvt_conv_call *call = j->calls; call; to += call->shape.out_c, call = call->next)
		call->kernels->conv1.pack_pixels(call->weight + c, j->outputs, call->shape.out_c, n, to, j->row);
}

/* A call's sums of a task: [outputs][2]; NULL: they are not wanted. Calls stand one after another in shared scratch, each [tasks]. */
static double *sums_of(const struct job *j, const struct cvt_conv_call *call, int task)
{
	double *sums = j->calls->shared;
	for (const struct cvt_conv_call *c = j->calls; c != call; c = c->next)
		sums += (ptrdiff_t)j->tasks * c->shape.out_c * 2;
	return j->backward || !call->sums ? NULL : sums + (ptrdiff_t)task * call->shape.out_c * 2;
}

/* What a task has packed: pixels first .. end of each of `images` maps side by side, in panels of all channels. m: room for ROWS rows of a panel. */
struct packed { const float *panels; int images, first, end; float *m; };

/* y of one call, or dx, from what is packed. */
static void multiply(const struct job *j, const struct cvt_conv_call *call, int task, const struct packed *p, const float *weight, ptrdiff_t row,
	int outputs, float *y, ptrdiff_t y_stride)
{
	const struct cvt_kernels *k = j->calls->kernels;
	double *sums = sums_of(j, call, task);
	if (sums)
		memset(sums, 0, (size_t)outputs * 2 * sizeof *sums);
	for (int o = 0; o < outputs; o += ROWS) {
		int rows = outputs - o < ROWS ? outputs - o : ROWS;
		struct cvt_finish finish = cvt_conv_finish_from(call, j->backward, o, (int64_t)call->n * outputs * j->pixels, sums);
		for (int at = p->first; at < p->end; at += j->panel) {
			int pixels = p->end - at < j->panel ? p->end - at : j->panel, vectors = cvt_conv_whole(p->images * pixels, j->length);
			k->product.rows(weight + o * row, row, rows, j->channels, p->panels + (ptrdiff_t)(at - p->first) * j->channels, vectors, p->m, false);
			k->conv1.output(p->m, vectors * j->length, rows, p->images, pixels, y + (ptrdiff_t)o * j->pixels + at, y_stride, j->pixels, &finish);
		}
	}
}

static void multiply_all(const struct job *j, int task, int image, const struct packed *p)
{
	const struct cvt_conv_call *call = j->calls;
	if (j->backward)
		multiply(j, call, task, p, j->transposed, j->row, j->outputs, call->dx + image * call->dx_stride, call->dx_stride);
	else
		for (; call; call = call->next)
			multiply(j, call, task, p, call->weight, j->channels, call->shape.out_c, call->y + image * call->y_stride, call->y_stride);
}

/* A panel of small images side by side. */
static void together_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_call *call = j->calls;
	int first = task * j->together, images = call->n - first < j->together ? call->n - first : j->together;
	int width = cvt_conv_whole(images * j->pixels, j->length) * j->length;
	float *m = cvt_conv_worker(call, worker), *panel = m + ROWS * j->panel, *to = panel;
	const struct packed packed = {.panels = panel, .images = images, .end = j->pixels, .m = m};
	if (!j->backward)
		call->kernels->conv1.pack_images(call->x + first * call->x_stride, call->x_stride, images, j->pixels, j->channels, j->pixels, to);
	else
		for (; call; to += call->shape.out_c * width, call = call->next)
			call->kernels->conv1.pack_images(call->dy + first * call->dy_stride, call->dy_stride, images, j->pixels, call->shape.out_c, j->pixels, to);
	multiply_all(j, task, first, &packed);
}

/* Panels of one image. */
static void run_task(void *context, int task, int worker)
{
	const struct job *j = context;
	int image = task / j->runs, first = task % j->runs * PANELS * j->panel, end = first + PANELS * j->panel;
	float *m = cvt_conv_worker(j->calls, worker), *panels = m + ROWS * j->panel;
	const struct packed packed = {.panels = panels, .images = 1, .first = first, .end = end < j->pixels ? end : j->pixels, .m = m};
	for (int p = first; p < packed.end; p += j->panel) {
		int pixels = packed.end - p < j->panel ? packed.end - p : j->panel, width = cvt_conv_whole(pixels, j->length) * j->length;
		const struct cvt_conv_call *call = j->calls;
		float *to = panels + (ptrdiff_t)(p - first) * j->channels;
		if (!j->backward)
			call->kernels->conv1.pack(call->x + image * call->x_stride + p, j->pixels, j->channels, pixels, to);
		else
			for (; call; to += call->shape.out_c * width, call = call->next)
				call->kernels->conv1.pack(call->dy + image * call->dy_stride + p, j->pixels, call->shape.out_c, pixels, to);
	}
	multiply_all(j, task, image, &packed);
}

/* The part of dw of a chunk of images and a block of input channels: [outputs][width], at its place in shared scratch. */
static float *part_of(const struct job *j, int chunk, int c)
{
	int lanes = cvt_conv_whole(j->channels, j->length) * j->length;
	return (float *)j->calls->shared + (ptrdiff_t)j->outputs * ((ptrdiff_t)chunk * lanes + c);
}

/* The input channels of a block: how many, and in whole vectors. */
struct block { int first, channels, vectors, width; };

static struct block block_of(const struct job *j, int index)
{
	int first = index * j->panel, channels = j->channels - first < j->panel ? j->channels - first : j->panel;
	int vectors = cvt_conv_whole(channels, j->length);
	return (struct block){first, channels, vectors, vectors * j->length};
}

static int blocks_of(const struct job *j)
{
	return cvt_conv_whole(j->channels, j->panel);
}

static void weight_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_call *first = j->calls;
	int chunk = task % j->chunks;
	struct block b = block_of(j, task / j->chunks);
	int begin = (int)((int64_t)first->n * chunk / j->chunks), end = (int)((int64_t)first->n * (chunk + 1) / j->chunks);
	float *u = cvt_conv_worker(first, worker);
	for (int image = begin; image < end; image++)
		for (int p = 0; p < j->pixels; p += PIXELS) {
			int pixels = j->pixels - p < PIXELS ? j->pixels - p : PIXELS;
			float *part = part_of(j, chunk, b.first);
			first->kernels->conv1.pack_pixels(first->x + image * first->x_stride + (ptrdiff_t)b.first * j->pixels + p, j->pixels, b.channels, pixels,
				u, b.width);
			for (const struct cvt_conv_call *call = first; call; part += (ptrdiff_t)call->shape.out_c * b.width, call = call->next)
				call->kernels->product.rows(call->dy + image * call->dy_stride + p, j->pixels, call->shape.out_c, pixels, u, b.vectors, part,
					image > begin || p > 0);
		}
}

/* The call that the output o of all belongs to; *o becomes its own number. */
static const struct cvt_conv_call *call_of(const struct job *j, int *o)
{
	const struct cvt_conv_call *call = j->calls;
	for (; *o >= call->shape.out_c; call = call->next)
		*o -= call->shape.out_c;
	return call;
}

static void add_task(void *context, int task, int worker)
{
	const struct job *j = context;
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

static bool gathers(const struct job *j, int n)
{
	return j->pixels <= SMALL_MAP && n * j->pixels <= MOST_GATHERED;
}

static float *gathered_x(const struct job *j, int block)
{
	return j->x + block * (j->pixel_row + j->length) * j->panel;
}

/* Calls of a task for ROWS outputs, a call's last having what is left: the call, its first output and how many; `before`: outputs of the calls before. */
struct rows { const struct cvt_conv_call *call; int first, n, before; };

static int rows_tasks(const struct job *j)
{
	int n = 0;
	for (const struct cvt_conv_call *call = j->calls; call; call = call->next)
		n += cvt_conv_whole(call->shape.out_c, ROWS);
	return n;
}

static struct rows rows_of(const struct job *j, int task)
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
	const struct job *j = context;
	const struct cvt_conv_call *call = j->calls;
	if (task < blocks_of(j)) {
		struct block b = block_of(j, task);
		for (int i = 0; i < call->n; i++)               /* in order: each leaves a little behind its pixels */
			call->kernels->conv1.pack_pixels(call->x + i * call->x_stride + (ptrdiff_t)b.first * j->pixels, j->pixels, b.channels, j->pixels,
				gathered_x(j, task) + (ptrdiff_t)i * j->pixels * b.width, b.width);
		return;
	}
	struct rows r = rows_of(j, task - blocks_of(j));
	r.call->kernels->conv1.pack_images(r.call->dy + (ptrdiff_t)r.first * j->pixels, r.call->dy_stride, r.call->n, j->pixels, r.n, j->pixels,
		j->dy + (r.before + r.first) * j->pixel_row);
}

static void gathered_task(void *context, int task, int worker)
{
	const struct job *j = context;
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

static size_t gathered_x_floats(const struct job *j)
{
	return (size_t)blocks_of(j) * (size_t)(j->pixel_row + j->length) * (size_t)j->panel;
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
		*ret_shared_bytes = cvt_conv_bytes((ptrdiff_t)(j.outputs + j.length) * j.row);
		break;
	case CVT_CONV_WEIGHT_GRADIENT:
		*ret_shared_bytes = cvt_conv_bytes((ptrdiff_t)j.chunks * lanes * (size_t)j.outputs);
		*ret_worker_bytes = cvt_conv_bytes((ptrdiff_t)(PIXELS + j.length) * (size_t)j.panel);
		if (gathers(&j, 1)) {
			int n = gathers(&j, max_batch) ? max_batch : MOST_GATHERED / j.pixels;
			j.pixel_row = (ptrdiff_t)cvt_conv_whole(n * j.pixels, j.length) * j.length;
			size_t gathered = cvt_conv_bytes((ptrdiff_t)gathered_x_floats(&j) + (size_t)j.outputs * (size_t)j.pixel_row);
			*ret_shared_bytes = gathers(&j, max_batch) || gathered > *ret_shared_bytes ? gathered : *ret_shared_bytes;
		}
		return;
	}
	*ret_worker_bytes = cvt_conv_bytes((ptrdiff_t)ROWS * (size_t)j.panel + (size_t)PANELS * (size_t)j.panel * (size_t)j.channels);
}

static void run_weight_gradient(struct job *j)
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

static void run(const struct cvt_conv_call *first, enum cvt_conv_pass pass)
{
	struct cvt_conv_shape all = first->shape;
	for (const struct cvt_conv_call *call = first->next; call; call = call->next)
		all.out_c += call->shape.out_c;
	struct job j = job_of(&all, pass, first->n, first->kernels);
	j.calls = first;
	if (pass == CVT_CONV_WEIGHT_GRADIENT) {
		run_weight_gradient(&j);
		return;
	}
	if (pass == CVT_CONV_INPUT_GRADIENT) {
		j.transposed = first->shared;
		cvt_pool_run(first->pool, transpose_task, &j, cvt_conv_whole(j.outputs, j.length));
	}
	cvt_pool_run(first->pool, j.together > 1 ? together_task : run_task, &j, j.tasks);
	for (const struct cvt_conv_call *call = first; call && !j.backward; call = call->next)
		if (call->sums)
			cvt_conv_add_sums(call, sums_of(&j, call, 0), j.tasks, call->shape.out_c);
}

const struct cvt_conv_method cvt_conv_1x1 = {.name = "1x1", .joined = "1x1 joined", .fits = fits, .scratch = scratch, .run = run, .sums = true};
