/* How runs end, or wait: patience, divergence, a full disk, signals, a second runner, no memory. */
#include "runs.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "base/clock.h"
#include "convtui/machine.h"
#include "store/checkpoint.h"
#include "store/writer.h"

static int count(const char *text, const char *part)
{
	int n = 0;

	for (text = strstr(text, part); text; text = strstr(text + 1, part))
		n++;
	return n;
}

static void patience_ends_it(void **state)
{
	/* At this rate no prediction changes: the first epoch stays the best. */
	struct cvt_run *run = runs_make("lr: 1e-9\nepochs: 50\npatience: 2\n");
	struct cvt_runner_result result = runs_train(run->folder, NULL);
	const struct cvt_live *live = &result.live;

	(void)state;
	assert_int_equal(result.state, CVT_STATE_DONE);
	assert_true(live->epoch < 50);
	assert_int_equal(live->epoch, live->best_epoch + 2);
	/* And it says so: on the page, in the log. */
	assert_string_equal(result.reason, "patience: no better validation accuracy in 2 epochs");
	assert_non_null(strstr(scratch_get(runs_file(run->folder, "log.txt")), " of 50: patience: no better validation accuracy in 2 epochs\n"));
	for (int i = 0; i < live->epoch; i++) {
		double accuracy = atof(runs_cell(run->folder, "epochs.csv", i, 4));

		assert_true(accuracy <= live->best_val_accuracy + 1e-6);
		/* The first that reached it. */
		if (i < live->best_epoch - 1)
			assert_true(accuracy < live->best_val_accuracy - 1e-6);
	}
}

/* At this rate predictions hardly change once the running statistics have settled: several epochs share the highest accuracy. */
static bool has_tie(const char *folder, const struct cvt_live *live)
{
	for (int i = live->best_epoch; i < live->epoch; i++)
		if (fabs(atof(runs_cell(folder, "epochs.csv", i, 4)) - live->best_val_accuracy) < 1e-6)
			return true;
	return false;
}

static void the_first_best_is_kept(void **state)
{
	bool tied = false;

	(void)state;
	for (int seed = 1; seed <= 10 && !tied; seed++) {
		char yaml[80];

		snprintf(yaml, sizeof yaml, "lr: 1e-9\nepochs: 8\nbatch: 50\nseed: %d\n", seed);
		struct cvt_run *run = runs_make(yaml);
		struct cvt_runner_result result = runs_train(run->folder, NULL);
		struct cvt_checkpoint_state at;
		struct cvt_safetensors file;
		struct cvt_error err;

		assert_int_equal(result.state, CVT_STATE_DONE);
		for (int i = 0; i < result.live.best_epoch - 1; i++)
			assert_true(atof(runs_cell(run->folder, "epochs.csv", i, 4)) < result.live.best_val_accuracy - 1e-6);
		assert_int_equal(cvt_checkpoint_read(runs_file(run->folder, "best.safetensors"), &file, &at, &err), CVT_OK);
		assert_int_equal(at.epoch, result.live.best_epoch);
		cvt_safetensors_finish(&file);
		tied = has_tie(run->folder, &result.live);
	}
	/* Without a tie this test would not tell the first from the last. */
	assert_true(tied);
}

static void divergence_is_seen(void **state)
{
	/* Decay alone multiplies a weight by -1.2 in each step. */
	struct cvt_run *run = runs_make("lr: 2.2\nweight-decay: 1\nepochs: 400\n");
	struct cvt_runner_result result = runs_train(run->folder, NULL);
	struct cvt_checkpoint_state at;
	struct cvt_safetensors file;
	struct cvt_error err;

	(void)state;
	assert_int_equal(result.state, CVT_STATE_DIVERGED);
	assert_non_null(strstr(result.reason, "finite"));
	assert_true(result.live.batch > 5);
	for (int i = 0; i < runs_rows(run->folder, "batches.csv"); i++)
		assert_true(isfinite(atof(runs_cell(run->folder, "batches.csv", i, 3))));
	assert_int_equal(cvt_checkpoint_read(runs_file(run->folder, "checkpoint.safetensors"), &file, &at, &err), CVT_OK);
	assert_true(at.batch <= result.live.batch);
	for (int i = 0; i < file.n_arrays; i++) {
		const float *values = file.arrays[i].data;

		for (int k = 0; k < (file.arrays[i].n_dims > 0 ? file.arrays[i].dims[0] : 1); k++)
			assert_true(isfinite(values[k]));
	}
	cvt_safetensors_finish(&file);
}

