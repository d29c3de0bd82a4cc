/* watch.c - signals, inbox, live page, log and events: what must go on while a batch takes long. */
#include "train/watch.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "convtui/machine.h"

#define PAGE_SECONDS 0.1          /* at most ten pages a second */
#define HEARTBEAT_SECONDS 1.0     /* and one when nothing happens, so that followers see a sign of life */
#define LOOK_SECONDS 1.0          /* inotify does not see commands from other hosts */

static sigset_t caught(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return set;
}

int cvt_watch_init(struct cvt_watch *watch, struct cvt_error *err)
{
	char inbox[1100];
	sigset_t all, some = caught();
	int rc = cvt_path_join(inbox, sizeof inbox, cvt_writer_folder(watch->writer), "inbox", err);

	watch->signals = watch->inbox = -1;
	if (rc < 0)
		return rc;
	if (watch->options->catch_signals) {
		watch->signals = signalfd(-1, &some, SFD_CLOEXEC | SFD_NONBLOCK);
		if (watch->signals < 0)
			return cvt_fail_errno(err, errno, "cannot make a signal descriptor");
	}
	/* Without inotify (its limits are per user) the look once a second does. */
	watch->inbox = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->inbox >= 0 && inotify_add_watch(watch->inbox, inbox, IN_MOVED_TO | IN_CREATE) < 0) {
		close(watch->inbox);
		watch->inbox = -1;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &watch->old_mask);
	return CVT_OK;
}

void cvt_watch_obey(const struct cvt_watch *watch)
{
	sigset_t keys;

	sigemptyset(&keys);
	sigaddset(&keys, SIGTSTP);
	sigaddset(&keys, SIGQUIT);
	if (watch->options->catch_signals)
		pthread_sigmask(SIG_UNBLOCK, &keys, NULL);
}

void cvt_watch_finish(struct cvt_watch *watch)
{
	if (watch->signals >= 0)
		close(watch->signals);
	if (watch->inbox >= 0)
		close(watch->inbox);
	pthread_sigmask(SIG_SETMASK, &watch->old_mask, NULL);
}

static void tell(struct cvt_watch *watch, const struct cvt_runner_event *event)
{
	struct cvt_error ignored;
	char line[1200], val[32] = "none";

	switch (event->kind) {
	case CVT_RUNNER_EPOCH:
		if (!isnan(event->epoch->val_accuracy))
			snprintf(val, sizeof val, "%.3f%%", event->epoch->val_accuracy);
		snprintf(line, sizeof line, "epoch %d: loss %.6f, train %.3f%%, val %s, %.1f s", event->epoch->epoch, event->epoch->loss,
			event->epoch->train_accuracy, val, event->epoch->seconds);
		break;
	case CVT_RUNNER_PREPARED:
		snprintf(line, sizeof line, "%s: %lld parameters, %d pictures to train on, %d to validate, %d thread%s", event->live->network,
			(long long)event->live->parameters, event->live->train_images, event->live->val_images, event->live->threads,
			event->live->threads == 1 ? "" : "s");
		break;
	default:
		snprintf(line, sizeof line, "%s", event->text);
	}
	/* The log is a convenience: a full disk must not stop what it would have told of. */
	(void)!cvt_writer_log(watch->writer, line, &ignored);
	if (watch->options->event)
		watch->options->event(watch->options->context, event);
}

static void say(struct cvt_watch *watch, const char *text)
{
	tell(watch, &(struct cvt_runner_event){.kind = CVT_RUNNER_NOTE, .live = &watch->live, .text = text});
}

static void tell_all(struct cvt_watch *watch, struct cvt_shared_event *events)
{
	while (events) {
		struct cvt_shared_event *next = events->next;

		tell(watch, &(struct cvt_runner_event){.kind = events->kind, .live = &events->live, .epoch = &events->epoch,
			.text = events->text});
		free(events);
		events = next;
	}
}

