/* checkpoint.c - the flag --checkpoint. */
#include "cli/checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "convtui/text.h"

int cli_checkpoint(const struct cvt_run *run, const char *which, char *path, size_t size, const char **ret_file)
{
	*ret_file = which != NULL ? path : NULL;
	if (which == NULL)
		return CLI_DONE;
	if (strcmp(which, "best") != 0 && strcmp(which, "checkpoint") != 0)
		return cli_wrong("--checkpoint %s: best or checkpoint (the newest)", which);
	snprintf(path, size, "%s/%s.safetensors", run->folder, which);
	return CLI_DONE;
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
