/* product.c - small products against their definition, and writing past the caches against writing through them: the same bits. */
#include <math.h>
#include <string.h>

#include "harness.h"

static void check_product(struct kt *t, bool columns)
{
	const struct cvt_product_kernels *k = &t->kernels->product;
	int vectors = kt_int(t, "vectors", 1, k->block_vectors), width = vectors * t->kernels->vector_length;
	int rows = kt_size(t, "rows", 70), terms = kt_size(t, "terms", 130), gap = kt_int(t, "gap", 0, 20);
	bool adds = kt_flag(t, "adds");
	ptrdiff_t stride = (columns ? rows : terms) + gap, p_stride = columns ? width + t->kernels->vector_length * kt_int(t, "p_gap", 0, 2) : width;
	size_t count = (size_t)rows * (size_t)width;
	float *v = kt_random(t, (size_t)(columns ? terms - 1 : rows - 1) * (size_t)stride + (size_t)(columns ? rows : terms), false);
	float *p = kt_random(t, (size_t)(terms - 1) * (size_t)p_stride + (size_t)width, true);
	float *before = kt_random(t, count, true), *m = kt_output(t, count, true);
	double *want = kt_doubles(t, count), *bound = kt_doubles(t, count);
	if (adds)
		memcpy(m, before, count * sizeof *m);
	for (size_t i = 0; i < count; i++) {
		int r = (int)(i / (size_t)width), o = (int)(i % (size_t)width);
		want[i] = adds ? (double)before[i] : 0;
		bound[i] = fabs(want[i]);
		for (int c = 0; c < terms; c++) {
			double term = (double)(columns ? v[c * stride + r] : v[r * stride + c]) * (double)p[c * p_stride + o];
			want[i] += term;
			bound[i] += fabs(term);
		}
	}
	if (columns)
		k->columns(v, stride, rows, terms, p, p_stride, vectors, m, adds);
	else
		k->rows(v, stride, rows, terms, p, vectors, m, adds);
	kt_close(t, "m", m, want, bound, count, (terms + 2) * 0x1p-24);
}

static void check_rows(struct kt *t) { check_product(t, false); }
static void check_columns(struct kt *t) { check_product(t, true); }

struct bench { const struct cvt_kernels *k; const float *v, *p; float *m; int rows, terms; bool columns; };

static void run_bench(void *context)
{
	struct bench *b = context;
	const struct cvt_product_kernels *k = &b->k->product;
	int width = k->block_vectors * b->k->vector_length;
	if (b->columns)
		k->columns(b->v, b->rows + 16, b->rows, b->terms, b->p, width, k->block_vectors, b->m, true);
	else
		k->rows(b->v, b->terms + 16, b->rows, b->terms, b->p, k->block_vectors, b->m, false);
}

static void bench_product(struct kt *t, bool columns)
{
	struct bench b = {.k = t->kernels, .rows = 48, .terms = 64, .columns = columns};
	int width = t->kernels->product.block_vectors * t->kernels->vector_length;
	b.v = kt_random(t, 80 * 80, true);
	b.p = kt_random(t, (size_t)(64 * width), true);
	b.m = kt_random(t, (size_t)(64 * width), true);
	kt_bench(t, "48 rows, 64 terms", 2.0 * 48 * 64 * width, 0, run_bench, &b);
}

static void bench_rows(struct kt *t) { bench_product(t, false); }
static void bench_columns(struct kt *t) { bench_product(t, true); }

/* conv1.output and winograd3.output with and without `stream`. */
static void check_conv1_stream(struct kt *t)
{
	int outputs = kt_size(t, "outputs", 40), plane = 16 * kt_int(t, "plane/16", 1, 9), length = t->kernels->vector_length;
	int pixels = length * kt_int(t, "vectors", 1, plane / length);
	size_t count = (size_t)outputs * (size_t)plane;
	float *m = kt_random(t, (size_t)(outputs * pixels), true), *y[2], *bias = kt_random(t, (size_t)outputs, false);
	float *copy = kt_output(t, (size_t)(outputs * pixels), true);
	memcpy(copy, m, (size_t)(outputs * pixels) * sizeof *m);
	for (int stream = 0; stream < 2; stream++) {
		struct cvt_finish finish = {.bias = bias, .relu = true, .stream = stream};
		y[stream] = kt_output(t, count, true);
		t->kernels->conv1.output(stream ? copy : m, pixels, outputs, 1, pixels, y[stream], 0, plane, &finish);
	}
	for (int o = 0; o < outputs; o++) {
		kt_same(t, "streamed y", y[1] + o * plane, y[0] + o * plane, (size_t)pixels * sizeof(float));
		for (int i = pixels; i < plane; i++)
			if (!isnan(y[1][o * plane + i]))
				kt_fail(t, "wrote behind a row");
	}
}

