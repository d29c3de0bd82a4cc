/* test_init.c - a file that a network starts from: what PyTorch adds is passed over; what does not fit, is missing or too many is named, and
 * the network stays as it was. And how many pictures it evaluates at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../scratch.h"
#include "arch/arch.h"
#include "store/safetensors.h"
#include "train/network.h"

static struct cvt_network *make_network(uint64_t seed)
{
	struct cvt_network *network;
	struct cvt_config config;
	struct cvt_error err;

	cvt_config_init(&config);
	config.layers = 1;
	config.image_size = 8;
	config.threads = 1;
	config.seed = seed;
	if (cvt_network_create(&(struct cvt_network_options){.config = &config, .n_classes = 3, .eval_batch = 1}, &network, &err) != CVT_OK)
		fail_msg("%s", err.message);
	return network;
}

static bool same(const struct cvt_network *a, const struct cvt_network *b)
{
	for (int i = 0; i < a->model->graph.n_params; i++)
		if (memcmp(a->model->graph.params[i].value, b->model->graph.params[i].value,
			(size_t)a->model->graph.params[i].count * sizeof(float)) != 0)
			return false;
	return true;
}

/* What a row of a table below does to the arrays of a good file. */
struct change {
	const char *name;                /* the array that is left out, changed or, where the network has none, added */
	bool leave_out;
	enum cvt_dtype dtype; int dims[4], n_dims;
	const char *says;                /* NULL: loads */
};

static int load(struct cvt_network *into, const struct cvt_network *from, const struct change *change, struct cvt_error *err)
{
	static const int64_t seven[2] = {7, 7};
	static const float floats[16 * 3 * 5 * 6];
	struct cvt_array *arrays, all[32];
	struct cvt_safetensors file;
	int n, rc = cvt_network_arrays(from, &arrays, &n, err), at = 0;

	assert_int_equal(rc, CVT_OK);
	assert_true(n < 31);
	bool found = false;
	for (int i = 0; i < n; i++) {
		all[at] = arrays[i];
		if (change && !strcmp(arrays[i].name, change->name)) {
			found = true;
			if (change->leave_out)
				continue;
			all[at] = (struct cvt_array){.name = arrays[i].name, .dtype = change->dtype, .n_dims = change->n_dims, .data = floats};
			memcpy(all[at].dims, change->dims, sizeof change->dims);
		}
		at++;
	}
	if (change && !found) {
		all[at] = (struct cvt_array){.name = change->name, .dtype = change->dtype, .n_dims = change->n_dims,
			.data = change->dtype == CVT_I64 ? (const void *)seven : floats};
		memcpy(all[at++].dims, change->dims, sizeof change->dims);
	}
	assert_int_equal(cvt_safetensors_write(scratch("init"), all, at, NULL, 0, err), CVT_OK);
	free(arrays);
	assert_int_equal(cvt_safetensors_read(scratch("init"), &file, err), CVT_OK);
	rc = cvt_network_load(into, &file, "init", false, err);
	cvt_safetensors_finish(&file);
	return rc;
}

static void each_change(void **state)
{
	static const struct change changes[] = {
		{"net.2.num_batches_tracked", false, CVT_I64, {0}, 0, NULL},
		{"net.2.num_batches_tracked", false, CVT_I64, {1}, 1, NULL},
		{"steps", false, CVT_I64, {0}, 0, NULL},
		{"optimizer.momentum.net.0.weight", false, CVT_F32, {16, 3, 5, 5}, 4, NULL},
		{"steps", false, CVT_I64, {2}, 1, "init: array steps is none of the network's"},
		{"steps", false, CVT_F32, {0}, 0, "init: array steps is none of the network's"},
		{"net.4.weight", false, CVT_F32, {3}, 1, "init: array net.4.weight is none of the network's"},
		{"net.0.bias", true, CVT_F32, {0}, 0, "init: array net.0.bias is missing"},
		{"net.2.running_var", true, CVT_F32, {0}, 0, "init: array net.2.running_var is missing"},
		{"classifier.3.bias", true, CVT_F32, {0}, 0, "init: array classifier.3.bias is missing"},
		{"net.0.weight", false, CVT_F32, {16, 3, 3, 5}, 4, "init: array net.0.weight is 16 x 3 x 3 x 5, the network's is 16 x 3 x 5 x 5"},
		{"net.0.weight", false, CVT_F32, {16, 75}, 2, "init: array net.0.weight is 16 x 75, the network's is 16 x 3 x 5 x 5"},
		{"net.0.bias", false, CVT_F32, {0}, 0, "init: array net.0.bias is a scalar, the network's is 16"},
		{"classifier.3.bias", false, CVT_F32, {2}, 1, "init: array classifier.3.bias is 2, the network's is 3"},
	};
	struct cvt_network *from = make_network(1);
	(void)state;

	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		struct cvt_network *into = make_network(2), *before = make_network(2);
		struct cvt_error err = {0};
		int rc = load(into, from, &changes[i], &err);

		if (changes[i].says ? rc != CVT_ERR_FORMAT || !strstr(err.message, changes[i].says) : rc != CVT_OK)
			fail_msg("row %zu: %d, %s", i, rc, err.message);
		if (!same(into, changes[i].says ? before : from))
			fail_msg("row %zu: the weights are not those that they should be", i);
		cvt_network_destroy(into);
		cvt_network_destroy(before);
	}
	cvt_network_destroy(from);
}

/* What the workspace of an evaluation takes with one thread. */
static int64_t eval_bytes(const struct cvt_config *config, int batch)
{
	struct cvt_plan_options plan = {.max_batch = batch, .isa = config->isa, .conv = config->conv, .workers = 1};
	struct cvt_plan_cost cost;
	struct cvt_graph graph;
	struct cvt_error err;

	assert_int_equal(cvt_arch_build(config, 3, &graph, &err), CVT_OK);
	assert_int_equal(cvt_plan_dry(&graph, &plan, false, &cost, NULL, &err), CVT_OK);
	cvt_graph_finish(&graph);
	return cost.workspace_bytes;
}

/* The limit decides alone, not the threads: which method computes a convolution hangs on the batch, and with it the bits. */
static void a_limit_of_bytes_halves_the_evaluation_s_batch(void **state)
{
	static const int wanted[] = {32, 16, 8, 1};
	struct cvt_config config;
	struct cvt_error err;

	(void)state;
	cvt_config_init(&config);
	config.layers = 1;
	config.image_size = 128;
	for (int i = 0; i < 4; i++) {
		for (config.threads = 1; config.threads <= 3; config.threads += 2) {
			struct cvt_network_options options = {.config = &config, .n_classes = 3, .eval_batch = 32, .eval_bytes = eval_bytes(&config, wanted[i])};
			struct cvt_network *network;

			options.eval_bytes -= wanted[i] == 1;               /* one picture is done whatever it takes */
			assert_int_equal(cvt_network_create(&options, &network, &err), CVT_OK);
			assert_int_equal(network->eval_batch, wanted[i]);
			cvt_network_destroy(network);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_change, scratch_setup, scratch_teardown),
		cmocka_unit_test(a_limit_of_bytes_halves_the_evaluation_s_batch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
