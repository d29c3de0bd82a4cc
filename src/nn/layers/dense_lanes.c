/* dense_lanes.c - the dense layer on kernels/dense.h: how its work is cut into tasks.
 *
 * Forward: parts of the inputs times blocks of the outputs; each task leaves sums of its own, which are then added in the order of
 * the parts. Backward: dY is packed into panels once, then a task owns a block of columns of W: both gradients, and the update. */
#include "nn/layers/dense_method.h"

#include "kernels/kernels.h"

enum {
	MOST_PARTS = 32, LEAST_PART = 4096,     /* inputs */
	OUTPUTS = 128,                          /* of a forward task */
	PACK = 64                               /* outputs of a packing or finishing task */
};
#define STREAM_BYTES ((ptrdiff_t)8 << 20)       /* weights past this size do not stay in a cache until they are read again */

struct cut {
	const struct cvt_dense_call *call;
	int part, parts, blocks;                /* inputs of a part, number of parts, blocks of outputs */
	ptrdiff_t sums_stride, part_stride;
	float *sums, *by_image, *by_output;
};

static int whole(int a, int b)
{
	return (a + b - 1) / b;
}

static int part_of(int in)
{
	int part = whole(whole(in, MOST_PARTS), CVT_DENSE_BLOCK) * CVT_DENSE_BLOCK;
	return part < LEAST_PART ? LEAST_PART : part;
}

static size_t padded(size_t floats)
{
	return (floats * sizeof(float) + 63) / 64 * 64;
}

static void scratch(int in, int out, enum cvt_dense_pass pass, int max_batch, const struct cvt_kernels *kernels,
	size_t *ret_shared_bytes, size_t *ret_worker_bytes)
{
	size_t batch = (size_t)whole(max_batch, CVT_DENSE_PANEL) * CVT_DENSE_PANEL, outputs = (size_t)whole(out, CVT_DENSE_PANEL) * CVT_DENSE_PANEL;
	if (pass == CVT_DENSE_FORWARD) {
		*ret_shared_bytes = padded((size_t)whole(in, part_of(in)) * batch * out);
		*ret_worker_bytes = padded(cvt_dense_forward_scratch(max_batch));
	} else {
		*ret_shared_bytes = padded(batch * out) + padded(outputs * max_batch);
		*ret_worker_bytes = padded(cvt_dense_backward_scratch(max_batch));
	}
}

static float *worker_scratch(const struct cvt_dense_call *call, int worker)
{
	return (float *)((char *)call->workers + worker * call->worker_bytes);
}

static void forward_task(void *context, int task, int worker)
{
	const struct cut *cut = context;
	const struct cvt_dense_call *call = cut->call;
	int part = task / cut->blocks, o = task % cut->blocks * OUTPUTS, left = call->in - part * cut->part;
	ptrdiff_t i = (ptrdiff_t)part * cut->part;
	struct cvt_dense_forward a = {
		.n = call->n, .out = call->out - o < OUTPUTS ? call->out - o : OUTPUTS, .columns = left < cut->part ? left : cut->part,
		.x = call->x + i, .x_stride = call->x_stride,
		.weight = call->weight + (ptrdiff_t)o * call->in + i, .weight_stride = call->in,
		.sums = cut->sums + part * cut->part_stride + o * cut->sums_stride, .sums_stride = cut->sums_stride,
		.scratch = worker_scratch(call, worker),
	};
	call->kernels->dense.forward(&a);
}

static void finish_task(void *context, int task, int worker)
{
	const struct cut *cut = context;
	const struct cvt_dense_call *call = cut->call;
	int o = task * PACK;
	call->kernels->dense.finish(cut->sums + o * cut->sums_stride, cut->part_stride, cut->parts, cut->sums_stride, call->n,
		call->out - o < PACK ? call->out - o : PACK, call->bias ? call->bias + o : NULL, call->relu, call->y + o, call->y_stride);
}

static void forward(const struct cvt_dense_call *call)
{
	struct cut cut = {.call = call, .part = part_of(call->in), .blocks = whole(call->out, OUTPUTS), .sums = call->shared};
	cut.parts = whole(call->in, cut.part);
	cut.sums_stride = (ptrdiff_t)whole(call->n, CVT_DENSE_BATCH) * CVT_DENSE_BATCH;
	cut.part_stride = cut.sums_stride * call->out;
	cvt_pool_run(call->pool, forward_task, &cut, cut.parts * cut.blocks);
	cvt_pool_run(call->pool, finish_task, &cut, whole(call->out, PACK));
}

/* dy: [n, out] to [n/8][out][8] and [out/8][n][8], zeros in the panels' ends; and its sums, the bias's gradient. */
static void pack_task(void *context, int task, int worker)
{
	const struct cut *cut = context;
	const struct cvt_dense_call *call = cut->call;
	enum { P = CVT_DENSE_PANEL };
	int first = task * PACK, last = first + PACK < call->out ? first + PACK : call->out;
	for (int b = 0; b < whole(call->n, P) * P; b++)
		for (int o = first; o < last; o++)
			cut->by_image[((ptrdiff_t)(b / P) * call->out + o) * P + b % P] = b < call->n ? call->dy[b * call->dy_stride + o] : 0;
	for (int o = first; o < whole(last, P) * P; o++)
		for (int b = 0; b < call->n; b++)
			cut->by_output[((ptrdiff_t)(o / P) * call->n + b) * P + o % P] = o < call->out ? call->dy[b * call->dy_stride + o] : 0;
	for (int o = first; call->dbias && o < last; o++) {
		double sum = 0;
		for (int b = 0; b < call->n; b++)
			sum += (double)call->dy[b * call->dy_stride + o];
		call->dbias[o] = (float)sum;
	}
}

static void backward_task(void *context, int task, int worker)
{
	const struct cut *cut = context;
	const struct cvt_dense_call *call = cut->call;
	int i = task * cut->part;
	struct cvt_dense_backward a = {
		.n = call->n, .out = call->out, .columns = call->in - i < cut->part ? call->in - i : cut->part,
		.x = call->x + i, .x_stride = call->x_stride, .weight = call->weight + i, .weight_stride = call->in,
		.dy_by_image = cut->by_image, .dy_by_output = cut->by_output,
		.dx = call->dx ? call->dx + i : NULL, .dx_stride = call->dx_stride, .dx_adds = call->dx_adds,
		.dweight = call->dweight ? call->dweight + i : NULL, .velocity = call->velocity ? call->velocity + i : NULL,
		.lr = call->lr, .momentum = call->momentum, .weight_decay = call->weight_decay,
		.stream = (ptrdiff_t)call->in * call->out * (ptrdiff_t)sizeof(float) > STREAM_BYTES,
		.scratch = worker_scratch(call, worker),
	};
	call->kernels->dense.backward(&a);
}

static void backward(const struct cvt_dense_call *call)
{
	size_t batch = (size_t)whole(call->n, CVT_DENSE_PANEL) * CVT_DENSE_PANEL;
	struct cut cut = {.call = call, .part = cvt_dense_columns(call->n), .by_image = call->shared};
	cut.by_output = (float *)((char *)call->shared + padded(batch * call->out));
	cvt_pool_run(call->pool, pack_task, &cut, whole(call->out, PACK));
	cvt_pool_run(call->pool, backward_task, &cut, whole(call->in, cut.part));
}

const struct cvt_dense_method cvt_dense_lanes = {"dense lanes", scratch, forward, backward};
