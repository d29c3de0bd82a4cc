/* file.c - see base/file.h. Folders, names and locks are in folder.c. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int (*cvt_file_fault)(enum cvt_file_call call, const char *path);

/* Sets errno and says true when a test wants this call to fail. */
static bool faulty(enum cvt_file_call call, const char *path)
{
	int number = cvt_file_fault == NULL ? 0 : cvt_file_fault(call, path);

	if (number != 0)
		errno = number;
	return number != 0;
}

/* O_NONBLOCK: a FIFO must not hang the opener, it is refused right after. Regular files do not care. name: what errors call it. */
static int open_regular(const char *path, const char *name, int flags, struct stat *ret_st, struct cvt_error *err)
{
	int fd;

	do {
		fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0 && (errno == ENXIO || errno == EISDIR))
		return cvt_fail(err, CVT_ERR_FORMAT, "%s is not a regular file", name);
	if (fd < 0 && errno == ELOOP)
		return cvt_fail(err, CVT_ERR_FORMAT, "%s is a symbolic link, which is not written through", name);
	if (fd < 0)
		return cvt_fail_errno(err, errno, "cannot open %s", name);
	if (fstat(fd, ret_st) != 0) {
		int status = cvt_fail_errno(err, errno, "cannot look at %s", name);

		close(fd);
		return status;
	}
	if (!S_ISREG(ret_st->st_mode)) {
		close(fd);
		return cvt_fail(err, CVT_ERR_FORMAT, "%s is not a regular file", name);
	}
	return fd;
}

/* Reads to the end, growing: files of /proc say that their size is 0. */
static int read_to_end(int fd, const char *name, size_t limit, size_t expected, char **ret_data, size_t *ret_size,
	struct cvt_error *err)
{
	size_t capacity = (expected < limit ? expected : limit) + 2, used = 0;
	char *data = malloc(capacity);

	while (data != NULL) {
		ssize_t n = read(fd, data + used, capacity - 1 - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int status = cvt_fail_errno(err, errno, "cannot read %s", name);

			free(data);
			return status;
		}
		used += (size_t)n;
		if (used > limit) {
			free(data);
			return cvt_fail(err, CVT_ERR_RANGE, "%s is larger than the %zu bytes that are read of such a file", name, limit);
		}
		if (n == 0) {
			data[used] = 0;
			*ret_data = data;
			*ret_size = used;
			return CVT_OK;
		}
		if (used + 1 == capacity) {
			size_t larger = (limit - used > used + 4096 ? 2 * used + 4096 : limit) + 2;
			char *moved = realloc(data, larger);

			if (moved == NULL)
				free(data);
			data = moved;
			capacity = larger;
		}
	}
	return cvt_fail(err, CVT_ERR_MEMORY, "no memory to read %s", name);
}

int cvt_file_read_as(const char *path, const char *name, size_t limit, char **ret_data, size_t *ret_size, struct cvt_error *err)
{
	struct stat st;
	int fd = open_regular(path, name, O_RDONLY, &st, err);

	if (fd < 0)
		return fd;

	int status = st.st_size > 0 && (uint64_t)st.st_size > limit ?
		cvt_fail(err, CVT_ERR_RANGE, "%s has %lld bytes: at most %zu are read of such a file", name, (long long)st.st_size, limit) :
		read_to_end(fd, name, limit, st.st_size > 0 ? (size_t)st.st_size : 4096, ret_data, ret_size, err);

	close(fd);
	return status;
}

int cvt_file_read(const char *path, size_t limit, char **ret_data, size_t *ret_size, struct cvt_error *err)
{
	return cvt_file_read_as(path, path, limit, ret_data, ret_size, err);
}

int cvt_file_open_write(const char *path, int flags, struct cvt_error *err)
{
	struct stat st;

	if (faulty(CVT_FILE_OPEN, path))
		return cvt_fail_errno(err, errno, "cannot open %s", path);
	if ((flags & O_ACCMODE) == O_RDONLY)
		flags |= O_WRONLY;
	return open_regular(path, path, flags | O_NOFOLLOW, &st, err);
}

int cvt_file_write_all(int fd, const char *path, const void *data, size_t size, struct cvt_error *err)
{
	const char *p = data;

	if (faulty(CVT_FILE_WRITE, path))
		return cvt_fail_errno(err, errno, "cannot write %s", path);
	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return cvt_fail_errno(err, n < 0 ? errno : EIO, "cannot write %s", path);
		p += n;
		size -= (size_t)n;
	}
	return CVT_OK;
}

