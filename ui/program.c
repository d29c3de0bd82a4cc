/* program.c - the program's name as it was started, and words of a shell. */
#include "program.h"

#include <string.h>

static char name[4096] = "convtui";

void program_started_as(const char *started)
{
	/* A name without a slash was found on the PATH. */
	if (started && strchr(started, '/') && strlen(started) < sizeof name / 4)
		program_word(started, name, sizeof name);
}

const char *program_name(void)
{
	return name;
}

static size_t put(char *word, size_t size, size_t n, const char *text)
{
	size_t length = strlen(text);
	length = length < size - n ? length : size - n - 1;
	memcpy(word + n, text, length);
	word[n + length] = 0;
	return n + length;
}

const char *program_word(const char *text, char *word, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:=@%";
	if (*text && !text[strspn(text, plain)]) {
		put(word, size, 0, text);
		return word;
	}
	size_t n = put(word, size, 0, "'");
	for (; *text; text++)
		n = put(word, size, n, *text == '\'' ? "'\\''" : (const char[]){*text, 0});
	put(word, size, n, "'");
	return word;
}
