/* norm.c - batch norm's passes over maps. Inputs are multiples of small powers of two, so that which value of a block is the largest, and on
 * which side of 0, is the same in float and double, ties included. */
#include <math.h>

#include "harness.h"

enum { MOST_MAPS = 3 };

/* Some maps, one after another; what is expected of each, likewise. */
struct maps { struct cvt_norm_maps m; int h, w; size_t count, blocks, all; float *x, *dy; double *want, *bound; };

static float quantum(struct kt *t, float range, float step)
{
	return roundf(kt_uniform(t) * range / step) * step;
}

static struct maps draw(struct kt *t)
{
	struct maps d = {.h = kt_size(t, "h", 70), .w = kt_size(t, "w", 70)};
	int n = kt_size(t, "maps", MOST_MAPS);
	float *mean = kt_random(t, (size_t)n, false), *scale = kt_random(t, (size_t)n, false), *beta = kt_random(t, (size_t)n, false);
	for (int i = 0; i < n; i++) {
		mean[i] = quantum(t, 0.5f, 1 / 64.f) + 1 / 128.f;
		scale[i] = quantum(t, 1.5f, 1 / 8.f);
		beta[i] = quantum(t, 0.5f, 1 / 64.f) + 1 / 2048.f;
	}
	d.count = (size_t)d.h * (size_t)d.w;
	d.blocks = (size_t)(d.h / 2) * (size_t)(d.w / 2);
	d.all = d.count * (size_t)n;
	d.m = (struct cvt_norm_maps){.maps = n, .mean = mean, .scale = scale, .beta = beta, .c2 = kt_random(t, (size_t)n, false),
		.c3 = kt_random(t, (size_t)n, false), .relu = kt_flag(t, "relu"), .mask = kt_flag(t, "mask"), .adds = kt_flag(t, "adds")};
	d.x = kt_random(t, d.all, false);
	for (size_t i = 0; i < d.all; i++)
		d.x[i] = roundf(d.x[i] * 64) / 64;
	d.want = kt_doubles(t, d.all);
	d.bound = kt_doubles(t, d.all);
	return d;
}

/* Which map a place of all of them is in. Of several images, each has all maps. */
static size_t map_at(const struct maps *d, size_t i)
{
	return i / d->count % (size_t)d->m.maps;
}

static double normed(const struct maps *d, size_t i)
{
	size_t map = map_at(d, i);
	return ((double)d->x[i] - (double)d->m.mean[map]) * (double)d->m.scale[map] + (double)d->m.beta[map];
}

/* Place of the first largest of a block, of all maps' blocks. */
static size_t largest(const struct maps *d, size_t block)
{
	size_t map = block / d->blocks, in_map = block % d->blocks, columns = (size_t)(d->w / 2);
	size_t corner = map * d->count + in_map / columns * 2 * (size_t)d->w + in_map % columns * 2, best = corner;
	for (size_t k = 1; k < 4; k++) {
		size_t at = corner + k / 2 * (size_t)d->w + k % 2;
		if (normed(d, at) > normed(d, best))
			best = at;
	}
	return best;
}

static double relu(const struct maps *d, double v)
{
	return d->m.relu && v < 0 ? 0 : v;
}

static void check_moments(struct kt *t)
{
	struct maps d = draw(t);
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
	struct maps d = draw(t);
	float *y = kt_output(t, d.all, false);
	for (size_t i = 0; i < d.all; i++) {
		d.want[i] = relu(&d, normed(&d, i));
		d.bound[i] = 2;
	}
	t->kernels->norm.apply(d.x, y, (int64_t)d.count, &d.m);
	kt_close(t, "y", y, d.want, d.bound, d.all, 2e-7);
}

