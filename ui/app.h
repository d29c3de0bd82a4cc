/* app.h - the dashboard: what `convtui` without a command runs. */
#ifndef UI_APP_H
#define UI_APP_H

#include <stdbool.h>

#include "convtui/config.h"

struct app_options {
	const char *runs;            /* --runs DIR, or NULL */
	const char *run;             /* attach to this run (a name or a unique part), or NULL: the live one, else the newest */
	const char *start_preset;    /* start this preset at once when no run is alive, or NULL */
	const char *charset;         /* "braille", "blocks", "ascii", or NULL: what the terminal can show */
};

/* Runs the dashboard on the terminal until the user leaves. Returns the program's exit code, after saying on stderr what failed.
 * The training is a process of its own: it goes on. */
int app_main(int argc, char **argv, const struct app_options *options);

/* The same screen without a terminal: `width` x `height` cells after the keys in `keys` ("Down Enter type:x+1 sleep:0.5"), printed as text to
 * standard output. `meanings`: a letter for each cell's meaning instead. Returns the exit code. */
int app_screen(const struct app_options *options, int width, int height, const char *keys, bool meanings);

#endif
