/* runner.c - takes a run's lock, starts its trainer, watches it, and leaves the folder in a state that says how it ended. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/file.h"
#include "convtui/machine.h"
#include "train/prepare.h"
#include "train/tuned.h"
#include "train/watch.h"

#define CONFIG_LIMIT ((size_t)1 << 20)
#define WORK_FILE "work.csv"          /* how often `work` began this run */
#define WORK_TIMES 3                  /* once, and at most twice more after a crash */

static bool is_crashed(enum cvt_state state)
{
	return cvt_state_alive(state) || state == CVT_STATE_CRASHED;
}

/* How often `work` has begun the run so far; 0 when somebody else did. */
static int work_count(const char *folder)
{
	char path[1100], *text;
	size_t size;
	int count = 0;

	if (cvt_path_join(path, sizeof path, folder, WORK_FILE, NULL) < 0 || cvt_file_read(path, 4096, &text, &size, NULL) < 0)
		return 0;
	if (sscanf(text, "times\n%d", &count) != 1 || count < 0)
		count = 0;
	free(text);
	return count;
}

/* `work`, with the lock held: is the run still its to take? */
static int claim(struct cvt_writer *writer, enum cvt_state state, struct cvt_error *err)
{
	const char *folder = cvt_writer_folder(writer);
	int count = work_count(folder), length;
	char text[64];

	if (state != CVT_STATE_QUEUED && !(is_crashed(state) && count > 0))
		return cvt_fail(err, CVT_ERR_BUSY, "%s is %s: not for `work`", folder, cvt_state_name(state));
	if (state != CVT_STATE_QUEUED && count >= WORK_TIMES)
		return cvt_fail(err, CVT_ERR_BUSY, "%s has crashed %d times: `convtui resume` tries again", folder, count);
	length = snprintf(text, sizeof text, "times\n%d\n", count + 1);
	return cvt_writer_file(writer, WORK_FILE, text, (size_t)length, err);
}

/* Refused before the folder is touched: a run that has ended well stays so. One that crashed goes on from its checkpoint, which only the
 * trainer reads. */
static int check_epochs(const struct cvt_live *live, int epochs, struct cvt_error *err)
{
	int least = live->epoch + (live->batch_in_epoch > 0);

	if (is_crashed(live->state) || epochs >= least)
		return CVT_OK;
	return cvt_fail(err, CVT_ERR_RANGE, "epochs %d: the run %s %d already: give a larger number", epochs,
		live->batch_in_epoch > 0 ? "is in epoch" : "has trained", least);
}

/* Settings that a resume changes: those that can be steered become commands, the others hold for this attempt. */
static int take_changes(struct cvt_trainer *t, const struct cvt_config *changes, const struct cvt_live *live, struct cvt_error *err)
{
	int n;
	const struct cvt_option *rows = cvt_options(&n);

	for (int i = 0; changes && i < n; i++) {
		char text[1024], now[1024];
		int rc = CVT_OK;

		if (!(changes->set >> i & 1))
			continue;
		cvt_config_get(changes, &rows[i], text, sizeof text);
		cvt_config_get(&t->config, &rows[i], now, sizeof now);
		if (!rows[i].resumable && strcmp(text, now) != 0)
			return cvt_fail(err, CVT_ERR_RANGE, "%s cannot change from %s to %s on resume: what has been trained would not be of this "
				"run; train a new one", rows[i].key, now, text);
		if (!rows[i].resumable)
			continue;
		if (strcmp(rows[i].key, "epochs") == 0)
			rc = check_epochs(live, changes->epochs, err);
		if (rc < 0)
			return rc;
		if (rows[i].live && t->n_changes < (int)(sizeof t->changes / sizeof t->changes[0])) {
			struct cvt_train_change *change = &t->changes[t->n_changes++];

			snprintf(change->name, sizeof change->name, "%.*s", (int)sizeof change->name - 1, rows[i].key);
			snprintf(change->value, sizeof change->value, "%.*s", (int)sizeof change->value - 1, text);
		}
		if (!rows[i].live || strcmp(rows[i].key, "threads") == 0)
			rc = cvt_config_set(&t->config, &rows[i], text, err);
		if (rc < 0)
			return rc;
	}
	return CVT_OK;
}

static int load_config(struct cvt_trainer *t, struct cvt_error *err)
{
	char path[1100];
	size_t size;
	int rc = cvt_path_join(path, sizeof path, t->folder, "config.yaml", err);

	if (rc == CVT_OK)
		rc = cvt_file_read(path, CONFIG_LIMIT, &t->config_text, &size, err);
	if (rc < 0)
		return rc;
	cvt_config_init(&t->config);
	rc = cvt_config_parse(&t->config, t->config_text, size, path, err);
	if (rc == CVT_OK && t->config.set == 0)
		rc = cvt_fail(err, CVT_ERR_FORMAT, "config.yaml has no option in it: put back what it was");
	if (rc < 0)
		return rc;
	cvt_config_resolve(&t->config);
	return cvt_config_check(&t->config, err);
}

static void begin_page(struct cvt_live *live, const struct cvt_config *config)
{
	double now = cvt_clock_wall();

	live->state = CVT_STATE_PREPARING;
	live->reason[0] = 0;
	if (live->started <= 0)
		live->started = now;
	live->updated = now;
	live->pid = (int)getpid();
	if (gethostname(live->host, sizeof live->host - 1) < 0)
		live->host[0] = 0;
	live->prepared = live->to_prepare = live->bad = 0;
	live->evaluated = live->to_evaluate = 0;
	live->images_per_second = live->batch_seconds = NAN;
	(void)!cvt_arch_label(config, live->network, sizeof live->network, NULL);
}

