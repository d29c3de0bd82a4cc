/* rows.h - the rows of batches.csv, epochs.csv and commands.csv as text and as values. */
#ifndef CVT_STORE_ROWS_H
#define CVT_STORE_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "convtui/session.h"

/* The first line of each file, with its newline. */
extern const char cvt_batches_header[], cvt_epochs_header[], cvt_commands_header[];
enum { CVT_ROW_SIZE = 256 };                 /* no row is longer, newline included */

/* Text of a row with its newline; returns its length. Reals by %.9g (a float survives). */
size_t cvt_batch_format(const struct cvt_batch_row *row, char text[CVT_ROW_SIZE]);
size_t cvt_epoch_format(const struct cvt_epoch_row *row, char text[CVT_ROW_SIZE]);
size_t cvt_command_format(const struct cvt_command_row *row, char text[CVT_ROW_SIZE]);

/* Reads a line without its newline; the line is cut up. False, and *row is as it was: not such a row. Every byte of *row is set, so that rows can
 * be compared with memcmp. */
bool cvt_batch_parse(char *line, void *row);
bool cvt_epoch_parse(char *line, void *row);
bool cvt_command_parse(char *line, void *row);

#endif
