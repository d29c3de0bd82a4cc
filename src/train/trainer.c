/* trainer.c - the loop: batches, epochs, evaluation, until an end. */
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "data/batch.h"
#include "train/schedule.h"
#include "train/tables.h"

#define SAVE_SECONDS 600.0

static int write_batch(struct cvt_trainer *t, const void *what, struct cvt_error *err)
{
	return cvt_writer_batch(t->writer, what, err);
}

static int write_epoch(struct cvt_trainer *t, const void *what, struct cvt_error *err)
{
	return cvt_writer_epoch(t->writer, what, err);
}

static double median(const double *times, int n)
{
	double sorted[15];

	for (int i = 0; i < n; i++) {
		int k = i;

		for (; k > 0 && sorted[k - 1] > times[i]; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = times[i];
	}
	return n > 0 ? sorted[n / 2] : NAN;
}

/* After a batch of n pictures that took `seconds`. */
static void show_batch(struct cvt_trainer *t, int n, double seconds)
{
	const int room = sizeof t->times / sizeof t->times[0];

	t->times[t->n_times++ % room] = seconds;
	double middle = median(t->times, t->n_times < room ? t->n_times : room);
	struct cvt_live *live = cvt_shared_live(t->shared);

	live->batch = t->at.batch;
	live->batch_in_epoch = t->at.batch_in_epoch;
	live->lr = t->last_lr;
	live->seconds = t->at.seconds;
	live->batch_seconds = middle;
	live->images_per_second = middle > 0 ? n / middle : NAN;
	cvt_shared_unlock(t->shared);
}

static int diverged(struct cvt_trainer *t, const struct cvt_step_result *result, struct cvt_error *err)
{
	t->end = CVT_STATE_DIVERGED;
	return cvt_fail(err, CVT_ERR_RANGE, "%s is not finite in batch %lld (epoch %d, rate %g): take a lower rate%s",
		isfinite(result->loss) ? "a gradient" : "the loss", (long long)t->at.batch, t->at.epoch + 1, t->last_lr,
		t->ever_saved ? " from the last checkpoint, which is kept" : "");
}

static int train_batch(struct cvt_trainer *t, struct cvt_error *err)
{
	double began = cvt_clock_monotonic(), seconds;
	int first = t->at.batch_in_epoch * t->config.batch, epoch = t->at.epoch + 1;
	/* The last batch takes all that are left: fewer, or one more where a single one would have been left over. */
	int n = t->at.batch_in_epoch == t->batches_per_epoch - 1 ? t->n_pictures - first : t->config.batch;
	struct cvt_step_result result;
	struct cvt_batch_row row;
	int rc;

	if (t->order_epoch != epoch)
		cvt_epoch_order(t->pictures, t->n_pictures, t->config.seed, epoch, t->order);
	t->order_epoch = epoch;
	t->last_lr = cvt_schedule_lr(&t->config, epoch);
	rc = cvt_step_train(t->network, t->dataset, &(struct cvt_step_options){.pictures = t->order + first, .n = n, .batch = t->at.batch,
		.epoch = epoch, .flip = t->config.augment == CVT_AUGMENT_FLIP, .seed = t->config.seed, .lr = t->last_lr,
		.momentum = t->config.momentum, .weight_decay = t->config.weight_decay}, &result, err);
	if (rc < 0)
		return rc;
	if (!result.finite)
		return diverged(t, &result, err);
	seconds = cvt_clock_monotonic() - began;
	row = (struct cvt_batch_row){.batch = t->at.batch, .epoch = epoch, .images = n, .correct = result.correct, .loss = result.loss,
		.lr = t->last_lr, .seconds = seconds};
	t->at.batch++;
	t->at.batch_in_epoch++;
	t->at.epoch_loss_sum += result.loss;
	t->at.epoch_correct += result.correct;
	t->at.epoch_images += n;
	t->at.epoch_seconds += seconds;
	t->at.seconds += seconds;
	t->trained_seconds += seconds;
	show_batch(t, n, seconds);
	return cvt_trainer_insist(t, write_batch, &row, err);
}

struct watch { struct cvt_trainer *t; FILE *errors; };

static bool evaluated(void *context, int done, int total)
{
	struct cvt_trainer *t = ((struct watch *)context)->t;
	struct cvt_live *live = cvt_shared_live(t->shared);

	live->evaluated = done;
	live->to_evaluate = total;
	cvt_shared_unlock(t->shared);
	if (t->tuning.evaluating)
		t->tuning.evaluating(t->tuning.context, done);
	return done == total || !cvt_shared_stopping(t->shared);
}

static void note_error(void *context, int picture, int truth, int predicted, const float *probabilities)
{
	struct watch *watch = context;
	const struct cvt_trainer *t = watch->t;
	char probability[24];

	if (truth == predicted)
		return;
	cvt_table_field(watch->errors, t->dataset->pictures[picture].path);
	fputc(',', watch->errors);
	cvt_table_field(watch->errors, t->classes[truth]);
	fputc(',', watch->errors);
	cvt_table_field(watch->errors, t->classes[predicted]);
	snprintf(probability, sizeof probability, ",%.6f\n", (double)probabilities[predicted]);
	fputs(probability, watch->errors);
}

/* The validation part, and its two tables. Without such a part both numbers are NaN. */
static int evaluate(struct cvt_trainer *t, struct cvt_pass *pass, struct cvt_error *err)
{
	struct watch watch = {.t = t};
	const struct cvt_pass_options options = {.pictures = t->validation, .n = t->n_validation, .progress = evaluated,
		.picture = note_error, .context = &watch};
	char *text = NULL;
	size_t size = 0;
	bool written;
	int rc;

	if (t->n_validation == 0)
		return CVT_OK;
	watch.errors = open_memstream(&text, &size);
	if (!watch.errors)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for errors.csv");
	fputs("path,true,predicted,probability\n", watch.errors);
	cvt_shared_state(t->shared, CVT_STATE_EVALUATING, "");
	rc = cvt_pass_run(t->network, t->dataset, &options, pass, err);
	written = !ferror(watch.errors);
	written &= fclose(watch.errors) == 0;
	if (rc == CVT_OK && !written)
		rc = cvt_fail(err, CVT_ERR_MEMORY, "no memory for errors.csv");
	if (rc == CVT_OK)
		rc = cvt_trainer_write_tables(t, pass, text, size, err);
	free(text);
	return rc;
}

static void show_epoch(struct cvt_trainer *t, const struct cvt_epoch_row *row)
{
	struct cvt_live *live = cvt_shared_live(t->shared);

	live->state = CVT_STATE_TRAINING;
	live->epoch = t->at.epoch;
	live->batch_in_epoch = 0;
	live->loss = row->loss;
	live->train_accuracy = row->train_accuracy;
	live->val_loss = row->val_loss;
	live->val_accuracy = row->val_accuracy;
	live->best_epoch = t->at.best_epoch;
	live->best_val_accuracy = t->at.best_epoch > 0 ? t->at.best_val_accuracy : NAN;
	live->seconds = t->at.seconds;
	live->evaluated = live->to_evaluate = 0;
	cvt_shared_unlock(t->shared);
	cvt_shared_say(t->shared, CVT_RUNNER_EPOCH, row, "%s", "");
}

/* The run moves on to the next epoch. Best is the first that reached the highest accuracy. */
static bool close_epoch(struct cvt_trainer *t, double val_accuracy)
{
	bool best = !isnan(val_accuracy) && (t->at.best_epoch == 0 || val_accuracy > t->at.best_val_accuracy);

	t->at.epoch++;
	t->at.batch_in_epoch = 0;
	t->at.epoch_loss_sum = t->at.epoch_seconds = 0;
	t->at.epoch_correct = t->at.epoch_images = 0;
	t->at.epochs_without_better++;
	if (best) {
		t->at.best_epoch = t->at.epoch;
		t->at.best_val_accuracy = val_accuracy;
		t->at.epochs_without_better = 0;
	}
	return best;
}

static int finish_epoch(struct cvt_trainer *t, struct cvt_error *err)
{
	double began = cvt_clock_monotonic(), seconds;
	struct cvt_epoch_row row;
	struct cvt_pass pass;
	bool best;
	int rc = cvt_trainer_check(t, err);      /* rows and the best epoch are of networks that work */

	if (rc < 0)
		return rc;
	rc = cvt_pass_init(&pass, t->network->n_classes, err);
	if (rc == CVT_OK)
		rc = evaluate(t, &pass, err);
	seconds = cvt_clock_monotonic() - began;
	row = (struct cvt_epoch_row){.epoch = t->at.epoch + 1, .loss = t->at.epoch_loss_sum / t->batches_per_epoch,
		.train_accuracy = 100.0 * (double)t->at.epoch_correct / (double)t->at.epoch_images, .val_loss = cvt_pass_loss(&pass),
		.val_accuracy = cvt_pass_accuracy(&pass), .lr = t->last_lr, .seconds = t->at.epoch_seconds + seconds};
	cvt_pass_finish(&pass);
	if (rc == CVT_OK)
		rc = cvt_trainer_insist(t, write_epoch, &row, err);
	if (rc < 0)
		return rc;
	t->at.seconds += seconds;
	t->trained_seconds += seconds;
	best = close_epoch(t, row.val_accuracy);
	show_epoch(t, &row);
	return best || !cvt_trainer_may_skip(t) ? cvt_trainer_save(t, best, err) : CVT_OK;
}

bool cvt_trainer_over(const struct cvt_trainer *t, const struct cvt_config *config)
{
	return t->at.batch_in_epoch == 0 && (t->at.epoch >= config->epochs
		|| (config->patience > 0 && t->at.epochs_without_better >= config->patience));
}

static bool is_over(const struct cvt_trainer *t)
{
	return cvt_trainer_over(t, &t->config);
}

/* Over before all epochs are trained. */
static bool lost_patience(const struct cvt_trainer *t)
{
	return is_over(t) && t->at.epoch < t->config.epochs;
}

static bool should_stop(struct cvt_trainer *t)
{
	return t->stop || cvt_shared_stopping(t->shared)
		|| (t->stop_after_epoch > 0 && t->at.batch_in_epoch == 0 && t->at.epoch >= t->stop_after_epoch);
}

/* Ends the run here and now, all work saved; or not, when meanwhile more epochs are asked for. */
static int end(struct cvt_trainer *t, enum cvt_state state, struct cvt_error *err)
{
	int rc = CVT_OK;

	if (t->at.batch > 0 && (t->saved_batch != t->at.batch || t->saved_epoch != t->at.epoch || t->save_wanted))
		rc = cvt_trainer_save(t, false, err);
	if (rc == CVT_OK)
		rc = cvt_trainer_settle(t, true, err);
	/* What came while that was saved: a second stop must not wait for the next resume, to end it. */
	if (rc == CVT_OK) {
		cvt_shared_ask_look(t->shared);
		rc = cvt_trainer_take_commands(t, err);
	}
	if (rc == CVT_OK && (state != CVT_STATE_DONE || is_over(t) || should_stop(t)))
		t->end = state;
	return rc;
}

/* Saves what a command or a pause asked for, and so much of an epoch of hours that a crash would cost no more than minutes. */
static int save_here(struct cvt_trainer *t, struct cvt_error *err)
{
	bool saved = t->saved_batch == t->at.batch && t->saved_epoch == t->at.epoch;
	double limit = t->tuning.save_seconds > 0 ? t->tuning.save_seconds : SAVE_SECONDS;
	bool wanted = t->save_wanted || t->paused || cvt_clock_monotonic() - t->save_time > limit;

	t->save_wanted = false;
	return wanted && !saved && t->at.batch > 0 ? cvt_trainer_save(t, false, err) : CVT_OK;
}

/* Between two batches: commands, pause, checkpoints, and whether to end. */
static int boundary(struct cvt_trainer *t, struct cvt_error *err)
{
	int rc = CVT_OK;

	if (t->tuning.boundary)
		t->tuning.boundary(t->tuning.context, t->at.batch);
	rc = cvt_trainer_replay(t, err);
	if (rc < 0)
		return rc;
	for (;;) {
		rc = cvt_trainer_take_commands(t, err);
		if (rc == CVT_OK && is_over(t)) {
			if (t->at.batch == t->first_batch)
				cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "nothing is left to train%s: resume it with more %s",
					t->changes_dropped ? ", and nothing was changed" : "", lost_patience(t) ? "patience (0: no limit)" : "epochs");
			rc = end(t, CVT_STATE_DONE, err);
			if (rc < 0 || t->end != CVT_STATE_TRAINING)
				return rc;
			continue;
		}
		if (rc == CVT_OK && should_stop(t))
			return end(t, CVT_STATE_STOPPED, err);
		if (rc == CVT_OK)
			rc = save_here(t, err);
		if (rc == CVT_OK)
			rc = cvt_trainer_settle(t, t->paused, err);
		if (rc < 0 || !t->paused)
			break;
		cvt_shared_state(t->shared, CVT_STATE_PAUSED, "");
		cvt_shared_sleep(t->shared, -1, true);
	}
	cvt_shared_state(t->shared, CVT_STATE_TRAINING, "");
	return rc;
}

