/* conv_gemm.c - a convolution as products of matrices: the pixels that each output sees become a column (im2col), blocks of output rows at
 * a time, and OpenBLAS multiplies.
 *
 *     forward:          y[o][p] = sum over q of weight[o][q] col[q][p]          q = (c, ky, kx), p = pixels of the block
 *     input gradient:   dcol[q][p] = sum over o of weight[o][q] dy[o][p], added back to where the columns came from (col2im)
 *     weight gradient:  dweight[o][q] = sum over images and p of dy[o][p] col[q][p], a constant number of image chunks apart
 *
 * A 1 x 1 convolution of stride 1 needs no columns: its input is the matrix already. */
#include <string.h>

#include "nn/gemm.h"
#include "nn/layers/conv_common.h"

enum { BLOCK_FLOATS = 1 << 19, PART_FLOATS = 4 << 20, CHUNKS = 8, OUT_BLOCK = 64 };

static bool is_plain(const struct cvt_conv_shape *s)
{
	return s->kernel == 1 && s->stride == 1 && s->padding == 0;
}

/* Output rows in a block: their columns are about BLOCK_FLOATS. */
static int block_rows(const struct cvt_conv_shape *s)
{
	int64_t rows = BLOCK_FLOATS / (cvt_conv_fan_in(s) * s->out_w);
	return rows < 1 ? 1 : rows > s->out_h ? s->out_h : (int)rows;
}

static int n_blocks(const struct cvt_conv_shape *s)
{
	return (s->out_h + block_rows(s) - 1) / block_rows(s);
}

struct block { int top, rows, pixels; };

static struct block block_of(const struct cvt_conv_shape *s, int index)
{
	int top = index * block_rows(s), rows = s->out_h - top < block_rows(s) ? s->out_h - top : block_rows(s);
	return (struct block){top, rows, rows * s->out_w};
}

static float *worker_scratch(const struct cvt_conv_call *call, int worker)
{
	return (float *)((char *)call->workers + (size_t)worker * call->worker_bytes);
}

/* One row of columns: tap (c, ky, kx) of each pixel of the block; what lies outside is 0. */
static void gather_row(const struct cvt_conv_shape *s, const float *x, int ky, int kx, struct block b, float *col)
{
	int from, to;
	cvt_conv_valid(s->in_w, s->out_w, kx, s->stride, s->padding, &from, &to);
	for (int y = 0; y < b.rows; y++, col += s->out_w) {
		int iy = (b.top + y) * s->stride + ky - s->padding;
		if (iy < 0 || iy >= s->in_h) {
			memset(col, 0, (size_t)s->out_w * sizeof(float));
			continue;
		}
		const float *row = x + (int64_t)iy * s->in_w + kx - s->padding;
		for (int i = 0; i < from; i++)
			col[i] = 0;
		if (s->stride == 1)
			memcpy(col + from, row + from, (size_t)(to - from) * sizeof(float));
		else
			for (int i = from; i < to; i++)
				col[i] = row[(int64_t)i * s->stride];
		for (int i = to; i < s->out_w; i++)
			col[i] = 0;
	}
}

/* The block's columns [q][pixels] of one image; *ld: from one row to the next. */
static const float *columns(const struct cvt_conv_call *call, int image, struct block b, float *col, int *ld)
{
	const struct cvt_conv_shape *s = &call->shape;
	const float *x = call->x + image * call->x_stride;
	if (is_plain(s)) {
		*ld = s->in_h * s->in_w;
		return x + (int64_t)b.top * s->in_w;
	}
	*ld = b.pixels;
	float *row = col;
	for (int c = 0; c < s->in_c; c++)
		for (int ky = 0; ky < s->kernel; ky++)
			for (int kx = 0; kx < s->kernel; kx++, row += b.pixels)
				gather_row(s, x + (int64_t)c * s->in_h * s->in_w, ky, kx, b, row);
	return col;
}

static void forward_task(void *context, int task, int worker)
{
	const struct cvt_conv_call *call = context;
	const struct cvt_conv_shape *s = &call->shape;
	int image = task / n_blocks(s), q = (int)cvt_conv_fan_in(s), plane = (int)cvt_conv_out_plane(s), ld;
	struct block b = block_of(s, task % n_blocks(s));
	const float *col = columns(call, image, b, worker_scratch(call, worker), &ld);
	float *y = call->y + image * call->y_stride + (int64_t)b.top * s->out_w;
	cvt_gemm(false, false, s->out_c, b.pixels, q, call->weight, q, col, ld, 0, y, plane);
	for (int o = 0; o < s->out_c; o++)
		cvt_conv_finish(call, o, y + (int64_t)o * plane, b.pixels);
}

static void scatter_row(const struct cvt_conv_shape *s, float *dx, int ky, int kx, struct block b, const float *col)
{
	int from, to;
	cvt_conv_valid(s->in_w, s->out_w, kx, s->stride, s->padding, &from, &to);
	for (int y = 0; y < b.rows; y++, col += s->out_w) {
		int iy = (b.top + y) * s->stride + ky - s->padding;
		if (iy < 0 || iy >= s->in_h)
			continue;
		float *row = dx + (int64_t)iy * s->in_w + kx - s->padding;
		for (int i = from; i < to; i++)
			row[(int64_t)i * s->stride] += col[i];
	}
}

