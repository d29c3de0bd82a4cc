/* test_sandbox.c - decoders that misbehave: each is one error with a reason, and the next picture decodes. */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "data/sandbox.h"
#include "data/sandbox_filter.h"

enum { SIDE = 4, PIXELS = SIDE * SIDE };
static const struct cvt_decode_request request = {.exif = true, .width = SIDE, .height = SIDE, .channels = 1};

/* The first byte of the file says what this decoder does. */
static int decode(const unsigned char *data, size_t size, const struct cvt_decode_request *want, unsigned char *pixels,
	struct cvt_error *err)
{
	volatile int spin = 1;
	volatile uintptr_t nowhere = 16;

	switch (data[0]) {
	case 'c':
		*(volatile int *)nowhere = 1;
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
	case 't':                /* taken over: it answers as it likes */
		return cvt_fail(err, -(data[1] - '0'), "no %d", data[1]);
	case 'e':
		return cvt_fail(err, CVT_ERR_FORMAT, "not a \033[31mpicture");
	default:
		memset(pixels, data[size - 1], (size_t)want->width * (size_t)want->height * (size_t)want->channels);
		return CVT_OK;
	}
	return CVT_OK;
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

	if (cvt_sandbox_decode(s, text, strlen(text), &request, pixels, &err) != CVT_OK)
		fail_msg("%s", err.message);
	for (int i = 0; i < PIXELS; i++)
		assert_int_equal(pixels[i], value);
}

static void fails(struct cvt_sandbox *s, const char *text, const char *reason)
{
	unsigned char pixels[PIXELS] = {0};
	struct cvt_error err = {0};

	assert_true(cvt_sandbox_decode(s, text, strlen(text), &request, pixels, &err) < 0);
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

/* What the filter says to a call: true, it is allowed. A small machine for the programs that libseccomp makes. */
static bool allowed(const struct cvt_filter *filter, int call, const uint64_t arguments[6])
{
	struct seccomp_data data = {.nr = call, .arch = AUDIT_ARCH_X86_64};
	uint32_t a = 0;

	for (int i = 0; i < 6; i++)
		data.args[i] = arguments[i];
	for (unsigned at = 0; at < filter->n; at++) {
		const struct sock_filter *f = &filter->code[at];
		bool yes = false;

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS: memcpy(&a, (const char *)&data + f->k, sizeof a); continue;
		case BPF_ALU | BPF_AND | BPF_K: a &= f->k; continue;
		case BPF_RET | BPF_K: return f->k == SECCOMP_RET_ALLOW;
		case BPF_JMP | BPF_JA: at += f->k; continue;
		case BPF_JMP | BPF_JEQ | BPF_K: yes = a == f->k; break;
		case BPF_JMP | BPF_JGE | BPF_K: yes = a >= f->k; break;
		case BPF_JMP | BPF_JGT | BPF_K: yes = a > f->k; break;
		case BPF_JMP | BPF_JSET | BPF_K: yes = (a & f->k) != 0; break;
		default: fail_msg("an instruction %d that this test does not know", f->code);
		}
		at += yes ? f->jt : f->jf;
	}
	fail_msg("the filter does not end");
	return false;
}

/* All numbers of calls are tried against the filter itself: it allows those that are listed, and no other; read and write on one descriptor, memory
 * that is anonymous and not executable. */
static void test_the_calls_are_those_listed(void **state)
{
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	enum { OUR_FD = 3, MOST = 1024 };
	static const struct { const char *name; int number; } calls[] = {{"read ", SYS_read}, {"write ", SYS_write}, {"mmap ", SYS_mmap},
		{"munmap ", SYS_munmap}, {"mprotect ", SYS_mprotect}, {"mremap ", SYS_mremap}, {"brk ", SYS_brk}, {"madvise ", SYS_madvise},
		{"futex ", SYS_futex}, {"exit ", SYS_exit}, {"exit_group ", SYS_exit_group}, {"rt_sigreturn ", SYS_rt_sigreturn},
		{"restart_syscall", SYS_restart_syscall}};
	const uint64_t harmless[6] = {OUR_FD, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0};
	struct cvt_filter filter;
	struct cvt_error err;
	int found = 0;

	if (cvt_filter_create(OUR_FD, &filter, &err) != CVT_OK)
		skip();
	print_message("# a decoding child may call: %s\n", cvt_sandbox_calls());
	for (int number = 0; number < MOST; number++)
		found += allowed(&filter, number, harmless);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		assert_true(allowed(&filter, calls[i].number, harmless));
		assert_non_null(strstr(cvt_sandbox_calls(), calls[i].name));
	}
	assert_int_equal(found, sizeof calls / sizeof *calls);
	for (int fd = 0; fd < 16; fd++) {
		assert_int_equal(allowed(&filter, SYS_read, (const uint64_t[6]){(uint64_t)fd}), fd == OUR_FD);
		assert_int_equal(allowed(&filter, SYS_write, (const uint64_t[6]){(uint64_t)fd}), fd == OUR_FD);
	}
	assert_false(allowed(&filter, SYS_mmap, (const uint64_t[6]){0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS}));
	assert_false(allowed(&filter, SYS_mmap, (const uint64_t[6]){0, 4096, PROT_READ, MAP_PRIVATE, OUR_FD}));
	assert_false(allowed(&filter, SYS_mprotect, (const uint64_t[6]){0, 4096, PROT_EXEC}));
	/* The 32-bit calls of the same processor, by which filters have been walked around. */
	assert_false(allowed(&filter, 0x40000000 | SYS_read, harmless));
	cvt_filter_finish(&filter);
#else
	skip();
#endif
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

/* No answer of a child stands for more than its picture: neither a stop of the run nor a lack of memory. */
static void test_an_answer_is_of_one_picture(void **state)
{
	struct cvt_sandbox *s = make();

	for (int code = 1; code < 20; code++) {
		unsigned char pixels[PIXELS] = {0};
		struct cvt_error err = {0};
		char text[3] = {'t', (char)('0' + code), 0};

			int got = cvt_sandbox_decode(s, text, strlen(text), &request, pixels, &err);

		if (got != CVT_ERR_FORMAT && got != CVT_ERR_RANGE && got != CVT_ERR_IO)
			fail_msg("code %d comes through as %d", -code, got);
	}
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

static void test_more_bytes_than_agreed(void **state)
{
	struct cvt_sandbox *s = make();
	unsigned char pixels[PIXELS];
	struct cvt_error err = {0};

	/* Seen before a byte is looked at. */
	assert_int_equal(cvt_sandbox_decode(s, "p", cvt_sandbox_defaults(PIXELS).file_bytes + 1, &request, pixels, &err), CVT_ERR_RANGE);
	cvt_sandbox_destroy(s);
}

static void test_more_pixels_than_agreed(void **state)
{
	struct cvt_sandbox *s = make();
	struct cvt_decode_request large = {.width = SIDE, .height = SIDE + 1, .channels = 1};
	unsigned char pixels[2 * PIXELS];
	struct cvt_error err = {0};

	assert_int_equal(cvt_sandbox_decode(s, "p", 1, &large, pixels, &err), CVT_ERR_RANGE);
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
		cmocka_unit_test(test_the_calls_are_those_listed),
		cmocka_unit_test(test_each_fault_is_one_bad_file),
		cmocka_unit_test(test_an_answer_is_of_one_picture),
		cmocka_unit_test(test_memory_is_limited),
		cmocka_unit_test(test_more_pixels_than_agreed), cmocka_unit_test(test_more_bytes_than_agreed),
		cmocka_unit_test(test_no_child_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
