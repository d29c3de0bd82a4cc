/* sandbox.c - see sandbox.h. The child is a fork, not an exec: the decoder is this program's own, and a fork needs no path to itself. Between
 * fork and filter the child makes system calls only; after it, malloc is safe because glibc's fork takes its locks. */
#include "data/sandbox.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "convtui/machine.h"
#include "data/sandbox_filter.h"

enum { CHILD_FD = 3, POLL_MS = 100 };
/* A child that uses no processor time and does not answer is waiting for what never comes. */
static const double WALL_SECONDS = 120;

struct request { size_t size; struct cvt_decode_request want; };
struct reply { int code, confined; char message[sizeof((struct cvt_error *)0)->message]; };

struct cvt_sandbox {
	cvt_decode_fn *decode;
	struct cvt_sandbox_limits limits;
	unsigned char *shared;        /* file bytes, then pixels */
	size_t shared_bytes, pixels_at;
	struct cvt_filter filter;
	size_t before_bytes;          /* data that this process had when the child was forked: the child has it too */
	pid_t pid;                    /* 0: no child now */
	int fd;                       /* our end of its socket */
	bool confined;
};

struct cvt_sandbox_limits cvt_sandbox_defaults(size_t pixel_bytes)
{
	return (struct cvt_sandbox_limits){.file_bytes = (size_t)64 << 20, .pixel_bytes = pixel_bytes, .memory_bytes = (size_t)1536 << 20,
		.cpu_seconds = 20};
}

int cvt_sandbox_create(cvt_decode_fn *decode, const struct cvt_sandbox_limits *limits, struct cvt_sandbox **ret_sandbox,
	struct cvt_error *err)
{
	struct cvt_sandbox *s = calloc(1, sizeof *s);
	int code;

	if (s == NULL)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory to decode pictures");
	s->decode = decode;
	s->limits = *limits;
	s->fd = -1;
	s->pixels_at = (limits->file_bytes + 4095) & ~(size_t)4095;
	s->shared_bytes = s->pixels_at + limits->pixel_bytes;
	s->shared = mmap(NULL, s->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->shared == MAP_FAILED) {
		code = cvt_fail_errno(err, errno, "no memory to share with the decoder");
		free(s);
		return code;
	}
	code = cvt_filter_create(CHILD_FD, &s->filter, err);
	if (code != CVT_OK && code != CVT_ERR_UNSUPPORTED) {
		munmap(s->shared, s->shared_bytes);
		free(s);
		return code;
	}
	*ret_sandbox = s;
	return CVT_OK;
}

bool cvt_sandbox_confined(const struct cvt_sandbox *sandbox)
{
	return sandbox->confined;
}

/* Ends the child, if there is one; returns its wait status. */
static int end_child(struct cvt_sandbox *s, bool kill_it)
{
	int status = 0;

	if (s->pid == 0)
		return 0;
	close(s->fd);
	if (kill_it)
		kill(s->pid, SIGKILL);
	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
	s->fd = -1;
	return status;
}

void cvt_sandbox_destroy(struct cvt_sandbox *sandbox)
{
	if (sandbox == NULL)
		return;
	end_child(sandbox, true);
	munmap(sandbox->shared, sandbox->shared_bytes);
	cvt_filter_finish(&sandbox->filter);
	free(sandbox);
}

/* ---- in the child ---- */

/* Never more than was allowed already. */
static void limit(int what, rlim_t value)
{
	struct rlimit r = {value, value}, now;

	if (getrlimit(what, &now) == 0 && now.rlim_cur < value)
		r.rlim_cur = r.rlim_max = now.rlim_cur;
	setrlimit(what, &r);
}

