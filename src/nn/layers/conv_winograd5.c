/* conv_winograd5.c - 5 x 5 convolutions, stride 1, padding 2, by the kernels of kernels/winograd5.h: cuts a call into tasks.
 *
 * Forward and input gradient: the weights are transformed (a task for each block of outputs), then each task does a range of tiles.
 * Weight gradient: each task sums a chunk of tiles into its own accumulator, of few chunks only for a span of the outputs; then a task for
 * each input channel adds the chunks in order. How tiles are divided depends on their number and on constants.
 * Behind large maps that a norm pools dy is made here, a few rows at a time: as a pass of its own it would be written to memory and read again. */
#include <stdint.h>
#include <string.h>

#include "kernels/kernels.h"
#include "nn/layers/conv_common.h"

enum {
	TASK_STEP = 96,                         /* tiles: whole strips of every instruction set, ... */
	FEWER_TILES = 1024, FEWER_STEP = 32,    /* ... but of the widest only in a batch of fewer tiles, */
	FEWEST_TILES = 128, FEWEST_STEP = 16,   /* or half of one */
	TASK_MOST = 480,
	TASKS_WANTED = 64,                      /* of a small call, so that many threads find work */
	CHUNKS_MOST = 16, CHUNKS_LEAST = 4,     /* of a weight gradient */
	SPAN = 32, SPANS_MOST = 4,              /* outputs of a task of it, where there are fewer chunks than that */
	CHUNK_BYTES = 4 << 20,                  /* all accumulators together, while more than the least */
	UNPOOLED_LEAST = 1024, UNPOOLED_BYTES = 256 << 10,      /* pixels of a map, and bytes of all that are made at a time, where dy is made here */
	STREAM_BYTES = 4 << 20                  /* an output at least this large is not read again from a cache */
};

static size_t round_up(size_t bytes) { return (bytes + 63) / 64 * 64; }

static long count_tiles(const struct cvt_conv_shape *s, int n)
{
	return (long)n * ((s->in_h + 3) / 4) * ((s->in_w + 3) / 4);
}

/* Rows of tiles whose dy is made at a time; and floats from one channel of it to the next: a power of two would fill few sets of the caches. */
static int unpooled_rows(const struct cvt_conv_shape *s)
{
	int down = cvt_conv_whole(s->in_h, 4), n = UNPOOLED_BYTES / (int)sizeof(float) / (4 * s->in_w * s->out_c);
	return n < 1 ? 1 : n > down ? down : n;
}

static ptrdiff_t unpooled_plane(const struct cvt_conv_shape *s)
{
	return (ptrdiff_t)cvt_conv_whole(4 * unpooled_rows(s) * s->in_w, 16) * 16 + 16;
}

static long task_tiles(long tiles)
{
	long step = tiles < FEWEST_TILES ? FEWEST_STEP : tiles < FEWER_TILES ? FEWER_STEP : TASK_STEP;
	long each = ((tiles + TASKS_WANTED - 1) / TASKS_WANTED + step - 1) / step * step;
	return each < TASK_MOST ? each : TASK_MOST;
}

static int count_tasks(long tiles) { return (int)((tiles + task_tiles(tiles) - 1) / task_tiles(tiles)); }

static int count_chunks(const struct cvt_conv_shape *s, long tiles, const struct cvt_kernels *kernels)
{
	size_t bytes = 4 * kernels->winograd5.accumulator_floats(s->in_c, s->out_c);
	int chunks = CHUNKS_MOST, across = cvt_conv_whole(s->in_w, 4);
	int least = s->dy != CVT_DY_GIVEN && across > 32 ? across : 32;    /* tiles: where dy is made no row of them is cut */
	while (chunks > CHUNKS_LEAST && (size_t)chunks * bytes > CHUNK_BYTES)
		chunks /= 2;
	while (chunks > 1 && tiles < (long)chunks * least)
		chunks /= 2;
	return chunks;
}

/* Outputs of a span, in whole vectors of every instruction set. */
static int span_outputs(int out_c, int chunks)
{
	int most = SPANS_MOST / chunks, wanted = cvt_conv_whole(out_c, SPAN), n = most < wanted ? most : wanted;
	return n <= 1 ? out_c : cvt_conv_whole(cvt_conv_whole(out_c, n), 16) * 16;
}

