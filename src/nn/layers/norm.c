/* norm.c - batch norm, PyTorch's semantics: the biased variance normalises, the unbiased one goes into running_var.
 *
 * Absorbs ReLU and max pooling, 2 x 2 or 3 x 3 with stride 2: then the large tensor between them is never written. Its own input is read again
 * backward, where dx may take its place. What the convolution before may take over: layer.h, CVT_HANDS_.. Sums that it does not leave are made in a
 * constant number of image chunks and added in order, so threads do not change a bit.
 * `batch_statistics`: evaluation uses the statistics of each one image, as the post's unregistered branches do. */
#include <math.h>
#include <string.h>

#include "nn/layer.h"

enum { CHUNKS = 8, TASK_FLOATS = 1 << 14 };

struct norm_call { const struct cvt_step *step; bool per_image; int chunks; };

static bool absorbs(const struct cvt_step *step, const struct cvt_layer_ops *ops)
{
	for (int i = 0; i < step->n_absorbed; i++)
		if (step->absorbed[i]->ops == ops)
			return true;
	return false;
}

static bool norm_absorb(const struct cvt_step *step, const struct cvt_node *next)
{
	const struct cvt_pool_args *pool = &next->as.pool;
	if (absorbs(step, &cvt_max_pool_ops))
		return false;
	if (next->ops == &cvt_relu_ops)
		return !absorbs(step, &cvt_relu_ops);
	return next->ops == &cvt_max_pool_ops && pool->stride == 2 && (pool->kernel == 2 ? pool->padding == 0 : pool->kernel == 3 && pool->padding == 1);
}

/* What of a map leaves the norm: all of it, the largest of each 2 x 2 block, or of each 3 x 3 window. */
enum window { NO_WINDOW, BLOCKS, WINDOWS };

static enum window window_of(const struct cvt_step *step)
{
	for (int i = 0; i < step->n_absorbed; i++)
		if (step->absorbed[i]->ops == &cvt_max_pool_ops)
			return step->absorbed[i]->as.pool.kernel == 2 ? BLOCKS : WINDOWS;
	return NO_WINDOW;
}

/* Statistics of the images themselves, of each one where per_image. */
static bool of_images(const struct cvt_step *step)
{
	return step->training || step->node->as.norm.batch_statistics;
}

static int groups(const struct cvt_step *step)
{
	return of_images(step) && !step->training ? step->max_batch : 1;
}

/* A norm keeps the order of values, or turns it round where gamma is negative: so the convolution may take the maxima before it. */
static unsigned norm_hands(const struct cvt_step *step)
{
	if (window_of(step) == BLOCKS)
		return CVT_HANDS_SUMS | CVT_HANDS_POOLED | (step->wants_dx ? CVT_HANDS_DY_BLOCKS : 0);
	return CVT_HANDS_SUMS | (window_of(step) == WINDOWS && step->wants_dx ? CVT_HANDS_DY_WINDOWS : 0);
}

/* Saved: mean, 1 / deviation, and gamma / deviation, [group][c] each; of training, after backward, [c] of c2 and of c3 (kernels/norm.h). */
static float *saved_mean(const struct cvt_step *step)
{
	return step->saved;
}
static float *saved_deviation(const struct cvt_step *step)
{
	return (float *)step->saved + (int64_t)groups(step) * step->x.c;
}
static float *saved_scale(const struct cvt_step *step)
{
	return (float *)step->saved + 2 * (int64_t)groups(step) * step->x.c;
}

static float *saved_c2(const struct cvt_step *step)
{
	return (float *)step->saved + 3 * (int64_t)groups(step) * step->x.c;
}
static float *saved_c3(const struct cvt_step *step)
{
	return saved_c2(step) + step->x.c;
}

static void norm_plan(struct cvt_step *step)
{
	size_t c = (size_t)step->x.c;
	int chunks = step->training ? CHUNKS : step->max_batch;
	step->saved_bytes = (3 * (size_t)groups(step) + (step->training ? 2 : 0)) * c * sizeof(float);
	step->forward.shared_bytes = of_images(step) && !(step->hands & CVT_HANDS_SUMS) ? (size_t)chunks * c * sizeof(struct cvt_moments) : 0;
	step->backward.shared_bytes = CHUNKS * c * 2 * sizeof(double);
	step->backward.worker_bytes = window_of(step) == WINDOWS && !(step->hands & CVT_HANDS_DY) ? cvt_norm_windows_floats(step->x.w) * sizeof(float) : 0;
	step->backward_reads = CVT_READS_X;
}

