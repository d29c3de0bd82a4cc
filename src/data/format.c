/* format.c - walking JPEG segments and PNG chunks. See format.h.
 *
 * Decoders are lenient: stb_image fills what a cut JPEG lacks with grey and never looks at a PNG's checksums. Pillow refuses both, and
 * so does this walk, because half a picture in a training set is worse than one named as bad. */
#include "data/format.h"

#include <stdint.h>
#include <string.h>

#include "data/exif.h"

/* A progressive JPEG has about ten scans; thousands of them make a small file decode for hours. */
enum { MAX_SCANS = 200 };

static uint32_t big_endian(const unsigned char *at, int bytes)
{
	uint32_t value = 0;
	for (int i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

static bool is_frame(int marker)
{
	return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

static int read_frame(const unsigned char *body, size_t length, int marker, struct cvt_format *format, struct cvt_error *err)
{
	if (marker > 0xC2)
		return cvt_fail(err, CVT_ERR_FORMAT, "a %s JPEG: only baseline and progressive are read",
			marker == 0xC9 || marker == 0xCA ? "arithmetic-coded" : "lossless or hierarchical");
	if (length < 6)
		return cvt_fail(err, CVT_ERR_FORMAT, "a damaged JPEG");
	format->bits = body[0];
	format->height = (long)big_endian(body + 1, 2);
	format->width = (long)big_endian(body + 3, 2);
	format->components = body[5];
	if (format->bits != 8)
		return cvt_fail(err, CVT_ERR_FORMAT, "a JPEG of %d bits a sample: only 8 are read", format->bits);
	if (format->components != 1 && format->components != 3 && format->components != 4)
		return cvt_fail(err, CVT_ERR_FORMAT, "a JPEG of %d components: 1, 3 or 4 are read", format->components);
	return CVT_OK;
}

/* DHT: tables of 16 counts and as many symbols as they sum to. A sum over 256 writes past stb_image's table. */
static bool huffman_ok(const unsigned char *body, size_t length)
{
	while (length > 0) {
		size_t n = 0;
		if (length < 17)
			return false;
		for (int i = 1; i <= 16; i++)
			n += body[i];
		if (n > 256 || length < 17 + n)
			return false;
		body += 17 + n;
		length -= 17 + n;
	}
	return true;
}

/* The entropy-coded bytes after a scan's header end at the next marker that is neither a stuffed FF00 nor a restart. */
static size_t skip_entropy(const unsigned char *data, size_t size, size_t at)
{
	while (at + 1 < size) {
		const unsigned char *hit = memchr(data + at, 0xFF, size - at - 1);
		if (!hit)
			return size;
		at = (size_t)(hit - data);
		if (data[at + 1] != 0x00 && data[at + 1] != 0xFF && (data[at + 1] < 0xD0 || data[at + 1] > 0xD7))
			return at;
		at += data[at + 1] == 0xFF ? 1 : 2;
	}
	return size;
}

static int probe_jpeg(const unsigned char *data, size_t size, struct cvt_format *format, struct cvt_error *err)
{
	bool frame = false;
	int scans = 0;
	size_t at = 2;
	for (;;) {
		while (at + 1 < size && data[at] == 0xFF && data[at + 1] == 0xFF)   /* fill bytes */
			at++;
		if (at + 1 >= size)
			return cvt_fail(err, CVT_ERR_FORMAT, "a truncated JPEG");
		if (data[at] != 0xFF) {     /* junk between segments is skipped, as libjpeg does */
			at++;
			continue;
		}
		const int marker = data[at + 1];
		at += 2;
		if (marker == 0xD9)
			break;
		if (marker == 0x00 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8))
			continue;
		if (at + 2 > size)
			return cvt_fail(err, CVT_ERR_FORMAT, "a truncated JPEG");
		const size_t length = big_endian(data + at, 2);
		if (length < 2)
			return cvt_fail(err, CVT_ERR_FORMAT, "a damaged JPEG");
		if (length > size - at)
			return cvt_fail(err, CVT_ERR_FORMAT, "a truncated JPEG");
		const unsigned char *body = data + at + 2;
		const size_t body_length = length - 2;
		at += length;
		if (is_frame(marker)) {
			if (frame)
				return cvt_fail(err, CVT_ERR_FORMAT, "a damaged JPEG: two frames");
			const int status = read_frame(body, body_length, marker, format, err);
			if (status)
				return status;
			frame = true;
		} else if (marker == 0xC4 && !huffman_ok(body, body_length)) {
			return cvt_fail(err, CVT_ERR_FORMAT, "a damaged JPEG: impossible Huffman table");
		} else if (marker == 0xE1 && body_length > 6 && memcmp(body, "Exif\0\0", 6) == 0) {
			format->orientation = cvt_exif_orientation(body + 6, body_length - 6);
		} else if (marker == 0xEE && body_length >= 12 && memcmp(body, "Adobe", 5) == 0) {
			format->adobe = true;
		} else if (marker == 0xDA) {
			if (++scans > MAX_SCANS)
				return cvt_fail(err, CVT_ERR_FORMAT, "a JPEG of more than %d scans", MAX_SCANS);
			at = skip_entropy(data, size, at);
		}
	}
	if (!frame || scans == 0)
		return cvt_fail(err, CVT_ERR_FORMAT, "a JPEG without a picture in it");
	return CVT_OK;
}

/* CRC-32 of PNG and zlib, four bits at a time: 64 bytes of table. */
static uint32_t crc_32(const unsigned char *data, size_t size)
{
	static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	uint32_t crc = 0xffffffff;
	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

static int read_png_header(const unsigned char *body, size_t length, struct cvt_format *format, struct cvt_error *err)
{
	if (length != 13)
		return cvt_fail(err, CVT_ERR_FORMAT, "a damaged PNG");
	if (big_endian(body, 4) > INT32_MAX || big_endian(body + 4, 4) > INT32_MAX)
		return cvt_fail(err, CVT_ERR_FORMAT, "a damaged PNG: its size is nonsense");
	format->width = (long)big_endian(body, 4);
	format->height = (long)big_endian(body + 4, 4);
	format->bits = body[8];
	format->colour = body[9];
	return CVT_OK;
}

static int probe_png(const unsigned char *data, size_t size, struct cvt_format *format, struct cvt_error *err)
{
	bool header = false, pixels = false;
	for (size_t at = 8;;) {
		if (size - at < 12)
			return cvt_fail(err, CVT_ERR_FORMAT, "a truncated PNG");
		const size_t length = big_endian(data + at, 4);
		if (length > size - at - 12)
			return cvt_fail(err, CVT_ERR_FORMAT, "a truncated PNG");
		const unsigned char *type = data + at + 4, *body = type + 4;
		const bool critical = !(type[0] & 0x20);
		if (critical && crc_32(type, length + 4) != big_endian(body + length, 4))
			return cvt_fail(err, CVT_ERR_FORMAT, "a damaged PNG: wrong checksum");
		if (memcmp(type, "IHDR", 4) == 0 && !header) {
			const int status = read_png_header(body, length, format, err);
			if (status)
				return status;
			header = true;
		} else if (!header) {
			return cvt_fail(err, CVT_ERR_FORMAT, "a damaged PNG: no header");
		} else if (memcmp(type, "IDAT", 4) == 0) {
			pixels = true;
		} else if (memcmp(type, "eXIf", 4) == 0) {
			format->orientation = cvt_exif_orientation(body, length);
		} else if (memcmp(type, "IEND", 4) == 0) {
			break;
		}
		at += length + 12;
	}
	if (!pixels)
		return cvt_fail(err, CVT_ERR_FORMAT, "a PNG without a picture in it");
	return CVT_OK;
}

int cvt_format_probe(const unsigned char *data, size_t size, struct cvt_format *ret_format, struct cvt_error *err)
{
	struct cvt_format format = {.orientation = 1};
	int status;
	if (size == 0)
		return cvt_fail(err, CVT_ERR_FORMAT, "an empty file");
	if (size >= 3 && memcmp(data, "\xFF\xD8\xFF", 3) == 0) {
		format.kind = CVT_FORMAT_JPEG;
		status = probe_jpeg(data, size, &format, err);
	} else if (size >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0) {
		format.kind = CVT_FORMAT_PNG;
		status = probe_png(data, size, &format, err);
	} else {
		return cvt_fail(err, CVT_ERR_FORMAT, "not a JPEG or PNG");
	}
	if (status)
		return status;
	if (format.width == 0 || format.height == 0)
		return cvt_fail(err, CVT_ERR_FORMAT, "a picture without pixels");
	*ret_format = format;
	return CVT_OK;
}
