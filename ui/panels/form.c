/* form.c - the next run: its options, and beneath them what the choice means. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convtui/text.h"
#include "panels/panels.h"
#include "widgets/number.h"

static void value_text(const struct app *app, const struct cvt_option *option, char *out, size_t size)
{
	char raw[1024];
	double number;
	cvt_config_get(&app->form.config, option, raw, sizeof raw);
	cvt_text_clean(out, size, raw);
	if (option->type == CVT_TYPE_REAL && cvt_text_to_double(raw, &number)) {
		number_typed(number, out, size);      /* 1e-4, as everywhere on the screen */
	}
	if (!*out) {
		snprintf(out, size, "%s", option->type == CVT_TYPE_PATH ? "-" : "");
	}
}

static bool given(const struct app *app, const struct cvt_option *option)
{
	int n;
	return app->form.config.set >> (option - cvt_options(&n)) & 1;
}

/* "‹ cnn ›" for what steps, "▸" for what opens as a path. */
static void draw_value(const struct app *app, struct pane pane, int x, int y, int w, const struct cvt_option *option, bool here)
{
	char text[1024], around[1100];
	enum cell_meaning meaning = given(app, option) ? CELL_STRONG : CELL_NORMAL;
	value_text(app, option, text, sizeof text);
	if (option->type == CVT_TYPE_PATH) {
		pane_fit_end(pane, x + 2, y, w - 2, meaning, text);
		return;
	}
	snprintf(around, sizeof around, "%s %s %s", here && option->type != CVT_TYPE_TEXT ? "\u2039" : " ", text,
		here && option->type != CVT_TYPE_TEXT ? "\u203a" : " ");
	pane_fit(pane, x, y, w, meaning, around);
}

/* The error of the open text, without the row's name: that stands above. */
static const char *error_text(const struct app *app)
{
	const char *colon = strstr(app->form.error.message, ": ");
	return colon && app->form.error.column > 0 ? colon + 2 : app->form.error.message;
}

/* Cells from the left of the field's line to the place of the error. */
static int error_at(const struct app *app, int room, int shift)
{
	int at = app->form.error.column > 0 ? app->form.error.column - 1 - shift : 0;
	return at < 0 ? 0 : at > room - 1 ? room - 1 : at;
}

/* A caret under the place of the error; what is wrong stands beside it, right or left, where it fits. */
static int draw_caret(const struct app *app, struct pane pane, int y, int shift)
{
	int room = pane.w - 2, at = 1 + error_at(app, room, shift), columns = text_columns(error_text(app));
	if (app->form.error.column <= 0) {
		return pane_wrap(pane_sub(pane, 1, y, room, 3), 0, CELL_ERROR, error_text(app));
	}
	pane_put(pane, at, y, '^', CELL_ERROR);
	if (at + 2 + columns <= pane.w) {
		pane_text(pane, at + 2, y, CELL_ERROR, error_text(app));
	} else if (at - 1 - columns >= 1) {
		pane_text(pane, at - 1 - columns, y, CELL_ERROR, error_text(app));
	} else {
		return 1 + pane_wrap(pane_sub(pane, 1, y + 1, room, 3), 0, CELL_ERROR, error_text(app));
	}
	return 1;
}

/* What the open field may hold. Returns the lines used. */
static int draw_choices(const struct app *app, struct pane pane, int y, const struct cvt_option *option)
{
	int x = 0, line = 0;
	for (int i = 0; option->choices[i]; i++) {
		int columns = text_columns(option->choices[i]);
		if (x > 0 && x + columns > pane.w - 2) {
			x = 0, line++;
		}
		pane_text(pane, 1 + x, y + line, strcmp(option->choices[i], app->form.edit.text) ? CELL_DIM : CELL_TITLE, option->choices[i]);
		x += columns + 2;
	}
	return line + 1;
}

