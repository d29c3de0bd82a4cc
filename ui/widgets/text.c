/* text.c - code points: decoding, width, and the ASCII that stands for them. */
#include <wchar.h>

#include "widgets/grid.h"

static bool is_hidden(uint32_t c)
{
	return c < 32 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
		(c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff;
}

uint32_t text_next(const char **text)
{
	const unsigned char *s = (const unsigned char *)*text;
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	int n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 && s[0] < 0xf8 ? 4 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : 0;
	if (!s[0]) {
		return 0;
	}
	if (n == 0) {
		*text += 1;
		return '?';
	}
	uint32_t c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (int i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			*text += i;
			return '?';
		}
		c = c << 6 | (s[i] & 0x3f);
	}
	*text += n;
	return c < least[n] || is_hidden(c) ? '?' : c;
}

int text_encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | (c >> 18 & 7));
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

int text_code_columns(uint32_t code)
{
	if (code < 0x7f) {
		return 1;
	}
	int w = wcwidth((wchar_t)code);
	return w < 0 ? 1 : w > 2 ? 2 : w;
}

int text_columns(const char *text)
{
	int n = 0;
	while (*text) {
		n += text_code_columns(text_next(&text));
	}
	return n;
}

uint32_t text_ascii(uint32_t code)
{
	static const struct { uint16_t code; char ascii; } table[] = {
		{0xb1, '~'}, {0xb7, '.'}, {0xd7, 'x'}, {0x2013, '-'}, {0x2014, '-'}, {0x2022, '*'}, {0x2026, '~'}, {0x2039, '<'}, {0x203a, '>'},
		{0x2190, '<'}, {0x2191, '^'}, {0x2192, '>'}, {0x2193, 'v'}, {0x2500, '-'}, {0x2501, '='}, {0x2502, '|'}, {0x2503, '|'},
		{0x2504, '-'}, {0x2506, ':'}, {0x250a, ':'}, {0x254c, '-'}, {0x254e, ':'}, {0x2574, '-'}, {0x2576, '-'}, {0x2578, '-'},
		{0x257a, '='}, {0x2588, '#'}, {0x2591, '.'}, {0x25b2, '^'}, {0x25b8, '>'}, {0x25bc, 'v'}, {0x25c2, '<'}, {0x25cb, 'o'},
		{0x25cf, '*'}, {0x3b1, 'a'}, {0x2265, '>'}, {0x2264, '<'}, {0x2714, '+'}, {0x2261, '='}, {0x23f8, '='},
	};
	if (code < 0x80) {
		return code;
	}
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (table[i].code == code) {
			return (unsigned char)table[i].ascii;
		}
	}
	return code >= 0x250c && code <= 0x2570 ? '+' : '?';
}
