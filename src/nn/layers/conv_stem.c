/* conv_stem.c - the 7 x 7 convolution of stride 2 and padding 3 that GoogLeNet begins with, as a 5 x 5 of stride 1.
 *
 * Rows and columns of the input are even or odd: four phases a channel, each of the output's size. Tap k of a row reads input row
 * 2 i + k - 3 = 2 (i + a) + p, so it is tap a + 2 of phase p: k = 0..6 are p = 1 0 1 0 1 0 1, a + 2 = 0 1 1 2 2 3 3. Of the 100 weights of
 * a channel's four 5 x 5 kernels 49 are those of the 7 x 7, the others 0. Winograd's F(4x4,5x5) needs 4 * 64 / 16 = 16 products
 * an output and channel instead of 49. An image is split by the worker that convolves it, so its phases are in the cache; and it is pooled, at
 * evaluation, or its dy made of what a norm has, in training, by the same worker for the same reason. */
#include <string.h>

#include "kernels/kernels.h"
#include "nn/layers/conv_common.h"

enum { PHASES = 4, CHUNKS_MOST = 16 };

static size_t round_up(size_t bytes) { return (bytes + 63) / 64 * 64; }
static int phase_channels(const struct cvt_conv_shape *s) { return PHASES * s->in_c; }
static size_t phase_bytes(const struct cvt_conv_shape *s) { return round_up(sizeof(float) * phase_channels(s) * s->out_h * s->out_w); }
static size_t weight5_bytes(const struct cvt_conv_shape *s) { return round_up(sizeof(float) * 25 * phase_channels(s) * s->out_c); }
static size_t maps_bytes(const struct cvt_conv_shape *s) { return round_up(sizeof(float) * s->out_c * s->out_h * s->out_w); }
static size_t held_bytes(const struct cvt_conv_shape *s) { return round_up(sizeof(float) * cvt_norm_windows_floats(s->out_w)); }
static long image_tiles(const struct cvt_conv_shape *s) { return (long)((s->out_h + 3) / 4) * ((s->out_w + 3) / 4); }

static bool fits(const struct cvt_conv_shape *s, enum cvt_conv_pass pass, const struct cvt_kernels *kernels)
{
	return s->kernel == 7 && s->stride == 2 && s->padding == 3 && pass != CVT_CONV_INPUT_GRADIENT;
}

static int count_chunks(int n) { return n < CHUNKS_MOST ? n : CHUNKS_MOST; }

static size_t accumulator_bytes(const struct cvt_conv_shape *s, const struct cvt_kernels *kernels)
{
	return round_up(sizeof(float) * kernels->winograd5.accumulator_floats(phase_channels(s), s->out_c));
}

static size_t transformed_bytes(const struct cvt_conv_shape *s, const struct cvt_kernels *kernels)
{
	return round_up(sizeof(float) * kernels->winograd5.weights_floats(phase_channels(s), s->out_c));
}

static void scratch(const struct cvt_conv_shape *s, enum cvt_conv_pass pass, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes)
{
	const struct cvt_winograd5_kernels *k = &kernels->winograd5;
	if (pass == CVT_CONV_WEIGHT_GRADIENT) {
		*ret_shared_bytes = weight5_bytes(s) +
			(size_t)count_chunks(max_batch) * (accumulator_bytes(s, kernels) + round_up(sizeof(double) * s->out_c));
		*ret_worker_bytes = phase_bytes(s) + round_up(k->gradient_scratch(phase_channels(s), s->out_c)) +
			(s->dy != CVT_DY_GIVEN ? held_bytes(s) : 0) + (s->dy == CVT_DY_UNKEPT ? maps_bytes(s) : 0);
	} else {
		*ret_shared_bytes = weight5_bytes(s) + transformed_bytes(s, kernels) +
			round_up(sizeof(double) * 2 * s->out_c * (size_t)max_batch);
		*ret_worker_bytes = phase_bytes(s) + round_up(k->forward_scratch(phase_channels(s), s->out_c)) + (s->windows ? maps_bytes(s) : 0);
	}
}

/* Which weight of the 7 x 7 is tap (row, column) of the 5 x 5 of phase p; -1: none. */
static int tap(int phase, int row, int column)
{
	int y = 2 * (row - 2) + (phase >> 1) + 3, x = 2 * (column - 2) + (phase & 1) + 3;
	return y < 0 || y > 6 || x < 0 || x > 6 ? -1 : 7 * y + x;
}