/* Maps in a task. */
static int block(const struct cvt_step *step)
{
	int64_t maps = TASK_FLOATS / cvt_plane(&step->x);
	return maps < 1 ? 1 : maps > step->x.c ? step->x.c : (int)maps;
}

static int n_blocks(const struct cvt_step *step)
{
	return (step->x.c + block(step) - 1) / block(step);
}

struct range { int from, to; };

static struct range maps_of(const struct cvt_step *step, int index)
{
	int from = index * block(step), to = from + block(step);
	return (struct range){from, to < step->x.c ? to : step->x.c};
}

static struct range images_of(const struct norm_call *call, int chunk)
{
	int64_t n = call->step->x.n;
	return (struct range){(int)(n * chunk / call->chunks), (int)(n * (chunk + 1) / call->chunks)};
}

static void moments_task(void *context, int task, int worker)
{
	const struct norm_call *call = context;
	const struct cvt_step *s = call->step;
	int chunk = task / n_blocks(s);
	struct range maps = maps_of(s, task % n_blocks(s)), images = images_of(call, chunk);
	struct cvt_moments *out = (struct cvt_moments *)s->forward.shared + (int64_t)chunk * s->x.c;
	(void)worker;
	for (int c = maps.from; c < maps.to; c++)
		out[c] = (struct cvt_moments){0};
	for (int i = images.from; i < images.to; i++)
		for (int c = maps.from; c < maps.to; c++)
			s->kernels->norm.moments(cvt_image(&s->x, i) + c * cvt_plane(&s->x), cvt_plane(&s->x), &out[c]);
}

static void merge(struct cvt_moments *a, const struct cvt_moments *b)
{
	double total = a->count + b->count, delta = b->mean - a->mean;
	if (b->count == 0)
		return;
	a->m2 += b->m2 + delta * delta * a->count * b->count / total;
	a->mean += delta * b->count / total;
	a->count = total;
}

static double eps_of(const struct cvt_step *step)
{
	return (double)step->node->as.norm.eps;
}

static void update_running(const struct cvt_step *step, int c, const struct cvt_moments *m)
{
	double momentum = (double)step->node->as.norm.momentum;
	double unbiased = m->m2 / (m->count > 1 ? m->count - 1 : 1);
	float *mean = &cvt_step_param(step, step->node, 2)->value[c], *var = &cvt_step_param(step, step->node, 3)->value[c];
	*mean = (float)((1 - momentum) * (double)*mean + momentum * m->mean);
	*var = (float)((1 - momentum) * (double)*var + momentum * unbiased);
}

/* Of what the convolution left. */
static struct cvt_moments left_moments(const struct cvt_step *s, int c)
{
	double count = (double)s->x.n * (double)cvt_plane(&s->x), mean = s->sums[2 * c] / count;
	double m2 = s->sums[2 * c + 1] - s->sums[2 * c] * mean;
	return (struct cvt_moments){.count = count, .mean = (double)s->pivot[c] + mean, .m2 = m2 < 0 ? 0 : m2};
}

/* Of the chunks; in order, so that threads do not matter. */
static struct cvt_moments merged_moments(const struct norm_call *call, int group, int c)
{
	const struct cvt_moments *parts = call->step->forward.shared;
	struct cvt_moments all = {0};
	for (int k = 0; k < (call->per_image ? 1 : call->chunks); k++)
		merge(&all, &parts[(int64_t)(group + k) * call->step->x.c + c]);
	return all;
}

static void save(const struct cvt_step *step, int group, int c, double mean, double var)
{
	int64_t at = (int64_t)group * step->x.c + c;
	saved_mean(step)[at] = (float)mean;
	saved_deviation(step)[at] = (float)(1 / sqrt(var + eps_of(step)));
	saved_scale(step)[at] = cvt_step_param(step, step->node, 0)->value[c] * saved_deviation(step)[at];
}

static void finish_moments(const struct norm_call *call)
{
	const struct cvt_step *s = call->step;
	int n_groups = call->per_image ? call->chunks : 1;
	for (int g = 0; g < n_groups; g++) {
		for (int c = 0; c < s->x.c; c++) {
			struct cvt_moments all = s->hands & CVT_HANDS_SUMS ? left_moments(s, c) : merged_moments(call, g, c);
			save(s, g, c, all.mean, all.m2 / all.count);
			if (s->training)
				update_running(s, c, &all);
		}
	}
}

