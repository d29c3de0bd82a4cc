/* live.c - see store/live.h. */
#include "store/live.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "convtui/text.h"

static const char *const state_names[] = {"queued", "preparing", "training", "evaluating", "paused", "blocked", "done", "stopped",
	"diverged", "failed", "crashed"};

const char *cvt_state_name(enum cvt_state state)
{
	return (unsigned)state <= CVT_STATE_CRASHED ? state_names[state] : "unknown";
}

bool cvt_state_alive(enum cvt_state state)
{
	return state == CVT_STATE_PREPARING || state == CVT_STATE_TRAINING || state == CVT_STATE_EVALUATING || state == CVT_STATE_PAUSED ||
		state == CVT_STATE_BLOCKED;
}

enum kind { TEXT, INT, LONG, REAL };
struct field { const char *key; enum kind kind; size_t offset, size; };

#define FIELD(name, kind) {#name, kind, offsetof(struct cvt_live, name), sizeof(((struct cvt_live *)0)->name)}

static const struct field fields[] = {
	FIELD(reason, TEXT), FIELD(network, TEXT), FIELD(parameters, LONG), FIELD(lr, REAL), FIELD(batch_size, INT), FIELD(epochs, INT),
	FIELD(epoch, INT), FIELD(batch, LONG), FIELD(batch_in_epoch, INT), FIELD(batches_per_epoch, INT), FIELD(prepared, INT),
	FIELD(to_prepare, INT), FIELD(bad, INT), FIELD(evaluated, INT), FIELD(to_evaluate, INT), FIELD(loss, REAL),
	FIELD(train_accuracy, REAL), FIELD(val_loss, REAL), FIELD(val_accuracy, REAL), FIELD(best_val_accuracy, REAL),
	FIELD(best_epoch, INT), FIELD(images_per_second, REAL), FIELD(batch_seconds, REAL), FIELD(seconds, REAL),
	FIELD(checkpoint_batch, LONG), FIELD(started, REAL), FIELD(updated, REAL), FIELD(checkpoint_time, REAL), FIELD(pid, INT),
	FIELD(host, TEXT), FIELD(threads, INT), FIELD(train_images, INT), FIELD(val_images, INT), FIELD(test_images, INT), FIELD(peak_bytes, LONG),
};
enum { N_FIELDS = sizeof fields / sizeof fields[0] };

void cvt_live_init(struct cvt_live *live)
{
	memset(live, 0, sizeof *live);
	for (int i = 0; i < N_FIELDS; i++) {
		char *at = (char *)live + fields[i].offset;

		if (fields[i].kind == INT)
			memcpy(at, &(int){-1}, sizeof(int));
		else if (fields[i].kind == LONG)
			memcpy(at, &(int64_t){-1}, sizeof(int64_t));
		else if (fields[i].kind == REAL)
			memcpy(at, &(double){NAN}, sizeof(double));
	}
	live->epoch = live->best_epoch = 0;
	live->batch = 0;
	live->started = live->updated = live->checkpoint_time = 0;
}

static void format_field(const struct field *f, const struct cvt_live *live, char *text, size_t size)
{
	const char *at = (const char *)live + f->offset;
	double real;
	int64_t whole;
	int small;

	switch (f->kind) {
	case TEXT:
		cvt_text_clean(text, size < f->size ? size : f->size, at);
		break;
	case INT:
		memcpy(&small, at, sizeof small);
		snprintf(text, size, "%d", small);
		break;
	case LONG:
		memcpy(&whole, at, sizeof whole);
		snprintf(text, size, "%" PRId64, whole);
		break;
	case REAL:
		memcpy(&real, at, sizeof real);
		cvt_text_from_double(real, text, size);
		break;
	}
}

/* The longest page: 480 bytes of text and 31 numbers with their keys are below 2 KiB. */
void cvt_live_format(const struct cvt_live *live, double created, char page[CVT_LIVE_SIZE])
{
	char value[256];
	size_t used;

	cvt_text_from_double(created, value, sizeof value);
	used = (size_t)snprintf(page, CVT_LIVE_SIZE, "convtui 1\nstate %s\ncreated %s\n", cvt_state_name(live->state), value);
	for (int i = 0; i < N_FIELDS; i++) {
		format_field(&fields[i], live, value, sizeof value);
		used += (size_t)snprintf(page + used, CVT_LIVE_SIZE - used, "%s %s\n", fields[i].key, value);
	}
	used += (size_t)snprintf(page + used, CVT_LIVE_SIZE - used, "checksum %08" PRIx32 "\n", cvt_crc32c(0, page, used));
	memset(page + used, ' ', CVT_LIVE_SIZE - used);
	page[CVT_LIVE_SIZE - 1] = '\n';
}

