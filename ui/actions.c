/* actions.c - what a key changes. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "convtui/text.h"
#include "keys.h"
#include "panels/panels.h"
#include "term/key.h"
#include "term/term.h"

static void move_focus(struct app *app, int direction)
{
	/* From the form, too, the table is one of the panels. */
	const struct layout *layout = layout_for(app->width, app->height, FOCUS_LOSS);
	int focus = (int)app->focus;
	do {
		focus = (focus + direction + FOCUS_N) % FOCUS_N;
	} while (focus == FOCUS_RUNS && !layout_has(layout, PANEL_RUNS));
	app->focus = (enum focus)focus;
}

static void form_open(struct app *app)
{
	const struct cvt_option *option = form_option(app);
	if (!option) {
		form_start(app);
		return;
	}
	char text[1024];
	cvt_config_get(&app->form.config, option, text, sizeof text);
	edit_open(&app->form.edit, text);
	app->form.open = true;
}

static void form_close(struct app *app, bool keep)
{
	struct form *f = &app->form;
	const struct cvt_option *option = form_option(app);
	if (keep && option) {
		if (f->error.code || cvt_config_set(&f->config, option, f->edit.text, &f->error) != CVT_OK) {
			return;                              /* stays open over its error */
		}
		cvt_config_resolve(&f->config);
		f->touched = true;
		f->branched &= strcmp(option->key, "init") != 0;
	}
	f->open = false;
	f->error.code = 0;
	/* Closing the last field moves on to Start. */
	int rows[64], n = form_rows(&f->config, rows);
	f->row = keep && f->row == n - 1 ? n : f->row;
}

static void form_step(struct app *app, int direction)
{
	const struct cvt_option *option = form_option(app);
	if (option) {
		cvt_config_step(&app->form.config, option, direction);
		app->form.touched = true;
		cvt_config_resolve(&app->form.config);
	}
}

/* The choice that begins with what was typed; after one that stands there whole, the next. */
static void complete_choice(struct edit *e, const char *const *choices)
{
	int n = 0, whole = -1, begun = -1;
	for (; choices[n]; n++) {
		whole = !strcmp(choices[n], e->text) ? n : whole;
		begun = begun < 0 && !strncmp(choices[n], e->text, (size_t)e->length) ? n : begun;
	}
	if (whole >= 0 || begun >= 0) {
		edit_open(e, choices[whole >= 0 ? (whole + 1) % n : begun]);
	}
}

static void complete_path(struct edit *e)
{
	char folder[1024], path[1024], found[256] = "";
	const char *slash = strrchr(e->text, '/'), *start = slash ? slash + 1 : e->text;
	size_t typed = strlen(start), common = 0;
	int matches = 0;
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - e->text + 1) : 1, slash ? e->text : ".");
	DIR *dir = cvt_path_expand(path, sizeof path, folder, NULL) == CVT_OK ? opendir(path) : NULL;
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (strncmp(entry->d_name, start, typed) != 0 || (entry->d_name[0] == '.' && typed == 0)) {
			continue;
		}
		size_t same = 0;
		while (matches && found[same] && found[same] == entry->d_name[same] && same < common) {
			same++;
		}
		if (!matches++) {
			snprintf(found, sizeof found, "%s", entry->d_name);
			same = strlen(found);
		}
		common = same;
	}
	if (dir) {
		closedir(dir);
	}
	e->whole = false;                            /* what is completed is gone on with */
	size_t room = sizeof e->text - (size_t)e->length - 1, add = common > typed ? common - typed : 0;
	if (e->at == e->length && add <= room) {
		memcpy(e->text + e->length, found + typed, add);
		e->at = e->length += (int)add;
		e->text[e->length] = 0;
	}
	struct stat st;
	bool there = cvt_path_expand(path, sizeof path, e->text, NULL) == CVT_OK && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	if ((matches == 1 || !strcmp(e->text, "~")) && e->length > 0 && e->text[e->length - 1] != '/' && there) {
		edit_key(e, '/');
	}
}

static void complete(struct app *app)
{
	const struct cvt_option *option = form_option(app);
	if (option && option->type == CVT_TYPE_PATH) {
		complete_path(&app->form.edit);
	} else if (option && option->type == CVT_TYPE_CHOICE) {
		complete_choice(&app->form.edit, option->choices);
	}
}

static void steer_close(struct app *app, bool keep)
{
	struct steer *s = &app->steer;
	int rows[64], n = steer_rows(rows), all;
	const struct cvt_option *option = &cvt_options(&all)[rows[s->row < n ? s->row : 0]];
	if (keep && cvt_config_set(&s->draft, option, s->edit.text, &s->error) != CVT_OK) {
		return;
	}
	s->open = false;
	s->error.code = 0;
	if (keep) {
		s->changed[option - cvt_options(&all)] = true;
		steer_send(app);
	}
}

