/* exif.h - which way up a photograph was taken, and turning it. */
#ifndef CVT_DATA_EXIF_H
#define CVT_DATA_EXIF_H

#include <stddef.h>

#include "convtui/error.h"
#include "data/image.h"

/* The orientation (1 to 8) that a TIFF block says: the payload of APP1 after "Exif\0\0", or of PNG's eXIf. 1 where there is none, or
 * where the block is broken: a wrong orientation tag is no reason to lose a picture. */
int cvt_exif_orientation(const unsigned char *tiff, size_t size);

/* Turns the picture upright: 1 nothing, 2 mirrored, 3 half a turn, 4 upside down, 5 transposed, 6 a quarter clockwise, 7 transverse,
 * 8 a quarter anticlockwise. 5 to 8 swap width and height. */
CVT_NODISCARD int cvt_exif_turn(struct cvt_image *image, int orientation, struct cvt_error *err);

#endif
