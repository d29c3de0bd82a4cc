/* Commands: when they act, what is logged, what is refused, and that each acts once. */
#include "runs.h"

#include <dirent.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"

static void the_rate_acts_at_its_batch(void **state)
{
	struct cvt_run *run = runs_make("");
	struct script script = {.commands = {{2, "lr", "0.02"}, {5, "lr", "0.005"}}, .n_commands = 2};

	(void)state;
	assert_int_equal(runs_train(run->folder, &script).state, CVT_STATE_DONE);
	assert_string_equal(runs_cell(run->folder, "batches.csv", 1, 5), "0.05");
	assert_string_equal(runs_cell(run->folder, "batches.csv", 2, 5), "0.02");
	assert_string_equal(runs_cell(run->folder, "batches.csv", 4, 5), "0.02");
	assert_string_equal(runs_cell(run->folder, "batches.csv", 5, 5), "0.005");
	assert_int_equal(runs_rows(run->folder, "commands.csv"), 2);
	assert_string_equal(runs_cell(run->folder, "commands.csv", 1, 0), "5");
	assert_string_equal(runs_cell(run->folder, "commands.csv", 1, 2), "lr");
	assert_string_equal(runs_cell(run->folder, "commands.csv", 1, 3), "0.005");
}

static void nonsense_is_refused_and_logged(void **state)
{
	struct cvt_run *plain = runs_make(""), *run = runs_make("");
	struct script script = {.commands = {{2, "lr", "fast"}, {2, "lr", "-1"}, {3, "batch", "7"}}, .n_commands = 3};

	(void)state;
	assert_int_equal(runs_train(plain->folder, NULL).state, CVT_STATE_DONE);
	assert_int_equal(runs_train(run->folder, &script).state, CVT_STATE_DONE);
	runs_same(run->folder, plain->folder);
	assert_int_equal(runs_rows(run->folder, "commands.csv"), 3);
	assert_string_equal(runs_cell(run->folder, "commands.csv", 0, 2), "refused-lr");
	assert_string_equal(runs_cell(run->folder, "commands.csv", 1, 2), "refused-lr");
	assert_string_equal(runs_cell(run->folder, "commands.csv", 2, 2), "refused-batch");
	/* And the run can be read again, and resumed. */
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
}

/* The newest file of the inbox, copied aside. */
static void copy_command(const char *folder, const char *aside, char *name, size_t size)
{
	DIR *inbox = opendir(runs_file(folder, "inbox"));
	const struct dirent *entry;

	assert_non_null(inbox);
	name[0] = 0;
	while ((entry = readdir(inbox)) != NULL)
		if (entry->d_name[0] != '.')
			snprintf(name, size, "%s", entry->d_name);
	closedir(inbox);
	assert_true(name[0] != 0);
	char path[512];

	snprintf(path, sizeof path, "inbox/%s", name);
	scratch_text(aside, scratch_get(runs_file(folder, path)));
}

static void a_command_acts_once(void **state)
{
	struct cvt_run *run = runs_make("");
	struct script stop_2 = {.commands = {{2, "stop", ""}}, .n_commands = 1};
	struct script stop_3 = {.commands = {{2, "lr", "0.02"}, {3, "stop", ""}}, .n_commands = 2};
	char id[24], name[256], path[512];
	struct cvt_error err;

	(void)state;
	assert_int_equal(cvt_run_command(run->folder, "lr", "0.01", id, &err), CVT_OK);
	copy_command(run->folder, scratch("aside"), name, sizeof name);
	assert_int_equal(runs_train(run->folder, &stop_2).state, CVT_STATE_STOPPED);
	assert_int_equal(runs_train(run->folder, &stop_3).state, CVT_STATE_STOPPED);
	snprintf(path, sizeof path, "inbox/%s", name);
	scratch_text(runs_file(run->folder, path), scratch_get(scratch("aside")));
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
	assert_string_equal(runs_cell(run->folder, "batches.csv", 0, 5), "0.01");
	assert_string_equal(runs_cell(run->folder, "batches.csv", 2, 5), "0.02");
	assert_string_equal(runs_cell(run->folder, "batches.csv", 3, 5), "0.02");
	assert_false(scratch_exists(runs_file(run->folder, path)));
}

/* Beside the runner: waits until the page says paused, then sends what is to end it. */
struct other { const char *folder, *command; bool seen; int rows; };

