/* Following a run: half lines, a million rows, resumes that cut back, damaged files, the page and the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>

#include "../scratch.h"
#include "base/random.h"
#include "convtui/session.h"
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

static const char *in_run(const char *name)
{
	static char paths[8][1200];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

static struct cvt_session *open_session(void)
{
	struct cvt_session *s = NULL;
	struct cvt_error err;

	if (cvt_session_open(folder, &s, &err) != CVT_OK)
		fail_msg("%s", err.message);
	return s;
}

/* Polls until nothing is behind; says whether anything changed. */
static bool catch_up(struct cvt_session *s)
{
	bool changed = false;
	struct cvt_error err;
	int polls = 0;

	do {
		int status = cvt_session_poll(s, &err);

		if (status < 0)
			fail_msg("%s", err.message);
		changed = changed || status == 1;
	} while (s->behind && polls++ < 100000);
	assert_false(s->behind);
	return changed;
}

static void half_a_line_does_not_exist(void **state)
{
	struct cvt_session *s = open_session();

	assert_int_equal(s->n_batches, 0);
	scratch_text(in_run("batches.csv"), "batch,epoch,images,lo");
	catch_up(s);
	assert_int_equal(s->n_batches, 0);
	scratch_append(in_run("batches.csv"), "ss,correct,lr,seconds\n0,1,128,0.5,64,0.01,0.2");
	catch_up(s);
	assert_int_equal(s->n_batches, 0);     /* 0.2 may become 0.25 */
	scratch_append(in_run("batches.csv"), "5\n1,1,128,0");
	assert_true(catch_up(s));
	assert_int_equal(s->n_batches, 1);
	assert_true(s->batches[0].seconds == 0.25);
	assert_false(catch_up(s));
	scratch_append(in_run("batches.csv"), ".25,70,0.01,0.3\n");
	assert_true(catch_up(s));
	assert_int_equal(s->n_batches, 2);
	assert_true(s->batches[1].loss == 0.25 && s->batches[1].correct == 70 && s->batches[1].batch == 1);
	assert_int_equal(s->bad_lines, 0);
	cvt_session_close(s);
	cvt_session_close(NULL);
}

/* The writer's own rows, all of them, through any cuts between two polls. */
static void any_pieces_give_the_same_rows(void **state)
{
	enum { N = 300 };
	static char text[N * 80];
	size_t size = (size_t)snprintf(text, sizeof text, "%s", cvt_batches_header);
	struct cvt_batch_row row = {.images = 128, .lr = 0.01};
	const uint64_t seed = 3;

	for (int i = 0; i < N; i++) {
		row.batch = i;
		row.loss = (double)cvt_random_uniform(seed, CVT_RANDOM_TEST, 0, (uint64_t)i);
		size += cvt_batch_format(&row, text + size);
	}
	for (uint32_t round = 0; round < 5; round++) {
		unlink(in_run("batches.csv"));
		struct cvt_session *s = open_session();
		uint64_t draw = 0;
		for (size_t at = 0; at < size;) {
			size_t n = 1 + cvt_random_u32(seed, CVT_RANDOM_TEST, round + 1, draw++) % 600;

			n = n < size - at ? n : size - at;
			scratch_put(in_run("batches.csv"), "a", text + at, n);
			at += n;
			catch_up(s);
		}
		if (s->n_batches != N || s->bad_lines != 0)
			fail_msg("seed %d, round %u: %d rows", (int)seed, round, (int)s->n_batches);
		for (int i = 0; i < N; i++)
			assert_true(s->batches[i].batch == i &&
				(float)s->batches[i].loss == cvt_random_uniform(seed, CVT_RANDOM_TEST, 0, (uint64_t)i));
		cvt_session_close(s);
	}
}

static void write_rows(const char *mode, int from, int to, double seconds)
{
	FILE *f = fopen(in_run("batches.csv"), mode);
	char text[CVT_ROW_SIZE];

	assert_non_null(f);
	if (*mode == 'w')
		fputs(cvt_batches_header, f);
	for (int i = from; i < to; i++) {
		struct cvt_batch_row row = {.batch = i, .epoch = 1 + i / 100, .images = 128, .correct = i % 128, .loss = 1.0 / (i + 1), .lr = 0.01,
			.seconds = seconds + i * 1e-7};

		fwrite(text, 1, cvt_batch_format(&row, text), f);
	}
	fclose(f);
}

