/* test_bench.c - what `convtui bench` says of layers adds up. */
#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "convtui/bench.h"

static struct cvt_bench_result measure(const char *arch)
{
	struct cvt_config config;
	struct cvt_bench_result r;
	struct cvt_error err = {0};

	cvt_config_init(&config);
	assert_int_equal(cvt_config_set(&config, cvt_option_find("arch"), arch, &err), CVT_OK);
	config.layers = 2;
	config.image_size = 32;
	config.batch = 3;
	config.threads = 2;
	cvt_config_resolve(&config);
	if (cvt_bench(&config, 3, 0.01, &r, &err) != CVT_OK)
		fail_msg("%s: %s", arch, err.message);
	return r;
}

/* The best of each layer is no longer than its part of the best step, and what a layer is said to do takes time. */
static void check_sums(const struct cvt_bench_result *r)
{
	double train = 0, eval = 0;

	for (int i = 0; i < r->n_layers; i++) {
		const struct cvt_bench_layer *layer = &r->layers[i];

		assert_true((layer->training[0] != 0) == (layer->forward_ms > 0));
		assert_true((layer->evaluation[0] != 0) == (layer->eval_ms > 0));
		assert_true(layer->name[0] != 0 && (layer->training[0] != 0 || layer->evaluation[0] != 0));
		train += layer->forward_ms + layer->backward_ms;
		eval += layer->eval_ms;
	}
	assert_true(train > 0 && train <= r->train_ms);
	assert_true(eval > 0 && eval <= r->eval_ms);
}

static void layers_add_up(void **state)
{
	static const char *const archs[] = {"cnn", "googlenet"};

	for (int i = 0; i < 2; i++) {
		struct cvt_bench_result r = measure(archs[i]);

		check_sums(&r);
		free(r.layers);
	}
}

static void layers_are_named(void **state)
{
	struct cvt_bench_result r = measure("cnn");

	assert_int_equal(r.n_layers, 6);         /* two convolutions and their norms, two dense layers */
	assert_string_equal(r.layers[0].name, "net.0");
	assert_string_equal(r.layers[0].training, "conv + relu");
	assert_string_equal(r.layers[0].evaluation, "conv + relu + batch norm + max pool");
	assert_string_equal(r.layers[1].training, "batch norm + max pool");
	assert_string_equal(r.layers[1].evaluation, "");
	assert_string_equal(r.layers[5].name, "classifier.3");
	free(r.layers);
}

/* Convolutions of one input that are done in one call are one layer, which says so. */
static void joined_layers_are_one(void **state)
{
	struct cvt_bench_result r = measure("googlenet");
	int joined = 0;

	for (int i = 0; i < r.n_layers; i++) {
		joined += strcmp(r.layers[i].training, "3 of one input: conv") == 0;
		assert_null(strstr(r.layers[i].name, "inc_block.2.0.conv.0"));
	}
	assert_int_equal(joined, 9);             /* inceptions */
	free(r.layers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(layers_add_up), cmocka_unit_test(layers_are_named), cmocka_unit_test(joined_layers_are_one)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
