/* table.h - rows under a header; columns shrink, then the least important go, until the rest fits. What is too wide
 * for its column is cut at its end: a number without its first digits is another number. */
#ifndef UI_WIDGETS_TABLE_H
#define UI_WIDGETS_TABLE_H

#include "widgets/grid.h"

/* `min` may be cut to; before a column is cut below `good`, less important ones go. */
struct table_column { const char *title; int min, good, max, importance; bool right; };
struct table_cell { char text[96]; enum cell_meaning meaning; };
enum { TABLE_MAX_COLUMNS = 16 };
struct table {
	struct pane pane;
	const struct table_column *columns;
	int n_columns, widths[TABLE_MAX_COLUMNS];    /* 0: dropped */
	int first, rows;                             /* the rows that are shown */
};

/* Draws the header and decides which of `n` rows are shown, `cursor` among them; marks at the right where there are more above and below. */
void table_begin(struct table *table, struct pane pane, const struct table_column *columns, int n_columns, int n, int cursor);
/* `whole`: CELL_NORMAL keeps the cells' own meanings. */
void table_row(const struct table *table, int row, const struct table_cell *cells, uint32_t sign, enum cell_meaning whole);

#endif
