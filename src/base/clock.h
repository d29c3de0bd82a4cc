/* clock.h - time. */
#ifndef CVT_BASE_CLOCK_H
#define CVT_BASE_CLOCK_H

/* Seconds that never go back, from an arbitrary start. */
double cvt_clock_monotonic(void);
/* Seconds that the calling thread has had a processor. */
double cvt_clock_thread(void);
/* Seconds since 1970; may jump. Only for showing and for file names. */
double cvt_clock_wall(void);
/* The seam where tests make the wall clock jump: added to it. */
extern _Atomic double cvt_clock_jump;

#endif
