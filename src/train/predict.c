/* predict.c - the class of one picture. */
#include <stdlib.h>

#include "convtui/model.h"
#include "data/batch.h"
#include "data/prepare.h"
#include "nn/loss.h"
#include "train/trained.h"

struct cvt_predictor {
	struct cvt_trained trained;
	float levels[3][256];             /* what a byte becomes, by channel */
	unsigned char *pixels;            /* [channels, size, size] */
	struct cvt_sandbox *sandbox;      /* where pictures are decoded */
};

int cvt_predictor_open(const char *run_folder, const char *checkpoint, int threads, struct cvt_predictor **ret_predictor,
	struct cvt_error *err)
{
	struct cvt_predictor *predictor = calloc(1, sizeof *predictor);
	int rc;

	if (!predictor)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for a predictor");
	rc = cvt_trained_load(run_folder, checkpoint, 1, threads, &predictor->trained, err);
	if (rc == CVT_OK) {
		size_t size = (size_t)predictor->trained.config.image_size;

		cvt_batch_levels(predictor->trained.mean, predictor->trained.std, predictor->trained.config.channels, predictor->levels);
		predictor->pixels = malloc((size_t)predictor->trained.config.channels * size * size);
		const struct cvt_sandbox_limits limits = cvt_sandbox_defaults((size_t)predictor->trained.config.channels * size * size);

		rc = predictor->pixels ? cvt_sandbox_create(cvt_prepare_decode, &limits, &predictor->sandbox, err)
			: cvt_fail(err, CVT_ERR_MEMORY, "no memory for a picture of %zu x %zu", size, size);
	}
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
	cvt_trained_finish(&predictor->trained);
	cvt_sandbox_destroy(predictor->sandbox);
	free(predictor->pixels);
	free(predictor);
}

int cvt_predictor_n_classes(const struct cvt_predictor *predictor)
{
	return predictor->trained.n_classes;
}

const char *cvt_predictor_class(const struct cvt_predictor *predictor, int class_index)
{
	return predictor->trained.classes[class_index];
}

static void normalise(const struct cvt_predictor *predictor, const unsigned char *pixels, float *out)
{
	const struct cvt_config *config = &predictor->trained.config;
	size_t plane = (size_t)config->image_size * (size_t)config->image_size;

	for (int c = 0; c < config->channels; c++)
		for (size_t i = 0; i < plane; i++)
			out[(size_t)c * plane + i] = predictor->levels[c][pixels[(size_t)c * plane + i]];
}

static int read_picture(struct cvt_predictor *predictor, const char *path, struct cvt_error *err)
{
	const struct cvt_config *config = &predictor->trained.config;
	const struct cvt_decode_request request = {config->exif == CVT_EXIF_ON, config->image_size, config->image_size, config->channels};
	struct cvt_error why;
	int rc = cvt_sandbox_decode(predictor->sandbox, path, &request, predictor->pixels, &why);

	return rc < 0 ? cvt_fail(err, rc, "%s: %s", path, why.message) : CVT_OK;
}

int cvt_predictor_classify(struct cvt_predictor *predictor, const char *path, float *probabilities, int *ret_class,
	struct cvt_error *err)
{
	struct cvt_network *network = predictor->trained.network;
	const struct cvt_exec exec = {.pool = network->pool};
	int best = 0, rc = read_picture(predictor, path, err);

	if (rc < 0)
		return rc;
	normalise(predictor, predictor->pixels, cvt_plan_input(network->eval).data);
	cvt_plan_forward(network->eval, 1, &exec);
	cvt_softmax(cvt_plan_logits(network->eval), network->n_classes, probabilities);
	for (int i = 1; i < network->n_classes; i++)
		if (probabilities[i] > probabilities[best])
			best = i;
	*ret_class = best;
	return CVT_OK;
}
