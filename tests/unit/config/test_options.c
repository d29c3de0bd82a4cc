/* The option table: every row is set, read, written and read again; what is wrong is refused and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convtui/config.h"

static const struct cvt_option *row(const char *key)
{
	const struct cvt_option *option = cvt_option_find(key);
	if (!option)
		fail_msg("no row %s", key);
	return option;
}

/* A value that is not the default, for any row. */
static void another(const struct cvt_option *option, const struct cvt_config *config, char *text, size_t size)
{
	struct cvt_config other = *config;
	if (option->type == CVT_TYPE_TEXT)
		snprintf(text, size, "x*2 if x < 20 else x + x//2 # it's 'quoted'");
	else if (option->type == CVT_TYPE_PATH)
		snprintf(text, size, "/some/it's a \"folder\": \xc3\xa4 #1/*&!");
	else {
		cvt_config_step(&other, option, 1);
		cvt_config_get(&other, option, text, size);
		char before[1024];
		cvt_config_get(config, option, before, sizeof before);
		if (!strcmp(before, text)) {   /* it stands at its upper bound */
			cvt_config_step(&other, option, -1);
			cvt_config_get(&other, option, text, size);
		}
	}
}

static void every_row_goes_round(void **state)
{
	(void)state;
	int n;
	const struct cvt_option *table = cvt_options(&n);
	assert_int_equal(n, 27);
	for (int i = 0; i < n; i++) {
		struct cvt_config config, again;
		struct cvt_error err;
		char want[1024], got[1024], before[1024], *yaml;
		assert_true(*table[i].label && *table[i].help && table[i].unit && table[i].applies);
		cvt_config_init(&config);
		cvt_config_get(&config, &table[i], before, sizeof before);
		another(&table[i], &config, want, sizeof want);
		if (!strcmp(before, want))
			fail_msg("%s: no other value than %s", table[i].key, before);
		assert_int_equal(config.set, 0);
		if (cvt_config_set(&config, &table[i], want, &err) != CVT_OK)
			fail_msg("%s", err.message);
		assert_int_equal(config.set, 1ull << i);
		cvt_config_get(&config, &table[i], got, sizeof got);
		assert_string_equal(got, want);
		assert_int_equal(cvt_config_write(&config, &(struct cvt_provenance){"f00d", "run's", "c", "0"}, &yaml, &err), CVT_OK);
		cvt_config_init(&again);
		if (cvt_config_parse(&again, yaml, strlen(yaml), "config.yaml", &err) != CVT_OK)
			fail_msg("%s: %d:%d: %s\n%s", table[i].key, err.line, err.column, err.message, yaml);
		free(yaml);
		assert_int_equal(again.set, (1ull << n) - 1);
		again.set = config.set;
		assert_memory_equal(&again, &config, sizeof config);
	}
}

