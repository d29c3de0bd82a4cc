/* The runner's side: lock, rows, offsets, the inbox, and every call made to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../scratch.h"
#include "faults.h"
#include "store/live.h"
#include "store/rows.h"
#include "store/writer.h"

static char folder[1024];

static int setup(void **state)
{
	struct cvt_run run;
	struct cvt_new_run what = {.short_name = "cnn", .config_yaml = "lr: 1\n"};

	if (scratch_setup(state) != 0 || cvt_run_create(scratch_folder, &what, &run, NULL) != CVT_OK)
		return -1;
	snprintf(folder, sizeof folder, "%s", run.folder);
	return 0;
}

static int teardown(void **state)
{
	no_faults();
	return scratch_teardown(state);
}

static const char *in_run(const char *name)
{
	static char paths[8][1200];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

static struct cvt_writer *open_writer(void)
{
	struct cvt_writer *writer = NULL;
	struct cvt_error err;

	if (cvt_writer_open(folder, &writer, &err) != CVT_OK)
		fail_msg("%s", err.message);
	return writer;
}

static struct cvt_batch_row batch_row(int64_t batch)
{
	return (struct cvt_batch_row){.batch = batch, .epoch = 1 + (int)(batch / 4), .images = 128, .correct = 77, .loss = (double)(1.0f / (float)(batch + 3)),
		.lr = 5e-4, .seconds = 0.25};
}

static void two_writers_cannot_be(void **state)
{
	struct cvt_writer *writer = open_writer(), *second = NULL;
	struct cvt_live live;
	struct cvt_error err;

	cvt_live_init(&live);
	assert_int_equal(cvt_writer_live(writer, &live, &err), CVT_OK);
	assert_int_equal(cvt_writer_open(folder, &second, &err), CVT_ERR_BUSY);
	assert_null(second);
	assert_non_null(strstr(err.message, "another runner"));
	char pid[32];
	snprintf(pid, sizeof pid, "process %d", (int)getpid());
	assert_non_null(strstr(err.message, pid));

	/* From another process too. */
	pid_t child = fork();
	if (child == 0)
		_exit(cvt_writer_open(folder, &second, NULL) == CVT_ERR_BUSY ? 0 : 1);
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	cvt_writer_close(writer);
	cvt_writer_close(open_writer());
	cvt_writer_close(NULL);
	assert_int_equal(cvt_writer_open(scratch("none"), &second, &err), CVT_ERR_NOT_FOUND);
	mkdir(scratch("empty"), 0700);
	assert_int_equal(cvt_writer_open(scratch("empty"), &second, &err), CVT_ERR_NOT_FOUND);
	assert_false(scratch_exists(scratch("empty/lock"))); /* a folder that is no run is left as it is */
}

static void rows_are_text(void **state)
{
	struct cvt_writer *w = open_writer();
	struct cvt_batch_row b = {.batch = 7, .epoch = 2, .images = 100, .correct = 33, .loss = 0.1f, .lr = 1e-5, .seconds = 1.0 / 3};
	struct cvt_epoch_row e = {.epoch = 1, .loss = 0.25, .train_accuracy = 97.5, .val_loss = NAN, .val_accuracy = NAN, .lr = 0.01, .seconds = 8};
	int64_t batches, epochs;

	assert_int_equal(cvt_writer_batch(w, &b, NULL), CVT_OK);
	assert_int_equal(cvt_writer_epoch(w, &e, NULL), CVT_OK);
	cvt_writer_offsets(w, &batches, &epochs);
	assert_int_equal(batches, scratch_size(in_run("batches.csv")));
	assert_int_equal(epochs, scratch_size(in_run("epochs.csv")));
	cvt_writer_close(w);
	assert_string_equal(scratch_get(in_run("batches.csv")),
		"batch,epoch,images,loss,correct,lr,seconds\n7,2,100,0.100000001,33,1e-5,0.333333333\n");
	assert_string_equal(scratch_get(in_run("epochs.csv")),
		"epoch,loss,train_accuracy,val_loss,val_accuracy,lr,seconds\n1,0.25,97.5,nan,nan,0.01,8\n");
	assert_string_equal(scratch_get(in_run("commands.csv")), "batch,id,name,value,time\n");
}