/* weight [out_c, in_c, 7, 7] to or from weight5 [out_c, in_c * 4, 5, 5]. */
static void regroup_weights(const struct cvt_conv_shape *s, const float *weight, float *weight5)
{
	for (int i = 0; i < s->out_c * phase_channels(s); i++)
		for (int k = 0; k < 25; k++) {
			int from = tap(i % PHASES, k / 5, k % 5);
			weight5[(size_t)i * 25 + k] = from < 0 ? 0 : weight[(size_t)(i / PHASES) * 49 + from];
		}
}

static void ungroup_weights(const struct cvt_conv_shape *s, const float *weight5, float *weight)
{
	for (int i = 0; i < s->out_c * phase_channels(s); i++)
		for (int k = 0; k < 25; k++) {
			int to = tap(i % PHASES, k / 5, k % 5);
			if (to >= 0)
				weight[(size_t)(i / PHASES) * 49 + to] = weight5[(size_t)i * 25 + k];
		}
}

/* phases [in_c][2][2][out_h][out_w] of one image; what an odd height or width lacks is 0. */
static void split_image(const struct cvt_winograd5_kernels *k, const struct cvt_conv_shape *s, const float *x, float *phases)
{
	size_t plane = (size_t)s->out_h * s->out_w;
	for (int c = 0; c < s->in_c; c++)
		for (int y = 0; y < 2 * s->out_h; y++) {
			float *even = phases + ((size_t)c * PHASES + y % 2 * 2) * plane + (size_t)(y / 2) * s->out_w;
			if (y < s->in_h) {
				k->split_columns(x + ((size_t)c * s->in_h + y) * s->in_w, s->in_w, even, even + plane);
			} else {
				memset(even, 0, sizeof(float) * s->out_w);
				memset(even + plane, 0, sizeof(float) * s->out_w);
			}
		}
}

struct job {
	const struct cvt_conv_call *call;
	const struct cvt_winograd5_kernels *k;
	float *weight5, *transformed;           /* transformed: weights, or accumulators */
	double *sums;                           /* [n][out_c][2], or [chunks][out_c] */
	int n_chunks;
};

static float *phases_of(const struct job *j, int worker)
{
	return (float *)((char *)j->call->workers + (size_t)worker * j->call->worker_bytes);
}

static float *scratch_of(const struct job *j, int worker)
{
	return (float *)((char *)phases_of(j, worker) + phase_bytes(&j->call->shape));
}

/* Forward, where windows of them are wanted: one image's. */
static float *maps_of(const struct job *j, int worker)
{
	const struct cvt_conv_shape *s = &j->call->shape;
	return (float *)((char *)scratch_of(j, worker) + round_up(j->k->forward_scratch(phase_channels(s), s->out_c)));
}

static void weights_task(void *context, int task, int worker)
{
	const struct job *j = context;
	int in = phase_channels(&j->call->shape);
	j->k->transform_weights(in, j->call->shape.out_c, j->weight5, (ptrdiff_t)25 * in, 25, false, task, j->transformed);
}

static void image_task(void *context, int image, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_call *call = j->call;
	const struct cvt_conv_shape *s = &call->shape;
	float *pooled = call->pooled ? call->pooled + image * call->pooled_stride : NULL;
	struct cvt_winograd5_forward a = { .in_c = phase_channels(s), .out_c = s->out_c, .h = s->out_h, .w = s->out_w,
		.last_tile = image_tiles(s), .x = phases_of(j, worker), .y = call->y ? call->y + image * call->y_stride : NULL,
		.pooled = pooled, .pool_sign = call->pool_sign,
		.weights = j->transformed, .bias = call->bias, .relu = call->relu, .scale = call->scale, .shift = call->shift,
		.scale_after_relu = call->scale_after_relu, .stream = s->out_w % 16 == 0 && call->y_stride % 16 == 0 && (size_t)call->y % 64 == 0,
		.pivot = call->pivot, .sums = call->sums ? j->sums + (ptrdiff_t)image * 2 * s->out_c : NULL, .scratch = scratch_of(j, worker) };
	split_image(j->k, s, call->x + image * call->x_stride, phases_of(j, worker));
	if (s->windows) {
		a.y = maps_of(j, worker);
		a.pooled = NULL;
		a.stream = false;
	}
	j->k->forward(&a);
	if (s->windows)
		call->kernels->maxpool.forward(&(struct cvt_pool_shape){ .h = s->out_h, .w = s->out_w, .out_h = (s->out_h + 1) / 2,
			.out_w = (s->out_w + 1) / 2, .kernel = 3, .stride = 2, .padding = 1 }, s->out_c, a.y, pooled, NULL);
}

