/* sweep.c - lists and ranges of values: one configuration for each combination. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/rows.h"
#include "convtui/text.h"

enum { LIMIT = 4096, ROWS = 64 };

/* The values of one row. Where they came from a file, line and column say where. */
struct axis {
	int n;
	char **values;
	const char *file; int line, column;
	bool asked;                      /* given by the caller's texts, not by the preset */
};
struct axes { struct axis rows[ROWS]; };

static int wrong(const struct axis *axis, int code, const char *message, struct cvt_error *err)
{
	return axis->file ? cvt_fail_at(err, code, axis->file, axis->line, axis->column, "%s", message) : cvt_fail(err, code, "%s", message);
}

static void clear(struct axis *axis)
{
	for (int i = 0; i < axis->n; i++)
		free(axis->values[i]);
	free(axis->values);
	*axis = (struct axis){0};
}

static int add(struct axis *axis, const char *text, size_t length, struct cvt_error *err)
{
	if (axis->n == LIMIT)
		return wrong(axis, CVT_ERR_RANGE, "a sweep of more than 4096 values: give fewer", err);
	void *grown = realloc(axis->values, sizeof *axis->values * (size_t)(axis->n + 1));
	if (!grown)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for the sweep");
	axis->values = grown;
	axis->values[axis->n] = strndup(text, length);
	if (!axis->values[axis->n])
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for the sweep");
	axis->n++;
	return CVT_OK;
}

/* Splits "2..8..2" at its dots into 2 or 3 parts. 0: it is no range at all. */
static int split_range(const char *text, char parts[3][24])
{
	int n = 0;
	for (const char *at = text;;) {
		const char *dots = strstr(at, "..");
		size_t length = dots ? (size_t)(dots - at) : strlen(at);
		if (n == 3 || length >= sizeof parts[0])
			return 0;
		memcpy(parts[n], at, length);
		parts[n++][length] = 0;
		if (!dots)
			return n > 1 ? n : 0;
		at = dots + 2;
	}
}

/* "0.1..0.3..0.1" adds, "1e-4..1e-2..x10" multiplies. The last value may be missed by a rounding error. */
static int add_reals(struct axis *axis, const struct cvt_option *option, const char *item, char parts[3][24], int n, struct cvt_error *err)
{
	double from, to, by;
	char message[200];
	bool factor = n == 3 && parts[2][0] == 'x';
	if (!cvt_text_to_double(parts[0], &from) || !cvt_text_to_double(parts[1], &to))
		return add(axis, item, strlen(item), err);
	if (n < 3 || !cvt_text_to_double(parts[2] + factor, &by) || !(by > factor) || !(from > 0 || !factor) || !(to >= from)) {
		snprintf(message, sizeof message, "%s %s: a range is FROM..TO..STEP or FROM..TO..xFACTOR, upwards", option->key, item);
		return wrong(axis, CVT_ERR_RANGE, message, err);
	}
	double value = from;
	for (int i = 1; value <= to + 1e-9 * (factor ? to : by); i++) {
		char text[40];
		int length = snprintf(text, sizeof text, "%.10g", value);
		int status = add(axis, text, (size_t)length, err);
		if (status != CVT_OK)
			return status;
		value = factor ? value * by : from + i * by;
	}
	return CVT_OK;
}

