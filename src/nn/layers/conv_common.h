/* conv_common.h - what several ways of computing a convolution share. */
#ifndef CVT_NN_CONV_COMMON_H
#define CVT_NN_CONV_COMMON_H

#include <stdint.h>

#include "kernels/finish.h"
#include "nn/layers/conv_method.h"

/* dbias[o] = the sum of dy over images and pixels: float inside runs of 64 per lane, double across. dbias NULL: nothing. */
void cvt_conv_bias_gradient(const struct cvt_conv_call *call);
/* out[i] = parts[0][i] + parts[1][i] + ..., in that order, for the `count` weights: how partial sums of image chunks become one. */
void cvt_conv_add_parts(const struct cvt_conv_call *call, const float *parts, int n_parts, int64_t count, float *out);
/* call->sums[o] = parts[0][o] + parts[1][o] + ..., in that order: the tasks' sums, [n_parts][outputs][2], become the norm's. */
void cvt_conv_add_sums(const struct cvt_conv_call *call, const double *parts, int n_parts, int outputs);
/* Turns `count` raw sums of map o into outputs, in place: bias, scale and shift, ReLU, as the call says. */
void cvt_conv_finish(const struct cvt_conv_call *call, int o, float *row, int64_t count);

/* How outputs from map o on leave a forward pass, or (backward) input gradients theirs: `floats` in all of the batch, past the caches if they are
 * not in one when they are read next. sums: of the task, from map 0 on; or NULL. */
struct cvt_finish cvt_conv_finish_from(const struct cvt_conv_call *call, bool backward, int o, int64_t floats, double *sums);

/* a / b, rounded up. */
static inline int cvt_conv_whole(int a, int b)
{
	return (a + b - 1) / b;
}
/* Bytes of so many floats, in whole cache lines. */
static inline size_t cvt_conv_bytes(ptrdiff_t floats)
{
	return ((size_t)floats * sizeof(float) + 63) / 64 * 64;
}
/* The call's scratch of a worker. */
static inline float *cvt_conv_worker(const struct cvt_conv_call *call, int worker)
{
	return (float *)((char *)call->workers + (size_t)worker * call->worker_bytes);
}
static inline int64_t cvt_conv_fan_in(const struct cvt_conv_shape *s)
{
	return (int64_t)s->in_c * s->kernel * s->kernel;
}
static inline int64_t cvt_conv_out_plane(const struct cvt_conv_shape *s)
{
	return (int64_t)s->out_h * s->out_w;
}
/* The outputs [*from, *to) whose tap k of a row or column lies inside an input of `size`. */
static inline void cvt_conv_valid(int size, int out, int k, int stride, int padding, int *from, int *to)
{
	int lo = padding - k, hi = size - 1 + padding - k;
	*from = lo <= 0 ? 0 : (lo + stride - 1) / stride;
	*to = hi < 0 ? 0 : hi / stride + 1;
	if (*to > out)
		*to = out;
	if (*from > *to)
		*from = *to;
}

#endif
