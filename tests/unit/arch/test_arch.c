/* test_arch.c - the post's eighteen networks: parameters, labels, shapes, names, multiply-adds; sizes that do not work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arch.h"
#include "convtui/model.h"
#include "nn/layer.h"

static const char *const rules[] = {"x + 13", "x*2 if x < 20 else x + (x // 2)", "x*3 if x < 50 else x + (x // 6)"};

static void configure(struct cvt_config *config, int arch, int layers, int rule)
{
	cvt_config_init(config);
	config->arch = arch;
	config->layers = layers;
	config->image_size = 256;
	snprintf(config->expansion, sizeof config->expansion, "%s", rules[rule]);
}

static void expect(const struct cvt_config *config, const char *label, int64_t parameters)
{
	struct cvt_description d;
	struct cvt_error err = {0};
	if (cvt_describe(config, 3, &d, &err))
		fail_msg("%s: %s", label, err.message);
	assert_string_equal(d.network, label);
	if (d.parameters != parameters)
		fail_msg("%s: %lld parameters, not %lld", label, (long long)d.parameters, (long long)parameters);
	int64_t sum = 0, multiply_adds = 0;
	for (int i = 0; i < d.n_layers; i++) {
		sum += d.layers[i].parameters;
		multiply_adds += d.layers[i].multiply_adds;
	}
	assert_int_equal(sum, parameters);
	assert_int_equal(multiply_adds, d.multiply_adds);
	assert_true(d.train_bytes > d.eval_bytes && d.checkpoint_bytes >= 4 * parameters);
	cvt_description_finish(&d);
}

/* From PyTorch, on the post's classes. */
static void parameters_of_the_post(void **state)
{
	static const struct { int layers, rule; const char *label; int64_t parameters; } cnns[] = {
		{1, 0, "3->16 FM total: 16", 67111139}, {1, 1, "3->6 FM total: 6", 25167319}, {1, 2, "3->9 FM total: 9", 37750465},
		{2, 0, "3->16->29 FM total: 45", 30422666}, {2, 1, "3->6->12 FM total: 18", 12586243},
		{2, 2, "3->9->27 FM total: 36", 28319437}, {3, 0, "3->16->29->42 FM total: 87", 11054586},
		{3, 1, "3->6->12->24 FM total: 42", 6302059}, {3, 2, "3->9->27->81 FM total: 117", 21296467},
		{4, 0, "3->16->29->42->55 FM total: 142", 3706933}, {4, 1, "3->6->12->24->36 FM total: 78", 2391607},
		{4, 2, "3->9->27->81->94 FM total: 211", 6413819},
	};
	static const struct { int arch; const char *label; int64_t parameters; } vggs[] = {{CVT_ARCH_VGG_A, "VGG-11A", 160241411},
		{CVT_ARCH_VGG_B, "VGG-13B", 160426307}, {CVT_ARCH_VGG_C, "VGG-16C", 161019971}, {CVT_ARCH_VGG_D, "VGG-16D", 165738563},
		{CVT_ARCH_VGG_E, "VGG-19E", 171050819}};
	struct cvt_config config;
	for (size_t i = 0; i < sizeof cnns / sizeof cnns[0]; i++) {
		configure(&config, CVT_ARCH_CNN, cnns[i].layers, cnns[i].rule);
		expect(&config, cnns[i].label, cnns[i].parameters);
	}
	for (size_t i = 0; i < sizeof vggs / sizeof vggs[0]; i++) {
		configure(&config, vggs[i].arch, 4, 0);
		expect(&config, vggs[i].label, vggs[i].parameters);
	}
	configure(&config, CVT_ARCH_GOOGLENET, 4, 0);
	expect(&config, "GoogLeNet", 5986899);
	config.inception = CVT_INCEPTION_POST;
	expect(&config, "GoogLeNet inception post", 123843);
}

/* PyTorch's flop counter at 256 x 256, halved. */
static void multiply_adds_of_the_post(void **state)
{
	static const struct { int arch; int64_t multiply_adds; } rows[] = {{CVT_ARCH_CNN, 456162048}, {CVT_ARCH_VGG_A, 9927929856},
		{CVT_ARCH_VGG_C, 15363747840}, {CVT_ARCH_GOOGLENET, 2049051648}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cvt_config config;
		struct cvt_description d;
		configure(&config, rows[i].arch, 4, 0);
		assert_int_equal(cvt_describe(&config, 3, &d, NULL), CVT_OK);
		if (d.multiply_adds != rows[i].multiply_adds)
			fail_msg("%s: %lld multiply-adds, not %lld", d.network, (long long)d.multiply_adds, (long long)rows[i].multiply_adds);
		cvt_description_finish(&d);
	}
}

