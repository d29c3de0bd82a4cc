/* winograd5.c - the 5 x 5 kernels against the definition, and how fast they are. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "kernels/reference.h"
#include "winograd_bound.h"

/* A shape whose reference is not too slow: large ones give up batch, then channels. */
static struct cvt_reference_conv draw(struct kt *t)
{
	int h = kt_size(t, "h", 70), w = kt_size(t, "w", 70), n = kt_int(t, "n", 1, 9);
	int in_c = kt_size(t, "in_c", 130), out_c = kt_size(t, "out_c", 130);
	double most = 8e6 / 25;
	if (kt_int(t, "few", 0, 3) == 0)
		in_c = 1 + in_c % 4;
	while ((double)h * w * n * in_c * out_c > most && n > 1)
		n--;
	while ((double)h * w * n * in_c * out_c > most) {
		if (in_c > out_c)
			in_c = in_c / 2 + 1;
		else
			out_c = out_c / 2 + 1;
	}
	return (struct cvt_reference_conv){ n, in_c, h, w, out_c, h, w, 5, 1, 2 };
}

static long tiles(const struct cvt_reference_conv *c) { return (long)c->n * ((c->in_h + 3) / 4) * ((c->in_w + 3) / 4); }

static float *transformed(struct kt *t, int in_c, int out_c, const float *weight, ptrdiff_t out_step, ptrdiff_t in_step, bool flipped)
{
	const struct cvt_winograd5_kernels *k = &t->kernels->winograd5;
	float *u = kt_output(t, k->weights_floats(in_c, out_c), true);
	for (int b = 0; b < k->weights_blocks(in_c, out_c); b++)
		k->transform_weights(in_c, out_c, weight, out_step, in_step, flipped, b, u);
	return u;
}

/* Copies dense images apart, so that there is a gap between them, as in a slice of a concat. */
static float *apart(struct kt *t, const float *dense, int n, size_t image, size_t stride)
{
	float *p = kt_output(t, (n - 1) * stride + image, false);
	for (int i = 0; i < n; i++)
		memcpy(p + i * stride, dense + i * image, image * sizeof *p);
	return p;
}

static void check_gap(struct kt *t, const float *y, int n, size_t image, size_t stride)
{
	for (int i = 0; i + 1 < n; i++)
		for (size_t j = image; j < stride; j++)
			if (!isnan(y[i * stride + j]))
				kt_fail(t, "wrote between images: float %zu after image %d", j - image, i);
}

static void check_sums(struct kt *t, const struct cvt_reference_conv *c, const float *y, const float *pivot, const double *sums, int parts)
{
	size_t plane = (size_t)c->out_h * c->out_w;
	for (int o = 0; o < c->out_c; o++) {
		double s = 0, q = 0, s_got = 0, q_got = 0, s_bound = 0;
		for (int n = 0; n < c->n; n++)
			for (size_t p = 0; p < plane; p++) {
				double d = (double)y[((size_t)n * c->out_c + o) * plane + p] - pivot[o];
				s += d;
				q += d * d;
				s_bound += fabs(d);
			}
		for (int i = 0; i < parts; i++) {
			s_got += sums[((size_t)i * c->out_c + o) * 2];
			q_got += sums[((size_t)i * c->out_c + o) * 2 + 1];
		}
		if (!(fabs(s - s_got) <= 1e-5 * s_bound + 1e-12) || !(fabs(q - q_got) <= 1e-5 * q + 1e-12))
			kt_fail(t, "sums of channel %d: %.9g %.9g, should be %.9g %.9g", o, s_got, q_got, s, q);
	}
}

