/* work.c - `convtui work`: trains queued runs, oldest first, until none is left. Several may run, here or on other hosts: a run's lock
 * says whose it is. */
#include <stdlib.h>

#include "cli/train.h"

static bool may_take(const struct cvt_run *run)
{
	return !run->locked && (run->live.state == CVT_STATE_QUEUED || run->live.state == CVT_STATE_CRASHED);
}

/* The oldest run that can be taken is trained. *ret_taken: there was one. One that cannot even be begun (its folder is another user's, or
 * damaged) is said, and does not keep those behind it. */
static int work_once(const char *store, bool json, bool *ret_asked, bool *ret_taken)
{
	struct cvt_run *runs;
	struct cvt_error err;
	int n, worst = CLI_DONE;

	*ret_asked = *ret_taken = false;
	if (cvt_store_list(store, &runs, &n, &err) < 0)
		return cli_fail(&err);
	for (int i = 0; i < n && !*ret_taken; i++)
		if (may_take(&runs[i])) {
			int code = cli_train_run(runs[i].folder, &(struct cli_train_options){.queued_only = true, .json = json}, ret_asked, ret_taken);

			worst = code == CLI_FAILED ? CLI_FAILED : worst;
		}
	free(runs);
	return worst;
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
	while (rc != CLI_FAILED && taken && !asked) {
		int code = work_once(store, args.json, &asked, &taken);

		worst = code == CLI_FAILED ? CLI_FAILED : worst;
	}
	cli_args_finish(&args);
	return rc != CLI_DONE ? rc : asked ? CLI_STOPPED : worst;
}

const struct cli_command cli_work_command = {.name = "work", .arguments = "", .help = "train queued runs until none is left",
	.example = "convtui work", .min_positional = 0, .max_positional = 0, .run = work};
