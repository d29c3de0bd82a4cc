/* edit.h - one line of text under the cursor. */
#ifndef UI_EDIT_H
#define UI_EDIT_H

#include <stdbool.h>

struct edit { char text[1024]; int length, at; };    /* bytes; `at` lies between two code points */

void edit_open(struct edit *edit, const char *text);
/* Takes a key that edits or moves; false: not one of those. A text that is full takes no more characters. */
bool edit_key(struct edit *edit, int key);
/* Columns before the cursor. */
int edit_column(const struct edit *edit);

#endif
