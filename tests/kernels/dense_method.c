/* dense_method.c - whole calls of the dense layer's fast path: forward, both gradients, the update; against the definition, with scratch
 * of exactly the size that was asked for, and the same bits on any number of threads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "nn/layers/dense_gemm.h"

static struct cvt_pool *pool_of(int threads)
{
	static struct cvt_pool *pools[8];
	struct cvt_error err;
	if (!pools[threads] && cvt_pool_create(threads, &pools[threads], &err)) {
		fputs("no pool\n", stderr);
		exit(2);
	}
	return pools[threads];
}

struct trial { struct kt *t; struct cvt_dense_call call; int max_batch; size_t weights; };

static void begin(struct trial *r, struct kt *t)
{
	struct cvt_dense_call *a = &r->call;
	*r = (struct trial){.t = t};
	a->n = kt_size(t, "n", kt_flag(t, "large_batch") ? 300 : 40);
	a->out = kt_size(t, "out", 200);
	a->in = kt_int(t, "long", 0, 3) ? kt_size(t, "in", 600) : kt_size(t, "in", 9000);
	while ((double)a->n * a->out * a->in > 6e6)
		if (a->n > a->out)
			a->n = (a->n + 1) / 2;
		else
			a->out = (a->out + 1) / 2;
	r->max_batch = a->n + kt_int(t, "more", 0, 1) * kt_int(t, "batch", 1, 150);
	r->weights = (size_t)a->in * a->out;
	a->x_stride = a->in + kt_int(t, "x_gap", 0, 20);
	a->y_stride = a->out + kt_int(t, "y_gap", 0, 20);
	a->dy_stride = a->out + kt_int(t, "dy_gap", 0, 20);
	a->dx_stride = a->in + kt_int(t, "dx_gap", 0, 20);
	a->x = kt_random(t, (size_t)(a->n - 1) * a->x_stride + a->in, false);
	a->dy = kt_random(t, (size_t)(a->n - 1) * a->dy_stride + a->out, false);
	a->weight = kt_random(t, r->weights, kt_flag(t, "aligned"));
	a->kernels = t->kernels;
}

static void run_on(struct trial *r, enum cvt_dense_pass pass, int threads)
{
	struct cvt_dense_call *a = &r->call;
	size_t shared, worker;
	cvt_dense_lanes.scratch(a->in, a->out, pass, r->max_batch, r->t->kernels, &shared, &worker);
	a->shared = kt_output(r->t, shared / sizeof(float), true);
	a->workers = kt_output(r->t, worker / sizeof(float) * (size_t)threads, true);
	a->worker_bytes = worker;
	a->pool = pool_of(threads);
	if (pass == CVT_DENSE_FORWARD)
		cvt_dense_lanes.forward(a);
	else
		cvt_dense_lanes.backward(a);
}

static int other_threads(struct kt *t)
{
	return (int[]){2, 3, 7}[kt_int(t, "threads", 0, 2)];
}

static void check_gaps(struct kt *t, const float *p, int n, int row, ptrdiff_t stride)
{
	for (int b = 0; b + 1 < n; b++)
		for (ptrdiff_t i = row; i < stride; i++)
			if (!isnan(p[b * stride + i]))
				kt_fail(t, "wrote between images: float %td after image %d", i - row, b);
}

/* A sum of n terms in floats: n * 2^-24 of the sum of the absolute values at worst. */
static double tolerance(int terms)
{
	return (terms + 8) * 0x1p-24;
}

static void check_forward(struct kt *t)
{
	struct trial r;
	begin(&r, t);
	struct cvt_dense_call *a = &r.call;
	size_t count = (size_t)(a->n - 1) * a->y_stride + a->out;
	a->bias = kt_flag(t, "bias") ? kt_random(t, (size_t)a->out, false) : NULL;
	a->relu = kt_flag(t, "relu");
	float *first = a->y = kt_output(t, count, false);
	run_on(&r, CVT_DENSE_FORWARD, 1);
	for (int b = 0; b < a->n; b++)
		for (int o = 0; o < a->out; o++) {
			double want = a->bias ? a->bias[o] : 0, bound = fabs(want);
			for (int i = 0; i < a->in; i++) {
				double term = (double)a->x[b * a->x_stride + i] * (double)a->weight[(ptrdiff_t)o * a->in + i];
				want += term;
				bound += fabs(term);
			}
			want = a->relu ? fmax(want, 0) : want;
			kt_close(t, "y", &a->y[b * a->y_stride + o], &want, &bound, 1, tolerance(a->in < 256 ? a->in : 256));
		}
	check_gaps(t, a->y, a->n, a->out, a->y_stride);
	a->y = kt_output(t, count, false);
	run_on(&r, CVT_DENSE_FORWARD, other_threads(t));
	kt_same(t, "y on other threads", a->y, first, count * sizeof(float));
}

