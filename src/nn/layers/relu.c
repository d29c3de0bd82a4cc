/* relu.c - max(0, x), where no neighbour absorbs it. NaN stays NaN, as in PyTorch; the gradient at 0 is 0. */
#include "nn/layer.h"

struct relu_call { const struct cvt_step *step; };

static void forward_task(void *context, int image, int worker)
{
	const struct cvt_step *s = ((const struct relu_call *)context)->step;
	const float *restrict x = cvt_image(&s->x, image);
	float *restrict y = cvt_image(&s->y, image);
	int64_t count = s->x.c * cvt_plane(&s->x);
	(void)worker;
	for (int64_t i = 0; i < count; i++)
		y[i] = x[i] < 0 ? 0 : x[i];
}

static void relu_forward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	cvt_pool_run(exec->pool, forward_task, &(struct relu_call){step}, step->x.n);
}

static void backward_task(void *context, int image, int worker)
{
	const struct cvt_step *s = ((const struct relu_call *)context)->step;
	const float *restrict y = cvt_image(&s->y, image), *restrict dy = cvt_image(&s->dy, image);
	float *restrict dx = cvt_image(&s->dx, image);
	int64_t count = s->x.c * cvt_plane(&s->x);
	(void)worker;
	for (int64_t i = 0; i < count; i++) {
		float g = y[i] > 0 ? dy[i] : 0;
		dx[i] = s->dx_adds ? dx[i] + g : g;
	}
}

static void relu_backward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	if (step->wants_dx)
		cvt_pool_run(exec->pool, backward_task, &(struct relu_call){step}, step->x.n);
}

static void relu_plan(struct cvt_step *step)
{
	step->backward_reads = CVT_READS_Y;
}

const struct cvt_layer_ops cvt_relu_ops = {.name = "relu", .plan = relu_plan, .forward = relu_forward, .backward = relu_backward};

int cvt_relu(struct cvt_graph *g, int x)
{
	if (!cvt_graph_add(g, &cvt_relu_ops, &x, 1))
		return -1;
	const struct cvt_node *in = &g->nodes[x];
	return cvt_graph_shape(g, in->c, in->h, in->w);
}
