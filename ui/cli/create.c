/* create.c - checks settings against the data and queues a run. */
#include "cli/create.h"

#include <stdlib.h>

#include "convtui/dataset.h"
#include "convtui/model.h"

int cli_create(const char *store, const struct cvt_config *config, const char *preset, struct cvt_run *ret_run)
{
	struct cvt_description network;
	struct cvt_error err;
	struct cvt_new_run what;
	char *text = NULL;
	int n_classes, rc = cvt_dataset_count_classes(config->data, &n_classes, NULL, &err);
	if (rc == CVT_OK)
		rc = cvt_describe(config, n_classes, &network, &err);
	if (rc < 0)
		return cli_network_failed(preset, config, &err);
	rc = cvt_config_write(config, &(struct cvt_provenance){.version = CVT_VERSION}, &text, &err);
	if (rc == CVT_OK) {
		what = (struct cvt_new_run){.short_name = cvt_arch_name(config->arch), .config_yaml = text, .network = network.network,
			.parameters = network.parameters, .lr = config->lr, .batch_size = config->batch, .epochs = config->epochs};
		rc = cvt_run_create(store, &what, ret_run, &err);
	}
	free(text);
	cvt_description_finish(&network);
	return rc < 0 ? cli_fail(&err) : CLI_DONE;
}
