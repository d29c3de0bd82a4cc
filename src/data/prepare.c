/* prepare.c - see prepare.h.
 *
 * Each worker of the pool has a sandbox of its own, in which a child process decodes; the worker reads the file, waits, and writes the
 * pixels to the cache. */
#include "data/prepare.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/pool.h"
#include "convtui/machine.h"
#include "data/image.h"
#include "data/pictures.h"
#include "data/sandbox.h"

/* Part of the key of a cache: grows when decoding or resizing changes. */
enum { PREPARATION_VERSION = 1, MAX_FILE = 64 << 20 };

struct work {
	const struct cvt_dataset_options *options;
	const struct cvt_scan *scan;                 /* NULL: built-in */
	const struct cvt_dataset_progress *progress;
	struct cvt_cache *cache;
	struct cvt_sandbox **sandboxes;              /* by worker; NULL: built-in */
	unsigned char **buffers;                     /* by worker: a slot */
	const char *what;
	int n;
	atomic_int done, bad, unconfined;            /* unconfined: pictures decoded without seccomp */
	atomic_int unread;                           /* bad by their folder's rights or disk, not by their bytes: may read tomorrow */
	atomic_int stop;                             /* a status code: the first failure */
	double said;                                 /* [worker 0] when progress was last told */
	struct cvt_error error;                      /* [the worker that set stop] */
};

static void stop_with(struct work *work, int status, const struct cvt_error *error)
{
	int none = 0;
	if (atomic_compare_exchange_strong(&work->stop, &none, status))
		work->error = *error;
}

static void tell(struct work *work, int worker)
{
	struct cvt_error error;
	const double now = cvt_clock_monotonic();
	if (worker != 0 || !work->progress || !work->progress->step || now - work->said < 0.1)
		return;
	work->said = now;
	if (!work->progress->step(work->progress->context, atomic_load(&work->done), work->n, atomic_load(&work->bad), work->what))
		stop_with(work, cvt_fail(&error, CVT_ERR_CANCELLED, "stopped while preparing the pictures"), &error);
}

int cvt_prepare_decode(const unsigned char *data, size_t size, const struct cvt_decode_request *request, unsigned char *pixels,
	struct cvt_error *err)
{
	struct cvt_image image;
	int status = cvt_image_decode(data, size, request->exif, &image, err);
	if (status)
		return status;
	status = cvt_image_resize(&image, request->width, request->height, request->channels, pixels, err);
	cvt_image_finish(&image);
	return status;
}

static void sum_pixels(const unsigned char *pixels, size_t plane, int channels, struct cvt_prepared *row)
{
	for (int c = 0; c < channels; c++) {
		uint64_t sum = 0, squares = 0;
		for (size_t i = 0; i < plane; i++) {
			const uint32_t value = pixels[c * plane + i];
			sum += value;
			squares += value * value;
		}
		row->sum[c] = sum;
		row->squares[c] = squares;
	}
}

/* Which built-in picture slot i is. */
static void builtin_slot(int slot, int *ret_class, int *ret_index)
{
	int class_index = 0;
	while (slot >= cvt_pictures_count(class_index))
		slot -= cvt_pictures_count(class_index++);
	*ret_class = class_index;
	*ret_index = slot;
}

static int get_pixels(struct work *work, int slot, int worker, struct cvt_prepared *row, unsigned char *pixels, struct cvt_error *err)
{
	const int size = work->options->image_size, channels = work->options->channels;
	if (!work->scan) {
		int class_index, index;
		builtin_slot(slot, &class_index, &index);
		return cvt_pictures_draw(class_index, index, size, channels, pixels, err);
	}
	const struct cvt_found *file = &work->scan->files[slot];
	char path[4096], *data;
	size_t bytes;
	int status = cvt_path_join(path, sizeof(path), work->scan->roots[file->root], file->path, err);
	if (!status)
		status = cvt_file_read_as(path, "it", MAX_FILE, &data, &bytes, err);
	if (status)
		return status;
	row->bytes = cvt_digest_start();
	cvt_digest_add(&row->bytes, data, bytes);
	const struct cvt_decode_request request = {work->options->exif, size, size, channels};
	status = cvt_sandbox_decode(work->sandboxes[worker], data, bytes, &request, pixels, err);
	free(data);
	if (!status && !cvt_sandbox_confined(work->sandboxes[worker]))
		atomic_fetch_add(&work->unconfined, 1);
	return status;
}

