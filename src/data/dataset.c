/* dataset.c - opening a data folder: scan, prepare, statistics, split, weights. See convtui/dataset.h. */
#include "convtui/dataset.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convtui/text.h"
#include "data/dataset_store.h"
#include "data/pictures.h"
#include "data/prepare.h"
#include "data/scan.h"
#include "data/split.h"

enum { EMPTY_NAMED = 5 };   /* classes without a picture in a part that are named */
static const char *const part_names[CVT_N_PARTS] = {"training", "validation", "test"};

static int no_memory(struct cvt_error *err)
{
	return cvt_fail(err, CVT_ERR_MEMORY, "no memory for the list of pictures");
}

static bool is_builtin(const char *data)
{
	return strcmp(data, "builtin") == 0;
}

CVT_PRINTF(3, 4) static int warn(struct cvt_dataset *dataset, struct cvt_error *err, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	char **moved = realloc(dataset->warnings, (size_t)(dataset->n_warnings + 1) * sizeof(char *));
	if (!moved)
		return no_memory(err);
	dataset->warnings = moved;
	char *clean = malloc(sizeof(text));
	if (!clean)
		return no_memory(err);
	cvt_text_clean(clean, sizeof(text), text);
	dataset->warnings[dataset->n_warnings++] = clean;
	return CVT_OK;
}

static int check_options(const struct cvt_dataset_options *options, struct cvt_error *err)
{
	if (!options->data || !options->data[0])
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "no data folder given: name one, or \"builtin\" for the built-in pictures");
	if (options->image_size < 1 || options->image_size > 4096 || (options->channels != 1 && options->channels != 3))
		return cvt_fail(err, CVT_ERR_RANGE, "image size %d with %d channels: 1 to 4096 pixels, 1 or 3 channels", options->image_size,
			options->channels);
	if (!(options->val_fraction >= 0 && options->test_fraction >= 0 && options->val_fraction + options->test_fraction < 1))
		return cvt_fail(err, CVT_ERR_RANGE, "fractions of %g for validation and %g for test leave nothing to train on",
			options->val_fraction, options->test_fraction);
	return CVT_OK;
}

/* The names of the classes, and where slot i of the cache belongs: from the scan, or the built-in generator. */
static int name_classes(const struct cvt_scan *scan, struct cvt_dataset *dataset, struct cvt_error *err)
{
	const int n = scan ? scan->n_classes : CVT_PICTURES_CLASSES;
	dataset->classes = calloc((size_t)n, sizeof(*dataset->classes));
	if (!dataset->classes)
		return no_memory(err);
	dataset->n_classes = n;
	for (int i = 0; i < n; i++) {
		dataset->classes[i].name = strdup(scan ? scan->classes[i] : cvt_pictures_classes[i]);
		if (!dataset->classes[i].name)
			return no_memory(err);
	}
	return CVT_OK;
}

static int add_picture(struct cvt_dataset *dataset, const char *path, int class_index, int part, int slot, struct cvt_error *err)
{
	char *copy = strdup(path);
	if (!copy)
		return no_memory(err);
	dataset->store->slots[dataset->n_pictures] = slot;
	dataset->store->fixed_parts[dataset->n_pictures] = part;
	dataset->pictures[dataset->n_pictures++] = (struct cvt_picture){copy, class_index, part < 0 ? CVT_PART_TRAIN : (enum cvt_part)part};
	dataset->classes[class_index].count++;
	return CVT_OK;
}

/* Good slots become pictures, the others join the bad files. */
static int list_pictures(const struct cvt_scan *scan, struct cvt_dataset *dataset, struct cvt_error *err)
{
	const struct cvt_cache *cache = &dataset->store->cache;
	int bad_room = 0, status = CVT_OK;
	dataset->pictures = calloc((size_t)cache->n, sizeof(*dataset->pictures));
	dataset->store->slots = calloc((size_t)cache->n, sizeof(int));
	dataset->store->fixed_parts = calloc((size_t)cache->n, sizeof(int));
	if (!dataset->pictures || !dataset->store->slots || !dataset->store->fixed_parts)
		return no_memory(err);
	for (int i = 0; scan && i < scan->n_bad && !status; i++)
		status = cvt_bad_add(&dataset->bad, &dataset->n_bad, &bad_room, scan->bad[i].path, scan->bad[i].reason, err);
	for (int slot = 0, class_index = 0, index = 0; slot < cache->n && !status; slot++, index++) {
		if (!scan) {
			char name[64];
			while (index >= cvt_pictures_count(class_index)) {
				index = 0;
				class_index++;
			}
			snprintf(name, sizeof(name), "%s/%04d", cvt_pictures_classes[class_index], index);
			status = add_picture(dataset, name, class_index, CVT_PART_OPEN, slot, err);
		} else if (cache->table[slot].good) {
			const struct cvt_found *file = &scan->files[slot];
			status = add_picture(dataset, file->path, file->class_index, file->part, slot, err);
		} else {
			status = cvt_bad_add(&dataset->bad, &dataset->n_bad, &bad_room, scan->files[slot].path, cache->table[slot].reason, err);
		}
	}
	return status;
}

