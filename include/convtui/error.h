/* error.h - how every call of the engine reports what went wrong.
 *
 * A call that can fail returns CVT_OK (0) or one of the negative codes below and fills a struct cvt_error with a message
 * a person can act on: what, where, what to do. Outputs named `ret_` are untouched on failure. Nothing in src/ prints or
 * exits. `err` may be NULL where the caller only needs the code. */
#ifndef CONVTUI_ERROR_H
#define CONVTUI_ERROR_H

#include <stdarg.h>
#include <stddef.h>

#define CVT_NODISCARD __attribute__((warn_unused_result))
#define CVT_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))

enum cvt_status {
	CVT_OK = 0,
	CVT_ERR_MEMORY = -1,      /* an allocation failed, or a plan does not fit the memory allowed */
	CVT_ERR_IO = -2,          /* a read, write, rename or fsync failed; the message has errno's text */
	CVT_ERR_SPACE = -3,       /* no space left on the device, or a quota */
	CVT_ERR_PERMISSION = -4,  /* the file system says no */
	CVT_ERR_NOT_FOUND = -5,   /* no such file, run, option, class */
	CVT_ERR_SYNTAX = -6,      /* text that cannot be read: line and column are set */
	CVT_ERR_RANGE = -7,       /* a value out of its bounds; a shape that does not work */
	CVT_ERR_FORMAT = -8,      /* a file that is not what its name says: truncated, foreign, wrong checksum */
	CVT_ERR_BUSY = -9,        /* somebody else holds the lock */
	CVT_ERR_CANCELLED = -10,  /* the caller asked to stop */
	CVT_ERR_UNSUPPORTED = -11 /* this build or machine cannot: an instruction set, a locale, a flavour of BLAS */
};

struct cvt_error {
	int code;            /* one of enum cvt_status */
	int line, column;    /* from 1; 0: does not apply */
	char file[512];      /* "" : does not apply */
	char message[768];   /* one line, no newline, no control characters */
};

/* Fills *err (when not NULL) and returns `code`, so that a failure is one statement:
 *     return cvt_fail(err, CVT_ERR_RANGE, "batch size %d: must be 1 to 4096", n);
 * The message is cut at the size of the field and stripped of control characters. Clears line, column and file.
 * Thread-safe. */
int cvt_fail(struct cvt_error *err, int code, const char *format, ...) CVT_PRINTF(3, 4);

/* The same with a place in a text. `file` may be NULL. */
int cvt_fail_at(struct cvt_error *err, int code, const char *file, int line, int column, const char *format, ...)
	CVT_PRINTF(6, 7);

/* The same for a failed system call: appends ": " and the text of `error_number`, and picks CVT_ERR_SPACE,
 * CVT_ERR_PERMISSION, CVT_ERR_NOT_FOUND, CVT_ERR_FORMAT (a folder where a file belongs), CVT_ERR_MEMORY or CVT_ERR_IO from it. */
int cvt_fail_errno(struct cvt_error *err, int error_number, const char *format, ...) CVT_PRINTF(3, 4);

/* The message with its place before it, as "config.yaml:3:1: not YAML: ...", where it has one. */
void cvt_error_text(const struct cvt_error *err, char *text, size_t size);

#endif
