/* arch.h - name to graph. One file an architecture: cnn.c, vgg.c, googlenet.c; expansion.c is the CNN's rule. */
#ifndef CVT_ARCH_ARCH_H
#define CVT_ARCH_ARCH_H

#include "convtui/config.h"
#include "nn/graph.h"

enum { CVT_CNN_LAYERS_MAX = 8 };

/* Builds the network of `config` (channels x image_size x image_size -> n_classes logits) into *graph, initialised here. On failure the
 * graph is finished already. */
CVT_NODISCARD int cvt_arch_build(const struct cvt_config *config, int n_classes, struct cvt_graph *graph,
	struct cvt_error *err);
/* The post's label: "3->16->29 FM total: 45", "VGG-11A", "GoogLeNet"; "GoogLeNet inception post" where its branches are not trained. */
CVT_NODISCARD int cvt_arch_label(const struct cvt_config *config, char *text, size_t size, struct cvt_error *err);

/* Each appends its layers; the error, if any, is in the graph. */
void cvt_cnn_build(struct cvt_graph *g, const struct cvt_config *config, int n_classes);
void cvt_vgg_build(struct cvt_graph *g, const struct cvt_config *config, int n_classes);
void cvt_googlenet_build(struct cvt_graph *g, const struct cvt_config *config, int n_classes);

#endif
