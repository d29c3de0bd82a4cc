/* bench_step.c - times a training step and an evaluation of any network on random pictures: ms an image, peak memory.
 *
 *     bench_step [--layers-each] [--train-only] [--repeat N] [--KEY VALUE]...      KEY: any option of convtui: arch, layers, expansion, batch, image-size, threads, isa, conv
 *
 * Best of N (default 5). --layers-each: processor time of each step of the plan as well. One network a process, so that the peak is its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/random.h"
#include "convtui/machine.h"
#include "convtui/model.h"
#include "nn/loss.h"
#include "nn/optimiser.h"
#include "nn/plan_private.h"

struct bench {
	struct cvt_config config;
	bool layers, train_only;
	int repeat;
	struct cvt_model *model;
	struct cvt_plan *train, *eval;
	struct cvt_pool *pool;
	int *labels;
	double forward[512], backward[512];     /* best of each step */
};

static double processor_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int parse(struct bench *b, int argc, char **argv)
{
	struct cvt_error err = {0};
	cvt_config_init(&b->config);
	b->repeat = 5;
	for (int i = 1; i < argc; i++) {
		const char *key = argv[i] + 2;
		if (strcmp(argv[i], "--layers-each") == 0) {
			b->layers = true;
			continue;
		}
		if (strcmp(argv[i], "--train-only") == 0) {
			b->train_only = true;
			continue;
		}
		if (strncmp(argv[i], "--", 2) || i + 1 == argc) {
			fprintf(stderr, "bench_step: --KEY VALUE, not %s\n", argv[i]);
			return 2;
		}
		if (strcmp(key, "repeat") == 0) {
			b->repeat = atoi(argv[++i]);
			continue;
		}
		const struct cvt_option *option = cvt_option_find(key);
		if (!option || cvt_config_set(&b->config, option, argv[++i], &err)) {
			fprintf(stderr, "bench_step: %s %s\n", argv[i], err.message);
			return 2;
		}
	}
	cvt_config_resolve(&b->config);
	return 0;
}

static int build(struct bench *b, struct cvt_error *err)
{
	struct cvt_graph g;
	const struct cvt_config *c = &b->config;
	int threads = c->threads > 0 ? c->threads : cvt_machine_processors(NULL);
	struct cvt_plan_options options = {.max_batch = c->batch, .flags = CVT_PLAN_TRAIN, .isa = c->isa, .conv = c->conv, .workers = threads};
	int status = cvt_arch_build(c, 3, &g, err);
	if (!status)
		status = cvt_pool_create(threads, &b->pool, err);
	if (!status)
		status = cvt_model_create(&g, c->seed, true, c->momentum != 0, &b->model, err);
	if (!status)
		status = cvt_plan_create(b->model, &options, &b->train, err);
	options.flags = 0;
	options.share = b->train;
	if (!status)
		status = cvt_plan_create(b->model, &options, &b->eval, err);
	b->labels = calloc((size_t)c->batch, sizeof *b->labels);
	return status;
}

static void fill(struct bench *b, struct cvt_plan *plan)
{
	struct cvt_tensor x = cvt_plan_input(plan);
	for (int64_t i = 0; i < x.image_stride * x.n; i++)
		x.data[i] = (float)((i * 2654435761u) >> 16 & 0xffff) / 32768 - 1;
}

static void each(double *best, double seconds)
{
	if (*best == 0 || seconds < *best)
		*best = seconds;
}

static void forward(struct bench *b, struct cvt_plan *plan, const struct cvt_exec *exec)
{
	if (!b->layers || plan == b->eval) {
		cvt_plan_forward(plan, b->config.batch, exec);
		return;
	}
	for (int s = 0; s < plan->n_steps; s++) {
		double start = processor_seconds();
		cvt_plan_step_forward(plan, s, b->config.batch, exec);
		each(&b->forward[s], processor_seconds() - start);
	}
}