static void check_rows(const struct cvt_session *s, int64_t n, int64_t cut, double before, double after)
{
	assert_int_equal(s->n_batches, n);
	for (int64_t i = 0; i < n; i++) {
		double want = (i < cut ? before : after) + (double)i * 1e-7;

		if (s->batches[i].batch != i || fabs(s->batches[i].seconds - want) > 1e-9)
			fail_msg("row %d of %d (cut at %d): batch %d, seconds %.9g instead of %.9g", (int)i, (int)n, (int)cut,
				(int)s->batches[i].batch, s->batches[i].seconds, want);
	}
	assert_int_equal(s->bad_lines, 0);
}

/* Long runs are read in slices: the first poll returns before it has all, and says so. */
static void a_million_rows_come_in_slices(void **state)
{
	enum { N = 1000000 };
	int polls = 0;

	write_rows("w", 0, N, 0.5);
	struct cvt_session *s = open_session();
	assert_true(s->behind);
	assert_true(s->n_batches < N / 2);
	while (s->behind) {
		int64_t had = s->n_batches;

		assert_int_equal(cvt_session_poll(s, NULL), 1);
		assert_true(s->n_batches > had);
		polls++;
	}
	assert_true(polls > 5);
	check_rows(s, N, N, 0.5, 0);
	assert_int_equal(cvt_session_poll(s, NULL), 0);
	/* A resume in the middle costs no reading of all: it is caught up within one poll. */
	assert_int_equal(truncate(in_run("batches.csv"), s->batches ? scratch_size(in_run("batches.csv")) - 100000 : 0), 0);
	assert_int_equal(cvt_session_poll(s, NULL), 1);
	assert_false(s->behind);
	assert_true(s->n_batches < N && s->n_batches > N - 4000);
	cvt_session_close(s);
}

static long end_of_row(int rows)
{
	const char *text = scratch_get(in_run("batches.csv")), *at = text;

	for (int i = 0; i <= rows; i++)
		at = strchr(at, '\n') + 1;
	return at - text;
}

/* A resumed runner cuts back to a checkpoint: followers see the rows go, or, when it was quick, other rows in their place. */
static void rows_that_a_resume_cut_off_are_dropped(void **state)
{
	for (int cut = 0; cut <= 400; cut += 37) {
		for (int again = 0; again <= 500; again += 125) {
			write_rows("w", 0, 400, 0.5);
			struct cvt_session *s = open_session();
			catch_up(s);
			check_rows(s, 400, 400, 0.5, 0);
			unsigned generation = s->generation;
			assert_int_equal(truncate(in_run("batches.csv"), end_of_row(cut)), 0);
			if (again % 2 == 0) { /* seen while it is short */
				catch_up(s);
				check_rows(s, cut, 400, 0.5, 0);
				assert_true(cut == 400 || s->generation > generation);
			}
			if (again > cut)
				write_rows("a", cut, again, 0.75);
			catch_up(s);
			check_rows(s, again > cut ? again : cut, cut, 0.5, 0.75);
			cvt_session_close(s);
		}
	}
}

/* The same length to the byte as before: only the rows tell. */
static void rows_replaced_in_place_are_seen(void **state)
{
	write_rows("w", 0, 300, 0.5);
	struct cvt_session *s = open_session();
	catch_up(s);
	long size = scratch_size(in_run("batches.csv"));
	assert_int_equal(truncate(in_run("batches.csv"), end_of_row(100)), 0);
	write_rows("a", 100, 300, 0.6);
	assert_int_equal(scratch_size(in_run("batches.csv")), size);
	assert_true(catch_up(s));
	check_rows(s, 300, 100, 0.5, 0.6);
	unlink(in_run("batches.csv"));
	assert_true(catch_up(s));
	assert_int_equal(s->n_batches, 0);
	write_rows("w", 0, 5, 0.7);
	catch_up(s);
	check_rows(s, 5, 0, 0, 0.7);
	cvt_session_close(s);
}

