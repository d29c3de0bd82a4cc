/* screen.c - convtui screen: the dashboard as text. */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "cli/cli.h"
#include "widgets/grid.h"

enum { FLAG_SIZE, FLAG_KEYS, FLAG_CHARSET, FLAG_MEANINGS };
static const struct cli_flag flags[] = {
	{"size", "WxH", "columns and rows (120x40)"},
	{"keys", "KEYS", "keys in order, blanks between them: Down Enter type:x+1 sleep:0.5"},
	{"charset", "NAME", "braille, blocks or ascii; by the locale where not given"},
	{"meanings", NULL, "a letter for what each cell means instead of its sign"},
	{0},
};

static int run(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	int width = 120, height = 40, status = cli_parse(command, argc, argv, &args);
	char rest;
	if (status != CLI_DONE) {
		return status < 0 ? CLI_DONE : status;
	}
	if (args.flags[FLAG_SIZE] && (sscanf(args.flags[FLAG_SIZE], "%4dx%4d%c", &width, &height, &rest) != 2 || width < 1 || height < 1 ||
		width > GRID_MAX || height > GRID_MAX)) {
		status = cli_wrong("--size '%s': must be WIDTHxHEIGHT, each 1 to %d", args.flags[FLAG_SIZE], GRID_MAX);
	} else {
		struct app_options options = {.runs = args.runs, .run = args.n_positional ? args.positional[0] : NULL, .charset = args.flags[FLAG_CHARSET]};
		status = app_screen(&options, width, height, args.flags[FLAG_KEYS], args.flags[FLAG_MEANINGS] != NULL);
	}
	cli_args_finish(&args);
	return status;
}

const struct cli_command cli_screen_command = {
	.name = "screen", .arguments = "[RUN] [--size 120x40]", .help = "the dashboard as text, after --keys '...'",
	.example = "convtui screen last --size 80x24 --keys 'Tab Tab'", .flags = flags, .text_only = true, .max_positional = 1, .run = run,
};
