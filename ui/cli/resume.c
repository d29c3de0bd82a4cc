/* resume.c - `convtui resume RUN`: goes on from the newest checkpoint, or begins a queued run. The dashboard starts runs with it. */
#include "cli/train.h"

/* Only what was given: a default is no wish to change anything. */
static int read_changes(const struct cli_args *args, struct cvt_config *changes)
{
	struct cvt_error err;
	int n;
	const struct cvt_option *rows = cvt_options(&n);

	cvt_config_init(changes);
	for (int i = 0; i < n; i++)
		if (args->options[i] && cvt_config_set(changes, &rows[i], args->options[i], &err) < 0) {
			cli_fail(&err);
			return CLI_USAGE;
		}
	return CLI_DONE;
}

static const struct cli_flag flags[] = {
	{"quiet", NULL, "no notes on standard error: the run's log has them"},
	{NULL},
};

static int resume(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	struct cvt_config changes;
	struct cvt_run run;
	int rc = cli_parse(command, argc, argv, &args);

	if (rc != CLI_DONE)
		return rc < 0 ? CLI_DONE : rc;
	rc = read_changes(&args, &changes);
	if (rc == CLI_DONE)
		rc = cli_run(&args, args.positional[0], &run);
	if (rc == CLI_DONE)
		rc = cli_train_run(run.folder, &(struct cli_train_options){.changes = &changes, .json = args.json, .quiet = args.flags[0] != NULL}, NULL, NULL);
	cli_args_finish(&args);
	return rc;
}

const struct cli_command cli_resume_command = {.name = "resume", .arguments = "RUN [OPTIONS]",
	.help = "go on from the newest checkpoint, bit for bit", .example = "convtui resume last --epochs 30", .takes_options = true, .resumes = true,
	.flags = flags, .min_positional = 1, .max_positional = 1, .run = resume};
