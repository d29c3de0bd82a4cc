/* norm.c - batch norm's passes over memory: each reads and writes its map once, with the ReLU and the 2 x 2 maximum on the way.
 *
 * The maximum's place is not stored: backward computes the four values of each block again, by the same expression as forward, and takes the
 * first largest. Blocks are handled VL at a time: two rows of 2 VL floats are taken apart into their even and odd columns, so that the four corners
 * of a block are one lane of four vectors. Tails are vectors of fewer lanes. */
#include "kernels/kernels.h"

#include "kernels/norm_map.h"

enum { RUN = 1024 };

/* n <= VL blocks that will be loaded from p (row 0) and p + w (row 1). */
CVT_INLINE void prefetch_blocks(const float *p, int w)
{
	CVT_PREFETCH(p, 2 * VL);
	CVT_PREFETCH(p + w, 2 * VL);
}

static void merge(struct cvt_moments *a, double count, double mean, double m2)
{
	double total = a->count + count, delta = mean - a->mean;
	a->m2 += m2 + delta * delta * a->count * count / total;
	a->mean += delta * count / total;
	a->count = total;
}

static void moments_run(const float *x, int n, struct cvt_moments *moments)
{
	vf s0 = vzero(), s1 = vzero(), q0 = vzero(), q1 = vzero();
	int i = 0;
	for (; i + 2 * VL <= n; i += 2 * VL) {
		CVT_PREFETCH(x + i + AHEAD, 2 * VL);
		s0 += vloadu(x + i);
		s1 += vloadu(x + i + VL);
	}
	for (int k = i; k < n; k += VL)
		s0 += load(x + k, lanes(n - k));
	double mean = vsum(s0 + s1) / n;
	vf centre = vset((float)mean);
	i = 0;
	for (; i + 2 * VL <= n; i += 2 * VL) {
		vf a = vloadu(x + i) - centre, b = vloadu(x + i + VL) - centre;
		q0 += a * a;
		q1 += b * b;
	}
	for (; i < n; i += VL) {
		vf a = vselect(first_lanes(lanes(n - i)), load(x + i, lanes(n - i)) - centre, vzero());
		q0 += a * a;
	}
	double off = mean - (double)(float)mean;
	merge(moments, n, mean, vsum(q0 + q1) - n * off * off);
}

static void moments(const float *x, int64_t count, struct cvt_moments *moments)
{
	for (int64_t i = 0; i < count; i += RUN)
		moments_run(x + i, count - i < RUN ? (int)(count - i) : RUN, moments);
}

CVT_INLINE void apply_map(const float *x, float *y, int64_t count, const struct map *map)
{
	vf mean = vset(map->mean), scale = vset(map->scale), beta = vset(map->beta);
	for (int64_t i = 0; i < count; i += VL) {
		int n = lanes(count - i);
		CVT_PREFETCH(x + i + AHEAD, VL);
		vf v = normed(load(x + i, n), mean, scale, beta);
		store(y + i, map->relu ? vrelu(v) : v, n);
	}
}

/* The corners of n <= VL blocks that begin at p (row 0) and p + w (row 1), in order. */
CVT_INLINE void load_blocks(const float *p, int w, int n, vf corner[4])
{
	int low = 2 * n < VL ? 2 * n : VL, high = 2 * n - low;
	for (int row = 0; row < 2; row++, p += w) {
		vf lo = load(p, low), hi = high ? load(p + VL, high) : vzero();
		vdeinterleave2(lo, hi, &corner[2 * row], &corner[2 * row + 1]);
	}
}

CVT_INLINE void store_blocks(float *p, int w, int n, const vf corner[4])
{
	int low = 2 * n < VL ? 2 * n : VL, high = 2 * n - low;
	for (int row = 0; row < 2; row++, p += w) {
		vf lo, hi;
		vinterleave2(corner[2 * row], corner[2 * row + 1], &lo, &hi);
		store(p, lo, low);
		if (high)
			store(p + VL, hi, high);
	}
}

CVT_INLINE void apply_pool_map(const float *x, float *y, int h, int w, const struct map *map)
{
	ptrdiff_t ahead = rows_ahead(w) * w;
	vf mean = vset(map->mean), scale = vset(map->scale), beta = vset(map->beta);
	for (int row = 0; row + 1 < h; row += 2, x += 2 * w, y += w / 2) {
		for (int i = 0; i < w / 2; i += VL) {
			int n = lanes(w / 2 - i);
			vf c[4];
			prefetch_blocks(x + ahead + 2 * i, w);
			load_blocks(x + 2 * i, w, n, c);
			for (int k = 0; k < 4; k++)
				c[k] = normed(c[k], mean, scale, beta);
			vf v = vmax(vmax(c[0], c[1]), vmax(c[2], c[3]));
			store(y + i, map->relu ? vrelu(v) : v, n);
		}
	}
}

