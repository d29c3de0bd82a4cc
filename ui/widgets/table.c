/* table.c - rows under a header. */
#include "widgets/table.h"

static int total(const struct table *t)
{
	int sum = 2;
	for (int i = 0; i < t->n_columns; i++) {
		sum += t->widths[i] ? t->widths[i] + 2 : 0;
	}
	return sum;
}

/* Drops the least important column that is below `importance`; false: there is none. */
static bool drop(struct table *t, int importance)
{
	int least = -1;
	for (int i = 0; i < t->n_columns; i++) {
		if (t->widths[i] && t->columns[i].importance < importance && (least < 0 || t->columns[i].importance < t->columns[least].importance)) {
			least = i;
		}
	}
	if (least >= 0) {
		t->widths[least] = 0;
	}
	return least >= 0;
}

static void fit(struct table *t)
{
	int top = 0;
	for (int i = 0; i < t->n_columns; i++) {
		t->widths[i] = t->columns[i].good;
		top = t->columns[i].importance > top ? t->columns[i].importance : top;
	}
	/* First the columns of the lower half go, then widths shrink, then more columns go. */
	while (total(t) > t->pane.w + 2 && drop(t, top / 2 + 1)) {
	}
	for (int i = 0; i < t->n_columns; i++) {
		while (t->widths[i] > t->columns[i].min && total(t) > t->pane.w + 2) {
			t->widths[i]--;
		}
	}
	while (total(t) > t->pane.w + 2 && drop(t, top)) {
	}
	for (bool grew = true; grew;) {
		grew = false;
		for (int i = 0; i < t->n_columns; i++) {
			if (t->widths[i] && t->widths[i] < t->columns[i].max && total(t) < t->pane.w) {
				t->widths[i]++;
				grew = true;
			}
		}
	}
}

void table_begin(struct table *t, struct pane pane, const struct table_column *columns, int n_columns, int n, int cursor)
{
	*t = (struct table){.pane = pane, .columns = columns, .n_columns = n_columns > TABLE_MAX_COLUMNS ? TABLE_MAX_COLUMNS : n_columns};
	fit(t);
	t->rows = pane.h > 1 ? pane.h - 1 : 0;
	t->first = cursor >= t->rows ? cursor - t->rows + 1 : 0;
	t->first = t->first > n - t->rows ? n - t->rows : t->first;
	t->first = t->first < 0 ? 0 : t->first;
	if (t->first > 0) {
		pane_put(pane, pane.w - 1, 1, 0x25b2, CELL_DIM);
	}
	if (t->rows > 0 && t->first + t->rows < n) {
		pane_put(pane, pane.w - 1, pane.h - 1, 0x25bc, CELL_DIM);
	}
	int x = 1;
	for (int i = 0; i < t->n_columns; i++) {
		if (!t->widths[i]) {
			continue;
		}
		if (columns[i].right) {
			pane_right(pane, x, 0, t->widths[i], CELL_DIM, columns[i].title);
		} else {
			pane_fit(pane, x, 0, t->widths[i], CELL_DIM, columns[i].title);
		}
		x += t->widths[i] + 2;
	}
}

void table_row(const struct table *t, int row, const struct table_cell *cells, uint32_t sign, enum cell_meaning whole)
{
	int x = 1, y = 1 + row - t->first;
	pane_put(t->pane, 0, y, sign, CELL_TITLE);
	for (int i = 0; i < t->n_columns; i++) {
		if (!t->widths[i]) {
			continue;
		}
		if (t->columns[i].right && text_columns(cells[i].text) <= t->widths[i]) {
			pane_right(t->pane, x, y, t->widths[i], cells[i].meaning, cells[i].text);
		} else {
			pane_fit(t->pane, x, y, t->widths[i], cells[i].meaning == CELL_NORMAL && whole == CELL_CHOSEN ? whole : cells[i].meaning,
				cells[i].text);
		}
		x += t->widths[i] + 2;
	}
	if (whole == CELL_SELECTED) {
		pane_paint(t->pane, 0, y, t->pane.w, whole);
	}
}
