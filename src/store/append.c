/* append.c - see store/append.h. */
#include "store/append.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* A crash of the machine leaves the end of a row, or some blocks of zeros. A file that has a hole of a terabyte would be looked through for an hour. */
enum { LOOK_BACK = 1 << 24 };

/* The end of the last whole line at or before `size`; 0: none. */
static int64_t last_line_end(int fd, const char *path, int64_t size, struct cvt_error *err)
{
	char block[4096];

	for (int64_t end = size; end > 0;) {
		if (size - end > LOOK_BACK)
			return cvt_fail(err, CVT_ERR_FORMAT, "%s: no row ends in its last %d MB, which no run writes: cut it to its rows", path, LOOK_BACK >> 20);
		int64_t start = end > (int64_t)sizeof block ? end - (int64_t)sizeof block : 0;
		ssize_t n = cvt_file_pread_all(fd, block, (size_t)(end - start), start, err);

		if (n < 0)
			return n;

		const char *newline = n > 0 ? memrchr(block, '\n', (size_t)n) : NULL;

		if (newline != NULL)
			return start + (newline - block) + 1;
		end = start;
	}
	return 0;
}

static int check_header(struct cvt_append *file, const char *header, struct cvt_error *err)
{
	char first[128] = "";
	ssize_t n = cvt_file_pread_all(file->fd, first, (size_t)file->header_length, 0, err);

	if (n < 0)
		return (int)n;
	if (n != file->header_length || memcmp(first, header, (size_t)n) != 0)
		return cvt_fail(err, CVT_ERR_FORMAT, "%s does not begin with \"%.*s\": it was written by another program", file->path,
			(int)file->header_length - 1, header);
	return CVT_OK;
}

int cvt_append_open(struct cvt_append *file, const char *folder, const char *name, const char *header, struct cvt_error *err)
{
	struct stat st;
	int status = cvt_path_join(file->path, sizeof file->path, folder, name, err);

	file->fd = -1;
	if (status != CVT_OK)
		return status;
	file->fd = cvt_file_open_write(file->path, O_CREAT | O_RDWR, err);
	if (file->fd < 0)
		return file->fd;
	status = cvt_file_lock(file->fd, file->path, err);
	if (status != CVT_OK) {
		cvt_append_close(file);
		return status;
	}
	file->header_length = (int64_t)strlen(header);
	if (fstat(file->fd, &st) != 0) {
		status = cvt_fail_errno(err, errno, "cannot look at %s", file->path);
	} else {
		file->length = last_line_end(file->fd, file->path, st.st_size, err);
		status = file->length < 0 ? (int)file->length : CVT_OK;
	}
	if (status == CVT_OK && file->length < st.st_size)
		status = cvt_file_truncate(file->fd, file->path, file->length, err);
	if (status == CVT_OK)
		status = file->length == 0 ? cvt_append_row(file, header, strlen(header), err) : check_header(file, header, err);
	if (status != CVT_OK)
		cvt_append_close(file);
	return status;
}

void cvt_append_close(struct cvt_append *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

int cvt_append_row(struct cvt_append *file, const char *row, size_t size, struct cvt_error *err)
{
	int status = cvt_file_pwrite_all(file->fd, file->path, row, size, file->length, err);

	if (status != CVT_OK) {
		/* Even if this fails nothing is wrong: what was written of the row has no newline, or the next write covers it. */
		(void)!ftruncate(file->fd, file->length);
		return status;
	}
	file->length += (int64_t)size;
	return CVT_OK;
}

int cvt_append_truncate(struct cvt_append *file, int64_t length, struct cvt_error *err)
{
	char last = 0;
	int status;

	if (length == 0)
		length = file->header_length;
	if (length < file->header_length || length > file->length)
		return cvt_fail(err, CVT_ERR_FORMAT, "%s has %lld bytes, the checkpoint needs %lld: rows are missing", file->path,
			(long long)file->length, (long long)length);
	if (cvt_file_pread_all(file->fd, &last, 1, length - 1, err) != 1 || last != '\n')
		return cvt_fail(err, CVT_ERR_FORMAT, "%s: no row ends at byte %lld, where the checkpoint was written", file->path,
			(long long)length);
	status = cvt_file_truncate(file->fd, file->path, length, err);
	if (status == CVT_OK)
		file->length = length;
	return status;
}
