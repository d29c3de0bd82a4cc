/* saving.c - what must reach the disk: rows, checkpoints, and waiting for a disk that is full. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "train/trainer.h"

#define RETRY_SECONDS 5.0
#define STALL_SHARE 0.02

/* Failures of the disk, which a person can mend while the run waits. */
static bool may_pass(int rc)
{
	return rc == CVT_ERR_SPACE || rc == CVT_ERR_IO || rc == CVT_ERR_PERMISSION || rc == CVT_ERR_MEMORY;
}

/* Waits for the next try. True: a stop was asked for, by a signal or from the inbox. What else is in the inbox waits for the next boundary; a stop
 * cannot wait for a disk that may never have room again. It is removed unlogged where it cannot be logged: resume must not find it. */
static bool wait_for_retry(struct cvt_trainer *t, double seconds)
{
	double until = cvt_clock_monotonic() + seconds, now;
	bool stop = false;

	while (!stop && (now = cvt_clock_monotonic()) < until) {
		cvt_shared_sleep(t->shared, until - now, true);
		if (cvt_shared_stopping(t->shared))
			return true;
		if (cvt_shared_look(t->shared) || t->tuning.always_look)
			stop = cvt_writer_take_stop(t->writer, t->at.batch);
	}
	return stop;
}

int cvt_trainer_insist(struct cvt_trainer *t, cvt_save_fn *save, const void *what, struct cvt_error *err)
{
	double retry = t->tuning.retry_seconds > 0 ? t->tuning.retry_seconds : RETRY_SECONDS;
	enum cvt_state before = CVT_STATE_TRAINING;
	struct cvt_error why;
	bool blocked = false, stop = false;
	int rc;

	while ((rc = save(t, what, &why)) < 0) {
		if (rc == CVT_ERR_NOT_FOUND)
			return cvt_fail(err, rc, "%s: the run's folder is gone", why.message);
		if (!may_pass(rc))
			return cvt_fail(err, rc, "%s", why.message);
		if (stop || cvt_shared_stopping(t->shared))
			return cvt_fail(err, rc, "stopped while it could not write (%s): resume goes on from the last checkpoint", why.message);
		if (!blocked) {
			before = cvt_shared_live(t->shared)->state;
			cvt_shared_unlock(t->shared);
			cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "training waits, and tries again every %g s: %s", retry, why.message);
		}
		blocked = true;
		cvt_shared_state(t->shared, CVT_STATE_BLOCKED, why.message);
		stop = wait_for_retry(t, retry);
	}
	if (blocked) {
		t->stop |= stop;                     /* taken, and then it could write after all */
		cvt_shared_ask_look(t->shared);      /* what else came meanwhile */
		cvt_shared_state(t->shared, before, "");
		cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "writing works again: training goes on");
	}
	return CVT_OK;
}

static int sync_rows(struct cvt_trainer *t, const void *what, struct cvt_error *err)
{
	(void)what;
	return cvt_writer_sync(t->writer, err);
}

struct begin { const struct cvt_array *arrays; int n; bool best; };

static int begin_checkpoint(struct cvt_trainer *t, const void *what, struct cvt_error *err)
{
	const struct begin *begin = what;

	return cvt_checkpoint_begin(t->saver, begin->arrays, begin->n, &t->at, begin->best, err);
}

static bool all_finite(const struct cvt_array *arrays, int n)
{
	for (int i = 0; i < n; i++) {
		const float *values = arrays[i].data;
		size_t count = 1;

		for (int d = 0; d < arrays[i].n_dims; d++)
			count *= (size_t)arrays[i].dims[d];
		for (size_t k = 0; k < count; k++)
			if (!isfinite(values[k]))
				return false;
	}
	return true;
}

/* The arrays of a checkpoint, all finite: finite gradients can still make weights that are not, and a checkpoint of those would take the place of the
 * last good one. */
