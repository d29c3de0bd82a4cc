/* main_loop.c - the dashboard on a terminal, and the same without one. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "convtui/text.h"
#include "program.h"
#include "state.h"
#include "term/dump.h"
#include "term/key.h"
#include "term/term.h"
#include "widgets/number.h"

/* Frames for keys come at most every 8 ms, frames for data every 250: four a second show a curve in motion and keep the bytes few. */
static const double key_frame = 0.008, data_frame = 0.25, session_pause = 0.1;

int app_init(struct app *app, const struct app_options *options, bool threaded, struct cvt_error *err)
{
	struct cvt_run run;
	memset(app, 0, sizeof *app);
	app->options = *options;
	app->following = true;
	follow_init(&app->follow);
	cvt_config_init(&app->form.config);
	cvt_config_resolve(&app->form.config);
	int status = cvt_store_path(options->runs, app->store, sizeof app->store, err);
	if (status == CVT_OK && options->run) {
		status = cvt_store_find(app->store, options->run, &run, err);
	}
	if (status == CVT_OK && worker_create(app->store, threaded, &app->worker) != CVT_OK) {
		status = cvt_fail(err, CVT_ERR_MEMORY, "no memory for the dashboard");
	}
	if (status == CVT_OK && options->run) {
		app_attach(app, run.folder);
		app->focus = FOCUS_LOSS;
	}
	return status;
}

void app_finish(struct app *app)
{
	cvt_session_close(app->session);
	worker_destroy(app->worker);
	follow_finish(&app->follow);
	cvt_description_finish(&app->form.cost.what);
	ui_filter_destroy(app->filter);
	free(app->runs);
}

static double clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* What is left on the normal screen. */
static void print_summary(const struct app *app)
{
	const struct cvt_live *live = app_live(app);
	char network[160], best[32], folder[1024];
	if (!live) {
		return;
	}
	cvt_text_clean(network, sizeof network, live->network);
	cvt_text_clean(folder, sizeof folder, app->session->run.folder);
	number_percent(live->best_val_accuracy, best, sizeof best);
	printf("%s    %s\n", network, best);
	printf("%s, epoch %d of %d, in %s\n", cvt_state_name(live->state), live->epoch < 0 ? 0 : live->epoch, live->epochs, folder);
	if (app_alive(app)) {
		printf("it goes on without the screen: `%s %s` shows it again\n", program_name(), app->session->run.name);
	}
}

/* Pasted text may hold the mark of its end, and what follows that one would be commands: what comes in one go with it belongs to the paste. */
static void read_keys(struct app *app)
{
	bool pasted = false;
	for (int key; (key = term_key()) != 0;) {
		if (key < 0) {
			app->leaving = true;                 /* the terminal is gone; the run is not */
			return;
		}
		pasted = key == KEY_PASTE_END || (pasted && key != KEY_PASTE_BEGIN);
		if (key != KEY_IGNORED && key != KEY_PASTE_END) {
			app_key(app, key);
		}
	}
	if (pasted) {
		app_key(app, KEY_PASTE_END);
	}
}

static void read_prints(struct app *app)
{
	char line[256];
	while (term_printed_line(line, sizeof line)) {
		app_note(app, false, "%s", line);
	}
}

static int present(struct app *app, struct grid **grid)
{
	int width, height;
	term_size(&width, &height);
	if (!*grid || (*grid)->width != width || (*grid)->height != height) {
		grid_destroy(*grid);
		*grid = NULL;
		if (grid_create(width, height, term_charset(), grid) != CVT_OK) {
			return CVT_ERR_MEMORY;
		}
	}
	if (app->repaint) {
		term_repaint();
		app->repaint = false;
	}
	app_draw(app, *grid);
	term_present(*grid);
	app->dirty = false;
	return CVT_OK;
}

/* Waits for input, a signal, a result, rows, the next second or the time of the frame that is due. */
static bool wait_for_something(const struct app *app, double frame_due, double session_due)
{
	struct pollfd fds[4] = {{.fd = term_fd(), .events = POLLIN}, {.fd = term_signal_fd(), .events = POLLIN}, {.fd = worker_fd(app->worker), .events = POLLIN},
		{.fd = -1, .events = POLLIN}};
	double now = clock_now(), until = now + 1;
	if (app->session && now >= session_due) {
		fds[3].fd = cvt_session_fd(app->session);
	} else if (app->session) {
		until = session_due;
	}
	if (app->session && (app->session->behind || app->seen_generation != app->session->generation)) {
		until = now;
	}
	if (app->dirty && frame_due < until) {
		until = frame_due;
	}
	int ms = (int)ceil((until - now) * 1e3);
	int ready = poll(fds, 4, ms < 0 ? 0 : ms);
	return ready > 0 && (fds[0].revents || fds[1].revents);
}

