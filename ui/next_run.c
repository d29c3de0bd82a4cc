/* next_run.c - the form's state: what applies, what it costs, and the start of the run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"
#include "program.h"
#include "state.h"

int form_rows(const struct cvt_config *config, int rows[64])
{
	int n_options, n = 0;
	const struct cvt_option *options = cvt_options(&n_options);
	for (int i = 0; i < n_options && n < 64; i++) {
		bool step = !strncmp(options[i].key, "step-", 5);
		if (options[i].form && cvt_option_applies(&options[i], config->arch) && (!step || config->schedule == CVT_SCHEDULE_STEP)) {
			rows[n++] = i;
		}
	}
	return n;
}

const struct cvt_option *form_option(const struct app *app)
{
	int rows[64], n = form_rows(&app->form.config, rows), all;
	return app->form.row < n ? &cvt_options(&all)[rows[app->form.row]] : NULL;
}

/* Only what differs is set, so that the rate still follows the number of layers. */
void form_adopt(struct app *app, const struct cvt_config *run)
{
	struct cvt_config config;
	int n;
	const struct cvt_option *options = cvt_options(&n);
	if (app->form.touched || app->form.open) {
		return;
	}
	cvt_config_init(&config);
	for (int i = 0; i < n; i++) {
		char mine[1024], theirs[1024];
		struct cvt_config resolved = config;
		cvt_config_resolve(&resolved);
		cvt_config_get(&resolved, &options[i], mine, sizeof mine);
		cvt_config_get(run, &options[i], theirs, sizeof theirs);
		if (strcmp(mine, theirs) != 0 && cvt_config_set(&config, &options[i], theirs, NULL) != CVT_OK) {
			return;
		}
	}
	cvt_config_resolve(&config);
	app->form.config = config;
}

void form_branch(struct app *app)
{
	struct form *f = &app->form;
	const struct cvt_live *live = app_live(app);
	const char *name = app->session->run.name;
	bool diverged = live->state == CVT_STATE_DIVERGED;
	struct cvt_config config = steer_in_force(app, diverged ? live->checkpoint_batch : INT64_MAX);
	char path[1100];
	snprintf(path, sizeof path, "%s/checkpoint.safetensors", app->session->run.folder);
	bool kept = access(path, R_OK) == 0;
	if (!app->run_config_known) {
		app_note(app, true, "%s: its config.yaml cannot be read, so nothing can branch from it", name);
	} else if (!kept && !diverged) {
		app_note(app, true, "%s has no checkpoint yet: n begins a new run", name);
	} else if (strlen(path) >= sizeof config.init) {
		app_note(app, true, "%s: the path of its checkpoint is longer than %zu bytes", name, sizeof config.init - 1);
	} else {
		int n;
		if (kept) {
			snprintf(config.init, sizeof config.init, "%s", path);
		}
		const struct cvt_option *options = cvt_options(&n), *lr = cvt_option_find("lr"), *init = cvt_option_find("init");
		config.lr = diverged ? config.lr / 10 : config.lr;
		config.set |= 1ULL << (lr - options) | 1ULL << (init - options);
		f->config = config;
		f->touched = true;
		f->open = false;
		f->error.code = 0;
		f->row = 0;
		for (int rows[64], i = form_rows(&config, rows) - 1; i >= 0; i--) {
			f->row = &options[rows[i]] == lr ? i : f->row;
		}
		app->focus = FOCUS_FORM;
		f->branched = kept;
		app_note(app, false, kept ? "from the checkpoint of %s, rate %g: G starts it" : "as %s, which has no checkpoint, with rate %g: G starts it", name, config.lr);
	}
}

/* The configuration with the open field's text in it, or false and the error under the field. */
static bool with_open_text(struct app *app, struct cvt_config *config)
{
	struct form *f = &app->form;
	int rows[64], n = form_rows(config, rows), all, maps[64];
	if (!f->open || f->row >= n) {
		return true;
	}
	const struct cvt_option *option = &cvt_options(&all)[rows[f->row]];
	f->error.code = 0;
	if (!strcmp(option->key, "expansion") && cvt_expansion_maps(f->edit.text, config->channels, config->layers, maps, &f->error) != CVT_OK) {
		return false;
	}
	return cvt_config_set(config, option, f->edit.text, &f->error) == CVT_OK;
}

/* The post's three until the folder has been counted. */
static int form_classes(const struct form *f, const struct cvt_config *config)
{
	return f->facts.known && !strcmp(f->facts.data, config->data) && f->facts.classes > 1 ? f->facts.classes : 3;
}

