/* Data folders, good and hostile: classes, parts, splits, weights, bad files, duplicates, batches. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "convtui/config.h"
#include "convtui/dataset.h"
#include "data/batch.h"
#include "data/split.h"
#include "folders.h"

static void classes_sorted_by_byte_and_split(void **state)
{
	make_classes("data");
	put("rgb.png", "data/.hidden/a.png", 0);
	put("rgb.png", "data/Zebra/.hidden.png", 0);
	put("rgb.png", "data/Zebra/deep/er/a.PNG", 99);
	put("rgb.png", "data/loose.png", 0);
	put_text("data/ant/notes.txt", "not a picture, and not called one");
	struct cvt_dataset_options options = options_of(in_root("data"));
	struct cvt_dataset *dataset = open_data(&options);
	assert_int_equal(dataset->n_classes, 2);
	assert_string_equal(dataset->classes[0].name, "Zebra");
	assert_string_equal(dataset->classes[1].name, "ant");
	assert_int_equal(dataset->classes[0].count, 11);
	assert_int_equal(dataset->n_pictures, 16);
	assert_int_equal(dataset->n_bad, 0);
	assert_string_equal(dataset->pictures[10].path, "Zebra/deep/er/a.PNG");
	assert_int_equal(dataset->part_size[CVT_PART_TRAIN], 9);          /* floor(0.6 * 16) */
	assert_int_equal(dataset->part_size[CVT_PART_VAL], 7);
	assert_int_equal(dataset->part_size[CVT_PART_TEST], 0);
	cvt_dataset_close(dataset);
}

static void split_floors_and_shuffles(void **state)
{
	int parts[1661], again[1661], other[1661], n[3] = {0}, low = 0;
	assert_int_equal(cvt_split_random(1661, 0.4, 0, 1, parts, NULL), CVT_OK);
	assert_int_equal(cvt_split_random(1661, 0.4, 0, 1, again, NULL), CVT_OK);
	assert_int_equal(cvt_split_random(1661, 0.4, 0, 2, other, NULL), CVT_OK);
	for (int i = 0; i < 1661; i++)
		n[parts[i]]++;
	for (int i = 0; i < 830; i++)
		low += parts[i] == CVT_PART_TRAIN;
	assert_int_equal(n[CVT_PART_TRAIN], 996);
	assert_int_equal(n[CVT_PART_VAL], 665);
	assert_in_range(low, 440, 560);      /* of the first half: about 498, 13 standard deviations of a fair shuffle wide */
	assert_memory_equal(parts, again, sizeof(parts));
	assert_memory_not_equal(parts, other, sizeof(parts));

	memset(n, 0, sizeof(n));
	assert_int_equal(cvt_split_random(10, 0.2, 0.1, 3, parts, NULL), CVT_OK);
	for (int i = 0; i < 10; i++)
		n[parts[i]]++;
	assert_int_equal(n[CVT_PART_TRAIN], 7);
	assert_int_equal(n[CVT_PART_VAL], 2);
	assert_int_equal(n[CVT_PART_TEST], 1);
	assert_int_equal(cvt_split_random(1, 0.5, 0, 3, parts, NULL), CVT_ERR_RANGE);
}

static void weights_sit_on_their_classes(void **state)
{
	static const int counts[3] = {798, 800, 63};
	double weights[3];
	cvt_class_weigh(CVT_WEIGHTS_SHARE, 3, counts, weights);
	assert_true(weights[0] == 0.520 && weights[1] == 0.518 && weights[2] == 0.962);
	cvt_class_weigh(CVT_WEIGHTS_POST, 3, counts, weights);
	assert_true(weights[0] == 0.962 && weights[1] == 0.518 && weights[2] == 0.520);
	cvt_class_weigh(CVT_WEIGHTS_NONE, 3, counts, weights);
	assert_true(weights[0] == 1 && weights[1] == 1 && weights[2] == 1);
	cvt_class_weigh(CVT_WEIGHTS_BALANCED, 3, counts, weights);
	assert_true(fabs(weights[2] - 1661.0 / (3 * 63)) < 1e-12);
}