static void steer_change(struct app *app, int step, double factor)
{
	struct steer *s = &app->steer;
	int rows[64], n = steer_rows(rows), all;
	const struct cvt_option *option = &cvt_options(&all)[rows[s->row < n ? s->row : 0]];
	char text[256], now[256];
	s->error.code = 0;
	if (step) {
		cvt_config_step(&s->draft, option, step);
	} else {
		double value;
		cvt_config_get(&s->draft, option, text, sizeof text);
		if (cvt_text_to_double(text, &value)) {
			value *= factor;
			cvt_text_from_double(option->type == CVT_TYPE_INT ? floor(value) : value, text, sizeof text);
			if (cvt_config_set(&s->draft, option, text, &s->error) != CVT_OK) {
				return;
			}
		}
	}
	cvt_config_get(&s->draft, option, text, sizeof text);
	cvt_config_get(&s->in_force, option, now, sizeof now);
	s->changed[option - cvt_options(&all)] = strcmp(text, now) != 0;
}

static void steer_enter(struct app *app)
{
	struct steer *s = &app->steer;
	int rows[64], n = steer_rows(rows), all, index = rows[s->row < n ? s->row : 0];
	if (s->changed[index]) {
		steer_send(app);
		return;
	}
	char text[256];
	cvt_config_get(&s->draft, &cvt_options(&all)[index], text, sizeof text);
	edit_open(&s->edit, text);
	s->open = true;
}

static void choose(struct app *app)
{
	enum overlay overlay = app->overlay;
	int choice = app->choice;
	app->overlay = OVERLAY_NONE;
	if (overlay == OVERLAY_START && choice < 3) {
		form_start_now(app, choice);
	} else if (overlay == OVERLAY_STOP && choice < 2) {
		app_command(app, choice == 0 ? "stop-after-epoch" : "stop", "");
	} else if (overlay == OVERLAY_QUIT && choice < 3) {
		if (choice > 0) {
			app_command(app, choice == 1 ? "stop-after-epoch" : "stop", "");
		}
		app->leaving = true;
	}
}

static void move_runs(struct app *app, int by)
{
	int n = 0, at = -1;
	const struct cvt_run **rows = runs_shown(app, &n);
	for (int i = 0; i < n; i++) {
		at = !strcmp(rows[i]->name, app->cursor_run) ? i : at;
	}
	at = at < 0 ? 0 : at + by;
	at = at >= n ? n - 1 : at < 0 ? 0 : at;
	if (n > 0 && rows) {
		snprintf(app->cursor_run, sizeof app->cursor_run, "%s", rows[at]->name);
	}
	free(rows);
}

static void show_run(struct app *app)
{
	for (int i = 0; i < app->n_runs; i++) {
		if (!strcmp(app->runs[i].name, app->cursor_run)) {
			app_attach(app, app->runs[i].folder);
			return;
		}
	}
}

/* From the run under the cursor in the table, else from the one that is shown. */
static void branch(struct app *app)
{
	if (app->focus == FOCUS_RUNS && strcmp(app->cursor_run, app->session->run.name) != 0) {
		show_run(app);
		if (strcmp(app->cursor_run, app->session->run.name) != 0) {
			return;                              /* it is gone, which is said */
		}
	}
	form_branch(app);
}

static void zoom(struct app *app, double factor, double shift)
{
	double x0, x1, last = follow_last_x(&app->follow);
	app_x_range(app, &x0, &x1);
	double middle = app->crosshair ? app->cross_x : (x0 + x1) / 2, width = (x1 - x0) * factor;
	double least = app->follow.loss.n > 0 ? last / (double)app->follow.loss.n * 4 : 1;
	width = width < least ? least : width;
	app->view_x0 = factor == 1 ? x0 + shift * width : middle - (middle - x0) / (x1 - x0) * width;
	app->view_x0 = app->view_x0 > last ? last : app->view_x0 < 0 ? 0 : app->view_x0;
	app->view_x1 = app->view_x0 + width;
	app->following = false;
	if (width >= last * 1.5) {
		app->following = true;
	}
}

static void crosshair(struct app *app)
{
	app->crosshair = !app->crosshair;
	double x0, x1, last = follow_last_x(&app->follow);
	app_x_range(app, &x0, &x1);
	app->cross_x = last < x1 ? last : (x0 + x1) / 2;
}

