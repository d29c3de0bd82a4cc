/* concat.c - along channels, and free: each part's output is a slice of the concat's memory from the start, forward and backward. That is
 * why nothing else may read a part, and why a part has to be a layer that writes memory of its own. */
#include "nn/layer.h"

const struct cvt_layer_ops cvt_concat_ops = {.name = "concat"};

int cvt_concat(struct cvt_graph *g, const int *xs, int n_xs)
{
	if (!g->failed && (n_xs < 1 || n_xs > CVT_INPUTS_MAX))
		return cvt_graph_fail(g, CVT_ERR_RANGE, "concat of %d parts: 1 to %d work", n_xs, CVT_INPUTS_MAX);
	if (!cvt_graph_add(g, &cvt_concat_ops, xs, n_xs))
		return -1;
	const struct cvt_node *first = &g->nodes[xs[0]];
	int64_t c = 0;
	for (int i = 0; i < n_xs; i++) {
		struct cvt_node *part = &g->nodes[xs[i]];
		if (part->h != first->h || part->w != first->w)
			return cvt_graph_fail(g, CVT_ERR_RANGE, "concat: %s is %d x %d, %s is %d x %d", first->name, first->h, first->w,
				part->name, part->h, part->w);
		for (int k = 0; k < g->n_nodes - 1; k++)
			for (int j = 0; j < g->nodes[k].n_inputs; j++)
				if (g->nodes[k].inputs[j] == xs[i])
					return cvt_graph_fail(g, CVT_ERR_RANGE, "concat: %s is read by %s too", part->name, g->nodes[k].name);
		if (!part->ops->forward || part->ops->identity_at_evaluation || part->in_concat)
			return cvt_graph_fail(g, CVT_ERR_RANGE, "concat: %s (%s) cannot be a part", part->name, part->ops->name);
		part->in_concat = true;
		c += part->c;
	}
	return cvt_graph_shape(g, c, first->h, first->w);
}
