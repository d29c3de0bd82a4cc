/* main.c - the program: which command was asked for. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>

#include "cli/cli.h"
#include "convtui/machine.h"

/* A descriptor 0, 1 or 2 that came closed would be given to the next file opened, and prints would land in it. What
 * takes its place can be neither read nor written, as a closed one. */
static bool open_standard_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			return false;
	return true;
}

static int no_such_command(const char *word)
{
	const char *near = cli_nearest_command(word);
	if (near)
		return cli_wrong("no command '%s': did you mean %s?", word, near);
	return cli_wrong("no command '%s': convtui help lists them", word);
}

int main(int argc, char **argv)
{
	if (!open_standard_descriptors())
		return CLI_FAILED;
	cvt_machine_prepare(argv);
	setlocale(LC_CTYPE, "");   /* only this: numbers are written the same everywhere */
	signal(SIGPIPE, SIG_IGN);  /* a reader that leaves must not end a training; writes fail instead */
	umask(077);
	const char *word = argc > 1 ? argv[1] : "--help";
	if (!strcmp(word, "--version")) {
		puts("convtui " CVT_VERSION);
		return cli_flush();
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
		cli_usage();
		return cli_flush();
	}
	const struct cli_command *command = cli_find(word);
	return command ? cli_main(command, argc, argv) : no_such_command(word);
}
