/* writer.c - see store/writer.h. Commands are in inbox.c. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "convtui/text.h"
#include "store/live.h"
#include "store/rows.h"
#include "store/writer_private.h"

static const char machine_header[] = "time,processor,isa,blas,threads,version\n";

static int take_lock(struct cvt_writer *w, struct cvt_error *err)
{
	char path[1200];
	int status = cvt_path_join(path, sizeof path, w->folder, "config.yaml", err);

	if (status == CVT_OK && access(path, R_OK) != 0)
		return cvt_fail_errno(err, errno, "%s is not a run: cannot read its config.yaml", w->folder);
	if (status == CVT_OK) {
		w->folder_fd = cvt_folder_open(w->folder, err);
		status = w->folder_fd < 0 ? w->folder_fd : CVT_OK;
	}
	if (status == CVT_OK)
		status = cvt_path_join(path, sizeof path, w->folder, "lock", err);
	return status == CVT_OK ? cvt_lock_take(path, &w->lock_fd, err) : status;
}

static int say_busy(const struct cvt_writer *w, struct cvt_error *err)
{
	struct cvt_live live;
	double created;
	bool known = cvt_live_read(w->folder, &live, &created, NULL, NULL) == CVT_OK && live.pid > 0;

	return known ? cvt_fail(err, CVT_ERR_BUSY, "another runner trains %s: process %d on %s", w->folder, live.pid, live.host) :
		cvt_fail(err, CVT_ERR_BUSY, "another runner trains %s", w->folder);
}

/* The page keeps its block of the disk from the start, so that a full disk can still be told. A page that a crash of the machine has torn
 * is begun anew: it is only what was said of the run, and must not keep it from its checkpoint. */
static int open_live(struct cvt_writer *w, struct cvt_error *err)
{
	char path[1200], page[CVT_LIVE_SIZE];
	struct cvt_live live;
	struct stat st;
	int status = cvt_path_join(path, sizeof path, w->folder, "live", err);

	if (status != CVT_OK)
		return status;
	w->created = NAN;
	bool torn = cvt_live_read(w->folder, &live, &w->created, NULL, NULL) == CVT_ERR_FORMAT;

	if (isnan(w->created))
		w->created = stat(w->folder, &st) == 0 ? (double)st.st_mtim.tv_sec : cvt_clock_wall();
	w->live_fd = cvt_file_open_write(path, O_CREAT, err);
	if (w->live_fd < 0)
		return w->live_fd;
	if (fstat(w->live_fd, &st) != 0)
		return cvt_fail_errno(err, errno, "cannot look at %s", path);
	if (st.st_size >= CVT_LIVE_SIZE && !torn)
		return CVT_OK;
	cvt_live_init(&live);
	if (st.st_size >= CVT_LIVE_SIZE) {
		live.state = CVT_STATE_FAILED;
		snprintf(live.reason, sizeof live.reason, "its live page was damaged: `convtui resume` goes on from its newest checkpoint");
	}
	cvt_live_format(&live, w->created, page);
	return cvt_file_pwrite_all(w->live_fd, path, page, sizeof page, 0, err);
}

static int open_rest(struct cvt_writer *w, struct cvt_error *err)
{
	char path[1200];
	int status = cvt_path_join(path, sizeof path, w->folder, "inbox", err);

	if (status == CVT_OK)
		status = cvt_folder_create(path, err);
	/* Rows first: where another runner has them, although its lock was removed, nothing else may be touched. */
	if (status == CVT_OK)
		status = cvt_append_open(&w->batches, w->folder, "batches.csv", cvt_batches_header, err);
	if (status == CVT_OK)
		status = cvt_append_open(&w->epochs, w->folder, "epochs.csv", cvt_epochs_header, err);
	if (status == CVT_OK)
		status = cvt_append_open(&w->commands, w->folder, "commands.csv", cvt_commands_header, err);
	if (status == CVT_OK)
		status = open_live(w, err);
	if (status == CVT_OK)
		status = cvt_writer_load_ids(w, err);
	if (status == CVT_OK)
		status = cvt_path_join(path, sizeof path, w->folder, "log.txt", err);
	if (status == CVT_OK) {
		w->log_fd = cvt_file_open_write(path, O_CREAT | O_APPEND, err);
		status = w->log_fd < 0 ? w->log_fd : CVT_OK;
	}
	return status == CVT_OK ? cvt_folder_sync(w->folder, err) : status;
}

