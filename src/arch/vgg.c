/* vgg.c - VGG A to E as the post builds them (Simonyan and Zisserman 2015), with batch norm:
 *
 *     five sections of conv 3x3, padding 1 -> batch norm -> ReLU, each ended by max pool 2x2: the picture halves five times
 *     64, 128, 256, 512, 512 maps; C's last conv of the last three sections is 1x1
 *     classifier: flatten -> dense 4096 -> ReLU -> dense 4096 -> ReLU -> dense classes
 *
 * Names count modules as PyTorch's Sequential does: "net.0" conv, "net.1" norm, "net.2" ReLU, ... */
#include "arch/vgg.h"

#include "arch/arch.h"

enum { SECTIONS = 5 };

static const struct { const char *name; int convs[SECTIONS]; } configurations[] = {
	{"VGG-11A", {1, 1, 2, 2, 2}},
	{"VGG-13B", {2, 2, 2, 2, 2}},
	{"VGG-16C", {2, 2, 3, 3, 3}},
	{"VGG-16D", {2, 2, 3, 3, 3}},
	{"VGG-19E", {2, 2, 4, 4, 4}},
};

const char *cvt_vgg_name(int arch)
{
	return configurations[arch - CVT_ARCH_VGG_A].name;
}

static int conv_norm_relu(struct cvt_graph *g, int x, int maps, int kernel, int *module)
{
	cvt_name(g, "net.%d", (*module)++);
	x = cvt_conv(g, x, (struct cvt_conv_args){.out = maps, .kernel = kernel, .padding = kernel / 2});
	cvt_name(g, "net.%d", (*module)++);
	x = cvt_batch_norm(g, x, (struct cvt_norm_args){0});
	cvt_name(g, "net.%d", (*module)++);
	return cvt_relu(g, x);
}

static int dense_relu(struct cvt_graph *g, int x, int out, int module)
{
	cvt_name(g, "classifier.%d", module);
	x = cvt_dense(g, x, (struct cvt_dense_args){.out = out});
	cvt_name(g, "classifier.%d", module + 1);
	return cvt_relu(g, x);
}

void cvt_vgg_build(struct cvt_graph *g, const struct cvt_config *config, int n_classes)
{
	const int *convs = configurations[config->arch - CVT_ARCH_VGG_A].convs;
	int maps = 64, module = 0, size = config->image_size;
	if (size < 1 << SECTIONS) {
		if (!g->failed)
			g->failed = cvt_fail(&g->error, CVT_ERR_RANGE, "image-size %d: VGG halves the picture five times, so at least 32 works", size);
		return;
	}
	int x = cvt_input(g, config->channels, size, size);
	for (int section = 0; section < SECTIONS; section++) {
		for (int i = 1; i <= convs[section]; i++) {
			bool one = config->arch == CVT_ARCH_VGG_C && i == convs[section] && maps >= 256;
			x = conv_norm_relu(g, x, maps, one ? 1 : 3, &module);
		}
		cvt_name(g, "net.%d", module++);
		x = cvt_max_pool(g, x, (struct cvt_pool_args){.kernel = 2, .stride = 2});
		if (maps < 512)
			maps *= 2;
	}
	cvt_name(g, "classifier.0");
	x = cvt_flatten(g, x);
	x = dense_relu(g, x, 4096, 1);
	x = dense_relu(g, x, 4096, 3);
	cvt_name(g, "classifier.5");
	cvt_dense(g, x, (struct cvt_dense_args){.out = n_classes});
}
