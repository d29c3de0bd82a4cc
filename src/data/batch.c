/* batch.c - see batch.h. */
#include "data/batch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

int cvt_part_pictures(const struct cvt_dataset *dataset, enum cvt_part part, int **ret_pictures, int *ret_n, struct cvt_error *err)
{
	const int n = dataset->part_size[part];
	int *pictures = malloc((size_t)(n ? n : 1) * sizeof(int)), at = 0;
	if (!pictures)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for a list of %d pictures", n);
	for (int i = 0; i < dataset->n_pictures; i++)
		if (dataset->pictures[i].part == part)
			pictures[at++] = i;
	*ret_pictures = pictures;
	*ret_n = n;
	return CVT_OK;
}

void cvt_epoch_order(const int *pictures, int n, uint64_t seed, int epoch, int *order)
{
	cvt_random_permutation(seed, CVT_RANDOM_SHUFFLE, (uint32_t)epoch, n, order);
	for (int i = 0; i < n; i++)
		order[i] = pictures[order[i]];
}

void cvt_batch_levels(const double *mean, const double *std, int channels, float (*levels)[256])
{
	for (int c = 0; c < channels; c++) {
		const float middle = (float)mean[c], deviation = std[c] > 0 ? (float)std[c] : 1.0f;
		for (int v = 0; v < 256; v++)
			levels[c][v] = ((float)v / 255.0f - middle) / deviation;
	}
}

struct fill {
	const struct cvt_dataset *dataset;
	const int *pictures;
	const struct cvt_batch_options *options;
	float *out;
	unsigned char *bytes;        /* by worker: a picture */
	size_t plane;
	float levels[3][256];        /* what a byte becomes, by channel */
	atomic_int status;           /* the first failure */
	struct cvt_error error;      /* [the worker that set status] */
};

static bool flips(const struct cvt_batch_options *options, int picture)
{
	return options->flip && options->epoch > 0 &&
		(cvt_random_u32(options->seed, CVT_RANDOM_AUGMENT, (uint32_t)options->epoch, (uint64_t)picture) & 1);
}

static void fill_task(void *context, int task, int worker)
{
	struct fill *fill = context;
	const struct cvt_dataset *dataset = fill->dataset;
	const size_t picture_size = fill->plane * (size_t)dataset->channels;
	unsigned char *bytes = fill->bytes + picture_size * (size_t)worker;
	struct cvt_error error;
	if (atomic_load(&fill->status))
		return;
	const int status = cvt_dataset_pixels(dataset, fill->pictures[task], bytes, &error);
	if (status) {
		int none = 0;
		if (atomic_compare_exchange_strong(&fill->status, &none, status))
			fill->error = error;
		return;
	}
	const bool flip = flips(fill->options, fill->pictures[task]);
	const int size = dataset->image_size;
	for (int c = 0; c < dataset->channels; c++)
		for (int y = 0; y < size; y++) {
			const unsigned char *from = bytes + c * fill->plane + (size_t)y * size;
			float *to = fill->out + task * picture_size + c * fill->plane + (size_t)y * size;
			for (int x = 0; x < size; x++)
				to[x] = fill->levels[c][from[flip ? size - 1 - x : x]];
		}
}

int cvt_batch_fill(const struct cvt_dataset *dataset, const int *pictures, int n, const struct cvt_batch_options *options,
	struct cvt_pool *pool, float *out, int *labels, struct cvt_error *err)
{
	static const struct cvt_batch_options plain = {0};
	const int workers = pool ? cvt_pool_threads(pool) : 1;
	struct fill fill = {.dataset = dataset, .pictures = pictures, .options = options ? options : &plain, .out = out,
		.plane = (size_t)dataset->image_size * dataset->image_size};
	fill.bytes = malloc(fill.plane * (size_t)dataset->channels * (size_t)workers);
	if (!fill.bytes)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory to fill a batch");
	cvt_batch_levels(dataset->mean, dataset->std, dataset->channels, fill.levels);
	for (int i = 0; i < n; i++)
		labels[i] = dataset->pictures[pictures[i]].class_index;
	cvt_pool_run(pool, fill_task, &fill, n);
	free(fill.bytes);
	const int status = atomic_load(&fill.status);
	if (status && err)
		*err = fill.error;
	return status;
}
