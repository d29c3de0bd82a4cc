/* runs.h - whole runs on small built-in pictures, in this process: made, cut, steered, compared. */
#ifndef CVT_TESTS_TRAIN_RUNS_H
#define CVT_TESTS_TRAIN_RUNS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "../scratch.h"
#include "base/file.h"
#include "train/tuned.h"

#define MOST_COMMANDS 8
#define assert_near(a, b, tolerance) assert_true(fabs((double)(a) - (double)(b)) <= (tolerance))

/* What happens at which boundary. */
struct script {
	struct { int64_t batch; const char *name, *value; } commands[MOST_COMMANDS];
	int n_commands, given;
	bool dies; int64_t die_at;               /* _exit there, in a child */
	double save_seconds;                     /* between checkpoints within an epoch */
	int64_t memory;                          /* what the process may take; 0: as the machine says */
	void (*also)(int64_t batch);             /* NULL, or called at each boundary too, on the trainer's thread */
	const char *folder;
	int boundaries;                          /* how many there were */
};

struct cvt_run *runs_make(const char *yaml);    /* over small settings; one of eight in turn */
/* Trains to the end; the commands of `script` (NULL: none) are dropped at their boundaries. Fails the test when the run cannot be run. */
struct cvt_runner_result runs_train(const char *folder, struct script *script);
struct cvt_runner_result runs_train_with(const char *folder, const struct cvt_runner_options *options, struct script *script);
/* Options of a front end that listens: the runner's notes, a line each, one after the other; a test empties them where it begins to count. */
extern const struct cvt_runner_options runs_listening;
extern char runs_notes[8192];
/* Trains in a child that dies at a boundary, as by kill -9. */
void runs_die(const char *folder, int64_t at);
/* Fails the test unless weights and momentum (of `name`), rows (times aside) and tables are the same. */
void runs_same(const char *a, const char *b);
void runs_same_weights(const char *a, const char *b, const char *name);
const char *runs_file(const char *folder, const char *name);       /* path; one of eight in turn */
int runs_rows(const char *folder, const char *name);               /* rows of a CSV, the header aside */
/* The value of a column (from 0) in a row (from 0). */
const char *runs_cell(const char *folder, const char *name, int row, int column);
int runs_setup(void **state);
int runs_teardown(void **state);
/* The cache of pictures is shared by all tests of a program: group setup and teardown. */
int runs_group_setup(void **state);
int runs_group_teardown(void **state);

#endif
