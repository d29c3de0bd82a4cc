/* bench.c - see convtui/bench.h. */
#include "convtui/bench.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/pool.h"
#include "base/random.h"
#include "convtui/machine.h"
#include "kernels/kernels.h"
#include "nn/loss.h"
#include "nn/optimiser.h"
#include "nn/plan.h"

struct bench {
	const struct cvt_config *config;
	int classes;
	struct cvt_pool *pool;
	struct cvt_model *model;
	struct cvt_plan *train, *eval;
	unsigned char *pictures;         /* [batch, c, h, w]: normalised into a plan before each step, as a trainer does */
	size_t pictures_bytes;
	float levels[256];               /* of a byte: deviation about 1 */
	int *labels;
	float *weights;
	struct cvt_exec exec;
	struct cvt_step_time *train_now, *train_best, *eval_now, *eval_best;   /* of each step of the plans */
	double peak;                     /* the best sample so far, 1e9 operations a second */
};

static int make_plans(struct bench *b, struct cvt_error *err)
{
	const struct cvt_config *c = b->config;
	struct cvt_graph graph;
	struct cvt_plan_options options = {.max_batch = c->batch, .flags = CVT_PLAN_TRAIN, .isa = c->isa, .conv = c->conv,
		.workers = cvt_pool_threads(b->pool)};
	int code = cvt_arch_build(c, b->classes, &graph, err);

	if (code != CVT_OK)
		return code;
	code = cvt_model_create(&graph, c->seed, true, c->momentum > 0, &b->model, err);
	cvt_graph_finish(&graph);
	if (code == CVT_OK)
		code = cvt_plan_create(b->model, &options, &b->train, err);
	options.flags = 0;
	options.share = b->train;
	if (code == CVT_OK)
		code = cvt_plan_create(b->model, &options, &b->eval, err);
	if (code != CVT_OK)
		return code;
	b->train_now = calloc((size_t)cvt_plan_steps(b->train), sizeof *b->train_now);
	b->train_best = calloc((size_t)cvt_plan_steps(b->train), sizeof *b->train_best);
	b->eval_now = calloc((size_t)cvt_plan_steps(b->eval), sizeof *b->eval_now);
	b->eval_best = calloc((size_t)cvt_plan_steps(b->eval), sizeof *b->eval_best);
	if (b->train_now == NULL || b->train_best == NULL || b->eval_now == NULL || b->eval_best == NULL)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory to time layers");
	return CVT_OK;
}

static int make_pictures(struct bench *b, struct cvt_error *err)
{
	const struct cvt_config *c = b->config;
	size_t n = (size_t)c->batch * (size_t)c->channels * (size_t)c->image_size * (size_t)c->image_size;

	b->pictures_bytes = n;
	b->pictures = malloc(b->pictures_bytes);
	b->labels = malloc((size_t)c->batch * sizeof *b->labels);
	b->weights = malloc((size_t)b->classes * sizeof *b->weights);
	if (b->pictures == NULL || b->labels == NULL || b->weights == NULL)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for %d pictures: choose a smaller batch", c->batch);
	for (size_t i = 0; i < n; i += 16) {
		uint32_t r[4];

		cvt_random_block(c->seed, CVT_RANDOM_TEST, 0, i / 16, r);
		for (size_t k = 0; k < 16 && i + k < n; k++)
			b->pictures[i + k] = (unsigned char)(r[k / 4] >> 8 * (k % 4));
	}
	for (int v = 0; v < 256; v++)
		b->levels[v] = ((float)v / 255 - 0.5f) * 3.4f;
	for (int i = 0; i < c->batch; i++)
		b->labels[i] = i % b->classes;
	for (int i = 0; i < b->classes; i++)
		b->weights[i] = 1;
	return CVT_OK;
}

struct copy { float *to; const struct bench *bench; };

static void copy_picture(void *context, int task, int worker)
{
	const struct copy *c = context;
	size_t n = c->bench->pictures_bytes / (size_t)c->bench->config->batch;

	(void)worker;
	for (size_t i = (size_t)task * n; i < (size_t)(task + 1) * n; i++)
		c->to[i] = c->bench->levels[c->bench->pictures[i]];
}

static void put_pictures(struct bench *b, struct cvt_plan *plan)
{
	struct copy copy = {cvt_plan_input(plan).data, b};

	cvt_pool_run(b->pool, copy_picture, &copy, b->config->batch);
}

