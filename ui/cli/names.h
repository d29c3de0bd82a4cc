/* names.h - names from a pipe or a terminal, one a line, for a caller that has other things to do while none is there. */
#ifndef CVT_UI_NAMES_H
#define CVT_UI_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "convtui/error.h"

enum cli_names_status {
	CLI_NAMES_NAME,
	CLI_NAMES_NONE_NOW,          /* nobody has written a whole line that was not taken yet */
	CLI_NAMES_END,
	CLI_NAMES_BAD,               /* a line that is no name: with a zero byte, or longer than any name; the next call goes on behind it */
	CLI_NAMES_FAILED             /* it cannot be read any further */
};

/* The caller's; begins as {.fd = ...}. */
struct cli_names {
	int fd, line;                /* line: from 1, the last that was taken */
	size_t begin, end;           /* what was read and not taken */
	bool at_end, skipping;       /* skipping: in a line that is too long */
	char bytes[65536];
};

/* The next line that is not empty, without its newline, which the last may lack. *ret_name is valid until the next call. wait: never
 * NONE_NOW. BAD and FAILED fill err. */
enum cli_names_status cli_names_next(struct cli_names *names, bool wait, const char **ret_name, struct cvt_error *err);

#endif
