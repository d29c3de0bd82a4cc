/* canvas.h - dots finer than cells: braille (2 x 4 a cell), quadrant blocks (2 x 2) or ASCII (1 x 3).
 *
 * A cell shows one colour, so each dot has a rank: a higher rank takes the cell and clears the lower one's dots, the
 * same rank adds to it. */
#ifndef UI_WIDGETS_CANVAS_H
#define UI_WIDGETS_CANVAS_H

#include "widgets/grid.h"

struct canvas {
	int w, h;                        /* cells */
	int dots_x, dots_y;              /* dots a cell */
	enum glyphs glyphs;
	struct canvas_cell { uint8_t bits, rank, meaning; char sign; } *cells;
};
/* dash: dots on, then off; 0: solid. sign: what stands in a cell of ASCII; 0: `'`, `-` and `.` by the height of its dots, and `|`. */
struct pen { uint8_t rank; enum cell_meaning meaning; int dash, phase; bool thick; char sign; };

CVT_NODISCARD int canvas_create(int w, int h, enum glyphs glyphs, struct canvas *ret_canvas);
void canvas_finish(struct canvas *canvas);
/* x, y in dots from the upper left; outside is ignored. */
void canvas_dot(struct canvas *canvas, int x, int y, const struct pen *pen);
/* Both ends included; moves the pen's phase, so a dashed curve stays dashed from piece to piece. A thick line is
 * two braille dots wide: below it, or on its right where it is steep; the coarser glyphs are wide enough as they are. */
void canvas_line(struct canvas *canvas, int x0, int y0, int x1, int y1, struct pen *pen);
/* Writes the cells that have dots. */
void canvas_draw(const struct canvas *canvas, struct pane pane);

#endif
