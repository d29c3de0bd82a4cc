/* table.c - lines of cells, aligned. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "convtui/text.h"

/* Columns of a terminal; in a locale without UTF-8, bytes. */
static int width_of(const char *text)
{
	wchar_t wide[256];
	size_t n = mbstowcs(wide, text, 256);
	int width = n == (size_t)-1 || n == 256 ? -1 : wcswidth(wide, n);
	return width < 0 ? (int)strlen(text) : width;
}

void cli_table_add(struct cli_table *table, const char *format, ...)
{
	char text[512], clean[512];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	cvt_text_clean(clean, sizeof clean, text);
	if ((table->n & (table->n - 1)) == 0) {
		void *grown = realloc(table->cells, sizeof *table->cells * (size_t)(table->n ? table->n * 2 : 1));
		if (!grown) {
			table->failed = true;
			return;
		}
		table->cells = grown;
	}
	char *copy = strdup(clean);
	if (copy)
		table->cells[table->n++] = copy;
	else
		table->failed = true;
}

static void print_row(const struct cli_table *table, char *const *cells, const int *widths)
{
	for (int c = 0; c < table->columns; c++) {
		int space = widths[c] - width_of(cells[c]);
		bool right = table->right >> c & 1, last = c == table->columns - 1;
		printf("%s%*s%s%*s", c ? "  " : "", right ? space : 0, "", cells[c], right || last ? 0 : space, "");
	}
	putchar('\n');
}

void cli_table_finish(struct cli_table *table)
{
	for (int i = 0; i < table->n; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->n = 0;
}

int cli_table_print(struct cli_table *table)
{
	int widths[32] = {0};
	for (int i = 0; i < table->n && !table->failed; i++) {
		int *width = &widths[i % table->columns], w = width_of(table->cells[i]);
		*width = w > *width ? w : *width;
	}
	for (int i = 0; i + table->columns <= table->n && !table->failed; i += table->columns)
		print_row(table, table->cells + i, widths);
	cli_table_finish(table);
	if (!table->failed)
		return CLI_DONE;
	fputs("convtui: no memory for the table\n", stderr);
	return CLI_FAILED;
}

void cli_bytes(int64_t bytes, char *text, size_t size)
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
	double v = (double)bytes;
	int unit = 0;
	while (v >= 999.5 && unit < 6) {
		v /= 1000;
		unit++;
	}
	if (bytes < 0)
		snprintf(text, size, "?");
	else if (unit == 0)
		snprintf(text, size, "%lld bytes", (long long)bytes);
	else
		snprintf(text, size, "%.*f %s", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, units[unit]);
}

void cli_percent(double value, char *text, size_t size)
{
	if (isfinite(value))
		snprintf(text, size, "%.3f%%", value);
	else
		snprintf(text, size, "-");
}