/* Pooled outputs are bits of the outputs themselves. */
static void check_pooled(struct kt *t, const struct cvt_reference_conv *c, const float *y, const struct cvt_winograd5_forward *a)
{
	int h = c->out_h / 2, w = c->out_w / 2;
	for (int n = 0; n < c->n; n++) {
		const float *pooled = a->pooled + n * a->pooled_stride;
		for (int i = 0; i < c->out_c * h * w; i++) {
			int o = i / (h * w), row = i / w % h, column = i % w;
			const float *p = y + (((size_t)n * c->out_c + o) * c->out_h + 2 * row) * c->out_w + 2 * column;
			float sign = a->pool_sign && a->pool_sign[o] < 0 ? -1 : 1, want = sign * p[0];
			want = fmaxf(want, sign * p[1]);
			want = fmaxf(want, sign * p[c->out_w]);
			want = fmaxf(want, sign * p[c->out_w + 1]);
			if (!(sign * pooled[i] == want))
				kt_fail(t, "pooled image %d channel %d row %d column %d: %.9g, should be %.9g", n, o, row, column, (double)pooled[i],
					(double)(sign * want));
		}
		for (ptrdiff_t i = (ptrdiff_t)c->out_c * h * w; i < a->pooled_stride; i++)
			if (!isnan(pooled[i]))
				kt_fail(t, "wrote between pooled images");
	}
}

static void check_forward(struct kt *t)
{
	const struct cvt_winograd5_kernels *k = &t->kernels->winograd5;
	struct cvt_reference_conv c = draw(t);
	size_t plane = (size_t)c.in_h * c.in_w, in = plane * c.in_c, out = plane * c.out_c;
	size_t x_stride = in + kt_int(t, "x_gap", 0, 40), y_stride = out + kt_int(t, "y_gap", 0, 40);
	bool has_bias = kt_flag(t, "bias"), has_scale = kt_flag(t, "scale"), has_sums = kt_flag(t, "sums"), adds = kt_flag(t, "adds");
	bool can_stream = c.in_w % 16 == 0 && kt_flag(t, "stream");
	if (can_stream)
		y_stride = (out + 15) / 16 * 16;
	float *dense = kt_random(t, in * c.n, false), *x = apart(t, dense, c.n, in, x_stride);
	float *weight = kt_random(t, 25 * (size_t)c.in_c * c.out_c, false), *bias = has_bias ? kt_random(t, c.out_c, false) : NULL;
	float *y = kt_output(t, (c.n - 1) * y_stride + out, can_stream), *u = transformed(t, c.in_c, c.out_c, weight, 25 * c.in_c, 25, false);
	float *pivot = kt_random(t, c.out_c, false), *got = kt_output(t, out * c.n, false);
	double *want = kt_doubles(t, out * c.n), *bound = kt_doubles(t, out * c.n), *sums = kt_doubles(t, 4 * (size_t)c.out_c);
	long last = tiles(&c), cut = kt_int(t, "cut", 0, (int)last);
	struct cvt_winograd5_forward a = { .in_c = c.in_c, .out_c = c.out_c, .h = c.in_h, .w = c.in_w, .x = x, .x_stride = x_stride,
		.y = y, .y_stride = y_stride, .weights = u, .bias = bias, .relu = kt_flag(t, "relu"), .scale_after_relu = kt_flag(t, "after"),
		.adds = adds, .stream = can_stream, .pivot = pivot, .sums = has_sums ? sums : NULL };
	if (has_scale) {
		a.scale = kt_random(t, c.out_c, false);
		a.shift = kt_random(t, c.out_c, false);
	}
	a.scratch = kt_output(t, k->forward_scratch(c.in_c, c.out_c) / sizeof(float), true);
	if (adds)
		for (int n = 0; n < c.n; n++)
			for (size_t i = 0; i < out; i++)
				y[n * y_stride + i] = 0.25f * (float)(i % 7);

	if (!adds && kt_flag(t, "pooled")) {
		a.pooled_stride = (out / plane) * (c.in_h / 2) * (c.in_w / 2) + (can_stream ? 0 : kt_int(t, "pooled_gap", 0, 20));
		a.pooled = kt_output(t, a.pooled_stride * c.n, can_stream);
		a.pool_sign = kt_flag(t, "signs") ? pivot : NULL;
		a.stream_pooled = can_stream && c.in_w % 32 == 0 && a.pooled_stride % 16 == 0;
	}
	a.last_tile = cut;
	k->forward(&a);
	a.first_tile = cut;
	a.last_tile = last;
	a.sums = has_sums ? sums + 2 * c.out_c : NULL;
	k->forward(&a);

	cvt_reference_conv_forward(&c, dense, weight, bias, want, bound);
	kt_winograd_bound(c.n, c.in_c, c.out_c, plane, 25, dense, weight, 25 * (size_t)c.in_c, 25, bound);
	for (size_t i = 0; i < out * c.n; i++) {
		size_t o = i / plane % c.out_c;
		double s = has_scale ? a.scale[o] : 1, f = has_scale ? a.shift[o] : 0;
		if (!a.scale_after_relu)
			want[i] = want[i] * s + f;
		if (a.relu)
			want[i] = fmax(want[i], 0);
		if (a.scale_after_relu)
			want[i] = want[i] * s + f;
		if (adds)
			want[i] += 0.25 * (double)(i % out % 7);
		bound[i] += (bias ? fabs(bias[o]) : 0) + fabs(f) + 2;
		got[i] = y[i / out * y_stride + i % out];
	}
	kt_close(t, "y", got, want, bound, out * c.n, 0x1p-24);
	check_gap(t, y, c.n, out, y_stride);
	if (a.pooled)
		check_pooled(t, &c, got, &a);
	if (has_sums && !adds)
		check_sums(t, &c, got, pivot, sums, 2);
}

