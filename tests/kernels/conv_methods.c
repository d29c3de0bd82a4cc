/* conv_methods.c - whole calls of the 1 x 1 and the 3 x 3 Winograd convolution, as the plan makes them: against the definition, with
 * scratch of exactly the size that was asked for between guard pages, and the same bits on any number of threads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "kernels/reference.h"
#include "nn/layers/conv_method.h"
#include "winograd_bound.h"

struct trial {
	struct kt *t;
	const struct cvt_conv_method *method;
	enum cvt_conv_pass pass;
	struct cvt_reference_conv c;
	struct cvt_conv_call call;
	size_t in, out, weights;                /* floats of an image, of the weights */
	float *dense_x, *dense_dy;              /* without gaps */
	float *y, *dx, *dweight, *dbias;        /* of the first run; later runs are compared */
	double *sums;
	int max_batch;
};

static const int thread_counts[] = {1, 2, 3, 7};

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

/* A shape whose reference is not too slow: large ones give up batch, then channels. */
static struct cvt_reference_conv draw(struct kt *t, int kernel)
{
	int h = kt_size(t, "h", 70), w = kt_size(t, "w", 70), n = kt_int(t, "n", 1, 9), in_c = kt_size(t, "in_c", 130), out_c = kt_size(t, "out_c", 130);
	double most = 8e6 / (kernel * kernel);
	if (kernel == 1 && kt_int(t, "images", 0, 1) == 0) {     /* so many small ones that they stand side by side */
		n = kt_int(t, "n", 16, 100);
		h = 1 + h % 7;
		w = 1 + w % 8;
		in_c = 1 + in_c % 60;
		out_c = 1 + out_c % 60;
	}
	if (kt_int(t, "many", 0, 15) == 0) {    /* so many channels that the weight gradient is cut another way */
		in_c += 120;
		out_c += 120;
		h = 1 + h % 9;
		w = 1 + w % 9;
	}
	while ((double)h * w * n * in_c * out_c > most && n > 1)
		n--;
	while ((double)h * w * n * in_c * out_c > most && in_c * out_c > 1) {
		if (in_c > out_c)
			in_c = (in_c + 1) / 2;
		else
			out_c = (out_c + 1) / 2;
	}
	return (struct cvt_reference_conv){n, in_c, h, w, out_c, h, w, kernel, 1, kernel / 2};
}

/* Copies dense images apart, so that there is a gap of NaN between them, as in a slice of a concat. */
static float *apart(struct kt *t, const float *dense, int n, size_t image, size_t stride, bool aligned)
{
	float *p = kt_output(t, (size_t)(n - 1) * stride + image, aligned);
	for (int i = 0; i < n && dense; i++)
		memcpy(p + (size_t)i * stride, dense + (size_t)i * image, image * sizeof *p);
	return p;
}

static size_t stride_of(struct kt *t, const char *name, size_t image, bool aligned)
{
	return aligned ? (image + 15) / 16 * 16 : image + (size_t)kt_int(t, name, 0, 40);
}

/* The same images, but what is written is fresh: NaN, or what is added to. */
static void fresh_outputs(struct trial *r)
{
	const struct cvt_reference_conv *c = &r->c;
	struct cvt_conv_call *a = &r->call;
	bool aligned = a->y_stride % 16 == 0;
	switch (r->pass) {
	case CVT_CONV_FORWARD:
		a->y = apart(r->t, NULL, c->n, r->out, (size_t)a->y_stride, aligned);
		if (a->pivot)
			a->sums = kt_doubles(r->t, 2 * (size_t)c->out_c);
		break;
	case CVT_CONV_INPUT_GRADIENT:
		a->dx = apart(r->t, NULL, c->n, r->in, (size_t)a->dx_stride, a->dx_stride % 16 == 0);
		for (size_t i = 0; a->dx_adds && i < r->in * (size_t)c->n; i++)
			a->dx[i / r->in * (size_t)a->dx_stride + i % r->in] = 0.25f * (float)(i % 7);
		break;
	case CVT_CONV_WEIGHT_GRADIENT:
		a->dweight = kt_output(r->t, r->weights, false);
		a->dbias = kt_output(r->t, (size_t)c->out_c, false);
		break;
	}
}

