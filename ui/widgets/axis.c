/* axis.c - ticks at 1, 2, 5 steps. */
#include <math.h>
#include <stdlib.h>

#include "widgets/axis.h"

double axis_step(double span, int most)
{
	if (!(span > 0) || !isfinite(span) || most < 1) {
		return 1;
	}
	double least = span / most, power = pow(10, floor(log10(least)));
	static const double steps[] = {1, 2, 5, 10};
	for (int i = 0; i < 4; i++) {
		if (power * steps[i] >= least * (1 - 1e-9)) {
			return power * steps[i];
		}
	}
	return power * 10;
}

/* With `apart` rows between ticks of `step`: the axis that holds [lo, hi], or false: it does not reach. An end that must be a tick is one; else
 * the axis begins at the row that just holds lo, and the ticks keep to whole rows. */
static bool place(double lo, double hi, int last, int apart, double step, bool from_top, struct axis_rows *ret)
{
	double row = step / apart, span = row * last;
	if (from_top || lo == 0) {
		double anchor = from_top ? ceil(hi / step - 1e-9) * step : 0, other = from_top ? anchor - span : anchor + span;
		*ret = (struct axis_rows){from_top ? other : anchor, from_top ? anchor : other, step, apart, 0};
		return from_top ? other <= lo + span * 1e-9 : other >= hi - span * 1e-9;
	}
	/* Lower by some rows where only that brings a second label in. */
	for (double below = floor(lo / row + 1e-9); below * row + span >= hi - span * 1e-9; below--) {
		double rest = below - floor(below / apart) * apart;
		int first = rest > 0 ? apart - (int)lround(rest) : 0;
		if (first + apart <= last) {
			*ret = (struct axis_rows){below * row, below * row + span, step, apart, first};
			return true;
		}
	}
	return false;
}

struct axis_rows axis_align(double lo, double hi, int rows, bool from_top)
{
	static const double steps[] = {1, 2, 5, 10};
	int last = rows - 1, wish = last < 8 ? 2 : last < 28 ? last / 4 : 7;      /* intervals between labels */
	struct axis_rows best = {lo, hi, hi - lo, last, 0};
	/* Rows below 0% are lost; on few rows 0, 50 and 100% are labels enough. */
	double least = INFINITY, missing = from_top && lo <= 0 ? 0.5 : 0.6;
	for (int apart = last < 2 ? 1 : 2; apart <= last; apart++) {
		/* The step that just holds the range, or the next one when the end at a tick gives too much away. */
		double smallest = (hi - lo) * apart / last, power = pow(10, floor(log10(smallest)));
		for (int i = 0; i < 8; i++) {
			struct axis_rows axis;
			if (!place(lo, hi, last, apart, power * steps[i % 4] * (i < 4 ? 1 : 10), from_top, &axis)) {
				continue;
			}
			int labels = (last - axis.first) / apart, few = wish - labels, many = labels - 2 * wish;
			double cost = (axis.hi - axis.lo) / (hi - lo) + missing * (few > 0 ? few : 0) / wish + 0.04 * (many > 0 ? many : 0);
			if (cost < least - 1e-9) {
				least = cost;
				best = axis;
			}
			break;
		}
	}
	return best;
}

static void fit_linear(struct axis_range *range, double lo, double hi, double floor_, double ceiling)
{
	double span = hi - lo > 0 ? hi - lo : fabs(hi) > 0 ? fabs(hi) * 0.1 : 1;
	if (lo >= 0 && lo < 0.4 * hi) {
		lo = 0;                              /* a curve that comes near zero is read against zero */
		span = hi;
	}
	double step = axis_step(span, 16);
	range->lo = fmax(floor(lo / step + 1e-9) * step, floor_);
	range->hi = fmin(ceil(hi / step - 1e-9) * step, ceiling);
	if (!(range->hi > range->lo)) {
		range->lo = fmax(range->lo - step, floor_);
		range->hi = fmin(range->lo + 2 * step, ceiling);
	}
}

static double log_bound(double v, bool up)
{
	double power = pow(10, floor(log10(v) + 1e-9)), best = up ? power * 10 : power;
	static const double steps[] = {1, 2, 5};
	for (int i = 0; i < 3; i++) {
		double s = power * steps[i];
		if (up ? s >= v * (1 - 1e-9) && s < best : s <= v * (1 + 1e-9) && s > best) {
			best = s;
		}
	}
	return best;
}

void axis_fit(struct axis_range *range, double lo, double hi, double floor_, double ceiling, bool logarithmic)
{
	if (!isfinite(lo) || !isfinite(hi) || lo > hi || (logarithmic && !(lo > 0))) {
		return;
	}
	if (range->valid && lo >= range->lo && hi <= range->hi) {
		double filled = logarithmic ? log(hi / lo) / log(range->hi / range->lo) : (hi - (lo < 0.4 * hi && lo >= 0 ? 0 : lo)) / (range->hi - range->lo);
		if (filled >= 0.6) {
			return;
		}
	}
	struct axis_range next = {.valid = true};
	if (logarithmic) {
		next.lo = log_bound(lo, false);
		next.hi = log_bound(hi, true);
		next.hi = next.hi > next.lo ? next.hi : next.lo * 10;
	} else {
		fit_linear(&next, lo, hi, floor_, ceiling);
	}
	*range = next;
}

int axis_log_every(double lo, double hi, int most)
{
	double decades = log10(hi / lo);
	return decades * 3 <= most ? 0 : most < 1 ? 1 : ((int)(decades + 1e-9) + most) / most;
}

/* The distance of 2 from 1 (and of 10 from 5, which is the same), in rows, from a whole row. */
static double off(int decade)
{
	double rows = decade * log10(2);
	return fabs(rows - round(rows));
}

void axis_log_align(double *lo, double *hi, int rows, int every)
{
	int unit = every ? every : 1;      /* decades that are to be a whole number of rows */
	double low = log10(*lo), high = log10(*hi), at_most = (rows - 1) / (high - low) * unit;
	int apart = (int)(at_most + 1e-9);
	for (int less = apart; !every && less >= at_most * 0.75 && off(apart) > 0.15; less--) {
		apart = off(less) < off(apart) ? less : apart;
	}
	for (; apart > 0; apart--) {
		double row = (double)unit / apart, top = ceil(high / row - 1e-6) * row, bottom = top - (rows - 1) * row;
		if (bottom <= low + 1e-9) {
			*lo = pow(10, bottom);
			*hi = pow(10, top);
			return;
		}
	}
}

int axis_log_ticks(double lo, double hi, int every, double *ticks, int size)
{
	int unit = every ? every : 1, n = 0;
	double last = log10(hi) + 1e-9;
	for (int k = (int)floor(log10(lo) / unit) * unit; k <= last && n < size; k += unit) {
		static const double steps[] = {1, 2, 5};
		for (int i = 0; i < (every ? 1 : 3) && n < size; i++) {
			double v = pow(10, k) * steps[i];
			if (v >= lo * (1 - 1e-9) && v <= hi * (1 + 1e-9)) {
				ticks[n++] = v;
			}
		}
	}
	return n;
}
