/* tables.h - fields of CSV files whose text comes from file names. */
#ifndef CVT_TRAIN_TABLES_H
#define CVT_TRAIN_TABLES_H

#include <stdio.h>

/* Quoted as RFC 4180 has it where the text holds a comma, a quote or a line's end. */
void cvt_table_field(FILE *out, const char *text);

#endif
