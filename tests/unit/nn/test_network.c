/* test_network.c - every layer and every fusion: against double precision, unfused against fused, and on any number of threads. */
#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "convtui/config.h"
#include "nets.h"
#include "nn/layer.h"
#include "nn/plan_private.h"
#include "reference.h"

enum { SAMPLES = 40 };
static const double step_size = 1e-6;

/* |a - b| / |b| over n values */
struct distance { double difference, size; };

static void add(struct distance *d, double got, double expected)
{
	d->difference += (got - expected) * (got - expected);
	d->size += expected * expected;
}

static double relative(const struct distance *d)
{
	return sqrt(d->difference) / (sqrt(d->size) + 1e-30);
}

static void describe(const struct setup *s, char *text, size_t size)
{
	snprintf(text, size, "net %s seed %llu n %d of %d threads %d conv %d isa %d flags %u", nets[s->net].name, (unsigned long long)s->seed,
		s->n, s->max_n, s->threads, s->conv, s->isa, s->flags);
}

static void check(const struct setup *s, const char *what, double got, double limit)
{
	char text[256];
	describe(s, text, sizeof text);
	if (!(got <= limit))
		fail_msg("%s: %s is off by %.3g, more than %.3g", text, what, got, limit);
}

/* Winograd's transforms multiply rounding errors, and layer after layer adds its own (tests/kernels has the bound of one). */
static double gradient_limit(const struct setup *s)
{
	return s->conv == CVT_CONV_AUTO || s->conv == CVT_CONV_WINOGRAD ? 6e-5 : 2e-5;
}

static double loss_of(struct reference *r, const struct setup *s, const float *dy, int from)
{
	const struct cvt_graph *g = r->graph;
	int classes = g->nodes[g->n_nodes - 1].c;
	double loss = 0;
	reference_forward(r, s->n, from);
	for (int i = 0; i < s->n * classes; i++)
		loss += (double)dy[i] * r->outputs[g->n_nodes - 1][i];
	return loss;
}

static int node_of_param(const struct cvt_graph *g, int param)
{
	for (int i = 0; i < g->n_nodes; i++)
		for (int k = 0; k < g->nodes[i].n_params; k++)
			if (g->nodes[i].params[k] == param)
				return i;
	return -1;
}

static void check_gradient(const struct setup *s, struct reference *r, const struct cvt_param *p, int index, const float *dy)
{
	struct distance d = {0};
	double largest = 0;
	int from = node_of_param(r->graph, index);
	for (int64_t i = 0; i < p->count; i += p->count > SAMPLES ? p->count / SAMPLES : 1) {
		double *v = &r->values[index][i], old = *v;
		*v = old + step_size;
		double up = loss_of(r, s, dy, from);
		*v = old - step_size;
		double down = loss_of(r, s, dy, from);
		*v = old;
		add(&d, (double)p->grad[i], (up - down) / (2 * step_size));
		largest = fmax(largest, fabs((double)p->grad[i]));
	}
	loss_of(r, s, dy, from);
	/* the bias before a norm has no gradient: its size is compared with nothing but rounding */
	if (d.size < 1e-12 * (double)SAMPLES)
		check(s, p->name, largest, gradient_limit(s));
	else
		check(s, p->name, relative(&d), gradient_limit(s));
}

static void check_training(const struct setup *s)
{
	struct outcome o;
	struct reference r;
	run_net(s, &o);
	struct cvt_model *before = setup_model(s);
	const struct cvt_graph *g = &before->graph;
	int64_t count = (int64_t)s->n * g->nodes[0].c * g->nodes[0].h * g->nodes[0].w;
	float *x = malloc((size_t)count * sizeof *x), *dy = malloc((size_t)(s->n * o.classes) * sizeof *dy);
	struct distance d = {0};
	reference_init(&r, g, s->n, true);
	r.seed = s->seed;
	r.step = 7;
	setup_input(s, x, count);
	for (int64_t i = 0; i < count; i++)
		r.outputs[0][i] = (double)x[i];
	setup_dlogits(s, dy, s->n * o.classes);
	loss_of(&r, s, dy, 0);
	for (int i = 0; i < s->n * o.classes; i++)
		add(&d, (double)o.logits[i], r.outputs[g->n_nodes - 1][i]);
	check(s, "logits", relative(&d), 1e-5);
	for (int i = 0; i < g->n_params; i++) {
		const struct cvt_param *p = &o.model->graph.params[i];
		assert_true((p->grad != NULL) == p->learns);
		if (p->learns)
			check_gradient(s, &r, p, i, dy);
	}
	for (int i = 0; i < g->n_nodes; i++) {
		if (g->nodes[i].ops != &cvt_norm_ops)
			continue;
		double mean[64], var[64];
		struct distance means = {0}, vars = {0};
		reference_running(&r, s->n, i, mean, var);
		for (int c = 0; c < g->nodes[i].c; c++) {
			add(&means, (double)o.model->graph.params[g->nodes[i].params[2]].value[c], mean[c]);
			add(&vars, (double)o.model->graph.params[g->nodes[i].params[3]].value[c], var[c]);
		}
		check(s, "running_mean", relative(&means), 1e-5);
		check(s, "running_var", relative(&vars), 1e-5);
	}
	reference_finish(&r);
	cvt_model_destroy(before);
	outcome_finish(&o);
	free(x);
	free(dy);
}

