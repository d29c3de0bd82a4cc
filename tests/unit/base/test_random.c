/* Philox4x32-10 against the known answers that Random123 publishes (kat_vectors), and what is built on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "base/random.h"

static void known_answers(void **state)
{
	static const struct { uint32_t counter[4], key[2], out[4]; } rows[] = {
		{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const uint32_t *c = rows[i].counter, *k = rows[i].key;
		uint32_t out[4];

		cvt_random_block((uint64_t)k[1] << 32 | k[0], (enum cvt_purpose)c[3], c[2], (uint64_t)c[1] << 32 | c[0], out);
		assert_memory_equal(out, rows[i].out, sizeof out);
	}
}

static void numbers_are_the_blocks_in_order(void **state)
{
	uint32_t block[4];

	for (uint64_t index = 0; index < 40; index++) {
		cvt_random_block(9, CVT_RANDOM_TEST, 3, index / 4, block);
		assert_int_equal(cvt_random_u32(9, CVT_RANDOM_TEST, 3, index), block[index % 4]);
	}
	assert_int_not_equal(cvt_random_u32(9, CVT_RANDOM_TEST, 3, 0), cvt_random_u32(9, CVT_RANDOM_TEST, 4, 0));
	assert_int_not_equal(cvt_random_u32(9, CVT_RANDOM_TEST, 3, 0), cvt_random_u32(9, CVT_RANDOM_DROPOUT, 3, 0));
	assert_int_not_equal(cvt_random_u32(9, CVT_RANDOM_TEST, 3, 0), cvt_random_u32((uint64_t)1 << 32 | 9, CVT_RANDOM_TEST, 3, 0));
}

static void uniform_is_in_its_interval(void **state)
{
	double sum = 0;
	enum { N = 100000 };

	for (uint64_t i = 0; i < N; i++) {
		float u = cvt_random_uniform(1, CVT_RANDOM_TEST, 0, i);

		assert_true(u >= 0 && u < 1);
		assert_true(u * 0x1p24f == (float)(int)(u * 0x1p24f));
		sum += u;
	}
	assert_true(sum / N > 0.495 && sum / N < 0.505); /* five and a half standard errors */
}

static void permutations_are_permutations(void **state)
{
	static const int sizes[] = {0, 1, 2, 3, 100, 9999};
	static int order[9999], again[9999];
	static bool seen[9999];

	for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
		int n = sizes[k];

		memset(seen, 0, sizeof seen);
		cvt_random_permutation(4, CVT_RANDOM_SHUFFLE, 2, n, order);
		cvt_random_permutation(4, CVT_RANDOM_SHUFFLE, 2, n, again);
		assert_memory_equal(order, again, sizeof order[0] * (size_t)n);
		for (int i = 0; i < n; i++) {
			assert_true(order[i] >= 0 && order[i] < n && !seen[order[i]]);
			seen[order[i]] = true;
		}
	}
}

/* Each of the 24 orders of 4 about as often: chi-square with 23 degrees of freedom; 60 has a chance of 4e-5. */
static void permutations_are_unbiased(void **state)
{
	int counts[256] = {0}, order[4], kinds = 0;
	double chi2 = 0;
	enum { N = 24000 };

	for (uint32_t i = 0; i < N; i++) {
		cvt_random_permutation(8, CVT_RANDOM_SHUFFLE, i, 4, order);
		counts[order[0] | order[1] << 2 | order[2] << 4 | order[3] << 6]++;
	}
	for (int i = 0; i < 256; i++) {
		kinds += counts[i] > 0;
		chi2 += counts[i] > 0 ? (counts[i] - N / 24.0) * (counts[i] - N / 24.0) / (N / 24.0) : 0;
	}
	assert_int_equal(kinds, 24);
	assert_true(chi2 < 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers), cmocka_unit_test(numbers_are_the_blocks_in_order), cmocka_unit_test(uniform_is_in_its_interval),
		cmocka_unit_test(permutations_are_permutations), cmocka_unit_test(permutations_are_unbiased),
	};

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
