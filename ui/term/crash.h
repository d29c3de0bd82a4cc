/* crash.h - what a signal may do to the screen: give the terminal back, or wake the loop. */
#ifndef UI_TERM_CRASH_H
#define UI_TERM_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/* After this, a signal that ends the process (a crash, TERM, HUP, INT, QUIT, USR1, XCPU, ...; not one that is ignored) writes `bytes` to `fd`,
 * restores `modes` and then has its default end; WINCH, TSTP and CONT are noted and make crash_wake_fd() readable. `bytes` is copied. False: no pipe. */
bool crash_install(int fd, const char *bytes, size_t n, const struct termios *modes);
void crash_uninstall(void);
int crash_wake_fd(void);
/* Each returns whether it happened since the last call. */
bool crash_take_resize(void);
bool crash_take_suspend(void);
bool crash_take_resumed(void);

#endif
