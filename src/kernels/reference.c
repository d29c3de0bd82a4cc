/* reference.c - convolutions by their definition. See reference.h. */
#include "kernels/reference.h"

#include <math.h>
#include <stddef.h>

/* One product of the sum that a convolution is: which elements of x, y and weight it joins. */
typedef void term_fn(void *context, size_t x, size_t y, size_t weight);

static inline __attribute__((always_inline)) void for_each_term(const struct cvt_reference_conv *c, term_fn *term, void *context)
{
	int k = c->kernel;
	for (int n = 0; n < c->n; n++)
		for (int o = 0; o < c->out_c; o++)
			for (int i = 0; i < c->in_c; i++)
				for (int y = 0; y < c->out_h; y++)
					for (int x = 0; x < c->out_w; x++)
						for (int ky = 0; ky < k; ky++)
							for (int kx = 0; kx < k; kx++) {
								int row = y * c->stride + ky - c->padding, column = x * c->stride + kx - c->padding;
								if (row < 0 || row >= c->in_h || column < 0 || column >= c->in_w)
									continue;
								term(context, (((size_t)n * c->in_c + i) * c->in_h + row) * c->in_w + column,
									(((size_t)n * c->out_c + o) * c->out_h + y) * c->out_w + x,
									(((size_t)o * c->in_c + i) * k + ky) * k + kx);
							}
}

struct arrays { const float *x, *dy, *weight; double *sum, *bound; };

static void add(double *sum, double *bound, size_t at, float a, float b)
{
	sum[at] += (double)a * b;
	bound[at] += fabs((double)a * b);
}

static void forward_term(void *context, size_t x, size_t y, size_t weight)
{
	struct arrays *a = context;
	add(a->sum, a->bound, y, a->x[x], a->weight[weight]);
}

static void input_gradient_term(void *context, size_t x, size_t y, size_t weight)
{
	struct arrays *a = context;
	add(a->sum, a->bound, x, a->dy[y], a->weight[weight]);
}

static void weight_gradient_term(void *context, size_t x, size_t y, size_t weight)
{
	struct arrays *a = context;
	add(a->sum, a->bound, weight, a->x[x], a->dy[y]);
}

void cvt_reference_conv_forward(const struct cvt_reference_conv *c, const float *x, const float *weight, const float *bias,
	double *y, double *bound)
{
	size_t plane = (size_t)c->out_h * c->out_w, size = c->n * c->out_c * plane;
	for (size_t i = 0; i < size; i++) {
		y[i] = bias ? bias[i / plane % c->out_c] : 0;
		bound[i] = fabs(y[i]);
	}
	for_each_term(c, forward_term, &(struct arrays){ .x = x, .weight = weight, .sum = y, .bound = bound });
}

void cvt_reference_conv_input_gradient(const struct cvt_reference_conv *c, const float *dy, const float *weight, double *dx, double *bound)
{
	size_t size = (size_t)c->n * c->in_c * c->in_h * c->in_w;
	for (size_t i = 0; i < size; i++)
		dx[i] = bound[i] = 0;
	for_each_term(c, input_gradient_term, &(struct arrays){ .dy = dy, .weight = weight, .sum = dx, .bound = bound });
}

void cvt_reference_conv_weight_gradient(const struct cvt_reference_conv *c, const float *x, const float *dy, double *dweight, double *bound,
	double *dbias, double *dbias_bound)
{
	size_t plane = (size_t)c->out_h * c->out_w, size = (size_t)c->out_c * c->in_c * c->kernel * c->kernel;
	for (size_t i = 0; i < size; i++)
		dweight[i] = bound[i] = 0;
	for_each_term(c, weight_gradient_term, &(struct arrays){ .x = x, .dy = dy, .sum = dweight, .bound = bound });
	for (int o = 0; o < c->out_c; o++)
		dbias[o] = dbias_bound[o] = 0;
	for (size_t i = 0; i < c->n * c->out_c * plane; i++)
		add(dbias, dbias_bound, i / plane % c->out_c, dy[i], 1);
}
