/* conv_1x1.h - how a 1 x 1 convolution is cut into tasks: shared by conv_1x1.c (forward, input gradient) and conv_1x1_weights.c. */
#ifndef CVT_NN_CONV_1X1_H
#define CVT_NN_CONV_1X1_H

#include "kernels/kernels.h"
#include "nn/layers/conv_common.h"

struct cvt_1x1_job {
	const struct cvt_conv_call *calls;      /* that are joined: one after another along maps in (input gradient), maps out (else) */
	int channels, outputs, pixels;          /* maps in, maps out, of all; pixels of a map */
	int length, panel;                      /* of a vector; of a panel: pixels (or, weight gradient, input channels) */
	int run, runs, chunks;                  /* pixels of a task; tasks of an image; of the batch */
	int together, tasks;                    /* images in a panel; tasks of the batch, forward and input gradient */
	bool backward;
	struct cvt_pool_shape window;           /* pools_x: of the whole map; else kernel 0 */
	float *transposed; ptrdiff_t row;       /* input gradient: weights, [outputs][row]: channels, and room for a vector */
	float *x, *dy;                          /* gathered, of all images: [blocks of channels][pixels][lanes of a block], [outputs][pixel_row] */
	ptrdiff_t pixel_row;                    /* pixels of all images, in whole vectors */
};

/* Maps to pack pixels from: those of x, or rows of what is made of it by pooling. */
struct cvt_1x1_source { const float *maps; ptrdiff_t plane /* from one map to the next */; int before /* pixels of a map that are not there */; };

/* shape: of all calls that are joined; `calls` and shared scratch are to be added. */
struct cvt_1x1_job cvt_1x1_job(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, int n, const struct cvt_kernels *kernels);
/* Of some maps of x, the pixels first .. end - 1 at least. scratch: cvt_1x1_pooled_floats. */
struct cvt_1x1_source cvt_1x1_source(const struct cvt_1x1_job *j, const float *x, int maps, int first, int end, float *scratch);
/* Room for so many pixels in a row, wherever they begin, of so many maps; 0: nothing is pooled. */
size_t cvt_1x1_pooled_floats(const struct cvt_1x1_job *j, int pixels, int maps);

/* conv_1x1_weights.c. The job: of max_batch images; of the call. */
void cvt_1x1_weight_scratch(const struct cvt_1x1_job *job, int max_batch, size_t *ret_shared_bytes, size_t *ret_worker_bytes);
void cvt_1x1_weight_run(struct cvt_1x1_job *j);

#endif
