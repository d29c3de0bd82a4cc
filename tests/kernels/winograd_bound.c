#include <math.h>

#include "winograd_bound.h"

static const double forward = 403, gradient = 2 * 414, sums = 4;    /* winograd_bound.h */

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
	double tiles = ceil((double)plane / (size * size));
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
