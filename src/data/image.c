/* image.c - decoding one picture, the only user of stb_image. See image.h.
 *
 * The bytes are hostile until decoded: format.c has looked at the whole file first, sizes are checked before anything is allocated, and
 * stb_image's allocations come out of a budget of one thread, so that a small file cannot ask for all memory. */
#include "data/image.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/exif.h"
#include "data/format.h"

enum { MAX_SIDE = 65535 };
static const size_t max_file = (size_t)64 << 20, decode_budget = (size_t)1 << 30;
static const long max_pixels = 100L * 1000 * 1000;

/* Each block of stb_image's carries its size in front; the sum of this thread's living blocks stays within the budget. */
union block {
	size_t size;
	max_align_t aligned;
};
static _Thread_local size_t budget_used;
static _Thread_local bool budget_exceeded;

/* Zeros: stb_image decodes with Huffman tables that a damaged JPEG never defines, and would do so with what memory held before. */
static void *budget_malloc(size_t size)
{
	if (size > decode_budget || budget_used > decode_budget - size) {
		budget_exceeded = true;
		return NULL;
	}
	union block *block = calloc(1, sizeof(union block) + size);
	if (!block)
		return NULL;
	block->size = size;
	budget_used += size;
	return block + 1;
}

static void budget_free(void *pointer)
{
	if (!pointer)
		return;
	union block *block = (union block *)pointer - 1;
	budget_used -= block->size;
	free(block);
}

static void *budget_realloc(void *pointer, size_t size)
{
	void *moved = budget_malloc(size);
	if (!moved || !pointer)
		return moved;
	const size_t old = ((union block *)pointer - 1)->size;
	memcpy(moved, pointer, old < size ? old : size);
	budget_free(pointer);
	return moved;
}

#define STBI_MALLOC(size) budget_malloc(size)
#define STBI_REALLOC(pointer, size) budget_realloc(pointer, size)
#define STBI_FREE(pointer) budget_free(pointer)
#define STBI_MAX_DIMENSIONS MAX_SIDE
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#pragma GCC diagnostic ignored "-Wunused-function"    /* stays off: it is said at the end of the file */
#include <stb/stb_image.h>

static int check_size(const struct cvt_format *format, struct cvt_error *err)
{
	const long w = format->width, h = format->height;
	if (w > MAX_SIDE || h > MAX_SIDE || w > max_pixels / h)
		return cvt_fail(err, CVT_ERR_RANGE, "%ld x %ld pixels: at most 100 million are decoded", w, h);
	return CVT_OK;
}

static int decode_failed(struct cvt_error *err)
{
	if (budget_exceeded)
		return cvt_fail(err, CVT_ERR_RANGE, "needs more than %zu MB to decode", decode_budget >> 20);
	const char *reason = stbi_failure_reason();
	return cvt_fail(err, CVT_ERR_FORMAT, "cannot be decoded: %s", reason ? reason : "damaged");
}

/* Four-component JPEGs without Adobe's marker are CMYK, and Pillow takes every CMYK JPEG as inverted, as Adobe writes them. stb_image
 * would read YCbCr there, unless the marker says CMYK: a copy says it. */
static unsigned char *with_adobe_marker(const unsigned char *data, size_t size)
{
	static const unsigned char marker[16] = {0xFF, 0xEE, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0};
	unsigned char *copy = malloc(size + sizeof(marker));
	if (!copy)
		return NULL;
	memcpy(copy, data, 2);
	memcpy(copy + 2, marker, sizeof(marker));
	memcpy(copy + 2 + sizeof(marker), data + 2, size - 2);
	return copy;
}

/* Pillow opens 16-bit grey as I;16, whose convert('RGB') clips at 255; every other 16-bit PNG keeps the high byte. */
static unsigned char *decode_grey16(const unsigned char *data, int size, int *w, int *h)
{
	int channels;
	uint16_t *wide = stbi_load_16_from_memory(data, size, w, h, &channels, 1);
	if (!wide)
		return NULL;
	const size_t n = (size_t)*w * *h;
	unsigned char *rgb = budget_malloc(3 * n);
	for (size_t i = 0; rgb && i < n; i++)
		memset(rgb + 3 * i, wide[i] > 255 ? 255 : wide[i], 3);
	budget_free(wide);
	return rgb;
}

static unsigned char *decode_rgb(const unsigned char *data, size_t size, const struct cvt_format *format, int *w, int *h)
{
	int channels;
	if (format->kind == CVT_FORMAT_PNG && format->colour == CVT_PNG_GREY && format->bits == 16)
		return decode_grey16(data, (int)size, w, h);
	if (format->kind != CVT_FORMAT_JPEG || format->components != 4 || format->adobe)
		return stbi_load_from_memory(data, (int)size, w, h, &channels, 3);
	unsigned char *marked = with_adobe_marker(data, size);
	unsigned char *rgb = marked ? stbi_load_from_memory(marked, (int)size + 16, w, h, &channels, 3) : NULL;
	free(marked);
	return rgb;
}

int cvt_image_decode(const unsigned char *data, size_t size, bool exif, struct cvt_image *ret_image, struct cvt_error *err)
{
	struct cvt_format format;
	if (size > max_file)
		return cvt_fail(err, CVT_ERR_RANGE, "larger than %zu MB", max_file >> 20);
	int status = cvt_format_probe(data, size, &format, err);
	if (!status)
		status = check_size(&format, err);
	if (status)
		return status;

	int w = 0, h = 0, channels;
	budget_exceeded = false;
	/* What stb_image itself reads in the header decides what it will allocate, so the two must agree. */
	if (!stbi_info_from_memory(data, (int)size, &w, &h, &channels))
		return decode_failed(err);
	if (w != format.width || h != format.height)
		return cvt_fail(err, CVT_ERR_FORMAT, "damaged: two different sizes");
	unsigned char *rgb = decode_rgb(data, size, &format, &w, &h);
	if (!rgb)
		return decode_failed(err);
	if (w != format.width || h != format.height) {
		budget_free(rgb);
		return cvt_fail(err, CVT_ERR_FORMAT, "damaged: two different sizes");
	}
	/* Into a block of plain malloc: what is handed out must not count against the budget for ever. */
	struct cvt_image image = {.pixels = malloc((size_t)w * h * 3), .width = w, .height = h, .channels = 3};
	if (image.pixels)
		memcpy(image.pixels, rgb, (size_t)w * h * 3);
	budget_free(rgb);
	if (!image.pixels)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for %d x %d pixels", w, h);
	status = exif ? cvt_exif_turn(&image, format.orientation, err) : CVT_OK;
	if (status) {
		cvt_image_finish(&image);
		return status;
	}
	*ret_image = image;
	return CVT_OK;
}

int cvt_image_load(const char *path, bool exif, struct cvt_image *ret_image, struct cvt_error *err)
{
	char *data;
	size_t size;
	int status = cvt_file_read(path, max_file, &data, &size, err);
	if (status)
		return status;
	status = cvt_image_decode((const unsigned char *)data, size, exif, ret_image, err);
	free(data);
	return status;
}

void cvt_image_finish(struct cvt_image *image)
{
	if (!image)
		return;
	free(image->pixels);
	*image = (struct cvt_image){0};
}
