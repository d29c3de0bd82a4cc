/* YAML: what is wrong is said with file, line and column, and changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../scratch.h"
#include "convtui/config.h"

static const struct { const char *text; int line, column; const char *says; } wrong[] = {
	{"lr: 0.1\nlearing-rate: 3\n", 2, 1, "unknown key"}, {"lr: 0.1\nlayer: 3\n", 2, 1, "did you mean layers?"},
	{"lr: 0.1\n  layers: 3\n", 2, 9, "not YAML"}, {"epochs: many\n", 1, 9, "whole number"}, {"layers: 4\n\nbatch: 5000\n", 3, 8, "1 to 4096"},
	{"lr: 0.1\nlayers: 3\nlr: 0.2\n", 3, 1, "line 1 has it already"}, {"layers: [1, 2]\n", 1, 1, "sweep"}, {"layers: 1..4\n", 1, 9, "sweep"},
	{"lr: {a: 1}\n", 1, 5, "mapping inside"}, {"lr:\n", 1, 1, "no value"}, {"- lr\n- 3\n", 1, 1, "key: value"}, {"hello\n", 1, 1, "key: value"},
	{"lr: &a 0.1\n", 1, 5, "anchor"}, {"layers: *a\n", 1, 9, "alias"}, {"lr: &a [*a]\n", 1, 5, "anchor"}, {"? [a]\n: 1\n", 1, 3, "key must be a word"},
	{"&r\nlr: *r\n", 1, 1, "anchor"}, {"lr: !!float 0.1\n", 1, 5, "tag"}, {"lr: 0.1\n---\nlr: 0.2\n", 2, 1, "second document"},
	{"data: \"a\\0b\"\n", 1, 7, "NUL"}, {"lr: 0.1\ndata: \xff\n", 2, 7, "not YAML"}, {"lr: [1\n", 2, 1, "not YAML"}, {"arch: vgg-f\n", 1, 7, "vgg-a"},
	{"layers: [[1]]\n", 1, 10, "inside a list"}, {"layers: []\n", 1, 10, "empty list"}, {"data: \"a\\nb\"\n", 1, 7, "control"},
	{"<<: {lr: 1}\n", 1, 5, "mapping inside"}, {"lr: 'abc\n", 2, 1, "not YAML"}, {"\"l\\nr\": 1\n", 1, 1, "unknown key"},
};

static void errors_have_a_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct cvt_config config, before;
		struct cvt_error err = {0};
		cvt_config_init(&config);
		before = config;
		int status = cvt_config_parse(&config, wrong[i].text, strlen(wrong[i].text), "a.yaml", &err);
		if (status == CVT_OK || err.line != wrong[i].line || err.column != wrong[i].column || strcmp(err.file, "a.yaml")
			|| !strstr(err.message, wrong[i].says) || strchr(err.message, '\n'))
			fail_msg("%s: status %d, %s:%d:%d (not %d:%d): %s", wrong[i].text, status, err.file, err.line, err.column, wrong[i].line,
				wrong[i].column, err.message);
		assert_memory_equal(&config, &before, sizeof config);
	}
}

static void what_is_right_is_read(void **state)
{
	(void)state;
	static const char text[] = "# a comment\nlr: 5e-4   # another\n'layers': \"3\"\nexpansion: >-\n  x*2 if x < 20\n  else x + 1\nexif: off\nval: ''\n"
		"fingerprint: abc\nparent: x\nparent-checkpoint: y\nversion: 1\nseed: 18446744073709551615\n";
	struct cvt_config config;
	struct cvt_error err;
	cvt_config_init(&config);
	if (cvt_config_parse(&config, text, strlen(text), "a.yaml", &err) != CVT_OK)
		fail_msg("%d:%d: %s", err.line, err.column, err.message);
	assert_true(config.lr == 5e-4 && config.layers == 3 && config.exif == CVT_EXIF_OFF && config.seed == UINT64_MAX);
	assert_string_equal(config.expansion, "x*2 if x < 20 else x + 1");
	assert_int_equal(config.batch, 128);
	assert_int_equal(cvt_config_parse(&config, "", 0, "empty", &err), CVT_OK);
	assert_int_equal(cvt_config_parse(&config, "# only this\n", 12, "empty", &err), CVT_OK);
}

/* The rate follows the depth that the file gives, unless the file gives a rate. */
static void a_file_is_resolved(void **state)
{
	(void)state;
	struct cvt_config config;
	struct cvt_error err;
	cvt_config_init(&config);
	assert_int_equal(cvt_config_parse(&config, "layers: 1", 9, "a", &err), CVT_OK);
	assert_true(config.lr == 1e-4);
}

static void size_and_depth_are_bounded(void **state)
{
	(void)state;
	size_t size = (1 << 20) + 1;
	char *text = malloc(size);
	struct cvt_config config;
	struct cvt_error err;
	assert_non_null(text);
	cvt_config_init(&config);
	memset(text, '#', size);
	assert_int_equal(cvt_config_parse(&config, text, size, "big", &err), CVT_ERR_RANGE);
	assert_int_equal(cvt_config_parse(&config, text, size - 1, "big", &err), CVT_OK);
	memset(text, '[', size);
	memcpy(text, "lr: ", 4);
	assert_int_equal(cvt_config_parse(&config, text, 500000, "deep", &err), CVT_ERR_SYNTAX);
	assert_int_equal(err.line, 1);
	memset(text, '{', size);
	assert_int_equal(cvt_config_parse(&config, text, 500000, "deep", &err), CVT_ERR_SYNTAX);
	free(text);
}

