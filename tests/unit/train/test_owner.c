/* Whose run it is: a lock that was removed, rows and folders that were replaced or moved, while it is trained. */
#include "runs.h"

#include <stdatomic.h>

#include "store/writer.h"

/* A lock that was removed keeps nobody out; the rows that are being written do. */
static void rows_have_one_writer(void **state)
{
	struct cvt_run *run = runs_make("");
	struct cvt_writer *writer, *second = NULL;
	struct cvt_error err;

	(void)state;
	assert_int_equal(cvt_writer_open(run->folder, &writer, &err), CVT_OK);
	assert_int_equal(cvt_writer_check(writer, &err), CVT_OK);
	assert_int_equal(unlink(runs_file(run->folder, "lock")), 0);
	assert_int_equal(cvt_writer_check_files(writer, &err), CVT_OK);
	assert_int_equal(cvt_writer_check(writer, &err), CVT_ERR_BUSY);
	assert_non_null(strstr(err.message, "lock was removed"));
	assert_int_equal(cvt_writer_open(run->folder, &second, &err), CVT_ERR_BUSY);
	assert_non_null(strstr(err.message, "another runner"));
	assert_int_equal(cvt_writer_check(writer, &err), CVT_ERR_BUSY);
	cvt_writer_close(writer);
	assert_int_equal(cvt_writer_open(run->folder, &writer, &err), CVT_OK);
	cvt_writer_close(writer);
}

/* What has the run's names now is not written to. */
static void names_may_lead_elsewhere(void **state)
{
	struct cvt_run *run = runs_make("");
	struct cvt_writer *writer;
	struct cvt_error err;

	(void)state;
	assert_int_equal(cvt_writer_open(run->folder, &writer, &err), CVT_OK);
	assert_int_equal(cvt_writer_file(writer, "split.csv", "a", 1, &err), CVT_OK);
	assert_int_equal(rename(runs_file(run->folder, "batches.csv"), runs_file(run->folder, "other.csv")), 0);
	assert_int_equal(cvt_writer_check_files(writer, &err), CVT_ERR_BUSY);
	scratch_text(runs_file(run->folder, "batches.csv"), "");
	assert_int_equal(cvt_writer_file(writer, "split.csv", "b", 1, &err), CVT_ERR_BUSY);
	assert_non_null(strstr(err.message, "batches.csv was replaced"));
	assert_int_equal(rename(runs_file(run->folder, "other.csv"), runs_file(run->folder, "batches.csv")), 0);
	assert_int_equal(cvt_writer_check_files(writer, &err), CVT_OK);
	assert_int_equal(rename(run->folder, scratch("moved")), 0);
	assert_int_equal(cvt_writer_check_files(writer, &err), CVT_ERR_NOT_FOUND);
	assert_int_equal(mkdir(run->folder, 0700), 0);
	assert_int_equal(cvt_writer_file(writer, "split.csv", "b", 1, &err), CVT_ERR_BUSY);
	assert_int_equal(cvt_writer_machine(writer, "p", "i", "b", 1, "v", &err), CVT_ERR_BUSY);
	assert_int_equal(rmdir(run->folder), 0);
	assert_int_equal(rename(scratch("moved"), run->folder), 0);
	assert_string_equal(scratch_get(runs_file(run->folder, "split.csv")), "a");
	assert_int_equal(cvt_writer_check(writer, &err), CVT_OK);
	cvt_writer_close(writer);
}

static const char *the_folder;
static atomic_int second_runner;   /* what it got */

/* The lock is removed, and somebody else tries at once. */
static void remove_the_lock(int64_t batch)
{
	struct cvt_writer *second;

	if (batch != 2)
		return;
	if (unlink(runs_file(the_folder, "lock")) != 0)
		abort();
	second_runner = cvt_writer_open(the_folder, &second, NULL);
	if (second_runner == CVT_OK)
		cvt_writer_close(second);
}

static void a_lock_that_is_removed_ends_the_run(void **state)
{
	struct cvt_run *run = runs_make("epochs: 100000\n");
	struct script script = {.also = remove_the_lock};
	struct cvt_runner_result result;

	(void)state;
	the_folder = run->folder;
	runs_notes[0] = 0;
	result = runs_train_with(run->folder, &runs_listening, &script);
	assert_int_equal(second_runner, CVT_ERR_BUSY);
	assert_int_equal(result.state, CVT_STATE_STOPPED);
	assert_non_null(strstr(runs_notes, "lock was replaced while the run trained"));
	assert_int_equal(result.live.checkpoint_batch, result.live.batch);
	assert_int_equal(runs_rows(run->folder, "batches.csv"), result.live.batch);
}

static int64_t move_at;

/* The run is moved, and a copy takes its name. */
static void move_the_folder(int64_t batch)
{
	char text[4096];

	if (batch != move_at)
		return;
	snprintf(text, sizeof text, "cp -r '%s' '%s.copy' && mv '%s' '%s.moved' && mv '%s.copy' '%s'", the_folder, the_folder, the_folder, the_folder,
		the_folder, the_folder);
	if (system(text) != 0)
		abort();
}

/* A checkpoint beside the copy's rows, which it would not fit, is not written; both folders can be gone on with. */
static void another_folder_of_its_name_is_left_alone(void **state)
{
	struct cvt_run *plain = runs_make("epochs: 2\n"), *run = runs_make("epochs: 2\n");
	char moved[1100];
	struct cvt_runner_result result;

	(void)state;
	assert_int_equal(runs_train(plain->folder, NULL).state, CVT_STATE_DONE);
	move_at = runs_rows(plain->folder, "batches.csv") / 2 + 1;
	struct script script = {.also = move_the_folder, .commands = {{move_at + 1, "checkpoint", ""}}, .n_commands = 1};

	the_folder = run->folder;
	snprintf(moved, sizeof moved, "%s.moved", run->folder);
	result = runs_train_with(run->folder, &runs_listening, &script);
	assert_int_equal(result.state, CVT_STATE_FAILED);
	assert_non_null(strstr(result.reason, "is another folder now"));
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
	runs_same(run->folder, plain->folder);
	assert_int_equal(runs_train(moved, NULL).state, CVT_STATE_DONE);
	runs_same(moved, plain->folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_have_one_writer, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(names_may_lead_elsewhere, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_lock_that_is_removed_ends_the_run, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(another_folder_of_its_name_is_left_alone, runs_setup, runs_teardown),
	};

	return cmocka_run_group_tests_name("train owner", tests, runs_group_setup, runs_group_teardown);
}
