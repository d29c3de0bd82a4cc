/* dialogs.c - what lies over the screen: steering, questions, help. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convtui/text.h"
#include "keys.h"
#include "panels/panels.h"
#include "term/key.h"
#include "widgets/number.h"

/* A box in the middle, with nothing of what lies below shining through. */
static struct pane overlay(struct pane screen, int w, int h, const char *title)
{
	w = w > screen.w ? screen.w : w;
	h = h > screen.h ? screen.h : h;
	struct pane pane = pane_sub(screen, (screen.w - w) / 2, (screen.h - h) / 2, w, h);
	pane_fill(pane, ' ', CELL_NORMAL);
	return pane_box(pane, title, true);
}

/* 1: a title, 2: a binding, 3: an empty line, 0: past the end. */
static int help_line(int line, const struct binding **ret, const char **ret_title)
{
	static const struct { unsigned contexts; const char *title; } groups[] = {
		{IN_PANELS, "Everywhere"}, {IN_FORM, "In the form"}, {IN_FIELD, "In an open field"}, {IN_CHART, "On a chart"}, {IN_RUNS, "On the table of runs"},
		{IN_STEER, "In the steering panel"}, {IN_DIALOG, "In a question"},
	};
	int at = 0;
	for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
		if (at++ == line) {
			*ret_title = groups[g].title;
			return 1;
		}
		for (const struct binding *b = keys_table(); b->action != ACT_NONE; b++) {
			/* A binding stands where it is narrowest. */
			size_t home = 0;
			for (size_t k = 1; k < sizeof groups / sizeof *groups && home == 0; k++) {
				home = (b->contexts & IN_PANELS) != IN_PANELS && (b->contexts & groups[k].contexts) ? k : 0;
			}
			if (b->help && home == g && at++ == line) {
				*ret = b;
				return 2;
			}
		}
		if (at++ == line) {
			return 3;
		}
	}
	return 0;
}

int help_lines(void)
{
	const struct binding *b;
	const char *title;
	int n = 0;
	while (help_line(n, &b, &title)) {
		n++;
	}
	return n;
}

void panel_help(const struct app *app, struct pane screen)
{
	int n = help_lines(), w = screen.w > 84 ? 84 : screen.w, h = n + 2 > screen.h - 2 ? screen.h - 2 : n + 2;
	struct pane inner = overlay(screen, w, h, "Keys");
	int first = app->scroll > n - inner.h ? n - inner.h : app->scroll;
	first = first < 0 ? 0 : first;
	for (int y = 0; y < inner.h; y++) {
		const struct binding *b = NULL;
		const char *title = NULL;
		char key[16];
		int kind = help_line(first + y, &b, &title);
		if (kind == 1) {
			pane_text(inner, 1, y, CELL_TITLE, title);
		} else if (kind == 2) {
			key_label(b->key, key, sizeof key);
			pane_right(inner, 1, y, 8, CELL_KEY, key);
			pane_fit(inner, 11, y, inner.w - 12, CELL_NORMAL, b->help);
		}
	}
	if (first + inner.h < n) {
		pane_put(inner, inner.w - 1, inner.h - 1, 0x25bc, CELL_DIM);
	}
	if (first > 0) {
		pane_put(inner, inner.w - 1, 0, 0x25b2, CELL_DIM);
	}
}

const char *const *dialog_choices(const struct app *app)
{
	static const char *const quit[] = {"leave it running", "stop after this epoch, and leave", "stop now and save, and leave", "stay", NULL};
	static const char *const stop[] = {"stop after this epoch", "stop now and save", "go on", NULL};
	static const char *const start[] = {"start when it has ended, with or without this screen", "start beside it: both share the processor",
		"stop it and save, then start", "not now", NULL};
	return app->overlay == OVERLAY_QUIT ? quit : app->overlay == OVERLAY_STOP ? stop : start;
}

void panel_dialog(const struct app *app, struct pane screen)
{
	const char *const *choices = dialog_choices(app);
	const struct cvt_run *alive = app->session && app_alive(app) ? &app->session->run : app_any_alive(app);
	char name[96] = "", question[160];
	int n = 0;
	while (choices[n]) {
		n++;
	}
	if (alive) {
		cvt_text_clean(name, sizeof name, alive->name);
	}
	snprintf(question, sizeof question, "%s is %s.", alive ? name : "A run", alive ? cvt_state_name(alive->live.state) : "starting");
	int wide = text_columns(question) + 8;
	for (int i = 0; i < n; i++) {
		wide = text_columns(choices[i]) + 10 > wide ? text_columns(choices[i]) + 10 : wide;
	}
	struct pane inner = overlay(screen, wide, n + 5, app->overlay == OVERLAY_QUIT ? "Leave" :
		app->overlay == OVERLAY_STOP ? "Stop" : "Start");
	int y = inner.h >= n + 3 ? 1 : 0;
	if (inner.h > n) {
		pane_fit(inner, 2, y++, inner.w - 4, CELL_NORMAL, question);
		y += inner.h >= n + 3;
	}
	for (int i = 0; i < n; i++, y++) {
		pane_text(inner, 2, y, CELL_NORMAL, i == app->choice ? "\u25b8" : " ");
		pane_fit(inner, 4, y, inner.w - 5, CELL_NORMAL, choices[i]);
		if (i == app->choice) {
			pane_paint(inner, 1, y, inner.w - 2, CELL_SELECTED);
		}
	}
}