static void run_on(struct trial *r, int threads)
{
	struct cvt_conv_call *a = &r->call;
	size_t shared, worker;
	r->method->scratch(&a->shape, r->pass, r->max_batch, r->t->kernels, &shared, &worker);
	fresh_outputs(r);
	a->shared = kt_output(r->t, shared / sizeof(float), true);
	a->workers = kt_output(r->t, worker / sizeof(float) * (size_t)threads, true);
	a->worker_bytes = worker;
	a->pool = pool_of(threads);
	r->method->run(a, r->pass);
}

static void begin(struct trial *r, struct kt *t, const struct cvt_conv_method *method, enum cvt_conv_pass pass)
{
	*r = (struct trial){.t = t, .method = method, .pass = pass, .c = draw(t, method == &cvt_conv_1x1 ? 1 : 3)};
	struct cvt_reference_conv *c = &r->c;
	bool aligned = kt_flag(t, "aligned");
	r->in = (size_t)c->in_c * c->in_h * c->in_w;
	r->out = (size_t)c->out_c * c->out_h * c->out_w;
	r->weights = (size_t)c->in_c * c->out_c * c->kernel * c->kernel;
	r->max_batch = c->n + kt_int(t, "more", 0, 1) * kt_int(t, "batch", 1, 40);
	r->dense_x = kt_random(t, r->in * c->n, false);
	r->dense_dy = kt_random(t, r->out * c->n, false);
	struct cvt_conv_call *a = &r->call;
	a->shape = (struct cvt_conv_shape){c->in_c, c->in_h, c->in_w, c->out_c, c->out_h, c->out_w, c->kernel, 1, c->padding,
		.batch = r->max_batch, .forced = true};
	a->n = c->n;
	a->kernels = t->kernels;
	a->x_stride = (ptrdiff_t)stride_of(t, "x_gap", r->in, false);
	a->dy_stride = (ptrdiff_t)stride_of(t, "dy_gap", r->out, false);
	a->y_stride = (ptrdiff_t)stride_of(t, "y_gap", r->out, aligned);
	a->dx_stride = (ptrdiff_t)stride_of(t, "dx_gap", r->in, aligned);
	a->x = apart(t, r->dense_x, c->n, r->in, (size_t)a->x_stride, false);
	a->dy = apart(t, r->dense_dy, c->n, r->out, (size_t)a->dy_stride, false);
	a->weight = kt_random(t, r->weights, false);
	if (pass == CVT_CONV_FORWARD) {
		a->bias = kt_flag(t, "bias") ? kt_random(t, (size_t)c->out_c, false) : NULL;
		a->relu = kt_flag(t, "relu");
		a->scale_after_relu = kt_flag(t, "after");
		if (kt_flag(t, "scale")) {
			a->scale = kt_random(t, (size_t)c->out_c, false);
			a->shift = kt_random(t, (size_t)c->out_c, false);
		}
		a->pivot = kt_flag(t, "sums") ? kt_random(t, (size_t)c->out_c, false) : NULL;
	}
	a->dx_adds = kt_flag(t, "adds");
	run_on(r, 1);
	if (!method->fits(&a->shape, pass, t->kernels))
		kt_fail(t, "does not fit");
}

/* Gathers strided images, and checks that the gaps are as they were. */
static float *gather(struct kt *t, const float *p, int n, size_t image, size_t stride)
{
	float *dense = kt_output(t, image * (size_t)n, false);
	for (int i = 0; i < n; i++) {
		memcpy(dense + (size_t)i * image, p + (size_t)i * stride, image * sizeof *dense);
		for (size_t j = image; i + 1 < n && j < stride; j++)
			if (!isnan(p[(size_t)i * stride + j]))
				kt_fail(t, "wrote between images: float %zu after image %d", j - image, i);
	}
	return dense;
}