static void run_forward(struct job *j)
{
	const struct cvt_conv_call *call = j->call;
	const struct cvt_conv_shape *s = &call->shape;
	j->sums = (double *)((char *)j->transformed + transformed_bytes(s, call->kernels));
	regroup_weights(s, call->weight, j->weight5);
	cvt_pool_run(call->pool, weights_task, j, j->k->weights_blocks(phase_channels(s), s->out_c));
	cvt_pool_run(call->pool, image_task, j, call->n);
	if (call->sums)
		cvt_conv_add_sums(call, j->sums, call->n, s->out_c);
}

static size_t accumulator_step(const struct job *j) { return accumulator_bytes(&j->call->shape, j->call->kernels) / sizeof(float); }

/* dy of an image, from what stands behind the convolution. */
static const float *make_dy(const struct job *j, int image, int worker)
{
	const struct cvt_conv_call *call = j->call;
	const struct cvt_conv_shape *s = &call->shape;
	float *held = (float *)((char *)scratch_of(j, worker) + round_up(j->k->gradient_scratch(phase_channels(s), s->out_c)));
	float *dy = call->made ? call->made + image * call->made_stride : held + held_bytes(s) / sizeof(float);
	call->kernels->norm_windows.backward(call->normed + image * call->normed_stride, call->dmaxima + image * call->dmaxima_stride, dy, s->out_h,
		s->out_w, &call->norm, held);
	return dy;
}

static void chunk_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_call *call = j->call;
	const struct cvt_conv_shape *s = &call->shape;
	int first = (int)((long)call->n * task / j->n_chunks), last = (int)((long)call->n * (task + 1) / j->n_chunks);
	for (int image = first; image < last; image++) {
		const float *dy = s->dy != CVT_DY_GIVEN ? make_dy(j, image, worker) : call->dy + image * call->dy_stride;
		split_image(j->k, s, call->x + image * call->x_stride, phases_of(j, worker));
		j->k->gradient(&(struct cvt_winograd5_gradient){ .in_c = phase_channels(s), .out_c = s->out_c, .h = s->out_h, .w = s->out_w,
			.last_tile = image_tiles(s), .x = phases_of(j, worker), .dy = dy, .dy_plane = (ptrdiff_t)s->out_h * s->out_w,
			.accumulator = j->transformed + (size_t)task * accumulator_step(j), .bias = j->sums + (ptrdiff_t)task * s->out_c,
			.adds = image > first, .scratch = scratch_of(j, worker) });
	}
}

static void finish_task(void *context, int task, int worker)
{
	const struct job *j = context;
	const struct cvt_conv_shape *s = &j->call->shape;
	j->k->gradient_finish(phase_channels(s), s->out_c, task, j->n_chunks, j->transformed, accumulator_step(j), j->weight5);
}

static void run_gradient(struct job *j)
{
	const struct cvt_conv_call *call = j->call;
	const struct cvt_conv_shape *s = &call->shape;
	j->n_chunks = count_chunks(call->n);
	j->sums = (double *)(j->transformed + (size_t)j->n_chunks * accumulator_step(j));
	cvt_pool_run(call->pool, chunk_task, j, j->n_chunks);
	cvt_pool_run(call->pool, finish_task, j, phase_channels(s));
	ungroup_weights(s, j->weight5, call->dweight);
	for (int o = 0; call->dbias && o < s->out_c; o++) {
		double sum = 0;
		for (int chunk = 0; chunk < j->n_chunks; chunk++)
			sum += j->sums[(ptrdiff_t)chunk * s->out_c + o];
		call->dbias[o] = (float)sum;
	}
}

static void run(const struct cvt_conv_call *call, enum cvt_conv_pass pass)
{
	struct job j = { .call = call, .k = &call->kernels->winograd5, .weight5 = call->shared,
		.transformed = (float *)((char *)call->shared + weight5_bytes(&call->shape)) };
	if (pass == CVT_CONV_WEIGHT_GRADIENT)
		run_gradient(&j);
	else
		run_forward(&j);
}

const struct cvt_conv_method cvt_conv_stem = { .name = "winograd F(4x4,5x5) of 4 phases", .fits = fits, .scratch = scratch, .run = run,
	.pools = true, .windows = true, .sums = true, .pools_beside_y = true, .unpools_windows = true };
