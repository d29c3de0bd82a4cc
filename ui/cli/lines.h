/* lines.h - lines for standard output and standard error, written by a thread of their own: a terminal that is stopped, or a reader that
 * sleeps, holds up whoever prints to it and never the caller. A reader that is gone is no failure: lines are dropped from then on. */
#ifndef CVT_UI_LINES_H
#define CVT_UI_LINES_H

#include <jansson.h>
#include <stdbool.h>

#include "convtui/error.h"

struct cli_lines;
/* Ignores SIGPIPE from here on. NULL: no memory or no thread. */
struct cli_lines *cli_lines_start(void);
void cli_lines_text(struct cli_lines *lines, bool to_stderr, const char *format, ...) CVT_PRINTF(3, 4);
void cli_lines_json(struct cli_lines *lines, json_t *object);     /* takes over the reference */
/* Waits until all is written, and frees. */
void cli_lines_finish(struct cli_lines *lines);

#endif