/* One image, its blocks in order, as they overlap. */
static void input_task(void *context, int image, int worker)
{
	const struct cvt_conv_call *call = context;
	const struct cvt_conv_shape *s = &call->shape;
	int q = (int)cvt_conv_fan_in(s), plane = (int)cvt_conv_out_plane(s);
	float *dx = call->dx + image * call->dx_stride, *col = worker_scratch(call, worker);
	const float *dy = call->dy + image * call->dy_stride;
	if (is_plain(s)) {
		cvt_gemm(true, false, q, plane, s->out_c, call->weight, q, dy, plane, call->dx_adds, dx, plane);
		return;
	}
	if (!call->dx_adds)
		memset(dx, 0, (size_t)s->in_c * (size_t)s->in_h * (size_t)s->in_w * sizeof(float));
	for (int i = 0; i < n_blocks(s); i++) {
		struct block b = block_of(s, i);
		cvt_gemm(true, false, q, b.pixels, s->out_c, call->weight, q, dy + (int64_t)b.top * s->out_w, plane, 0, col, b.pixels);
		const float *row = col;
		for (int c = 0; c < s->in_c; c++)
			for (int ky = 0; ky < s->kernel; ky++)
				for (int kx = 0; kx < s->kernel; kx++, row += b.pixels)
					scatter_row(s, dx + (int64_t)c * s->in_h * s->in_w, ky, kx, b, row);
	}
}

/* Image chunks: 8, fewer where their partial sums would take more than PART_FLOATS. */
static int n_chunks(const struct cvt_conv_shape *s)
{
	int64_t chunks = PART_FLOATS / (s->out_c * cvt_conv_fan_in(s));
	return chunks < 1 ? 1 : chunks > CHUNKS ? CHUNKS : (int)chunks;
}

/* Task: an image chunk and a block of output maps. */
static void weight_task(void *context, int task, int worker)
{
	const struct cvt_conv_call *call = context;
	const struct cvt_conv_shape *s = &call->shape;
	int q = (int)cvt_conv_fan_in(s), plane = (int)cvt_conv_out_plane(s), chunks = n_chunks(s), chunk = task % chunks;
	int o = task / chunks * OUT_BLOCK, outs = s->out_c - o < OUT_BLOCK ? s->out_c - o : OUT_BLOCK;
	int first = (int)((int64_t)call->n * chunk / chunks), end = (int)((int64_t)call->n * (chunk + 1) / chunks);
	float *part = (float *)call->shared + ((int64_t)chunk * s->out_c + o) * q;
	if (first == end)
		memset(part, 0, (size_t)outs * (size_t)q * sizeof(float));
	for (int image = first; image < end; image++) {
		for (int i = 0; i < n_blocks(s); i++) {
			struct block b = block_of(s, i);
			int ld;
			const float *col = columns(call, image, b, worker_scratch(call, worker), &ld);
			const float *dy = call->dy + image * call->dy_stride + (int64_t)o * plane + (int64_t)b.top * s->out_w;
			cvt_gemm(false, true, outs, q, b.pixels, dy, plane, col, ld, image > first || i > 0, part, q);
		}
	}
}

static bool fits(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, const struct cvt_kernels *kernels)
{
	return true;
}

static void scratch(const struct cvt_conv_shape *s, enum cvt_conv_pass pass, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes)
{
	int64_t weights = s->out_c * cvt_conv_fan_in(s);
	*ret_worker_bytes = is_plain(s) ? 0 : (size_t)(cvt_conv_fan_in(s) * block_rows(s) * s->out_w) * sizeof(float);
	*ret_shared_bytes = pass == CVT_CONV_WEIGHT_GRADIENT ? (size_t)(weights * n_chunks(s)) * sizeof(float) : 0;
}

static void run(const struct cvt_conv_call *call, enum cvt_conv_pass pass)
{
	const struct cvt_conv_shape *s = &call->shape;
	void *context = (void *)call;
	switch (pass) {
	case CVT_CONV_FORWARD:
		cvt_pool_run(call->pool, forward_task, context, call->n * n_blocks(s));
		break;
	case CVT_CONV_INPUT_GRADIENT:
		cvt_pool_run(call->pool, input_task, context, call->n);
		break;
	case CVT_CONV_WEIGHT_GRADIENT:
		cvt_pool_run(call->pool, weight_task, context, (s->out_c + OUT_BLOCK - 1) / OUT_BLOCK * n_chunks(s));
		cvt_conv_add_parts(call, call->shared, n_chunks(s), s->out_c * cvt_conv_fan_in(s), call->dweight);
		cvt_conv_bias_gradient(call);
		break;
	}
}

const struct cvt_conv_method cvt_conv_gemm = {"gemm", fits, scratch, run};
