/* export.c - `convtui export`: a run's weights for other programs. */
#include <stdio.h>
#include <string.h>

#include "cli/checkpoint.h"
#include "convtui/export.h"

enum { FLAG_TO, FLAG_OUT, FLAG_CHECKPOINT };

static int export_weights(const struct cvt_run *run, const char *which, const char *out, bool json)
{
	struct cvt_error err;
	const char *file;
	char path[sizeof run->name + 16], checkpoint[sizeof run->folder + 32];
	int code = cli_checkpoint(run, which, checkpoint, sizeof checkpoint, &file);

	if (code != CLI_DONE)
		return code;
	if (out == NULL)
		snprintf(path, sizeof path, "%s.safetensors", run->name);
	else if (strlen(out) >= 4096)
		return cli_wrong("--out: the path is too long");
	if (cvt_export_safetensors(run->folder, file, out == NULL ? path : out, &err) != CVT_OK)
		return cli_fail(&err);
	if (json)
		return cli_json(json_pack("{s:o, s:o}", "run", cli_json_text(run->name), "file", cli_json_text(out == NULL ? path : out)));
	return printf("%s\n", out == NULL ? path : out) < 0 || fflush(stdout) != 0 ? CLI_FAILED : CLI_DONE;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	struct cvt_run found;
	int code = cli_parse(command, argc, argv, &args);

	if (code != CLI_DONE)
		return code < 0 ? CLI_DONE : code;
	const char *to = args.flags[FLAG_TO];

	if (to == NULL || strcmp(to, "safetensors") != 0)
		code = cli_wrong("export: --to safetensors is the format that there is%s%s", to ? ", not " : "", to ? to : "");
	if (code == CLI_DONE)
		code = cli_run(&args, args.positional[0], &found);
	if (code == CLI_DONE)
		code = export_weights(&found, args.flags[FLAG_CHECKPOINT], args.flags[FLAG_OUT], args.json);
	cli_args_finish(&args);
	return code;
}

static const struct cli_flag flags[] = {
	[FLAG_TO] = {"to", "FORMAT", "safetensors: the plain state_dict, under PyTorch's names"},
	[FLAG_OUT] = {"out", "FILE", "where to (default: RUN.safetensors here)"},
	[FLAG_CHECKPOINT] = CLI_CHECKPOINT_FLAG,
	{NULL, NULL, NULL},
};

extern const struct cli_command cli_export_command;
const struct cli_command cli_export_command = {
	.name = "export", .arguments = "RUN --to FORMAT", .help = "weights for other programs",
	.example = "convtui export last --to safetensors --out cnn.safetensors",
	.flags = flags, .min_positional = 1, .max_positional = 1, .run = run,
};
