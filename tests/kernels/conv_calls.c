/* conv_calls.c - whole convolutions, cut into tasks on a pool: right, and the same bits for any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "harness.h"
#include "kernels/reference.h"
#include "nn/layers/conv_winograd3.h"

enum { MANY = 800 };                        /* channels: conv_winograd3_many.c */

/* Shapes with more than one task, chunk and image a task, and edges. What the method cannot do is passed over. */
static const struct { const struct cvt_conv_method *method; int n, in_c, out_c, h, w, kernel, stride, padding; } calls[] = {
	{ &cvt_conv_winograd5, 3, 3, 16, 67, 64, 5, 1, 2 },
	{ &cvt_conv_winograd5, 2, 16, 15, 50, 49, 5, 1, 2 },
	{ &cvt_conv_winograd5, 9, 5, 7, 12, 13, 5, 1, 2 },
	{ &cvt_conv_winograd5, 3, 42, 33, 7, 25, 5, 1, 2 },
	{ &cvt_conv_winograd5, 1, 1, 1, 1, 1, 5, 1, 2 },
	{ &cvt_conv_stem, 3, 3, 20, 64, 62, 7, 2, 3 },
	{ &cvt_conv_stem, 20, 1, 9, 11, 17, 7, 2, 3 },
	{ &cvt_conv_stem, 2, 2, 5, 1, 2, 7, 2, 3 },
	{ &cvt_conv_winograd5, 4, 1, 20, 128, 128, 5, 1, 2 },      /* large enough for stores past the caches */
	{ &cvt_conv_winograd3, 3, 20, 17, 40, 37, 3, 1, 1 },
	{ &cvt_conv_winograd3, 600, 112, 131, 1, 2, 3, 1, 1 },     /* F(2x2); groups of strips of the weight gradient */
	{ &cvt_conv_winograd3, 100, MANY, 73, 3, 3, 3, 1, 1 },     /* groups of strips forward */
	{ &cvt_conv_winograd3, 5, 113, 144, 9, 7, 3, 1, 1 },
	{ &cvt_conv_1x1, 9, 70, 50, 4, 5, 1, 1, 0 },
	{ &cvt_conv_1x1, 3, 19, 33, 20, 21, 1, 1, 0 },
};
static const int threads[] = { 1, 2, 3, 7 };

struct results { float *y, *pooled, *dx, *dweight, *dbias; double *sums; };

static size_t pooled_size(const struct cvt_conv_shape *s) { return (size_t)s->out_c * (s->out_h / 2) * (s->out_w / 2); }

static void *scratch_of(struct kt *t, size_t bytes)
{
	return kt_output(t, (bytes + 3) / 4, true);
}

static void run_pass(struct kt *t, const struct cvt_conv_method *method, struct cvt_conv_call *call, enum cvt_conv_pass pass)
{
	size_t shared, worker;
	method->scratch(&call->shape, pass, call->n, t->kernels, &shared, &worker);
	worker = (worker + 63) / 64 * 64;
	call->shared = scratch_of(t, shared);
	call->workers = scratch_of(t, worker * 7);
	call->worker_bytes = worker;
	method->run(call, pass);
}

static struct results run_all(struct kt *t, const struct cvt_conv_method *method, struct cvt_conv_call call, int n_threads)
{
	const struct cvt_conv_shape *s = &call.shape;
	size_t in = (size_t)s->in_c * s->in_h * s->in_w, out = (size_t)s->out_c * s->out_h * s->out_w;
	size_t weights = (size_t)s->in_c * s->out_c * s->kernel * s->kernel;
	struct results r = { .y = kt_output(t, out * call.n, true), .pooled = kt_output(t, pooled_size(s) * call.n, true),
		.dx = kt_output(t, in * call.n, true), .dweight = kt_output(t, weights, false), .dbias = kt_output(t, s->out_c, false),
		.sums = kt_doubles(t, 2 * (size_t)s->out_c) };
	assert_int_equal(cvt_pool_create(n_threads, &call.pool, NULL), CVT_OK);
	call.y = r.y;
	call.y_stride = (ptrdiff_t)out;
	call.dx = r.dx;
	call.dx_stride = (ptrdiff_t)in;
	call.dweight = r.dweight;
	call.dbias = r.dbias;
	if (method->pools && method != &cvt_conv_winograd3) {       /* which writes one or the other */
		call.pooled = r.pooled;
		call.pooled_stride = (ptrdiff_t)pooled_size(s);
		call.pool_sign = call.bias;
	}
	if (method->sums)
		call.sums = r.sums;
	for (int pass = CVT_CONV_FORWARD; pass <= CVT_CONV_WEIGHT_GRADIENT; pass++)
		if (method->fits(s, pass, t->kernels))
			run_pass(t, method, &call, pass);
	cvt_pool_destroy(call.pool);
	return r;
}

