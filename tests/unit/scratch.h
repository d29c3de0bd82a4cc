/* scratch.h - a temporary folder for a test, gone afterwards; and the seam of base/file as a counter that fails the n-th call. */
#ifndef CVT_TESTS_SCRATCH_H
#define CVT_TESTS_SCRATCH_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One for the whole program, whichever of its files made it. */
__attribute__((weak)) char scratch_folder[512];

static inline int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *place)
{
	(void)st, (void)type, (void)place;
	return remove(path);
}

static inline void scratch_remove(const char *path)
{
	nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* cmocka setup and teardown of each test. */
static inline int scratch_setup(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(scratch_folder, sizeof scratch_folder, "%s/convtui-test-XXXXXX", base != NULL ? base : "/tmp");
	return mkdtemp(scratch_folder) == NULL ? -1 : 0;
}

static inline int scratch_teardown(void **state)
{
	(void)state;
	scratch_remove(scratch_folder);
	return 0;
}

/* The path of a name in the folder; one of eight buffers in turn. */
static inline const char *scratch(const char *name)
{
	static char paths[8][1024];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", scratch_folder, name);
	return path;
}

static inline bool scratch_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static inline long scratch_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

/* Writes or appends without the code under test. */
static inline void scratch_put(const char *path, const char *mode, const void *data, size_t size)
{
	FILE *file = fopen(path, mode);

	if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
		fprintf(stderr, "test cannot write %s\n", path);
		_exit(99);
	}
}

static inline void scratch_text(const char *path, const char *text)
{
	scratch_put(path, "w", text, strlen(text));
}

static inline void scratch_append(const char *path, const char *text)
{
	scratch_put(path, "a", text, strlen(text));
}

/* The whole file, one of four buffers in turn (freed when its turn comes again); "" when there is none. */
static inline const char *scratch_get(const char *path)
{
	static char *texts[4];
	static int next;
	char **text = &texts[next++ % 4];
	FILE *file = fopen(path, "r");
	size_t n = 0;

	free(*text);
	*text = calloc(1, 1 << 20);
	if (file != NULL) {
		n = fread(*text, 1, (1 << 20) - 1, file);
		fclose(file);
	}
	(*text)[n] = 0;
	return *text;
}

#endif
