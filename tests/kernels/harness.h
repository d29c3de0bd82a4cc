/* harness.h - kernels against plain C references, on random shapes, between guard pages.
 *
 * A family's file (NAME.c) is a table of slots, listed in main.c and meson.build:
 *     const struct kt_slot kt_NAME[] = { { "NAME.slot", check_slot, bench_slot }, { NULL } };
 * check_slot is one trial. It draws its shape with kt_int and friends (which note it, for the report of a failure), takes arrays
 * from kt_random (inputs), kt_output (prefilled with NaN) and kt_doubles, calls the reference and t->kernels->NAME.slot(...), and
 * compares with kt_close or kt_same. All memory is the trial's. An access outside an array hits a guard page, and the shape is printed.
 * bench_slot calls kt_bench with a function to repeat. */
#ifndef CVT_TESTS_KERNELS_HARNESS_H
#define CVT_TESTS_KERNELS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

struct kt_array { void *map; size_t map_bytes; struct kt_array *next; };
struct kt {
	const struct cvt_kernels *kernels;
	const char *slot;
	uint64_t state;                         /* of the random numbers */
	struct kt_array *arrays;
	const char *label;                      /* bench: only those with this in their label */
	char shape[512];                        /* "h=3 w=70 ...", as drawn */
	char failure[512];                      /* "": none so far */
	double peak;                            /* bench: GFLOP/s of multiply-adds in registers, this set, just now */
};
struct kt_slot { const char *name; void (*check)(struct kt *t); void (*bench)(struct kt *t); };

int kt_int(struct kt *t, const char *name, int low, int high);       /* uniform, ends included */
/* 1 to high, small ones more often, and every second one a multiple of 16 or its neighbour: where kernels have their edges */
int kt_size(struct kt *t, const char *name, int high);
bool kt_flag(struct kt *t, const char *name);
float kt_uniform(struct kt *t);                                      /* [-1, 1) */

/* n floats between guard pages, against the front one or the back one (at random). Start 64-byte aligned in the first case, and where
 * `aligned` in both (then n is rounded up to whole 64 bytes). */
float *kt_output(struct kt *t, size_t n, bool aligned);              /* NaN */
float *kt_random(struct kt *t, size_t n, bool aligned);              /* [-1, 1) */
double *kt_doubles(struct kt *t, size_t n);                          /* 0 */

/* |got - want| <= tolerance * bound + 1e-30 for each of n elements, stride apart 1; NaN fails. bound: the sum of the absolute values of
 * what was added up to make `want` (the reference keeps it); tolerance: in units of that, from the length and the order of the sum. */
void kt_close(struct kt *t, const char *what, const float *got, const double *want, const double *bound, size_t n, double tolerance);
void kt_same(struct kt *t, const char *what, const void *got, const void *want, size_t bytes);
void kt_fail(struct kt *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Gives back the arrays. */
void kt_release(struct kt *t);

/* Repeats run(context) for about a third of a second and prints the best thread CPU time: us, GFLOP/s, per cent of the peak, GB/s.
 * flops, bytes: of one run; 0: not printed. */
void kt_bench(struct kt *t, const char *label, double flops, double bytes, void (*run)(void *context), void *context);

#endif
