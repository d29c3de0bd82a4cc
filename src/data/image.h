/* image.h - decoding and resizing of one picture. image.c is the only user of stb_image. */
#ifndef CVT_DATA_IMAGE_H
#define CVT_DATA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "convtui/error.h"

struct cvt_image { unsigned char *pixels; int width, height, channels; };   /* interleaved, 3 channels (1: grey asked for) */

/* Decodes a JPEG or PNG of at most 64 MB and 100 million pixels to RGB as Pillow's convert('RGB') gives it (grey repeated, alpha
 * dropped, 16 bits as Pillow reduces them), turned upright by EXIF when asked. Errors name the reason, not the path. */
CVT_NODISCARD int cvt_image_decode(const unsigned char *data, size_t size, bool exif, struct cvt_image *ret_image,
	struct cvt_error *err);
/* Reads the file (regular, links followed) and decodes it. */
CVT_NODISCARD int cvt_image_load(const char *path, bool exif, struct cvt_image *ret_image, struct cvt_error *err);
void cvt_image_finish(struct cvt_image *image);
/* Pillow's Image.resize((width, height), BILINEAR): a triangle filter that widens when it shrinks, two passes, 8-bit rounding between
 * them as there. `pixels`: planar output, channels x height x width (channels 1: Pillow's 'L' of the RGB picture). */
CVT_NODISCARD int cvt_image_resize(const struct cvt_image *image, int width, int height, int channels, unsigned char *pixels,
	struct cvt_error *err);
/* The same bytes without AVX2, for tests. */
CVT_NODISCARD int cvt_image_resize_plain(const struct cvt_image *image, int width, int height, int channels, unsigned char *pixels,
	struct cvt_error *err);

#endif
