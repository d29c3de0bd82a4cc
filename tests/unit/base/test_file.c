/* Files: whole, replaced, refused, locked, and every call made to fail in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../scratch.h"
#include "base/file.h"

static int calls, fail_at, fail_with;
static char trace[256];

static int fault(enum cvt_file_call call, const char *path)
{
	size_t n = strlen(trace);

	if (n + 1 < sizeof trace) {
		trace[n] = "owfrt"[call];
		trace[n + 1] = 0;
	}
	return calls++ == fail_at ? fail_with : 0;
}

static void inject(int at, int number)
{
	calls = 0;
	fail_at = at;
	fail_with = number;
	trace[0] = 0;
	cvt_file_fault = fault;
}

static int teardown(void **state)
{
	cvt_file_fault = NULL;
	return scratch_teardown(state);
}

static void reads_whole_files(void **state)
{
	const char *path = scratch("a");
	struct cvt_error err;
	char *data = NULL, big[9000];
	size_t size = 0;

	scratch_text(path, "hello");
	assert_int_equal(cvt_file_read(path, 5, &data, &size, &err), CVT_OK);
	assert_int_equal(size, 5);
	assert_string_equal(data, "hello");
	free(data);
	data = NULL;
	assert_int_equal(cvt_file_read(path, 4, &data, &size, &err), CVT_ERR_RANGE);
	assert_int_equal(cvt_file_read(scratch("none"), 4, &data, &size, &err), CVT_ERR_NOT_FOUND);
	assert_int_equal(cvt_file_read(scratch_folder, 4, &data, &size, &err), CVT_ERR_FORMAT);
	assert_int_equal(mkfifo(scratch("fifo"), 0600), 0);
	assert_int_equal(cvt_file_read(scratch("fifo"), 4, &data, &size, &err), CVT_ERR_FORMAT);
	assert_int_equal(cvt_file_read("/dev/zero", 4, &data, &size, &err), CVT_ERR_FORMAT);
	assert_null(data);
	assert_int_equal(size, 5);
	memset(big, 'x', sizeof big);
	scratch_put(path, "w", big, sizeof big);
	assert_int_equal(cvt_file_read(path, sizeof big, &data, &size, &err), CVT_OK);
	assert_int_equal(size, sizeof big);
	assert_memory_equal(data, big, size);
	free(data);
	assert_int_equal(cvt_file_read("/proc/self/status", 1 << 20, &data, &size, &err), CVT_OK); /* says that its size is 0 */
	assert_non_null(strstr(data, "VmHWM"));
	free(data);
	assert_int_equal(cvt_file_read("/proc/self/status", 10, &data, &size, &err), CVT_ERR_RANGE);
}