static void floats_survive_nine_digits(void **state)
{
	for (uint32_t i = 0; i < 200000; i++) {
		uint32_t bits = i * 21474u + 12345u;
		float loss;
		char text[CVT_ROW_SIZE];
		struct cvt_batch_row row = {.images = 1}, again;

		memcpy(&loss, &bits, 4);
		if (!isfinite(loss))
			continue;
		row.loss = (double)loss;
		size_t n = cvt_batch_format(&row, text);
		text[n - 1] = 0;
		if (!cvt_batch_parse(text, &again) || (float)again.loss != loss)
			fail_msg("bits %08x (%.9g) came back as %.9g", bits, (double)loss, again.loss);
	}
}

static void rows_of_others_are_no_rows(void **state)
{
	static const char *const lines[] = {"", "1,1,1,0.5,1,1", "1,1,1,0.5,1,1,1,1", "1,1,1,x,1,1,1", " 1,1,1,0.5,1,1,1", "-1,1,1,0.5,1,1,1",
		"1,1,99999999999,0.5,1,1,1", "1,1,1,,1,1,1", "1,1,1,0.5,1,1,1\r"};
	struct cvt_batch_row row = {.batch = 42};
	char line[64];

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		snprintf(line, sizeof line, "%s", lines[i]);
		assert_false(cvt_batch_parse(line, &row));
	}
	assert_int_equal(row.batch, 42);
	static const char *const commands[] = {"1,a,lr,1,2,3", "1,A,lr,1,2", "1,a,lr lr,1,2", "1,a,lr,1\x1b,2", "1,a,,1,2", "1,,lr,1,2",
		"1,aaaaaaaaaaaaaaaaaaaaaaaa,lr,1,2"};
	struct cvt_command_row command;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		snprintf(line, sizeof line, "%s", commands[i]);
		assert_false(cvt_command_parse(line, &command));
	}
}

/* A resume: a half row and rows behind the checkpoint go, the file goes on as if nothing had been. */
static void resume_cuts_back_to_the_checkpoint(void **state)
{
	struct cvt_writer *w = open_writer();
	struct cvt_epoch_row e = {.epoch = 1};
	struct cvt_batch_row row;
	int64_t batches, epochs, again, other;
	char whole[4096];

	for (int i = 0; i < 10; i++) {
		row = batch_row(i);
		assert_int_equal(cvt_writer_batch(w, &row, NULL), CVT_OK);
		if (i == 4) {
			assert_int_equal(cvt_writer_epoch(w, &e, NULL), CVT_OK);
			cvt_writer_offsets(w, &batches, &epochs);
		}
	}
	e.epoch = 2;
	assert_int_equal(cvt_writer_epoch(w, &e, NULL), CVT_OK);
	cvt_writer_close(w);
	snprintf(whole, sizeof whole, "%s", scratch_get(in_run("batches.csv")));
	scratch_append(in_run("batches.csv"), "10,3,128,0.07");     /* killed in the middle of a row */
	scratch_append(in_run("epochs.csv"), "3");
	w = open_writer();
	cvt_writer_offsets(w, &again, &other);
	assert_int_equal(again, strlen(whole));                     /* the half row is gone */
	assert_int_equal(scratch_size(in_run("batches.csv")), strlen(whole));
	assert_int_equal(cvt_writer_truncate(w, batches, epochs, NULL), CVT_OK);
	assert_int_equal(scratch_size(in_run("batches.csv")), batches);
	assert_int_equal(scratch_size(in_run("epochs.csv")), epochs);
	cvt_writer_offsets(w, &again, &other);
	assert_true(again == batches && other == epochs);
	for (int i = 5; i < 10; i++) {
		row = batch_row(i);
		assert_int_equal(cvt_writer_batch(w, &row, NULL), CVT_OK);
	}
	assert_string_equal(scratch_get(in_run("batches.csv")), whole);
	assert_int_equal(cvt_writer_truncate(w, 0, 0, NULL), CVT_OK); /* from the start: the headers stay */
	assert_string_equal(scratch_get(in_run("batches.csv")), cvt_batches_header);
	assert_string_equal(scratch_get(in_run("epochs.csv")), cvt_epochs_header);
	cvt_writer_close(w);
}

