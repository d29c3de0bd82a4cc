/* conv.c - the convolution as a layer: chooses a method for each pass from shapes alone, and absorbs what follows.
 *
 * Absorbed: ReLU; at evaluation also batch norm, as a scale and a shift of each map, before or after the ReLU, and where the method can,
 * max pooling: then the large maps are never written. In training convolution and norm do work for each other: layer.h, CVT_HANDS_.. Convolutions
 * of the same x are joined where the method can: then x is packed once for all of them, and its gradient summed in registers.
 * Large weights have no gradient of their own: it is made where those of other layers were, in the third cache still, and applied at once. */
#include <math.h>

#include "nn/layer.h"
#include "nn/layers/conv_common.h"
#include "nn/optimiser.h"

/* In order of preference, for each enum cvt_conv_choice; the last of a row fits everything. */
static const struct cvt_conv_method *const methods[][6] = {
	[CVT_CONV_AUTO] = {&cvt_conv_1x1, &cvt_conv_winograd3, &cvt_conv_winograd5, &cvt_conv_stem, &cvt_conv_gemm},
	[CVT_CONV_DIRECT] = {&cvt_conv_direct},
	[CVT_CONV_WINOGRAD] = {&cvt_conv_1x1, &cvt_conv_winograd3, &cvt_conv_winograd5, &cvt_conv_stem, &cvt_conv_gemm},
	[CVT_CONV_GEMM] = {&cvt_conv_gemm},
};

/* Which absorbed node is of this kind; -1: none. */
static int absorbed(const struct cvt_step *step, const struct cvt_layer_ops *ops)
{
	for (int i = 0; i < step->n_absorbed; i++)
		if (step->absorbed[i]->ops == ops)
			return i;
	return -1;
}

static struct cvt_conv_shape shape_of(const struct cvt_step *step)
{
	const struct cvt_conv_args *a = &step->node->as.conv;
	const struct cvt_node *x = &step->graph->nodes[step->node->inputs[0]];
	int pool = absorbed(step, &cvt_max_pool_ops);
	return (struct cvt_conv_shape){.in_c = x->c, .in_h = x->h, .in_w = x->w, .out_c = step->node->c,
		.out_h = step->node->h, .out_w = step->node->w, .kernel = a->kernel, .stride = a->stride, .padding = a->padding,
		.batch = step->max_batch, .forced = step->conv != CVT_CONV_AUTO, .pools_x = step->fetched,
		.dy = !(step->hands & CVT_HANDS_DY) ? CVT_DY_GIVEN : step->wants_dx ? CVT_DY_KEPT : CVT_DY_UNKEPT,
		.windows = pool >= 0 && step->absorbed[pool]->as.pool.kernel == 3};
}

/* Of a leader: all outputs that are made of its x. */
static struct cvt_conv_shape joined_shape(const struct cvt_step *step)
{
	struct cvt_conv_shape shape = shape_of(step);
	for (const struct cvt_step *other = step->joined; other; other = other->joined)
		shape.out_c += other->node->c;
	return shape;
}

static const struct cvt_conv_method *choose(const struct cvt_step *step, enum cvt_conv_pass pass)
{
	struct cvt_conv_shape shape = shape_of(step);
	const struct cvt_conv_method *const *m = methods[step->conv];
	shape.batch = step->methods_of;
	while (!(*m)->fits(&shape, pass, step->kernels))
		m++;
	return *m;
}

static bool conv_absorb(const struct cvt_step *step, const struct cvt_node *next)
{
	if (absorbed(step, &cvt_max_pool_ops) >= 0)
		return false;
	if (next->ops == &cvt_relu_ops)
		return absorbed(step, &cvt_relu_ops) < 0;
	if (next->ops == &cvt_max_pool_ops) {
		const struct cvt_pool_args *pool = &next->as.pool;
		const struct cvt_conv_method *method = choose(step, CVT_CONV_FORWARD);
		return !step->training && pool->stride == 2 && ((pool->kernel == 2 && pool->padding == 0 && method->pools) ||
			(pool->kernel == 3 && pool->padding == 1 && method->windows));
	}
	return next->ops == &cvt_norm_ops && !step->training && !next->as.norm.batch_statistics && absorbed(step, &cvt_norm_ops) < 0;
}

