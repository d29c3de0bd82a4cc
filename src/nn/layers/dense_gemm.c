/* dense_gemm.c - the dense layer as products of matrices. Forward: tasks own blocks of outputs, an image at a time: a BLAS chooses its kernel by the
 * sizes of a product, so that an image's bits would hang on how many are with it. Backward: tasks own blocks of inputs, and pass
 * over their part of the weights once: dx, gradient and, where the gradient is not stored, the update. */
#include "nn/layers/dense_gemm.h"

#include <stdint.h>

#include "nn/gemm.h"
#include "nn/optimiser.h"

enum { OUT_BLOCK = 32, IN_BLOCK = 1024 };

static int blocks(int count, int size)
{
	return (count + size - 1) / size;
}

static void forward_task(void *context, int task, int worker)
{
	const struct cvt_dense_call *call = context;
	int o = task * OUT_BLOCK, outs = call->out - o < OUT_BLOCK ? call->out - o : OUT_BLOCK;
	(void)worker;
	for (int i = 0; i < call->n; i++) {
		float *y = call->y + i * call->y_stride + o;
		cvt_gemm(false, true, 1, outs, call->in, call->x + i * call->x_stride, (int)call->x_stride, call->weight + (int64_t)o * call->in, call->in,
			0, y, (int)call->y_stride);
		for (int k = 0; k < outs; k++) {
			float v = y[k] + (call->bias ? call->bias[o + k] : 0);
			y[k] = call->relu && v < 0 ? 0 : v;
		}
	}
}

static void update(const struct cvt_dense_call *call, const float *gradient, int first, int ins)
{
	for (int o = 0; o < call->out; o++) {
		int64_t at = (int64_t)o * call->in + first;
		cvt_sgd_apply(call->weight + at, call->velocity ? call->velocity + at : NULL, gradient + (int64_t)o * ins, ins, call->lr,
			call->momentum, call->weight_decay);
	}
}

static void backward_task(void *context, int task, int worker)
{
	const struct cvt_dense_call *call = context;
	int first = task * IN_BLOCK, ins = call->in - first < IN_BLOCK ? call->in - first : IN_BLOCK;
	float *gradient = call->dweight ? call->dweight + first : (float *)((char *)call->workers + (size_t)worker * call->worker_bytes);
	cvt_gemm(true, false, call->out, ins, call->n, call->dy, (int)call->dy_stride, call->x + first, (int)call->x_stride, 0, gradient,
		call->dweight ? call->in : ins);
	if (call->dx)
		cvt_gemm(false, false, call->n, ins, call->out, call->dy, (int)call->dy_stride, call->weight + first, call->in, call->dx_adds,
			call->dx + first, (int)call->dx_stride);
	if (!call->dweight)
		update(call, gradient, first, ins);
}

static void forward(const struct cvt_dense_call *call)
{
	cvt_pool_run(call->pool, forward_task, (void *)call, blocks(call->out, OUT_BLOCK));
}

static void backward(const struct cvt_dense_call *call)
{
	for (int o = 0; call->dbias && o < call->out; o++) {
		double sum = 0;
		for (int i = 0; i < call->n; i++)
			sum += call->dy[i * call->dy_stride + o];
		call->dbias[o] = (float)sum;
	}
	cvt_pool_run(call->pool, backward_task, (void *)call, blocks(call->in, IN_BLOCK));
}

static void scratch(int in, int out, enum cvt_dense_pass pass, int max_batch, const struct cvt_kernels *kernels, size_t *ret_shared_bytes,
	size_t *ret_worker_bytes)
{
	*ret_shared_bytes = 0;
	*ret_worker_bytes = pass == CVT_DENSE_BACKWARD ? (size_t)out * (size_t)(in < IN_BLOCK ? in : IN_BLOCK) * sizeof(float) : 0;
}

const struct cvt_dense_method cvt_dense_gemm = {"gemm", scratch, forward, backward};
