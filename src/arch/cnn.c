/* cnn.c - the post's small network, CNN(num_layers, expansion):
 *
 *     layer i:      conv 5x5, padding 2 -> ReLU -> batch norm -> max pool 2x2      "net.{4i}", "net.{4i+2}"
 *     classifier:   flatten -> dense 256 -> ReLU -> dense classes                   "classifier.1", "classifier.3"
 *
 * `expansion` is a function of x, the maps that go into a layer; its value is the maps that come out. */
#include "arch/arch.h"
#include "arch/expansion.h"
#include "convtui/model.h"

enum { CNN_KERNEL = 5, CNN_DENSE = 256 };

int cvt_expansion_maps(const char *rule, int channels, int layers, int *maps, struct cvt_error *err)
{
	struct cvt_expansion *parsed;
	int status = CVT_OK;
	if (layers < 1 || layers > CVT_CNN_LAYERS_MAX)
		return cvt_fail(err, CVT_ERR_RANGE, "%d conv layers: 1 to %d work", layers, CVT_CNN_LAYERS_MAX);
	status = cvt_expansion_parse(rule, &parsed, err);
	if (status)
		return status;
	int values[CVT_CNN_LAYERS_MAX + 1] = {channels};
	for (int i = 1; i <= layers && !status; i++) {
		int64_t value = 0;
		status = cvt_expansion_apply(parsed, values[i - 1], &value, err);
		values[i] = (int)value;
	}
	cvt_expansion_destroy(parsed);
	for (int i = 0; i <= layers && !status; i++)
		maps[i] = values[i];
	return status;
}

/* The limits of a graph in the words of the options, for which it has none: its arrays and layers have PyTorch's names. */
static int check_sizes(const struct cvt_config *config, const int *maps, struct cvt_error *err)
{
	int size = config->image_size;
	for (int i = 0; i < config->layers; i++, size /= 2) {
		if (maps[i + 1] > INT32_MAX / (CNN_KERNEL * CNN_KERNEL * (int64_t)maps[i]))
			return cvt_fail(err, CVT_ERR_RANGE, "expansion: layer %d would make %d maps of %d, with more than 2,147,483,647 weights: fewer layers or "
				"maps work", i + 1, maps[i + 1], maps[i]);
		if (maps[i + 1] > INT32_MAX / ((int64_t)size * size))
			return cvt_fail(err, CVT_ERR_RANGE, "image-size %d: layer %d would make %d maps of %d x %d, more than 2,147,483,647 numbers: a smaller "
				"size or fewer maps work", config->image_size, i + 1, maps[i + 1], size, size);
	}
	if (maps[config->layers] > INT32_MAX / (CNN_DENSE * (int64_t)size * size))
		return cvt_fail(err, CVT_ERR_RANGE, "image-size %d: %d maps of %d x %d are left for the dense layer of %d, with more than 2,147,483,647 "
			"weights: a smaller size, fewer maps or more layers work", config->image_size, maps[config->layers], size, size, CNN_DENSE);
	return CVT_OK;
}

void cvt_cnn_build(struct cvt_graph *g, const struct cvt_config *config, int n_classes)
{
	int maps[CVT_CNN_LAYERS_MAX + 1], size = config->image_size;
	if (g->failed)
		return;
	g->failed = cvt_expansion_maps(config->expansion, config->channels, config->layers, maps, &g->error);
	if (g->failed)
		return;
	if (size >> config->layers == 0) {
		g->failed = cvt_fail(&g->error, CVT_ERR_RANGE, "image-size %d: %d layers halve the picture %d times, so at least %d works", size,
			config->layers, config->layers, 1 << config->layers);
		return;
	}
	g->failed = check_sizes(config, maps, &g->error);
	if (g->failed)
		return;
	int x = cvt_input(g, maps[0], size, size);
	for (int i = 0; i < config->layers; i++) {
		cvt_name(g, "net.%d", 4 * i);
		x = cvt_conv(g, x, (struct cvt_conv_args){.out = maps[i + 1], .kernel = CNN_KERNEL, .padding = CNN_KERNEL / 2});
		cvt_name(g, "net.%d", 4 * i + 1);
		x = cvt_relu(g, x);
		cvt_name(g, "net.%d", 4 * i + 2);
		x = cvt_batch_norm(g, x, (struct cvt_norm_args){0});
		cvt_name(g, "net.%d", 4 * i + 3);
		x = cvt_max_pool(g, x, (struct cvt_pool_args){.kernel = 2, .stride = 2});
	}
	cvt_name(g, "classifier.0");
	x = cvt_flatten(g, x);
	cvt_name(g, "classifier.1");
	x = cvt_dense(g, x, (struct cvt_dense_args){.out = CNN_DENSE});
	cvt_name(g, "classifier.2");
	x = cvt_relu(g, x);
	cvt_name(g, "classifier.3");
	cvt_dense(g, x, (struct cvt_dense_args){.out = n_classes});
}