/* One line says as much as a thousand. */
static void many_empty_classes_are_counted(void **state)
{
	char name[64];
	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof name, "data/train/c%d/a.png", i);
		put("rgb.png", name, i);
	}
	put("rgb.png", "data/validation/c8/v.png", 50);
	struct cvt_dataset_options options = options_of(in_root("data"));
	struct cvt_dataset *dataset = open_data(&options);
	assert_true(warned(dataset, "class c4 has no picture in the validation part"));
	assert_false(warned(dataset, "class c5 has"));
	assert_true(warned(dataset, "and 3 more classes without a picture in the validation part"));
	cvt_dataset_close(dataset);
}

static void parts_by_folder(void **state)
{
	make_classes("data/train");
	put("rgb.png", "data/validation/Zebra/v.png", 0);
	put("rgb.png", "data/test/ant/t.png", 50);
	struct cvt_dataset_options options = options_of(in_root("data"));
	struct cvt_dataset *dataset = open_data(&options);
	assert_int_equal(dataset->part_size[CVT_PART_TRAIN], 15);
	assert_int_equal(dataset->part_size[CVT_PART_VAL], 1);
	assert_int_equal(dataset->part_size[CVT_PART_TEST], 1);
	assert_int_equal(dataset->classes[1].part_count[CVT_PART_TEST], 1);
	assert_true(warned(dataset, "class ant has no picture in the validation part"));
	assert_true(warned(dataset, "class Zebra has no picture in the test part"));
	cvt_dataset_close(dataset);
}

/* Taken as classes, they would train a network to tell training pictures from test pictures. */
static void parts_that_are_not_whole_are_refused(void **state)
{
	make_classes("data/train");
	put("rgb.png", "data/test/ant/t.png", 50);
	struct cvt_dataset_options options = options_of(in_root("data"));
	expect_error(&options, CVT_ERR_FORMAT, "neither val nor validation");
	expect_error(&options, CVT_ERR_FORMAT, "--val");
	make_classes("both/train");
	put("rgb.png", "both/val/ant/t.png", 50);
	put("rgb.png", "both/validation/ant/t.png", 51);
	options.data = in_root("both");
	expect_error(&options, CVT_ERR_FORMAT, "both val and validation");
	put("rgb.png", "late/val/ant/t.png", 50);
	put("rgb.png", "late/test/ant/t.png", 51);
	options.data = in_root("late");
	expect_error(&options, CVT_ERR_FORMAT, "none is train");
}

static void validation_folder_is_matched_by_name(void **state)
{
	make_classes("data");
	put("rgb.png", "val/ant/v.png", 30);
	char data[1024], val[1024];
	snprintf(data, sizeof(data), "%s", in_root("data"));
	snprintf(val, sizeof(val), "%s", in_root("val"));
	struct cvt_dataset_options options = options_of(data);
	options.val = val;
	struct cvt_dataset *dataset = open_data(&options);
	assert_int_equal(dataset->part_size[CVT_PART_TRAIN], 15);
	assert_int_equal(dataset->classes[1].part_count[CVT_PART_VAL], 1);
	cvt_dataset_close(dataset);
	put("rgb.png", "val/zebra/v.png", 30);
	expect_error(&options, CVT_ERR_NOT_FOUND, "\"zebra\"");
}

static void folders_that_do_not_work(void **state)
{
	char data[1024];
	snprintf(data, sizeof(data), "%s", in_root("nowhere"));
	struct cvt_dataset_options options = options_of(data);
	expect_error(&options, CVT_ERR_NOT_FOUND, "nowhere");
	put("rgb.png", "data/only/a.png", 0);
	snprintf(data, sizeof(data), "%s", in_root("data/only/a.png"));
	expect_error(&options, CVT_ERR_FORMAT, "not a folder");
	snprintf(data, sizeof(data), "%s", in_root("data/only"));
	expect_error(&options, CVT_ERR_NOT_FOUND, "no class folders");
	snprintf(data, sizeof(data), "%s", in_root("data"));
	expect_error(&options, CVT_ERR_RANGE, "one class only (only)");
	mkdir(in_root("data/empty"), 0755);
	expect_error(&options, CVT_ERR_NOT_FOUND, "\"empty\"");
	put_text("data/empty/a.jpg", "text");
	expect_error(&options, CVT_ERR_FORMAT, "\"empty\"");
	options.image_size = 0;
	expect_error(&options, CVT_ERR_RANGE, "image size");
}

