/* cli.h - what every subcommand shares: its row in the table, its arguments, its errors and exit codes, JSON lines. */
#ifndef CVT_UI_CLI_H
#define CVT_UI_CLI_H

#include <jansson.h>
#include <stdbool.h>

#include "convtui/config.h"
#include "convtui/store.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_STOPPED = 3 };

/* A flag that is not a row of the option table: --json, --to FORMAT. */
struct cli_flag {
	const char *name;            /* "to", without dashes */
	const char *value_name;      /* "FORMAT"; NULL: takes no value */
	const char *help;
};
struct cli_command {
	const char *name;            /* "train" */
	const char *arguments;       /* "[PRESET] [OPTIONS]" */
	const char *help;            /* one line */
	const char *example;         /* "convtui train quick --epochs 3" */
	bool takes_options;          /* rows of the option table are its flags too */
	bool resumes;                /* of them, only those that may differ on resume are listed */
	bool text_only;              /* it prints no JSON */
	const struct cli_flag *flags;    /* ends in a row with a NULL name; NULL: none. --runs DIR, --json (but for text_only) and --help are everybody's */
	int min_positional, max_positional;   /* max -1: any number */
	int (*run)(const struct cli_command *command, int argc, char **argv);   /* argv[0] is the command's name */
};
extern const struct cli_command *const cli_commands[];   /* commands.c: the table, where a new command adds its lines; NULL-terminated */

struct cli_args {
	const char **positional; int n_positional;
	const char *options[64];     /* by row of cvt_options(): the text given, NULL where none was */
	const char *flags[16];       /* by row of command->flags: the value, "" for one without, NULL where not given */
	const char *runs;            /* --runs DIR or NULL */
	bool json;
};
/* Reads flags in any order, `--name value` or `--name=value`, `--` ends them. Returns CLI_DONE, or CLI_USAGE after one line on stderr (with the
 * nearest flag's name), or -1 after --help was printed (exit 0). Free with cli_args_finish. */
int cli_parse(const struct cli_command *command, int argc, char **argv, struct cli_args *ret_args);
void cli_args_finish(struct cli_args *args);
/* From now on errors name these flags; cli_parse says it. */
void cli_flags_given(const struct cli_args *args);

/* `convtui: MESSAGE` on stderr, with file, line and column where the error has them; returns CLI_FAILED. */
int cli_fail(const struct cvt_error *err);
/* The same for wrong usage; returns CLI_USAGE. */
int cli_wrong(const char *format, ...) CVT_PRINTF(1, 2);

/* Preset (positional `preset`, may be NULL), then the flags over it, resolved and checked. One configuration; a list or range is an error. */
int cli_config(const struct cli_args *args, const char *preset, struct cvt_config *ret_config);   /* CLI_DONE or an exit code, said */
/* cli_fail for what cvt_describe finds, with the place in the preset (may be NULL) where the value stands, or the flag that it does not go with. */
int cli_network_failed(const char *preset, const struct cvt_config *config, struct cvt_error *err);
int cli_config_failed(const struct cvt_error *err);                                               /* says it; the exit code */
int cli_store(const struct cli_args *args, char *path, size_t size);                              /* the run store */
int cli_run(const struct cli_args *args, const char *name, struct cvt_run *ret_run);              /* cvt_store_find, said */

/* Prints one JSON object as a line, flushes, and takes over the reference. NaN and infinity never reach it: use cli_json_real. */
int cli_json(json_t *object);
json_t *cli_json_real(double value);         /* null for NaN */
json_t *cli_json_text(const char *text);     /* invalid UTF-8 and control characters replaced; null for NULL */

/* The word most like `word` among commands, for "did you mean"; NULL: none is near. */
const char *cli_nearest_command(const char *word);
const struct cli_command *cli_find(const char *name);
/* --help of a command, and of the program, on stdout. */
void cli_help(const struct cli_command *command);
void cli_usage(void);
/* Dispatches argv[1..]; argv[1] is a command's name. */
int cli_main(const struct cli_command *command, int argc, char **argv);
/* Flushes stdout. CLI_DONE, or CLI_FAILED when something could not be written (said, unless the reader of a pipe just left). */
int cli_flush(void);

#endif
