/* watch.h - the runner's main thread while the training runs: signals, inbox, live page, log, events. All calls [M]. */
#ifndef CVT_TRAIN_WATCH_H
#define CVT_TRAIN_WATCH_H

#include <signal.h>

#include "store/writer.h"
#include "train/shared.h"

struct cvt_watch {
	struct cvt_writer *writer;
	struct cvt_shared *shared;
	const struct cvt_runner_options *options;
	int signals, inbox;                /* descriptors; -1: none */
	sigset_t old_mask;
	int interrupts;                    /* how often SIGINT came */
	bool asked;                        /* a signal or *options->stop asked for the end */
	double page_time, look_time;       /* monotonic: when last written, last looked */
	struct cvt_live live;              /* as last written */
	bool page_failed, gone;            /* said once: no page can be written; the run is not there any more, or not ours */
};

/* From here on signals come as bytes of a descriptor; every thread started later has them all blocked. */
CVT_NODISCARD int cvt_watch_init(struct cvt_watch *watch, struct cvt_error *err);
/* Once the other threads are started: this one lets ^Z stop the process and ^\ end it, where catch_signals makes it the terminal's. */
void cvt_watch_obey(const struct cvt_watch *watch);
/* Unblocks what init blocked. */
void cvt_watch_finish(struct cvt_watch *watch);
/* One round: sleeps until something is to do, at most a tenth of a second. True when the trainer has ended, and its last page is written. */
bool cvt_watch_round(struct cvt_watch *watch);

#endif
