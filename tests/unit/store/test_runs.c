/* Runs: created, listed, found, removed; states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "../scratch.h"
#include "convtui/store.h"
#include "convtui/text.h"
#include "faults.h"
#include "store/live.h"
#include "store/safetensors.h"
#include "store/writer.h"

static int teardown(void **state)
{
	no_faults();
	return scratch_teardown(state);
}

static const struct cvt_new_run new_run = {.short_name = "cnn", .config_yaml = "lr: 1e-4\n", .network = "3->16 FM total: 16",
	.parameters = 1234567890123, .lr = 1e-4, .batch_size = 128, .epochs = 20};

static struct cvt_run create(const char *short_name)
{
	struct cvt_new_run what = new_run;
	struct cvt_run run;
	struct cvt_error err;

	what.short_name = short_name;
	if (cvt_run_create(scratch("runs"), &what, &run, &err) != CVT_OK)
		fail_msg("%s", err.message);
	return run;
}

static void store_paths(void **state)
{
	char path[64];
	struct cvt_error err;

	setenv("CONVTUI_RUNS", "/a/runs", 1);
	setenv("XDG_STATE_HOME", "/x", 1);
	setenv("HOME", "/home/me", 1);
	assert_int_equal(cvt_store_path("given", path, sizeof path, &err), CVT_OK);
	assert_string_equal(path, "given");
	assert_int_equal(cvt_store_path(NULL, path, sizeof path, &err), CVT_OK);
	assert_string_equal(path, "/a/runs");
	unsetenv("CONVTUI_RUNS");
	assert_int_equal(cvt_store_path(NULL, path, sizeof path, &err), CVT_OK);
	assert_string_equal(path, "/x/convtui/runs");
	setenv("XDG_STATE_HOME", "relative", 1);
	assert_int_equal(cvt_store_path(NULL, path, sizeof path, &err), CVT_OK);
	assert_string_equal(path, "/home/me/.local/state/convtui/runs");
	assert_int_equal(cvt_store_path(NULL, path, 10, &err), CVT_ERR_RANGE);
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	assert_int_equal(cvt_store_path(NULL, path, sizeof path, &err), CVT_ERR_NOT_FOUND);
}

static void a_run_appears_whole(void **state)
{
	struct cvt_run run = create("cnn");
	struct stat st;
	char path[1200];

	assert_int_equal(run.live.state, CVT_STATE_QUEUED);
	assert_int_equal(run.live.parameters, new_run.parameters);
	assert_string_equal(run.live.network, new_run.network);
	assert_true(run.live.lr == 1e-4 && run.live.batch_size == 128 && run.live.epochs == 20);
	assert_true(isnan(run.live.loss) && run.live.checkpoint_batch == -1 && !run.locked && run.created > 1e9);
	assert_int_equal(strlen(run.name), strlen("2026-11-24-1-cnn"));
	assert_string_equal(run.name + 10, "-1-cnn");
	assert_int_equal(stat(run.folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	snprintf(path, sizeof path, "%s/config.yaml", run.folder);
	assert_string_equal(scratch_get(path), "lr: 1e-4\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof path, "%s/live", run.folder);
	assert_int_equal(scratch_size(path), CVT_LIVE_SIZE);
	snprintf(path, sizeof path, "%s/inbox", run.folder);
	assert_true(scratch_exists(path));
	assert_string_equal(create("vgg-a").name + 10, "-2-vgg-a"); /* numbers of a day, whatever the name */
}

/* A file of weights: one array of this value. */
static const char *weights(const char *path, float value)
{
	const struct cvt_array array = {.name = "w", .dtype = CVT_F32, .dims = {1}, .n_dims = 1, .data = &value};
	struct cvt_error err;

	if (cvt_safetensors_write(path, &array, 1, NULL, 0, &err) != CVT_OK)
		fail_msg("%s", err.message);
	return path;
}

static float weight(const char *folder)
{
	struct cvt_safetensors file;
	struct cvt_error err;
	char path[1200];
	float value;

	snprintf(path, sizeof path, "%s/%s", folder, CVT_RUN_INIT);
	if (cvt_safetensors_read(path, &file, &err) != CVT_OK)
		fail_msg("%s", err.message);
	memcpy(&value, file.arrays[0].data, sizeof value);
	cvt_safetensors_finish(&file);
	return value;
}

static int create_from(const char *init, struct cvt_run *ret_run, struct cvt_error *err)
{
	struct cvt_new_run what = new_run;

	what.init = init;
	return cvt_run_create(scratch("runs"), &what, ret_run, err);
}

