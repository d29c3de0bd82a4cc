/* grid.c - cells, panes, text and boxes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "widgets/grid.h"

int grid_create(int width, int height, enum glyphs glyphs, struct grid **ret_grid)
{
	width = width < 1 ? 1 : width > GRID_MAX ? GRID_MAX : width;
	height = height < 1 ? 1 : height > GRID_MAX ? GRID_MAX : height;
	struct grid *g = calloc(1, sizeof *g);
	struct cell *cells = calloc((size_t)width * (size_t)height, sizeof *cells);
	if (!g || !cells) {
		free(g);
		free(cells);
		return CVT_ERR_MEMORY;
	}
	*g = (struct grid){.width = width, .height = height, .glyphs = glyphs, .cells = cells};
	grid_clear(g);
	*ret_grid = g;
	return CVT_OK;
}

void grid_destroy(struct grid *grid)
{
	if (grid) {
		free(grid->cells);
		free(grid);
	}
}

void grid_clear(struct grid *grid)
{
	for (int i = 0; i < grid->width * grid->height; i++) {
		grid->cells[i] = (struct cell){.code = ' ', .meaning = CELL_NORMAL};
	}
	grid->cursor_x = grid->cursor_y = -1;
}

bool grid_equal(const struct grid *a, const struct grid *b)
{
	if (a->width != b->width || a->height != b->height || a->cursor_x != b->cursor_x || a->cursor_y != b->cursor_y) {
		return false;
	}
	for (int i = 0; i < a->width * a->height; i++) {
		if (a->cells[i].code != b->cells[i].code || a->cells[i].meaning != b->cells[i].meaning) {
			return false;
		}
	}
	return true;
}

struct pane pane_whole(struct grid *grid)
{
	return (struct pane){grid, 0, 0, grid->width, grid->height};
}

struct pane pane_sub(struct pane p, int x, int y, int w, int h)
{
	int x1 = x + w > p.w ? p.w : x + w, y1 = y + h > p.h ? p.h : y + h;
	x = x < 0 ? 0 : x > p.w ? p.w : x;
	y = y < 0 ? 0 : y > p.h ? p.h : y;
	return (struct pane){p.grid, p.x + x, p.y + y, x1 > x ? x1 - x : 0, y1 > y ? y1 - y : 0};
}

static struct cell *at(struct pane p, int x, int y)
{
	return x < 0 || y < 0 || x >= p.w || y >= p.h ? NULL : &p.grid->cells[(p.y + y) * p.grid->width + p.x + x];
}

void pane_put(struct pane p, int x, int y, uint32_t code, enum cell_meaning meaning)
{
	struct cell *cell = at(p, x, y);
	if (!cell) {
		return;
	}
	if (p.grid->glyphs == GLYPHS_ASCII) {
		code = text_ascii(code);
	}
	int columns = text_code_columns(code);
	if (columns == 0) {
		return;                              /* a combining mark: a cell holds one code point */
	}
	if (columns == 2 && !at(p, x + 1, y)) {
		code = '?', columns = 1;
	}
	/* Writing over half of a wide character removes its other half. */
	int column = p.x + x;
	if (cell->code == 0 && column > 0) {
		cell[-1].code = ' ';
	}
	struct cell *last = cell + columns - 1;
	if (column + columns < p.grid->width && last[1].code == 0) {
		last[1].code = ' ';
	}
	*cell = (struct cell){code, (uint8_t)meaning};
	if (columns == 2) {
		cell[1] = (struct cell){0, (uint8_t)meaning};
	}
}

void pane_paint(struct pane p, int x, int y, int w, enum cell_meaning meaning)
{
	for (int i = 0; i < w; i++) {
		struct cell *cell = at(p, x + i, y);
		if (cell) {
			cell->meaning = (uint8_t)meaning;
		}
	}
}

void pane_fill(struct pane p, uint32_t code, enum cell_meaning meaning)
{
	for (int y = 0; y < p.h; y++) {
		for (int x = 0; x < p.w; x++) {
			pane_put(p, x, y, code, meaning);
		}
	}
}

int pane_text(struct pane p, int x, int y, enum cell_meaning meaning, const char *text)
{
	int start = x;
	while (*text) {
		uint32_t code = text_next(&text);
		pane_put(p, x, y, code, meaning);
		x += p.grid->glyphs == GLYPHS_ASCII ? 1 : text_code_columns(code);
	}
	return x - start;
}

