/* launch.h - creates a queued run and starts its runner as a process that outlives this one. */
#ifndef UI_LAUNCH_H
#define UI_LAUNCH_H

#include "convtui/config.h"
#include "convtui/store.h"

/* data, val and init as full paths; an error names one that is not there. */
CVT_NODISCARD int launch_paths(struct cvt_config *config, struct cvt_error *err);
/* A queued run of the resolved configuration, for data of n_classes: checked, data and val as full paths, and the weights it starts from in its own
 * folder, so that it can be resumed and repeated whatever becomes of init. The dashboard, train and queue all make their runs here. */
CVT_NODISCARD int launch_create(const char *store, const struct cvt_config *config, int n_classes, struct cvt_run *ret_run,
	struct cvt_error *err);
/* `convtui resume FOLDER` in a session of its own: no terminal, no signal of ours reaches it. What it prints goes to the run's log.txt. */
CVT_NODISCARD int launch_runner(const char *folder, struct cvt_error *err);
/* `convtui work --after FOLDER RUN`, the same way: the queued run is trained when the one in the folder `after` has ended, with or without a
 * screen. Where that is queued itself, after that one's end. */
CVT_NODISCARD int launch_after(const char *store, const struct cvt_run *run, const char *after, struct cvt_error *err);
/* Takes leave of runners that ended, without waiting. Returns how many ended with an exit code that tells of a failure. */
int launch_reap(void);
/* Is a runner that this process started still there, although its run may not say so yet? */
bool launch_any(void);

#endif
