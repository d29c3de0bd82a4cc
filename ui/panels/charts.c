/* charts.c - loss and accuracy of the followed run. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "panels/panels.h"
#include "widgets/chart.h"
#include "widgets/number.h"

/* Without colour and without braille the sign alone tells them apart. A single batch may lie outside of the chart, no epoch and no mean does. */
static void add(struct chart *chart, const struct series *points, const char *name, enum cell_meaning meaning, int rank)
{
	bool raw = meaning == CELL_TRAIN_RAW, val = meaning == CELL_VAL;
	chart->lines[chart->n_lines++] = (struct chart_line){.points = points, .name = name, .meaning = meaning, .rank = rank, .dashed = val,
		.thick = !raw, .dots = val, .sign = raw ? ':' : val ? 'o' : 0, .bounds = !raw};
}

static struct chart make_chart(const struct app *app, bool accuracy)
{
	const struct follow *f = &app->follow;
	const struct cvt_live *live = app_live(app);
	bool smooth = f->smoothing > 0;
	struct chart chart = {.marks = f->marks, .n_marks = f->n_marks, .x_kind = f->x_kind,
		.y_kind = accuracy ? CHART_Y_PERCENT : CHART_Y_NUMBER};
	add(&chart, accuracy ? &f->accuracy : &f->loss, "batch", smooth ? CELL_TRAIN_RAW : CELL_TRAIN, 1);
	if (smooth) {
		add(&chart, accuracy ? &f->accuracy_mean : &f->loss_mean, "mean", CELL_TRAIN, 3);
	}
	/* Behind the training curve, which stays solid where both meet; the dots at the epochs lie above it. */
	add(&chart, accuracy ? &f->val_accuracy : &f->val_loss, "val", CELL_VAL, 2);
	chart.empty = !live ? "the curves of a run are drawn here" : live->state == CVT_STATE_PREPARING ? "preparing the pictures" :
		app->seen_generation != app->session->generation || app->session->behind ? "reading the rows" : app_alive(app) ? "waiting for the first batch" : "no batch was trained";
	return chart;
}

/* The title's figures, from the right: what does not fit is left out, the least important first. Everywhere `batch` is a batch's own value, `mean`
 * the exponential mean of the batches, and `train` and `val` are an epoch's, as in the log and in `convtui show`. */
struct part { enum cell_meaning meaning; char text[64]; };

static void draw_parts(struct pane pane, int from, const struct part *parts, int n)
{
	int columns = 0, first = 0;
	for (int i = 0; i < n; i++) {
		columns += text_columns(parts[i].text) + 2;
	}
	while (first < n && columns > pane.w - from - 2) {
		columns -= text_columns(parts[first++].text) + 2;
	}
	if (first == n) {
		return;
	}
	int x = pane.w - columns - 1;
	pane_put(pane, x++, 0, ' ', CELL_NORMAL);
	for (int i = first; i < n; i++) {
		x += pane_text(pane, x, 0, parts[i].meaning, parts[i].text);
		for (int k = 0; k < (i == n - 1 ? 1 : 2); k++) {
			pane_put(pane, x++, 0, ' ', CELL_NORMAL);
		}
	}
}

static double last(const struct series *s)
{
	return s->n ? (double)s->y[s->n - 1] : NAN;
}

static void figure(double value, bool accuracy, char *out, size_t size)
{
	if (accuracy) {
		number_percent(value, out, size);
	} else {
		number_loss(value, out, size);
	}
}

/* "⠶ train 0.0931": the sign of the line, where there is one, then its figure. */
static int add_part(struct part *parts, int n, const struct chart *chart, enum glyphs glyphs, const char *name, double value, bool accuracy)
{
	char text[32], key[8] = "";
	if (isnan(value)) {
		return n;
	}
	parts[n].meaning = CELL_TRAIN;
	for (int i = 0; i < chart->n_lines; i++) {
		if (!strcmp(chart->lines[i].name, name)) {
			int bytes = text_encode(chart_key(&chart->lines[i], glyphs), key);
			snprintf(key + bytes, sizeof key - (size_t)bytes, " ");
			parts[n].meaning = chart->lines[i].meaning;
		}
	}
	figure(value, accuracy, text, sizeof text);
	snprintf(parts[n].text, sizeof parts[n].text, "%s%s %s", key, name, text);
	return n + 1;
}

