/* key.c - the names of keys. */
#include <stdio.h>
#include <string.h>

#include "term/key.h"
#include "widgets/grid.h"

static const struct { const char *name; int key; } names[] = {
	{"Enter", KEY_RETURN}, {"Return", KEY_RETURN}, {"Tab", KEY_TABULATOR}, {"Esc", KEY_ESC}, {"Escape", KEY_ESC}, {"Space", ' '}, {"space", ' '},
	{"Up", KEY_ARROW_UP}, {"Down", KEY_ARROW_DOWN}, {"Left", KEY_ARROW_LEFT}, {"Right", KEY_ARROW_RIGHT},
	{"PgUp", KEY_PAGE_UP}, {"PgDn", KEY_PAGE_DOWN}, {"Home", KEY_TO_HOME}, {"End", KEY_TO_END},
	{"Backspace", KEY_BACK}, {"BackSpace", KEY_BACK}, {"Del", KEY_DELETE}, {"Delete", KEY_DELETE}, {"S-Tab", KEY_BACK_TAB},
};

void key_label(int key, char *out, int size)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (names[i].key == key) {
			snprintf(out, (size_t)size, "%s", names[i].name);
			return;
		}
	}
	if (key > 0 && key < 32) {
		snprintf(out, (size_t)size, "^%c", key + 64);
		return;
	}
	char text[5] = "?";
	if (key >= 32 && key < KEY_BASE) {
		text[text_encode((uint32_t)key, text)] = 0;
	}
	snprintf(out, (size_t)size, "%s", text);
}

int key_from_name(const char *name)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (!strcmp(names[i].name, name)) {
			return names[i].key;
		}
	}
	if (name[0] == '^' && name[1] >= '@' && name[1] <= '_' && !name[2]) {
		return name[1] - 64;
	}
	const char *rest = name;
	uint32_t code = text_next(&rest);
	return code && !*rest ? (int)code : 0;
}
