/* steering.c - commands: taken between two batches, logged before they act, replayed where they acted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "train/schedule.h"
#include "train/trainer.h"

/* Logged commands that a resumed run takes again; a pause or a stop belongs to its moment, threads to its machine. */
static bool is_replayed(const char *name)
{
	static const char *const names[] = {"lr", "momentum", "weight-decay", "epochs", "patience"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* The values in force, for the page. */
static void show_rates(struct cvt_trainer *t)
{
	struct cvt_live *live = cvt_shared_live(t->shared);

	live->epochs = t->config.epochs;
	live->lr = cvt_schedule_lr(&t->config, t->at.epoch + 1);
	live->threads = t->network ? t->network->threads : live->threads;
	cvt_shared_unlock(t->shared);
}

/* A row of the option table that may be steered. The value is absolute, so taking it twice does no harm. */
static int apply_option(struct cvt_trainer *t, const char *name, const char *value, struct cvt_error *err)
{
	const struct cvt_option *option = cvt_option_find(name);
	struct cvt_config next = t->config;
	struct cvt_error why;
	int rc;

	if (!option || !option->live)
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "%s cannot be steered", name);
	rc = cvt_config_set(&next, option, value, err);
	if (rc == CVT_OK && t->network && next.momentum != 0)
		rc = cvt_network_need_momentum(t->network, err);
	if (rc < 0)
		return rc;
	/* Threads that the machine does not give change no result: the run keeps those that it has. */
	if (t->network && strcmp(name, "threads") == 0 && cvt_network_set_threads(t->network, next.threads, &why) < 0) {
		cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "it stays at %d threads: %s", t->network->threads, why.message);
		next.threads = t->config.threads;
	}
	t->config = next;
	show_rates(t);
	return CVT_OK;
}

static int apply(struct cvt_trainer *t, const char *name, const char *value, struct cvt_error *err)
{
	if (strcmp(name, "pause") == 0)
		t->paused = true;
	else if (strcmp(name, "resume") == 0)
		t->paused = false;
	else if (strcmp(name, "stop") == 0)
		t->stop = true;
	else if (strcmp(name, "checkpoint") == 0)
		t->save_wanted = true;
	else if (strcmp(name, "stop-after-epoch") == 0)
		/* Between two epochs it means the one that ended, unless this attempt has yet to begin its first. */
		t->stop_after_epoch = t->at.epoch + (t->at.batch_in_epoch > 0 || t->at.batch == t->first_batch);
	else
		return apply_option(t, name, value, err);
	return CVT_OK;
}

static int compare_rows(const void *a, const void *b)
{
	const struct cvt_command_row *x = a, *y = b;

	return x->batch < y->batch ? -1 : x->batch > y->batch;
}

/* Sorts by batch, keeping the order of the file; drops what a later row of the file has overtaken: after a crash a run goes on from an
 * earlier batch than commands.csv has reached, and what was wished then is newer than what was wished before for a later batch. */
static void order_rows(struct cvt_command_row *rows, int *n_rows)
{
	int n = 0;

	for (int i = 0; i < *n_rows; i++) {
		bool overtaken = !is_replayed(rows[i].name);

		for (int k = i + 1; k < *n_rows && !overtaken; k++)
			overtaken = strcmp(rows[k].name, rows[i].name) == 0 && rows[k].batch < rows[i].batch;
		if (!overtaken)
			rows[n++] = rows[i];
	}
	*n_rows = n;
	/* An insertion sort is stable, and rows come nearly in order. */
	for (int i = 1; i < n; i++)
		for (int k = i; k > 0 && compare_rows(&rows[k - 1], &rows[k]) > 0; k--) {
			struct cvt_command_row row = rows[k];

			rows[k] = rows[k - 1];
			rows[k - 1] = row;
		}
}

static int replay_until(struct cvt_trainer *t, int64_t batch, struct cvt_error *err)
{
	while (t->next_replay < t->n_replay && t->replay[t->next_replay].batch < batch) {
		const struct cvt_command_row *row = &t->replay[t->next_replay++];
		int rc = apply(t, row->name, row->value, err);

		if (rc < 0)
			return rc;
	}
	return CVT_OK;
}

int cvt_trainer_load_commands(struct cvt_trainer *t, struct cvt_error *err)
{
	int rc = cvt_writer_commands(t->writer, &t->replay, &t->n_replay, err);

	if (rc < 0)
		return rc;
	order_rows(t->replay, &t->n_replay);
	/* Those before this very batch come at its boundary, after an evaluation that may still be due. */
	return replay_until(t, t->at.batch, err);
}

int cvt_trainer_replay(struct cvt_trainer *t, struct cvt_error *err)
{
	return replay_until(t, t->at.batch + 1, err);
}

/* What waits to be replayed is older than this command: it is dropped, as order_rows would drop it. */
static void overtake(struct cvt_trainer *t, const char *name)
{
	int n = t->next_replay;

	for (int i = t->next_replay; i < t->n_replay; i++)
		if (strcmp(t->replay[i].name, name) != 0)
			t->replay[n++] = t->replay[i];
	t->n_replay = n;
}

static int log_command(struct cvt_trainer *t, const void *what, struct cvt_error *err)
{
	return cvt_writer_command_done(t->writer, what, t->at.batch, err);
}

/* A run cannot have fewer epochs than it has trained and begun: that would be an end in disguise, which nobody asked for by name. */
static int check_epochs(const struct cvt_trainer *t, int epochs, struct cvt_error *err)
{
	bool begun = t->at.batch_in_epoch > 0;

	if (epochs >= t->at.epoch + begun)
		return CVT_OK;
	return cvt_fail(err, CVT_ERR_RANGE, "epochs %d: epoch %d %s: give a larger number (stop or stop-after-epoch ends the run)", epochs, t->at.epoch + begun,
		begun ? "has begun" : "is finished");
}

