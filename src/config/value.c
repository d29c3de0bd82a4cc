/* value.c - one row of one configuration: parse, print, step. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/rows.h"
#include "convtui/text.h"

static void *field(struct cvt_config *config, const struct cvt_option *option)
{
	return (char *)config + option->offset;
}

static const void *field_of(const struct cvt_config *config, const struct cvt_option *option)
{
	return (const char *)config + option->offset;
}

/* A list where one value belongs has an answer of its own. */
static int not_a_number(const struct cvt_option *option, const char *text, struct cvt_error *err)
{
	if (strchr(text, ',') || strstr(text, ".."))
		return cvt_fail(err, CVT_ERR_SYNTAX, "%s %s: a list or range makes a sweep: give one value here, or use convtui queue",
			option->key, text);
	return cvt_fail(err, CVT_ERR_SYNTAX, "%s '%s': must be %s", option->key, text,
		option->type == CVT_TYPE_REAL ? "a number" : "a whole number");
}

static int out_of_range(const struct cvt_option *option, const char *text, struct cvt_error *err)
{
	char low[32], high[32];
	if (option->exact)
		return cvt_fail(err, CVT_ERR_RANGE, "%s %s: must be %d or %d", option->key, text, (int)option->min, (int)option->max);
	cvt_text_from_double(option->min, low, sizeof low);
	cvt_text_from_double(option->max, high, sizeof high);
	return cvt_fail(err, CVT_ERR_RANGE, "%s %s: must be %s to %s", option->key, text, low, high);
}

static int set_int(int *field_value, const struct cvt_option *option, const char *text, struct cvt_error *err)
{
	int64_t v;
	if (!cvt_text_to_i64(text, &v)) {
		double wide;   /* 1e3 and 99999999999999999999 are numbers, so the range is what is wrong with them */
		if (cvt_text_to_double(text, &wide) && (wide < option->min || wide > option->max))
			return out_of_range(option, text, err);
		return not_a_number(option, text, err);
	}
	if (v < option->min || v > option->max || (option->exact && (v - (int64_t)option->min) % (int64_t)option->step))
		return out_of_range(option, text, err);
	*field_value = (int)v;
	return CVT_OK;
}

static int set_real(double *field_value, const struct cvt_option *option, const char *text, struct cvt_error *err)
{
	double v;
	if (!cvt_text_to_double(text, &v))
		return not_a_number(option, text, err);
	if (!(v >= option->min && v <= option->max))
		return out_of_range(option, text, err);
	*field_value = v == 0 ? 0 : v;   /* no negative zero */
	return CVT_OK;
}

static int set_choice(int *field_value, const struct cvt_option *option, const char *text, struct cvt_error *err)
{
	char all[256] = "";
	size_t used = 0;
	for (int i = 0; option->choices[i]; i++) {
		if (!strcmp(option->choices[i], text)) {
			*field_value = i;
			return CVT_OK;
		}
		int n = snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", option->choices[i]);
		used += n > 0 && used + (size_t)n < sizeof all ? (size_t)n : 0;
	}
	return cvt_fail(err, CVT_ERR_RANGE, "%s '%s': must be one of %s", option->key, text, all);
}

static int set_text(char *field_value, const struct cvt_option *option, const char *text, struct cvt_error *err)
{
	char clean[1024];
	if (strlen(text) >= option->size || option->size > sizeof clean)
		return cvt_fail(err, CVT_ERR_RANGE, "%s: %zu bytes are too long: at most %zu", option->key, strlen(text), option->size - 1);
	cvt_text_clean(clean, sizeof clean, text);
	if (strcmp(clean, text))
		return cvt_fail(err, CVT_ERR_SYNTAX, "%s '%s': control characters%s and broken UTF-8 cannot be kept in config.yaml: %s",
			option->key, clean, option->type == CVT_TYPE_PATH ? "" : " (tab, newline)", option->type == CVT_TYPE_PATH ? "rename it" : "leave them out");
	memcpy(field_value, text, strlen(text) + 1);
	return CVT_OK;
}

/* What is kept is the whole path: a run's config.yaml means the same folder to every user and on every day. */
static int set_path(char *field_value, const struct cvt_option *option, const char *text, struct cvt_error *err)
{
	char path[1024], clean[128];
	struct cvt_error inner;
	if (text[0] != '~')
		return set_text(field_value, option, text, err);
	int status = cvt_path_expand(path, sizeof path, text, &inner);
	if (status != CVT_OK) {
		cvt_text_clean(clean, sizeof clean, text);
		return cvt_fail(err, status, "%s '%s': %s", option->key, clean, inner.message);
	}
	return set_text(field_value, option, path, err);
}

