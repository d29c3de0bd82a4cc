/* A run that was cut ends with the bits and rows of one that was not. */
#include "runs.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "store/checkpoint.h"

static atomic_int checkpoints;

/* Counts renames of checkpoints; fails none. */
static int count_checkpoints(enum cvt_file_call call, const char *path)
{
	checkpoints += call == CVT_FILE_RENAME && strstr(path, "/checkpoint.safetensors") != NULL;
	return 0;
}

static const char *whole(const char *yaml, struct script *script)
{
	struct cvt_run *run = runs_make(yaml);

	assert_int_equal(runs_train(run->folder, script).state, CVT_STATE_DONE);
	return run->folder;
}

/* Batches of an epoch of the small settings, from the rows of a whole run of three epochs. */
static int per_epoch(const char *folder)
{
	int rows = runs_rows(folder, "batches.csv");

	assert_true(rows > 6);
	assert_int_equal(rows % 3, 0);
	return rows / 3;
}

static void resume_until_done(const char *folder, struct script *script)
{
	assert_int_equal(runs_train(folder, script).state, CVT_STATE_DONE);
}

static void stopped_anywhere(void **state)
{
	const char *expected = whole("momentum: 0.5\n", NULL);
	int n = per_epoch(expected), at[] = {1, n - 1, n, n + 1, 2 * n, 3 * n - 1};

	(void)state;
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		struct cvt_run *run = runs_make("momentum: 0.5\n");
		struct script stop = {.commands = {{at[i], "stop", ""}}, .n_commands = 1};

		assert_int_equal(runs_train(run->folder, &stop).state, CVT_STATE_STOPPED);
		assert_int_equal(runs_rows(run->folder, "batches.csv"), at[i]);
		resume_until_done(run->folder, NULL);
		runs_same(run->folder, expected);
	}
}

static void killed_anywhere(void **state)
{
	const char *expected = whole("augment: flip\n", NULL);
	int n = per_epoch(expected), at[] = {0, 1, n, n + 2, 2 * n + 1, 3 * n};

	(void)state;
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		struct cvt_run *run = runs_make("augment: flip\n");

		runs_die(run->folder, at[i]);
		resume_until_done(run->folder, NULL);
		runs_same(run->folder, expected);
	}
}

static void killed_again_and_again(void **state)
{
	const char *expected = whole("", NULL);
	struct cvt_run *run = runs_make("");
	int n = per_epoch(expected);

	(void)state;
	runs_die(run->folder, 2);
	runs_die(run->folder, n + 1);
	runs_die(run->folder, 2 * n + 1);
	resume_until_done(run->folder, NULL);
	runs_same(run->folder, expected);
}

/* Steered in the second epoch, then cut after each of the commands had acted: they act again at their batches. */
static void steered_and_cut(void **state)
{
	const char *plain = whole("", NULL);
	int n = per_epoch(plain);
	struct script first = {.commands = {{n + 1, "lr", "0.01"}, {n + 2, "momentum", "0.9"}, {2 * n, "weight-decay", "0.01"}}, .n_commands = 3};
	struct script again = first;
	const char *expected = whole("", &first);
	struct cvt_run *run = runs_make("");

	(void)state;
	again.commands[again.n_commands].batch = 2 * n + 1;
	again.commands[again.n_commands].name = "stop";
	again.commands[again.n_commands++].value = "";
	assert_int_equal(runs_train(run->folder, &again).state, CVT_STATE_STOPPED);
	/* Back to the end of the first epoch, as if nothing later had reached the disk. */
	struct cvt_run *cut = runs_make("");
	struct script stop = {.commands = {{n, "stop", ""}}, .n_commands = 1};

	assert_int_equal(runs_train(cut->folder, &stop).state, CVT_STATE_STOPPED);
	const char *commands = scratch_get(runs_file(run->folder, "commands.csv"));

	scratch_text(runs_file(cut->folder, "commands.csv"), commands);
	resume_until_done(cut->folder, NULL);
	runs_same(cut->folder, expected);
	resume_until_done(run->folder, NULL);
	runs_same(run->folder, expected);
	assert_string_not_equal(runs_cell(expected, "batches.csv", 2 * n - 1, 5), runs_cell(plain, "batches.csv", 2 * n - 1, 5));
}

static void a_stop_is_not_replayed(void **state)
{
	struct cvt_run *run = runs_make("");
	struct script stop = {.commands = {{2, "stop", ""}, {2, "pause", ""}}, .n_commands = 2};

	(void)state;
	assert_int_equal(runs_train(run->folder, &stop).state, CVT_STATE_STOPPED);
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
}