/* The maps of a task, of this image. */
static struct cvt_norm_maps norm_maps(const struct norm_call *call, int image, struct range maps)
{
	const struct cvt_step *s = call->step;
	int64_t at = (call->per_image ? (int64_t)image * s->x.c : 0) + maps.from;
	return (struct cvt_norm_maps){.maps = maps.to - maps.from, .mean = saved_mean(s) + at, .scale = saved_scale(s) + at,
		.beta = cvt_step_param(s, s->node, 1)->value + maps.from, .c2 = s->training ? saved_c2(s) + maps.from : NULL,
		.c3 = s->training ? saved_c3(s) + maps.from : NULL, .relu = absorbs(s, &cvt_relu_ops), .mask = s->mask_dx, .adds = s->dx_adds};
}

static float *map_of(const struct cvt_tensor *t, int image, int c)
{
	return cvt_image(t, image) + c * cvt_plane(t);
}

static void apply_task(void *context, int task, int worker)
{
	const struct norm_call *call = context;
	const struct cvt_step *s = call->step;
	int image = task / n_blocks(s);
	struct range maps = maps_of(s, task % n_blocks(s));
	struct cvt_norm_maps known = norm_maps(call, image, maps);
	const float *x = map_of(&s->x, image, maps.from);
	float *y = map_of(&s->y, image, maps.from);
	(void)worker;
	if (s->hands & CVT_HANDS_POOLED) {
		s->kernels->norm.apply(y, y, cvt_plane(&s->y), &known);
		return;
	}
	switch (window_of(s)) {
	case NO_WINDOW: s->kernels->norm.apply(x, y, cvt_plane(&s->x), &known); break;
	case BLOCKS: s->kernels->norm.apply_pool(x, y, s->x.h, s->x.w, &known); break;
	case WINDOWS: s->kernels->norm_windows.apply(x, y, s->x.h, s->x.w, &known); break;
	}
}

static struct norm_call call_of(const struct cvt_step *step)
{
	bool per_image = of_images(step) && !step->training;
	return (struct norm_call){.step = step, .per_image = per_image, .chunks = per_image ? step->x.n : CHUNKS};
}

static void norm_forward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	struct norm_call call = call_of(step);
	if (of_images(step)) {
		if (!(step->hands & CVT_HANDS_SUMS))
			cvt_pool_run(exec->pool, moments_task, &call, call.chunks * n_blocks(step));
		finish_moments(&call);
	} else {
		for (int c = 0; c < step->x.c; c++)
			save(step, 0, c, (double)cvt_step_param(step, step->node, 2)->value[c], (double)cvt_step_param(step, step->node, 3)->value[c]);
	}
	cvt_pool_run(exec->pool, apply_task, &call, step->x.n * n_blocks(step));
}

/* y is as large as x and one pass away from it; with the pooling it is a quarter, and stays. */
static bool norm_remakes(const struct cvt_step *step)
{
	return window_of(step) == NO_WINDOW;
}

static void norm_remake(const struct cvt_step *step, const struct cvt_exec *exec)
{
	struct norm_call call = call_of(step);
	cvt_pool_run(exec->pool, apply_task, &call, step->x.n * n_blocks(step));
}

static void sums_task(void *context, int task, int worker)
{
	const struct norm_call *call = context;
	const struct cvt_step *s = call->step;
	int chunk = task / n_blocks(s);
	struct range maps = maps_of(s, task % n_blocks(s)), images = images_of(call, chunk);
	struct cvt_norm_maps known = norm_maps(call, 0, maps);
	double(*sums)[2] = (double(*)[2])s->backward.shared + (int64_t)chunk * s->x.c + maps.from;
	const float *x = map_of(&s->x, images.from, maps.from), *dy = map_of(&s->dy, images.from, maps.from);
	enum window window = window_of(s);
	(void)worker;
	memset(sums, 0, (size_t)known.maps * sizeof *sums);
	if (window == NO_WINDOW)
		s->kernels->norm.sums(x, s->x.image_stride, dy, s->dy.image_stride, images.to - images.from, cvt_plane(&s->x), &known, sums);
	for (int i = images.from; window != NO_WINDOW && i < images.to; i++, x += s->x.image_stride, dy += s->dy.image_stride)
		(window == BLOCKS ? s->kernels->norm.sums_pool : s->kernels->norm_windows.sums)(x, dy, s->x.h, s->x.w, &known, sums);
}

