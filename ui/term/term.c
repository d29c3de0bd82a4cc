/* term.c - the terminal through ncurses: start and stop, keys, presenting a grid. */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>
/* ncurses names that key.h and term.h use for themselves end here. */
#include <fcntl.h>
#include <langinfo.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wchar.h>

#include "program.h"
#include "term/crash.h"
#include "term/palette.h"
#include "term/term.h"

static struct {
	bool started;
	SCREEN *screen;
	FILE *out;                   /* a duplicate of the terminal, so that 1 can go elsewhere */
	WINDOW *input;               /* a pad: reading from it never refreshes the screen */
	int saved_out, saved_err, printed;
	off_t printed_read;
	enum glyphs glyphs;
	int colours;
	struct grid *shown;          /* what the terminal shows; NULL: unknown */
	attr_t attributes[CELL_N_MEANINGS];
	struct termios modes;
	int mouse_x, mouse_y;
	mbstate_t character;         /* the bytes so far of one that is being read */
	bool within;                 /* there are some */
} term = {.saved_out = -1, .saved_err = -1, .printed = -1};

/* What ncurses is told to call the marks around a paste: beyond its own codes. */
enum { CODE_PASTE_BEGIN = 0x7001, CODE_PASTE_END };

enum glyphs term_glyphs(const char *charset)
{
	const char *words[] = {charset, getenv("CONVTUI_CHARSET")};
	for (int i = 0; i < 2; i++) {
		if (words[i] && !strcasecmp(words[i], "braille")) {
			return GLYPHS_BRAILLE;
		} else if (words[i] && !strcasecmp(words[i], "blocks")) {
			return GLYPHS_BLOCKS;
		} else if (words[i] && !strcasecmp(words[i], "ascii")) {
			return GLYPHS_ASCII;
		}
	}
	const char *type = getenv("TERM");
	if (strcasecmp(nl_langinfo(CODESET), "UTF-8") != 0 || (type && (!strcmp(type, "vt100") || !strcmp(type, "dumb")))) {
		return GLYPHS_ASCII;
	}
	return type && !strcmp(type, "linux") ? GLYPHS_BLOCKS : GLYPHS_BRAILLE;     /* the console's fonts have no braille */
}

static int count_colours(void)
{
	const char *no = getenv("NO_COLOR");
	if ((no && *no) || !has_colors()) {
		return 0;
	}
	start_color();
	use_default_colors();
	return COLORS >= 256 ? 256 : COLORS >= 16 ? 16 : COLORS >= 8 ? 8 : 0;
}

static void make_attributes(void)
{
	for (int i = 0; i < CELL_N_MEANINGS; i++) {
		struct look look = palette_look((enum cell_meaning)i, term.colours);
		attr_t a = A_NORMAL;
		a |= look.attributes & LOOK_BOLD ? A_BOLD : 0;
		a |= look.attributes & LOOK_DIM ? A_DIM : 0;
		a |= look.attributes & LOOK_REVERSE ? A_REVERSE : 0;
		a |= look.attributes & LOOK_UNDERLINE ? A_UNDERLINE : 0;
		if (term.colours && (look.colour >= 0 || look.ground >= 0)) {
			init_pair((short)(i + 1), look.colour, look.ground);
			a |= (attr_t)COLOR_PAIR(i + 1);
		}
		term.attributes[i] = a;
	}
}

/* The bytes that a signal handler writes: leave the alternate screen, show the cursor, plain characters, mouse and paste marks off. */
static size_t prepare_farewell(char *bytes, size_t size)
{
	const char *capabilities[] = {"sgr0", "op", "rmkx", "cnorm", "rmcup"};
	size_t n = (size_t)snprintf(bytes, size, "\033[?1000l\033[?1006l\033[?2004l");
	for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++) {
		const char *text = tigetstr(capabilities[i]);
		if (text && text != (char *)-1 && n + strlen(text) < size) {
			memcpy(bytes + n, text, strlen(text));
			n += strlen(text);
		}
	}
	return n;
}

