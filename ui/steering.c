/* steering.c - what is in force in the followed run, and commands to it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "advice.h"
#include "convtui/text.h"
#include "program.h"
#include "state.h"

int steer_rows(int rows[64])
{
	int n_options, n = 0;
	const struct cvt_option *options = cvt_options(&n_options);
	for (int i = 0; i < n_options && n < 64; i++) {
		if (options[i].live) {
			rows[n++] = i;
		}
	}
	return n;
}

static void set(struct cvt_config *config, const char *key, const char *text)
{
	const struct cvt_option *option = cvt_option_find(key);
	/* A row written by an older or damaged run that the table refuses leaves the value as it was. */
	if (option && option->live && cvt_config_set(config, option, text, NULL) != CVT_OK) {
		return;
	}
}

/* The run's own settings, then every command that took effect, then what the page says now. Under a schedule the page's rate is that of the
 * epoch, not the base that a command sets. */
struct cvt_config steer_in_force(const struct app *app, int64_t batch)
{
	struct cvt_config config = app->run_config;
	const struct cvt_live *live = app_live(app);
	char text[64];
	for (int i = 0; app->session && i < app->session->n_commands; i++) {
		const struct cvt_command_row *c = &app->session->commands[i];
		if (batch == INT64_MAX || c->batch < batch) {
			set(&config, c->name, c->value);
		}
	}
	if (live && batch == INT64_MAX && isfinite(live->lr) && live->lr > 0 && (!app->run_config_known || config.schedule == CVT_SCHEDULE_CONSTANT)) {
		cvt_text_from_double(live->lr, text, sizeof text);
		set(&config, "lr", text);
	}
	if (live && live->epochs > 0) {
		snprintf(text, sizeof text, "%d", live->epochs);
		set(&config, "epochs", text);
	}
	return config;
}

bool steer_possible(struct app *app)
{
	if (!app->session) {
		app_note(app, true, "no run is shown: G starts one, Enter in the table of runs shows one");
	} else if (app_live(app)->state == CVT_STATE_DIVERGED) {
		app_note(app, true, "it has diverged: b fills the form: its checkpoint, a tenth of its rate");
	} else if (!app_alive(app)) {
		char advice[4400];
		enum cvt_state state = app_live(app)->state;
		advice_go_on(&app->session->run, advice, sizeof advice);
		app_note(app, true, "it has %s (%s): %s", state == CVT_STATE_QUEUED ? "not begun" : "ended", cvt_state_name(state), advice);
	} else {
		return true;
	}
	return false;
}

void steer_open(struct app *app)
{
	if (!steer_possible(app)) {
		return;
	}
	struct steer *s = &app->steer;
	int row = s->row;
	memset(s, 0, sizeof *s);
	s->row = row;
	s->in_force = s->draft = steer_in_force(app, INT64_MAX);
	app->overlay = OVERLAY_STEER;
}

/* What took effect meanwhile, from here or elsewhere. A value that was changed, or sent and waits, keeps its draft. */
void steer_refresh(struct app *app)
{
	struct steer *s = &app->steer;
	int rows[64], n = steer_rows(rows), n_options;
	const struct cvt_option *options = cvt_options(&n_options);
	if (app->overlay != OVERLAY_STEER || app->n_pending > 0) {
		return;
	}
	s->in_force = steer_in_force(app, INT64_MAX);
	for (int i = 0; i < n; i++) {
		char text[256];
		if (!s->changed[rows[i]]) {
			cvt_config_get(&s->in_force, &options[rows[i]], text, sizeof text);
			set(&s->draft, options[rows[i]].key, text);
		}
	}
}

void steer_send(struct app *app)
{
	struct steer *s = &app->steer;
	const struct cvt_live *live = app_live(app);
	int n_options, least = live ? advice_least_epochs(live) : 0;
	const struct cvt_option *options = cvt_options(&n_options);
	if (s->changed[cvt_option_find("epochs") - options] && s->draft.epochs < least) {
		cvt_fail(&s->error, CVT_ERR_RANGE, "epochs %d: it is in epoch %d: Esc, then x stops the run", s->draft.epochs, least);
		return;
	}
	for (int i = 0; i < n_options; i++) {
		char text[256];
		if (s->changed[i]) {
			cvt_config_get(&s->draft, &options[i], text, sizeof text);
			app_command(app, options[i].key, text);
			s->changed[i] = false;
		}
	}
}

void app_command(struct app *app, const char *name, const char *value)
{
	struct cvt_error err;
	struct pending p = {0};
	if (!steer_possible(app)) {                  /* it may have ended while the panel was open */
		return;
	}
	if (cvt_run_command(app->session->run.folder, name, value, p.id, &err) != CVT_OK) {
		app_note(app, true, "%s", err.message);
		return;
	}
	snprintf(p.name, sizeof p.name, "%s", name);
	snprintf(p.value, sizeof p.value, "%s", value);
	if (app->n_pending == MAX_PENDING) {
		memmove(app->pending, app->pending + 1, sizeof p * --app->n_pending);
	}
	app->pending[app->n_pending++] = p;
	app->dirty = true;
}
