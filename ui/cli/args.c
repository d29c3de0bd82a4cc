/* args.c - reads a subcommand's arguments: flags of its own, rows of the option table, positional words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "convtui/text.h"
#include "program.h"

static const struct cli_flag common[] = {
	{"runs", "DIR", "the run store, instead of $CONVTUI_RUNS"},
	{"json", NULL, "one JSON object a line"},
	{"help", NULL, "this text"},
};
enum { RUNS, JSON, HELP, N_COMMON };

struct reading {
	const struct cli_command *command;
	struct cli_args *args;
	const struct cvt_option *table; int n_options;
	bool help;
};

/* --json is not for a command whose output is text by nature. */
static bool takes_common(const struct cli_command *command, int which)
{
	return which != JSON || !command->text_only;
}

/* Where the value of a flag goes; *ret_takes: does it take one? NULL: no such flag. */
static const char **find_flag(struct reading *r, const char *name, size_t length, bool *ret_takes, int *ret_common)
{
	*ret_common = -1;
	for (int i = 0; r->command->flags && r->command->flags[i].name; i++) {
		const struct cli_flag *flag = &r->command->flags[i];
		if (strlen(flag->name) == length && !strncmp(flag->name, name, length)) {
			*ret_takes = flag->value_name;
			return &r->args->flags[i];
		}
	}
	for (int i = 0; i < N_COMMON; i++) {
		static const char *unused;
		if (takes_common(r->command, i) && strlen(common[i].name) == length && !strncmp(common[i].name, name, length)) {
			*ret_takes = common[i].value_name;
			*ret_common = i;
			return i == RUNS ? &r->args->runs : &unused;
		}
	}
	for (int i = 0; r->command->takes_options && i < r->n_options; i++) {
		if (strlen(r->table[i].key) == length && !strncmp(r->table[i].key, name, length)) {
			*ret_takes = true;
			return &r->args->options[i];
		}
	}
	return NULL;
}

/* Behind the name of a command in messages: the dashboard has none. */
static const char *colon(const struct cli_command *command) { return *command->name ? ": " : ""; }
static const char *blank(const struct cli_command *command) { return *command->name ? " " : ""; }

static int unknown_flag(const struct reading *r, const char *given)
{
	const char *names[96], *near;
	char word[64], clean[64];
	int n = 0;
	for (int i = 0; r->command->flags && r->command->flags[i].name; i++)
		names[n++] = r->command->flags[i].name;
	for (int i = 0; i < N_COMMON; i++)
		if (takes_common(r->command, i))
			names[n++] = common[i].name;
	for (int i = 0; r->command->takes_options && i < r->n_options; i++)
		if (!r->command->resumes || r->table[i].resumable)
			names[n++] = r->table[i].key;
	snprintf(word, sizeof word, "%.*s", (int)strcspn(given, "="), given);
	near = cvt_nearest(word + strspn(word, "-"), names, n);
	cvt_text_clean(clean, sizeof clean, word);
	if (near)
		return cli_wrong("%s%sno flag %s: did you mean --%s?", r->command->name, colon(r->command), clean, near);
	return cli_wrong("%s%sno flag %s: see %s %s%s--help", r->command->name, colon(r->command), clean, program_name(), r->command->name,
		blank(r->command));
}

/* Reads argv[*at], a flag, and its value. */
static int read_flag(struct reading *r, int argc, char **argv, int *at)
{
	const char *text = argv[*at], *name = text + 2;
	size_t length = strcspn(name, "=");
	const char *value = name[length] ? name + length + 1 : NULL;
	bool takes;
	int which;
	const char **slot = find_flag(r, name, length, &takes, &which);
	if (!slot)
		return unknown_flag(r, text);
	if (!takes && value)
		return cli_wrong("%s%s--%.*s takes no value", r->command->name, colon(r->command), (int)length, name);
	if (takes && !value) {
		if (*at + 1 >= argc || !strncmp(argv[*at + 1], "--", 2))
			return cli_wrong("%s%s%s needs a value: %s VALUE", r->command->name, colon(r->command), text, text);
		value = argv[++*at];
	}
	if (takes && *slot)
		return cli_wrong("%s%s--%.*s is given twice: give it once", r->command->name, colon(r->command), (int)length, name);
	if (which == HELP)
		r->help = true;
	else if (which == JSON)
		r->args->json = true;
	else
		*slot = takes ? value : "";
	return CLI_DONE;
}