static void write_raw(const char *text)
{
	fflush(term.out);
	ssize_t ignored = write(fileno(term.out), text, strlen(text));
	(void)ignored;
}

/* 1 and 2 go to an unnamed file; the screen has its own duplicate. */
static bool divert_output(void)
{
	term.printed = memfd_create("convtui-output", MFD_CLOEXEC);
	term.saved_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	term.saved_err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	term.printed_read = 0;
	if (term.printed < 0 || term.saved_out < 0 || term.saved_err < 0) {
		return false;
	}
	fflush(NULL);
	fcntl(term.printed, F_SETFL, O_APPEND);
	return dup2(term.printed, STDOUT_FILENO) >= 0 && dup2(term.printed, STDERR_FILENO) >= 0;
}

static void restore_output(void)
{
	fflush(NULL);
	if (term.saved_out >= 0) {
		dup2(term.saved_out, STDOUT_FILENO);
		close(term.saved_out);
	}
	if (term.saved_err >= 0) {
		dup2(term.saved_err, STDERR_FILENO);
		close(term.saved_err);
	}
	if (term.printed >= 0) {
		close(term.printed);
	}
	term.saved_out = term.saved_err = term.printed = -1;
}

int term_start(const struct term_options *options, struct cvt_error *err)
{
	char bytes[512];
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		return cvt_fail(err, CVT_ERR_UNSUPPORTED, "standard input or output is no terminal: use a subcommand (%s --help)",
			program_name());
	}
	tcgetattr(STDIN_FILENO, &term.modes);
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	term.out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!term.out) {
		return cvt_fail(err, CVT_ERR_IO, "the terminal cannot be opened for writing");
	}
	int code;
	const char *type = getenv("TERM");
	if (setupterm(NULL, fd, &code) != OK || !(term.screen = newterm(NULL, term.out, stdin))) {
		fclose(term.out);
		return cvt_fail(err, CVT_ERR_UNSUPPORTED, "TERM=%.40s is not known here: try TERM=xterm-256color", type ? type : "");
	}
	set_escdelay(15);
	raw();
	noecho();
	nonl();
	curs_set(0);
	term.input = newpad(1, 1);
	keypad(term.input, TRUE);
	nodelay(term.input, TRUE);
	term.glyphs = term_glyphs(options ? options->charset : NULL);
	term.colours = count_colours();
	make_attributes();
	term.started = true;
	if (!divert_output() || !crash_install(fd, bytes, prepare_farewell(bytes, sizeof bytes), &term.modes)) {
		term_stop();
		return cvt_fail(err, CVT_ERR_IO, "no file descriptors left for the screen: close some programs");
	}
	define_key("\033[200~", CODE_PASTE_BEGIN);
	define_key("\033[201~", CODE_PASTE_END);
	write_raw("\033[?2004h");
	return CVT_OK;
}

void term_stop(void)
{
	if (!term.started) {
		return;
	}
	term.started = false;
	term_mouse(false);
	write_raw("\033[?2004l");
	endwin();
	crash_uninstall();
	restore_output();
	delwin(term.input);
	delscreen(term.screen);
	term.screen = NULL;
	fclose(term.out);
	grid_destroy(term.shown);
	term.shown = NULL;
	tcsetattr(STDIN_FILENO, TCSANOW, &term.modes);
}

int term_fd(void)
{
	return STDIN_FILENO;
}

int term_signal_fd(void)
{
	return crash_wake_fd();
}

static int mouse_key(void)
{
	MEVENT event;
	if (getmouse(&event) != OK) {
		return KEY_IGNORED;
	}
	term.mouse_x = event.x;
	term.mouse_y = event.y;
	return event.bstate & BUTTON4_PRESSED ? KEY_WHEEL_UP : event.bstate & BUTTON5_PRESSED ? KEY_WHEEL_DOWN :
		event.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED) ? KEY_CLICK : KEY_IGNORED;
}