/* Large dense layers are updated while gradients are still being made, before anything can be checked: memory is spoiled then, the disk is not. The
 * checkpoint that is kept has the bits of a run that was told to stop there, and the run ends there, saying so. */
static void a_divergence_keeps_the_last_checkpoint(void **state)
{
	static const char yaml[] = "layers: 1\nimage-size: 32\nbatch: 400\nlr: 2.2\nweight-decay: 1\nepochs: 400\n";
	struct cvt_run *run = runs_make(yaml), *other = runs_make(yaml);
	struct cvt_runner_result result = runs_train(run->folder, NULL);
	struct cvt_checkpoint_state at;
	struct cvt_safetensors file;
	struct cvt_error err;

	(void)state;
	assert_int_equal(result.state, CVT_STATE_DIVERGED);
	assert_non_null(strstr(result.reason, "checkpoint"));
	assert_int_equal(cvt_checkpoint_read(runs_file(run->folder, "checkpoint.safetensors"), &file, &at, &err), CVT_OK);
	cvt_safetensors_finish(&file);
	assert_true(at.batch > 0 && at.batch <= result.live.batch);
	struct script stop = {.commands = {{at.batch, "stop", ""}}, .n_commands = 1};

	assert_int_equal(runs_train(other->folder, &stop).state, CVT_STATE_STOPPED);
	runs_same_weights(run->folder, other->folder, "checkpoint.safetensors");
}

/* A dead map's bias near the largest float: its gradient is 0, and the first update, the last of its epoch, makes it infinite. */
static const char *write_near_the_edge(void)
{
	struct cvt_run *run = runs_make("layers: 1\nimage-size: 32\nbatch: 4000\nepochs: 1\n");
	struct cvt_checkpoint_state at;
	struct cvt_safetensors file;
	struct cvt_error err;

	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
	assert_int_equal(cvt_checkpoint_read(runs_file(run->folder, "checkpoint.safetensors"), &file, &at, &err), CVT_OK);
	for (int i = 0; i < file.n_arrays; i++)
		if (strcmp(file.arrays[i].name, "net.0.bias") == 0)
			((float *)file.arrays[i].data)[0] = -3e38f;
	assert_int_equal(cvt_safetensors_write(scratch("edge.safetensors"), file.arrays, file.n_arrays, NULL, 0, &err), CVT_OK);
	cvt_safetensors_finish(&file);
	return scratch("edge.safetensors");
}

static void weights_that_are_not_finite_are_not_evaluated(void **state)
{
	char yaml[4096];
	struct cvt_runner_result result;

	(void)state;
	snprintf(yaml, sizeof yaml, "layers: 1\nimage-size: 32\nbatch: 4000\nlr: 10\nweight-decay: 1\nepochs: 3\ninit: %s\n", write_near_the_edge());
	struct cvt_run *run = runs_make(yaml);

	result = runs_train(run->folder, NULL);
	assert_int_equal(result.state, CVT_STATE_DIVERGED);
	if (!strstr(result.reason, "a weight is not finite after batch 1"))
		fail_msg("%s", result.reason);
	assert_int_equal(runs_rows(run->folder, "batches.csv"), 1);
	assert_int_equal(runs_rows(run->folder, "epochs.csv"), 0);
	assert_int_equal(result.live.best_epoch, 0);
}

/* A disk that is full for some calls on one file. */
static struct { const char *name; enum cvt_file_call call; int skip, fail; bool forever; } disk;

static int full(enum cvt_file_call call, const char *path)
{
	if (call != disk.call || !strstr(path, disk.name))
		return 0;
	if (disk.skip-- > 0)
		return 0;
	return disk.forever || disk.fail-- > 0 ? ENOSPC : 0;
}

