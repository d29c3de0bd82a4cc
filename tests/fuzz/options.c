/* options.c - YAML into a configuration, or into a sweep; what is accepted must survive a round trip, and a step of each number up and down. The
 * same bytes are the text of one option and a preset's name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convtui/config.h"
#include "fuzz.h"

/* Every value that a step leads to must be one that may be given. */
static void step(const struct cvt_config *config)
{
	struct cvt_error err = {0};
	int n;
	const struct cvt_option *options = cvt_options(&n);

	for (int i = 0; i < n; i++) {
		for (int direction = -1; direction <= 1; direction += 2) {
			struct cvt_config moved = *config;
			char text[1100];

			cvt_config_step(&moved, &options[i], direction);
			cvt_config_get(&moved, &options[i], text, sizeof text);
			if (cvt_config_set(&moved, &options[i], text, &err) != CVT_OK)
				__builtin_trap();
		}
	}
}

static void sweep(const uint8_t *data, size_t size)
{
	const char *texts[64] = {0};
	struct cvt_config base;
	struct cvt_sweep all;
	struct cvt_error err = {0};
	char path[256], text[200];
	int n;

	cvt_options(&n);
	fuzz_write("x.yaml", data, size);
	snprintf(path, sizeof path, "%s/x.yaml", fuzz_folder());
	if (cvt_sweep_load_preset(path, texts, &all, &err) != CVT_OK)
		fuzz_check_error(&err);
	else
		cvt_sweep_finish(&all);
	cvt_config_init(&base);
	if (cvt_config_load(&base, path, &err) != CVT_OK)
		fuzz_check_error(&err);
	snprintf(text, sizeof text, "%.*s", size < 190 ? (int)size : 190, (const char *)data);
	if (cvt_config_load_preset(&base, text, &err) != CVT_OK)
		fuzz_check_error(&err);
	cvt_config_init(&base);
	texts[size % (size_t)n] = text;
	if (cvt_sweep_expand(&base, texts, &all, &err) != CVT_OK)
		fuzz_check_error(&err);
	else
		cvt_sweep_finish(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cvt_config config, again;
	struct cvt_error err = {0};
	char *text;
	int n;

	sweep(data, size);
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
	step(&config);
	if (cvt_config_write(&config, &(struct cvt_provenance){"f\"i'n", "parent", NULL, "1"}, &text, &err) != CVT_OK)
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
