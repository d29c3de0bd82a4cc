/* Sweeps: lists, ranges, presets that hold them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../scratch.h"
#include "convtui/config.h"

static const char *texts[64];

static void give(const char *key, const char *text)
{
	int n;
	const struct cvt_option *table = cvt_options(&n);
	for (int i = 0; i < n; i++) {
		if (!strcmp(table[i].key, key)) {
			texts[i] = text;
			return;
		}
	}
	fail_msg("no row %s", key);
}

static int clear(void **state)
{
	(void)state;
	memset(texts, 0, sizeof texts);
	return 0;
}

static struct cvt_sweep expand(int want)
{
	struct cvt_config base;
	struct cvt_sweep sweep = {0};
	struct cvt_error err;
	cvt_config_init(&base);
	if (cvt_sweep_expand(&base, texts, &sweep, &err) != CVT_OK)
		fail_msg("%s", err.message);
	assert_int_equal(sweep.n, want);
	return sweep;
}

static void the_last_row_varies_fastest(void **state)
{
	(void)state;
	give("lr", "1e-3, 1e-2,0.5");
	give("layers", "1..2");
	struct cvt_sweep sweep = expand(6);
	static const double rates[] = {1e-3, 1e-2, 0.5};
	for (int i = 0; i < 6; i++) {
		assert_int_equal(sweep.configs[i].layers, 1 + i / 3);
		assert_true(sweep.configs[i].lr == rates[i % 3]);
	}
	cvt_sweep_finish(&sweep);
}

static void ranges(void **state)
{
	(void)state;
	give("layers", "2..8..3");
	give("seed", "7,9..10");
	struct cvt_sweep sweep = expand(9);
	assert_int_equal(sweep.configs[8].layers, 8);
	assert_int_equal(sweep.configs[4].layers, 5);
	assert_int_equal(sweep.configs[4].seed, 9);
	assert_int_equal(sweep.configs[5].seed, 10);
	cvt_sweep_finish(&sweep);
}

/* Depth is swept and the rate is not given: each has the post's own. */
static void each_is_resolved(void **state)
{
	(void)state;
	give("layers", "1..4");
	struct cvt_sweep sweep = expand(4);
	static const double rates[] = {1e-4, 2e-3, 3.5e-3, 1e-2};
	for (int i = 0; i < 4; i++)
		assert_true(sweep.configs[i].lr == rates[i]);
	cvt_sweep_finish(&sweep);
}

static void commas_inside_parentheses_and_paths(void **state)
{
	(void)state;
	give("expansion", "x*2 if min(x, 3) < 2 else x, x + 13");
	give("data", "a,b");
	struct cvt_sweep sweep = expand(2);
	assert_string_equal(sweep.configs[0].expansion, "x*2 if min(x, 3) < 2 else x");
	assert_string_equal(sweep.configs[1].expansion, "x + 13");
	assert_string_equal(sweep.configs[1].data, "a,b");
	cvt_sweep_finish(&sweep);
}

static void ranges_of_reals(void **state)
{
	(void)state;
	static const double factors[] = {1e-4, 1e-3, 1e-2}, steps[] = {0.1, 0.2, 0.3};
	give("lr", "1e-4..1e-2..x10");
	give("momentum", "0.1..0.3..0.1");
	struct cvt_sweep sweep = expand(9);
	for (int i = 0; i < 9; i++) {
		assert_true(sweep.configs[i].lr == factors[i / 3]);
		assert_true(sweep.configs[i].momentum == steps[i % 3]);
	}
	cvt_sweep_finish(&sweep);
	clear(NULL);
	give("lr", "0.003, 0.01..0.05..x2, 1");
	sweep = expand(5);
	assert_true(sweep.configs[3].lr == 0.04 && sweep.configs[4].lr == 1);
	cvt_sweep_finish(&sweep);
}

static void rows_that_do_not_apply_are_not_multiplied(void **state)
{
	(void)state;
	give("arch", "cnn,vgg-a");
	give("layers", "1..3");
	struct cvt_sweep sweep = expand(4);
	assert_int_equal(sweep.configs[2].arch, CVT_ARCH_CNN);
	assert_int_equal(sweep.configs[3].arch, CVT_ARCH_VGG_A);
	cvt_sweep_finish(&sweep);
}

