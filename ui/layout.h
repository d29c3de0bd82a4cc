/* layout.h - where panels go, by the size of the screen: a table, tried in order. */
#ifndef UI_LAYOUT_H
#define UI_LAYOUT_H

#include "widgets/grid.h"

enum panel {
	PANEL_NONE, PANEL_HEADER, PANEL_FORM, PANEL_LOSS, PANEL_ACCURACY, PANEL_FOCUSED /* form, loss or accuracy: the one in focus */,
	PANEL_PROGRESS, PANEL_RUNS, PANEL_LOG, PANEL_FOOTER, PANEL_LINE /* everything in one line */
};
enum focus { FOCUS_FORM, FOCUS_LOSS, FOCUS_ACCURACY, FOCUS_RUNS, FOCUS_N };

enum { LAYOUT_PANELS = 10 };
/* An edge: a share of the screen in per cent, plus cells. */
struct edge { short percent, cells; };
struct place { enum panel panel; struct edge left, top, right, bottom; };
struct layout { int min_width, min_height; struct place places[LAYOUT_PANELS]; };

/* Never NULL: the last row fits every size. Where one panel at a time is shown, the form has the table's room as well. */
const struct layout *layout_for(int width, int height, enum focus focus);
struct pane layout_pane(struct pane screen, const struct place *place);
bool layout_has(const struct layout *layout, enum panel panel);

#endif