static int train(struct cvt_trainer *t, struct cvt_error *err)
{
	int rc = CVT_OK;

	while (rc == CVT_OK && t->end == CVT_STATE_TRAINING) {
		if (t->at.batch_in_epoch == t->batches_per_epoch) {
			rc = finish_epoch(t, err);
			/* A stop does not wait for an evaluation: resume begins with it. */
			if (rc == CVT_ERR_CANCELLED)
				rc = end(t, CVT_STATE_STOPPED, err);
			continue;
		}
		rc = boundary(t, err);
		if (rc == CVT_OK && t->end == CVT_STATE_TRAINING)
			rc = train_batch(t, err);
	}
	return rc;
}

/* A failure leaves the checkpoints as they are; one under way is waited for. */
static void fail(struct cvt_trainer *t, int rc, const struct cvt_error *why)
{
	char reason[sizeof t->shared->live.reason];
	int64_t batch;

	if (t->saver)
		(void)!cvt_checkpoint_status(t->saver, true, &batch, NULL);
	cvt_error_text(why, reason, sizeof reason);
	if (rc == CVT_ERR_CANCELLED)
		t->end = CVT_STATE_STOPPED;
	else if (t->end != CVT_STATE_DIVERGED)
		t->end = CVT_STATE_FAILED;
	cvt_shared_state(t->shared, t->end, t->end == CVT_STATE_STOPPED ? "" : reason);
}