/* "2 (all)" for threads, which are given as 0. */
static void in_force_text(const struct app *app, const struct cvt_option *option, char *out, size_t size)
{
	const struct cvt_live *live = app_live(app);
	double number;
	cvt_config_get(&app->steer.in_force, option, out, size);
	if (option->type == CVT_TYPE_REAL && cvt_text_to_double(out, &number)) {
		number_typed(number, out, size);
	} else if (!strcmp(option->key, "threads") && live && live->threads > 0) {
		snprintf(out, size, app->steer.in_force.threads == 0 ? "%d (all)" : "%d", live->threads);
	} else if (!strcmp(option->key, "patience") && !strcmp(out, "0")) {
		snprintf(out, size, "0 (never)");
	}
}

static void steer_row(const struct app *app, struct pane inner, int y, const struct cvt_option *option, int index, bool here)
{
	char now[256], next[256];
	in_force_text(app, option, now, sizeof now);
	double number;
	cvt_config_get(&app->steer.draft, option, next, sizeof next);
	if (option->type == CVT_TYPE_REAL && cvt_text_to_double(next, &number)) {
		number_typed(number, next, sizeof next);
	}
	pane_fit(inner, 2, y, 16, CELL_NORMAL, option->label);
	pane_right(inner, 18, y, 10, CELL_DIM, now);
	if (here && app->steer.open) {
		for (int x = 0; x < 14; x++) {
			pane_put(inner, 33 + x, y, ' ', CELL_FIELD);
		}
		pane_fit_end(inner, 33, y, 14, app->steer.edit.whole ? CELL_SELECTED : CELL_FIELD, app->steer.edit.text);
		inner.grid->cursor_x = inner.x + 33 + edit_column(&app->steer.edit);
		inner.grid->cursor_y = inner.y + y;
	} else if (app->steer.changed[index]) {
		pane_put(inner, 30, y, 0x2192, CELL_VAL);
		pane_fit(inner, 33, y, inner.w - 34, CELL_VAL, next);
	}
	if (here && !app->steer.open) {
		pane_paint(inner, 1, y, inner.w - 2, CELL_SELECTED);
	}
}

void panel_steer(const struct app *app, struct pane screen)
{
	int rows[64], n = steer_rows(rows), n_options;
	const struct cvt_option *options = cvt_options(&n_options);
	const struct cvt_live *live = app_live(app);
	bool scheduled = app->run_config_known && app->run_config.schedule != CVT_SCHEDULE_CONSTANT;
	struct pane inner = overlay(screen, 66, n + 7 + scheduled + app->n_pending, "Steer");
	char text[160], when[32];
	int y = 1;
	pane_right(inner, 18, 0, 10, CELL_DIM, "now");
	for (int i = 0; i < n; i++) {
		steer_row(app, inner, y++, &options[rows[i]], rows[i], i == app->steer.row);
	}
	y++;
	const char *help = options[rows[app->steer.row < n ? app->steer.row : 0]].help, *unset = strstr(help, "; unset");
	snprintf(text, sizeof text, "%.*s", (int)(unset ? unset - help : (long)strlen(help)), help);      /* a run has it set */
	pane_fit(inner, 2, y++, inner.w - 4, CELL_DIM, text);
	if (app->steer.error.code) {
		pane_fit(inner, 2, y++, inner.w - 4, CELL_ERROR, app->steer.error.message);
	} else if (!app_alive(app)) {
		pane_fit(inner, 2, y++, inner.w - 4, CELL_WARN, "the run has ended: nothing takes effect any more");
	} else if (live) {
		if (scheduled) {
			number_rate(live->lr, when, sizeof when);
			snprintf(text, sizeof text, "the schedule's base is steered; this epoch trains at %s", when);
			pane_fit(inner, 2, y++, inner.w - 4, CELL_DIM, text);
		}
		number_span(live->batch_seconds, when, sizeof when);
		snprintf(text, sizeof text, live->batch_seconds > 0 ? "takes effect after the batch: %s each" : "takes effect at the next batch", when);
		pane_fit(inner, 2, y++, inner.w - 4, CELL_DIM, text);
	}
	for (int i = 0; i < app->n_pending; i++) {
		snprintf(text, sizeof text, "sent, not yet in force: %s %s", app->pending[i].name, app->pending[i].value);
		pane_fit(inner, 2, y++, inner.w - 4, CELL_MARK, text);
	}
}