static void backward(struct bench *b, const struct cvt_exec *exec)
{
	if (!b->layers) {
		cvt_plan_backward(b->train, b->config.batch, exec);
		return;
	}
	for (int s = b->train->n_steps - 1; s >= 0; s--) {
		double start = processor_seconds();
		cvt_plan_step_backward(b->train, s, b->config.batch, exec);
		each(&b->backward[s], processor_seconds() - start);
	}
}

static void train_step(struct bench *b, const struct cvt_exec *exec)
{
	const float weights[] = {0.52f, 0.518f, 0.962f};
	forward(b, b->train, exec);
	cvt_cross_entropy(cvt_plan_logits(b->train), b->labels, weights, b->config.batch, 3, cvt_plan_logits_grad(b->train), NULL);
	backward(b, exec);
	cvt_sgd_step(b->model, b->pool, exec->lr, exec->momentum, exec->weight_decay);
}

static void print_layers(const struct bench *b)
{
	for (int s = 0; s < b->train->n_steps; s++) {
		const struct cvt_step *step = &b->train->steps[s];
		double scale = 1e3 / b->config.batch;
		printf("  %-36s %-14s %4d x %3d x %3d  forward %7.3f  backward %7.3f  %s%s%s\n", step->node->name, step->node->ops->name, step->y.c,
			step->y.h, step->y.w, b->forward[s] * scale, b->backward[s] * scale,
			step->node->ops->method ? step->node->ops->method(step) : "", step->n_absorbed ? " +" : "",
			step->n_absorbed ? step->absorbed[step->n_absorbed - 1]->ops->name : "");
	}
}

static void run(struct bench *b)
{
	struct cvt_exec exec = {.pool = b->pool, .seed = 1, .lr = 1e-6f, .momentum = (float)b->config.momentum,
		.weight_decay = (float)b->config.weight_decay};
	double train = 0, eval = 0, train_processor = 0, eval_processor = 0;
	int n = b->config.batch;
	for (int i = 0; i < b->repeat; i++) {
		double start = cvt_clock_monotonic(), processor = processor_seconds();
		fill(b, b->train);
		start = cvt_clock_monotonic(), processor = processor_seconds();
		train_step(b, &exec);
		each(&train, cvt_clock_monotonic() - start);
		each(&train_processor, processor_seconds() - processor);
	}
	for (int i = 0; i < b->repeat && !b->train_only; i++) {
		fill(b, b->eval);
		double start = cvt_clock_monotonic(), processor = processor_seconds();
		forward(b, b->eval, &exec);
		each(&eval, cvt_clock_monotonic() - start);
		each(&eval_processor, processor_seconds() - processor);
	}
	printf("train %.3f ms an image (processor %.3f), evaluate %.3f (%.3f), peak %lld MB, workspace %zu MB, model %zu MB\n", train / n * 1e3,
		train_processor / n * 1e3, eval / n * 1e3, eval_processor / n * 1e3, (long long)cvt_machine_peak_bytes() >> 20,
		b->train->bytes >> 20, b->model->bytes >> 20);
}

int main(int argc, char **argv)
{
	static struct bench b;
	struct cvt_error err = {0};
	char label[160];
	cvt_machine_prepare(argv);
	int status = parse(&b, argc, argv);
	if (status)
		return status;
	if (cvt_arch_label(&b.config, label, sizeof label, &err) || build(&b, &err)) {
		fprintf(stderr, "bench_step: %s\n", err.message);
		return 1;
	}
	printf("%s, %d x %d, batch %d, %d threads, %s: ", label, b.config.image_size, b.config.image_size, b.config.batch,
		cvt_pool_threads(b.pool), b.train->kernels->name);
	run(&b);
	if (b.layers)
		print_layers(&b);
	cvt_plan_destroy(b.eval);
	cvt_plan_destroy(b.train);
	cvt_model_destroy(b.model);
	cvt_pool_destroy(b.pool);
	free(b.labels);
	return 0;
}
