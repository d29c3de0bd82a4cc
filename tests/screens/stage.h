/* stage.h - a dashboard over made-up runs, without a terminal and with the clocks stopped: keys go in, screens are compared. */
#ifndef TESTS_STAGE_H
#define TESTS_STAGE_H

#include "fixture.h"
#include "keys.h"
#include "state.h"

struct stage {
	char folder[64], store[80];
	struct app *app;
	struct grid *grid;
	struct cvt_writer *writer;           /* keeps the last run alive */
};

/* The runs of every stage; the last only with `alive`. */
extern const struct fixture_run old_run, diverged, live_run;

void stage_open(struct stage *s, int w, int h, enum glyphs glyphs, bool alive);
void stage_close(struct stage *s);
void remove_folder(const char *folder);
/* Draws with the clocks stopped. */
void draw(struct stage *s);
/* Names of keys, apart by blanks. */
void keys(struct stage *s, const char *names);
void type(struct stage *s, const char *text);
/* With golden/NAME.txt, cell by cell. CVT_GOLDEN_WRITE=1 writes it instead. */
void compare(struct stage *s, const char *name);
bool shows(struct stage *s, const char *what);
/* The form as it is without any run. */
void default_form(struct stage *s);

#endif