static void wrong_values_are_refused(void **state)
{
	(void)state;
	static const struct { const char *key, *text; int code; const char *says; } cases[] = {
		{"lr", "abc", CVT_ERR_SYNTAX, "number"}, {"lr", "", CVT_ERR_SYNTAX, "number"}, {"lr", "0", CVT_ERR_RANGE, "10"}, {"lr", "-1", CVT_ERR_RANGE, "lr -1"},
		{"lr", "nan", CVT_ERR_SYNTAX, "number"}, {"lr", "1e-3,1e-2", CVT_ERR_SYNTAX, "queue"}, {"layers", "1..4", CVT_ERR_SYNTAX, "queue"},
		{"layers", "0", CVT_ERR_RANGE, "1 to 8"}, {"layers", "9", CVT_ERR_RANGE, "1 to 8"}, {"layers", "2.5", CVT_ERR_SYNTAX, "whole"},
		{"layers", "99999999999999999999", CVT_ERR_RANGE, "1 to 8"}, {"layers", " 3", CVT_ERR_SYNTAX, "whole"}, {"channels", "2", CVT_ERR_RANGE, "1 or 3"},
		{"arch", "vgg", CVT_ERR_RANGE, "vgg-a"}, {"seed", "-1", CVT_ERR_RANGE, "18446744073709551615"}, {"seed", "x", CVT_ERR_SYNTAX, "whole"},
		{"data", "a\nb", CVT_ERR_SYNTAX, "control"}, {"data", "\xff", CVT_ERR_SYNTAX, "UTF-8"}, {"val-fraction", "1", CVT_ERR_RANGE, "0.95"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct cvt_config config, before;
		struct cvt_error err = {0};
		cvt_config_init(&config);
		before = config;
		int status = cvt_config_set(&config, row(cases[i].key), cases[i].text, &err);
		if (status != cases[i].code || !strstr(err.message, cases[i].says) || strncmp(err.message, cases[i].key, strlen(cases[i].key)))
			fail_msg("%s %s: status %d: %s", cases[i].key, cases[i].text, status, err.message);
		assert_memory_equal(&config, &before, sizeof config);
	}
}

static void a_text_that_is_too_long_is_refused(void **state)
{
	(void)state;
	char text[1100];
	struct cvt_config config;
	struct cvt_error err;
	memset(text, 'a', sizeof text);
	text[1023] = 0;
	cvt_config_init(&config);
	assert_int_equal(cvt_config_set(&config, row("data"), text, &err), CVT_OK);
	assert_int_equal(cvt_config_set(&config, row("expansion"), text, &err), CVT_ERR_RANGE);
	text[1023] = 'a';
	text[1024] = 0;
	assert_int_equal(cvt_config_set(&config, row("data"), text, &err), CVT_ERR_RANGE);
}

/* "Test out CNNs" of the post, and its VGG and GoogLeNet cells. */
/* A leading ~ is the home folder, and the whole path is what is kept. */
static void a_tilde_is_the_home_folder(void **state)
{
	(void)state;
	static const struct { const char *key, *text, *path; } cases[] = {{"data", "~/pictures", "/home/anna/pictures"}, {"val", "~", "/home/anna"},
		{"init", "~/a/~/b", "/home/anna/a/~/b"}, {"data", "./~", "./~"}, {"data", "a~/b", "a~/b"}};
	char before[1024], got[1024];
	snprintf(before, sizeof before, "%s", getenv("HOME") ? getenv("HOME") : "");
	struct cvt_config config;
	struct cvt_error err;
	cvt_config_init(&config);
	assert_int_equal(setenv("HOME", "/home/anna", 1), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(cvt_config_set(&config, row(cases[i].key), cases[i].text, &err), CVT_OK);
		cvt_config_get(&config, row(cases[i].key), got, sizeof got);
		assert_string_equal(got, cases[i].path);
	}
	static const char yaml[] = "data: ~/from yaml\n";
	assert_int_equal(cvt_config_parse(&config, yaml, sizeof yaml - 1, "test", &err), CVT_OK);
	assert_string_equal(config.data, "/home/anna/from yaml");
	/* An expansion is no path. */
	assert_int_equal(cvt_config_set(&config, row("expansion"), "~x", &err), CVT_OK);
	assert_string_equal(config.expansion, "~x");
	/* Nobody else's folder is looked up. */
	assert_int_equal(cvt_config_set(&config, row("data"), "~bert/pictures", &err), CVT_ERR_UNSUPPORTED);
	assert_non_null(strstr(err.message, "data '~bert/pictures': "));
	assert_non_null(strstr(err.message, "write the whole path"));
	assert_int_equal(unsetenv("HOME"), 0);
	assert_int_equal(cvt_config_set(&config, row("data"), "~/pictures", &err), CVT_ERR_NOT_FOUND);
	assert_string_equal(config.data, "/home/anna/from yaml");
	assert_int_equal(setenv("HOME", before, 1), 0);
}

static void the_posts_defaults(void **state)
{
	(void)state;
	static const struct { const char *arch, *layers; double lr; int batch, epochs; } cases[] = {
		{"cnn", "1", 1e-4, 128, 20}, {"cnn", "2", 2e-3, 128, 20}, {"cnn", "3", 3.5e-3, 128, 20}, {"cnn", "4", 1e-2, 128, 20},
		{"cnn", "7", 1e-2, 128, 20}, {"vgg-c", "1", 1e-3, 16, 30}, {"googlenet", "4", 1e-3, 64, 100}};
	struct cvt_config config;
	struct cvt_error err;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cvt_config_init(&config);
		assert_int_equal(cvt_config_set(&config, row("arch"), cases[i].arch, &err), CVT_OK);
		assert_int_equal(cvt_config_set(&config, row("layers"), cases[i].layers, &err), CVT_OK);
		for (int twice = 0; twice < 2; twice++) {
			cvt_config_resolve(&config);
			assert_true(config.lr == cases[i].lr);
			assert_int_equal(config.batch, cases[i].batch);
			assert_int_equal(config.epochs, cases[i].epochs);
		}
	}
	cvt_config_init(&config);
	assert_string_equal(config.data, "builtin");
	assert_true(config.val_fraction == 0.4 && config.image_size == 256 && config.momentum == 0 && config.layers == 4);
	assert_int_equal(cvt_config_set(&config, row("lr"), "0.5", &err), CVT_OK);
	cvt_config_resolve(&config);
	assert_true(config.lr == 0.5);
}