/* Inception's pool before a 1 x 1: its maps are as large as all of the block's input. */
static bool conv_fetches(const struct cvt_step *step, const struct cvt_node *before)
{
	const struct cvt_pool_args *pool = &before->as.pool;
	if (before->ops != &cvt_max_pool_ops || pool->kernel != 3 || pool->stride != 1 || pool->padding != 1)
		return false;
	for (int pass = CVT_CONV_FORWARD; pass <= (step->training ? CVT_CONV_WEIGHT_GRADIENT : CVT_CONV_FORWARD); pass++)
		if (!choose(step, pass)->pools_x)
			return false;
	return true;
}

static bool learns(const struct cvt_step *step)
{
	return cvt_step_param(step, step->node, 0)->learns;
}

static unsigned conv_hands(const struct cvt_step *step)
{
	const struct cvt_conv_method *forward = choose(step, CVT_CONV_FORWARD), *gradient = choose(step, CVT_CONV_WEIGHT_GRADIENT);
	bool masked = absorbed(step, &cvt_relu_ops) < 0 || step->dy_masked;
	struct cvt_conv_shape shape = shape_of(step);
	shape.batch = step->methods_of;
	shape.dy = CVT_DY_UNKEPT;       /* as it would be */
	return (forward->sums ? CVT_HANDS_SUMS : 0) | (forward->pools_beside_y ? CVT_HANDS_POOLED : 0) |
		(learns(step) && masked && gradient->unpools && gradient->unpools(&shape, step->kernels) ? CVT_HANDS_DY_BLOCKS : 0) |
		(learns(step) && masked && gradient->unpools_windows ? CVT_HANDS_DY_WINDOWS : 0);
}

static bool conv_joins(const struct cvt_step *step, const struct cvt_step *other)
{
	const struct cvt_conv_args *a = &step->node->as.conv, *b = &other->node->as.conv;
	if (a->kernel != b->kernel || a->stride != b->stride || a->padding != b->padding || learns(step) != learns(other) || step->fetched || other->fetched)
		return false;
	for (int pass = CVT_CONV_FORWARD; pass <= (step->training ? CVT_CONV_WEIGHT_GRADIENT : CVT_CONV_FORWARD); pass++)
		if (!choose(step, pass)->joined || choose(other, pass) != choose(step, pass))
			return false;
	return true;
}

/* Scale and shift stand before the method's own shared scratch. */
static size_t fold_bytes(const struct cvt_step *step)
{
	size_t one = ((size_t)step->node->c * sizeof(float) + 63) / 64 * 64;
	return absorbed(step, &cvt_norm_ops) < 0 ? 0 : 2 * one;
}

/* A gradient that is not kept stands before the method's own shared scratch. */
static size_t gradient_bytes(const struct cvt_step *step)
{
	const struct cvt_param *weight = cvt_step_param(step, step->node, 0);
	return weight->updated_in_backward ? cvt_conv_bytes((ptrdiff_t)weight->count) : 0;
}

static void add_scratch(const struct cvt_step *step, enum cvt_conv_pass pass, struct cvt_scratch *scratch)
{
	struct cvt_conv_shape shape = joined_shape(step);
	size_t shared, worker;
	choose(step, pass)->scratch(&shape, pass, step->max_batch, step->kernels, &shared, &worker);
	if (shared > scratch->shared_bytes)
		scratch->shared_bytes = shared;
	if (worker > scratch->worker_bytes)
		scratch->worker_bytes = worker;
}

static void conv_plan(struct cvt_step *step)
{
	bool leads = step->leader == step;
	if (leads)
		add_scratch(step, CVT_CONV_FORWARD, &step->forward);
	step->forward.shared_bytes += fold_bytes(step);
	if (!step->training)
		return;
	if (learns(step) || (step->fetched && step->wants_dx))
		step->backward_reads |= CVT_READS_X;
	if (learns(step) && leads)
		add_scratch(step, CVT_CONV_WEIGHT_GRADIENT, &step->backward);
	if (step->wants_dx && leads)
		add_scratch(step, CVT_CONV_INPUT_GRADIENT, &step->backward);
	step->backward.shared_bytes += gradient_bytes(step);
	if (absorbed(step, &cvt_relu_ops) >= 0 && !step->dy_masked)
		step->backward_reads |= CVT_READS_Y;
}

