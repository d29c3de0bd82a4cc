/* fixture.h - run folders with made-up curves, written through the store's own writer. */
#ifndef TESTS_SCREENS_FIXTURE_H
#define TESTS_SCREENS_FIXTURE_H

#include "store/writer.h"

enum { FIXTURE_BATCHES = 8, FIXTURE_IMAGES = 996 };
/* The run after `batches` batches of a plan of `epochs` epochs: rows, page, a command at batch 20 (when there), log. `spike`: a batch whose loss is
 * 9, -1: none; `bad`: one whose loss is NaN, -1: none. Times are fixed and the folder's name is `name` (NULL: as created),
 * so a screen of it is the same each time. ret_writer: NULL, or the writer, whose lock keeps the run alive. */
struct fixture_run { const char *name, *expansion; int layers, epochs, batches, spike, bad; enum cvt_state state; };
int fixture_make(const char *store, const struct fixture_run *what, struct cvt_run *ret_run, struct cvt_writer **ret_writer);
/* The rows and the page of a run from batch `from` up to `to`. */
int fixture_advance(struct cvt_writer *writer, const struct fixture_run *what, int from, int to, struct cvt_live *live);

#endif
