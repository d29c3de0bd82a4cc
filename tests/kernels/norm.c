/* norm.c - batch norm's passes over one map. Inputs are multiples of small powers of two, so that which value of a block is the largest, and on
 * which side of 0, is the same in float and double, ties included. */
#include <math.h>

#include "harness.h"

struct map { struct cvt_norm_map m; int h, w; size_t count, blocks; float *x, *dy; double *want, *bound; };

static float quantum(struct kt *t, float range, float step)
{
	return roundf(kt_uniform(t) * range / step) * step;
}

static struct map draw(struct kt *t)
{
	struct map d = {.h = kt_size(t, "h", 70), .w = kt_size(t, "w", 70)};
	d.count = (size_t)d.h * (size_t)d.w;
	d.blocks = (size_t)(d.h / 2) * (size_t)(d.w / 2);
	d.m = (struct cvt_norm_map){.mean = quantum(t, 0.5f, 1 / 64.f) + 1 / 128.f, .scale = quantum(t, 1.5f, 1 / 8.f),
		.beta = quantum(t, 0.5f, 1 / 64.f) + 1 / 2048.f, .c2 = kt_uniform(t), .c3 = kt_uniform(t), .relu = kt_flag(t, "relu"),
		.mask = kt_flag(t, "mask"), .adds = kt_flag(t, "adds")};
	d.x = kt_random(t, d.count, false);
	for (size_t i = 0; i < d.count; i++)
		d.x[i] = roundf(d.x[i] * 64) / 64;
	d.want = kt_doubles(t, d.count);
	d.bound = kt_doubles(t, d.count);
	return d;
}

static double normed(const struct map *d, size_t i)
{
	return ((double)d->x[i] - (double)d->m.mean) * (double)d->m.scale + (double)d->m.beta;
}

/* Place in the map of the first largest of a block. */
static size_t largest(const struct map *d, int by, int bx)
{
	size_t best = (size_t)(2 * by) * (size_t)d->w + (size_t)(2 * bx);
	for (int k = 1; k < 4; k++) {
		size_t at = (size_t)(2 * by + k / 2) * (size_t)d->w + (size_t)(2 * bx + k % 2);
		if (normed(d, at) > normed(d, best))
			best = at;
	}
	return best;
}

static double relu(const struct map *d, double v)
{
	return d->m.relu && v < 0 ? 0 : v;
}

static void check_moments(struct kt *t)
{
	struct map d = draw(t);
	struct cvt_moments m = {0};
	double mean = 0, m2 = 0, offset = kt_flag(t, "far") ? 1000 : 0;
	size_t first = d.count / 3;
	for (size_t i = 0; i < d.count; i++) {
		d.x[i] += (float)offset;
		mean += (double)d.x[i] / (double)d.count;
	}
	for (size_t i = 0; i < d.count; i++)
		m2 += pow((double)d.x[i] - mean, 2);
	t->kernels->norm.moments(d.x, (int64_t)first, &m);
	t->kernels->norm.moments(d.x + first, (int64_t)(d.count - first), &m);
	if (m.count != (double)d.count || !(fabs(m.mean - mean) <= 1e-7 * (1 + offset)) || !(fabs(m.m2 - m2) <= 1e-5 * m2 + 1e-10 * offset))
		kt_fail(t, "count %g mean %.9g m2 %.9g, not %zu %.9g %.9g", m.count, m.mean, m.m2, d.count, mean, m2);
}

static void check_apply(struct kt *t)
{
	struct map d = draw(t);
	float *y = kt_output(t, d.count, false);
	for (size_t i = 0; i < d.count; i++) {
		d.want[i] = relu(&d, normed(&d, i));
		d.bound[i] = 2;
	}
	t->kernels->norm.apply(d.x, y, (int64_t)d.count, &d.m);
	kt_close(t, "y", y, d.want, d.bound, d.count, 2e-7);
}