static void compare_bits(struct kt *t, const struct cvt_conv_method *method, const struct cvt_conv_call *call, const struct results *a,
	const struct results *b)
{
	const struct cvt_conv_shape *s = &call->shape;
	size_t in = (size_t)s->in_c * s->in_h * s->in_w, out = (size_t)s->out_c * s->out_h * s->out_w;
	kt_same(t, "y", a->y, b->y, sizeof(float) * out * call->n);
	kt_same(t, "pooled", a->pooled, b->pooled, sizeof(float) * pooled_size(s) * call->n);
	kt_same(t, "dx", a->dx, b->dx, sizeof(float) * in * call->n);
	kt_same(t, "dweight", a->dweight, b->dweight, sizeof(float) * s->in_c * s->out_c * s->kernel * s->kernel);
	kt_same(t, "dbias", a->dbias, b->dbias, sizeof(float) * s->out_c);
	kt_same(t, "sums", a->sums, b->sums, sizeof(double) * 2 * s->out_c);
}

/* Against the definition: the largest difference over the root mean square of what it should be. */
static double error_of(const float *got, const double *want, size_t n)
{
	double largest = 0, squares = 0;
	for (size_t i = 0; i < n; i++) {
		double d = fabs(got[i] - want[i]);
		if (!(d <= largest) && !isnan(largest))         /* one that is not a number is the largest, and stays */
			largest = d;
		squares += want[i] * want[i];
	}
	return largest / sqrt(squares / (double)n);
}

static void compare_values(struct kt *t, const struct cvt_conv_method *method, const struct cvt_conv_call *call, const struct results *r)
{
	const struct cvt_conv_shape *s = &call->shape;
	struct cvt_reference_conv c = { call->n, s->in_c, s->in_h, s->in_w, s->out_c, s->out_h, s->out_w, s->kernel, s->stride, s->padding };
	size_t in = (size_t)call->n * s->in_c * s->in_h * s->in_w, out = (size_t)call->n * s->out_c * s->out_h * s->out_w;
	size_t weights = (size_t)s->in_c * s->out_c * s->kernel * s->kernel, plane = (size_t)s->out_h * s->out_w;
	double *want = kt_doubles(t, in + out + weights), *bound = kt_doubles(t, in + out + weights), *bias = kt_doubles(t, s->out_c);
	double errors[5] = { 0 };
	if (method->fits(s, CVT_CONV_FORWARD, t->kernels)) {
		cvt_reference_conv_forward(&c, call->x, call->weight, call->bias, want, bound);
		errors[0] = error_of(r->y, want, out);
		for (int o = 0; method->sums && o < s->out_c; o++) {
			double sum = 0, squares = 0;
			for (size_t i = 0; i < out; i++)
				if (i / plane % s->out_c == (size_t)o) {
					sum += r->y[i] - (double)call->pivot[o];
					squares += (r->y[i] - (double)call->pivot[o]) * (r->y[i] - (double)call->pivot[o]);
				}
			double off[2] = { fabs(r->sums[2 * o] - sum) / sqrt(squares * (double)(plane * call->n)), fabs(r->sums[2 * o + 1] - squares) / squares };
			for (int i = 0; i < 2; i++)
				if (!(off[i] <= errors[1]) && !isnan(errors[1]))
					errors[1] = off[i];
		}
	}
	if (method->fits(s, CVT_CONV_INPUT_GRADIENT, t->kernels)) {
		cvt_reference_conv_input_gradient(&c, call->dy, call->weight, want, bound);
		errors[2] = error_of(r->dx, want, in);
	}
	if (method->fits(s, CVT_CONV_WEIGHT_GRADIENT, t->kernels)) {
		cvt_reference_conv_weight_gradient(&c, call->x, call->dy, want, bound, bias, want + weights);
		errors[3] = error_of(r->dweight, want, weights);
		errors[4] = error_of(r->dbias, bias, s->out_c);
	}
	printf("# %s on %s, %s: largest error over rms: y %.1e, dx %.1e, dweight %.1e\n", method->name, t->kernels->name, t->shape, errors[0],
		errors[2], errors[3]);
	for (int i = 0; i < 5; i++)
		if (!(errors[i] <= 2e-4))
			kt_fail(t, "%s is off by %.2g of its rms", (const char *[]){ "y", "sums", "dx", "dweight", "dbias" }[i], errors[i]);
}

