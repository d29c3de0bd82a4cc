/* crc.c - CRC-32C (Castagnoli, reflected polynomial 0x82f63b78; RFC 3720), by the processor's instruction where there is one. */
#include <pthread.h>
#include <string.h>

#include "base/crc.h"
#include "convtui/text.h"

static uint32_t table[8][256]; /* table[k][b]: the effect of byte b with k zero bytes after it */

static void make_table(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t c = b;

		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
		table[0][b] = c;
	}
	for (int k = 1; k < 8; k++)
		for (int b = 0; b < 256; b++)
			table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
}

static uint32_t by_table(uint32_t crc, const unsigned char *p, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_table);
	for (; size >= 8; size -= 8, p += 8) {
		uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);

		crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^ table[3][p[4]] ^
			table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
	}
	for (; size > 0; size--, p++)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 255];
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const unsigned char *p, size_t size)
{
	uint64_t c = crc;

	for (; size >= 8; size -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		c = __builtin_ia32_crc32di(c, word);
	}
	for (; size > 0; size--, p++)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p);
	return (uint32_t)c;
}
#endif

uint32_t cvt_crc32c_by_table(uint32_t crc, const void *data, size_t size)
{
	return ~by_table(~crc, data, size);
}

uint32_t cvt_crc32c(uint32_t crc, const void *data, size_t size)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return ~by_instruction(~crc, data, size);
#endif
	return cvt_crc32c_by_table(crc, data, size);
}
