/* palette.c - one palette in 256, 16, 8 and no colours. */
#include "term/palette.h"

struct look palette_look(enum cell_meaning meaning, int colours)
{
	/* 256: colours of the fixed cube and greys, so that themes do not change them, each of a brightness that is read on black and on white: blue 33,
	 * amber 172, green 35, purple 134. Of 8 colours blue is unreadable on black: bold makes it bright. */
	static const struct { short c256, c16, c8; int attributes, plain; } table[CELL_N_MEANINGS] = {
		[CELL_NORMAL] = {-1, -1, -1, 0, 0},
		[CELL_STRONG] = {-1, -1, -1, LOOK_BOLD, LOOK_BOLD},
		[CELL_DIM] = {245, 8, -1, 0, LOOK_DIM},
		[CELL_BORDER] = {241, 8, -1, 0, LOOK_DIM},
		[CELL_FOCUS] = {33, 12, 6, 0, LOOK_BOLD},
		[CELL_TITLE] = {33, 12, 6, LOOK_BOLD, LOOK_BOLD},
		[CELL_TAB] = {33, 12, 6, LOOK_REVERSE, LOOK_REVERSE},
		[CELL_KEY] = {172, 11, 3, LOOK_BOLD, LOOK_BOLD},
		[CELL_TRAIN] = {33, 12, 6, 0, 0},
		[CELL_TRAIN_RAW] = {67, 4, 4, 0, LOOK_DIM},
		[CELL_VAL] = {172, 11, 3, 0, LOOK_BOLD},
		[CELL_OTHER] = {243, 8, -1, 0, LOOK_DIM},
		[CELL_MARK] = {134, 13, 5, 0, 0},
		[CELL_GOOD] = {35, 10, 2, 0, 0},
		[CELL_WARN] = {172, 11, 3, LOOK_BOLD, LOOK_BOLD},
		[CELL_ERROR] = {203, 9, 1, LOOK_BOLD, LOOK_BOLD},
		[CELL_SELECTED] = {33, 12, 6, LOOK_REVERSE, LOOK_REVERSE},
		[CELL_CHOSEN] = {-1, -1, -1, LOOK_BOLD, LOOK_BOLD},
		[CELL_FIELD] = {-1, -1, -1, LOOK_UNDERLINE | LOOK_BOLD, LOOK_UNDERLINE},
		[CELL_DONE] = {33, 12, 6, 0, LOOK_BOLD},
		[CELL_REST] = {242, 8, -1, 0, LOOK_DIM},
	};
	struct look look = {-1, -1, table[meaning].attributes};
	if (colours >= 256) {
		look.colour = table[meaning].c256;
	} else if (colours >= 16) {
		look.colour = table[meaning].c16;
	} else if (colours >= 8) {
		look.colour = table[meaning].c8;
	}
	if (colours < 16 && (colours < 8 || look.colour < 0)) {
		look.attributes |= table[meaning].plain;
	}
	if (colours == 8 && look.colour == 4) {
		look.attributes |= LOOK_BOLD;
	}
	return look;
}
