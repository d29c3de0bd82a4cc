/* export.c - `convtui export`: a run's weights for other programs. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/checkpoint.h"
#include "convtui/export.h"

enum { FLAG_TO, FLAG_OUT, FLAG_CHECKPOINT, FLAG_FORCE };
static const char best[] = "best", newest[] = "checkpoint";

/* Where nothing is lost: a file without a byte, or one that begins as safetensors do, with the length of its JSON. */
static bool may_be_replaced(int fd, const struct stat *status)
{
	unsigned char head[9];
	uint64_t length = 0;

	if (status->st_size == 0)
		return true;
	if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head)
		return false;
	for (int i = 0; i < 8; i++)
		length |= (uint64_t)head[i] << 8 * i;
	return head[8] == '{' && length <= (uint64_t)status->st_size - 8;
}

/* What is no export of an earlier day is not written over unasked: a name typed wrong would cost a file. What is no file, never: the rename
 * would put one in the place of a device, or of a link. */
static int check_target(const char *path, bool force)
{
	struct cvt_error err;
	struct stat status;

	if (lstat(path, &status) != 0)
		return CLI_DONE;               /* none there; or the writing of it says why not */
	if (!S_ISREG(status.st_mode)) {
		cvt_fail(&err, CVT_ERR_RANGE, "%s is %s: name a file to write with --out", path,
			S_ISDIR(status.st_mode) ? "a folder" : S_ISLNK(status.st_mode) ? "a link" : "no file");
		return cli_fail(&err);
	}
	int fd = force ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	bool fine = force || (fd >= 0 && may_be_replaced(fd, &status));

	if (fd >= 0)
		close(fd);
	if (fine)
		return CLI_DONE;
	cvt_fail(&err, CVT_ERR_RANGE, "%s is there, and no safetensors file: name another with --out, or replace it with --force", path);
	return cli_fail(&err);
}

/* The weights of `which`: the best, or the newest, by name; NULL: the best where the run has one, else the newest. */
static int export_weights(const struct cvt_run *run, const char *which, const char *out, bool json)
{
	struct cvt_error err;
	const char *file;
	char path[sizeof run->folder + 32];
	bool instead = which == NULL && !cli_has_checkpoint(run, best) && cli_has_checkpoint(run, newest);
	int code;

	if (which == NULL)
		which = instead ? newest : best;
	code = cli_checkpoint(run, which, path, sizeof path, &file);
	if (code != CLI_DONE)
		return code;
	if (cvt_export_safetensors(run->folder, file, out, &err) != CVT_OK)
		return cli_fail(&err);
	if (instead)
		fprintf(stderr, "convtui: %s has no best checkpoint: these are the weights of its newest\n", run->name);
	if (json)
		return cli_json(json_pack("{s:o, s:o, s:s}", "run", cli_json_text(run->name), "file", cli_json_text(out), "checkpoint", which));
	printf("%s\n", out);
	return cli_flush();
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	struct cvt_run found;
	char path[sizeof found.name + 16];
	int code = cli_parse(command, argc, argv, &args);

	if (code != CLI_DONE)
		return code < 0 ? CLI_DONE : code;
	const char *to = args.flags[FLAG_TO], *which = args.flags[FLAG_CHECKPOINT], *out = args.flags[FLAG_OUT];

	if (to == NULL || strcmp(to, "safetensors") != 0)
		code = cli_wrong("export: --to safetensors is the format that there is%s%s", to ? ", not " : "", to ? to : "");
	else if (out != NULL && strlen(out) >= 4096)
		code = cli_wrong("--out: the path is too long");
	if (code == CLI_DONE)
		code = cli_run(&args, args.positional[0], &found);
	if (code == CLI_DONE && out == NULL)
		snprintf(path, sizeof path, "%s.safetensors", found.name);
	if (code == CLI_DONE)
		code = check_target(out != NULL ? out : path, args.flags[FLAG_FORCE] != NULL);
	if (code == CLI_DONE)
		code = export_weights(&found, which, out != NULL ? out : path, args.json);
	cli_args_finish(&args);
	return code;
}

static const struct cli_flag flags[] = {
	[FLAG_TO] = {"to", "FORMAT", "safetensors: the plain state_dict, under PyTorch's names"},
	[FLAG_OUT] = {"out", "FILE", "where to (default: RUN.safetensors here); an earlier export is replaced, another file is not"},
	[FLAG_CHECKPOINT] = CLI_CHECKPOINT_FLAG,
	[FLAG_FORCE] = {"force", NULL, "replace whatever file is there"},
	{NULL, NULL, NULL},
};

extern const struct cli_command cli_export_command;
const struct cli_command cli_export_command = {
	.name = "export", .arguments = "RUN --to FORMAT", .help = "weights for other programs",
	.example = "convtui export last --to safetensors --out cnn.safetensors",
	.flags = flags, .min_positional = 1, .max_positional = 1, .run = run,
};
