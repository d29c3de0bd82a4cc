/* expansion.c - the lambda: any bytes, then evaluated at some x. */
#include <string.h>

#include "arch/expansion.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t xs[] = {0, 1, 3, 20, 65536, -7, INT64_MAX, INT64_MIN};
	char text[400];
	struct cvt_expansion *rule;
	struct cvt_error err = {0};
	size_t n = size < sizeof text - 1 ? size : sizeof text - 1;

	memcpy(text, data, n);
	text[n] = 0;
	if (cvt_expansion_parse(text, &rule, &err) != CVT_OK) {
		fuzz_check_error(&err);
		if (err.column < 0 || err.column > (int)strlen(text) + 1)
			__builtin_trap();
		return 0;
	}
	for (size_t i = 0; i < sizeof xs / sizeof *xs; i++) {
		int64_t value;

		if (cvt_expansion_apply(rule, xs[i], &value, &err) != CVT_OK)
			fuzz_check_error(&err);
		else if (value < 1 || value > 65536)
			__builtin_trap();
	}
	cvt_expansion_destroy(rule);
	return 0;
}
