/* input.c - where the pictures are: no step of its own. */
#include "nn/layer.h"

const struct cvt_layer_ops cvt_input_ops = {.name = "input"};

int cvt_input(struct cvt_graph *g, int c, int h, int w)
{
	if (!g->failed && g->n_nodes)
		return cvt_graph_fail(g, CVT_ERR_RANGE, "the input comes first, and once");
	return cvt_graph_add(g, &cvt_input_ops, NULL, 0) ? cvt_graph_shape(g, c, h, w) : -1;
}
