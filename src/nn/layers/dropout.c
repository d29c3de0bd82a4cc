/* dropout.c - in training, each value is 0 with probability p, else divided by 1 - p. The same numbers again backward: Philox of the run's
 * seed, the batch, and which dropout, picture and value it is. At evaluation it is its input. */
#include "base/random.h"
#include "nn/layer.h"

struct dropout_call { const struct cvt_step *step; const struct cvt_exec *exec; bool backward; };

static void task(void *context, int image, int worker)
{
	const struct dropout_call *call = context;
	const struct cvt_step *s = call->step;
	const float *from = cvt_image(call->backward ? &s->dy : &s->x, image);
	float *to = cvt_image(call->backward ? &s->dx : &s->y, image);
	bool adds = call->backward && s->dx_adds;
	float p = s->node->as.dropout.p, scale = 1 / (1 - p);
	int64_t count = s->x.c * cvt_plane(&s->x), blocks = (count + 3) / 4;
	/* kept where 24 random bits are not below p: the threshold is exact */
	uint32_t threshold = (uint32_t)((double)p * 0x1p24);
	(void)worker;
	for (int64_t b = 0; b < blocks; b++) {
		uint32_t random[4];
		cvt_random_block(call->exec->seed, CVT_RANDOM_DROPOUT, call->exec->step,
			((uint64_t)s->node->dropout_index << 56) + (uint64_t)(image * blocks + b), random);
		for (int64_t i = 4 * b; i < count && i < 4 * b + 4; i++) {
			float v = random[i & 3] >> 8 >= threshold ? from[i] * scale : 0;
			to[i] = adds ? to[i] + v : v;
		}
	}
}

static void dropout_forward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	cvt_pool_run(exec->pool, task, &(struct dropout_call){step, exec, false}, step->x.n);
}

static void dropout_backward(const struct cvt_step *step, const struct cvt_exec *exec)
{
	if (step->wants_dx)
		cvt_pool_run(exec->pool, task, &(struct dropout_call){step, exec, true}, step->x.n);
}

const struct cvt_layer_ops cvt_dropout_ops = {.name = "dropout", .identity_at_evaluation = true, .forward = dropout_forward,
	.backward = dropout_backward};

int cvt_dropout(struct cvt_graph *g, int x, struct cvt_dropout_args a)
{
	struct cvt_node *node = cvt_graph_add(g, &cvt_dropout_ops, &x, 1);
	if (!node)
		return -1;
	if (!(a.p >= 0 && a.p < 1) || g->n_dropouts > 255)
		return cvt_graph_fail(g, CVT_ERR_RANGE, "dropout of %g: 0 to below 1 works, at most 256 times", (double)a.p);
	node->as.dropout = a;
	node->dropout_index = g->n_dropouts++;
	return cvt_graph_shape(g, g->nodes[x].c, g->nodes[x].h, g->nodes[x].w);
}
