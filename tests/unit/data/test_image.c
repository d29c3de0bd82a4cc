/* Decoding and resizing against Pillow's bytes (fixtures/, made by gen_fixtures.py), and pictures that are not what they say. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/random.h"
#include "data/exif.h"
#include "data/format.h"
#include "data/image.h"

static char *read_fixture(const char *name, size_t *size)
{
	char path[1024], *data;
	const char *tests = getenv("CVT_TESTS");
	assert_non_null(tests);
	snprintf(path, sizeof(path), "%s/unit/data/fixtures/%s", tests, name);
	if (cvt_file_read(path, 1 << 20, &data, size, NULL))
		fail_msg("%s: cannot be read", path);
	return data;
}

/* One line of list.txt. */
struct row { char file[64], raw[64]; int width, height, channels, tolerance; };

static void check_bytes(const struct row *row, const unsigned char *got, size_t n)
{
	size_t size;
	unsigned char *want = (unsigned char *)read_fixture(row->raw, &size);
	long sum = 0;
	assert_int_equal(size, n);
	for (size_t i = 0; i < n; i++) {
		const int off = abs(got[i] - want[i]);
		if (off && row->tolerance == 0)
			fail_msg("%s: byte %zu is %d, Pillow's is %d", row->raw, i, got[i], want[i]);
		sum += off;
	}
	if (100.0 * sum / n > row->tolerance)
		fail_msg("%s: differs by %.2f of 255 on average, %.2f allowed", row->raw, (double)sum / n, row->tolerance / 100.0);
	free(want);
}

static void check_row(const struct row *row)
{
	struct cvt_image image;
	struct cvt_error err = {0};
	size_t size;
	char *data = read_fixture(row->file, &size);
	if (cvt_image_decode((unsigned char *)data, size, true, &image, &err))
		fail_msg("%s: %s", row->file, err.message);
	if (row->width == 0) {
		check_bytes(row, image.pixels, (size_t)image.width * image.height * 3);
	} else {
		const size_t n = (size_t)row->width * row->height * row->channels;
		unsigned char *pixels = malloc(n);
		assert_int_equal(cvt_image_resize(&image, row->width, row->height, row->channels, pixels, &err), CVT_OK);
		check_bytes(row, pixels, n);
		unsigned char *plain = malloc(n);
		assert_int_equal(cvt_image_resize_plain(&image, row->width, row->height, row->channels, plain, &err), CVT_OK);
		assert_memory_equal(plain, pixels, n);
		free(plain);
		free(pixels);
	}
	cvt_image_finish(&image);
	free(data);
}

static void agrees_with_pillow(void **state)
{
	size_t size;
	char *list = read_fixture("list.txt", &size), *save = NULL;
	int n = 0;
	for (char *line = strtok_r(list, "\n", &save); line; line = strtok_r(NULL, "\n", &save), n++) {
		struct row row;
		assert_int_equal(sscanf(line, "%63s %d %d %d %d %63s", row.file, &row.width, &row.height, &row.channels, &row.tolerance,
			row.raw), 6);
		check_row(&row);
	}
	assert_true(n >= 40);
	free(list);
}

static void exif_off_leaves_the_picture_as_stored(void **state)
{
	size_t size;
	char *data = read_fixture("turned6.png", &size);
	struct cvt_image image;
	assert_int_equal(cvt_image_decode((unsigned char *)data, size, false, &image, NULL), CVT_OK);
	assert_int_equal(image.width, 10);
	assert_int_equal(image.height, 6);
	cvt_image_finish(&image);
	free(data);
}

static void expect_refused(const void *data, size_t size, int code, const char *word)
{
	struct cvt_image image = {.width = -7};
	struct cvt_error err = {0};
	const int status = cvt_image_decode(data, size, true, &image, &err);
	if (status != code || !strstr(err.message, word))
		fail_msg("status %d, \"%s\"; wanted %d and the word \"%s\"", status, err.message, code, word);
	assert_int_equal(image.width, -7);
}

static void names_what_is_wrong(void **state)
{
	expect_refused("", 0, CVT_ERR_FORMAT, "empty");
	expect_refused("hello, I am a text\n", 19, CVT_ERR_FORMAT, "not a JPEG or PNG");
	expect_refused("GIF89a\1\0\1\0", 10, CVT_ERR_FORMAT, "not a JPEG or PNG");
	expect_refused("\xFF\xD8\xFF", 3, CVT_ERR_FORMAT, "truncated");
	expect_refused("\xFF\xD8\xFF\xE0\0\1\xFF\xD9", 8, CVT_ERR_FORMAT, "damaged");
	expect_refused("\xFF\xD8\xFF\xD9", 4, CVT_ERR_FORMAT, "without a picture");
	expect_refused("\x89PNG\r\n\x1a\n", 8, CVT_ERR_FORMAT, "truncated");
}

