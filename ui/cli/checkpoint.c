/* checkpoint.c - the flag --checkpoint. */
#include "cli/checkpoint.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "convtui/text.h"

bool cli_has_checkpoint(const struct cvt_run *run, const char *which)
{
	char path[sizeof run->folder + 32];

	snprintf(path, sizeof path, "%s/%s.safetensors", run->folder, which);
	return access(path, F_OK) == 0;
}

int cli_checkpoint(const struct cvt_run *run, const char *which, char *path, size_t size, const char **ret_file)
{
	struct cvt_error err;

	*ret_file = which != NULL ? path : NULL;
	if (which == NULL)
		return CLI_DONE;
	if (strcmp(which, "best") != 0 && strcmp(which, "checkpoint") != 0)
		return cli_wrong("--checkpoint %s: best or checkpoint (the newest)", which);
	snprintf(path, size, "%s/%s.safetensors", run->folder, which);
	if (cli_has_checkpoint(run, which))
		return CLI_DONE;
	bool newest = cli_has_checkpoint(run, "checkpoint");
	cvt_fail(&err, CVT_ERR_NOT_FOUND, "%s has no %scheckpoint yet: %s", run->name, newest ? "best " : "",
		newest ? "--checkpoint checkpoint takes the newest" : "train it for at least one epoch");
	return cli_fail(&err);
}

void cli_checkpoint_text(const struct cvt_checkpoint_used *used, char *text, size_t size)
{
	char file[sizeof used->file];

	cvt_text_clean(file, sizeof file, used->file);
	if (used->within_epoch)
		snprintf(text, size, "%s, after batch %lld", file, (long long)used->batch);
	else
		snprintf(text, size, "%s, after epoch %d", file, used->epoch);
}
