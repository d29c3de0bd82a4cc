/* Text, numbers, checksums and errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../scratch.h"
#include "base/crc.h"
#include "base/random.h"
#include "convtui/error.h"
#include "convtui/text.h"

static void cleaned(const char *in, const char *want)
{
	char out[64];
	size_t n = cvt_text_clean(out, sizeof out, in);

	assert_string_equal(out, want);
	assert_int_equal(n, strlen(want));
}

static void clean_replaces_what_harms(void **state)
{
	cleaned("plain", "plain");
	cleaned("Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x98\x80", "Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x98\x80");
	cleaned("\x1b[31mred\x07\n\t\x7f", "?[31mred????");
	cleaned("c1 \xc2\x9b" "31m", "c1 ?31m");
	cleaned("rtl \xe2\x80\xae" "gnp", "rtl ?gnp");
	cleaned("iso \xe2\x81\xa6x", "iso ?x");
	cleaned("line \xe2\x80\xa8x", "line ?x");
	cleaned("\xff\xfe", "??");
	cleaned("overlong \xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf", "overlong ?? ??? ????");
	cleaned("surrogate \xed\xa0\x80", "surrogate ???");
	cleaned("beyond \xf4\x90\x80\x80", "beyond ????");
	cleaned("cut \xe2\x82", "cut ??");
}

static void clean_cuts_at_whole_characters(void **state)
{
	char out[5];

	assert_int_equal(cvt_text_clean(out, 5, "ab\xe2\x82\xac"), 2);
	assert_string_equal(out, "ab");
	assert_int_equal(cvt_text_clean(out, 5, "a\xe2\x82\xac"), 4);
	assert_string_equal(out, "a\xe2\x82\xac");
	assert_int_equal(cvt_text_clean(out, 1, "abc"), 0);
	assert_string_equal(out, "");
	out[0] = 'x';
	assert_int_equal(cvt_text_clean(out, 0, "abc"), 0);
	assert_int_equal(out[0], 'x');
}

static void thousands(void **state)
{
	static const struct { int64_t value; const char *text; } rows[] = {{0, "0"}, {999, "999"}, {1000, "1,000"}, {3706933, "3,706,933"},
		{-1234567, "-1,234,567"}, {INT64_MIN, "-9,223,372,036,854,775,808"}, {INT64_MAX, "9,223,372,036,854,775,807"}};
	char out[40];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cvt_text_thousands(rows[i].value, out, sizeof out);
		assert_string_equal(out, rows[i].text);
	}
}

static void whole_numbers(void **state)
{
	int64_t i = 7;
	uint64_t u = 7;

	assert_true(cvt_text_to_i64("-9223372036854775808", &i) && i == INT64_MIN);
	assert_true(cvt_text_to_i64("9223372036854775807", &i) && i == INT64_MAX);
	assert_true(cvt_text_to_i64("+12", &i) && i == 12);
	assert_true(cvt_text_to_u64("18446744073709551615", &u) && u == UINT64_MAX);
	i = 7;
	u = 7;
	static const char *const wrong[] = {"", "-", "+", " 1", "1 ", "1x", "0x10", "1.0", "1e3", "--1", "+-1", "9223372036854775808",
		"-9223372036854775809", "99999999999999999999"};
	for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++)
		assert_false(cvt_text_to_i64(wrong[k], &i));
	assert_false(cvt_text_to_u64("18446744073709551616", &u));
	assert_false(cvt_text_to_u64("-1", &u));
	assert_int_equal(i, 7);
	assert_int_equal(u, 7);
}

static void real_numbers(void **state)
{
	static const struct { const char *text; double value; } rows[] = {{"0", 0}, {"1", 1}, {"-0.5", -0.5}, {".5", 0.5}, {"5.", 5},
		{"1e-4", 1e-4}, {"5E+3", 5000}, {"+2.5", 2.5}, {"1.7976931348623157e308", 1.7976931348623157e308}, {"1e-400", 0}};
	static const char *const wrong[] = {"", ".", "e5", "1e", "1e+", " 1", "1 ", "1,5", "0x1p3", "nan", "inf", "-inf", "infinity", "1e999",
		"1.2.3", "1_000", "--1"};
	double v;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_true(cvt_text_to_double(rows[i].text, &v));
		assert_true(v == rows[i].value);
	}
	v = 3;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		if (cvt_text_to_double(wrong[i], &v))
			fail_msg("\"%s\" was taken for a number", wrong[i]);
	}
	assert_true(v == 3);
}

static void shortest_text(void **state)
{
	static const struct { double value; const char *text; } rows[] = {{0.01, "0.01"}, {1e-4, "0.0001"}, {5e-4, "0.0005"}, {1e-5, "1e-5"},
		{1.5e-5, "1.5e-5"}, {100, "100"}, {1e15, "1000000000000000"}, {1e16, "1e16"}, {-2.5, "-2.5"}, {0.1 + 0.2, "0.30000000000000004"},
		{1.0 / 3, "0.3333333333333333"}, {0, "0"}, {123456.789, "123456.789"}, {5e-324, "5e-324"}, {NAN, "nan"}, {-INFINITY, "-inf"},
		{1e-3, "0.001"}, {0.00012, "0.00012"}};
	char out[40];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cvt_text_from_double(rows[i].value, out, sizeof out);
		assert_string_equal(out, rows[i].text);
	}
}

static void text_loses_nothing(void **state)
{
	const uint64_t seed = 11;

	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t r[4];
		uint64_t bits;
		double value, again;
		char text[40];

		cvt_random_block(seed, CVT_RANDOM_TEST, 0, i, r);
		bits = (uint64_t)r[0] << 32 | r[1];
		memcpy(&value, &bits, 8);
		if (!isfinite(value))
			continue;
		cvt_text_from_double(value, text, sizeof text);
		if (!cvt_text_to_double(text, &again) || memcmp(&again, &value, 8) != 0)
			fail_msg("seed %d, number %u: %.17g became \"%s\"", (int)seed, i, value, text);
	}
}

/* A locale with a decimal comma: one of the system, else one made here. Without localedef and its sources the test proves nothing, and
 * says so. */