CVT_INLINE void sums_map(const float *x, ptrdiff_t x_stride, const float *dy, ptrdiff_t dy_stride, int images, int64_t count,
	const struct map *map, double sums[2])
{
	vf mean = vset(map->mean), scale = vset(map->scale), beta = vset(map->beta), s = vzero(), q = vzero();
	int64_t room = RUN;
	for (int image = 0; image < images; image++, x += x_stride, dy += dy_stride)
		for (int64_t from = 0; from < count; from += RUN) {
			int64_t to = from + RUN < count ? from + RUN : count;
			if (to - from > room) {
				sums[0] += vsum(s);
				sums[1] += vsum(q);
				s = q = vzero();
				room = RUN;
			}
			room -= to - from;
			for (int64_t i = from; i < to; i += VL) {
				int n = lanes(to - i);
				CVT_PREFETCH(x + i + AHEAD, VL);
				CVT_PREFETCH(dy + i + AHEAD, VL);
				vf a = load(x + i, n), g = load(dy + i, n);         /* lanes past the end: g is 0 */
				if (map->relu)
					g = vselect(normed(a, mean, scale, beta) > 0, g, vzero());
				s += g;
				q += g * (a - mean);
			}
		}
	sums[0] += vsum(s);
	sums[1] += vsum(q);
}

/* Which corner of each block is the first largest: masks. *ret_top: that value. */
CVT_INLINE void first_largest(const vf y[4], vi chosen[4], vf *ret_top)
{
	vi right0 = y[1] > y[0], right1 = y[3] > y[2];
	vf top0 = vselect(right0, y[1], y[0]), top1 = vselect(right1, y[3], y[2]);
	vi below = top1 > top0;
	chosen[0] = ~right0 & ~below;
	chosen[1] = right0 & ~below;
	chosen[2] = ~right1 & below;
	chosen[3] = right1 & below;
	*ret_top = vselect(below, top1, top0);
}

/* The gradient that reaches each corner. */
CVT_INLINE void unpool(const vf x[4], vf g, vf mean, vf scale, vf beta, bool relu, vf out[4])
{
	vf y[4], top;
	vi chosen[4];
	for (int k = 0; k < 4; k++)
		y[k] = normed(x[k], mean, scale, beta);
	first_largest(y, chosen, &top);
	if (relu)
		g = vselect(top > 0, g, vzero());
	for (int k = 0; k < 4; k++)
		out[k] = vselect(chosen[k], g, vzero());
}

CVT_INLINE void sums_pool_map(const float *x, const float *dy, int h, int w, const struct map *map, double sums[2])
{
	ptrdiff_t ahead = rows_ahead(w) * w;
	vf mean = vset(map->mean), scale = vset(map->scale), beta = vset(map->beta);
	for (int row = 0; row + 1 < h; row += 2, x += 2 * w, dy += w / 2) {
		vf s = vzero(), q = vzero();
		for (int i = 0; i < w / 2; i += VL) {
			int n = lanes(w / 2 - i);
			vf c[4], g[4];
			prefetch_blocks(x + ahead + 2 * i, w);
			CVT_PREFETCH(dy + ahead / 4 + i, VL);
			load_blocks(x + 2 * i, w, n, c);
			unpool(c, load(dy + i, n), mean, scale, beta, map->relu, g);
			for (int k = 0; k < 4; k++) {
				s += g[k];
				q += g[k] * (c[k] - mean);
			}
		}
		sums[0] += vsum(s);
		sums[1] += vsum(q);
	}
}

CVT_INLINE void backward_map(const float *x, const float *dy, float *dx, int64_t count, const struct map *map)
{
	vf mean = vset(map->mean), scale = vset(map->scale), beta = vset(map->beta);
	struct map m = *map;
	for (int64_t i = 0; i < count; i += VL) {
		int n = lanes(count - i);
		CVT_PREFETCH(x + i + AHEAD, VL);
		CVT_PREFETCH(dy + i + AHEAD, VL);
		vf a = load(x + i, n), g = load(dy + i, n);
		if (m.relu)
			g = vselect(normed(a, mean, scale, beta) > 0, g, vzero());
		vf d = dx_of(a, g, &m);
		store(dx + i, m.adds ? load(dx + i, n) + d : d, n);
	}
}

