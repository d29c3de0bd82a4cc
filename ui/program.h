/* program.h - what a message tells a user to type. */
#ifndef UI_PROGRAM_H
#define UI_PROGRAM_H

#include <stddef.h>

/* Once, from main: argv[0], which must live as long as the program. */
void program_started_as(const char *name);
/* How a shell finds this program again: convtui, or the path that it was started by where that was one. As a word of a shell. */
const char *program_name(void);
/* `text` as one word of a shell: as it is, or in quotes where it has to be. Returns `word`, cut at `size`. */
const char *program_word(const char *text, char *word, size_t size);

#endif