static void check_winograd3_stream(struct kt *t)
{
	bool six = kt_flag(t, "six");
	const struct cvt_winograd3_tile *tile = six ? &t->kernels->winograd3.tile6 : &t->kernels->winograd3.tile4;
	int length = t->kernels->vector_length, channels = kt_size(t, "channels", 70), whole = six ? 48 : 16;
	int width = (channels + length - 1) / length * length, planes = (tile->m + 2) * (tile->m + 2);
	struct cvt_winograd3_segment s = {.h = kt_size(t, "h", 30), .w = 16 * kt_int(t, "w/16", 1, 8)};
	s.x = kt_int(t, "segment", 0, (s.w - 1) / whole) * whole;
	s.y = kt_int(t, "row", 0, (s.h - 1) / tile->m) * tile->m;
	s.tiles = kt_int(t, "tiles", 1, (s.w - s.x + tile->m - 1) / tile->m);
	ptrdiff_t plane = (ptrdiff_t)s.tiles * width + 16;
	size_t count = (size_t)channels * (size_t)s.h * (size_t)s.w;
	float *m = kt_random(t, (size_t)planes * (size_t)plane, true), *y[2], *bias = kt_random(t, (size_t)channels, false);
	for (int stream = 0; stream < 2; stream++) {
		struct cvt_finish finish = {.bias = bias, .relu = true, .stream = stream};
		y[stream] = kt_output(t, count, true);
		tile->output(&s, m, plane, width, y[stream], channels, &finish,
			kt_output(t, cvt_winograd3_scratch(tile->m, s.tiles, length), true));
	}
	size_t written = 0;
	for (size_t i = 0; i < count; i++)
		written += !isnan(y[1][i]);
	int rows = s.h - s.y < tile->m ? s.h - s.y : tile->m, columns = s.w - s.x < s.tiles * tile->m ? s.w - s.x : s.tiles * tile->m;
	if (written != (size_t)(channels * rows * columns))
		kt_fail(t, "wrote %zu floats, should be %d", written, channels * rows * columns);
	kt_same(t, "streamed y", y[1], y[0], count * sizeof(float));
}

/* dense.backward on large weights, which are written past the caches, against small ones. */
static void check_dense_stream(struct kt *t)
{
	int n = kt_size(t, "n", 40), out = kt_size(t, "out", 90), columns = kt_int(t, "columns", 1, cvt_dense_columns(n)), in = 16 * kt_int(t, "in/16", 32, 36);
	bool momentum = kt_flag(t, "momentum"), gradient = kt_flag(t, "gradient");
	size_t weights = (size_t)in * (size_t)out, images = (size_t)in * (size_t)n;
	float *x = kt_random(t, images, true), *w = kt_random(t, weights, true), *v = kt_random(t, weights, true);
	float *by_image = kt_random(t, (size_t)(n + 7) / 8 * 8 * (size_t)out, true), *by_output = kt_random(t, (size_t)(out + 7) / 8 * 8 * (size_t)n, true);
	float *result[2][4];
	for (int stream = 0; stream < 2; stream++) {
		float **r = result[stream];
		for (int i = 0; i < 3; i++)
			r[i] = kt_output(t, weights, true);
		r[3] = kt_output(t, images, true);
		memcpy(r[0], w, weights * sizeof *w);
		memcpy(r[1], v, weights * sizeof *v);
		struct cvt_dense_backward a = {.n = n, .out = out, .columns = columns, .x = x, .x_stride = in, .weight = r[0], .weight_stride = in,
			.dy_by_image = by_image, .dy_by_output = by_output, .dx = r[3], .dx_stride = in, .dweight = gradient ? r[2] : NULL,
			.velocity = momentum ? r[1] : NULL, .lr = 0.1f, .momentum = 0.9f, .weight_decay = 0.01f, .stream = stream,
			.scratch = kt_output(t, cvt_dense_backward_scratch(n), true)};
		t->kernels->dense.backward(&a);
	}
	for (int i = 0; i < 4; i++)             /* NaN where nothing is written, in both */
		kt_same(t, "streamed arrays", result[1][i], result[0][i], (i < 3 ? weights : images) * sizeof(float));
}

const struct kt_slot kt_product[] = {
	{"product.rows", check_rows, bench_rows}, {"product.columns", check_columns, bench_columns},
	{"conv1.output stream", check_conv1_stream, NULL}, {"winograd3.output stream", check_winograd3_stream, NULL},
	{"dense.backward stream", check_dense_stream, NULL}, {NULL, NULL, NULL},
};