static void check_call(struct kt *t, size_t i)
{
	struct cvt_conv_shape s = { calls[i].in_c, calls[i].h, calls[i].w, calls[i].out_c,
		(calls[i].h + 2 * calls[i].padding - calls[i].kernel) / calls[i].stride + 1,
		(calls[i].w + 2 * calls[i].padding - calls[i].kernel) / calls[i].stride + 1, calls[i].kernel, calls[i].stride, calls[i].padding,
		.batch = calls[i].n, .forced = true };
	if (calls[i].in_c == MANY)
		assert_true(cvt_winograd3_is_many(&s, t->kernels));
	size_t in = (size_t)s.in_c * s.in_h * s.in_w, out = (size_t)s.out_c * s.out_h * s.out_w;
	int n = calls[i].n;
	struct cvt_conv_call call = { .shape = s, .n = n, .x = kt_random(t, in * n, false), .x_stride = (ptrdiff_t)in,
		.dy = kt_random(t, out * n, false),
		.dy_stride = (ptrdiff_t)out, .weight = kt_random(t, (size_t)s.in_c * s.out_c * s.kernel * s.kernel, false),
		.bias = kt_random(t, s.out_c, false), .pivot = kt_random(t, s.out_c, false), .kernels = t->kernels };
	struct results first = { 0 };
	snprintf(t->shape, sizeof t->shape, "%d x %d->%d @%dx%d", n, s.in_c, s.out_c, s.in_h, s.in_w);
	for (size_t k = 0; k < sizeof threads / sizeof *threads && !t->failure[0]; k++) {
		struct results r = run_all(t, calls[i].method, call, threads[k]);
		if (k == 0) {
			first = r;
			compare_values(t, calls[i].method, &call, &first);
		} else {
			compare_bits(t, calls[i].method, &call, &first, &r);
		}
	}
}

static void convolutions_are_right_and_the_same_for_any_threads(void **state)
{
	for (int isa = CVT_ISA_BASELINE; isa <= CVT_ISA_AVX512; isa++) {
		const struct cvt_kernels *kernels = cvt_kernels_get(isa);
		for (size_t i = 0; kernels && i < sizeof calls / sizeof *calls; i++) {
			struct kt t = { .kernels = kernels, .slot = calls[i].method->name, .state = i };
			check_call(&t, i);
			kt_release(&t);
			if (t.failure[0])
				fail_msg("%s on %s, %s: %s", t.slot, kernels->name, t.shape, t.failure);
		}
	}
}

enum { JOINED = 3 };

/* y, sums and weight gradients of convolutions of one x that are joined have the bits that each has alone; dx is summed in another order. */
static void compare_joined(struct kt *t, const struct results *alone, const struct results *joined, const struct cvt_conv_call *call)
{
	const struct cvt_conv_shape *s = &call->shape;
	size_t out = (size_t)s->out_c * s->out_h * s->out_w;
	kt_same(t, "joined y", alone->y, joined->y, sizeof(float) * out * call->n);
	kt_same(t, "joined dweight", alone->dweight, joined->dweight, sizeof(float) * s->in_c * s->out_c);
	kt_same(t, "joined dbias", alone->dbias, joined->dbias, sizeof(float) * s->out_c);
	kt_same(t, "joined sums", alone->sums, joined->sums, sizeof(double) * 2 * s->out_c);
}

