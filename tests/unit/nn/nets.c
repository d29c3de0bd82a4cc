#include "nets.h"

#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "base/random.h"
#include "nn/plan_private.h"

static int conv(struct cvt_graph *g, int x, int out, int kernel)
{
	return cvt_conv(g, x, (struct cvt_conv_args){.out = out, .kernel = kernel, .padding = kernel / 2});
}

static int conv_norm_relu(struct cvt_graph *g, int x, int out, int kernel)
{
	return cvt_relu(g, cvt_batch_norm(g, conv(g, x, out, kernel), (struct cvt_norm_args){0}));
}

static int pool2(struct cvt_graph *g, int x)
{
	return cvt_max_pool(g, x, (struct cvt_pool_args){.kernel = 2, .stride = 2});
}

static void classify(struct cvt_graph *g, int x)
{
	cvt_dense(g, cvt_flatten(g, x), (struct cvt_dense_args){.out = 3});
}

static void build_conv(struct cvt_graph *g)
{
	int x = cvt_input(g, 3, 7, 9);
	classify(g, conv(g, conv(g, x, 4, 3), 5, 5));
}

static void build_relu(struct cvt_graph *g)
{
	int x = cvt_input(g, 2, 5, 6);
	x = cvt_relu(g, conv(g, x, 4, 3));
	x = cvt_relu(g, conv(g, x, 3, 1));
	x = cvt_relu(g, cvt_dense(g, cvt_flatten(g, x), (struct cvt_dense_args){.out = 8}));
	cvt_dense(g, x, (struct cvt_dense_args){.out = 4});
}

/* the post's order: conv, ReLU, norm, pool; 25 -> 12 -> 6 -> 3 */
static void build_cnn(struct cvt_graph *g)
{
	int x = cvt_input(g, 3, 25, 27);
	for (int i = 0; i < 3; i++)
		x = pool2(g, cvt_batch_norm(g, cvt_relu(g, conv(g, x, 4 + i, 5)), (struct cvt_norm_args){0}));
	x = cvt_relu(g, cvt_dense(g, cvt_flatten(g, x), (struct cvt_dense_args){.out = 8}));
	cvt_dense(g, x, (struct cvt_dense_args){.out = 3});
}

static void build_vgg(struct cvt_graph *g)
{
	int x = cvt_input(g, 1, 34, 38);
	x = pool2(g, conv_norm_relu(g, x, 4, 3));
	x = pool2(g, conv_norm_relu(g, conv_norm_relu(g, x, 6, 3), 6, 1));
	classify(g, x);
}

static void build_norm(struct cvt_graph *g)
{
	int x = cvt_input(g, 2, 6, 5);
	x = cvt_batch_norm(g, x, (struct cvt_norm_args){.eps = 1e-3f, .momentum = 0.3f});
	x = cvt_batch_norm(g, conv(g, x, 5, 3), (struct cvt_norm_args){0});
	classify(g, x);
}

static int inception(struct cvt_graph *g, int x, bool frozen)
{
	struct cvt_norm_args norm = {.batch_statistics = frozen, .frozen = frozen};
	int parts[4];
	for (int i = 0; i < 3; i++) {
		struct cvt_conv_args one = {.out = 3 + i, .kernel = 1, .frozen = frozen};
		parts[i] = cvt_relu(g, cvt_batch_norm(g, cvt_conv(g, x, one), norm));
		if (i) {
			struct cvt_conv_args wide = {.out = 4, .kernel = 1 + 2 * i, .padding = i, .frozen = frozen};
			parts[i] = cvt_relu(g, cvt_batch_norm(g, cvt_conv(g, parts[i], wide), norm));
		}
	}
	parts[3] = cvt_max_pool(g, x, (struct cvt_pool_args){.kernel = 3, .stride = 1, .padding = 1});
	parts[3] = cvt_relu(g, cvt_batch_norm(g, cvt_conv(g, parts[3], (struct cvt_conv_args){.out = 2, .kernel = 1, .frozen = frozen}), norm));
	return cvt_concat(g, parts, 4);
}

