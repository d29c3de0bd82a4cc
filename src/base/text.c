/* text.c - cleaning text for the screen; see convtui/text.h. Numbers are in number.c, checksums in crc.c. */
#include "convtui/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Reads one character of well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF). Returns its bytes, 0 when broken. */
static int decode(const unsigned char *s, uint32_t *ret_point)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	int n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
	uint32_t point = n == 1 ? s[0] : n == 2 ? s[0] & 0x1fu : n == 3 ? s[0] & 0x0fu : s[0] & 0x07u;

	for (int i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) /* the terminating 0 stops here too */
			return 0;
		point = point << 6 | (s[i] & 0x3fu);
	}
	if (n == 0 || point < least[n] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 0;
	*ret_point = point;
	return n;
}

/* What could move the cursor, break a line or turn the direction of the text around it. */
static bool harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2066 && c <= 0x2069);
}

size_t cvt_text_clean(char *out, size_t size, const char *in)
{
	const unsigned char *s = (const unsigned char *)in;
	size_t used = 0;

	if (size == 0)
		return 0;
	while (*s != 0) {
		uint32_t point = 0;
		int n = decode(s, &point);

		if (n == 0 || harmful(point)) {
			if (used + 1 >= size)
				break;
			out[used++] = '?';
			s += n == 0 ? 1 : n;
			continue;
		}
		if (used + (size_t)n >= size)
			break;
		memcpy(out + used, s, (size_t)n);
		used += (size_t)n;
		s += n;
	}
	out[used] = 0;
	return used;
}

void cvt_text_thousands(int64_t value, char *out, size_t size)
{
	char digits[24], text[32];
	int n = snprintf(digits, sizeof digits, "%" PRIu64, value < 0 ? 0 - (uint64_t)value : (uint64_t)value), used = 0;

	if (value < 0)
		text[used++] = '-';
	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	text[used] = 0;
	if (size > 0)
		snprintf(out, size, "%s", text);
}