static void writes_where_it_may(void **state)
{
	struct cvt_error err;
	char text[8] = "";
	int fd = cvt_file_open_write(scratch("w"), O_CREAT | O_RDWR, &err);

	assert_true(fd >= 0);
	assert_int_equal(cvt_file_write_all(fd, "w", "abcdef", 6, &err), CVT_OK);
	assert_int_equal(cvt_file_pwrite_all(fd, "w", "XY", 2, 2, &err), CVT_OK);
	assert_int_equal(cvt_file_pread_all(fd, text, 7, 0, &err), 6);
	assert_string_equal(text, "abXYef");
	assert_int_equal(cvt_file_truncate(fd, "w", 3, &err), CVT_OK);
	assert_int_equal(cvt_file_sync(fd, "w", true, &err), CVT_OK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert_string_equal(scratch_get(scratch("w")), "abX");
	struct stat st;
	assert_int_equal(stat(scratch("w"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(symlink(scratch("w"), scratch("link")), 0);
	assert_int_equal(cvt_file_open_write(scratch("link"), O_TRUNC, &err), CVT_ERR_FORMAT);
	assert_int_equal(scratch_size(scratch("w")), 3);
	assert_int_equal(mkfifo(scratch("fifo"), 0600), 0);
	assert_int_equal(cvt_file_open_write(scratch("fifo"), 0, &err), CVT_ERR_FORMAT);
	assert_int_equal(cvt_file_open_write(scratch("fifo"), O_RDWR, &err), CVT_ERR_FORMAT);
	assert_int_equal(cvt_file_open_write(scratch("w"), O_CREAT | O_EXCL, &err), CVT_ERR_IO);
	assert_int_equal(cvt_file_open_write(scratch("no/w"), O_CREAT, &err), CVT_ERR_NOT_FOUND);
}

/* Open, write, fsync, rename, fsync of the folder: the order is the promise. */
static void replace_is_all_or_nothing(void **state)
{
	const char *path = scratch("file");
	struct cvt_error err;

	inject(-1, 0);
	assert_int_equal(cvt_file_replace(path, "old", 3, &err), CVT_OK);
	assert_string_equal(trace, "owfrf");
	for (int at = 0; at < 5; at++) {
		inject(-1, 0);
		assert_int_equal(cvt_file_replace(path, "old", 3, &err), CVT_OK);
		inject(at, at % 2 ? ENOSPC : EIO);
		assert_int_equal(cvt_file_replace(path, "newer", 5, &err), at % 2 ? CVT_ERR_SPACE : CVT_ERR_IO);
		assert_string_equal(scratch_get(path), at < 4 ? "old" : "newer");
		assert_false(scratch_exists(scratch("file.tmp")));
	}
	inject(-1, 0);
	assert_int_equal(symlink("/etc/passwd", scratch("file.tmp")), 0);
	assert_int_equal(cvt_file_replace(path, "again", 5, &err), CVT_OK);
	assert_string_equal(scratch_get(path), "again");
	assert_false(scratch_exists(scratch("file.tmp")));
}

static void every_call_can_fail(void **state)
{
	struct cvt_error err;
	int fd = cvt_file_open_write(scratch("f"), O_CREAT, &err);

	assert_true(fd >= 0);
	inject(0, EDQUOT);
	assert_int_equal(cvt_file_write_all(fd, "f", "x", 1, &err), CVT_ERR_SPACE);
	inject(0, ENOSPC);
	assert_int_equal(cvt_file_pwrite_all(fd, "f", "x", 1, 0, &err), CVT_ERR_SPACE);
	inject(0, EIO);
	assert_int_equal(cvt_file_truncate(fd, "f", 5, &err), CVT_ERR_IO);
	inject(0, EIO);
	assert_int_equal(cvt_folder_sync(scratch_folder, &err), CVT_ERR_IO);
	inject(0, EROFS);
	assert_int_equal(cvt_file_open_write(scratch("g"), O_CREAT, &err), CVT_ERR_PERMISSION);
	inject(0, EIO);
	assert_int_equal(cvt_file_rename(scratch("f"), scratch("g"), &err), CVT_ERR_IO);
	assert_false(scratch_exists(scratch("g")));
	assert_int_equal(scratch_size(scratch("f")), 0);
	close(fd);
}

/* A disk that fills up in the middle of a write: the kernel takes a part, then says EFBIG. */
static void a_short_write_is_an_error(void **state)
{
	struct rlimit before, small;
	struct cvt_error err;
	int fd = cvt_file_open_write(scratch("f"), O_CREAT, &err);

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 4;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int status = cvt_file_write_all(fd, "f", "123456", 6, &err);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_true(status < 0);
	assert_int_equal(scratch_size(scratch("f")), 4);
	close(fd);
}

static void folders_and_names(void **state)
{
	struct cvt_error err;
	char path[16], folder[64];
	struct stat st;

	assert_int_equal(cvt_folder_create(scratch("a/b//c/"), &err), CVT_OK);
	assert_int_equal(stat(scratch("a/b/c"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(cvt_folder_create(scratch("a/b/c"), &err), CVT_OK);
	scratch_text(scratch("a/file"), "");
	assert_int_equal(cvt_folder_create(scratch("a/file"), &err), CVT_ERR_FORMAT);
	assert_int_equal(cvt_folder_create(scratch("a/file/x"), &err), CVT_ERR_FORMAT);

	assert_int_equal(cvt_path_join(path, sizeof path, "/runs", "2026", &err), CVT_OK);
	assert_string_equal(path, "/runs/2026");
	assert_int_equal(cvt_path_join(path, sizeof path, "/runs/", "2026", &err), CVT_OK);
	assert_string_equal(path, "/runs/2026");
	assert_int_equal(cvt_path_join(path, sizeof path, "/runs/", "234567890", &err), CVT_OK);
	assert_int_equal(cvt_path_join(path, sizeof path, "/runs", "1234567890", &err), CVT_ERR_RANGE);
	cvt_path_folder(folder, sizeof folder, "/a/b");
	assert_string_equal(folder, "/a");
	cvt_path_folder(folder, sizeof folder, "/b");
	assert_string_equal(folder, "/");
	cvt_path_folder(folder, sizeof folder, "b");
	assert_string_equal(folder, ".");

	assert_true(cvt_path_component_ok("2026-11-24-1-cnn"));
	assert_true(cvt_path_component_ok("..."));
	assert_true(cvt_path_component_ok("Zo\xc3\xab"));
	static const char *const wrong[] = {"", ".", "..", "a/b", "/", "a\nb", "\x1b", "a\x7f", "\xc2\x9b"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(cvt_path_component_ok(wrong[i]));
}

static void a_new_name_is_never_taken_twice(void **state)
{
	struct cvt_error err;

	assert_int_equal(mkdir(scratch("a"), 0700), 0);
	assert_int_equal(mkdir(scratch("b"), 0700), 0);
	assert_int_equal(cvt_file_rename_new(scratch("a"), scratch("b"), &err), CVT_ERR_BUSY);
	assert_int_equal(cvt_file_rename_new(scratch("a"), scratch("c"), &err), CVT_OK);
	assert_true(scratch_exists(scratch("c")) && scratch_exists(scratch("b")) && !scratch_exists(scratch("a")));
}

static void one_lock_one_holder(void **state)
{
	const char *path = scratch("lock");
	struct cvt_error err;
	int fd = -1, second = -1;

	assert_int_equal(cvt_lock_held(path), 0);
	assert_int_equal(cvt_lock_take(path, &fd, &err), CVT_OK);
	assert_int_equal(cvt_lock_held(path), 1);
	assert_int_equal(cvt_lock_held(path), 1); /* asking takes nothing and frees nothing */
	assert_int_equal(cvt_lock_take(path, &second, &err), CVT_ERR_BUSY);
	assert_int_equal(second, -1);
	close(fd);
	assert_int_equal(cvt_lock_held(path), 0);
	assert_int_equal(cvt_lock_take(path, &fd, &err), CVT_OK);
	close(fd);
}

/* kill -9 frees it: the point of a lock over a file that says "locked". */
static void a_killed_holder_holds_nothing(void **state)
{
	const char *path = scratch("lock");
	int ready[2], status;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		int fd;

		alarm(20); /* should the test end before it kills us */
		c = cvt_lock_take(path, &fd, NULL) == CVT_OK ? 'y' : 'n';
		if (write(ready[1], &c, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	ssize_t told = read(ready[0], &c, 1);
	int held = cvt_lock_held(path);
	kill(child, SIGKILL);
	assert_true(told == 1 && c == 'y' && held == 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(cvt_lock_held(path), 0);
	close(ready[0]);
	close(ready[1]);
}

/* Linked with --wrap=fcntl64: what happens between opening a lock file and locking it. */
int __real_fcntl64(int fd, int call, ...);
int __wrap_fcntl64(int fd, int call, void *argument);
static const char *removed_before_locking;

int __wrap_fcntl64(int fd, int call, void *argument)
{
	if (call == F_OFD_SETLK && removed_before_locking != NULL && unlink(removed_before_locking) != 0)
		return -1;
	return __real_fcntl64(fd, call, argument);
}

/* `convtui rm` may take a run away just then: a lock on a file that nobody can find keeps nobody out. */
static void a_lock_without_a_name_is_none(void **state)
{
	const char *path = scratch("lock");
	struct cvt_error err;
	int fd = -1;

	removed_before_locking = path;
	int status = cvt_lock_take(path, &fd, &err);

	removed_before_locking = NULL;
	assert_int_equal(status, CVT_ERR_NOT_FOUND);
	assert_int_equal(fd, -1);
	assert_int_equal(cvt_lock_take(path, &fd, &err), CVT_OK);
	close(fd);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(reads_whole_files), WITH_FOLDER(writes_where_it_may), WITH_FOLDER(replace_is_all_or_nothing),
		WITH_FOLDER(every_call_can_fail), WITH_FOLDER(a_short_write_is_an_error), WITH_FOLDER(folders_and_names),
		WITH_FOLDER(a_new_name_is_never_taken_twice), WITH_FOLDER(one_lock_one_holder), WITH_FOLDER(a_killed_holder_holds_nothing),
		WITH_FOLDER(a_lock_without_a_name_is_none),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