static void keep_best(struct cvt_step_time *best, const struct cvt_step_time *now, int n)
{
	for (int i = 0; i < n; i++) {
		if (best[i].forward == 0 || now[i].forward < best[i].forward)
			best[i].forward = now[i].forward;
		if (best[i].backward == 0 || now[i].backward < best[i].backward)
			best[i].backward = now[i].backward;
	}
}

static void train_step(struct bench *b)
{
	const struct cvt_config *c = b->config;

	b->exec.times = b->train_now;
	put_pictures(b, b->train);
	cvt_plan_forward(b->train, c->batch, &b->exec);
	cvt_cross_entropy(cvt_plan_logits(b->train), b->labels, b->weights, c->batch, b->classes, cvt_plan_logits_grad(b->train), NULL);
	cvt_plan_backward(b->train, c->batch, &b->exec);
	cvt_sgd_step(b->model, b->pool, b->exec.lr, b->exec.momentum, b->exec.weight_decay);
	b->exec.step++;
	keep_best(b->train_best, b->train_now, cvt_plan_steps(b->train));
}

static void eval_step(struct bench *b)
{
	b->exec.times = b->eval_now;
	put_pictures(b, b->eval);
	cvt_plan_forward(b->eval, b->config->batch, &b->exec);
	keep_best(b->eval_best, b->eval_now, cvt_plan_steps(b->eval));
}

struct peak { const struct cvt_kernels *kernels; double rate[256]; };      /* operations a second, of each task */
enum { PEAK_ROUNDS = 500000 };         /* about a millisecond */
#define PEAK_SECONDS 0.05              /* between two samples */

static void peak_task(void *context, int task, int worker)
{
	struct peak *p = context;
	double began = cvt_clock_thread(), operations;
	float sink;

	(void)worker;
	operations = p->kernels->peak.multiply_adds(PEAK_ROUNDS, &sink);
	p->rate[task] = operations / (cvt_clock_thread() - began);
}

/* By the time that each thread had a processor: on a busy machine they seldom have one all at once. */
static void sample_peak(struct bench *b)
{
	struct peak p = {.kernels = cvt_kernels_get(b->config->isa)};
	int tasks = cvt_pool_threads(b->pool) < 256 ? cvt_pool_threads(b->pool) : 256;
	double sum = 0;

	if (p.kernels == NULL)
		return;
	cvt_pool_run(b->pool, peak_task, &p, tasks);
	for (int k = 0; k < tasks; k++)
		sum += p.rate[k];
	b->peak = sum / 1e9 > b->peak ? sum / 1e9 : b->peak;
}

/* The best of at least three repetitions within `seconds`, after one that is not counted, in seconds. Between them, what the processor can do at
 * best is sampled: both are of the same time. */
static double best_of(struct bench *b, void (*step)(struct bench *), double seconds)
{
	double best = 0, start, sampled = 0;
	int n = 0;

	step(b);
	for (start = cvt_clock_monotonic(); n < 3 || cvt_clock_monotonic() - start < seconds; n++) {
		double t = cvt_clock_monotonic();

		if (t - sampled > PEAK_SECONDS) {
			sample_peak(b);
			sampled = t;
			t = cvt_clock_monotonic();
		}
		step(b);
		t = cvt_clock_monotonic() - t;
		best = n == 0 || t < best ? t : best;
	}
	return best;
}

static int64_t first_conv_multiply_adds(const struct cvt_graph *g, const struct cvt_node_cost *costs)
{
	for (int i = 0; i < g->n_nodes; i++)
		if (costs[i].multiply_adds > 0)
			return costs[i].multiply_adds;
	return 0;
}

static int count_work(struct bench *b, struct cvt_bench_result *r, struct cvt_error *err)
{
	const struct cvt_graph *g = &b->model->graph;
	struct cvt_plan_options options = {.max_batch = b->config->batch, .isa = b->config->isa, .conv = b->config->conv,
		.workers = cvt_pool_threads(b->pool)};
	struct cvt_node_cost *costs = calloc((size_t)g->n_nodes, sizeof *costs);
	struct cvt_plan_cost cost;
	int code;

	if (costs == NULL)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory to count multiply-adds");
	code = cvt_plan_dry(g, &options, false, &cost, costs, err);
	if (code == CVT_OK) {
		r->multiply_adds = (double)cost.multiply_adds;
		r->train_gflops = 2e-6 * (3 * r->multiply_adds - (double)first_conv_multiply_adds(g, costs)) / r->train_ms;
		r->eval_gflops = 2e-6 * r->multiply_adds / r->eval_ms;
	}
	free(costs);
	return code;
}