struct outputs { float *dx, *weight, *dweight, *velocity, *dbias; };

/* The call's outputs, fresh: NaN, or copies of what is changed. */
static struct outputs fresh(struct trial *r, const float *weight, const float *velocity, bool wants_dx, bool update)
{
	struct cvt_dense_call *a = &r->call;
	size_t dx = (size_t)(a->n - 1) * a->dx_stride + a->in;
	a->dx = wants_dx ? kt_output(r->t, dx, false) : NULL;
	for (int b = 0; a->dx && a->dx_adds && b < a->n; b++)
		for (int i = 0; i < a->in; i++)
			a->dx[b * a->dx_stride + i] = 0.25f * (float)((b + i) % 7);
	a->weight = kt_output(r->t, r->weights, true);
	memcpy(a->weight, weight, r->weights * sizeof(float));
	a->dweight = update ? NULL : kt_output(r->t, r->weights, true);
	a->velocity = NULL;
	if (velocity) {
		a->velocity = kt_output(r->t, r->weights, true);
		memcpy(a->velocity, velocity, r->weights * sizeof(float));
	}
	a->dbias = kt_output(r->t, (size_t)a->out, false);
	return (struct outputs){a->dx, a->weight, a->dweight, a->velocity, a->dbias};
}

static void check_dx(struct kt *t, const struct cvt_dense_call *a, const float *weight)
{
	for (int b = 0; b < a->n; b++)
		for (int i = 0; i < a->in; i++) {
			double want = a->dx_adds ? 0.25 * ((b + i) % 7) : 0, bound = want;
			for (int o = 0; o < a->out; o++) {
				double term = (double)a->dy[b * a->dy_stride + o] * (double)weight[(ptrdiff_t)o * a->in + i];
				want += term;
				bound += fabs(term);
			}
			kt_close(t, "dx", &a->dx[b * a->dx_stride + i], &want, &bound, 1, tolerance(a->out));
		}
	check_gaps(t, a->dx, a->n, a->in, a->dx_stride);
}

static void check_weight(struct kt *t, const struct cvt_dense_call *a, const float *weight, const float *velocity)
{
	for (int o = 0; o < a->out; o++)
		for (int i = 0; i < a->in; i++) {
			size_t at = (size_t)o * a->in + i;
			double g = 0, bound = 0;
			for (int b = 0; b < a->n; b++) {
				double term = (double)a->dy[b * a->dy_stride + o] * (double)a->x[b * a->x_stride + i];
				g += term;
				bound += fabs(term);
			}
			if (a->dweight) {
				kt_close(t, "dweight", a->dweight + at, &g, &bound, 1, tolerance(a->n));
				continue;
			}
			g += (double)a->weight_decay * (double)weight[at];
			bound += fabs((double)a->weight_decay * (double)weight[at]);
			if (velocity) {
				g += (double)a->momentum * (double)velocity[at];
				bound += fabs((double)a->momentum * (double)velocity[at]);
				kt_close(t, "velocity", a->velocity + at, &g, &bound, 1, tolerance(a->n));
			}
			double want = (double)weight[at] - (double)a->lr * g, all = fabs((double)weight[at]) + (double)a->lr * bound;
			kt_close(t, "weight", a->weight + at, &want, &all, 1, tolerance(a->n));
		}
}