/* The input gradient is the forward kernel with the weights flipped and transposed. */
static void check_flipped(struct kt *t)
{
	const struct cvt_winograd5_kernels *k = &t->kernels->winograd5;
	struct cvt_reference_conv c = draw(t);
	size_t plane = (size_t)c.in_h * c.in_w, in = plane * c.in_c, out = plane * c.out_c;
	float *dy = kt_random(t, out * c.n, false), *weight = kt_random(t, 25 * (size_t)c.in_c * c.out_c, false);
	float *dx = kt_output(t, in * c.n, false), *u = transformed(t, c.out_c, c.in_c, weight, 25, 25 * c.in_c, true);
	double *want = kt_doubles(t, in * c.n), *bound = kt_doubles(t, in * c.n);
	struct cvt_winograd5_forward a = { .in_c = c.out_c, .out_c = c.in_c, .h = c.in_h, .w = c.in_w, .last_tile = tiles(&c),
		.x = dy, .x_stride = out, .y = dx, .y_stride = in, .weights = u };

	a.scratch = kt_output(t, k->forward_scratch(c.out_c, c.in_c) / sizeof(float), true);
	k->forward(&a);
	cvt_reference_conv_input_gradient(&c, dy, weight, want, bound);
	kt_winograd_bound(c.n, c.out_c, c.in_c, plane, 25, dy, weight, 25, 25 * (size_t)c.in_c, bound);
	kt_close(t, "dx", dx, want, bound, in * c.n, 0x1p-24);
}

/* Of dy no more than the rows of the last image's tiles; the tiles before them are done on their own. */
static void only_rows(struct kt *t, const struct cvt_reference_conv *c, const float *dy, struct cvt_winograd5_gradient *a)
{
	long image_tiles = tiles(c) / c->n, last_image = (c->n - 1) * image_tiles;
	struct cvt_winograd5_gradient before = *a;
	before.last_tile = last_image;
	if (a->first_tile < last_image) {
		t->kernels->winograd5.gradient(&before);
		a->first_tile = last_image;
		a->adds = true;
	}
	a->dy_row = (int)((a->first_tile - last_image) / ((c->in_w + 3) / 4)) * 4;
	int rows = c->in_h - a->dy_row;
	a->dy_plane = (ptrdiff_t)rows * c->in_w + kt_int(t, "plane_gap", 0, 20);
	a->dy_stride = 0;
	float *part = kt_output(t, a->dy_plane * (c->out_c - 1) + (size_t)rows * c->in_w, true);
	for (int o = 0; o < c->out_c; o++)
		memcpy(part + o * a->dy_plane, dy + (((size_t)(c->n - 1) * c->out_c + o) * c->in_h + a->dy_row) * c->in_w, sizeof(float) * rows * c->in_w);
	a->dy = part;
}

