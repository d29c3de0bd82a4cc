/* dump_pixels.c RUN PART FILE [WEIGHTS]: the pictures of a run's part (train or val) as its network sees them, and what it says of each: for
 * interop.py, which asks PyTorch the same.
 *
 * FILE: int32 n, channels, size, classes; float32 pixels[n, channels, size, size]; int32 labels[n]; float32 logits[n, classes], with the
 * weights of the run's checkpoint.safetensors or of the file WEIGHTS. Bytes in this machine's order. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "train/prepare.h"
#include "train/trained.h"

/* Writes one block of the file; false: disk full, said by the caller. */
static bool put(FILE *file, const void *data, size_t size, size_t n)
{
	return fwrite(data, size, n, file) == n;
}

static int dump(struct cvt_trained *trained, const struct cvt_dataset *dataset, const int *pictures, int n, FILE *file, struct cvt_error *err)
{
	struct cvt_network *network = trained->network;
	const struct cvt_exec exec = {.pool = network->pool};
	const struct cvt_batch_options plain = {0};
	const struct cvt_config *config = &trained->config;
	int head[4] = {n, config->channels, config->image_size, trained->n_classes}, rc = CVT_OK;
	size_t classes = (size_t)trained->n_classes, picture = (size_t)config->channels * (size_t)config->image_size * (size_t)config->image_size;
	float *logits = calloc((size_t)n * classes, sizeof *logits);
	int *labels = calloc((size_t)n, sizeof *labels);
	bool written = logits && labels && put(file, head, sizeof head[0], 4);

	for (int i = 0; i < n && written && rc == CVT_OK; i += network->eval_batch) {
		int m = n - i < network->eval_batch ? n - i : network->eval_batch;
		float *input = cvt_plan_input(network->eval).data;

		rc = cvt_batch_fill(dataset, pictures + i, m, &plain, network->pool, input, labels + i, err);
		if (rc < 0)
			break;
		written = put(file, input, sizeof(float) * picture, (size_t)m);
		cvt_plan_forward(network->eval, m, &exec);
		memcpy(logits + (size_t)i * classes, cvt_plan_logits(network->eval), sizeof(float) * classes * (size_t)m);
	}
	written = written && (rc < 0 || (put(file, labels, sizeof *labels, (size_t)n) && put(file, logits, sizeof(float) * classes, (size_t)n)));
	free(logits);
	free(labels);
	if (rc == CVT_OK && !written)
		rc = cvt_fail_errno(err, errno, "cannot write the pictures");
	return rc;
}

static int load_weights(struct cvt_trained *trained, const char *path, struct cvt_error *err)
{
	struct cvt_safetensors file;
	int rc = cvt_safetensors_read(path, &file, err);

	if (rc < 0)
		return rc;
	rc = cvt_network_load(trained->network, &file, path, false, err);
	cvt_safetensors_finish(&file);
	return rc;
}

static int dump_run(const char *folder, enum cvt_part part, const char *path, const char *weights, struct cvt_error *err)
{
	struct cvt_trained trained;
	struct cvt_dataset *dataset = NULL;
	char checkpoint[4096];
	int *pictures = NULL, n = 0;
	FILE *file = fopen(path, "wb");

	if (!file)
		return cvt_fail_errno(err, errno, "cannot write %s", path);
	snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint.safetensors", folder);

	int rc = cvt_trained_load(folder, checkpoint, 0, &trained, err);

	if (rc == CVT_OK && weights)
		rc = load_weights(&trained, weights, err);
	if (rc == CVT_OK) {
		struct cvt_dataset_options options = cvt_dataset_options_of(&trained.config);

		rc = cvt_dataset_open(&options, NULL, &dataset, err);
	}
	if (rc == CVT_OK)
		rc = cvt_part_pictures(dataset, part, &pictures, &n, err);
	if (rc == CVT_OK)
		rc = dump(&trained, dataset, pictures, n, file, err);
	if (fclose(file) && rc == CVT_OK)
		rc = cvt_fail_errno(err, errno, "cannot write %s", path);
	free(pictures);
	cvt_dataset_close(dataset);
	cvt_trained_finish(&trained);
	return rc;
}

int main(int argc, char **argv)
{
	struct cvt_error err;

	if (argc < 4 || argc > 5 || (strcmp(argv[2], "train") && strcmp(argv[2], "val"))) {
		fprintf(stderr, "usage: dump_pixels RUN-FOLDER train|val FILE [WEIGHTS]\n");
		return 2;
	}
	if (dump_run(argv[1], strcmp(argv[2], "val") ? CVT_PART_TRAIN : CVT_PART_VAL, argv[3], argv[4], &err) < 0) {
		fprintf(stderr, "dump_pixels: %s\n", err.message);
		return 1;
	}
	return 0;
}
