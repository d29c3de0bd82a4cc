/* graph.c - grows the arrays of a graph; the builders themselves are in layers/. */
#include "nn/graph.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/layer.h"

enum {
	NODES_LIMIT = 4096,
	UPDATE_AT_ONCE = 1 << 14                /* weights of an array: from here on their gradient is not kept, but applied while a cache has it */
};

void cvt_graph_init(struct cvt_graph *g)
{
	*g = (struct cvt_graph){0};
}

void cvt_graph_finish(struct cvt_graph *g)
{
	free(g->nodes);
	free(g->params);
	*g = (struct cvt_graph){0};
}

int cvt_graph_check(const struct cvt_graph *g, struct cvt_error *err)
{
	if (g->failed) {
		if (err)
			*err = g->error;
		return g->failed;
	}
	if (g->n_nodes < 2)
		return cvt_fail(err, CVT_ERR_RANGE, "the network has no layers");
	return CVT_OK;
}

void cvt_name(struct cvt_graph *g, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(g->next_name, sizeof g->next_name, format, args);
	va_end(args);
}

int cvt_graph_fail(struct cvt_graph *g, int code, const char *format, ...)
{
	if (!g->failed) {
		char text[512];
		va_list args;
		va_start(args, format);
		vsnprintf(text, sizeof text, format, args);
		va_end(args);
		const char *name = g->next_name[0] || !g->n_nodes ? g->next_name : g->nodes[g->n_nodes - 1].name;
		g->failed = cvt_fail(&g->error, code, "%s%s%s", name, name[0] ? ": " : "", text);
	}
	return -1;
}

/* Room for one more element; `what` is for the message. */
static void *grow(struct cvt_graph *g, void *array, int count, int *room, size_t size, const char *what)
{
	if (count < *room)
		return array;
	if (count >= NODES_LIMIT) {
		cvt_graph_fail(g, CVT_ERR_RANGE, "the network has more than %d %s", NODES_LIMIT, what);
		return NULL;
	}
	int wanted = *room ? *room * 2 : 64;
	void *larger = realloc(array, (size_t)wanted * size);
	if (!larger) {
		cvt_graph_fail(g, CVT_ERR_MEMORY, "out of memory for %d %s", wanted, what);
		return NULL;
	}
	*room = wanted;
	return larger;
}

struct cvt_node *cvt_graph_add(struct cvt_graph *g, const struct cvt_layer_ops *ops, const int *xs, int n_xs)
{
	if (g->failed)
		return NULL;
	for (int i = 0; i < n_xs; i++) {
		if (xs[i] < 0 || xs[i] >= g->n_nodes) {
			cvt_graph_fail(g, CVT_ERR_RANGE, "%s: its input %d is no earlier node", ops->name, xs[i]);
			return NULL;
		}
		/* a part of a concat is a slice of its memory, which the others write too */
		if (g->nodes[xs[i]].in_concat) {
			cvt_graph_fail(g, CVT_ERR_RANGE, "%s: its input %s is part of a concat already", ops->name, g->nodes[xs[i]].name);
			return NULL;
		}
	}
	struct cvt_node *nodes = grow(g, g->nodes, g->n_nodes, &g->nodes_room, sizeof *nodes, "layers");
	if (!nodes)
		return NULL;
	g->nodes = nodes;
	struct cvt_node *node = &nodes[g->n_nodes++];
	*node = (struct cvt_node){.ops = ops, .n_inputs = n_xs};
	for (int i = 0; i < n_xs; i++)
		node->inputs[i] = xs[i];
	if (g->next_name[0])
		memcpy(node->name, g->next_name, sizeof node->name);
	else
		snprintf(node->name, sizeof node->name, "%d", g->n_nodes - 1);
	g->next_name[0] = '\0';
	return node;
}

int cvt_graph_shape(struct cvt_graph *g, int64_t c, int64_t h, int64_t w)
{
	if (g->failed)
		return -1;
	struct cvt_node *node = &g->nodes[g->n_nodes - 1];
	if (c < 1 || h < 1 || w < 1 || c > INT32_MAX || h > INT32_MAX || w > INT32_MAX || h * w > INT32_MAX / c)
		return cvt_graph_fail(g, CVT_ERR_RANGE, "%s gives %lld maps of %lld x %lld, which does not work", node->ops->name,
			(long long)c, (long long)h, (long long)w);
	node->c = (int)c;
	node->h = (int)h;
	node->w = (int)w;
	return g->n_nodes - 1;
}

void cvt_graph_add_param(struct cvt_graph *g, const char *suffix, const int *dims, int n_dims, enum cvt_init init, int fan_in,
	bool trained, bool learns)
{
	if (g->failed)
		return;
	struct cvt_param *params = grow(g, g->params, g->n_params, &g->params_room, sizeof *params, "arrays");
	if (!params)
		return;
	g->params = params;
	struct cvt_node *node = &g->nodes[g->n_nodes - 1];
	struct cvt_param *p = &params[g->n_params];
	*p = (struct cvt_param){.n_dims = n_dims, .init = init, .fan_in = fan_in, .trained = trained, .learns = trained && learns, .count = 1};
	snprintf(p->name, sizeof p->name, "%s.%s", node->name, suffix);
	for (int i = 0; i < n_dims; i++) {
		p->dims[i] = dims[i];
		if (__builtin_mul_overflow(p->count, dims[i], &p->count) || p->count > INT32_MAX) {
			cvt_graph_fail(g, CVT_ERR_RANGE, "%s: more than 2,147,483,647 weights in one layer", p->name);
			return;
		}
	}
	/* of weights: what has one dimension, biases and norms' numbers, is the optimiser's */
	p->updated_in_backward = p->learns && !g->keep_gradients && n_dims > 1 && p->count >= UPDATE_AT_ONCE;
	node->params[node->n_params++] = g->n_params++;
}