static bool fits(const struct cvt_conv_shape *s, enum cvt_conv_pass pass, const struct cvt_kernels *kernels)
{
	/* transformed weights are 2.5 times the weights, whatever the batch: a few tiles are quicker without. Measured against im2col */
	return s->kernel == 5 && s->stride == 1 && s->padding == 2 &&
		(s->forced || count_tiles(s, s->batch) >= (pass == CVT_CONV_FORWARD ? 8 : 4));
}

/* Maps large enough for its calls, a few an image; and no fewer tasks than the most there are: the norm's own pass would have had some an image. */
static bool unpools(const struct cvt_conv_shape *s, const struct cvt_kernels *kernels)
{
	return s->in_h * s->in_w >= UNPOOLED_LEAST && count_chunks(s, count_tiles(s, s->batch), kernels) == CHUNKS_MOST;
}

/* The tile kernel's view of a pass: the input gradient is a forward pass from outputs to inputs. */
static int channels_in(const struct cvt_conv_shape *s, enum cvt_conv_pass pass)
{
	return pass == CVT_CONV_INPUT_GRADIENT ? s->out_c : s->in_c;
}

static int channels_out(const struct cvt_conv_shape *s, enum cvt_conv_pass pass)
{
	return pass == CVT_CONV_INPUT_GRADIENT ? s->in_c : s->out_c;
}

static void scratch(const struct cvt_conv_shape *s, enum cvt_conv_pass pass, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes)
{
	const struct cvt_winograd5_kernels *k = &kernels->winograd5;
	long tiles = count_tiles(s, max_batch);
	if (pass == CVT_CONV_WEIGHT_GRADIENT) {
		size_t chunks = (size_t)count_chunks(s, tiles, kernels);
		*ret_shared_bytes = chunks * (4 * k->accumulator_floats(s->in_c, s->out_c) + round_up(sizeof(double) * (size_t)s->out_c));
		*ret_worker_bytes = round_up(k->gradient_scratch(s->in_c, s->out_c)) +
			(s->dy == CVT_DY_UNKEPT ? sizeof(float) * s->out_c * unpooled_plane(s) : 0);
	} else {
		int in = channels_in(s, pass), out = channels_out(s, pass);
		size_t tasks = tiles / TASK_MOST + 1 > TASKS_WANTED ? (size_t)(tiles / TASK_MOST + 1) : TASKS_WANTED;
		*ret_shared_bytes = round_up(4 * k->weights_floats(in, out)) + round_up(tasks * 2 * sizeof(double) * (size_t)out);
		*ret_worker_bytes = round_up(k->forward_scratch(in, out));
	}
}

struct job {
	const struct cvt_conv_call *call;
	enum cvt_conv_pass pass;
	const struct cvt_winograd5_kernels *k;
	long tiles;
	int n_tasks;                            /* forward, input gradient */
	int chunks, span;                       /* weight gradient: of tiles; outputs of a task */
	float *shared;                          /* transformed weights, or accumulators */
	double *sums;                           /* [tasks][out_c][2], or [chunks][out_c] of the bias's gradient */
	bool stream, stream_pooled;
};

static void weights_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_shape *s = &j->call->shape;
	if (j->pass == CVT_CONV_FORWARD)
		j->k->transform_weights(s->in_c, s->out_c, j->call->weight, (ptrdiff_t)25 * s->in_c, 25, false, task, j->shared);
	else
		j->k->transform_weights(s->out_c, s->in_c, j->call->weight, 25, (ptrdiff_t)25 * s->in_c, true, task, j->shared);
}

static void tiles_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_call *call = j->call;
	const struct cvt_conv_shape *s = &call->shape;
	long each = task_tiles(j->tiles), first = task * each, last = first + each < j->tiles ? first + each : j->tiles;
	struct cvt_winograd5_forward a = { .in_c = channels_in(s, j->pass), .out_c = channels_out(s, j->pass), .h = s->in_h, .w = s->in_w,
		.first_tile = first, .last_tile = last, .weights = j->shared, .stream = j->stream, .scratch = cvt_conv_worker(call, worker) };
	if (j->pass == CVT_CONV_FORWARD) {
		a.x = call->x;
		a.x_stride = call->x_stride;
		a.y = call->y;
		a.y_stride = call->y_stride;
		a.pooled = call->pooled;
		a.pooled_stride = call->pooled_stride;
		a.pool_sign = call->pool_sign;
		a.stream_pooled = j->stream_pooled;
		a.bias = call->bias;
		a.relu = call->relu;
		a.scale = call->scale;
		a.shift = call->shift;
		a.scale_after_relu = call->scale_after_relu;
		a.pivot = call->pivot;
		a.sums = call->sums ? j->sums + (ptrdiff_t)task * 2 * s->out_c : NULL;
	} else {
		a.x = call->dy;
		a.x_stride = call->dy_stride;
		a.y = call->dx;
		a.y_stride = call->dx_stride;
		a.adds = call->dx_adds;
	}
	j->k->forward(&a);
}