static void other_threads(struct trial *r)
{
	struct cvt_conv_call first = r->call;
	run_on(r, thread_counts[kt_int(r->t, "threads", 1, 3)]);
	const struct cvt_conv_call *a = &r->call;
	size_t n = (size_t)r->c.n - 1;
	switch (r->pass) {
	case CVT_CONV_FORWARD:
		kt_same(r->t, "y on other threads", a->y, first.y, (n * (size_t)a->y_stride + r->out) * sizeof(float));
		if (a->sums)
			kt_same(r->t, "sums on other threads", a->sums, first.sums, 2 * (size_t)r->c.out_c * sizeof(double));
		break;
	case CVT_CONV_INPUT_GRADIENT:
		kt_same(r->t, "dx on other threads", a->dx, first.dx, (n * (size_t)a->dx_stride + r->in) * sizeof(float));
		break;
	case CVT_CONV_WEIGHT_GRADIENT:
		kt_same(r->t, "dweight on other threads", a->dweight, first.dweight, r->weights * sizeof(float));
		kt_same(r->t, "dbias on other threads", a->dbias, first.dbias, (size_t)r->c.out_c * sizeof(float));
		break;
	}
	r->call = first;
}

/* In units of the bounds. Direct: a sum of so many terms, in any order, is off by less than terms * 2^-24 at worst, and by far less in
 * sums of several hundred lanes: half of the worst is allowed. */
static double tolerance(const struct trial *r, size_t terms)
{
	return r->c.kernel == 1 ? ((double)terms / 2 + 4) * 0x1p-24 : 0x1p-24;
}

static void check_sums(struct trial *r, const float *y)
{
	size_t plane = (size_t)r->c.out_h * r->c.out_w;
	for (int o = 0; o < r->c.out_c; o++) {
		double s = 0, q = 0, bound = 0, *got = r->call.sums + 2 * o;
		for (int n = 0; n < r->c.n; n++)
			for (size_t p = 0; p < plane; p++) {
				double d = (double)y[((size_t)n * r->c.out_c + o) * plane + p] - (double)r->call.pivot[o];
				s += d;
				q += d * d;
				bound += fabs(d);
			}
		if (!(fabs(s - got[0]) <= 70 * 0x1p-24 * bound + 1e-12) || !(fabs(q - got[1]) <= 70 * 0x1p-24 * q + 1e-12))
			kt_fail(r->t, "sums of channel %d: %.9g %.9g, should be %.9g %.9g", o, got[0], got[1], s, q);
	}
}

/* The same call again, but only the largest of each 2 x 2 is written: bit for bit that of y. */
static void check_pooled(struct trial *r, const float *y)
{
	const struct cvt_reference_conv *c = &r->c;
	struct cvt_conv_call call = r->call;
	int h = c->out_h / 2, w = c->out_w / 2;
	if (h == 0 || w == 0)
		return;
	size_t image = (size_t)c->out_c * h * w, stride = stride_of(r->t, "pooled_gap", image, call.y_stride % 16 == 0), at = 0;
	float *want = kt_output(r->t, image * (size_t)c->n, false);
	for (size_t map = 0; map < (size_t)c->n * c->out_c; map++)
		for (int i = 0; i < h; i++)
			for (int k = 0; k < w; k++) {
				const float *p = y + (map * c->out_h + 2 * (size_t)i) * c->out_w + 2 * k;
				want[at++] = fmaxf(fmaxf(p[0], p[1]), fmaxf(p[c->out_w], p[c->out_w + 1]));
			}
	call.y = NULL;
	call.sums = NULL;
	call.pooled_stride = (ptrdiff_t)stride;
	call.pooled = apart(r->t, NULL, c->n, image, stride, call.y_stride % 16 == 0);
	r->method->run(&call, CVT_CONV_FORWARD);
	const float *got = gather(r->t, call.pooled, c->n, image, stride);
	for (size_t i = 0; i < at; i++)
		if (got[i] != want[i]) {         /* -0 is 0 */
			kt_fail(r->t, "pooled output %zu is %.9g, the largest of four is %.9g", i, (double)got[i], (double)want[i]);
			return;
		}
}

