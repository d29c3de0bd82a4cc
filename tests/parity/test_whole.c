/* test_whole.c - whole networks against PyTorch: ten steps of training of the post's CNN, and logits, losses, gradients, weights after three
 * steps, running statistics and evaluation of each family. One ReLU that flips moves a gradient by 1e-2, so the bound is PyTorch's own: our error
 * against its float64 at most three times its float32's where it sums as PyTorch does, thirty times
 * where Winograd is used. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arch.h"
#include "fixture.h"
#include "nn/layer.h"
#include "nn/loss.h"
#include "nn/optimiser.h"

enum { SIZE = 64, BATCH = 8, SAMPLES = 64, STEPS = 3 };
static const float class_weights[] = {0.52f, 0.518f, 0.962f};
/* Where PyTorch's float32 happens to be all but exact, rounding of float32 itself. */
static const double least = 5e-7;
/* Winograd's transforms round more than a direct sum, which is how PyTorch computes on a processor: by up to 15 in a layer. */
/* Its rounding turns a ReLU or a maximum here and there, where PyTorch's float32 may have turned none: one moves gradients, and what they make
 * of weights, by up to this. */
static const double one_turn = 1e-2;
static const struct way { const char *name; int conv; double times; } ways[] = {{"gemm", CVT_CONV_GEMM, 3}, {"winograd", CVT_CONV_WINOGRAD, 30}};

struct net {
	struct cvt_model *model;
	struct cvt_plan *train, *eval;
	struct cvt_pool *pool;
	struct cvt_exec exec;
	int labels[BATCH];
};

static void net_create(struct net *net, int arch, int inception, int conv, bool keep_gradients, const char *seed)
{
	struct cvt_config config;
	struct cvt_graph g;
	struct cvt_error err = {0};
	struct cvt_plan_options options = {.max_batch = BATCH, .workers = 2, .flags = CVT_PLAN_TRAIN, .conv = conv};
	cvt_config_init(&config);
	config.arch = arch;
	config.inception = inception;
	config.image_size = SIZE;
	*net = (struct net){0};
	if (cvt_arch_build(&config, 3, &g, &err))
		fail_msg("%s", err.message);
	for (int i = 0; i < g.n_nodes; i++)                     /* no dropout: PyTorch's random numbers are not ours */
		if (g.nodes[i].ops == &cvt_dropout_ops)
			g.nodes[i].as.dropout.p = 0;
	for (int i = 0; keep_gradients && i < g.n_params; i++)
		g.params[i].updated_in_backward = false;
	if (cvt_model_create(&g, 1, true, false, &net->model, &err) || cvt_pool_create(2, &net->pool, &err) ||
		cvt_plan_create(net->model, &options, &net->train, &err))
		fail_msg("%s", err.message);
	options.flags = 0;
	options.share = net->train;
	if (cvt_plan_create(net->model, &options, &net->eval, &err))
		fail_msg("%s", err.message);
	hash_weights(net->model, seed);
	net->exec = (struct cvt_exec){.pool = net->pool, .lr = arch == CVT_ARCH_CNN ? 0.01f : 0.001f};
}

static void net_finish(struct net *net)
{
	cvt_plan_destroy(net->eval);
	cvt_plan_destroy(net->train);
	cvt_model_destroy(net->model);
	cvt_pool_destroy(net->pool);
}

static double backward_step(struct net *net, const char *seed, int first, int n)
{
	hash_pictures(seed, first, n, SIZE, cvt_plan_input(net->train).data, net->labels);
	cvt_plan_forward(net->train, n, &net->exec);
	double loss = cvt_cross_entropy(cvt_plan_logits(net->train), net->labels, class_weights, n, 3, cvt_plan_logits_grad(net->train), NULL).loss;
	cvt_plan_backward(net->train, n, &net->exec);
	return loss;
}

static double train_step(struct net *net, const char *seed, int first, int n)
{
	double loss = backward_step(net, seed, first, n);
	cvt_sgd_step(net->model, net->pool, net->exec.lr, 0, 0);
	return loss;
}

