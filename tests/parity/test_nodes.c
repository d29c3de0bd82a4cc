/* test_nodes.c - each layer against PyTorch's float64, given its inputs and output gradient: relative L2 at most 1e-5. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fixture.h"
#include "nn/layer.h"

static const double limit = 1e-5;

struct node { const char *name; int n, c, h, w; enum { CONV, NORM, NORM_EVAL, RELU, POOL, AVERAGE, DENSE } kind; int out, kernel, stride, padding; };
static const struct node nodes[] = {
	{"conv5", 2, 3, 13, 11, CONV, 6, 5, 1, 2}, {"conv3", 2, 5, 12, 10, CONV, 4, 3, 1, 1}, {"conv3 one row", 2, 4, 1, 6, CONV, 3, 3, 1, 1},
	{"conv1", 2, 6, 9, 7, CONV, 5, 1, 1, 0}, {"conv7", 2, 3, 19, 22, CONV, 8, 7, 2, 3}, {"conv3 stride", 2, 3, 9, 10, CONV, 4, 3, 2, 0},
	{"norm", 3, 5, 7, 6, NORM}, {"norm eval", 3, 5, 7, 6, NORM_EVAL}, {"relu", 2, 3, 5, 7, RELU},
	{"pool2", 2, 4, 9, 7, POOL, 0, 2, 2, 0}, {"pool3", 2, 3, 10, 9, POOL, 0, 3, 2, 1}, {"pool3 same", 2, 3, 6, 5, POOL, 0, 3, 1, 1},
	{"average", 2, 4, 6, 5, AVERAGE}, {"dense", 3, 5, 3, 2, DENSE, 7},
};

static int add_node(struct cvt_graph *g, int x, const struct node *n)
{
	cvt_name(g, "node");
	switch (n->kind) {
	case CONV:
		return cvt_conv(g, x, (struct cvt_conv_args){.out = n->out, .kernel = n->kernel, .stride = n->stride, .padding = n->padding});
	case NORM:
	case NORM_EVAL:
		return cvt_batch_norm(g, x, (struct cvt_norm_args){0});
	case RELU:
		return cvt_relu(g, x);
	case POOL:
		return cvt_max_pool(g, x, (struct cvt_pool_args){.kernel = n->kernel, .stride = n->stride, .padding = n->padding});
	case AVERAGE:
		return cvt_global_avg_pool(g, x);
	default:
		return cvt_dense(g, x, (struct cvt_dense_args){.out = n->out});
	}
}

static void compare(const struct fixture *f, const struct node *n, int conv, const char *what, const float *got)
{
	char name[64];
	int count;
	double difference = 0, size = 0;
	snprintf(name, sizeof name, "%s:%s", n->name, what);
	const float *want = fixture_find(f, name, &count);
	if (!want)
		fail_msg("the fixture has no %s", name);
	for (int i = 0; i < count; i++) {
		difference += pow((double)got[i] - (double)want[i], 2);
		size += pow((double)want[i], 2);
	}
	if (!(sqrt(difference) <= limit * sqrt(size)))
		fail_msg("%s (conv %d) is %.2e from PyTorch's float64", name, conv, sqrt(difference / size));
}

static void set_param(struct cvt_model *model, const struct node *n, const char *suffix)
{
	char text[64];
	snprintf(text, sizeof text, "node.%s", suffix);
	struct cvt_param *p = cvt_model_param(model, text);
	if (!p)
		return;
	snprintf(text, sizeof text, "%s %s", n->name, suffix);
	hash_uniform(text, p->count, p->value);
	for (int64_t i = 0; strcmp(suffix, "running_var") == 0 && i < p->count; i++)
		p->value[i] = p->value[i] * 0.5f + 1;
}

static void compare_param(const struct fixture *f, struct cvt_model *model, const struct node *n, int conv, const char *suffix, bool grad)
{
	char name[64], what[32];
	snprintf(name, sizeof name, "node.%s", suffix);
	snprintf(what, sizeof what, "%s%s", grad ? "d" : "", suffix);
	struct cvt_param *p = cvt_model_param(model, name);
	if (p)
		compare(f, n, conv, what, grad ? p->grad : p->value);
}

/* pre: a 1 x 1 convolution by the identity, so that the layer's dx exists and can be read. */
static void run_node(const struct fixture *f, const struct node *n, int conv, bool keep_all)
{
	struct cvt_graph g;
	struct cvt_model *model = NULL;
	struct cvt_plan *plan = NULL;
	struct cvt_error err = {0};
	bool train = n->kind != NORM_EVAL;
	char text[64];
	struct cvt_plan_options options = {.max_batch = n->n, .workers = 1, .conv = conv,
		.flags = (train ? CVT_PLAN_TRAIN : 0u) | (keep_all ? CVT_PLAN_KEEP_ALL : 0u)};
	cvt_graph_init(&g);
	int x = cvt_input(&g, n->c, n->h, n->w);
	cvt_name(&g, "pre");
	int pre = cvt_conv(&g, x, (struct cvt_conv_args){.out = n->c, .kernel = 1});
	add_node(&g, pre, n);
	if (cvt_model_create(&g, 0, true, false, &model, &err) || cvt_plan_create(model, &options, &plan, &err))
		fail_msg("%s: %s", n->name, err.message);
	memset(cvt_model_param(model, "pre.bias")->value, 0, (size_t)n->c * sizeof(float));
	for (int i = 0; i < n->c * n->c; i++)
		cvt_model_param(model, "pre.weight")->value[i] = i / n->c == i % n->c;
	const char *const suffixes[] = {"weight", "bias", "running_mean", "running_var"};
	for (int i = 0; i < (n->kind == NORM || n->kind == NORM_EVAL ? 4 : 2); i++)
		set_param(model, n, suffixes[i]);
	snprintf(text, sizeof text, "%s x", n->name);
	hash_uniform(text, (int64_t)n->n * n->c * n->h * n->w, cvt_plan_input(plan).data);
	const struct cvt_node *last = &model->graph.nodes[model->graph.n_nodes - 1];
	struct cvt_exec exec = {0};
	cvt_plan_forward(plan, n->n, &exec);
	compare(f, n, conv, "y", cvt_plan_logits(plan));
	if (train) {
		snprintf(text, sizeof text, "%s dy", n->name);
		hash_uniform(text, (int64_t)n->n * last->c * last->h * last->w, cvt_plan_logits_grad(plan));
		cvt_plan_backward(plan, n->n, &exec);
		if (keep_all)
			compare(f, n, conv, "dx", cvt_plan_output_grad(plan, pre).data);
		compare_param(f, model, n, conv, "weight", true);
		compare_param(f, model, n, conv, "bias", true);
	}
	for (int i = 2; i < 4; i++)
		compare_param(f, model, n, conv, suffixes[i], false);
	cvt_plan_destroy(plan);
	cvt_model_destroy(model);
}

static void every_layer(void **state)
{
	struct fixture f = fixture_open("nodes.bin");
	for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
		for (int conv = 0; conv <= CVT_CONV_GEMM; conv++)
			for (int keep_all = 0; keep_all < 2; keep_all++)
				run_node(&f, &nodes[i], conv, keep_all);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_layer)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