/* Every cut of a file is refused: none is taken for a whole picture. */
static void every_truncation_is_refused(void **state)
{
	static const char *const names[] = {"420.jpg", "progressive.jpg", "rgb.png", "restart.jpg"};
	for (int i = 0; i < 4; i++) {
		size_t size;
		char *data = read_fixture(names[i], &size);
		for (size_t cut = 0; cut < size; cut++) {
			struct cvt_image image;
			unsigned char *copy = malloc(cut ? cut : 1);     /* exact, so that a sanitizer sees one byte too far */
			memcpy(copy, data, cut);
			if (cvt_image_decode(copy, cut, true, &image, NULL) == CVT_OK)
				fail_msg("%s cut to %zu of %zu bytes was decoded", names[i], cut, size);
			free(copy);
		}
		free(data);
	}
}

/* Random damage never crashes, and never gives another size than the header's. */
static void random_damage_is_survived(void **state)
{
	static const char *const names[] = {"420.jpg", "progressive.jpg", "rgb.png", "palette.png", "cmyk.jpg", "turned.jpg", "rgba16.png"};
	const uint64_t seed = 20261124;
	uint64_t at = 0;
	for (int i = 0; i < 7; i++) {
		size_t size;
		char *data = read_fixture(names[i], &size);
		for (int trial = 0; trial < 300; trial++) {
			struct cvt_image image;
			unsigned char *copy = malloc(size);
			memcpy(copy, data, size);
			for (int hit = 0; hit < 1 + trial % 4; hit++) {
				const size_t where = cvt_random_u32(seed, CVT_RANDOM_TEST, 1, at++) % size;
				copy[where] = (unsigned char)cvt_random_u32(seed, CVT_RANDOM_TEST, 1, at++);
			}
			if (cvt_image_decode(copy, size, true, &image, NULL) == CVT_OK) {
				assert_true(image.width > 0 && image.height > 0);
				cvt_image_finish(&image);
			}
			free(copy);
		}
		free(data);
	}
}

static void huge_dimensions_are_refused_before_allocation(void **state)
{
	size_t size;
	unsigned char *data = (unsigned char *)read_fixture("420.jpg", &size);
	for (size_t i = 0; i + 8 < size; i++)
		if (data[i] == 0xFF && data[i + 1] == 0xC0) {
			memcpy(data + i + 5, "\x4E\x20\x4E\x20", 4);
			break;
		}
	expect_refused(data, size, CVT_ERR_RANGE, "20000 x 20000");
	free(data);
}

static void a_damaged_png_checksum_is_named(void **state)
{
	size_t size;
	unsigned char *data = (unsigned char *)read_fixture("rgb.png", &size);
	data[60] ^= 1;
	expect_refused(data, size, CVT_ERR_FORMAT, "checksum");
	free(data);
}

/* More than 256 symbols: stb_image 2.27 would write past its table. */
static void an_impossible_huffman_table_is_refused(void **state)
{
	size_t size;
	unsigned char *data = (unsigned char *)read_fixture("420.jpg", &size);
	for (size_t i = 0; i + 24 < size; i++)
		if (data[i] == 0xFF && data[i + 1] == 0xC4) {
			memset(data + i + 5, 17, 16);
			break;
		}
	expect_refused(data, size, CVT_ERR_FORMAT, "Huffman");
	free(data);
}

/* A wrong orientation tag, whatever is wrong with it, is no orientation: never an error, never a read outside. */
static void broken_exif_is_upright(void **state)
{
	static const unsigned char good[] = {'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0};
	assert_int_equal(cvt_exif_orientation(good, sizeof(good)), 6);
	for (size_t cut = 0; cut < sizeof(good); cut++) {
		unsigned char *copy = malloc(cut ? cut : 1);
		memcpy(copy, good, cut);
		assert_int_equal(cvt_exif_orientation(copy, cut), 1);
		free(copy);
	}
	for (int byte = 0; byte < (int)sizeof(good); byte++)
		for (int value = 0; value < 256; value += 5) {
			unsigned char copy[sizeof(good)];
			memcpy(copy, good, sizeof(good));
			copy[byte] = (unsigned char)value;
			const int orientation = cvt_exif_orientation(copy, sizeof(copy));
			assert_in_range(orientation, 1, 8);
		}
}

static void resize_refuses_nonsense(void **state)
{
	unsigned char pixels[12] = {0}, out[12];
	const struct cvt_image image = {pixels, 2, 2, 3};
	assert_int_equal(cvt_image_resize(&image, 0, 2, 3, out, NULL), CVT_ERR_RANGE);
	assert_int_equal(cvt_image_resize(&image, 2, 70000, 3, out, NULL), CVT_ERR_RANGE);
	assert_int_equal(cvt_image_resize(&image, 2, 2, 2, out, NULL), CVT_ERR_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_pillow),
		cmocka_unit_test(exif_off_leaves_the_picture_as_stored),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(random_damage_is_survived),
		cmocka_unit_test(huge_dimensions_are_refused_before_allocation),
		cmocka_unit_test(a_damaged_png_checksum_is_named),
		cmocka_unit_test(an_impossible_huffman_table_is_refused),
		cmocka_unit_test(broken_exif_is_upright),
		cmocka_unit_test(resize_refuses_nonsense),
	};
	return cmocka_run_group_tests_name("data image", tests, NULL, NULL);
}