static void ten_steps(const struct way *way)
{
	static const int batches[] = {8, 8, 4}, firsts[] = {0, 8, 16};
	struct fixture f = fixture_open("steps.bin");
	struct net net;
	char weights[16], data[16];
	int count;
	const float *losses = fixture_find(&f, "losses", &count);
	double worst = 0, loss = 0, first = 0;
	assert_non_null(losses);
	assert_int_equal(count, 10);
	snprintf(weights, sizeof weights, "w%d", (int)fixture_number(&f, "seed"));
	snprintf(data, sizeof data, "d%d", (int)fixture_number(&f, "seed"));
	net_create(&net, CVT_ARCH_CNN, 0, way->conv, false, weights);
	for (int step = 0; step < count; step++) {
		loss = train_step(&net, data, firsts[step % 3], batches[step % 3]);
		first = step ? first : loss;
		worst = fmax(worst, fabs(loss - (double)losses[step]));
	}
	print_message("# ten steps, %s: loss %.4f -> %.4f, at most %.1e from PyTorch's float64 (its float32: %.1e)\n", way->name, first, loss,
		worst, (double)fixture_number(&f, "error32:losses"));
	assert_true(worst < (way->conv == CVT_CONV_GEMM ? 1e-4 : 2 * (double)fixture_number(&f, "disturbed:losses")));
	assert_true(loss < first / 2);
	net_finish(&net);
	fixture_close(&f);
}

/* The mean, over the arrays of a kind, of |a - b|^2 / |b|^2 of the samples. */
struct kind { const char *name; double sum; int arrays; };

static void compare(const struct fixture *f, struct kind *kind, const char *record, const float *got, int64_t count)
{
	int n;
	double difference = 0, size = 0;
	const float *want = fixture_find(f, record, &n);
	if (!want)
		fail_msg("the fixture has no %s", record);
	assert_int_equal(n, count < SAMPLES ? count : SAMPLES);
	for (int i = 0; i < n; i++) {
		difference += pow((double)got[(int64_t)i * count / n] - (double)want[i], 2);
		size += pow((double)want[i], 2);
	}
	if (size > 0) {
		kind->sum += difference / size;
		kind->arrays++;
	}
}

static int verdict(const struct fixture *f, const char *network, const struct way *way, const struct kind *kind)
{
	char record[64];
	snprintf(record, sizeof record, "error32:%s", kind->name);
	double ours = sqrt(kind->sum / kind->arrays), theirs = (double)fixture_number(f, record);
	bool turns = way->conv == CVT_CONV_WINOGRAD && strcmp(kind->name, "logits");
	bool good = ours <= fmax(way->times * fmax(theirs, least / 3), turns ? one_turn : 0);
	print_message("# %-14s %-8s %-8s %.2e from float64; PyTorch's float32 %.2e%s\n", network, way->name, kind->name, ours, theirs,
		good ? "" : "  TOO FAR");
	return !good;
}

static bool is_before_norm(const struct cvt_graph *g, int node)
{
	return node + 1 < g->n_nodes && g->nodes[node].ops == &cvt_conv_ops && g->nodes[node + 1].ops == &cvt_norm_ops;
}

static float largest(const float *v, int64_t count)
{
	float top = 0;
	for (int64_t i = 0; i < count; i++)
		top = fmaxf(top, fabsf(v[i]));
	return top;
}

static void compare_gradients(const struct fixture *f, struct kind *kind, const struct cvt_graph *g)
{
	for (int i = 0; i < g->n_nodes; i++) {
		const struct cvt_node *node = &g->nodes[i];
		for (int k = 0; k < node->n_params; k++) {
			const struct cvt_param *p = &g->params[node->params[k]];
			char record[80];
			snprintf(record, sizeof record, "grad:%s", p->name);
			int n;
			if (!p->learns) {
				assert_null(p->grad);
				assert_null(fixture_find(f, record, &n));
			} else if (k == 1 && is_before_norm(g, i)) {    /* exactly 0, but for rounding */
				const struct cvt_param *w = &g->params[node->params[0]];
				if (!(largest(p->grad, p->count) <= 1e-6f * largest(w->grad, w->count)))
					fail_msg("%s: %g beside weights' %g", p->name, (double)largest(p->grad, p->count), (double)largest(w->grad, w->count));
			} else {
				compare(f, kind, record, p->grad, p->count);
			}
		}
	}
}