static int crosshair_parts(const struct app *app, const struct chart *chart, enum glyphs glyphs, bool accuracy, struct part *parts)
{
	char x[32];
	int n = 1;
	chart_x_label(chart->x_kind, app->cross_x, x, sizeof x);
	if (chart->x_kind == CHART_X_IMAGES) {
		number_count(llround(app->cross_x), x, sizeof x);        /* of an axis "8.2k" is enough, here it is a place */
	}
	parts[0].meaning = CELL_STRONG;
	snprintf(parts[0].text, sizeof parts[0].text, "%s %s:", x, chart_x_name(chart->x_kind));
	for (int i = 0; i < chart->n_lines; i++) {
		n = add_part(parts, n, chart, glyphs, chart->lines[i].name, chart_value_at(&chart->lines[i], app->cross_x), accuracy);
	}
	return n;
}

static int title_parts(const struct app *app, const struct chart *chart, enum glyphs glyphs, bool accuracy, struct part *parts)
{
	const struct follow *f = &app->follow;
	const struct cvt_live *live = app_live(app);
	int n = 0;
	if (f->smoothing > 0 && f->loss.n > 0) {
		parts[n].meaning = CELL_DIM;
		snprintf(parts[n++].text, sizeof parts[0].text, "\u03b1 %g", f->smoothing);
	}
	if (accuracy && live->best_epoch > 0) {
		char text[32];
		number_percent(live->best_val_accuracy, text, sizeof text);
		parts[n].meaning = CELL_GOOD;
		snprintf(parts[n++].text, sizeof parts[0].text, "best %s @ %d", text, live->best_epoch);
	}
	if (!accuracy) {
		char rate[32];
		number_rate(live->lr, rate, sizeof rate);
		parts[n].meaning = CELL_DIM;
		snprintf(parts[n++].text, sizeof parts[0].text, "lr %s", rate);
	}
	if (f->smoothing > 0) {
		n = add_part(parts, n, chart, glyphs, "mean", last(accuracy ? &f->accuracy_mean : &f->loss_mean), accuracy);
	} else {
		n = add_part(parts, n, chart, glyphs, "batch", last(accuracy ? &f->accuracy : &f->loss), accuracy);
	}
	n = add_part(parts, n, chart, glyphs, "train", last(accuracy ? &f->epoch_accuracy : &f->epoch_loss), accuracy);
	return add_part(parts, n, chart, glyphs, "val", last(accuracy ? &f->val_accuracy : &f->val_loss), accuracy);
}

void panel_chart(const struct app *app, struct pane pane, bool accuracy)
{
	bool focus = app->focus == (accuracy ? FOCUS_ACCURACY : FOCUS_LOSS);
	const char *title = accuracy ? "accuracy" : app->logarithmic ? "loss, logarithmic" : "loss";
	struct pane inner = pane_box(pane, title, focus);
	struct chart chart = make_chart(app, accuracy);
	struct chart_view view = {.logarithmic = !accuracy && app->logarithmic, .crosshair = app->crosshair, .cross_x = app->cross_x,
		.y = accuracy ? app->y_accuracy : app->y_loss};
	struct part parts[CHART_MAX_LINES + 4];
	app_x_range(app, &view.x0, &view.x1);
	if (app->session) {
		enum glyphs glyphs = pane.grid->glyphs;
		int n = app->crosshair ? crosshair_parts(app, &chart, glyphs, accuracy, parts) : title_parts(app, &chart, glyphs, accuracy, parts);
		draw_parts(pane, text_columns(title) + 3, parts, n);
	}
	chart_draw(inner, &chart, &view);
}

/* The bounds have inertia, so they are kept from frame to frame. */
void charts_fit(struct app *app)
{
	for (int i = 0; i < 2; i++) {
		struct chart chart = make_chart(app, i == 1);
		struct chart_view view = {.logarithmic = i == 0 && app->logarithmic, .y = i ? app->y_accuracy : app->y_loss};
		app_x_range(app, &view.x0, &view.x1);
		chart_fit(&chart, &view);
		*(i ? &app->y_accuracy : &app->y_loss) = view.y;
	}
}
