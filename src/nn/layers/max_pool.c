/* max_pool.c - the largest value of each window, where no norm absorbs it. Padding is minus infinity; sizes round down, as PyTorch's.
 *
 * No index is kept: backward finds the first largest value of each window again, in the input that is still there. dx may take x's place. */
#include "nn/layer.h"

enum { TASK_FLOATS = 1 << 14, TOGETHER = 16 /* at most so many maps are in a vector */ };

static struct cvt_pool_shape shape_of(const struct cvt_step *step)
{
	const struct cvt_pool_args *a = &step->node->as.pool;
	return (struct cvt_pool_shape){.h = step->x.h, .w = step->x.w, .out_h = step->y.h, .out_w = step->y.w, .kernel = a->kernel,
		.stride = a->stride, .padding = a->padding};
}

/* Maps in a task: some whole vectors of them, as kernels have small maps side by side. */
static int block(const struct cvt_step *step)
{
	int64_t maps = TASK_FLOATS / cvt_plane(&step->x);
	maps = maps < TOGETHER ? maps : maps / TOGETHER * TOGETHER;
	return maps < 1 ? 1 : maps > step->x.c ? step->x.c : (int)maps;
}

struct cut { const struct cvt_step *step; struct cvt_pool_shape shape; int block, blocks; };

static struct cut cut_of(const struct cvt_step *step)
{
	struct cut cut = {.step = step, .shape = shape_of(step), .block = block(step)};
	cut.blocks = (step->x.c + cut.block - 1) / cut.block;
	return cut;
}

static void forward_task(void *context, int task, int worker)
{
	const struct cut *cut = context;
	const struct cvt_step *s = cut->step;
	int image = task / cut->blocks, first = task % cut->blocks * cut->block, end = first + cut->block;
	float *scratch = (float *)((char *)s->forward.workers + (size_t)worker * s->forward.worker_bytes);
	s->kernels->maxpool.forward(&cut->shape, (end < s->x.c ? end : s->x.c) - first, cvt_image(&s->x, image) + first * cvt_plane(&s->x),
		cvt_image(&s->y, image) + first * cvt_plane(&s->y), scratch);
}

static void max_pool_forward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	struct cut cut = cut_of(step);
	cvt_pool_run(exec->pool, forward_task, &cut, step->x.n * cut.blocks);
}

static void backward_task(void *context, int task, int worker)
{
	const struct cut *cut = context;
	const struct cvt_step *s = cut->step;
	int image = task / cut->blocks, first = task % cut->blocks * cut->block, end = first + cut->block;
	float *scratch = (float *)((char *)s->backward.workers + (size_t)worker * s->backward.worker_bytes);
	s->kernels->maxpool.backward(&cut->shape, (end < s->x.c ? end : s->x.c) - first, cvt_image(&s->x, image) + first * cvt_plane(&s->x),
		cvt_image(&s->dy, image) + first * cvt_plane(&s->dy), cvt_image(&s->dx, image) + first * cvt_plane(&s->x), s->dx_adds, scratch);
}

static void max_pool_backward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	struct cut cut = cut_of(step);
	if (step->wants_dx)
		cvt_pool_run(exec->pool, backward_task, &cut, step->x.n * cut.blocks);
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