/* What no block covers: dy' is 0 there. */
static void backward_rest(const float *x, float *dx, int count, int stride, const struct map *map)
{
	for (int i = 0; i < count; i++) {
		float d = -map->c2 - (x[(int64_t)i * stride] - map->mean) * map->c3;
		if (map->mask && !(x[(int64_t)i * stride] > 0))
			d = 0;
		dx[(int64_t)i * stride] = map->adds ? dx[(int64_t)i * stride] + d : d;
	}
}

CVT_INLINE void backward_pool_map(const float *x, const float *dy, float *dx, int h, int w, const struct map *map)
{
	ptrdiff_t ahead = rows_ahead(w) * w;
	vf mean = vset(map->mean), scale = vset(map->scale), beta = vset(map->beta);
	struct map m = *map;
	int row = 0;
	for (; row + 1 < h; row += 2, x += 2 * w, dx += 2 * w, dy += w / 2) {
		for (int i = 0; i < w / 2; i += VL) {
			int n = lanes(w / 2 - i);
			vf c[4], g[4], old[4];
			prefetch_blocks(x + ahead + 2 * i, w);
			CVT_PREFETCH(dy + ahead / 4 + i, VL);
			load_blocks(x + 2 * i, w, n, c);
			unpool(c, load(dy + i, n), mean, scale, beta, m.relu, g);
			if (m.adds)
				load_blocks(dx + 2 * i, w, n, old);
			for (int k = 0; k < 4; k++) {
				g[k] = dx_of(c[k], g[k], &m);
				if (m.adds)
					g[k] += old[k];
			}
			store_blocks(dx + 2 * i, w, n, g);
		}
		if (w % 2)
			backward_rest(x + w - 1, dx + w - 1, 2, w, map);
	}
	if (row < h)
		backward_rest(x, dx, w, 1, map);
}

static void apply(const float *x, float *y, int64_t count, const struct cvt_norm_maps *maps)
{
	for (int i = 0; i < maps->maps; i++, x += count, y += count) {
		struct map map = map_of(maps, i);
		apply_map(x, y, count, &map);
	}
}

static void apply_pool(const float *x, float *y, int h, int w, const struct cvt_norm_maps *maps)
{
	for (int i = 0; i < maps->maps; i++, x += (ptrdiff_t)h * w, y += (ptrdiff_t)(h / 2) * (w / 2)) {
		struct map map = map_of(maps, i);
		apply_pool_map(x, y, h, w, &map);
	}
}

static void sums(const float *x, ptrdiff_t x_stride, const float *dy, ptrdiff_t dy_stride, int images, int64_t count,
	const struct cvt_norm_maps *maps, double (*sums)[2])
{
	for (int i = 0; i < maps->maps; i++, x += count, dy += count) {
		struct map map = map_of(maps, i);
		sums_map(x, x_stride, dy, dy_stride, images, count, &map, sums[i]);
	}
}

static void sums_pool(const float *x, const float *dy, int h, int w, const struct cvt_norm_maps *maps, double (*sums)[2])
{
	for (int i = 0; i < maps->maps; i++, x += (ptrdiff_t)h * w, dy += (ptrdiff_t)(h / 2) * (w / 2)) {
		struct map map = map_of(maps, i);
		sums_pool_map(x, dy, h, w, &map, sums[i]);
	}
}

static void backward(const float *x, const float *dy, float *dx, int64_t count, const struct cvt_norm_maps *maps)
{
	for (int i = 0; i < maps->maps; i++, x += count, dy += count, dx += count) {
		struct map map = map_of(maps, i);
		backward_map(x, dy, dx, count, &map);
	}
}

static void backward_pool(const float *x, const float *dy, float *dx, int h, int w, const struct cvt_norm_maps *maps)
{
	for (int i = 0; i < maps->maps; i++, x += (ptrdiff_t)h * w, dx += (ptrdiff_t)h * w, dy += (ptrdiff_t)(h / 2) * (w / 2)) {
		struct map map = map_of(maps, i);
		backward_pool_map(x, dy, dx, h, w, &map);
	}
}

void CVT_KERNEL_INIT(norm)(struct cvt_norm_kernels *k)
{
	k->moments = moments;
	k->apply = apply;
	k->apply_pool = apply_pool;
	k->sums = sums;
	k->sums_pool = sums_pool;
	k->backward = backward;
	k->backward_pool = backward_pool;
}
