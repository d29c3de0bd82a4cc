/* bar.c - how far something is. */
#include <math.h>

#include "widgets/bar.h"

void bar_draw(struct pane pane, double share)
{
	double at = (share > 0 ? share < 1 ? share : 1 : 0) * pane.w;
	int full = (int)floor(at);
	for (int x = 0; x < pane.w; x++) {
		pane_put(pane, x, 0, 0x2501, x < full ? CELL_DONE : CELL_REST);
	}
	if (full < pane.w && at - full >= 0.5) {
		pane_put(pane, full, 0, 0x2578, CELL_DONE);
	} else if (pane.grid->glyphs == GLYPHS_ASCII) {
		full -= 1;
	}
	for (int x = full + 1; pane.grid->glyphs == GLYPHS_ASCII && x < pane.w; x++) {
		pane_put(pane, x, 0, '.', CELL_REST);
	}
}