/* Bad is what is wrong with one file; a lack of memory or of processes is not. */
static bool is_bad_file(int status)
{
	return status == CVT_ERR_FORMAT || status == CVT_ERR_RANGE || status == CVT_ERR_PERMISSION || status == CVT_ERR_NOT_FOUND ||
		status == CVT_ERR_IO;
}

static const char *short_reason(int status, const struct cvt_error *error)
{
	if (status == CVT_ERR_PERMISSION)
		return "Permission denied";
	return status == CVT_ERR_NOT_FOUND ? "gone since the folder was listed" : error->message;
}

static void prepare_task(void *context, int slot, int worker)
{
	struct work *work = context;
	struct cvt_error error = {0};
	if (atomic_load(&work->stop))
		return;
	struct cvt_prepared *row = &work->cache->table[slot];
	unsigned char *pixels = work->buffers[worker];
	int status = get_pixels(work, slot, worker, row, pixels, &error);
	if (status && is_bad_file(status)) {
		snprintf(row->reason, sizeof(row->reason), "%.127s", short_reason(status, &error));
		atomic_fetch_add(&work->bad, 1);
		if (status != CVT_ERR_FORMAT && status != CVT_ERR_RANGE)
			atomic_fetch_add(&work->unread, 1);
	} else if (!status) {
		row->good = 1;
		sum_pixels(pixels, (size_t)work->options->image_size * work->options->image_size, work->options->channels, row);
		status = cvt_cache_write(work->cache, slot, pixels, &error);
		if (status)
			stop_with(work, status, &error);
	} else {
		stop_with(work, status, &error);
	}
	atomic_fetch_add(&work->done, 1);
	tell(work, worker);
}

static void check_task(void *context, int slot, int worker)
{
	struct work *work = context;
	struct cvt_error error;
	if (atomic_load(&work->stop))
		return;
	if (!work->cache->table[slot].good)
		atomic_fetch_add(&work->bad, 1);
	else if (cvt_cache_read(work->cache, slot, true, work->buffers[worker], &error))
		stop_with(work, CVT_ERR_FORMAT, &error);
	atomic_fetch_add(&work->done, 1);
	tell(work, worker);
}

static int run_pool(struct work *work, cvt_task_fn *task, const char *what, bool decodes, struct cvt_error *err)
{
	const int allowed = work->options->threads > 0 ? work->options->threads : cvt_machine_processors(NULL);
	const int threads = allowed < work->n ? allowed : work->n;
	const struct cvt_sandbox_limits limits = cvt_sandbox_defaults(work->cache->bytes);
	struct cvt_pool *pool = NULL;
	int status = cvt_pool_create(threads, &pool, err);
	if (status)
		return status;
	work->what = what;
	atomic_store(&work->done, 0);
	atomic_store(&work->bad, 0);
	atomic_store(&work->stop, 0);
	work->buffers = calloc((size_t)threads, sizeof(*work->buffers));
	work->sandboxes = calloc((size_t)threads, sizeof(*work->sandboxes));
	if (!work->buffers || !work->sandboxes)
		status = cvt_fail(err, CVT_ERR_MEMORY, "no memory to prepare pictures");
	for (int i = 0; i < threads && !status; i++) {
		work->buffers[i] = malloc(work->cache->bytes);
		if (!work->buffers[i])
			status = cvt_fail(err, CVT_ERR_MEMORY, "no memory to prepare pictures");
		else if (decodes)
			status = cvt_sandbox_create(cvt_prepare_decode, &limits, &work->sandboxes[i], err);
	}
	if (!status) {
		cvt_pool_run(pool, task, work, work->n);
		status = atomic_load(&work->stop);
		if (status && err)
			*err = work->error;
	}
	for (int i = 0; work->buffers && work->sandboxes && i < threads; i++) {
		free(work->buffers[i]);
		cvt_sandbox_destroy(work->sandboxes[i]);
	}
	free(work->buffers);
	free(work->sandboxes);
	cvt_pool_destroy(pool);
	return status;
}

