/* sandbox_filter.h - the seccomp filter of a decoding child. sandbox_filter.c is the only user of libseccomp. */
#ifndef CVT_DATA_SANDBOX_FILTER_H
#define CVT_DATA_SANDBOX_FILTER_H

#include <stdbool.h>

#include "convtui/error.h"

struct sock_filter;
struct cvt_filter { struct sock_filter *code; unsigned short n; };

/* Compiles the filter, in the parent: the child of a threaded process should not allocate before it is confined. `fd` is the only
 * descriptor it may read and write. CVT_ERR_UNSUPPORTED: this build or machine has none. */
CVT_NODISCARD int cvt_filter_create(int fd, struct cvt_filter *ret_filter, struct cvt_error *err);
void cvt_filter_finish(struct cvt_filter *filter);
/* Confines the calling process, for good. False: the kernel refuses. Async-signal-safe. */
bool cvt_filter_apply(const struct cvt_filter *filter);

#endif
