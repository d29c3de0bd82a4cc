/* describe.c - what a configuration means before it trains, from its graph and dry plans. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "convtui/machine.h"
#include "convtui/model.h"
#include "nn/layer.h"
#include "nn/plan.h"

/* What the process holds besides the network: its code and libraries, stacks, a batch of bytes. Measured as the peak of training runs from 64 x
 * 64 to 256 x 256 less what the plan and the model say: 8 to 10 MB. */
enum { PROGRAM_BYTES = 10 << 20, CHECKPOINT_EXTRA_BYTES = 4096, EXTRA_BYTES_PER_ARRAY = 128 };

static void kind_of(const struct cvt_node *node, char *text, size_t size)
{
	const struct cvt_layer_ops *ops = node->ops;
	if (ops == &cvt_conv_ops)
		snprintf(text, size, "conv %dx%d%s", node->as.conv.kernel, node->as.conv.kernel, node->as.conv.stride == 2 ? " stride 2" : "");
	else if (ops == &cvt_max_pool_ops)
		snprintf(text, size, "max pool %dx%d%s", node->as.pool.kernel, node->as.pool.kernel,
			node->as.pool.stride == node->as.pool.kernel ? "" : node->as.pool.stride == 1 ? " stride 1" : " stride 2");
	else if (ops == &cvt_dropout_ops)
		snprintf(text, size, "dropout %.1f", (double)node->as.dropout.p);
	else
		snprintf(text, size, "%s", ops->name);
}

static int64_t parameters_of(const struct cvt_graph *g, const struct cvt_node *node)
{
	int64_t count = 0;
	for (int i = 0; i < node->n_params; i++)
		if (g->params[node->params[i]].learns)
			count += g->params[node->params[i]].count;
	return count;
}

static void fill_layers(const struct cvt_graph *g, const struct cvt_node_cost *costs, struct cvt_layer_info *layers)
{
	for (int i = 1; i < g->n_nodes; i++) {
		const struct cvt_node *node = &g->nodes[i];
		struct cvt_layer_info *info = &layers[i - 1];
		snprintf(info->name, sizeof info->name, "%s", node->name);
		kind_of(node, info->kind, sizeof info->kind);
		snprintf(info->kernel, sizeof info->kernel, "%s", costs[i].kernel);
		info->output[0] = node->c;
		info->output[1] = node->h;
		info->output[2] = node->w;
		info->parameters = parameters_of(g, node);
		info->multiply_adds = costs[i].multiply_adds;
		info->bytes = costs[i].output_bytes;
	}
}

static void fill_maps(const struct cvt_graph *g, const struct cvt_config *config, struct cvt_description *d)
{
	int room = (int)(sizeof d->feature_maps / sizeof d->feature_maps[0]);
	if (config->arch == CVT_ARCH_GOOGLENET)
		return;
	d->feature_maps[d->n_feature_maps++] = g->nodes[0].c;
	for (int i = 1; i < g->n_nodes && d->n_feature_maps < room; i++) {
		if (g->nodes[i].ops != &cvt_conv_ops)
			continue;
		d->feature_maps[d->n_feature_maps++] = g->nodes[i].c;
		if (config->arch == CVT_ARCH_CNN)
			d->fm_total += g->nodes[i].c;
	}
}

static int64_t value_bytes(const struct cvt_graph *g, bool momentum)
{
	int64_t bytes = 0;
	for (int i = 0; i < g->n_params; i++)
		bytes += g->params[i].count * (int64_t)sizeof(float) * (1 + (momentum && g->params[i].learns));
	return bytes;
}

/* Training and evaluation share a workspace when the one of training is large enough, which cvt_plan_create decides by the same rule. */
static int fill_costs(const struct cvt_graph *g, const struct cvt_config *config, struct cvt_node_cost *costs, struct cvt_description *d,
	struct cvt_error *err)
{
	struct cvt_plan_cost train, eval;
	bool momentum = config->momentum != 0;
	struct cvt_plan_options options = {.max_batch = config->batch, .flags = CVT_PLAN_TRAIN, .isa = config->isa, .conv = config->conv,
		.workers = config->threads > 0 ? config->threads : cvt_machine_processors(NULL)};
	int status = cvt_plan_dry(g, &options, momentum, &train, costs, err);
	if (status)
		return status;
	options.flags = 0;
	status = cvt_plan_dry(g, &options, momentum, &eval, NULL, err);
	if (status)
		return status;
	d->multiply_adds = train.multiply_adds;
	d->checkpoint_bytes = value_bytes(g, momentum) + CHECKPOINT_EXTRA_BYTES + (int64_t)EXTRA_BYTES_PER_ARRAY * g->n_params;
	d->eval_bytes = PROGRAM_BYTES + eval.workspace_bytes + eval.model_bytes;
	d->train_bytes = PROGRAM_BYTES + train.workspace_bytes + train.model_bytes + value_bytes(g, momentum) +
		(eval.workspace_bytes > train.workspace_bytes ? eval.workspace_bytes : 0);
	return CVT_OK;
}

int cvt_describe(const struct cvt_config *config, int n_classes, struct cvt_description *ret_description, struct cvt_error *err)
{
	struct cvt_graph g;
	struct cvt_description d = {0};
	struct cvt_node_cost *costs = NULL;
	int status = cvt_arch_build(config, n_classes, &g, err);
	if (status)
		return status;
	costs = calloc((size_t)g.n_nodes, sizeof *costs);
	d.layers = calloc((size_t)g.n_nodes, sizeof *d.layers);
	d.n_layers = g.n_nodes - 1;
	d.parameters = cvt_graph_parameters(&g);
	if (!costs || !d.layers) {
		status = cvt_fail(err, CVT_ERR_MEMORY, "out of memory for the description of %d layers", g.n_nodes);
		goto out;
	}
	status = cvt_arch_label(config, d.network, sizeof d.network, err);
	if (!status)
		status = fill_costs(&g, config, costs, &d, err);
	if (status)
		goto out;
	fill_layers(&g, costs, d.layers);
	fill_maps(&g, config, &d);
	*ret_description = d;
	d.layers = NULL;
out:
	free(d.layers);
	free(costs);
	cvt_graph_finish(&g);
	return status;
}

void cvt_description_finish(struct cvt_description *description)
{
	free(description->layers);
	*description = (struct cvt_description){0};
}
