/* options.c - YAML into a configuration; what is accepted must survive a round trip. */
#include <stdlib.h>
#include <string.h>

#include "convtui/config.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cvt_config config, again;
	struct cvt_error err = {0};
	char *text;
	int n;

	cvt_config_init(&config);
	if (cvt_config_parse(&config, (const char *)data, size, "input.yaml", &err) != CVT_OK) {
		fuzz_check_error(&err);
		return 0;
	}
	cvt_config_resolve(&config);
	if (cvt_config_check(&config, &err) != CVT_OK) {
		fuzz_check_error(&err);
		return 0;
	}
	if (cvt_config_write(&config, NULL, &text, &err) != CVT_OK)
		__builtin_trap();
	cvt_config_init(&again);
	if (cvt_config_parse(&again, text, strlen(text), "again.yaml", &err) != CVT_OK)
		__builtin_trap();
	cvt_options(&n);
	for (int i = 0; i < n; i++) {
		char a[1100], b[1100];

		cvt_config_get(&config, &cvt_options(&n)[i], a, sizeof a);
		cvt_config_get(&again, &cvt_options(&n)[i], b, sizeof b);
		if (strcmp(a, b) != 0)
			__builtin_trap();
	}
	free(text);
	return 0;
}
