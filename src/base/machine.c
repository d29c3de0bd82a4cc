/* machine.c - see convtui/machine.h. Control groups are in cgroup.c. */
#include "convtui/machine.h"

#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/file.h"
#include "convtui/config.h"
#include "convtui/text.h"

/* The text after `key` in the lines "key: value" of a file of /proc; false: no such line. */
static bool proc_value(const char *root, const char *file, const char *key, char *value, size_t size)
{
	char path[4096];
	char *text, *rest, *line;
	size_t length, n = strlen(key);
	bool found = false;

	if ((size_t)snprintf(path, sizeof path, "%s%s", root, file) >= sizeof path ||
		cvt_file_read(path, 64 << 20, &text, &length, NULL) != CVT_OK)
		return false;
	for (rest = text; !found && (line = strsep(&rest, "\n")) != NULL;) {
		char *colon = strchr(line, ':');

		if (strncmp(line, key, n) != 0 || colon == NULL || strspn(line + n, " \t") != (size_t)(colon - line) - n)
			continue;
		snprintf(value, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
		found = true;
	}
	free(text);
	return found;
}

/* "VmHWM:   1234 kB" in bytes; 0: unknown. */
static int64_t proc_kilobytes(const char *root, const char *file, const char *key)
{
	char text[64];
	int64_t value;

	if (!proc_value(root, file, key, text, sizeof text))
		return 0;
	text[strspn(text, "0123456789")] = 0;
	return cvt_text_to_i64(text, &value) && value < INT64_MAX / 1024 ? value * 1024 : 0;
}

/* Counts "0-3,8,10-11". */
static int count_list(const char *list)
{
	int count = 0;

	for (const char *s = list; *s != 0;) {
		char *end;
		long first = strtol(s, &end, 10), last = first;

		if (end == s)
			return 0;
		if (*end == '-') {
			s = end + 1;
			last = strtol(s, &end, 10);
		}
		if (end == s || first < 0 || last < first || last > 1 << 20)
			return 0;
		count += (int)(last - first + 1);
		s = *end == ',' ? end + 1 : end;
		if (*end != ',' && *end != 0)
			return 0;
	}
	return count;
}

int cvt_machine_processors(const char *root)
{
	char list[8192];
	cpu_set_t set;
	int n = 0;

	if (root == NULL)
		root = "";
	if (proc_value(root, "/proc/self/status", "Cpus_allowed_list", list, sizeof list))
		n = count_list(list);
	if (n < 1 && sched_getaffinity(0, sizeof set, &set) == 0) /* no /proc; at most 1024 processors are seen then */
		n = CPU_COUNT(&set);
	if (n < 1)
		n = 1;

	double quota = cvt_cgroup_processors(root);

	/* Half a processor's worth of quota is worth a thread, less would only be throttled. */
	if (quota > 0 && quota + 0.5 < n)
		n = (int)(quota + 0.5);
	return n < 1 ? 1 : n;
}

/* The soft limit of a line of /proc/self/limits, "Max data size    1048576    unlimited    bytes"; -1: none. */
static int64_t own_limit(const char *root, const char *name)
{
	char path[4096], number[32];
	char *text, *line;
	size_t length;
	int64_t value = -1;

	if ((size_t)snprintf(path, sizeof path, "%s/proc/self/limits", root) >= sizeof path ||
		cvt_file_read(path, 1 << 16, &text, &length, NULL) != CVT_OK)
		return -1;
	line = strstr(text, name);
	if (line != NULL && sscanf(line + strlen(name), "%31s", number) == 1 && (!cvt_text_to_i64(number, &value) || value < 0))
		value = -1;
	free(text);
	return value;
}

/* What is left of such a limit, of which /proc/self/status says under `used` how much is taken; -1: there is none. */
static int64_t left_of_limit(const char *root, const char *name, const char *used)
{
	int64_t limit = own_limit(root, name), left = limit - proc_kilobytes(root, "/proc/self/status", used);

	return limit < 0 ? -1 : left > 0 ? left : 0;
}

/* The lesser, of which a negative one is none. */
static int64_t lesser(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

int64_t cvt_machine_address_space(const char *root)
{
	return left_of_limit(root ? root : "", "Max address space", "VmSize");
}

int64_t cvt_machine_memory(const char *root)
{
	int64_t available = proc_kilobytes(root ? root : "", "/proc/meminfo", "MemAvailable"), left = cvt_cgroup_memory(root ? root : "");

	left = lesser(left, cvt_machine_address_space(root));
	left = lesser(left, left_of_limit(root ? root : "", "Max data size", "VmData"));
	if (left == 0)
		left = 1; /* 0 would say "unknown" */
	return left < 0 ? available : available > 0 && available < left ? available : left;
}

void cvt_machine_name(const char *root, char *text, size_t size)
{
	char name[256];
	struct utsname system;

	if (size == 0)
		return;
	if (!proc_value(root ? root : "", "/proc/cpuinfo", "model name", name, sizeof name))
		snprintf(name, sizeof name, "%s", uname(&system) == 0 ? system.machine : "unknown");
	cvt_text_clean(text, size, name);
}

int64_t cvt_machine_peak_bytes(void)
{
	return proc_kilobytes("", "/proc/self/status", "VmHWM");
}

void cvt_machine_reset_peak(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		ssize_t n = write(fd, "5", 1);

		(void)n;
		close(fd);
	}
}

bool cvt_machine_has_isa(int isa)
{
#if defined(__x86_64__)
	bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");

	if (isa == CVT_ISA_AVX2)
		return avx2;
	if (isa == CVT_ISA_AVX512) /* what -march=skylake-avx512 may use; in every server since 2017 */
		return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512bw") &&
			__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
	return isa == CVT_ISA_AUTO || isa == CVT_ISA_BASELINE;
}

int cvt_machine_best_isa(void)
{
	return cvt_machine_has_isa(CVT_ISA_AVX512) ? CVT_ISA_AVX512 : cvt_machine_has_isa(CVT_ISA_AVX2) ? CVT_ISA_AVX2 : CVT_ISA_BASELINE;
}

const char *cvt_isa_name(int isa)
{
	switch (isa) {
	case CVT_ISA_AUTO:
		return "auto";
	case CVT_ISA_AVX2:
		return "avx2";
	case CVT_ISA_AVX512:
		return "avx512";
	default:
#if defined(__x86_64__)
		return "x86-64";
#else
		return "baseline";
#endif
	}
}

int64_t cvt_machine_free_bytes(const char *path)
{
	struct statvfs fs;
	int64_t bytes;

	if (statvfs(path, &fs) != 0 || __builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &bytes))
		return -1;
	return bytes;
}

void cvt_machine_prepare(char **argv)
{
	static const char guard[] = "CONVTUI_PREPARED";
	const char *blas = getenv("OPENBLAS_NUM_THREADS"), *openmp = getenv("OMP_NUM_THREADS");

	if (blas != NULL && openmp != NULL && strcmp(blas, "1") == 0 && strcmp(openmp, "1") == 0)
		return;
	if (getenv(guard) != NULL) /* we have been here: somebody unsets the variables, and going round would never end */
		return;
	if (setenv("OPENBLAS_NUM_THREADS", "1", 1) != 0 || setenv("OMP_NUM_THREADS", "1", 1) != 0 || setenv(guard, "1", 1) != 0)
		return;
	execv("/proc/self/exe", argv);
	unsetenv(guard);
}
