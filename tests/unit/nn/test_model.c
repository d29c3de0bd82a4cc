/* test_model.c - graphs and their errors, first weights, loss, SGD, what a plan costs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "convtui/machine.h"
#include "nn/layer.h"
#include "nn/loss.h"
#include "nn/model.h"
#include "nn/optimiser.h"
#include "nn/plan.h"

static void expect_error(struct cvt_graph *g, const char *part)
{
	struct cvt_error err = {0};
	assert_int_equal(cvt_graph_check(g, &err), CVT_ERR_RANGE);
	if (!strstr(err.message, part))
		fail_msg("'%s' does not say '%s'", err.message, part);
	cvt_graph_finish(g);
}

static void first_error_sticks(void **state)
{
	struct cvt_graph g;
	cvt_graph_init(&g);
	int x = cvt_input(&g, 3, 8, 8);
	cvt_name(&g, "net.%d", 0);
	x = cvt_conv(&g, x, (struct cvt_conv_args){.out = 4, .kernel = 11});
	assert_int_equal(x, -1);
	assert_int_equal(cvt_dense(&g, x, (struct cvt_dense_args){.out = 0}), -1);
	expect_error(&g, "net.0: a kernel of 11 x 11 does not fit maps of 8 x 8");
	cvt_graph_init(&g);
	x = cvt_input(&g, 3, 8, 8);
	cvt_max_pool(&g, x, (struct cvt_pool_args){.kernel = 3, .stride = 2, .padding = 2});
	expect_error(&g, "padding");
	cvt_graph_init(&g);
	x = cvt_input(&g, 3, 8, 8);
	int parts[] = {cvt_relu(&g, x), cvt_max_pool(&g, x, (struct cvt_pool_args){.kernel = 2, .stride = 2})};
	cvt_concat(&g, parts, 2);
	expect_error(&g, "8 x 8");
	cvt_graph_init(&g);
	x = cvt_relu(&g, cvt_input(&g, 3, 8, 8));
	cvt_concat(&g, &x, 1);
	cvt_relu(&g, x);
	expect_error(&g, "part of a concat");
	cvt_graph_init(&g);
	x = cvt_flatten(&g, cvt_input(&g, 3, 4096, 4096));
	cvt_dense(&g, x, (struct cvt_dense_args){.out = 65536});
	expect_error(&g, "weights");
	cvt_graph_init(&g);
	expect_error(&g, "no layers");
}

static void nothing_reads_a_layer(void **state)
{
	struct cvt_graph g;
	struct cvt_error err = {0};
	struct cvt_plan_cost cost;
	struct cvt_plan_options options = {.max_batch = 1, .workers = 1};
	cvt_graph_init(&g);
	int x = cvt_input(&g, 1, 8, 8);
	cvt_name(&g, "dead");
	cvt_relu(&g, x);
	cvt_dense(&g, x, (struct cvt_dense_args){.out = 2});
	assert_int_equal(cvt_plan_dry(&g, &options, false, &cost, NULL, &err), CVT_ERR_RANGE);
	assert_non_null(strstr(err.message, "dead"));
	cvt_graph_finish(&g);
}

static struct cvt_model *small_model(uint64_t seed, bool momentum)
{
	struct cvt_graph g;
	struct cvt_model *model = NULL;
	cvt_graph_init(&g);
	g.keep_gradients = true;                /* tests write into them */
	int x = cvt_input(&g, 3, 8, 8);
	cvt_name(&g, "a");
	x = cvt_conv(&g, x, (struct cvt_conv_args){.out = 64, .kernel = 5, .padding = 2});
	cvt_name(&g, "b");
	x = cvt_batch_norm(&g, x, (struct cvt_norm_args){0});
	x = cvt_flatten(&g, x);
	cvt_name(&g, "c");
	cvt_dense(&g, x, (struct cvt_dense_args){.out = 10});
	assert_int_equal(cvt_model_create(&g, seed, true, momentum, &model, NULL), CVT_OK);
	return model;
}