/* Runs the joined calls; outputs are theirs, what they have in common is in `all`: a call of all their outputs. */
static void run_joined(struct kt *t, struct cvt_conv_call joined[JOINED], struct results results[JOINED], const struct cvt_conv_call *all)
{
	for (int i = 0; i < JOINED; i++) {
		struct cvt_conv_call *call = &joined[i];
		size_t out = (size_t)call->shape.out_c * call->shape.out_h * call->shape.out_w, weights = (size_t)call->shape.in_c * call->shape.out_c;
		results[i] = (struct results){ .y = kt_output(t, out * call->n, true), .dweight = kt_output(t, weights, false),
			.dbias = kt_output(t, call->shape.out_c, false), .sums = kt_doubles(t, 2 * (size_t)call->shape.out_c) };
		call->y = results[i].y;
		call->y_stride = (ptrdiff_t)out;
		call->sums = results[i].sums;
		call->dweight = results[i].dweight;
		call->dbias = results[i].dbias;
		call->dx = all->dx;
		call->dx_stride = all->dx_stride;
		call->dx_adds = all->dx_adds;
		call->pool = all->pool;
		call->next = i + 1 < JOINED ? call + 1 : NULL;
	}
	for (int pass = CVT_CONV_FORWARD; pass <= CVT_CONV_WEIGHT_GRADIENT; pass++) {
		size_t shared, worker;
		cvt_conv_1x1.scratch(&all->shape, pass, all->shape.batch, t->kernels, &shared, &worker);
		joined[0].worker_bytes = (worker + 63) / 64 * 64;
		joined[0].shared = scratch_of(t, shared);
		joined[0].workers = scratch_of(t, joined[0].worker_bytes * (size_t)cvt_pool_threads(all->pool));
		cvt_conv_1x1.run(joined, pass);
	}
}

/* planned: images that scratch is for, n or more */
static void check_joined(struct kt *t, int n, int planned, int in_c, int size, const int outs[JOINED], int n_threads, bool adds)
{
	size_t in = (size_t)in_c * size * size;
	const float *x = kt_random(t, in * n, false);
	struct cvt_conv_call joined[JOINED], all = { .shape = { in_c, size, size, 0, size, size, 1, 1, 0, .batch = planned, .forced = true }, .n = n,
		.dx = kt_random(t, in * n, false), .dx_stride = (ptrdiff_t)in, .dx_adds = adds };
	struct results alone[JOINED], results[JOINED];
	double *want = kt_doubles(t, in * n);
	for (size_t p = 0; p < in * n && adds; p++)
		want[p] = (double)all.dx[p];
	for (int i = 0; i < JOINED; i++) {
		size_t out = (size_t)outs[i] * size * size;
		joined[i] = (struct cvt_conv_call){ .shape = all.shape, .n = n, .x = x, .x_stride = (ptrdiff_t)in, .dy = kt_random(t, out * n, false),
			.dy_stride = (ptrdiff_t)out, .weight = kt_random(t, (size_t)in_c * outs[i], false), .bias = kt_random(t, outs[i], false),
			.relu = i == 1, .pivot = kt_random(t, outs[i], false), .kernels = t->kernels };
		joined[i].shape.out_c = outs[i];
		all.shape.out_c += outs[i];
		alone[i] = run_all(t, &cvt_conv_1x1, joined[i], 1);
		for (size_t p = 0; p < in * n; p++)
			want[p] += alone[i].dx[p];
	}
	assert_int_equal(cvt_pool_create(n_threads, &all.pool, NULL), CVT_OK);
	run_joined(t, joined, results, &all);
	cvt_pool_destroy(all.pool);
	for (int i = 0; i < JOINED; i++)
		compare_joined(t, &alone[i], &results[i], &joined[i]);
	double error = error_of(all.dx, want, in * n);
	if (!(error <= 1e-5))
		kt_fail(t, "joined dx is off by %.2g of its rms", error);
}

static void joined_convolutions_are_each_alone(void **state)
{
	/* images side by side and gathered; one by one and gathered; in panels, with chunks of images */
	static const struct { int n, in_c, size, outs[JOINED]; } shapes[] = {
		{ 33, 70, 4, { 24, 5, 50 } }, { 9, 19, 8, { 50, 24, 3 } }, { 40, 33, 13, { 7, 97, 16 } } };
	for (int isa = CVT_ISA_BASELINE; isa <= CVT_ISA_AVX512; isa++) {
		const struct cvt_kernels *kernels = cvt_kernels_get(isa);
		for (size_t i = 0; kernels && i < sizeof shapes / sizeof *shapes; i++)
			for (int n_threads = 1; n_threads <= 3; n_threads += 2) {
				struct kt t = { .kernels = kernels, .slot = "1x1 joined", .state = i };
				check_joined(&t, shapes[i].n, shapes[i].n * n_threads, shapes[i].in_c, shapes[i].size, shapes[i].outs, n_threads, n_threads == 3);
				kt_release(&t);
				if (t.failure[0])
					fail_msg("joined 1x1 on %s, shape %zu, %d threads: %s", kernels->name, i, n_threads, t.failure);
			}
	}
}