static void epochs_commands_and_their_resumes(void **state)
{
	struct cvt_writer *w;
	struct cvt_inbox_command command;
	struct cvt_epoch_row e = {.epoch = 1, .loss = 0.5, .train_accuracy = 50, .val_loss = NAN, .val_accuracy = NAN, .lr = 0.1, .seconds = 1};
	struct cvt_session *s = open_session();
	int64_t batches, epochs;
	char id[24];

	assert_int_equal(cvt_writer_open(folder, &w, NULL), CVT_OK);
	assert_int_equal(cvt_writer_epoch(w, &e, NULL), CVT_OK);
	cvt_writer_offsets(w, &batches, &epochs);
	e.epoch = 2;
	assert_int_equal(cvt_writer_epoch(w, &e, NULL), CVT_OK);
	assert_int_equal(cvt_run_command(folder, "lr", "0.05", id, NULL), CVT_OK);
	assert_int_equal(cvt_writer_next_command(w, &command, NULL), 1);
	assert_int_equal(cvt_writer_command_done(w, &command, 12, NULL), CVT_OK);
	assert_true(catch_up(s));
	assert_int_equal(s->n_epochs, 2);
	assert_true(isnan(s->epochs[1].val_loss) && s->epochs[1].lr == 0.1);
	assert_int_equal(s->n_commands, 1);
	assert_string_equal(s->commands[0].id, id);
	assert_string_equal(s->commands[0].value, "0.05");
	assert_int_equal(s->commands[0].batch, 12);
	assert_int_equal(cvt_writer_truncate(w, batches, epochs, NULL), CVT_OK);
	assert_true(catch_up(s));
	assert_int_equal(s->n_epochs, 1);
	assert_int_equal(s->n_commands, 1);    /* never truncated */
	cvt_writer_close(w);
	cvt_session_close(s);
}

static void the_page_is_followed(void **state)
{
	struct cvt_session *s = open_session();
	struct cvt_writer *w;
	struct cvt_live live;
	unsigned generation = s->generation;

	assert_int_equal(s->run.live.state, CVT_STATE_QUEUED);
	assert_int_equal(cvt_writer_open(folder, &w, NULL), CVT_OK);
	cvt_live_init(&live);
	live.state = CVT_STATE_TRAINING;
	live.batch = 5;
	assert_int_equal(cvt_writer_live(w, &live, NULL), CVT_OK);
	struct pollfd fd = {.fd = cvt_session_fd(s), .events = POLLIN};
	if (fd.fd >= 0)
		assert_int_equal(poll(&fd, 1, 5000), 1);
	assert_int_equal(cvt_session_poll(s, NULL), 1);
	assert_int_equal(s->run.live.state, CVT_STATE_TRAINING);
	assert_int_equal(s->run.live.batch, 5);
	assert_true(s->run.locked && s->generation > generation && !s->no_sign_of_life);
	assert_int_equal(cvt_session_poll(s, NULL), 0);
	if (fd.fd >= 0)
		assert_int_equal(poll(&fd, 1, 0), 0); /* drained */

	/* Torn for longer than the retries: what was shown stays; then the killed runner is seen. */
	char page[CVT_LIVE_SIZE];
	memcpy(page, scratch_get(in_run("live")), sizeof page);
	page[30] ^= 1;
	scratch_put(in_run("live"), "r+", page, sizeof page);
	assert_true(cvt_session_poll(s, NULL) >= 0);
	assert_int_equal(s->run.live.state, CVT_STATE_TRAINING);
	page[30] ^= 1;
	scratch_put(in_run("live"), "r+", page, sizeof page);
	cvt_writer_close(w);
	assert_int_equal(cvt_session_poll(s, NULL), 1);
	assert_int_equal(s->run.live.state, CVT_STATE_CRASHED);
	assert_false(s->run.locked);
	cvt_session_close(s);
}

static void a_folder_that_goes_is_said(void **state)
{
	struct cvt_session *s = open_session(), *other = NULL;
	struct cvt_error err;

	scratch_remove(folder);
	assert_int_equal(cvt_session_poll(s, &err), CVT_ERR_NOT_FOUND);
	assert_int_equal(cvt_session_poll(s, &err), CVT_ERR_NOT_FOUND);
	cvt_session_close(s);
	assert_int_equal(cvt_session_open(folder, &other, &err), CVT_ERR_NOT_FOUND);
	assert_null(other);
}