int cvt_writer_open(const char *folder, struct cvt_writer **ret_writer, struct cvt_error *err)
{
	struct cvt_writer *w = calloc(1, sizeof *w);
	size_t length = strlen(folder);
	int status = CVT_OK;

	if (w == NULL)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory to open %s", folder);
	w->folder_fd = w->lock_fd = w->live_fd = w->log_fd = w->batches.fd = w->epochs.fd = w->commands.fd = -1;
	while (length > 1 && folder[length - 1] == '/')
		length--;
	if (length >= sizeof w->folder)
		status = cvt_fail(err, CVT_ERR_RANGE, "path too long: %.100s...", folder);
	else
		memcpy(w->folder, folder, length);
	if (status == CVT_OK)
		status = take_lock(w, err);
	if (status == CVT_OK)
		status = open_rest(w, err);
	if (status == CVT_ERR_BUSY)
		status = say_busy(w, err);
	if (status != CVT_OK) {
		cvt_writer_close(w);
		return status;
	}
	*ret_writer = w;
	return CVT_OK;
}

void cvt_writer_close(struct cvt_writer *w)
{
	if (w == NULL)
		return;
	cvt_append_close(&w->batches);
	cvt_append_close(&w->epochs);
	cvt_append_close(&w->commands);
	if (w->live_fd >= 0)
		close(w->live_fd);
	if (w->log_fd >= 0)
		close(w->log_fd);
	if (w->folder_fd >= 0)
		close(w->folder_fd);
	if (w->lock_fd >= 0)
		close(w->lock_fd); /* last: who sees it free sees all else done */
	free(w->ids);
	free(w);
}

/* One of the run's files is where it was, or the run is not ours alone any more. */
static int check_file(int fd, const char *path, const char *what_then, struct cvt_error *err)
{
	int status = cvt_file_check(fd, path, err);

	if (status != CVT_ERR_NOT_FOUND && status != CVT_ERR_BUSY)
		return status;
	return cvt_fail(err, CVT_ERR_BUSY, "%s was %s while the run trained: %s", path, status == CVT_ERR_BUSY ? "replaced" : "removed", what_then);
}

int cvt_writer_check_files(const struct cvt_writer *w, struct cvt_error *err)
{
	const struct cvt_append *const files[] = {&w->batches, &w->epochs};
	int status = cvt_file_check(w->folder_fd, w->folder, err);

	if (status == CVT_ERR_BUSY)
		return cvt_fail(err, status, "%s is another folder now than the one that this run trains in, and is left alone: resume the one that is meant",
			w->folder);
	for (size_t i = 0; i < sizeof files / sizeof files[0] && status == CVT_OK; i++)
		status = check_file(files[i]->fd, files[i]->path, "put it back, then resume", err);
	return status;
}

int cvt_writer_check(const struct cvt_writer *w, struct cvt_error *err)
{
	char lock[1200];
	int status = cvt_writer_check_files(w, err);

	if (status == CVT_OK)
		status = cvt_path_join(lock, sizeof lock, w->folder, "lock", err);
	return status == CVT_OK ? check_file(w->lock_fd, lock, "resume it once nobody else does", err) : status;
}

int cvt_writer_batch(struct cvt_writer *w, const struct cvt_batch_row *row, struct cvt_error *err)
{
	char text[CVT_ROW_SIZE];

	return cvt_append_row(&w->batches, text, cvt_batch_format(row, text), err);
}

int cvt_writer_epoch(struct cvt_writer *w, const struct cvt_epoch_row *row, struct cvt_error *err)
{
	char text[CVT_ROW_SIZE];

	return cvt_append_row(&w->epochs, text, cvt_epoch_format(row, text), err);
}