static void change_x(struct app *app)
{
	app->follow.x_kind = (enum chart_x)((app->follow.x_kind + 1) % CHART_N_X);
	app->following = true;
	app->crosshair = false;
	follow_reset(&app->follow);
	app->seen_generation = 0;
}

static void smooth(struct app *app, int direction)
{
	app->follow.smoothing = follow_next_smoothing(app->follow.smoothing, direction);
	follow_reset(&app->follow);
	app->seen_generation = 0;
}

static void vertical(struct app *app, int by)
{
	int rows[64], n;
	switch (keys_context(app)) {
	case IN_HELP:
		app->scroll += by;
		n = help_lines();
		app->scroll = app->scroll > n - 1 ? n - 1 : app->scroll < 0 ? 0 : app->scroll;
		break;
	case IN_DIALOG:
		for (n = 0; dialog_choices(app)[n]; n++) {
		}
		app->choice = (app->choice + by % n + n) % n;
		break;
	case IN_STEER:
		n = steer_rows(rows);
		app->steer.row = app->steer.row + by < 0 ? 0 : app->steer.row + by >= n ? n - 1 : app->steer.row + by;
		break;
	case IN_FORM:
		n = form_rows(&app->form.config, rows) + 1;
		app->form.row = app->form.row + by < 0 ? 0 : app->form.row + by >= n ? n - 1 : app->form.row + by;
		app->form.error.code = 0;
		break;
	case IN_RUNS: move_runs(app, by); break;
	default: break;
	}
}

static void horizontal(struct app *app, int direction)
{
	switch (keys_context(app)) {
	case IN_FORM: form_step(app, direction); break;
	case IN_STEER: steer_change(app, direction, 1); break;
	case IN_CHART:
		if (app->crosshair) {
			double x0, x1;
			app_x_range(app, &x0, &x1);
			app->cross_x += direction * (x1 - x0) / (app->width > 20 ? app->width : 20);
			app->cross_x = app->cross_x < x0 ? x0 : app->cross_x > x1 ? x1 : app->cross_x;
		} else if (app->session) {
			zoom(app, 1, direction * 0.25);
		}
		break;
	default: break;
	}
}

static void open_here(struct app *app)
{
	switch (keys_context(app)) {
	case IN_FORM: form_open(app); break;
	case IN_RUNS: show_run(app); break;
	case IN_STEER: steer_enter(app); break;
	case IN_DIALOG: choose(app); break;
	default: break;
	}
}

static void close_here(struct app *app, bool keep)
{
	switch (keys_context(app)) {
	case IN_FIELD: form_close(app, keep); break;
	case IN_STEER_FIELD: steer_close(app, keep); break;
	case IN_FILTER:
		app->filter_open = false;
		if (!keep) {
			app_set_filter(app, "");
		}
		break;
	case IN_STEER: case IN_DIALOG: case IN_HELP: app->overlay = OVERLAY_NONE; break;
	case IN_CHART: case IN_RUNS:
		if (app->crosshair) {
			app->crosshair = false;
		} else if (*app->filter_text) {
			app_set_filter(app, "");
		} else {
			app->focus = FOCUS_FORM;
		}
		break;
	default: break;
	}
}

static void leave(struct app *app)
{
	if (app->overlay == OVERLAY_QUIT || !app_alive(app)) {
		app->leaving = true;                 /* ^C in the question itself leaves the run alone */
		return;
	}
	app->overlay = OVERLAY_QUIT;
	app->choice = 0;
}

static void pause_or_go_on(struct app *app)
{
	bool paused = app_live(app)->state == CVT_STATE_PAUSED;
	app_command(app, paused ? "resume" : "pause", "");
}

