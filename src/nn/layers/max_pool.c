/* max_pool.c - the largest value of each window, where no norm absorbs it. Padding is minus infinity; sizes round down, as PyTorch's.
 *
 * No index is kept: backward finds the first largest value of each window again, in the input that is still there. dx may take x's place:
 * each plane is copied to scratch first. */
#include "nn/layer.h"

enum { TASK_FLOATS = 1 << 14, TOGETHER = 16 /* maps that kernels have in their lanes */ };

static struct cvt_pool_shape shape_of(const struct cvt_step *step)
{
	const struct cvt_pool_args *a = &step->node->as.pool;
	return (struct cvt_pool_shape){.h = step->x.h, .w = step->x.w, .out_h = step->y.h, .out_w = step->y.w, .kernel = a->kernel,
		.stride = a->stride, .padding = a->padding};
}

/* Maps in a task. */
static int block(const struct cvt_step *step)
{
	int64_t maps = TASK_FLOATS / cvt_plane(&step->x) / TOGETHER * TOGETHER;
	return maps > step->x.c ? step->x.c : maps < TOGETHER ? TOGETHER : (int)maps;
}

static int n_blocks(const struct cvt_step *step)
{
	return (step->x.c + block(step) - 1) / block(step);
}

static void forward_task(void *context, int task, int worker)
{
	const struct cvt_step *s = context;
	struct cvt_pool_shape shape = shape_of(s);
	int image = task / n_blocks(s), first = task % n_blocks(s) * block(s), end = first + block(s);
	float *scratch = (float *)((char *)s->forward.workers + (size_t)worker * s->forward.worker_bytes);
	s->kernels->maxpool.forward(&shape, (end < s->x.c ? end : s->x.c) - first, cvt_image(&s->x, image) + first * cvt_plane(&s->x),
		cvt_image(&s->y, image) + first * cvt_plane(&s->y), scratch);
}

static void max_pool_forward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	cvt_pool_run(exec->pool, forward_task, (void *)step, step->x.n * n_blocks(step));
}

static void backward_task(void *context, int task, int worker)
{
	const struct cvt_step *s = context;
	struct cvt_pool_shape shape = shape_of(s);
	int image = task / n_blocks(s), first = task % n_blocks(s) * block(s), end = first + block(s);
	float *scratch = (float *)((char *)s->backward.workers + (size_t)worker * s->backward.worker_bytes);
	s->kernels->maxpool.backward(&shape, (end < s->x.c ? end : s->x.c) - first, cvt_image(&s->x, image) + first * cvt_plane(&s->x),
		cvt_image(&s->dy, image) + first * cvt_plane(&s->dy), cvt_image(&s->dx, image) + first * cvt_plane(&s->x), s->dx_adds, scratch);
}

static void max_pool_backward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	if (step->wants_dx)
		cvt_pool_run(exec->pool, backward_task, (void *)step, step->x.n * n_blocks(step));
}

static void max_pool_plan(struct cvt_step *step)
{
	struct cvt_pool_shape shape = shape_of(step);
	step->backward_reads = CVT_READS_X;
	step->forward.worker_bytes = cvt_pool_forward_floats(&shape) * sizeof(float);
	step->backward.worker_bytes = cvt_pool_backward_floats(&shape) * sizeof(float);
}

const struct cvt_layer_ops cvt_max_pool_ops = {.name = "max pool", .overwrites_x = true, .plan = max_pool_plan,
	.forward = max_pool_forward, .backward = max_pool_backward};

int cvt_max_pool(struct cvt_graph *g, int x, struct cvt_pool_args a)
{
	struct cvt_node *node = cvt_graph_add(g, &cvt_max_pool_ops, &x, 1);
	if (!node)
		return -1;
	const struct cvt_node *in = &g->nodes[x];
	if (a.kernel < 1 || a.stride < 1 || a.padding < 0 || a.padding > a.kernel / 2)
		return cvt_graph_fail(g, CVT_ERR_RANGE, "max pool of %d, stride %d, padding %d: the padding is at most half the kernel",
			a.kernel, a.stride, a.padding);
	if (in->h + 2 * a.padding < a.kernel || in->w + 2 * a.padding < a.kernel)
		return cvt_graph_fail(g, CVT_ERR_RANGE, "max pool of %d x %d does not fit maps of %d x %d", a.kernel, a.kernel, in->h, in->w);
	node->as.pool = a;
	return cvt_graph_shape(g, in->c, (in->h + 2 * a.padding - a.kernel) / a.stride + 1, (in->w + 2 * a.padding - a.kernel) / a.stride + 1);
}
