/* prepare.c - from a run folder to a trainer that stands at its first batch. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "convtui/machine.h"
#include "convtui/text.h"
#include "data/batch.h"
#include "store/rows.h"
#include "train/prepare.h"
#include "train/schedule.h"
#include "train/trainer.h"

#define BAD_FILES_NAMED 20
#define CHECKPOINTS_FREE 3

/* How long pictures may be listed or decoded before the log, and a terminal that waits, are told. */
#define QUIET_SECONDS 2

struct preparing {
	struct cvt_trainer *t;
	double start;                                  /* monotonic */
	bool told_listing, told_decoding;
};

static void tell_progress(struct preparing *p, int done, int total, const char *what)
{
	bool *told = total > 0 ? &p->told_decoding : &p->told_listing;

	if (*told || cvt_clock_monotonic() - p->start < QUIET_SECONDS)
		return;
	*told = true;
	if (total > 0)
		cvt_shared_say(p->t->shared, CVT_RUNNER_NOTE, NULL, "%s: %d of %d pictures", what, done, total);
	else
		cvt_shared_say(p->t->shared, CVT_RUNNER_NOTE, NULL, "%s %s: %d pictures so far", what, p->t->config.data, done);
}

static bool progress(void *context, int done, int total, int bad, const char *what)
{
	struct preparing *p = context;
	struct cvt_trainer *t = p->t;
	struct cvt_error why;
	struct cvt_live *live = cvt_shared_live(t->shared);

	live->prepared = done;
	live->to_prepare = total;
	live->bad = bad;
	snprintf(live->reason, sizeof live->reason, "%s", what);
	cvt_shared_unlock(t->shared);
	tell_progress(p, done, total, what);
	/* A command that cannot be logged now stays in the inbox, for the first boundary. */
	if (cvt_trainer_take_commands(t, &why) < 0)
		cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "%s", why.message);
	return !t->stop && !cvt_shared_stopping(t->shared);
}

static int open_dataset(struct cvt_trainer *t, struct cvt_error *err)
{
	struct preparing preparing = {.t = t, .start = cvt_clock_monotonic()};
	const struct cvt_dataset_progress watch = {progress, &preparing};
	struct cvt_dataset_options options = cvt_dataset_options_of(&t->config);

	return cvt_dataset_open(&options, &watch, &t->dataset, err);
}

static void tell_warnings(struct cvt_trainer *t)
{
	const struct cvt_dataset *dataset = t->dataset;

	for (int i = 0; i < dataset->n_warnings; i++)
		cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "%s", dataset->warnings[i]);
	for (int i = 0; i < dataset->n_bad && i < BAD_FILES_NAMED; i++)
		cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "skipped %s: %s", dataset->bad[i].path, dataset->bad[i].reason);
	if (dataset->n_bad > BAD_FILES_NAMED)
		cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "and %d more: `convtui data` names them all", dataset->n_bad - BAD_FILES_NAMED);
	if (dataset->n_bad > 0)
		cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "%d bad file%s skipped", dataset->n_bad, dataset->n_bad == 1 ? "" : "s");
	struct cvt_live *live = cvt_shared_live(t->shared);

	live->bad = dataset->n_bad;
	cvt_shared_unlock(t->shared);
}

/* The rest of a run follows from its beginning only on the same pictures. A config.yaml that was cut may not say which; its checkpoint does. */
static int check_fingerprint(const struct cvt_trainer *t, bool found, struct cvt_error *err)
{
	char began_with[64];

	if (!cvt_yaml_value(t->config_text, "fingerprint", began_with, sizeof began_with)
		&& !(found && cvt_yaml_value(t->at.config, "fingerprint", began_with, sizeof began_with)))
		return CVT_OK;
	return cvt_same_pictures(began_with, t->dataset, t->config.data, "train a new run", err);
}