/* What is wished after a crash is newer than what was wished before it for a later batch. */
static void newer_wishes_win(void **state)
{
	struct cvt_run *run = runs_make("");
	struct script stop = {.commands = {{2, "stop", ""}}, .n_commands = 1};
	struct script newer = {.commands = {{3, "lr", "0.002"}}, .n_commands = 1};

	(void)state;
	assert_int_equal(runs_train(run->folder, &stop).state, CVT_STATE_STOPPED);
	scratch_append(runs_file(run->folder, "commands.csv"), "5,beforethecrash,lr,0.001,1\n");
	assert_int_equal(runs_train(run->folder, &newer).state, CVT_STATE_DONE);
	assert_string_equal(runs_cell(run->folder, "batches.csv", 2, 5), "0.05");
	assert_string_equal(runs_cell(run->folder, "batches.csv", 3, 5), "0.002");
	assert_string_equal(runs_cell(run->folder, "batches.csv", 6, 5), "0.002");
}

/* Kills the process where the best so far is about to get its name, the second time. */
static int die_at_the_best(enum cvt_file_call call, const char *path)
{
	static int times;

	if (call == CVT_FILE_RENAME && strstr(path, "/best.safetensors") != NULL && times++ == 1)
		_exit(9);
	return 0;
}

static void train_in_a_child_that(int (*fault)(enum cvt_file_call call, const char *path), const char *folder)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		cvt_file_fault = fault;
		runs_train(folder, NULL);
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 9);
}

/* Cut between a checkpoint and its second name, as the best, and resumed another way: the best is that of the run as it went, with the bits of a
 * run that was steered there and never cut. */
static void the_best_is_of_this_run(void **state)
{
	struct cvt_run *cut = runs_make("epochs: 6\n"), *expected = runs_make("epochs: 6\n");
	struct cvt_checkpoint_state at;
	struct cvt_safetensors file;
	struct cvt_config changes;
	struct cvt_error err;

	(void)state;
	train_in_a_child_that(die_at_the_best, cut->folder);
	assert_int_equal(cvt_checkpoint_read(runs_file(cut->folder, "checkpoint.safetensors"), &file, &at, &err), CVT_OK);
	cvt_safetensors_finish(&file);
	/* A rate at which nothing gets better any more. */
	cvt_config_init(&changes);
	assert_int_equal(cvt_config_set(&changes, cvt_option_find("lr"), "0.7", &err), CVT_OK);
	struct script steered = {.commands = {{at.batch, "lr", "0.7"}}, .n_commands = 1};
	struct cvt_live live = runs_train(expected->folder, &steered).live;

	assert_int_equal(live.state, CVT_STATE_DONE);
	assert_int_equal(runs_train_with(cut->folder, &(struct cvt_runner_options){.changes = &changes}, NULL).state, CVT_STATE_DONE);
	runs_same(cut->folder, expected->folder);
	assert_int_equal(cvt_checkpoint_read(runs_file(cut->folder, "best.safetensors"), &file, &at, &err), CVT_OK);
	cvt_safetensors_finish(&file);
	assert_int_equal(at.epoch, live.best_epoch);
	/* Were the last epoch the best, any run would end with it. */
	assert_true(live.best_epoch < 6);
}

/* A best of a later batch than the checkpoint, as an older program or a person may leave it, is not of the run that goes on. */
static void a_best_ahead_of_the_checkpoint_is_removed(void **state)
{
	struct cvt_run *ahead = runs_make(""), *run = runs_make("epochs: 2\n");
	struct script stop = {.commands = {{2, "stop", ""}}, .n_commands = 1};

	(void)state;
	assert_int_equal(runs_train(ahead->folder, NULL).state, CVT_STATE_DONE);
	assert_int_equal(runs_train(run->folder, &stop).state, CVT_STATE_STOPPED);
	assert_int_equal(link(runs_file(ahead->folder, "best.safetensors"), runs_file(run->folder, "best.safetensors")), 0);
	stop.commands[0].batch = 3;
	stop.given = 0;
	assert_int_equal(runs_train(run->folder, &stop).state, CVT_STATE_STOPPED);
	assert_false(scratch_exists(runs_file(run->folder, "best.safetensors")));
	assert_non_null(strstr(scratch_get(runs_file(run->folder, "log.txt")), "best.safetensors was of a later batch"));
}

