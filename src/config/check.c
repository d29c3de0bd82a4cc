/* check.c - the post's defaults, and what one row cannot see alone. */
#include <stdio.h>
#include <string.h>

#include "config/rows.h"
#include "convtui/text.h"

void cvt_config_init(struct cvt_config *config)
{
	*config = (struct cvt_config){.data = "builtin", .image_size = 256, .channels = 3, .arch = CVT_ARCH_CNN, .layers = 4,
		.expansion = "x + 13", .step_epochs = 10, .step_factor = 0.1, .val_fraction = 0.4, .seed = 1};
	cvt_config_resolve(config);
}

static bool is_set(const struct cvt_config *config, const char *key)
{
	return config->set >> cvt_option_index(cvt_option_find(key)) & 1;
}

void cvt_config_resolve(struct cvt_config *config)
{
	/* "Test out CNNs" of the post: lrs = [1e-4, 2e-3, 35e-4, 0.01] for 1 to 4 layers; deeper ones keep the last. */
	static const double rates[] = {1e-4, 2e-3, 3.5e-3, 1e-2};
	bool cnn = config->arch == CVT_ARCH_CNN, google = config->arch == CVT_ARCH_GOOGLENET;
	if (!is_set(config, "lr"))
		config->lr = cnn ? rates[config->layers < 4 ? config->layers - 1 : 3] : 1e-3;
	if (!is_set(config, "batch"))
		config->batch = cnn ? 128 : google ? 64 : 16;
	if (!is_set(config, "epochs"))
		config->epochs = cnn ? 20 : google ? 100 : 30;
}

int cvt_config_check(const struct cvt_config *config, struct cvt_error *err)
{
	if (!*config->data)
		return cvt_fail(err, CVT_ERR_RANGE, "data: is empty: give a folder of class folders, or builtin");
	if (cvt_option_applies(cvt_option_find("expansion"), config->arch) && !*config->expansion)
		return cvt_fail(err, CVT_ERR_RANGE, "expansion: is empty: give a rule such as x + 13");
	if (!strcmp(config->data, "builtin") && *config->val)
		return cvt_fail(err, CVT_ERR_RANGE, "val %s: the built-in pictures have their own validation part: leave val out, or give data",
			config->val);
	double held = (*config->val ? 0 : config->val_fraction) + config->test_fraction;
	if (held > 0.95 + 1e-12) {
		char text[32];
		cvt_text_from_double(held, text, sizeof text);
		return cvt_fail(err, CVT_ERR_RANGE, "val-fraction + test-fraction = %s: at most 0.95, so that a part is left to train on", text);
	}
	if (config->patience > 0 && !*config->val && config->val_fraction == 0)
		return cvt_fail(err, CVT_ERR_RANGE, "patience %d: needs a validation part: give val or a val-fraction above 0", config->patience);
	return CVT_OK;
}
