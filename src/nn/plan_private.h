/* plan_private.h - what the parts of the planner share: plan.c (lifetimes, memory, running), plan_fuse.c (nodes into steps). */
#ifndef CVT_NN_PLAN_PRIVATE_H
#define CVT_NN_PLAN_PRIVATE_H

#include "nn/layer.h"
#include "nn/plan_pack.h"

/* Where a node's output lives: in the buffers of `root`, from channel `channel` on. Root is itself, the concat that it is part of, or the
 * node that it is a view of. */
struct cvt_place { int root, channel; };

/* What lives in a root's memory. */
struct cvt_root {
	int value, grad;                        /* buffers; -1: none. The same one where dx is written over x */
	bool remade;                            /* not kept for backward: its producers make it again, into ... */
	int again;                              /* ... this buffer; -1: nobody reads it backward */
	int n_readers, reader;                  /* steps that read it; the last of them */
};

struct cvt_plan {
	const struct cvt_graph *graph;
	struct cvt_plan_options options;
	bool training, keep_all;
	const struct cvt_kernels *kernels;
	struct cvt_step *steps; int n_steps;
	struct cvt_place *places;               /* of each node */
	struct cvt_root *roots;                 /* of each node; meaningful where places[i].root == i */
	bool *requires_grad;                    /* of each node: something that learns is at or before it */
	struct cvt_buffer *buffers; int n_buffers;
	int (*step_buffers)[6];                 /* of each step: saved, forward shared and workers, backward shared and workers, sums */
	size_t bytes;                           /* of the workspace */
	char *memory;                           /* NULL: dry */
	struct cvt_plan *shared;                /* whose memory this is; NULL: own */
};

/* Nodes that are another's memory: places. */
void cvt_plan_places(struct cvt_plan *plan);
/* Nodes into steps, each absorbing what it can; who requires gradients; whose ReLU mask is left to the reader; which convolution
 * and norm are partners; who works for whom.
 * CVT_ERR_RANGE: a node that nothing reads. */
CVT_NODISCARD int cvt_plan_fuse(struct cvt_plan *plan, struct cvt_error *err);
/* The points of the timeline at which a step's work is done: its own, or its leader's. */
static inline int cvt_forward_time(const struct cvt_plan *plan, int step)
{
	return (int)(plan->steps[step].leader - plan->steps);
}
static inline int cvt_backward_time(const struct cvt_plan *plan, int step)
{
	return 2 * plan->n_steps - 1 - cvt_forward_time(plan, step);
}
/* One step of cvt_plan_forward and cvt_plan_backward, in whose order they are to be called: for measuring. */
void cvt_plan_step_forward(struct cvt_plan *plan, int s, int n, const struct cvt_exec *exec);
void cvt_plan_step_backward(struct cvt_plan *plan, int s, int n, const struct cvt_exec *exec);
bool cvt_plan_is_view(const struct cvt_plan *plan, const struct cvt_node *node);

#endif