/* The open field has a line of its own, and below it the choices it has, or the caret under the place of an error. */
static int draw_field(const struct app *app, struct pane pane, int y, const struct cvt_option *option)
{
	const struct edit *e = &app->form.edit;
	int column = edit_column(e), room = pane.w - 2, shift = column > room - 2 ? column - room + 2 : 0;
	const char *text = e->text;
	for (int i = 0; i < shift; i++) {
		text_next(&text);
	}
	for (int x = 1; x < pane.w - 1; x++) {
		pane_put(pane, x, y, ' ', CELL_FIELD);
	}
	pane_text(pane_sub(pane, 1, y, room, 1), 0, 0, e->whole ? CELL_SELECTED : CELL_FIELD, text);
	if (shift > 0) {
		pane_text(pane, 1, y, CELL_DIM, pane.grid->glyphs == GLYPHS_ASCII ? "<" : "\u2026");
	}
	if (y < pane.h && pane.w > 2) {
		pane.grid->cursor_x = pane.x + 1 + column - shift;
		pane.grid->cursor_y = pane.y + y;
	}
	if (app->form.error.code) {
		return 1 + draw_caret(app, pane, y + 1, shift);      /* an error of a choice names them all */
	}
	return option->type == CVT_TYPE_CHOICE ? 1 + draw_choices(app, pane, y + 1, option) : 1;
}

static void draw_rows(const struct app *app, struct pane pane, bool focus)
{
	int rows[64], n = form_rows(&app->form.config, rows), n_options;
	const struct cvt_option *options = cvt_options(&n_options);
	int extra = app->form.open ? 3 : 0, shown = pane.h - extra, cursor = app->form.row >= n ? n - 1 : app->form.row;
	int first = cursor >= shown ? cursor - shown + 1 : 0, labels = pane.w >= 44 ? 19 : 17, y = 0;
	for (int i = first; i < n && y < pane.h; i++, y++) {
		const struct cvt_option *option = &options[rows[i]];
		bool here = focus && i == app->form.row;
		pane_fit(pane, 1, y, labels - 1, here ? CELL_STRONG : CELL_DIM, option->label);
		draw_value(app, pane, labels, y, pane.w - labels - 1, option, here);
		if (here && app->form.open) {
			y += draw_field(app, pane, y + 1, option);
		} else if (here) {
			pane_paint(pane, 0, y, pane.w, CELL_SELECTED);
		}
	}
	if (first > 0) {
		pane_put(pane, pane.w - 1, 0, 0x25b2, CELL_DIM);
	}
	if (n - first > shown) {
		pane_put(pane, pane.w - 1, pane.h - 1, 0x25bc, CELL_DIM);
	}
}

static int draw_maps(const struct cvt_description *d, struct pane pane, int y)
{
	char text[512] = "";
	size_t n = 0;
	for (int i = 0; i < d->n_feature_maps && n < sizeof text - 16; i++) {
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%d", i ? " \u2192 " : "", d->feature_maps[i]);
	}
	return d->n_feature_maps ? pane_wrap(pane, y, CELL_TITLE, text) : 0;
}

static int draw_time(const struct app *app, const struct cvt_description *d, struct pane pane, int y)
{
	const struct form *f = &app->form;
	bool known = f->facts.known && !strcmp(f->facts.data, f->cost_of.data);
	struct ui_estimate estimate = ui_rates_estimate(&app->rates, d, &f->cost_of, known ? f->facts.pictures : 0);
	if (isnan(estimate.epoch_seconds)) {
		return pane_wrap(pane, y, CELL_DIM, known ? "time an epoch: unknown until such a run was trained here" :
			"time an epoch: counting the pictures");
	}
	char one[32], all[32], text[96];
	number_span(estimate.epoch_seconds, one, sizeof one);
	number_span(estimate.epoch_seconds * f->cost_of.epochs, all, sizeof all);
	/* `convtui describe` says which runs it rests on. */
	snprintf(text, sizeof text, "%s%s an epoch, %s in all", estimate.basis == UI_BASIS_OTHERS ? "roughly " : "", one, all);
	return pane_wrap(pane, y, CELL_NORMAL, text);
}

/* What the row under the cursor is, where there is room: at least two lines. */
static void draw_help(const struct app *app, struct pane pane)
{
	int rows[64], n = form_rows(&app->form.config, rows), n_options;
	const struct cvt_option *options = cvt_options(&n_options);
	if (app->focus != FOCUS_FORM || app->form.row >= n || pane.h < 2) {
		return;
	}
	const struct cvt_option *option = &options[rows[app->form.row]];
	int blank = pane.h > 3;
	pane_wrap(pane_sub(pane, 0, blank, pane.w, pane.h - blank), 0, CELL_NORMAL, option->help);
}