static void more_epochs_on_resume(void **state)
{
	const char *expected = whole("epochs: 3\n", NULL);
	struct cvt_run *run = runs_make("epochs: 2\n");
	struct cvt_config changes;
	struct cvt_error err;

	(void)state;
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
	cvt_config_init(&changes);
	assert_int_equal(cvt_config_set(&changes, cvt_option_find("epochs"), "3", &err), CVT_OK);
	assert_int_equal(runs_train_with(run->folder, &(struct cvt_runner_options){.changes = &changes}, NULL).state, CVT_STATE_DONE);
	runs_same(run->folder, expected);
}

/* What the page says when all is prepared: `train` prints it. */
static double shown_rate;

static void on_start(void *context, const struct cvt_runner_event *event)
{
	if (event->kind == CVT_RUNNER_PREPARED)
		shown_rate = event->live->lr;
	runs_listening.event(context, event);
}

static struct cvt_runner_result resume_with(const char *folder, const char *key, const char *value, const char *other_key, const char *other_value)
{
	struct cvt_config changes;
	struct cvt_error err;

	cvt_config_init(&changes);
	if (key)
		assert_int_equal(cvt_config_set(&changes, cvt_option_find(key), value, &err), CVT_OK);
	if (other_key)
		assert_int_equal(cvt_config_set(&changes, cvt_option_find(other_key), other_value, &err), CVT_OK);
	runs_notes[0] = 0;
	return runs_train_with(folder, &(struct cvt_runner_options){.changes = &changes, .event = on_start}, NULL);
}

/* The rate that is shown is that of the next batch, also where a command acts before that very batch, or waits in the inbox. */
static void what_is_shown_is_what_is_used(void **state)
{
	struct cvt_run *run = runs_make("");
	struct script stop = {.commands = {{4, "lr", "0.02"}, {4, "stop", ""}}, .n_commands = 2}, later = {.commands = {{7, "stop", ""}}, .n_commands = 1};
	const struct cvt_runner_options listening = {.event = on_start};
	char id[24];
	struct cvt_error err;

	(void)state;
	assert_int_equal(cvt_run_command(run->folder, "lr", "0.04", id, &err), CVT_OK);
	assert_int_equal(runs_train_with(run->folder, &listening, &stop).state, CVT_STATE_STOPPED);
	assert_true(shown_rate == 0.04);
	assert_int_equal(runs_train_with(run->folder, &listening, &later).state, CVT_STATE_STOPPED);
	assert_true(shown_rate == 0.02);
	assert_string_equal(runs_cell(run->folder, "batches.csv", 3, 5), "0.04");
	assert_string_equal(runs_cell(run->folder, "batches.csv", 4, 5), "0.02");
	assert_int_equal(resume_with(run->folder, "lr", "0.01", NULL, NULL).state, CVT_STATE_DONE);
	assert_true(shown_rate == 0.01);
	assert_string_equal(runs_cell(run->folder, "batches.csv", 7, 5), "0.01");
}

/* A rate given to a run that is over would act on the next resume, unasked. */
static void a_resume_without_work_changes_nothing(void **state)
{
	struct cvt_run *run = runs_make("epochs: 2\n");

	(void)state;
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
	int n = runs_rows(run->folder, "batches.csv");
	assert_int_equal(resume_with(run->folder, "lr", "0.9", NULL, NULL).state, CVT_STATE_DONE);
	assert_int_equal(runs_rows(run->folder, "commands.csv"), 0);
	assert_non_null(strstr(runs_notes, "nothing is left to train, and nothing was changed"));
	assert_null(strstr(runs_notes, "goes on"));
	assert_int_equal(resume_with(run->folder, "epochs", "3", NULL, NULL).state, CVT_STATE_DONE);
	assert_true(shown_rate == 0.05);
	assert_string_equal(runs_cell(run->folder, "batches.csv", n, 5), "0.05");
	assert_int_equal(resume_with(run->folder, "epochs", "4", "lr", "0.01").state, CVT_STATE_DONE);
	assert_string_equal(runs_cell(run->folder, "batches.csv", n / 2 * 3, 5), "0.01");
}

