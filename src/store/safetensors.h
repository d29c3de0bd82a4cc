/* safetensors.h - named arrays in a file: an 8-byte length, a JSON header, the bytes (github.com/huggingface/safetensors). */
#ifndef CVT_STORE_SAFETENSORS_H
#define CVT_STORE_SAFETENSORS_H

#include <stdint.h>

#include "convtui/error.h"

enum cvt_dtype { CVT_F32, CVT_I64, CVT_DTYPE_OTHER /* only read: the array is listed, its data are NULL */ };
enum { CVT_SAFETENSORS_HEADER = 16 << 20 };   /* bytes of header that are read: JSON takes twenty times as much in memory */
struct cvt_array { const char *name; enum cvt_dtype dtype; int dims[4], n_dims; const void *data; };
struct cvt_pair { const char *key, *value; };

/* Writes path.tmp, fsyncs, renames, fsyncs the folder. Data is padded so that arrays are 64-byte aligned in the file where the
 * format allows. A checksum (CRC-32C of the data part) goes into the metadata as "checksum": "crc32c:XXXXXXXX".
 * Names: UTF-8 without control characters, at most 255 bytes, none twice. */
CVT_NODISCARD int cvt_safetensors_write(const char *path, const struct cvt_array *arrays, int n_arrays,
	const struct cvt_pair *metadata, int n_pairs, struct cvt_error *err);

/* A file read whole and checked: header at most CVT_SAFETENSORS_HEADER and no larger than the file, offsets inside the file, without overlap
 * or holes, sizes that fit shape and dtype, no key twice, clean names, the checksum when there is one; no more than the memory free.
 * Data of F32 and I64 as the file has them (aligned to 4 bytes at least in files of ours). Free with cvt_safetensors_finish. */
struct cvt_safetensors { int n_arrays; struct cvt_array *arrays; int n_pairs; struct cvt_pair *pairs; void *memory; };
CVT_NODISCARD int cvt_safetensors_read(const char *path, struct cvt_safetensors *ret_file, struct cvt_error *err);
void cvt_safetensors_finish(struct cvt_safetensors *file);
const struct cvt_array *cvt_safetensors_find(const struct cvt_safetensors *file, const char *name);   /* NULL: none */
const char *cvt_safetensors_metadata(const struct cvt_safetensors *file, const char *key);            /* NULL: none */

#endif