static void waits_for_a_full_disk(void **state)
{
	static const struct { const char *name; enum cvt_file_call call; int skip; } cases[] = {
		{"batches.csv", CVT_FILE_WRITE, 3}, {"epochs.csv", CVT_FILE_WRITE, 1}, {"checkpoint.safetensors", CVT_FILE_WRITE, 0},
		{"checkpoint.safetensors", CVT_FILE_FSYNC, 1}, {"checkpoint.safetensors", CVT_FILE_RENAME, 1}, {"batches.csv", CVT_FILE_FSYNC, 0},
		{"confusion.csv", CVT_FILE_RENAME, 1}, {"commands.csv", CVT_FILE_WRITE, 1}, {"split.csv", CVT_FILE_WRITE, 0}};
	struct script steer = {.commands = {{2, "lr", "0.02"}}, .n_commands = 1};
	struct cvt_run *plain = runs_make("");

	(void)state;
	assert_int_equal(runs_train(plain->folder, &steer).state, CVT_STATE_DONE);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cvt_run *run = runs_make("");

		steer.given = 0;
		runs_notes[0] = 0;
		disk.name = cases[i].name;
		disk.call = cases[i].call;
		disk.skip = cases[i].skip;
		disk.fail = 3;
		cvt_file_fault = full;
		struct cvt_runner_result result = runs_train_with(run->folder, &runs_listening, &steer);

		cvt_file_fault = NULL;
		if (result.state != CVT_STATE_DONE || count(runs_notes, "training waits") != 1 || disk.fail > 0)
			fail_msg("%s, call %d: %s, %d calls left to fail, notes: %s", cases[i].name, (int)cases[i].call,
				cvt_state_name(result.state), disk.fail, runs_notes);
		runs_same(run->folder, plain->folder);
	}
}

static volatile int stop_now;

static void on_waiting(void *context, const struct cvt_runner_event *event)
{
	(void)context;
	if (event->kind == CVT_RUNNER_NOTE && strstr(event->text, "training waits"))
		stop_now = 1;
}

static void a_blocked_run_can_be_ended(void **state)
{
	struct cvt_run *plain = runs_make(""), *run = runs_make("");
	const struct cvt_runner_options options = {.event = on_waiting, .stop = &stop_now};
	struct cvt_runner_result result;

	(void)state;
	assert_int_equal(runs_train(plain->folder, NULL).state, CVT_STATE_DONE);
	stop_now = 0;
	disk.name = "batches.csv";
	disk.call = CVT_FILE_WRITE;
	disk.skip = 5;
	disk.forever = true;
	cvt_file_fault = full;
	result = runs_train_with(run->folder, &options, NULL);
	cvt_file_fault = NULL;
	disk.forever = false;
	assert_int_equal(result.state, CVT_STATE_FAILED);
	assert_non_null(strstr(result.reason, "resume"));
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
	runs_same(run->folder, plain->folder);
}

static const char *blocked_folder;

static void steer_when_waiting(void *context, const struct cvt_runner_event *event)
{
	char id[24];

	runs_listening.event(context, event);
	if (event->kind == CVT_RUNNER_NOTE && strstr(event->text, "training waits") &&
		(cvt_run_command(blocked_folder, "lr", "0.01", id, NULL) < 0 || cvt_run_command(blocked_folder, "stop", "", id, NULL) < 0))
		abort();
}

/* A stop from the inbox does not wait for the disk: the run ends before the next try, which would come in 20 s and fail too, and the stop is not there
 * any more when it is resumed, logged or not. Other commands wait. */
static void a_stop_ends_a_blocked_run_at_once(void **state)
{
	const struct cvt_train_tuning tuning = {.retry_seconds = 20};
	const struct cvt_runner_options options = {.event = steer_when_waiting};

	(void)state;
	for (int logged = 0; logged < 2; logged++) {
		struct cvt_run *run = runs_make("");
		struct cvt_runner_result result;
		struct cvt_error err;

		blocked_folder = run->folder;
		/* Every file, so that the stop cannot be logged either; or the rows only. */
		disk.name = logged ? "batches.csv" : ".csv";
		disk.call = CVT_FILE_WRITE;
		disk.skip = 10;
		disk.fail = 3;
		cvt_file_fault = full;
		int rc = cvt_runner_run_tuned(run->folder, &options, &tuning, &result, &err);

		cvt_file_fault = NULL;
		assert_int_equal(rc, CVT_OK);
		assert_int_equal(result.state, CVT_STATE_FAILED);
		assert_non_null(strstr(result.reason, "stopped while it could not write"));
		assert_non_null(strstr(result.reason, "resume goes on from the last checkpoint"));
		assert_int_equal(strstr(scratch_get(runs_file(run->folder, "commands.csv")), ",stop,") != NULL, logged);
		assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
		assert_non_null(strstr(scratch_get(runs_file(run->folder, "commands.csv")), ",lr,0.01,"));
	}
}

static struct cvt_session *follower;
static int silences;

