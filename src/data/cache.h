/* cache.h - the prepared pixels of one data folder, in one file.
 *
 *     header    magic, sizes, checksum of header and table
 *     table     a struct cvt_prepared for each file that the scan found, bad ones included
 *     pixels    a slot of `bytes` for each, from a multiple of 4096 on; a bad file's is never written
 *
 * Built as .tmp beside its name and renamed, read with pread, never mapped: a file that is cut or foreign is a short read or a wrong
 * checksum, and is built again. */
#ifndef CVT_DATA_CACHE_H
#define CVT_DATA_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convtui/error.h"
#include "data/digest.h"

struct cvt_prepared {
	uint32_t good;               /* 1: decoded; 0: see reason */
	uint32_t crc;                /* of the slot */
	struct cvt_digest bytes;     /* of the file as it lay on disk */
	uint64_t sum[3], squares[3]; /* of the pixels, per channel */
	char reason[128];
};

struct cvt_cache {
	int fd;                      /* -1: none */
	char path[4096], tmp[4096 + 32];   /* "" : in memory */
	int n;
	size_t bytes;                /* of a slot */
	int64_t pixels_at;
	struct cvt_prepared *table;  /* n */
};

/* The folder of caches: `given`, else $XDG_CACHE_HOME/convtui, else ~/.cache/convtui. */
CVT_NODISCARD int cvt_cache_folder(const char *given, char *path, size_t size, struct cvt_error *err);
/* Opens `folder`/`name` and checks header, table and length (pixels: see cvt_cache_read). CVT_ERR_NOT_FOUND, CVT_ERR_FORMAT: build it. */
CVT_NODISCARD int cvt_cache_open(const char *folder, const char *name, int n, size_t bytes, struct cvt_cache *ret_cache,
	struct cvt_error *err);
/* Starts a new one with its room reserved, table zeroed. */
CVT_NODISCARD int cvt_cache_create(const char *folder, const char *name, int n, size_t bytes, struct cvt_cache *ret_cache,
	struct cvt_error *err);
/* The same without a file: in memory, gone when closed. */
CVT_NODISCARD int cvt_cache_create_memory(int n, size_t bytes, struct cvt_cache *ret_cache, struct cvt_error *err);
/* Thread-safe for different slots. Write fills table[slot].crc. */
CVT_NODISCARD int cvt_cache_write(struct cvt_cache *cache, int slot, const unsigned char *pixels, struct cvt_error *err);
/* check: also the checksum. A short read or a wrong checksum is CVT_ERR_FORMAT. */
CVT_NODISCARD int cvt_cache_read(const struct cvt_cache *cache, int slot, bool check, unsigned char *pixels, struct cvt_error *err);
/* Writes header and table and renames the file to its name; older caches whose names begin with the first `prefix` characters of this
 * one's go. */
CVT_NODISCARD int cvt_cache_commit(struct cvt_cache *cache, size_t prefix, struct cvt_error *err);
/* Closes; what was not committed is removed. */
void cvt_cache_close(struct cvt_cache *cache);

#endif
