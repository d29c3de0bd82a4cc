/* Checkpoints: the state to the last bit, the order of the calls, each of them failing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "../scratch.h"
#include "faults.h"
#include "store/checkpoint.h"

static int teardown(void **state)
{
	no_faults();
	return scratch_teardown(state);
}

static const char *const classes[] = {"cup", "50% off", "Zo\xc3\xab", "latin \xeb", "a,b"};

static struct cvt_checkpoint_state state_of(int64_t batch)
{
	return (struct cvt_checkpoint_state){.batch = batch, .epoch = 3, .batch_in_epoch = 2, .epoch_loss_sum = 0.1 + 0.2, .epoch_correct = 1234567890123,
		.epoch_images = 5, .epoch_seconds = 1e-300, .batches_offset = 9876543210, .epochs_offset = 77, .best_val_accuracy = NAN,
		.best_epoch = 2, .epochs_without_better = 1, .seconds = 1.0 / 3, .image_size = 64, .channels = 3,
		.mean = {0.485, 0.456, 1.0 / 7}, .std = {0.229, 5e-324, 1.7976931348623157e308}, .n_classes = 5, .classes = classes,
		.config = "lr: 1e-4\nlabel: \"50%\"\npath: /tmp/\xff\n"};
}

static float weights[1000];

static struct cvt_array array_of(float value)
{
	for (int i = 0; i < 1000; i++)
		weights[i] = value + (float)i;
	return (struct cvt_array){.name = "net.0.weight", .dims = {10, 100}, .n_dims = 2, .data = weights};
}

static struct cvt_checkpoint_writer *create(void)
{
	struct cvt_checkpoint_writer *w = NULL;

	assert_int_equal(cvt_checkpoint_writer_create(scratch_folder, NULL, &w, NULL), CVT_OK);
	return w;
}

/* Writes one and waits; the status of the write. */
static int write_one(struct cvt_checkpoint_writer *w, int64_t batch, bool best)
{
	struct cvt_checkpoint_state state = state_of(batch);
	struct cvt_array a = array_of((float)batch);
	int64_t newest;
	int status = cvt_checkpoint_begin(w, &a, 1, &state, best, NULL);

	return status != CVT_OK ? status : cvt_checkpoint_status(w, true, &newest, NULL);
}

/* The batch of a checkpoint, checked whole; -1: none, or not whole. */
static int64_t batch_of(const char *name)
{
	struct cvt_safetensors file;
	struct cvt_checkpoint_state state;
	int64_t batch = -1;

	if (cvt_checkpoint_read(scratch(name), &file, &state, NULL) != CVT_OK)
		return -1;
	const float *data = cvt_safetensors_find(&file, "net.0.weight")->data;
	if (data[0] == (float)state.batch && data[999] == (float)state.batch + 999)
		batch = state.batch;
	cvt_safetensors_finish(&file);
	return batch;
}

static void the_state_survives_to_the_last_bit(void **state)
{
	struct cvt_checkpoint_writer *w = create();
	struct cvt_checkpoint_state want = state_of(41), got;
	struct cvt_safetensors file;
	struct cvt_error err;

	assert_int_equal(write_one(w, 41, false), CVT_OK);
	cvt_checkpoint_writer_destroy(w);
	if (cvt_checkpoint_read(scratch("checkpoint.safetensors"), &file, &got, &err) != CVT_OK)
		fail_msg("%s", err.message);
	assert_int_equal(got.n_classes, 5);
	for (int i = 0; i < 5; i++)
		assert_string_equal(got.classes[i], classes[i]);
	assert_string_equal(got.config, want.config);
	assert_true(isnan(got.best_val_accuracy));
	got.best_val_accuracy = want.best_val_accuracy = 0;
	got.classes = want.classes;
	got.config = want.config;
	assert_memory_equal(&got, &want, offsetof(struct cvt_checkpoint_state, n_classes));
	assert_memory_equal(cvt_safetensors_find(&file, "net.0.weight")->data, weights, sizeof weights);
	cvt_safetensors_finish(&file);
}

