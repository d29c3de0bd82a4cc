/* series.h - points of a curve, with minimum and maximum of every block, so that any stretch is known at once.
 *
 * x never decreases. Blocks of 16 points, of 16 blocks and so on (a pyramid) hold the finite minimum and maximum; a
 * column of a chart that covers any number of points asks for the pyramid's few, so one extreme point among a million
 * still shows. Values that are not finite enter no bounds; the places of such points are kept apart. */
#ifndef UI_WIDGETS_SERIES_H
#define UI_WIDGETS_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "convtui/error.h"

enum { SERIES_FAN = 16, SERIES_LEVELS = 8 };
struct series_block { float lo, hi; };               /* lo > hi: no finite value */
struct series {
	int64_t n, capacity;
	double *x;
	float *y;
	struct series_block *levels[SERIES_LEVELS];      /* level k: a block covers SERIES_FAN^(k+1) points */
	int64_t level_capacity[SERIES_LEVELS];
	int64_t n_bad, bad_capacity;
	double *bad_x;                                   /* where y is NaN or infinite, ascending */
};

/* A zeroed struct is an empty series. */
void series_finish(struct series *s);
void series_clear(struct series *s);
CVT_NODISCARD int series_append(struct series *s, double x, double y);
/* The first point at or after x; n when there is none. */
int64_t series_find(const struct series *s, double x);
/* Bounds of the points from i0 up to but not i1; false when none is finite. */
bool series_bounds(const struct series *s, int64_t i0, int64_t i1, float *ret_lo, float *ret_hi);
/* Points in [i0, i1) below or above the limits. */
void series_outside(const struct series *s, int64_t i0, int64_t i1, double lo, double hi, int64_t *ret_below, int64_t *ret_above);
bool series_bad_in(const struct series *s, double x0, double x1);

/* An exponential mean with its start corrected (as Adam's): after the first value it equals that value. */
struct ema { double factor, sum, weight; };
/* A value that is not finite leaves the mean as it was. Returns NaN before the first finite value. */
double ema_next(struct ema *ema, double value);

#endif