/* A bare name is beside the file that has it; what has a folder, and what is in no file, stays. */
static void weights_are_beside_their_file(void **state)
{
	(void)state;
	static const struct { const char *name, *init, *is; } rows[] = {{"/a/b/p.yaml", "w.safetensors", "/a/b/w.safetensors"}, {"p.yaml", "w", "./w"},
		{"/a/p.yaml", "sub/w", "sub/w"}, {"/a/p.yaml", "/w", "/w"}, {"/p.yaml", "w", "/w"}, {"quick", "w", "w"}, {"/a/p.yaml", "''", ""}};
	char text[1200], longest[1100];
	struct cvt_config config;
	struct cvt_sweep sweep;
	struct cvt_error err;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cvt_config_init(&config);
		int length = snprintf(text, sizeof text, "data: pictures\ninit: %s\n", rows[i].init);
		assert_int_equal(cvt_config_parse(&config, text, (size_t)length, rows[i].name, &err), CVT_OK);
		assert_string_equal(config.init, rows[i].is);
		assert_string_equal(config.data, "pictures");
	}
	scratch_text(scratch("s.yaml"), "lr: [0.1, 0.2]\ninit: w\n");
	assert_int_equal(cvt_sweep_load_preset(scratch("s.yaml"), NULL, &sweep, &err), CVT_OK);
	assert_string_equal(sweep.configs[1].init, scratch("w"));
	/* What is wrong with it later is still said with its place. */
	cvt_fail(&err, CVT_ERR_NOT_FOUND, "init: %s", scratch("w"));
	assert_true(cvt_config_place(scratch("s.yaml"), &sweep.configs[1], &err));
	assert_int_equal(err.line * 100 + err.column, 207);
	cvt_sweep_finish(&sweep);
	snprintf(longest, sizeof longest, "/%01020d/p.yaml", 0);
	assert_int_equal(cvt_config_parse(&config, "init: wwwwwwww\n", 15, longest, &err), CVT_ERR_RANGE);
	assert_int_equal(err.line * 100 + err.column, 107);
}

static void the_parent_is_read_back(void **state)
{
	(void)state;
	struct cvt_config config;
	struct cvt_parent parent;
	struct cvt_error err;
	char *text;
	cvt_config_init(&config);
	assert_int_equal(cvt_config_write(&config, &(struct cvt_provenance){.parent = "it's", .parent_checkpoint = "/a b/c", .version = "1"}, &text, &err), CVT_OK);
	scratch_text(scratch("config.yaml"), text);
	free(text);
	assert_int_equal(cvt_config_parent(scratch("config.yaml"), &parent, &err), CVT_OK);
	assert_string_equal(parent.run, "it's");
	assert_string_equal(parent.checkpoint, "/a b/c");
	scratch_text(scratch("config.yaml"), "lr: 0.1\n");
	assert_int_equal(cvt_config_parent(scratch("config.yaml"), &parent, &err), CVT_OK);
	assert_true(!*parent.run && !*parent.checkpoint);
	assert_int_equal(cvt_config_parent(scratch("none"), &parent, &err), CVT_ERR_NOT_FOUND);
}

static void files_and_presets(void **state)
{
	(void)state;
	struct cvt_config config;
	struct cvt_error err;
	cvt_config_init(&config);
	scratch_text(scratch("mine.yaml"), "layers: 2\nbatch: 0\n");
	assert_int_equal(cvt_config_load_preset(&config, scratch("mine.yaml"), &err), CVT_ERR_RANGE);
	assert_string_equal(err.file, scratch("mine.yaml"));
	assert_int_equal(err.line * 100 + err.column, 208);
	assert_int_equal(cvt_config_load_preset(&config, scratch("none.yaml"), &err), CVT_ERR_NOT_FOUND);
	assert_int_equal(cvt_config_load_preset(&config, "qiuck", &err), CVT_ERR_NOT_FOUND);
	assert_non_null(strstr(err.message, "did you mean quick?"));
	assert_int_equal(cvt_config_load(&config, scratch_folder, &err), CVT_ERR_FORMAT);
	int n;
	const struct cvt_preset *presets = cvt_presets(&n);
	assert_true(n >= 18 + 3 + 1);
	assert_null(presets[n].name);
	for (int i = 0; i < n; i++) {
		struct cvt_sweep sweep;
		assert_true(*presets[i].help && !strncmp(presets[i].text, "# ", 2));
		if (i && strcmp(presets[i - 1].name, presets[i].name) >= 0)
			fail_msg("%s is not before %s", presets[i - 1].name, presets[i].name);
		if (cvt_sweep_load_preset(presets[i].name, NULL, &sweep, &err) != CVT_OK)
			fail_msg("%s:%d:%d: %s", presets[i].name, err.line, err.column, err.message);
		assert_true(sweep.n >= 1);
		cvt_sweep_finish(&sweep);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_have_a_place), cmocka_unit_test(what_is_right_is_read), cmocka_unit_test(a_file_is_resolved),
		cmocka_unit_test(size_and_depth_are_bounded), cmocka_unit_test_setup_teardown(files_and_presets, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(weights_are_beside_their_file, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(the_parent_is_read_back, scratch_setup, scratch_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
