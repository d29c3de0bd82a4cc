/* maxpool.c - maxima of windows of any size, stride and padding, with ties; their gradient goes to the first. */
#include <math.h>

#include "harness.h"

struct map { struct cvt_pool_shape s; int maps; float *x; size_t count, out /* of a map */, all, all_out; };

static struct map draw(struct kt *t)
{
	static const int usual[][3] = {{2, 2, 0}, {3, 2, 1}, {3, 1, 1}};
	struct map m = {0};
	struct cvt_pool_shape *s = &m.s;
	int kind = kt_int(t, "kind", 0, 3);
	s->kernel = kind < 3 ? usual[kind][0] : kt_int(t, "kernel", 1, 5);
	s->stride = kind < 3 ? usual[kind][1] : kt_int(t, "stride", 1, 20);
	s->padding = kind < 3 ? usual[kind][2] : kt_int(t, "padding", 0, s->kernel / 2);
	s->h = kt_size(t, "h", 70) + s->kernel - 1;
	s->w = kt_size(t, "w", 70) + s->kernel - 1;
	if (kt_flag(t, "network")) {                /* sizes that networks have: some rows, or some maps, in a vector */
		s->kernel = 3;
		s->stride = kt_int(t, "stride", 1, 2);
		s->padding = 1;
		s->w = 1 << kt_int(t, "log w", 1, 5);
		s->h = kt_int(t, "square", 0, 3) ? s->w : 2 * kt_int(t, "rows", 1, 10);
	} else if (kt_int(t, "narrow", 0, 1) == 0) {    /* smaller than the window where padding allows */
		s->h = s->kernel - 2 * s->padding + s->h % 14;
		s->w = s->kernel - 2 * s->padding + s->w % 12;
		s->h += s->h < 1;
		s->w += s->w < 1;
	}
	s->out_h = (s->h + 2 * s->padding - s->kernel) / s->stride + 1;
	s->out_w = (s->w + 2 * s->padding - s->kernel) / s->stride + 1;
	m.count = (size_t)s->h * (size_t)s->w;
	m.out = (size_t)s->out_h * (size_t)s->out_w;
	m.maps = kt_int(t, "maps", 1, 40);
	while (m.maps > 1 && m.maps * m.count > 20000)
		m.maps /= 2;
	m.all = m.count * (size_t)m.maps;
	m.all_out = m.out * (size_t)m.maps;
	m.x = kt_random(t, m.all, false);
	for (size_t i = 0; i < m.all; i++)
		m.x[i] = roundf(m.x[i] * 16) / 16 + 0.0f;       /* no -0: a tie of two zeros has no bits to compare */
	return m;
}

/* Of window `i` of all maps: the place of its first largest value. */
static size_t largest(const struct map *m, size_t i)
{
	const struct cvt_pool_shape *s = &m->s;
	const float *values = m->x + i / m->out * m->count;
	int oy = (int)(i % m->out) / s->out_w, ox = (int)(i % m->out) % s->out_w;
	size_t best = m->count;
	for (int k = 0; k < s->kernel * s->kernel; k++) {
		int y = oy * s->stride - s->padding + k / s->kernel, x = ox * s->stride - s->padding + k % s->kernel;
		size_t at = (size_t)y * (size_t)s->w + (size_t)x;
		if (y >= 0 && y < s->h && x >= 0 && x < s->w && (best == m->count || values[at] > values[best]))
			best = at;
	}
	return i / m->out * m->count + best;
}

static void check_forward(struct kt *t)
{
	struct map m = draw(t);
	float *y = kt_output(t, m.all_out, false), *want = kt_output(t, m.all_out, false), *scratch = kt_output(t, cvt_pool_forward_floats(&m.s), false);
	for (size_t i = 0; i < m.all_out; i++)
		want[i] = m.x[largest(&m, i)];
	t->kernels->maxpool.forward(&m.s, m.maps, m.x, y, scratch);
	kt_same(t, "y", y, want, m.all_out * sizeof *y);
}

static void check_backward(struct kt *t)
{
	struct map m = draw(t);
	bool adds = kt_flag(t, "adds"), in_place = !adds && kt_flag(t, "in place");
	float *dy = kt_random(t, m.all_out, false), *scratch = kt_output(t, cvt_pool_backward_floats(&m.s), false);
	float *dx = in_place ? m.x : adds ? kt_random(t, m.all, false) : kt_output(t, m.all, false);
	double *want = kt_doubles(t, m.all), *bound = kt_doubles(t, m.all);
	for (size_t i = 0; adds && i < m.all; i++) {
		want[i] = (double)dx[i];
		bound[i] = fabs(want[i]);
	}
	for (size_t i = 0; i < m.all_out; i++) {
		size_t at = largest(&m, i);
		want[at] += (double)dy[i];
		bound[at] += fabs((double)dy[i]);
	}
	t->kernels->maxpool.backward(&m.s, m.maps, m.x, dy, dx, adds, scratch);
	kt_close(t, "dx", dx, want, bound, m.all, 26 * 1.2e-7);
}

const struct kt_slot kt_maxpool[] = {
	{"maxpool.forward", check_forward, NULL}, {"maxpool.backward", check_backward, NULL}, {NULL, NULL, NULL}};