static int take_parts(struct cvt_trainer *t, struct cvt_error *err)
{
	const struct cvt_dataset *dataset = t->dataset;
	int batch = t->config.batch;
	int rc = cvt_part_pictures(dataset, CVT_PART_TRAIN, &t->pictures, &t->n_pictures, err);

	if (rc == CVT_OK)
		rc = cvt_part_pictures(dataset, CVT_PART_VAL, &t->validation, &t->n_validation, err);
	if (rc < 0)
		return rc;
	if (t->n_pictures == 0)
		return cvt_fail(err, CVT_ERR_RANGE, "%s: no picture is left to train on: lower val-fraction", t->config.data);
	t->order = malloc((size_t)t->n_pictures * sizeof *t->order);
	t->classes = calloc((size_t)dataset->n_classes, sizeof *t->classes);
	if (!t->order || !t->classes)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for the order of %d pictures", t->n_pictures);
	for (int i = 0; i < dataset->n_classes; i++)
		t->classes[i] = dataset->classes[i].name;
	t->batches_per_epoch = (t->n_pictures + batch - 1) / batch;
	/* A batch norm cannot tell anything from one value. */
	if (t->n_pictures % batch == 1 && batch > 1 && t->n_pictures > 1) {
		t->batches_per_epoch--;
		cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "the last batch of an epoch would be one picture: it joins the one before");
	}
	return CVT_OK;
}

/* A thread takes a stack and, once it allocates, an arena of malloc's: little memory, but this much of a limited address space. */
#define THREAD_ADDRESSES ((int64_t)72 << 20)

static int64_t memory_left(const struct cvt_trainer *t)
{
	int threads = t->config.threads > 0 ? t->config.threads : cvt_machine_processors(NULL);
	int64_t memory = cvt_machine_memory(NULL), addresses = cvt_machine_address_space(NULL);

	if (t->tuning.memory > 0)
		return t->tuning.memory;
	if (addresses < 0)
		return memory;
	/* The pool, and the thread that writes checkpoints. At least 1: 0 would be "unknown". */
	addresses -= (threads + 1) * THREAD_ADDRESSES;
	return addresses < 1 ? 1 : memory > 0 && memory < addresses ? memory : addresses;
}

static int make_network(struct cvt_trainer *t, struct cvt_error *err)
{
	struct cvt_network_options options = {.config = &t->config, .n_classes = t->dataset->n_classes};
	int last = t->n_pictures - (t->batches_per_epoch - 1) * t->config.batch, rc;

	options.train_batch = t->batches_per_epoch > 1 && last < t->config.batch ? t->config.batch : last;
	options.eval_batch = options.train_batch;
	options.memory = memory_left(t);
	rc = cvt_network_create(&options, &t->network, err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < t->dataset->n_classes; i++)
		t->network->weights[i] = (float)t->dataset->classes[i].weight;
	return CVT_OK;
}

static int check_disk(const struct cvt_trainer *t, struct cvt_error *err)
{
	int64_t bytes = cvt_network_state_bytes(t->network), free_bytes = cvt_machine_free_bytes(t->folder);

	if (free_bytes < 0 || free_bytes >= CHECKPOINTS_FREE * bytes)
		return CVT_OK;
	return cvt_fail(err, CVT_ERR_SPACE, "%s has %lld MB free, and %d checkpoints of %lld MB must fit: free some, or choose another folder "
		"with --runs", t->folder, (long long)(free_bytes >> 20), CHECKPOINTS_FREE, (long long)(bytes >> 20) + 1);
}

/* A run that was killed before its first checkpoint begins again. One that had a checkpoint would lose all its epochs by that: so say its page, which
 * tells of checkpoints once they are on the disk; its best, which comes after the checkpoint; or, where a page is new, rows of an epoch. */
