/* The cache of pixels: spoiled, stale, impossible, cancelled, forbidden. */
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
#include "folders.h"

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

/* The same names, sizes and dates, but one picture can be read no more: another set of pictures, which no run may go on with in silence. */
static void what_is_bad_is_part_of_the_fingerprint(void **state)
{
	make_classes("data");
	char data[1024], cache[2048], before[40], file[1200];
	struct stat info;
	snprintf(data, sizeof(data), "%s", in_root("data"));
	struct cvt_dataset_options options = options_of(data);
	struct cvt_dataset *dataset = open_data(&options);
	const int pictures = dataset->n_pictures;
	memcpy(before, dataset->fingerprint, sizeof(before));
	cvt_dataset_close(dataset);
	only_cache(cache, sizeof(cache));
	assert_int_equal(unlink(cache), 0);
	snprintf(file, sizeof(file), "%s", in_root("data/Zebra/00.png"));
	assert_int_equal(stat(file, &info), 0);
	const int fd = open(file, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "not a picture", 13, 0), 13);
	assert_int_equal(futimens(fd, (struct timespec[]){info.st_atim, info.st_mtim}), 0);
	close(fd);
	dataset = open_data(&options);
	assert_int_equal(dataset->n_pictures, pictures - 1);
	assert_string_not_equal(dataset->fingerprint, before);
	cvt_dataset_close(dataset);
}

static void set_date(const char *name, time_t seconds)
{
	const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
	assert_int_equal(utimensat(AT_FDCWD, in_root(name), times, 0), 0);
}

/* A copy without its dates, in another place, is the same set: a run goes on with it. One byte of one picture is another set. */
static void a_copy_has_the_same_fingerprint(void **state)
{
	make_classes("data");
	make_classes("elsewhere/copy");
	char data[1024], copy[1024], before[40];
	snprintf(data, sizeof(data), "%s", in_root("data"));
	snprintf(copy, sizeof(copy), "%s", in_root("elsewhere/copy"));
	set_date("data/Zebra/00.png", 1000000000);
	set_date("elsewhere/copy/Zebra/00.png", 1500000000);
	struct cvt_dataset_options options = options_of(data);
	struct cvt_dataset *dataset = open_data(&options);
	memcpy(before, dataset->fingerprint, sizeof(before));
	cvt_dataset_close(dataset);
	options.data = copy;
	dataset = open_data(&options);
	assert_string_equal(dataset->fingerprint, before);
	cvt_dataset_close(dataset);
	put("rgb.png", "elsewhere/copy/Zebra/00.png", 77);
	set_date("elsewhere/copy/Zebra/00.png", 1600000000);
	dataset = open_data(&options);
	assert_string_not_equal(dataset->fingerprint, before);
	cvt_dataset_close(dataset);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_spoiled_cache_is_rebuilt), TEST(a_changed_folder_makes_a_new_cache), TEST(what_is_bad_is_part_of_the_fingerprint), TEST(a_copy_has_the_same_fingerprint),
		TEST(without_a_cache_folder_memory_serves),
		TEST(cancel_stops_and_leaves_nothing), TEST(no_permission),
	};
	return cmocka_run_group_tests_name("data cache", tests, NULL, NULL);
}