/* Rows of whole cache lines, and enough of them. */
static bool can_stream(int w, ptrdiff_t image, int n, const float *y, ptrdiff_t y_stride)
{
	return w % 16 == 0 && (uintptr_t)y % 64 == 0 && y_stride % 16 == 0 && (ptrdiff_t)sizeof(float) * n * image >= STREAM_BYTES;
}

static void run_tiles(struct job *j)
{
	const struct cvt_conv_call *call = j->call;
	const struct cvt_conv_shape *s = &call->shape;
	int in = channels_in(s, j->pass), out = channels_out(s, j->pass);
	bool forward = j->pass == CVT_CONV_FORWARD;
	ptrdiff_t plane = (ptrdiff_t)s->in_h * s->in_w;

	j->n_tasks = count_tasks(j->tiles);
	j->sums = (double *)((char *)j->shared + round_up(4 * j->k->weights_floats(in, out)));
	j->stream = forward ? can_stream(s->in_w, plane * out, call->n, call->y, call->y_stride) :
		!call->dx_adds && can_stream(s->in_w, plane * out, call->n, call->dx, call->dx_stride);
	j->stream_pooled = can_stream(s->in_w / 2, (ptrdiff_t)(s->in_h / 2) * (s->in_w / 2) * out, call->n, call->pooled, call->pooled_stride);
	cvt_pool_run(call->pool, weights_task, j, j->k->weights_blocks(in, out));
	cvt_pool_run(call->pool, tiles_task, j, j->n_tasks);
	if (forward && call->sums)
		cvt_conv_add_sums(call, j->sums, j->n_tasks, out);
}

/* The weight gradient of the outputs from `first` on, as many as are of its span: accumulators of all chunks, one after another. */
struct span { int outputs; size_t stride /* floats */; float *accumulators; };

static struct span span_of(const struct job *j, int first)
{
	const struct cvt_conv_shape *s = &j->call->shape;
	int outputs = s->out_c - first < j->span ? s->out_c - first : j->span;
	return (struct span){outputs, j->k->accumulator_floats(s->in_c, outputs),
		j->shared + (size_t)j->chunks * (first ? j->k->accumulator_floats(s->in_c, first) : 0)};
}

static void chunk_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_call *call = j->call;
	const struct cvt_conv_shape *s = &call->shape;
	int chunk = task % j->chunks, first = task / j->chunks * j->span;
	struct span span = span_of(j, first);
	long strips = (j->tiles + 31) / 32, last = strips * (chunk + 1) / j->chunks * 32;
	ptrdiff_t plane = (ptrdiff_t)s->in_h * s->in_w;
	j->k->gradient(&(struct cvt_winograd5_gradient){ .in_c = s->in_c, .out_c = span.outputs, .h = s->in_h, .w = s->in_w,
		.first_tile = strips * chunk / j->chunks * 32, .last_tile = last < j->tiles ? last : j->tiles,
		.x = call->x, .x_stride = call->x_stride, .dy = call->dy + first * plane, .dy_stride = call->dy_stride, .dy_plane = plane,
		.accumulator = span.accumulators + (size_t)chunk * span.stride, .bias = j->sums + (ptrdiff_t)chunk * s->out_c + first,
		.scratch = cvt_conv_worker(call, worker) });
}

/* dy of some rows of pixels, from what stands behind the convolution; channels to_plane apart. */
static void make_dy(const struct cvt_conv_call *call, ptrdiff_t image, int row, int rows, float *to, ptrdiff_t to_plane)
{
	const struct cvt_conv_shape *s = &call->shape;
	ptrdiff_t plane = (ptrdiff_t)s->in_h * s->in_w, pooled_plane = (ptrdiff_t)(s->in_h / 2) * (s->in_w / 2);
	const float *y = call->normed + image * call->normed_stride + (ptrdiff_t)row * s->in_w;
	const float *dmaxima = call->dmaxima + image * call->dmaxima_stride + (ptrdiff_t)(row / 2) * (s->in_w / 2);
	for (int o = 0; o < s->out_c; o++) {
		struct cvt_norm_maps norm = cvt_norm_maps_from(&call->norm, o, 1);
		call->kernels->norm.backward_pool(y + o * plane, dmaxima + o * pooled_plane, to + o * to_plane, rows, s->in_w, &norm);
	}
}

