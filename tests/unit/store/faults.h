/* faults.h - the seam of base/file in tests of the store: a trace of the calls, and one of them that fails. */
#ifndef CVT_TESTS_FAULTS_H
#define CVT_TESTS_FAULTS_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

static struct { int calls, fail_at, fail_with, fail_again; char trace[4096]; } faults;
static pthread_mutex_t faults_lock = PTHREAD_MUTEX_INITIALIZER;

/* The trace is a line a call: "fsync checkpoint.safetensors.tmp". */
static inline int fault(enum cvt_file_call call, const char *path)
{
	static const char *const names[] = {"open", "write", "fsync", "rename", "truncate", "link"};
	const char *slash = strrchr(path, '/');

	pthread_mutex_lock(&faults_lock);
	size_t n = strlen(faults.trace);
	snprintf(faults.trace + n, sizeof faults.trace - n, "%s %s\n", names[call], slash ? slash + 1 : path);
	int now = faults.calls++;
	int number = now == faults.fail_at || (faults.fail_again && now > faults.fail_at) ? faults.fail_with : 0;
	pthread_mutex_unlock(&faults_lock);
	return number;
}

/* at -1: none fails, only the trace. */
static inline void inject(int at, int number)
{
	faults.calls = 0;
	faults.fail_at = at < 0 ? 1 << 30 : at;
	faults.fail_with = number;
	faults.fail_again = 0;
	faults.trace[0] = 0;
	cvt_file_fault = fault;
}

static inline void no_faults(void)
{
	cvt_file_fault = NULL;
}

#endif