static int check_none_is_missing(const struct cvt_trainer *t, struct cvt_error *err)
{
	char best[1100];
	int64_t batches, epochs, batch = cvt_shared_live(t->shared)->checkpoint_batch;
	bool has_best;
	int rc = cvt_path_join(best, sizeof best, t->folder, "best.safetensors", err);

	cvt_shared_unlock(t->shared);
	if (rc < 0)
		return rc;
	has_best = access(best, F_OK) == 0;
	cvt_writer_offsets(t->writer, &batches, &epochs);
	if (batch < 0 && !has_best && !(t->page_is_new && epochs > (int64_t)strlen(cvt_epochs_header)))
		return CVT_OK;
	return cvt_fail(err, CVT_ERR_NOT_FOUND, "checkpoint.safetensors is missing, and the run had one: put it back%s; `convtui train %s/config.yaml` begins "
		"anew, as another run", has_best ? ", or a copy of best.safetensors to go on from that" : "", t->folder);
}

/* Where the run stood, as the checkpoint's metadata say. Its strings point into the file, which lives on as *ret_file. */
static int read_checkpoint(struct cvt_trainer *t, const char *path, struct cvt_safetensors *ret_file, bool *ret_found,
	struct cvt_error *err)
{
	int rc;

	*ret_found = access(path, F_OK) == 0;
	if (!*ret_found && errno != ENOENT)
		return cvt_fail_errno(err, errno, "cannot look for %s", path);
	if (!*ret_found)
		return check_none_is_missing(t, err);
	rc = cvt_checkpoint_read(path, ret_file, &t->at, err);
	if (rc < 0)
		return rc;
	t->saved_batch = t->at.batch;
	t->saved_epoch = t->at.epoch;
	t->ever_saved = true;
	return CVT_OK;
}

static int check_checkpoint(const struct cvt_trainer *t, const struct cvt_checkpoint_state *at, const char *path, struct cvt_error *err)
{
	bool fits = at->n_classes == t->dataset->n_classes && at->batch_in_epoch >= 0 && at->batch_in_epoch <= t->batches_per_epoch
		&& at->batch == (int64_t)at->epoch * t->batches_per_epoch + at->batch_in_epoch;

	return fits ? CVT_OK : cvt_fail(err, CVT_ERR_FORMAT, "%s stands at batch %lld of epoch %d, which this run does not have: it is of "
		"another run", path, (long long)at->batch_in_epoch, at->epoch + 1);
}

/* config.yaml is text that anybody may edit, or a disk may cut: the rest of a run follows from its beginning only under the same options. Those that may
 * change on resume do so by a command, which is kept. The number of epochs may differ, and changes none that was trained; threads, which change no bit;
 * and paths: pictures may be elsewhere, and are the same by their fingerprint. */
static int check_options(const struct cvt_trainer *t, const char *path, struct cvt_error *err)
{
	char here[1024], there[1024], first[400] = "", more[40] = "";
	struct cvt_config saved;
	int n, n_differ = 0, rc;
	const struct cvt_option *rows = cvt_options(&n);

	cvt_config_init(&saved);
	rc = cvt_config_parse(&saved, t->at.config, strlen(t->at.config), path, err);
	for (int i = 0; rc == CVT_OK && i < n; i++) {
		cvt_config_get(&t->config, &rows[i], here, sizeof here);
		cvt_config_get(&saved, &rows[i], there, sizeof there);
		bool free_to = strcmp(rows[i].key, "threads") == 0 || strcmp(rows[i].key, "epochs") == 0 || rows[i].type == CVT_TYPE_PATH;

		if (free_to || strcmp(here, there) == 0 ||
			(!cvt_option_applies(&rows[i], t->config.arch) && !cvt_option_applies(&rows[i], saved.arch)))
			continue;
		if (n_differ++ == 0)
			snprintf(first, sizeof first, "%s is %.50s, and %.50s in its checkpoint", rows[i].key, here, there);
	}
	if (rc < 0 || n_differ == 0)
		return rc;
	if (n_differ > 1)
		snprintf(more, sizeof more, " (and %d more)", n_differ - 1);
	return cvt_fail(err, CVT_ERR_FORMAT, "config.yaml was changed: %s%s: set it back, or begin a run of these options: `convtui train %s/config.yaml`", first,
		more, t->folder);
}