/* What a norm that pooled, 2 x 2 blocks or 3 x 3 windows, makes of one image's output and the gradient of its maxima. */
static void norm_backward(struct kt *t, bool windows, const float *y, const float *dmaxima, float *dy, int h, int w, const struct cvt_norm_maps *norm)
{
	if (windows)
		t->kernels->norm_windows.backward(y, dmaxima, dy, h, w, norm, kt_output(t, cvt_norm_windows_floats(w), true));
	else
		t->kernels->norm.backward_pool(y, dmaxima, dy, h, w, norm);
}

/* A weight gradient that makes dy itself, of what such a norm has, against one that is given it. keeps: for others too; over: in y's place. */
static void check_made(struct kt *t, const struct cvt_conv_method *method, int n, struct cvt_conv_shape s, int n_threads, bool keeps, bool over)
{
	bool windows = method == &cvt_conv_stem;
	int h = s.out_h, w = s.out_w, out_c = s.out_c, round = windows ? 1 : 0;
	size_t in = (size_t)s.in_c * s.in_h * s.in_w, out = (size_t)out_c * h * w, pooled = (size_t)out_c * ((h + round) / 2) * ((w + round) / 2);
	size_t weights = (size_t)s.kernel * s.kernel * s.in_c * out_c;
	const float *numbers = kt_random(t, 5 * (size_t)out_c, false);
	struct cvt_norm_maps norm = { .maps = out_c, .mean = numbers, .scale = numbers + out_c, .beta = numbers + 2 * out_c, .c2 = numbers + 3 * out_c,
		.c3 = numbers + 4 * out_c, .relu = n_threads == 3, .mask = !keeps };
	const float *y = kt_random(t, out * n, false), *dmaxima = kt_random(t, pooled * n, false);
	float *dy = kt_output(t, out * n, true), *made = kt_output(t, out * n, true), *dweights = kt_output(t, 2 * weights, false),
		*dbias = kt_output(t, 2 * (size_t)out_c, false);
	double *want = kt_doubles(t, weights + out_c);
	for (int i = 0; i < n; i++)
		norm_backward(t, windows, y + i * out, dmaxima + i * pooled, dy + i * out, h, w, &norm);
	struct cvt_conv_call call = { .shape = s, .n = n, .kernels = t->kernels, .x = kt_random(t, in * n, false), .x_stride = (ptrdiff_t)in,
		.dy = dy, .dy_stride = (ptrdiff_t)out, .dweight = dweights, .dbias = dbias };
	assert_int_equal(cvt_pool_create(n_threads, &call.pool, NULL), CVT_OK);
	run_pass(t, method, &call, CVT_CONV_WEIGHT_GRADIENT);
	if (over)
		memcpy(made, y, sizeof(float) * out * n);
	call.shape.dy = keeps ? CVT_DY_KEPT : CVT_DY_UNKEPT;
	call.dy = NULL;
	call.dmaxima = dmaxima;
	call.dmaxima_stride = (ptrdiff_t)pooled;
	call.normed = over ? made : y;
	call.normed_stride = (ptrdiff_t)out;
	call.norm = norm;
	call.made = keeps ? made : NULL;
	call.made_stride = (ptrdiff_t)out;
	call.dweight = dweights + weights;
	call.dbias = dbias + out_c;
	run_pass(t, method, &call, CVT_CONV_WEIGHT_GRADIENT);
	cvt_pool_destroy(call.pool);
	if (keeps)
		kt_same(t, "made", made, dy, sizeof(float) * out * n);
	for (size_t i = 0; i < weights; i++)
		want[i] = (double)dweights[i];
	for (int o = 0; o < out_c; o++)
		want[weights + (size_t)o] = (double)dbias[o];
	double error = error_of(dweights + weights, want, weights), bias_error = error_of(dbias + out_c, want + weights, (size_t)out_c);
	if (!(error <= 2e-4) || !(bias_error <= 2e-4))  /* chunks are cut elsewhere: as far as from the definition, above */
		kt_fail(t, "the gradients of a dy that is made are off by %.2g and %.2g of their rms", error, bias_error);
}

