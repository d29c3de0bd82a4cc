/* max_pool.c - the largest value of each window, where no norm absorbs it. Padding is minus infinity; sizes round down, as PyTorch's.
 *
 * No index is kept: backward finds the first largest value of each window again, in the input that is still there. dx may take x's place:
 * each plane is copied to scratch first. */
#include <math.h>
#include <string.h>

#include "nn/layer.h"

static int start_of(int out, const struct cvt_pool_args *a)
{
	int at = out * a->stride - a->padding;
	return at < 0 ? 0 : at;
}

static int end_of(int out, const struct cvt_pool_args *a, int size)
{
	int end = out * a->stride - a->padding + a->kernel;
	return end > size ? size : end;
}

/* Place in the plane of the first largest value of window (oy, ox); NaN counts as largest, as in PyTorch. */
static int64_t largest(const float *x, int h, int w, int oy, int ox, const struct cvt_pool_args *a)
{
	int y0 = start_of(oy, a), y1 = end_of(oy, a, h), x0 = start_of(ox, a), x1 = end_of(ox, a, w);
	int64_t best = (int64_t)y0 * w + x0;
	for (int y = y0; y < y1; y++)
		for (int64_t i = (int64_t)y * w + x0; i < (int64_t)y * w + x1; i++)
			if (x[i] > x[best] || isnan(x[i]))
				best = i;
	return best;
}

static void forward_task(void *context, int task, int worker)
{
	const struct cvt_step *s = context;
	int image = task / s->x.c, c = task % s->x.c;
	const float *x = cvt_image(&s->x, image) + c * cvt_plane(&s->x);
	float *y = cvt_image(&s->y, image) + c * cvt_plane(&s->y);
	(void)worker;
	for (int oy = 0; oy < s->y.h; oy++)
		for (int ox = 0; ox < s->y.w; ox++)
			*y++ = x[largest(x, s->x.h, s->x.w, oy, ox, &s->node->as.pool)];
}

static void max_pool_forward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	cvt_pool_run(exec->pool, forward_task, (void *)step, step->x.n * step->x.c);
}

static void backward_task(void *context, int task, int worker)
{
	const struct cvt_step *s = context;
	int image = task / s->x.c, c = task % s->x.c;
	int64_t plane = cvt_plane(&s->x);
	const float *x = cvt_image(&s->x, image) + c * plane, *dy = cvt_image(&s->dy, image) + c * cvt_plane(&s->dy);
	float *dx = cvt_image(&s->dx, image) + c * plane;
	if (s->dx_in_place) {
		float *copy = (float *)((char *)s->backward.workers + (size_t)worker * s->backward.worker_bytes);
		x = memcpy(copy, x, (size_t)plane * sizeof(float));
	}
	if (!s->dx_adds)
		memset(dx, 0, (size_t)plane * sizeof(float));
	for (int oy = 0; oy < s->dy.h; oy++)
		for (int ox = 0; ox < s->dy.w; ox++)
			dx[largest(x, s->x.h, s->x.w, oy, ox, &s->node->as.pool)] += *dy++;
}

static void max_pool_backward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	if (step->wants_dx)
		cvt_pool_run(exec->pool, backward_task, (void *)step, step->x.n * step->x.c);
}

static void max_pool_plan(struct cvt_step *step)
{
	step->backward_reads = CVT_READS_X;
	step->backward.worker_bytes = (size_t)cvt_plane(&step->x) * sizeof(float);
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
