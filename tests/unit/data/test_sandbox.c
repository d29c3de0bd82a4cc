/* test_sandbox.c - decoders that misbehave: each is one error with a reason, and the next picture decodes. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "data/sandbox.h"

enum { SIDE = 4, PIXELS = SIDE * SIDE };
static const struct cvt_decode_request request = {.exif = true, .width = SIDE, .height = SIDE, .channels = 1};
static char path[64];

/* The first byte of the file says what this decoder does. */
static int decode(const unsigned char *data, size_t size, const struct cvt_decode_request *want, unsigned char *pixels,
	struct cvt_error *err)
{
	volatile int spin = 1;

	switch (data[0]) {
	case 'c':
		*(volatile int *)16 = 1;
		break;
	case 'l':
		while (spin)
			;
		break;
	case 'm':
		for (size_t i = 0; i < 512; i++) {
			unsigned char *block = malloc((size_t)4 << 20);

			if (block == NULL)
				return cvt_fail(err, CVT_ERR_MEMORY, "no memory for this picture");
			memset(block, (int)i, (size_t)4 << 20);
			pixels[i % PIXELS] = block[i];
		}
		break;
	case 'o':
		pixels[0] = open("/etc/passwd", O_RDONLY) >= 0;
		break;
	case 's':
		pixels[0] = socket(AF_INET, SOCK_STREAM, 0) >= 0;
		break;
	case 'f':
		pixels[0] = fork() > 0;
		break;
	case 'x':
		_exit(0);
	case 'e':
		return cvt_fail(err, CVT_ERR_FORMAT, "not a \033[31mpicture");
	default:
		memset(pixels, data[size - 1], (size_t)want->width * (size_t)want->height * (size_t)want->channels);
		return CVT_OK;
	}
	return CVT_OK;
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static struct cvt_sandbox *make(void)
{
	struct cvt_sandbox_limits limits = cvt_sandbox_defaults(PIXELS);
	struct cvt_sandbox *s;
	struct cvt_error err;

	limits.cpu_seconds = 0.5;
	limits.memory_bytes = (size_t)64 << 20;
	assert_int_equal(cvt_sandbox_create(decode, &limits, &s, &err), CVT_OK);
	return s;
}

static void decodes(struct cvt_sandbox *s, int value)
{
	unsigned char pixels[PIXELS] = {0};
	struct cvt_error err = {0};
	char text[3] = {'p', (char)value, 0};

	write_file(text);
	if (cvt_sandbox_decode(s, path, &request, pixels, &err) != CVT_OK)
		fail_msg("%s", err.message);
	for (int i = 0; i < PIXELS; i++)
		assert_int_equal(pixels[i], value);
}

static void fails(struct cvt_sandbox *s, const char *text, const char *reason)
{
	unsigned char pixels[PIXELS] = {0};
	struct cvt_error err = {0};

	write_file(text);
	assert_true(cvt_sandbox_decode(s, path, &request, pixels, &err) < 0);
	if (strstr(err.message, reason) == NULL)
		fail_msg("said '%s', not '%s'", err.message, reason);
	assert_null(strpbrk(err.message, "\033\n"));
	for (int i = 0; i < PIXELS; i++)
		assert_int_equal(pixels[i], 0);
}

static void test_pixels_come_back(void **state)
{
	struct cvt_sandbox *s = make();

	for (int i = 1; i < 100; i++)
		decodes(s, i);
	cvt_sandbox_destroy(s);
}

static void test_each_fault_is_one_bad_file(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	/* A sanitizer answers a fault in its own way first: only that it is an error, and one only, holds. */
	const char *crash = "its decoder", *call = "its decoder";
#else
	const char *crash = "crashed", *call = "system call";
#endif
	struct cvt_sandbox *s = make();

	decodes(s, 7);
	if (!cvt_sandbox_confined(s)) {
		cvt_sandbox_destroy(s);
		skip();
	}
	fails(s, "c", crash);
	decodes(s, 8);
	fails(s, "l", "did not come to an end");
	decodes(s, 9);
	fails(s, "o", call);
	decodes(s, 10);
	fails(s, "s", call);
	fails(s, "f", call);
	fails(s, "x", "without an answer");
	fails(s, "e", "not a ?[31mpicture");
	decodes(s, 11);
	cvt_sandbox_destroy(s);
}

static void test_memory_is_limited(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip();
#endif
	struct cvt_sandbox *s = make();

	fails(s, "m", "no memory for this picture");
	decodes(s, 12);
	cvt_sandbox_destroy(s);
}

static void test_more_pixels_than_agreed(void **state)
{
	struct cvt_sandbox *s = make();
	struct cvt_decode_request large = {.width = SIDE, .height = SIDE + 1, .channels = 1};
	unsigned char pixels[2 * PIXELS];
	struct cvt_error err = {0};

	write_file("p");
	assert_int_equal(cvt_sandbox_decode(s, path, &large, pixels, &err), CVT_ERR_RANGE);
	cvt_sandbox_destroy(s);
}

static void test_no_child_is_left(void **state)
{
	struct cvt_sandbox *s = make();

	decodes(s, 5);
	cvt_sandbox_destroy(s);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pixels_come_back),
		cmocka_unit_test(test_each_fault_is_one_bad_file),
		cmocka_unit_test(test_memory_is_limited),
		cmocka_unit_test(test_more_pixels_than_agreed),
		cmocka_unit_test(test_no_child_is_left),
	};
	int failed, fd;

	snprintf(path, sizeof path, "/tmp/convtui-sandbox.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