/* Fewer epochs than were trained are refused before the run is touched; as many as were trained say that it is done. */
static void epochs_that_were_trained_stay(void **state)
{
	struct cvt_run *run = runs_make("");
	struct script stop = {.commands = {{7, "stop", ""}}, .n_commands = 1};
	struct cvt_config changes;
	struct cvt_runner_result result;
	struct cvt_error err;

	(void)state;
	assert_int_equal(runs_train(run->folder, &stop).state, CVT_STATE_STOPPED);
	assert_int_equal(runs_rows(run->folder, "epochs.csv"), 1);
	cvt_config_init(&changes);
	assert_int_equal(cvt_config_set(&changes, cvt_option_find("epochs"), "1", &err), CVT_OK);
	assert_int_equal(cvt_runner_run(run->folder, &(struct cvt_runner_options){.changes = &changes}, &result, &err), CVT_ERR_RANGE);
	assert_non_null(strstr(err.message, "epochs 1: the run is in epoch 2 already"));
	assert_int_equal(cvt_run_read(run->folder, run, &err), CVT_OK);
	assert_int_equal(run->live.state, CVT_STATE_STOPPED);
	assert_int_equal(resume_with(run->folder, "epochs", "2", NULL, NULL).state, CVT_STATE_DONE);
	assert_int_equal(runs_rows(run->folder, "epochs.csv"), 2);
}

/* Weights in the run's own folder: wherever it is cut, also before its first checkpoint, and wherever the folder is by then. */
static void weights_of_its_own(void **state)
{
	struct cvt_run *parent = runs_make("epochs: 1\nseed: 3\n"), *runs[2];
	char command[4096], moved[1100];

	(void)state;
	assert_int_equal(runs_train(parent->folder, NULL).state, CVT_STATE_DONE);
	for (int i = 0; i < 2; i++) {
		runs[i] = runs_make("init: init.safetensors\n");
		snprintf(command, sizeof command, "cp '%s/checkpoint.safetensors' '%s/init.safetensors'", parent->folder, runs[i]->folder);
		assert_int_equal(system(command), 0);
	}
	assert_int_equal(runs_train(runs[0]->folder, NULL).state, CVT_STATE_DONE);
	runs_die(runs[1]->folder, 2);
	assert_false(scratch_exists(runs_file(runs[1]->folder, "checkpoint.safetensors")));
	snprintf(moved, sizeof moved, "%s-moved", runs[1]->folder);
	assert_int_equal(rename(runs[1]->folder, moved), 0);
	resume_until_done(moved, NULL);
	runs_same(moved, runs[0]->folder);
}

static void what_may_not_change_is_refused(void **state)
{
	struct cvt_run *run = runs_make("");
	struct cvt_config changes;
	struct cvt_runner_result result;
	struct cvt_error err;

	(void)state;
	cvt_config_init(&changes);
	assert_int_equal(cvt_config_set(&changes, cvt_option_find("batch"), "64", &err), CVT_OK);
	assert_int_equal(cvt_runner_run(run->folder, &(struct cvt_runner_options){.changes = &changes}, &result, &err), CVT_ERR_RANGE);
	assert_non_null(strstr(err.message, "batch"));
	assert_int_equal(cvt_run_read(run->folder, run, &err), CVT_OK);
	assert_int_equal(run->live.state, CVT_STATE_QUEUED);
}

static void other_pictures_are_refused(void **state)
{
	struct cvt_run *run = runs_make("");
	struct script stop = {.commands = {{2, "stop", ""}}, .n_commands = 1};
	const char *path = runs_file(run->folder, "config.yaml");
	char text[8192], *at;

	(void)state;
	assert_int_equal(runs_train(run->folder, &stop).state, CVT_STATE_STOPPED);
	snprintf(text, sizeof text, "%s", scratch_get(path));
	at = strstr(text, "fingerprint: ");
	assert_non_null(at);
	at += strlen("fingerprint: ");
	*at = *at == '0' ? '1' : '0';
	scratch_text(path, text);
	struct cvt_runner_result result = runs_train(run->folder, NULL);

	assert_int_equal(result.state, CVT_STATE_FAILED);
	assert_non_null(strstr(result.reason, "pictures"));
	assert_int_equal(runs_rows(run->folder, "batches.csv"), 2);
}

static enum cvt_state state_of(const char *folder)
{
	struct cvt_run run;

	assert_int_equal(cvt_run_read(folder, &run, NULL), CVT_OK);
	return run.live.state;
}

static struct cvt_runner_result resume_to_epoch(const char *folder, const char *epochs)
{
	struct cvt_config changes;

	cvt_config_init(&changes);
	assert_int_equal(cvt_config_set(&changes, cvt_option_find("epochs"), epochs, NULL), CVT_OK);
	return runs_train_with(folder, &(struct cvt_runner_options){.changes = &changes}, NULL);
}

