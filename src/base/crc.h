/* crc.h - the portable form of cvt_crc32c (convtui/text.h), so that tests can compare both. */
#ifndef CVT_BASE_CRC_H
#define CVT_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

uint32_t cvt_crc32c_by_table(uint32_t crc, const void *data, size_t size);

#endif
