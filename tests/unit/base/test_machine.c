/* What the machine allows, by fixtures of /proc and /sys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/wait.h>

#include "../scratch.h"
#include "base/file.h"
#include "convtui/config.h"
#include "convtui/machine.h"

static void put(const char *name, const char *text)
{
	char folder[1024];

	cvt_path_folder(folder, sizeof folder, scratch(name));
	if (cvt_folder_create(folder, NULL) != CVT_OK)
		fail_msg("cannot create %s", folder);
	scratch_text(scratch(name), text);
}

static void plain_machine(void)
{
	put("proc/self/status", "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-3,8,10-12\nVmHWM:\t  1234 kB\n");
	put("proc/meminfo", "MemTotal:       16000000 kB\nMemFree:         100 kB\nMemAvailable:   8000000 kB\n");
	put("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: other\n");
}

static void affinity_counts(void **state)
{
	char name[64];

	plain_machine();
	assert_int_equal(cvt_machine_processors(scratch_folder), 8);
	assert_int_equal(cvt_machine_memory(scratch_folder), 8000000LL * 1024);
	cvt_machine_name(scratch_folder, name, sizeof name);
	assert_string_equal(name, "Some CPU @ 2 GHz");
	cvt_machine_name(scratch_folder, name, 5);
	assert_string_equal(name, "Some");
}

static void second_version(void **state)
{
	plain_machine();
	put("proc/self/cgroup", "0::/user/job\n");
	put("proc/self/mountinfo", "22 1 0:20 / /sys rw - sysfs sysfs rw\n30 22 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
	put("sys/fs/cgroup/user/job/cpu.max", "max 100000\n");
	put("sys/fs/cgroup/user/cpu.max", "250000 100000\n"); /* an ancestor's limit counts */
	put("sys/fs/cgroup/user/job/memory.max", "4000000000\n");
	put("sys/fs/cgroup/user/job/memory.current", "1000000000\n");
	put("sys/fs/cgroup/user/job/memory.stat", "anon 1\ninactive_file 300000000\nactive_file 5\n");
	assert_int_equal(cvt_machine_processors(scratch_folder), 3);
	assert_int_equal(cvt_machine_memory(scratch_folder), 3300000000LL);
	put("sys/fs/cgroup/user/memory.max", "2000000000\n");
	put("sys/fs/cgroup/user/memory.current", "1500000000\n");
	assert_int_equal(cvt_machine_memory(scratch_folder), 500000000LL);
	put("sys/fs/cgroup/user/job/memory.high", "1100000000\n");
	assert_int_equal(cvt_machine_memory(scratch_folder), 400000000LL);
	put("sys/fs/cgroup/user/job/memory.current", "9000000000\n");
	put("sys/fs/cgroup/user/job/memory.stat", "");
	assert_int_equal(cvt_machine_memory(scratch_folder), 1); /* nothing left is not "unknown" */
	put("sys/fs/cgroup/user/job/cpu.max", "20000 100000\n");
	assert_int_equal(cvt_machine_processors(scratch_folder), 1);
}

/* ulimit -v and -d: what is left of them, the least of all limits counts. */
static void limits_of_the_process(void **state)
{
	static const char head[] = "Limit                     Soft Limit           Hard Limit           Units     \n";
	char text[1024];

	(void)state;
	plain_machine();
	put("proc/self/status", "VmSize:\t  1000000 kB\nVmData:\t   200000 kB\n");
	snprintf(text, sizeof text, "%sMax data size             unlimited            unlimited            bytes     \n"
		"Max address space         unlimited            unlimited            bytes     \n", head);
	put("proc/self/limits", text);
	assert_int_equal(cvt_machine_memory(scratch_folder), 8000000LL * 1024);
	assert_int_equal(cvt_machine_address_space(scratch_folder), -1);
	snprintf(text, sizeof text, "%sMax data size             unlimited            unlimited            bytes     \n"
		"Max address space         3024000000           unlimited            bytes     \n", head);
	put("proc/self/limits", text);
	assert_int_equal(cvt_machine_address_space(scratch_folder), 2000000000);
	assert_int_equal(cvt_machine_memory(scratch_folder), 2000000000);
	snprintf(text, sizeof text, "%sMax data size             1204800000           1204800000           bytes     \n"
		"Max address space         3024000000           unlimited            bytes     \n", head);
	put("proc/self/limits", text);
	assert_int_equal(cvt_machine_memory(scratch_folder), 1000000000);
	snprintf(text, sizeof text, "%sMax data size             1000                 1000                 bytes     \n", head);
	put("proc/self/limits", text);
	assert_int_equal(cvt_machine_memory(scratch_folder), 1);
	put("proc/self/limits", "Max data size");
	assert_int_equal(cvt_machine_memory(scratch_folder), 8000000LL * 1024);
}

