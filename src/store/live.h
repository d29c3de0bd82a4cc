/* live.h - the live page: 4096 bytes of text, `key value` lines and a checksum line, rewritten in place. */
#ifndef CVT_STORE_LIVE_H
#define CVT_STORE_LIVE_H

#include "convtui/store.h"

enum { CVT_LIVE_SIZE = 4096 };

/* Unknown numbers NaN, unknown counts -1, text empty, state queued. */
void cvt_live_init(struct cvt_live *live);
/* `created`: when the run was, seconds since 1970; it is in the page so that a list needs one read a run. Text is cleaned. */
void cvt_live_format(const struct cvt_live *live, double created, char page[CVT_LIVE_SIZE]);
/* CVT_ERR_FORMAT: too short, wrong checksum (torn: read again), or not a live page. Keys it does not know are read past, so that an
 * older program can list the runs of a newer one; keys that are missing stay unknown. */
CVT_NODISCARD int cvt_live_parse(const char *page, size_t size, struct cvt_live *ret_live, double *ret_created, struct cvt_error *err);
/* Reads `folder`/live, again when torn. *page (may be NULL) gets the bytes. */
CVT_NODISCARD int cvt_live_read(const char *folder, struct cvt_live *ret_live, double *ret_created, char *page, struct cvt_error *err);

#endif
