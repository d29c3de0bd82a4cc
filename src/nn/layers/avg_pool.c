/* avg_pool.c - the mean of each map: [n, c, h, w] to [n, c, 1, 1]. */
#include "nn/layer.h"

static void forward_task(void *context, int image, int worker)
{
	const struct cvt_step *s = context;
	int64_t plane = cvt_plane(&s->x);
	(void)worker;
	for (int c = 0; c < s->x.c; c++) {
		const float *x = cvt_image(&s->x, image) + c * plane;
		double sum = 0;
		for (int64_t i = 0; i < plane; i++)
			sum += x[i];
		cvt_image(&s->y, image)[c] = (float)(sum / (double)plane);
	}
}

static void avg_pool_forward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	cvt_pool_run(exec->pool, forward_task, (void *)step, step->x.n);
}

static void backward_task(void *context, int image, int worker)
{
	const struct cvt_step *s = context;
	int64_t plane = cvt_plane(&s->x);
	(void)worker;
	for (int c = 0; c < s->x.c; c++) {
		float *dx = cvt_image(&s->dx, image) + c * plane;
		float g = (float)(cvt_image(&s->dy, image)[c] / (double)plane);
		for (int64_t i = 0; i < plane; i++)
			dx[i] = s->dx_adds ? dx[i] + g : g;
	}
}

static void avg_pool_backward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	if (step->wants_dx)
		cvt_pool_run(exec->pool, backward_task, (void *)step, step->x.n);
}

const struct cvt_layer_ops cvt_avg_pool_ops = {.name = "average pool", .forward = avg_pool_forward, .backward = avg_pool_backward};

int cvt_global_avg_pool(struct cvt_graph *g, int x)
{
	if (!cvt_graph_add(g, &cvt_avg_pool_ops, &x, 1))
		return -1;
	return cvt_graph_shape(g, g->nodes[x].c, 1, 1);
}