static void a_dy_that_is_made_is_as_one_that_is_given(void **state)
{
	/* 5 x 5: whole images at a time, rows of them, more tiles in a row than a strip has, no block at all, fewer rows than chunks; stems */
	static const struct { int n; struct cvt_conv_shape s; } shapes[] = {
		{ 9, { 3, 35, 64, 16, 35, 64, 5, 1, 2 } }, { 3, { 1, 50, 37, 5, 50, 37, 5, 1, 2 } }, { 2, { 5, 66, 202, 40, 66, 202, 5, 1, 2 } },
		{ 5, { 9, 12, 13, 7, 12, 13, 5, 1, 2 } }, { 2, { 3, 1, 40, 20, 1, 40, 5, 1, 2 } }, { 1, { 2, 5, 400, 4, 5, 400, 5, 1, 2 } },
		{ 18, { 3, 37, 42, 9, 19, 21, 7, 2, 3 } },
		{ 2, { 1, 64, 64, 20, 32, 32, 7, 2, 3 } }, { 1, { 2, 1, 2, 5, 1, 1, 7, 2, 3 } } };
	for (int isa = CVT_ISA_BASELINE; isa <= CVT_ISA_AVX512; isa++) {
		const struct cvt_kernels *kernels = cvt_kernels_get(isa);
		for (size_t i = 0; kernels && i < sizeof shapes / sizeof *shapes; i++)
			for (int draw = 0; draw < 4; draw++) {
				const struct cvt_conv_method *method = shapes[i].s.kernel == 7 ? &cvt_conv_stem : &cvt_conv_winograd5;
				struct kt t = { .kernels = kernels, .slot = "a norm's dy", .state = i };
				struct cvt_conv_shape s = shapes[i].s;
				s.batch = shapes[i].n;
				s.forced = true;
				check_made(&t, method, shapes[i].n, s, draw & 1 ? 3 : 1, draw & 2, draw == 3);
				kt_release(&t);
				if (t.failure[0])
					fail_msg("%s with a norm on %s, shape %zu, draw %d: %s", method->name, kernels->name, i, draw, t.failure);
			}
	}
}

/* A stem that pools 3 x 3 windows of what it makes gives what pooling of what it leaves gives, bit for bit. */
static void windows_on_the_way_are_windows_after(void **state)
{
	static const struct { int n; struct cvt_conv_shape s; } shapes[] = {
		{ 5, { 3, 37, 42, 9, 19, 21, 7, 2, 3 } }, { 2, { 1, 64, 64, 20, 32, 32, 7, 2, 3 } }, { 1, { 2, 1, 2, 5, 1, 1, 7, 2, 3 } } };
	for (int isa = CVT_ISA_BASELINE; isa <= CVT_ISA_AVX512; isa++) {
		const struct cvt_kernels *kernels = cvt_kernels_get(isa);
		for (size_t i = 0; kernels && i < sizeof shapes / sizeof *shapes; i++) {
			struct kt t = { .kernels = kernels, .slot = "a stem's windows", .state = i };
			struct cvt_conv_shape s = shapes[i].s;
			int n = shapes[i].n;
			size_t in = (size_t)s.in_c * s.in_h * s.in_w, out = (size_t)s.out_c * s.out_h * s.out_w;
			struct cvt_pool_shape pool = { s.out_h, s.out_w, (s.out_h + 1) / 2, (s.out_w + 1) / 2, 3, 2, 1 };
			size_t pooled = (size_t)s.out_c * pool.out_h * pool.out_w;
			float *y = kt_output(&t, out * n, true), *after = kt_output(&t, pooled * n, true), *way = kt_output(&t, pooled * n, true);
			struct cvt_conv_call call = { .shape = s, .n = n, .kernels = kernels, .x = kt_random(&t, in * n, false), .x_stride = (ptrdiff_t)in,
				.y = y, .y_stride = (ptrdiff_t)out, .weight = kt_random(&t, (size_t)49 * s.in_c * s.out_c, false),
				.bias = kt_random(&t, s.out_c, false), .relu = i == 0 };
			assert_int_equal(cvt_pool_create(2, &call.pool, NULL), CVT_OK);
			run_pass(&t, &cvt_conv_stem, &call, CVT_CONV_FORWARD);
			kernels->maxpool.forward(&pool, n * s.out_c, y, after, NULL);
			call.shape.windows = true;
			call.y = NULL;
			call.pooled = way;
			call.pooled_stride = (ptrdiff_t)pooled;
			run_pass(&t, &cvt_conv_stem, &call, CVT_CONV_FORWARD);
			cvt_pool_destroy(call.pool);
			kt_same(&t, "pooled", way, after, sizeof(float) * pooled * n);
			kt_release(&t);
			if (t.failure[0])
				fail_msg("windows of a stem on %s, shape %zu: %s", kernels->name, i, t.failure);
		}
	}
}

