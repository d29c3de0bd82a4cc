/* conv_1x1.c - 1 x 1 convolutions of stride 1 without padding, on kernels/conv1.h and product.h: forward and input gradient.
 *
 * The input gradient is forward with transposed weights. A task is a run of panels of pixels of one image, packed once, for
 * which ROWS outputs at a time are multiplied and finished. Of maps that fill no more than half a panel, images stand side by side in one.
 * Calls that are joined (`next`) share what is packed of x: forward goes from call to call with it. Their input gradients are one:
 * the maps of all dy are packed as those of one tensor, and so are the weights' rows, so that dx is summed in registers and written once.
 * Where x is pooled first (shape.pools_x), each task pools what it packs, and an input gradient's task, an image then, hands on what its maxima get,
 * ROWS maps at a time: neither what was pooled nor its gradient is ever a tensor. Weight gradient: conv_1x1_weights.c. */
#include "nn/layers/conv_1x1.h"

#include <string.h>

enum {
	PANELS = 4,                             /* of a task: 256 pixels where vectors are longest */
	ROWS = 48,                              /* outputs multiplied before they are finished */
	CHUNKS = 8                              /* of images, weight gradient */
};

struct cvt_1x1_job cvt_1x1_job(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, int n, const struct cvt_kernels *kernels)
{
	struct cvt_1x1_job j = {.backward = pass == CVT_CONV_INPUT_GRADIENT, .length = kernels->vector_length,
		.panel = kernels->product.block_vectors * kernels->vector_length};
	j.channels = j.backward ? shape->out_c : shape->in_c;
	j.outputs = j.backward ? shape->in_c : shape->out_c;
	j.pixels = shape->in_h * shape->in_w;
	if (shape->pools_x)
		j.window = (struct cvt_pool_shape){.h = shape->in_h, .w = shape->in_w, .out_h = shape->in_h, .out_w = shape->in_w, .kernel = 3, .stride = 1,
			.padding = 1};
	j.run = shape->pools_x && j.backward ? cvt_conv_whole(j.pixels, j.panel) * j.panel : PANELS * j.panel;
	j.runs = cvt_conv_whole(j.pixels, j.run);
	j.chunks = n < CHUNKS ? n : CHUNKS;
	/* as many images as fill a panel, but no more than leave a task to each of so many threads */
	int most = n / CHUNKS, fill = j.panel / j.pixels;
	j.together = fill < 2 || most < 2 ? 1 : fill < most ? fill : most;
	j.tasks = j.together > 1 ? cvt_conv_whole(n, j.together) : n * j.runs;
	j.row = (ptrdiff_t)cvt_conv_whole(j.channels, j.length) * j.length + j.length;
	return j;
}

struct cvt_1x1_source cvt_1x1_source(const struct cvt_1x1_job *j, const float *x, int maps, int first, int end, float *scratch)
{
	const struct cvt_maxpool_kernels *k = &j->calls->kernels->maxpool;
	struct cvt_pool_shape part = j->window;
	if (!part.kernel)
		return (struct cvt_1x1_source){x, j->pixels, 0};
	int from = first / part.w - 1, to = cvt_conv_whole(end, part.w) + 1;    /* a row more above and below: what is there counts for nothing */
	from = from < 0 ? 0 : from;
	to = to < part.h ? to : part.h;
	part.h = part.out_h = to - from;
	struct cvt_1x1_source s = {scratch, (ptrdiff_t)part.h * part.w, from * part.w};
	if (s.plane == j->pixels)
		k->forward(&part, maps, x, scratch, NULL);
	else
		for (int c = 0; c < maps; c++)
			k->forward(&part, 1, x + (ptrdiff_t)c * j->pixels + s.before, scratch + c * s.plane, NULL);
	return s;
}

size_t cvt_1x1_pooled_floats(const struct cvt_1x1_job *j, int pixels, int maps)
{
	int rows = j->window.kernel ? cvt_conv_whole(pixels, j->window.w) + 3 : 0;
	return (size_t)maps * (size_t)(rows < j->window.h ? rows : j->window.h) * (size_t)j->window.w;
}

/* Rows of [in_c][outputs of all calls], from [out_c, in_c] of each: a vector of rows at a time. What a call's last vector has too much, the
 * next call overwrites. */
static void transpose_task(void *context, int task, int worker)
{
	const struct cvt_1x1_job *j = context;
	int c = task * j->length, n = j->outputs - c < j->length ? j->outputs - c : j->length;
	float *to = j->transposed + c * j->row;
	for (const struct cvt_conv_call *call = j->calls; call; to += call->shape.out_c, call = call->next)
		call->kernels->conv1.pack_pixels(call->weight + c, j->outputs, call->shape.out_c, n, to, j->row);
}

