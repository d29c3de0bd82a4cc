/* bar.h - how far something is. */
#ifndef UI_WIDGETS_BAR_H
#define UI_WIDGETS_BAR_H

#include "widgets/grid.h"

/* Fills the first row of the pane; half a cell is the smallest step. `share` is clamped to 0..1. */
void bar_draw(struct pane pane, double share);

#endif
