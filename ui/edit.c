/* edit.c - one line of text under the cursor. */
#include <stdio.h>
#include <string.h>

#include "edit.h"
#include "term/key.h"
#include "widgets/grid.h"

void edit_open(struct edit *edit, const char *text)
{
	snprintf(edit->text, sizeof edit->text, "%s", text);
	edit->length = edit->at = (int)strlen(edit->text);
	edit->whole = edit->length > 0;
}

static bool inside_code(const struct edit *e, int at)
{
	return at > 0 && at < e->length && ((unsigned char)e->text[at] & 0xc0) == 0x80;
}

static int left_of(const struct edit *e, int at)
{
	at -= at > 0;
	while (inside_code(e, at)) {
		at--;
	}
	return at;
}

static int right_of(const struct edit *e, int at)
{
	at += at < e->length;
	while (inside_code(e, at)) {
		at++;
	}
	return at;
}

static void cut(struct edit *e, int from, int to)
{
	memmove(e->text + from, e->text + to, (size_t)(e->length - to) + 1);
	e->length -= to - from;
	e->at = from;
}

static int word_start(const struct edit *e)
{
	int at = e->at;
	while (at > 0 && (e->text[at - 1] == ' ' || e->text[at - 1] == '/')) {
		at--;
	}
	while (at > 0 && e->text[at - 1] != ' ' && e->text[at - 1] != '/') {
		at--;
	}
	return at;
}

static void insert(struct edit *e, int key)
{
	char bytes[4];
	int n = text_encode((uint32_t)key, bytes);
	if (e->length + n < (int)sizeof e->text) {
		memmove(e->text + e->at + n, e->text + e->at, (size_t)(e->length - e->at) + 1);
		memcpy(e->text + e->at, bytes, (size_t)n);
		e->length += n;
		e->at += n;
	}
}

bool edit_key(struct edit *e, int key)
{
	bool whole = e->whole;
	e->whole = false;
	switch (key) {
	case KEY_ARROW_LEFT: e->at = left_of(e, e->at); return true;
	case KEY_ARROW_RIGHT: e->at = right_of(e, e->at); return true;
	case KEY_TO_HOME: case 1: e->at = 0; return true;
	case KEY_TO_END: case 5: e->at = e->length; return true;
	case KEY_BACK: cut(e, left_of(e, e->at), e->at); return true;
	case KEY_DELETE: case 4: {
		int at = e->at;
		cut(e, at, right_of(e, at));
		return true;
	}
	case KEY_CTRL_U: cut(e, 0, e->at); return true;
	case 11: cut(e, e->at, e->length); return true;
	case KEY_CTRL_W: cut(e, word_start(e), e->at); return true;
	default:
		if (key < 32 || key >= KEY_BASE || (key >= 0x7f && key < 0xa0)) {
			return false;
		}
		if (whole) {
			cut(e, 0, e->length);
		}
		insert(e, key);
		return true;
	}
}

int edit_column(const struct edit *edit)
{
	char before[sizeof edit->text];
	snprintf(before, sizeof before, "%.*s", edit->at, edit->text);
	return text_columns(before);
}
