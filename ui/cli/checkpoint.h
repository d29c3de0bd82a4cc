/* checkpoint.h - which of a run's checkpoints export, evaluate and predict read: one flag, the same words. */
#ifndef CVT_UI_CLI_CHECKPOINT_H
#define CVT_UI_CLI_CHECKPOINT_H

#include "cli/cli.h"
#include "convtui/model.h"

#define CLI_CHECKPOINT_FLAG {"checkpoint", "WHICH", "best (of the validation; the default where there is one) or checkpoint, the newest"}

/* `which`: "best" or "checkpoint". */
bool cli_has_checkpoint(const struct cvt_run *run, const char *which);
/* `which`: the flag's value, NULL: not given. *ret_file points to `path`, or is NULL where the default is meant. An error: a checkpoint by name that the
 * run does not have. */
int cli_checkpoint(const struct cvt_run *run, const char *which, char *path, size_t size, const char **ret_file);
/* "best.safetensors, after epoch 7" */
void cli_checkpoint_text(const struct cvt_checkpoint_used *used, char *text, size_t size);

#endif
