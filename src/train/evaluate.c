/* evaluate.c - how a trained network does on a part of its pictures, or on a folder. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convtui/model.h"
#include "data/batch.h"
#include "train/prepare.h"
#include "train/step.h"
#include "train/trained.h"

/* The network's class of each class of the data, by name; and the data's weights at the network's places. */
static int map_classes(const struct cvt_trained *trained, const struct cvt_dataset *dataset, int **ret_map, struct cvt_error *err)
{
	int *map = malloc((size_t)dataset->n_classes * sizeof *map);

	if (!map)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for %d classes", dataset->n_classes);
	for (int i = 0; i < dataset->n_classes; i++) {
		map[i] = -1;
		for (int k = 0; k < trained->n_classes; k++)
			if (strcmp(dataset->classes[i].name, trained->classes[k]) == 0)
				map[i] = k;
		if (map[i] < 0) {
			int rc = cvt_fail(err, CVT_ERR_RANGE, "class %s is none that the run was trained on: %s and %d more",
				dataset->classes[i].name, trained->classes[0], trained->n_classes - 1);

			free(map);
			return rc;
		}
		trained->network->weights[map[i]] = (float)dataset->classes[i].weight;
	}
	*ret_map = map;
	return CVT_OK;
}

static int open_data(const struct cvt_trained *trained, const char *data, struct cvt_dataset **ret_dataset, struct cvt_error *err)
{
	struct cvt_dataset_options options = cvt_dataset_options_of(&trained->config);
	int rc;

	if (data) {
		options.data = data;
		options.val = "";
		options.val_fraction = options.test_fraction = 0;
	}
	rc = cvt_dataset_open(&options, NULL, ret_dataset, err);
	if (rc < 0)
		return rc;
	/* Another set is split in another way: pictures that it was trained on would flatter it as validation. cvt_evaluate closes it. */
	if (!data)
		rc = cvt_same_pictures(trained->fingerprint, *ret_dataset, options.data, "evaluate a folder with --data", err);
	if (rc < 0)
		return rc;
	/* Seen as the network was trained to see, whatever this folder's own mean is. */
	memcpy((*ret_dataset)->mean, trained->mean, sizeof trained->mean);
	memcpy((*ret_dataset)->std, trained->std, sizeof trained->std);
	return CVT_OK;
}

static int choose_pictures(const struct cvt_dataset *dataset, bool all, int part, int **ret_pictures, int *ret_n, struct cvt_error *err)
{
	static const char *const names[CVT_N_PARTS] = {"training", "validation", "test"};
	int rc;

	if (!all) {
		rc = cvt_part_pictures(dataset, (enum cvt_part)part, ret_pictures, ret_n, err);
		if (rc == CVT_OK && *ret_n == 0) {
			free(*ret_pictures);
			return cvt_fail(err, CVT_ERR_RANGE, "the run has no %s part: name another, or a folder of pictures", names[part]);
		}
		return rc;
	}
	int *pictures = malloc((size_t)dataset->n_pictures * sizeof *pictures);

	if (!pictures)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for %d pictures", dataset->n_pictures);
	for (int i = 0; i < dataset->n_pictures; i++)
		pictures[i] = i;
	*ret_pictures = pictures;
	*ret_n = dataset->n_pictures;
	return CVT_OK;
}

static double per_cent(int64_t part, int64_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : NAN;
}

/* Takes over the pass's matrix and the names. */
static int fill(struct cvt_evaluation *evaluation, struct cvt_trained *trained, struct cvt_pass *pass, struct cvt_error *err)
{
	int n = trained->n_classes;

	*evaluation = (struct cvt_evaluation){.n_classes = n, .images = (int)pass->images, .accuracy = cvt_pass_accuracy(pass),
		.loss = cvt_pass_loss(pass), .recall = malloc((size_t)n * sizeof(double)), .precision = malloc((size_t)n * sizeof(double))};
	if (!evaluation->recall || !evaluation->precision) {
		free(evaluation->recall);
		free(evaluation->precision);
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for %d classes", n);
	}
	evaluation->checkpoint = trained->used;
	evaluation->confusion = pass->confusion;
	evaluation->class_names = trained->classes;
	pass->confusion = NULL;
	trained->classes = NULL;
	trained->n_classes = 0;
	for (int i = 0; i < n; i++) {
		int64_t row = 0, column = 0, right = evaluation->confusion[(size_t)i * (size_t)n + (size_t)i];

		for (int k = 0; k < n; k++) {
			row += evaluation->confusion[(size_t)i * (size_t)n + (size_t)k];
			column += evaluation->confusion[(size_t)k * (size_t)n + (size_t)i];
		}
		evaluation->recall[i] = per_cent(right, row);
		evaluation->precision[i] = per_cent(right, column);
	}
	return CVT_OK;
}

int cvt_evaluate(const char *run_folder, const char *checkpoint, const char *data, int part, int threads,
	struct cvt_evaluation *ret_evaluation, struct cvt_error *err)
{
	struct cvt_trained trained;
	struct cvt_dataset *dataset = NULL;
	struct cvt_pass pass = {0};
	struct cvt_pass_options options = {0};
	int *map = NULL, *pictures = NULL;
	int rc = cvt_trained_load(run_folder, checkpoint, threads, &trained, err);

	if (rc == CVT_OK)
		rc = open_data(&trained, data, &dataset, err);
	if (rc == CVT_OK)
		rc = map_classes(&trained, dataset, &map, err);
	if (rc == CVT_OK)
		rc = choose_pictures(dataset, data != NULL, part, &pictures, &options.n, err);
	if (rc < 0)
		goto out;
	options.pictures = pictures;
	options.class_map = map;
	rc = cvt_pass_init(&pass, trained.n_classes, err);
	if (rc == CVT_OK)
		rc = cvt_pass_run(trained.network, dataset, &options, &pass, err);
	if (rc == CVT_OK)
		rc = fill(ret_evaluation, &trained, &pass, err);
	free(pictures);
out:
	cvt_pass_finish(&pass);
	free(map);
	cvt_dataset_close(dataset);
	cvt_trained_finish(&trained);
	return rc;
}

void cvt_evaluation_finish(struct cvt_evaluation *evaluation)
{
	for (int i = 0; i < evaluation->n_classes; i++)
		free(evaluation->class_names[i]);
	free(evaluation->class_names);
	free(evaluation->confusion);
	free(evaluation->recall);
	free(evaluation->precision);
	*evaluation = (struct cvt_evaluation){0};
}
