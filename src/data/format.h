/* format.h - what a picture file says of itself, before a decoder is let at it.
 *
 * Walks the segments of a JPEG or the chunks of a PNG: kind, size, depth, orientation, and whether the file is whole. Reads only
 * inside the bytes given, allocates nothing. Any thread. */
#ifndef CVT_DATA_FORMAT_H
#define CVT_DATA_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "convtui/error.h"

enum cvt_format_kind { CVT_FORMAT_JPEG, CVT_FORMAT_PNG };
enum { CVT_PNG_GREY = 0, CVT_PNG_RGB = 2, CVT_PNG_PALETTE = 3, CVT_PNG_GREY_ALPHA = 4, CVT_PNG_RGBA = 6 };

struct cvt_format {
	enum cvt_format_kind kind;
	long width, height;          /* as stored, before EXIF turns it */
	int components;              /* JPEG: 1, 3, 4 */
	int bits;                    /* of a sample */
	int colour;                  /* PNG: CVT_PNG_... */
	bool adobe;                  /* JPEG: has Adobe's APP14 */
	int orientation;             /* EXIF's, 1 to 8; 1 where there is none or it is nonsense */
};

/* CVT_ERR_FORMAT with the reason: not a JPEG or PNG, truncated, damaged, a kind that is not read here. */
CVT_NODISCARD int cvt_format_probe(const unsigned char *data, size_t size, struct cvt_format *ret_format, struct cvt_error *err);

#endif