static void weights_begin_as_in_pytorch(void **state)
{
	struct cvt_model *model = small_model(5, false), *same = small_model(5, false), *other = small_model(6, false);
	const char *const uniform[] = {"a.weight", "a.bias", "c.weight", "c.bias"};
	const int fan_in[] = {75, 75, 4096, 4096};
	for (int i = 0; i < 4; i++) {
		const struct cvt_param *p = cvt_model_param(model, uniform[i]);
		double bound = 1 / sqrt(fan_in[i]), sum = 0, squares = 0, largest = 0;
		for (int64_t k = 0; k < p->count; k++) {
			sum += (double)p->value[k];
			squares += (double)p->value[k] * (double)p->value[k];
			largest = fmax(largest, fabs((double)p->value[k]));
		}
		assert_true(largest <= bound && (largest > 0.9 * bound || p->count < 64));
		if (p->count > 1000) {
			assert_true(fabs(sum / (double)p->count) < 0.03 * bound);
			assert_true(fabs(squares / (double)p->count / (bound * bound) - 1 / 3.) < 0.02);
		}
		assert_memory_equal(p->value, cvt_model_param(same, uniform[i])->value, (size_t)p->count * sizeof(float));
		assert_memory_not_equal(p->value, cvt_model_param(other, uniform[i])->value, (size_t)p->count * sizeof(float));
		assert_int_equal((uintptr_t)p->value % 64, 0);
	}
	assert_true(cvt_model_param(model, "b.weight")->value[63] == 1 && cvt_model_param(model, "b.bias")->value[63] == 0);
	assert_true(cvt_model_param(model, "b.running_mean")->value[63] == 0 && cvt_model_param(model, "b.running_var")->value[63] == 1);
	assert_null(cvt_model_param(model, "b"));
	assert_int_equal(cvt_graph_parameters(&model->graph), 4800 + 64 + 128 + 40960 + 10);
	assert_null(cvt_model_param(model, "b.running_var")->grad);
	cvt_model_destroy(model);
	cvt_model_destroy(same);
	cvt_model_destroy(other);
}

/* CrossEntropyLoss(weight) as PyTorch documents it: divided by the sum of the weights of the targets. */
static void loss_is_pytorchs(void **state)
{
	const float logits[] = {1, 2, 0.5f, -1, 0.25f, 3, 0, 0, 0, 2, 2, -1};
	const int labels[] = {1, 2, 0, 2};
	const float weights[] = {0.52f, 0.518f, 0.962f};
	float dlogits[12];
	int predicted[4];
	double expected_loss = 0, weight_sum = 0.518f + (double)0.962f + 0.52f + 0.962f;
	struct cvt_loss_result r = cvt_cross_entropy(logits, labels, weights, 4, 3, dlogits, predicted);
	for (int i = 0; i < 4; i++) {
		double sum = 0, row = 0;
		for (int k = 0; k < 3; k++)
			sum += exp((double)logits[3 * i + k]);
		expected_loss += (double)weights[labels[i]] * (log(sum) - (double)logits[3 * i + labels[i]]) / weight_sum;
		for (int k = 0; k < 3; k++) {
			double g = (double)weights[labels[i]] / weight_sum * (exp((double)logits[3 * i + k]) / sum - (k == labels[i]));
			assert_true(fabs((double)dlogits[3 * i + k] - g) < 1e-7);
			row += (double)dlogits[3 * i + k];
		}
		assert_true(fabs(row) < 1e-7);
	}
	assert_true(fabs(r.loss - expected_loss) < 1e-12);
	assert_true(fabs(r.weight_sum - weight_sum) < 1e-12 && fabs(r.weighted_loss - expected_loss * weight_sum) < 1e-12);
	assert_int_equal(predicted[0], 1);
	assert_int_equal(predicted[1], 2);
	assert_int_equal(predicted[2], 0);       /* a tie: the first */
	assert_int_equal(predicted[3], 0);
	assert_int_equal(r.correct, 3);
}

