/* trained.c - from a checkpoint to a network that can say what it sees. */
#include "train/trained.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "train/prepare.h"

enum { BATCH = 32, MOST_BYTES = 256 << 20 };     /* larger ones are no quicker. VGG-E at 256 x 256: 8 pictures */

static int choose_file(const char *folder, char *path, size_t size, struct cvt_error *err)
{
	static const char *const names[] = {"best.safetensors", "checkpoint.safetensors"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		int rc = cvt_path_join(path, size, folder, names[i], err);

		if (rc < 0)
			return rc;
		if (access(path, F_OK) == 0)
			return CVT_OK;
	}
	return cvt_fail(err, CVT_ERR_NOT_FOUND, "%s has no checkpoint yet: train it for at least one epoch", folder);
}

static int take_state(struct cvt_trained *trained, const struct cvt_checkpoint_state *state, const char *path, struct cvt_error *err)
{
	int rc;

	if (!state->config || state->n_classes < 2)
		return cvt_fail(err, CVT_ERR_FORMAT, "%s names no settings or classes: it is not a checkpoint of a run", path);
	cvt_config_init(&trained->config);
	rc = cvt_config_parse(&trained->config, state->config, strlen(state->config), path, err);
	if (rc < 0)
		return rc;
	cvt_config_resolve(&trained->config);
	if (!cvt_yaml_value(state->config, "fingerprint", trained->fingerprint, sizeof trained->fingerprint))
		trained->fingerprint[0] = 0;
	const char *slash = strrchr(path, '/');

	trained->used = (struct cvt_checkpoint_used){.epoch = state->epoch, .batch = state->batch, .within_epoch = state->batch_in_epoch > 0};
	snprintf(trained->used.file, sizeof trained->used.file, "%.63s", slash ? slash + 1 : path);
	memcpy(trained->mean, state->mean, sizeof trained->mean);
	memcpy(trained->std, state->std, sizeof trained->std);
	trained->classes = calloc((size_t)state->n_classes, sizeof *trained->classes);
	for (int i = 0; trained->classes && i < state->n_classes; i++) {
		trained->classes[i] = strdup(state->classes[i]);
		if (!trained->classes[i])
			break;
		trained->n_classes++;
	}
	if (trained->n_classes < state->n_classes)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for the names of %d classes", state->n_classes);
	return CVT_OK;
}

int cvt_trained_load(const char *run_folder, const char *checkpoint, int threads, struct cvt_trained *trained, struct cvt_error *err)
{
	struct cvt_network_options options = {.config = &trained->config, .eval_batch = BATCH, .eval_bytes = MOST_BYTES};
	struct cvt_checkpoint_state state;
	struct cvt_safetensors file;
	char path[1100];
	int rc = CVT_OK;

	*trained = (struct cvt_trained){0};
	if (!checkpoint)
		rc = choose_file(run_folder, path, sizeof path, err);
	if (rc < 0)
		return rc;
	checkpoint = checkpoint ? checkpoint : path;
	rc = cvt_checkpoint_read(checkpoint, &file, &state, err);
	if (rc < 0)
		return rc;
	rc = take_state(trained, &state, checkpoint, err);
	trained->config.threads = threads;
	options.n_classes = trained->n_classes;
	if (rc == CVT_OK)
		rc = cvt_network_create(&options, &trained->network, err);
	if (rc == CVT_OK)
		rc = cvt_network_load(trained->network, &file, checkpoint, false, err);
	cvt_safetensors_finish(&file);
	return rc;
}

void cvt_trained_finish(struct cvt_trained *trained)
{
	for (int i = 0; i < trained->n_classes; i++)
		free(trained->classes[i]);
	free(trained->classes);
	cvt_network_destroy(trained->network);
	*trained = (struct cvt_trained){0};
}
