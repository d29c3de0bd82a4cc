/* The rule of expansion: 5,000 random rules against CPython's values (gen_lambdas.py), and cases picked by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/expansion.h"
#include "convtui/model.h"

static const int64_t xs[] = {1, 3, 7, 20, 64};
enum { N_XS = 5, N_RULES = 5000 };

/* The result as the fixture spells it. */
static void spell(const struct cvt_expansion *rule, int64_t x, char *text, size_t size)
{
	struct cvt_error err;
	int64_t value;
	int status = cvt_expansion_value(rule, x, &value, &err);
	if (status == CVT_OK)
		snprintf(text, size, "%lld", (long long)value);
	else
		snprintf(text, size, "%s", strstr(err.message, "division") ? "z" : strstr(err.message, "64 bits") ? "o"
			: strstr(err.message, "exponent") ? "n" : "?");
	if (status != CVT_OK && err.column < 1)
		snprintf(text, size, "no column");
}

static void random_rules_have_cpythons_values(void **state)
{
	(void)state;
	char path[1024], line[1024];
	int rules = 0, wrong = 0;
	snprintf(path, sizeof path, "%s/unit/arch/lambdas.txt", getenv("CVT_TESTS"));
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof line, file)) {
		struct cvt_expansion *rule;
		struct cvt_error err;
		char *tab = strchr(line, '\t');
		assert_non_null(tab);
		*tab = 0;
		rules++;
		if (cvt_expansion_parse(line, &rule, &err) != CVT_OK) {
			print_message("# %s: column %d: %s\n", line, err.column, err.message);
			wrong++;
			continue;
		}
		char *want = strtok(tab + 1, " \n");
		for (int i = 0; i < N_XS; i++, want = strtok(NULL, " \n")) {
			char got[64];
			assert_non_null(want);
			spell(rule, xs[i], got, sizeof got);
			if (strcmp(got, want)) {
				print_message("# %s at x = %d: %s, CPython %s\n", line, (int)xs[i], got, want);
				wrong++;
			}
		}
		cvt_expansion_destroy(rule);
	}
	fclose(file);
	assert_int_equal(rules, N_RULES);
	assert_int_equal(wrong, 0);
}

static int64_t value(const char *text, int64_t x)
{
	struct cvt_expansion *rule;
	struct cvt_error err;
	int64_t v = 0;
	if (cvt_expansion_parse(text, &rule, &err) != CVT_OK)
		fail_msg("%s: column %d: %s", text, err.column, err.message);
	if (cvt_expansion_value(rule, x, &v, &err) != CVT_OK)
		fail_msg("%s at %d: column %d: %s", text, (int)x, err.column, err.message);
	cvt_expansion_destroy(rule);
	return v;
}

static void python_and_c_mean_the_same(void **state)
{
	(void)state;
	for (int64_t x = 0; x < 100; x++) {
		assert_int_equal(value("x*2 if x < 20 else x + x//2", x), x < 20 ? x * 2 : x + x / 2);
		assert_int_equal(value("x < 20 ? x*2 : x + x/2", x), x < 20 ? x * 2 : x + x / 2);
		assert_int_equal(value("lambda maps: maps + 13", x), x + 13);
		assert_int_equal(value("10 < x < 20", x), x > 10 && x < 20);
		assert_int_equal(value("x > 10 && !(x > 20)", x), x > 10 && x <= 20);
	}
	assert_int_equal(value("-7 // 2", 0), -4);
	assert_int_equal(value("-7 % 3", 0), 2);
	assert_int_equal(value("7 % -3", 0), -2);
	assert_int_equal(value("-2 ** 2", 0), -4);
	assert_int_equal(value("2 ** 3 ** 2", 0), 512);
	assert_int_equal(value("2 ** - - 2", 0), 4);
	assert_int_equal(value("0 ** 0", 0), 1);
	assert_int_equal(value("(-1) ** 9223372036854775807", 0), -1);
	assert_int_equal(value("1 if 0 else 2 if 0 else 3", 0), 3);
	assert_int_equal(value("0 ? 1 : 0 ? 2 : 3", 0), 3);
	assert_int_equal(value("0 or 5 and 7", 0), 7);
	assert_int_equal(value("not 0 == 0", 0), 0);
	assert_int_equal(value("True + True", 0), 2);
	assert_int_equal(value("min(5, x, 9,) + max(1, 2) + abs(-3)", 4), 9);
	assert_int_equal(value("x + 1 # one more", 4), 5);
	assert_int_equal(value("1if x else 2", 0), 2);
	assert_int_equal(value("0x_1f + 0b11 + 0o17 + 1_0", 0), 59);
	assert_int_equal(value("lambda min: min + 1", 4), 5);
	assert_int_equal(value("9223372036854775807", 0), INT64_MAX);
}

static void only_the_branch_taken_is_computed(void **state)
{
	(void)state;
	assert_int_equal(value("1 if x else 1//0", 1), 1);
	assert_int_equal(value("x or 1//0", 1), 1);
	assert_int_equal(value("not x and 1//0", 1), 0);
	assert_int_equal(value("3 < 2 < 1//0", 1), 0);
}