static void check_gradient(struct kt *t)
{
	const struct cvt_winograd5_kernels *k = &t->kernels->winograd5;
	struct cvt_reference_conv c = draw(t);
	size_t plane = (size_t)c.in_h * c.in_w, in = plane * c.in_c, out = plane * c.out_c, weights = 25 * (size_t)c.in_c * c.out_c;
	size_t x_stride = in + kt_int(t, "x_gap", 0, 40), dy_stride = out + kt_int(t, "dy_gap", 0, 40);
	float *x = kt_random(t, in * c.n, false), *dy = kt_random(t, out * c.n, false), *dweight = kt_output(t, weights, false);
	float *x_apart = apart(t, x, c.n, in, x_stride), *dy_apart = apart(t, dy, c.n, out, dy_stride);
	double *want = kt_doubles(t, weights), *bound = kt_doubles(t, weights), *bias = kt_doubles(t, c.out_c), *bias_bound = kt_doubles(t, c.out_c);
	double *got_bias = kt_doubles(t, 2 * (size_t)c.out_c);
	float *bias_float = kt_output(t, c.out_c, false);
	long last = tiles(&c), cut = kt_int(t, "cut", 0, (int)last);
	size_t size = k->accumulator_floats(c.in_c, c.out_c);
	float *accumulators = kt_output(t, 2 * size, true), *scratch = kt_output(t, k->gradient_scratch(c.in_c, c.out_c) / sizeof(float), true);

	int parts = kt_flag(t, "adds") ? 1 : 2;  /* the second half into the same accumulator, or into one of its own */
	for (int i = 0; i < 2; i++) {
		struct cvt_winograd5_gradient a = { .in_c = c.in_c, .out_c = c.out_c, .h = c.in_h, .w = c.in_w, .first_tile = i ? cut : 0,
			.last_tile = i ? last : cut, .x = x_apart, .x_stride = x_stride, .dy = dy_apart, .dy_stride = dy_stride, .dy_plane = plane,
			.accumulator = accumulators + i % parts * size, .bias = got_bias + i % parts * c.out_c, .adds = i >= parts, .scratch = scratch };
		if (i && cut < last && kt_flag(t, "rows"))
			only_rows(t, &c, dy, &a);
		k->gradient(&a);
	}
	for (int i = 0; i < c.in_c; i++)
		k->gradient_finish(c.in_c, c.out_c, i, parts, accumulators, size, dweight);

	cvt_reference_conv_weight_gradient(&c, x, dy, want, bound, bias, bias_bound);
	kt_winograd_gradient_bound(c.n, c.in_c, c.out_c, plane, 25, 4, x, dy, bound);
	for (int o = 0; o < c.out_c; o++)
		bias_float[o] = (float)(got_bias[o] + got_bias[c.out_c + o]);
	kt_close(t, "dweight", dweight, want, bound, weights, 0x1p-24);
	kt_close(t, "dbias", bias_float, bias, bias_bound, c.out_c, 16 * 0x1p-24);
}

static void check_split(struct kt *t)
{
	int w = kt_size(t, "w", 300), half = (w + 1) / 2;
	float *row = kt_random(t, w, false), *even = kt_output(t, half, false), *odd = kt_output(t, half, false);
	t->kernels->winograd5.split_columns(row, w, even, odd);
	for (int i = 0; i < half; i++)
		if (!(even[i] == row[2 * i]) || !(odd[i] == (2 * i + 1 < w ? row[2 * i + 1] : 0)))
			kt_fail(t, "column %d: %g and %g", i, (double)even[i], (double)odd[i]);
}

/* One task's worth of images of the post's networks. */
struct bench { struct cvt_winograd5_forward forward; struct cvt_winograd5_gradient gradient; const struct cvt_winograd5_kernels *k; };
static void run_pooled(void *context)
{
	struct bench *b = context;
	struct cvt_winograd5_forward a = b->forward;
	a.pooled = a.y;
	a.pooled_stride = a.y_stride;
	a.stream_pooled = a.w / 2 % 16 == 0;
	a.y = NULL;
	b->k->forward(&a);
}
static void run_sums(void *context)
{
	struct bench *b = context;
	struct cvt_winograd5_forward a = b->forward;
	static double sums[1000];
	a.sums = sums;
	a.pivot = a.bias;
	b->k->forward(&a);
}
static void run_forward(void *context) { struct bench *b = context; b->k->forward(&b->forward); }
static void run_gradient(void *context) { struct bench *b = context; b->k->gradient(&b->gradient); }