static bool decimal_comma(void)
{
	static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "nl_NL.UTF-8", "de_DE"};
	char command[1200];

	for (size_t i = 0; i < sizeof locales / sizeof locales[0]; i++)
		if (setlocale(LC_ALL, locales[i]) != NULL)
			return true;
	snprintf(command, sizeof command, "localedef -c -i de_DE -f UTF-8 '%s' >/dev/null 2>&1", scratch("de_TEST"));
	if (system(command) != 0 && !scratch_exists(scratch("de_TEST/LC_NUMERIC")))
		return false;
	setenv("LOCPATH", scratch_folder, 1);
	return setlocale(LC_ALL, "de_TEST") != NULL;
}

static void locale_changes_nothing(void **state)
{
	char out[40], printed[40];
	double v;

	if (!decimal_comma()) {
		print_message("# no locale with a decimal comma here: not tested\n");
		return;
	}
	snprintf(printed, sizeof printed, "%.1f", 1.5);
	cvt_text_from_double(1234.5, out, sizeof out);
	bool read = cvt_text_to_double("1.5", &v);
	setlocale(LC_ALL, "C");
	assert_string_equal(printed, "1,5"); /* the locale is in force */
	assert_string_equal(out, "1234.5");
	assert_true(read && v == 1.5);
}

