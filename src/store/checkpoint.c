/* checkpoint.c - see store/checkpoint.h.
 *
 * Order of one checkpoint: checkpoint.safetensors.tmp written and fsynced; renamed to checkpoint.safetensors; the folder fsynced; when it is
 * the best: linked as best.safetensors (by rename of a second name) and the folder fsynced. The checkpoint comes first: a best of a batch that
 * no checkpoint has reached would outlive a resume that goes another way, and the best before it would be gone. After a crash between the
 * two, the checkpoint says that it is the best, and cvt_checkpoint_settle_best gives it the name. */
#include "store/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "convtui/text.h"
#include "store/checkpoint_state.h"
#include "store/safetensors_private.h"
#include "store/writer.h"

static const char checkpoint_name[] = "checkpoint.safetensors", best_name[] = "best.safetensors";

struct job {
	char *state;                           /* JSON */
	struct cvt_array *arrays;              /* names and data point into `bytes` */
	int n_arrays;
	char *bytes; size_t capacity;          /* kept for the next checkpoint */
	int64_t batch;
	bool best;
	bool written;                          /* it has reached the disk */
};

struct cvt_checkpoint_writer {
	char folder[1024];                     /* [I] */
	const struct cvt_writer *owner;        /* [I] NULL: nobody's */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool writing, stop;                    /* [L lock]; `writing` hands the job over: the thread's while it is true */
	struct job job;
	int64_t newest;                        /* [L lock] batch of the newest whole checkpoint, -1: none by this writer */
	int failed;                            /* [L lock] of the last write, until it is reported */
	struct cvt_error failure;              /* [L lock] */
};

/* Where there are no hard links: a second file. */
static int copy_best(const char *path, const char *best, struct cvt_error *err)
{
	char *bytes;
	size_t size;
	int status = cvt_file_read(path, SIZE_MAX / 2, &bytes, &size, err);

	if (status != CVT_OK)
		return status;
	status = cvt_file_replace(best, bytes, size, err);
	free(bytes);
	return status;
}

/* Gives the checkpoint its second name. */
static int link_best(const char *folder, const char *path, struct cvt_error *err)
{
	char second[1300], best[1200];
	int status = cvt_path_join(best, sizeof best, folder, best_name, err);

	if (status != CVT_OK)
		return status;
	snprintf(second, sizeof second, "%s.tmp", best);
	unlink(second);
	status = cvt_file_link(path, second, err);
	if (status == CVT_ERR_UNSUPPORTED)
		return copy_best(path, best, err);
	if (status == CVT_OK)
		status = cvt_file_rename(second, best, err);
	if (status != CVT_OK)
		unlink(second);
	return status == CVT_OK ? cvt_folder_sync(folder, err) : status;
}

/* Rows go to the files that were opened: a checkpoint in another folder that has the run's name now, or beside other rows, would not fit them. */
static int check_owner(const struct cvt_checkpoint_writer *w, struct cvt_error *err)
{
	return w->owner == NULL ? CVT_OK : cvt_writer_check_files(w->owner, err);
}