/* Would it be taken? Tried on a copy, so that a value that is no good is logged as refused and never replayed. */
static int check(const struct cvt_trainer *t, const struct cvt_inbox_command *command, struct cvt_error *err)
{
	static const char *const plain[] = {"pause", "resume", "stop", "checkpoint", "stop-after-epoch"};
	const struct cvt_option *option = cvt_option_find(command->name);
	struct cvt_config scratch = t->config;
	int rc;

	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		if (strcmp(plain[i], command->name) == 0)
			return CVT_OK;
	if (!option || !option->live)
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "%s cannot be steered", command->name);
	rc = cvt_config_set(&scratch, option, command->value, err);
	return rc == CVT_OK && strcmp(command->name, "epochs") == 0 ? check_epochs(t, scratch.epochs, err) : rc;
}

/* Logged first: a command that is in commands.csv has acted or will be replayed, one that is not is still in the inbox. */
static int take(struct cvt_trainer *t, const struct cvt_inbox_command *command, struct cvt_error *err)
{
	struct cvt_inbox_command logged = *command;
	struct cvt_error why;
	int rc = check(t, command, &why);

	if (rc < 0) {
		snprintf(logged.name, sizeof logged.name, "refused-%.15s", command->name);
		cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "refused: %s", why.message);
		return cvt_trainer_insist(t, log_command, &logged, err);
	}
	rc = cvt_trainer_insist(t, log_command, command, err);
	if (rc == CVT_OK)
		rc = apply(t, command->name, command->value, err);
	if (rc < 0)
		return rc;
	overtake(t, command->name);
	cvt_shared_say(t->shared, CVT_RUNNER_COMMAND, NULL, "%s%s%s before batch %lld", command->name, command->value[0] ? " " : "",
		command->value, (long long)t->at.batch);
	return CVT_OK;
}

/* Steering is cut off, training is not. */
static int inbox_fails(struct cvt_trainer *t, const struct cvt_error *why)
{
	char text[sizeof t->inbox_trouble];

	snprintf(text, sizeof text, "%.*s", (int)sizeof text - 1, why->message);
	if (strcmp(text, t->inbox_trouble) != 0)
		cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "%s", text);
	memcpy(t->inbox_trouble, text, sizeof text);
	return CVT_OK;
}

int cvt_trainer_take_commands(struct cvt_trainer *t, struct cvt_error *err)
{
	struct cvt_inbox_command command;
	struct cvt_error why;

	if (!cvt_shared_look(t->shared) && !t->tuning.always_look)
		return CVT_OK;
	/* A broken file is removed by the writer and named. One that cannot be removed, or an inbox that is gone, is still so at the next look. */
	for (int i = 0; i < 1000; i++) {
		int rc = cvt_writer_next_command(t->writer, &command, &why);

		if (rc == CVT_ERR_FORMAT)
			cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "%s", why.message);
		else if (rc < 0)
			return inbox_fails(t, &why);
		else if (rc == 0)
			break;
		else if ((rc = take(t, &command, err)) < 0)
			return rc;
	}
	t->inbox_trouble[0] = 0;
	return CVT_OK;
}

/* What the option table refuses was refused when it was logged, too. */
static void set(struct cvt_config *config, const char *name, const char *value)
{
	const struct cvt_option *option = cvt_option_find(name);

	if (option && option->live)
		(void)!cvt_config_set(config, option, value, NULL);
}

struct cvt_config cvt_trainer_coming(const struct cvt_trainer *t)
{
	struct cvt_config config = t->config;

	for (int i = t->next_replay; i < t->n_replay && t->replay[i].batch <= t->at.batch; i++)
		set(&config, t->replay[i].name, t->replay[i].value);
	return config;
}

/* Would the run be over with them as it is without them? Then they change nothing: the next resume, with more epochs, must not find them. */
static bool are_idle(const struct cvt_trainer *t)
{
	struct cvt_config config = cvt_trainer_coming(t);
	bool over = cvt_trainer_over(t, &config);

	for (int i = 0; i < t->n_changes; i++)
		set(&config, t->changes[i].name, t->changes[i].value);
	return over && cvt_trainer_over(t, &config);
}

/* As commands of the inbox; returns how many. */
static int changes_of(const struct cvt_trainer *t, struct cvt_inbox_command *commands)
{
	unsigned long long now = (unsigned long long)(cvt_clock_wall() * 1000);

	for (int i = 0; i < t->n_changes; i++) {
		snprintf(commands[i].id, sizeof commands[i].id, "r%llxn%d", now, i);
		snprintf(commands[i].name, sizeof commands[i].name, "%s", t->changes[i].name);
		snprintf(commands[i].value, sizeof commands[i].value, "%s", t->changes[i].value);
	}
	return t->n_changes;
}

int cvt_trainer_check_changes(struct cvt_trainer *t, struct cvt_error *err)
{
	struct cvt_inbox_command commands[sizeof t->changes / sizeof t->changes[0]];
	int n = changes_of(t, commands), rc = CVT_OK;

	for (int i = 0; i < n && rc == CVT_OK; i++)
		rc = check(t, &commands[i], err);
	t->unwanted = rc < 0;
	return rc;
}

int cvt_trainer_take_changes(struct cvt_trainer *t, struct cvt_error *err)
{
	struct cvt_inbox_command commands[sizeof t->changes / sizeof t->changes[0]];
	int n = changes_of(t, commands), rc = CVT_OK;

	t->changes_dropped = n > 0 && are_idle(t);
	for (int i = 0; i < n && rc == CVT_OK && !t->changes_dropped; i++)
		rc = take(t, &commands[i], err);
	return rc;
}