/* Thread and watch, until the trainer ends. */
static int run_thread(struct cvt_trainer *t, const struct cvt_runner_options *options, struct cvt_runner_result *result,
	struct cvt_error *err)
{
	struct cvt_watch watch = {.writer = t->writer, .shared = t->shared, .options = options, .live = t->shared->live};
	pthread_t thread;
	int rc = cvt_watch_init(&watch, err), failed;

	if (rc < 0) {
		cvt_watch_finish(&watch);
		return rc;
	}
	cvt_shared_ask_look(t->shared);
	failed = pthread_create(&thread, NULL, cvt_trainer_thread, t);
	if (failed) {
		cvt_watch_finish(&watch);
		return cvt_fail_errno(err, failed, "cannot start the training thread");
	}
	cvt_watch_obey(&watch);
	while (!cvt_watch_round(&watch))
		;
	pthread_join(thread, NULL);
	cvt_watch_finish(&watch);
	*result = (struct cvt_runner_result){.state = watch.live.state, .live = watch.live, .asked = watch.asked};
	memcpy(result->reason, watch.live.reason, sizeof result->reason);
	return CVT_OK;
}

/* A run that has an end keeps it, and its results, where it could not even be gone on with: why is in its log. Any other would be taken for one
 * that waits or trains. */
static bool keeps_its_end(enum cvt_state state)
{
	return state == CVT_STATE_DONE || state == CVT_STATE_STOPPED || state == CVT_STATE_DIVERGED;
}

/* The page as it was, after an attempt that did not begin. */
static int leave_as_it_was(const struct cvt_trainer *t, const struct cvt_live *before, struct cvt_runner_result *result, struct cvt_error *err)
{
	const char *reason = result->reason;
	char line[400];
	struct cvt_error ignored;
	struct cvt_live page = *before;

	snprintf(line, sizeof line, "not resumed, and left as it was (%s)%s%s", cvt_state_name(before->state), reason[0] ? ": " : "", reason);
	(void)!cvt_writer_log(t->writer, line, &ignored);      /* a convenience, as all of the log */
	if (is_crashed(page.state))
		page.state = CVT_STATE_TRAINING;       /* which it is not without a runner: crashed is never written */
	result->live = *before;
	result->left = true;
	return cvt_writer_live(t->writer, &page, err);
}

/* The lock is held. `live` is the page as the last runner left it. */
static int run(struct cvt_trainer *t, const struct cvt_runner_options *options, struct cvt_live *live, struct cvt_runner_result *result,
	struct cvt_error *err)
{
	struct cvt_shared shared;
	struct cvt_error why;
	const struct cvt_live before = *live;
	int rc = load_config(t, &why);

	if (rc == CVT_OK)
		rc = take_changes(t, options->changes, live, err);
	else {
		/* Otherwise it would stay queued, for every `work` to stumble over. */
		live->state = CVT_STATE_FAILED;
		cvt_error_text(&why, live->reason, sizeof live->reason);
		*result = (struct cvt_runner_result){.state = live->state, .live = *live};
		memcpy(result->reason, live->reason, sizeof result->reason);
		return keeps_its_end(before.state) ? leave_as_it_was(t, &before, result, err) : cvt_writer_live(t->writer, live, err);
	}
	if (rc < 0)
		return rc;
	begin_page(live, &t->config);
	cvt_machine_reset_peak();        /* `work` trains one run after another in this process */
	rc = cvt_writer_live(t->writer, live, err);
	if (rc == CVT_OK)
		rc = cvt_shared_init(&shared, live, err);
	if (rc < 0)
		return rc;
	t->shared = &shared;
	t->page_is_new = before.started <= 0;
	rc = run_thread(t, options, result, err);
	cvt_shared_finish(&shared);
	if (t->began || !(keeps_its_end(before.state) || t->unwanted))
		return rc;
	/* Also where the thread could not be started: the error is that one then. */
	int left = leave_as_it_was(t, &before, result, rc < 0 ? NULL : err);
	return rc < 0 ? rc : left;
}

int cvt_runner_run_tuned(const char *folder, const struct cvt_runner_options *options, const struct cvt_train_tuning *tuning,
	struct cvt_runner_result *ret_result, struct cvt_error *err)
{
	struct cvt_trainer *t = calloc(1, sizeof *t);
	struct cvt_runner_result result = {0};
	struct cvt_run before;
	int rc;

	if (!t)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for a trainer");
	t->folder = folder;
	t->tuning = *tuning;
	rc = cvt_writer_open(folder, &t->writer, err);
	if (rc == CVT_OK)
		rc = cvt_run_read(folder, &before, err);
	if (rc == CVT_OK && options->take_queued_only)
		rc = claim(t->writer, before.live.state, err);
	if (rc == CVT_OK)
		rc = run(t, options, &before.live, &result, err);
	cvt_trainer_finish(t);
	cvt_writer_close(t->writer);
	free(t);
	if (rc == CVT_OK)
		*ret_result = result;
	return rc;
}

int cvt_runner_run(const char *folder, const struct cvt_runner_options *options, struct cvt_runner_result *ret_result,
	struct cvt_error *err)
{
	return cvt_runner_run_tuned(folder, options, &(struct cvt_train_tuning){0}, ret_result, err);
}
