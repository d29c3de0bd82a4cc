/* key.h - keys, as one number: a code point, or one of these. Control keys are their code (^L is 12). */
#ifndef UI_TERM_KEY_H
#define UI_TERM_KEY_H

enum {
	KEY_CTRL_C = 3, KEY_TABULATOR = 9, KEY_RETURN = 13, KEY_CTRL_L = 12, KEY_CTRL_U = 21, KEY_CTRL_W = 23, KEY_CTRL_Z = 26, KEY_ESC = 27,
	KEY_BASE = 0x110000,             /* beyond Unicode */
	KEY_ARROW_UP, KEY_ARROW_DOWN, KEY_ARROW_LEFT, KEY_ARROW_RIGHT,
	KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_TO_HOME, KEY_TO_END,
	KEY_BACK, KEY_DELETE, KEY_BACK_TAB,
	KEY_CLICK, KEY_WHEEL_UP, KEY_WHEEL_DOWN,
	KEY_PASTE_BEGIN, KEY_PASTE_END,  /* what comes between was pasted: characters for a field, never commands */
	KEY_IGNORED                      /* a key that has no meaning here */
};

/* The name that help shows ("Enter", "Space", "^L", "x"). */
void key_label(int key, char *out, int size);
/* Reads a name as help shows it, or xdotool's (Return, Down); 0: unknown. */
int key_from_name(const char *name);

#endif