static bool parse_real(const char *text, double *ret_value)
{
	if (strcmp(text, "nan") == 0)
		*ret_value = NAN;
	else if (strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0)
		*ret_value = text[0] == '-' ? -INFINITY : INFINITY;
	else
		return cvt_text_to_double(text, ret_value);
	return true;
}

static bool parse_field(const struct field *f, struct cvt_live *live, const char *text)
{
	char *at = (char *)live + f->offset;
	double real;
	int64_t whole;

	switch (f->kind) {
	case TEXT:
		cvt_text_clean(at, f->size, text);
		return true;
	case INT:
		if (!cvt_text_to_i64(text, &whole) || whole < INT_MIN || whole > INT_MAX)
			return false;
		memcpy(at, &(int){(int)whole}, sizeof(int));
		return true;
	case LONG:
		if (!cvt_text_to_i64(text, &whole))
			return false;
		memcpy(at, &whole, sizeof whole);
		return true;
	case REAL:
		if (!parse_real(text, &real))
			return false;
		memcpy(at, &real, sizeof real);
		return true;
	}
	return false;
}

static bool parse_line(const char *key, const char *value, struct cvt_live *live, double *created)
{
	if (strcmp(key, "state") == 0) {
		for (int s = 0; s < CVT_STATE_CRASHED; s++) {
			if (strcmp(value, state_names[s]) == 0) {
				live->state = (enum cvt_state)s;
				return true;
			}
		}
		return false;
	}
	if (strcmp(key, "created") == 0)
		return parse_real(value, created);
	for (int i = 0; i < N_FIELDS; i++)
		if (strcmp(key, fields[i].key) == 0)
			return parse_field(&fields[i], live, value);
	return true;
}

int cvt_live_parse(const char *page, size_t size, struct cvt_live *ret_live, double *ret_created, struct cvt_error *err)
{
	static const char first[] = "convtui 1\n", last[] = "\nchecksum ";
	char text[CVT_LIVE_SIZE + 1], sum[9];
	struct cvt_live live;
	double created = NAN;
	int line_number = 1;

	if (size < CVT_LIVE_SIZE || memcmp(page, first, sizeof first - 1) != 0)
		return cvt_fail(err, CVT_ERR_FORMAT, "not a live page");
	memcpy(text, page, CVT_LIVE_SIZE);
	text[CVT_LIVE_SIZE] = 0;

	char *end = strstr(text, last), *rest = text + sizeof first - 1, *line;

	if (end == NULL)
		return cvt_fail(err, CVT_ERR_FORMAT, "live page without checksum");
	snprintf(sum, sizeof sum, "%08" PRIx32, cvt_crc32c(0, text, (size_t)(end + 1 - text)));
	if (memcmp(end + sizeof last - 1, sum, 8) != 0)
		return cvt_fail(err, CVT_ERR_FORMAT, "live page with a wrong checksum");
	*end = 0;
	cvt_live_init(&live);
	for (; (line = strsep(&rest, "\n")) != NULL;) {
		char *space = strchr(line, ' ');

		line_number++;
		if (space == NULL)
			return cvt_fail_at(err, CVT_ERR_FORMAT, "live", line_number, 0, "not `key value`");
		*space = 0;
		if (!parse_line(line, space + 1, &live, &created))
			return cvt_fail_at(err, CVT_ERR_FORMAT, "live", line_number, 0, "not a value of %s", line);
	}
	*ret_live = live;
	*ret_created = created;
	return CVT_OK;
}

int cvt_live_read(const char *folder, struct cvt_live *ret_live, double *ret_created, char *page, struct cvt_error *err)
{
	enum { TRIES = 5 };
	char path[1100], bytes[CVT_LIVE_SIZE];
	int status = cvt_path_join(path, sizeof path, folder, "live", err);

	if (status != CVT_OK)
		return status;

	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return cvt_fail_errno(err, errno, "cannot open %s", path);
	for (int i = 0; i < TRIES; i++) {
		/* One that is being rewritten is whole again within microseconds. */
		if (i > 0)
			nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);

		ssize_t n = cvt_file_pread_all(fd, bytes, sizeof bytes, 0, err);

		status = n < 0 ? (int)n : cvt_live_parse(bytes, (size_t)n, ret_live, ret_created, err);
		if (status != CVT_ERR_FORMAT)
			break;
	}
	close(fd);
	if (status == CVT_OK && page != NULL)
		memcpy(page, bytes, sizeof bytes);
	return status;
}
