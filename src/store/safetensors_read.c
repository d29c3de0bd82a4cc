/* safetensors_read.c - see store/safetensors.h. Every size is checked against the file before memory is taken for it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "convtui/machine.h"
#include "convtui/text.h"
#include "store/safetensors_private.h"

enum { MAX_ARRAYS = 100000, MAX_PAIRS = 10000, ALIGNMENT = 64 };

/* All that a file owns: a chain of blocks. */
struct block { struct block *next; char pad[ALIGNMENT - sizeof(struct block *)]; };

void *cvt_safetensors_alloc(struct cvt_safetensors *file, size_t size)
{
	if (size > SIZE_MAX - 2 * ALIGNMENT)
		return NULL;

	struct block *b = aligned_alloc(ALIGNMENT, (sizeof *b + size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);

	if (b == NULL)
		return NULL;
	b->next = file->memory;
	file->memory = b;
	return b + 1;
}

void cvt_safetensors_finish(struct cvt_safetensors *file)
{
	if (file == NULL)
		return;
	for (struct block *b = file->memory, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	memset(file, 0, sizeof *file);
}

static const char *copy_text(struct cvt_safetensors *file, const char *text)
{
	char *copy = cvt_safetensors_alloc(file, strlen(text) + 1);

	return copy == NULL ? NULL : strcpy(copy, text);
}

struct range { int64_t from, to; };
struct reading { const char *path; struct cvt_safetensors *file; const char *data; int64_t data_size; struct range *ranges;
	struct cvt_error *err; };

static int bad(const struct reading *r, const char *what, const char *name)
{
	return cvt_fail(r->err, CVT_ERR_FORMAT, "%s is not a whole safetensors file: %s %s", r->path, what, name);
}

static int read_metadata(struct reading *r, json_t *object)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object) || json_object_size(object) > MAX_PAIRS)
		return bad(r, "its __metadata__ is no map of text", "");
	r->file->pairs = cvt_safetensors_alloc(r->file, json_object_size(object) * sizeof *r->file->pairs);
	if (r->file->pairs == NULL)
		return cvt_fail(r->err, CVT_ERR_MEMORY, "no memory to read %s", r->path);
	json_object_foreach(object, key, value) {
		if (!json_is_string(value))
			return bad(r, "its __metadata__ is no map of text", "");

		struct cvt_pair *pair = &r->file->pairs[r->file->n_pairs];

		pair->key = copy_text(r->file, key);
		pair->value = copy_text(r->file, json_string_value(value));
		if (pair->key == NULL || pair->value == NULL)
			return cvt_fail(r->err, CVT_ERR_MEMORY, "no memory to read %s", r->path);
		r->file->n_pairs++;
	}
	return CVT_OK;
}

static int64_t json_size(json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0 ? (int64_t)json_integer_value(value) : -1;
}

/* Types that this program does not compute with are listed, without their bytes, so that whoever asks for one is told. */
static int read_shape(struct reading *r, const char *name, json_t *shape, const char *dtype, struct cvt_array *a, int64_t bytes)
{
	size_t n = json_array_size(shape);

	a->dtype = strcmp(dtype, "F32") == 0 ? CVT_F32 : strcmp(dtype, "I64") == 0 ? CVT_I64 : CVT_DTYPE_OTHER;
	if (n > 4)
		a->dtype = CVT_DTYPE_OTHER;
	for (size_t i = 0; i < n; i++) {
		int64_t size = json_size(json_array_get(shape, i));

		if (size < 0 || size > INT_MAX)
			return bad(r, "shape out of range of", name);
		if (i < 4)
			a->dims[i] = (int)size;
	}
	a->n_dims = n > 4 ? 4 : (int)n;
	if (a->dtype != CVT_DTYPE_OTHER && cvt_array_bytes(a) != bytes)
		return bad(r, "bytes do not fit the shape of", name);
	return CVT_OK;
}

static int read_array(struct reading *r, const char *name, json_t *object)
{
	struct cvt_array *a = &r->file->arrays[r->file->n_arrays];
	json_t *offsets = json_object_get(object, "data_offsets"), *shape = json_object_get(object, "shape");
	const char *dtype = json_string_value(json_object_get(object, "dtype"));
	int64_t from = json_size(json_array_get(offsets, 0)), to = json_size(json_array_get(offsets, 1));
	char clean[256];
	size_t length = cvt_text_clean(clean, sizeof clean, name);

	if (length == 0 || strcmp(clean, name) != 0)
		return bad(r, "not a name:", clean);
	if (dtype == NULL || !json_is_array(shape) || json_array_size(offsets) != 2)
		return bad(r, "dtype, shape or data_offsets missing of", name);
	if (from < 0 || to < from || to > r->data_size)
		return bad(r, "offsets outside of the file of", name);
	memset(a, 0, sizeof *a);

	int status = read_shape(r, name, shape, dtype, a, to - from);

	if (status != CVT_OK)
		return status;
	a->name = copy_text(r->file, name);
	if (a->name == NULL)
		return cvt_fail(r->err, CVT_ERR_MEMORY, "no memory to read %s", r->path);
	a->data = a->dtype == CVT_DTYPE_OTHER ? NULL : r->data + from;
	r->ranges[r->file->n_arrays++] = (struct range){from, to};
	return CVT_OK;
}

static int by_offset(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->from != y->from ? (x->from < y->from ? -1 : 1) : x->to < y->to ? -1 : x->to > y->to;
}