static void frozen_stays(const struct cvt_graph *g, const char *seed)
{
	for (int i = 0; i < g->n_params; i++) {
		const struct cvt_param *p = &g->params[i];
		char text[96];
		if (p->learns || p->init != CVT_INIT_UNIFORM_FAN_IN)
			continue;
		float *first = malloc((size_t)p->count * sizeof *first);
		snprintf(text, sizeof text, "%s %s", seed, p->name);
		hash_uniform(text, p->count, first);
		for (int64_t k = 0; k < p->count; k++)
			if (p->value[k] != first[k] * (float)(1 / sqrt(p->fan_in)))
				fail_msg("%s is frozen, and has changed", p->name);
		free(first);
	}
}

static void whole(const char *name, const char *file, int arch, int inception, const struct way *way)
{
	struct fixture f = fixture_open(file);
	struct kind logits = {"logits"}, losses = {"loss"}, grad = {"grad"}, after = {"after"}, running = {"running"}, eval = {"eval"};
	struct net net;
	int n, bad = 0;
	net_create(&net, arch, inception, way->conv, true, "w");
	backward_step(&net, "d", 0, BATCH);
	compare_gradients(&f, &grad, &net.model->graph);
	net_finish(&net);
	net_create(&net, arch, inception, way->conv, false, "w");
	for (int step = 0; step < STEPS; step++) {
		char record[16];
		float loss = (float)train_step(&net, "d", step * BATCH, BATCH);
		snprintf(record, sizeof record, "loss:%d", step);
		compare(&f, &losses, record, &loss, 1);
		if (step == 0)
			compare(&f, &logits, "logits", cvt_plan_logits(net.train), BATCH * 3);
	}
	for (int i = 0; i < net.model->graph.n_params; i++) {
		const struct cvt_param *p = &net.model->graph.params[i];
		char record[80];
		snprintf(record, sizeof record, "after:%s", p->name);
		if (p->learns || fixture_find(&f, record, &n))
			compare(&f, p->trained ? &after : &running, record, p->value, p->count);
	}
	frozen_stays(&net.model->graph, "w");
	hash_pictures("d", 100, BATCH, SIZE, cvt_plan_input(net.eval).data, net.labels);
	cvt_plan_forward(net.eval, BATCH, &net.exec);
	compare(&f, &eval, "eval", cvt_plan_logits(net.eval), BATCH * 3);
	const struct kind *const kinds[] = {&logits, &losses, &grad, &after, &running, &eval};
	for (int i = 0; i < 6; i++)
		bad += verdict(&f, name, way, kinds[i]);
	net_finish(&net);
	fixture_close(&f);
	assert_int_equal(bad, 0);
}

static void ten_steps_each_way(void **state)
{
	for (int i = 0; i < 2; i++)
		ten_steps(&ways[i]);
}

static void cnn(void **state)
{
	for (int i = 0; i < 2; i++)
		whole("CNN", "cnn.bin", CVT_ARCH_CNN, 0, &ways[i]);
}

static void vgg_11a(void **state)
{
	for (int i = 0; i < 2; i++)
		whole("VGG-11A", "vgg11a.bin", CVT_ARCH_VGG_A, 0, &ways[i]);
}

static void vgg_16c(void **state)
{
	for (int i = 0; i < 2; i++)
		whole("VGG-16C", "vgg16c.bin", CVT_ARCH_VGG_C, 0, &ways[i]);
}

static void googlenet(void **state)
{
	for (int i = 0; i < 2; i++)
		whole("GoogLeNet", "googlenet.bin", CVT_ARCH_GOOGLENET, CVT_INCEPTION_TRAINED, &ways[i]);
}

static void googlenet_post(void **state)
{
	for (int i = 0; i < 2; i++)
		whole("GoogLeNet post", "googlenet_post.bin", CVT_ARCH_GOOGLENET, CVT_INCEPTION_POST, &ways[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(ten_steps_each_way), cmocka_unit_test(cnn), cmocka_unit_test(vgg_11a),
		cmocka_unit_test(vgg_16c), cmocka_unit_test(googlenet), cmocka_unit_test(googlenet_post)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
