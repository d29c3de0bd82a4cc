/* random.h - random numbers without state: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
 *
 * A number is a function of (seed, purpose, major, index): nothing to save, and a resumed run draws what it would have drawn. */
#ifndef CVT_BASE_RANDOM_H
#define CVT_BASE_RANDOM_H

#include <stdint.h>

enum cvt_purpose { CVT_RANDOM_INIT = 1, CVT_RANDOM_SPLIT, CVT_RANDOM_SHUFFLE, CVT_RANDOM_DROPOUT, CVT_RANDOM_AUGMENT,
	CVT_RANDOM_PICTURE, CVT_RANDOM_TEST };

/* Four 32-bit numbers. major: epoch, batch or parameter number; index: of the block of four. */
void cvt_random_block(uint64_t seed, enum cvt_purpose purpose, uint32_t major, uint64_t index, uint32_t out[4]);
/* The index-th number of the stream. */
uint32_t cvt_random_u32(uint64_t seed, enum cvt_purpose purpose, uint32_t major, uint64_t index);
/* [0, 1), 24 bits. */
float cvt_random_uniform(uint64_t seed, enum cvt_purpose purpose, uint32_t major, uint64_t index);
/* A permutation of 0..n-1 (Fisher-Yates, unbiased), into order[n]. */
void cvt_random_permutation(uint64_t seed, enum cvt_purpose purpose, uint32_t major, int n, int *order);

#endif