int pane_textf(struct pane p, int x, int y, enum cell_meaning meaning, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return pane_text(p, x, y, meaning, text);
}

int pane_fit(struct pane p, int x, int y, int w, enum cell_meaning meaning, const char *text)
{
	if (w <= 0) {
		return 0;
	}
	int room = text_columns(text) > w ? w - 1 : w, used = 0;
	while (*text) {
		const char *next = text;
		uint32_t code = text_next(&next);
		int columns = p.grid->glyphs == GLYPHS_ASCII ? 1 : text_code_columns(code);
		if (used + columns > room) {
			pane_put(p, x + used, y, 0x2026, meaning);
			return used + 1;
		}
		pane_put(p, x + used, y, code, meaning);
		used += columns;
		text = next;
	}
	return used;
}

int pane_fit_end(struct pane p, int x, int y, int w, enum cell_meaning meaning, const char *text)
{
	int columns = text_columns(text);
	if (w <= 0) {
		return 0;
	}
	if (columns <= w) {
		return pane_text(p, x, y, meaning, text);
	}
	while (columns > w - 1 && *text) {
		columns -= text_code_columns(text_next(&text));
	}
	pane_put(p, x, y, 0x2026, meaning);
	return 1 + pane_text(p, x + 1, y, meaning, text);
}

void pane_right(struct pane p, int x, int y, int w, enum cell_meaning meaning, const char *text)
{
	int columns = text_columns(text);
	pane_fit_end(p, columns < w ? x + w - columns : x, y, w, meaning, text);
}

/* The word at *text into `word`, at most `columns` wide: what is longer goes on in the next. Returns its columns. */
static int next_word(const char **text, int columns, char *word, size_t size)
{
	size_t n = 0;
	int used = 0;
	while (**text && **text != ' ') {
		const char *after = *text;
		char bytes[4];
		uint32_t code = text_next(&after);
		int wide = text_code_columns(code), length = text_encode(code, bytes);
		if ((used > 0 && used + wide > columns) || n + (size_t)length + 1 > size) {
			break;
		}
		memcpy(word + n, bytes, (size_t)length);
		n += (size_t)length;
		used += wide;
		*text = after;
	}
	word[n] = 0;
	return used;
}

int pane_wrap(struct pane p, int y, enum cell_meaning meaning, const char *text)
{
	int start = y, x = 0;
	if (p.w <= 0) {
		return 0;
	}
	while (*text) {
		char word[256];
		bool blank = *text == ' ';
		while (*text == ' ') {
			text++;
		}
		int columns = next_word(&text, p.w, word, sizeof word);
		if (columns == 0) {
			break;
		}
		if (x > 0 && x + blank + columns > p.w) {
			if (y == p.h - 1) {
				pane_put(p, x < p.w ? x : p.w - 1, y, 0x2026, meaning);      /* more than there is room for */
				return y - start + 1;
			}
			y++, x = 0;
		}
		x += x > 0 && blank;
		pane_text(p, x, y, meaning, word);
		x += columns;
	}
	return y - start + (x > 0);
}

struct pane pane_box(struct pane p, const char *title, bool focus)
{
	enum cell_meaning line = focus ? CELL_FOCUS : CELL_BORDER;
	int r = p.w - 1, b = p.h - 1;
	if (p.w < 2 || p.h < 2) {
		return pane_sub(p, 0, 0, 0, 0);
	}
	for (int x = 1; x < r; x++) {
		pane_put(p, x, 0, 0x2500, line);
		pane_put(p, x, b, 0x2500, line);
	}
	for (int y = 1; y < b; y++) {
		pane_put(p, 0, y, 0x2502, line);
		pane_put(p, r, y, 0x2502, line);
	}
	pane_put(p, 0, 0, 0x256d, line);
	pane_put(p, r, 0, 0x256e, line);
	pane_put(p, 0, b, 0x2570, line);
	pane_put(p, r, b, 0x256f, line);
	if (title && *title && p.w > 6) {
		pane_put(p, 1, 0, ' ', line);
		int used = pane_fit(p, 2, 0, p.w - 5, focus ? CELL_TITLE : CELL_STRONG, title);
		pane_put(p, 2 + used, 0, ' ', line);
	}
	return pane_sub(p, 1, 1, p.w - 2, p.h - 2);
}
