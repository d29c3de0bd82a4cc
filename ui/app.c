/* app.c - the dashboard's state from tick to tick: which run is followed, what is new, what is drawn. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "convtui/text.h"
#include "launch.h"
#include "panels/panels.h"
#include "state.h"

void app_note(struct app *app, bool error, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	char *note = app->notes[app->n_notes % MAX_NOTES];
	time_t now = time(NULL);
	struct tm local = {0};
	localtime_r(&now, &local);
	/* As the lines of log.txt begin, among which it is shown. */
	size_t n = strftime(note, sizeof app->notes[0], "%Y-%m-%d %H:%M:%S ", &local);
	cvt_text_clean(note + n, sizeof app->notes[0] - n, text);
	app->n_notes++;
	app->note_is_error = error;
	app->note_time = app->now;
	app->dirty = true;
}

const struct cvt_live *app_live(const struct app *app)
{
	return app->session ? &app->session->run.live : NULL;
}

bool app_alive(const struct app *app)
{
	return app->session && (app->session->run.locked || cvt_state_alive(app->session->run.live.state));
}

const struct cvt_run *app_any_alive(const struct app *app)
{
	for (int i = app->n_runs - 1; i >= 0; i--) {
		if (app->runs[i].locked || cvt_state_alive(app->runs[i].live.state)) {
			return &app->runs[i];
		}
	}
	return NULL;
}

/* While it is typed a filter may be unreadable: the list keeps what the last readable one showed. */
void app_set_filter(struct app *app, const char *text)
{
	struct ui_filter *filter = NULL;
	snprintf(app->filter_text, sizeof app->filter_text, "%s", text);
	app->filter_error[0] = 0;
	if (*app->filter_text && !(filter = ui_filter_create(app->filter_text, app->filter_error, sizeof app->filter_error))) {
		return;
	}
	ui_filter_destroy(app->filter);
	app->filter = filter;
	app->dirty = true;
}

void app_x_range(const struct app *app, double *ret_x0, double *ret_x1)
{
	*ret_x0 = app->view_x0;
	*ret_x1 = app->view_x1;
	if (!app->following) {
		return;
	}
	double last = follow_last_x(&app->follow), planned = app->session ? follow_planned(&app->follow, app->session) : 0, end = last;
	if (app_alive(app) && planned > last) {
		/* Halves of the plan: the frame doubles now and then, and between that only new columns are drawn. */
		double epoch = app_live(app)->epochs > 0 ? planned / app_live(app)->epochs : planned;
		for (end = planned; end / 2 >= last * 1.02 && end / 2 >= epoch * 0.999;) {
			end /= 2;
		}
	} else if (app_alive(app)) {
		end = last > 0 ? pow(2, ceil(log2(last * 1.02))) : 1;
	}
	*ret_x0 = 0;
	*ret_x1 = end > 0 ? end : 1;
}

static bool attach(struct app *app, const char *folder)
{
	struct cvt_error err;
	struct cvt_session *session;
	char path[1100];
	if (cvt_session_open(folder, &session, &err) != CVT_OK) {
		app_note(app, true, "%s", err.message);
		return false;
	}
	cvt_session_close(app->session);
	app->session = session;
	app->seen_generation = session->generation - 1;
	app->following = true;
	app->crosshair = false;
	app->n_pending = 0;
	app->y_loss.valid = app->y_accuracy.valid = false;
	follow_reset(&app->follow);
	snprintf(path, sizeof path, "%s/config.yaml", folder);
	cvt_config_init(&app->run_config);
	app->run_config_known = cvt_config_load(&app->run_config, path, NULL) == CVT_OK;
	app->tail = app_alive(app);
	app->dirty = true;
	return true;
}

void app_attach(struct app *app, const char *folder)
{
	if (!attach(app, folder)) {
		return;
	}
	snprintf(app->cursor_run, sizeof app->cursor_run, "%s", app->session->run.name);
	if (app->run_config_known) {
		form_adopt(app, &app->run_config);
	}
}

/* Nobody is looking closely: the charts follow the newest batch, no question and no field is open. */
static bool undisturbed(const struct app *app)
{
	return app->following && !app->crosshair && app->overlay == OVERLAY_NONE && !app->form.open && !app->filter_open;
}

/* The run that was followed has ended and another trains (the next of a sweep, say): that one is followed. What is being pointed at or
 * filled in stays. */
static void follow_on(struct app *app)
{
	const struct cvt_run *alive = app_any_alive(app);
	char folder[1024], name[96];
	/* A run just started here has not taken its lock yet. */
	bool starting = app->session && app->session->run.live.state == CVT_STATE_QUEUED && launch_any();
	if (!app->tail || !alive || app_alive(app) || starting || !undisturbed(app) || (app->session && !strcmp(alive->name, app->session->run.name))) {
		return;
	}
	snprintf(folder, sizeof folder, "%s", alive->folder);
	snprintf(name, sizeof name, "%s", alive->name);
	if (!attach(app, folder)) {
		return;
	}
	app->tail = true;
	if (app->focus != FOCUS_RUNS) {
		snprintf(app->cursor_run, sizeof app->cursor_run, "%s", name);
	}
	if (app->focus != FOCUS_FORM && app->run_config_known) {
		form_adopt(app, &app->run_config);
	}
	app_note(app, false, "now %s", name);
	app->note_time = 0;                          /* for the log: the header says it, and the keys stay in sight */
}

