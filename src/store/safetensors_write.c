/* safetensors_write.c - see store/safetensors.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "convtui/text.h"
#include "store/safetensors_private.h"

enum { ALIGNMENT = 64, MAX_ARRAYS = 100000 };

int64_t cvt_array_bytes(const struct cvt_array *array)
{
	int64_t bytes = array->dtype == CVT_F32 ? 4 : array->dtype == CVT_I64 ? 8 : -1;

	if (bytes < 0 || array->n_dims < 0 || array->n_dims > 4)
		return -1;
	for (int i = 0; i < array->n_dims; i++)
		if (array->dims[i] < 0 || __builtin_mul_overflow(bytes, (int64_t)array->dims[i], &bytes))
			return -1;
	return bytes;
}

static bool clean_name(const char *name)
{
	char clean[256];

	return *name != 0 && strcmp(name, "__metadata__") != 0 && strlen(name) < sizeof clean &&
		cvt_text_clean(clean, sizeof clean, name) == strlen(name) && strcmp(clean, name) == 0;
}

/* The order in the file: I64 first, so that every array is aligned to its own type (the format allows no holes). */
static int place(const struct cvt_array *arrays, int n, int *order, int64_t *ret_total, struct cvt_error *err)
{
	int used = 0;
	int64_t total = 0;

	if (n < 0 || n > MAX_ARRAYS)
		return cvt_fail(err, CVT_ERR_RANGE, "%d arrays: at most %d go into a safetensors file", n, MAX_ARRAYS);
	for (int i = 0; i < n; i++) {
		int64_t bytes = cvt_array_bytes(&arrays[i]);

		if (!clean_name(arrays[i].name))
			return cvt_fail(err, CVT_ERR_RANGE, "\"%s\" cannot be the name of an array", arrays[i].name);
		if (bytes < 0 || __builtin_add_overflow(total, bytes, &total))
			return cvt_fail(err, CVT_ERR_RANGE, "array %s: not a shape that can be written", arrays[i].name);
	}
	for (int i = 0; i < n; i++)
		if (arrays[i].dtype == CVT_I64)
			order[used++] = i;
	for (int i = 0; i < n; i++)
		if (arrays[i].dtype != CVT_I64)
			order[used++] = i;
	*ret_total = total;
	return CVT_OK;
}

static uint32_t checksum(const struct cvt_array *arrays, int n, const int *order)
{
	uint32_t crc = 0;

	for (int i = 0; i < n; i++) {
		const struct cvt_array *a = &arrays[order[i]];
		int64_t bytes = cvt_array_bytes(a);

		if (bytes > 0)
			crc = cvt_crc32c(crc, a->data, (size_t)bytes);
	}
	return crc;
}

static json_t *metadata_object(const struct cvt_pair *pairs, int n, uint32_t crc)
{
	json_t *object = json_object();
	char sum[24];

	for (int i = 0; i < n; i++)
		if (json_object_set_new(object, pairs[i].key, json_string(pairs[i].value)) != 0)
			goto failed; /* not UTF-8, or no memory */
	snprintf(sum, sizeof sum, "crc32c:%08" PRIx32, crc);
	if (json_object_set_new(object, "checksum", json_string(sum)) == 0)
		return object;
failed:
	json_decref(object);
	return NULL;
}

static json_t *array_object(const struct cvt_array *a, int64_t from, int64_t to)
{
	json_t *shape = json_array();

	for (int i = 0; i < a->n_dims; i++)
		if (json_array_append_new(shape, json_integer(a->dims[i])) != 0) {
			json_decref(shape);
			return NULL;
		}
	return json_pack("{s:s, s:o, s:[I, I]}", "dtype", a->dtype == CVT_I64 ? "I64" : "F32", "shape", shape, "data_offsets",
		(json_int_t)from, (json_int_t)to);
}