/* One value, or a range where the row is a number. */
static int add_item(struct axis *axis, const struct cvt_option *option, const char *text, size_t length, struct cvt_error *err)
{
	char item[64], message[160], parts[3][24];
	int64_t from, to, by = 1;
	int n;
	bool counts = option->type == CVT_TYPE_INT || option->type == CVT_TYPE_SEED;
	if ((!counts && option->type != CVT_TYPE_REAL) || length >= sizeof item)
		return add(axis, text, length, err);
	memcpy(item, text, length);
	item[length] = 0;
	n = split_range(item, parts);
	if (n && !counts)
		return add_reals(axis, option, item, parts, n, err);
	if (!n || !cvt_text_to_i64(parts[0], &from) || !cvt_text_to_i64(parts[1], &to) || (n == 3 && !cvt_text_to_i64(parts[2], &by)))
		return add(axis, text, length, err);
	if (by < 1 || to < from) {
		snprintf(message, sizeof message, "%s %s: a range is FROM..TO or FROM..TO..STEP, upwards", option->key, item);
		return wrong(axis, CVT_ERR_RANGE, message, err);
	}
	if (((uint64_t)to - (uint64_t)from) / (uint64_t)by >= LIMIT) {
		snprintf(message, sizeof message, "%s %s: a range of more than 4096 values", option->key, item);
		return wrong(axis, CVT_ERR_RANGE, message, err);
	}
	for (int64_t v = from;; v += by) {
		int status = add(axis, item, (size_t)snprintf(item, sizeof item, "%lld", (long long)v), err);
		if (status != CVT_OK)
			return status;
		if (to - v < by)
			return CVT_OK;
	}
}

/* Splits at commas outside parentheses; paths are whole. */
static int add_list(struct axis *axis, const struct cvt_option *option, const char *text, struct cvt_error *err)
{
	const char *start = text;
	int depth = 0;
	if (option->type == CVT_TYPE_PATH)
		return add(axis, text, strlen(text), err);
	for (const char *c = text;; c++) {
		depth += *c == '(' ? 1 : *c == ')' ? -1 : 0;
		if (*c && !(*c == ',' && depth == 0))
			continue;
		const char *end = c;
		while (start < end && *start == ' ')
			start++;
		while (end > start && end[-1] == ' ')
			end--;
		int status = add_item(axis, option, start, (size_t)(end - start), err);
		if (status != CVT_OK || !*c)
			return status;
		start = c + 1;
	}
}

static int add_entry(struct axes *axes, const struct cvt_yaml_entry *entry, const char *name, struct cvt_error *err)
{
	bool skip;
	const struct cvt_option *option = cvt_yaml_row(entry, name, &skip, err);
	if (skip)
		return CVT_OK;
	if (!option)
		return CVT_ERR_NOT_FOUND;
	struct axis *axis = &axes->rows[cvt_option_index(option)];
	for (int i = 0; i < entry->n; i++) {
		const struct cvt_yaml_value *v = &entry->values[i];
		axis->file = name;
		axis->line = v->line;
		axis->column = v->column;
		char path[1024];
		struct cvt_config scratch;
		struct cvt_error inner;
		const char *text = option->type == CVT_TYPE_PATH ? path : v->text;
		int status = option->type == CVT_TYPE_PATH ? cvt_yaml_text(option, v->text, name, path, &inner) : CVT_OK;
		if (status != CVT_OK)
			return cvt_fail_at(err, status, name, v->line, v->column, "%s", inner.message);
		status = entry->list ? add_item(axis, option, text, strlen(text), err) : add_list(axis, option, text, err);
		cvt_config_init(&scratch);
		for (int j = axis->n - 1; status == CVT_OK && j >= 0; j--) {   /* here, while the place is known */
			status = cvt_config_set(&scratch, option, axis->values[j], &inner);
			if (status != CVT_OK)
				return cvt_fail_at(err, status, name, v->line, v->column, "%s", inner.message);
		}
		if (status != CVT_OK)
			return status;
	}
	return CVT_OK;
}

/* The caller's texts take the place of what the preset has for the row. */
static int add_texts(struct axes *axes, const char *const *texts, struct cvt_error *err)
{
	int n;
	const struct cvt_option *table = cvt_options(&n);
	for (int i = 0; i < n && texts; i++) {
		if (!texts[i])
			continue;
		clear(&axes->rows[i]);
		axes->rows[i].asked = true;
		int status = add_list(&axes->rows[i], &table[i], texts[i], err);
		if (status != CVT_OK)
			return status;
	}
	return CVT_OK;
}