/* A day ahead, then a week back, then to 1970, between batches; a follower looks on. */
static void jump(int64_t batch)
{
	static const double jumps[] = {0, 0, 86400, 86400, -604800, -604800, -1.7e9};

	cvt_clock_jump = batch < 7 ? jumps[batch] : 0;
	(void)!cvt_session_poll(follower, NULL);
	silences += follower->no_sign_of_life;
}

/* Whatever the clock of the machine does: the same bits, durations that are durations, and a run that is alive looks alive. */
static void the_clock_may_jump(void **state)
{
	struct cvt_run *plain = runs_make("epochs: 2\n"), *run = runs_make("epochs: 2\n");
	struct script script = {.also = jump, .commands = {{3, "checkpoint", ""}, {5, "checkpoint", ""}}, .n_commands = 2};
	struct cvt_runner_result result;
	double sum = 0;

	(void)state;
	assert_int_equal(runs_train(plain->folder, NULL).state, CVT_STATE_DONE);
	silences = 0;
	assert_int_equal(cvt_session_open(run->folder, &follower, NULL), CVT_OK);
	result = runs_train(run->folder, &script);
	cvt_clock_jump = 0;
	assert_int_equal(result.state, CVT_STATE_DONE);
	assert_true(result.live.batch > 6);
	assert_int_equal(silences, 0);
	cvt_session_close(follower);
	runs_same(run->folder, plain->folder);
	for (int i = 0; i < runs_rows(run->folder, "batches.csv"); i++) {
		double seconds = atof(runs_cell(run->folder, "batches.csv", i, 6));

		assert_true(seconds > 0 && seconds < 1000);
		sum += seconds;
	}
	for (int i = 0; i < runs_rows(run->folder, "epochs.csv"); i++)
		assert_true(atof(runs_cell(run->folder, "epochs.csv", i, 6)) < 1000 + sum);
	assert_true(result.live.seconds >= sum && result.live.seconds < 1000 + sum);
	assert_int_equal(runs_rows(run->folder, "commands.csv"), 2);
}

static void one_runner_a_run(void **state)
{
	struct cvt_run *run = runs_make("");
	struct cvt_writer *other;
	struct cvt_runner_result result;
	struct cvt_error err;

	(void)state;
	assert_int_equal(cvt_writer_open(run->folder, &other, &err), CVT_OK);
	assert_int_equal(cvt_runner_run(run->folder, &runs_listening, &result, &err), CVT_ERR_BUSY);
	cvt_writer_close(other);
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
}

static void term_at_2(int64_t batch)
{
	if (batch == 2)
		kill(getpid(), SIGTERM);
}

static atomic_bool noticed;   /* told on the main thread, read on the trainer's */

static void on_hangup(void *context, const struct cvt_runner_event *event)
{
	runs_listening.event(context, event);
	if (event->kind == CVT_RUNNER_NOTE && strstr(event->text, "training goes on"))
		noticed = true;
}