static void bad_files_are_named_and_skipped(void **state)
{
	make_classes("data");
	put_text("data/ant/text.jpg", "I am a text\n");
	put_text("data/ant/nothing.png", "");
	put("420.jpg", "data/ant/cut.jpg", 0);
	assert_int_equal(truncate(in_root("data/ant/cut.jpg"), 500), 0);
	assert_int_equal(mkfifo(in_root("data/ant/pipe.jpg"), 0644), 0);
	assert_int_equal(symlink("..", in_root("data/ant/up")), 0);
	assert_int_equal(symlink("self.jpg", in_root("data/ant/self.jpg")), 0);
	assert_int_equal(symlink("/nonexistent.png", in_root("data/ant/gone.png")), 0);
	assert_int_equal(symlink("/dev/zero", in_root("data/ant/zero.png")), 0);
	assert_int_equal(symlink("../Zebra/00.png", in_root("data/ant/linked.png")), 0);
	struct cvt_dataset_options options = options_of(in_root("data"));
	struct cvt_dataset *dataset = open_data(&options);
	expect_bad(dataset, "ant/text.jpg", "not a JPEG or PNG");
	expect_bad(dataset, "ant/nothing.png", "empty");
	expect_bad(dataset, "ant/cut.jpg", "truncated");
	expect_bad(dataset, "ant/pipe.jpg", "FIFO");
	expect_bad(dataset, "ant/self.jpg", "loop");
	expect_bad(dataset, "ant/gone.png", "nowhere");
	expect_bad(dataset, "ant/zero.png", "device");
	assert_int_equal(dataset->n_duplicates > 0, 1);    /* the linked one, and what the loop passed before it closed */
	cvt_dataset_close(dataset);
}

static void a_loop_of_folders_ends(void **state)
{
	make_classes("data");
	assert_int_equal(symlink(".", in_root("data/ant/again")), 0);
	struct cvt_dataset_options options = options_of(in_root("data"));
	struct cvt_dataset *dataset = open_data(&options);
	expect_bad(dataset, "ant/again", "loop");
	assert_int_equal(dataset->n_pictures, 15);
	cvt_dataset_close(dataset);
}

/* Thirty folders, each with two links to the next: 2^30 paths, and thirty folders. */
static void many_links_to_a_folder_are_one(void **state)
{
	char name[64], target[64], data[1024];
	make_classes("data");
	put("rgb.png", "chain/30/a.png", 70);
	for (int i = 29; i >= 0; i--) {
		snprintf(name, sizeof(name), "chain/%d", i);
		mkdir(in_root(name), 0755);
		snprintf(target, sizeof(target), "../%d", i + 1);
		for (int k = 0; k < 2; k++) {
			snprintf(name, sizeof(name), "chain/%d/%d", i, k);
			assert_int_equal(symlink(target, in_root(name)), 0);
		}
	}
	assert_int_equal(symlink("../../chain/0", in_root("data/ant/chain")), 0);
	assert_int_equal(symlink("../../chain/29", in_root("data/Zebra/chain")), 0);
	snprintf(data, sizeof(data), "%s", in_root("data"));
	struct cvt_dataset_options options = options_of(data);
	struct cvt_dataset *dataset = open_data(&options);
	assert_int_equal(dataset->n_pictures, 17);                 /* one in each class */
	assert_int_equal(dataset->n_duplicates, 1);                /* and of two classes, which is worth a word */
	assert_int_equal(dataset->n_bad, 31);
	expect_bad(dataset, "Zebra/chain/1", "already");
	cvt_dataset_close(dataset);
}

struct waiting { int steps, limit, done; };

static bool wait_a_step(void *context, int done, int total, int bad, const char *what)
{
	struct waiting *waiting = context;
	assert_string_equal(what, "listing");
	assert_int_equal(total, 0);
	waiting->done = done;
	usleep(100000);                                                /* so that the next entry is told of, too */
	return ++waiting->steps < waiting->limit;
}