static void offsets_must_fit_the_files(void **state)
{
	struct cvt_writer *w = open_writer();
	struct cvt_batch_row row = batch_row(0);
	int64_t batches, epochs;

	assert_int_equal(cvt_writer_batch(w, &row, NULL), CVT_OK);
	cvt_writer_offsets(w, &batches, &epochs);
	assert_int_equal(cvt_writer_truncate(w, batches + 1, epochs, NULL), CVT_ERR_FORMAT);  /* rows are missing */
	assert_int_equal(cvt_writer_truncate(w, batches - 1, epochs, NULL), CVT_ERR_FORMAT);  /* off by one */
	assert_int_equal(cvt_writer_truncate(w, batches - 2, epochs, NULL), CVT_ERR_FORMAT);
	assert_int_equal(cvt_writer_truncate(w, 5, epochs, NULL), CVT_ERR_FORMAT);
	assert_int_equal(cvt_writer_truncate(w, -1, epochs, NULL), CVT_ERR_FORMAT);
	assert_int_equal(cvt_writer_truncate(w, batches, epochs, NULL), CVT_OK);
	assert_int_equal(scratch_size(in_run("batches.csv")), batches);
	cvt_writer_close(w);
	scratch_text(in_run("epochs.csv"), "a,b\n1,2\n");
	assert_int_equal(cvt_writer_open(folder, &w, NULL), CVT_ERR_FORMAT);
	unlink(in_run("epochs.csv"));
	assert_int_equal(symlink(scratch("victim"), in_run("epochs.csv")), 0);
	scratch_text(scratch("victim"), "precious without newline");
	assert_int_equal(cvt_writer_open(folder, &w, NULL), CVT_ERR_FORMAT);
	assert_string_equal(scratch_get(scratch("victim")), "precious without newline");
}

/* A disk that fills up in the middle of a row, by the kernel itself: the row is not there, and can be tried again. */
static void a_row_is_whole_or_not_there(void **state)
{
	struct cvt_writer *w = open_writer();
	struct cvt_batch_row row = batch_row(0);
	struct rlimit before, small;
	char want[600], text[CVT_ROW_SIZE];

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = (rlim_t)scratch_size(in_run("batches.csv")) + 10;
	setrlimit(RLIMIT_FSIZE, &small);
	int status = cvt_writer_batch(w, &row, NULL);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_true(status < 0);
	assert_string_equal(scratch_get(in_run("batches.csv")), cvt_batches_header);
	assert_int_equal(cvt_writer_batch(w, &row, NULL), CVT_OK);
	cvt_batch_format(&row, text);
	snprintf(want, sizeof want, "%s%s", cvt_batches_header, text);
	assert_string_equal(scratch_get(in_run("batches.csv")), want);
	inject(0, ENOSPC);
	assert_int_equal(cvt_writer_batch(w, &row, NULL), CVT_ERR_SPACE);
	no_faults();
	assert_string_equal(scratch_get(in_run("batches.csv")), want);
	cvt_writer_close(w);
}

static void sync_brings_both_files_to_the_disk(void **state)
{
	struct cvt_writer *w = open_writer();

	inject(-1, 0);
	assert_int_equal(cvt_writer_sync(w, NULL), CVT_OK);
	assert_string_equal(faults.trace, "fsync batches.csv\nfsync epochs.csv\n");
	for (int at = 0; at < 2; at++) {
		inject(at, EIO);
		assert_int_equal(cvt_writer_sync(w, NULL), CVT_ERR_IO);
	}
	no_faults();
	cvt_writer_close(w);
}