/* In config.yaml, all of the line that begins so becomes this. */
static void edit(const char *folder, const char *line, const char *becomes)
{
	const char *path = runs_file(folder, "config.yaml"), *text = scratch_get(path), *at = strstr(text, line);
	char edited[8192];

	assert_non_null(at);
	snprintf(edited, sizeof edited, "%.*s%s%s", (int)(at - text), text, becomes, at + strcspn(at, "\n"));
	scratch_text(path, edited);
}

/* Were it begun anew, its epochs would be gone. */
static void refuses_to_begin_anew(const char *folder, enum cvt_state after)
{
	int rows = runs_rows(folder, "batches.csv");
	struct cvt_runner_result result = resume_to_epoch(folder, "3");

	assert_int_equal(result.state, CVT_STATE_FAILED);
	assert_non_null(strstr(result.reason, "checkpoint.safetensors is missing"));
	assert_int_equal(runs_rows(folder, "batches.csv"), rows);
	assert_int_equal(runs_rows(folder, "epochs.csv"), 2);
	assert_int_equal(state_of(folder), after);
}

static void a_missing_checkpoint_is_said(void **state)
{
	const char *expected = whole("epochs: 3\n", NULL);
	struct cvt_run *run = runs_make("epochs: 2\n");
	char checkpoint[1200], best[1200];

	(void)state;
	snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint.safetensors", run->folder);
	snprintf(best, sizeof best, "%s/best.safetensors", run->folder);
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
	assert_int_equal(rename(checkpoint, scratch("checkpoint")), 0);
	refuses_to_begin_anew(run->folder, CVT_STATE_DONE);
	/* The page alone; the best alone; rows alone. */
	assert_int_equal(rename(best, scratch("best")), 0);
	refuses_to_begin_anew(run->folder, CVT_STATE_DONE);
	assert_int_equal(unlink(runs_file(run->folder, "live")), 0);
	assert_int_equal(rename(scratch("best"), best), 0);
	refuses_to_begin_anew(run->folder, CVT_STATE_FAILED);
	assert_int_equal(unlink(runs_file(run->folder, "live")), 0);
	assert_int_equal(rename(best, scratch("best")), 0);
	refuses_to_begin_anew(run->folder, CVT_STATE_FAILED);
	/* Put back, it goes on. */
	assert_int_equal(rename(scratch("checkpoint"), checkpoint), 0);
	assert_int_equal(rename(scratch("best"), best), 0);
	assert_int_equal(resume_to_epoch(run->folder, "3").state, CVT_STATE_DONE);
	runs_same(run->folder, expected);
}

static void a_resume_that_never_began_leaves_the_run(void **state)
{
	struct cvt_run *run = runs_make("epochs: 2\n"), *fresh = runs_make("data: /nowhere/at/all\n");
	struct cvt_runner_result result;
	struct cvt_run before, after;

	(void)state;
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
	assert_int_equal(cvt_run_read(run->folder, &before, NULL), CVT_OK);
	edit(run->folder, "data: ", "data: /nowhere/at/all");
	result = resume_to_epoch(run->folder, "3");
	assert_int_equal(result.state, CVT_STATE_FAILED);
	assert_non_null(strstr(result.reason, "/nowhere/at/all"));
	assert_int_equal(cvt_run_read(run->folder, &after, NULL), CVT_OK);
	after.live.updated = before.live.updated;
	assert_memory_equal(&after.live, &before.live, sizeof after.live);
	assert_non_null(strstr(scratch_get(runs_file(run->folder, "log.txt")), "left as it was (done)"));
	/* One that never trained has nothing to keep: `work` must not find it queued for ever. */
	assert_int_equal(runs_train(fresh->folder, NULL).state, CVT_STATE_FAILED);
	assert_int_equal(state_of(fresh->folder), CVT_STATE_FAILED);
}

