/* predict.c - the classes of pictures. A group is decoded on all threads, each with a sandbox of its own, then evaluated batch by batch. */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/file.h"
#include "convtui/model.h"
#include "data/batch.h"
#include "data/prepare.h"
#include "nn/loss.h"
#include "train/trained.h"

/* A thread that is done waits for the others' last pictures: the more of them in a group, the less that weighs. */
enum { GROUP = 32, GROUP_OF_THREAD = 4, GROUP_BYTES = 64 << 20 };

struct cvt_predictor {
	struct cvt_trained trained;
	struct cvt_plan *alone;           /* for one picture: the bits of the batch's plan in less time and memory */
	float levels[3][256];             /* what a byte becomes, by channel */
	size_t picture_bytes;             /* channels * size * size */
	int group;                        /* the most pictures that are decoded before they are evaluated */
	unsigned char *pixels;            /* [group, channels, size, size]; pages that no picture has touched cost nothing */
	int *good;                        /* [group]: which of them could be read */
	struct cvt_sandbox **sandboxes;   /* [threads], of which the first n_sandboxes are made: where pictures are decoded */
	int n_sandboxes;
};

static int add_sandbox(struct cvt_predictor *predictor, struct cvt_error *err)
{
	const struct cvt_sandbox_limits limits = cvt_sandbox_defaults(predictor->picture_bytes);
	int rc = cvt_sandbox_create(cvt_prepare_decode, &limits, &predictor->sandboxes[predictor->n_sandboxes], err);

	predictor->n_sandboxes += rc == CVT_OK;
	return rc;
}

static int choose_group(const struct cvt_predictor *predictor)
{
	size_t fit = GROUP_BYTES / predictor->picture_bytes, wanted = (size_t)predictor->trained.network->threads * GROUP_OF_THREAD;

	if (wanted < GROUP)
		wanted = GROUP;
	return (int)(wanted < fit ? wanted : fit > 0 ? fit : 1);
}

static int make_buffers(struct cvt_predictor *predictor, struct cvt_error *err)
{
	const struct cvt_config *config = &predictor->trained.config;
	size_t size = (size_t)config->image_size;

	cvt_batch_levels(predictor->trained.mean, predictor->trained.std, config->channels, predictor->levels);
	predictor->picture_bytes = (size_t)config->channels * size * size;
	predictor->group = choose_group(predictor);
	predictor->pixels = malloc((size_t)predictor->group * predictor->picture_bytes);
	predictor->good = malloc((size_t)predictor->group * sizeof *predictor->good);
	predictor->sandboxes = calloc((size_t)predictor->trained.network->threads, sizeof(struct cvt_sandbox *));
	if (!predictor->pixels || !predictor->good || !predictor->sandboxes)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for %d pictures of %zu x %zu", predictor->group, size, size);
	return add_sandbox(predictor, err);
}

static int plan_alone(struct cvt_predictor *predictor, struct cvt_error *err)
{
	struct cvt_network *network = predictor->trained.network;
	const struct cvt_plan_options options = {.max_batch = 1, .methods_of = network->eval_batch, .isa = network->isa, .conv = network->conv,
		.workers = network->threads, .share = network->eval};

	return cvt_plan_create(network->model, &options, &predictor->alone, err);
}

int cvt_predictor_open(const char *run_folder, const char *checkpoint, int threads, struct cvt_predictor **ret_predictor,
	struct cvt_error *err)
{
	struct cvt_predictor *predictor = calloc(1, sizeof *predictor);
	int rc;

	if (!predictor)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for a predictor");
	rc = cvt_trained_load(run_folder, checkpoint, threads, &predictor->trained, err);
	if (rc == CVT_OK)
		rc = plan_alone(predictor, err);
	if (rc == CVT_OK)
		rc = make_buffers(predictor, err);
	if (rc < 0) {
		cvt_predictor_close(predictor);
		return rc;
	}
	*ret_predictor = predictor;
	return CVT_OK;
}

void cvt_predictor_close(struct cvt_predictor *predictor)
{
	if (!predictor)
		return;
	for (int i = 0; i < predictor->n_sandboxes; i++)
		cvt_sandbox_destroy(predictor->sandboxes[i]);
	cvt_plan_destroy(predictor->alone);
	cvt_trained_finish(&predictor->trained);
	free(predictor->sandboxes);
	free(predictor->pixels);
	free(predictor->good);
	free(predictor);
}

const struct cvt_checkpoint_used *cvt_predictor_checkpoint(const struct cvt_predictor *predictor)
{
	return &predictor->trained.used;
}

int cvt_predictor_n_classes(const struct cvt_predictor *predictor)
{
	return predictor->trained.n_classes;
}

const char *cvt_predictor_class(const struct cvt_predictor *predictor, int class_index)
{
	return predictor->trained.classes[class_index];
}

int cvt_predictor_group(const struct cvt_predictor *predictor)
{
	return predictor->group;
}

struct decoding {
	struct cvt_predictor *predictor;
	const char *const *paths;
	struct cvt_prediction *predictions;
	int n;
	atomic_int next;
};

