/* session.c - a run folder made by others: live page, rows, commands, log, split by lines of "===". It is followed, then it changes. A page without a
 * checksum gets the right one: what is behind it is looked for, and no mutation would find it.
 *
 * Linked with --wrap: closing an inotify descriptor takes the kernel milliseconds, and a torn page is waited for. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "convtui/session.h"
#include "convtui/text.h"
#include "fuzz.h"
#include "store/live.h"
#include "store/rows.h"

int __wrap_inotify_init1(int flags);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);

int __wrap_inotify_init1(int flags)
{
	(void)flags;
	return -1;
}

int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
	(void)wanted, (void)left;
	return 0;
}

static void write_page(const uint8_t *data, size_t size)
{
	char page[CVT_LIVE_SIZE];

	if (size > sizeof page - 32 || memmem(data, size, "checksum ", 9) != NULL) {
		fuzz_write("live", data, size);
		return;
	}
	memset(page, ' ', sizeof page);
	memcpy(page, data, size);
	page[size + (size_t)snprintf(page + size, 32, "checksum %08x\n", cvt_crc32c(0, data, size))] = ' ';
	fuzz_write("live", page, sizeof page);
}

static const char *const names[] = {"live", "batches.csv", "epochs.csv", "commands.csv", "log.txt", "config.yaml"};

static void write_parts(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const uint8_t *end = size >= 5 ? memmem(data, size, "\n===\n", 5) : NULL;
		size_t n = end != NULL ? (size_t)(end - data) + 1 : size;

		if (i == 0)
			write_page(data, n);
		else
			fuzz_write(names[i], data, n);
		data += end != NULL ? n + 4 : size;
		size -= end != NULL ? n + 4 : size;
	}
}

/* What was read is written again as it was. */
static void write_again(const struct cvt_session *s)
{
	char text[CVT_ROW_SIZE], page[CVT_LIVE_SIZE];
	struct cvt_batch_row batch;
	struct cvt_epoch_row epoch;
	struct cvt_command_row command;
	struct cvt_live live;
	double created;

	if (s->n_batches > 0 && (text[cvt_batch_format(&s->batches[s->n_batches - 1], text) - 1] = 0, !cvt_batch_parse(text, &batch)))
		__builtin_trap();
	if (s->n_epochs > 0 && (text[cvt_epoch_format(&s->epochs[s->n_epochs - 1], text) - 1] = 0, !cvt_epoch_parse(text, &epoch)))
		__builtin_trap();
	if (s->n_commands > 0 && (text[cvt_command_format(&s->commands[s->n_commands - 1], text) - 1] = 0, !cvt_command_parse(text, &command)))
		__builtin_trap();
	if (s->run.live.state == CVT_STATE_CRASHED)        /* derived, never written */
		return;
	cvt_live_format(&s->run.live, s->run.created, page);
	if (cvt_live_parse(page, sizeof page, &live, &created, NULL) != CVT_OK || live.state != s->run.live.state ||
		strcmp(live.reason, s->run.live.reason) != 0 || live.batch != s->run.live.batch)
		__builtin_trap();
}

static void follow(struct cvt_session *s)
{
	struct cvt_error err = {0};
	int code = 0;

	for (int i = 0; i < 64 && (i == 0 || s->behind); i++)
		code = cvt_session_poll(s, &err);
	if (code < 0)
		fuzz_check_error(&err);
	write_again(s);
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
