/* canvas.c - dots and lines. */
#include <stdlib.h>

#include "widgets/canvas.h"

int canvas_create(int w, int h, enum glyphs glyphs, struct canvas *ret_canvas)
{
	w = w < 0 ? 0 : w;
	h = h < 0 ? 0 : h;
	struct canvas c = {.w = w, .h = h, .glyphs = glyphs};
	c.dots_x = glyphs == GLYPHS_ASCII ? 1 : 2;
	c.dots_y = glyphs == GLYPHS_ASCII ? 3 : glyphs == GLYPHS_BLOCKS ? 2 : 4;
	c.cells = calloc((size_t)w * (size_t)h + 1, sizeof *c.cells);
	if (!c.cells) {
		return CVT_ERR_MEMORY;
	}
	*ret_canvas = c;
	return CVT_OK;
}

void canvas_finish(struct canvas *canvas)
{
	free(canvas->cells);
	canvas->cells = NULL;
}

void canvas_dot(struct canvas *c, int x, int y, const struct pen *pen)
{
	if (x < 0 || y < 0 || x >= c->w * c->dots_x || y >= c->h * c->dots_y) {
		return;
	}
	struct canvas_cell *cell = &c->cells[y / c->dots_y * c->w + x / c->dots_x];
	if (cell->bits && cell->rank > pen->rank) {
		return;
	}
	if (cell->rank < pen->rank) {
		cell->bits = 0;
	}
	cell->rank = pen->rank;
	cell->meaning = (uint8_t)pen->meaning;
	cell->sign = pen->sign;
	cell->bits |= (uint8_t)(1 << (y % c->dots_y * c->dots_x + x % c->dots_x));
}

static void pen_dot(struct canvas *c, int x, int y, bool steep, const struct pen *pen)
{
	canvas_dot(c, x, y, pen);
	if (!pen->thick || c->glyphs != GLYPHS_BRAILLE || y < 0 || y >= c->h * c->dots_y) {
		return;
	}
	/* At the edge the second dot goes to the other side. */
	if (steep) {
		canvas_dot(c, x + 1 < c->w * c->dots_x ? x + 1 : x - 1, y, pen);
	} else {
		canvas_dot(c, x, y + 1 < c->h * c->dots_y ? y + 1 : y - 1, pen);
	}
}

void canvas_line(struct canvas *c, int x0, int y0, int x1, int y1, struct pen *pen)
{
	int dx = abs(x1 - x0), dy = abs(y1 - y0), sx = x0 < x1 ? 1 : -1, sy = y0 < y1 ? 1 : -1, error = dx - dy;
	bool steep = dy > dx;
	for (;;) {
		if (!pen->dash || pen->phase++ % (2 * pen->dash) < pen->dash) {
			pen_dot(c, x0, y0, steep, pen);
		}
		if (x0 == x1 && y0 == y1) {
			return;
		}
		int twice = 2 * error;
		if (twice > -dy) {
			error -= dy;
			x0 += sx;
		}
		if (twice < dx) {
			error += dx;
			y0 += sy;
		}
	}
}

static uint32_t sign(const struct canvas *c, const struct canvas_cell *cell)
{
	/* Braille numbers its dots down the left column, down the right, then the lowest pair. */
	static const uint8_t braille[8] = {0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80};
	static const uint16_t quadrants[16] = {
		' ', 0x2598, 0x259d, 0x2580, 0x2596, 0x258c, 0x259e, 0x259b, 0x2597, 0x259a, 0x2590, 0x259c, 0x2584, 0x2599, 0x259f, 0x2588};
	static const char ascii[8] = {' ', '\'', '-', '|', '.', ':', '|', '|'};
	if (c->glyphs == GLYPHS_ASCII) {
		return (unsigned char)(cell->sign ? cell->sign : ascii[cell->bits & 7]);
	}
	if (c->glyphs == GLYPHS_BLOCKS) {
		return quadrants[cell->bits & 15];
	}
	uint32_t code = 0x2800;
	for (int i = 0; i < 8; i++) {
		code |= cell->bits >> i & 1 ? braille[i] : 0;
	}
	return code;
}

void canvas_draw(const struct canvas *c, struct pane pane)
{
	for (int i = 0; i < c->w * c->h; i++) {
		if (c->cells[i].bits) {
			pane_put(pane, i % c->w, i / c->w, sign(c, &c->cells[i]), (enum cell_meaning)c->cells[i].meaning);
		}
	}
}
