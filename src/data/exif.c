/* exif.c - the orientation tag. See exif.h. */
#include "data/exif.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12 };

static uint32_t read_number(const unsigned char *at, int bytes, bool little)
{
	uint32_t value = 0;
	for (int i = 0; i < bytes; i++)
		value = value << 8 | at[little ? bytes - 1 - i : i];
	return value;
}

int cvt_exif_orientation(const unsigned char *tiff, size_t size)
{
	if (size < 8 || (memcmp(tiff, "II*\0", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0))
		return 1;
	const bool little = tiff[0] == 'I';
	const size_t directory = read_number(tiff + 4, 4, little);
	if (directory > size - 2)
		return 1;
	const uint32_t n = read_number(tiff + directory, 2, little);
	for (uint32_t i = 0; i < n; i++) {
		const size_t at = directory + 2 + (size_t)i * ENTRY_BYTES;
		if (at > size - ENTRY_BYTES || size < ENTRY_BYTES)
			return 1;
		if (read_number(tiff + at, 2, little) != TAG_ORIENTATION)
			continue;
		const uint32_t value = read_number(tiff + at + 8, 2, little);
		const bool one_short = read_number(tiff + at + 2, 2, little) == TYPE_SHORT && read_number(tiff + at + 4, 4, little) == 1;
		return one_short && value >= 1 && value <= 8 ? (int)value : 1;
	}
	return 1;
}

int cvt_exif_turn(struct cvt_image *image, int orientation, struct cvt_error *err)
{
	if (orientation <= 1 || orientation > 8)
		return CVT_OK;
	const long w = image->width, h = image->height, c = image->channels;
	unsigned char *turned = malloc((size_t)w * h * c);
	if (!turned)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory to turn a picture of %ld x %ld", w, h);

	/* Where pixel (x, y) goes is start + x * right + y * down in the turned picture, which is h wide for 5 to 8. */
	const long row = orientation >= 5 ? h : w, last_x = w - 1, last_y = h - 1;
	static const signed char mirrored_x[9] = {0, 0, 1, 1, 0, 0, 0, 1, 1}, mirrored_y[9] = {0, 0, 0, 1, 1, 0, 1, 1, 0};
	const long right = orientation >= 5 ? row : 1, down = orientation >= 5 ? 1 : row;
	const long sx = mirrored_x[orientation] ? -right : right, sy = mirrored_y[orientation] ? -down : down;
	const long start = (mirrored_x[orientation] ? last_x * right : 0) + (mirrored_y[orientation] ? last_y * down : 0);
	for (long y = 0; y < h; y++) {
		const unsigned char *from = image->pixels + y * w * c;
		for (long x = 0; x < w; x++)
			memcpy(turned + (start + x * sx + y * sy) * c, from + x * c, (size_t)c);
	}
	free(image->pixels);
	image->pixels = turned;
	if (orientation >= 5) {
		image->width = (int)h;
		image->height = (int)w;
	}
	return CVT_OK;
}