static void draw_meaning(const struct app *app, struct pane pane)
{
	const struct form *f = &app->form;
	const struct cvt_description *d = &f->cost.what;
	char count[32], bytes[32], memory[32];
	int y = 0;
	if (f->open && f->error.code) {
		return;                              /* said under the field */
	}
	if (f->error.code || !f->cost.known) {
		pane_wrap(pane, 0, CELL_ERROR, f->error.code ? f->error.message : f->cost.error.message);
		return;
	}
	bool asked = !strcmp(f->facts.data, f->cost_of.data), lacking = asked && *f->facts.error;
	if (lacking) {
		y += pane_wrap(pane, 0, CELL_ERROR, f->facts.error);
	}
	y += draw_maps(d, pane, y);
	number_count(d->parameters, count, sizeof count);
	number_bytes((double)d->train_bytes, memory, sizeof memory);
	number_bytes((double)d->checkpoint_bytes, bytes, sizeof bytes);
	if (d->fm_total > 0) {
		y += !!pane_textf(pane, 0, y, CELL_NORMAL, "FM total %lld", (long long)d->fm_total);
	} else {
		y += !!pane_fit(pane, 0, y, pane.w, CELL_TITLE, d->network);
	}
	y += !!pane_textf(pane, 0, y, CELL_NORMAL, "%s parameters", count);
	y += !!pane_textf(pane, 0, y, CELL_NORMAL, strlen(memory) + strlen(bytes) + 20 > (size_t)pane.w ? "%s memory, %s saved" : "%s memory, %s checkpoint",
		memory, bytes);
	y += lacking ? 0 : draw_time(app, d, pane, y);
	if (f->facts.known && asked) {
		number_count(f->facts.pictures, count, sizeof count);
		/* Of a folder only names were read: which can be read shows when they are decoded. */
		y += !!pane_textf(pane, 0, y, CELL_DIM, strcmp(f->facts.data, "builtin") ? "%s picture files, %d classes" : "%s pictures, %d classes", count,
			f->facts.classes);
	} else if (f->facts.counting && asked) {
		number_count(f->facts.pictures, count, sizeof count);
		y += !!pane_textf(pane, 0, y, CELL_DIM, "counting pictures: %s so far", count);
	}
	draw_help(app, pane_sub(pane, 0, y, pane.w, pane.h - y));
}

static void draw_start(struct pane pane, bool here)
{
	const char *start = " G  start ";
	int x = (pane.w - text_columns(start)) / 2;
	pane_text(pane, x, pane.h - 1, here ? CELL_SELECTED : CELL_STRONG, start);
	if (!here) {
		pane_paint(pane, x + 1, pane.h - 1, 1, CELL_KEY);
	}
}

/* Side by side where there is room, else what the choice means is below the rows. */
void panel_form(const struct app *app, struct pane pane)
{
	bool focus = app->focus == FOCUS_FORM;
	struct pane inner = pane_box(pane, "Next run", focus);
	int rows[64], n = form_rows(&app->form.config, rows), below = inner.h >= 21 ? 11 : inner.h >= 18 ? 9 : inner.h >= 11 ? 7 : 1, extra = app->form.open ? 3 : 0;
	bool here = focus && app->form.row >= n;
	if (inner.w >= 70) {
		int left = inner.w - (inner.w >= 100 ? 50 : 36);
		struct pane right = pane_sub(inner, left + 1, 0, inner.w - left - 1, inner.h);
		for (int y = 0; y < inner.h; y++) {
			pane_put(inner, left, y, 0x2502, CELL_BORDER);
		}
		pane_put(pane, left + 1, 0, 0x252c, focus ? CELL_FOCUS : CELL_BORDER);
		pane_put(pane, left + 1, pane.h - 1, 0x2534, focus ? CELL_FOCUS : CELL_BORDER);
		draw_rows(app, pane_sub(inner, 0, 0, left, inner.h), focus);
		draw_meaning(app, pane_sub(right, 1, 0, right.w - 2, right.h - 1));
		draw_start(right, here);
		return;
	}
	int tall = inner.h - below < n + extra ? inner.h - below : n + extra;
	draw_rows(app, pane_sub(inner, 0, 0, inner.w, tall), focus);
	if (below > 1) {
		struct pane meaning = pane_sub(inner, 1, tall, inner.w - 2, inner.h - tall - 1);
		for (int x = -1; x < meaning.w + 1; x++) {
			pane_put(inner, x + 1, tall, 0x2500, CELL_BORDER);
		}
		pane_put(pane, 0, tall + 1, 0x251c, focus ? CELL_FOCUS : CELL_BORDER);
		pane_put(pane, pane.w - 1, tall + 1, 0x2524, focus ? CELL_FOCUS : CELL_BORDER);
		draw_meaning(app, pane_sub(meaning, 0, 1, meaning.w, meaning.h - 1));
	}
	draw_start(inner, here);
}
