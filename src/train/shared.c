/* shared.c - what the two threads of a runner tell each other. */
#include "train/shared.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int cvt_shared_init(struct cvt_shared *s, const struct cvt_live *live, struct cvt_error *err)
{
	pthread_condattr_t attributes;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return cvt_fail_errno(err, errno, "cannot make an event descriptor");
	*s = (struct cvt_shared){.event_fd = fd, .live = *live};
	s->last = &s->first;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	return CVT_OK;
}

static void free_events(struct cvt_shared_event *event)
{
	while (event) {
		struct cvt_shared_event *next = event->next;

		free(event);
		event = next;
	}
}

void cvt_shared_finish(struct cvt_shared *s)
{
	free_events(s->first);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->mutex);
	close(s->event_fd);
}

struct cvt_live *cvt_shared_live(struct cvt_shared *s)
{
	pthread_mutex_lock(&s->mutex);
	return &s->live;
}

void cvt_shared_unlock(struct cvt_shared *s)
{
	pthread_mutex_unlock(&s->mutex);
}

void cvt_shared_state(struct cvt_shared *s, enum cvt_state state, const char *reason)
{
	struct cvt_live *live = cvt_shared_live(s);

	live->state = state;
	snprintf(live->reason, sizeof live->reason, "%s", reason);
	cvt_shared_unlock(s);
}

/* The counter of an eventfd cannot overflow here, and a full one is readable anyway: a failed write loses nothing. */
static void ring(struct cvt_shared *s)
{
	const uint64_t one = 1;
	ssize_t written = write(s->event_fd, &one, sizeof one);

	(void)written;
}

void cvt_shared_say(struct cvt_shared *s, enum cvt_runner_event_kind kind, const struct cvt_epoch_row *epoch, const char *format, ...)
{
	struct cvt_shared_event *event = calloc(1, sizeof *event);
	va_list arguments;

	if (!event)
		return;
	event->kind = kind;
	if (epoch)
		event->epoch = *epoch;
	va_start(arguments, format);
	vsnprintf(event->text, sizeof event->text, format, arguments);
	va_end(arguments);
	pthread_mutex_lock(&s->mutex);
	event->live = s->live;
	*s->last = event;
	s->last = &event->next;
	pthread_mutex_unlock(&s->mutex);
	ring(s);
}

bool cvt_shared_stopping(struct cvt_shared *s)
{
	pthread_mutex_lock(&s->mutex);
	bool stop = s->stop;
	pthread_mutex_unlock(&s->mutex);
	return stop;
}

bool cvt_shared_look(struct cvt_shared *s)
{
	pthread_mutex_lock(&s->mutex);
	bool inbox = s->inbox;
	s->inbox = false;
	pthread_mutex_unlock(&s->mutex);
	return inbox;
}

void cvt_shared_sleep(struct cvt_shared *s, double seconds, bool inbox)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)seconds;
	until.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&s->mutex);
	while (rc == 0 && !s->stop && !(inbox && s->inbox))
		rc = seconds < 0 ? pthread_cond_wait(&s->wake, &s->mutex) : pthread_cond_timedwait(&s->wake, &s->mutex, &until);
	pthread_mutex_unlock(&s->mutex);
}

void cvt_shared_end(struct cvt_shared *s)
{
	pthread_mutex_lock(&s->mutex);
	s->ended = true;
	pthread_mutex_unlock(&s->mutex);
	ring(s);
}

void cvt_shared_ask_stop(struct cvt_shared *s)
{
	pthread_mutex_lock(&s->mutex);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
}

void cvt_shared_ask_look(struct cvt_shared *s)
{
	pthread_mutex_lock(&s->mutex);
	s->inbox = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
}

bool cvt_shared_take(struct cvt_shared *s, struct cvt_live *ret_live, struct cvt_shared_event **ret_events)
{
	uint64_t count;
	ssize_t got = read(s->event_fd, &count, sizeof count);

	(void)got;             /* nonblocking: nothing there is no failure */
	pthread_mutex_lock(&s->mutex);
	bool ended = s->ended;
	*ret_live = s->live;
	*ret_events = s->first;
	s->first = NULL;
	s->last = &s->first;
	pthread_mutex_unlock(&s->mutex);
	return ended;
}