static void check_apply_pool(struct kt *t)
{
	struct maps d = draw(t);
	size_t blocks = d.blocks * (size_t)d.m.maps;
	float *y = kt_output(t, blocks, false);
	for (size_t i = 0; i < blocks; i++) {
		d.want[i] = relu(&d, normed(&d, largest(&d, i)));
		d.bound[i] = 2;
	}
	t->kernels->norm.apply_pool(d.x, y, d.h, d.w, &d.m);
	kt_close(t, "y", y, d.want, d.bound, blocks, 2e-7);
}

/* dy' of each place of the maps. */
static void through(struct maps *d, bool pool, const float *dy, double *g)
{
	for (size_t i = 0; i < d->all && !pool; i++)
		g[i] = d->m.relu && !(normed(d, i) > 0) ? 0 : (double)dy[i];
	for (size_t i = 0; pool && i < d->blocks * (size_t)d->m.maps; i++) {
		size_t at = largest(d, i);
		g[at] = d->m.relu && !(normed(d, at) > 0) ? 0 : (double)dy[i];
	}
}

static void check_sums_of(struct kt *t, bool pool)
{
	struct maps d = draw(t);
	int images = 1;
	if (!pool && kt_flag(t, "images")) {     /* as many as there are rows, with maps of a row */
		images = d.h;
		d.count = (size_t)d.w;
	}
	ptrdiff_t image = (ptrdiff_t)d.count * d.m.maps;
	float *dy = kt_random(t, pool ? d.blocks * (size_t)d.m.maps : d.all, false);
	double *g = kt_doubles(t, d.all), want[MOST_MAPS][2], bound[MOST_MAPS][2], got[MOST_MAPS][2];
	through(&d, pool, dy, g);
	for (int map = 0; map < d.m.maps; map++) {
		want[map][0] = bound[map][0] = got[map][0] = 3;
		want[map][1] = got[map][1] = -4;
		bound[map][1] = 4;
	}
	for (size_t i = 0; i < d.all; i++) {
		size_t map = map_at(&d, i);
		double product = g[i] * ((double)d.x[i] - (double)d.m.mean[map]);
		want[map][0] += g[i];
		want[map][1] += product;
		bound[map][0] += fabs(g[i]);
		bound[map][1] += fabs(product);
	}
	if (pool)
		t->kernels->norm.sums_pool(d.x, dy, d.h, d.w, &d.m, got);
	else
		t->kernels->norm.sums(d.x, image, dy, image, images, (int64_t)d.count, &d.m, got);
	for (int map = 0; map < d.m.maps; map++)
		for (int k = 0; k < 2; k++)
			if (!(fabs(got[map][k] - want[map][k]) <= 1e-5 * bound[map][k]))
				kt_fail(t, "sum %d of map %d is %.9g, not %.9g", k, map, got[map][k], want[map][k]);
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
	struct maps d = draw(t);
	float *dy = kt_random(t, pool ? d.blocks * (size_t)d.m.maps : d.all, false), *dx;
	double *g = kt_doubles(t, d.all);
	bool in_place = !d.m.adds && kt_flag(t, "in place");
	dx = in_place ? d.x : d.m.adds ? kt_random(t, d.all, false) : kt_output(t, d.all, false);
	through(&d, pool, dy, g);
	for (size_t i = 0; i < d.all; i++) {
		size_t map = i / d.count;
		double v = g[i] * (double)d.m.scale[map] - (double)d.m.c2[map] - ((double)d.x[i] - (double)d.m.mean[map]) * (double)d.m.c3[map];
		d.want[i] = (d.m.mask && !(d.x[i] > 0) ? 0 : v) + (d.m.adds ? (double)dx[i] : 0);
		d.bound[i] = 5;
	}
	if (pool)
		t->kernels->norm.backward_pool(d.x, dy, dx, d.h, d.w, &d.m);
	else
		t->kernels->norm.backward(d.x, dy, dx, (int64_t)d.count, &d.m);
	kt_close(t, "dx", dx, d.want, d.bound, d.all, 3e-7);
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
