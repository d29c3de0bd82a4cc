/* peak.c - the yardstick counts what it says it counts. */
#include "harness.h"

static void check(struct kt *t)
{
	float sink = 0;
	long rounds = kt_int(t, "rounds", 1, 50);
	double one = t->kernels->peak.multiply_adds(1, &sink), many = t->kernels->peak.multiply_adds(rounds, &sink);
	if (one < 2.0 * t->kernels->vector_length || many != one * (double)rounds || !(sink > 0))
		kt_fail(t, "%g operations in one round, %g in all, sink %g", one, many, (double)sink);
}

static void run(void *context)
{
	float sink;
	((struct kt *)context)->kernels->peak.multiply_adds(20000, &sink);
}

static void bench(struct kt *t)
{
	float sink;
	kt_bench(t, "registers only", 20000 * t->kernels->peak.multiply_adds(1, &sink), 0, run, t);
}

const struct kt_slot kt_peak[] = { { "peak.multiply_adds", check, bench }, { NULL, NULL, NULL } };
