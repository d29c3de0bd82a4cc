/* dump.h - a grid as plain text: what `convtui screen` prints and what tests compare. */
#ifndef UI_TERM_DUMP_H
#define UI_TERM_DUMP_H

#include "widgets/grid.h"

/* UTF-8, a line a row, blanks at the end of a line removed. *ret_text is the caller's (free). */
CVT_NODISCARD int dump_text(const struct grid *grid, char **ret_text);
/* A letter for each cell's meaning instead of its sign, the same shape: what a colour would say. */
CVT_NODISCARD int dump_meanings(const struct grid *grid, char **ret_text);

#endif