static int check_classes(const struct cvt_dataset *dataset, const char *data, struct cvt_error *err)
{
	for (int c = 0; c < dataset->n_classes; c++) {
		if (dataset->classes[c].count)
			continue;
		const char *name = dataset->classes[c].name;
		for (int b = 0; b < dataset->n_bad; b++)
			if (strstr(dataset->bad[b].path, name))
				return cvt_fail(err, CVT_ERR_FORMAT, "class folder \"%s\" of %s has no picture that can be read (%s: %s)", name, data,
					dataset->bad[b].path, dataset->bad[b].reason);
		return cvt_fail(err, CVT_ERR_FORMAT, "class folder \"%s\" of %s has no picture that can be read", name, data);
	}
	return CVT_OK;
}

/* Integer sums of bytes are exact in any order; only the end is rounded. */
static void statistics(struct cvt_dataset *dataset)
{
	const double n = (double)dataset->n_pictures * dataset->image_size * dataset->image_size;
	for (int c = 0; c < dataset->channels; c++) {
		unsigned __int128 sum = 0, squares = 0;
		for (int i = 0; i < dataset->n_pictures; i++) {
			const struct cvt_prepared *row = &dataset->store->cache.table[dataset->store->slots[i]];
			sum += row->sum[c];
			squares += row->squares[c];
		}
		const unsigned __int128 whole = (unsigned __int128)n;
		const double spread = (double)(whole * squares - sum * sum) / n;   /* n times the variance */
		dataset->mean[c] = (double)sum / n / 255.0;
		dataset->std[c] = n > 1 ? sqrt(spread / (n - 1)) / 255.0 : 0.0;
	}
}

/* Classes without a picture in this part; the first few by name, since thousands of them may have only one picture each. */
static int warn_of_empty(struct cvt_dataset *dataset, int part, struct cvt_error *err)
{
	int n = 0, status = CVT_OK;
	for (int c = 0; c < dataset->n_classes && !status; c++)
		if (dataset->classes[c].part_count[part] == 0 && n++ < EMPTY_NAMED)
			status = warn(dataset, err, "class %s has no picture in the %s part", dataset->classes[c].name, part_names[part]);
	if (!status && n > EMPTY_NAMED)
		status = warn(dataset, err, "and %d more class%s without a picture in the %s part", n - EMPTY_NAMED, n - EMPTY_NAMED == 1 ? "" : "es",
			part_names[part]);
	return status;
}

/* Those whose part is open are split at random; with a folder of validation pictures, only the test part is taken from them. */
static int split(const struct cvt_dataset_options *options, const struct cvt_scan *scan, struct cvt_dataset *dataset,
	struct cvt_error *err)
{
	const bool val_given = scan && scan->roots[1];
	int *parts = malloc((size_t)dataset->n_pictures * sizeof(int)), n = 0;
	if (!parts)
		return no_memory(err);
	for (int i = 0; i < dataset->n_pictures; i++)
		n += dataset->store->fixed_parts[i] == CVT_PART_OPEN;
	int status = n ? cvt_split_random(n, val_given ? 0.0 : options->val_fraction, options->test_fraction, options->seed, parts, err) : CVT_OK;
	for (int i = 0, next = 0; i < dataset->n_pictures && !status; i++) {
		struct cvt_picture *picture = &dataset->pictures[i];
		if (dataset->store->fixed_parts[i] == CVT_PART_OPEN)
			picture->part = (enum cvt_part)parts[next++];
		dataset->part_size[picture->part]++;
		dataset->classes[picture->class_index].part_count[picture->part]++;
	}
	free(parts);
	if (!status && dataset->part_size[CVT_PART_TRAIN] == 0)
		status = cvt_fail(err, CVT_ERR_FORMAT, "%s has no picture for training that can be read", options->data);
	for (int p = 0; p < CVT_N_PARTS && !status; p++)
		if (dataset->part_size[p])
			status = warn_of_empty(dataset, p, err);
	return status;
}

