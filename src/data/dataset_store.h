/* dataset_store.h - the private half of a dataset: where its pixels lie. */
#ifndef CVT_DATA_DATASET_STORE_H
#define CVT_DATA_DATASET_STORE_H

#include "data/cache.h"

struct cvt_dataset_store {
	struct cvt_cache cache;
	int *slots;          /* by picture: its slot in the cache */
	int *fixed_parts;    /* by picture: enum cvt_part, or CVT_PART_OPEN */
};

#endif