static void gradients_against_double(void **state)
{
	for (int net = 0; net < n_nets; net++)
		for (int conv = 0; conv <= CVT_CONV_GEMM; conv++) {
			struct setup s = {.net = net, .n = 3, .max_n = 4, .threads = 2, .conv = conv, .flags = CVT_PLAN_TRAIN, .seed = 11};
			check_training(&s);
		}
}

static void unfused_gradients_against_double(void **state)
{
	for (int net = 0; net < n_nets; net++) {
		struct setup s = {.net = net, .n = 3, .max_n = 3, .threads = 1, .flags = CVT_PLAN_TRAIN | CVT_PLAN_KEEP_ALL, .seed = 12};
		check_training(&s);
	}
}

static void evaluation_against_double(void **state)
{
	for (int net = 0; net < n_nets; net++)
		for (int fused = 0; fused < 2; fused++) {
			struct setup s = {.net = net, .n = 3, .max_n = 5, .threads = 2, .flags = fused ? 0 : CVT_PLAN_KEEP_ALL, .seed = 13};
			struct outcome o;
			struct reference r;
			struct distance d = {0};
			run_net(&s, &o);
			const struct cvt_graph *g = &o.model->graph;
			int64_t count = (int64_t)s.n * g->nodes[0].c * g->nodes[0].h * g->nodes[0].w;
			float *x = malloc((size_t)count * sizeof *x);
			reference_init(&r, g, s.n, false);
			setup_input(&s, x, count);
			for (int64_t i = 0; i < count; i++)
				r.outputs[0][i] = (double)x[i];
			reference_forward(&r, s.n, 0);
			for (int i = 0; i < s.n * o.classes; i++)
				add(&d, (double)o.logits[i], r.outputs[g->n_nodes - 1][i]);
			check(&s, "logits", relative(&d), 1e-5);
			reference_finish(&r);
			outcome_finish(&o);
			free(x);
		}
}

/* The same bits in every gradient (running statistics where a tensor has none). */
static void same_params(const struct setup *s, const struct outcome *a, const struct outcome *b)
{
	for (int i = 0; i < a->model->graph.n_params; i++) {
		const struct cvt_param *p = &a->model->graph.params[i], *q = &b->model->graph.params[i];
		const float *one = p->grad ? p->grad : p->value, *other = q->grad ? q->grad : q->value;
		check(s, p->name, memcmp(one, other, (size_t)p->count * sizeof *one) ? 1 : 0, 0);
	}
}

/* The largest relative distance of a gradient, and whose it is. */
static double furthest_param(const struct outcome *a, const struct outcome *b, const char **ret_name)
{
	double furthest = 0;
	*ret_name = "";
	for (int i = 0; i < a->model->graph.n_params; i++) {
		const struct cvt_param *p = &a->model->graph.params[i], *q = &b->model->graph.params[i];
		const float *one = p->grad ? p->grad : p->value, *other = q->grad ? q->grad : q->value;
		struct distance d = {0};
		double largest = 0;
		for (int64_t k = 0; k < p->count; k++) {
			add(&d, (double)one[k], (double)other[k]);
			largest = fmax(largest, fabs((double)one[k] - (double)other[k]));
		}
		double distance = relative(&d);
		if ((largest > 2e-5 && distance > furthest) || isnan(distance)) {
			furthest = distance;
			*ret_name = p->name;
		}
		if (isnan(distance))
			break;
	}
	return furthest;
}

/* Both sides round differently, so now and then a value beside zero (or two equal maxima) falls on the other side and moves a gradient by
 * more than rounding does: such a draw (never further than 1e-2) is drawn again, twice at most. A fusion that is wrong is wrong in each. */
