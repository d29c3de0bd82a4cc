/* init.c - see store/init.h. */
#include "store/init.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "convtui/store.h"
#include "store/safetensors.h"

/* Is it one of the files that a run of this user keeps weights in? Another user's may be written by a program that is not ours. */
static bool is_kept(const char *source)
{
	static const char *const names[] = {"checkpoint.safetensors", "best.safetensors", CVT_RUN_INIT};
	const char *slash = strrchr(source, '/'), *name = slash == NULL ? source : slash + 1;
	char folder[4096], page[4200];
	struct stat st;
	bool named = false;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		named = named || strcmp(name, names[i]) == 0;
	if (!named || strlen(source) + 2 > sizeof folder || lstat(source, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return false;
	cvt_path_folder(folder, sizeof folder, source);
	return cvt_path_join(page, sizeof page, folder, "live", NULL) == CVT_OK && access(page, F_OK) == 0;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Somebody else's file may be written while it is read, and need not have a checksum: it must be the same before and after. */
static int copy(const char *source, const char *target, struct cvt_error *err)
{
	struct cvt_safetensors file;
	struct stat before, after;
	char *bytes;
	size_t size;

	if (stat(source, &before) != 0)
		return cvt_fail_errno(err, errno, "cannot look at %s", source);

	int status = cvt_safetensors_read(source, &file, err);

	if (status != CVT_OK)
		return status;
	cvt_safetensors_finish(&file);
	status = cvt_file_read(source, SIZE_MAX / 2, &bytes, &size, err);
	if (status != CVT_OK)
		return status;
	if (stat(source, &after) != 0 || !same(&before, &after) || (uint64_t)size != (uint64_t)after.st_size)
		status = cvt_fail(err, CVT_ERR_IO, "%s changed while it was read: try again when it is written", source);
	if (status == CVT_OK)
		status = cvt_file_replace(target, bytes, size, err);
	free(bytes);
	return status;
}

int cvt_init_take(const char *source, const char *folder, struct cvt_error *err)
{
	char target[1200];
	struct cvt_error why;
	int status = cvt_path_join(target, sizeof target, folder, CVT_RUN_INIT, err);

	if (status != CVT_OK || (is_kept(source) && cvt_file_link(source, target, NULL) == CVT_OK))
		return status;
	status = copy(source, target, &why);
	return status == CVT_OK ? CVT_OK : cvt_fail(err, status, "init: %s", why.message);
}
