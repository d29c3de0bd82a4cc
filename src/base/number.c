/* number.c - numbers from and to text, the same under every locale. */
#include "convtui/text.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool cvt_text_to_u64(const char *text, uint64_t *value)
{
	uint64_t v = 0;

	if (!is_digit(*text))
		return false;
	for (; is_digit(*text); text++) {
		if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (unsigned)(*text - '0'), &v))
			return false;
	}
	if (*text != 0)
		return false;
	*value = v;
	return true;
}

bool cvt_text_to_i64(const char *text, int64_t *value)
{
	bool negative = *text == '-';
	uint64_t v;

	if (!cvt_text_to_u64(text + (negative || *text == '+'), &v) || v > (uint64_t)INT64_MAX + negative)
		return false;
	*value = negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before the exponent: what strtod takes, without hex, inf, nan and spaces. */
static bool is_decimal(const char *s)
{
	int n = 0;

	if (*s == '-' || *s == '+')
		s++;
	for (; is_digit(*s); s++)
		n = 1;
	if (*s == '.')
		for (s++; is_digit(*s); s++)
			n = 1;
	if (n == 0)
		return false;
	if (*s == 'e' || *s == 'E') {
		s++;
		if (*s == '-' || *s == '+')
			s++;
		if (!is_digit(*s))
			return false;
		while (is_digit(*s))
			s++;
	}
	return *s == 0;
}

static locale_t c_locale;

static void make_c_locale(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

bool cvt_text_to_double(const char *text, double *value)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_c_locale);
	if (!is_decimal(text) || c_locale == (locale_t)0)
		return false;

	double v = strtod_l(text, NULL, c_locale);

	if (!isfinite(v))
		return false;
	*value = v;
	return true;
}

/* The `precision` significant digits of a positive value, without trailing zeros, and its decimal exponent. printf's decimal point is the
 * locale's (any bytes), so it is skipped rather than looked for. */
static int digits_of(double value, int precision, char digits[24], int *ret_exponent)
{
	char text[64];
	int n = 0;
	const char *s = text;

	snprintf(text, sizeof text, "%.*e", precision - 1, value);
	for (; *s != 0 && *s != 'e'; s++)
		if (is_digit(*s) && n < 20)
			digits[n++] = *s;
	*ret_exponent = *s == 'e' ? atoi(s + 1) : 0;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	digits[n] = 0;
	return n;
}

/* Plain from 0.0001 to below 1e16, else d.ddde-5. */
static void lay_out(char *out, const char *digits, int n, int exponent)
{
	if (exponent < -4 || exponent > 15) {
		sprintf(out, n > 1 ? "%c.%se%d" : "%c%se%d", digits[0], digits + 1, exponent);
	} else if (exponent < 0) {
		sprintf(out, "0.%.*s%s", -exponent - 1, "0000", digits);
	} else if (n <= exponent + 1) {
		sprintf(out, "%s%.*s", digits, exponent + 1 - n, "0000000000000000");
	} else {
		sprintf(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
	}
}

/* Tries the precisions from `least` to `most` until the text reads back as the same value. */
static void write_double(double value, int least, int most, char *out, size_t size)
{
	char text[64], digits[24];
	char *number = text;

	if (size == 0)
		return;
	if (signbit(value) && !isnan(value))
		*number++ = '-';
	if (isnan(value)) {
		strcpy(number, "nan");
	} else if (isinf(value)) {
		strcpy(number, "inf");
	} else if (value == 0) {
		strcpy(number, "0");
	} else {
		for (int precision = least; precision <= most; precision++) {
			double again;
			int exponent, n = digits_of(fabs(value), precision, digits, &exponent);

			lay_out(number, digits, n, exponent);
			if (precision < most && cvt_text_to_double(text, &again) && again == value)
				break;
		}
	}
	snprintf(out, size, "%s", text);
}

void cvt_text_from_double(double value, char *out, size_t size)
{
	/* 15 digits hold any text of up to 15, so nothing shorter need be tried, save below the normal numbers. */
	write_double(value, fabs(value) < DBL_MIN ? 1 : 15, 17, out, size);
}

void cvt_text_from_double_rounded(double value, int digits, char *out, size_t size)
{
	if (digits < 1 || digits > 17)
		digits = 17;
	write_double(value, digits, digits, out, size);
}
