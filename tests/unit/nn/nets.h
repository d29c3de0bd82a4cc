/* nets.h - small networks that between them have every layer, every fusion and odd sizes; and one step of training of one. */
#ifndef CVT_TEST_NN_NETS_H
#define CVT_TEST_NN_NETS_H

#include "base/pool.h"
#include "nn/model.h"
#include "nn/plan.h"

struct net { const char *name; void (*build)(struct cvt_graph *g); };
extern const struct net nets[];
extern const int n_nets, wide_net;            /* wide_net: one behind those that tests go through */

/* What one forward (and backward, in training) gave; all the caller's. */
struct outcome {
	struct cvt_model *model;
	struct cvt_plan *plan;
	int n, classes;
	float *logits;
};
struct setup { int net, n, max_n, methods_of, threads, conv, isa; unsigned flags; uint64_t seed; bool momentum; };

/* Builds, fills the workspace with NaN, puts random pictures in, runs forward, and in training backward from random output gradients, which
 * setup_dlogits gives. Running statistics and gammas are made uneven first. */
void run_net(const struct setup *setup, struct outcome *ret);
void outcome_finish(struct outcome *o);
/* The pictures and output gradients of a setup, as [n] values. */
void setup_input(const struct setup *setup, float *x, int64_t count);
void setup_dlogits(const struct setup *setup, float *dy, int64_t count);
struct cvt_model *setup_model(const struct setup *setup);

#endif
