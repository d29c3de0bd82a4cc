/* number.c - figures as people read them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convtui/text.h"
#include "widgets/number.h"

/* "2.9e24" rather than "2.9e+24". */
static void power_of_ten(double v, int decimals, char *out, size_t size)
{
	char text[40], *e;
	snprintf(text, sizeof text, "%.*e", decimals, v);
	e = strchr(text, 'e');
	int exponent = 0;
	sscanf(e + 1, "%d", &exponent);
	snprintf(out, size, "%.*se%d", (int)(e - text), text, exponent);
}

void number_loss(double v, char *out, size_t size)
{
	if (!isfinite(v)) {
		snprintf(out, size, "%s", isnan(v) ? "-" : v > 0 ? "inf" : "-inf");
	} else if (v != 0 && (fabs(v) < 1e-4 || fabs(v) >= 1e6)) {
		power_of_ten(v, 1, out, size);
	} else {
		snprintf(out, size, "%.*f", fabs(v) >= 100 ? 1 : fabs(v) >= 10 ? 2 : 4, v);
	}
}

void number_percent(double v, char *out, size_t size)
{
	if (isnan(v)) {
		snprintf(out, size, "-");
	} else {
		snprintf(out, size, "%.3f%%", v);
	}
}

void number_count(int64_t v, char *out, size_t size)
{
	if (v < 0) {
		snprintf(out, size, "-");
	} else {
		cvt_text_thousands(v, out, size);
	}
}

void number_short(double v, char *out, size_t size)
{
	static const struct { double unit; const char *sign; } units[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (fabs(v) >= units[i].unit && fabs(v) < 1e15) {
			snprintf(out, size, "%.4g%s", v / units[i].unit, units[i].sign);
			return;
		}
	}
	if (isfinite(v) && fabs(v) >= 1e15) {
		power_of_ten(v, 0, out, size);
		return;
	}
	snprintf(out, size, "%.4g", v);
}

void number_bytes(double v, char *out, size_t size)
{
	if (!(v >= 0)) {
		snprintf(out, size, "-");
	} else if (v >= 1e9) {
		snprintf(out, size, "%.1f GB", v / 1e9);
	} else if (v >= 1e6) {
		snprintf(out, size, "%.*f MB", v >= 1e7 ? 0 : 1, v / 1e6);
	} else {
		snprintf(out, size, "%.0f kB", v / 1e3);
	}
}

void number_clock(double seconds, char *out, size_t size)
{
	if (!(seconds >= 0) || seconds > 1e9) {
		snprintf(out, size, "-");
		return;
	}
	long s = (long)seconds;
	if (s >= 3600) {
		snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	} else {
		snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
	}
}

void number_span(double s, char *out, size_t size)
{
	if (!(s >= 0)) {
		snprintf(out, size, "-");
	} else if (s < 0.0995) {
		snprintf(out, size, "%.0f ms", s * 1e3);
	} else if (s < 99.5) {
		snprintf(out, size, "%.*f s", s < 9.95, s);
	} else if (s < 5970) {
		snprintf(out, size, "%.0f min", s / 60);
	} else {
		snprintf(out, size, "%.*f h", s < 35820, s / 3600);
	}
}

/* "5e-4" rather than "5e-04"; at most `digits` significant ones. */
static void rate(double v, int digits, char *out, size_t size)
{
	if (!isfinite(v)) {
		snprintf(out, size, "-");
	} else if (v != 0 && fabs(v) < 1e-3) {
		char text[40], *e;
		snprintf(text, sizeof text, "%.*e", digits - 1, v);
		e = strchr(text, 'e');
		char *end = e;
		if (strchr(text, '.')) {
			while (end > text && end[-1] == '0') {
				end--;
			}
			end -= end > text && end[-1] == '.';
		}
		int exponent = 0;
		sscanf(e + 1, "%d", &exponent);
		snprintf(out, size, "%.*se%d", (int)(end - text), text, exponent);
	} else {
		snprintf(out, size, "%.*g", digits, v);
	}
}

void number_rate(double v, char *out, size_t size)
{
	rate(v, 4, out, size);
}

void number_typed(double v, char *out, size_t size)
{
	rate(v, 6, out, size);
}
