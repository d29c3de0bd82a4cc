/* table.h - lines of cells, aligned; and how figures read. */
#ifndef CVT_UI_CLI_TABLE_H
#define CVT_UI_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convtui/error.h"

struct cli_table {
	int columns;
	unsigned right;              /* bit i: column i is aligned to the right */
	int n; char **cells;         /* row by row */
	bool failed;                 /* no memory: print says so */
};
/* Appends the next cell; text of files is cleaned. */
void cli_table_add(struct cli_table *table, const char *format, ...) CVT_PRINTF(2, 3);
/* Prints the rows, two spaces between columns, and frees them. CLI_DONE or CLI_FAILED, said. */
int cli_table_print(struct cli_table *table);
/* Frees the rows unprinted; safe after cli_table_print. */
void cli_table_finish(struct cli_table *table);

/* "14.8 MB", in powers of 1000; "?" for less than 0. */
void cli_bytes(int64_t bytes, char *text, size_t size);
/* "93.684%", "-" for NaN. */
void cli_percent(double value, char *text, size_t size);

#endif
