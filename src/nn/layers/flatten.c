/* flatten.c - [n, c, h, w] seen as [n, c*h*w, 1, 1]: the same memory. */
#include "nn/layer.h"

const struct cvt_layer_ops cvt_flatten_ops = {.name = "flatten", .is_view = true};

int cvt_flatten(struct cvt_graph *g, int x)
{
	if (!cvt_graph_add(g, &cvt_flatten_ops, &x, 1))
		return -1;
	const struct cvt_node *in = &g->nodes[x];
	return cvt_graph_shape(g, (int64_t)in->c * in->h * in->w, 1, 1);
}