static void drop_pending(struct app *app)
{
	const struct cvt_session *s = app->session;
	for (int i = 0; i < app->n_pending;) {
		bool done = false, refused = false;
		for (int k = s->n_commands - 1; k >= 0 && !done; k--) {
			done = !strcmp(s->commands[k].id, app->pending[i].id);
			refused = done && !strncmp(s->commands[k].name, "refused-", 8);
		}
		if (!done && app_alive(app)) {
			i++;
			continue;
		}
		if (refused) {
			app_note(app, true, "refused: %s %s: the run's log says why", app->pending[i].name, app->pending[i].value);
		} else if (done) {
			app_note(app, false, "in force: %s %s", app->pending[i].name, app->pending[i].value);
		} else if (strncmp(app->pending[i].name, "stop", 4) != 0) {
			app_note(app, true, "the run ended before it took %s %s", app->pending[i].name, app->pending[i].value);
		}
		memmove(&app->pending[i], &app->pending[i + 1], sizeof app->pending[0] * (size_t)(app->n_pending - i - 1));
		app->n_pending--;
	}
}

static bool poll_session(struct app *app)
{
	struct cvt_error err;
	if (!app->session) {
		return false;
	}
	if (cvt_session_poll(app->session, &err) < 0) {
		app_note(app, true, "%s", err.message);
		cvt_session_close(app->session);
		app->session = NULL;
		follow_reset(&app->follow);
		return true;
	}
	if (app->seen_generation == app->session->generation) {
		return false;
	}
	app->seen_generation = app->session->generation;
	if (follow_update(&app->follow, app->session) != CVT_OK) {
		app_note(app, true, "the run's rows cannot be drawn: batches.csv is out of order, or memory short");
	}
	drop_pending(app);
	steer_refresh(app);
	return true;
}

static void start_preset(struct app *app)
{
	struct cvt_error err;
	struct cvt_config config;
	cvt_config_init(&config);
	if (cvt_config_load_preset(&config, app->options.start_preset, &err) != CVT_OK) {
		app_note(app, true, "%s", err.message);
		return;
	}
	app->form.config = config;
	app->form.touched = true;
	form_start_now(app, 1);
}

/* After the first list: the live run, else what was asked to start, else the newest. */
static void choose_run(struct app *app)
{
	const struct cvt_run *alive = app_any_alive(app);
	app->chose_run = true;
	if (app->session) {
		return;
	}
	app->tail = true;
	if (alive) {
		app_attach(app, alive->folder);
		app->focus = FOCUS_LOSS;
	} else if (app->options.start_preset) {
		start_preset(app);
	} else if (app->n_runs > 0) {
		app_attach(app, app->runs[app->n_runs - 1].folder);
		app->tail = true;
	}
}

static bool same_runs(const struct cvt_run *a, const struct cvt_run *b, int n)
{
	for (int i = 0; i < n; i++) {
		const struct cvt_live *l = &a[i].live, *m = &b[i].live;
		if (strcmp(a[i].name, b[i].name) || a[i].locked != b[i].locked || l->state != m->state || l->epoch != m->epoch || l->epochs != m->epochs ||
			memcmp(&l->lr, &m->lr, sizeof l->lr) || memcmp(&l->best_val_accuracy, &m->best_val_accuracy, sizeof l->best_val_accuracy)) {
			return false;
		}
	}
	return true;
}

static bool take_results(struct app *app)
{
	char error[256];
	struct cvt_run *runs;
	struct dataset_facts facts;
	int n;
	bool changed = false;
	struct ui_rates rates;
	if (worker_take_runs(app->worker, &runs, &n, error)) {
		changed = !app->listed || n != app->n_runs || !same_runs(runs, app->runs, n);
		free(app->runs);
		app->runs = runs;
		app->n_runs = n;
		app->listed = true;
		if (*error) {
			app_note(app, true, "%s", error);
		}
		if (!app->chose_run) {
			choose_run(app);
		}
		follow_on(app);
	}
	if (worker_take_facts(app->worker, &facts) && !strcmp(facts.data, app->form.facts.data)) {
		app->form.facts = facts;
		form_update_cost(app);
		changed = true;
	}
	worker_rates(app->worker, &rates);
	if (memcmp(&rates, &app->rates, sizeof rates) != 0) {
		app->rates = rates;
		changed = true;
	}
	return changed;
}

/* The clocks in the header and the end of a note. */
static bool second(struct app *app)
{
	struct timespec wall;
	double loads[1];
	clock_gettime(CLOCK_REALTIME, &wall);
	if (floor(app->wall) == (double)wall.tv_sec) {
		return false;
	}
	app->wall = (double)wall.tv_sec;
	const struct cvt_live *live = app_live(app);
	bool moving = app_alive(app) && live->state != CVT_STATE_PAUSED && live->state != CVT_STATE_BLOCKED;
	if (moving && getloadavg(loads, 1) == 1) {
		app->load = loads[0];
	}
	int failed = launch_reap(), told = live && live->state == CVT_STATE_DIVERGED;      /* the run shown says itself that it diverged */
	if (failed > told) {
		app_note(app, true, "the runner ended with an error: its last words are in the log");
	}
	bool expired = app->note_time > 0 && app->now - app->note_time >= 6;
	app->note_time = expired ? 0 : app->note_time;
	return moving || expired;
}

/* A mark may come without its partner, from a program that printed it or a connection that dropped it: no paste pauses for a second. */
static void end_paste(struct app *app)
{
	app->pasting &= app->paste_pause == 0 || app->now - app->paste_pause < 1;
	app->paste_pause = app->paste_pause == 0 ? app->now : app->paste_pause;
}

bool app_tick(struct app *app)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	app->now = (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
	end_paste(app);
	bool changed = take_results(app);
	changed |= poll_session(app);
	changed |= second(app);
	app->dirty |= changed;
	return changed;
}

void app_draw(struct app *app, struct grid *grid)
{
	app->width = grid->width;
	app->height = grid->height;
	form_update_cost(app);
	charts_fit(app);
	grid_clear(grid);
	panel_train(app, pane_whole(grid));
}
