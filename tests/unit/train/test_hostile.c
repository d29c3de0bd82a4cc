/* Pictures that take over their decoder: linked with --wrap, one file crashes it, one keeps it busy, one takes all memory, one opens
 * a file, one a socket, one tells a program to be run. Each is one bad file, named with its reason, and the run trains on the others to its end. */
#include "runs.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "base/file.h"
#include "data/image.h"
#include "data/sandbox.h"

__typeof__(cvt_image_decode) __real_cvt_image_decode, __wrap_cvt_image_decode;

__typeof__(cvt_sandbox_defaults) __real_cvt_sandbox_defaults, __wrap_cvt_sandbox_defaults;

/* As a user gets it but for the time and memory that a decoder may take, which would take as much of the test's. */
struct cvt_sandbox_limits __wrap_cvt_sandbox_defaults(size_t pixel_bytes)
{
	struct cvt_sandbox_limits limits = __real_cvt_sandbox_defaults(pixel_bytes);

	limits.cpu_seconds = 1;
	limits.memory_bytes = (size_t)256 << 20;
	return limits;
}

/* In the decoding child. */
int __wrap_cvt_image_decode(const unsigned char *data, size_t size, bool exif, struct cvt_image *ret_image, struct cvt_error *err)
{
	static char *program[] = {(char *)"/bin/true", NULL};
	volatile int spin = 1;
	volatile uintptr_t nowhere = 16;
	size_t taken = 0;

	if (size < 8 || memcmp(data, "hostile", 7) != 0)
		return __real_cvt_image_decode(data, size, exif, ret_image, err);
	switch (data[7]) {
	case 'c':
		*(volatile int *)nowhere = 1;
		break;
	case 'l':
		while (spin)
			;
		break;
	case 'm':
		for (unsigned char *block; (block = malloc((size_t)16 << 20)) != NULL; taken += block[5])
			memset(block, 1, (size_t)16 << 20);
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory after %zu", taken);
	case 'o':
		if (open("/etc/passwd", O_RDONLY) >= 0)
			return __real_cvt_image_decode(data, size, exif, ret_image, err);
		break;
	case 's':
		if (socket(AF_INET, SOCK_STREAM, 0) >= 0)
			return __real_cvt_image_decode(data, size, exif, ret_image, err);
		break;
	default:
		execv(program[0], program);
	}
	return __real_cvt_image_decode(data, size, exif, ret_image, err);
}

static void copy_picture(const char *class, int i)
{
	char from[1200], to[1200], *bytes;
	size_t size;
	struct cvt_error err;

	snprintf(from, sizeof from, "%s/e2e/pictures/%s/%02d.png", getenv("CVT_TESTS"), class, i);
	snprintf(to, sizeof to, "%s/data/%s/%02d.png", scratch_folder, class, i);
	if (cvt_file_read(from, 1 << 20, &bytes, &size, &err) != CVT_OK || cvt_file_replace(to, bytes, size, &err) != CVT_OK)
		fail_msg("%s", err.message);
	free(bytes);
}

static int count(const char *text, const char *part)
{
	int n = 0;

	for (text = strstr(text, part); text; text = strstr(text + 1, part))
		n++;
	return n;
}

static void a_run_goes_on_over_hostile_pictures(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	/* A sanitizer answers a fault in its own way: only that it is one bad file holds. */
	static const char *const reasons[] = {"its decoder", "its decoder", "", "its decoder", "its decoder", "its decoder"};
#else
	static const char *const reasons[] = {"crashed", "did not come to an end", "memory", "system call", "system call", "system call"};
#endif
	static const char *const names[] = {"crash", "loop", "memory", "open", "socket", "execute"};
	static const char *const classes[] = {"bars", "discs", "noise"};
	struct cvt_run *plain, *run;
	struct cvt_runner_result result;
	char yaml[700], path[700], text[16];
	const char *log;

	(void)state;
	for (int c = 0; c < 3; c++) {
		snprintf(path, sizeof path, "%s/data/%s", scratch_folder, classes[c]);
		assert_int_equal(cvt_folder_create(path, NULL), CVT_OK);
		for (int i = 0; i < 8; i++)
			copy_picture(classes[c], i);
	}
	snprintf(yaml, sizeof yaml, "data: %s/data\nbatch: 6\nepochs: 2\n", scratch_folder);
	plain = runs_make(yaml);
	assert_int_equal(runs_train(plain->folder, NULL).state, CVT_STATE_DONE);
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof path, "%s/data/bars/%s.png", scratch_folder, names[i]);
		snprintf(text, sizeof text, "hostile%c", names[i][0]);
		scratch_text(path, text);
	}
	run = runs_make(yaml);
	result = runs_train(run->folder, NULL);
	assert_int_equal(result.state, CVT_STATE_DONE);
	assert_int_equal(result.live.bad, 6);
	log = scratch_get(runs_file(run->folder, "log.txt"));
	assert_int_equal(count(log, "6 bad files skipped"), 1);
	for (int i = 0; i < 6; i++) {
		const char *line;

		snprintf(path, sizeof path, "skipped bars/%s.png: ", names[i]);
		assert_int_equal(count(log, path), 1);
		line = strstr(log, path) + strlen(path);
		snprintf(path, sizeof path, "%.*s", (int)strcspn(line, "\n"), line);
		print_message("# %-8s one bad file: %s\n", names[i], path);
		if (strstr(path, reasons[i]) == NULL)
			fail_msg("%s: %s", names[i], path);
	}
	/* The others are trained on as if it had never been there. */
	runs_same(run->folder, plain->folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_run_goes_on_over_hostile_pictures, runs_setup, runs_teardown),
	};

	return cmocka_run_group_tests_name("train hostile", tests, runs_group_setup, runs_group_teardown);
}
