/* rate.c - how long an epoch will take. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rate.h"

/* Of a run's network, for one picture; 0: its options cannot be read. */
static double multiply_adds_of(const struct cvt_run *run, struct ui_rate_memory *memory)
{
	char path[1100];
	struct cvt_config config;
	struct cvt_description what;
	if (!strcmp(memory->run, run->name)) {
		return memory->multiply_adds;
	}
	cvt_config_init(&config);
	snprintf(path, sizeof path, "%s/config.yaml", run->folder);
	if (cvt_config_load(&config, path, NULL) != CVT_OK || cvt_describe(&config, 3, &what, NULL) != CVT_OK) {
		return 0;
	}
	snprintf(memory->run, sizeof memory->run, "%s", run->name);
	memory->multiply_adds = (double)what.multiply_adds;
	cvt_description_finish(&what);
	return memory->multiply_adds;
}

/* Over the whole run with its validations, once it has an epoch: that is what a person waits for, and it does not flicker. */
static double images_a_second(const struct cvt_live *live)
{
	double images = (double)live->train_images * live->epoch + (double)live->batch_in_epoch * live->batch_size;
	return live->epoch > 0 && live->seconds > 0 && live->train_images > 0 ? images / live->seconds : live->images_per_second;
}

double ui_rate_of_runs(const struct cvt_run *runs, int n, struct ui_rate_memory *memory)
{
	char host[sizeof runs->live.host] = "";
	if (gethostname(host, sizeof host - 1) < 0) {
		host[0] = 0;
	}
	for (int i = n - 1; i >= 0 && i >= n - 20; i--) {
		const struct cvt_live *live = &runs[i].live;
		if (!(live->images_per_second > 0) || !isfinite(live->images_per_second) || strcmp(live->host, host)) {
			continue;
		}
		double adds = multiply_adds_of(&runs[i], memory);
		if (adds > 0) {
			return images_a_second(live) * adds;
		}
	}
	return NAN;
}

double ui_rate_epoch_seconds(double rate, const struct cvt_description *what, const struct cvt_config *config, int pictures)
{
	if (!(rate > 0) || pictures <= 0) {
		return NAN;
	}
	double share = *config->val ? 1 : 1 - config->val_fraction - config->test_fraction;
	return pictures * share * (double)what->multiply_adds / rate;
}
