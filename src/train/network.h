/* network.h - a model with what it takes to run it: pool, plans, class weights, labels. And its way to and from arrays of a file. */
#ifndef CVT_TRAIN_NETWORK_H
#define CVT_TRAIN_NETWORK_H

#include "convtui/config.h"
#include "nn/plan.h"
#include "store/safetensors.h"

struct cvt_network {
	struct cvt_pool *pool;
	struct cvt_model *model;
	struct cvt_plan *train, *eval;       /* eval shares train's workspace; train NULL: evaluation only */
	int n_classes, threads;
	int train_batch, eval_batch;         /* the most pictures that a plan takes; train_batch 0: evaluation only */
	int isa, conv;
	float *weights;                      /* [n_classes], in the loss */
	int *labels, *predicted;             /* [max(train_batch, eval_batch)] */
	float *late_momentum;                /* of a run that began without momentum and was steered to have it */
};

struct cvt_network_options {
	const struct cvt_config *config;
	int n_classes;
	int train_batch;                     /* 0: evaluation only */
	int eval_batch;
	int64_t eval_bytes;                  /* halve eval_batch until its workspace is no more than this; 0: no limit */
	int64_t memory;                      /* bytes this process may still take; 0: unknown, not checked */
};

/* Builds the graph, refuses what does not fit the memory (with the largest batch that would), draws the initial weights, makes the plans.
 * weights are all 1. *ret_network is the caller's: cvt_network_destroy. */
CVT_NODISCARD int cvt_network_create(const struct cvt_network_options *options, struct cvt_network **ret_network, struct cvt_error *err);
void cvt_network_destroy(struct cvt_network *network);

/* Other threads from here on: makes pool and plans anew. On failure the old ones stay. Between two steps only. */
CVT_NODISCARD int cvt_network_set_threads(struct cvt_network *network, int threads, struct cvt_error *err);
/* Allocates momentum, zero, where the model has none: v = m * 0 + g is what PyTorch begins with. */
CVT_NODISCARD int cvt_network_need_momentum(struct cvt_network *network, struct cvt_error *err);

/* Bytes of a checkpoint's arrays. */
int64_t cvt_network_state_bytes(const struct cvt_network *network);

/* The model's arrays under PyTorch's names, momentum as optimizer.momentum.NAME. The list and its names are the caller's (one free of
 * *ret_arrays); the data is the model's. */
CVT_NODISCARD int cvt_network_arrays(const struct cvt_network *network, struct cvt_array **ret_arrays, int *ret_n, struct cvt_error *err);
/* Copies a file's arrays into the model. Names and shapes must match exactly: what is missing, too many or of another shape is an error
 * that names it, and `path`. Passed over: num_batches_tracked, scalars of I64, and optimizer.* unless `with_optimizer`. The model is
 * changed only when all fits. */
CVT_NODISCARD int cvt_network_load(struct cvt_network *network, const struct cvt_safetensors *file, const char *path, bool with_optimizer,
	struct cvt_error *err);

#endif