/* The cache's name is FOLDER-FILES.pixels: a digest of where and how, and one of what: names, sizes and dates, which are known without reading. */
static size_t make_keys(const int how[6], const struct cvt_scan *scan, int n, char *name, size_t size)
{
	struct cvt_digest where = cvt_digest_start();
	for (int i = 0; scan && i < 2; i++) {
		char *real = scan->roots[i] ? realpath(scan->roots[i], NULL) : NULL;
		const char *root = real ? real : scan->roots[i] ? scan->roots[i] : "";
		cvt_digest_add(&where, root, strlen(root) + 1);
		free(real);
	}
	cvt_digest_add(&where, how, 6 * sizeof(*how));
	struct cvt_digest what = cvt_digest_start();
	cvt_digest_add(&what, how, 6 * sizeof(*how));
	cvt_digest_add(&what, &n, sizeof(n));
	for (int i = 0; scan && i < scan->n_files; i++) {
		const struct cvt_found *file = &scan->files[i];
		const int64_t numbers[] = {file->root, file->size, file->mtime};
		cvt_digest_add(&what, file->path, strlen(file->path) + 1);
		cvt_digest_add(&what, numbers, sizeof(numbers));
	}
	const int prefix = snprintf(name, size, "%016llx-", (unsigned long long)(where.a ^ where.b));
	snprintf(name + prefix, size - (size_t)prefix, "%016llx%016llx.pixels", (unsigned long long)what.a,
		(unsigned long long)what.b);
	return (size_t)prefix;
}

static int build(struct work *work, const char *folder, const char *name, size_t prefix, struct cvt_preparation *made,
	struct cvt_error *err)
{
	const int n = work->n;
	const size_t bytes = (size_t)work->options->channels * work->options->image_size * work->options->image_size;
	struct cvt_error why = {0};
	int status = folder[0] ? cvt_cache_create(folder, name, n, bytes, &made->cache, &why) : CVT_ERR_NOT_FOUND;
	if (status) {
		snprintf(made->warning, sizeof(made->warning), "the pixels are kept in memory, not in a cache: %.180s",
			folder[0] ? why.message : "no cache folder: set HOME or XDG_CACHE_HOME");
		status = cvt_cache_create_memory(n, bytes, &made->cache, err);
	}
	if (!status)
		status = run_pool(work, prepare_task, work->scan ? "decoding" : "drawing", work->scan != NULL, err);
	if (!status && atomic_load(&work->unconfined) && !made->warning[0])
		snprintf(made->warning, sizeof(made->warning), "this kernel lacks seccomp: pictures are decoded in a child process, but not confined");
	/* A file that could not be read may be readable the next time with the same size and date: nothing that lasts is made of that. */
	if (!status && atomic_load(&work->unread) == 0 && cvt_cache_commit(&made->cache, prefix, &why) && !made->warning[0])
		snprintf(made->warning, sizeof(made->warning), "the cache of pictures was not kept: %.200s", why.message);
	return status;
}

int cvt_prepare(const struct cvt_dataset_options *options, const struct cvt_scan *scan, const struct cvt_dataset_progress *progress,
	struct cvt_preparation *ret, struct cvt_error *err)
{
	struct cvt_preparation made = {.cache = {.fd = -1}, .how = {PREPARATION_VERSION, options->image_size, options->channels, options->exif,
		scan ? 0 : CVT_PICTURES_VERSION, (int)sizeof(struct cvt_prepared)}};
	struct work work = {.options = options, .scan = scan, .progress = progress, .cache = &made.cache};
	char folder[4096] = "", name[96];
	for (int i = 0; i < CVT_PICTURES_CLASSES && !scan; i++)
		work.n += cvt_pictures_count(i);
	if (scan)
		work.n = scan->n_files;
	const size_t bytes = (size_t)options->channels * options->image_size * options->image_size;
	if (cvt_cache_folder(options->cache, folder, sizeof(folder), NULL))
		folder[0] = 0;
	const size_t prefix = make_keys(made.how, scan, work.n, name, sizeof(name));
	int status = folder[0] ? cvt_cache_open(folder, name, work.n, bytes, &made.cache, NULL) : CVT_ERR_NOT_FOUND;
	if (!status) {
		status = run_pool(&work, check_task, "checking the cache", false, err);
		if (status)
			cvt_cache_close(&made.cache);
	} else {
		status = CVT_ERR_FORMAT;
	}
	if (status == CVT_ERR_FORMAT)
		status = build(&work, folder, name, prefix, &made, err);
	if (status)
		cvt_cache_close(&made.cache);
	else
		*ret = made;
	return status;
}