/* A call's sums of a task: [outputs][2]; NULL: they are not wanted. Calls stand one after another in shared scratch, each [tasks]. */
static double *sums_of(const struct cvt_1x1_job *j, const struct cvt_conv_call *call, int task)
{
	double *sums = j->calls->shared;
	for (const struct cvt_conv_call *c = j->calls; c != call; c = c->next)
		sums += (ptrdiff_t)j->tasks * c->shape.out_c * 2;
	return j->backward || !call->sums ? NULL : sums + (ptrdiff_t)task * call->shape.out_c * 2;
}

/* What a task has packed: pixels first .. end of each of `images` maps side by side, from `image` on, in panels of all channels. m: room for ROWS
 * rows of a panel; pooled: of the task's scratch, what stands behind. */
struct packed { const float *panels; int image, images, first, end; float *m, *pooled; };

/* ROWS of the outputs or fewer, whose weights begin at `weight`. */
static void multiply_rows(const struct cvt_1x1_job *j, const struct packed *p, const float *weight, ptrdiff_t row, int rows, float *y,
	ptrdiff_t y_stride, const struct cvt_finish *finish)
{
	const struct cvt_kernels *k = j->calls->kernels;
	for (int at = p->first; at < p->end; at += j->panel) {
		int pixels = p->end - at < j->panel ? p->end - at : j->panel, vectors = cvt_conv_whole(p->images * pixels, j->length);
		k->product.rows(weight, row, rows, j->channels, p->panels + (ptrdiff_t)(at - p->first) * j->channels, vectors, p->m, false);
		k->conv1.output(p->m, vectors * j->length, rows, p->images, pixels, y + at, y_stride, j->pixels, finish);
	}
}

/* y of one call, or dx, from what is packed. */
static void multiply(const struct cvt_1x1_job *j, const struct cvt_conv_call *call, int task, const struct packed *p, const float *weight,
	ptrdiff_t row, int outputs, float *y, ptrdiff_t y_stride)
{
	double *sums = sums_of(j, call, task);
	if (sums)
		memset(sums, 0, (size_t)outputs * 2 * sizeof *sums);
	for (int o = 0; o < outputs; o += ROWS) {
		struct cvt_finish finish = cvt_conv_finish_from(call, j->backward, o, (int64_t)call->n * outputs * j->pixels, sums);
		multiply_rows(j, p, weight + o * row, row, outputs - o < ROWS ? outputs - o : ROWS, y + (ptrdiff_t)o * j->pixels, y_stride, &finish);
	}
}

/* dx through the pool, of whole maps. */
static void multiply_unpooled(const struct cvt_1x1_job *j, const struct packed *p)
{
	const struct cvt_conv_call *call = j->calls;
	const struct cvt_finish plain = {0};
	for (int o = 0; o < j->outputs; o += ROWS) {
		int rows = j->outputs - o < ROWS ? j->outputs - o : ROWS;
		ptrdiff_t stride = (ptrdiff_t)rows * j->pixels, map = (ptrdiff_t)o * j->pixels;
		float *dpooled = p->pooled, *scratch = dpooled + p->images * stride;
		multiply_rows(j, p, j->transposed + o * j->row, j->row, rows, dpooled, stride, &plain);
		for (int i = 0; i < p->images; i++)
			call->kernels->maxpool.backward(&j->window, rows, call->x + (p->image + i) * call->x_stride + map, dpooled + i * stride,
				call->dx + (p->image + i) * call->dx_stride + map, call->dx_adds, scratch);
	}
}

static void multiply_all(const struct cvt_1x1_job *j, int task, const struct packed *p)
{
	const struct cvt_conv_call *call = j->calls;
	if (j->backward && j->window.kernel)
		multiply_unpooled(j, p);
	else if (j->backward)
		multiply(j, call, task, p, j->transposed, j->row, j->outputs, call->dx + p->image * call->dx_stride, call->dx_stride);
	else
		for (; call; call = call->next)
			multiply(j, call, task, p, call->weight, j->channels, call->shape.out_c, call->y + p->image * call->y_stride, call->y_stride);
}