static int load_init(struct cvt_trainer *t, struct cvt_error *err)
{
	struct cvt_safetensors file;
	int rc = cvt_safetensors_read(t->config.init, &file, err);

	if (rc < 0)
		return rc;
	rc = cvt_network_load(t->network, &file, t->config.init, false, err);
	cvt_safetensors_finish(&file);
	return rc;
}

/* What the metadata of the next checkpoint say of the run as a whole. */
static void describe_state(struct cvt_trainer *t)
{
	t->at.image_size = t->config.image_size;
	t->at.channels = t->config.channels;
	memcpy(t->at.mean, t->dataset->mean, sizeof t->at.mean);
	memcpy(t->at.std, t->dataset->std, sizeof t->at.std);
	t->at.n_classes = t->dataset->n_classes;
	t->at.classes = t->classes;
	t->at.config = t->config_text;
}

/* Of the next batch: where an evaluation comes first, that is of the next epoch. */
static void show_start(struct cvt_trainer *t)
{
	const struct cvt_config next = cvt_trainer_coming(t);
	int epoch = t->at.epoch + 1 + (t->at.batch_in_epoch == t->batches_per_epoch);
	struct cvt_live *live = cvt_shared_live(t->shared);

	live->parameters = cvt_graph_parameters(&t->network->model->graph);
	live->batch_size = t->config.batch;
	live->epochs = next.epochs;
	live->lr = cvt_schedule_lr(&next, epoch);
	live->epoch = t->at.epoch;
	live->batch = t->at.batch;
	live->batch_in_epoch = t->at.batch_in_epoch;
	live->batches_per_epoch = t->batches_per_epoch;
	live->best_epoch = t->at.best_epoch;
	live->best_val_accuracy = t->at.best_epoch > 0 ? t->at.best_val_accuracy : NAN;
	live->seconds = t->at.seconds;
	live->checkpoint_batch = t->saved_batch;
	live->threads = t->network->threads;
	live->train_images = t->n_pictures;
	live->val_images = t->n_validation;
	live->test_images = t->dataset->part_size[CVT_PART_TEST];
	live->reason[0] = 0;
	cvt_shared_unlock(t->shared);
}

static int write_config(struct cvt_trainer *t, const void *what, struct cvt_error *err)
{
	(void)what;
	return cvt_writer_file(t->writer, "config.yaml", t->config_text, strlen(t->config_text), err);
}

/* config.yaml gains the fingerprint as soon as it is known. */
static int note_fingerprint(struct cvt_trainer *t, struct cvt_error *err)
{
	char there[64], *text;

	if (cvt_yaml_value(t->config_text, "fingerprint", there, sizeof there))
		return CVT_OK;
	if (asprintf(&text, "%sfingerprint: %s\n", t->config_text, t->dataset->fingerprint) < 0)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for config.yaml");
	free(t->config_text);
	t->config_text = text;
	return cvt_trainer_insist(t, write_config, NULL, err);
}

static int note_machine(struct cvt_trainer *t, const void *what, struct cvt_error *err)
{
	char processor[128], blas[128];
	bool serial;

	(void)what;
	cvt_machine_name(NULL, processor, sizeof processor);
	cvt_machine_blas(blas, sizeof blas, &serial);
	return cvt_writer_machine(t->writer, processor, cvt_isa_name(t->config.isa == CVT_ISA_AUTO ? cvt_machine_best_isa() : t->config.isa),
		blas, t->network->threads, CVT_VERSION, err);
}

static int truncate_rows(struct cvt_trainer *t, const void *what, struct cvt_error *err)
{
	(void)what;
	return cvt_writer_truncate(t->writer, t->at.batches_offset, t->at.epochs_offset, err);
}

