/* Data folders, good and hostile: classes, parts, splits, weights, bad files, duplicates, the cache. */
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

static char root[512];   /* a fresh folder for each test: data/ and cache/ inside */

static int make_root(void **state)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof(root), "%s/convtui-data-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
	return mkdtemp(root) && chmod(root, 0755) == 0 ? 0 : -1;
}

static void remove_tree(const char *path)
{
	DIR *folder = opendir(path);
	char below[2048];
	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (unlink(below) != 0)
			remove_tree(below);
	}
	if (folder)
		closedir(folder);
	rmdir(path);
}

static int remove_root(void **state)
{
	remove_tree(root);
	return 0;
}

static const char *in_root(const char *name)
{
	static char paths[8][1024];
	static int next;
	char *path = paths[next++ % 8];
	snprintf(path, 1024, "%s/%s", root, name);
	return path;
}

/* A fixture under another name; `extra` bytes after its end make its bytes differ without harm. */
static void put(const char *fixture, const char *name, int extra)
{
	char from[1024], to[1024], *data, *slash;
	size_t size;
	snprintf(from, sizeof(from), "%s/unit/data/fixtures/%s", getenv("CVT_TESTS"), fixture);
	snprintf(to, sizeof(to), "%s", in_root(name));
	slash = strrchr(to, '/');
	*slash = 0;
	assert_int_equal(cvt_folder_create(to, NULL), CVT_OK);
	*slash = '/';
	assert_int_equal(cvt_file_read(from, 1 << 20, &data, &size, NULL), CVT_OK);
	FILE *file = fopen(to, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	for (int i = 0; i < extra; i++)
		fputc('x', file);
	assert_int_equal(fclose(file), 0);
	chmod(to, 0644);
	free(data);
}

static void put_text(const char *name, const char *text)
{
	put("dot.png", name, 0);
	FILE *file = fopen(in_root(name), "wb");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static struct cvt_dataset_options options_of(const char *data)
{
	static char cache[1024];
	snprintf(cache, sizeof(cache), "%s", in_root("cache"));
	return (struct cvt_dataset_options){.data = data, .val = "", .image_size = 16, .channels = 3, .exif = true, .val_fraction = 0.4,
		.seed = 7, .threads = 2, .cache = cache};
}

static struct cvt_dataset *open_data(const struct cvt_dataset_options *options)
{
	struct cvt_dataset *dataset = NULL;
	struct cvt_error err;
	if (cvt_dataset_open(options, NULL, &dataset, &err))
		fail_msg("%s", err.message);
	return dataset;
}

static void expect_error(const struct cvt_dataset_options *options, int code, const char *word)
{
	struct cvt_dataset *dataset = NULL;
	struct cvt_error err = {0};
	const int status = cvt_dataset_open(options, NULL, &dataset, &err);
	if (status != code || !strstr(err.message, word))
		fail_msg("status %d \"%s\", wanted %d and the word \"%s\"", status, err.message, code, word);
	assert_null(dataset);
}

static void expect_bad(const struct cvt_dataset *dataset, const char *path, const char *word)
{
	for (int i = 0; i < dataset->n_bad; i++)
		if (strcmp(dataset->bad[i].path, path) == 0) {
			if (!strstr(dataset->bad[i].reason, word))
				fail_msg("%s: \"%s\", wanted the word \"%s\"", path, dataset->bad[i].reason, word);
			return;
		}
	fail_msg("%s is not among the %d bad files", path, dataset->n_bad);
}

static bool warned(const struct cvt_dataset *dataset, const char *word)
{
	for (int i = 0; i < dataset->n_warnings; i++)
		if (strstr(dataset->warnings[i], word))
			return true;
	return false;
}

/* Ten of class Zebra, five of class ant: sorted by byte, Zebra first. */
static void make_classes(const char *below)
{
	char name[128];
	for (int i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "%s/%s/%02d.png", below, i < 10 ? "Zebra" : "ant", i);
		put(i % 2 ? "rgb.png" : "noise.png", name, i + 1);
	}
}

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

static void only_cache(char *path, size_t size)
{
	DIR *folder = opendir(in_root("cache"));
	int n = 0;
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));)
		if (entry->d_name[0] != '.') {
			snprintf(path, size, "%s/%s", in_root("cache"), entry->d_name);
			n++;
		}
	closedir(folder);
	assert_int_equal(n, 1);
}

static void a_spoiled_cache_is_rebuilt(void **state)
{
	make_classes("data");
	char path[2048], data[1024];
	snprintf(data, sizeof(data), "%s", in_root("data"));
	struct cvt_dataset_options options = options_of(data);
	unsigned char first[768], then[768];
	struct cvt_dataset *dataset = open_data(&options);
	assert_int_equal(cvt_dataset_pixels(dataset, 3, first, NULL), CVT_OK);
	cvt_dataset_close(dataset);
	only_cache(path, sizeof(path));
	struct stat info;
	assert_int_equal(stat(path, &info), 0);
	for (int way = 0; way < 4; way++) {
		const int fd = open(path, O_RDWR);
		const off_t at = way == 0 ? 0 : way == 1 ? 40 : info.st_size - 100;
		if (way == 3)
			assert_int_equal(ftruncate(fd, info.st_size / 2), 0);
		else
			assert_int_equal(pwrite(fd, "\xAA\x55\x13", 3, at), 3);
		close(fd);
		dataset = open_data(&options);
		assert_int_equal(dataset->n_pictures, 15);
		for (int i = 0; i < 15; i++)
			assert_int_equal(cvt_dataset_pixels(dataset, i, then, NULL), CVT_OK);
		assert_int_equal(cvt_dataset_pixels(dataset, 3, then, NULL), CVT_OK);
		assert_memory_equal(first, then, 768);
		cvt_dataset_close(dataset);
		only_cache(path, sizeof(path));
	}
}