static void write_page(struct cvt_watch *watch, struct cvt_live *live, bool must)
{
	double now = cvt_clock_monotonic();
	struct cvt_error why;
	bool changed;

	/* Our own fields first, so that the comparison sees only what the trainer changed. */
	live->updated = watch->live.updated;
	live->peak_bytes = watch->live.peak_bytes;
	changed = memcmp(live, &watch->live, sizeof *live) != 0;
	if (!must && now - watch->page_time < (changed ? PAGE_SECONDS : HEARTBEAT_SECONDS))
		return;
	live->updated = cvt_clock_wall();
	live->peak_bytes = cvt_machine_peak_bytes();
	watch->live = *live;
	watch->page_time = now;
	if (cvt_writer_live(watch->writer, live, &why) < 0 && !watch->page_failed) {
		watch->page_failed = true;
		say(watch, why.message);
	}
}

/* The default action of the signal, now: the person has asked twice. The last checkpoint stands. */
static void end_at_once(int number)
{
	sigset_t one;

	signal(number, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, number);
	raise(number);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
}

static void ask_stop(struct cvt_watch *watch)
{
	watch->asked = true;
	cvt_shared_ask_stop(watch->shared);
}

static void take_signals(struct cvt_watch *watch)
{
	struct signalfd_siginfo info;

	while (watch->signals >= 0 && read(watch->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		switch (info.ssi_signo) {
		case SIGHUP:
			say(watch, "the terminal is gone: training goes on");
			break;
		case SIGINT:
			if (watch->interrupts++ > 0)
				end_at_once(SIGINT);
			say(watch, "stopping: the batch is finished and saved; interrupt again to end at once");
			ask_stop(watch);
			break;
		default:
			say(watch, "asked to end: the batch is finished and saved");
			ask_stop(watch);
		}
	}
}

/* Files that are open take rows although nobody will ever read them: a run without a folder, or whose name another folder has, ends, also one that is
 * paused. So does one whose lock was removed, while nobody else can have its rows open yet. */
static void look_for_folder(struct cvt_watch *watch)
{
	char text[900];
	struct cvt_error why;
	int rc = watch->gone ? CVT_OK : cvt_writer_check(watch->writer, &why);

	if (rc != CVT_ERR_NOT_FOUND && rc != CVT_ERR_BUSY)
		return;
	watch->gone = true;
	snprintf(text, sizeof text, "%s: training ends", rc == CVT_ERR_NOT_FOUND ? "the run's folder is gone" : why.message);
	say(watch, text);
	cvt_shared_ask_stop(watch->shared);
}

static void look(struct cvt_watch *watch)
{
	char events[4096];
	double now = cvt_clock_monotonic();
	bool seen = false;

	while (watch->inbox >= 0 && read(watch->inbox, events, sizeof events) > 0)
		seen = true;
	if (!seen && now - watch->look_time < LOOK_SECONDS)
		return;
	watch->look_time = now;
	look_for_folder(watch);
	/* What is in the inbox of another folder is not for this run. */
	if (!watch->gone)
		cvt_shared_ask_look(watch->shared);
}

bool cvt_watch_round(struct cvt_watch *watch)
{
	struct pollfd fds[] = {{watch->shared->event_fd, POLLIN, 0}, {watch->signals, POLLIN, 0}, {watch->inbox, POLLIN, 0}};
	struct cvt_shared_event *events;
	struct cvt_live live;
	bool ended;

	/* A descriptor of -1 is passed over; a failed poll (no memory) only makes this round early. */
	(void)!poll(fds, sizeof fds / sizeof fds[0], (int)(PAGE_SECONDS * 1000));
	take_signals(watch);
	if (watch->options->stop && *watch->options->stop)
		ask_stop(watch);
	look(watch);
	ended = cvt_shared_take(watch->shared, &live, &events);
	write_page(watch, &live, ended);
	tell_all(watch, events);
	return ended;
}