static void build_googlenet_with(struct cvt_graph *g, bool frozen)
{
	int x = cvt_input(g, 3, 37, 41);
	x = cvt_conv(g, x, (struct cvt_conv_args){.out = 4, .kernel = 7, .stride = 2, .padding = 3});
	x = cvt_relu(g, cvt_batch_norm(g, x, (struct cvt_norm_args){0}));
	x = cvt_max_pool(g, x, (struct cvt_pool_args){.kernel = 3, .stride = 2, .padding = 1});
	x = inception(g, inception(g, x, frozen), frozen);
	x = cvt_max_pool(g, x, (struct cvt_pool_args){.kernel = 3, .stride = 2, .padding = 1});
	x = cvt_flatten(g, cvt_global_avg_pool(g, inception(g, x, frozen)));
	x = cvt_dropout(g, x, (struct cvt_dropout_args){.p = 0.4f});
	cvt_dense(g, x, (struct cvt_dense_args){.out = 3});
}

static void build_googlenet(struct cvt_graph *g)
{
	build_googlenet_with(g, false);
}

static void build_frozen(struct cvt_graph *g)
{
	build_googlenet_with(g, true);
}

/* pooling right behind convolutions of every kind, with and without ReLU; maps that two read are not pooled on the way */
static void build_pooled(struct cvt_graph *g)
{
	int x = cvt_input(g, 3, 75, 41);
	x = pool2(g, cvt_relu(g, cvt_conv(g, x, (struct cvt_conv_args){.out = 5, .kernel = 7, .stride = 2, .padding = 3})));
	x = cvt_relu(g, pool2(g, conv(g, x, 6, 5)));
	int y = conv_norm_relu(g, x, 7, 3), parts[] = {pool2(g, y), pool2(g, conv(g, y, 3, 3)), pool2(g, conv(g, y, 4, 1))};
	classify(g, cvt_concat(g, parts, 3));
}

/* 5 x 5 convolutions of maps large enough that they make the gradient that comes through norm and pooling: the first has no use for it after */
static void build_first(struct cvt_graph *g)
{
	int x = pool2(g, cvt_batch_norm(g, cvt_relu(g, conv(g, cvt_input(g, 1, 47, 45), 3, 5)), (struct cvt_norm_args){0}));
	classify(g, x);
}

static void build_later(struct cvt_graph *g)
{
	int x = conv(g, cvt_relu(g, conv(g, cvt_input(g, 1, 45, 47), 2, 3)), 3, 5);
	classify(g, pool2(g, cvt_relu(g, cvt_batch_norm(g, x, (struct cvt_norm_args){0}))));
}

/* the same into parts of a concat, of one map that both read; of a stem that is not first */
static void build_branches(struct cvt_graph *g)
{
	int x = cvt_relu(g, conv(g, cvt_input(g, 1, 46, 46), 2, 3)), parts[2];
	for (int i = 0; i < 2; i++)
		parts[i] = pool2(g, cvt_batch_norm(g, conv(g, x, 2 + i, 5), (struct cvt_norm_args){0}));
	classify(g, cvt_concat(g, parts, 2));
}

static void build_stem(struct cvt_graph *g)
{
	int x = cvt_relu(g, conv(g, cvt_input(g, 1, 21, 18), 2, 3));
	x = cvt_batch_norm(g, cvt_conv(g, x, (struct cvt_conv_args){.out = 3, .kernel = 7, .stride = 2, .padding = 3}), (struct cvt_norm_args){0});
	classify(g, cvt_max_pool(g, cvt_relu(g, x), (struct cvt_pool_args){.kernel = 3, .stride = 2, .padding = 1}));
}

/* a ReLU that two read, one of them a concat's part away */
static void build_shared(struct cvt_graph *g)
{
	int x = cvt_input(g, 2, 9, 8);
	x = cvt_relu(g, conv(g, x, 4, 3));
	int parts[] = {cvt_relu(g, conv(g, x, 3, 3)), conv(g, x, 2, 1)};
	x = cvt_batch_norm(g, cvt_concat(g, parts, 2), (struct cvt_norm_args){0});
	classify(g, pool2(g, x));
}

/* Many channels and a large dense layer: what goes another way for few pictures than for many, and is slow in double. */
static void build_wide(struct cvt_graph *g)
{
	int x = cvt_relu(g, conv(g, cvt_input(g, 3, 8, 8), 128, 3));
	x = cvt_flatten(g, cvt_relu(g, conv(g, x, 128, 3)));
	x = cvt_relu(g, cvt_dense(g, x, (struct cvt_dense_args){.out = 40}));
	cvt_dense(g, x, (struct cvt_dense_args){.out = 3});
}