/* Whatever call fails while a run is opened: an error, nothing spoilt, the lock free again, and the next time it opens. */
static void opening_fails_without_harm(void **state)
{
	struct cvt_writer *w = open_writer();
	struct cvt_batch_row row = batch_row(0);

	assert_int_equal(cvt_writer_batch(w, &row, NULL), CVT_OK);
	cvt_writer_close(w);
	scratch_append(in_run("batches.csv"), "1,1,");
	inject(-1, 0);
	cvt_writer_close(open_writer());
	int calls = faults.calls;
	assert_true(calls > 5);
	for (int at = 0; at < calls - 1; at++) {
		no_faults();
		scratch_append(in_run("batches.csv"), "1,1,");
		inject(at, EIO);
		assert_int_equal(cvt_writer_open(folder, &w, NULL), CVT_ERR_IO);
		no_faults();
		assert_int_equal(cvt_lock_held(in_run("lock")), 0);
		cvt_writer_close(open_writer());
		assert_string_equal(strchr(scratch_get(in_run("batches.csv")), '\n') + 1, "0,1,128,0.333333343,77,0.0005,0.25\n");
	}
}

static void the_page_needs_no_space(void **state)
{
	struct cvt_writer *w = open_writer();
	struct cvt_live live, again;
	double created;

	cvt_live_init(&live);
	live.state = CVT_STATE_BLOCKED;
	strcpy(live.reason, "no space left");
	struct rlimit before, small;
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = CVT_LIVE_SIZE;      /* not a byte may be added */
	setrlimit(RLIMIT_FSIZE, &small);
	int status = cvt_writer_live(w, &live, NULL);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(status, CVT_OK);
	assert_int_equal(scratch_size(in_run("live")), CVT_LIVE_SIZE);
	inject(-1, 0);
	assert_int_equal(cvt_writer_live(w, &live, NULL), CVT_OK);
	assert_string_equal(faults.trace, "write live\n");   /* in place: no file beside it, no rename, no fsync */
	no_faults();
	assert_int_equal(cvt_live_read(folder, &again, &created, NULL, NULL), CVT_OK);
	assert_int_equal(again.state, CVT_STATE_BLOCKED);
	assert_int_equal(again.pid, getpid());
	assert_true(again.updated > 1e9);
	cvt_writer_close(w);
}

static void small_files_and_logs(void **state)
{
	struct cvt_writer *w = open_writer();

	assert_int_equal(cvt_writer_file(w, "split.csv", "path,class,part\n", 16, NULL), CVT_OK);
	assert_string_equal(scratch_get(in_run("split.csv")), "path,class,part\n");
	assert_int_equal(cvt_writer_file(w, "../x", "", 0, NULL), CVT_ERR_RANGE);
	assert_int_equal(cvt_writer_log(w, "one\ntwo \x1b[31m", NULL), CVT_OK);
	assert_int_equal(cvt_writer_machine(w, "A, \"CPU\"", "avx2", "OpenBLAS", 2, "0.1", NULL), CVT_OK);
	assert_int_equal(cvt_writer_machine(w, "B", "avx2", "OpenBLAS", 4, "0.1", NULL), CVT_OK);
	assert_string_equal(cvt_writer_folder(w), folder);
	cvt_writer_close(w);
	const char *log = scratch_get(in_run("log.txt"));
	assert_string_equal(log + 20, "one?two ?[31m\n");
	const char *machine = scratch_get(in_run("machine.csv"));
	assert_memory_equal(machine, "time,processor,isa,blas,threads,version\n2", 41);
	assert_non_null(strstr(machine, ",A   CPU ,avx2,OpenBLAS,2,0.1\n2"));
	assert_non_null(strstr(machine, ",B,avx2,OpenBLAS,4,0.1\n"));
}

