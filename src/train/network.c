/* network.c - making a network executable within the memory that there is. */
#include "train/network.h"

#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "convtui/machine.h"

/* Code, libraries, stacks of the pool, tables of the data set: what a process takes beside model and workspace. */
#define REST_BYTES ((int64_t)48 << 20)

static struct cvt_plan_options train_plan(const struct cvt_config *config, int batch, int threads)
{
	return (struct cvt_plan_options){.max_batch = batch, .flags = CVT_PLAN_TRAIN, .isa = config->isa, .conv = config->conv,
		.workers = threads};
}

/* Workspace, model, and the copy that the checkpoint writer takes. */
static int bytes_needed(const struct cvt_graph *graph, const struct cvt_config *config, int batch, int threads, int64_t *ret_bytes,
	struct cvt_error *err)
{
	struct cvt_plan_options options = train_plan(config, batch, threads);
	struct cvt_plan_cost cost;
	int64_t copy = 0;
	int rc = cvt_plan_dry(graph, &options, config->momentum != 0, &cost, NULL, err);

	if (rc < 0)
		return rc;
	for (int i = 0; i < graph->n_params; i++)
		copy += graph->params[i].count * (int64_t)sizeof(float) * (1 + (config->momentum != 0 && graph->params[i].learns));
	*ret_bytes = cost.workspace_bytes + cost.model_bytes + copy + REST_BYTES;
	return CVT_OK;
}

static int check_memory(const struct cvt_graph *graph, const struct cvt_network_options *options, int threads, struct cvt_error *err)
{
	int64_t bytes;
	int fits = 0, too_many = options->train_batch;
	int rc = bytes_needed(graph, options->config, options->train_batch, threads, &bytes, err);

	if (rc < 0 || options->memory <= 0 || bytes <= options->memory)
		return rc;
	while (too_many - fits > 1) {
		int batch = fits + (too_many - fits) / 2;
		int64_t some;

		rc = bytes_needed(graph, options->config, batch, threads, &some, err);
		if (rc < 0)
			return rc;
		if (some <= options->memory)
			fits = batch;
		else
			too_many = batch;
	}
	if (fits == 0)
		return cvt_fail(err, CVT_ERR_MEMORY, "training needs %lld MB at batch %d, and %lld MB may be used: not even a batch of 1 fits; "
			"choose a smaller image-size or network", (long long)(bytes >> 20), options->train_batch,
			(long long)(options->memory >> 20));
	return cvt_fail(err, CVT_ERR_MEMORY, "training needs %lld MB at batch %d, and %lld MB may be used: the largest batch that fits is %d",
		(long long)(bytes >> 20), options->train_batch, (long long)(options->memory >> 20), fits);
}

/* Asks shapes alone, as if for one thread: which method computes a convolution, and so its last bits, hangs on the batch. */
static int limit_eval_batch(const struct cvt_graph *graph, const struct cvt_network_options *options, int *ret_batch, struct cvt_error *err)
{
	struct cvt_plan_options plan = {.max_batch = options->eval_batch, .isa = options->config->isa, .conv = options->config->conv, .workers = 1};
	struct cvt_plan_cost cost;
	int rc = cvt_plan_dry(graph, &plan, false, &cost, NULL, err);

	while (rc == CVT_OK && cost.workspace_bytes > options->eval_bytes && plan.max_batch > 1) {
		plan.max_batch /= 2;
		rc = cvt_plan_dry(graph, &plan, false, &cost, NULL, err);
	}
	if (rc == CVT_OK)
		*ret_batch = plan.max_batch;
	return rc;
}

static int make_plans(struct cvt_network *network, int threads, struct cvt_plan **ret_train, struct cvt_plan **ret_eval,
	struct cvt_error *err)
{
	struct cvt_plan_options options = {.max_batch = network->train_batch, .flags = CVT_PLAN_TRAIN, .isa = network->isa,
		.conv = network->conv, .workers = threads};
	struct cvt_plan *train = NULL, *eval = NULL;
	int rc = CVT_OK;

	if (network->train_batch > 0)
		rc = cvt_plan_create(network->model, &options, &train, err);
	if (rc < 0)
		return rc;
	options.max_batch = network->eval_batch;
	options.flags = 0;
	options.share = train;
	rc = cvt_plan_create(network->model, &options, &eval, err);
	if (rc < 0) {
		cvt_plan_destroy(train);
		return rc;
	}
	*ret_train = train;
	*ret_eval = eval;
	return CVT_OK;
}