const struct net nets[] = {{"conv", build_conv}, {"relu", build_relu}, {"cnn", build_cnn}, {"vgg", build_vgg}, {"norm", build_norm},
	{"googlenet", build_googlenet}, {"frozen", build_frozen}, {"shared", build_shared}, {"pooled", build_pooled}, {"first", build_first},
	{"later", build_later}, {"branches", build_branches}, {"stem", build_stem}, {"wide", build_wide}};
const int wide_net = sizeof nets / sizeof nets[0] - 1, n_nets = wide_net;

static void fill(const struct setup *setup, uint32_t what, float *v, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		v[i] = 2 * cvt_random_uniform(setup->seed, CVT_RANDOM_TEST, what, (uint64_t)i) - 1;
}

void setup_input(const struct setup *setup, float *x, int64_t count)
{
	fill(setup, 1, x, count);
}

void setup_dlogits(const struct setup *setup, float *dy, int64_t count)
{
	fill(setup, 2, dy, count);
}

struct cvt_model *setup_model(const struct setup *setup)
{
	struct cvt_graph g;
	struct cvt_model *model = NULL;
	struct cvt_error err = {0};
	cvt_graph_init(&g);
	g.keep_gradients = true;
	nets[setup->net].build(&g);
	if (cvt_model_create(&g, setup->seed, true, setup->momentum, &model, &err))
		fail_msg("%s: %s", nets[setup->net].name, err.message);
	for (int i = 0; i < model->graph.n_nodes; i++) {        /* gamma of both signs; running statistics that are not 0 and 1 */
		const struct cvt_node *node = &model->graph.nodes[i];
		for (int k = 0; node->ops == &cvt_norm_ops && k < 4; k++) {
			struct cvt_param *p = &model->graph.params[node->params[k]];
			fill(setup, 100 + (uint32_t)(4 * i + k), p->value, p->count);
			for (int64_t c = 0; c < p->count; c++)
				p->value[c] = k == 3 ? 0.6f + 0.5f * p->value[c] : k == 0 ? 1.5f * p->value[c] : p->value[c];
		}
	}
	return model;
}

void run_net(const struct setup *setup, struct outcome *ret)
{
	struct cvt_error err = {0};
	struct cvt_pool *pool = NULL;
	struct outcome o = {.model = setup_model(setup), .n = setup->n};
	struct cvt_plan_options options = {.max_batch = setup->max_n, .methods_of = setup->methods_of, .flags = setup->flags,
		.conv = setup->conv, .isa = setup->isa, .workers = setup->threads};
	if (cvt_plan_create(o.model, &options, &o.plan, &err))
		fail_msg("%s: %s", nets[setup->net].name, err.message);
	memset(o.plan->memory, 0xff, o.plan->bytes);
	if (cvt_pool_create(setup->threads, &pool, &err))
		fail_msg("%s", err.message);
	struct cvt_tensor input = cvt_plan_input(o.plan);
	struct cvt_exec exec = {.pool = pool, .seed = setup->seed, .step = 7, .lr = 0.1f};
	setup_input(setup, input.data, (int64_t)setup->n * input.c * input.h * input.w);
	cvt_plan_forward(o.plan, setup->n, &exec);
	o.classes = o.model->graph.nodes[o.model->graph.n_nodes - 1].c;
	o.logits = malloc((size_t)setup->n * (size_t)o.classes * sizeof *o.logits);
	memcpy(o.logits, cvt_plan_logits(o.plan), (size_t)setup->n * (size_t)o.classes * sizeof *o.logits);
	if (setup->flags & CVT_PLAN_TRAIN) {
		setup_dlogits(setup, cvt_plan_logits_grad(o.plan), (int64_t)setup->n * o.classes);
		cvt_plan_backward(o.plan, setup->n, &exec);
	}
	cvt_pool_destroy(pool);
	*ret = o;
}

void outcome_finish(struct outcome *o)
{
	cvt_plan_destroy(o->plan);
	cvt_model_destroy(o->model);
	free(o->logits);
}
