/* follow.c - see store/follow.h.
 *
 * A resumed runner cuts the file back to a checkpoint and appends the same rows again, with other seconds. So whenever the file changed,
 * the last row that was read is read again where it was; if it is not there any more, the last one that still is is searched by halves: rows
 * before the cut are the same, those behind it are not. */
#include "store/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "store/rows.h"

enum { SLICE = 1 << 16, MAX_ROWS = 20000000 };

void cvt_follow_finish(struct cvt_follow *f)
{
	free(f->rows);
	free(f->places);
	f->rows = NULL;
	f->places = NULL;
	f->n = f->capacity = 0;
}

static void *row_at(const struct cvt_follow *f, int64_t i)
{
	return (char *)f->rows + (size_t)i * f->row_size;
}

static bool grow(struct cvt_follow *f)
{
	int64_t capacity = f->capacity == 0 ? 256 : 2 * f->capacity;
	void *rows = realloc(f->rows, (size_t)capacity * f->row_size);

	if (rows != NULL)
		f->rows = rows;

	struct cvt_place *places = rows == NULL ? NULL : realloc(f->places, (size_t)capacity * sizeof *places);

	if (places == NULL)
		return false;
	f->places = places;
	f->capacity = capacity;
	return true;
}

/* Is row i still in the file, at its place? */
static bool still_there(const struct cvt_follow *f, int fd, int64_t i)
{
	char line[CVT_ROW_SIZE + 1], row[CVT_ROW_SIZE];
	const struct cvt_place *p = &f->places[i];

	if (cvt_file_pread_all(fd, line, (size_t)p->length, p->end - p->length, NULL) != p->length || line[p->length - 1] != '\n')
		return false;
	line[p->length - 1] = 0;
	return strlen(line) == (size_t)p->length - 1 && f->parse(line, row) && memcmp(row, row_at(f, i), f->row_size) == 0;
}

static void cut(struct cvt_follow *f, int64_t n)
{
	f->n = n;
	f->offset = n > 0 ? f->places[n - 1].end : 0;
	f->skipping = false;
}

/* Drops the rows that are not in the file any more. */
static bool drop_lost(struct cvt_follow *f, int fd, int64_t size)
{
	int64_t before = f->n, low = 0, high = f->n;   /* rows below `low` are there, those from `high` are not */

	if (f->n == 0) {
		if (f->offset > size)
			cut(f, 0);
		return false;
	}
	if (f->offset <= size && still_there(f, fd, f->n - 1))
		return false;
	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		if (f->places[middle].end <= size && still_there(f, fd, middle))
			low = middle + 1;
		else
			high = middle;
	}
	cut(f, low);
	return low < before;
}

/* Takes in one line without its newline; false: no memory. */
static bool take_line(struct cvt_follow *f, char *line, size_t length, int64_t end)
{
	size_t header = strlen(f->header) - 1;

	if (length == header && end == (int64_t)header + 1 && memcmp(line, f->header, header) == 0)
		return true;
	if (f->n == f->capacity && (f->n >= MAX_ROWS || !grow(f)))
		return false;
	if (length + 1 >= CVT_ROW_SIZE || strlen(line) != length || !f->parse(line, row_at(f, f->n)) ||
		(f->n > 0 && f->comes_after != NULL && !f->comes_after(row_at(f, f->n - 1), row_at(f, f->n)))) {
		f->bad_lines++;
		return true;
	}
	f->places[f->n++] = (struct cvt_place){end, (int32_t)length + 1};
	return true;
}

/* Takes in the whole lines of a slice of n bytes at f->offset; *bytes has room for a 0 at the end. */
static bool take_slice(struct cvt_follow *f, char *bytes, size_t n)
{
	char *line = bytes, *end = bytes + n, *newline;
	int64_t start = f->offset;

	while (line < end && (newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		*newline = 0;
		if (f->skipping)
			f->skipping = false;
		else if (!take_line(f, line, (size_t)(newline - line), start + (newline + 1 - bytes)))
			return false;
		line = newline + 1;
		f->offset = start + (line - bytes);
	}
	if (end - line >= CVT_ROW_SIZE) { /* no row is as long: pass over what is there of it */
		f->bad_lines += !f->skipping;
		f->skipping = true;
		f->offset = start + (end - bytes);
	}
	return true;
}

static int read_on(struct cvt_follow *f, int fd, double deadline, bool *ret_changed, struct cvt_error *err)
{
	char *bytes = malloc(SLICE + 1);
	int status = CVT_OK;

	if (bytes == NULL)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory to read %s", f->name);
	do {
		int64_t rows = f->n, offset = f->offset;
		ssize_t n = cvt_file_pread_all(fd, bytes, SLICE, f->offset, err);

		if (n < 0) {
			status = (int)n;
			break;
		}
		if (!take_slice(f, bytes, (size_t)n)) {
			status = cvt_fail(err, CVT_ERR_MEMORY, "no memory for more than %lld rows of %s", (long long)f->n, f->name);
			break;
		}
		*ret_changed = *ret_changed || f->n != rows;
		f->complete = n < SLICE || f->offset == offset;
	} while (!f->complete && cvt_clock_monotonic() < deadline);
	free(bytes);
	return status;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
		a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int cvt_follow_poll(struct cvt_follow *f, const char *folder, double deadline, struct cvt_error *err)
{
	char path[1200];
	struct stat st;
	bool changed = false;
	int status = cvt_path_join(path, sizeof path, folder, f->name, err);

	if (status != CVT_OK)
		return status;

	/* Opened anew each time: network file systems show the new size then, and a replaced file is seen. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && errno == ENOENT) {
		changed = f->n > 0;
		cut(f, 0);
		f->complete = true;
		memset(&f->seen, 0, sizeof f->seen);
		return changed;
	}
	if (fd < 0)
		return cvt_fail_errno(err, errno, "cannot open %s", path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return cvt_fail(err, CVT_ERR_FORMAT, "%s is not a regular file", path);
	}
	if (!f->complete || !same_file(&st, &f->seen)) {
		changed = drop_lost(f, fd, st.st_size);
		status = read_on(f, fd, deadline, &changed, err);
		f->seen = st;
	}
	close(fd);
	return status != CVT_OK ? status : changed;
}