static void unreadable_rules_say_where(void **state)
{
	(void)state;
	static const struct { const char *text; int column; const char *says; } cases[] = {
		{"", 1, "empty"}, {"x +", 4, "too early"}, {"x + * 2", 5, "value is missing"}, {"(x", 3, ") is missing"}, {"x)", 2, "too much"},
		{"y + 1", 1, "unknown name"}, {"lambda y: x", 11, "unknown name"}, {"x * 1.5", 5, "fraction"}, {"1e3", 1, "exponent"},
		{"x = 3", 3, "=="}, {"x if x", 7, "else"}, {"x ? 1", 6, ":"}, {"min(x)", 1, "two values"}, {"abs(x, 2)", 1, "one value"}, {"min x", 5, "("},
		{"007", 1, "start with 0"}, {"9223372036854775808", 1, "64 bits"}, {"x @ 2", 3, "character"}, {"x \xc3\x97 2", 3, "character"},
		{"lambda: 3", 7, "name"}, {"lambda if: 3", 8, "name"}, {"lambda x, y: 3", 9, ":"}, {"x == not 1", 6, "value is missing"}, {"0x", 1, "number"},
		{"1__0", 1, "number"}, {"3 x", 3, "operator"}, {"x + else", 5, "value is missing"}, {"x\n+ 1", 2, "character"}, {"x == ", 6, "too early"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct cvt_expansion *rule = (void *)&cases;
		struct cvt_error err = {0};
		int status = cvt_expansion_parse(cases[i].text, &rule, &err);
		if (status != CVT_ERR_SYNTAX || err.column != cases[i].column || !strstr(err.message, cases[i].says))
			fail_msg("'%s': status %d, column %d (not %d): %s", cases[i].text, status, err.column, cases[i].column, err.message);
		assert_ptr_equal(rule, &cases);
	}
}

static void depth_and_length_are_bounded(void **state)
{
	(void)state;
	char text[300];
	struct cvt_expansion *rule;
	struct cvt_error err;
	memset(text, '(', sizeof text);
	strcpy(text + 250, "x");
	assert_int_equal(cvt_expansion_parse(text, &rule, &err), CVT_ERR_SYNTAX);
	assert_non_null(strstr(err.message, "64 levels"));
	memset(text, '-', sizeof text);
	strcpy(text + 250, "x");
	assert_int_equal(cvt_expansion_parse(text, &rule, &err), CVT_ERR_SYNTAX);
	memset(text, ' ', sizeof text);
	strcpy(text + 254, "x");
	assert_int_equal(value(text, 3), 3);
	strcpy(text + 255, "x");
	assert_int_equal(cvt_expansion_parse(text, &rule, &err), CVT_ERR_SYNTAX);
	/* The most nodes that 255 bytes can ask for. */
	for (int i = 0; i < 255; i++)
		text[i] = i % 2 ? '<' : 'x';
	text[255] = 0;
	assert_int_equal(value(text, 3), 0);
}

static void maps_are_bounded(void **state)
{
	(void)state;
	static const struct { const char *text; int column; } cases[] = {{"x - 3", 3}, {"x - 4", 3}, {"x + 65534", 3}, {"x // 0", 3}, {"1 + 2 ** 63", 7},
		{"x ** -1", 3}};
	int maps[9] = {-5, -5}, status;
	struct cvt_error err;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		status = cvt_expansion_maps(cases[i].text, 3, 1, maps, &err);
		if (status != CVT_ERR_RANGE || err.column != cases[i].column || maps[0] != -5)
			fail_msg("%s: status %d, column %d, maps[0] %d: %s", cases[i].text, status, err.column, maps[0], err.message);
	}
	assert_int_equal(cvt_expansion_maps("x + 65533", 3, 1, maps, &err), CVT_OK);
	assert_int_equal(maps[1], 65536);
}

static void the_posts_maps(void **state)
{
	(void)state;
	static const struct { const char *text; int maps[5]; } cases[] = {{"x + 13", {3, 16, 29, 42, 55}},
		{"x*2 if x < 20 else x + (x // 2)", {3, 6, 12, 24, 36}}, {"lambda x: x*3 if x < 50 else x + (x // 6)", {3, 9, 27, 81, 94}}};
	for (size_t i = 0; i < 3; i++) {
		int maps[5];
		struct cvt_error err;
		assert_int_equal(cvt_expansion_maps(cases[i].text, 3, 4, maps, &err), CVT_OK);
		assert_memory_equal(maps, cases[i].maps, sizeof maps);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rules_have_cpythons_values), cmocka_unit_test(python_and_c_mean_the_same),
		cmocka_unit_test(only_the_branch_taken_is_computed), cmocka_unit_test(unreadable_rules_say_where),
		cmocka_unit_test(depth_and_length_are_bounded), cmocka_unit_test(maps_are_bounded), cmocka_unit_test(the_posts_maps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
