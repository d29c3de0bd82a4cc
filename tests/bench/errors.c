/* errors.c - how far Winograd's convolutions are from the exact ones, and how far a direct sum in float is: the same random input, a reference in
 * double. Prints one JSON line a shape and pass: the largest error over the result's root mean square, of both.
 *
 *     errors [ISA] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/random.h"
#include "kernels/kernels.h"
#include "kernels/reference.h"
#include "nn/layers/conv_method.h"

static const struct { const struct cvt_conv_method *method; int in_c, out_c, size, kernel, stride, padding; } shapes[] = {
	{&cvt_conv_winograd5, 3, 16, 128, 5, 1, 2}, {&cvt_conv_winograd5, 16, 29, 64, 5, 1, 2}, {&cvt_conv_winograd5, 29, 42, 64, 5, 1, 2},
	{&cvt_conv_winograd5, 42, 55, 32, 5, 1, 2}, {&cvt_conv_stem, 3, 64, 128, 7, 2, 3}, {&cvt_conv_winograd3, 3, 64, 128, 3, 1, 1},
	{&cvt_conv_winograd3, 64, 64, 64, 3, 1, 1}, {&cvt_conv_winograd3, 128, 128, 64, 3, 1, 1}, {&cvt_conv_winograd3, 256, 256, 32, 3, 1, 1},
	{&cvt_conv_winograd3, 512, 512, 16, 3, 1, 1},
};
static const char *const passes[] = {"forward", "input gradient", "weight gradient"};

struct arrays { float *x, *weight, *dy, *out, *dbias; double *want, *bound, *want_bias, *bias_bound; };

static void *room(size_t n, size_t size)
{
	void *p = aligned_alloc(64, (n * size + 63) / 64 * 64);
	if (!p) {
		fputs("errors: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

static float *uniform(size_t n, int purpose)
{
	float *p = room(n + 4, sizeof *p);
	for (size_t i = 0; i < n; i += 4) {
		uint32_t r[4];
		cvt_random_block(1, CVT_RANDOM_TEST, purpose, i / 4, r);
		for (int k = 0; k < 4; k++)
			p[i + (size_t)k] = (float)(r[k] >> 8) * 0x1p-23f - 1;
	}
	return p;
}

/* The largest |got - want| over the root mean square of want. */
static double error(const float *got, const double *want, size_t n)
{
	double largest = 0, squares = 0;
	for (size_t i = 0; i < n; i++) {
		largest = fmax(largest, fabs((double)got[i] - want[i]));
		squares += want[i] * want[i];
	}
	return largest / sqrt(squares / (double)n);
}

static double run(const struct cvt_conv_method *method, struct cvt_conv_call *call, enum cvt_conv_pass pass, const struct arrays *a, size_t count)
{
	size_t shared, worker;
	if (!method->fits(&call->shape, pass, call->kernels))
		return NAN;
	method->scratch(&call->shape, pass, call->n, call->kernels, &shared, &worker);
	call->shared = room(shared + 64, 1);
	call->workers = room(worker + 64, 1);
	call->worker_bytes = worker;
	call->y = call->dx = call->dweight = a->out;
	call->dbias = a->dbias;
	method->run(call, pass);
	free(call->shared);
	free(call->workers);
	return error(a->out, a->want, count);
}

static void reference(const struct cvt_reference_conv *c, enum cvt_conv_pass pass, const struct arrays *a)
{
	if (pass == CVT_CONV_FORWARD)
		cvt_reference_conv_forward(c, a->x, a->weight, NULL, a->want, a->bound);
	else if (pass == CVT_CONV_INPUT_GRADIENT)
		cvt_reference_conv_input_gradient(c, a->dy, a->weight, a->want, a->bound);
	else
		cvt_reference_conv_weight_gradient(c, a->x, a->dy, a->want, a->bound, a->want_bias, a->bias_bound);
}

static void measure(const struct cvt_conv_method *method, const struct cvt_reference_conv *c, const struct cvt_kernels *kernels)
{
	size_t in = (size_t)c->in_c * c->in_h * c->in_w, out = (size_t)c->out_c * c->out_h * c->out_w;
	size_t weights = (size_t)c->out_c * c->in_c * c->kernel * c->kernel, most = in > out ? in : out;
	most = most > weights ? most : weights;
	struct arrays a = {.x = uniform(in, 1), .weight = uniform(weights, 2), .dy = uniform(out, 3), .out = room(most + 16, sizeof(float)),
		.dbias = room((size_t)c->out_c, sizeof(float)), .want = room(most, sizeof(double)), .bound = room(most, sizeof(double)),
		.want_bias = room((size_t)c->out_c, sizeof(double)), .bias_bound = room((size_t)c->out_c, sizeof(double))};
	struct cvt_conv_call call = {.shape = {c->in_c, c->in_h, c->in_w, c->out_c, c->out_h, c->out_w, c->kernel, c->stride, c->padding,
		.batch = 1, .forced = true}, .n = 1,
		.x = a.x, .dy = a.dy, .weight = a.weight, .x_stride = (ptrdiff_t)in, .dx_stride = (ptrdiff_t)in, .y_stride = (ptrdiff_t)out,
		.dy_stride = (ptrdiff_t)out, .kernels = kernels};
	size_t counts[] = {out, in, weights};
	if (!method->fits(&call.shape, CVT_CONV_FORWARD, kernels) ||
		(method != &cvt_conv_stem && !method->fits(&call.shape, CVT_CONV_INPUT_GRADIENT, kernels))) {
		fprintf(stderr, "errors: %s does not do %d->%d@%d\n", method->name, c->in_c, c->out_c, c->in_h);
		exit(1);
	}
	for (int pass = CVT_CONV_FORWARD; pass <= CVT_CONV_WEIGHT_GRADIENT; pass++) {
		if (method == &cvt_conv_stem && pass == CVT_CONV_INPUT_GRADIENT)
			continue;                       /* it has none: nothing is in front of it */
		reference(c, pass, &a);
		double winograd = run(method, &call, pass, &a, counts[pass]), direct = run(&cvt_conv_direct, &call, pass, &a, counts[pass]);
		printf("{\"shape\":\"%d->%d@%d\",\"kernel\":%d,\"method\":\"%s\",\"pass\":\"%s\",\"winograd\":%.3g,\"direct\":%.3g}\n", c->in_c, c->out_c,
			c->in_h, c->kernel, method->name, passes[pass], winograd, direct);
		fflush(stdout);
	}
	void *all[] = {a.x, a.weight, a.dy, a.out, a.dbias, a.want, a.bound, a.want_bias, a.bias_bound};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
}

int main(int argc, char **argv)
{
	const struct cvt_kernels *kernels = cvt_kernels_get(CVT_ISA_AUTO);
	for (int isa = CVT_ISA_BASELINE; isa <= CVT_ISA_AVX512 && argc > 1; isa++)
		if (cvt_kernels_get(isa) && !strcmp(cvt_kernels_get(isa)->name, argv[1]))
			kernels = cvt_kernels_get(isa);
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		int size = shapes[i].size, k = shapes[i].kernel, s = shapes[i].stride, p = shapes[i].padding, out = (size + 2 * p - k) / s + 1;
		measure(shapes[i].method, &(struct cvt_reference_conv){1, shapes[i].in_c, size, size, shapes[i].out_c, out, out, k, s, p}, kernels);
	}
	return 0;
}
