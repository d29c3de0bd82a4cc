/* select.h - the runs that a filter on the command line selects. */
#ifndef CVT_UI_CLI_SELECT_H
#define CVT_UI_CLI_SELECT_H

#include "cli/cli.h"

/* Runs of the store that fit the positional words taken as one filter, oldest first. *ret_runs is the caller's (free). */
int cli_select(const struct cli_args *args, struct cvt_run **ret_runs, int *ret_n);
/* The object of `runs` and `show`; NULL when there is no memory. */
json_t *cli_json_of_run(const struct cvt_run *run);

#endif
