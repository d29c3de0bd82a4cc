/* picture.c - a picture file: decoded, turned upright, resized, as the decoding child does it. */
#include "data/image.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cvt_image image;
	struct cvt_error err = {0};
	unsigned char pixels[3 * 24 * 24];

	if (cvt_image_decode(data, size, true, &image, &err) != CVT_OK) {
		fuzz_check_error(&err);
		return 0;
	}
	if (cvt_image_resize(&image, 24, 24, 3, pixels, &err) != CVT_OK)
		fuzz_check_error(&err);
	cvt_image_finish(&image);
	return 0;
}
