/* prepare.h - from the list of files to pixels in the cache: decodes in parallel what the cache lacks. */
#ifndef CVT_DATA_PREPARE_H
#define CVT_DATA_PREPARE_H

#include "convtui/dataset.h"
#include "data/cache.h"
#include "data/sandbox.h"
#include "data/scan.h"

struct cvt_preparation {
	struct cvt_cache cache;
	int how[6];                  /* how pixels are made of a picture: versions and options */
	char warning[256];           /* "" or one: the cache is in memory, decoding is not confined */
};

/* scan NULL: the built-in pictures, all classes after each other. Free ret->cache with cvt_cache_close. */
CVT_NODISCARD int cvt_prepare(const struct cvt_dataset_options *options, const struct cvt_scan *scan,
	const struct cvt_dataset_progress *progress, struct cvt_preparation *ret, struct cvt_error *err);

/* What a sandbox's child runs for a picture: decodes and resizes it. */
CVT_NODISCARD int cvt_prepare_decode(const unsigned char *data, size_t size, const struct cvt_decode_request *request,
	unsigned char *pixels, struct cvt_error *err);

#endif