/* Whoever waits for a folder hears of it, and can end it. */
static void a_listing_is_told_of_and_ends(void **state)
{
	struct waiting waiting = {.limit = 12};
	const struct cvt_dataset_progress progress = {wait_a_step, &waiting};
	struct cvt_error err;
	int n, pictures;
	make_classes("data");
	assert_int_equal(cvt_dataset_count_classes(in_root("data"), &progress, &n, &pictures, &err), CVT_ERR_CANCELLED);
	assert_int_equal(waiting.steps, 12);
	assert_non_null(strstr(err.message, "stopped while listing"));
	waiting = (struct waiting){.limit = 1000};
	assert_int_equal(cvt_dataset_count_classes(in_root("data"), &progress, &n, &pictures, &err), CVT_OK);
	assert_int_equal(pictures, 15);
	assert_in_range(waiting.done, 10, 15);
}

static void duplicates_across_parts_are_flagged(void **state)
{
	make_classes("data/train");
	put("grey.png", "data/train/ant/same.png", 3);
	put("grey.png", "data/val/ant/a.png", 3);
	put("grey.png", "data/val/Zebra/b.png", 4);
	struct cvt_dataset_options options = options_of(in_root("data"));
	struct cvt_dataset *dataset = open_data(&options);
	assert_int_equal(dataset->n_duplicates, 1);
	assert_string_equal(dataset->duplicates[0].path, "val/ant/a.png");
	assert_string_equal(dataset->duplicates[0].of, "train/ant/same.png");
	assert_true(dataset->duplicates[0].across_parts);
	assert_true(warned(dataset, "same bytes"));
	cvt_dataset_close(dataset);
}

/* mean and deviation against the definition, over the pixels that the dataset itself hands out. */
static void statistics_are_those_of_the_pixels(void **state)
{
	make_classes("data");
	struct cvt_dataset_options options = options_of(in_root("data"));
	struct cvt_dataset *dataset = open_data(&options);
	unsigned char pixels[3 * 16 * 16];
	const double n = 15.0 * 16 * 16;
	for (int c = 0; c < 3; c++) {
		double sum = 0, squares = 0;
		for (int i = 0; i < 15; i++) {
			assert_int_equal(cvt_dataset_pixels(dataset, i, pixels, NULL), CVT_OK);
			for (int k = 0; k < 256; k++)
				sum += pixels[c * 256 + k] / 255.0;
		}
		for (int i = 0; i < 15; i++) {
			assert_int_equal(cvt_dataset_pixels(dataset, i, pixels, NULL), CVT_OK);
			for (int k = 0; k < 256; k++)
				squares += pow(pixels[c * 256 + k] / 255.0 - sum / n, 2);
		}
		assert_true(fabs(dataset->mean[c] - sum / n) < 1e-12);
		assert_true(fabs(dataset->std[c] - sqrt(squares / (n - 1))) < 1e-12);
	}
	cvt_dataset_close(dataset);
}

static void batches_are_normalised_and_flipped(void **state)
{
	make_classes("data");
	struct cvt_dataset_options options = options_of(in_root("data"));
	struct cvt_dataset *dataset = open_data(&options);
	int *pictures, n, order[16], seen[16] = {0}, labels[15], flipped = 0;
	assert_int_equal(cvt_part_pictures(dataset, CVT_PART_TRAIN, &pictures, &n, NULL), CVT_OK);
	assert_int_equal(n, 9);
	cvt_epoch_order(pictures, n, 7, 1, order);
	for (int i = 0; i < n; i++)
		seen[order[i]]++;
	for (int i = 0; i < n; i++)
		assert_int_equal(seen[pictures[i]], 1);
	float *out = malloc((size_t)n * 768 * sizeof(float));
	unsigned char pixels[768];
	const struct cvt_batch_options flip = {true, 7, 1};
	assert_int_equal(cvt_batch_fill(dataset, order, n, &flip, NULL, out, labels, NULL), CVT_OK);
	for (int i = 0; i < n; i++) {
		assert_int_equal(labels[i], dataset->pictures[order[i]].class_index);
		assert_int_equal(cvt_dataset_pixels(dataset, order[i], pixels, NULL), CVT_OK);
		int plain = 0, mirrored = 0;
		for (int k = 0; k < 768; k++) {
			const int c = k / 256, mirror = k - k % 16 + 15 - k % 16;
			plain += fabs(out[i * 768 + k] - (pixels[k] / 255.0 - dataset->mean[c]) / dataset->std[c]) < 1e-5;
			mirrored += fabs(out[i * 768 + k] - (pixels[mirror] / 255.0 - dataset->mean[c]) / dataset->std[c]) < 1e-5;
		}
		assert_true(plain == 768 || mirrored == 768);
		flipped += mirrored == 768;
	}
	assert_in_range(flipped, 1, n - 1);
	free(out);
	free(pictures);
	cvt_dataset_close(dataset);
}

