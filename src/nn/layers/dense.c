/* dense.c - y = x W^T + b as a layer; absorbs ReLU. Large weights never have a gradient stored: backward applies the update at once, which
 * saves the array and a pass over it. */
#include "nn/layer.h"
#include "nn/layers/dense_gemm.h"


static const struct cvt_dense_method *choose(const struct cvt_step *step)
{
	return step->conv == CVT_CONV_GEMM ? &cvt_dense_gemm : &cvt_dense_lanes;
}

static int64_t inputs_of(const struct cvt_step *step)
{
	return step->x.c * cvt_plane(&step->x);
}

static bool dense_absorb(const struct cvt_step *step, const struct cvt_node *next)
{
	return next->ops == &cvt_relu_ops && step->n_absorbed == 0;
}

static void dense_plan(struct cvt_step *step)
{
	const struct cvt_dense_method *m = choose(step);
	int in = (int)inputs_of(step), out = step->node->c;
	m->scratch(in, out, CVT_DENSE_FORWARD, step->max_batch, step->kernels, &step->forward.shared_bytes, &step->forward.worker_bytes);
	if (!step->training)
		return;
	m->scratch(in, out, CVT_DENSE_BACKWARD, step->max_batch, step->kernels, &step->backward.shared_bytes, &step->backward.worker_bytes);
	step->backward_reads = CVT_READS_X | (step->n_absorbed ? CVT_READS_Y : 0);
}

static struct cvt_dense_call call_of(const struct cvt_step *step, const struct cvt_exec *exec, const struct cvt_scratch *scratch)
{
	return (struct cvt_dense_call){.in = (int)inputs_of(step), .out = step->node->c, .n = step->x.n, .x = step->x.data,
		.x_stride = step->x.image_stride, .weight = cvt_step_param(step, step->node, 0)->value,
		.bias = cvt_step_param(step, step->node, 1)->value, .relu = step->n_absorbed > 0, .shared = scratch->shared,
		.workers = scratch->workers, .worker_bytes = scratch->worker_bytes, .pool = exec->pool, .kernels = step->kernels};
}

static void dense_forward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	struct cvt_dense_call call = call_of(step, exec, &step->forward);
	call.y = step->y.data;
	call.y_stride = step->y.image_stride;
	choose(step)->forward(&call);
}

static void mask_task(void *context, int image, int worker)
{
	const struct cvt_step *s = context;
	const float *y = cvt_image(&s->y, image);
	float *dy = cvt_image(&s->dy, image);
	(void)worker;
	for (int o = 0; o < s->y.c; o++)
		dy[o] = y[o] > 0 ? dy[o] : 0;
}

static void dense_backward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	struct cvt_dense_call call = call_of(step, exec, &step->backward);
	struct cvt_param *weight = cvt_step_param(step, step->node, 0);
	if (step->n_absorbed)
		cvt_pool_run(exec->pool, mask_task, (void *)step, step->dy.n);
	call.dy = step->dy.data;
	call.dy_stride = step->dy.image_stride;
	call.dx = step->wants_dx ? step->dx.data : NULL;
	call.dx_stride = step->dx.image_stride;
	call.dx_adds = step->dx_adds;
	call.dweight = weight->grad;
	call.dbias = cvt_step_param(step, step->node, 1)->grad;
	call.velocity = weight->momentum;
	call.lr = exec->lr;
	call.momentum = exec->momentum;
	call.weight_decay = exec->weight_decay;
	choose(step)->backward(&call);
}

static int64_t dense_multiply_adds(const struct cvt_graph *g, const struct cvt_node *node)
{
	const struct cvt_node *in = &g->nodes[node->inputs[0]];
	return (int64_t)in->c * in->h * in->w * node->c;
}

static const char *dense_method(const struct cvt_step *step)
{
	return choose(step)->name;
}

const struct cvt_layer_ops cvt_dense_ops = {.name = "dense", .absorb = dense_absorb, .plan = dense_plan, .forward = dense_forward,
	.backward = dense_backward, .multiply_adds = dense_multiply_adds, .method = dense_method};

int cvt_dense(struct cvt_graph *g, int x, struct cvt_dense_args a)
{
	struct cvt_node *node = cvt_graph_add(g, &cvt_dense_ops, &x, 1);
	if (!node)
		return -1;
	if (a.out < 1)
		return cvt_graph_fail(g, CVT_ERR_RANGE, "a dense layer with %d outputs does not work", a.out);
	int in = g->nodes[x].c * g->nodes[x].h * g->nodes[x].w;
	node->as.dense = a;
	int index = cvt_graph_shape(g, a.out, 1, 1);
	cvt_graph_add_param(g, "weight", (int[]){a.out, in}, 2, CVT_INIT_UNIFORM_FAN_IN, in, true, true);
	cvt_graph_add_param(g, "bias", (int[]){a.out}, 1, CVT_INIT_UNIFORM_FAN_IN, in, true, true);
	return g->failed ? -1 : index;
}
