/* status.c - the lines above, below and between: what runs, how far it is, which keys there are. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convtui/text.h"
#include "keys.h"
#include "panels/panels.h"
#include "term/key.h"
#include "widgets/bar.h"
#include "widgets/number.h"

enum cell_meaning state_meaning(enum cvt_state state)
{
	switch (state) {
	case CVT_STATE_TRAINING: case CVT_STATE_EVALUATING: case CVT_STATE_PREPARING: return CELL_TRAIN;
	case CVT_STATE_DONE: return CELL_GOOD;
	case CVT_STATE_PAUSED: case CVT_STATE_BLOCKED: return CELL_WARN;
	case CVT_STATE_DIVERGED: case CVT_STATE_FAILED: case CVT_STATE_CRASHED: return CELL_ERROR;
	case CVT_STATE_QUEUED: case CVT_STATE_STOPPED: break;
	}
	return CELL_DIM;
}

static void ago(const struct app *app, double when, const char *what, char *out, size_t size)
{
	char clock[32];
	double seconds = app->wall - when;
	number_clock(seconds < 0 ? 0 : seconds, clock, sizeof clock);
	snprintf(out, size, when > 0 ? "%s %s ago" : "%s never", what, clock);
}

void panel_header(const struct app *app, struct pane pane)
{
	const struct cvt_live *live = app_live(app);
	char text[256], name[96], clock[64] = "";
	int x = pane_text(pane, 1, 0, CELL_STRONG, "convtui") + 3;
	x += pane_text(pane, x, 0, CELL_TAB, " 1 Train ") + 3;
	if (!live) {
		pane_right(pane, x, 0, pane.w - x - 1, CELL_DIM, app->listed ? "no run yet" : "reading the run store");
		return;
	}
	if (app_alive(app) && live->state != CVT_STATE_PAUSED && live->state != CVT_STATE_BLOCKED && live->state != CVT_STATE_PREPARING) {
		ago(app, live->updated, "batch", clock, sizeof clock);
	}
	snprintf(text, sizeof text, "%d thread%s  load %.1f", live->threads, live->threads == 1 ? "" : "s", app->load);
	bool threads = app_alive(app) && live->threads > 0 && pane.w >= 90;
	int right = threads ? text_columns(text) + 3 : 0;
	if (threads) {
		pane_right(pane, 0, 0, pane.w - 1, CELL_DIM, text);
	}
	cvt_text_clean(name, sizeof name, app->session->run.name);
	enum cell_meaning meaning = app->session->no_sign_of_life ? CELL_ERROR : state_meaning(live->state);
	snprintf(text, sizeof text, "\u25cf %s", app->session->no_sign_of_life ? "no sign of life" : cvt_state_name(live->state));
	int columns = text_columns(text) + 1 + text_columns(name) + (*clock && pane.w >= 70 ? text_columns(clock) + 3 : 0);
	if (x + columns + 1 > pane.w) {
		columns += text_columns(short_run(name)) - text_columns(name);
		memmove(name, short_run(name), strlen(short_run(name)) + 1);
	}
	int start = pane.w - 1 - right - columns;
	start = start < x ? x : start;
	start += pane_fit(pane, start, 0, pane.w - start, meaning, text) + 1;
	start += pane_fit(pane, start, 0, pane.w - start, CELL_STRONG, name) + 3;
	if (*clock && pane.w >= 70) {
		pane_fit(pane, start, 0, pane.w - right - start, CELL_DIM, clock);
	}
}

static double seconds_left(const struct app *app, const struct cvt_live *live)
{
	double done = live->batches_per_epoch > 0 ? (double)live->batch_in_epoch / live->batches_per_epoch : 0, sum = 0;
	int n = app->session->n_epochs, from = n > 5 ? n - 5 : 0;
	for (int i = from; i < n; i++) {
		sum += app->session->epochs[i].seconds;
	}
	double epoch = n > 0 ? sum / (n - from) : live->images_per_second > 0 ? live->train_images / live->images_per_second : NAN;
	double left = (live->epochs - live->epoch - done) * epoch;
	return left < 0 ? 0 : left;
}

/* "preparing 312/1661 pictures  2 bad"; false: that is not going on. */
static bool preparing(const struct cvt_live *live, char *out, size_t size, double *ret_share)
{
	if (live->state != CVT_STATE_PREPARING || live->prepared < 0) {
		return false;
	}
	int n = live->to_prepare > 0 ? snprintf(out, size, "preparing %d/%d pictures", live->prepared, live->to_prepare) :
		snprintf(out, size, "preparing %d pictures", live->prepared);           /* so far: they are being listed */
	if (live->bad > 0) {
		snprintf(out + n, size - (size_t)n, "  %d bad", live->bad);
	}
	*ret_share = live->to_prepare > 0 ? (double)live->prepared / live->to_prepare : 0;
	return true;
}