static void arrows_step_and_stop_at_bounds(void **state)
{
	(void)state;
	struct cvt_config config;
	char text[64];
	static const char *const up[] = {"0.02", "0.05", "0.1", "0.2"};
	cvt_config_init(&config);
	for (int i = 0; i < 4; i++) {
		cvt_config_step(&config, row("lr"), 1);
		cvt_config_get(&config, row("lr"), text, sizeof text);
		assert_string_equal(text, up[i]);
	}
	for (int i = 0; i < 60; i++)
		cvt_config_step(&config, row("lr"), -1);
	assert_true(config.lr == 1e-9);
	for (int i = 0; i < 3; i++)
		cvt_config_step(&config, row("momentum"), 1);
	assert_true(config.momentum == 0.3);
	for (int i = 0; i < 20; i++)
		cvt_config_step(&config, row("layers"), i < 9 ? -1 : 1);
	assert_int_equal(config.layers, 8);
	for (int i = 0; i < 5; i++)
		cvt_config_step(&config, row("channels"), -1);
	assert_int_equal(config.channels, 1);
	cvt_config_step(&config, row("channels"), 1);
	assert_int_equal(config.channels, 3);
	cvt_config_step(&config, row("arch"), -1);
	assert_int_equal(config.arch, CVT_ARCH_GOOGLENET);
	cvt_config_step(&config, row("arch"), 1);
	assert_int_equal(config.arch, CVT_ARCH_CNN);
	for (int i = 0; i < 3; i++)
		cvt_config_step(&config, row("seed"), -1);
	assert_int_equal(config.seed, 0);
}

static void rows_that_contradict(void **state)
{
	(void)state;
	struct cvt_config config;
	struct cvt_error err;
	cvt_config_init(&config);
	assert_int_equal(cvt_config_check(&config, &err), CVT_OK);
	config.val_fraction = 0.6;
	config.test_fraction = 0.4;
	assert_int_equal(cvt_config_check(&config, &err), CVT_ERR_RANGE);
	assert_non_null(strstr(err.message, "val-fraction + test-fraction = 1"));
	config.test_fraction = 0.35;
	assert_int_equal(cvt_config_check(&config, &err), CVT_OK);
	config.val_fraction = config.test_fraction = 0;
	config.patience = 3;
	assert_int_equal(cvt_config_check(&config, &err), CVT_ERR_RANGE);
	config.patience = 0;
	strcpy(config.val, "elsewhere");
	assert_int_equal(cvt_config_check(&config, &err), CVT_ERR_RANGE);
	strcpy(config.data, "");
	assert_int_equal(cvt_config_check(&config, &err), CVT_ERR_RANGE);
}

static void which_rows_are_live_and_apply(void **state)
{
	(void)state;
	int n, live = 0;
	const struct cvt_option *table = cvt_options(&n);
	static const char *const keys[] = {"lr", "epochs", "patience", "momentum", "weight-decay", "threads"};
	for (int i = 0; i < n; i++)
		live += table[i].live;
	assert_int_equal(live, 6);
	for (int i = 0; i < 6; i++)
		assert_true(row(keys[i])->live);
	assert_true(cvt_option_applies(row("layers"), CVT_ARCH_CNN) && !cvt_option_applies(row("layers"), CVT_ARCH_VGG_E));
	assert_true(cvt_option_applies(row("inception"), CVT_ARCH_GOOGLENET) && !cvt_option_applies(row("inception"), CVT_ARCH_CNN));
	assert_null(cvt_option_find("learning-rate"));
}

static void near_words(void **state)
{
	(void)state;
	const char *const words[] = {"lr", "layers", "learning", "batch", "momentum"};
	assert_string_equal(cvt_nearest("layer", words, 5), "layers");
	assert_string_equal(cvt_nearest("btach", words, 5), "batch");
	assert_string_equal(cvt_nearest("learn", words, 5), "learning");
	assert_string_equal(cvt_nearest("rl", words, 5), "lr");
	assert_null(cvt_nearest("zebra", words, 5));
	assert_null(cvt_nearest("", words, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_goes_round), cmocka_unit_test(wrong_values_are_refused), cmocka_unit_test(a_text_that_is_too_long_is_refused),
		cmocka_unit_test(the_posts_defaults), cmocka_unit_test(arrows_step_and_stop_at_bounds), cmocka_unit_test(rows_that_contradict),
		cmocka_unit_test(which_rows_are_live_and_apply), cmocka_unit_test(near_words), cmocka_unit_test(a_tilde_is_the_home_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