static void fused_equals_unfused(void **state)
{
	for (int net = 0; net < n_nets; net++)
		for (int n = 1; n <= 9; n += 4)
			for (int draw = 0;; draw++) {
				struct setup s = {.net = net, .n = n, .max_n = 9, .threads = 2, .flags = CVT_PLAN_TRAIN, .seed = 20 + (uint64_t)(n + 100 * draw)};
				struct outcome fused, whole;
				const char *name;
				run_net(&s, &fused);
				s.flags |= CVT_PLAN_KEEP_ALL;
				run_net(&s, &whole);
				assert_true(fused.plan->bytes < whole.plan->bytes);
				double furthest = furthest_param(&fused, &whole, &name);
				check(&s, name, furthest, draw < 2 ? 1e-2 : 1e-5);
				outcome_finish(&fused);
				outcome_finish(&whole);
				if (furthest <= 1e-5)
					break;
			}
}

static void threads_do_not_matter(void **state)
{
	for (int net = 0; net < n_nets; net++)
		for (int conv = 0; conv <= CVT_CONV_GEMM; conv++)
			for (int threads = 2; threads <= 3; threads++) {
				struct setup s = {.net = net, .n = 9, .max_n = 9, .threads = 1, .conv = conv, .flags = CVT_PLAN_TRAIN, .seed = 30};
				struct outcome one, more;
				run_net(&s, &one);
				s.threads = threads;
				run_net(&s, &more);
				check(&s, "logits", memcmp(one.logits, more.logits, (size_t)(s.n * one.classes) * sizeof(float)) ? 1 : 0, 0);
				same_params(&s, &one, &more);
				outcome_finish(&one);
				outcome_finish(&more);
			}
}

/* A picture's logits are the same bits in a batch of any size, and in a plan for fewer that takes the methods of one for many. Returns whether
 * a plan for one picture that chooses its own methods has other bits. */
static bool check_company(int net, int conv)
{
	static const struct { int n, max_n; } fewer[] = {{1, 32}, {5, 32}, {1, 1}, {3, 3}};
	struct setup s = {.net = net, .n = 32, .max_n = 32, .conv = conv, .threads = 2, .seed = 31};
	struct outcome all, few;

	run_net(&s, &all);
	for (int i = 0; i < 4; i++) {
		s.n = fewer[i].n;
		s.max_n = fewer[i].max_n;
		s.methods_of = 32;
		run_net(&s, &few);
		check(&s, "logits", memcmp(all.logits, few.logits, (size_t)(s.n * few.classes) * sizeof(float)) ? 1 : 0, 0);
		outcome_finish(&few);
	}
	s.n = s.max_n = 1;
	s.methods_of = 0;
	run_net(&s, &few);
	bool own = memcmp(all.logits, few.logits, (size_t)few.classes * sizeof(float)) != 0;
	outcome_finish(&few);
	outcome_finish(&all);
	return own;
}

static void company_does_not_matter(void **state)
{
	int own = 0;

	for (int net = 0; net <= wide_net; net++)
		for (int conv = CVT_CONV_AUTO; conv <= CVT_CONV_GEMM; conv++)
			own += check_company(net, conv);
	assert_true(own > 0);               /* otherwise this shows nothing: no net has a convolution that goes another way for one picture */
}

static void every_instruction_set(void **state)
{
	for (int net = 0; net < n_nets; net++)
		for (int isa = CVT_ISA_BASELINE; isa <= CVT_ISA_AVX512; isa++) {
			struct setup s = {.net = net, .n = 3, .max_n = 4 /* some fuse no less */, .threads = 1, .isa = isa, .flags = CVT_PLAN_TRAIN, .seed = 40};
			if (cvt_kernels_get(isa))
				check_training(&s);
		}
}

