/* model.c - memory for a graph's arrays, and their first values. */
#include "nn/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/random.h"

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

/* Philox gives four numbers a block; 24 bits of each make a float in [0, 1). */
static void fill_uniform(float *value, int64_t count, float bound, uint64_t seed, uint32_t param)
{
	for (int64_t i = 0; i < count; i += 4) {
		uint32_t block[4];
		cvt_random_block(seed, CVT_RANDOM_INIT, param, (uint64_t)i / 4, block);
		for (int64_t k = 0; k < 4 && i + k < count; k++)
			value[i + k] = ((float)(block[k] >> 8) * 0x1p-23f - 1) * bound;
	}
}

static void fill(struct cvt_param *p, uint64_t seed, uint32_t index)
{
	switch (p->init) {
	case CVT_INIT_ZERO:
		memset(p->value, 0, (size_t)p->count * sizeof(float));
		break;
	case CVT_INIT_ONE:
		for (int64_t i = 0; i < p->count; i++)
			p->value[i] = 1;
		break;
	case CVT_INIT_UNIFORM_FAN_IN:
		fill_uniform(p->value, p->count, (float)(1 / sqrt((double)p->fan_in)), seed, index);
		break;
	}
}

static size_t array_bytes(const struct cvt_param *p)
{
	return ((size_t)p->count * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

size_t cvt_graph_model_bytes(const struct cvt_graph *g, bool with_training, bool with_momentum)
{
	size_t bytes = 0;
	for (int i = 0; i < g->n_params; i++) {
		const struct cvt_param *p = &g->params[i];
		bool learns = with_training && p->learns;
		bytes += array_bytes(p) * (1u + (learns && !p->updated_in_backward) + (learns && with_momentum));
	}
	return bytes;
}

int cvt_model_create(struct cvt_graph *graph, uint64_t seed, bool with_training, bool with_momentum, struct cvt_model **ret_model,
	struct cvt_error *err)
{
	int status = cvt_graph_check(graph, err);
	if (status)
		return status;
	struct cvt_model *model = calloc(1, sizeof *model);
	size_t bytes = cvt_graph_model_bytes(graph, with_training, with_momentum);
	size_t room = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	char *memory = aligned_alloc(bytes < HUGE_PAGE ? ALIGNMENT : HUGE_PAGE, bytes < HUGE_PAGE ? bytes + ALIGNMENT : room);
	if (!model || !memory) {
		free(model);
		free(memory);
		return cvt_fail(err, CVT_ERR_MEMORY, "out of memory: the network's weights need %zu MB", bytes >> 20);
	}
	if (bytes >= HUGE_PAGE)
		madvise(memory, room, MADV_HUGEPAGE);       /* only a hint: fewer misses of the page tables */
	*model = (struct cvt_model){.graph = *graph, .has_momentum = with_training && with_momentum, .memory = memory, .bytes = bytes};
	char *next = memory;
	for (int kind = 0; kind < 3; kind++) {          /* all values, then all gradients, then all momentum */
		for (int i = 0; i < graph->n_params; i++) {
			struct cvt_param *p = &model->graph.params[i];
			bool learns = with_training && p->learns;
			if ((kind == 1 && (!learns || p->updated_in_backward)) || (kind == 2 && !(learns && with_momentum)))
				continue;
			float **array = kind == 0 ? &p->value : kind == 1 ? &p->grad : &p->momentum;
			*array = (float *)next;
			next += array_bytes(p);
			if (kind == 0)
				fill(p, seed, (uint32_t)i);
			else
				memset(*array, 0, array_bytes(p));
		}
	}
	cvt_graph_init(graph);
	*ret_model = model;
	return CVT_OK;
}

void cvt_model_destroy(struct cvt_model *model)
{
	if (!model)
		return;
	cvt_graph_finish(&model->graph);
	free(model->memory);
	free(model);
}

struct cvt_param *cvt_model_param(struct cvt_model *model, const char *name)
{
	for (int i = 0; i < model->graph.n_params; i++)
		if (strcmp(model->graph.params[i].name, name) == 0)
			return &model->graph.params[i];
	return NULL;
}

int64_t cvt_graph_parameters(const struct cvt_graph *g)
{
	int64_t count = 0;
	for (int i = 0; i < g->n_params; i++)
		if (g->params[i].learns)
			count += g->params[i].count;
	return count;
}
