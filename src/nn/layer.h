/* layer.h - what a layer is to the planner, and what one call of it sees. Private to src/nn.
 *
 * A layer is one file in layers/: a builder (graph.h) and a table of functions. To add one: its arguments in graph.h, the file, a line in
 * meson.build. The planner turns nodes into steps: a step is one node and those that it absorbed, with views into the workspace. */
#ifndef CVT_NN_LAYER_H
#define CVT_NN_LAYER_H

#include "kernels/kernels.h"
#include "nn/graph.h"
#include "nn/plan.h"
#include "nn/tensor.h"

enum { CVT_ABSORBED_MAX = 3, CVT_INPUTS_MAX = 4, CVT_JOINED_MAX = 4 /* steps, with the leader */ };
enum { CVT_READS_X = 1, CVT_READS_Y = 2 };  /* of struct cvt_step: backward_reads */
/* What a convolution and the batch norm that alone reads its y do for each other, in training. Forward leaves sums of y; and, of a norm that
 * swallowed 2 x 2 pooling, the largest of each block (the least where gamma < 0), in the norm's y. Backward makes dy itself, from
 * y and the gradient of the norm's y (which pooled 2 x 2 blocks, or 3 x 3 windows), where it is needed and not before. */
enum { CVT_HANDS_SUMS = 1, CVT_HANDS_POOLED = 2, CVT_HANDS_DY_BLOCKS = 4, CVT_HANDS_DY_WINDOWS = 8, 
	CVT_HANDS_DY = CVT_HANDS_DY_BLOCKS | CVT_HANDS_DY_WINDOWS };

/* What a step needs during a call, and only then; packed with everything else. */
struct cvt_scratch { size_t shared_bytes, worker_bytes; void *shared, *workers; };

struct cvt_step {                           /* one call of forward and one of backward, unless another step leads it */
	const struct cvt_graph *graph;          /* where params live */
	const struct cvt_node *node, *absorbed[CVT_ABSORBED_MAX];
	const struct cvt_node *fetched;         /* NULL, or the node before, whose output nobody else reads: it is made on the way, never as a whole */
	int n_absorbed, index /* of the node */, last /* of the last one absorbed: whose output y is */;
	int input;                              /* the node whose output x is: what `node`, or what `fetched`, reads */
	struct cvt_step *leader;                /* who does this one's work, in both directions: itself, or an earlier step of the same x */
	struct cvt_step *joined;                /* the next of those whose work the leader does, from the leader on; NULL: no more */
	struct cvt_tensor x, dx, y, dy;         /* views into the workspace; dx.data NULL: nobody wants it. n is the call's. (A norm with CVT_HANDS_DY: dx */
	                                        /* is where x is, and its partner writes it.) */
	bool training, keep_all;
	bool wants_dx;
	bool dx_adds;                           /* another consumer has written this dx already: add to it */
	bool mask_dx;                           /* the producer ends in ReLU and leaves its mask to us: dx *= [x > 0] */
	bool dy_masked;                         /* the same, seen from the producer */
	unsigned hands;                         /* of a convolution and a norm: CVT_HANDS_..; 0: nothing, and partner is NULL */
	struct cvt_step *partner;               /* the other of the two */
	double *sums; float *pivot;             /* of both, CVT_HANDS_SUMS: [c][2], sum and sum of squares of y - pivot, and [c] */
	int remake_before;                      /* the step before whose backward y is made again; -1: it is kept, or not needed */
	float *forward_x, *forward_y, *backward_x, *backward_y; /* where x and y are in each direction: x.data and y.data are set from these */
	unsigned backward_reads;                /* set by ops->plan: the planner keeps nothing else alive */
	size_t saved_bytes; void *saved;        /* kept from forward to backward, 64-byte aligned */
	struct cvt_scratch forward, backward;
	int max_batch, conv;                    /* conv: enum cvt_conv_choice */
	int methods_of;                         /* a batch: methods are chosen as for this one, whatever max_batch is */
	const struct cvt_kernels *kernels;
};

