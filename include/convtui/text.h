/* text.h - small text helpers shared by the engine and the screen. Implemented in src/base. */
#ifndef CONVTUI_TEXT_H
#define CONVTUI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convtui/error.h"

/* Copies with every control character (C0, C1, DEL), broken UTF-8 byte and bidirectional override replaced by '?'. Always terminates;
 * cuts at a whole character. Returns the length written. For all text that comes from files, before it is shown. */
size_t cvt_text_clean(char *out, size_t size, const char *in);
/* "3,706,933" */
void cvt_text_thousands(int64_t value, char *out, size_t size);
/* Whole-string conversions: no spaces, no junk after, no overflow, no hex, no NaN or infinity. False: not such a number. */
bool cvt_text_to_i64(const char *text, int64_t *value);
bool cvt_text_to_u64(const char *text, uint64_t *value);
bool cvt_text_to_double(const char *text, double *value);
/* The shortest text that reads back as the same double ("0.01", "1e-04" is "0.0001"); locale-independent like the above. */
void cvt_text_from_double(double value, char *out, size_t size);
/* Rounded to `digits` (1 to 17) significant digits, as %.{digits}g rounds; laid out as above. 9 digits hold every float. */
void cvt_text_from_double_rounded(double value, int digits, char *out, size_t size);
/* A path as a person gives it, where no shell has been over it: a leading `~` or `~/` is $HOME. `~NAME` is CVT_ERR_UNSUPPORTED, a $HOME that is
 * not set CVT_ERR_NOT_FOUND, a path that does not fit CVT_ERR_RANGE; the message names no path. */
CVT_NODISCARD int cvt_path_expand(char *out, size_t size, const char *path, struct cvt_error *err);
/* CRC-32C (Castagnoli) of the bytes, continuing from `crc` (0 to start): checksums of pages, caches and checkpoints. */
uint32_t cvt_crc32c(uint32_t crc, const void *data, size_t size);

#endif