/* The chunks' sums become the gradients of gamma and beta, and the two numbers by which dx depends on all of its map. */
static void finish_sums(const struct norm_call *call)
{
	const struct cvt_step *s = call->step;
	double(*parts)[2] = s->backward.shared;
	struct cvt_param *gamma = cvt_step_param(s, s->node, 0), *beta = cvt_step_param(s, s->node, 1);
	double count = (double)s->x.n * (double)cvt_plane(&s->x);
	for (int c = 0; c < s->x.c; c++) {
		double sum = 0, product = 0, deviation = (double)saved_deviation(s)[c], scale = (double)gamma->value[c] * deviation;
		for (int k = 0; k < call->chunks; k++) {
			sum += parts[(int64_t)k * s->x.c + c][0];
			product += parts[(int64_t)k * s->x.c + c][1];
		}
		if (gamma->grad)
			gamma->grad[c] = (float)(product * deviation);
		if (beta->grad)
			beta->grad[c] = (float)sum;
		saved_c2(s)[c] = (float)(scale * sum / count);
		saved_c3(s)[c] = (float)(scale * product * deviation * deviation / count);
	}
}

static void backward_task(void *context, int task, int worker)
{
	const struct norm_call *call = context;
	const struct cvt_step *s = call->step;
	int image = task / n_blocks(s);
	struct range maps = maps_of(s, task % n_blocks(s));
	struct cvt_norm_maps known = norm_maps(call, image, maps);
	const float *x = map_of(&s->x, image, maps.from), *dy = map_of(&s->dy, image, maps.from);
	float *dx = map_of(&s->dx, image, maps.from), *scratch = (float *)((char *)s->backward.workers + (size_t)worker * s->backward.worker_bytes);
	switch (window_of(s)) {
	case NO_WINDOW: s->kernels->norm.backward(x, dy, dx, cvt_plane(&s->x), &known); break;
	case BLOCKS: s->kernels->norm.backward_pool(x, dy, dx, s->x.h, s->x.w, &known); break;
	case WINDOWS: s->kernels->norm_windows.backward(x, dy, dx, s->x.h, s->x.w, &known, scratch); break;
	}
}

static void norm_backward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	struct norm_call call = call_of(step);
	cvt_pool_run(exec->pool, sums_task, &call, call.chunks * n_blocks(step));
	finish_sums(&call);
	if (step->wants_dx && !(step->hands & CVT_HANDS_DY))
		cvt_pool_run(exec->pool, backward_task, &call, step->x.n * n_blocks(step));
}

struct cvt_norm_maps cvt_norm_backward_maps(const struct cvt_step *norm)
{
	struct norm_call call = call_of(norm);
	return norm_maps(&call, 0, (struct range){0, norm->x.c});
}

const struct cvt_layer_ops cvt_norm_ops = {.name = "batch norm", .masks_dx = true, .overwrites_x = true, .hands = norm_hands, .absorb = norm_absorb,
	.plan = norm_plan, .forward = norm_forward, .backward = norm_backward, .remakes = norm_remakes, .remake = norm_remake};

int cvt_batch_norm(struct cvt_graph *g, int x, struct cvt_norm_args a)
{
	struct cvt_node *node = cvt_graph_add(g, &cvt_norm_ops, &x, 1);
	if (!node)
		return -1;
	int c = g->nodes[x].c;
	if (a.eps == 0)
		a.eps = 1e-5f;
	if (a.momentum == 0)
		a.momentum = 0.1f;
	node->as.norm = a;
	int index = cvt_graph_shape(g, c, g->nodes[x].h, g->nodes[x].w);
	cvt_graph_add_param(g, "weight", &c, 1, CVT_INIT_ONE, 0, true, !a.frozen);
	cvt_graph_add_param(g, "bias", &c, 1, CVT_INIT_ZERO, 0, true, !a.frozen);
	cvt_graph_add_param(g, "running_mean", &c, 1, CVT_INIT_ZERO, 0, false, false);
	cvt_graph_add_param(g, "running_var", &c, 1, CVT_INIT_ONE, 0, false, false);
	return g->failed ? -1 : index;
}
