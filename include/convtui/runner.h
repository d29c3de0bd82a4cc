/* runner.h - trains one run folder in this process: for `convtui train` and `convtui resume` only.
 *
 * The calling thread becomes the runner's main thread (inbox, signals, lock, live page); the training is a thread beside
 * it, and a compute pool. Implemented in src/train. */
#ifndef CONVTUI_RUNNER_H
#define CONVTUI_RUNNER_H

#include "convtui/config.h"
#include "convtui/session.h"

enum cvt_runner_event_kind { CVT_RUNNER_PREPARED, CVT_RUNNER_EPOCH, CVT_RUNNER_NOTE, CVT_RUNNER_COMMAND };
struct cvt_runner_event {
	enum cvt_runner_event_kind kind;
	const struct cvt_live *live;             /* always */
	const struct cvt_epoch_row *epoch;       /* EPOCH */
	const char *text;                        /* NOTE: one line, a warning or what a signal did; COMMAND: what took effect */
};
struct cvt_runner_options {
	/* Called on the main thread, never on the trainer's: a slow terminal holds up no batch. May be NULL. */
	void (*event)(void *context, const struct cvt_runner_event *event);
	void *context;
	bool catch_signals;      /* TERM: finish the batch, checkpoint, leave. INT: the same, said at once; a second INT ends at
	                          * once. HUP: ignored. Off for a runner inside a front end (--in-process). */
	bool take_queued_only;   /* `work`: CVT_ERR_BUSY unless the run is still queued or crashed once the lock is held */
	const struct cvt_config *changes;   /* NULL, or resumable options that differ from config.yaml: only rows in ->set count */
	volatile int *stop;      /* NULL, or: nonzero asks for what TERM does */
};
struct cvt_runner_result {
	enum cvt_state state;
	char reason[256];
	struct cvt_live live;
	bool left;               /* it could not even be gone on with: reason; the run is as it was before, and live that */
	bool asked;              /* a signal or *stop asked for the end: `work` ends too; a stop command is the run's alone */
};

/* Trains until done, stopped, diverged, failed. CVT_OK also when the run ended as failed or diverged (see state); an error when it could
 * not be a runner at all: busy (another runner has it), folder not a run, read-only. */
CVT_NODISCARD int cvt_runner_run(const char *folder, const struct cvt_runner_options *options,
	struct cvt_runner_result *ret_result, struct cvt_error *err);

#endif
