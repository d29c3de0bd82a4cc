/* series.c - points and their pyramid of bounds. */
#include <math.h>
#include <stdlib.h>

#include "widgets/series.h"

void series_finish(struct series *s)
{
	free(s->x);
	free(s->y);
	free(s->bad_x);
	for (int k = 0; k < SERIES_LEVELS; k++) {
		free(s->levels[k]);
	}
	*s = (struct series){0};
}

void series_clear(struct series *s)
{
	s->n = s->n_bad = 0;
}

static bool grow(void **array, int64_t *capacity, int64_t need, size_t size)
{
	if (need <= *capacity) {
		return true;
	}
	int64_t next = *capacity ? *capacity * 2 : 64;
	void *bigger = realloc(*array, (size_t)(next < need ? need : next) * size);
	if (!bigger) {
		return false;
	}
	*array = bigger;
	*capacity = next < need ? need : next;
	return true;
}

static bool make_room(struct series *s)
{
	int64_t capacity = s->capacity, blocks = s->n;
	if (!grow((void **)&s->x, &capacity, s->n + 1, sizeof *s->x)) {
		return false;
	}
	capacity = s->capacity;
	if (!grow((void **)&s->y, &capacity, s->n + 1, sizeof *s->y)) {
		return false;
	}
	s->capacity = capacity;
	for (int k = 0; k < SERIES_LEVELS; k++) {
		blocks /= SERIES_FAN;
		if (!grow((void **)&s->levels[k], &s->level_capacity[k], blocks + 1, sizeof **s->levels)) {
			return false;
		}
	}
	return true;
}

int series_append(struct series *s, double x, double y)
{
	float value = (float)y;
	if (!make_room(s) || (!isfinite(value) && !grow((void **)&s->bad_x, &s->bad_capacity, s->n_bad + 1, sizeof *s->bad_x))) {
		return CVT_ERR_MEMORY;
	}
	int64_t i = s->n++, size = 1;
	s->x[i] = i > 0 && !(x >= s->x[i - 1]) ? s->x[i - 1] : x;
	s->y[i] = value;
	if (!isfinite(value)) {
		s->bad_x[s->n_bad++] = s->x[i];
	}
	for (int k = 0; k < SERIES_LEVELS; k++) {
		size *= SERIES_FAN;
		struct series_block *block = &s->levels[k][i / size];
		if (i % size == 0) {
			*block = (struct series_block){INFINITY, -INFINITY};
		}
		if (isfinite(value)) {
			block->lo = value < block->lo ? value : block->lo;
			block->hi = value > block->hi ? value : block->hi;
		}
	}
	return CVT_OK;
}

static int64_t lower_bound(const double *values, int64_t n, double x)
{
	int64_t lo = 0, hi = n;
	while (lo < hi) {
		int64_t mid = lo + (hi - lo) / 2;
		if (values[mid] < x) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo;
}

int64_t series_find(const struct series *s, double x)
{
	return lower_bound(s->x, s->n, x);
}

bool series_bad_in(const struct series *s, double x0, double x1)
{
	int64_t i = lower_bound(s->bad_x, s->n_bad, x0);
	return i < s->n_bad && s->bad_x[i] < x1;
}

static void widen(float lo, float hi, float *ret_lo, float *ret_hi)
{
	if (lo <= hi) {
		*ret_lo = lo < *ret_lo ? lo : *ret_lo;
		*ret_hi = hi > *ret_hi ? hi : *ret_hi;
	}
}

bool series_bounds(const struct series *s, int64_t i0, int64_t i1, float *ret_lo, float *ret_hi)
{
	float lo = INFINITY, hi = -INFINITY;
	for (int64_t i = i0; i < i1;) {
		/* The largest whole block that starts here and ends in the stretch. */
		int level = -1;
		int64_t size = 1;
		while (level + 1 < SERIES_LEVELS && i % (size * SERIES_FAN) == 0 && i + size * SERIES_FAN <= i1) {
			level++;
			size *= SERIES_FAN;
		}
		if (level >= 0) {
			struct series_block block = s->levels[level][i / size];
			widen(block.lo, block.hi, &lo, &hi);
		} else if (isfinite(s->y[i])) {
			widen(s->y[i], s->y[i], &lo, &hi);
		}
		i += size;
	}
	if (lo > hi) {
		return false;
	}
	*ret_lo = lo;
	*ret_hi = hi;
	return true;
}

void series_outside(const struct series *s, int64_t i0, int64_t i1, double lo, double hi, int64_t *ret_below, int64_t *ret_above)
{
	int64_t below = 0, above = 0;
	for (int64_t i = i0; i < i1;) {
		int level = -1;
		int64_t size = 1;
		/* Whole blocks inside the limits are passed over. */
		while (level + 1 < SERIES_LEVELS && i % (size * SERIES_FAN) == 0 && i + size * SERIES_FAN <= i1) {
			struct series_block block = s->levels[level + 1][i / (size * SERIES_FAN)];
			if (block.lo <= block.hi && ((double)block.lo < lo || (double)block.hi > hi)) {
				break;
			}
			level++;
			size *= SERIES_FAN;
		}
		if (level < 0 && isfinite(s->y[i])) {
			below += (double)s->y[i] < lo;
			above += (double)s->y[i] > hi;
		}
		i += size;
	}
	*ret_below = below;
	*ret_above = above;
}

double ema_next(struct ema *ema, double value)
{
	if (isfinite(value)) {
		ema->sum = ema->factor * ema->sum + (1 - ema->factor) * value;
		ema->weight = ema->factor * ema->weight + (1 - ema->factor);
	}
	return ema->weight > 0 ? ema->sum / ema->weight : NAN;
}
