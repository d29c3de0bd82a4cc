/* Safetensors: what is written is read again, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../scratch.h"
#include "faults.h"
#include "store/safetensors.h"

static int teardown(void **state)
{
	no_faults();
	return scratch_teardown(state);
}

static const float weights[6] = {1, -2, 3.5f, 1e-30f, 5, 6};
static const int64_t count = 12345678901234;
static const struct cvt_array arrays[] = {
	{.name = "net.0.weight", .dtype = CVT_F32, .dims = {2, 3}, .n_dims = 2, .data = weights},
	{.name = "net.1.num_batches_tracked", .dtype = CVT_I64, .n_dims = 0, .data = &count},
	{.name = "empty", .dtype = CVT_F32, .dims = {0, 7}, .n_dims = 2, .data = NULL},
	{.name = "na\xc3\xafve \"quoted\"", .dtype = CVT_F32, .dims = {1, 1, 1, 2}, .n_dims = 4, .data = weights + 4},
};
static const struct cvt_pair pairs[] = {{"format", "pt"}, {"text", "line\nline \"\\ \x1b"}};

static void write_one(const char *path)
{
	struct cvt_error err;

	if (cvt_safetensors_write(path, arrays, 4, pairs, 2, &err) != CVT_OK)
		fail_msg("%s", err.message);
}

static void what_is_written_is_read(void **state)
{
	struct cvt_safetensors file;
	struct cvt_error err;
	char raw[8];

	write_one(scratch("a"));
	assert_int_equal(cvt_safetensors_read(scratch("a"), &file, &err), CVT_OK);
	assert_int_equal(file.n_arrays, 4);
	for (int i = 0; i < 4; i++) {
		const struct cvt_array *a = cvt_safetensors_find(&file, arrays[i].name);

		assert_non_null(a);
		assert_int_equal(a->dtype, arrays[i].dtype);
		assert_int_equal(a->n_dims, arrays[i].n_dims);
		assert_memory_equal(a->dims, arrays[i].dims, sizeof a->dims);
		assert_int_equal((uintptr_t)a->data % (a->dtype == CVT_I64 ? 8 : 4), 0);
	}
	assert_memory_equal(cvt_safetensors_find(&file, "net.0.weight")->data, weights, sizeof weights);
	assert_memory_equal(cvt_safetensors_find(&file, "net.1.num_batches_tracked")->data, &count, 8);
	assert_string_equal(cvt_safetensors_metadata(&file, "text"), pairs[1].value);
	assert_null(cvt_safetensors_find(&file, "net.0"));
	assert_null(cvt_safetensors_metadata(&file, "none"));
	cvt_safetensors_finish(&file);
	cvt_safetensors_finish(&file);
	cvt_safetensors_finish(NULL);

	FILE *f = fopen(scratch("a"), "r");
	assert_int_equal(fread(raw, 1, 8, f), 8);
	fclose(f);
	assert_int_equal(((unsigned char)raw[0] + 256 * (unsigned char)raw[1] + 8) % 64, 0);   /* the data begin aligned */
	assert_int_equal(scratch_size(scratch("a")), 8 + (unsigned char)raw[0] + 256 * (unsigned char)raw[1] + 40);
	assert_int_equal(cvt_safetensors_write(scratch("none"), NULL, 0, NULL, 0, &err), CVT_OK);
	assert_int_equal(cvt_safetensors_read(scratch("none"), &file, &err), CVT_OK);
	assert_int_equal(file.n_arrays, 0);
	cvt_safetensors_finish(&file);
}

