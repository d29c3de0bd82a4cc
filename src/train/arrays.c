/* arrays.c - a network's arrays to and from a file: checkpoints, and files that a run starts from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/network.h"

#define MOMENTUM "optimizer.momentum."


int64_t cvt_network_state_bytes(const struct cvt_network *network)
{
	const struct cvt_graph *graph = &network->model->graph;
	int64_t bytes = 0;

	for (int i = 0; i < graph->n_params; i++)
		bytes += graph->params[i].count * (int64_t)sizeof(float) * (1 + (graph->params[i].momentum != NULL));
	return bytes;
}

static struct cvt_array array_of(const struct cvt_param *param, const char *name, const float *data)
{
	struct cvt_array array = {.name = name, .dtype = CVT_F32, .n_dims = param->n_dims, .data = data};

	memcpy(array.dims, param->dims, sizeof array.dims);
	return array;
}

int cvt_network_arrays(const struct cvt_network *network, struct cvt_array **ret_arrays, int *ret_n, struct cvt_error *err)
{
	const struct cvt_graph *graph = &network->model->graph;
	size_t most = (size_t)graph->n_params * 2, name_size = sizeof MOMENTUM + sizeof graph->params[0].name;
	/* One block: the list, then room for a name of each momentum. */
	struct cvt_array *arrays = malloc(most * sizeof *arrays + (size_t)graph->n_params * name_size);
	char *name = arrays ? (char *)(arrays + most) : NULL;
	int n = 0;

	if (!arrays)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for the list of %d arrays", graph->n_params);
	for (int i = 0; i < graph->n_params; i++)
		arrays[n++] = array_of(&graph->params[i], graph->params[i].name, graph->params[i].value);
	for (int i = 0; i < graph->n_params; i++) {
		if (!graph->params[i].momentum)
			continue;
		snprintf(name, name_size, MOMENTUM "%s", graph->params[i].name);
		arrays[n++] = array_of(&graph->params[i], name, graph->params[i].momentum);
		name += name_size;
	}
	*ret_arrays = arrays;
	*ret_n = n;
	return CVT_OK;
}

static void shape_text(const int *dims, int n_dims, char *text, size_t size)
{
	size_t at = 0;

	text[0] = 0;
	for (int i = 0; i < n_dims && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%d", i ? " x " : "", dims[i]);
	if (n_dims == 0)
		snprintf(text, size, "a scalar");
}

static int check_array(const struct cvt_array *array, const char *name, const struct cvt_param *param, const char *path,
	struct cvt_error *err)
{
	char here[64], there[64];

	if (!array)
		return cvt_fail(err, CVT_ERR_FORMAT, "%s: array %s is missing: the file is of another network", path, name);
	if (array->dtype != CVT_F32)
		return cvt_fail(err, CVT_ERR_FORMAT, "%s: array %s is not of float32", path, name);
	if (array->n_dims == param->n_dims && memcmp(array->dims, param->dims, (size_t)param->n_dims * sizeof(int)) == 0)
		return CVT_OK;
	shape_text(param->dims, param->n_dims, here, sizeof here);
	shape_text(array->dims, array->n_dims, there, sizeof there);
	return cvt_fail(err, CVT_ERR_FORMAT, "%s: array %s is %s, the network's is %s: check layers, expansion, image-size and classes", path,
		name, there, here);
}

/* Is this array of the file one that the network has no place for? */
static bool is_foreign(const struct cvt_model *model, const struct cvt_array *array)
{
	static const char tracked[] = "num_batches_tracked";
	size_t length = strlen(array->name), tail = sizeof tracked - 1;
	const char *name = array->name;

	if (array->dtype == CVT_I64 && array->n_dims == 0)
		return false;
	if (length >= tail && strcmp(name + length - tail, tracked) == 0)
		return false;
	if (strncmp(name, "optimizer.", 10) == 0)
		return false;
	for (int i = 0; i < model->graph.n_params; i++)
		if (strcmp(model->graph.params[i].name, name) == 0)
			return false;
	return true;
}

static bool has_momentum(const struct cvt_safetensors *file)
{
	for (int i = 0; i < file->n_arrays; i++)
		if (strncmp(file->arrays[i].name, MOMENTUM, sizeof MOMENTUM - 1) == 0)
			return true;
	return false;
}

static const struct cvt_array *find_momentum(const struct cvt_safetensors *file, const struct cvt_param *param, char *name, size_t size)
{
	snprintf(name, size, MOMENTUM "%s", param->name);
	return cvt_safetensors_find(file, name);
}

int cvt_network_load(struct cvt_network *network, const struct cvt_safetensors *file, const char *path, bool with_optimizer,
	struct cvt_error *err)
{
	struct cvt_graph *graph = &network->model->graph;
	bool momentum = with_optimizer && has_momentum(file);
	char name[sizeof MOMENTUM + sizeof graph->params[0].name];
	int rc = CVT_OK;

	for (int i = 0; i < file->n_arrays; i++)
		if (is_foreign(network->model, &file->arrays[i]))
			return cvt_fail(err, CVT_ERR_FORMAT, "%s: array %s is none of the network's: the file is of another network", path,
				file->arrays[i].name);
	for (int i = 0; i < graph->n_params && rc == CVT_OK; i++) {
		const struct cvt_param *param = &graph->params[i];

		rc = check_array(cvt_safetensors_find(file, param->name), param->name, param, path, err);
		if (rc == CVT_OK && momentum && param->learns)
			rc = check_array(find_momentum(file, param, name, sizeof name), name, param, path, err);
	}
	if (rc == CVT_OK && momentum)
		rc = cvt_network_need_momentum(network, err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < graph->n_params; i++) {
		struct cvt_param *param = &graph->params[i];
		size_t bytes = (size_t)param->count * sizeof(float);

		memcpy(param->value, cvt_safetensors_find(file, param->name)->data, bytes);
		if (momentum && param->learns)
			memcpy(param->momentum, find_momentum(file, param, name, sizeof name)->data, bytes);
	}
	return CVT_OK;
}
