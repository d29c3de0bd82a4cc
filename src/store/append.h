/* append.h - a CSV file to which whole rows are appended. */
#ifndef CVT_STORE_APPEND_H
#define CVT_STORE_APPEND_H

#include <stddef.h>
#include <stdint.h>

#include "convtui/error.h"

struct cvt_append {
	int fd;                      /* -1: closed */
	int64_t length;              /* bytes of whole rows; a failed write may have left more behind it, which the next one overwrites */
	int64_t header_length;
	char path[1200];
};

/* Opens or creates, and locks until it is closed (CVT_ERR_BUSY: somebody else appends to it, whatever became of the lock of the run); a new file gets
 * the header, a last line without newline is cut off. CVT_ERR_FORMAT: its first line is another. */
CVT_NODISCARD int cvt_append_open(struct cvt_append *file, const char *folder, const char *name, const char *header,
	struct cvt_error *err);
void cvt_append_close(struct cvt_append *file);
/* Appends a row (with its newline) whole, or leaves the file as it was. */
CVT_NODISCARD int cvt_append_row(struct cvt_append *file, const char *row, size_t size, struct cvt_error *err);
/* Cuts back to `length` bytes, which must be an end of a row (0: to the header). */
CVT_NODISCARD int cvt_append_truncate(struct cvt_append *file, int64_t length, struct cvt_error *err);

#endif