int cvt_file_pwrite_all(int fd, const char *path, const void *data, size_t size, off_t offset, struct cvt_error *err)
{
	const char *p = data;

	if (faulty(CVT_FILE_WRITE, path))
		return cvt_fail_errno(err, errno, "cannot write %s", path);
	while (size > 0) {
		ssize_t n = pwrite(fd, p, size, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return cvt_fail_errno(err, n < 0 ? errno : EIO, "cannot write %s", path);
		p += n;
		offset += n;
		size -= (size_t)n;
	}
	return CVT_OK;
}

ssize_t cvt_file_pread_all(int fd, void *data, size_t size, off_t offset, struct cvt_error *err)
{
	char *p = data;
	size_t used = 0;

	while (used < size) {
		ssize_t n = pread(fd, p + used, size - used, offset + (off_t)used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cvt_fail_errno(err, errno, "cannot read");
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

int cvt_file_sync(int fd, const char *path, bool data_only, struct cvt_error *err)
{
	if (faulty(CVT_FILE_FSYNC, path))
		return cvt_fail_errno(err, errno, "cannot bring %s to the disk", path);

	int failed;

	do {
		failed = data_only ? fdatasync(fd) : fsync(fd);
	} while (failed != 0 && errno == EINTR);
	return failed == 0 ? CVT_OK : cvt_fail_errno(err, errno, "cannot bring %s to the disk", path);
}

int cvt_file_truncate(int fd, const char *path, off_t size, struct cvt_error *err)
{
	int failed;

	if (faulty(CVT_FILE_TRUNCATE, path))
		return cvt_fail_errno(err, errno, "cannot cut %s to %lld bytes", path, (long long)size);
	do {
		failed = ftruncate(fd, size);
	} while (failed != 0 && errno == EINTR);
	return failed == 0 ? CVT_OK : cvt_fail_errno(err, errno, "cannot cut %s to %lld bytes", path, (long long)size);
}

int cvt_file_rename(const char *from, const char *to, struct cvt_error *err)
{
	if (faulty(CVT_FILE_RENAME, to) || rename(from, to) != 0)
		return cvt_fail_errno(err, errno, "cannot rename %s to %s", from, to);
	return CVT_OK;
}

int cvt_file_rename_new(const char *from, const char *to, struct cvt_error *err)
{
	if (faulty(CVT_FILE_RENAME, to))
		return cvt_fail_errno(err, errno, "cannot rename %s to %s", from, to);
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return CVT_OK;

	/* NFS and others do not know the flag. For a folder a plain rename then does: it replaces an empty folder at most. */
	struct stat st;

	if (errno == EINVAL && lstat(to, &st) == 0)
		errno = EEXIST;
	else if (errno == EINVAL && rename(from, to) == 0)
		return CVT_OK;
	if (errno == EEXIST || errno == ENOTEMPTY)
		return cvt_fail(err, CVT_ERR_BUSY, "%s exists already", to);
	return cvt_fail_errno(err, errno, "cannot rename %s to %s", from, to);
}

int cvt_file_link(const char *from, const char *to, struct cvt_error *err)
{
	if (!faulty(CVT_FILE_LINK, to) && link(from, to) == 0)
		return CVT_OK;
	if (errno == EPERM || errno == EOPNOTSUPP || errno == EMLINK || errno == ENOSYS)
		return cvt_fail(err, CVT_ERR_UNSUPPORTED, "cannot link %s to %s: this file system has no hard links", to, from);
	return cvt_fail_errno(err, errno, "cannot link %s to %s", to, from);
}

static int write_synced(const char *path, const void *data, size_t size, struct cvt_error *err)
{
	int fd = cvt_file_open_write(path, O_CREAT | O_EXCL, err);

	if (fd < 0)
		return fd;

	int status = cvt_file_write_all(fd, path, data, size, err);

	if (status == CVT_OK)
		status = cvt_file_sync(fd, path, false, err);
	if (close(fd) != 0 && status == CVT_OK) /* where NFS reports a full disk */
		status = cvt_fail_errno(err, errno, "cannot close %s", path);
	return status;
}

int cvt_file_replace(const char *path, const void *data, size_t size, struct cvt_error *err)
{
	char temporary[4096], folder[4096];

	if ((size_t)snprintf(temporary, sizeof temporary, "%s.tmp", path) >= sizeof temporary)
		return cvt_fail(err, CVT_ERR_RANGE, "path too long: %.100s...", path);
	cvt_path_folder(folder, sizeof folder, path);
	unlink(temporary); /* left by a crash, or laid there: never written through */

	int status = write_synced(temporary, data, size, err);

	if (status == CVT_OK)
		status = cvt_file_rename(temporary, path, err);
	if (status == CVT_OK)
		return cvt_folder_sync(folder, err);
	unlink(temporary);
	return status;
}
