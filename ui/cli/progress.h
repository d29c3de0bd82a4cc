/* progress.h - how far a data folder is listed and prepared, for a person at a terminal. */
#ifndef CVT_UI_CLI_PROGRESS_H
#define CVT_UI_CLI_PROGRESS_H

#include <signal.h>

#include "convtui/dataset.h"

struct cli_progress {
	const volatile sig_atomic_t *stop;
	double start;                /* monotonic */
	bool terminal, shown;
};

/* stop: set by a signal, ends what goes on; NULL: signals have their default end. */
void cli_progress_start(struct cli_progress *progress, const volatile sig_atomic_t *stop);
/* The step of a struct cvt_dataset_progress; context: a struct cli_progress. */
bool cli_progress_step(void *context, int done, int total, int bad, const char *what);
/* Takes the line away. */
void cli_progress_end(struct cli_progress *progress);
/* cvt_dataset_count_classes with such a line. */
CVT_NODISCARD int cli_count_classes(const char *data, int *ret_n, int *ret_pictures, struct cvt_error *err);

#endif
