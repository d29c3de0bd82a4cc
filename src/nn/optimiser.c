/* optimiser.c - SGD, in tasks of a constant number of weights. Each weight is its own sum: the order of tasks does not matter. */
#include "nn/optimiser.h"

#include <math.h>
#include <stdatomic.h>
#include <stddef.h>

enum { CHUNK = 1 << 14 };

struct sgd {
	struct cvt_model *model;
	const struct cvt_param *one; const float *grad;         /* instead of a model */
	float lr, momentum, weight_decay;
	atomic_bool finite;
};

static int chunks(int64_t count)
{
	return (int)((count + CHUNK - 1) / CHUNK);
}

/* Of an array whose gradient is stored. */
static int64_t learning_count(const struct cvt_param *p)
{
	return p->learns && p->grad ? p->count : 0;
}

static int count_tasks(const struct cvt_model *model)
{
	int tasks = 0;
	for (int i = 0; i < model->graph.n_params; i++)
		tasks += chunks(learning_count(&model->graph.params[i]));
	return tasks;
}

/* Which array and which part of it is task's: [*from, *to). */
static struct cvt_param *locate(const struct cvt_model *model, int task, int64_t *from, int64_t *to)
{
	struct cvt_param *p = model->graph.params;
	for (; task >= chunks(learning_count(p)); p++)
		task -= chunks(learning_count(p));
	*from = (int64_t)task * CHUNK;
	*to = *from + CHUNK < p->count ? *from + CHUNK : p->count;
	return p;
}

void cvt_sgd_apply(float *restrict w, float *restrict v, const float *restrict grad, int64_t n, float lr, float momentum, float weight_decay)
{
	if (v) {
		for (int64_t i = 0; i < n; i++) {
			v[i] = momentum * v[i] + (grad[i] + weight_decay * w[i]);
			w[i] -= lr * v[i];
		}
	} else {
		for (int64_t i = 0; i < n; i++)
			w[i] -= lr * (grad[i] + weight_decay * w[i]);
	}
}

/* Weights from .. to of a parameter, by that part of its gradient. */
static void update(const struct cvt_param *p, const float *grad, int64_t from, int64_t to, const struct sgd *s)
{
	cvt_sgd_apply(p->value + from, p->momentum ? p->momentum + from : NULL, grad + from, to - from, s->lr, s->momentum, s->weight_decay);
}

static void sgd_task(void *context, int task, int worker)
{
	const struct sgd *s = context;
	int64_t from, to;
	struct cvt_param *p = locate(s->model, task, &from, &to);
	(void)worker;
	update(p, p->grad, from, to, s);
}

static void one_task(void *context, int task, int worker)
{
	const struct sgd *s = context;
	int64_t from = (int64_t)task * CHUNK, to = from + CHUNK < s->one->count ? from + CHUNK : s->one->count;
	(void)worker;
	update(s->one, s->grad, from, to, s);
}

void cvt_sgd_update(struct cvt_param *param, const float *grad, struct cvt_pool *pool, float lr, float momentum, float weight_decay)
{
	struct sgd s = {.one = param, .grad = grad, .lr = lr, .momentum = momentum, .weight_decay = weight_decay};
	cvt_pool_run(pool, one_task, &s, chunks(param->count));
}

void cvt_sgd_step(struct cvt_model *model, struct cvt_pool *pool, float lr, float momentum, float weight_decay)
{
	struct sgd s = {.model = model, .lr = lr, .momentum = momentum, .weight_decay = weight_decay};
	cvt_pool_run(pool, sgd_task, &s, count_tasks(model));
}

static void finite_task(void *context, int task, int worker)
{
	struct sgd *s = context;
	int64_t from, to;
	struct cvt_param *p = locate(s->model, task, &from, &to);
	(void)worker;
	const float *values = p->grad;
	/* x - x is 0, or not a number where x is none or infinite: a sum that vectorises */
	float lanes[16] = {0}, sum = 0;
	int64_t i = from;
	for (; i + 16 <= to; i += 16)
		for (int k = 0; k < 16; k++)
			lanes[k] += values[i + k] - values[i + k];
	for (; i < to; i++)
		sum += values[i] - values[i];
	for (int k = 0; k < 16; k++)
		sum += lanes[k];
	if (sum != 0 || isnan(sum))
		atomic_store(&s->finite, false);
}

bool cvt_model_finite(const struct cvt_model *model, struct cvt_pool *pool)
{
	struct sgd s = {.model = (struct cvt_model *)model};
	atomic_init(&s.finite, true);
	cvt_pool_run(pool, finite_task, &s, count_tasks(model));
	return atomic_load(&s.finite);
}
