#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "nn/layer.h"

static size_t size_of(const struct cvt_node *node)
{
	return (size_t)node->c * (size_t)node->h * (size_t)node->w;
}

void reference_init(struct reference *r, const struct cvt_graph *graph, int max_n, bool training)
{
	*r = (struct reference){.graph = graph, .max_n = max_n, .training = training};
	r->values = calloc((size_t)graph->n_params + 1, sizeof *r->values);
	r->outputs = calloc((size_t)graph->n_nodes, sizeof *r->outputs);
	for (int i = 0; i < graph->n_params; i++) {
		r->values[i] = malloc((size_t)graph->params[i].count * sizeof(double));
		for (int64_t k = 0; k < graph->params[i].count; k++)
			r->values[i][k] = graph->params[i].value[k];
	}
	for (int i = 0; i < graph->n_nodes; i++)
		r->outputs[i] = calloc((size_t)max_n * size_of(&graph->nodes[i]), sizeof(double));
}

void reference_finish(struct reference *r)
{
	for (int i = 0; i < r->graph->n_params; i++)
		free(r->values[i]);
	for (int i = 0; i < r->graph->n_nodes; i++)
		free(r->outputs[i]);
	free(r->values);
	free(r->outputs);
}

static void conv(const struct reference *r, int n, const struct cvt_node *node, const double *x, double *y)
{
	const struct cvt_node *in = &r->graph->nodes[node->inputs[0]];
	const double *w = r->values[node->params[0]], *bias = r->values[node->params[1]];
	int k = node->as.conv.kernel, stride = node->as.conv.stride, pad = node->as.conv.padding;
	for (int i = 0; i < n; i++)
		for (int o = 0; o < node->c; o++)
			for (int oy = 0; oy < node->h; oy++)
				for (int ox = 0; ox < node->w; ox++) {
					double sum = bias[o];
					for (int c = 0; c < in->c; c++)
						for (int ky = 0; ky < k; ky++)
							for (int kx = 0; kx < k; kx++) {
								int iy = oy * stride + ky - pad, ix = ox * stride + kx - pad;
								if (iy >= 0 && iy < in->h && ix >= 0 && ix < in->w)
									sum += w[((o * in->c + c) * k + ky) * k + kx] * x[((i * in->c + c) * in->h + iy) * in->w + ix];
							}
					*y++ = sum;
				}
}

static void moments(const struct cvt_node *in, const double *x, int first, int end, int c, double *mean, double *biased, double *unbiased)
{
	int plane = in->h * in->w;
	double count = (double)(end - first) * plane, sum = 0, squares = 0;
	for (int i = first; i < end; i++)
		for (int p = 0; p < plane; p++)
			sum += x[(i * in->c + c) * plane + p];
	*mean = sum / count;
	for (int i = first; i < end; i++)
		for (int p = 0; p < plane; p++)
			squares += pow(x[(i * in->c + c) * plane + p] - *mean, 2);
	*biased = squares / count;
	*unbiased = squares / (count - 1);
}

static void norm(const struct reference *r, int n, const struct cvt_node *node, const double *x, double *y)
{
	const double *const *v = (const double *const *)r->values;
	int plane = node->h * node->w;
	for (int i = 0; i < n; i++) {
		for (int c = 0; c < node->c; c++) {
			double mean = v[node->params[2]][c], var = v[node->params[3]][c], ignored;
			if (r->training)
				moments(node, x, 0, n, c, &mean, &var, &ignored);
			else if (node->as.norm.batch_statistics)
				moments(node, x, i, i + 1, c, &mean, &var, &ignored);
			for (int p = 0; p < plane; p++) {
				int at = (i * node->c + c) * plane + p;
				y[at] = (x[at] - mean) / sqrt(var + (double)node->as.norm.eps) * v[node->params[0]][c] + v[node->params[1]][c];
			}
		}
	}
}

void reference_running(const struct reference *r, int n, int index, double *mean, double *var)
{
	const struct cvt_node *node = &r->graph->nodes[index];
	for (int c = 0; c < node->c; c++) {
		double m, biased, unbiased, momentum = (double)node->as.norm.momentum;
		moments(node, r->outputs[node->inputs[0]], 0, n, c, &m, &biased, &unbiased);
		mean[c] = (1 - momentum) * r->values[node->params[2]][c] + momentum * m;
		var[c] = (1 - momentum) * r->values[node->params[3]][c] + momentum * unbiased;
	}
}

