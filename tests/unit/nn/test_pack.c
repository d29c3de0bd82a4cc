/* test_pack.c - packing as a property: on random timelines nothing alive together overlaps, and little room is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "nn/plan_pack.h"

enum { BUFFERS_MAX = 60, CASES = 400 };

static uint32_t draw(int seed, uint64_t *next, uint32_t below)
{
	return cvt_random_u32((uint64_t)seed, CVT_RANDOM_TEST, 0, (*next)++) % below;
}

/* The most bytes alive at one time: no packing is smaller. */
static size_t least(const struct cvt_buffer *b, int n, int points)
{
	size_t most = 0;
	for (int t = 0; t < points; t++) {
		size_t sum = 0;
		for (int i = 0; i < n; i++)
			sum += b[i].first <= t && t <= b[i].last ? (b[i].bytes + 63) / 64 * 64 : 0;
		most = sum > most ? sum : most;
	}
	return most;
}

static void alive_together_apart(void **state)
{
	for (int seed = 0; seed < CASES; seed++) {
		struct cvt_buffer b[BUFFERS_MAX];
		int order[BUFFERS_MAX];
		uint64_t next = 0;
		int n = 1 + (int)draw(seed, &next, BUFFERS_MAX), points = 1 + (int)draw(seed, &next, 30);
		for (int i = 0; i < n; i++) {
			b[i].bytes = draw(seed, &next, 4) == 0 ? 0 : draw(seed, &next, 5000);
			b[i].first = (int)draw(seed, &next, (uint32_t)points);
			b[i].last = b[i].first + (int)draw(seed, &next, (uint32_t)(points - b[i].first));
		}
		size_t total = cvt_pack(b, n, order), lower = least(b, n, points);
		for (int i = 0; i < n; i++) {
			if (b[i].offset % CVT_BUFFER_ALIGNMENT || (b[i].bytes && b[i].offset + b[i].bytes > total))
				fail_msg("seed %d: buffer %d at %zu of %zu", seed, i, b[i].offset, total);
			for (int k = 0; k < i; k++)
				if (b[i].bytes && b[k].bytes && b[i].first <= b[k].last && b[k].first <= b[i].last &&
					b[i].offset < b[k].offset + b[k].bytes && b[k].offset < b[i].offset + b[i].bytes)
					fail_msg("seed %d: buffers %d and %d overlap", seed, i, k);
		}
		if (total < lower || total > 2 * lower)
			fail_msg("seed %d: %zu bytes, at least %zu are needed", seed, total, lower);
	}
}

static void reuses_what_is_free(void **state)
{
	struct cvt_buffer b[] = {{.bytes = 100, .first = 0, .last = 1}, {.bytes = 128, .first = 2, .last = 3}, {.bytes = 1, .first = 1, .last = 2}};
	int order[3];
	assert_int_equal(cvt_pack(b, 3, order), 192);
	assert_int_equal(b[0].offset, 0);
	assert_int_equal(b[1].offset, 0);
	assert_int_equal(b[2].offset, 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(alive_together_apart), cmocka_unit_test(reuses_what_is_free)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