static int read_picture(struct cvt_predictor *predictor, struct cvt_sandbox *sandbox, const char *path, unsigned char *pixels,
	struct cvt_error *err)
{
	const struct cvt_config *config = &predictor->trained.config;
	const struct cvt_decode_request request = {config->exif == CVT_EXIF_ON, config->image_size, config->image_size, config->channels};
	struct cvt_error why;
	char *data;
	size_t size;
	int rc = cvt_file_read_as(path, "it", cvt_sandbox_defaults(predictor->picture_bytes).file_bytes, &data, &size, &why);

	if (rc == CVT_OK) {
		rc = cvt_sandbox_decode(sandbox, data, size, &request, pixels, &why);
		free(data);
	}
	return rc < 0 ? cvt_fail(err, rc, "%s: %s", path, why.message) : CVT_OK;
}

/* A task is a sandbox, which takes pictures until none is left: a picture a task would want a sandbox for every worker that woke in time. */
static void decode_task(void *context, int task, int worker)
{
	struct decoding *d = context;
	int i;

	(void)worker;
	while ((i = atomic_fetch_add(&d->next, 1)) < d->n)
		d->predictions[i].status = read_picture(d->predictor, d->predictor->sandboxes[task], d->paths[i],
			d->predictor->pixels + (size_t)i * d->predictor->picture_bytes, &d->predictions[i].error);
}

/* One more sandbox may be refused its memory or processes: those that are there do the work. */
static void decode(struct cvt_predictor *predictor, const char *const *paths, int n, struct cvt_prediction *predictions)
{
	struct cvt_network *network = predictor->trained.network;
	struct decoding decoding = {.predictor = predictor, .paths = paths, .predictions = predictions, .n = n};
	int wanted = n < network->threads ? n : network->threads;

	while (predictor->n_sandboxes < wanted && add_sandbox(predictor, NULL) == CVT_OK)
		;
	cvt_pool_run(network->pool, decode_task, &decoding, wanted < predictor->n_sandboxes ? wanted : predictor->n_sandboxes);
}

struct filling { struct cvt_predictor *predictor; const int *pictures; float *out; };

static void fill_task(void *context, int task, int worker)
{
	const struct filling *f = context;
	struct cvt_predictor *predictor = f->predictor;
	const struct cvt_config *config = &predictor->trained.config;
	const unsigned char *pixels = predictor->pixels + (size_t)f->pictures[task] * predictor->picture_bytes;
	float *out = f->out + (size_t)task * predictor->picture_bytes;
	size_t plane = (size_t)config->image_size * (size_t)config->image_size;

	(void)worker;
	for (int c = 0; c < config->channels; c++)
		for (size_t i = 0; i < plane; i++)
			out[(size_t)c * plane + i] = predictor->levels[c][pixels[(size_t)c * plane + i]];
}

static int largest(const float *values, int n)
{
	int best = 0;

	for (int i = 1; i < n; i++)
		if (values[i] > values[best])
			best = i;
	return best;
}

/* pictures: their places in the group, at most a batch. */
static void evaluate(struct cvt_predictor *predictor, const int *pictures, int n, struct cvt_prediction *predictions, float *probabilities)
{
	struct cvt_network *network = predictor->trained.network;
	struct cvt_plan *plan = n == 1 ? predictor->alone : network->eval;
	struct filling filling = {predictor, pictures, cvt_plan_input(plan).data};
	size_t n_classes = (size_t)network->n_classes;

	cvt_pool_run(network->pool, fill_task, &filling, n);
	cvt_plan_forward(plan, n, &(struct cvt_exec){.pool = network->pool});
	for (int i = 0; i < n; i++) {
		float *row = probabilities + (size_t)pictures[i] * n_classes;

		cvt_softmax(cvt_plan_logits(plan) + (size_t)i * n_classes, network->n_classes, row);
		predictions[pictures[i]].class_index = largest(row, network->n_classes);
	}
}

static void classify_group(struct cvt_predictor *predictor, const char *const *paths, int n, struct cvt_prediction *predictions,
	float *probabilities)
{
	int batch = predictor->trained.network->eval_batch, n_good = 0;

	decode(predictor, paths, n, predictions);
	for (int i = 0; i < n; i++)
		if (predictions[i].status == CVT_OK)
			predictor->good[n_good++] = i;
	for (int i = 0; i < n_good; i += batch)
		evaluate(predictor, predictor->good + i, n_good - i < batch ? n_good - i : batch, predictions, probabilities);
}

void cvt_predictor_classify(struct cvt_predictor *predictor, const char *const *paths, int n, struct cvt_prediction *predictions,
	float *probabilities)
{
	size_t n_classes = (size_t)predictor->trained.n_classes;

	for (int i = 0; i < n; i += predictor->group)
		classify_group(predictor, paths + i, n - i < predictor->group ? n - i : predictor->group, predictions + i,
			probabilities + (size_t)i * n_classes);
}
