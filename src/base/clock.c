/* clock.c - see base/clock.h. */
#include "base/clock.h"

#include <time.h>

static double now(clockid_t clock)
{
	struct timespec t = {0, 0};

	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double cvt_clock_monotonic(void)
{
	return now(CLOCK_MONOTONIC);
}

double cvt_clock_thread(void)
{
	return now(CLOCK_THREAD_CPUTIME_ID);
}

_Atomic double cvt_clock_jump;

double cvt_clock_wall(void)
{
	return now(CLOCK_REALTIME) + cvt_clock_jump;
}