static void names_are_pytorchs(void **state)
{
	static const struct { int arch; const char *name; int dims[4], n_dims; } rows[] = {
		{CVT_ARCH_CNN, "net.0.weight", {16, 3, 5, 5}, 4}, {CVT_ARCH_CNN, "net.14.running_var", {55}, 1},
		{CVT_ARCH_CNN, "classifier.1.weight", {256, 14080}, 2}, {CVT_ARCH_CNN, "classifier.3.bias", {3}, 1},
		{CVT_ARCH_VGG_C, "net.0.weight", {64, 3, 3, 3}, 4}, {CVT_ARCH_VGG_C, "net.20.weight", {256, 256, 1, 1}, 4},
		{CVT_ARCH_VGG_C, "net.40.weight", {512, 512, 1, 1}, 4}, {CVT_ARCH_VGG_C, "classifier.1.weight", {4096, 32768}, 2},
		{CVT_ARCH_VGG_C, "classifier.5.weight", {3, 4096}, 2}, {CVT_ARCH_VGG_D, "net.20.weight", {256, 256, 3, 3}, 4},
		{CVT_ARCH_GOOGLENET, "layers.0.conv.0.weight", {64, 3, 7, 7}, 4},
		{CVT_ARCH_GOOGLENET, "layers.2.conv.1.running_mean", {192}, 1},
		{CVT_ARCH_GOOGLENET, "layers.4.inc_block.1.0.conv.0.weight", {96, 192, 1, 1}, 4},
		{CVT_ARCH_GOOGLENET, "layers.4.inc_block.2.1.conv.0.weight", {32, 16, 5, 5}, 4},
		{CVT_ARCH_GOOGLENET, "layers.14.inc_block.3.1.conv.0.weight", {128, 832, 1, 1}, 4},
		{CVT_ARCH_GOOGLENET, "classifier.3.weight", {3, 1024}, 2},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cvt_config config;
		struct cvt_graph g;
		bool found = false;
		configure(&config, rows[i].arch, 4, 0);
		assert_int_equal(cvt_arch_build(&config, 3, &g, NULL), CVT_OK);
		for (int k = 0; k < g.n_params; k++) {
			if (strcmp(g.params[k].name, rows[i].name))
				continue;
			found = true;
			assert_int_equal(g.params[k].n_dims, rows[i].n_dims);
			assert_memory_equal(g.params[k].dims, rows[i].dims, sizeof rows[i].dims);
		}
		if (!found)
			fail_msg("there is no %s", rows[i].name);
		cvt_graph_finish(&g);
	}
}

/* The last maps of every size from the least on: PyTorch's rounding. */
static void any_size_works(void **state)
{
	static const struct { int arch, size, last; } rows[] = {{CVT_ARCH_CNN, 100, 6}, {CVT_ARCH_CNN, 16, 1}, {CVT_ARCH_CNN, 31, 1},
		{CVT_ARCH_VGG_A, 32, 1}, {CVT_ARCH_VGG_A, 100, 3}, {CVT_ARCH_GOOGLENET, 32, 1}, {CVT_ARCH_GOOGLENET, 33, 2},
		{CVT_ARCH_GOOGLENET, 100, 4}, {CVT_ARCH_GOOGLENET, 224, 7}, {CVT_ARCH_GOOGLENET, 256, 8}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cvt_config config;
		struct cvt_graph g;
		int last = 0;
		configure(&config, rows[i].arch, 4, 0);
		config.image_size = rows[i].size;
		config.channels = 1;
		assert_int_equal(cvt_arch_build(&config, 101, &g, NULL), CVT_OK);
		for (int k = 0; k < g.n_nodes; k++)
			last = g.nodes[k].h > 1 || g.nodes[k].ops == &cvt_max_pool_ops || g.nodes[k].ops == &cvt_concat_ops ? g.nodes[k].h : last;
		if (last != rows[i].last)
			fail_msg("architecture %d at %d ends in %d x %d, not %d", rows[i].arch, rows[i].size, last, last, rows[i].last);
		assert_int_equal(g.nodes[g.n_nodes - 1].c, 101);
		cvt_graph_finish(&g);
	}
}