/* The 8-byte length and the header, padded with spaces so that the data begin aligned. NULL: no memory, a name twice, or not UTF-8. */
static char *make_header(const struct cvt_array *arrays, int n, const int *order, const struct cvt_pair *pairs, int n_pairs,
	size_t *ret_size)
{
	json_t *root = json_object();
	char *text = NULL, *header = NULL;
	int64_t at = 0;

	if (json_object_set_new(root, "__metadata__", metadata_object(pairs, n_pairs, checksum(arrays, n, order))) != 0)
		goto out;
	for (int i = 0; i < n; i++) {
		const struct cvt_array *a = &arrays[order[i]];
		int64_t bytes = cvt_array_bytes(a);

		if (json_object_get(root, a->name) != NULL || json_object_set_new(root, a->name, array_object(a, at, at + bytes)) != 0)
			goto out;
		at += bytes;
	}
	text = json_dumps(root, JSON_COMPACT);
	if (text == NULL)
		goto out;

	size_t length = strlen(text), padded = (8 + length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	header = malloc(padded);
	if (header == NULL)
		goto out;
	memset(header, ' ', padded);
	for (int i = 0; i < 8; i++)
		header[i] = (char)((uint64_t)(padded - 8) >> 8 * i);
	memcpy(header + 8, text, length);
	*ret_size = padded;
out:
	free(text);
	json_decref(root);
	return header;
}

static int write_synced(const char *path, const char *header, size_t header_size, const struct cvt_array *arrays, int n,
	const int *order, struct cvt_error *err)
{
	int fd = cvt_file_open_write(path, O_CREAT | O_EXCL, err);

	if (fd < 0)
		return fd;

	int status = cvt_file_write_all(fd, path, header, header_size, err);

	for (int i = 0; i < n && status == CVT_OK; i++) {
		const struct cvt_array *a = &arrays[order[i]];

		status = cvt_file_write_all(fd, path, a->data, (size_t)cvt_array_bytes(a), err);
	}
	if (status == CVT_OK)
		status = cvt_file_sync(fd, path, false, err);
	if (close(fd) != 0 && status == CVT_OK)
		status = cvt_fail_errno(err, errno, "cannot close %s", path);
	if (status != CVT_OK)
		unlink(path);
	return status;
}

static int write_file(const char *path, const struct cvt_array *arrays, int n_arrays, const struct cvt_pair *metadata, int n_pairs, struct cvt_error *err)
{
	int *order = malloc(((size_t)(n_arrays > 0 ? n_arrays : 0) + 1) * sizeof *order);
	char *header = NULL;
	size_t header_size = 0;
	int64_t total = 0;
	int status = order == NULL ? cvt_fail(err, CVT_ERR_MEMORY, "no memory to write %s", path) :
		place(arrays, n_arrays, order, &total, err);

	if (status == CVT_OK) {
		header = make_header(arrays, n_arrays, order, metadata, n_pairs, &header_size);
		if (header == NULL)
			status = cvt_fail(err, CVT_ERR_RANGE, "cannot write %s: a name twice, text that is not UTF-8, or no memory", path);
	}
	if (status == CVT_OK)
		status = write_synced(path, header, header_size, arrays, n_arrays, order, err);
	free(header);
	free(order);
	return status;
}

int cvt_safetensors_write_new(const char *path, const struct cvt_array *arrays, int n_arrays, const struct cvt_pair *metadata,
	int n_pairs, struct cvt_error *err)
{
	unlink(path); /* left by a crash */
	return write_file(path, arrays, n_arrays, metadata, n_pairs, err);
}

/* A name beside `path` that no file has: what is there is somebody's, whatever it is called. */
static int temporary_beside(const char *path, char *name, size_t size, struct cvt_error *err)
{
	for (int i = 0; i < 1000; i++) {
		if ((size_t)snprintf(name, size, "%s.%d.tmp", path, i) >= size)
			return cvt_fail(err, CVT_ERR_RANGE, "path too long: %.100s...", path);
		if (faccessat(AT_FDCWD, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
			return CVT_OK;
	}
	return cvt_fail(err, CVT_ERR_RANGE, "%s.0.tmp to .999.tmp are there: remove what is left of other writings", path);
}

int cvt_safetensors_write(const char *path, const struct cvt_array *arrays, int n_arrays, const struct cvt_pair *metadata,
	int n_pairs, struct cvt_error *err)
{
	char temporary[4096], folder[4096];

	int status = temporary_beside(path, temporary, sizeof temporary, err);

	if (status != CVT_OK)
		return status;
	cvt_path_folder(folder, sizeof folder, path);
	status = write_file(temporary, arrays, n_arrays, metadata, n_pairs, err);      /* fails where another took the name meanwhile */

	if (status != CVT_OK)
		return status;
	status = cvt_file_rename(temporary, path, err);
	if (status != CVT_OK) {
		unlink(temporary);
		return status;
	}
	return cvt_folder_sync(folder, err);
}