/* How far the epoch is: "batch 5/8", or the validation after its last batch. */
static double within(const struct cvt_live *live, char *out, size_t size)
{
	if (live->state == CVT_STATE_EVALUATING && live->to_evaluate > 0) {
		snprintf(out, size, "val %d/%d", live->evaluated < 0 ? 0 : live->evaluated, live->to_evaluate);
		return live->evaluated > 0 ? (double)live->evaluated / live->to_evaluate : 0;
	}
	snprintf(out, size, "batch %d/%d", live->batch_in_epoch, live->batches_per_epoch);
	return live->batches_per_epoch > 0 ? (double)live->batch_in_epoch / live->batches_per_epoch : 0;
}

static void ended(const struct app *app, const struct cvt_live *live, struct pane pane)
{
	char took[32], percent[32], epochs[64], best[64] = "", reason[256];
	const char *state = cvt_state_name(live->state);
	int epoch = live->epoch < 0 ? 0 : live->epoch;
	number_clock(live->seconds, took, sizeof took);
	number_percent(live->best_val_accuracy, percent, sizeof percent);
	if (live->best_epoch > 0) {
		snprintf(best, sizeof best, "  best %s @ %d", percent, live->best_epoch);
	}
	snprintf(epochs, sizeof epochs, "  epoch %d/%d in %s", epoch, live->epochs, took);
	if (text_columns(state) + text_columns(epochs) + text_columns(best) + 2 > pane.w) {
		snprintf(epochs, sizeof epochs, "  epoch %d/%d", epoch, live->epochs);
	}
	int x = 1 + pane_fit(pane, 1, 0, pane.w - 2, state_meaning(live->state), state);
	x += pane_fit(pane, x, 0, pane.w - x - 1, CELL_NORMAL, epochs);
	x += pane_fit(pane, x, 0, pane.w - x - 1, CELL_VAL, best);
	if (*live->reason) {
		cvt_text_clean(reason, sizeof reason, live->reason);
		x += 2 + pane_fit(pane, x + 2, 0, pane.w - x - 3, CELL_WARN, reason);
	}
	const struct cvt_run *alive = app_any_alive(app);
	if (alive && strcmp(alive->name, app->session->run.name) != 0) {
		snprintf(reason, sizeof reason, "%s is %s: Enter in the table shows it", alive->name, cvt_state_name(alive->live.state));
		pane_fit(pane, x + 2, 0, pane.w - x - 3, CELL_DIM, reason);
	}
}

static void pending(const struct app *app, const struct cvt_live *live, char *out, size_t size)
{
	const struct pending *p = &app->pending[app->n_pending - 1];
	char when[32];
	number_span(live->batch_seconds, when, sizeof when);
	int n = snprintf(out, size, "sent: %s%s%s, ", p->name, *p->value ? " " : "", p->value);
	if (live->state == CVT_STATE_PAUSED || !(live->batch_seconds > 0)) {
		snprintf(out + n, size - (size_t)n, "not taken yet");
	} else {
		snprintf(out + n, size - (size_t)n, "after this batch, %s", when);
	}
}

static int within_width(const struct cvt_live *live)
{
	char batches[32], pictures[32];
	int a = snprintf(batches, sizeof batches, "batch %d/%d", live->batches_per_epoch, live->batches_per_epoch);
	int b = snprintf(pictures, sizeof pictures, "val %d/%d", live->val_images, live->val_images);
	return a > b ? a : b;
}

struct progress {
	const char *text, *inner, *more;     /* inner: of the epoch; NULL: there is none */
	int inner_width;                     /* of its longest text: what is right of it stays in its place */
	double whole, share;
	bool evaluating;
	enum cell_meaning meaning;
};

/* The run's bar takes the room that is left; the epoch's own is there where both have enough. */
static void draw_progress(struct pane pane, const struct progress *p)
{
	int x = 1 + pane_text(pane, 1, 0, CELL_STRONG, p->text) + 1, columns = text_columns(p->more), wide = pane.w >= 110 ? 12 : pane.w >= 90 ? 8 : 0;
	int room = pane.w - x - columns - 3 - (p->inner ? p->inner_width + 2 + (wide ? wide + 1 : 0) : 0);
	if (room < 6) {
		x += p->inner ? pane_fit(pane, x + 1, 0, pane.w - x - 2, p->evaluating ? CELL_VAL : CELL_NORMAL, p->inner) + 2 : 0;
		pane_fit(pane, x + 1, 0, pane.w - x - 2, p->meaning, p->more);
		return;
	}
	bar_draw(pane_sub(pane, x, 0, room, 1), p->whole);
	x += room + 2;
	if (p->inner) {
		pane_text(pane, x, 0, p->evaluating ? CELL_VAL : CELL_NORMAL, p->inner);
		x += p->inner_width + 1;
		if (wide) {
			bar_draw(pane_sub(pane, x, 0, wide, 1), p->share);
		}
		x += wide ? wide + 2 : 1;
	}
	pane_text(pane, x, 0, p->meaning, p->more);
}