/* A 1 x 1 that pools its input on the way, and hands its gradient back through the pool, gives the bits that the two give one after the other. over:
 * dx takes x's place; adds: to what is there. */
static void check_pools_x(struct kt *t, int n, struct cvt_conv_shape s, int n_threads, bool over, bool adds)
{
	struct cvt_pool_shape pool = { s.in_h, s.in_w, s.in_h, s.in_w, 3, 1, 1 };
	size_t in = (size_t)s.in_c * s.in_h * s.in_w * n, out = (size_t)s.out_c * s.in_h * s.in_w * n;
	float *x = kt_random(t, in, false), *pooled = kt_output(t, in, true), *dx = kt_random(t, in, false), *want = kt_output(t, in, true);
	struct cvt_conv_call call = { .shape = s, .n = n, .x = pooled, .x_stride = (ptrdiff_t)in / n, .dy = kt_random(t, out, false),
		.dy_stride = (ptrdiff_t)out / n, .weight = kt_random(t, (size_t)s.in_c * s.out_c, false), .bias = kt_random(t, s.out_c, false),
		.pivot = kt_random(t, s.out_c, false), .kernels = t->kernels };
	t->kernels->maxpool.forward(&pool, n * s.in_c, x, pooled, NULL);
	struct results after = run_all(t, &cvt_conv_1x1, call, 1);
	if (adds)
		memcpy(want, dx, sizeof(float) * in);
	t->kernels->maxpool.backward(&pool, n * s.in_c, x, after.dx, want, adds, kt_output(t, cvt_pool_backward_floats(&pool), true));
	call.shape.pools_x = true;
	call.x = x;
	struct results way = run_all(t, &cvt_conv_1x1, call, n_threads);
	memcpy(way.dx, after.dx, sizeof(float) * in);           /* compared below */
	compare_bits(t, &cvt_conv_1x1, &call, &after, &way);
	call.dx = over ? x : dx;
	call.dx_stride = call.x_stride;
	call.dx_adds = adds;
	assert_int_equal(cvt_pool_create(n_threads, &call.pool, NULL), CVT_OK);
	run_pass(t, &cvt_conv_1x1, &call, CVT_CONV_INPUT_GRADIENT);
	cvt_pool_destroy(call.pool);
	kt_same(t, "dx", call.dx, want, sizeof(float) * in);
}

static void a_pool_on_the_way_is_a_pool_before(void **state)
{
	/* images side by side and gathered; one by one and gathered; several runs of an image, whole rows and not, more input maps than a block */
	static const struct { int n, in_c, h, w, out_c; } shapes[] = {
		{ 33, 70, 4, 4, 50 }, { 17, 5, 2, 3, 7 }, { 9, 130, 8, 8, 33 }, { 3, 35, 20, 21, 20 }, { 2, 66, 32, 32, 9 }, { 1, 3, 5, 270, 4 } };
	for (int isa = CVT_ISA_BASELINE; isa <= CVT_ISA_AVX512; isa++) {
		const struct cvt_kernels *kernels = cvt_kernels_get(isa);
		for (size_t i = 0; kernels && i < sizeof shapes / sizeof *shapes; i++)
			for (int draw = 0; draw < 3; draw++) {
				struct kt t = { .kernels = kernels, .slot = "a pool before", .state = i };
				struct cvt_conv_shape s = { shapes[i].in_c, shapes[i].h, shapes[i].w, shapes[i].out_c, shapes[i].h, shapes[i].w, 1, 1, 0,
					.batch = shapes[i].n, .forced = true };
				check_pools_x(&t, shapes[i].n, s, draw + 1, draw == 0, draw == 1);
				kt_release(&t);
				if (t.failure[0])
					fail_msg("1x1 with a pool before on %s, shape %zu, draw %d: %s", kernels->name, i, draw, t.failure);
			}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(convolutions_are_right_and_the_same_for_any_threads),
		cmocka_unit_test(joined_convolutions_are_each_alone), cmocka_unit_test(a_dy_that_is_made_is_as_one_that_is_given),
		cmocka_unit_test(windows_on_the_way_are_windows_after), cmocka_unit_test(a_pool_on_the_way_is_a_pool_before) };
	return cmocka_run_group_tests_name("conv calls", tests, NULL, NULL);
}