static int write_job(const struct cvt_checkpoint_writer *w, struct cvt_error *err)
{
	char path[1200], temporary[1300], sum[16];
	int status = cvt_path_join(path, sizeof path, w->folder, checkpoint_name, err);

	if (status != CVT_OK)
		return status;
	snprintf(temporary, sizeof temporary, "%s.tmp", path);
	snprintf(sum, sizeof sum, "%08" PRIx32, cvt_crc32c(0, w->job.state, strlen(w->job.state)));

	const struct cvt_pair pairs[] = {{"format", "pt"}, {"convtui_state", w->job.state}, {"convtui_state_checksum", sum}};

	status = check_owner(w, err);
	if (status != CVT_OK)
		return status;
	status = cvt_safetensors_write_new(temporary, w->job.arrays, w->job.n_arrays, pairs, 3, err);
	if (status == CVT_OK)
		status = check_owner(w, err);      /* that took its time */
	if (status == CVT_OK)
		status = cvt_file_rename(temporary, path, err);
	if (status != CVT_OK) {
		unlink(temporary);
		return status;
	}
	status = cvt_folder_sync(w->folder, err);
	return status == CVT_OK && w->job.best ? link_best(w->folder, path, err) : status;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

/* Is the best of a batch that the checkpoint has yet to reach? One that cannot be read is not judged. */
static bool is_ahead(const char *best, int64_t batch)
{
	struct cvt_checkpoint_state state;
	struct cvt_safetensors file;

	if (access(best, F_OK) != 0 || cvt_checkpoint_read(best, &file, &state, NULL) != CVT_OK)
		return false;
	cvt_safetensors_finish(&file);
	return state.batch > batch;
}

int cvt_checkpoint_settle_best(const char *folder, const struct cvt_checkpoint_state *at, bool *ret_dropped, struct cvt_error *err)
{
	char path[1200], best[1200];
	int status = cvt_path_join(path, sizeof path, folder, checkpoint_name, err);

	if (status == CVT_OK)
		status = cvt_path_join(best, sizeof best, folder, best_name, err);
	if (status != CVT_OK)
		return status;
	*ret_dropped = false;
	if (same_file(path, best))
		return CVT_OK;
	if (at->best_epoch > 0 && at->best_epoch == at->epoch && at->batch_in_epoch == 0)
		return link_best(folder, path, err);
	if (!is_ahead(best, at->batch))
		return CVT_OK;
	if (unlink(best) != 0)
		return cvt_fail_errno(err, errno, "cannot remove %s, which is of a later batch than the checkpoint", best);
	*ret_dropped = true;
	return cvt_folder_sync(folder, err);
}

static void *writer_main(void *argument)
{
	struct cvt_checkpoint_writer *w = argument;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->writing && !w->stop)
			pthread_cond_wait(&w->changed, &w->lock);
		if (!w->writing)
			break;
		pthread_mutex_unlock(&w->lock);

		struct cvt_error err;
		int status = write_job(w, &err);

		pthread_mutex_lock(&w->lock);
		w->failed = status;
		w->job.written = status == CVT_OK;
		if (status == CVT_OK)
			w->newest = w->job.batch;
		else
			w->failure = err;
		w->writing = false;
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int cvt_checkpoint_writer_create(const char *folder, const struct cvt_writer *owner, struct cvt_checkpoint_writer **ret_writer, struct cvt_error *err)
{
	struct cvt_checkpoint_writer *w = calloc(1, sizeof *w);
	sigset_t all, before;

	if (w == NULL)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for the writer of checkpoints");
	if ((size_t)snprintf(w->folder, sizeof w->folder, "%s", folder) >= sizeof w->folder) {
		free(w);
		return cvt_fail(err, CVT_ERR_RANGE, "path too long: %.100s...", folder);
	}
	w->owner = owner;
	w->newest = -1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);

	int failed = pthread_create(&w->thread, NULL, writer_main, w);

	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed != 0) {
		pthread_cond_destroy(&w->changed);
		pthread_mutex_destroy(&w->lock);
		free(w);
		return cvt_fail_errno(err, failed, "cannot start the thread that writes checkpoints");
	}
	*ret_writer = w;
	return CVT_OK;
}

static void finish_job(struct job *job)
{
	free(job->state);
	free(job->arrays);
	free(job->bytes);
	memset(job, 0, sizeof *job);
}

void cvt_checkpoint_writer_destroy(struct cvt_checkpoint_writer *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	finish_job(&w->job);
	free(w);
}

/* Waits for the write under way and hands over its failure, once. */
static int settle(struct cvt_checkpoint_writer *w, bool wait, bool *ret_writing, int64_t *ret_newest, struct cvt_error *err)
{
	int status;

	pthread_mutex_lock(&w->lock);
	while (wait && w->writing)
		pthread_cond_wait(&w->changed, &w->lock);
	*ret_writing = w->writing;
	*ret_newest = w->newest;
	status = w->writing ? CVT_OK : w->failed;
	if (status != CVT_OK) {
		w->failed = CVT_OK;
		if (err != NULL)
			*err = w->failure;
	}
	pthread_mutex_unlock(&w->lock);
	return status;
}

