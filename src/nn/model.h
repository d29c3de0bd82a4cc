/* model.h (nn) - a graph with weights. Plans for training, evaluation and inspection share one model. */
#ifndef CVT_NN_MODEL_H
#define CVT_NN_MODEL_H

#include "nn/graph.h"

struct cvt_model {
	struct cvt_graph graph;                /* owned; graph.params[i].value and friends point into the model's memory */
	bool has_momentum;
	void *memory;                          /* private */
	size_t bytes;                          /* of weights, gradients, momentum */
};

/* Takes over `graph` (which becomes empty) on success only. Weights are drawn from Philox(seed, INIT, parameter, index): PyTorch's
 * default distributions. CVT_ERR_MEMORY. with_training: gradients (and momentum) are allocated. */
CVT_NODISCARD int cvt_model_create(struct cvt_graph *graph, uint64_t seed, bool with_training, bool with_momentum,
	struct cvt_model **ret_model, struct cvt_error *err);
void cvt_model_destroy(struct cvt_model *model);
struct cvt_param *cvt_model_param(struct cvt_model *model, const char *name);   /* NULL: none */
int64_t cvt_graph_parameters(const struct cvt_graph *g);                        /* trained and learning */
size_t cvt_graph_model_bytes(const struct cvt_graph *g, bool with_training, bool with_momentum);   /* what cvt_model_create allocates */

#endif
