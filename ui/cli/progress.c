/* progress.c - how far a data folder is listed and prepared: a line on stderr that is written over, where that is a terminal. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/progress.h"

static const double patience = 1;   /* seconds: what is done before needs no line */

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void cli_progress_start(struct cli_progress *progress, const volatile sig_atomic_t *stop)
{
	*progress = (struct cli_progress){.stop = stop, .start = now(), .terminal = isatty(STDERR_FILENO) != 0};
}

bool cli_progress_step(void *context, int done, int total, int bad, const char *what)
{
	struct cli_progress *progress = context;
	if (progress->terminal && now() - progress->start >= patience) {
		fprintf(stderr, "\r%s: %d", what, done);
		if (total > 0)
			fprintf(stderr, " of %d", total);
		fprintf(stderr, "%s%s\033[K", total > 0 ? "" : " pictures so far", bad ? ", some bad" : "");
		progress->shown = true;
	}
	return !progress->stop || !*progress->stop;
}

void cli_progress_end(struct cli_progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}

int cli_count_classes(const char *data, int *ret_n, int *ret_pictures, struct cvt_error *err)
{
	struct cli_progress progress;
	const struct cvt_dataset_progress watch = {cli_progress_step, &progress};
	cli_progress_start(&progress, NULL);
	int status = cvt_dataset_count_classes(data, &watch, ret_n, ret_pictures, err);
	cli_progress_end(&progress);
	return status;
}
