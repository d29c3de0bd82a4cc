/* folders.c - see folders.h. */
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

static char root[512];

int make_root(void **state)
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

int remove_root(void **state)
{
	remove_tree(root);
	return 0;
}

const char *in_root(const char *name)
{
	static char paths[8][1024];
	static int next;
	char *path = paths[next++ % 8];
	snprintf(path, 1024, "%s/%s", root, name);
	return path;
}

/* A fixture under another name; `extra` bytes after its end make its bytes differ without harm. */
void put(const char *fixture, const char *name, int extra)
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

void put_text(const char *name, const char *text)
{
	put("dot.png", name, 0);
	FILE *file = fopen(in_root(name), "wb");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

struct cvt_dataset_options options_of(const char *data)
{
	static char cache[1024];
	snprintf(cache, sizeof(cache), "%s", in_root("cache"));
	return (struct cvt_dataset_options){.data = data, .val = "", .image_size = 16, .channels = 3, .exif = true, .val_fraction = 0.4,
		.seed = 7, .threads = 2, .cache = cache};
}

struct cvt_dataset *open_data(const struct cvt_dataset_options *options)
{
	struct cvt_dataset *dataset = NULL;
	struct cvt_error err;
	if (cvt_dataset_open(options, NULL, &dataset, &err))
		fail_msg("%s", err.message);
	return dataset;
}

void expect_error(const struct cvt_dataset_options *options, int code, const char *word)
{
	struct cvt_dataset *dataset = NULL;
	struct cvt_error err = {0};
	const int status = cvt_dataset_open(options, NULL, &dataset, &err);
	if (status != code || !strstr(err.message, word))
		fail_msg("status %d \"%s\", wanted %d and the word \"%s\"", status, err.message, code, word);
	assert_null(dataset);
}

void expect_bad(const struct cvt_dataset *dataset, const char *path, const char *word)
{
	for (int i = 0; i < dataset->n_bad; i++)
		if (strcmp(dataset->bad[i].path, path) == 0) {
			if (!strstr(dataset->bad[i].reason, word))
				fail_msg("%s: \"%s\", wanted the word \"%s\"", path, dataset->bad[i].reason, word);
			return;
		}
	fail_msg("%s is not among the %d bad files", path, dataset->n_bad);
}

bool warned(const struct cvt_dataset *dataset, const char *word)
{
	for (int i = 0; i < dataset->n_warnings; i++)
		if (strstr(dataset->warnings[i], word))
			return true;
	return false;
}

/* Ten of class Zebra, five of class ant: sorted by byte, Zebra first. */
void make_classes(const char *below)
{
	char name[128];
	for (int i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "%s/%s/%02d.png", below, i < 10 ? "Zebra" : "ant", i);
		put(i % 2 ? "rgb.png" : "noise.png", name, i + 1);
	}
}