void cvt_writer_offsets(const struct cvt_writer *w, int64_t *ret_batches, int64_t *ret_epochs)
{
	*ret_batches = w->batches.length;
	*ret_epochs = w->epochs.length;
}

int cvt_writer_sync(struct cvt_writer *w, struct cvt_error *err)
{
	int status = cvt_file_sync(w->batches.fd, w->batches.path, true, err);

	return status == CVT_OK ? cvt_file_sync(w->epochs.fd, w->epochs.path, true, err) : status;
}

int cvt_writer_truncate(struct cvt_writer *w, int64_t batches, int64_t epochs, struct cvt_error *err)
{
	int status = cvt_append_truncate(&w->batches, batches, err);

	return status == CVT_OK ? cvt_append_truncate(&w->epochs, epochs, err) : status;
}

int cvt_writer_live(struct cvt_writer *w, const struct cvt_live *live, struct cvt_error *err)
{
	struct cvt_live mine = *live;
	char page[CVT_LIVE_SIZE];

	mine.pid = (int)getpid();
	mine.updated = cvt_clock_wall();
	if (gethostname(mine.host, sizeof mine.host) != 0)
		mine.host[0] = 0;
	mine.host[sizeof mine.host - 1] = 0;
	cvt_live_format(&mine, w->created, page);
	return cvt_file_pwrite_all(w->live_fd, "live", page, sizeof page, 0, err);
}

int cvt_writer_file(struct cvt_writer *w, const char *name, const char *text, size_t size, struct cvt_error *err)
{
	char path[1300];

	if (!cvt_path_component_ok(name))
		return cvt_fail(err, CVT_ERR_RANGE, "\"%s\" is not a name for a file of a run", name);

	int status = cvt_path_join(path, sizeof path, w->folder, name, err);

	if (status == CVT_OK)
		status = cvt_writer_check_files(w, err);
	return status == CVT_OK ? cvt_file_replace(path, text, size, err) : status;
}

/* "2026-11-24 15:02:11" */
static void stamp(char text[32])
{
	time_t now = (time_t)cvt_clock_wall();
	struct tm local;

	localtime_r(&now, &local);
	strftime(text, 32, "%Y-%m-%d %H:%M:%S", &local);
}

int cvt_writer_log(struct cvt_writer *w, const char *line, struct cvt_error *err)
{
	char time[32], clean[1024], text[1100];

	stamp(time);
	cvt_text_clean(clean, sizeof clean, line);

	int n = snprintf(text, sizeof text, "%s %s\n", time, clean);

	return cvt_file_write_all(w->log_fd, "log.txt", text, (size_t)n, err);
}

/* Text of a machine in a CSV without quotes. */
static void plain_field(char *out, size_t size, const char *text)
{
	cvt_text_clean(out, size, text);
	for (; *out != 0; out++)
		if (*out == ',' || *out == '"')
			*out = ' ';
}

int cvt_writer_machine(struct cvt_writer *w, const char *processor, const char *isa, const char *blas, int threads,
	const char *version, struct cvt_error *err)
{
	char time[32], part[4][160], row[800];
	const char *const texts[4] = {processor, isa, blas, version};
	struct cvt_append file;
	int status = cvt_writer_check_files(w, err);

	if (status == CVT_OK)
		status = cvt_append_open(&file, w->folder, "machine.csv", machine_header, err);
	if (status != CVT_OK)
		return status;
	stamp(time);
	for (int i = 0; i < 4; i++)
		plain_field(part[i], sizeof part[i], texts[i]);

	int n = snprintf(row, sizeof row, "%s,%s,%s,%s,%d,%s\n", time, part[0], part[1], part[2], threads, part[3]);

	status = cvt_append_row(&file, row, (size_t)n, err);
	cvt_append_close(&file);
	return status;
}

const char *cvt_writer_folder(const struct cvt_writer *w)
{
	return w->folder;
}
