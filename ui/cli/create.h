/* create.h - a queued run from settings. */
#ifndef CVT_UI_CLI_CREATE_H
#define CVT_UI_CLI_CREATE_H

#include "cli/cli.h"

/* Checks that the network can be built on the data, and creates the run; config as cli_config gives it. preset: where it came from, for the
 * place of an error; may be NULL. CLI_DONE, or an exit code after the
 * reason was said. */
int cli_create(const char *store, const struct cvt_config *config, const char *preset, struct cvt_run *ret_run);

#endif
