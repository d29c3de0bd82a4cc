/* follow.c - rows as curves. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "convtui/text.h"
#include "follow.h"
#include "widgets/number.h"

void follow_init(struct follow *f)
{
	memset(f, 0, sizeof *f);
	f->smoothing = 0.6;
	follow_reset(f);
}

static struct series *all_series(struct follow *f, int i)
{
	struct series *all[] = {&f->loss, &f->loss_mean, &f->accuracy, &f->accuracy_mean, &f->val_loss, &f->val_accuracy, &f->epoch_loss,
		&f->epoch_accuracy, &f->epoch_end, NULL};
	return all[i];
}

void follow_finish(struct follow *f)
{
	for (int i = 0; all_series(f, i); i++) {
		series_finish(all_series(f, i));
	}
}

void follow_reset(struct follow *f)
{
	for (int i = 0; all_series(f, i); i++) {
		series_clear(all_series(f, i));
	}
	f->loss_ema = f->accuracy_ema = (struct ema){.factor = f->smoothing};
	f->images = f->seconds = 0;
	f->n_batches = 0;
	f->n_epochs = f->n_commands = f->n_marks = 0;
	f->next_mark = INT64_MAX;
}

double follow_next_smoothing(double smoothing, int direction)
{
	static const double factors[] = {0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99};
	enum { N = sizeof factors / sizeof *factors };
	int i = 0;
	while (i < N - 1 && factors[i] < smoothing - 1e-9) {
		i++;
	}
	i += direction;
	return factors[i < 0 ? 0 : i >= N ? N - 1 : i];
}

/* Batches of the epoch so far are `in_epoch` pictures; how many the epoch has is known once it ended or from the page. */
static double batch_x(const struct follow *f, const struct cvt_session *s, const struct cvt_batch_row *row)
{
	if (f->x_kind == CHART_X_IMAGES) {
		return f->images;
	}
	if (f->x_kind == CHART_X_SECONDS) {
		return f->seconds;
	}
	const struct cvt_live *live = &s->run.live;
	return live->train_images > 0 ? f->images / live->train_images :
		live->batches_per_epoch > 0 ? (double)(row->batch + 1) / live->batches_per_epoch : row->epoch;
}

static int take_batch(struct follow *f, const struct cvt_session *s, const struct cvt_batch_row *row)
{
	f->images += row->images;
	f->seconds += row->seconds > 0 ? row->seconds : 0;
	double x = batch_x(f, s, row), accuracy = row->images > 0 ? 100.0 * row->correct / row->images : NAN;
	/* The last batch of an epoch so far is its end. */
	bool same = f->epoch_end.n > 0 && f->epoch_end.n == row->epoch;
	if (same) {
		f->epoch_end.y[row->epoch - 1] = (float)x;
		f->epoch_end.x[row->epoch - 1] = x;
	}
	while (!same && f->epoch_end.n < row->epoch) {
		if (series_append(&f->epoch_end, x, x) != CVT_OK) {
			return CVT_ERR_MEMORY;
		}
	}
	if (series_append(&f->loss, x, row->loss) || series_append(&f->loss_mean, x, ema_next(&f->loss_ema, row->loss)) ||
		series_append(&f->accuracy, x, accuracy) || series_append(&f->accuracy_mean, x, ema_next(&f->accuracy_ema, accuracy))) {
		return CVT_ERR_MEMORY;
	}
	f->n_batches++;
	return CVT_OK;
}

static int take_epoch(struct follow *f, const struct cvt_epoch_row *row)
{
	double x = f->epoch_end.x[row->epoch - 1];
	if (series_append(&f->epoch_loss, x, row->loss) || series_append(&f->epoch_accuracy, x, row->train_accuracy) ||
		(!isnan(row->val_loss) && series_append(&f->val_loss, x, row->val_loss)) ||
		(!isnan(row->val_accuracy) && series_append(&f->val_accuracy, x, row->val_accuracy))) {
		return CVT_ERR_MEMORY;
	}
	f->n_epochs++;
	return CVT_OK;
}

static void mark(struct follow *f, const struct cvt_command_row *row)
{
	char *label = f->labels[f->n_marks], name[24], value[64];
	cvt_text_clean(name, sizeof name, row->name);
	cvt_text_clean(value, sizeof value, row->value);
	double number;
	if (!strcmp(name, "lr") && cvt_text_to_double(value, &number)) {
		number_rate(number, value, sizeof value);
	}
	snprintf(label, sizeof f->labels[0], "%.16s%s%.20s", name, *value ? " " : "", value);
	double x = row->batch > 0 ? f->loss.x[row->batch - 1] : 0;
	f->marks[f->n_marks++] = (struct chart_mark){x, label, CELL_MARK};
}

/* A run that was cut and goes on from an earlier batch has commands ahead of its rows, and newer ones behind those: each is marked when its
 * batch is there, whatever waits before it in the file. */
static void take_commands(struct follow *f, const struct cvt_session *s)
{
	if (f->n_commands == s->n_commands && f->next_mark > f->n_batches) {
		return;
	}
	f->n_commands = s->n_commands;
	f->n_marks = 0;
	f->next_mark = INT64_MAX;
	for (int i = 0; i < s->n_commands; i++) {
		const struct cvt_command_row *row = &s->commands[i];
		if (row->batch > f->n_batches) {
			f->next_mark = row->batch < f->next_mark ? row->batch : f->next_mark;
		} else if (f->n_marks < FOLLOW_MAX_MARKS) {
			mark(f, row);
		}
	}
}

/* Rows that a resumed runner cut off and wrote again: everything is read anew. */
static bool rewritten(const struct follow *f, const struct cvt_session *s)
{
	if (s->n_batches < f->n_batches || s->n_epochs < f->n_epochs || s->n_commands < f->n_commands) {
		return true;
	}
	int64_t last = f->n_batches - 1;
	return last >= 0 && isfinite(f->loss.y[last]) && f->loss.y[last] != (float)s->batches[last].loss;
}

int follow_update(struct follow *f, const struct cvt_session *s)
{
	if (rewritten(f, s)) {
		follow_reset(f);
	}
	while (f->n_batches < s->n_batches) {
		const struct cvt_batch_row *row = &s->batches[f->n_batches];
		if (row->epoch < 1 || row->epoch > 10000000 || row->epoch > f->epoch_end.n + 1) {
			return cvt_fail(NULL, CVT_ERR_FORMAT, "batches.csv: epochs out of order");
		}
		if (take_batch(f, s, row) != CVT_OK) {
			return CVT_ERR_MEMORY;
		}
	}
	while (f->n_epochs < s->n_epochs && s->epochs[f->n_epochs].epoch >= 1 && s->epochs[f->n_epochs].epoch <= f->epoch_end.n) {
		if (take_epoch(f, &s->epochs[f->n_epochs]) != CVT_OK) {
			return CVT_ERR_MEMORY;
		}
	}
	take_commands(f, s);
	return CVT_OK;
}

double follow_last_x(const struct follow *f)
{
	return f->loss.n ? f->loss.x[f->loss.n - 1] : 0;
}

double follow_planned(const struct follow *f, const struct cvt_session *s)
{
	const struct cvt_live *live = &s->run.live;
	if (f->x_kind == CHART_X_EPOCHS) {
		return live->epochs;
	}
	if (f->x_kind == CHART_X_IMAGES) {
		return live->train_images > 0 ? (double)live->train_images * live->epochs : 0;
	}
	return f->n_epochs > 0 ? f->epoch_end.x[f->n_epochs - 1] / f->n_epochs * live->epochs : 0;
}