static void check_forward(struct kt *t, const struct cvt_conv_method *method)
{
	struct trial r;
	begin(&r, t, method, CVT_CONV_FORWARD);
	const struct cvt_conv_call *a = &r.call;
	size_t count = r.out * (size_t)r.c.n, plane = (size_t)r.c.out_h * r.c.out_w;
	double *want = kt_doubles(t, count), *bound = kt_doubles(t, count);
	cvt_reference_conv_forward(&r.c, r.dense_x, a->weight, a->bias, want, bound);
	if (r.c.kernel == 3)
		kt_winograd_bound(r.c.n, r.c.in_c, r.c.out_c, plane, 9, r.dense_x, a->weight, 9 * (size_t)r.c.in_c, 9, bound);
	for (size_t i = 0; i < count; i++) {
		size_t o = i / plane % (size_t)r.c.out_c;
		double scale = a->scale ? a->scale[o] : 1, shift = a->scale ? a->shift[o] : 0;
		if (!a->scale_after_relu)
			want[i] = want[i] * scale + shift;
		if (a->relu)
			want[i] = fmax(want[i], 0);
		if (a->scale_after_relu)
			want[i] = want[i] * scale + shift;
		bound[i] += (a->bias ? fabs(a->bias[o]) : 0) + fabs(shift);
	}
	const float *y = gather(t, a->y, r.c.n, r.out, (size_t)a->y_stride);
	kt_close(t, "y", y, want, bound, count, tolerance(&r, (size_t)r.c.in_c));
	if (a->sums)
		check_sums(&r, y);
	if (method->pools)
		check_pooled(&r, y);
	other_threads(&r);
}

static void check_input(struct kt *t, const struct cvt_conv_method *method)
{
	struct trial r;
	begin(&r, t, method, CVT_CONV_INPUT_GRADIENT);
	size_t count = r.in * (size_t)r.c.n, plane = (size_t)r.c.in_h * r.c.in_w;
	double *want = kt_doubles(t, count), *bound = kt_doubles(t, count);
	cvt_reference_conv_input_gradient(&r.c, r.dense_dy, r.call.weight, want, bound);
	if (r.c.kernel == 3)
		kt_winograd_bound(r.c.n, r.c.out_c, r.c.in_c, plane, 9, r.dense_dy, r.call.weight, 9, 9 * (size_t)r.c.in_c, bound);
	for (size_t i = 0; r.call.dx_adds && i < count; i++) {
		want[i] += 0.25 * (double)(i % 7);
		bound[i] += 2;
	}
	kt_close(t, "dx", gather(t, r.call.dx, r.c.n, r.in, (size_t)r.call.dx_stride), want, bound, count, tolerance(&r, (size_t)r.c.out_c));
	other_threads(&r);
}

static void check_weight(struct kt *t, const struct cvt_conv_method *method)
{
	struct trial r;
	begin(&r, t, method, CVT_CONV_WEIGHT_GRADIENT);
	double *want = kt_doubles(t, r.weights), *bound = kt_doubles(t, r.weights);
	double *want_bias = kt_doubles(t, (size_t)r.c.out_c), *bias_bound = kt_doubles(t, (size_t)r.c.out_c);
	size_t pixels = (size_t)r.c.n * r.c.out_h * r.c.out_w;
	cvt_reference_conv_weight_gradient(&r.c, r.dense_x, r.dense_dy, want, bound, want_bias, bias_bound);
	if (r.c.kernel == 3)
		kt_winograd_gradient_bound(r.c.n, r.c.in_c, r.c.out_c, pixels / (size_t)r.c.n, 9, 6, r.dense_x, r.dense_dy, bound);
	kt_close(t, "dweight", r.call.dweight, want, bound, r.weights, tolerance(&r, pixels));
	kt_close(t, "dbias", r.call.dbias, want_bias, bias_bound, (size_t)r.c.out_c, 70 * 0x1p-24);
	other_threads(&r);
}

/* One thread; the same call by im2col and OpenBLAS beside it. */
static void run_bench(void *context)
{
	struct trial *r = context;
	r->method->run(&r->call, r->pass);
}

