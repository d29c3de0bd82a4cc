/* train.h - training in this process, with a line an epoch: what train, resume and work have in common. */
#ifndef CVT_UI_CLI_TRAIN_H
#define CVT_UI_CLI_TRAIN_H

#include "cli/cli.h"

struct cli_train_options {
	const struct cvt_config *changes;    /* resume: NULL or what differs, rows in ->set */
	bool queued_only;                    /* work: only a run that is its to take */
	bool json;
	bool quiet;                          /* notes and commands go to the run's log only */
};
/* Trains the run of `folder` until its end and says all about it. CLI_DONE, CLI_FAILED, CLI_STOPPED. ret_asked (may be NULL): a signal asked for
 * the end. ret_taken (with queued_only): false when the run could not be begun, or was not ours to take; of the latter nothing is said. */
int cli_train_run(const char *folder, const struct cli_train_options *options, bool *ret_asked, bool *ret_taken);

#endif
