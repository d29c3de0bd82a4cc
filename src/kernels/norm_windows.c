/* norm_windows.c - batch norm's passes over memory with the ReLU and 3 x 3 windows every two pixels on the way: windows3.h.
 *
 * A norm keeps the order of values, or turns it round where gamma is negative, and rounding changes neither: the largest normed value is the normed
 * largest (or least) one. So values and sums are of the quarter of the map that is left, and only the gradient norms every pixel. */
#include "kernels/kernels.h"

#include "kernels/windows3.h"

enum { RUN = 1024 };

CVT_INLINE void sums_map(const float *x, const float *dy, int h, int w, const struct map *map, enum wanted wanted, double sums[2])
{
	vf mean = vset(map->mean), scale = vset(map->scale), beta = vset(map->beta), s = vzero(), q = vzero();
	int windows = windows_of(w), room = RUN;
	ptrdiff_t ahead = rows_ahead(w) * w;
	for (int oy = 0; oy < windows_of(h); oy++, dy += windows) {
		const float *rows[3];
		rows_of_window(x, h, w, oy, rows);
		vf odd = before_first(wanted, rows);
		for (int i = 0; i < windows; i += VL) {
			CVT_PREFETCH(rows[1] + ahead + 2 * i, 2 * VL);
			CVT_PREFETCH(rows[2] + ahead + 2 * i, 2 * VL);
			vf v = windows_wanted(wanted, rows, i, w, &odd), g = load(dy + i, lanes(windows - i));
			if (map->relu)
				g = vkeep(vgreater(normed(v, mean, scale, beta), vzero()), g);
			s += g;
			q += g * (v - mean);    /* lanes past the end: 0 times something finite */
			if ((room -= VL) == 0) {
				sums[0] += vsum(s);
				sums[1] += vsum(q);
				s = q = vzero();
				room = RUN;
			}
		}
	}
	sums[0] += vsum(s);
	sums[1] += vsum(q);
}

static void apply(const float *x, float *y, int h, int w, const struct cvt_norm_maps *maps)
{
	for (int i = 0; i < maps->maps; i++, x += (ptrdiff_t)h * w, y += (ptrdiff_t)windows_of(h) * windows_of(w)) {
		struct map map = map_of(maps, i);
		if (map.scale < 0)
			windows_forward(LEAST, x, y, h, w, &map);
		else
			windows_forward(LARGEST, x, y, h, w, &map);
	}
}

static void sums(const float *x, const float *dy, int h, int w, const struct cvt_norm_maps *maps, double (*sums)[2])
{
	for (int i = 0; i < maps->maps; i++, x += (ptrdiff_t)h * w, dy += (ptrdiff_t)windows_of(h) * windows_of(w)) {
		struct map map = map_of(maps, i);
		if (map.scale < 0)
			sums_map(x, dy, h, w, &map, LEAST, sums[i]);
		else if (map.scale > 0)
			sums_map(x, dy, h, w, &map, LARGEST, sums[i]);
		else
			sums_map(x, dy, h, w, &map, FIRST, sums[i]);        /* all are as large */
	}
}

static void backward(const float *x, const float *dy, float *dx, int h, int w, const struct cvt_norm_maps *maps, float *scratch)
{
	for (int i = 0; i < maps->maps; i++, x += (ptrdiff_t)h * w, dx += (ptrdiff_t)h * w, dy += (ptrdiff_t)windows_of(h) * windows_of(w)) {
		struct map map = map_of(maps, i);
		windows_backward(x, dy, dx, h, w, &map, map.relu, map.adds, (struct held *)scratch);
	}
}

void CVT_KERNEL_INIT(norm_windows)(struct cvt_norm_windows_kernels *k)
{
	k->apply = apply;
	k->sums = sums;
	k->backward = backward;
}
