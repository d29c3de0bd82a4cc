/* arch.c - from a configuration to its graph and its label. */
#include "arch/arch.h"

#include <stdio.h>
#include <string.h>

#include "arch/vgg.h"
#include "convtui/model.h"

static int check(const struct cvt_config *config, int n_classes, struct cvt_error *err)
{
	if (n_classes < 1)
		return cvt_fail(err, CVT_ERR_RANGE, "a network needs at least one class");
	if (config->channels != 1 && config->channels != 3)
		return cvt_fail(err, CVT_ERR_RANGE, "channels %d: 1 (grey) or 3 (colour)", config->channels);
	if (config->arch < CVT_ARCH_CNN || config->arch > CVT_ARCH_GOOGLENET)
		return cvt_fail(err, CVT_ERR_RANGE, "architecture %d: there is no such", config->arch);
	return CVT_OK;
}

int cvt_arch_build(const struct cvt_config *config, int n_classes, struct cvt_graph *graph, struct cvt_error *err)
{
	int status = check(config, n_classes, err);
	if (status)
		return status;
	cvt_graph_init(graph);
	switch (config->arch) {
	case CVT_ARCH_CNN:
		cvt_cnn_build(graph, config, n_classes);
		break;
	case CVT_ARCH_GOOGLENET:
		cvt_googlenet_build(graph, config, n_classes);
		break;
	default:
		cvt_vgg_build(graph, config, n_classes);
		break;
	}
	status = cvt_graph_check(graph, err);
	if (status)
		cvt_graph_finish(graph);
	return status;
}

/* As the post prints it: every conv layer's maps, and their sum without the input's. */
static int cnn_label(const struct cvt_config *config, char *text, size_t size, struct cvt_error *err)
{
	int maps[CVT_CNN_LAYERS_MAX + 1];
	int64_t total = 0;
	char label[160];
	int status = cvt_expansion_maps(config->expansion, config->channels, config->layers, maps, err);
	if (status)
		return status;
	int length = snprintf(label, sizeof label, "%d", maps[0]);
	for (int i = 1; i <= config->layers; i++) {
		length += snprintf(label + length, sizeof label - (size_t)length, "->%d", maps[i]);
		total += maps[i];
	}
	snprintf(label + length, sizeof label - (size_t)length, " FM total: %lld", (long long)total);
	snprintf(text, size, "%s", label);
	return CVT_OK;
}

int cvt_arch_label(const struct cvt_config *config, char *text, size_t size, struct cvt_error *err)
{
	int status = check(config, 1, err);
	if (status)
		return status;
	if (config->arch == CVT_ARCH_CNN)
		return cnn_label(config, text, size, err);
	snprintf(text, size, "%s", config->arch != CVT_ARCH_GOOGLENET ? cvt_vgg_name(config->arch) :
		config->inception == CVT_INCEPTION_POST ? "GoogLeNet inception post" : "GoogLeNet");
	return CVT_OK;
}