static int check_positional(const struct cli_command *command, const struct cli_args *args)
{
	if (args->n_positional < command->min_positional)
		return cli_wrong("%s: an argument is missing: %s %s%s%s", command->name, program_name(), command->name,
			*command->arguments ? " " : "", command->arguments);
	if (command->max_positional >= 0 && args->n_positional > command->max_positional) {
		char clean[64];
		cvt_text_clean(clean, sizeof clean, args->positional[command->max_positional]);
		return cli_wrong("%s%s'%s' is too much: %s %s%s%s", command->name, colon(command), clean, program_name(), command->name,
			*command->arguments ? blank(command) : "", command->arguments);
	}
	return CLI_DONE;
}

int cli_parse(const struct cli_command *command, int argc, char **argv, struct cli_args *ret_args)
{
	struct cli_args args = {0};
	struct reading r = {.command = command, .args = &args};
	int status = CLI_DONE;
	r.table = cvt_options(&r.n_options);
	args.positional = calloc((size_t)argc + 1, sizeof *args.positional);
	if (!args.positional)
		return cli_wrong("no memory for %d arguments", argc);
	bool flags_end = false;
	for (int i = 1; i < argc && status == CLI_DONE && !r.help; i++) {
		if (flags_end || argv[i][0] != '-' || !argv[i][1])
			args.positional[args.n_positional++] = argv[i];
		else if (!strcmp(argv[i], "--"))
			flags_end = true;
		else if (!strcmp(argv[i], "-h"))
			r.help = true;
		else if (argv[i][1] == '-')
			status = read_flag(&r, argc, argv, &i);
		else
			status = unknown_flag(&r, argv[i]);
	}
	if (status == CLI_DONE && r.help) {
		cli_help(command);
		status = -1;
	}
	if (status == CLI_DONE)
		status = check_positional(command, &args);
	cli_flags_given(&args);
	if (status == CLI_DONE)
		*ret_args = args;
	else
		cli_args_finish(&args);
	return status;
}

void cli_args_finish(struct cli_args *args)
{
	free(args->positional);
	*args = (struct cli_args){0};
}

static void print_flag(const char *name, const char *value_name, const char *help)
{
	char left[64];
	snprintf(left, sizeof left, "--%s%s%s", name, value_name ? " " : "", value_name ? value_name : "");
	printf("  %-24s %s\n", left, help);
}

static const char *value_word(const struct cvt_option *option)
{
	switch (option->type) {
	case CVT_TYPE_INT:
	case CVT_TYPE_SEED:
		return "N";
	case CVT_TYPE_REAL:
		return "X";
	case CVT_TYPE_CHOICE:
		return "WORD";
	case CVT_TYPE_PATH:
		return "PATH";
	case CVT_TYPE_TEXT:
		return "RULE";
	}
	return "VALUE";
}

/* defaults: NULL for none to show. */
static void print_option(const struct cvt_option *option, const struct cvt_config *defaults)
{
	char left[64], value[1024];
	snprintf(left, sizeof left, "--%s %s", option->key, value_word(option));
	printf("  %-24s %s", left, option->help);
	for (int i = 0; option->choices && option->choices[i]; i++)
		printf("%s%s%s", i ? ", " : " (", option->choices[i], option->choices[i + 1] ? "" : ")");
	*value = 0;
	if (defaults)
		cvt_config_get(defaults, option, value, sizeof value);
	printf("%s%s%s\n", *value ? " [" : "", value, *value ? "]" : "");
}

/* A resume keeps the run's own values: no default is shown, and only what may differ. Other rows are read too, to say why not. */
static void print_options(bool resume)
{
	struct cvt_config defaults;
	int n;
	const struct cvt_option *table = cvt_options(&n);
	cvt_config_init(&defaults);
	puts(resume ? "\nOptions (what is not given stays as the run has it; no other option can change):" : "\nOptions (also keys of a preset's YAML):");
	for (int i = 0; i < n; i++)
		if (!resume || table[i].resumable)
			print_option(&table[i], resume ? NULL : &defaults);
}

void cli_help(const struct cli_command *command)
{
	printf("convtui %s%s%s\n  %s\n\nExample:\n  %s\n\nFlags:\n", command->name, *command->arguments ? blank(command) : "", command->arguments,
		command->help, command->example);
	for (int i = 0; command->flags && command->flags[i].name; i++)
		print_flag(command->flags[i].name, command->flags[i].value_name, command->flags[i].help);
	for (int i = 0; i < N_COMMON; i++)
		if (takes_common(command, i))
			print_flag(common[i].name, common[i].value_name, common[i].help);
	if (command->takes_options)
		print_options(command->resumes);
	if (strstr(command->arguments, "PRESET")) {
		int n;
		const struct cvt_preset *presets = cvt_presets(&n);
		puts("\nPresets (or a file: a name with a / or ending in .yaml):");
		for (int i = 0; i < n; i++)
			printf("  %-24s %s\n", presets[i].name, presets[i].help);
	}
}
