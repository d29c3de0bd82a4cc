/* session.h - follows one run: the rows, the live page, the commands and the log of a run folder, as they grow.
 *
 * Serves alike the run this program started, one on another terminal, one on another host over a shared file system,
 * and one that ended last year. Reads only. One thread at a time. Implemented in src/store. */
#ifndef CONVTUI_SESSION_H
#define CONVTUI_SESSION_H

#include "convtui/store.h"

/* Accuracies in per cent; unknown (no validation part) is NaN. */
struct cvt_batch_row { int64_t batch; int epoch, images, correct; double loss, lr, seconds; };   /* batch from 0, epoch from 1 */
struct cvt_epoch_row { int epoch; double loss, train_accuracy, val_loss, val_accuracy, lr, seconds; };  /* epoch from 1 */
struct cvt_command_row { int64_t batch; char id[24], name[24], value[64]; double time; };  /* took effect before this batch */

struct cvt_session {                     /* read these; owned by the session, valid until the next poll */
	struct cvt_run run;                  /* name, folder, live page, lock */
	int64_t n_batches; const struct cvt_batch_row *batches;
	int n_epochs;      const struct cvt_epoch_row *epochs;
	int n_commands;    const struct cvt_command_row *commands;
	int n_log;         const char *const *log;      /* the last lines of log.txt, at most 500, cleaned of control characters */
	bool no_sign_of_life;                /* the page has not changed for max(30 s, 5 median batches) by this reader's clock */
	bool behind;                         /* more rows wait: poll again soon */
	int64_t bad_lines;                   /* lines of the CSV files that are no rows, passed over: somebody wrote into them */
	unsigned generation;                 /* grows whenever anything above changed */
};

CVT_NODISCARD int cvt_session_open(const char *folder, struct cvt_session **ret_session, struct cvt_error *err);
void cvt_session_close(struct cvt_session *session);
/* A file descriptor that polls readable when the folder changed (inotify), or -1. Poll at least once a second beside it. */
int cvt_session_fd(const struct cvt_session *session);
/* Reads what is new, at most about 5 ms worth; returns 1 when something changed, 0 when not, negative on failure (the folder is
 * gone: CVT_ERR_NOT_FOUND). A last line without newline does not exist. Rows that a resumed runner truncated are dropped again. */
CVT_NODISCARD int cvt_session_poll(struct cvt_session *session, struct cvt_error *err);

#endif
