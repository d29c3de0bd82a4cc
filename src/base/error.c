/* error.c - see convtui/error.h. */
#include "convtui/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "convtui/text.h"

/* The arguments may point into *err (a message that wraps the one before), so all text is made before *err is touched. */
static void fill(struct cvt_error *err, int code, const char *file, int line, int column, const char *text)
{
	char place[sizeof err->file];

	cvt_text_clean(place, sizeof place, file ? file : "");
	err->code = code;
	err->line = line;
	err->column = column;
	memcpy(err->file, place, sizeof place);
	cvt_text_clean(err->message, sizeof err->message, text);
}

int cvt_fail(struct cvt_error *err, int code, const char *format, ...)
{
	char text[sizeof err->message];
	va_list args;

	if (err == NULL)
		return code;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fill(err, code, NULL, 0, 0, text);
	return code;
}

int cvt_fail_at(struct cvt_error *err, int code, const char *file, int line, int column, const char *format, ...)
{
	char text[sizeof err->message];
	va_list args;

	if (err == NULL)
		return code;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fill(err, code, file, line, column, text);
	return code;
}

static int code_of_errno(int error_number)
{
	switch (error_number) {
	case ENOSPC:
	case EDQUOT:
		return CVT_ERR_SPACE;
	case EACCES:
	case EPERM:
	case EROFS:
		return CVT_ERR_PERMISSION;
	case ENOENT:
	case ENOTDIR:
		return CVT_ERR_NOT_FOUND;
	case EISDIR:      /* a folder where a file belongs: it does not pass by waiting, as a disk that fails may */
		return CVT_ERR_FORMAT;
	case ENOMEM:
		return CVT_ERR_MEMORY;
	default:
		return CVT_ERR_IO;
	}
}

int cvt_fail_errno(struct cvt_error *err, int error_number, const char *format, ...)
{
	int code = code_of_errno(error_number);
	char text[sizeof err->message], reason_buffer[128];
	va_list args;

	if (err == NULL)
		return code;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);

	/* The reason is what the reader needs most: a long path gives way to it. */
	const char *reason = strerror_r(error_number, reason_buffer, sizeof reason_buffer);
	size_t used = strlen(text), room = sizeof text - strlen(reason) - 3;

	if (used > room)
		used = room;
	snprintf(text + used, sizeof text - used, ": %s", reason);
	fill(err, code, NULL, 0, 0, text);
	return code;
}

void cvt_error_text(const struct cvt_error *err, char *text, size_t size)
{
	if (*err->file && err->line)
		snprintf(text, size, "%s:%d:%d: %s", err->file, err->line, err->column, err->message);
	else if (*err->file)
		snprintf(text, size, "%s: %s", err->file, err->message);
	else
		snprintf(text, size, "%s", err->message);
}