static void sizes_that_do_not_work(void **state)
{
	static const struct { int arch, size, inception; const char *says; } rows[] = {
		{CVT_ARCH_CNN, 15, 0, "image-size 15: 4 layers halve the picture 4 times, so at least 16 works"},
		{CVT_ARCH_VGG_E, 16, 0, "at least 32 works"}, {CVT_ARCH_GOOGLENET, 31, CVT_INCEPTION_TRAINED, "from 32 up"},
		{CVT_ARCH_GOOGLENET, 63, CVT_INCEPTION_POST, "from 64 up"}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cvt_config config;
		struct cvt_description d;
		struct cvt_error err = {0};
		configure(&config, rows[i].arch, 4, 0);
		config.image_size = rows[i].size;
		config.inception = rows[i].inception;
		assert_int_equal(cvt_describe(&config, 3, &d, &err), CVT_ERR_RANGE);
		if (!strstr(err.message, rows[i].says))
			fail_msg("'%s' does not say '%s'", err.message, rows[i].says);
	}
}

/* What a graph cannot hold is said in the words of the options. */
static void rules_that_grow_too_much(void **state)
{
	static const struct { int layers, size; const char *rule, *says; } rows[] = {
		{8, 256, "x*3", "expansion: layer 8 would make 19683 maps of 6561, with more than 2,147,483,647 weights"},
		{1, 2048, "x + 13", "image-size 2048: 16 maps of 1024 x 1024 are left for the dense layer of 256"},
		{1, 2048, "x*200", "image-size 2048: layer 1 would make 600 maps of 2048 x 2048"}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cvt_config config;
		struct cvt_description d;
		struct cvt_error err = {0};
		configure(&config, CVT_ARCH_CNN, rows[i].layers, 0);
		config.image_size = rows[i].size;
		snprintf(config.expansion, sizeof config.expansion, "%s", rows[i].rule);
		assert_int_equal(cvt_describe(&config, 3, &d, &err), CVT_ERR_RANGE);
		if (!strstr(err.message, rows[i].says))
			fail_msg("'%s' does not say '%s'", err.message, rows[i].says);
	}
}

static void maps_of_a_rule(void **state)
{
	int maps[9] = {0};
	struct cvt_config config;
	struct cvt_description d;
	assert_int_equal(cvt_expansion_maps("x + 13", 3, 4, maps, NULL), CVT_OK);
	assert_memory_equal(maps, ((int[]){3, 16, 29, 42, 55, 0, 0, 0, 0}), sizeof maps);
	configure(&config, CVT_ARCH_CNN, 2, 0);
	assert_int_equal(cvt_describe(&config, 3, &d, NULL), CVT_OK);
	assert_int_equal(d.n_feature_maps, 3);
	assert_memory_equal(d.feature_maps, ((int[]){3, 16, 29}), 3 * sizeof(int));
	assert_int_equal(d.fm_total, 45);
	cvt_description_finish(&d);
	configure(&config, CVT_ARCH_VGG_E, 2, 0);
	assert_int_equal(cvt_describe(&config, 3, &d, NULL), CVT_OK);
	assert_int_equal(d.n_feature_maps, 17);
	assert_int_equal(d.fm_total, 0);
	cvt_description_finish(&d);
}

static void a_rule_that_cannot_be_read(void **state)
{
	struct cvt_config config;
	struct cvt_description d;
	struct cvt_error err = {0};
	char label[160] = "untouched";
	configure(&config, CVT_ARCH_CNN, 4, 0);
	snprintf(config.expansion, sizeof config.expansion, "x + * 13");
	assert_int_equal(cvt_describe(&config, 3, &d, &err), CVT_ERR_SYNTAX);
	assert_int_equal(err.column, 5);
	assert_int_equal(cvt_arch_label(&config, label, sizeof label, &err), CVT_ERR_SYNTAX);
	assert_string_equal(label, "untouched");
	snprintf(config.expansion, sizeof config.expansion, "x - 10");
	assert_int_equal(cvt_describe(&config, 3, &d, &err), CVT_ERR_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_of_the_post), cmocka_unit_test(multiply_adds_of_the_post), cmocka_unit_test(names_are_pytorchs),
		cmocka_unit_test(any_size_works), cmocka_unit_test(sizes_that_do_not_work), cmocka_unit_test(rules_that_grow_too_much), cmocka_unit_test(maps_of_a_rule),
		cmocka_unit_test(a_rule_that_cannot_be_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