static void bench_shape(struct kt *t, const struct cvt_conv_method *method, enum cvt_conv_pass pass, int in_c, int out_c, int size, int n)
{
	const struct cvt_conv_method *methods[] = {method, &cvt_conv_gemm};
	int kernel = method == &cvt_conv_1x1 ? 1 : 3;
	size_t in = (size_t)in_c * size * size, out = (size_t)out_c * size * size;
	struct trial r = {.t = t, .pass = pass};
	r.call = (struct cvt_conv_call){.shape = {in_c, size, size, out_c, size, size, kernel, 1, kernel / 2}, .n = n, .kernels = t->kernels,
		.x = kt_random(t, in * (size_t)n, true), .x_stride = (ptrdiff_t)in, .y = kt_random(t, out * (size_t)n, true), .y_stride = (ptrdiff_t)out,
		.dx = kt_random(t, in * (size_t)n, true), .dx_stride = (ptrdiff_t)in, .dy_stride = (ptrdiff_t)out, .relu = true,
		.weight = kt_random(t, (size_t)(in_c * out_c * kernel * kernel), true), .bias = kt_random(t, (size_t)out_c, true),
		.dweight = kt_random(t, (size_t)(in_c * out_c * kernel * kernel), true), .dbias = kt_random(t, (size_t)out_c, true)};
	r.call.dy = kt_random(t, out * (size_t)n, true);
	for (int m = 0; m < 2; m++) {
		char label[80];
		size_t shared;
		r.method = methods[m];
		r.method->scratch(&r.call.shape, pass, n, t->kernels, &shared, &r.call.worker_bytes);
		r.call.shared = kt_output(t, shared / sizeof(float), true);
		r.call.workers = kt_output(t, r.call.worker_bytes / sizeof(float), true);
		snprintf(label, sizeof label, "%s %d->%d@%d n%d", m ? "gemm" : "own", in_c, out_c, size, n);
		kt_bench(t, label, 2.0 * (double)n * size * size * in_c * out_c * kernel * kernel, 0, run_bench, &r);
	}
}

static void bench1(struct kt *t, enum cvt_conv_pass pass)
{
	bench_shape(t, &cvt_conv_1x1, pass, 64, 64, 64, 8);
	bench_shape(t, &cvt_conv_1x1, pass, 192, 176, 32, 8);
	bench_shape(t, &cvt_conv_1x1, pass, 480, 192, 16, 16);
	bench_shape(t, &cvt_conv_1x1, pass, 832, 384, 8, 32);
}

static void bench3(struct kt *t, enum cvt_conv_pass pass)
{
	bench_shape(t, &cvt_conv_winograd3, pass, 3, 64, 256, 1);
	bench_shape(t, &cvt_conv_winograd3, pass, 64, 64, 256, 1);
	bench_shape(t, &cvt_conv_winograd3, pass, 128, 128, 128, 2);
	bench_shape(t, &cvt_conv_winograd3, pass, 256, 256, 64, 4);
	bench_shape(t, &cvt_conv_winograd3, pass, 512, 512, 32, 8);
	bench_shape(t, &cvt_conv_winograd3, pass, 512, 512, 16, 16);
	bench_shape(t, &cvt_conv_winograd3, pass, 160, 320, 8, 32);
	bench_shape(t, &cvt_conv_winograd3, pass, 64, 64, 50, 8);
}

static void bench_forward1(struct kt *t) { bench1(t, CVT_CONV_FORWARD); }
static void bench_input1(struct kt *t) { bench1(t, CVT_CONV_INPUT_GRADIENT); }
static void bench_weight1(struct kt *t) { bench1(t, CVT_CONV_WEIGHT_GRADIENT); }
static void bench_forward3(struct kt *t) { bench3(t, CVT_CONV_FORWARD); }
static void bench_input3(struct kt *t) { bench3(t, CVT_CONV_INPUT_GRADIENT); }
static void bench_weight3(struct kt *t) { bench3(t, CVT_CONV_WEIGHT_GRADIENT); }
static void forward1(struct kt *t) { check_forward(t, &cvt_conv_1x1); }
static void input1(struct kt *t) { check_input(t, &cvt_conv_1x1); }
static void weight1(struct kt *t) { check_weight(t, &cvt_conv_1x1); }
static void forward3(struct kt *t) { check_forward(t, &cvt_conv_winograd3); }
static void input3(struct kt *t) { check_input(t, &cvt_conv_winograd3); }
static void weight3(struct kt *t) { check_weight(t, &cvt_conv_winograd3); }

const struct kt_slot kt_conv_methods[] = {
	{"1x1.forward", forward1, bench_forward1}, {"1x1.input_gradient", input1, bench_input1},
	{"1x1.weight_gradient", weight1, bench_weight1}, {"winograd3.forward", forward3, bench_forward3},
	{"winograd3.input_gradient", input3, bench_input3}, {"winograd3.weight_gradient", weight3, bench_weight3},
	{NULL, NULL, NULL},
};