static void the_last_lines_of_the_log(void **state)
{
	struct cvt_session *s = open_session();
	FILE *f;

	assert_int_equal(s->n_log, 0);
	scratch_text(in_run("log.txt"), "one\ntwo \x1b[31m\nthr");
	assert_true(catch_up(s));
	assert_int_equal(s->n_log, 2);
	assert_string_equal(s->log[1], "two ?[31m");
	scratch_append(in_run("log.txt"), "ee\n");
	assert_true(catch_up(s));
	assert_int_equal(s->n_log, 3);
	assert_string_equal(s->log[2], "three");
	f = fopen(in_run("log.txt"), "a");
	for (int i = 0; i < 20000; i++)
		fprintf(f, "line %d\n", i);
	fclose(f);
	assert_true(catch_up(s));
	assert_int_equal(s->n_log, 500);
	assert_string_equal(s->log[499], "line 19999");
	assert_string_equal(s->log[0], "line 19500");
	scratch_put(in_run("log.txt"), "w", "a\0b\n", 4);
	assert_true(catch_up(s));
	assert_int_equal(s->n_log, 1);
	assert_string_equal(s->log[0], "a?b");
	cvt_session_close(s);
}

/* Whatever is in the files: no crash, no endless reading, and the good rows are there. */
static void hostile_files(void **state)
{
	char longest[70000];
	struct cvt_session *s;

	memset(longest, '7', sizeof longest);
	scratch_text(in_run("batches.csv"), cvt_batches_header);
	scratch_append(in_run("batches.csv"), "0,1,128,0.5,64,0.01,0.25\nnonsense\n\n,,,,,,\n");
	scratch_put(in_run("batches.csv"), "a", longest, sizeof longest);
	scratch_put(in_run("batches.csv"), "a", longest, sizeof longest);
	scratch_append(in_run("batches.csv"), "\n1,1,128,0.5,64,0.01,0.25\n");
	scratch_put(in_run("batches.csv"), "a", "2,1,128,0.5\0,64,0.01,0.25\n", 26);
	scratch_text(in_run("epochs.csv"), "1,0.5,50,nan,nan,0.1,1\n"); /* no header: the rows count all the same */
	scratch_text(in_run("commands.csv"), "batch,id,name,value,time\n1,a\x1b,lr,1,1\n");
	s = open_session();
	catch_up(s);
	assert_int_equal(s->n_batches, 2);
	assert_int_equal(s->batches[1].batch, 1);
	assert_int_equal(s->n_epochs, 1);
	assert_int_equal(s->n_commands, 0);
	assert_int_equal(s->bad_lines, 6);
	cvt_session_close(s);
	unlink(in_run("epochs.csv"));
	mkfifo(in_run("epochs.csv"), 0600);
	s = NULL;
	assert_int_equal(cvt_session_open(folder, &s, NULL), CVT_ERR_FORMAT);
	assert_null(s);
	unlink(in_run("epochs.csv"));

	/* A sparse gigabyte of zeros: each poll reads a slice. */
	scratch_text(in_run("batches.csv"), "");
	assert_int_equal(truncate(in_run("batches.csv"), (off_t)1 << 30), 0);
	s = open_session();
	for (int i = 0; i < 3; i++) {
		assert_true(cvt_session_poll(s, NULL) >= 0);
		assert_true(s->behind && s->n_batches == 0);
	}
	cvt_session_close(s);
}

#define WITH_RUN(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RUN(half_a_line_does_not_exist), WITH_RUN(any_pieces_give_the_same_rows), WITH_RUN(a_million_rows_come_in_slices),
		WITH_RUN(rows_that_a_resume_cut_off_are_dropped), WITH_RUN(rows_replaced_in_place_are_seen),
		WITH_RUN(epochs_commands_and_their_resumes), WITH_RUN(the_page_is_followed), WITH_RUN(a_folder_that_goes_is_said),
		WITH_RUN(the_last_lines_of_the_log), WITH_RUN(hostile_files),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