static int special_key(int c)
{
	static const struct { int curses, key; } table[] = {
		{KEY_UP, KEY_ARROW_UP}, {KEY_DOWN, KEY_ARROW_DOWN}, {KEY_LEFT, KEY_ARROW_LEFT}, {KEY_RIGHT, KEY_ARROW_RIGHT}, {KEY_PPAGE, KEY_PAGE_UP},
		{KEY_NPAGE, KEY_PAGE_DOWN}, {KEY_HOME, KEY_TO_HOME}, {KEY_END, KEY_TO_END}, {KEY_BACKSPACE, KEY_BACK}, {KEY_DC, KEY_DELETE},
		{KEY_BTAB, KEY_BACK_TAB}, {KEY_ENTER, KEY_RETURN}, {CODE_PASTE_BEGIN, KEY_PASTE_BEGIN},
		{CODE_PASTE_END, KEY_PASTE_END},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (table[i].curses == c) {
			return table[i].key;
		}
	}
	return c == KEY_MOUSE ? mouse_key() : KEY_IGNORED;
}

/* The next byte of a character: its bytes may come in pieces, and wget_wch forgets those of a character that is not whole yet, and the key after
 * a byte that is none. KEY_IGNORED: nothing whole. */
static int character(char byte)
{
	wchar_t c;
	size_t status = mbrtowc(&c, &byte, 1, &term.character);
	if (status == (size_t)-1) {
		bool within = term.within;
		memset(&term.character, 0, sizeof term.character);
		term.within = false;
		return within ? character(byte) : KEY_IGNORED;      /* it ends one that was cut, and may begin the next */
	}
	term.within = status == (size_t)-2;
	return term.within || c == 0 ? KEY_IGNORED : c == '\n' ? KEY_RETURN : c == 8 || c == 127 ? KEY_BACK : (int)c;
}

int term_key(void)
{
	struct pollfd gone = {.fd = STDIN_FILENO, .events = POLLIN};
	int c = wgetch(term.input);
	if (c == ERR) {
		/* Readable without a key, and hung up: the terminal is gone. */
		return poll(&gone, 1, 0) > 0 && (gone.revents & (POLLHUP | POLLERR | POLLNVAL)) ? -1 : 0;
	}
	if (c > UCHAR_MAX) {
		memset(&term.character, 0, sizeof term.character);
		term.within = false;
		return special_key(c);
	}
	return character((char)c);
}

