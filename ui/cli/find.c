/* find.c - the run store and the runs in it, as a command line names them. */
#include "cli/cli.h"

int cli_store(const struct cli_args *args, char *path, size_t size)
{
	struct cvt_error err;
	return cvt_store_path(args->runs, path, size, &err) == CVT_OK ? CLI_DONE : cli_fail(&err);
}

int cli_run(const struct cli_args *args, const char *name, struct cvt_run *ret_run)
{
	char store[1024];
	struct cvt_error err;
	int status = cli_store(args, store, sizeof store);
	if (status != CLI_DONE)
		return status;
	return cvt_store_find(store, name, ret_run, &err) == CVT_OK ? CLI_DONE : cli_fail(&err);
}