/* The format wants the bytes covered once, without holes: what is left over was cut off, or hides something. */
static int check_cover(struct reading *r)
{
	int64_t at = 0;

	qsort(r->ranges, (size_t)r->file->n_arrays, sizeof *r->ranges, by_offset);
	for (int i = 0; i < r->file->n_arrays; i++) {
		if (r->ranges[i].from < at)
			return bad(r, "arrays overlap", "");
		if (r->ranges[i].from > at)
			return bad(r, "bytes that belong to no array", "");
		at = r->ranges[i].to;
	}
	return at == r->data_size ? CVT_OK : bad(r, "bytes that belong to no array", "");
}

static int read_objects(struct reading *r, json_t *root)
{
	const char *name;
	json_t *value;
	size_t n = json_object_size(root);

	if (n > MAX_ARRAYS)
		return bad(r, "too many arrays", "");
	r->file->arrays = cvt_safetensors_alloc(r->file, n * sizeof *r->file->arrays);
	r->ranges = malloc((n + 1) * sizeof *r->ranges);
	if (r->file->arrays == NULL || r->ranges == NULL)
		return cvt_fail(r->err, CVT_ERR_MEMORY, "no memory to read %s", r->path);
	json_object_foreach(root, name, value) {
		int status = strcmp(name, "__metadata__") == 0 ? read_metadata(r, value) : read_array(r, name, value);

		if (status != CVT_OK)
			return status;
	}
	return check_cover(r);
}

static int check_sum(const struct reading *r)
{
	static const char kind[] = "crc32c:";
	const char *sum = cvt_safetensors_metadata(r->file, "checksum");
	char mine[24];

	if (sum == NULL || strncmp(sum, kind, sizeof kind - 1) != 0)
		return CVT_OK;
	snprintf(mine, sizeof mine, "crc32c:%08" PRIx32, cvt_crc32c(0, r->data, (size_t)r->data_size));
	return strcmp(sum, mine) == 0 ? CVT_OK : bad(r, "wrong checksum: the file is damaged", "");
}

/* The file's bytes after the length, whole; NULL with *ret_status set. */
static char *read_bytes(int fd, const char *path, struct cvt_safetensors *file, int64_t *ret_header, int64_t *ret_data, int *ret_status,
	struct cvt_error *err)
{
	struct stat st;
	unsigned char length[8];
	uint64_t header = 0;
	int64_t memory = cvt_machine_memory(NULL);

	if (fstat(fd, &st) != 0) {
		*ret_status = cvt_fail_errno(err, errno, "cannot look at %s", path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_size < 8 || cvt_file_pread_all(fd, length, 8, 0, NULL) != 8) {
		*ret_status = cvt_fail(err, CVT_ERR_FORMAT, "%s is not a safetensors file: shorter than 8 bytes, or no regular file", path);
		return NULL;
	}
	for (int i = 7; i >= 0; i--)
		header = header << 8 | length[i];
	if (header < 2 || header > CVT_SAFETENSORS_HEADER || header > (uint64_t)st.st_size - 8) {
		*ret_status = cvt_fail(err, CVT_ERR_FORMAT, "%s is not a safetensors file: its header would have %" PRIu64 " bytes", path, header);
		return NULL;
	}
	if (memory > 0 && st.st_size > memory) {
		*ret_status = cvt_fail(err, CVT_ERR_MEMORY, "%s has %lld MB, more than the %lld MB of memory that are free", path,
			(long long)st.st_size >> 20, (long long)memory >> 20);
		return NULL;
	}

	/* The data begin aligned in memory; the header stands before them. */
	size_t lead = (ALIGNMENT - header % ALIGNMENT) % ALIGNMENT, size = (size_t)st.st_size - 8;
	char *bytes = cvt_safetensors_alloc(file, lead + size);

	if (bytes == NULL) {
		*ret_status = cvt_fail(err, CVT_ERR_MEMORY, "no memory to read %s", path);
		return NULL;
	}
	if (cvt_file_pread_all(fd, bytes + lead, size, 8, NULL) != (ssize_t)size) {
		*ret_status = cvt_fail(err, CVT_ERR_IO, "cannot read all of %s", path);
		return NULL;
	}
	*ret_header = (int64_t)header;
	*ret_data = (int64_t)size - (int64_t)header;
	return bytes + lead;
}

static int read_open(int fd, const char *path, struct cvt_safetensors *file, struct cvt_error *err)
{
	int status = CVT_OK;
	int64_t header, data;
	char *bytes = read_bytes(fd, path, file, &header, &data, &status, err);

	if (bytes == NULL)
		return status;

	struct reading r = {path, file, bytes + header, data, NULL, err};
	json_t *root = json_loadb(bytes, (size_t)header, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(root))
		status = bad(&r, "its header cannot be read", "");
	else
		status = read_objects(&r, root);
	json_decref(root);
	free(r.ranges);
	return status == CVT_OK ? check_sum(&r) : status;
}

int cvt_safetensors_read(const char *path, struct cvt_safetensors *ret_file, struct cvt_error *err)
{
	struct cvt_safetensors file = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return cvt_fail_errno(err, errno, "cannot open %s", path);

	int status = read_open(fd, path, &file, err);

	close(fd);
	if (status != CVT_OK) {
		cvt_safetensors_finish(&file);
		return status;
	}
	*ret_file = file;
	return CVT_OK;
}

const struct cvt_array *cvt_safetensors_find(const struct cvt_safetensors *file, const char *name)
{
	for (int i = 0; i < file->n_arrays; i++)
		if (strcmp(file->arrays[i].name, name) == 0)
			return &file->arrays[i];
	return NULL;
}

const char *cvt_safetensors_metadata(const struct cvt_safetensors *file, const char *key)
{
	for (int i = 0; i < file->n_pairs; i++)
		if (strcmp(file->pairs[i].key, key) == 0)
			return file->pairs[i].value;
	return NULL;
}