static int set_seed(uint64_t *field_value, const struct cvt_option *option, const char *text, struct cvt_error *err)
{
	uint64_t v;
	if (!cvt_text_to_u64(text, &v)) {
		double wide;
		if (cvt_text_to_double(text, &wide) && (wide < 0 || wide >= 0x1p64))
			return cvt_fail(err, CVT_ERR_RANGE, "%s %s: must be 0 to 18446744073709551615", option->key, text);
		return not_a_number(option, text, err);
	}
	*field_value = v;
	return CVT_OK;
}

int cvt_config_set(struct cvt_config *config, const struct cvt_option *option, const char *text, struct cvt_error *err)
{
	void *at = field(config, option);
	int status = CVT_OK;
	switch (option->type) {
	case CVT_TYPE_INT:
		status = set_int(at, option, text, err);
		break;
	case CVT_TYPE_REAL:
		status = set_real(at, option, text, err);
		break;
	case CVT_TYPE_CHOICE:
		status = set_choice(at, option, text, err);
		break;
	case CVT_TYPE_TEXT:
		status = set_text(at, option, text, err);
		break;
	case CVT_TYPE_PATH:
		status = set_path(at, option, text, err);
		break;
	case CVT_TYPE_SEED:
		status = set_seed(at, option, text, err);
		break;
	}
	if (status == CVT_OK)
		config->set |= 1ull << cvt_option_index(option);
	return status;
}

void cvt_config_get(const struct cvt_config *config, const struct cvt_option *option, char *text, size_t size)
{
	const void *at = field_of(config, option);
	switch (option->type) {
	case CVT_TYPE_INT:
		snprintf(text, size, "%d", *(const int *)at);
		break;
	case CVT_TYPE_REAL:
		cvt_text_from_double(*(const double *)at, text, size);
		break;
	case CVT_TYPE_CHOICE:
		snprintf(text, size, "%s", option->choices[*(const int *)at]);
		break;
	case CVT_TYPE_TEXT:
	case CVT_TYPE_PATH:
		snprintf(text, size, "%s", (const char *)at);
		break;
	case CVT_TYPE_SEED:
		snprintf(text, size, "%llu", (unsigned long long)*(const uint64_t *)at);
		break;
	}
}

/* The next of ... 1 2 5 10 20 50 ... in the direction. Through text, so that 2e-3 is the 2e-3 that a person would type. */
static double step_125(double v, int direction)
{
	static const int mantissas[] = {1, 2, 5, 10};
	int exponent = (int)floor(log10(v)) - 1;
	double best = v;
	for (int e = exponent; e <= exponent + 2; e++) {
		for (int i = 0; i < 3; i++) {
			char text[32];
			double candidate;
			snprintf(text, sizeof text, "%de%d", mantissas[i], e);
			if (!cvt_text_to_double(text, &candidate))
				continue;
			if (direction > 0 && candidate > v * (1 + 1e-9))
				return candidate;
			if (direction < 0 && candidate < v * (1 - 1e-9))
				best = candidate;
		}
	}
	return best;
}

static void step_real(double *v, const struct cvt_option *option, int direction)
{
	double next;
	if (option->scaled) {
		next = step_125(*v, direction);
	} else {
		/* Whole multiples of the step, printed and read again: 0.1 + 0.2 shall be 0.3. */
		char text[40];
		snprintf(text, sizeof text, "%.9g", (round(*v / option->step) + direction) * option->step);
		if (!cvt_text_to_double(text, &next))
			return;
	}
	*v = next < option->min ? option->min : next > option->max ? option->max : next;
}

static void step_int(int *v, const struct cvt_option *option, int direction)
{
	double next = *v;
	if (option->scaled)
		next = direction > 0 ? next * option->step : floor(next / option->step);
	else
		next += direction * option->step;
	*v = (int)(next < option->min ? option->min : next > option->max ? option->max : next);
}

void cvt_config_step(struct cvt_config *config, const struct cvt_option *option, int direction)
{
	void *at = field(config, option);
	direction = direction < 0 ? -1 : 1;
	if (option->type == CVT_TYPE_INT) {
		step_int(at, option, direction);
	} else if (option->type == CVT_TYPE_REAL) {
		step_real(at, option, direction);
	} else if (option->type == CVT_TYPE_SEED) {
		uint64_t *seed = at;
		if (direction > 0 ? *seed < UINT64_MAX : *seed > 0)
			*seed += (uint64_t)direction;
	} else if (option->type == CVT_TYPE_CHOICE) {
		int n = 0, *choice = at;
		while (option->choices[n])
			n++;
		*choice = (*choice + n + direction) % n;
	} else {
		return;
	}
	config->set |= 1ull << cvt_option_index(option);
}
