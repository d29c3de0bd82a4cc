/* names.c - see names.h. Not stdio's lines: those would not say whether the next one is there. */
#include "cli/names.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define MOST (sizeof((struct cli_names *)0)->bytes - 1)      /* a last line without newline gets its zero byte */

/* Reads what is there. CLI_NAMES_NAME: there may be one now. */
static enum cli_names_status read_more(struct cli_names *names, bool wait, struct cvt_error *err)
{
	struct pollfd ready = {.fd = names->fd, .events = POLLIN};

	memmove(names->bytes, names->bytes + names->begin, names->end - names->begin);
	names->end -= names->begin;
	names->begin = 0;
	for (;;) {
		int there = poll(&ready, 1, wait ? -1 : 0);
		ssize_t n = there > 0 ? read(names->fd, names->bytes + names->end, MOST - names->end) : there;

		if (n >= 0 && there > 0) {
			names->end += (size_t)n;
			names->at_end = n == 0;
			return CLI_NAMES_NAME;
		}
		/* EAGAIN: a pipe that somebody else made non-blocking, and read first. */
		if (there == 0 || (errno == EAGAIN && !wait))
			return CLI_NAMES_NONE_NOW;
		if (errno != EINTR && errno != EAGAIN) {
			cvt_fail_errno(err, errno, "the names on standard input");
			return CLI_NAMES_FAILED;
		}
	}
}

static enum cli_names_status look_at(struct cli_names *names, const char *line, size_t length, struct cvt_error *err)
{
	bool too_long = names->skipping;

	names->skipping = false;
	names->line++;
	if (!too_long && !memchr(line, 0, length))
		return CLI_NAMES_NAME;
	cvt_fail(err, CVT_ERR_FORMAT, "line %d of standard input is no name: it %s", names->line,
		too_long ? "is too long" : "has a zero byte in it: write one name a line");
	return CLI_NAMES_BAD;
}

enum cli_names_status cli_names_next(struct cli_names *names, bool wait, const char **ret_name, struct cvt_error *err)
{
	for (;;) {
		char *line = names->bytes + names->begin;
		size_t there = names->end - names->begin;
		char *newline = memchr(line, '\n', there);

		if (newline || (names->at_end && (there > 0 || names->skipping))) {
			size_t length = newline ? (size_t)(newline - line) : there;

			names->begin += length + (newline != NULL);
			line[length] = 0;
			*ret_name = line;
			if (length > 0 || names->skipping)
				return look_at(names, line, length, err);
			names->line++;
			continue;
		}
		if (names->at_end)
			return CLI_NAMES_END;
		if (names->skipping || there == MOST) {
			names->skipping = true;
			names->begin = names->end;
		}
		enum cli_names_status status = read_more(names, wait, err);

		if (status != CLI_NAMES_NAME)
			return status;
	}
}