static void *resume_when_paused(void *context)
{
	struct other *other = context;
	struct cvt_run run;
	char id[24];

	for (int i = 0; i < 3000 && !other->seen; i++) {
		if (cvt_run_read(other->folder, &run, NULL) == CVT_OK && run.live.state == CVT_STATE_PAUSED)
			other->seen = true;
		else
			nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	other->rows = (int)run.live.batch;
	if (cvt_run_command(other->folder, other->command, "", id, NULL) < 0)
		other->seen = false;
	return NULL;
}

static void pauses_until_resumed(void **state)
{
	struct cvt_run *plain = runs_make(""), *run = runs_make("");
	struct script script = {.commands = {{3, "pause", ""}}, .n_commands = 1};
	struct other other = {.folder = run->folder, .command = "resume"};
	pthread_t thread;

	(void)state;
	assert_int_equal(runs_train(plain->folder, NULL).state, CVT_STATE_DONE);
	assert_int_equal(pthread_create(&thread, NULL, resume_when_paused, &other), 0);
	assert_int_equal(runs_train(run->folder, &script).state, CVT_STATE_DONE);
	pthread_join(thread, NULL);
	assert_true(other.seen);
	assert_int_equal(other.rows, 3);
	runs_same(run->folder, plain->folder);
}

static void a_paused_run_can_be_stopped(void **state)
{
	struct cvt_run *run = runs_make("");
	struct script script = {.commands = {{3, "pause", ""}}, .n_commands = 1};
	struct other other = {.folder = run->folder, .command = "stop"};
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, resume_when_paused, &other), 0);
	assert_int_equal(runs_train(run->folder, &script).state, CVT_STATE_STOPPED);
	pthread_join(thread, NULL);
	assert_int_equal(runs_rows(run->folder, "batches.csv"), 3);
}

static void stops_after_the_epoch(void **state)
{
	struct cvt_run *run = runs_make("");
	struct script script = {.commands = {{1, "stop-after-epoch", ""}}, .n_commands = 1};

	(void)state;
	assert_int_equal(runs_train(run->folder, &script).state, CVT_STATE_STOPPED);
	assert_int_equal(runs_rows(run->folder, "epochs.csv"), 1);
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
	assert_int_equal(runs_rows(run->folder, "epochs.csv"), 3);
}

static void epochs_may_change(void **state)
{
	struct cvt_run *fewer = runs_make(""), *more = runs_make("");
	struct script one = {.commands = {{1, "epochs", "1"}}, .n_commands = 1}, five = {.commands = {{1, "epochs", "5"}}, .n_commands = 1};

	(void)state;
	assert_int_equal(runs_train(fewer->folder, &one).state, CVT_STATE_DONE);
	assert_int_equal(runs_rows(fewer->folder, "epochs.csv"), 1);
	assert_int_equal(runs_train(more->folder, &five).state, CVT_STATE_DONE);
	assert_int_equal(runs_rows(more->folder, "epochs.csv"), 5);
}

/* An epoch that has begun cannot be taken back by a number; between two epochs, as many as are finished end the run. */
static void epochs_do_not_end_what_has_begun(void **state)
{
	struct cvt_run *plain = runs_make(""), *run = runs_make(""), *between = runs_make("");

	(void)state;
	assert_int_equal(runs_train(plain->folder, NULL).state, CVT_STATE_DONE);
	int n = runs_rows(plain->folder, "batches.csv") / 3;
	struct script begun = {.commands = {{n + 1, "epochs", "1"}, {2 * n, "epochs", "1"}}, .n_commands = 2};
	struct script finished = {.commands = {{2 * n, "epochs", "2"}}, .n_commands = 1};

	assert_int_equal(runs_train(run->folder, &begun).state, CVT_STATE_DONE);
	runs_same(run->folder, plain->folder);
	assert_string_equal(runs_cell(run->folder, "commands.csv", 0, 2), "refused-epochs");
	assert_string_equal(runs_cell(run->folder, "commands.csv", 1, 2), "refused-epochs");
	const char *log = scratch_get(runs_file(run->folder, "log.txt"));

	assert_non_null(strstr(log, "refused: epochs 1: epoch 2 has begun: give a larger number (stop or stop-after-epoch ends the run)"));
	assert_non_null(strstr(log, "refused: epochs 1: epoch 2 is finished"));
	assert_int_equal(runs_train(between->folder, &finished).state, CVT_STATE_DONE);
	assert_int_equal(runs_rows(between->folder, "epochs.csv"), 2);
}

static void a_checkpoint_on_request(void **state)
{
	struct cvt_run *run = runs_make("");
	struct script script = {.commands = {{2, "checkpoint", ""}, {4, "stop", ""}}, .n_commands = 2};
	struct cvt_runner_result result;

	(void)state;
	result = runs_train(run->folder, &script);
	assert_int_equal(result.state, CVT_STATE_STOPPED);
	assert_int_equal(result.live.checkpoint_batch, 4);
	assert_int_equal(runs_rows(run->folder, "commands.csv"), 2);
}

static void threads_may_change_and_no_bit_does(void **state)
{
	struct cvt_run *plain = runs_make(""), *run = runs_make("");
	struct script script = {.commands = {{2, "threads", "1"}, {4, "threads", "3"}}, .n_commands = 2};

	(void)state;
	assert_int_equal(runs_train(plain->folder, NULL).state, CVT_STATE_DONE);
	assert_int_equal(runs_train(run->folder, &script).live.threads, 3);
	runs_same(run->folder, plain->folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_rate_acts_at_its_batch, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_refused_and_logged, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_command_acts_once, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(pauses_until_resumed, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_paused_run_can_be_stopped, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(stops_after_the_epoch, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(epochs_may_change, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(epochs_do_not_end_what_has_begun, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_checkpoint_on_request, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(threads_may_change_and_no_bit_does, runs_setup, runs_teardown),
	};

	return cmocka_run_group_tests_name("train steering", tests, runs_group_setup, runs_group_teardown);
}
