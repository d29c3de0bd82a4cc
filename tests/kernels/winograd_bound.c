#include <math.h>
#include <stdbool.h>

#include "winograd_bound.h"

enum { MOST = 7 };                          /* points but infinity */

/* F(m, r): A^T ((G g) . (B^T d)). Row i of G is scale[i] times the powers of point i, of A the powers themselves; B is what undoes them. */
struct filter { int m, r; double scale[MOST]; };
static const double points[MOST] = {0, 1, -1, 2, -2, .5, -.5};
static const struct filter filters[] = {
	{6, 3, {1, -2. / 9, -2. / 9, 1. / 90, 1. / 90, 32. / 45, 32. / 45}},
	{4, 3, {1. / 4, -1. / 6, -1. / 6, 1. / 24, 1. / 24}},
	{2, 3, {1, 1. / 2, 1. / 2}},
	{4, 5, {1, -2. / 9, -2. / 9, 1. / 90, 1. / 90, 32. / 45, 32. / 45}},
};

/* The sum of |B| of point i (n: infinity): the coefficients of the product of all x - point, but its own, over what G leaves of its value there. */
static double sum_of_b(const struct filter *f, int i)
{
	int n = f->m + f->r - 2, degree = 0;
	double product[MOST + 1] = {1}, value = i < n ? f->scale[i] : 1, sum = 0;
	for (int j = 0; j < n; j++) {
		if (j == i)
			continue;
		for (int k = ++degree; k > 0; k--)
			product[k] = product[k - 1] - points[j] * product[k];
		product[0] *= -points[j];
		if (i < n)
			value *= points[i] - points[j];
	}
	for (int k = 0; k <= degree; k++)
		sum += fabs(product[k] / value);
	return sum;
}

/* |A| of point i and output p, |G| of point i and tap k. */
static double a_of(const struct filter *f, int i, int p)
{
	int n = f->m + f->r - 2;
	return i < n ? fabs(pow(points[i], p)) : p == f->m - 1;
}
static double g_of(const struct filter *f, int i, int k)
{
	int n = f->m + f->r - 2;
	return i < n ? fabs(f->scale[i] * pow(points[i], k)) : k == f->r - 1;
}

/* Of all filters the worst output's (gradient: tap's) root of the sum of squares over the points of a tile, which is the product of its row's and
 * its column's: so the sum of squares of one of them. */
static double worst(bool gradient)
{
	double most = 0;
	for (size_t q = 0; q < sizeof filters / sizeof *filters; q++) {
		const struct filter *f = &filters[q];
		for (int p = 0; p < (gradient ? f->r : f->m); p++) {
			double squares = 0;
			for (int i = 0; i < f->m + f->r - 1; i++) {
				double other = 0;
				for (int k = 0; k < (gradient ? f->m : f->r); k++)
					other = fmax(other, gradient ? a_of(f, i, k) : g_of(f, i, k));
				squares += pow((gradient ? g_of(f, i, p) : a_of(f, i, p)) * other * sum_of_b(f, i), 2);
			}
			most = fmax(most, squares);
		}
	}
	return most;
}

static const double sums = 4;               /* winograd_bound.h */

static double largest(const float *p, size_t n)
{
	double most = 0;
	for (size_t i = 0; i < n; i++)
		most = fmax(most, fabs((double)p[i]));
	return most;
}

static double sum(const float *p, size_t n)
{
	double all = 0;
	for (size_t i = 0; i < n; i++)
		all += fabs((double)p[i]);
	return all;
}

void kt_winograd_bound(int n, int channels, int lanes, size_t plane, int taps, const float *x, const float *weight, size_t o_step, size_t c_step,
	double *bound)
{
	double forward = worst(false);
	for (int i = 0; i < n; i++)
		for (int o = 0; o < lanes; o++) {
			double squares = 0, plain = 0;
			for (int c = 0; c < channels; c++) {
				double b = largest(x + ((size_t)i * channels + c) * plane, plane) * sum(weight + o * o_step + c * c_step, (size_t)taps);
				squares += b * b;
				plain += b;
			}
			for (size_t p = 0; p < plane; p++)
				bound[((size_t)i * lanes + o) * plane + p] = forward * sqrt(squares) + sums * plain;
		}
}

void kt_winograd_gradient_bound(int n, int channels, int lanes, size_t plane, int taps, int size, const float *x, const float *dy, double *bound)
{
	double tiles = ceil((double)plane / (size * size)), gradient = 2 * worst(true);
	for (int o = 0; o < lanes; o++)
		for (int c = 0; c < channels; c++) {
			double squares = 0, plain = 0;
			for (int i = 0; i < n; i++) {
				double b = largest(x + ((size_t)i * channels + c) * plane, plane) * sum(dy + ((size_t)i * lanes + o) * plane, plane);
				squares += b * b / tiles;
				plain += b;
			}
			for (int k = 0; k < taps; k++)
				bound[((size_t)o * channels + c) * taps + k] = gradient * sqrt(squares) + sums * plain;
		}
}