void panel_progress(const struct app *app, struct pane pane)
{
	const struct cvt_live *live = app_live(app);
	char text[128], inner[64] = "", more[256] = "", left[32], saved[64];
	if (!live) {
		pane_fit(pane, 1, 0, pane.w - 2, CELL_DIM, "nothing trains: choose in the form, and G starts");
		return;
	}
	if (!app_alive(app)) {
		ended(app, live, pane);
		return;
	}
	double share = 0, whole;
	bool prepares = preparing(live, text, sizeof text, &share), waits = live->state == CVT_STATE_BLOCKED || live->state == CVT_STATE_PREPARING;
	enum cell_meaning meaning = live->state == CVT_STATE_BLOCKED ? CELL_ERROR : CELL_NORMAL;
	if (prepares) {
		whole = share;
	} else {
		int at = live->epoch + 1;            /* of the finished ones, until its validation is done */
		snprintf(text, sizeof text, "epoch %d/%d", at > live->epochs ? live->epochs : at, live->epochs);
		number_clock(seconds_left(app, live), left, sizeof left);
		ago(app, live->checkpoint_time, "saved", saved, sizeof saved);
		share = within(live, inner, sizeof inner);
		if (live->state == CVT_STATE_PAUSED) {       /* nothing that ticks: a paused run sends no bytes */
			snprintf(more, sizeof more, "Space goes on  %s", live->checkpoint_batch == live->batch ? "saved" : "not saved since it went on");
		} else {
			snprintf(more, sizeof more, "%.0f img/s  %s left  %s", live->images_per_second > 0 ? live->images_per_second : 0, left, saved);
		}
		whole = live->epochs > 0 ? (live->epoch + (live->state == CVT_STATE_EVALUATING ? 1 : share)) / live->epochs : 0;
	}
	if (waits) {
		cvt_text_clean(more, sizeof more, live->reason);
	}
	if (app->n_pending > 0) {
		pending(app, live, more, sizeof more);
		meaning = CELL_MARK;
	}
	draw_progress(pane, &(struct progress){text, *inner && !waits ? inner : NULL, more, within_width(live), whole, share, live->state == CVT_STATE_EVALUATING, meaning});
}

/* The keys that fit, help and quit always among them. */
void panel_footer(const struct app *app, struct pane pane)
{
	enum context context = keys_context(app);
	const struct binding *b = keys_table();
	int x = 1, reserve = context & (IN_TEXT | IN_DIALOG) ? 1 : 17;
	if (app->note_time > 0 && app->now - app->note_time < 6 && app->n_notes > 0 && (app->overlay == OVERLAY_NONE || app->note_is_error)) {
		pane_fit(pane, 1, 0, pane.w - 2, app->note_is_error ? CELL_ERROR : CELL_GOOD, app->notes[(app->n_notes - 1) % MAX_NOTES] + NOTE_TIME);
		return;
	}
	for (; b->action != ACT_NONE; b++) {
		char key[16];
		const char *label = b->label;
		if (!label || !(b->contexts & context) || (b->enabled && !b->enabled(app))) {
			continue;
		}
		if (b->action == ACT_PAUSE && app_live(app) && app_live(app)->state == CVT_STATE_PAUSED) {
			label = "go on";
		} else if (b->action == ACT_COMPLETE && form_option(app)->type == CVT_TYPE_CHOICE) {
			label = "next choice";
		}
		key_label(b->key, key, sizeof key);
		int columns = text_columns(key) + 1 + text_columns(label);
		bool always = b->action == ACT_LEAVE || b->action == ACT_HELP;
		if (x + columns > pane.w - (always ? 1 : reserve)) {
			continue;
		}
		x += pane_text(pane, x, 0, CELL_KEY, key) + 1;
		x += pane_text(pane, x, 0, CELL_DIM, label) + 2;
	}
}

void panel_line(const struct app *app, struct pane pane)
{
	const struct cvt_live *live = app_live(app);
	char text[256] = "no run", loss[32], val[32];
	if (app->overlay == OVERLAY_QUIT || app->overlay == OVERLAY_STOP || app->overlay == OVERLAY_START) {
		snprintf(text, sizeof text, "%s? Enter", dialog_choices(app)[app->choice]);
	} else if (live) {
		number_loss(live->loss, loss, sizeof loss);
		number_percent(live->val_accuracy, val, sizeof val);
		snprintf(text, sizeof text, "%s %d/%d %s %s", cvt_state_name(live->state), live->epoch < 0 ? 0 : live->epoch, live->epochs, val, loss);
	}
	if (pane.w < 12) {
		pane_fit(pane, 0, 0, pane.w, CELL_KEY, pane.w < 6 ? "q" : "q quit");
		pane_fit(pane, 0, 1, pane.w, CELL_NORMAL, text);
		return;
	}
	pane_fit(pane, 0, 0, pane.w - 8, CELL_NORMAL, text);
	pane_text(pane, pane.w - 6, 0, CELL_KEY, "q");
	pane_text(pane, pane.w - 4, 0, CELL_DIM, "quit");
}