static long least_of(long a, long b) { return a < b ? a : b; }

/* A chunk where dy has to be made: some rows of tiles at a time, which the second cache still has when their tiles are read. */
static void unpooling_task(void *context, int chunk, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_call *call = j->call;
	const struct cvt_conv_shape *s = &call->shape;
	int down = cvt_conv_whole(s->in_h, 4), across = cvt_conv_whole(s->in_w, 4);
	long all = (long)call->n * down, from = all * chunk / j->chunks, to = all * (chunk + 1) / j->chunks;
	float *scratch = cvt_conv_worker(call, worker);
	struct cvt_winograd5_gradient a = { .in_c = s->in_c, .out_c = s->out_c, .h = s->in_h, .w = s->in_w, .x = call->x, .x_stride = call->x_stride,
		.dy = call->made, .dy_stride = call->made_stride, .dy_plane = (ptrdiff_t)s->in_h * s->in_w, .scratch = scratch,
		.accumulator = j->shared + (size_t)chunk * j->k->accumulator_floats(s->in_c, s->out_c), .bias = j->sums + (ptrdiff_t)chunk * s->out_c };
	float *dy = call->made;
	if (s->dy == CVT_DY_UNKEPT) {
		a.dy = dy = scratch + round_up(j->k->gradient_scratch(s->in_c, s->out_c)) / sizeof(float);
		a.dy_stride = 0;
		a.dy_plane = unpooled_plane(s);
	}
	for (long row = from, rows; row < to; row += rows) {
		ptrdiff_t image = row / down;
		int first = (int)(row % down) * 4;              /* of the pixels */
		rows = least_of(unpooled_rows(s), least_of(down - row % down, to - row));
		a.first_tile = row * across;
		a.last_tile = (row + rows) * across;
		a.dy_row = s->dy == CVT_DY_UNKEPT ? first : 0;
		a.adds = row > from;
		make_dy(call, image, first, (int)least_of(4 * rows, s->in_h - first),
			dy + image * a.dy_stride + (ptrdiff_t)(first - a.dy_row) * s->in_w, a.dy_plane);
		j->k->gradient(&a);
	}
}

static void finish_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_shape *s = &j->call->shape;
	for (int first = 0; first < s->out_c; first += j->span) {
		struct span span = span_of(j, first);
		j->k->gradient_finish(s->in_c, span.outputs, task, j->chunks, span.accumulators, span.stride,
			j->call->dweight + (ptrdiff_t)first * s->in_c * 25);
	}
}

static void run_gradient(struct job *j)
{
	const struct cvt_conv_call *call = j->call;
	const struct cvt_conv_shape *s = &call->shape;

	j->chunks = count_chunks(s, j->tiles, call->kernels);
	j->span = s->dy != CVT_DY_GIVEN ? s->out_c : span_outputs(s->out_c, j->chunks);
	j->sums = (double *)(j->shared + (size_t)j->chunks * j->k->accumulator_floats(s->in_c, s->out_c));
	cvt_pool_run(call->pool, s->dy != CVT_DY_GIVEN ? unpooling_task : chunk_task, j, j->chunks * cvt_conv_whole(s->out_c, j->span));
	cvt_pool_run(call->pool, finish_task, j, s->in_c);
	for (int o = 0; call->dbias && o < s->out_c; o++) {
		double sum = 0;
		for (int chunk = 0; chunk < j->chunks; chunk++)
			sum += j->sums[(ptrdiff_t)chunk * s->out_c + o];
		call->dbias[o] = (float)sum;
	}
}

static void run(const struct cvt_conv_call *call, enum cvt_conv_pass pass)
{
	struct job j = { .call = call, .pass = pass, .k = &call->kernels->winograd5, .tiles = count_tiles(&call->shape, call->n),
		.shared = call->shared };
	if (pass == CVT_CONV_WEIGHT_GRADIENT)
		run_gradient(&j);
	else
		run_tiles(&j);
}

const struct cvt_conv_method cvt_conv_winograd5 = { .name = "winograd F(4x4,5x5)", .fits = fits, .scratch = scratch, .run = run,
	.pools = true, .sums = true, .pools_beside_y = true, .unpools = unpools };