static void commands_are_taken_in_order(void **state)
{
	struct cvt_writer *w = open_writer();
	struct cvt_inbox_command command;
	struct cvt_command_row *rows;
	char ids[20][24], value[16];
	int n;

	assert_int_equal(cvt_writer_next_command(w, &command, NULL), 0);
	for (int i = 0; i < 20; i++) {
		snprintf(value, sizeof value, "%d", i);
		assert_int_equal(cvt_run_command(folder, "epochs", value, ids[i], NULL), CVT_OK);
		assert_int_equal(strlen(ids[i]), 23);
		assert_true(i == 0 || strcmp(ids[i - 1], ids[i]) < 0);
	}
	for (int i = 0; i < 20; i++) {
		assert_int_equal(cvt_writer_next_command(w, &command, NULL), 1);
		assert_string_equal(command.id, ids[i]);
		assert_string_equal(command.name, "epochs");
		assert_int_equal(atoi(command.value), i);
		assert_int_equal(cvt_writer_command_done(w, &command, 100 + i, NULL), CVT_OK);
	}
	assert_int_equal(cvt_writer_next_command(w, &command, NULL), 0);
	assert_int_equal(cvt_run_command(folder, "pause", "", ids[0], NULL), CVT_OK);
	assert_int_equal(cvt_writer_next_command(w, &command, NULL), 1);
	assert_string_equal(command.name, "pause");
	assert_string_equal(command.value, "");
	assert_int_equal(cvt_writer_commands(w, &rows, &n, NULL), CVT_OK);
	assert_int_equal(n, 20);
	for (int i = 0; i < n; i++) {
		assert_int_equal(rows[i].batch, 100 + i);
		assert_string_equal(rows[i].name, "epochs");
		assert_true(rows[i].time > 1e9);
	}
	free(rows);
	cvt_writer_close(w);
}

/* Killed between logging and removing: the file is still there, the command must not be applied again. */
static void a_command_is_taken_once(void **state)
{
	struct cvt_writer *w = open_writer();
	struct cvt_inbox_command command;
	char id[24], name[64], copy[64];
	struct cvt_command_row *rows;
	int n;

	assert_int_equal(cvt_run_command(folder, "lr", "5e-4", id, NULL), CVT_OK);
	snprintf(name, sizeof name, "inbox/%s.cmd", id);
	snprintf(copy, sizeof copy, "%s", scratch_get(in_run(name)));
	assert_string_equal(copy, "lr 5e-4\n");
	assert_int_equal(cvt_writer_next_command(w, &command, NULL), 1);
	assert_int_equal(cvt_writer_next_command(w, &command, NULL), 1);     /* not logged yet: it is offered again */
	assert_int_equal(cvt_writer_command_done(w, &command, 7, NULL), CVT_OK);
	assert_false(scratch_exists(in_run(name)));
	scratch_text(in_run(name), copy);
	assert_int_equal(cvt_writer_next_command(w, &command, NULL), 0);
	assert_false(scratch_exists(in_run(name)));
	scratch_text(in_run(name), copy);
	cvt_writer_close(w);
	w = open_writer();                                                    /* the ids are read from commands.csv */
	assert_int_equal(cvt_writer_next_command(w, &command, NULL), 0);
	assert_false(scratch_exists(in_run(name)));
	assert_int_equal(cvt_writer_commands(w, &rows, &n, NULL), CVT_OK);
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].value, "5e-4");
	free(rows);
	cvt_writer_close(w);
}

/* The log is synced before the command's file goes; whichever of these fails, the command is there to be taken again, and logged once. */
static void no_command_is_lost(void **state)
{
	struct cvt_writer *w = open_writer();
	struct cvt_inbox_command command;
	struct cvt_command_row *rows;
	char id[24];
	int n;

	assert_int_equal(cvt_run_command(folder, "lr", "1", id, NULL), CVT_OK);
	assert_int_equal(cvt_writer_next_command(w, &command, NULL), 1);
	inject(-1, 0);
	assert_int_equal(cvt_writer_command_done(w, &command, 1, NULL), CVT_OK);
	assert_string_equal(faults.trace, "write commands.csv\nfsync commands.csv\n");
	no_faults();
	assert_int_equal(cvt_run_command(folder, "lr", "2", id, NULL), CVT_OK);
	for (int at = 0; at < 2; at++) {
		assert_int_equal(cvt_writer_next_command(w, &command, NULL), 1);
		inject(at, EIO);
		assert_int_equal(cvt_writer_command_done(w, &command, 2, NULL), CVT_ERR_IO);
		no_faults();
		assert_int_equal(cvt_writer_next_command(w, &command, NULL), 1);
		assert_string_equal(command.value, "2");
	}
	assert_int_equal(cvt_writer_command_done(w, &command, 3, NULL), CVT_OK);
	assert_int_equal(cvt_writer_commands(w, &rows, &n, NULL), CVT_OK);
	assert_int_equal(n, 2);
	assert_int_equal(rows[1].batch, 3);
	free(rows);
	cvt_writer_close(w);
}