static struct cvt_conv_call call_of(const struct cvt_step *step, const struct cvt_exec *exec, const struct cvt_scratch *scratch)
{
	return (struct cvt_conv_call){.shape = shape_of(step), .n = step->x.n, .x = step->x.data, .x_stride = step->x.image_stride,
		.weight = cvt_step_param(step, step->node, 0)->value, .bias = cvt_step_param(step, step->node, 1)->value,
		.relu = absorbed(step, &cvt_relu_ops) >= 0, .shared = scratch->shared, .workers = scratch->workers,
		.worker_bytes = scratch->worker_bytes, .pool = exec->pool, .kernels = step->kernels};
}

/* y = (x - mean) / sqrt(var + eps) * gamma + beta as y = x * scale + shift. */
static void fold_norm(const struct cvt_step *step, struct cvt_conv_call *call)
{
	int index = absorbed(step, &cvt_norm_ops);
	if (index < 0)
		return;
	const struct cvt_node *norm = step->absorbed[index];
	const float *gamma = cvt_step_param(step, norm, 0)->value, *beta = cvt_step_param(step, norm, 1)->value;
	const float *mean = cvt_step_param(step, norm, 2)->value, *var = cvt_step_param(step, norm, 3)->value;
	float *scale = step->forward.shared, *shift = scale + fold_bytes(step) / 2 / sizeof(float);
	for (int o = 0; o < step->node->c; o++) {
		double s = gamma[o] / sqrt((double)var[o] + norm->as.norm.eps);
		scale[o] = (float)s;
		shift[o] = (float)(beta[o] - mean[o] * s);
	}
	call->scale = scale;
	call->shift = shift;
	call->scale_after_relu = index > 0;
	call->shared = (char *)step->forward.shared + fold_bytes(step);
}

/* What the norm behind wants. The pivot keeps squares from cancelling: near the mean, and known before the step. */
static void hand_to_norm(const struct cvt_step *step, struct cvt_conv_call *call)
{
	const struct cvt_step *norm = step->partner;
	if (step->hands & CVT_HANDS_SUMS) {
		const float *mean = cvt_step_param(norm, norm->node, 2)->value;
		for (int o = 0; o < step->node->c; o++)
			step->pivot[o] = isfinite(mean[o]) ? mean[o] : 0;
		call->pivot = step->pivot;
		call->sums = step->sums;
	}
	if (step->hands & CVT_HANDS_POOLED) {
		call->pooled = norm->forward_y;
		call->pooled_stride = norm->y.image_stride;
		call->pool_sign = cvt_step_param(norm, norm->node, 0)->value;
	}
}

/* The calls of a leader and those joined to it, in a chain. */
static void forward_calls(const struct cvt_step *step, const struct cvt_exec *exec, struct cvt_conv_call calls[CVT_JOINED_MAX])
{
	for (struct cvt_conv_call *call = calls; step; call++, step = step->joined) {
		*call = call_of(step, exec, &step->forward);
		if (absorbed(step, &cvt_max_pool_ops) >= 0) {
			call->pooled = step->y.data;
			call->pooled_stride = step->y.image_stride;
		} else {
			call->y = step->y.data;
			call->y_stride = step->y.image_stride;
		}
		fold_norm(step, call);
		hand_to_norm(step, call);
		call->next = step->joined ? call + 1 : NULL;
	}
}

static void conv_forward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	struct cvt_conv_call calls[CVT_JOINED_MAX];
	forward_calls(step, exec, calls);
	choose(step, CVT_CONV_FORWARD)->run(calls, CVT_CONV_FORWARD);
}

static void mask_task(void *context, int image, int worker)
{
	const struct cvt_step *s = context;
	const float *restrict y = cvt_image(&s->y, image);
	float *restrict dy = cvt_image(&s->dy, image);
	int64_t count = s->y.c * cvt_plane(&s->y);
	(void)worker;
	for (int64_t i = 0; i < count; i++)
		dy[i] = y[i] > 0 ? dy[i] : 0;
}

static void backward_calls(const struct cvt_step *step, const struct cvt_exec *exec, struct cvt_conv_call calls[CVT_JOINED_MAX])
{
	for (struct cvt_conv_call *call = calls; step; call++, step = step->joined) {
		*call = call_of(step, exec, &step->backward);
		call->shared = (char *)call->shared + gradient_bytes(step);
		call->dy = step->dy.data;
		call->dy_stride = step->dy.image_stride;
		if (step->hands & CVT_HANDS_DY) {
			call->normed = step->y.data;
			call->normed_stride = step->y.image_stride;
			call->dmaxima = step->partner->dy.data;
			call->dmaxima_stride = step->partner->dy.image_stride;
			call->made = step->wants_dx ? step->dy.data : NULL;
			call->made_stride = step->dy.image_stride;
			call->norm = cvt_norm_backward_maps(step->partner);
		}
		if (learns(step)) {
			float *gradient = cvt_step_param(step, step->node, 0)->grad;
			call->dweight = gradient ? gradient : step->backward.shared;
			call->dbias = cvt_step_param(step, step->node, 1)->grad;
		}
		if (step->wants_dx) {
			call->dx = step->dx.data;
			call->dx_stride = step->dx.image_stride;
			call->dx_adds = step->dx_adds;
		}
		call->next = step->joined ? call + 1 : NULL;
	}
}

