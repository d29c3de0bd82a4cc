/* conv_direct.c - the definition, with rows innermost: any shape, little scratch, no cleverness. */
#include <string.h>

#include "nn/layers/conv_common.h"

enum { LANES = 16 };

/* y[x] += w * in[x * stride] */
static void add_row(float *restrict y, const float *restrict in, float w, int n, int stride)
{
	if (stride == 1)
		for (int i = 0; i < n; i++)
			y[i] += w * in[i];
	else
		for (int i = 0; i < n; i++)
			y[i] += w * in[(int64_t)i * stride];
}

static void forward_task(void *context, int task, int worker)
{
	const struct cvt_conv_call *call = context;
	const struct cvt_conv_shape s = call->shape;
	int image = task / s.out_c, o = task % s.out_c, k = s.kernel;
	float *y = call->y + image * call->y_stride + o * cvt_conv_out_plane(&s);
	(void)worker;
	for (int oy = 0; oy < s.out_h; oy++, y += s.out_w) {
		memset(y, 0, (size_t)s.out_w * sizeof(float));
		for (int c = 0; c < s.in_c; c++) {
			const float *x = call->x + image * call->x_stride + (int64_t)c * s.in_h * s.in_w;
			for (int ky = 0; ky < k; ky++) {
				int iy = oy * s.stride + ky - s.padding;
				if (iy < 0 || iy >= s.in_h)
					continue;
				const float *w = call->weight + (((int64_t)o * s.in_c + c) * k + ky) * k;
				for (int kx = 0; kx < k; kx++) {
					int from, to;
					cvt_conv_valid(s.in_w, s.out_w, kx, s.stride, s.padding, &from, &to);
					add_row(y + from, x + (int64_t)iy * s.in_w + from * s.stride + kx - s.padding, w[kx], to - from, s.stride);
				}
			}
		}
		cvt_conv_finish(call, o, y, s.out_w);
	}
}

static void input_task(void *context, int task, int worker)
{
	const struct cvt_conv_call *call = context;
	const struct cvt_conv_shape s = call->shape;
	int image = task / s.in_c, c = task % s.in_c, k = s.kernel;
	float *dx = call->dx + image * call->dx_stride + (int64_t)c * s.in_h * s.in_w;
	(void)worker;
	if (!call->dx_adds)
		memset(dx, 0, (size_t)s.in_h * (size_t)s.in_w * sizeof(float));
	for (int o = 0; o < s.out_c; o++) {
		const float *dy = call->dy + image * call->dy_stride + o * cvt_conv_out_plane(&s);
		for (int oy = 0; oy < s.out_h; oy++) {
			for (int ky = 0; ky < k; ky++) {
				int iy = oy * s.stride + ky - s.padding;
				if (iy < 0 || iy >= s.in_h)
					continue;
				const float *w = call->weight + (((int64_t)o * s.in_c + c) * k + ky) * k;
				for (int kx = 0; kx < k; kx++) {
					int from, to;
					cvt_conv_valid(s.in_w, s.out_w, kx, s.stride, s.padding, &from, &to);
					float *to_row = dx + (int64_t)iy * s.in_w + kx - s.padding;
					const float *row = dy + (int64_t)oy * s.out_w;
					for (int ox = from; ox < to; ox++)
						to_row[(int64_t)ox * s.stride] += w[kx] * row[ox];
				}
			}
		}
	}
}

static double dot_row(const float *restrict a, const float *restrict b, int n, int stride)
{
	float lanes[LANES] = {0};
	double sum = 0;
	int i = 0;
	if (stride == 1)
		for (; i + LANES <= n; i += LANES)
			for (int k = 0; k < LANES; k++)
				lanes[k] += a[i + k] * b[i + k];
	for (; i < n; i++)
		sum += a[i] * b[(int64_t)i * stride];
	for (int k = 0; k < LANES; k++)
		sum += lanes[k];
	return sum;
}

/* The weights between one pair of maps: all images, in order. */
static void weight_task(void *context, int task, int worker)
{
	const struct cvt_conv_call *call = context;
	const struct cvt_conv_shape s = call->shape;
	int o = task / s.in_c, c = task % s.in_c, k = s.kernel;
	float *dw = call->dweight + (int64_t)task * k * k;
	(void)worker;
	for (int ky = 0; ky < k; ky++) {
		for (int kx = 0; kx < k; kx++) {
			int top, bottom, from, to;
			double sum = 0;
			cvt_conv_valid(s.in_h, s.out_h, ky, s.stride, s.padding, &top, &bottom);
			cvt_conv_valid(s.in_w, s.out_w, kx, s.stride, s.padding, &from, &to);
			for (int image = 0; image < call->n; image++) {
				const float *x = call->x + image * call->x_stride + (int64_t)c * s.in_h * s.in_w;
				const float *dy = call->dy + image * call->dy_stride + o * cvt_conv_out_plane(&s);
				for (int oy = top; oy < bottom; oy++)
					sum += dot_row(dy + (int64_t)oy * s.out_w + from,
						x + (int64_t)(oy * s.stride + ky - s.padding) * s.in_w + from * s.stride + kx - s.padding, to - from, s.stride);
			}
			dw[ky * k + kx] = (float)sum;
		}
	}
}

static bool fits(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, const struct cvt_kernels *kernels)
{
	return true;
}

static void scratch(const struct cvt_conv_shape *shape, enum cvt_conv_pass pass, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes)
{
	*ret_shared_bytes = *ret_worker_bytes = 0;
}

static void run(const struct cvt_conv_call *call, enum cvt_conv_pass pass)
{
	void *context = (void *)call;
	switch (pass) {
	case CVT_CONV_FORWARD:
		cvt_pool_run(call->pool, forward_task, context, call->n * call->shape.out_c);
		break;
	case CVT_CONV_INPUT_GRADIENT:
		cvt_pool_run(call->pool, input_task, context, call->n * call->shape.in_c);
		break;
	case CVT_CONV_WEIGHT_GRADIENT:
		cvt_pool_run(call->pool, weight_task, context, call->shape.out_c * call->shape.in_c);
		cvt_conv_bias_gradient(call);
		break;
	}
}

const struct cvt_conv_method cvt_conv_direct = {"direct", fits, scratch, run};