static void builtin_pictures_depend_on_nothing_else(void **state)
{
	struct cvt_dataset_options options = options_of("builtin");
	unsigned char one[768], three[768];
	int n_classes = 0, count = 0;
	struct cvt_dataset *dataset = open_data(&options);
	assert_int_equal(dataset->n_classes, 3);
	assert_int_equal(cvt_dataset_count_classes("builtin", NULL, &n_classes, &count, NULL), CVT_OK);
	assert_int_equal(n_classes, 3);
	assert_int_equal(count, dataset->n_pictures);
	assert_int_equal(dataset->n_bad + dataset->n_duplicates, 0);
	assert_true(dataset->classes[2].count * 5 < dataset->classes[0].count);
	assert_int_equal(cvt_dataset_pixels(dataset, 1000, one, NULL), CVT_OK);
	cvt_dataset_close(dataset);
	options.cache = in_root("other");
	options.threads = 3;
	options.seed = 99;
	dataset = open_data(&options);
	assert_int_equal(cvt_dataset_pixels(dataset, 1000, three, NULL), CVT_OK);
	assert_memory_equal(one, three, sizeof(one));
	cvt_dataset_close(dataset);
}

static void the_post_s_pictures(void **state)
{
	char path[1024];
	const char *given = getenv("CONVTUI_TEST_DATA");
	snprintf(path, sizeof(path), "%s", given ? given : "");
	if (!given)
		snprintf(path, sizeof(path), "%s/../../shared/data/caltech101-3", getenv("CVT_TESTS"));
	if (access(path, R_OK) != 0) {
		print_message("# %s is not here: skipped\n", path);
		skip();
	}
	static const double mean[3] = {0.5920, 0.6092, 0.6068}, std[3] = {0.3133, 0.3011, 0.3170};
	struct cvt_dataset_options options = options_of(path);
	options.image_size = 256;
	options.class_weights = CVT_WEIGHTS_SHARE;
	struct cvt_dataset *dataset = open_data(&options);
	assert_int_equal(dataset->classes[0].count, 798);
	assert_int_equal(dataset->classes[1].count, 800);
	assert_int_equal(dataset->classes[2].count, 63);
	assert_int_equal(dataset->part_size[CVT_PART_TRAIN], 996);
	assert_int_equal(dataset->part_size[CVT_PART_VAL], 665);
	assert_int_equal(dataset->n_bad, 0);
	for (int c = 0; c < 3; c++)
		if (fabs(dataset->mean[c] - mean[c]) > 0.0003 || fabs(dataset->std[c] - std[c]) > 0.0003)
			fail_msg("channel %d: mean %.5f, deviation %.5f", c, dataset->mean[c], dataset->std[c]);
	cvt_dataset_close(dataset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(classes_sorted_by_byte_and_split), TEST(split_floors_and_shuffles), TEST(weights_sit_on_their_classes),
		TEST(parts_by_folder), TEST(many_empty_classes_are_counted), TEST(parts_that_are_not_whole_are_refused),
		TEST(validation_folder_is_matched_by_name), TEST(folders_that_do_not_work),
		TEST(bad_files_are_named_and_skipped), TEST(a_loop_of_folders_ends), TEST(many_links_to_a_folder_are_one), TEST(a_listing_is_told_of_and_ends),
		TEST(duplicates_across_parts_are_flagged),
		TEST(statistics_are_those_of_the_pixels),
		TEST(batches_are_normalised_and_flipped), TEST(builtin_pictures_depend_on_nothing_else), TEST(the_post_s_pictures),
	};
	return cmocka_run_group_tests_name("data folders", tests, NULL, NULL);
}
