/* plan.h - makes a graph executable for a purpose and a largest batch.
 *
 * Training, evaluation and inspection are plans over the same weights. A dry plan allocates nothing and says what it would cost.
 * After a plan is made, forward and backward allocate nothing and cannot fail. */
#ifndef CVT_NN_PLAN_H
#define CVT_NN_PLAN_H

#include "base/pool.h"
#include "nn/model.h"
#include "nn/tensor.h"

enum { CVT_PLAN_TRAIN = 1, CVT_PLAN_KEEP_ALL = 2 /* absorb nothing, reuse nothing: every node's output is readable */ };

struct cvt_plan_options {
	int max_batch;
	int methods_of;                        /* 0, or the max_batch of another plan whose methods, and so bits, this one is to have */
	unsigned flags;
	int isa;                               /* enum cvt_isa */
	int conv;                              /* enum cvt_conv_choice */
	int workers;                           /* threads of the pool it will run on: scratch is per worker */
	struct cvt_plan *share;                /* NULL, or a plan whose workspace this one may use (not both between forward and backward) */
};

struct cvt_step_time { double forward, backward; };    /* seconds; of steps that are done in one call, the first one's are of all; what a
                                                        * convolution does for the norm behind it is in the convolution's */

/* What a step of training needs besides the input: set before each forward. */
struct cvt_exec {
	struct cvt_pool *pool;
	uint64_t seed; uint32_t step;          /* of dropout's random numbers: the run's batch number */
	float lr, momentum, weight_decay;      /* backward applies the update itself where a grad is NULL */
	struct cvt_step_time *times;           /* NULL, or one for each of cvt_plan_steps: overwritten */
};

struct cvt_plan_cost {
	int64_t workspace_bytes;               /* activations, gradients of activations, scratch */
	int64_t model_bytes;                   /* weights, gradients, momentum */
	int64_t multiply_adds;                 /* forward, one picture */
};
struct cvt_node_cost { int64_t multiply_adds, output_bytes /* one picture */; const char *kernel; };

/* A step: a node and those that it absorbed, by their kinds. Static text, and the graph's. */
enum { CVT_STEP_KINDS = 5 };
struct cvt_step_about {
	int node, n_kinds;
	int n_joined;                          /* steps of the same input that are done in one call with this one, itself counted; 0: an earlier one does it */
	const char *name, *kinds[CVT_STEP_KINDS], *kernel /* "": there is no choice */;
};

struct cvt_plan;
/* Costs of a plan without allocating. `costs`: NULL, or graph->n_nodes of them. */
CVT_NODISCARD int cvt_plan_dry(const struct cvt_graph *graph, const struct cvt_plan_options *options, bool with_momentum,
	struct cvt_plan_cost *ret_cost, struct cvt_node_cost *costs, struct cvt_error *err);
CVT_NODISCARD int cvt_plan_create(struct cvt_model *model, const struct cvt_plan_options *options,
	struct cvt_plan **ret_plan, struct cvt_error *err);
void cvt_plan_destroy(struct cvt_plan *plan);
int cvt_plan_steps(const struct cvt_plan *plan);
struct cvt_step_about cvt_plan_step_about(const struct cvt_plan *plan, int step);

/* Where the caller puts the pictures: [n, c, h, w], image_stride = c*h*w. Valid until the next forward has returned (training: until
 * backward has). */
struct cvt_tensor cvt_plan_input(struct cvt_plan *plan);
/* Forward of n <= max_batch pictures; logits [n, classes] in cvt_plan_logits. In training, batch norm uses and updates statistics. */
void cvt_plan_forward(struct cvt_plan *plan, int n, const struct cvt_exec *exec);
const float *cvt_plan_logits(const struct cvt_plan *plan);
/* Training: the caller has put d loss/d logits, [n, classes], there; then backward fills every param's grad (overwrites). */
float *cvt_plan_logits_grad(struct cvt_plan *plan);
void cvt_plan_backward(struct cvt_plan *plan, int n, const struct cvt_exec *exec);
/* KEEP_ALL: a node's output, or the gradient of it after backward. data NULL where there is none. */
struct cvt_tensor cvt_plan_output(struct cvt_plan *plan, int node);
struct cvt_tensor cvt_plan_output_grad(struct cvt_plan *plan, int node);

#endif