static void training_goes_on_while_it_is_written(void **state)
{
	struct cvt_checkpoint_writer *w = create();
	struct cvt_checkpoint_state s = state_of(5);
	struct cvt_array a = array_of(5);
	int64_t newest = 0;

	assert_int_equal(cvt_checkpoint_status(w, true, &newest, NULL), 0);
	assert_int_equal(newest, -1);
	assert_int_equal(cvt_checkpoint_begin(w, &a, 1, &s, false, NULL), CVT_OK);
	array_of(1000);                        /* the weights move on at once: the copy does not */
	s.batch = 1000;
	while (cvt_checkpoint_status(w, false, &newest, NULL) == 1)
		usleep(100);
	assert_int_equal(newest, 5);
	assert_int_equal(batch_of("checkpoint.safetensors"), 5);
	for (int i = 6; i < 20; i++) {         /* each waits for the one before */
		struct cvt_checkpoint_state next = state_of(i);
		struct cvt_array b = array_of((float)i);

		assert_int_equal(cvt_checkpoint_begin(w, &b, 1, &next, i % 3 == 0, NULL), CVT_OK);
	}
	cvt_checkpoint_writer_destroy(w);      /* waits for the last */
	assert_int_equal(batch_of("checkpoint.safetensors"), 19);
	assert_int_equal(batch_of("best.safetensors"), 18);
	cvt_checkpoint_writer_destroy(NULL);
}

static void the_best_is_a_link(void **state)
{
	struct cvt_checkpoint_writer *w = create();
	struct stat a, b;

	assert_int_equal(write_one(w, 1, true), CVT_OK);
	stat(scratch("checkpoint.safetensors"), &a);
	stat(scratch("best.safetensors"), &b);
	assert_true(a.st_ino == b.st_ino);
	assert_int_equal(write_one(w, 2, false), CVT_OK);
	assert_int_equal(batch_of("checkpoint.safetensors"), 2);
	assert_int_equal(batch_of("best.safetensors"), 1);
	assert_int_equal(write_one(w, 3, true), CVT_OK);
	assert_int_equal(batch_of("best.safetensors"), 3);
	assert_false(scratch_exists(scratch("best.safetensors.tmp")) || scratch_exists(scratch("checkpoint.safetensors.tmp")));
	inject(-1, 0);
	assert_int_equal(write_one(w, 4, true), CVT_OK);
	int calls = faults.calls;
	int link = 0;
	for (char *line = faults.trace; strncmp(line, "link", 4) != 0; line = strchr(line, '\n') + 1)
		link++;
	assert_true(link < calls);
	inject(link, EPERM);                   /* a file system without hard links */
	assert_int_equal(write_one(w, 5, true), CVT_OK);
	no_faults();
	assert_int_equal(batch_of("best.safetensors"), 5);
	assert_int_equal(batch_of("checkpoint.safetensors"), 5);
	cvt_checkpoint_writer_destroy(w);
}

/* The bytes are on the disk before a name is theirs; the checkpoint has its name before the best; each name is brought to the disk. */
static void the_order_of_the_calls(void **state)
{
	struct cvt_checkpoint_writer *w = create();
	char want[400];
	const char *folder = strrchr(scratch_folder, '/') + 1;

	inject(-1, 0);
	assert_int_equal(write_one(w, 1, true), CVT_OK);
	snprintf(want, sizeof want, "open checkpoint.safetensors.tmp\nwrite checkpoint.safetensors.tmp\nwrite checkpoint.safetensors.tmp\n"
		"fsync checkpoint.safetensors.tmp\nrename checkpoint.safetensors\nfsync %s\nlink best.safetensors.tmp\nrename best.safetensors\nfsync %s\n",
		folder, folder);
	assert_string_equal(faults.trace, want);
	cvt_checkpoint_writer_destroy(w);
}

/* Each call fails in turn: the failure is told once, the old checkpoint or the new one and the old best are whole, the best is never ahead,
 * no .tmp is left, and the next one goes well. */