static void conv_backward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	struct cvt_conv_call calls[CVT_JOINED_MAX];
	for (const struct cvt_step *each = step; each; each = each->joined)
		if (absorbed(each, &cvt_relu_ops) >= 0 && !each->dy_masked)
			cvt_pool_run(exec->pool, mask_task, (void *)each, each->dy.n);
	backward_calls(step, exec, calls);
	if (learns(step))
		choose(step, CVT_CONV_WEIGHT_GRADIENT)->run(calls, CVT_CONV_WEIGHT_GRADIENT);
	if (step->wants_dx)             /* after the weight gradient, which may have made dy: dx may take x's place */
		choose(step, CVT_CONV_INPUT_GRADIENT)->run(calls, CVT_CONV_INPUT_GRADIENT);
	for (const struct cvt_step *each = step; each; each = each->joined) {
		struct cvt_param *weight = cvt_step_param(each, each->node, 0);
		if (weight->updated_in_backward)
			cvt_sgd_update(weight, each->backward.shared, exec->pool, exec->lr, exec->momentum, exec->weight_decay);
	}
}

static int64_t conv_multiply_adds(const struct cvt_graph *g, const struct cvt_node *node)
{
	int64_t kernel = node->as.conv.kernel;
	return (int64_t)node->c * node->h * node->w * g->nodes[node->inputs[0]].c * kernel * kernel;
}

static const char *conv_method(const struct cvt_step *step)
{
	const struct cvt_conv_method *method = choose(step, CVT_CONV_FORWARD);
	return step->leader != step || step->joined ? method->joined : method->name;
}

const struct cvt_layer_ops cvt_conv_ops = {.name = "conv", .overwrites_x = true, .hands = conv_hands, .fetches = conv_fetches, .absorb = conv_absorb,
	.joins = conv_joins, .plan = conv_plan, .forward = conv_forward, .backward = conv_backward, .multiply_adds = conv_multiply_adds,
	.method = conv_method};

int cvt_conv(struct cvt_graph *g, int x, struct cvt_conv_args a)
{
	struct cvt_node *node = cvt_graph_add(g, &cvt_conv_ops, &x, 1);
	if (!node)
		return -1;
	const struct cvt_node *in = &g->nodes[x];
	if (a.stride == 0)
		a.stride = 1;
	if (a.out < 1 || a.kernel < 1 || a.stride < 1 || a.padding < 0 || a.kernel > 64 || a.padding >= a.kernel)
		return cvt_graph_fail(g, CVT_ERR_RANGE, "a convolution to %d maps with kernel %d, stride %d, padding %d does not work", a.out,
			a.kernel, a.stride, a.padding);
	if (in->h + 2 * a.padding < a.kernel || in->w + 2 * a.padding < a.kernel)
		return cvt_graph_fail(g, CVT_ERR_RANGE, "a kernel of %d x %d does not fit maps of %d x %d", a.kernel, a.kernel, in->h, in->w);
	node->as.conv = a;
	int64_t fan_in = (int64_t)in->c * a.kernel * a.kernel;
	int in_c = in->c;
	int index = cvt_graph_shape(g, a.out, (in->h + 2 * a.padding - a.kernel) / a.stride + 1, (in->w + 2 * a.padding - a.kernel) / a.stride + 1);
	if (fan_in > INT32_MAX)
		return cvt_graph_fail(g, CVT_ERR_RANGE, "more than 2,147,483,647 weights to one map");
	cvt_graph_add_param(g, "weight", (int[]){a.out, in_c, a.kernel, a.kernel}, 4, CVT_INIT_UNIFORM_FAN_IN, (int)fan_in, true, !a.frozen);
	cvt_graph_add_param(g, "bias", (int[]){a.out}, 1, CVT_INIT_UNIFORM_FAN_IN, (int)fan_in, true, !a.frozen);
	return g->failed ? -1 : index;
}
