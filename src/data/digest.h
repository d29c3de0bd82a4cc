/* digest.h - a 128-bit digest of bytes: names caches, finds pictures with the same bytes. Not for secrets. */
#ifndef CVT_DATA_DIGEST_H
#define CVT_DATA_DIGEST_H

#include <stddef.h>
#include <stdint.h>

struct cvt_digest { uint64_t a, b; };

static inline struct cvt_digest cvt_digest_start(void)
{
	return (struct cvt_digest){0xcbf29ce484222325u, 0x9e3779b97f4a7c15u};
}

/* Two multiplications of different kinds, so that what collides in one does not in the other. */
static inline void cvt_digest_add(struct cvt_digest *digest, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint64_t a = digest->a, b = digest->b;
	for (size_t i = 0; i < size; i++) {
		a = (a ^ bytes[i]) * 0x100000001b3u;
		b = (b + bytes[i]) * 0xd6e8feb86659fd93u;
		b ^= b >> 32;
	}
	digest->a = a;
	digest->b = b;
}

#endif