static void every_call_failing(void **state)
{
	struct cvt_checkpoint_writer *w = create();
	int64_t newest;

	inject(-1, 0);
	assert_int_equal(write_one(w, 1, true), CVT_OK);
	int calls = faults.calls;
	for (int at = 0; at < calls; at++) {
		struct cvt_error err;
		struct cvt_checkpoint_state s = state_of(100 + at);

		no_faults();
		assert_int_equal(write_one(w, 10 + at, true), CVT_OK);
		struct cvt_array a = array_of((float)(100 + at));
		inject(at, at % 2 ? ENOSPC : EIO);
		assert_int_equal(cvt_checkpoint_begin(w, &a, 1, &s, true, &err), CVT_OK);
		int status = cvt_checkpoint_status(w, true, &newest, &err);
		no_faults();
		assert_int_equal(status, at % 2 ? CVT_ERR_SPACE : CVT_ERR_IO);
		assert_int_equal(cvt_checkpoint_status(w, true, &newest, &err), 0);   /* told once */
		assert_int_equal(newest, 10 + at);
		int64_t checkpoint = batch_of("checkpoint.safetensors"), best = batch_of("best.safetensors");
		/* Calls 0 to 4 are those up to the checkpoint's name, the last one is after both names. */
		if (checkpoint != (at <= 4 ? 10 + at : 100 + at))
			fail_msg("call %d: the checkpoint is %d", at, (int)checkpoint);
		if (best != (at < calls - 1 ? 10 + at : 100 + at))
			fail_msg("call %d: best is %d", at, (int)best);
		assert_false(scratch_exists(scratch("checkpoint.safetensors.tmp")));
		assert_false(scratch_exists(scratch("best.safetensors.tmp")));
	}
	/* A failure that nobody asked for is told by the next begin, which then starts nothing. */
	inject(3, EIO);
	struct cvt_checkpoint_state s = state_of(7);
	struct cvt_array a = array_of(7);
	assert_int_equal(cvt_checkpoint_begin(w, &a, 1, &s, false, NULL), CVT_OK);
	assert_int_equal(cvt_checkpoint_begin(w, &a, 1, &s, false, NULL), CVT_ERR_IO);
	no_faults();
	assert_int_equal(cvt_checkpoint_begin(w, &a, 1, &s, false, NULL), CVT_OK);
	assert_int_equal(cvt_checkpoint_status(w, true, &newest, NULL), 0);
	assert_int_equal(newest, 7);
	cvt_checkpoint_writer_destroy(w);
}

static void foreign_and_damaged_checkpoints(void **state)
{
	struct cvt_checkpoint_writer *w = create();
	struct cvt_safetensors file;
	struct cvt_checkpoint_state s;
	struct cvt_array a = array_of(1);
	size_t taken = 0, size;

	assert_int_equal(cvt_safetensors_write(scratch("plain"), &a, 1, NULL, 0, NULL), CVT_OK);
	assert_int_equal(cvt_checkpoint_read(scratch("plain"), &file, &s, NULL), CVT_ERR_FORMAT);
	assert_int_equal(cvt_checkpoint_read(scratch("none"), &file, &s, NULL), CVT_ERR_NOT_FOUND);
	assert_int_equal(write_one(w, 1, false), CVT_OK);
	cvt_checkpoint_writer_destroy(w);
	assert_true(scratch_size(scratch("checkpoint.safetensors")) > 4000);
	size = (size_t)scratch_size(scratch("checkpoint.safetensors"));
	char *bytes = calloc(1, size + 1);
	FILE *f = fopen(scratch("checkpoint.safetensors"), "r");
	assert_int_equal(fread(bytes, 1, size, f), size);
	fclose(f);
	for (size_t i = 0; i < size; i += i < 1500 ? 1 : 37) {    /* the header with the state, some of the data */
		bytes[i] ^= 1;
		scratch_put(scratch("b"), "w", bytes, size);
		bytes[i] ^= 1;
		if (cvt_checkpoint_read(scratch("b"), &file, &s, NULL) != CVT_OK)
			continue;
		/* What got through is harmless: padding, the name of an array, a key that nobody reads. */
		taken++;
		assert_int_equal(s.batch, 1);
		assert_int_equal(s.batches_offset, 9876543210);
		assert_true(s.seconds == 1.0 / 3);
		cvt_safetensors_finish(&file);
	}
	assert_true(taken < 100);
	free(bytes);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(the_state_survives_to_the_last_bit), WITH_FOLDER(training_goes_on_while_it_is_written), WITH_FOLDER(the_best_is_a_link),
		WITH_FOLDER(the_order_of_the_calls), WITH_FOLDER(every_call_failing), WITH_FOLDER(foreign_and_damaged_checkpoints),
	};

	return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
