/* shared.h - all that the runner's main thread [M] and its trainer thread [T] have in common.
 *
 * T publishes the live page, events and its end; M publishes wishes: stop, look into the inbox. One mutex, a leaf: nothing is called
 * under it. T never waits for M, so a slow terminal or file server holds up no batch. */
#ifndef CVT_TRAIN_SHARED_H
#define CVT_TRAIN_SHARED_H

#include <pthread.h>
#include <stdbool.h>

#include "convtui/runner.h"

struct cvt_shared_event {
	struct cvt_shared_event *next;
	enum cvt_runner_event_kind kind;
	struct cvt_live live;                  /* as it was then */
	struct cvt_epoch_row epoch;
	char text[1024];
};
struct cvt_shared {
	pthread_mutex_t mutex;
	pthread_cond_t wake;                   /* T sleeps on it while paused or blocked; CLOCK_MONOTONIC */
	int event_fd;                          /* [I] readable for M when there is an event, or T has ended */
	struct cvt_live live;                  /* [L mutex] written by T */
	struct cvt_shared_event *first, **last;/* [L mutex] */
	bool stop, inbox, ended;               /* [L mutex] */
};

CVT_NODISCARD int cvt_shared_init(struct cvt_shared *s, const struct cvt_live *live, struct cvt_error *err);
void cvt_shared_finish(struct cvt_shared *s);

/* [T] Changes to the page go between these two. */
struct cvt_live *cvt_shared_live(struct cvt_shared *s);
void cvt_shared_unlock(struct cvt_shared *s);
void cvt_shared_state(struct cvt_shared *s, enum cvt_state state, const char *reason);
/* [T] An event for M; out of memory drops it (the rows are in their files all the same). */
void cvt_shared_say(struct cvt_shared *s, enum cvt_runner_event_kind kind, const struct cvt_epoch_row *epoch, const char *format, ...)
	CVT_PRINTF(4, 5);
bool cvt_shared_stopping(struct cvt_shared *s);
/* Is there something in the inbox? Asking clears the sign. */
bool cvt_shared_look(struct cvt_shared *s);
/* Until a stop is asked for, or (with `inbox`) something is in the inbox, or `seconds` have passed (negative: no limit). */
void cvt_shared_sleep(struct cvt_shared *s, double seconds, bool inbox);
void cvt_shared_end(struct cvt_shared *s);

/* [M] */
void cvt_shared_ask_stop(struct cvt_shared *s);
/* [M, or T that has looked and left something there] */
void cvt_shared_ask_look(struct cvt_shared *s);
/* Takes the events (a list, each to be freed) and the page; true when T has ended. */
bool cvt_shared_take(struct cvt_shared *s, struct cvt_live *ret_live, struct cvt_shared_event **ret_events);

#endif