static void loss_does_not_overflow(void **state)
{
	const float logits[] = {1e4f, -1e4f};
	const float weights[] = {1, 1};
	float p[2];
	struct cvt_loss_result r = cvt_cross_entropy(logits, (int[]){1}, weights, 1, 2, NULL, NULL);
	assert_true(r.loss == 2e4);
	cvt_softmax(logits, 2, p);
	assert_true(p[0] == 1 && p[1] == 0);
}

/* The weight of a class that is more than 99.95% of a set is rounded to 0: a batch of it alone has neither loss nor gradient. */
static void a_batch_without_weight_teaches_nothing(void **state)
{
	const float logits[] = {1, 2, 3, -1}, weights[] = {0, 1};
	float dlogits[4] = {9, 9, 9, 9};
	struct cvt_loss_result r = cvt_cross_entropy(logits, (int[]){0, 0}, weights, 2, 2, dlogits, NULL);
	assert_true(r.loss == 0 && r.weight_sum == 0 && r.weighted_loss == 0 && r.correct == 1);
	for (int i = 0; i < 4; i++)
		assert_true(dlogits[i] == 0);
	/* What is not finite is still seen. */
	r = cvt_cross_entropy((const float[]){NAN, 2}, (int[]){0}, weights, 1, 2, dlogits, NULL);
	assert_true(isnan(r.loss));
}

static void sgd_is_pytorchs(void **state)
{
	struct cvt_model *model = small_model(7, true);
	struct cvt_param *p = cvt_model_param(model, "c.weight");
	double w = (double)p->value[4], v = 0;
	const double lr = 0.1, momentum = 0.9, decay = 0.01;
	for (int step = 0; step < 3; step++) {
		double g = 0.5 - step;
		for (int i = 0; i < model->graph.n_params; i++)
			for (int64_t k = 0; model->graph.params[i].grad && k < model->graph.params[i].count; k++)
				model->graph.params[i].grad[k] = (float)g;
		v = momentum * v + g + decay * w;
		w -= lr * v;
		cvt_sgd_step(model, NULL, (float)lr, (float)momentum, (float)decay);
		assert_true(fabs((double)p->value[4] - w) < 1e-6);
	}
	assert_true(cvt_model_finite(model, NULL));
	p->grad[p->count - 1] = NAN;
	assert_false(cvt_model_finite(model, NULL));
	p->grad[p->count - 1] = 0;
	cvt_model_param(model, "a.bias")->grad[0] = INFINITY;
	assert_false(cvt_model_finite(model, NULL));
	cvt_model_destroy(model);
}

static void build_wide_dense(struct cvt_graph *g)
{
	int x = cvt_flatten(g, cvt_conv(g, cvt_input(g, 1, 65, 65), (struct cvt_conv_args){.out = 1, .kernel = 1}));
	cvt_name(g, "wide");
	cvt_dense(g, x, (struct cvt_dense_args){.out = 260});
}

/* Two that are joined, of which one is large, the leader or the other; and a 3 x 3. */
static void build_wide_convs(struct cvt_graph *g, bool leads)
{
	int x = cvt_conv(g, cvt_input(g, 1, 65, 65), (struct cvt_conv_args){.out = 1024, .kernel = 7, .stride = 16, .padding = 3}), parts[2];
	for (int i = 0; i < 2; i++) {
		bool wide = (i == 0) == leads;
		if (wide)
			cvt_name(g, "wide");
		parts[i] = cvt_conv(g, x, (struct cvt_conv_args){.out = wide ? 1030 : 5, .kernel = 1});
	}
	x = cvt_concat(g, parts, 2);
	cvt_name(g, "wide3");
	x = cvt_conv(g, x, (struct cvt_conv_args){.out = 114, .kernel = 3, .padding = 1});
	cvt_dense(g, cvt_flatten(g, cvt_global_avg_pool(g, x)), (struct cvt_dense_args){.out = 260});
}