/* The cache serves as long as nothing changed, and never after. */
static void a_changed_folder_makes_a_new_cache(void **state)
{
	make_classes("data");
	char data[1024], before[40];
	snprintf(data, sizeof(data), "%s", in_root("data"));
	struct cvt_dataset_options options = options_of(data);
	struct cvt_dataset *dataset = open_data(&options);
	memcpy(before, dataset->fingerprint, sizeof(before));
	cvt_dataset_close(dataset);
	dataset = open_data(&options);
	assert_string_equal(dataset->fingerprint, before);
	cvt_dataset_close(dataset);
	put("grey.png", "data/ant/new.png", 1);
	dataset = open_data(&options);
	assert_string_not_equal(dataset->fingerprint, before);
	assert_int_equal(dataset->n_pictures, 16);
	cvt_dataset_close(dataset);
	char path[2048];
	only_cache(path, sizeof(path));      /* the older one is gone */
}

static void without_a_cache_folder_memory_serves(void **state)
{
	make_classes("data");
	put_text("cache", "a file where the cache folder should be");
	struct cvt_dataset_options options = options_of(in_root("data"));
	struct cvt_dataset *dataset = open_data(&options);
	unsigned char pixels[768];
	assert_true(warned(dataset, "memory"));
	assert_int_equal(cvt_dataset_pixels(dataset, 14, pixels, NULL), CVT_OK);
	assert_int_equal(cvt_dataset_pixels(dataset, 15, pixels, NULL), CVT_ERR_RANGE);
	cvt_dataset_close(dataset);
}

static bool cancel(void *context, int done, int total, int bad, const char *what)
{
	++*(int *)context;
	return false;
}

static void cancel_stops_and_leaves_nothing(void **state)
{
	struct cvt_dataset_options options = options_of("builtin");
	options.threads = 1;
	options.image_size = 64;
	int asked = 0;
	const struct cvt_dataset_progress progress = {cancel, &asked};
	struct cvt_dataset *dataset = NULL;
	assert_int_equal(cvt_dataset_open(&options, &progress, &dataset, NULL), CVT_ERR_CANCELLED);
	assert_int_equal(asked, 1);
	assert_null(dataset);
	DIR *folder = opendir(in_root("cache"));
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));)
		assert_int_equal(entry->d_name[0], '.');
	closedir(folder);
}

/* In a child without privileges, also when the tests run as root: what it finds is its exit code. */
static int unprivileged(int (*check)(void))
{
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(77);
		_exit(check());
	}
	int how;
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFEXITED(how));
	return WEXITSTATUS(how);
}

static int look_at_locked_data(void)
{
	struct cvt_dataset_options options = options_of(in_root("data"));
	struct cvt_dataset *dataset;
	int named = 0;
	if (cvt_dataset_open(&options, NULL, &dataset, NULL))
		return 1;
	for (int i = 0; i < dataset->n_bad; i++)
		named += strstr(dataset->bad[i].reason, "Permission denied") != NULL;
	return named == 2 && warned(dataset, "in memory") && dataset->n_pictures == 14 ? 0 : 2;
}

static int look_at_a_locked_root(void)
{
	struct cvt_dataset_options options = options_of(in_root("data"));
	struct cvt_dataset *dataset;
	return cvt_dataset_open(&options, NULL, &dataset, NULL) == CVT_ERR_PERMISSION ? 0 : 1;
}

static void no_permission(void **state)
{
	make_classes("data");
	put("rgb.png", "data/ant/locked/a.png", 0);
	mkdir(in_root("cache"), 0555);
	chmod(in_root("data"), 0755);
	chmod(in_root("data/ant"), 0755);
	chmod(in_root("data/Zebra"), 0755);
	chmod(in_root("data/Zebra/00.png"), 0000);
	chmod(in_root("data/ant/locked"), 0000);
	const int files = unprivileged(look_at_locked_data);
	chmod(in_root("data"), 0000);
	const int folder = unprivileged(look_at_a_locked_root);
	chmod(in_root("data"), 0755);
	chmod(in_root("data/ant/locked"), 0755);
	chmod(in_root("cache"), 0755);
	if (files == 77)
		skip();
	assert_int_equal(files, 0);
	assert_int_equal(folder, 0);
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
	assert_int_equal(cvt_dataset_count_classes("builtin", &n_classes, &count, NULL), CVT_OK);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(classes_sorted_by_byte_and_split), TEST(split_floors_and_shuffles), TEST(weights_sit_on_their_classes),
		TEST(parts_by_folder), TEST(validation_folder_is_matched_by_name), TEST(folders_that_do_not_work),
		TEST(bad_files_are_named_and_skipped), TEST(a_loop_of_folders_ends), TEST(duplicates_across_parts_are_flagged),
		TEST(statistics_are_those_of_the_pixels), TEST(a_spoiled_cache_is_rebuilt), TEST(a_changed_folder_makes_a_new_cache),
		TEST(without_a_cache_folder_memory_serves), TEST(cancel_stops_and_leaves_nothing), TEST(no_permission),
		TEST(batches_are_normalised_and_flipped), TEST(builtin_pictures_depend_on_nothing_else), TEST(the_post_s_pictures),
	};
	return cmocka_run_group_tests_name("data folders", tests, NULL, NULL);
}