/* Otherwise a fusion that is lost shows in nothing but the time: steps of the post's network, and what convolutions do for norms. */
static void fusions_happen(void **state)
{
	for (int net = 0; net < n_nets; net++) {
		struct setup s = {.net = net, .n = 1, .max_n = 64 /* few pictures take methods that fuse less */, .threads = 1, .seed = 60};
		struct outcome o;
		bool cnn = strcmp(nets[net].name, "cnn") == 0, vgg = strcmp(nets[net].name, "vgg") == 0;
		bool inceptions = strcmp(nets[net].name, "googlenet") == 0 || strcmp(nets[net].name, "frozen") == 0;
		bool one = strcmp(nets[net].name, "first") == 0 || strcmp(nets[net].name, "later") == 0, stem = strcmp(nets[net].name, "stem") == 0;
		int two = strcmp(nets[net].name, "branches") == 0 ? 2 : 0;
		int left = 0, joined = 0, pooled = 0, made = 0;
		run_net(&s, &o);
		if (cnn || vgg)                 /* cnn: 3 convolutions, 2 dense layers; vgg: its pooling after a 1 x 1 stands alone, 1 dense layer */
			assert_int_equal(o.plan->n_steps, 5);
		if (inceptions)                 /* norm, ReLU and pooling */
			assert_int_equal(o.plan->steps[0].n_absorbed, 3);
		outcome_finish(&o);
		s.flags = CVT_PLAN_TRAIN;
		run_net(&s, &o);
		for (int i = 0; i < o.plan->n_steps; i++) {
			left += o.plan->steps[i].node->ops == &cvt_norm_ops && o.plan->steps[i].hands & CVT_HANDS_SUMS;
			pooled += o.plan->steps[i].node->ops == &cvt_norm_ops && o.plan->steps[i].hands & CVT_HANDS_POOLED;
			made += o.plan->steps[i].node->ops == &cvt_norm_ops && o.plan->steps[i].hands & CVT_HANDS_DY;
			joined += o.plan->steps[i].leader != &o.plan->steps[i];
		}
		if (cnn || vgg)
			assert_int_equal(left, 3);
		assert_int_equal(pooled, cnn ? 3 : one ? 1 : two);
		assert_int_equal(made, one || stem || inceptions /* theirs: the stem */ ? 1 : two);
		assert_int_equal(joined, inceptions ? 6 : 0);    /* of each of 3 inceptions two 1 x 1 with the first */
		outcome_finish(&o);
	}
}

/* Two 1 x 1 of one input are joined, but not one that learns with one that does not. */
static void frozen_is_not_joined(void **state)
{
	for (int frozen = 0; frozen < 2; frozen++) {
		struct cvt_graph g;
		struct cvt_model *model;
		struct cvt_plan *plan;
		struct cvt_plan_options options = {.max_batch = 4, .workers = 1, .flags = CVT_PLAN_TRAIN};
		int parts[2], joined = 0;
		cvt_graph_init(&g);
		int x = cvt_conv(&g, cvt_input(&g, 3, 6, 6), (struct cvt_conv_args){.out = 4, .kernel = 3, .padding = 1});
		for (int i = 0; i < 2; i++)
			parts[i] = cvt_conv(&g, x, (struct cvt_conv_args){.out = 5, .kernel = 1, .frozen = frozen && i});
		cvt_dense(&g, cvt_flatten(&g, cvt_global_avg_pool(&g, cvt_concat(&g, parts, 2))), (struct cvt_dense_args){.out = 3});
		assert_int_equal(cvt_model_create(&g, 1, true, false, &model, NULL), CVT_OK);
		assert_int_equal(cvt_plan_create(model, &options, &plan, NULL), CVT_OK);
		for (int i = 0; i < plan->n_steps; i++)
			joined += plan->steps[i].leader != &plan->steps[i];
		assert_int_equal(joined, !frozen);
		cvt_plan_destroy(plan);
		cvt_model_destroy(model);
	}
}

/* A plan's views of buffers that are alive together do not overlap: the packing test has the buffers, this one real plans. */
static void plans_do_not_overlap(void **state)
{
	for (int net = 0; net < n_nets; net++) {
		struct setup s = {.net = net, .n = 2, .max_n = 4 /* some fuse no less */, .threads = 2, .flags = CVT_PLAN_TRAIN, .seed = 50};
		struct outcome o;
		run_net(&s, &o);
		for (int i = 0; i < o.plan->n_buffers; i++)
			for (int k = 0; k < i; k++) {
				const struct cvt_buffer *a = &o.plan->buffers[i], *b = &o.plan->buffers[k];
				if (!a->bytes || !b->bytes || a->first > b->last || b->first > a->last)
					continue;
				assert_true(a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset);
			}
		outcome_finish(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gradients_against_double), cmocka_unit_test(unfused_gradients_against_double),
		cmocka_unit_test(evaluation_against_double), cmocka_unit_test(fused_equals_unfused), cmocka_unit_test(threads_do_not_matter),
		cmocka_unit_test(company_does_not_matter),
		cmocka_unit_test(every_instruction_set), cmocka_unit_test(fusions_happen), cmocka_unit_test(frozen_is_not_joined),
		cmocka_unit_test(plans_do_not_overlap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