static int make_buffers(struct cvt_network *network, struct cvt_error *err)
{
	int most = network->train_batch > network->eval_batch ? network->train_batch : network->eval_batch;

	network->weights = malloc((size_t)network->n_classes * sizeof *network->weights);
	network->labels = calloc((size_t)most, sizeof *network->labels);
	network->predicted = calloc((size_t)most, sizeof *network->predicted);
	if (!network->weights || !network->labels || !network->predicted)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for the labels of a batch of %d", most);
	for (int i = 0; i < network->n_classes; i++)
		network->weights[i] = 1;
	return CVT_OK;
}

int cvt_network_create(const struct cvt_network_options *options, struct cvt_network **ret_network, struct cvt_error *err)
{
	const struct cvt_config *config = options->config;
	struct cvt_graph graph;
	struct cvt_network *network;
	int rc = cvt_arch_build(config, options->n_classes, &graph, err);

	if (rc < 0)
		return rc;
	network = calloc(1, sizeof *network);
	if (!network) {
		rc = cvt_fail(err, CVT_ERR_MEMORY, "no memory for the network");
		goto out;
	}
	network->n_classes = options->n_classes;
	network->train_batch = options->train_batch;
	network->eval_batch = options->eval_batch;
	network->isa = config->isa;
	network->conv = config->conv;
	network->threads = config->threads > 0 ? config->threads : cvt_machine_processors(NULL);
	if (options->train_batch > 0)
		rc = check_memory(&graph, options, network->threads, err);
	if (rc == CVT_OK && options->eval_bytes > 0)
		rc = limit_eval_batch(&graph, options, &network->eval_batch, err);
	if (rc == CVT_OK)
		rc = make_buffers(network, err);
	if (rc == CVT_OK)
		rc = cvt_pool_create(network->threads, &network->pool, err);
	if (rc == CVT_OK)
		rc = cvt_model_create(&graph, config->seed, options->train_batch > 0, options->train_batch > 0 && config->momentum != 0,
			&network->model, err);
	if (rc == CVT_OK)
		rc = make_plans(network, network->threads, &network->train, &network->eval, err);
	if (rc == CVT_OK) {
		*ret_network = network;
		network = NULL;
	}
out:
	cvt_network_destroy(network);
	cvt_graph_finish(&graph);
	return rc;
}

void cvt_network_destroy(struct cvt_network *network)
{
	if (!network)
		return;
	cvt_plan_destroy(network->eval);
	cvt_plan_destroy(network->train);
	cvt_model_destroy(network->model);
	cvt_pool_destroy(network->pool);
	free(network->weights);
	free(network->labels);
	free(network->predicted);
	free(network->late_momentum);
	free(network);
}

int cvt_network_set_threads(struct cvt_network *network, int threads, struct cvt_error *err)
{
	struct cvt_pool *pool = NULL;
	struct cvt_plan *train, *eval;
	int rc;

	if (threads <= 0)
		threads = cvt_machine_processors(NULL);
	if (threads == network->threads)
		return CVT_OK;
	rc = cvt_pool_create(threads, &pool, err);
	if (rc < 0)
		return rc;
	rc = make_plans(network, threads, &train, &eval, err);
	if (rc < 0) {
		cvt_pool_destroy(pool);
		return rc;
	}
	cvt_plan_destroy(network->eval);
	cvt_plan_destroy(network->train);
	cvt_pool_destroy(network->pool);
	network->pool = pool;
	network->train = train;
	network->eval = eval;
	network->threads = threads;
	return CVT_OK;
}

int cvt_network_need_momentum(struct cvt_network *network, struct cvt_error *err)
{
	struct cvt_graph *graph = &network->model->graph;
	size_t floats = 0;

	if (network->model->has_momentum)
		return CVT_OK;
	for (int i = 0; i < graph->n_params; i++)
		floats += graph->params[i].learns ? ((size_t)graph->params[i].count + 15) / 16 * 16 : 0;
	network->late_momentum = aligned_alloc(64, floats * sizeof(float));
	if (!network->late_momentum)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for momentum: %zu MB", floats * sizeof(float) >> 20);
	memset(network->late_momentum, 0, floats * sizeof(float));
	floats = 0;
	for (int i = 0; i < graph->n_params; i++) {
		if (!graph->params[i].learns)
			continue;
		graph->params[i].momentum = network->late_momentum + floats;
		floats += ((size_t)graph->params[i].count + 15) / 16 * 16;
	}
	network->model->has_momentum = true;
	return CVT_OK;
}
