/* norm.c - batch norm's passes over maps. Inputs are multiples of small powers of two, so that which value of a block is the largest, and on
 * which side of 0, is the same in float and double, ties included. */
#include <math.h>

#include "harness.h"

enum { MOST_MAPS = 3 };

/* What of a map leaves the norm: all, the largest of 2 x 2 blocks, of 3 x 3 windows every two pixels. */
enum window { ALL, BLOCKS, WINDOWS };

/* Some maps, one after another; what is expected of each, likewise. */
struct maps {
	struct cvt_norm_maps m;
	enum window window;
	int h, w, out_w;
	size_t count, out /* of a map */, all, all_out;
	float *x;
	double *want, *bound;
};

static float quantum(struct kt *t, float range, float step)
{
	return roundf(kt_uniform(t) * range / step) * step;
}

static struct maps draw(struct kt *t, enum window window)
{
	struct maps d = {.window = window, .h = kt_size(t, "h", 70), .w = kt_size(t, "w", 70)};
	int n = kt_size(t, "maps", MOST_MAPS);
	float *mean = kt_random(t, (size_t)n, false), *scale = kt_random(t, (size_t)n, false), *beta = kt_random(t, (size_t)n, false);
	for (int i = 0; i < n; i++) {
		mean[i] = quantum(t, 0.5f, 1 / 64.f) + 1 / 128.f;
		scale[i] = quantum(t, 1.5f, 1 / 8.f);
		beta[i] = quantum(t, 0.5f, 1 / 64.f) + 1 / 2048.f;
	}
	d.count = (size_t)d.h * (size_t)d.w;
	d.out_w = window == ALL ? d.w : (d.w + (window == WINDOWS)) / 2;
	d.out = (size_t)(window == ALL ? d.h : (d.h + (window == WINDOWS)) / 2) * (size_t)d.out_w;
	d.all = d.count * (size_t)n;
	d.all_out = d.out * (size_t)n;
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

/* Place of the first largest of what output i of all maps' is made of. */
static size_t largest(const struct maps *d, size_t i)
{
	size_t map = i / d->out, best = d->all;
	int oy = (int)(i % d->out) / d->out_w, ox = (int)(i % d->out) % d->out_w;
	int stride = d->window == ALL ? 1 : 2, first = d->window == WINDOWS ? -1 : 0, last = d->window == ALL ? 0 : 1;
	for (int y = stride * oy + first; y <= stride * oy + last; y++)
		for (int x = stride * ox + first; x <= stride * ox + last; x++) {
			size_t at = map * d->count + (size_t)y * (size_t)d->w + (size_t)x;
			if (y >= 0 && y < d->h && x >= 0 && x < d->w && (best == d->all || normed(d, at) > normed(d, best)))
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
	struct maps d = draw(t, ALL);
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

static void check_apply_of(struct kt *t, enum window window)
{
	struct maps d = draw(t, window);
	float *y = kt_output(t, d.all_out, false);
	for (size_t i = 0; i < d.all_out; i++) {
		d.want[i] = relu(&d, normed(&d, largest(&d, i)));
		d.bound[i] = 2;
	}
	switch (window) {
	case ALL: t->kernels->norm.apply(d.x, y, (int64_t)d.count, &d.m); break;
	case BLOCKS: t->kernels->norm.apply_pool(d.x, y, d.h, d.w, &d.m); break;
	case WINDOWS: t->kernels->norm_windows.apply(d.x, y, d.h, d.w, &d.m); break;
	}
	kt_close(t, "y", y, d.want, d.bound, d.all_out, 2e-7);
}

/* dy' of each place of the maps; *bound: of what it is a sum. */
static double *through(struct kt *t, struct maps *d, const float *dy, double **ret_bound)
{
	double *g = kt_doubles(t, d->all);
	*ret_bound = kt_doubles(t, d->all);
	for (size_t i = 0; i < d->all_out; i++) {
		size_t at = largest(d, i);
		if (d->m.relu && !(normed(d, at) > 0))
			continue;
		g[at] += (double)dy[i];
		(*ret_bound)[at] += fabs((double)dy[i]);
	}
	return g;
}

static void check_sums_of(struct kt *t, enum window window)
{
	struct maps d = draw(t, window);
	int images = 1;
	if (window == ALL && kt_flag(t, "images")) {     /* as many as there are rows, with maps of a row */
		images = d.h;
		d.count = d.out = (size_t)d.w;
		d.h = 1;
	}
	ptrdiff_t image = (ptrdiff_t)d.count * d.m.maps;
	float *dy = kt_random(t, d.all_out, false);
	double *each, *g = through(t, &d, dy, &each), want[MOST_MAPS][2], bound[MOST_MAPS][2], got[MOST_MAPS][2];
	for (int map = 0; map < d.m.maps; map++) {
		want[map][0] = bound[map][0] = got[map][0] = 3;
		want[map][1] = got[map][1] = -4;
		bound[map][1] = 4;
	}
	for (size_t i = 0; i < d.all; i++) {
		size_t map = map_at(&d, i);
		double from_mean = (double)d.x[i] - (double)d.m.mean[map];
		want[map][0] += g[i];
		want[map][1] += g[i] * from_mean;
		bound[map][0] += each[i];
		bound[map][1] += each[i] * fabs(from_mean);
	}
	switch (window) {
	case ALL: t->kernels->norm.sums(d.x, image, dy, image, images, (int64_t)d.count, &d.m, got); break;
	case BLOCKS: t->kernels->norm.sums_pool(d.x, dy, d.h, d.w, &d.m, got); break;
	case WINDOWS: t->kernels->norm_windows.sums(d.x, dy, d.h, d.w, &d.m, got); break;
	}
	for (int map = 0; map < d.m.maps; map++)
		for (int k = 0; k < 2; k++)
			if (!(fabs(got[map][k] - want[map][k]) <= 1e-5 * bound[map][k]))
				kt_fail(t, "sum %d of map %d is %.9g, not %.9g", k, map, got[map][k], want[map][k]);
}

static void check_backward_of(struct kt *t, enum window window)
{
	struct maps d = draw(t, window);
	float *dy = kt_random(t, d.all_out, false), *dx;
	double *each, *g = through(t, &d, dy, &each);
	bool in_place = !d.m.adds && kt_flag(t, "in place");
	dx = in_place ? d.x : d.m.adds ? kt_random(t, d.all, false) : kt_output(t, d.all, false);
	for (size_t i = 0; i < d.all; i++) {
		size_t map = i / d.count;
		double v = g[i] * (double)d.m.scale[map] - (double)d.m.c2[map] - ((double)d.x[i] - (double)d.m.mean[map]) * (double)d.m.c3[map];
		d.want[i] = (d.m.mask && !(d.x[i] > 0) ? 0 : v) + (d.m.adds ? (double)dx[i] : 0);
		d.bound[i] = 5 + 2 * each[i];
	}
	switch (window) {
	case ALL: t->kernels->norm.backward(d.x, dy, dx, (int64_t)d.count, &d.m); break;
	case BLOCKS: t->kernels->norm.backward_pool(d.x, dy, dx, d.h, d.w, &d.m); break;
	case WINDOWS:
		t->kernels->norm_windows.backward(d.x, dy, dx, d.h, d.w, &d.m, kt_output(t, cvt_norm_windows_floats(d.w), false));
		break;
	}
	kt_close(t, "dx", dx, d.want, d.bound, d.all, 3e-7);
}

#define CHECKS(name, window) \
	static void check_apply_##name(struct kt *t) { check_apply_of(t, window); } \
	static void check_sums_##name(struct kt *t) { check_sums_of(t, window); } \
	static void check_backward_##name(struct kt *t) { check_backward_of(t, window); }
CHECKS(all, ALL)
CHECKS(blocks, BLOCKS)
CHECKS(windows, WINDOWS)

const struct kt_slot kt_norm[] = {
	{"norm.moments", check_moments, NULL}, {"norm.apply", check_apply_all, NULL}, {"norm.apply_pool", check_apply_blocks, NULL},
	{"norm.sums", check_sums_all, NULL}, {"norm.sums_pool", check_sums_blocks, NULL}, {"norm.backward", check_backward_all, NULL},
	{"norm.backward_pool", check_backward_blocks, NULL}, {NULL, NULL, NULL},
};
const struct kt_slot kt_norm_windows[] = {
	{"norm_windows.apply", check_apply_windows, NULL}, {"norm_windows.sums", check_sums_windows, NULL},
	{"norm_windows.backward", check_backward_windows, NULL}, {NULL, NULL, NULL},
};