static void say_kinds(const struct cvt_step_about *about, char *text, size_t size)
{
	size_t n = about->n_joined > 1 ? (size_t)snprintf(text, size, "%d of one input: ", about->n_joined) : 0;

	for (int i = 0; i < about->n_kinds && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i > 0 ? " + " : "", about->kinds[i]);
}

/* The step from *s on that does its own work; *s becomes its number. Behind the last: of no node. */
static struct cvt_step_about next_step(const struct cvt_plan *plan, int *s)
{
	for (; *s < cvt_plan_steps(plan); ++*s) {
		struct cvt_step_about about = cvt_plan_step_about(plan, *s);

		if (about.n_joined > 0)
			return about;
	}
	return (struct cvt_step_about){.node = INT_MAX};
}

/* Layers in the graph's order: those that lead a step of either plan. */
static int list_layers(struct bench *b, struct cvt_bench_result *r, struct cvt_error *err)
{
	int n_train = cvt_plan_steps(b->train), n_eval = cvt_plan_steps(b->eval), t = 0, e = 0;
	double scale = 1e3 / b->config->batch;

	r->layers = calloc((size_t)(n_train + n_eval), sizeof *r->layers);
	if (r->layers == NULL)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory to time layers");
	for (;;) {
		struct cvt_step_about train = next_step(b->train, &t), eval = next_step(b->eval, &e), *first = train.node <= eval.node ? &train : &eval;
		struct cvt_bench_layer *layer = &r->layers[r->n_layers];

		if (first->node == INT_MAX)
			return CVT_OK;
		r->n_layers++;
		snprintf(layer->name, sizeof layer->name, "%s", first->name);
		layer->kernel = first->kernel;
		if (train.node == first->node) {
			say_kinds(&train, layer->training, sizeof layer->training);
			layer->forward_ms = b->train_best[t].forward * scale;
			layer->backward_ms = b->train_best[t++].backward * scale;
		}
		if (eval.node == first->node) {
			say_kinds(&eval, layer->evaluation, sizeof layer->evaluation);
			layer->eval_ms = b->eval_best[e++].forward * scale;
		}
	}
}

static int measure(struct bench *b, double seconds, struct cvt_bench_result *r, struct cvt_error *err)
{
	const struct cvt_config *c = b->config;
	int code = make_plans(b, err);

	if (code == CVT_OK)
		code = make_pictures(b, err);
	if (code == CVT_OK)
		code = cvt_arch_label(c, r->network, sizeof r->network, err);
	if (code != CVT_OK)
		return code;
	b->exec = (struct cvt_exec){.pool = b->pool, .seed = c->seed, .lr = 1e-4f, .momentum = (float)c->momentum,
		.weight_decay = (float)c->weight_decay};
	r->image_size = c->image_size;
	r->batch = c->batch;
	r->threads = cvt_pool_threads(b->pool);
	r->isa = cvt_isa_name(c->isa == CVT_ISA_AUTO ? cvt_machine_best_isa() : c->isa);
	r->train_ms = best_of(b, train_step, seconds) / c->batch * 1e3;
	r->eval_ms = best_of(b, eval_step, seconds / 2) / c->batch * 1e3;
	r->peak_bytes = cvt_machine_peak_bytes();
	r->peak_gflops = b->peak;
	code = count_work(b, r, err);
	return code == CVT_OK ? list_layers(b, r, err) : code;
}

int cvt_bench(const struct cvt_config *config, int n_classes, double seconds, struct cvt_bench_result *ret_result, struct cvt_error *err)
{
	struct bench b = {.config = config, .classes = n_classes};
	struct cvt_bench_result result = {0};
	int code;

	cvt_machine_reset_peak();
	code = cvt_pool_create(config->threads > 0 ? config->threads : cvt_machine_processors(NULL), &b.pool, err);
	if (code == CVT_OK)
		code = measure(&b, seconds, &result, err);
	cvt_plan_destroy(b.eval);
	cvt_plan_destroy(b.train);
	cvt_model_destroy(b.model);
	cvt_pool_destroy(b.pool);
	free(b.pictures);
	free(b.labels);
	free(b.weights);
	free(b.train_now);
	free(b.train_best);
	free(b.eval_now);
	free(b.eval_best);
	if (code == CVT_OK)
		*ret_result = result;
	else
		free(result.layers);
	return code;
}