/* So many maps that their biases and a norm's numbers are many too: those are updated after backward, however many. */
static void build_many_maps(struct cvt_graph *g)
{
	int x = cvt_max_pool(g, cvt_input(g, 1, 65, 65), (struct cvt_pool_args){.kernel = 33, .stride = 32});
	cvt_name(g, "wide");
	x = cvt_relu(g, cvt_batch_norm(g, cvt_conv(g, x, (struct cvt_conv_args){.out = 16400, .kernel = 1}), (struct cvt_norm_args){0}));
	x = cvt_flatten(g, cvt_global_avg_pool(g, x));
	cvt_name(g, "wide3");
	cvt_dense(g, x, (struct cvt_dense_args){.out = 260});
}

static void build_wide_leader(struct cvt_graph *g)
{
	build_wide_convs(g, true);
}

static void build_wide_member(struct cvt_graph *g)
{
	build_wide_convs(g, false);
}

/* Layers large enough that backward applies the update: the weights afterwards are those of gradient and step apart. */
static void update_in_backward(void **state)
{
	static void (*const build[])(struct cvt_graph *) = {build_wide_dense, build_wide_leader, build_wide_member, build_many_maps};
	struct cvt_pool *pool;
	assert_int_equal(cvt_pool_create(2, &pool, NULL), CVT_OK);
	for (int test = 0; test < 8; test++) {
		struct cvt_model *models[2] = {0};
		bool momentum = test % 2;
		for (int keep = 0; keep < 2; keep++) {
			struct cvt_graph g;
			struct cvt_plan *plan = NULL;
			struct cvt_plan_options options = {.max_batch = 4, .workers = 2, .flags = CVT_PLAN_TRAIN};
			struct cvt_exec exec = {.pool = pool, .lr = 0.1f, .momentum = momentum ? 0.9f : 0, .weight_decay = 0.01f};
			cvt_graph_init(&g);
			g.keep_gradients = keep;
			build[test / 2](&g);
			assert_int_equal(cvt_model_create(&g, 1, true, momentum, &models[keep], NULL), CVT_OK);
			assert_true((cvt_model_param(models[keep], "wide.weight")->grad == NULL) == !keep);
			assert_true(test < 2 || (cvt_model_param(models[keep], "wide3.weight")->grad == NULL) == !keep);
			assert_int_equal(cvt_plan_create(models[keep], &options, &plan, NULL), CVT_OK);
			for (int step = 0; step < 2; step++) {
				for (int i = 0; i < 3 * 65 * 65; i++)
					cvt_plan_input(plan).data[i] = (float)(i % 17) / 8 - 1;
				cvt_plan_forward(plan, 3, &exec);
				for (int i = 0; i < 3 * 260; i++)
					cvt_plan_logits_grad(plan)[i] = (float)(i % 5) - 2;
				cvt_plan_backward(plan, 3, &exec);
				cvt_sgd_step(models[keep], NULL, exec.lr, exec.momentum, exec.weight_decay);
			}
			cvt_plan_destroy(plan);
		}
		for (int i = 0; i < models[0]->graph.n_params; i++) {
			const struct cvt_param *a = &models[0]->graph.params[i], *b = &models[1]->graph.params[i];
			for (int64_t k = 0; k < a->count; k++)
				if (!(fabsf(a->value[k] - b->value[k]) <= 1e-5f * fmaxf(1, fabsf(b->value[k]))))
					fail_msg("momentum %d: %s[%lld] %g, %g", momentum, a->name, (long long)k, (double)a->value[k], (double)b->value[k]);
		}
		cvt_model_destroy(models[0]);
		cvt_model_destroy(models[1]);
	}
	cvt_pool_destroy(pool);
}

static void blas_says_what_it_is(void **state)
{
	char text[256];
	bool serial;
	cvt_machine_blas(text, sizeof text, &serial);
	assert_non_null(strstr(text, "OpenBLAS"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_error_sticks), cmocka_unit_test(nothing_reads_a_layer), cmocka_unit_test(weights_begin_as_in_pytorch),
		cmocka_unit_test(loss_is_pytorchs), cmocka_unit_test(loss_does_not_overflow),
		cmocka_unit_test(a_batch_without_weight_teaches_nothing), cmocka_unit_test(sgd_is_pytorchs),
		cmocka_unit_test(update_in_backward), cmocka_unit_test(blas_says_what_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
