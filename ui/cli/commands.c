/* commands.c - the table of subcommands. A new one: its row is defined in its own file, and gets two lines here. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "program.h"

extern const struct cli_command cli_train_command;
extern const struct cli_command cli_queue_command;
extern const struct cli_command cli_work_command;
extern const struct cli_command cli_resume_command;
extern const struct cli_command cli_steer_command;
extern const struct cli_command cli_runs_command;
extern const struct cli_command cli_show_command;
extern const struct cli_command cli_summary_command;
extern const struct cli_command cli_describe_command;
extern const struct cli_command cli_data_command;
extern const struct cli_command cli_predict_command;
extern const struct cli_command cli_evaluate_command;
extern const struct cli_command cli_export_command;
extern const struct cli_command cli_rm_command;
extern const struct cli_command cli_bench_command;
extern const struct cli_command cli_explain_command;
extern const struct cli_command cli_doctor_command;
extern const struct cli_command cli_screen_command;
extern const struct cli_command cli_help_command;

const struct cli_command *const cli_commands[] = {
	&cli_train_command,
	&cli_queue_command,
	&cli_work_command,
	&cli_resume_command,
	&cli_steer_command,
	&cli_runs_command,
	&cli_show_command,
	&cli_summary_command,
	&cli_describe_command,
	&cli_data_command,
	&cli_predict_command,
	&cli_evaluate_command,
	&cli_export_command,
	&cli_rm_command,
	&cli_bench_command,
	&cli_explain_command,
	&cli_doctor_command,
	&cli_screen_command,
	&cli_help_command,
	NULL,
};

const struct cli_command *cli_find(const char *name)
{
	for (int i = 0; cli_commands[i]; i++)
		if (!strcmp(cli_commands[i]->name, name))
			return cli_commands[i];
	return NULL;
}

const char *cli_nearest_command(const char *word)
{
	const char *names[64];
	int n = 0;
	for (; cli_commands[n] && n < 64; n++)
		names[n] = cli_commands[n]->name;
	return cvt_nearest(word, names, n);
}

void cli_usage(void)
{
	puts("convtui: design, train, watch and steer convolutional image classifiers in the terminal\n");
	printf("  %-36s %s\n", "convtui [RUN]", "the dashboard; with RUN (or last), attached to it");
	for (int i = 0; cli_commands[i]; i++) {
		char left[64];
		snprintf(left, sizeof left, "convtui %s %s", cli_commands[i]->name, cli_commands[i]->arguments);
		printf("  %-36s %s\n", left, cli_commands[i]->help);
	}
	puts("\nconvtui COMMAND --help says more; convtui --version");
}

int cli_main(const struct cli_command *command, int argc, char **argv)
{
	int status = command->run(command, argc - 1, argv + 1);
	int flushed = cli_flush();
	return status == CLI_DONE ? flushed : status;
}

static int run_help(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	int status = cli_parse(command, argc, argv, &args);
	if (status != CLI_DONE)
		return status < 0 ? CLI_DONE : status;
	if (args.n_positional == 0) {
		cli_usage();
	} else {
		const struct cli_command *about = cli_find(args.positional[0]);
		const char *near = cli_nearest_command(args.positional[0]);
		if (about)
			cli_help(about);
		else if (near)
			status = cli_wrong("help: no command '%s': did you mean %s?", args.positional[0], near);
		else
			status = cli_wrong("help: no command '%s': %s help lists them", args.positional[0], program_name());
	}
	cli_args_finish(&args);
	return status;
}

const struct cli_command cli_help_command = {
	.name = "help", .arguments = "[COMMAND]", .help = "what the commands are, and what one does", .example = "convtui help train",
	.text_only = true, .max_positional = 1, .run = run_help,
};
