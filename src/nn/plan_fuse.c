/* plan_fuse.c - turns nodes into steps: each layer says what it can swallow, and this is the greedy loop that offers it. */
#include <stdlib.h>

#include "nn/plan_private.h"

bool cvt_plan_is_view(const struct cvt_plan *plan, const struct cvt_node *node)
{
	return node->ops->is_view || (node->ops->identity_at_evaluation && !plan->training);
}

void cvt_plan_places(struct cvt_plan *plan)
{
	const struct cvt_graph *g = plan->graph;
	for (int i = 0; i < g->n_nodes; i++)
		plan->places[i] = (struct cvt_place){.root = i};
	for (int i = 0; i < g->n_nodes; i++) {
		const struct cvt_node *node = &g->nodes[i];
		if (node->ops == &cvt_concat_ops) {
			int channel = 0;
			for (int k = 0; k < node->n_inputs; k++) {
				plan->places[node->inputs[k]] = (struct cvt_place){.root = i, .channel = channel};
				channel += g->nodes[node->inputs[k]].c;
			}
		} else if (cvt_plan_is_view(plan, node)) {
			plan->places[i] = plan->places[node->inputs[0]];
		}
	}
}

static void find_requirements(struct cvt_plan *plan)
{
	const struct cvt_graph *g = plan->graph;
	for (int i = 0; i < g->n_nodes; i++) {
		const struct cvt_node *node = &g->nodes[i];
		bool requires = false;
		for (int k = 0; k < node->n_params; k++)
			requires |= g->params[node->params[k]].learns;
		for (int k = 0; k < node->n_inputs; k++)
			requires |= plan->requires_grad[node->inputs[k]];
		plan->requires_grad[i] = requires && plan->training;
	}
}

/* The only node that reads node i, or -1. */
static int sole_reader(const struct cvt_graph *g, const int *n_readers, int i)
{
	if (n_readers[i] != 1)
		return -1;
	for (int k = i + 1; k < g->n_nodes; k++)
		for (int j = 0; j < g->nodes[k].n_inputs; j++)
			if (g->nodes[k].inputs[j] == i)
				return k;
	return -1;
}

static void absorb(struct cvt_plan *plan, struct cvt_step *step, const int *n_readers, bool *taken)
{
	const struct cvt_graph *g = plan->graph;
	while (!plan->keep_all && step->node->ops->absorb && step->n_absorbed < CVT_ABSORBED_MAX) {
		int next = sole_reader(g, n_readers, step->last);
		if (next < 0 || !step->node->ops->absorb(step, &g->nodes[next]))
			return;
		step->absorbed[step->n_absorbed++] = &g->nodes[next];
		step->last = next;
		taken[next] = true;
	}
}

/* A convolution that ends in ReLU would need a pass of its own to mask dy; where its only reader can do that on the way, it does. */
static void leave_masks(struct cvt_plan *plan)
{
	for (int s = 0; s < plan->n_steps; s++) {
		struct cvt_step *step = &plan->steps[s];
		const struct cvt_root *root = &plan->roots[step->last];
		if (step->node->ops != &cvt_conv_ops || !step->n_absorbed || step->absorbed[step->n_absorbed - 1]->ops != &cvt_relu_ops ||
			plan->places[step->last].root != step->last || root->n_readers != 1)
			continue;
		struct cvt_step *reader = &plan->steps[root->reader];
		if (reader->node->ops->masks_dx && reader->wants_dx)
			step->dy_masked = reader->mask_dx = true;
	}
}

/* Where a batch norm alone reads what a convolution writes, the two take passes over memory from each other. */
static void find_partners(struct cvt_plan *plan)
{
	for (int s = 0; s < plan->n_steps && plan->training && !plan->keep_all; s++) {
		struct cvt_step *step = &plan->steps[s];
		const struct cvt_root *root = &plan->roots[step->last];
		if (step->node->ops != &cvt_conv_ops || plan->places[step->last].root != step->last || root->n_readers != 1)
			continue;
		struct cvt_step *reader = &plan->steps[root->reader];
		if (reader->node->ops != &cvt_norm_ops || reader->input != step->last)
			continue;
		step->hands = reader->hands = step->node->ops->hands(step) & reader->node->ops->hands(reader);
		if (step->hands) {
			step->partner = reader;
			reader->partner = step;
		}
	}
}

