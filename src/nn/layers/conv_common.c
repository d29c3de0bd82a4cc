/* conv_common.c - bias gradients, sums of parts, and the way out of a convolution. */
#include "nn/layers/conv_common.h"

enum { LANES = 16, RUN = 1024, PART_CHUNK = 4096, BIASES = 16, SUMS = 64 /* of a task: enough to be worth handing out */,
	STREAM_BYTES = 4 << 20 };

static double sum_floats(const float *x, int64_t n)
{
	double sum = 0;
	for (int64_t from = 0; from < n; from += RUN) {
		int64_t to = from + RUN < n ? from + RUN : n, i = from;
		float lanes[LANES] = {0};
		for (; i + LANES <= to; i += LANES)
			for (int k = 0; k < LANES; k++)
				lanes[k] += x[i + k];
		for (; i < to; i++)
			sum += x[i];
		for (int k = 0; k < LANES; k++)
			sum += lanes[k];
	}
	return sum;
}

static void bias_task(void *context, int task, int worker)
{
	const struct cvt_conv_call *call = context;
	int64_t plane = cvt_conv_out_plane(&call->shape);
	int first = task * BIASES, n = call->shape.out_c - first < BIASES ? call->shape.out_c - first : BIASES;
	double sums[BIASES] = {0};
	(void)worker;
	for (int image = 0; image < call->n; image++)
		for (int o = 0; o < n; o++)
			sums[o] += sum_floats(call->dy + image * call->dy_stride + (first + o) * plane, plane);
	for (int o = 0; o < n; o++)
		call->dbias[first + o] = (float)sums[o];
}

void cvt_conv_bias_gradient(const struct cvt_conv_call *call)
{
	if (call->dbias)
		cvt_pool_run(call->pool, bias_task, (void *)call, (call->shape.out_c + BIASES - 1) / BIASES);
}

struct sums { const double *parts; double *out; int n_parts, outputs; };

static void sums_task(void *context, int task, int worker)
{
	const struct sums *s = context;
	int first = 2 * task * SUMS, end = first + 2 * SUMS < 2 * s->outputs ? first + 2 * SUMS : 2 * s->outputs;
	(void)worker;
	for (int i = first; i < end; i++)
		s->out[i] = 0;
	for (int p = 0; p < s->n_parts; p++)
		for (int i = first; i < end; i++)
			s->out[i] += s->parts[(ptrdiff_t)p * s->outputs * 2 + i];
}

void cvt_conv_add_sums(const struct cvt_conv_call *call, const double *parts, int n_parts, int outputs)
{
	struct sums s = {parts, call->sums, n_parts, outputs};
	cvt_pool_run(call->pool, sums_task, &s, (outputs + SUMS - 1) / SUMS);
}

static const float *from(const float *p, int index)
{
	return p ? p + index : NULL;
}

struct cvt_finish cvt_conv_finish_from(const struct cvt_conv_call *call, bool backward, int o, int64_t floats, double *sums)
{
	bool stream = floats * (int64_t)sizeof(float) > STREAM_BYTES;
	if (backward)
		return (struct cvt_finish){.adds = call->dx_adds, .stream = stream};
	return (struct cvt_finish){.bias = from(call->bias, o), .scale = from(call->scale, o), .shift = from(call->shift, o), .relu = call->relu,
		.scale_after_relu = call->scale_after_relu, .stream = stream, .pivot = from(call->pivot, o), .sums = sums ? sums + 2 * (ptrdiff_t)o : NULL};
}

struct parts { const float *parts; int n_parts; int64_t count; float *out; };

static void add_task(void *context, int task, int worker)
{
	const struct parts *p = context;
	int64_t from = (int64_t)task * PART_CHUNK, to = from + PART_CHUNK < p->count ? from + PART_CHUNK : p->count;
	(void)worker;
	for (int64_t i = from; i < to; i++) {
		float sum = p->parts[i];
		for (int k = 1; k < p->n_parts; k++)
			sum += p->parts[k * p->count + i];
		p->out[i] = sum;
	}
}

void cvt_conv_add_parts(const struct cvt_conv_call *call, const float *parts, int n_parts, int64_t count, float *out)
{
	struct parts p = {parts, n_parts, count, out};
	cvt_pool_run(call->pool, add_task, &p, (int)((count + PART_CHUNK - 1) / PART_CHUNK));
}

void cvt_conv_finish(const struct cvt_conv_call *call, int o, float *row, int64_t count)
{
	float bias = call->bias ? call->bias[o] : 0, scale = call->scale ? call->scale[o] : 1, shift = call->scale ? call->shift[o] : 0;
	if (call->scale && !call->scale_after_relu)
		for (int64_t i = 0; i < count; i++)
			row[i] = (row[i] + bias) * scale + shift;
	else
		for (int64_t i = 0; i < count; i++)
			row[i] += bias;
	if (call->relu)
		for (int64_t i = 0; i < count; i++)
			row[i] = row[i] < 0 ? 0 : row[i];
	if (call->scale && call->scale_after_relu)
		for (int64_t i = 0; i < count; i++)
			row[i] = row[i] * scale + shift;
}
