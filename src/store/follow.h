/* follow.h - follows a CSV file that somebody else appends to, and now and then cuts back. */
#ifndef CVT_STORE_FOLLOW_H
#define CVT_STORE_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "convtui/error.h"

struct cvt_place { int64_t end; int32_t length; };   /* of a row in the file: offset after its newline, bytes with it */

struct cvt_follow {
	const char *name;                    /* "batches.csv" */
	const char *header;                  /* its first line, with newline */
	size_t row_size;
	bool (*parse)(char *line, void *row);   /* as in store/rows.h */
	bool (*comes_after)(const void *before, const void *row);   /* may the row follow that one? NULL: any may */
	void *rows; int64_t n, capacity;
	struct cvt_place *places;            /* of each row */
	int64_t offset;                      /* bytes taken in: whole lines */
	int64_t bad_lines;                   /* that were no rows */
	bool skipping;                       /* in the middle of a line too long to be a row */
	struct stat seen;                    /* of the file when it was last read to its end */
	bool complete;                       /* it was, and nothing is waiting */
};

void cvt_follow_finish(struct cvt_follow *f);
/* Reads what is new until `deadline` (monotonic; at least one slice), dropping first what the file no longer has. Returns 1: changed, 0: not,
 * negative: failed. An absent file has no rows. f->complete says whether more waits. */
CVT_NODISCARD int cvt_follow_poll(struct cvt_follow *f, const char *folder, double deadline, struct cvt_error *err);

#endif
