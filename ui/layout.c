/* layout.c - the table of layouts. */
#include "layout.h"

static const struct layout layouts[] = {
	/* The log has room for the line of an epoch, and beside it the table for all but its least columns. */
	{190, 38, {
		{PANEL_HEADER, {0, 0}, {0, 0}, {100, 0}, {0, 1}},
		{PANEL_FORM, {0, 0}, {0, 1}, {0, 44}, {100, -13}},
		{PANEL_LOSS, {0, 44}, {0, 1}, {100, 0}, {50, -6}},
		{PANEL_ACCURACY, {0, 44}, {50, -6}, {100, 0}, {100, -13}},
		{PANEL_PROGRESS, {0, 0}, {100, -13}, {100, 0}, {100, -12}},
		{PANEL_RUNS, {0, 0}, {100, -12}, {100, -76}, {100, -1}},
		{PANEL_LOG, {100, -76}, {100, -12}, {100, 0}, {100, -1}},
		{PANEL_FOOTER, {0, 0}, {100, -1}, {100, 0}, {100, 0}}}},
	{150, 38, {
		{PANEL_HEADER, {0, 0}, {0, 0}, {100, 0}, {0, 1}},
		{PANEL_FORM, {0, 0}, {0, 1}, {0, 44}, {100, -16}},
		{PANEL_LOSS, {0, 44}, {0, 1}, {100, 0}, {50, -7}},
		{PANEL_ACCURACY, {0, 44}, {50, -7}, {100, 0}, {100, -16}},
		{PANEL_PROGRESS, {0, 0}, {100, -16}, {100, 0}, {100, -15}},
		{PANEL_RUNS, {0, 0}, {100, -15}, {100, 0}, {100, -6}},
		{PANEL_LOG, {0, 0}, {100, -6}, {100, 0}, {100, -1}},
		{PANEL_FOOTER, {0, 0}, {100, -1}, {100, 0}, {100, 0}}}},
	{96, 38, {
		{PANEL_HEADER, {0, 0}, {0, 0}, {100, 0}, {0, 1}},
		{PANEL_FORM, {0, 0}, {0, 1}, {0, 36}, {100, -16}},
		{PANEL_LOSS, {0, 36}, {0, 1}, {100, 0}, {50, -7}},
		{PANEL_ACCURACY, {0, 36}, {50, -7}, {100, 0}, {100, -16}},
		{PANEL_PROGRESS, {0, 0}, {100, -16}, {100, 0}, {100, -15}},
		{PANEL_RUNS, {0, 0}, {100, -15}, {100, 0}, {100, -6}},
		{PANEL_LOG, {0, 0}, {100, -6}, {100, 0}, {100, -1}},
		{PANEL_FOOTER, {0, 0}, {100, -1}, {100, 0}, {100, 0}}}},
	{96, 26, {
		{PANEL_HEADER, {0, 0}, {0, 0}, {100, 0}, {0, 1}},
		{PANEL_FORM, {0, 0}, {0, 1}, {0, 34}, {100, -8}},
		{PANEL_LOSS, {0, 34}, {0, 1}, {100, 0}, {50, -4}},
		{PANEL_ACCURACY, {0, 34}, {50, -4}, {100, 0}, {100, -8}},
		{PANEL_PROGRESS, {0, 0}, {100, -8}, {100, 0}, {100, -7}},
		{PANEL_RUNS, {0, 0}, {100, -7}, {100, 0}, {100, -1}},
		{PANEL_FOOTER, {0, 0}, {100, -1}, {100, 0}, {100, 0}}}},
	{50, 18, {
		{PANEL_HEADER, {0, 0}, {0, 0}, {100, 0}, {0, 1}},
		{PANEL_FOCUSED, {0, 0}, {0, 1}, {100, 0}, {100, -8}},
		{PANEL_PROGRESS, {0, 0}, {100, -8}, {100, 0}, {100, -7}},
		{PANEL_RUNS, {0, 0}, {100, -7}, {100, 0}, {100, -1}},
		{PANEL_FOOTER, {0, 0}, {100, -1}, {100, 0}, {100, 0}}}},
	{40, 10, {
		{PANEL_HEADER, {0, 0}, {0, 0}, {100, 0}, {0, 1}},
		{PANEL_FOCUSED, {0, 0}, {0, 1}, {100, 0}, {100, -2}},
		{PANEL_PROGRESS, {0, 0}, {100, -2}, {100, 0}, {100, -1}},
		{PANEL_FOOTER, {0, 0}, {100, -1}, {100, 0}, {100, 0}}}},
	{0, 0, {{PANEL_LINE, {0, 0}, {0, 0}, {100, 0}, {100, 0}}}},
};

bool layout_has(const struct layout *layout, enum panel panel)
{
	for (int i = 0; i < LAYOUT_PANELS; i++) {
		if (layout->places[i].panel == panel) {
			return true;
		}
	}
	return false;
}

const struct layout *layout_for(int width, int height, enum focus focus)
{
	const struct layout *layout = layouts;
	while (width < layout->min_width || height < layout->min_height ||
		(focus == FOCUS_FORM && layout_has(layout, PANEL_FOCUSED) && layout_has(layout, PANEL_RUNS))) {
		layout++;
	}
	return layout;
}

static int cells(struct edge edge, int size)
{
	return edge.percent * size / 100 + edge.cells;
}

struct pane layout_pane(struct pane screen, const struct place *place)
{
	int x = cells(place->left, screen.w), y = cells(place->top, screen.h);
	return pane_sub(screen, x, y, cells(place->right, screen.w) - x, cells(place->bottom, screen.h) - y);
}