/* A run that is done says why where it has not trained all of its epochs. */
static void finish_run(struct cvt_trainer *t)
{
	int n = t->at.epochs_without_better;
	char why[128] = "";

	if (t->end == CVT_STATE_DONE && lost_patience(t)) {
		snprintf(why, sizeof why, "patience: no better validation accuracy in %d epoch%s", n, n == 1 ? "" : "s");
		if (t->at.batch > t->first_batch)
			cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "ends after epoch %d of %d: %s", t->at.epoch, t->config.epochs, why);
	}
	cvt_shared_state(t->shared, t->end, why);
}

void *cvt_trainer_thread(void *context)
{
	struct cvt_trainer *t = context;
	struct cvt_error why = {0};
	int rc;

	t->end = CVT_STATE_TRAINING;
	t->save_time = cvt_clock_monotonic();
	rc = cvt_trainer_prepare(t, &why);
	if (rc == CVT_OK)
		rc = train(t, &why);
	if (rc < 0)
		fail(t, rc, &why);
	else
		finish_run(t);
	cvt_shared_end(t->shared);
	return NULL;
}

void cvt_trainer_finish(struct cvt_trainer *t)
{
	cvt_checkpoint_writer_destroy(t->saver);
	cvt_network_destroy(t->network);
	cvt_dataset_close(t->dataset);
	free(t->classes);
	free(t->pictures);
	free(t->order);
	free(t->validation);
	free(t->replay);
	free(t->config_text);
}
