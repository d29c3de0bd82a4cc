/* palette.h - which colour and weight a meaning has, by how many colours the terminal has. */
#ifndef UI_TERM_PALETTE_H
#define UI_TERM_PALETTE_H

#include "widgets/grid.h"

enum { LOOK_BOLD = 1, LOOK_DIM = 2, LOOK_REVERSE = 4, LOOK_UNDERLINE = 8 };
struct look { short colour; short ground; int attributes; };      /* colour numbers, -1: the terminal's own */

/* `colours`: 256, 16, 8 or 0. Blue, orange and bluish green tell apart for every common kind of colour blindness; each meaning also
 * differs in weight, sign or line style, so that nothing rests on colour alone. */
struct look palette_look(enum cell_meaning meaning, int colours);

#endif