static void every_call_failing(void **state)
{
	struct cvt_safetensors file;

	inject(-1, 0);
	write_one(scratch("a"));
	int calls = faults.calls;
	/* The order is the promise: the bytes are on the disk before the name is theirs, and the name after. */
	char *sync = strstr(faults.trace, "fsync a.0.tmp\n"), *name = strstr(faults.trace, "rename a\n");
	assert_true(sync != NULL && name != NULL && sync < name && strstr(name, "\nfsync ") != NULL);
	assert_null(strstr(sync, "write"));
	for (int at = 0; at < calls; at++) {
		no_faults();
		scratch_text(scratch("a"), "old");
		inject(at, ENOSPC);
		assert_int_equal(cvt_safetensors_write(scratch("a"), arrays, 4, pairs, 2, NULL), CVT_ERR_SPACE);
		no_faults();
		assert_false(scratch_exists(scratch("a.0.tmp")));
		if (at < calls - 1) {
			assert_string_equal(scratch_get(scratch("a")), "old");
		} else {
			assert_int_equal(cvt_safetensors_read(scratch("a"), &file, NULL), CVT_OK);
			cvt_safetensors_finish(&file);
		}
	}
}

static void names_that_cannot_be(void **state)
{
	static const char *const names[] = {"", "a\nb", "\x1b[31m", "\xff", "__metadata__", "rtl\xe2\x80\xae"};
	struct cvt_array a = arrays[0];
	char longest[300];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		a.name = names[i];
		assert_int_equal(cvt_safetensors_write(scratch("a"), &a, 1, NULL, 0, NULL), CVT_ERR_RANGE);
	}
	memset(longest, 'x', sizeof longest);
	longest[256] = 0;
	a.name = longest;
	assert_int_equal(cvt_safetensors_write(scratch("a"), &a, 1, NULL, 0, NULL), CVT_ERR_RANGE);
	struct cvt_array twice[2] = {arrays[0], arrays[0]};
	assert_int_equal(cvt_safetensors_write(scratch("a"), twice, 2, NULL, 0, NULL), CVT_ERR_RANGE);
	a = arrays[0];
	a.dims[0] = -1;
	assert_int_equal(cvt_safetensors_write(scratch("a"), &a, 1, NULL, 0, NULL), CVT_ERR_RANGE);
	a.n_dims = 5;
	assert_int_equal(cvt_safetensors_write(scratch("a"), &a, 1, NULL, 0, NULL), CVT_ERR_RANGE);
	a = (struct cvt_array){.name = "huge", .dims = {2147483647, 2147483647, 2147483647, 2147483647}, .n_dims = 4, .data = weights};
	assert_int_equal(cvt_safetensors_write(scratch("a"), &a, 1, NULL, 0, NULL), CVT_ERR_RANGE);
	a = (struct cvt_array){.name = "wraps", .dims = {65536, 65536, 65536, 65536}, .n_dims = 4, .data = weights}; /* to 0 bytes */
	assert_int_equal(cvt_safetensors_write(scratch("a"), &a, 1, NULL, 0, NULL), CVT_ERR_RANGE);
	assert_false(scratch_exists(scratch("a")) || scratch_exists(scratch("a.0.tmp")));
}

/* A file made by hand: header text, then `n_data` zero bytes. */
static int read_made(const char *header, size_t n_data, struct cvt_safetensors *file)
{
	size_t length = strlen(header);
	char *bytes = calloc(1, 8 + length + n_data + 1);

	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(length >> 8 * i);
	memcpy(bytes + 8, header, length);
	scratch_put(scratch("made"), "w", bytes, 8 + length + n_data);
	free(bytes);

	int status = cvt_safetensors_read(scratch("made"), file, NULL);

	return status;
}

#define A(name, dtype, shape, from, to) "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"

static void files_of_others(void **state)
{
	struct cvt_safetensors file;

	assert_int_equal(read_made("{" A("b", "F32", "[2]", 8, 16) "," A("a", "F32", "[2]", 0, 8) "}   ", 16, &file), CVT_OK);
	assert_int_equal(file.n_pairs, 0);
	cvt_safetensors_finish(&file);
	assert_int_equal(read_made("{" A("h", "BF16", "[2]", 0, 4) "," A("d", "F32", "[1,1,1,1,1]", 4, 8) "}", 8, &file), CVT_OK);
	assert_int_equal(cvt_safetensors_find(&file, "h")->dtype, CVT_DTYPE_OTHER);
	assert_null(cvt_safetensors_find(&file, "h")->data);
	assert_int_equal(cvt_safetensors_find(&file, "d")->dtype, CVT_DTYPE_OTHER);
	cvt_safetensors_finish(&file);
	assert_int_equal(read_made("{\"__metadata__\":{\"checksum\":\"somebody's own\"}}", 0, &file), CVT_OK);
	cvt_safetensors_finish(&file);
}