void app_act(struct app *app, enum action action)
{
	app->dirty = true;
	switch (action) {
	case ACT_NONE: break;
	case ACT_LEAVE: leave(app); break;
	case ACT_HELP: app->overlay = OVERLAY_HELP; app->scroll = 0; break;
	case ACT_NEXT: move_focus(app, 1); break;
	case ACT_PREVIOUS: move_focus(app, -1); break;
	case ACT_UP: vertical(app, -1); break;
	case ACT_DOWN: vertical(app, 1); break;
	case ACT_PAGE_UP: vertical(app, -10); break;
	case ACT_PAGE_DOWN: vertical(app, 10); break;
	case ACT_FIRST: vertical(app, -100000); break;
	case ACT_LAST: vertical(app, 100000); break;
	case ACT_LEFT: horizontal(app, -1); break;
	case ACT_RIGHT: horizontal(app, 1); break;
	case ACT_OPEN: open_here(app); break;
	case ACT_CLOSE: close_here(app, true); break;
	case ACT_BACK: close_here(app, false); break;
	case ACT_START: form_start(app); break;
	case ACT_PAUSE: pause_or_go_on(app); break;
	case ACT_STEER: steer_open(app); break;
	case ACT_CHECKPOINT: app_command(app, "checkpoint", ""); break;
	case ACT_STOP: app->overlay = OVERLAY_STOP; app->choice = 0; break;
	case ACT_FILTER: app->filter_open = true; edit_open(&app->filter_edit, app->filter_text); app->filter_edit.whole = false; break;
	case ACT_TRAIN: app->overlay = OVERLAY_NONE; break;
	case ACT_TO_FORM: app->focus = FOCUS_FORM; break;
	case ACT_BRANCH: branch(app); break;
	case ACT_ZOOM_IN: zoom(app, 0.5, 0); break;
	case ACT_ZOOM_OUT: zoom(app, 2, 0); break;
	case ACT_PAN_LEFT: zoom(app, 1, -0.25); break;
	case ACT_PAN_RIGHT: zoom(app, 1, 0.25); break;
	case ACT_ZOOM_ALL: case ACT_FOLLOW: app->following = true; break;
	case ACT_CROSSHAIR: crosshair(app); break;
	case ACT_LOGARITHM: app->logarithmic = !app->logarithmic; app->y_loss.valid = false; break;
	case ACT_SMOOTHER: smooth(app, 1); break;
	case ACT_ROUGHER: smooth(app, -1); break;
	case ACT_AXIS: change_x(app); break;
	case ACT_HALVE: steer_change(app, 0, 0.5); break;
	case ACT_DOUBLE: steer_change(app, 0, 2); break;
	case ACT_COMPLETE: complete(app); break;
	case ACT_MOUSE: app->mouse = !app->mouse; term_mouse(app->mouse); break;
	case ACT_REPAINT: app->repaint = true; break;
	case ACT_SUSPEND: term_suspend(); app->repaint = true; break;
	}
}

static void text_key(struct app *app, int key)
{
	struct edit *edit = app->filter_open ? &app->filter_edit : app->overlay == OVERLAY_STEER ? &app->steer.edit : &app->form.edit;
	app->dirty |= edit_key(edit, key);
	if (app->filter_open) {
		app_set_filter(app, app->filter_edit.text);
	}
}

static void click(struct app *app)
{
	int x, y;
	term_mouse_at(&x, &y);
	const struct layout *layout = layout_for(app->width, app->height, app->focus);
	for (int i = 0; i < LAYOUT_PANELS && layout->places[i].panel != PANEL_NONE; i++) {
		struct pane p = layout_pane((struct pane){NULL, 0, 0, app->width, app->height}, &layout->places[i]);
		if (x < p.x || y < p.y || x >= p.x + p.w || y >= p.y + p.h || app->overlay != OVERLAY_NONE || (keys_context(app) & IN_TEXT)) {
			continue;
		}
		enum panel panel = layout->places[i].panel;
		app->focus = panel == PANEL_FORM ? FOCUS_FORM : panel == PANEL_LOSS ? FOCUS_LOSS : panel == PANEL_ACCURACY ? FOCUS_ACCURACY :
			panel == PANEL_RUNS ? FOCUS_RUNS : app->focus;
		app->dirty = true;
	}
}

/* A key that needs a run alive says why it does nothing. */
static void refuse(struct app *app, enum action action)
{
	if (action == ACT_STEER || action == ACT_PAUSE || action == ACT_CHECKPOINT || action == ACT_STOP || action == ACT_BRANCH) {
		(void)steer_possible(app);
	}
}

void app_key(struct app *app, int key)
{
	bool text = keys_context(app) & IN_TEXT;
	app->paste_pause = 0;
	if (key == KEY_PASTE_BEGIN || key == KEY_PASTE_END) {
		app->pasting = key == KEY_PASTE_BEGIN;
	} else if (key == KEY_CLICK) {
		click(app);
	} else if (key == KEY_WHEEL_UP || key == KEY_WHEEL_DOWN) {
		app_act(app, text ? ACT_NONE : key == KEY_WHEEL_UP ? ACT_UP : ACT_DOWN);
	} else if (app->pasting && key != KEY_CTRL_C) {
		/* What is pasted reaches an open field, and is never a command. */
		if (text && key >= 32) {
			text_key(app, key);
		}
	} else {
		enum action action = keys_action(app, key);
		if (action != ACT_NONE) {
			app_act(app, action);
		} else if (text) {
			text_key(app, key);
		} else {
			refuse(app, keys_disabled(app, key));
		}
	}
	form_update_cost(app);
}