/* Steps that read the same x and can be one call: x is then read once, and its gradient written once. */
static void join_steps(struct cvt_plan *plan)
{
	for (int s = 0; s < plan->n_steps && !plan->keep_all; s++) {
		struct cvt_step *step = &plan->steps[s], *last = step;
		int n = 1;
		if (step->leader != step || !step->node->ops->joins)
			continue;
		for (struct cvt_step *other = step + 1; other < plan->steps + plan->n_steps && n < CVT_JOINED_MAX; other++) {
			if (other->leader != other || other->node->ops != step->node->ops || other->input != step->input ||
				!step->node->ops->joins(step, other))
				continue;
			other->leader = step;
			last->joined = other;
			last = other;
			n++;
		}
	}
}

static struct cvt_step step_of(const struct cvt_plan *plan, int node)
{
	const struct cvt_node *n = &plan->graph->nodes[node];
	return (struct cvt_step){.graph = plan->graph, .node = n, .index = node, .input = n->inputs[0], .last = node, .training = plan->training,
		.keep_all = plan->keep_all, .max_batch = plan->options.max_batch,
		.methods_of = plan->options.methods_of > 0 ? plan->options.methods_of : plan->options.max_batch, .conv = plan->options.conv,
		.kernels = plan->kernels};
}

/* A node's step; or, where its only reader makes its output on the way, that reader's. */
static void add_step(struct cvt_plan *plan, int node, const int *n_readers, bool *taken)
{
	const struct cvt_graph *g = plan->graph;
	struct cvt_step *step = &plan->steps[plan->n_steps];
	int reader = plan->keep_all ? -1 : sole_reader(g, n_readers, node);
	*step = step_of(plan, reader < 0 ? node : reader);
	if (reader >= 0 && step->node->ops->fetches && step->node->ops->fetches(step, &g->nodes[node])) {
		step->fetched = &g->nodes[node];
		step->input = step->fetched->inputs[0];
		taken[reader] = true;
	} else {
		*step = step_of(plan, node);
	}
	step->leader = step;
	absorb(plan, step, n_readers, taken);
	step->wants_dx = plan->requires_grad[step->input];
	struct cvt_root *root = &plan->roots[plan->places[step->input].root];
	root->n_readers++;
	root->reader = plan->n_steps++;
}

int cvt_plan_fuse(struct cvt_plan *plan, struct cvt_error *err)
{
	const struct cvt_graph *g = plan->graph;
	int *n_readers = calloc((size_t)g->n_nodes, sizeof *n_readers);
	bool *taken = calloc((size_t)g->n_nodes, sizeof *taken);
	int status = CVT_OK;
	if (!n_readers || !taken) {
		status = cvt_fail(err, CVT_ERR_MEMORY, "out of memory for the plan of %d layers", g->n_nodes);
		goto out;
	}
	for (int i = 0; i < g->n_nodes; i++)
		for (int k = 0; k < g->nodes[i].n_inputs; k++)
			n_readers[g->nodes[i].inputs[k]]++;
	for (int i = 0; i < g->n_nodes - 1; i++) {
		if (n_readers[i] == 0) {
			status = cvt_fail(err, CVT_ERR_RANGE, "nothing reads layer %s", g->nodes[i].name);
			goto out;
		}
	}
	find_requirements(plan);
	for (int i = 0; i < g->n_nodes; i++)
		if (g->nodes[i].ops->forward && !taken[i] && !cvt_plan_is_view(plan, &g->nodes[i]))
			add_step(plan, i, n_readers, taken);
	leave_masks(plan);
	find_partners(plan);
	join_steps(plan);
out:
	free(n_readers);
	free(taken);
	return status;
}