static void check_backward(struct kt *t)
{
	struct trial r;
	begin(&r, t);
	struct cvt_dense_call *a = &r.call;
	const float *weight = a->weight;
	bool wants_dx = kt_flag(t, "dx"), update = kt_flag(t, "update"), momentum = update && kt_flag(t, "momentum");
	const float *velocity = momentum ? kt_random(t, r.weights, false) : NULL;
	a->dx_adds = kt_flag(t, "adds");
	a->lr = 0.125f;
	a->momentum = momentum ? 0.75f : 0;
	a->weight_decay = kt_flag(t, "decay") ? 0.375f : 0;
	struct outputs first = fresh(&r, weight, velocity, wants_dx, update);
	run_on(&r, CVT_DENSE_BACKWARD, 1);
	if (wants_dx)
		check_dx(t, a, weight);
	check_weight(t, a, weight, velocity);
	if (!update)
		kt_same(t, "weight that is only read", a->weight, weight, r.weights * sizeof(float));
	for (int o = 0; o < a->out; o++) {
		double want = 0, bound = 0;
		for (int b = 0; b < a->n; b++) {
			want += (double)a->dy[b * a->dy_stride + o];
			bound += fabs((double)a->dy[b * a->dy_stride + o]);
		}
		kt_close(t, "dbias", a->dbias + o, &want, &bound, 1, 2 * 0x1p-24);
	}
	fresh(&r, weight, velocity, wants_dx, update);
	run_on(&r, CVT_DENSE_BACKWARD, other_threads(t));
	if (wants_dx)
		kt_same(t, "dx on other threads", a->dx, first.dx, ((size_t)(a->n - 1) * a->dx_stride + a->in) * sizeof(float));
	kt_same(t, "weight on other threads", a->weight, first.weight, r.weights * sizeof(float));
	if (!update)
		kt_same(t, "dweight on other threads", a->dweight, first.dweight, r.weights * sizeof(float));
	if (momentum)
		kt_same(t, "velocity on other threads", a->velocity, first.velocity, r.weights * sizeof(float));
}

/* One thread; the same call on OpenBLAS beside it. */
struct bench { const struct cvt_dense_method *method; struct cvt_dense_call call; enum cvt_dense_pass pass; };

static void run_bench(void *context)
{
	struct bench *b = context;
	if (b->pass == CVT_DENSE_FORWARD)
		b->method->forward(&b->call);
	else
		b->method->backward(&b->call);
}

static void bench_shape(struct kt *t, enum cvt_dense_pass pass, int in, int out, int n)
{
	const struct cvt_dense_method *methods[] = {&cvt_dense_lanes, &cvt_dense_gemm};
	struct bench b = {.pass = pass, .call = {.in = in, .out = out, .n = n, .x_stride = in, .y_stride = out, .dy_stride = out, .dx_stride = in,
		.lr = 1e-6f, .kernels = t->kernels}};
	b.call.x = kt_random(t, (size_t)in * (size_t)n, true);
	b.call.dx = kt_random(t, (size_t)in * (size_t)n, true);
	b.call.dy = kt_random(t, (size_t)out * (size_t)n, true);
	b.call.y = kt_random(t, (size_t)out * (size_t)n, true);
	b.call.weight = kt_random(t, (size_t)in * (size_t)out, true);
	for (int m = 0; m < 2; m++) {
		char label[80];
		size_t shared;
		b.method = methods[m];
		b.method->scratch(in, out, pass, n, t->kernels, &shared, &b.call.worker_bytes);
		b.call.shared = kt_output(t, shared / sizeof(float), true);
		b.call.workers = kt_output(t, b.call.worker_bytes / sizeof(float), true);
		snprintf(label, sizeof label, "%s %d->%d n%d", m ? "gemm" : "own", in, out, n);
		kt_bench(t, label, (pass == CVT_DENSE_FORWARD ? 2.0 : 4.0) * n * in * (double)out, 0, run_bench, &b);
	}
}

static void bench_pass(struct kt *t, enum cvt_dense_pass pass)
{
	bench_shape(t, pass, 65536, 256, 128);
	bench_shape(t, pass, 32768, 1024, 16);
	bench_shape(t, pass, 4096, 4096, 16);
	bench_shape(t, pass, 4096, 1000, 1);
}

static void bench_forward(struct kt *t) { bench_pass(t, CVT_DENSE_FORWARD); }
static void bench_backward(struct kt *t) { bench_pass(t, CVT_DENSE_BACKWARD); }    /* with the update of SGD */

const struct kt_slot kt_dense_method[] = {
	{"dense.forward", check_forward, bench_forward}, {"dense.backward", check_backward, bench_backward}, {NULL, NULL, NULL},
};