/* Copies the arrays and their names into one block. */
static int copy_arrays(struct job *job, const struct cvt_array *arrays, int n, struct cvt_error *err)
{
	size_t total = 0;

	for (int i = 0; i < n; i++) {
		int64_t bytes = cvt_array_bytes(&arrays[i]);

		if (bytes < 0 || __builtin_add_overflow(total, (size_t)bytes + strlen(arrays[i].name) + 1 + 64, &total))
			return cvt_fail(err, CVT_ERR_RANGE, "array %s: not a shape that can be written", arrays[i].name);
	}
	free(job->arrays);
	job->arrays = calloc((size_t)n + 1, sizeof *job->arrays);
	if (job->capacity < total) {
		free(job->bytes);
		job->bytes = aligned_alloc(64, (total + 63) / 64 * 64);
		job->capacity = job->bytes == NULL ? 0 : total;
	}
	if (job->arrays == NULL || (job->bytes == NULL && total > 0))
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for a copy of %zu MB to write as a checkpoint", total >> 20);

	size_t at = 0;

	for (int i = 0; i < n; i++) {
		size_t bytes = (size_t)cvt_array_bytes(&arrays[i]), name = strlen(arrays[i].name) + 1;

		job->arrays[i] = arrays[i];
		job->arrays[i].data = job->bytes + at;
		if (bytes > 0)
			memcpy(job->bytes + at, arrays[i].data, bytes);
		at += (bytes + 7) / 8 * 8;
		job->arrays[i].name = job->bytes + at;
		memcpy(job->bytes + at, arrays[i].name, name);
		at += (name + 7) / 8 * 8;
	}
	job->n_arrays = n;
	return CVT_OK;
}

/* Hands the job to the thread. */
static void start(struct cvt_checkpoint_writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->writing = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

int cvt_checkpoint_begin(struct cvt_checkpoint_writer *w, const struct cvt_array *arrays, int n_arrays,
	const struct cvt_checkpoint_state *state, bool best, struct cvt_error *err)
{
	bool writing;
	int64_t newest;
	int status = settle(w, true, &writing, &newest, err);

	if (status != CVT_OK)
		return status;
	/* Without a state the job is no whole copy, and is not written again. */
	free(w->job.state);
	w->job.state = NULL;
	status = copy_arrays(&w->job, arrays, n_arrays, err);
	if (status != CVT_OK)
		return status;
	w->job.state = cvt_checkpoint_state_text(state);
	if (w->job.state == NULL)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for the state of a checkpoint");
	w->job.batch = state->batch;
	w->job.best = best;
	w->job.written = false;
	start(w);
	return CVT_OK;
}

int cvt_checkpoint_retry(struct cvt_checkpoint_writer *w, struct cvt_error *err)
{
	bool writing;
	int64_t newest;
	int status = settle(w, true, &writing, &newest, err);

	if (status == CVT_OK && w->job.state != NULL && !w->job.written)
		start(w);
	return status;
}

int cvt_checkpoint_status(struct cvt_checkpoint_writer *w, bool wait, int64_t *ret_batch, struct cvt_error *err)
{
	bool writing;
	int64_t newest;
	int status = settle(w, wait, &writing, &newest, err);

	if (status != CVT_OK)
		return status;
	if (writing)
		return 1;
	if (ret_batch != NULL)
		*ret_batch = newest;
	return 0;
}

int cvt_checkpoint_read(const char *path, struct cvt_safetensors *ret_file, struct cvt_checkpoint_state *ret_state,
	struct cvt_error *err)
{
	struct cvt_safetensors file;
	struct cvt_checkpoint_state state;
	char mine[16];
	int status = cvt_safetensors_read(path, &file, err);

	if (status != CVT_OK)
		return status;

	const char *text = cvt_safetensors_metadata(&file, "convtui_state"), *sum = cvt_safetensors_metadata(&file, "convtui_state_checksum");
	const char *data = cvt_safetensors_metadata(&file, "checksum");

	if (text == NULL || sum == NULL || data == NULL || strncmp(data, "crc32c:", 7) != 0) {
		status = cvt_fail(err, CVT_ERR_FORMAT, "%s is not a checkpoint of convtui: it has no state and checksum", path);
	} else {
		snprintf(mine, sizeof mine, "%08" PRIx32, cvt_crc32c(0, text, strlen(text)));
		status = strcmp(sum, mine) != 0 ? cvt_fail(err, CVT_ERR_FORMAT, "%s: wrong checksum of its state: the file is damaged", path) :
			cvt_checkpoint_state_parse(text, path, &file, &state, err);
	}
	if (status != CVT_OK) {
		cvt_safetensors_finish(&file);
		return status;
	}
	*ret_file = file;
	*ret_state = state;
	return CVT_OK;
}
