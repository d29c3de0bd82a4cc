/* norm_windows.c - batch norm's passes over memory with the ReLU and 3 x 3 windows every two pixels on the way: windows3.h.
 *
 * A norm keeps the order of values, or turns it round where gamma is negative: the largest normed value is the normed largest (or least) one, and
 * rounding cannot change that. So it is values before the norm that are compared, and only the quarter of them that is left is normed. (Where rounding makes
 * different values equal, the gradient goes to the truly largest, not to the first.) */
#include "kernels/kernels.h"

#include "kernels/windows3.h"

enum { RUN = 1024 };

CVT_INLINE void sums_map(const float *x, const float *dy, int h, int w, const struct map *map, enum wanted wanted, double sums[2])
{
	vf mean = vset(map->mean), scale = vset(map->scale), beta = vset(map->beta), s = vzero(), q = vzero();
	int windows = windows_of(w), room = RUN;
	for (int oy = 0; oy < windows_of(h); oy++, dy += windows) {
		struct window_row row = window_row(wanted, x, h, w, oy);
		for (int i = 0; i < windows; i += VL) {
			vf v = windows_wanted(wanted, &row, i, w), g = load(dy + i, lanes(windows - i));
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

/* Where gamma is 0 all are as large. */
static enum wanted wanted_by(const struct map *map)
{
	return map->scale > 0 ? LARGEST : map->scale < 0 ? LEAST : FIRST;
}

static void apply(const float *x, float *y, int h, int w, const struct cvt_norm_maps *maps)
{
	for (int i = 0; i < maps->maps; i++, x += (ptrdiff_t)h * w, y += (ptrdiff_t)windows_of(h) * windows_of(w)) {
		struct map map = map_of(maps, i);
		switch (wanted_by(&map)) {
		case LARGEST: windows_forward(LARGEST, x, y, h, w, &map); break;
		case LEAST: windows_forward(LEAST, x, y, h, w, &map); break;
		case FIRST: windows_forward(FIRST, x, y, h, w, &map); break;
		}
	}
}

static void sums(const float *x, const float *dy, int h, int w, const struct cvt_norm_maps *maps, double (*sums)[2])
{
	for (int i = 0; i < maps->maps; i++, x += (ptrdiff_t)h * w, dy += (ptrdiff_t)windows_of(h) * windows_of(w)) {
		struct map map = map_of(maps, i);
		switch (wanted_by(&map)) {
		case LARGEST: sums_map(x, dy, h, w, &map, LARGEST, sums[i]); break;
		case LEAST: sums_map(x, dy, h, w, &map, LEAST, sums[i]); break;
		case FIRST: sums_map(x, dy, h, w, &map, FIRST, sums[i]); break;
		}
	}
}

static void backward(const float *x, const float *dy, float *dx, int h, int w, const struct cvt_norm_maps *maps, float *scratch)
{
	struct held *held = (struct held *)scratch;
	for (int i = 0; i < maps->maps; i++, x += (ptrdiff_t)h * w, dx += (ptrdiff_t)h * w, dy += (ptrdiff_t)windows_of(h) * windows_of(w)) {
		struct map map = map_of(maps, i);
		switch (wanted_by(&map)) {
		case LARGEST: windows_backward(LARGEST, x, dy, dx, h, w, &map, map.adds, held); break;
		case LEAST: windows_backward(LEAST, x, dy, dx, h, w, &map, map.adds, held); break;
		case FIRST: windows_backward(FIRST, x, dy, dx, h, w, &map, map.adds, held); break;
		}
	}
}

void CVT_KERNEL_INIT(norm_windows)(struct cvt_norm_windows_kernels *k)
{
	k->apply = apply;
	k->sums = sums;
	k->backward = backward;
}