static int weigh(int kind, struct cvt_dataset *dataset, struct cvt_error *err)
{
	int *counts = malloc((size_t)dataset->n_classes * sizeof(int));
	double *weights = malloc((size_t)dataset->n_classes * sizeof(double));
	if (counts && weights) {
		for (int i = 0; i < dataset->n_classes; i++)
			counts[i] = dataset->classes[i].count;
		cvt_class_weigh(kind, dataset->n_classes, counts, weights);
		for (int i = 0; i < dataset->n_classes; i++)
			dataset->classes[i].weight = weights[i];
	}
	const bool done = counts && weights;
	free(counts);
	free(weights);
	return done ? CVT_OK : no_memory(err);
}

struct by_bytes { struct cvt_digest bytes; int picture; };

static int compare_bytes(const void *a, const void *b)
{
	const struct by_bytes *x = a, *y = b;
	if (x->bytes.a != y->bytes.a)
		return x->bytes.a < y->bytes.a ? -1 : 1;
	if (x->bytes.b != y->bytes.b)
		return x->bytes.b < y->bytes.b ? -1 : 1;
	return x->picture - y->picture;
}

static int compare_duplicates(const void *a, const void *b)
{
	return strcmp(((const struct cvt_duplicate *)a)->path, ((const struct cvt_duplicate *)b)->path);
}

static int add_duplicate(struct cvt_dataset *dataset, int of, int picture, struct cvt_error *err)
{
	const struct cvt_picture *first = &dataset->pictures[of], *second = &dataset->pictures[picture];
	struct cvt_duplicate *moved = realloc(dataset->duplicates, (size_t)(dataset->n_duplicates + 1) * sizeof(*moved));
	if (!moved)
		return no_memory(err);
	dataset->duplicates = moved;
	struct cvt_duplicate duplicate = {strdup(second->path), strdup(first->path), first->part != second->part};
	if (!duplicate.path || !duplicate.of) {
		free(duplicate.path);
		free(duplicate.of);
		return no_memory(err);
	}
	moved[dataset->n_duplicates++] = duplicate;
	return CVT_OK;
}

static int find_duplicates(struct cvt_dataset *dataset, struct cvt_error *err)
{
	struct by_bytes *sorted = malloc((size_t)dataset->n_pictures * sizeof(*sorted));
	int status = CVT_OK, across = 0;
	if (!sorted)
		return no_memory(err);
	for (int i = 0; i < dataset->n_pictures; i++)
		sorted[i] = (struct by_bytes){dataset->store->cache.table[dataset->store->slots[i]].bytes, i};
	qsort(sorted, (size_t)dataset->n_pictures, sizeof(*sorted), compare_bytes);
	for (int i = 1, first = 0; i < dataset->n_pictures && !status; i++) {
		if (sorted[i].bytes.a != sorted[first].bytes.a || sorted[i].bytes.b != sorted[first].bytes.b) {
			first = i;
			continue;
		}
		status = add_duplicate(dataset, sorted[first].picture, sorted[i].picture, err);
		across += !status && dataset->duplicates[dataset->n_duplicates - 1].across_parts;
	}
	free(sorted);
	if (!status && dataset->n_duplicates)
		qsort(dataset->duplicates, (size_t)dataset->n_duplicates, sizeof(*dataset->duplicates), compare_duplicates);
	if (!status && across)
		status = warn(dataset, err, "%d picture%s the same bytes as one in another part: the accuracy flatters", across,
			across == 1 ? " has" : "s have");
	return status;
}

/* Which pictures these are, wherever and whenever they were put there: names, bytes and which of them could not be read. Dates are left out, so that
 * a copy of the folder is the same set. Built-in ones depend on the generator only. */
static void fingerprint(const struct cvt_scan *scan, const struct cvt_preparation *made, char text[40])
{
	struct cvt_digest what = cvt_digest_start();
	cvt_digest_add(&what, made->how, sizeof(made->how));
	cvt_digest_add(&what, &made->cache.n, sizeof(made->cache.n));
	for (int slot = 0; scan && slot < made->cache.n; slot++) {
		const struct cvt_prepared *row = &made->cache.table[slot];
		const struct cvt_found *file = &scan->files[slot];
		const int64_t numbers[] = {file->root, file->size, row->good};
		cvt_digest_add(&what, file->path, strlen(file->path) + 1);
		cvt_digest_add(&what, numbers, sizeof(numbers));
		if (row->good)
			cvt_digest_add(&what, &row->bytes, sizeof(row->bytes));
	}
	snprintf(text, 40, "%016llx%016llx", (unsigned long long)what.a, (unsigned long long)what.b);
}

