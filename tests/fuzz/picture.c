/* picture.c - a picture file: decoded, turned upright, resized, as the decoding child does it. */
#include <stdio.h>

#include "data/image.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cvt_image image;
	struct cvt_error err = {0};
	unsigned char pixels[3 * 24 * 24];

	/* As `predict` reads it, now and then: a file a time is slow. */
	if (size % 16 == 0) {
		char path[256];

		fuzz_write("x", data, size);
		snprintf(path, sizeof path, "%s/x", fuzz_folder());
		if (cvt_image_load(path, false, &image, &err) == CVT_OK)
			cvt_image_finish(&image);
		else
			fuzz_check_error(&err);
	}
	if (cvt_image_decode(data, size, true, &image, &err) != CVT_OK) {
		fuzz_check_error(&err);
		return 0;
	}
	if (cvt_image_resize(&image, 24, 24, 3, pixels, &err) != CVT_OK)
		fuzz_check_error(&err);
	cvt_image_finish(&image);
	return 0;
}
