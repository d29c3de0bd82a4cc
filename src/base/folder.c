/* folder.c - folders, names and locks; see base/file.h. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "convtui/text.h"

int cvt_folder_sync(const char *path, struct cvt_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return cvt_fail_errno(err, errno, "cannot open folder %s", path);

	int status = cvt_file_sync(fd, path, false, err);

	close(fd);
	return status;
}

static int make_one(const char *path, struct cvt_error *err)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return CVT_OK;

	int number = errno;

	/* mkdir may say EROFS or EACCES of a folder that exists. */
	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? CVT_OK : cvt_fail(err, CVT_ERR_FORMAT, "%s is there, and is not a folder", path);
	return cvt_fail_errno(err, number, "cannot create folder %s", path);
}

int cvt_folder_create(const char *path, struct cvt_error *err)
{
	char part[4096];
	size_t length = strlen(path);

	if (length == 0 || length >= sizeof part)
		return cvt_fail(err, CVT_ERR_RANGE, "folder name %s: %.100s", length == 0 ? "empty" : "too long", path);
	memcpy(part, path, length + 1);
	for (size_t i = 1; i < length; i++) {
		if (part[i] != '/' || part[i - 1] == '/')
			continue;
		part[i] = 0;

		int status = make_one(part, err);

		if (status != CVT_OK)
			return status;
		part[i] = '/';
	}
	return make_one(part, err);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *place)
{
	(void)st, (void)type, (void)place;
	return remove(path);
}

int cvt_folder_remove(const char *path, struct cvt_error *err)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		return cvt_fail_errno(err, errno, "cannot remove %s", path);
	return CVT_OK;
}

int cvt_path_join(char *out, size_t size, const char *folder, const char *name, struct cvt_error *err)
{
	size_t length = strlen(folder), rest = strlen(name);
	bool slash = length > 0 && folder[length - 1] != '/';

	if (length + slash + rest + 1 > size)
		return cvt_fail(err, CVT_ERR_RANGE, "path too long: %.200s/%.200s", folder, name);
	memmove(out, folder, length); /* `out` may be `folder` */
	if (slash)
		out[length++] = '/';
	memcpy(out + length, name, rest + 1);
	return CVT_OK;
}

int cvt_path_expand(char *out, size_t size, const char *path, struct cvt_error *err)
{
	const char *home = "", *rest = path;

	if (path[0] == '~') {
		home = getenv("HOME");
		rest = path + 1;
		if (*rest != 0 && *rest != '/')
			return cvt_fail(err, CVT_ERR_UNSUPPORTED, "only ~ and ~/ stand for a home folder: write the whole path");
		if (home == NULL || *home == 0)
			return cvt_fail(err, CVT_ERR_NOT_FOUND, "HOME is not set, so ~ stands for nothing: write the whole path");
	}
	if ((size_t)snprintf(out, size, "%s%s", home, rest) >= size)
		return cvt_fail(err, CVT_ERR_RANGE, "%zu bytes are too long: at most %zu", strlen(home) + strlen(rest), size - 1);
	return CVT_OK;
}

void cvt_path_folder(char *out, size_t size, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		snprintf(out, size, ".");
	else
		snprintf(out, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

bool cvt_path_component_ok(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > 255 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (const unsigned char *s = (const unsigned char *)name; *s != 0; s++)
		if (*s == '/' || *s < 0x20 || *s == 0x7f || (*s == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0))
			return false;
	return true;
}

int cvt_folder_open(const char *path, struct cvt_error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? cvt_fail_errno(err, errno, "cannot open folder %s", path) : fd;
}

int cvt_file_check(int fd, const char *path, struct cvt_error *err)
{
	struct stat mine, there;

	/* The name first: of a folder that was removed on another host, NFS says ESTALE. */
	if (stat(path, &there) != 0 || fstat(fd, &mine) != 0)
		return errno == ENOENT || errno == ESTALE ? cvt_fail(err, CVT_ERR_NOT_FOUND, "%s is not there any more", path) : cvt_fail_errno(err, errno, "cannot look at %s", path);
	return mine.st_ino == there.st_ino && mine.st_dev == there.st_dev ? CVT_OK :
		cvt_fail(err, CVT_ERR_BUSY, "%s is another one now than when this began", path);
}

int cvt_file_lock(int fd, const char *path, struct cvt_error *err)
{
	/* A byte behind all that is ever written: some file systems refuse reads of what is locked. */
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)1 << 62, .l_len = 1};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return CVT_OK;
	return errno == EAGAIN || errno == EACCES ? cvt_fail(err, CVT_ERR_BUSY, "%s is held by another process", path) :
		cvt_fail_errno(err, errno, "cannot lock %s: this file system has no locks?", path);
}

int cvt_lock_take(const char *path, int *ret_fd, struct cvt_error *err)
{
	int fd = cvt_file_open_write(path, O_CREAT | O_RDWR, err);

	if (fd < 0)
		return fd;

	int status = cvt_file_lock(fd, path, err);

	/* Whoever removed it does not know of our lock. */
	if (status == CVT_OK && cvt_file_check(fd, path, NULL) != CVT_OK)
		status = cvt_fail(err, CVT_ERR_NOT_FOUND, "%s was removed while it was being locked", path);
	if (status == CVT_OK)
		*ret_fd = fd;
	else
		close(fd);
	return status;
}

int cvt_lock_held(const char *path)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;

	int held = fcntl(fd, F_OFD_GETLK, &lock) != 0 ? -1 : lock.l_type != F_UNLCK;

	close(fd);
	return held;
}
