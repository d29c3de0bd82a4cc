/* googlenet.c - GoogLeNet as the post builds it (Szegedy et al. 2014), with batch norm and without the auxiliary classifiers.
 *
 * A block is conv -> batch norm -> ReLU. An inception has four branches on the same input, joined along the maps:
 *
 *     1x1                      1x1 -> 3x3                1x1 -> 5x5                max pool 3x3 -> 1x1
 *
 * Names are those of the post's classes with nn.ModuleList: "layers.4.inc_block.1.0.conv.0" is the convolution of the first block of the
 * second branch of layer 4. `--inception post`: the branches stay at their random start and their norms use the statistics of the
 * batch, at evaluation of the one image, because the post keeps them in a plain list that PyTorch does not see. */
#include <stdio.h>

#include "arch/arch.h"

struct builder { struct cvt_graph *g; int layer; bool post, inside; };

/* `path`: after "layers.N": "", or ".inc_block.1.0" */
static int block(struct builder *b, int x, const char *path, struct cvt_conv_args conv)
{
	bool frozen = b->post && b->inside;
	conv.frozen = frozen;
	cvt_name(b->g, "layers.%d%s.conv.0", b->layer, path);
	x = cvt_conv(b->g, x, conv);
	cvt_name(b->g, "layers.%d%s.conv.1", b->layer, path);
	x = cvt_batch_norm(b->g, x, (struct cvt_norm_args){.batch_statistics = frozen, .frozen = frozen});
	cvt_name(b->g, "layers.%d%s.conv.2", b->layer, path);
	return cvt_relu(b->g, x);
}

/* A block in a branch; padding keeps the size. */
static int inside(struct builder *b, int x, int branch, int place, int maps, int kernel)
{
	char path[32];
	snprintf(path, sizeof path, ".inc_block.%d.%d", branch, place);
	return block(b, x, path, (struct cvt_conv_args){.out = maps, .kernel = kernel, .padding = kernel / 2});
}

static int pool(struct builder *b, int x)
{
	cvt_name(b->g, "layers.%d", b->layer++);
	return cvt_max_pool(b->g, x, (struct cvt_pool_args){.kernel = 3, .stride = 2, .padding = 1});
}

static int inception(struct builder *b, int x, int m1, int r3, int m3, int r5, int m5, int m_pool)
{
	int parts[4];
	b->inside = true;
	parts[0] = inside(b, x, 0, 0, m1, 1);
	parts[1] = inside(b, inside(b, x, 1, 0, r3, 1), 1, 1, m3, 3);
	parts[2] = inside(b, inside(b, x, 2, 0, r5, 1), 2, 1, m5, 5);
	cvt_name(b->g, "layers.%d.inc_block.3.0", b->layer);
	parts[3] = cvt_max_pool(b->g, x, (struct cvt_pool_args){.kernel = 3, .stride = 1, .padding = 1});
	parts[3] = inside(b, parts[3], 3, 1, m_pool, 1);
	b->inside = false;
	cvt_name(b->g, "layers.%d", b->layer++);
	return cvt_concat(b->g, parts, 4);
}

static int check_size(const struct cvt_config *config, struct cvt_error *err)
{
	int least = config->inception == CVT_INCEPTION_POST ? 64 : 32;
	if (config->image_size >= least)
		return CVT_OK;
	return cvt_fail(err, CVT_ERR_RANGE, "image-size %d: GoogLeNet%s works from %d up", config->image_size,
		least == 64 ? " with inception post (statistics of one image)" : "", least);
}

void cvt_googlenet_build(struct cvt_graph *g, const struct cvt_config *config, int n_classes)
{
	struct builder b = {.g = g, .post = config->inception == CVT_INCEPTION_POST};
	if (!g->failed)
		g->failed = check_size(config, &g->error);
	if (g->failed)
		return;
	int x = cvt_input(g, config->channels, config->image_size, config->image_size);
	x = block(&b, x, "", (struct cvt_conv_args){.out = 64, .kernel = 7, .stride = 2, .padding = 3});
	b.layer++;
	x = pool(&b, x);
	x = block(&b, x, "", (struct cvt_conv_args){.out = 192, .kernel = 3, .padding = 1});
	b.layer++;
	x = pool(&b, x);
	x = inception(&b, x, 64, 96, 128, 16, 32, 32);
	x = inception(&b, x, 128, 128, 192, 32, 96, 64);
	x = pool(&b, x);
	x = inception(&b, x, 192, 96, 208, 16, 48, 64);
	x = inception(&b, x, 160, 112, 224, 24, 64, 64);
	x = inception(&b, x, 128, 128, 256, 24, 64, 64);
	x = inception(&b, x, 112, 144, 288, 32, 64, 64);
	x = inception(&b, x, 256, 160, 320, 32, 128, 128);
	x = pool(&b, x);
	x = inception(&b, x, 256, 160, 320, 32, 128, 128);
	x = inception(&b, x, 384, 192, 384, 48, 128, 128);
	cvt_name(g, "classifier.0");
	x = cvt_global_avg_pool(g, x);
	cvt_name(g, "classifier.1");
	x = cvt_flatten(g, x);
	cvt_name(g, "classifier.2");
	x = cvt_dropout(g, x, (struct cvt_dropout_args){.p = 0.4f});
	cvt_name(g, "classifier.3");
	cvt_dense(g, x, (struct cvt_dense_args){.out = n_classes});
}