static void max_pool(const struct reference *r, int n, const struct cvt_node *node, const double *x, double *y)
{
	const struct cvt_node *in = &r->graph->nodes[node->inputs[0]];
	const struct cvt_pool_args *a = &node->as.pool;
	for (int map = 0; map < n * node->c; map++)
		for (int oy = 0; oy < node->h; oy++)
			for (int ox = 0; ox < node->w; ox++) {
				double best = -INFINITY;
				for (int k = 0; k < a->kernel * a->kernel; k++) {
					int iy = oy * a->stride + k / a->kernel - a->padding, ix = ox * a->stride + k % a->kernel - a->padding;
					if (iy >= 0 && iy < in->h && ix >= 0 && ix < in->w)
						best = fmax(best, x[(map * in->h + iy) * in->w + ix]);
				}
				*y++ = best;
			}
}

static void dense(const struct reference *r, int n, const struct cvt_node *node, const double *x, double *y)
{
	int in = (int)size_of(&r->graph->nodes[node->inputs[0]]);
	for (int i = 0; i < n; i++)
		for (int o = 0; o < node->c; o++) {
			double sum = r->values[node->params[1]][o];
			for (int k = 0; k < in; k++)
				sum += r->values[node->params[0]][o * in + k] * x[i * in + k];
			*y++ = sum;
		}
}

static void dropout(const struct reference *r, int n, const struct cvt_node *node, const double *x, double *y)
{
	int count = (int)size_of(node), blocks = (count + 3) / 4;
	double p = (double)node->as.dropout.p;
	for (int i = 0; i < n * count; i++) {
		uint32_t random[4];
		cvt_random_block(r->seed, CVT_RANDOM_DROPOUT, r->step,
			((uint64_t)node->dropout_index << 56) + (uint64_t)(i / count * blocks + i % count / 4), random);
		bool kept = (double)(random[i % count % 4] >> 8) * 0x1p-24 >= p;
		y[i] = !r->training ? x[i] : kept ? x[i] / (1 - p) : 0;
	}
}

static void concat(const struct reference *r, int n, const struct cvt_node *node, double *y)
{
	for (int i = 0; i < n; i++)
		for (int k = 0; k < node->n_inputs; k++) {
			size_t part = size_of(&r->graph->nodes[node->inputs[k]]);
			memcpy(y, r->outputs[node->inputs[k]] + (size_t)i * part, part * sizeof *y);
			y += part;
		}
}

void reference_forward(struct reference *r, int n, int from)
{
	for (int index = from < 1 ? 1 : from; index < r->graph->n_nodes; index++) {
		const struct cvt_node *node = &r->graph->nodes[index];
		const double *x = r->outputs[node->inputs[0]];
		double *y = r->outputs[index];
		size_t count = (size_t)n * size_of(node);
		if (node->ops == &cvt_conv_ops)
			conv(r, n, node, x, y);
		else if (node->ops == &cvt_norm_ops)
			norm(r, n, node, x, y);
		else if (node->ops == &cvt_max_pool_ops)
			max_pool(r, n, node, x, y);
		else if (node->ops == &cvt_dense_ops)
			dense(r, n, node, x, y);
		else if (node->ops == &cvt_dropout_ops)
			dropout(r, n, node, x, y);
		else if (node->ops == &cvt_concat_ops)
			concat(r, n, node, y);
		else if (node->ops == &cvt_flatten_ops)
			memcpy(y, x, count * sizeof *y);
		else
			for (size_t i = 0; i < count; i++) {
				if (node->ops == &cvt_relu_ops) {
					y[i] = fmax(0, x[i]);
				} else {                /* the average of a whole map */
					size_t plane = size_of(&r->graph->nodes[node->inputs[0]]) / (size_t)node->c;
					y[i] = 0;
					for (size_t p = 0; p < plane; p++)
						y[i] += x[i * plane + p] / (double)plane;
				}
			}
	}
}