static void lying_files(void **state)
{
	static const struct { const char *header; size_t n_data; } rows[] = {
		{"", 0}, {"{", 0}, {"[]", 0}, {"{}x", 0}, {"{}", 4}, {"null", 0},
		{"{" A("a", "F32", "[2]", 0, 8) "}", 7},                                   /* cut */
		{"{" A("a", "F32", "[2]", 0, 8) "}", 9},                                   /* more than it says */
		{"{" A("a", "F32", "[3]", 0, 8) "}", 8},                                   /* shape and bytes differ */
		{"{" A("a", "I64", "[2]", 0, 8) "}", 8},
		{"{" A("a", "F32", "[2]", 8, 0) "}", 8},
		{"{" A("a", "F32", "[2]", -8, 0) "}", 8},
		{"{" A("a", "F32", "[-2]", 0, 8) "}", 8},
		{"{" A("a", "F32", "[2.0]", 0, 8) "}", 8},
		{"{" A("a", "F32", "[\"2\"]", 0, 8) "}", 8},
		{"{" A("a", "F32", "2", 0, 8) "}", 8},
		{"{" A("a", "F32", "[9223372036854775807]", 0, 8) "}", 8},
		{"{" A("a", "F32", "[4294967296,4294967296]", 0, 0) "}", 0},               /* the product wraps to 0 */
		{"{" A("a", "F32", "[65536,65536,65536,65536]", 0, 0) "}", 0},
		{"{" A("a", "F32", "[2147483647,2147483647,4]", 0, 8) "}", 8},
		{"{" A("a", "F32", "[2]", 0, 9223372036854775807) "}", 8},
		{"{" A("a", "F32", "[2]", 0, 8) "," A("a", "F32", "[2]", 8, 16) "}", 16},  /* twice */
		{"{" A("a", "F32", "[2]", 0, 8) "," A("b", "F32", "[2]", 4, 12) "}", 12},  /* overlap */
		{"{" A("a", "F32", "[2]", 0, 8) "," A("b", "F32", "[2]", 0, 8) "}", 8},
		{"{" A("a", "F32", "[2]", 0, 8) "," A("b", "F32", "[2]", 12, 20) "}", 20}, /* hole */
		{"{" A("a\\nb", "F32", "[2]", 0, 8) "}", 8},                               /* a control character in a name */
		{"{" A("a\\u0000b", "F32", "[2]", 0, 8) "}", 8},
		{"{" A("", "F32", "[2]", 0, 8) "}", 8},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8},
		{"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}}", 8},
		{"{\"a\":5}", 8},
		{"{\"__metadata__\":{\"x\":1}}", 0}, {"{\"__metadata__\":[]}", 0}, {"{\"__metadata__\":{},\"__metadata__\":{}}", 0},
		{"{\"__metadata__\":{\"checksum\":\"crc32c:00000001\"}}", 0},
		{"{\"a\xff\":1}", 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cvt_safetensors file = {.n_arrays = 77};
		int status = read_made(rows[i].header, rows[i].n_data, &file);

		if (status != CVT_ERR_FORMAT)
			fail_msg("%s with %zu bytes: %d", rows[i].header, rows[i].n_data, status);
		assert_int_equal(file.n_arrays, 77);
	}
}

