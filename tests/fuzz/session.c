/* session.c - a run folder made by others: live page, rows, commands, log, split by lines of "===". It is followed, then it changes. */
#include <string.h>

#include "convtui/session.h"
#include "fuzz.h"

static const char *const names[] = {"live", "batches.csv", "epochs.csv", "commands.csv", "log.txt", "config.yaml"};

static void write_parts(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const uint8_t *end = size >= 5 ? memmem(data, size, "\n===\n", 5) : NULL;
		size_t n = end != NULL ? (size_t)(end - data) + 1 : size;

		fuzz_write(names[i], data, n);
		data += end != NULL ? n + 4 : size;
		size -= end != NULL ? n + 4 : size;
	}
}

static void follow(struct cvt_session *s)
{
	struct cvt_error err = {0};
	int code = 0;

	for (int i = 0; i < 64 && (i == 0 || s->behind); i++)
		code = cvt_session_poll(s, &err);
	if (code < 0)
		fuzz_check_error(&err);
	for (int i = 0; i < s->n_log; i++)
		if (strpbrk(s->log[i], "\033\n\r\b") != NULL)
			__builtin_trap();
	for (int64_t i = 1; i < s->n_batches; i++)
		if (s->batches[i].batch < s->batches[i - 1].batch)
			__builtin_trap();    /* a curve that folds back */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cvt_session *s;
	struct cvt_error err = {0};

	write_parts(data, size);
	if (cvt_session_open(fuzz_folder(), &s, &err) != CVT_OK) {
		fuzz_check_error(&err);
		return 0;
	}
	follow(s);
	write_parts(data + size / 2, size - size / 2);
	follow(s);
	cvt_session_close(s);
	return 0;
}