static int finite_arrays(struct cvt_trainer *t, struct cvt_array **ret_arrays, int *ret_n, struct cvt_error *err)
{
	int rc = cvt_network_arrays(t->network, ret_arrays, ret_n, err);

	if (rc < 0 || all_finite(*ret_arrays, *ret_n))
		return rc;
	free(*ret_arrays);
	t->end = CVT_STATE_DIVERGED;
	return cvt_fail(err, CVT_ERR_RANGE, "a weight is not finite after batch %lld: take a lower rate%s", (long long)t->at.batch,
		t->ever_saved ? " from the last checkpoint, which is kept" : "");
}

int cvt_trainer_check(struct cvt_trainer *t, struct cvt_error *err)
{
	struct cvt_array *arrays;
	int n, rc = finite_arrays(t, &arrays, &n, err);

	if (rc == CVT_OK)
		free(arrays);
	return rc;
}

int cvt_trainer_save(struct cvt_trainer *t, bool best, struct cvt_error *err)
{
	double began = cvt_clock_monotonic();
	struct begin begin = {.best = best};
	struct cvt_array *arrays = NULL;
	int rc = cvt_trainer_settle(t, true, err);

	if (rc == CVT_OK)
		rc = finite_arrays(t, &arrays, &begin.n, err);
	if (rc < 0)
		return rc;
	begin.arrays = arrays;
	rc = cvt_trainer_insist(t, sync_rows, NULL, err);
	cvt_writer_offsets(t->writer, &t->at.batches_offset, &t->at.epochs_offset);
	if (rc == CVT_OK)
		rc = cvt_trainer_insist(t, begin_checkpoint, &begin, err);
	free(arrays);
	if (rc < 0)
		return rc;
	t->saved_batch = t->at.batch;
	t->saved_epoch = t->at.epoch;
	t->ever_saved = true;
	t->save_wanted = false;
	t->save_time = cvt_clock_monotonic();
	t->last_stall = t->save_time - began;
	t->stall += t->last_stall;
	return CVT_OK;
}

bool cvt_trainer_may_skip(const struct cvt_trainer *t)
{
	return t->ever_saved && t->stall + t->last_stall > STALL_SHARE * t->trained_seconds;
}

static int wait_for_checkpoint(struct cvt_trainer *t, bool wait, int64_t *ret_batch, bool *ret_busy, struct cvt_error *err)
{
	int rc = cvt_checkpoint_status(t->saver, wait, ret_batch, err);

	*ret_busy = rc == 1;
	return rc < 0 ? rc : CVT_OK;
}

/* Tries the checkpoint that failed again, from the copy that was taken then, and waits for it. */
static int retry_checkpoint(struct cvt_trainer *t, const void *what, struct cvt_error *err)
{
	int64_t batch;
	bool busy;
	int rc = cvt_checkpoint_retry(t->saver, err);

	(void)what;
	return rc < 0 ? rc : wait_for_checkpoint(t, true, &batch, &busy, err);
}

/* The first failure has been reported already: insist begins with it. */
struct failure { bool told; struct cvt_error why; };

static int told_or_retry(struct cvt_trainer *t, const void *what, struct cvt_error *err)
{
	struct failure *failure = (struct failure *)(uintptr_t)what;

	if (failure->told)
		return retry_checkpoint(t, NULL, err);
	failure->told = true;
	return cvt_fail(err, failure->why.code, "%s", failure->why.message);
}

int cvt_trainer_settle(struct cvt_trainer *t, bool wait, struct cvt_error *err)
{
	struct failure failure = {0};
	int64_t batch = -1;
	bool busy = false;
	int rc = wait_for_checkpoint(t, wait, &batch, &busy, &failure.why);

	if (rc < 0) {
		rc = cvt_trainer_insist(t, told_or_retry, &failure, err);
		if (rc == CVT_OK)
			rc = wait_for_checkpoint(t, true, &batch, &busy, err);
	}
	if (rc < 0 || busy)
		return rc;
	struct cvt_live *live = cvt_shared_live(t->shared);

	if (batch >= 0 && batch != live->checkpoint_batch) {
		live->checkpoint_batch = batch;
		live->checkpoint_time = cvt_clock_wall();
	}
	cvt_shared_unlock(t->shared);
	return CVT_OK;
}
