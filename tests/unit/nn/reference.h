/* reference.h - a network in double, straight from the definitions: what the engine is compared with. Forward only; gradients come from
 * central differences of it. */
#ifndef CVT_TEST_NN_REFERENCE_H
#define CVT_TEST_NN_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/graph.h"

struct reference {
	const struct cvt_graph *graph;
	double **values;                        /* of each param */
	double **outputs;                       /* of each node, [n, c, h, w] */
	int max_n;
	bool training;
	uint64_t seed; uint32_t step;           /* of dropout */
};

/* Values are copied from the graph's arrays. */
void reference_init(struct reference *r, const struct cvt_graph *graph, int max_n, bool training);
void reference_finish(struct reference *r);
/* outputs[0] is the input. Runs nodes from..last. */
void reference_forward(struct reference *r, int n, int from);
/* What training makes of a norm's running statistics, from outputs. c doubles each. */
void reference_running(const struct reference *r, int n, int node, double *mean, double *var);

#endif