static void loop(struct app *app)
{
	struct grid *grid = NULL;
	double drawn = 0, polled = 0;
	bool key = true;
	while (!app->leaving) {
		if (app->dirty && clock_now() >= drawn + (key ? key_frame : data_frame)) {
			if (present(app, &grid) != CVT_OK) {
				break;
			}
			drawn = clock_now();
			key = false;
		}
		bool input = wait_for_something(app, drawn + (key ? key_frame : data_frame), polled + session_pause);
		if (term_serve_signals()) {
			app->dirty = key = true;
		}
		if (input) {
			read_keys(app);
			key = true;
		} else {
			app_tick(app);
			polled = clock_now();
			read_prints(app);
		}
	}
	grid_destroy(grid);
}

int app_main(int argc, char **argv, const struct app_options *options)
{
	struct app *app = malloc(sizeof *app);
	struct cvt_error err;
	struct term_options term = {.charset = options->charset};
	(void)argc;
	(void)argv;
	if (!app) {
		fprintf(stderr, "convtui: no memory for the dashboard\n");
		return 1;
	}
	int status = app_init(app, options, true, &err);
	if (status == CVT_OK && (status = term_start(&term, &err)) == CVT_OK) {
		app->dirty = true;
		app->now = clock_now();
		loop(app);
		term_stop();
		print_summary(app);
	}
	if (status != CVT_OK) {
		fprintf(stderr, "convtui: %s\n", err.message);
	}
	app_finish(app);
	free(app);
	return status == CVT_OK ? 0 : 1;
}

void app_settle(struct app *app)
{
	worker_step(app->worker);
	app_tick(app);
	while (app->session && app->session->behind) {
		app_tick(app);
	}
	form_update_cost(app);
	worker_step(app->worker);
	app_tick(app);
}

/* One word of --keys: a key's name, type:TEXT or sleep:SECONDS. The drawing in between moves what depends on sizes. */
static bool script_word(struct app *app, struct grid *grid, const char *word)
{
	if (!strncmp(word, "type:", 5)) {
		for (const char *text = word + 5; *text;) {
			app_key(app, (int)text_next(&text));
		}
	} else if (!strncmp(word, "sleep:", 6)) {
		double seconds;
		if (!cvt_text_to_double(word + 6, &seconds) || seconds < 0 || seconds > 60) {
			return false;
		}
		struct timespec t = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
		nanosleep(&t, NULL);
	} else {
		int key = key_from_name(word);
		if (!key) {
			return false;
		}
		app_key(app, key);
	}
	app_settle(app);
	app_draw(app, grid);
	return true;
}

static int run_script(struct app *app, struct grid *grid, const char *keys)
{
	char *copy = strdup(keys ? keys : ""), *save = NULL;
	int code = 0;
	if (!copy) {
		return 1;
	}
	for (char *word = strtok_r(copy, " ", &save); word && !app->leaving; word = strtok_r(NULL, " ", &save)) {
		if (!script_word(app, grid, word)) {
			fprintf(stderr, "convtui: no key '%s': a name (Down, Enter, Esc, Tab, Space), a character, type:TEXT or sleep:SECONDS\n", word);
			code = 2;
			break;
		}
	}
	free(copy);
	return code;
}

int app_screen(const struct app_options *options, int width, int height, const char *keys, bool meanings)
{
	struct app *app = malloc(sizeof *app);
	struct grid *grid = NULL;
	struct cvt_error err;
	char *text = NULL;
	int code = 1;
	if (!app || grid_create(width, height, term_glyphs(options->charset), &grid) != CVT_OK) {
		fprintf(stderr, "convtui: no memory for the screen\n");
		free(app);
		return 1;
	}
	if (app_init(app, options, false, &err) != CVT_OK) {
		fprintf(stderr, "convtui: %s\n", err.message);
		goto out;
	}
	app_settle(app);
	app_draw(app, grid);
	code = run_script(app, grid, keys);
	if (code == 0) {
		code = (meanings ? dump_meanings(grid, &text) : dump_text(grid, &text)) == CVT_OK && fputs(text, stdout) >= 0 && fflush(stdout) == 0 ? 0 : 1;
	}
out:
	app_finish(app);
	grid_destroy(grid);
	free(text);
	free(app);
	return code;
}
