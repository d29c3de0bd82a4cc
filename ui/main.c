/* main.c - the program: which command was asked for. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "cli/cli.h"
#include "convtui/machine.h"
#include "program.h"

/* A descriptor 0, 1 or 2 that came closed would be given to the next file opened, and prints would land in it. What
 * takes its place can be neither read nor written, as a closed one. */
static bool open_standard_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			return false;
	return true;
}

static const struct cli_flag dashboard_flags[] = {
	{"start", "PRESET", "train this at once when no run is alive"},
	{"charset", "WORD", "braille, blocks or ascii, instead of what the terminal can show"},
	{NULL},
};
/* Not in the table of commands: its name is no name at all. */
static const struct cli_command dashboard = {
	.name = "", .arguments = "[RUN]", .help = "the dashboard; with RUN (a name, a unique part of one, or last), attached to it",
	.example = "convtui last", .flags = dashboard_flags, .text_only = true, .max_positional = 1,
};

static int no_such_word(const char *word)
{
	const char *near = cli_nearest_command(word);
	if (near)
		return cli_wrong("no command or run '%s': did you mean %s?", word, near);
	return cli_wrong("no command or run '%s': %s help lists the commands, %s runs the runs", word, program_name(), program_name());
}

/* A word that is neither command nor run is said before the screen starts. */
static int open_dashboard(int argc, char **argv)
{
	struct cli_args args;
	struct cvt_run run;
	struct cvt_config config;
	struct cvt_error err;
	char store[1024];
	int status = cli_parse(&dashboard, argc, argv, &args);
	if (status != CLI_DONE)
		return status < 0 ? cli_flush() : status;
	cvt_config_init(&config);
	struct app_options options = {.runs = args.runs, .start_preset = args.flags[0], .charset = args.flags[1]};
	if (args.n_positional) {
		status = cli_store(&args, store, sizeof store);
		int found = status == CLI_DONE ? cvt_store_find(store, args.positional[0], &run, &err) : CVT_OK;
		/* An ambiguous part of a name, or a damaged store, has its own line. */
		if (found == CVT_ERR_NOT_FOUND)
			status = no_such_word(args.positional[0]);
		else if (found != CVT_OK)
			status = cli_fail(&err);
		options.run = run.folder;   /* not its name: a path may lead out of the store */
	}
	/* Nor may a preset that cannot be read be said on a screen that hides it after some seconds. */
	if (status == CLI_DONE && options.start_preset && cvt_config_load_preset(&config, options.start_preset, &err) != CVT_OK)
		status = cli_fail(&err);
	if (status == CLI_DONE)
		status = app_main(argc, argv, &options);
	cli_args_finish(&args);
	return status;
}

int main(int argc, char **argv)
{
	if (!open_standard_descriptors())
		return CLI_FAILED;
	cvt_machine_prepare(argv);
	program_started_as(argc > 0 ? argv[0] : NULL);
	prctl(PR_SET_NAME, "convtui");   /* a runner was started as /proc/self/exe: top would show "exe" */
	setlocale(LC_CTYPE, "");   /* only this: numbers are written the same everywhere */
	signal(SIGPIPE, SIG_IGN);  /* a reader that leaves must not end a training; writes fail instead */
	signal(SIGXFSZ, SIG_IGN);  /* nor may a limit on the size of files: EFBIG has a line, as a full disk has */
	umask(077);
	const char *word = argc > 1 ? argv[1] : "";
	if (!strcmp(word, "--version")) {
		puts("convtui " CVT_VERSION);
		return cli_flush();
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
		cli_usage();
		return cli_flush();
	}
	const struct cli_command *command = cli_find(word);
	return command ? cli_main(command, argc, argv) : open_dashboard(argc, argv);
}