static void lying_lengths(void **state)
{
	static const uint64_t lengths[] = {0, 1, 3, 100, CVT_SAFETENSORS_HEADER + 1, INT64_MAX, UINT64_MAX, UINT64_MAX - 7};
	struct cvt_safetensors file;
	unsigned char bytes[10] = {0, 0, 0, 0, 0, 0, 0, 0, '{', '}'};

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		for (int k = 0; k < 8; k++)
			bytes[k] = (unsigned char)(lengths[i] >> 8 * k);
		scratch_put(scratch("made"), "w", bytes, sizeof bytes);
		assert_int_equal(cvt_safetensors_read(scratch("made"), &file, NULL), CVT_ERR_FORMAT);
	}
	/* A header of its largest size in a file that has less. */
	for (int k = 0; k < 8; k++)
		bytes[k] = (unsigned char)((uint64_t)CVT_SAFETENSORS_HEADER >> 8 * k);
	scratch_put(scratch("made"), "w", bytes, sizeof bytes);
	assert_int_equal(cvt_safetensors_read(scratch("made"), &file, NULL), CVT_ERR_FORMAT);
	/* A header one byte too large, which is good JSON and all there. */
	char *large = malloc(8 + CVT_SAFETENSORS_HEADER + 1);
	for (int k = 0; k < 8; k++)
		large[k] = (char)((uint64_t)(CVT_SAFETENSORS_HEADER + 1) >> 8 * k);
	memset(large + 8, ' ', CVT_SAFETENSORS_HEADER + 1);
	memcpy(large + 8, "{}", 2);
	scratch_put(scratch("made"), "w", large, 8 + CVT_SAFETENSORS_HEADER + 1);
	assert_int_equal(cvt_safetensors_read(scratch("made"), &file, NULL), CVT_ERR_FORMAT);
	free(large);
	/* Sparse terabytes are refused before memory is taken for them. */
	scratch_put(scratch("made"), "w", "\2\0\0\0\0\0\0\0{}", 10);
	if (truncate(scratch("made"), (off_t)1 << 43) == 0) {
		struct cvt_error err;

		assert_int_equal(cvt_safetensors_read(scratch("made"), &file, &err), CVT_ERR_MEMORY);
		assert_non_null(strstr(err.message, "of memory that are free"));
		assert_int_equal(truncate(scratch("made"), 0), 0);
	}
	mkfifo(scratch("fifo"), 0600);
	assert_int_equal(cvt_safetensors_read(scratch("fifo"), &file, NULL), CVT_ERR_FORMAT);
	assert_int_equal(cvt_safetensors_read(scratch_folder, &file, NULL), CVT_ERR_FORMAT);
	assert_int_equal(cvt_safetensors_read(scratch("absent"), &file, NULL), CVT_ERR_NOT_FOUND);
}

/* Every cut, and a flipped bit in every byte: refused, or (a bit of the header's text that nothing depends on) read without harm. */
static void damaged_files(void **state)
{
	struct cvt_safetensors file;
	char bytes[1024];
	size_t size, taken = 0, data;

	write_one(scratch("a"));
	size = (size_t)scratch_size(scratch("a"));
	assert_true(size < sizeof bytes);
	data = size - 40;
	FILE *f = fopen(scratch("a"), "r");
	assert_int_equal(fread(bytes, 1, size, f), size);
	fclose(f);
	for (size_t cut = 0; cut < size; cut++) {
		scratch_put(scratch("b"), "w", bytes, cut);
		assert_int_equal(cvt_safetensors_read(scratch("b"), &file, NULL), CVT_ERR_FORMAT);
	}
	for (size_t i = 0; i < size; i++) {
		for (int bit = 0; bit < 8; bit++) {
			bytes[i] ^= (char)(1 << bit);
			scratch_put(scratch("b"), "w", bytes, size);
			int status = cvt_safetensors_read(scratch("b"), &file, NULL);
			bytes[i] ^= (char)(1 << bit);
			if (status == CVT_OK) {
				assert_true(i < data); /* the checksum covers every byte of data */
				taken++;
				cvt_safetensors_finish(&file);
			} else {
				assert_int_equal(status, CVT_ERR_FORMAT);
			}
		}
	}
	assert_true(taken < 4 * size);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(what_is_written_is_read), WITH_FOLDER(every_call_failing), WITH_FOLDER(names_that_cannot_be), WITH_FOLDER(files_of_others),
		WITH_FOLDER(lying_files), WITH_FOLDER(lying_lengths), WITH_FOLDER(damaged_files),
	};

	return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