static void hostile_inboxes(void **state)
{
	struct cvt_writer *w = open_writer();
	struct cvt_inbox_command command;
	struct cvt_error err;
	char big[200], id[24];
	int refused = 0, status;

	memset(big, 'a', sizeof big - 1);
	big[sizeof big - 1] = 0;
	scratch_text(in_run("inbox/aa.cmd"), "lr 1\x1b[31m\n");
	scratch_text(in_run("inbox/ab.cmd"), big);
	scratch_text(in_run("inbox/ac.cmd"), "lr 1");            /* not whole */
	scratch_text(in_run("inbox/ad.cmd"), "");
	scratch_put(in_run("inbox/ae.cmd"), "w", "lr\0 1\n", 6);
	scratch_text(in_run("inbox/af.cmd"), "lr 1\nlr 2\n");
	scratch_text(in_run("inbox/ag.cmd"), "LR 1\n");
	scratch_text(in_run("inbox/UPPER.cmd"), "lr 1\n");
	scratch_text(in_run("inbox/readme\x1b.txt"), "x");
	mkdir(in_run("inbox/folder"), 0700);
	scratch_text(in_run("inbox/folder/x"), "x");
	mkdir(in_run("inbox/ah.cmd"), 0700);
	mkfifo(in_run("inbox/ai.cmd"), 0600);
	assert_int_equal(symlink("/dev/zero", in_run("inbox/aj.cmd")), 0);
	scratch_text(in_run("inbox/zz.tmp"), "being written");
	assert_int_equal(cvt_run_command(folder, "lr", "3", id, NULL), CVT_OK);
	for (int i = 0; i < 50; i++) {
		status = cvt_writer_next_command(w, &command, &err);
		if (status == 1)
			break;
		assert_int_equal(status, CVT_ERR_FORMAT);
		assert_non_null(strstr(err.message, "removed"));
		refused++;
	}
	/* The good one sorts before aa: take it, then the bad ones of good names are met. */
	assert_string_equal(command.id, id);
	assert_int_equal(cvt_writer_command_done(w, &command, 0, &err), CVT_OK);
	while ((status = cvt_writer_next_command(w, &command, &err)) < 0 && refused < 50)
		refused++;
	assert_int_equal(status, 0);
	assert_int_equal(refused, 13);
	char text[1300];
	snprintf(text, sizeof text, "test \"$(ls -A '%s')\" = zz.tmp", in_run("inbox"));
	assert_int_equal(system(text), 0);
	cvt_writer_close(w);
}

static void commands_are_checked_when_given(void **state)
{
	char id[24] = "untouched";
	struct cvt_error err;

	assert_int_equal(cvt_run_command(folder, "", "1", id, &err), CVT_ERR_RANGE);
	assert_int_equal(cvt_run_command(folder, "lr\n", "1", id, &err), CVT_ERR_RANGE);
	assert_int_equal(cvt_run_command(folder, "../lr", "1", id, &err), CVT_ERR_RANGE);
	assert_int_equal(cvt_run_command(folder, "lr", "1,2", id, &err), CVT_ERR_RANGE);
	assert_int_equal(cvt_run_command(folder, "lr", "1\n", id, &err), CVT_ERR_RANGE);
	assert_int_equal(cvt_run_command(scratch("none"), "lr", "1", id, &err), CVT_ERR_NOT_FOUND);
	assert_string_equal(id, "untouched");
	inject(-1, 0);
	assert_int_equal(cvt_run_command(folder, "lr", "1", id, &err), CVT_OK);
	int calls = faults.calls;
	assert_int_equal(calls, 3); /* open, write, rename */
	for (int at = 0; at < calls; at++) {
		inject(at, ENOSPC);
		assert_int_equal(cvt_run_command(folder, "lr", "2", id, &err), CVT_ERR_SPACE);
	}
	no_faults();
	char text[1300];
	snprintf(text, sizeof text, "test \"$(ls -A '%s')\" = %s.cmd", in_run("inbox"), id);
	assert_int_equal(system(text), 0);
}

