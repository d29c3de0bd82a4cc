/* edit.h - one line of text under the cursor. */
#ifndef UI_EDIT_H
#define UI_EDIT_H

#include <stdbool.h>

/* Lengths in bytes; `at` lies between two code points. `whole`: the text was there when the field opened and nothing was pressed yet: a
 * character takes its place, as in a form of a browser. */
struct edit { char text[1024]; int length, at; bool whole; };

void edit_open(struct edit *edit, const char *text);
/* Takes a key that edits or moves; false: not one of those. A text that is full takes no more characters. */
bool edit_key(struct edit *edit, int key);
/* Columns before the cursor. */
int edit_column(const struct edit *edit);

#endif
