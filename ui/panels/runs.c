/* runs.c - the table of runs, newest first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convtui/text.h"
#include "panels/panels.h"
#include "widgets/number.h"
#include "widgets/table.h"

const struct cvt_run **runs_shown(const struct app *app, int *ret_n)
{
	const struct cvt_run **rows = malloc(((size_t)app->n_runs + 1) * sizeof *rows);
	int n = 0;
	for (int i = app->n_runs - 1; rows && i >= 0; i--) {
		if ((!app->filter || ui_filter_fits(app->filter, &app->runs[i]))) {
			rows[n++] = &app->runs[i];
		}
	}
	*ret_n = n;
	return rows;
}

enum column { COLUMN_RUN, COLUMN_NETWORK, COLUMN_PARAMETERS, COLUMN_LR, COLUMN_BATCH, COLUMN_EPOCH, COLUMN_TRAIN, COLUMN_VAL, COLUMN_BEST, COLUMN_STATE };
/* The least wide window drops what the post's table needs least. */
static const struct table_column columns[] = {
	[COLUMN_RUN] = {"run", 8, 8, 14, 9, false}, [COLUMN_NETWORK] = {"network", 12, 31, 33, 6, false},
	[COLUMN_PARAMETERS] = {"parameters", 11, 11, 11, 2, true}, [COLUMN_LR] = {"lr", 8, 8, 8, 3, true}, [COLUMN_BATCH] = {"batch", 5, 5, 5, 1, true},
	[COLUMN_EPOCH] = {"epoch", 7, 7, 7, 3, true}, [COLUMN_TRAIN] = {"train", 8, 8, 8, 4, true}, [COLUMN_VAL] = {"val", 8, 8, 8, 7, true},
	[COLUMN_BEST] = {"best", 8, 8, 8, 8, true}, [COLUMN_STATE] = {"state", 10, 10, 10, 8, false},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

const char *short_run(const char *name)
{
	return strlen(name) > 10 && name[4] == '-' && name[7] == '-' ? name + 5 : name;
}

/* "01-02-1" of 2026-01-02-1-cnn: the network has a column of its own. */
static void run_text(const char *name, char *out, size_t size)
{
	cvt_text_clean(out, size, short_run(name));
	size_t number = short_run(name) != name ? 6 + strspn(out + 6, "0123456789") : 0;
	if (number > 6 && out[5] == '-' && out[number] == '-') {
		out[number] = 0;
	}
}

static void cell(const struct cvt_run *run, enum column column, struct table_cell *ret)
{
	const struct cvt_live *l = &run->live;
	char *out = ret->text;
	size_t size = sizeof ret->text;
	ret->meaning = CELL_NORMAL;
	switch (column) {
	case COLUMN_RUN: run_text(run->name, out, size); break;
	case COLUMN_NETWORK: cvt_text_clean(out, size, l->network); break;
	case COLUMN_PARAMETERS: number_count(l->parameters, out, size); break;
	case COLUMN_LR: number_rate(l->lr, out, size); break;
	case COLUMN_BATCH: number_count(l->batch_size, out, size); break;
	case COLUMN_EPOCH: snprintf(out, size, "%d/%d", l->epoch < 0 ? 0 : l->epoch, l->epochs); break;
	case COLUMN_TRAIN: number_percent(l->train_accuracy, out, size); ret->meaning = CELL_TRAIN; break;
	case COLUMN_VAL: number_percent(l->val_accuracy, out, size); ret->meaning = CELL_VAL; break;
	case COLUMN_BEST: number_percent(l->best_val_accuracy, out, size); break;
	case COLUMN_STATE: snprintf(out, size, "%s", cvt_state_name(l->state)); ret->meaning = state_meaning(l->state); break;
	}
}

/* How many pass the filter, or which are shown where not all are. */
static void title(const struct app *app, const struct table *table, int n, char *out, size_t size)
{
	if (app->filter_open || *app->filter_text) {
		snprintf(out, size, "Runs  /%.200s  %d of %d", app->filter_open ? app->filter_edit.text : app->filter_text, n, app->n_runs);
	} else if (table->rows > 0 && table->rows < n) {
		snprintf(out, size, "Runs  %d\u2013%d of %d", table->first + 1, table->first + table->rows, n);
	} else {
		snprintf(out, size, "Runs");
	}
}

void panel_runs(const struct app *app, struct pane pane)
{
	char text[512];
	int n = 0, cursor = -1, followed = -1;
	const struct cvt_run **rows = runs_shown(app, &n);
	struct pane inner = pane_sub(pane, 1, 1, pane.w - 2, pane.h - 2);
	if (app->filter_open) {
		pane.grid->cursor_x = pane.x + 2 + 7 + edit_column(&app->filter_edit);
		pane.grid->cursor_y = pane.y;
	}
	for (int i = 0; i < n; i++) {
		cursor = !strcmp(rows[i]->name, app->cursor_run) ? i : cursor;
		followed = app->session && !strcmp(rows[i]->name, app->session->run.name) ? i : followed;
	}
	struct table table;
	table_begin(&table, inner, columns, N_COLUMNS, n, cursor < 0 ? 0 : cursor);
	title(app, &table, n, text, sizeof text);
	pane_box(pane, text, app->focus == FOCUS_RUNS || app->filter_open);
	for (int i = table.first; rows && i < table.first + table.rows && i < n; i++) {
		struct table_cell cells[N_COLUMNS];
		for (int c = 0; c < N_COLUMNS; c++) {
			cell(i == followed ? &app->session->run : rows[i], (enum column)c, &cells[c]);
		}
		table_row(&table, i, cells, i == followed ? 0x25b8 : ' ', i == cursor && app->focus == FOCUS_RUNS ? CELL_SELECTED :
			i == followed ? CELL_CHOSEN : CELL_NORMAL);
	}
	if (app->filter_open && *app->filter_error) {
		pane_right(pane, pane.w / 2, 0, pane.w / 2 - 2, CELL_ERROR, app->filter_error);
	}
	if (n == 0) {
		pane_fit(inner, 1, 1, inner.w - 2, CELL_DIM, !app->listed ? "reading the run store" : app->n_runs ? "no run passes the filter" : "no run yet");
	}
	free(rows);
}

static bool stamped(const char *line)
{
	return strlen(line) >= NOTE_TIME && line[4] == '-' && line[7] == '-' && line[10] == ' ' && line[NOTE_TIME - 1] == ' ';
}

/* When line i was written: a line without a time belongs to the one above it. "": before all. */
static const char *written(const struct cvt_session *s, int i)
{
	while (i >= 0 && !stamped(s->log[i])) {
		i--;
	}
	return i < 0 ? "" : s->log[i];
}

/* The run's lines and this program's own, in the order of their times; the newest at the end. Without the date where it is that of the newest. */
void panel_log(const struct app *app, struct pane pane)
{
	struct pane inner = pane_box(pane, "Log", false);
	const struct cvt_session *s = app->session;
	int newest = app->n_notes - 1, kept = app->n_notes > MAX_NOTES ? MAX_NOTES : app->n_notes, own = kept, theirs = s ? s->n_log : 0;
	int rows = own + theirs < inner.h ? own + theirs : inner.h;
	char today[11] = "";
	for (int y = rows - 1; y >= 0; y--) {
		const char *note = own > 0 ? app->notes[(newest - kept + own) % MAX_NOTES] : NULL, *line = theirs > 0 ? written(s, theirs - 1) : NULL;
		bool mine = note && (!line || strncmp(note, line, NOTE_TIME) >= 0);
		const char *text = mine ? note : s->log[theirs - 1];
		own -= mine;
		theirs -= !mine;
		if (!*today && stamped(text)) {
			snprintf(today, sizeof today, "%.10s", text);
		}
		pane_fit(inner, 1, y, inner.w - 2, mine ? CELL_NORMAL : CELL_DIM, stamped(text) && !strncmp(text, today, 10) ? text + 11 : text);
	}
}
