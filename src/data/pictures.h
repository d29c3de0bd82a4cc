/* pictures.h - the built-in pictures: motorbikes, airplanes and schooners, drawn.
 *
 * A picture is a function of its number: silhouettes in random pose, size and colour over cluttered grounds, partly hidden, noisy. They
 * are hard on purpose: one conv layer does not learn them, four do (see docs). Any thread. */
#ifndef CVT_DATA_PICTURES_H
#define CVT_DATA_PICTURES_H

#include "convtui/error.h"

enum { CVT_PICTURES_VERSION = 2, CVT_PICTURES_CLASSES = 3 };
extern const char *const cvt_pictures_classes[CVT_PICTURES_CLASSES];   /* "Motorbikes", ...: sorted by byte */
/* How many of each there are. */
int cvt_pictures_count(int class_index);
/* Draws number `index` of a class (from 0) into planar bytes, channels x size x size. */
CVT_NODISCARD int cvt_pictures_draw(int class_index, int index, int size, int channels, unsigned char *pixels, struct cvt_error *err);

#endif