void form_update_cost(struct app *app)
{
	struct form *f = &app->form;
	struct cvt_config config = f->config;
	if (!with_open_text(app, &config)) {
		return;
	}
	cvt_config_resolve(&config);
	int classes = form_classes(f, &config);
	bool asked = !strcmp(f->facts.data, config.data);
	if (!asked && !f->open) {
		f->facts = (struct dataset_facts){0};
		snprintf(f->facts.data, sizeof f->facts.data, "%s", config.data);
		worker_ask(app->worker, config.data);
	}
	if ((f->cost.known || f->cost.error.code) && classes == f->cost_classes && !memcmp(&config, &f->cost_of, sizeof config)) {
		return;
	}
	cvt_description_finish(&f->cost.what);
	memset(&f->cost, 0, sizeof f->cost);
	f->cost.known = cvt_describe(&config, classes, &f->cost.what, &f->cost.error) == CVT_OK;
	f->cost_of = config;
	f->cost_classes = classes;
	app->dirty = true;
}

void form_start(struct app *app)
{
	struct cvt_error err;
	struct cvt_config config = app->form.config;
	struct cvt_description what;
	cvt_config_resolve(&config);
	if (*app->form.facts.error && !strcmp(app->form.facts.data, config.data)) {
		app->focus = FOCUS_FORM;
		app_note(app, true, "%s", app->form.facts.error);
		worker_ask(app->worker, config.data);        /* it may be there by now */
		return;
	}
	if (cvt_config_check(&config, &err) != CVT_OK || cvt_describe(&config, 3, &what, &err) != CVT_OK) {
		app->form.error = err;
		app->focus = FOCUS_FORM;
		app_note(app, true, "%s", err.message);
		return;
	}
	cvt_description_finish(&what);
	if (launch_any() || app_any_alive(app) || app_alive(app)) {
		app->overlay = OVERLAY_START;
		app->choice = 0;
		return;
	}
	form_start_now(app, 1);
}

/* What a new run waits for: the newest that waits already, else the run that is followed, else the one that is alive. */
static const char *folder_before(const struct app *app)
{
	for (int i = 0; *app->last_waiting && i < app->n_runs; i++) {
		if (!strcmp(app->runs[i].name, app->last_waiting) && app->runs[i].live.state == CVT_STATE_QUEUED) {
			return app->runs[i].folder;
		}
	}
	const struct cvt_run *alive = app_any_alive(app);
	return app->session && (app_alive(app) || !alive) ? app->session->run.folder : alive ? alive->folder : NULL;
}

static void start_later(struct app *app, const struct cvt_run *run, bool stop)
{
	struct cvt_error err;
	char id[24];
	const char *before = folder_before(app);
	const struct cvt_run *alive = app_alive(app) ? &app->session->run : app_any_alive(app);
	if (!before || launch_after(app->store, run, before, &err) != CVT_OK) {
		app_note(app, true, "%s is queued: %s work starts it%s%s", run->name, program_name(), before ? "; " : "", before ? err.message : "");
		return;
	}
	if (stop && alive && cvt_run_command(alive->folder, "stop", "", id, &err) != CVT_OK) {
		app_note(app, true, "%s", err.message);
		return;
	}
	snprintf(app->last_waiting, sizeof app->last_waiting, "%s", run->name);
	app->tail = true;
	app_note(app, false, "%s starts after %s, with or without this screen", run->name, strrchr(before, '/') ? strrchr(before, '/') + 1 :
		before);
}

void form_start_now(struct app *app, int how)
{
	struct cvt_error err;
	struct cvt_run run;
	struct cvt_config config = app->form.config;
	cvt_config_resolve(&config);
	if (launch_create(app->store, &config, form_classes(&app->form, &config), &run, &err) != CVT_OK) {
		app->form.error = err;
		app_note(app, true, "%s", err.message);
		return;
	}
	if (app->form.branched) {                    /* the run after that one is no branch */
		app->form.config.init[0] = 0;
		app->form.branched = false;
	}
	worker_hurry(app->worker);
	snprintf(app->cursor_run, sizeof app->cursor_run, "%s", run.name);
	if (how == 1) {
		if (launch_runner(run.folder, &err) != CVT_OK) {
			app_note(app, true, "%s", err.message);
			return;
		}
		app_attach(app, run.folder);
		app->tail = true;
		app->focus = FOCUS_LOSS;
		app_note(app, false, "started %s", run.name);
		return;
	}
	start_later(app, &run, how == 2);
}