static void first_version(void **state)
{
	plain_machine();
	put("proc/self/cgroup", "4:memory:/docker/abc/in\n3:cpu,cpuacct:/docker/abc\n0::/\n");
	put("proc/self/mountinfo", "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
		"36 31 0:33 /docker/abc /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
		"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n");
	put("sys/fs/cgroup/memory/memory.limit_in_bytes", "3000000000\n");
	put("sys/fs/cgroup/memory/memory.usage_in_bytes", "1000000000\n");
	put("sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 1000\n");
	put("sys/fs/cgroup/memory/in/memory.limit_in_bytes", "9223372036854771712\n");
	put("sys/fs/cgroup/memory/in/memory.usage_in_bytes", "500\n");
	put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "400000\n");
	put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
	assert_int_equal(cvt_machine_processors(scratch_folder), 4);
	assert_int_equal(cvt_machine_memory(scratch_folder), 2000001000LL);
	put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
	assert_int_equal(cvt_machine_processors(scratch_folder), 8);
}

static void a_group_outside_of_what_is_mounted(void **state)
{
	plain_machine();
	put("proc/self/cgroup", "0::/../../other\n");
	put("proc/self/mountinfo", "30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
	put("sys/fs/cgroup/cpu.max", "200000 100000\n");
	assert_int_equal(cvt_machine_processors(scratch_folder), 2);
}

static void nonsense_is_no_limit(void **state)
{
	plain_machine();
	put("proc/self/cgroup", "0\n::\nx:y\n0::/a\n\n");
	put("proc/self/mountinfo", "x\n - \n - cgroup2 \n1 2 - cgroup2 cgroup2 rw\n30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
	put("sys/fs/cgroup/a/cpu.max", "9e9 ?\n");
	put("sys/fs/cgroup/a/memory.max", "99999999999999999999999\n");
	put("sys/fs/cgroup/a/memory.current", "-5\n");
	assert_int_equal(cvt_machine_processors(scratch_folder), 8);
	assert_int_equal(cvt_machine_memory(scratch_folder), 8000000LL * 1024);
	put("proc/self/status", "Cpus_allowed_list:\t5-2,x\n");
	assert_true(cvt_machine_processors(scratch_folder) >= 1);
	put("proc/meminfo", "MemAvailable:   ? kB\n");
	assert_int_equal(cvt_machine_memory(scratch_folder), 0);
}

static void this_machine(void **state)
{
	char name[128];

	assert_true(cvt_machine_processors(NULL) >= 1);
	assert_true(cvt_machine_peak_bytes() > 100000);
	assert_true(cvt_machine_free_bytes(scratch_folder) > 0);
	assert_int_equal(cvt_machine_free_bytes(scratch("none")), -1);
	cvt_machine_name(NULL, name, sizeof name);
	assert_true(strlen(name) > 0);
	assert_true(cvt_machine_has_isa(CVT_ISA_AUTO) && cvt_machine_has_isa(CVT_ISA_BASELINE));
	assert_true(cvt_machine_has_isa(cvt_machine_best_isa()));
	assert_int_not_equal(cvt_machine_best_isa(), CVT_ISA_AUTO);
	assert_false(cvt_machine_has_isa(99));
	assert_string_equal(cvt_isa_name(CVT_ISA_AVX2), "avx2");
	assert_string_equal(cvt_isa_name(CVT_ISA_AVX512), "avx512");
}

/* Runs this program again in the role "prepare". Its exit code is 20 with both variables at 1, 21 without. */
static int prepared(const char *blas, const char *openmp, const char *guard)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		unsetenv("CONVTUI_PREPARED");
		unsetenv("OPENBLAS_NUM_THREADS");
		unsetenv("OMP_NUM_THREADS");
		if (blas)
			setenv("OPENBLAS_NUM_THREADS", blas, 1);
		if (openmp)
			setenv("OMP_NUM_THREADS", openmp, 1);
		if (guard)
			setenv("CONVTUI_PREPARED", guard, 1);
		execl("/proc/self/exe", "test_machine", "prepare", "9", (char *)NULL);
		_exit(1);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void prepares_once(void **state)
{
	assert_int_equal(prepared(NULL, NULL, NULL), 20);
	assert_int_equal(prepared("4", "1", NULL), 20);
	assert_int_equal(prepared("1", "1", NULL), 20);
	assert_int_equal(prepared(NULL, NULL, "1"), 21); /* no second time */
}

static int role_prepare(char **argv)
{
	cvt_machine_prepare(argv);

	const char *blas = getenv("OPENBLAS_NUM_THREADS"), *openmp = getenv("OMP_NUM_THREADS");
	bool set = blas && openmp && strcmp(blas, "1") == 0 && strcmp(openmp, "1") == 0;

	return strcmp(argv[2], "9") != 0 ? 2 : set ? 20 : 21;
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "prepare") == 0)
		return role_prepare(argv);

	const struct CMUnitTest tests[] = {
		WITH_FOLDER(affinity_counts), WITH_FOLDER(second_version), WITH_FOLDER(limits_of_the_process), WITH_FOLDER(first_version),
		WITH_FOLDER(a_group_outside_of_what_is_mounted), WITH_FOLDER(nonsense_is_no_limit), WITH_FOLDER(this_machine),
		cmocka_unit_test(prepares_once),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
