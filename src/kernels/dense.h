/* dense.h - one task's worth of a dense layer: y = x W^T forward, and one pass over W for both gradients and the update. */
#ifndef CVT_KERNELS_DENSE_H
#define CVT_KERNELS_DENSE_H

#include <stdbool.h>
#include <stddef.h>

enum {
	CVT_DENSE_BATCH = 4,                    /* images of a register block forward: partial sums are padded to it */
	CVT_DENSE_BLOCK = 256,                  /* inputs summed in the lanes before they are folded */
	CVT_DENSE_BLOCKS = 16,                  /* of those together, at most */
	CVT_DENSE_IMAGES = 256,                 /* of x, times blocks, in scratch: 256 x 272 floats are a quarter of a second-level cache */
	CVT_DENSE_PANEL = 8,                    /* rows of a panel of dy backward */
	CVT_DENSE_MAX_ROWS = 64                 /* of W in scratch backward, at a time: cvt_dense_rows(n) */
};

/* Columns (inputs) of one backward task for a batch of n: the task's parts of x and dx are to stay in the second-level cache. */
static inline int cvt_dense_columns(int n)
{
	return n <= 32 ? 512 : n <= 128 ? 256 : n <= 256 ? 128 : 64;
}
/* Rows of W that are read, used and written together. The fewer images, the sooner memory is what limits; rows are often a multiple of 4 KB apart, and fall
 * into a few sets of the caches: fewer and longer ones stay there from their prefetch to their use. Whole panels. */
static inline int cvt_dense_rows(int n)
{
	return n <= 16 ? 16 : n <= 32 ? 32 : CVT_DENSE_MAX_ROWS;
}

/* From a row in scratch backward to the next. */
static inline int cvt_dense_columns_stride(int n)
{
	return cvt_dense_columns(n) + 16;
}
static inline size_t cvt_dense_backward_floats(int n)
{
	size_t panels = ((size_t)n + CVT_DENSE_PANEL - 1) / CVT_DENSE_PANEL;
	return ((size_t)cvt_dense_rows(n) + 2 * panels * CVT_DENSE_PANEL) * (size_t)cvt_dense_columns_stride(n);
}

/* Blocks of inputs of which x is in scratch together: rows of W are read from end to end while images are few. */
static inline int cvt_dense_forward_blocks(int n)
{
	int most = CVT_DENSE_IMAGES / ((n + 3) / 4 * 4);
	return most < 1 ? 1 : most > CVT_DENSE_BLOCKS ? CVT_DENSE_BLOCKS : most;
}
/* Floats of scratch for a batch of up to n. */
static inline size_t cvt_dense_forward_scratch(int n)
{
	int images = (n + 3) / 4 * 4;
	return (size_t)(images < CVT_DENSE_IMAGES / CVT_DENSE_BLOCKS ? images * CVT_DENSE_BLOCKS : CVT_DENSE_IMAGES) * (CVT_DENSE_BLOCK + 16);
}
static inline size_t cvt_dense_backward_scratch(int n)
{
	size_t most = 0;
	for (int fewer = 1; fewer <= n; fewer++)        /* they take more columns */
		most = cvt_dense_backward_floats(fewer) > most ? cvt_dense_backward_floats(fewer) : most;
	return most;
}

/* Some rows of W times some columns of x: sums[o*sums_stride + b] = sum over i of x[b][i] W[o][i]. */
struct cvt_dense_forward {
	int n, out, columns;                    /* images, rows of W, columns of both */
	const float *x; ptrdiff_t x_stride;     /* [n, columns] */
	const float *weight; ptrdiff_t weight_stride;   /* [out, columns] */
	float *sums; ptrdiff_t sums_stride;     /* [out, n rounded up to CVT_DENSE_BATCH]: written, the padding too */
	float *scratch;                         /* cvt_dense_forward_scratch() floats, 64-byte aligned */
};

/* Some columns of W, all rows: dX = dY W, dW = dY^T X. */
struct cvt_dense_backward {
	int n, out, columns;                    /* columns <= cvt_dense_columns(n) */
	const float *x; ptrdiff_t x_stride;     /* [n, columns] */
	float *weight; ptrdiff_t weight_stride; /* [out, columns]; also the stride of dweight and velocity */
	const float *dy_by_image;               /* [panels of n][out][CVT_DENSE_PANEL], zeros after n; 64-byte aligned */
	const float *dy_by_output;              /* [panels of out][n][CVT_DENSE_PANEL], zeros after out; 64-byte aligned */
	float *dx; ptrdiff_t dx_stride;         /* [n, columns], or NULL */
	bool dx_adds;                           /* added to instead of written */
	float *dweight;                         /* overwritten; NULL: weight (and velocity, unless NULL) are updated instead */
	float *velocity;
	float lr, momentum, weight_decay;
	bool stream;                            /* W is large: write it past the caches where its rows are aligned */
	float *scratch;                         /* cvt_dense_backward_scratch() floats, 64-byte aligned */
};

struct cvt_dense_kernels {
	void (*forward)(const struct cvt_dense_forward *a);
	/* y[b*y_stride + o] = sum over parts of sums[p*part_stride + o*sums_stride + b], in order, plus bias[o] (or NULL), ReLU if asked. */
	void (*finish)(const float *sums, ptrdiff_t part_stride, int parts, ptrdiff_t sums_stride, int n, int out,
		const float *bias, bool relu, float *y, ptrdiff_t y_stride);
	void (*backward)(const struct cvt_dense_backward *a);
};

#endif