static int settle_best(struct cvt_trainer *t, const void *what, struct cvt_error *err)
{
	bool dropped;
	int rc = cvt_writer_check_files(t->writer, err);

	(void)what;
	if (rc == CVT_OK)
		rc = cvt_checkpoint_settle_best(t->folder, &t->at, &dropped, err);
	if (rc == CVT_OK && dropped)
		cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "best.safetensors was of a later batch than the checkpoint and is removed: what came "
			"after the checkpoint is trained again");
	return rc;
}

/* Everything that the folder gets before the first batch. */
static int write_start(struct cvt_trainer *t, bool found, struct cvt_error *err)
{
	int rc = cvt_trainer_insist(t, truncate_rows, NULL, err);

	if (rc == CVT_OK && found)
		rc = cvt_trainer_insist(t, settle_best, NULL, err);
	if (rc == CVT_OK)
		rc = note_fingerprint(t, err);
	if (rc == CVT_OK)
		rc = cvt_trainer_write_split(t, err);
	if (rc == CVT_OK)
		rc = cvt_trainer_insist(t, note_machine, NULL, err);
	return rc;
}

static int prepare(struct cvt_trainer *t, const char *path, struct cvt_safetensors *file, bool found, struct cvt_error *err)
{
	int rc = cvt_trainer_load_commands(t, err);

	/* The rate of an epoch that has yet to be evaluated, before a command that comes while pictures are prepared. */
	t->last_lr = cvt_schedule_lr(&t->config, t->at.epoch + 1);
	if (rc == CVT_OK)
		rc = cvt_trainer_check_changes(t, err);
	if (rc == CVT_OK)
		rc = open_dataset(t, err);
	if (rc < 0)
		return rc;
	tell_warnings(t);
	rc = check_fingerprint(t, found, err);
	if (rc == CVT_OK)
		rc = take_parts(t, err);
	if (rc == CVT_OK && found)
		rc = check_checkpoint(t, &t->at, path, err);
	if (rc == CVT_OK)
		rc = make_network(t, err);
	if (rc == CVT_OK)
		rc = check_disk(t, err);
	if (rc == CVT_OK && found)
		rc = cvt_network_load(t->network, file, path, true, err);
	else if (rc == CVT_OK && t->config.init[0])
		rc = load_init(t, err);
	if (rc == CVT_OK) {
		t->began = true;
		rc = write_start(t, found, err);
	}
	if (rc == CVT_OK)
		rc = cvt_trainer_take_changes(t, err);
	describe_state(t);
	return rc;
}

int cvt_trainer_prepare(struct cvt_trainer *t, struct cvt_error *err)
{
	struct cvt_safetensors file = {0};
	char path[1100];
	struct cvt_config next;
	bool found = false;
	int rc;

	cvt_shared_state(t->shared, CVT_STATE_PREPARING, "");
	t->saved_batch = -1;
	t->at.best_val_accuracy = NAN;
	rc = cvt_path_join(path, sizeof path, t->folder, "checkpoint.safetensors", err);
	if (rc == CVT_OK)
		rc = read_checkpoint(t, path, &file, &found, err);
	if (rc < 0)
		return rc;
	t->first_batch = t->at.batch;
	rc = found ? check_options(t, path, err) : CVT_OK;
	if (rc == CVT_OK)
		rc = prepare(t, path, &file, found, err);
	/* The file's text is gone with the file; describe_state has named our own instead, unless preparing failed. */
	cvt_safetensors_finish(&file);
	if (rc == CVT_OK)
		rc = cvt_checkpoint_writer_create(t->folder, t->writer, &t->saver, err);
	if (rc < 0)
		return rc;
	show_start(t);
	cvt_shared_say(t->shared, CVT_RUNNER_PREPARED, NULL, "%s", "");
	next = cvt_trainer_coming(t);
	if (found && !cvt_trainer_over(t, &next))
		cvt_shared_say(t->shared, CVT_RUNNER_NOTE, NULL, "goes on after batch %lld, in epoch %d", (long long)t->at.batch, t->at.epoch + 1);
	return CVT_OK;
}