/* Waits until the main thread has seen it, so that the run is not over before. */
static void hup_at_2(int64_t batch)
{
	if (batch != 2)
		return;
	kill(getpid(), SIGHUP);
	for (int i = 0; i < 3000 && !noticed; i++)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

static void a_signal_saves_and_ends(void **state)
{
	struct cvt_run *run = runs_make("epochs: 100000\n");
	const struct cvt_runner_options options = {.catch_signals = true};
	struct script script = {.also = term_at_2};
	struct cvt_runner_result result = runs_train_with(run->folder, &options, &script);

	(void)state;
	assert_int_equal(result.state, CVT_STATE_STOPPED);
	assert_true(result.asked);
	assert_true(result.live.batch >= 2);
	assert_int_equal(result.live.checkpoint_batch, result.live.batch);
	assert_int_equal(runs_rows(run->folder, "batches.csv"), result.live.batch);
}

static void a_lost_terminal_is_no_end(void **state)
{
	struct cvt_run *run = runs_make("epochs: 1\n");
	const struct cvt_runner_options options = {.catch_signals = true, .event = on_hangup};
	struct script script = {.also = hup_at_2};

	(void)state;
	runs_notes[0] = 0;
	assert_int_equal(runs_train_with(run->folder, &options, &script).state, CVT_STATE_DONE);
	assert_int_equal(count(runs_notes, "training goes on"), 1);
}

static char *inbox_to_remove;

static void remove_the_inbox(int64_t batch)
{
	if (batch == 1)
		assert_int_equal(rmdir(inbox_to_remove), 0);
}

/* It is looked at many times a run: an inbox that is gone must not fill the log, nor end the training. */
static void a_lost_inbox_is_said_once(void **state)
{
	struct cvt_run *run = runs_make("epochs: 2\n");
	struct script script = {.also = remove_the_inbox};

	(void)state;
	runs_notes[0] = 0;
	inbox_to_remove = strdup(runs_file(run->folder, "inbox"));
	assert_int_equal(runs_train_with(run->folder, &runs_listening, &script).state, CVT_STATE_DONE);
	free(inbox_to_remove);
	assert_int_equal(count(runs_notes, "cannot look into"), 1);
}

static void a_single_picture_joins_the_batch_before(void **state)
{
	struct cvt_run *first = runs_make("epochs: 1\n"), *run;
	int n = runs_train(first->folder, NULL).live.train_images, batch = 60;
	char yaml[64];

	(void)state;
	while (n % batch != 1)
		batch++;
	assert_true(batch < n);
	snprintf(yaml, sizeof yaml, "batch: %d\nepochs: 2\n", batch);
	run = runs_make(yaml);
	runs_notes[0] = 0;
	assert_int_equal(runs_train_with(run->folder, &runs_listening, NULL).state, CVT_STATE_DONE);
	assert_int_equal(runs_rows(run->folder, "batches.csv"), 2 * (n / batch));
	assert_int_equal(atoi(runs_cell(run->folder, "batches.csv", n / batch - 1, 2)), batch + 1);
	assert_int_equal(count(runs_notes, "joins"), 1);
}

static void the_epoch_s_loss_is_the_mean_of_its_batches(void **state)
{
	struct cvt_run *run = runs_make("epochs: 1\n");
	double sum = 0, correct = 0;
	int n, images;

	(void)state;
	images = runs_train(run->folder, NULL).live.train_images;
	n = runs_rows(run->folder, "batches.csv");
	/* The last batch is smaller, and counts as much as the others. */
	assert_true(atoi(runs_cell(run->folder, "batches.csv", n - 1, 2)) < atoi(runs_cell(run->folder, "batches.csv", 0, 2)));
	for (int i = 0; i < n; i++) {
		sum += atof(runs_cell(run->folder, "batches.csv", i, 3));
		correct += atof(runs_cell(run->folder, "batches.csv", i, 4));
	}
	assert_near(atof(runs_cell(run->folder, "epochs.csv", 0, 1)), sum / n, 1e-7);
	assert_near(atof(runs_cell(run->folder, "epochs.csv", 0, 2)), 100 * correct / images, 1e-6);
}

static void memory_that_is_not_there(void **state)
{
	struct script tight = {.memory = (int64_t)160 << 20};
	struct cvt_run *run = runs_make("batch: 1000\nimage-size: 64\nepochs: 1\n");
	struct cvt_runner_result result = runs_train_with(run->folder, &runs_listening, &tight);
	const char *fits = strstr(result.reason, "fits is ");
	char yaml[128];

	(void)state;
	assert_int_equal(result.state, CVT_STATE_FAILED);
	assert_non_null(fits);
	for (int more = 0; more < 2; more++) {
		snprintf(yaml, sizeof yaml, "batch: %d\nimage-size: 64\nepochs: 1\n", atoi(fits + 8) + more);
		run = runs_make(yaml);
		assert_int_equal(runs_train_with(run->folder, &runs_listening, &tight).state, more ? CVT_STATE_FAILED : CVT_STATE_DONE);
	}
}

static void starts_from_a_file(void **state)
{
	struct cvt_run *first = runs_make("epochs: 1\n"), *second, *wrong;
	struct cvt_runner_result result;
	struct cvt_safetensors a, b;
	struct cvt_error err;
	char yaml[1400];

	(void)state;
	assert_int_equal(runs_train(first->folder, NULL).state, CVT_STATE_DONE);
	snprintf(yaml, sizeof yaml, "epochs: 1\nlr: 1e-9\ninit: %s\n", runs_file(first->folder, "checkpoint.safetensors"));
	second = runs_make(yaml);
	assert_int_equal(runs_train(second->folder, NULL).state, CVT_STATE_DONE);
	assert_int_equal(cvt_safetensors_read(runs_file(first->folder, "checkpoint.safetensors"), &a, &err), CVT_OK);
	assert_int_equal(cvt_safetensors_read(runs_file(second->folder, "checkpoint.safetensors"), &b, &err), CVT_OK);
	const float *x = cvt_safetensors_find(&a, "net.0.weight")->data, *y = cvt_safetensors_find(&b, "net.0.weight")->data;

	for (int i = 0; i < 6 * 3 * 25; i++)
		assert_near(x[i], y[i], 1e-5);
	cvt_safetensors_finish(&a);
	cvt_safetensors_finish(&b);
	snprintf(yaml, sizeof yaml, "layers: 1\ninit: %s\n", runs_file(first->folder, "checkpoint.safetensors"));
	wrong = runs_make(yaml);
	result = runs_train(wrong->folder, NULL);
	assert_int_equal(result.state, CVT_STATE_FAILED);
	assert_non_null(strstr(result.reason, "array "));
}

static void work_takes_what_is_its_to_take(void **state)
{
	const struct cvt_runner_options work = {.take_queued_only = true};
	struct cvt_run *done = runs_make("epochs: 1\n"), *crashed = runs_make("epochs: 1\n");
	struct cvt_runner_result result;
	struct cvt_error err;

	(void)state;
	assert_int_equal(runs_train_with(done->folder, &work, NULL).state, CVT_STATE_DONE);
	assert_int_equal(cvt_runner_run(done->folder, &work, &result, &err), CVT_ERR_BUSY);
	/* Begun by somebody else, who may be looking at what went wrong. */
	runs_die(crashed->folder, 1);
	assert_int_equal(cvt_runner_run(crashed->folder, &work, &result, &err), CVT_ERR_BUSY);
	/* Begun by work, and crashed: twice more, then no longer. */
	scratch_text(runs_file(crashed->folder, "work.csv"), "times\n3\n");
	assert_int_equal(cvt_runner_run(crashed->folder, &work, &result, &err), CVT_ERR_BUSY);
	scratch_text(runs_file(crashed->folder, "work.csv"), "times\n2\n");
	assert_int_equal(runs_train_with(crashed->folder, &work, NULL).state, CVT_STATE_DONE);
}

/* `work` trains one run after another: the second is not said to need what the first took. */
static void the_peak_is_the_run_s_own(void **state)
{
	const size_t size = (size_t)512 << 20;
	void *before = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	struct cvt_run *run = runs_make("epochs: 1\n"), again;
	struct cvt_runner_result result;
	struct cvt_error err;

	(void)state;
	assert_ptr_not_equal(before, MAP_FAILED);
	munmap(before, size);
	if (cvt_machine_peak_bytes() < (int64_t)size || access("/proc/self/clear_refs", W_OK) != 0)
		skip();
	result = runs_train(run->folder, NULL);
	assert_true(result.live.peak_bytes > 0 && result.live.peak_bytes < (int64_t)size);
	assert_int_equal(cvt_run_read(run->folder, &again, &err), CVT_OK);
	assert_int_equal(again.live.peak_bytes, result.live.peak_bytes);
}

static void no_validation_part_is_said(void **state)
{
	struct cvt_run *run = runs_make("epochs: 1\nval-fraction: 0\n");
	struct cvt_runner_result result = runs_train(run->folder, NULL);
	const char *log = scratch_get(runs_file(run->folder, "log.txt"));

	(void)state;
	assert_int_equal(result.live.val_images, 0);
	assert_non_null(strstr(log, ", val none, "));
	assert_null(strstr(log, "nan"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(patience_ends_it, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(the_first_best_is_kept, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(divergence_is_seen, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_divergence_keeps_the_last_checkpoint, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(weights_that_are_not_finite_are_not_evaluated, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(waits_for_a_full_disk, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_blocked_run_can_be_ended, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_stop_ends_a_blocked_run_at_once, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(the_clock_may_jump, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(one_runner_a_run, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_signal_saves_and_ends, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_lost_terminal_is_no_end, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_lost_inbox_is_said_once, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_single_picture_joins_the_batch_before, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(the_epoch_s_loss_is_the_mean_of_its_batches, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(memory_that_is_not_there, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(the_peak_is_the_run_s_own, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(no_validation_part_is_said, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(starts_from_a_file, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(work_takes_what_is_its_to_take, runs_setup, runs_teardown),
	};

	return cmocka_run_group_tests_name("train ends", tests, runs_group_setup, runs_group_teardown);
}
