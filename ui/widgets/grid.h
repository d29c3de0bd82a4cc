/* grid.h - a screen as cells that carry what they mean, not how they look.
 *
 * A cell is one code point and a meaning (training, validation, dim, error); term.c turns meanings into colours, dump.c
 * into text. Everything is drawn through a pane, a rectangle of a grid: coordinates are the pane's own, and what falls
 * outside is cut off, so no drawing code checks sizes for safety. Text is UTF-8; control characters, broken bytes and
 * bidirectional overrides become '?' whatever their source. Where the terminal cannot show a character, the grid puts
 * its nearest ASCII sign, so drawing code is written once. */
#ifndef UI_WIDGETS_GRID_H
#define UI_WIDGETS_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convtui/error.h"

enum cell_meaning {
	CELL_NORMAL, CELL_STRONG, CELL_DIM,
	CELL_BORDER, CELL_FOCUS,             /* a box, and the box that has the focus */
	CELL_TITLE, CELL_TAB, CELL_KEY,
	CELL_TRAIN, CELL_TRAIN_RAW, CELL_VAL, CELL_OTHER, CELL_MARK,
	CELL_GOOD, CELL_WARN, CELL_ERROR,
	CELL_SELECTED, CELL_CHOSEN,          /* the row under the cursor; the same where the focus is elsewhere */
	CELL_FIELD,                          /* an open field */
	CELL_DONE, CELL_REST,                /* a bar, its empty part */
	CELL_N_MEANINGS
};

/* What the terminal can show: charts in braille dots, quadrant blocks or ASCII; ASCII also replaces all other signs. */
enum glyphs { GLYPHS_BRAILLE, GLYPHS_BLOCKS, GLYPHS_ASCII };

struct cell {
	uint32_t code;       /* 0: the right half of a wide character */
	uint8_t meaning;
};
struct grid {
	int width, height;
	enum glyphs glyphs;
	struct cell *cells;                  /* [height, width] */
	int cursor_x, cursor_y;              /* -1: hidden */
};

/* At most GRID_MAX in each direction; larger terminals use that part. */
enum { GRID_MAX = 1000 };
CVT_NODISCARD int grid_create(int width, int height, enum glyphs glyphs, struct grid **ret_grid);
void grid_destroy(struct grid *grid);
void grid_clear(struct grid *grid);
/* Same size, cells and cursor. */
bool grid_equal(const struct grid *a, const struct grid *b);

struct pane { struct grid *grid; int x, y, w, h; };
struct pane pane_whole(struct grid *grid);
/* The part of `pane` that the rectangle covers; may be empty. */
struct pane pane_sub(struct pane pane, int x, int y, int w, int h);

void pane_put(struct pane pane, int x, int y, uint32_t code, enum cell_meaning meaning);
/* Changes the meaning of `w` cells and keeps what they show. */
void pane_paint(struct pane pane, int x, int y, int w, enum cell_meaning meaning);
void pane_fill(struct pane pane, uint32_t code, enum cell_meaning meaning);
/* Return the columns that the whole text takes, shown or not. */
int pane_text(struct pane pane, int x, int y, enum cell_meaning meaning, const char *text);
int pane_textf(struct pane pane, int x, int y, enum cell_meaning meaning, const char *format, ...) CVT_PRINTF(5, 6);
/* At most `w` columns; a longer text ends in an ellipsis. Returns the columns used. */
int pane_fit(struct pane pane, int x, int y, int w, enum cell_meaning meaning, const char *text);
/* The same, but the end of the text stays and its beginning goes: for paths. */
int pane_fit_end(struct pane pane, int x, int y, int w, enum cell_meaning meaning, const char *text);
/* Ends before column x + w; cut at the left when it does not fit. */
void pane_right(struct pane pane, int x, int y, int w, enum cell_meaning meaning, const char *text);
/* Breaks text at blanks into lines of the pane's width, words that are longer anywhere; what the pane has no room for ends in an ellipsis. Returns
 * the lines used. */
int pane_wrap(struct pane pane, int y, enum cell_meaning meaning, const char *text);
/* A box with a title; returns what is inside. */
struct pane pane_box(struct pane pane, const char *title, bool focus);

/* Columns of a UTF-8 text as pane_text draws it. */
int text_columns(const char *text);
/* Reads one code point, at least one byte unless at the end; what must not be shown is returned as '?'. */
uint32_t text_next(const char **text);
/* Writes UTF-8; returns 1 to 4. */
int text_encode(uint32_t code, char out[4]);
/* 0, 1 or 2 columns. */
int text_code_columns(uint32_t code);
/* The sign used for `code` where only ASCII can be shown. */
uint32_t text_ascii(uint32_t code);

#endif