static void check_apply_pool(struct kt *t)
{
	struct map d = draw(t);
	float *y = kt_output(t, d.blocks, false);
	for (int by = 0, i = 0; by < d.h / 2; by++)
		for (int bx = 0; bx < d.w / 2; bx++, i++) {
			d.want[i] = relu(&d, normed(&d, largest(&d, by, bx)));
			d.bound[i] = 2;
		}
	t->kernels->norm.apply_pool(d.x, y, d.h, d.w, &d.m);
	kt_close(t, "y", y, d.want, d.bound, d.blocks, 2e-7);
}

/* dy' of each place of the map. */
static void through(struct map *d, bool pool, const float *dy, double *g)
{
	for (size_t i = 0; i < d->count && !pool; i++)
		g[i] = d->m.relu && !(normed(d, i) > 0) ? 0 : (double)dy[i];
	for (int by = 0, i = 0; pool && by < d->h / 2; by++)
		for (int bx = 0; bx < d->w / 2; bx++, i++) {
			size_t at = largest(d, by, bx);
			g[at] = d->m.relu && !(normed(d, at) > 0) ? 0 : (double)dy[i];
		}
}

static void check_sums_of(struct kt *t, bool pool)
{
	struct map d = draw(t);
	float *dy = kt_random(t, pool ? d.blocks : d.count, false);
	double *g = kt_doubles(t, d.count), want[2] = {3, -4}, bound[2] = {3, 4}, got[2] = {3, -4};
	through(&d, pool, dy, g);
	for (size_t i = 0; i < d.count; i++) {
		double product = g[i] * ((double)d.x[i] - (double)d.m.mean);
		want[0] += g[i];
		want[1] += product;
		bound[0] += fabs(g[i]);
		bound[1] += fabs(product);
	}
	if (pool)
		t->kernels->norm.sums_pool(d.x, dy, d.h, d.w, &d.m, got);
	else if (kt_flag(t, "images"))           /* a row is the map of an image */
		t->kernels->norm.sums(d.x, d.w, dy, d.w, d.h, d.w, &d.m, got);
	else
		t->kernels->norm.sums(d.x, 0, dy, 0, 1, (int64_t)d.count, &d.m, got);
	for (int k = 0; k < 2; k++)
		if (!(fabs(got[k] - want[k]) <= 1e-5 * bound[k]))
			kt_fail(t, "sum %d is %.9g, not %.9g", k, got[k], want[k]);
}

static void check_sums(struct kt *t)
{
	check_sums_of(t, false);
}

static void check_sums_pool(struct kt *t)
{
	check_sums_of(t, true);
}

static void check_backward_of(struct kt *t, bool pool)
{
	struct map d = draw(t);
	float *dy = kt_random(t, pool ? d.blocks : d.count, false), *dx;
	double *g = kt_doubles(t, d.count);
	bool in_place = !d.m.adds && kt_flag(t, "in place");
	dx = in_place ? d.x : d.m.adds ? kt_random(t, d.count, false) : kt_output(t, d.count, false);
	through(&d, pool, dy, g);
	for (size_t i = 0; i < d.count; i++) {
		double v = g[i] * (double)d.m.scale - (double)d.m.c2 - ((double)d.x[i] - (double)d.m.mean) * (double)d.m.c3;
		d.want[i] = (d.m.mask && !(d.x[i] > 0) ? 0 : v) + (d.m.adds ? (double)dx[i] : 0);
		d.bound[i] = 5;
	}
	if (pool)
		t->kernels->norm.backward_pool(d.x, dy, dx, d.h, d.w, &d.m);
	else
		t->kernels->norm.backward(d.x, dy, dx, (int64_t)d.count, &d.m);
	kt_close(t, "dx", dx, d.want, d.bound, d.count, 3e-7);
}

static void check_backward(struct kt *t)
{
	check_backward_of(t, false);
}

static void check_backward_pool(struct kt *t)
{
	check_backward_of(t, true);
}

const struct kt_slot kt_norm[] = {
	{"norm.moments", check_moments, NULL}, {"norm.apply", check_apply, NULL}, {"norm.apply_pool", check_apply_pool, NULL},
	{"norm.sums", check_sums, NULL}, {"norm.sums_pool", check_sums_pool, NULL}, {"norm.backward", check_backward, NULL},
	{"norm.backward_pool", check_backward_pool, NULL}, {NULL, NULL, NULL},
};