static void a_damaged_command_log_is_said(void **state)
{
	struct cvt_writer *w = open_writer();
	struct cvt_error err;

	cvt_writer_close(w);
	scratch_append(in_run("commands.csv"), "1,a1,lr,0.5,1\nnonsense\n2,a2,lr,0.25,1\n");
	assert_int_equal(cvt_writer_open(folder, &w, &err), CVT_ERR_FORMAT);
	assert_int_equal(err.line, 3);
}

/* Looking for the last row through a hole of a terabyte would take an hour. */
static void a_hole_is_no_row(void **state)
{
	struct cvt_writer *w = open_writer();
	struct cvt_error err;
	long size = scratch_size(in_run("batches.csv"));

	(void)state;
	cvt_writer_close(w);
	assert_int_equal(truncate(in_run("batches.csv"), 1 << 20), 0);      /* as a crash may leave it */
	cvt_writer_close(open_writer());
	assert_int_equal(scratch_size(in_run("batches.csv")), size);
	if (truncate(in_run("batches.csv"), (off_t)1 << 40) != 0)
		skip();
	assert_int_equal(cvt_writer_open(folder, &w, &err), CVT_ERR_FORMAT);
	assert_non_null(strstr(err.message, "batches.csv: no row ends"));
}

/* A crash of the machine may tear the page, which is written in place: the run must still open, as one that can be resumed. */
static void a_torn_page_is_begun_anew(void **state)
{
	struct cvt_run run;
	struct cvt_error err;
	char page[CVT_LIVE_SIZE];

	cvt_writer_close(open_writer());
	memset(page, 'x', sizeof page);
	scratch_put(in_run("live"), "w", page, sizeof page);
	assert_int_equal(cvt_run_read(folder, &run, &err), CVT_ERR_FORMAT);
	cvt_writer_close(open_writer());
	assert_int_equal(cvt_run_read(folder, &run, &err), CVT_OK);
	assert_int_equal(run.live.state, CVT_STATE_FAILED);
	assert_non_null(strstr(run.live.reason, "resume"));
	/* One that is whole is left as it is. */
	cvt_writer_close(open_writer());
	assert_int_equal(cvt_run_read(folder, &run, &err), CVT_OK);
	assert_int_equal(run.live.state, CVT_STATE_FAILED);
}

#define WITH_RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RUN(two_writers_cannot_be), WITH_RUN(rows_are_text), cmocka_unit_test(floats_survive_nine_digits),
		cmocka_unit_test(rows_of_others_are_no_rows), WITH_RUN(resume_cuts_back_to_the_checkpoint), WITH_RUN(offsets_must_fit_the_files),
		WITH_RUN(a_row_is_whole_or_not_there), WITH_RUN(sync_brings_both_files_to_the_disk), WITH_RUN(opening_fails_without_harm),
		WITH_RUN(the_page_needs_no_space), WITH_RUN(small_files_and_logs), WITH_RUN(commands_are_taken_in_order),
		WITH_RUN(a_command_is_taken_once), WITH_RUN(no_command_is_lost), WITH_RUN(hostile_inboxes),
		WITH_RUN(commands_are_checked_when_given), WITH_RUN(a_damaged_command_log_is_said),
		WITH_RUN(a_torn_page_is_begun_anew), WITH_RUN(a_hole_is_no_row),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