/* The child's whole life. Signals of the terminal are the parent's matter: the child leaves when its socket closes. */
static _Noreturn void child_main(struct cvt_sandbox *s, int fd, pid_t parent)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE};
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
	struct request request;
	struct reply reply;
	struct cvt_error error;
	sigset_t none;

	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
		signal(fatal[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* An endless picture must not outlive a parent that was killed while it waited: nobody would watch the processor's time. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (dup2(fd, CHILD_FD) < 0)
		_exit(1);
	close_range(CHILD_FD + 1, ~0U, 0);
	close_range(0, 2, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	limit(RLIMIT_DATA, s->before_bytes + s->limits.memory_bytes);
#endif
	/* Where a thread's arena shrinks, malloc asks /proc how memory is committed: an open, which the filter ends. */
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	memset(&reply, 0, sizeof reply);
	reply.confined = cvt_filter_apply(&s->filter);
	while (read(CHILD_FD, &request, sizeof request) == (ssize_t)sizeof request) {
		memset(&error, 0, sizeof error);
		reply.code = s->decode(s->shared, request.size, &request.want, s->shared + s->pixels_at, &error);
		memcpy(reply.message, error.message, sizeof reply.message);
		if (write(CHILD_FD, &reply, sizeof reply) != (ssize_t)sizeof reply)
			break;
	}
	_exit(0);
}

/* ---- in the parent ---- */

/* What RLIMIT_DATA counts of this process now; a program with a network in memory has more than a decoder may ask for. */
static size_t data_bytes(void)
{
	size_t pages = 0;
	FILE *in = fopen("/proc/self/statm", "re");

	if (in != NULL) {
		if (fscanf(in, "%*u %*u %*u %*u %*u %zu", &pages) != 1)
			pages = 0;
		fclose(in);
	}
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static int start_child(struct cvt_sandbox *s, struct cvt_error *err)
{
	int pair[2];

	if (s->pid != 0)
		return CVT_OK;
	s->before_bytes = data_bytes();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return cvt_fail_errno(err, errno, "no socket to the decoder");

	pid_t parent = getpid();

	s->pid = fork();
	if (s->pid == 0)
		child_main(s, pair[1], parent);
	if (s->pid < 0) {
		s->pid = 0;
		close(pair[0]);
		close(pair[1]);
		return cvt_fail_errno(err, errno, "no process for the decoder");
	}
	close(pair[1]);
	s->fd = pair[0];
	return CVT_OK;
}

/* Processor time of the child so far; -1: it cannot be asked. */
static double child_cpu(const struct cvt_sandbox *s)
{
	clockid_t clock;
	struct timespec t;

	if (clock_getcpuclockid(s->pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
		return -1;
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Waits for the answer. 1: it is there; 0: the child is gone; -1: it computed for too long; -2: it was starved, or slept. */
static int wait_for_child(struct cvt_sandbox *s, double cpu_before)
{
	double start = cvt_clock_monotonic();
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	for (;;) {
		int n = poll(&p, 1, POLL_MS);

		if (n > 0)
			return (p.revents & POLLIN) != 0;
		if (n < 0 && errno != EINTR)
			return 0;
		if (child_cpu(s) - cpu_before > s->limits.cpu_seconds)
			return -1;
		if (cvt_clock_monotonic() - start > WALL_SECONDS)
			return -2;
	}
}

static int why_gone(int status, struct cvt_error *err)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return cvt_fail(err, CVT_ERR_IO, "its decoder tried a system call that it may not make");
	if (WIFSIGNALED(status))
		return cvt_fail(err, CVT_ERR_IO, "its decoder crashed (%s)", strsignal(WTERMSIG(status)));
	return cvt_fail(err, CVT_ERR_IO, "its decoder ended without an answer");
}

/* What a child says is believed of its picture only: one that was taken over must not end the run with a code that stands for something else. It
 * may lack memory through no fault of the picture where the machine has less than its limit. */
static int code_of_picture(const struct cvt_sandbox *s, int code)
{
	if (code == CVT_ERR_MEMORY) {
		int64_t memory = cvt_machine_memory(NULL);

		return memory > 0 && (uint64_t)memory < s->limits.memory_bytes ? CVT_ERR_MEMORY : CVT_ERR_RANGE;
	}
	return code == CVT_ERR_RANGE || code == CVT_ERR_IO ? code : CVT_ERR_FORMAT;
}

/* *ret_starved: no answer, and the picture may not be to blame. */
static int ask_child(struct cvt_sandbox *s, const struct request *request, bool *ret_starved, struct cvt_error *err)
{
	struct reply reply;
	double before = child_cpu(s);
	ssize_t n = send(s->fd, request, sizeof *request, MSG_NOSIGNAL);
	int answer = n == (ssize_t)sizeof *request ? wait_for_child(s, before < 0 ? 0 : before) : 0;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	/* Another thread may have held a lock of the sanitizer's when the child was born: it spins there for ever. */
	*ret_starved = answer < 0;
#else
	*ret_starved = answer == -2;
#endif
	if (answer < 0) {
		end_child(s, true);
		return cvt_fail(err, CVT_ERR_IO, "its decoder did not come to an end in %g s", answer == -2 ? WALL_SECONDS : s->limits.cpu_seconds);
	}
	if (answer == 0 || recv(s->fd, &reply, sizeof reply, 0) != (ssize_t)sizeof reply)
		return why_gone(end_child(s, true), err);
	s->confined = reply.confined != 0;
	reply.message[sizeof reply.message - 1] = 0;
	if (reply.code == CVT_OK)
		return CVT_OK;
	return cvt_fail(err, code_of_picture(s, reply.code), "%s", reply.message);
}

int cvt_sandbox_decode(struct cvt_sandbox *sandbox, const void *data, size_t size, const struct cvt_decode_request *request,
	unsigned char *pixels, struct cvt_error *err)
{
	size_t wanted = (size_t)request->channels * (size_t)request->height * (size_t)request->width;
	struct request message = {.want = *request, .size = size};
	bool starved = true;
	int code = CVT_OK;

	if (wanted > sandbox->limits.pixel_bytes)
		return cvt_fail(err, CVT_ERR_RANGE, "%d x %d pixels are more than the decoder gives", request->width, request->height);
	if (size > sandbox->limits.file_bytes)
		return cvt_fail(err, CVT_ERR_RANGE, "%zu bytes are more than the decoder takes", size);
	/* A machine that sleeps, or has no processor left for the child, must not cost a picture: it gets a second child. */
	for (int attempt = 0; attempt < 2 && starved; attempt++) {
		memcpy(sandbox->shared, data, size);
		starved = false;
		code = start_child(sandbox, err);
		if (code == CVT_OK)
			code = ask_child(sandbox, &message, &starved, err);
	}
	if (code == CVT_OK)
		memcpy(pixels, sandbox->shared + sandbox->pixels_at, wanted);
	return code;
}