/* Fills *config with the combination `at`. Returns 1 when it repeats another one, because a row with several values does not apply. */
static int fill(struct cvt_config *config, const struct axes *axes, const int *at, uint64_t *applied, struct cvt_error *err)
{
	int n;
	const struct cvt_option *table = cvt_options(&n);
	for (int i = 0; i < n; i++) {
		if (!axes->rows[i].n)
			continue;
		int status = cvt_config_set(config, &table[i], axes->rows[i].values[at[i]], err);
		if (status != CVT_OK)
			return status;
	}
	for (int i = 0; i < n; i++) {
		if (cvt_option_applies(&table[i], config->arch))
			*applied |= 1ull << i;
		else if (at[i])
			return 1;
	}
	cvt_config_resolve(config);
	return cvt_config_check(config, err);
}

static int check_asked(const struct axes *axes, uint64_t applied, const struct cvt_config *config, struct cvt_error *err)
{
	int n;
	const struct cvt_option *table = cvt_options(&n);
	for (int i = 0; i < n; i++)
		if (axes->rows[i].asked && !(applied >> i & 1))
			return cvt_fail(err, CVT_ERR_RANGE, "%s does not apply to %s: leave it out", table[i].key, cvt_arch_name(config->arch));
	return CVT_OK;
}

static int count(const struct axes *axes, struct cvt_error *err)
{
	long product = 1;
	for (int i = 0; i < ROWS; i++) {
		product *= axes->rows[i].n ? axes->rows[i].n : 1;
		if (product > LIMIT)
			return cvt_fail(err, CVT_ERR_RANGE, "a sweep of more than 4096 runs: give fewer values");
	}
	return (int)product;
}

static int expand(const struct cvt_config *base, const struct axes *axes, struct cvt_sweep *ret_sweep, struct cvt_error *err)
{
	int total = count(axes, err), at[ROWS] = {0}, status = CVT_OK;
	uint64_t applied = 0;
	if (total < 0)
		return total;
	struct cvt_sweep sweep = {calloc((size_t)total, sizeof *sweep.configs), 0};
	if (!sweep.configs)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for a sweep of %d runs", total);
	for (int i = 0; i < total; i++) {
		sweep.configs[sweep.n] = *base;
		status = fill(&sweep.configs[sweep.n], axes, at, &applied, err);
		if (status < 0)
			goto out;
		sweep.n += status == 0;
		for (int row = ROWS - 1; row >= 0; row--) {   /* the odometer: the last row turns fastest */
			if (++at[row] < axes->rows[row].n)
				break;
			at[row] = 0;
		}
	}
	status = check_asked(axes, applied, &sweep.configs[0], err);
out:
	if (status == CVT_OK)
		*ret_sweep = sweep;
	else
		cvt_sweep_finish(&sweep);
	return status;
}

static void finish(struct axes *axes)
{
	for (int i = 0; i < ROWS; i++)
		clear(&axes->rows[i]);
}

int cvt_sweep_expand(const struct cvt_config *base, const char *const *texts, struct cvt_sweep *ret_sweep, struct cvt_error *err)
{
	struct axes axes = {0};
	int status = add_texts(&axes, texts, err);
	if (status == CVT_OK)
		status = expand(base, &axes, ret_sweep, err);
	finish(&axes);
	return status;
}

int cvt_sweep_load_preset(const char *name, const char *const *texts, struct cvt_sweep *ret_sweep, struct cvt_error *err)
{
	struct axes axes = {0};
	struct cvt_yaml yaml = {0};
	struct cvt_config base;
	char *text = NULL;
	size_t length;
	cvt_config_init(&base);
	int status = cvt_preset_text(name, &text, &length, err);
	if (status == CVT_OK)
		status = cvt_yaml_read(text, length, name, &yaml, err);
	for (int i = 0; status == CVT_OK && i < yaml.n; i++)
		status = add_entry(&axes, &yaml.entries[i], name, err);
	if (status == CVT_OK)
		status = add_texts(&axes, texts, err);
	if (status == CVT_OK)
		status = expand(&base, &axes, ret_sweep, err);
	finish(&axes);
	cvt_yaml_finish(&yaml);
	free(text);
	return status;
}

void cvt_sweep_finish(struct cvt_sweep *sweep)
{
	free(sweep->configs);
	*sweep = (struct cvt_sweep){0};
}
