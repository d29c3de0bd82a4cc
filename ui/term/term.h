/* term.h - the terminal: the only file that sees ncurses is term.c.
 *
 * Start moves file descriptors 1 and 2 to an unnamed file, so that what libraries print never reaches the screen, and
 * prepares the bytes that give the terminal back from a signal handler (endwin is not safe there). One terminal a
 * process, one thread. */
#ifndef UI_TERM_TERM_H
#define UI_TERM_TERM_H

#include "term/key.h"
#include "widgets/grid.h"

struct term_options {
	const char *charset;     /* "braille", "blocks", "ascii"; NULL: by CONVTUI_CHARSET, the locale and TERM */
};

/* The characters that this locale and TERM can show. `charset` as above; an unknown word is as NULL. */
enum glyphs term_glyphs(const char *charset);

/* Errors: standard input or output is no terminal; TERM unknown. The terminal is untouched then. */
CVT_NODISCARD int term_start(const struct term_options *options, struct cvt_error *err);
/* Gives the terminal back, and file descriptors 1 and 2. Does nothing when not started. */
void term_stop(void);

/* Poll it for reading; it also wakes for a signal. */
int term_fd(void);
int term_signal_fd(void);
/* The next key, or 0 when there is none now; negative when the terminal is gone. Never waits. */
int term_key(void);
/* Takes up a new window size, and what other signals asked for: suspends here on TSTP. True: draw everything anew. */
bool term_serve_signals(void);
void term_size(int *ret_width, int *ret_height);
enum glyphs term_charset(void);
/* Writes what differs from the grid presented last, in one update. */
void term_present(const struct grid *grid);
/* Forget what the terminal shows: the next present writes it all. */
void term_repaint(void);
/* Stops this process as ^Z does; returns after it was continued. */
void term_suspend(void);
/* Reports clicks and the wheel while on; off by default, since it takes the terminal's own selection. */
void term_mouse(bool on);
/* The position of the last mouse key. */
void term_mouse_at(int *ret_x, int *ret_y);
/* What was printed to 1 and 2 since the last call: one whole line without its newline, false when there is none. */
bool term_printed_line(char *line, size_t size);

#endif