static ino_t inode(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* Each open, write, fsync and rename in turn: either the run is whole and found, or there is none, and no rest of it. */
static void creation_fails_whole(void **state)
{
	struct cvt_run run, *runs;
	int n;

	weights(scratch("init"), 1);
	inject(-1, 0);
	assert_int_equal(create_from(scratch("init"), &run, NULL), CVT_OK);
	int calls = faults.calls;
	assert_true(calls >= 15);
	for (int at = 0; at < calls; at++) {
		inject(at, ENOSPC);
		int status = create_from(scratch("init"), &run, NULL);
		no_faults();
		assert_int_equal(status, CVT_ERR_SPACE);
		assert_int_equal(cvt_store_list(scratch("runs"), &runs, &n, NULL), CVT_OK);
		if (at < calls - 1) /* after the rename only the folder's fsync is left, and the run is there */
			assert_int_equal(n, 1);
		for (int i = 0; i < n; i++)
			assert_int_equal(runs[i].live.state, CVT_STATE_QUEUED);
		free(runs);
	}
	char command[1200];
	snprintf(command, sizeof command, "test -z \"$(find '%s' -maxdepth 1 -name '.?*')\"", scratch("runs"));
	assert_int_equal(system(command), 0);
}

/* A checkpoint is linked, and goes on being what it was when its run has a newer one, or is gone; where there are no links it is copied. */
static void a_run_owns_what_it_starts_from(void **state)
{
	struct cvt_run parent = create("cnn"), linked, copied, again;
	struct cvt_error err;
	char checkpoint[1200], own[1200];

	snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint.safetensors", parent.folder);
	weights(checkpoint, 1);
	assert_int_equal(create_from(checkpoint, &linked, &err), CVT_OK);
	inject(0, EPERM);
	assert_int_equal(create_from(checkpoint, &copied, &err), CVT_OK);
	assert_non_null(strstr(faults.trace, "link init.safetensors\n"));
	assert_non_null(strstr(faults.trace, "fsync init.safetensors.tmp\n"));
	no_faults();
	snprintf(own, sizeof own, "%s/%s", linked.folder, CVT_RUN_INIT);
	assert_true(inode(own) == inode(checkpoint));
	weights(checkpoint, 2);
	assert_true(weight(linked.folder) == 1 && weight(copied.folder) == 1);
	assert_int_equal(cvt_run_remove(scratch("runs"), parent.folder, &err), CVT_OK);
	/* What a run started from can be started from again. */
	assert_int_equal(create_from(own, &again, &err), CVT_OK);
	assert_true(weight(linked.folder) == 1 && weight(again.folder) == 1);
}

/* A file that is of no run may be written into: a link would change with it. And it must be what it says. */
static void a_file_of_no_run_is_copied(void **state)
{
	struct cvt_run run, *runs;
	struct cvt_error err;
	int n;

	weights(scratch("checkpoint.safetensors"), 3);
	assert_int_equal(create_from(scratch("checkpoint.safetensors"), &run, &err), CVT_OK);
	scratch_text(scratch("checkpoint.safetensors"), "now something else");
	assert_true(weight(run.folder) == 3);
	assert_int_equal(create_from(scratch("checkpoint.safetensors"), &run, &err), CVT_ERR_FORMAT);
	assert_non_null(strstr(err.message, "init: "));
	assert_non_null(strstr(err.message, "checkpoint.safetensors"));
	assert_int_equal(create_from(scratch("none"), &run, &err), CVT_ERR_NOT_FOUND);
	assert_int_equal(cvt_store_list(scratch("runs"), &runs, &n, NULL), CVT_OK);
	assert_int_equal(n, 1);
	free(runs);
}

static void bad_short_names(void **state)
{
	static const char *const names[] = {"", "a/b", "..", "A", "a b", "x\n", "123456789012345678901234567890123", NULL};
	struct cvt_new_run what = new_run;
	struct cvt_run run;

	for (int i = 0; i < 8; i++) {
		what.short_name = names[i];
		assert_int_equal(cvt_run_create(scratch("runs"), &what, &run, NULL), CVT_ERR_RANGE);
	}
	assert_false(scratch_exists(scratch("runs")));
}

enum { RACERS = 8, EACH = 12 };

static void *race(void *argument)
{
	struct cvt_new_run what = new_run;
	struct cvt_run run;

	what.short_name = argument;
	for (int i = 0; i < EACH; i++)
		if (cvt_run_create(scratch_folder, &what, &run, NULL) != CVT_OK)
			return argument;
	return NULL;
}

static void racing_creators_get_different_numbers(void **state)
{
	static char names[RACERS][8];
	pthread_t threads[RACERS];
	struct cvt_run *runs;
	static bool seen[10 * RACERS * EACH];
	int n;

	for (int i = 0; i < RACERS; i++) {
		snprintf(names[i], sizeof names[i], "%s", i % 2 ? "same" : (char[]){'r', (char)('a' + i), 0});
		pthread_create(&threads[i], NULL, race, names[i]);
	}
	for (int i = 0; i < RACERS; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(cvt_store_list(scratch_folder, &runs, &n, NULL), CVT_OK);
	assert_int_equal(n, RACERS * EACH);
	for (int i = 0; i < n; i++) {
		int number = atoi(runs[i].name + 11);

		assert_in_range(number, 1, 10 * RACERS * EACH - 1);
		if (seen[number])
			fail_msg("number %d was given twice", number);
		seen[number] = true;
	}
	free(runs);
}

static void lists_what_is_a_run(void **state)
{
	struct cvt_run *runs = NULL, a, b;
	struct cvt_error err;
	char path[1200], page[CVT_LIVE_SIZE] = "junk";
	int n = -1;

	assert_int_equal(cvt_store_list(scratch("none"), &runs, &n, &err), CVT_OK);
	assert_int_equal(n, 0);
	free(runs);
	a = create("cnn");
	b = create("vgg");
	mkdir(scratch("runs/other"), 0700);            /* no run */
	scratch_text(scratch("runs/file"), "x");
	mkdir(scratch("runs/bad\x1b[31m"), 0700);      /* not a name that is followed */
	mkdir(scratch("runs/damaged"), 0700);
	scratch_put(scratch("runs/damaged/live"), "w", page, sizeof page);
	mkdir(scratch("runs/cut"), 0700);
	scratch_text(scratch("runs/cut/live"), "convtui 1\nstate done\n");
	mkdir(scratch("runs/pageless"), 0700);
	scratch_text(scratch("runs/pageless/config.yaml"), "");
	mkdir(scratch("runs/fifo"), 0700);
	mkfifo(scratch("runs/fifo/live"), 0600);
	assert_int_equal(cvt_store_list(scratch("runs"), &runs, &n, &err), CVT_OK);
	assert_int_equal(n, 6);
	int failed = 0, queued = 0;
	for (int i = 0; i < n; i++) {
		failed += runs[i].live.state == CVT_STATE_FAILED && runs[i].live.reason[0] != 0;
		queued += runs[i].live.state == CVT_STATE_QUEUED;
		assert_true(i == 0 || runs[i - 1].created <= runs[i].created);
	}
	assert_int_equal(failed, 4);
	assert_int_equal(queued, 2);
	free(runs);
	assert_int_equal(cvt_run_read(a.folder, &a, &err), CVT_OK);
	snprintf(path, sizeof path, "%s///", b.folder);
	assert_int_equal(cvt_run_read(path, &a, &err), CVT_OK);
	assert_string_equal(a.name, b.name);
	assert_int_equal(cvt_run_read(scratch("runs/other"), &a, &err), CVT_ERR_NOT_FOUND);
	assert_int_equal(cvt_run_read(scratch("runs/absent"), &a, &err), CVT_ERR_NOT_FOUND);
	assert_int_equal(cvt_run_read(scratch("runs/damaged"), &a, &err), CVT_ERR_FORMAT);
}

static void finds_by_name(void **state)
{
	const char *store;
	char part[96];
	struct cvt_run run, first, last;
	struct cvt_error err;

	assert_int_equal(cvt_store_find(scratch("runs"), "last", &run, &err), CVT_ERR_NOT_FOUND);
	first = create("cnn");
	create("vgg-a");
	last = create("vgg-b");
	store = scratch("runs");
	assert_int_equal(cvt_store_find(store, "last", &run, &err), CVT_OK);
	assert_string_equal(run.name, last.name);
	assert_int_equal(cvt_store_find(store, "cn", &run, &err), CVT_OK);
	assert_string_equal(run.name, first.name);
	assert_int_equal(cvt_store_find(store, first.name, &run, &err), CVT_OK);
	assert_int_equal(cvt_store_find(store, first.folder, &run, &err), CVT_OK);
	assert_string_equal(run.name, first.name);
	assert_int_not_equal(cvt_store_find(store, "vgg", &run, &err), CVT_OK);
	assert_non_null(strstr(err.message, "fits 2 runs"));
	assert_non_null(strstr(err.message, last.name));
	assert_int_equal(cvt_store_find(store, "vggb", &run, &err), CVT_ERR_NOT_FOUND);
	assert_non_null(strstr(err.message, last.name)); /* what is near */
	assert_int_equal(cvt_store_find(store, "", &run, &err), CVT_ERR_NOT_FOUND);
	assert_int_not_equal(cvt_store_find(store, "../runs", &run, &err), CVT_OK);
	/* The first of ten and more: what stands between hyphens counts before what is a part of a longer number. */
	while (strstr(last.name, "-10-") == NULL)
		last = create("cnn");
	assert_true(snprintf(part, sizeof part, "%.*s", (int)(strlen(first.name) - strlen("-cnn")), first.name) > 5);
	assert_int_equal(cvt_store_find(store, part + 5, &run, &err), CVT_OK);
	assert_string_equal(run.name, first.name);
}

static void removes_to_the_trash(void **state)
{
	struct cvt_run a = create("cnn"), b = create("cnn"), run;
	struct cvt_writer *writer;
	struct cvt_error err;
	char store[600];
	int n = -1;

	snprintf(store, sizeof store, "%s", scratch("runs"));
	assert_int_equal(cvt_writer_open(a.folder, &writer, &err), CVT_OK);
	assert_int_equal(cvt_run_remove(store, a.folder, &err), CVT_ERR_BUSY);
	assert_true(scratch_exists(a.folder));
	cvt_writer_close(writer);
	assert_int_equal(cvt_run_remove(store, a.folder, &err), CVT_OK);
	assert_false(scratch_exists(a.folder));
	assert_int_equal(cvt_run_remove(store, a.folder, &err), CVT_ERR_NOT_FOUND);
	assert_int_equal(cvt_store_find(store, a.name, &run, &err), CVT_ERR_NOT_FOUND);

	/* Nothing outside of the store, nothing that is no run. */
	mkdir(scratch("elsewhere"), 0700);
	scratch_text(scratch("elsewhere/config.yaml"), "");
	assert_int_equal(cvt_run_remove(store, scratch("elsewhere"), &err), CVT_ERR_NOT_FOUND);
	assert_int_equal(cvt_run_remove(store, scratch("runs/.trash"), &err), CVT_ERR_NOT_FOUND);
	assert_int_equal(cvt_run_remove(store, scratch("runs/.."), &err), CVT_ERR_NOT_FOUND);
	assert_int_equal(symlink(scratch("elsewhere"), scratch("runs/link")), 0);
	assert_int_equal(cvt_run_remove(store, scratch("runs/link"), &err), CVT_ERR_NOT_FOUND);
	assert_true(scratch_exists(scratch("elsewhere/config.yaml")));

	/* A second one of the same name. */
	assert_int_equal(rename(b.folder, a.folder), 0);
	assert_int_equal(cvt_run_remove(store, a.folder, &err), CVT_OK);
	/* What is no run stays, where somebody laid it. */
	assert_int_equal(symlink(scratch("elsewhere"), scratch("runs/.trash/link")), 0);
	mkdir(scratch("runs/.trash/letters"), 0700);
	scratch_text(scratch("runs/.trash/letters/one"), "");
	assert_int_equal(cvt_store_empty_trash(store, &n, &err), CVT_OK);
	assert_int_equal(n, 2);
	assert_true(scratch_exists(scratch("elsewhere/config.yaml")));
	assert_true(scratch_exists(scratch("runs/.trash/link")));
	assert_true(scratch_exists(scratch("runs/.trash/letters/one")));
	assert_int_equal(cvt_store_empty_trash(store, &n, &err), CVT_OK);
	assert_int_equal(n, 0);
}

/* Runs may be behind the link, which makes them no trash. */
static void a_trash_that_is_a_link_is_refused(void **state)
{
	struct cvt_run a = create("cnn"), b = create("cnn");
	struct cvt_error err;
	char store[600];
	int n = -1;

	snprintf(store, sizeof store, "%s", scratch("runs"));
	mkdir(scratch("victim"), 0700);
	assert_int_equal(rename(a.folder, scratch("victim/run")), 0);
	assert_int_equal(symlink(scratch("victim"), scratch("runs/.trash")), 0);
	assert_int_equal(cvt_run_remove(store, b.folder, &err), CVT_ERR_FORMAT);
	assert_non_null(strstr(err.message, ".trash is a link"));
	assert_true(scratch_exists(b.folder));
	assert_int_equal(cvt_store_empty_trash(store, &n, &err), CVT_ERR_FORMAT);
	assert_true(scratch_exists(scratch("victim/run/live")));
	assert_int_equal(unlink(scratch("runs/.trash")), 0);
	assert_int_equal(cvt_store_empty_trash(store, &n, &err), CVT_OK);
	assert_int_equal(n, 0);
}

static void crashed_is_derived(void **state)
{
	struct cvt_run run = create("cnn"), again;
	struct cvt_writer *writer;
	struct cvt_live live = run.live;

	assert_int_equal(cvt_writer_open(run.folder, &writer, NULL), CVT_OK);
	live.state = CVT_STATE_TRAINING;
	assert_int_equal(cvt_writer_live(writer, &live, NULL), CVT_OK);
	assert_int_equal(cvt_run_read(run.folder, &again, NULL), CVT_OK);
	assert_int_equal(again.live.state, CVT_STATE_TRAINING);
	assert_true(again.locked);
	assert_true(again.created == run.created); /* a runner keeps it */
	cvt_writer_close(writer);
	assert_int_equal(cvt_run_read(run.folder, &again, NULL), CVT_OK);
	assert_int_equal(again.live.state, CVT_STATE_CRASHED);
	assert_false(again.locked);
	for (int s = CVT_STATE_QUEUED; s < CVT_STATE_CRASHED; s++) {
		assert_int_equal(cvt_writer_open(run.folder, &writer, NULL), CVT_OK);
		live.state = (enum cvt_state)s;
		assert_int_equal(cvt_writer_live(writer, &live, NULL), CVT_OK);
		cvt_writer_close(writer);
		assert_int_equal(cvt_run_read(run.folder, &again, NULL), CVT_OK);
		assert_int_equal(again.live.state, cvt_state_alive((enum cvt_state)s) ? CVT_STATE_CRASHED : s);
	}
	assert_string_equal(cvt_state_name(CVT_STATE_EVALUATING), "evaluating");
	assert_string_equal(cvt_state_name((enum cvt_state)99), "unknown");
}

/* What another user sees of a run whose lock it may not open: 0 crashed, 1 alive, 2 neither. */
static int seen_by_another(const char *folder)
{
	int how;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct cvt_run run;

		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(77);
		_exit(cvt_run_read(folder, &run, NULL) != CVT_OK ? 2 : run.live.state == CVT_STATE_CRASHED ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &how, 0), child);
	assert_true(WIFEXITED(how));
	return WEXITSTATUS(how);
}

/* Where the lock may not be asked, a run of this machine whose process is no more has crashed; while there is such a process it is not. */
static void crashed_is_seen_without_the_lock(void **state)
{
	struct cvt_run run = create("cnn");
	struct cvt_writer *w;
	struct cvt_live live = {0};
	char live_path[1200], lock[1200];
	int seen[2];
	pid_t child;

	snprintf(live_path, sizeof live_path, "%s/live", run.folder);
	snprintf(lock, sizeof lock, "%s/lock", run.folder);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		alarm(20);
		cvt_live_init(&live);
		live.state = CVT_STATE_TRAINING;
		if (cvt_writer_open(run.folder, &w, NULL) != CVT_OK || cvt_writer_live(w, &live, NULL) != CVT_OK)
			_exit(1);
		pause();
	}
	for (int i = 0; i < 2000 && live.state != CVT_STATE_TRAINING; i++) {
		usleep(5000);
		assert_int_equal(cvt_live_read(run.folder, &live, &run.created, NULL, NULL), CVT_OK);
	}
	assert_int_equal(live.state, CVT_STATE_TRAINING);
	chmod(scratch_folder, 0755);
	chmod(scratch("runs"), 0755);
	chmod(run.folder, 0755);
	chmod(live_path, 0644);
	chmod(lock, 0);
	seen[0] = seen_by_another(run.folder);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	seen[1] = seen_by_another(run.folder);
	if (seen[0] == 77)
		skip();
	assert_int_equal(seen[0], 1);
	assert_int_equal(seen[1], 0);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(store_paths), WITH_FOLDER(a_run_appears_whole), WITH_FOLDER(creation_fails_whole), WITH_FOLDER(a_run_owns_what_it_starts_from),
		WITH_FOLDER(a_file_of_no_run_is_copied), WITH_FOLDER(bad_short_names),
		WITH_FOLDER(racing_creators_get_different_numbers), WITH_FOLDER(lists_what_is_a_run), WITH_FOLDER(finds_by_name),
		WITH_FOLDER(removes_to_the_trash), WITH_FOLDER(a_trash_that_is_a_link_is_refused),
		WITH_FOLDER(crashed_is_derived), WITH_FOLDER(crashed_is_seen_without_the_lock),
	};

	return cmocka_run_group_tests_name("runs", tests, NULL, NULL);
}
