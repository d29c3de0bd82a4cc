/* work.c - `convtui work`: trains queued runs, oldest first, until none is left. Several may run, here or on other hosts: a run's lock
 * says whose it is. The dashboard starts a run that shall begin after another with it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/train.h"

static const struct cli_flag flags[] = {
	{"after", "RUN", "begin when this run has ended"},
	{"quiet", NULL, "no notes on standard error: the run's log has them"},
	{NULL},
};

static bool may_take(const struct cvt_run *run, const struct cli_args *only)
{
	bool wanted = only->n_positional == 0;

	for (int i = 0; i < only->n_positional; i++)
		wanted |= strcmp(only->positional[i], run->name) == 0;
	return wanted && !run->locked && (run->live.state == CVT_STATE_QUEUED || run->live.state == CVT_STATE_CRASHED);
}

/* The oldest run that can be taken is trained. *ret_taken: there was one. One that cannot even be begun (its folder is another user's, or
 * damaged) is said, and does not keep those behind it. */
static int work_once(const char *store, const struct cli_args *args, bool *ret_asked, bool *ret_taken)
{
	struct cvt_run *runs;
	struct cvt_error err;
	int n, worst = CLI_DONE;

	*ret_asked = *ret_taken = false;
	if (cvt_store_list(store, &runs, &n, &err) < 0)
		return cli_fail(&err);
	for (int i = 0; i < n && !*ret_taken; i++)
		if (may_take(&runs[i], args)) {
			const struct cli_train_options options = {.queued_only = true, .json = args->json, .quiet = args->flags[1] != NULL};
			int code = cli_train_run(runs[i].folder, &options, ret_asked, ret_taken);

			worst = code == CLI_FAILED ? CLI_FAILED : worst;
		}
	free(runs);
	return worst;
}

/* Waits for the end of a run: one that waits for its own start has not ended, one that is removed has. */
static int wait_for_end(const struct cli_args *args, const char *name)
{
	struct cvt_run run;
	struct timespec pause = {0, 500000000};
	char folder[sizeof run.folder];
	int rc = cli_run(args, name, &run);

	if (rc != CLI_DONE)
		return rc;
	memcpy(folder, run.folder, sizeof folder);
	while (cvt_run_read(folder, &run, NULL) == CVT_OK && (run.locked || cvt_state_alive(run.live.state) || run.live.state == CVT_STATE_QUEUED))
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	return CLI_DONE;
}

/* A name that fits no run is an error now, not a run that is never trained. */
static int check_names(const struct cli_args *args)
{
	struct cvt_run run;
	int rc = CLI_DONE;

	for (int i = 0; i < args->n_positional && rc == CLI_DONE; i++) {
		rc = cli_run(args, args->positional[i], &run);
		if (rc == CLI_DONE && strcmp(run.name, args->positional[i]) != 0)
			rc = cli_wrong("work: '%s' is a part of a name: %s is the whole", args->positional[i], run.name);
	}
	return rc;
}

static int work(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	char store[1024];
	bool asked = false, taken = true;
	int worst = CLI_DONE, rc = cli_parse(command, argc, argv, &args);

	if (rc != CLI_DONE)
		return rc < 0 ? CLI_DONE : rc;
	rc = cli_store(&args, store, sizeof store);
	if (rc == CLI_DONE)
		rc = check_names(&args);
	if (rc == CLI_DONE && args.flags[0])
		rc = wait_for_end(&args, args.flags[0]);
	while (rc == CLI_DONE && taken && !asked) {
		int code = work_once(store, &args, &asked, &taken);

		worst = code == CLI_FAILED ? CLI_FAILED : worst;
	}
	cli_args_finish(&args);
	return rc != CLI_DONE ? rc : asked ? CLI_STOPPED : worst;
}

const struct cli_command cli_work_command = {.name = "work", .arguments = "[RUN...]",
	.help = "train queued runs, all or these, until none is left", .example = "convtui work", .flags = flags, .min_positional = 0,
	.max_positional = -1, .run = work};
