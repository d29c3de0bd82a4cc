/* safetensors_private.h - what the checkpoint needs beside safetensors.h. */
#ifndef CVT_STORE_SAFETENSORS_PRIVATE_H
#define CVT_STORE_SAFETENSORS_PRIVATE_H

#include <stddef.h>

#include "store/safetensors.h"

/* Writes a new file at `path` and fsyncs it; on failure it is removed. Renaming is the caller's. */
CVT_NODISCARD int cvt_safetensors_write_new(const char *path, const struct cvt_array *arrays, int n_arrays,
	const struct cvt_pair *metadata, int n_pairs, struct cvt_error *err);
/* Memory that lives as long as *file; NULL: none left. */
void *cvt_safetensors_alloc(struct cvt_safetensors *file, size_t size);
/* Bytes of an array; -1: dims out of range, or no such dtype. */
int64_t cvt_array_bytes(const struct cvt_array *array);

#endif
