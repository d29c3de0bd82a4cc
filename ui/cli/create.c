/* create.c - checks settings against the data and queues a run. */
#include "cli/create.h"

#include "cli/progress.h"
#include "launch.h"

int cli_create(const char *store, const struct cvt_config *config, const char *preset, struct cvt_run *ret_run)
{
	struct cvt_error err;
	int n_classes, rc = cli_count_classes(config->data, &n_classes, NULL, &err);
	if (rc == CVT_OK)
		rc = launch_create(store, config, n_classes, ret_run, &err);
	return rc < 0 ? cli_network_failed(preset, config, &err) : CLI_DONE;
}