static void wrong_sweeps(void **state)
{
	(void)state;
	static const struct { const char *key, *text, *says; } cases[] = {
		{"layers", "4..1", "upwards"}, {"layers", "1..4..0", "upwards"}, {"layers", "7..9", "1 to 8"}, {"seed", "0..100000", "4096"},
		{"lr", "1..2", "FROM..TO..STEP"}, {"lr", "0.1..0.01..0.01", "upwards"}, {"lr", "0.1..1..x1", "xFACTOR"},
		{"momentum", "0..0.9..x2", "xFACTOR"}, {"lr", "0.1..0.2..0", "STEP"}, {"lr", "1e-9..1..1e-9", "4096"}, {"lr", "0.1..nan..1", "queue"},
		{"lr", "0.1,,0.2", "number"}, {"lr", "0.1,", "number"}, {"inception", "post", "does not apply to cnn"},
		{"seed", "-9223372036854775808..9223372036854775807", "4096"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct cvt_config base;
		struct cvt_sweep sweep = {(void *)&cases, 77};
		struct cvt_error err = {0};
		cvt_config_init(&base);
		clear(NULL);
		give(cases[i].key, cases[i].text);
		int status = cvt_sweep_expand(&base, texts, &sweep, &err);
		if (status == CVT_OK || !strstr(err.message, cases[i].says))
			fail_msg("%s %s: status %d: %s", cases[i].key, cases[i].text, status, err.message);
		assert_int_equal(sweep.n, 77);
	}
	clear(NULL);
	give("seed", "1..100");
	give("batch", "1..100");
	struct cvt_config base;
	struct cvt_sweep sweep;
	struct cvt_error err;
	cvt_config_init(&base);
	assert_int_equal(cvt_sweep_expand(&base, texts, &sweep, &err), CVT_ERR_RANGE);
}

/* The twelve of the post, in its order. */
static void the_posts_sweep(void **state)
{
	(void)state;
	struct cvt_sweep sweep;
	struct cvt_error err;
	give("image-size", "64");
	assert_int_equal(cvt_sweep_load_preset("post-cnns", texts, &sweep, &err), CVT_OK);
	assert_int_equal(sweep.n, 12);
	static const char *const rules[] = {"x + 13", "x*2 if x < 20 else x + (x // 2)", "x*3 if x < 50 else x + (x // 6)"};
	for (int i = 0; i < 12; i++) {
		assert_int_equal(sweep.configs[i].layers, 1 + i / 3);
		assert_string_equal(sweep.configs[i].expansion, rules[i % 3]);
		assert_int_equal(sweep.configs[i].image_size, 64);
		assert_int_equal(sweep.configs[i].batch, 128);
	}
	assert_true(sweep.configs[0].lr == 1e-4 && sweep.configs[11].lr == 1e-2);
	cvt_sweep_finish(&sweep);
	clear(NULL);
	assert_int_equal(cvt_sweep_load_preset("post-vggs", NULL, &sweep, &err), CVT_OK);
	assert_int_equal(sweep.n, 5);
	assert_int_equal(sweep.configs[4].arch, CVT_ARCH_VGG_E);
	cvt_sweep_finish(&sweep);
}

static void presets_errors_have_a_place(void **state)
{
	(void)state;
	struct cvt_sweep sweep;
	struct cvt_error err;
	scratch_text(scratch("s.yaml"), "arch: cnn\nlayers:\n  - 1\n  - 9\n");
	assert_int_equal(cvt_sweep_load_preset(scratch("s.yaml"), NULL, &sweep, &err), CVT_ERR_RANGE);
	assert_int_equal(err.line * 100 + err.column, 405);
	scratch_text(scratch("s.yaml"), "arch: cnn\nlayers: 4..2\n");
	assert_int_equal(cvt_sweep_load_preset(scratch("s.yaml"), NULL, &sweep, &err), CVT_ERR_RANGE);
	assert_int_equal(err.line * 100 + err.column, 209);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_last_row_varies_fastest, clear), cmocka_unit_test_setup(ranges, clear), cmocka_unit_test_setup(each_is_resolved, clear),
		cmocka_unit_test_setup(commas_inside_parentheses_and_paths, clear), cmocka_unit_test_setup(rows_that_do_not_apply_are_not_multiplied, clear),
		cmocka_unit_test_setup(ranges_of_reals, clear), cmocka_unit_test_setup(wrong_sweeps, clear), cmocka_unit_test_setup(the_posts_sweep, clear),
		cmocka_unit_test_setup_teardown(presets_errors_have_a_place, scratch_setup, scratch_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
