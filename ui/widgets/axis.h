/* axis.h - where ticks go, and bounds that do not jump about. */
#ifndef UI_WIDGETS_AXIS_H
#define UI_WIDGETS_AXIS_H

#include <stdbool.h>

/* 1, 2 or 5 times a power of ten: the smallest step that makes at most `most` intervals of `span`. */
double axis_step(double span, int most);
/* Bounds of a y axis. Grow when data leaves them, shrink only when it fills less than 60% of them, so that a frame seldom moves. */
struct axis_range { double lo, hi; bool valid; };
/* `floor` and `ceiling` (may be infinite) are never passed. With `logarithmic` the bounds are powers of ten times 1, 2 or 5; lo > 0. */
void axis_fit(struct axis_range *range, double lo, double hi, double floor, double ceiling, bool logarithmic);
/* An axis over `rows` rows of cells with a tick every `apart` rows, `step` apart in value, the first `first` rows above the lowest: the labels are
 * evenly spaced, on whole rows. */
struct axis_rows { double lo, hi, step; int apart, first; };
/* Widens [lo, hi] to such an axis, as little as leaves room for labels. A lo of 0 is the lowest row; with `from_top` the highest row is a tick, and
 * a hi that is a multiple of 1, 2 or 5 stays. rows >= 2, hi > lo. */
struct axis_rows axis_align(double lo, double hi, int rows, bool from_top);
/* Decades from one tick of a logarithmic axis to the next, for about `most` of them; 0: there is room for 2 and 5 times 10^k too. */
int axis_log_every(double lo, double hi, int most);
/* Widens [lo, hi] so that over `rows` rows of cells those ticks are on whole rows, evenly spaced; 2 and 5 as near to one as costs little. Stays where
 * there are too few rows. 0 < lo < hi, rows >= 2. */
void axis_log_align(double *lo, double *hi, int rows, int every);
/* The ticks in [lo, hi]. Returns how many were written. */
int axis_log_ticks(double lo, double hi, int every, double *ticks, int size);

#endif