/* RFC 3720, B.4, and the customary check value. */
static void crc_known_answers(void **state)
{
	unsigned char bytes[32];

	assert_int_equal(cvt_crc32c(0, "123456789", 9), 0xe3069283u);
	assert_int_equal(cvt_crc32c(0, "", 0), 0);
	memset(bytes, 0, 32);
	assert_int_equal(cvt_crc32c(0, bytes, 32), 0x8a9136aau);
	memset(bytes, 0xff, 32);
	assert_int_equal(cvt_crc32c(0, bytes, 32), 0x62a8ab43u);
	for (int i = 0; i < 32; i++)
		bytes[i] = (unsigned char)i;
	assert_int_equal(cvt_crc32c(0, bytes, 32), 0x46dd794eu);
	assert_int_equal(cvt_crc32c_by_table(0, bytes, 32), 0x46dd794eu);
	assert_int_equal(cvt_crc32c(cvt_crc32c(0, bytes, 13), bytes + 13, 19), 0x46dd794eu);
}

static void crc_two_ways(void **state)
{
	unsigned char bytes[300];

	for (int i = 0; i < 300; i++)
		bytes[i] = (unsigned char)cvt_random_u32(5, CVT_RANDOM_TEST, 1, (uint64_t)i);
	for (size_t from = 0; from < 9; from++)
		for (size_t size = 0; size < 280; size += 7)
			assert_int_equal(cvt_crc32c(77, bytes + from, size), cvt_crc32c_by_table(77, bytes + from, size));
}

static void errors_say_where(void **state)
{
	struct cvt_error err = {0};

	assert_int_equal(cvt_fail(NULL, CVT_ERR_RANGE, "%d", 1), CVT_ERR_RANGE);
	assert_int_equal(cvt_fail_at(&err, CVT_ERR_SYNTAX, "a\nb.yaml", 3, 4, "no\x1bway"), CVT_ERR_SYNTAX);
	assert_string_equal(err.file, "a?b.yaml");
	assert_string_equal(err.message, "no?way");
	assert_int_equal(err.line, 3);
	assert_int_equal(err.column, 4);
	cvt_fail(&err, CVT_ERR_IO, "epoch %d: %s", 2, err.message); /* wraps itself */
	assert_string_equal(err.message, "epoch 2: no?way");
	assert_string_equal(err.file, "");
	assert_int_equal(err.line, 0);
}

static void errors_of_the_system(void **state)
{
	struct cvt_error err;
	char path[2000];

	assert_int_equal(cvt_fail_errno(&err, ENOSPC, "cannot write %s", "x"), CVT_ERR_SPACE);
	assert_string_equal(err.message, "cannot write x: No space left on device");
	assert_int_equal(cvt_fail_errno(&err, EDQUOT, "x"), CVT_ERR_SPACE);
	assert_int_equal(cvt_fail_errno(&err, EROFS, "x"), CVT_ERR_PERMISSION);
	assert_int_equal(cvt_fail_errno(&err, ENOENT, "x"), CVT_ERR_NOT_FOUND);
	assert_int_equal(cvt_fail_errno(&err, ENOMEM, "x"), CVT_ERR_MEMORY);
	assert_int_equal(cvt_fail_errno(&err, EIO, "x"), CVT_ERR_IO);
	assert_int_equal(cvt_fail_errno(&err, EISDIR, "x"), CVT_ERR_FORMAT); /* waiting does not help */
	memset(path, 'p', sizeof path - 1);
	path[sizeof path - 1] = 0;
	cvt_fail_errno(&err, EIO, "%s", path);
	assert_int_equal(strlen(err.message), sizeof err.message - 1);
	assert_non_null(strstr(err.message, ": Input/output error")); /* the reason survives a long name */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_replaces_what_harms), cmocka_unit_test(clean_cuts_at_whole_characters), cmocka_unit_test(thousands),
		cmocka_unit_test(whole_numbers), cmocka_unit_test(real_numbers), cmocka_unit_test(shortest_text),
		cmocka_unit_test(text_loses_nothing), cmocka_unit_test_setup_teardown(locale_changes_nothing, scratch_setup, scratch_teardown), cmocka_unit_test(crc_known_answers),
		cmocka_unit_test(crc_two_ways), cmocka_unit_test(errors_say_where), cmocka_unit_test(errors_of_the_system),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