static int fill(const struct cvt_dataset_options *options, const struct cvt_scan *scan, const struct cvt_preparation *made,
	struct cvt_dataset *dataset, struct cvt_error *err)
{
	fingerprint(scan, made, dataset->fingerprint);
	dataset->n_others = scan ? scan->n_others : 0;
	int status = made->warning[0] ? warn(dataset, err, "%s", made->warning) : CVT_OK;
	if (!status)
		status = name_classes(scan, dataset, err);
	if (!status)
		status = list_pictures(scan, dataset, err);
	if (!status)
		status = check_classes(dataset, options->data, err);
	if (status)
		return status;
	statistics(dataset);
	status = split(options, scan, dataset, err);
	if (!status)
		status = weigh(options->class_weights, dataset, err);
	return status || !scan ? status : find_duplicates(dataset, err);
}

int cvt_dataset_open(const struct cvt_dataset_options *options, const struct cvt_dataset_progress *progress,
	struct cvt_dataset **ret_dataset, struct cvt_error *err)
{
	struct cvt_scan scan = {0};
	struct cvt_preparation made;
	int status = check_options(options, err);
	if (status)
		return status;
	const bool builtin = is_builtin(options->data);
	if (builtin && options->val && options->val[0])
		return cvt_fail(err, CVT_ERR_RANGE, "the built-in pictures take no folder of validation pictures: leave --val out");
	struct cvt_dataset *dataset = calloc(1, sizeof(*dataset));
	if (!dataset)
		return no_memory(err);
	dataset->image_size = options->image_size;
	dataset->channels = options->channels;
	dataset->store = calloc(1, sizeof(*dataset->store));
	if (!dataset->store) {
		status = no_memory(err);
		goto out;
	}
	dataset->store->cache.fd = -1;
	if (!builtin)
		status = cvt_scan_folder(options->data, options->val, progress, &scan, err);
	if (!status)
		status = cvt_prepare(options, builtin ? NULL : &scan, progress, &made, err);
	if (!status) {
		dataset->store->cache = made.cache;
		status = fill(options, builtin ? NULL : &scan, &made, dataset, err);
	}
out:
	cvt_scan_finish(&scan);
	if (status)
		cvt_dataset_close(dataset);
	else
		*ret_dataset = dataset;
	return status;
}

void cvt_dataset_close(struct cvt_dataset *dataset)
{
	if (!dataset)
		return;
	for (int i = 0; i < dataset->n_classes; i++)
		free(dataset->classes[i].name);
	for (int i = 0; i < dataset->n_pictures; i++)
		free(dataset->pictures[i].path);
	for (int i = 0; i < dataset->n_bad; i++) {
		free(dataset->bad[i].path);
		free(dataset->bad[i].reason);
	}
	for (int i = 0; i < dataset->n_duplicates; i++) {
		free(dataset->duplicates[i].path);
		free(dataset->duplicates[i].of);
	}
	for (int i = 0; i < dataset->n_warnings; i++)
		free(dataset->warnings[i]);
	free(dataset->classes);
	free(dataset->pictures);
	free(dataset->bad);
	free(dataset->duplicates);
	free(dataset->warnings);
	if (dataset->store) {
		cvt_cache_close(&dataset->store->cache);
		free(dataset->store->slots);
		free(dataset->store->fixed_parts);
		free(dataset->store);
	}
	free(dataset);
}

int cvt_dataset_count_classes(const char *data, const struct cvt_dataset_progress *progress, int *ret_n_classes, int *ret_count,
	struct cvt_error *err)
{
	if (is_builtin(data)) {
		int n = 0;
		for (int i = 0; i < CVT_PICTURES_CLASSES; i++)
			n += cvt_pictures_count(i);
		*ret_n_classes = CVT_PICTURES_CLASSES;
		if (ret_count)
			*ret_count = n;
		return CVT_OK;
	}
	struct cvt_scan scan = {0};
	const int status = cvt_scan_folder(data, NULL, progress, &scan, err);
	if (!status) {
		*ret_n_classes = scan.n_classes;
		if (ret_count)
			*ret_count = scan.n_files;
	}
	cvt_scan_finish(&scan);
	return status;
}

int cvt_dataset_pixels(const struct cvt_dataset *dataset, int picture, unsigned char *pixels, struct cvt_error *err)
{
	if (picture < 0 || picture >= dataset->n_pictures)
		return cvt_fail(err, CVT_ERR_RANGE, "no picture %d: there are %d", picture, dataset->n_pictures);
	return cvt_cache_read(&dataset->store->cache, dataset->store->slots[picture], false, pixels, err);
}
