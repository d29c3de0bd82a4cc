/* random.c - see base/random.h. Counter: (index low, index high, major, purpose); key: seed. */
#include "base/random.h"

void cvt_random_block(uint64_t seed, enum cvt_purpose purpose, uint32_t major, uint64_t index, uint32_t out[4])
{
	uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = major, c3 = (uint32_t)purpose;
	uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

	for (int round = 0; round < 10; round++) {
		uint64_t p0 = (uint64_t)0xd2511f53u * c0, p1 = (uint64_t)0xcd9e8d57u * c2;

		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)p1;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p0;
		k0 += 0x9e3779b9u;
		k1 += 0xbb67ae85u;
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

uint32_t cvt_random_u32(uint64_t seed, enum cvt_purpose purpose, uint32_t major, uint64_t index)
{
	uint32_t block[4];

	cvt_random_block(seed, purpose, major, index / 4, block);
	return block[index % 4];
}

float cvt_random_uniform(uint64_t seed, enum cvt_purpose purpose, uint32_t major, uint64_t index)
{
	return (float)(cvt_random_u32(seed, purpose, major, index) >> 8) * 0x1p-24f;
}

/* Unbiased 0..range-1 by multiplication with rejection (Lemire 2019, "Fast random integer generation in an interval"). */
static uint32_t below(uint32_t range, uint64_t seed, enum cvt_purpose purpose, uint32_t major, uint64_t *index)
{
	uint32_t threshold = (0u - range) % range;
	uint64_t product;

	do {
		product = (uint64_t)cvt_random_u32(seed, purpose, major, (*index)++) * range;
	} while ((uint32_t)product < threshold);
	return (uint32_t)(product >> 32);
}

void cvt_random_permutation(uint64_t seed, enum cvt_purpose purpose, uint32_t major, int n, int *order)
{
	uint64_t index = 0;

	for (int i = 0; i < n; i++)
		order[i] = i;
	for (int i = n - 1; i > 0; i--) {
		int j = (int)below((uint32_t)i + 1, seed, purpose, major, &index), kept = order[i];

		order[i] = order[j];
		order[j] = kept;
	}
}
