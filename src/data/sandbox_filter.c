/* sandbox_filter.c - see sandbox_filter.h. */
#include "data/sandbox_filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "data/sandbox.h"

/* What malloc, free and a computation need. Sanitizers ask for a little more while they run the same code. */
static const int plain_calls[] = {
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	SCMP_SYS(sched_yield), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigprocmask),
#endif
};

const char *cvt_sandbox_calls(void)
{
	return "read write (its socket only) mmap (anonymous, not executable) munmap mprotect (not executable) mremap brk madvise futex exit "
		"exit_group rt_sigreturn restart_syscall";
}

static int add_rules(scmp_filter_ctx ctx, int fd)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < sizeof plain_calls / sizeof *plain_calls; i++)
		e = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, plain_calls[i], 0);
	if (e == 0)
		e = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(read), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)fd));
	if (e == 0)
		e = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)fd));
	if (e == 0)
		e = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
			SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
	/* malloc grows the arena of a thread with mprotect, and the child may have been born of any thread. */
	if (e == 0)
		e = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return e;
}

/* libseccomp writes the program to a descriptor. */
static int read_program(scmp_filter_ctx ctx, struct cvt_filter *ret_filter, struct cvt_error *err)
{
	int fd = memfd_create("filter", MFD_CLOEXEC), code;
	struct stat st;
	struct sock_filter *program;

	if (fd < 0)
		return cvt_fail_errno(err, errno, "a file in memory for the seccomp filter");
	if (seccomp_export_bpf(ctx, fd) != 0 || fstat(fd, &st) != 0 || st.st_size <= 0 ||
		st.st_size > (off_t)(UINT16_MAX * sizeof *program)) {
		close(fd);
		return cvt_fail(err, CVT_ERR_UNSUPPORTED, "the seccomp filter cannot be compiled here");
	}
	program = malloc((size_t)st.st_size);
	if (program == NULL) {
		close(fd);
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for the seccomp filter");
	}
	ssize_t got = cvt_file_pread_all(fd, program, (size_t)st.st_size, 0, err);
	close(fd);
	code = got == st.st_size ? CVT_OK : got < 0 ? (int)got : cvt_fail(err, CVT_ERR_IO, "the seccomp filter was cut");
	if (code != CVT_OK) {
		free(program);
		return code;
	}
	*ret_filter = (struct cvt_filter){program, (unsigned short)((size_t)st.st_size / sizeof *program)};
	return CVT_OK;
}

int cvt_filter_create(int fd, struct cvt_filter *ret_filter, struct cvt_error *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int code;

	if (ctx == NULL)
		return cvt_fail(err, CVT_ERR_UNSUPPORTED, "seccomp is not available here");
	if (add_rules(ctx, fd) != 0)
		code = cvt_fail(err, CVT_ERR_UNSUPPORTED, "the seccomp filter cannot be compiled here");
	else
		code = read_program(ctx, ret_filter, err);
	seccomp_release(ctx);
	return code;
}

void cvt_filter_finish(struct cvt_filter *filter)
{
	free(filter->code);
	*filter = (struct cvt_filter){0};
}

bool cvt_filter_apply(const struct cvt_filter *filter)
{
	struct sock_fprog program = {filter->n, filter->code};

	return filter->n > 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}