struct cvt_layer_ops {
	const char *name;                       /* in errors and descriptions */
	bool is_view;                           /* its output is its input's memory in another shape: no step */
	bool identity_at_evaluation;            /* the same, at evaluation only (dropout) */
	bool masks_dx;                          /* can leave out the gradient where x <= 0 (see mask_dx) */
	bool overwrites_x;                      /* its backward may write dx over x */
	/* Of convolutions and norms: what it could hand over, or take. What both can is done. */
	unsigned (*hands)(const struct cvt_step *step);
	/* May `next`, the only reader of the step's output so far, become part of it? NULL: never. Called again after each. Shapes: the nodes'. */
	bool (*absorb)(const struct cvt_step *step, const struct cvt_node *next);
	/* May `before`, whose output the step alone reads, become part of it? NULL: never. Shapes and absorbed: as for `absorb`. */
	bool (*fetches)(const struct cvt_step *step, const struct cvt_node *before);
	/* May the work of `other`, a later step of the same kind and x, be done in the step's calls? NULL: never. */
	bool (*joins)(const struct cvt_step *step, const struct cvt_step *other);
	/* Fills backward_reads, saved_bytes, scratch; cannot fail. Shapes, absorbed, joined and wants_dx are known, addresses are not. */
	void (*plan)(struct cvt_step *step);
	void (*forward)(const struct cvt_step *step, const struct cvt_exec *exec);
	void (*backward)(const struct cvt_step *step, const struct cvt_exec *exec);
	/* Can y be made again for little, from x and what is saved, so that it need not be kept? NULL: no. remake writes y. */
	bool (*remakes)(const struct cvt_step *step);
	void (*remake)(const struct cvt_step *step, const struct cvt_exec *exec);
	int64_t (*multiply_adds)(const struct cvt_graph *graph, const struct cvt_node *node);       /* one picture; NULL: none to speak of */
	const char *(*method)(const struct cvt_step *step);                                          /* NULL: there is no choice */
};

extern const struct cvt_layer_ops cvt_input_ops, cvt_conv_ops, cvt_norm_ops, cvt_relu_ops, cvt_max_pool_ops, cvt_avg_pool_ops,
	cvt_concat_ops, cvt_flatten_ops, cvt_dense_ops, cvt_dropout_ops;

/* For builders: appends a node that reads xs, its name taken from cvt_name, its shape still to be filled in. NULL once anything has
 * failed. The pointer is valid until the next node is added. */
struct cvt_node *cvt_graph_add(struct cvt_graph *g, const struct cvt_layer_ops *ops, const int *xs, int n_xs);
/* The newest node's output shape, checked; returns the node's index, or -1. */
int cvt_graph_shape(struct cvt_graph *g, int64_t c, int64_t h, int64_t w);
/* Gives the newest node an array "NAME.suffix". */
void cvt_graph_add_param(struct cvt_graph *g, const char *suffix, const int *dims, int n_dims, enum cvt_init init, int fan_in,
	bool trained, bool learns);
/* The sticky failure; returns -1 for builders to return. Messages begin with the newest node's name. */
int cvt_graph_fail(struct cvt_graph *g, int code, const char *format, ...) CVT_PRINTF(3, 4);

/* Of a norm whose backward has been: the numbers by which the gradient of its y becomes that of its x. */
struct cvt_norm_maps cvt_norm_backward_maps(const struct cvt_step *norm);

static inline struct cvt_param *cvt_step_param(const struct cvt_step *step, const struct cvt_node *node, int i)
{
	return &step->graph->params[node->params[i]];
}
static inline int64_t cvt_plane(const struct cvt_tensor *t)
{
	return (int64_t)t->h * t->w;
}
static inline float *cvt_image(const struct cvt_tensor *t, int image)
{
	return t->data + image * t->image_stride;
}

#endif