/* A panel of small images side by side. */
static void together_task(void *context, int task, int worker)
{
	const struct cvt_1x1_job *j = context;
	const struct cvt_conv_call *call = j->calls;
	int first = task * j->together, images = call->n - first < j->together ? call->n - first : j->together;
	int width = cvt_conv_whole(images * j->pixels, j->length) * j->length;
	float *m = cvt_conv_worker(call, worker), *panel = m + ROWS * j->panel, *to = panel, *pooled = panel + (ptrdiff_t)j->panel * j->channels;
	const struct packed packed = {.panels = panel, .image = first, .images = images, .end = j->pixels, .m = m, .pooled = pooled};
	if (!j->backward && j->window.kernel) {
		ptrdiff_t stride = (ptrdiff_t)j->channels * j->pixels;
		for (int i = 0; i < images; i++)
			cvt_1x1_source(j, call->x + (first + i) * call->x_stride, j->channels, 0, j->pixels, pooled + i * stride);
		call->kernels->conv1.pack_images(pooled, stride, images, j->pixels, j->channels, j->pixels, to);
	} else if (!j->backward)
		call->kernels->conv1.pack_images(call->x + first * call->x_stride, call->x_stride, images, j->pixels, j->channels, j->pixels, to);
	else
		for (; call; to += call->shape.out_c * width, call = call->next)
			call->kernels->conv1.pack_images(call->dy + first * call->dy_stride, call->dy_stride, images, j->pixels, call->shape.out_c, j->pixels, to);
	multiply_all(j, task, &packed);
}

/* Panels of one image. */
static void run_task(void *context, int task, int worker)
{
	const struct cvt_1x1_job *j = context;
	int image = task / j->runs, first = task % j->runs * j->run, end = first + j->run;
	float *m = cvt_conv_worker(j->calls, worker), *panels = m + ROWS * j->panel, *pooled = panels + (ptrdiff_t)j->run * j->channels;
	const struct packed packed = {.panels = panels, .image = image, .images = 1, .first = first, .end = end < j->pixels ? end : j->pixels, .m = m,
		.pooled = pooled};
	struct cvt_1x1_source x = {0};
	if (!j->backward)
		x = cvt_1x1_source(j, j->calls->x + image * j->calls->x_stride, j->channels, first, packed.end, pooled);
	for (int p = first; p < packed.end; p += j->panel) {
		int pixels = packed.end - p < j->panel ? packed.end - p : j->panel, width = cvt_conv_whole(pixels, j->length) * j->length;
		const struct cvt_conv_call *call = j->calls;
		float *to = panels + (ptrdiff_t)(p - first) * j->channels;
		if (!j->backward)
			call->kernels->conv1.pack(x.maps + p - x.before, x.plane, j->channels, pixels, to);
		else
			for (; call; to += call->shape.out_c * width, call = call->next)
				call->kernels->conv1.pack(call->dy + image * call->dy_stride + p, j->pixels, call->shape.out_c, pixels, to);
	}
	multiply_all(j, task, &packed);
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
	struct cvt_1x1_job j = cvt_1x1_job(shape, pass, max_batch, kernels);
	switch (pass) {
	case CVT_CONV_FORWARD:
		*ret_shared_bytes = (size_t)max_batch * (size_t)j.runs * (size_t)j.outputs * 2 * sizeof(double);
		break;
	case CVT_CONV_INPUT_GRADIENT:
		*ret_shared_bytes = cvt_conv_bytes((ptrdiff_t)(j.outputs + j.length) * j.row);
		break;
	case CVT_CONV_WEIGHT_GRADIENT:
		cvt_1x1_weight_scratch(&j, max_batch, ret_shared_bytes, ret_worker_bytes);
		return;
	}
	size_t pooled = 0;
	if (shape->pools_x) {
		int maps = j.backward ? ROWS : j.channels;
		pooled = j.together > 1 ? (size_t)(j.together * maps * j.pixels) : cvt_1x1_pooled_floats(&j, j.run, maps);
		pooled += j.backward ? cvt_pool_backward_floats(&j.window) : 0;
	}
	*ret_worker_bytes = cvt_conv_bytes((ptrdiff_t)((size_t)ROWS * (size_t)j.panel + (size_t)j.run * (size_t)j.channels + pooled));
}

static void run(const struct cvt_conv_call *first, enum cvt_conv_pass pass)
{
	struct cvt_conv_shape all = first->shape;
	for (const struct cvt_conv_call *call = first->next; call; call = call->next)
		all.out_c += call->shape.out_c;
	struct cvt_1x1_job j = cvt_1x1_job(&all, pass, first->n, first->kernels);
	j.calls = first;
	if (pass == CVT_CONV_WEIGHT_GRADIENT) {
		cvt_1x1_weight_run(&j);
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

const struct cvt_conv_method cvt_conv_1x1 = {.name = "1x1", .joined = "1x1 joined", .fits = fits, .scratch = scratch, .run = run,
	.sums = true, .pools_x = true};