static void take_size(void)
{
	struct winsize size;
	if (ioctl(fileno(term.out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
		resizeterm(size.ws_row, size.ws_col);
	}
	term_repaint();
}

/* The terminal as the screen needs it, from a shell that had it meanwhile: its modes, and with the next update, which follows endwin, the
 * alternate screen, keypad and cursor. */
static void take_back(void)
{
	endwin();
	reset_prog_mode();
	raw();
	write_raw("\033[?2004h");
	take_size();
}

bool term_serve_signals(void)
{
	bool changed = false;
	if (crash_take_suspend()) {
		term_suspend();
		changed = true;
	}
	/* Of a STOP nobody is told; its CONT says that there was one. */
	if (crash_take_resumed()) {
		take_back();
		changed = true;
	}
	if (crash_take_resize()) {
		take_size();
		changed = true;
	}
	return changed;
}

void term_size(int *ret_width, int *ret_height)
{
	*ret_width = COLS > GRID_MAX ? GRID_MAX : COLS;
	*ret_height = LINES > GRID_MAX ? GRID_MAX : LINES;
}

enum glyphs term_charset(void)
{
	return term.glyphs;
}

static void put_cell(int x, int y, const struct cell *cell)
{
	wchar_t text[2] = {(wchar_t)cell->code, 0};
	cchar_t out;
	attr_t a = term.attributes[cell->meaning];
	if (cell->code && setcchar(&out, text, a, (short)PAIR_NUMBER(a), NULL) == OK) {
		mvadd_wch(y, x, &out);
	}
}

static bool keep_copy(const struct grid *grid)
{
	if (!term.shown || term.shown->width != grid->width || term.shown->height != grid->height) {
		grid_destroy(term.shown);
		term.shown = NULL;
		if (grid_create(grid->width, grid->height, grid->glyphs, &term.shown) != CVT_OK) {
			return false;
		}
	}
	memcpy(term.shown->cells, grid->cells, sizeof *grid->cells * (size_t)grid->width * (size_t)grid->height);
	term.shown->cursor_x = grid->cursor_x;
	term.shown->cursor_y = grid->cursor_y;
	return true;
}

/* ncurses writes a window's last cell by way of the one before it, to the left, which a window of one column has not: it stays blank. The cursor
 * is where ncurses left it afterwards. */
static void write_last_of_column(const struct grid *grid)
{
	char text[64];
	const struct cell *cell = &grid->cells[grid->height - 1];
	if (grid->width == 1 && cell->code > ' ' && cell->code < 0x7f) {
		snprintf(text, sizeof text, "\0337\033[%d;1H%c\0338", grid->height, (int)cell->code);
		write_raw(text);
	}
}

void term_present(const struct grid *grid)
{
	bool whole = !term.shown || term.shown->width != grid->width || term.shown->height != grid->height;
	if (!whole && grid_equal(term.shown, grid)) {
		return;
	}
	if (whole) {
		erase();
		clearok(stdscr, TRUE);
	}
	for (int y = 0; y < grid->height; y++) {
		for (int x = 0; x < grid->width; x++) {
			const struct cell *cell = &grid->cells[y * grid->width + x], *old = whole ? NULL : &term.shown->cells[y * grid->width + x];
			if (!old || old->code != cell->code || old->meaning != cell->meaning) {
				put_cell(x, y, cell);
			}
		}
	}
	bool cursor = grid->cursor_x >= 0;
	if (whole || cursor != (term.shown->cursor_x >= 0)) {
		curs_set(cursor);
	}
	leaveok(stdscr, !cursor);                /* hidden, it may stay where the last cell was written */
	if (cursor) {
		move(grid->cursor_y, grid->cursor_x);
	}
	wnoutrefresh(stdscr);
	doupdate();
	write_last_of_column(grid);
	if (!keep_copy(grid)) {
		term_repaint();
	}
}

void term_repaint(void)
{
	grid_destroy(term.shown);
	term.shown = NULL;
}

void term_suspend(void)
{
	if (!term.started) {
		return;
	}
	write_raw("\033[?2004l");
	endwin();
	tcsetattr(STDIN_FILENO, TCSANOW, &term.modes);
	struct sigaction stop = {.sa_handler = SIG_DFL}, ours;
	sigaction(SIGTSTP, &stop, &ours);
	kill(getpid(), SIGTSTP);
	/* Continued. */
	sigaction(SIGTSTP, &ours, NULL);
	(void)crash_take_resumed();              /* that was this one */
	take_back();
}

void term_mouse(bool on)
{
	if (term.screen) {
		mousemask(on ? ALL_MOUSE_EVENTS : 0, NULL);
	}
}

void term_mouse_at(int *ret_x, int *ret_y)
{
	*ret_x = term.mouse_x;
	*ret_y = term.mouse_y;
}

bool term_printed_line(char *line, size_t size)
{
	if (term.printed < 0 || size < 2) {
		return false;
	}
	ssize_t n = pread(term.printed, line, size - 1, term.printed_read);
	char *end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;
	if (n <= 0 || (!end && n < (ssize_t)size - 1)) {
		return false;                        /* nothing, or a line not yet whole */
	}
	term.printed_read += end ? end - line + 1 : n;
	line[end ? end - line : n] = 0;
	return true;
}
