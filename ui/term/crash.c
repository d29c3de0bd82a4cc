/* crash.c - signal handlers; only async-signal-safe calls. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "term/crash.h"

static char farewell[512];
static size_t farewell_size;
static struct termios saved_modes;
static volatile sig_atomic_t terminal = -1, resized, suspend, resumed;
static int wake[2] = {-1, -1};
/* All whose default is the end: what crashes, what asks, and what nobody here uses but `kill`, `ulimit -t` and alarms send. */
static const int fatal[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGTERM, SIGHUP, SIGQUIT, SIGINT, SIGUSR1, SIGUSR2, SIGALRM,
	SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ, SIGIO, SIGPWR, SIGSTKFLT};
static const int noted[] = {SIGWINCH, SIGTSTP, SIGCONT};
enum { N_FATAL = sizeof fatal / sizeof *fatal, N_NOTED = sizeof noted / sizeof *noted };
static struct sigaction before[N_FATAL + N_NOTED];
/* A stack that has run over holds no handler. */
static char other_stack[1 << 16];
static stack_t stack_before;

static void give_back(int signal_number)
{
	int fd = terminal;
	if (fd >= 0) {
		/* A terminal whose reader is stopped must not hold us here. */
		int flags = fcntl(fd, F_GETFL);
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
		ssize_t ignored = write(fd, farewell, farewell_size);
		(void)ignored;
		fcntl(fd, F_SETFL, flags);
		tcsetattr(fd, TCSANOW, &saved_modes);
	}
	/* SA_RESETHAND has put the default back; the signal arrives again when this handler returns. */
	raise(signal_number);
}

static void note(int signal_number)
{
	int error = errno;
	if (signal_number == SIGTSTP) {
		suspend = 1;
	} else if (signal_number == SIGCONT) {
		resumed = 1;
	} else {
		resized = 1;
	}
	ssize_t ignored = write(wake[1], "", 1);
	(void)ignored;
	errno = error;
}

bool crash_install(int fd, const char *bytes, size_t n, const struct termios *modes)
{
	if (n > sizeof farewell || pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0) {
		return false;
	}
	memcpy(farewell, bytes, n);
	farewell_size = n;
	saved_modes = *modes;
	terminal = fd;
	const stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
	sigaltstack(&stack, &stack_before);
	for (int i = 0; i < N_FATAL + N_NOTED; i++) {
		struct sigaction act = {0};
		act.sa_handler = i < N_FATAL ? give_back : note;
		act.sa_flags = i < N_FATAL ? SA_RESETHAND | SA_ONSTACK : 0;
		sigemptyset(&act.sa_mask);
		int number = i < N_FATAL ? fatal[i] : noted[i - N_FATAL];
		sigaction(number, &act, &before[i]);
		if (i < N_FATAL && before[i].sa_handler == SIG_IGN) {
			sigaction(number, &before[i], NULL);     /* it would not end us: nothing to give back */
		}
	}
	return true;
}

void crash_uninstall(void)
{
	if (terminal < 0) {
		return;
	}
	for (int i = 0; i < N_FATAL + N_NOTED; i++) {
		sigaction(i < N_FATAL ? fatal[i] : noted[i - N_FATAL], &before[i], NULL);
	}
	sigaltstack(&stack_before, NULL);
	terminal = -1;
	close(wake[0]);
	close(wake[1]);
	wake[0] = wake[1] = -1;
}

int crash_wake_fd(void)
{
	return wake[0];
}

static bool take(volatile sig_atomic_t *flag)
{
	char drain[64];
	while (read(wake[0], drain, sizeof drain) > 0) {
	}
	bool was = *flag;
	*flag = 0;
	return was;
}

bool crash_take_resize(void)
{
	return take(&resized);
}

bool crash_take_suspend(void)
{
	return take(&suspend);
}

bool crash_take_resumed(void)
{
	return take(&resumed);
}
