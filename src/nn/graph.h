/* graph.h - what an architecture is: a flat array of nodes, each naming earlier ones. A value; nothing is computed here.
 *
 * Builders return the new node, or -1 once anything has failed: the first error sticks in the graph and later calls do nothing, so an
 * architecture is straight-line code, checked once at its end with cvt_graph_check. */
#ifndef CVT_NN_GRAPH_H
#define CVT_NN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convtui/error.h"

enum cvt_init {
	CVT_INIT_ZERO, CVT_INIT_ONE,
	CVT_INIT_UNIFORM_FAN_IN    /* PyTorch's default for conv and linear, weight and bias: uniform in +-1/sqrt(fan_in) */
};
struct cvt_param {                         /* one named array */
	char name[64];                         /* PyTorch's key: "net.0.weight" */
	int dims[4], n_dims;
	enum cvt_init init; int fan_in;
	bool trained;                          /* false: running_mean, running_var */
	bool learns;                           /* false while trained: a frozen branch (GoogLeNet as in the post) */
	int64_t count;                         /* product of dims */
	bool updated_in_backward;              /* so large that its gradient is not kept: backward applies the update (grad is NULL) */
	float *value, *grad, *momentum;        /* filled by the model; grad NULL where backward applies the update itself */
};

struct cvt_conv_args { int out; int kernel, stride, padding; bool frozen; };
struct cvt_dense_args { int out; };
struct cvt_pool_args { int kernel, stride, padding; };
struct cvt_dropout_args { float p; };
struct cvt_norm_args { float eps, momentum; bool batch_statistics; /* also at evaluation: the post's inception */ bool frozen; };

struct cvt_layer_ops;
struct cvt_node {
	const struct cvt_layer_ops *ops;
	union { struct cvt_conv_args conv; struct cvt_dense_args dense; struct cvt_pool_args pool;
		struct cvt_dropout_args dropout; struct cvt_norm_args norm; } as;
	int inputs[4], n_inputs;               /* indices of earlier nodes */
	int params[4], n_params;               /* indices into the graph's params */
	int c, h, w;                           /* output shape, known when added */
	char name[48];                         /* module path, for weights, inspection, errors */
	int dropout_index;                     /* which dropout this is: part of its random numbers' name */
	bool in_concat;                        /* its output is a slice of a concat's: nothing else may read it */
};
struct cvt_graph {
	struct cvt_node *nodes; int n_nodes, nodes_room;
	struct cvt_param *params; int n_params, params_room;
	char next_name[48];                    /* module path the next node takes: see cvt_name */
	int n_dropouts;
	bool keep_gradients;                   /* tests: store every gradient, also those that backward would apply at once */
	int failed; struct cvt_error error;    /* the first */
};

void cvt_graph_init(struct cvt_graph *g);
void cvt_graph_finish(struct cvt_graph *g);
/* The sticky error, if any. */
CVT_NODISCARD int cvt_graph_check(const struct cvt_graph *g, struct cvt_error *err);
/* The module path of the next node added: cvt_name(g, "net.%d", i). */
void cvt_name(struct cvt_graph *g, const char *format, ...) CVT_PRINTF(2, 3);

int cvt_input(struct cvt_graph *g, int c, int h, int w);
int cvt_conv(struct cvt_graph *g, int x, struct cvt_conv_args a);        /* square kernel, bias */
int cvt_batch_norm(struct cvt_graph *g, int x, struct cvt_norm_args a);  /* eps 0: 1e-5; momentum 0: 0.1 */
int cvt_relu(struct cvt_graph *g, int x);
int cvt_max_pool(struct cvt_graph *g, int x, struct cvt_pool_args a);    /* padding is minus infinity; floor, as PyTorch */
int cvt_global_avg_pool(struct cvt_graph *g, int x);
int cvt_concat(struct cvt_graph *g, const int *xs, int n_xs);            /* along channels; free */
int cvt_flatten(struct cvt_graph *g, int x);                             /* a view */
int cvt_dense(struct cvt_graph *g, int x, struct cvt_dense_args a);      /* PyTorch's Linear */
int cvt_dropout(struct cvt_graph *g, int x, struct cvt_dropout_args a);

#endif