static const struct { int in_c, out_c, size; } bench_shapes[] = {
	{ 3, 16, 256 }, { 16, 29, 128 }, { 29, 42, 64 }, { 42, 55, 32 }, { 27, 81, 64 }, { 64, 64, 64 }, { 12, 64, 128 },
	{ 29, 16, 128 }, { 42, 29, 64 }, { 55, 42, 32 }, { 16, 29, 100 }, { 29, 42, 50 }, { 42, 55, 25 }, { 42, 55, 12 } };

static void bench_one(struct kt *t, int in_c, int out_c, int size, bool gradient)
{
	const struct cvt_winograd5_kernels *k = &t->kernels->winograd5;
	int n = size >= 128 ? 4 : size >= 64 ? 8 : 64;
	long last = (long)n * ((size + 3) / 4) * ((size + 3) / 4);
	size_t plane = (size_t)size * size;
	float *x = kt_random(t, plane * in_c * n, true), *y = kt_random(t, plane * out_c * n, true);
	float *weight = kt_random(t, 25 * (size_t)in_c * out_c, true);
	float *bias = kt_random(t, out_c, true), *accumulator = kt_output(t, k->accumulator_floats(in_c, out_c), true);
	struct bench b = { .k = k,
		.forward = { .in_c = in_c, .out_c = out_c, .h = size, .w = size, .last_tile = last, .x = x, .x_stride = plane * in_c, .y = y,
			.y_stride = plane * out_c, .weights = transformed(t, in_c, out_c, weight, 25 * in_c, 25, false), .bias = bias, .relu = true,
			.stream = size % 16 == 0, .scratch = kt_output(t, k->forward_scratch(in_c, out_c) / 4, true) },
		.gradient = { .in_c = in_c, .out_c = out_c, .h = size, .w = size, .last_tile = last, .x = x, .x_stride = plane * in_c, .dy = y,
			.dy_stride = plane * out_c, .dy_plane = plane, .accumulator = accumulator, .bias = kt_doubles(t, out_c),
			.scratch = kt_output(t, k->gradient_scratch(in_c, out_c) / 4, true) } };
	char label[64];
	snprintf(label, sizeof label, "%d->%d @%d", in_c, out_c, size);
	kt_bench(t, label, 50.0 * n * plane * in_c * out_c, 0, gradient ? run_gradient : run_forward, &b);
	if (gradient || in_c > out_c)
		return;
	snprintf(label, sizeof label, "%d->%d @%d sums", in_c, out_c, size);
	kt_bench(t, label, 50.0 * n * plane * in_c * out_c, 0, run_sums, &b);
	snprintf(label, sizeof label, "%d->%d @%d pooled only", in_c, out_c, size);
	kt_bench(t, label, 50.0 * n * plane * in_c * out_c, 0, run_pooled, &b);
}

static void bench_forward(struct kt *t)
{
	for (size_t i = 0; i < sizeof bench_shapes / sizeof *bench_shapes; i++)
		bench_one(t, bench_shapes[i].in_c, bench_shapes[i].out_c, bench_shapes[i].size, false);
}

static void bench_gradient(struct kt *t)
{
	for (size_t i = 0; i < sizeof bench_shapes / sizeof *bench_shapes; i++)
		bench_one(t, bench_shapes[i].in_c, bench_shapes[i].out_c, bench_shapes[i].size, true);
}

const struct kt_slot kt_winograd5[] = {
	{ "winograd5.forward", check_forward, bench_forward },
	{ "winograd5.forward (flipped)", check_flipped, NULL },
	{ "winograd5.gradient", check_gradient, bench_gradient },
	{ "winograd5.split_columns", check_split, NULL },
	{ NULL, NULL, NULL }
};