static void an_edited_config_is_refused(void **state)
{
	static const struct { const char *line, *becomes, *said; } cases[] = {
		{"seed: ", "seed: 9", "seed is 9, and 7 in its checkpoint"},
		{"batch: ", "batch: 100", "batch is 100, and 250 in its checkpoint"},
		{"class-weights: ", "class-weights: none", "class-weights is none, and share in"},
		{"momentum: ", "momentum: 0.5", "momentum is 0.5, and 0 in its checkpoint"},
		{"image-size: ", "image-size: 32\nseed: 9\n#", "image-size is 32, and 16 in its checkpoint (and 1 more)"},
		{"lr: ", "- lr: [", "config.yaml:"},
	};
	struct cvt_run *run = runs_make("epochs: 2\n");
	char text[8192], path[1200];

	(void)state;
	snprintf(path, sizeof path, "%s/config.yaml", run->folder);
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
	snprintf(text, sizeof text, "%s", scratch_get(path));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (strchr(cases[i].becomes, '#'))
			edit(run->folder, "seed: ", "#");
		edit(run->folder, cases[i].line, cases[i].becomes);
		struct cvt_runner_result result = resume_to_epoch(run->folder, "3");

		if (result.state != CVT_STATE_FAILED || strstr(result.reason, cases[i].said) == NULL)
			fail_msg("%s: %s, %s", cases[i].becomes, cvt_state_name(result.state), result.reason);
		assert_int_equal(state_of(run->folder), CVT_STATE_DONE);
		assert_int_equal(runs_rows(run->folder, "epochs.csv"), 2);
		scratch_text(path, text);
	}
	scratch_text(path, "");
	assert_non_null(strstr(resume_to_epoch(run->folder, "3").reason, "has no option in it"));
	/* Cut, so that what is lost would be defaults, and the pictures not known. */
	*strstr(text, "seed: ") = 0;
	scratch_text(path, text);
	assert_non_null(strstr(resume_to_epoch(run->folder, "3").reason, "seed is 1, and 7"));
	/* The number of epochs may be edited: none that was trained is another one by that. */
	edit(run->folder, "epochs: ", "epochs: 3\nseed: 7");
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
	assert_int_equal(runs_rows(run->folder, "epochs.csv"), 3);
}

/* A crashed run that is asked for fewer epochs than its checkpoint has stays what it was, rows and all: `work` can take it still. */
static void too_few_epochs_leave_a_crashed_run(void **state)
{
	const char *expected = whole("", NULL);
	struct cvt_run *run = runs_make("");
	struct script stop = {.commands = {{8, "stop", ""}}, .n_commands = 1};

	(void)state;
	assert_int_equal(runs_train(run->folder, &stop).state, CVT_STATE_STOPPED);
	runs_die(run->folder, 12);
	int64_t rows = runs_rows(run->folder, "batches.csv");
	struct cvt_runner_result result = resume_with(run->folder, "epochs", "1", NULL, NULL);

	assert_int_equal(result.state, CVT_STATE_FAILED);
	assert_true(result.left);
	assert_non_null(strstr(result.reason, "give a larger number"));
	assert_int_equal(state_of(run->folder), CVT_STATE_CRASHED);
	assert_int_equal(runs_rows(run->folder, "batches.csv"), rows);
	resume_until_done(run->folder, NULL);
	runs_same(run->folder, expected);
}

/* A long epoch is saved on its way. */
static void saves_within_an_epoch(void **state)
{
	const char *expected = whole("", NULL);
	struct cvt_run *run = runs_make("");
	struct script often = {.save_seconds = 1e-9, .commands = {{4, "stop", ""}}, .n_commands = 1};
	struct cvt_checkpoint_state at;
	struct cvt_safetensors file;
	struct cvt_error err;

	(void)state;
	cvt_file_fault = count_checkpoints;
	checkpoints = 0;
	assert_int_equal(runs_train(run->folder, &often).state, CVT_STATE_STOPPED);
	cvt_file_fault = NULL;
	/* After batches 1, 2 and 3, and where it stopped. */
	assert_true(checkpoints >= 4);
	assert_int_equal(cvt_checkpoint_read(runs_file(run->folder, "checkpoint.safetensors"), &file, &at, &err), CVT_OK);
	assert_int_equal(at.batch, 4);
	cvt_safetensors_finish(&file);
	resume_until_done(run->folder, NULL);
	runs_same(run->folder, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stopped_anywhere, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(killed_anywhere, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(killed_again_and_again, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(steered_and_cut, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_stop_is_not_replayed, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(newer_wishes_win, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(the_best_is_of_this_run, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_best_ahead_of_the_checkpoint_is_removed, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(more_epochs_on_resume, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(what_is_shown_is_what_is_used, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_resume_without_work_changes_nothing, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(epochs_that_were_trained_stay, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(weights_of_its_own, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(what_may_not_change_is_refused, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(saves_within_an_epoch, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(other_pictures_are_refused, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_missing_checkpoint_is_said, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_resume_that_never_began_leaves_the_run, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(an_edited_config_is_refused, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(too_few_epochs_leave_a_crashed_run, runs_setup, runs_teardown),
	};

	return cmocka_run_group_tests_name("train resume", tests, runs_group_setup, runs_group_teardown);
}
