/* make_runs.c STORE N: N run folders with made-up curves of 20 epochs, for measuring what depends on the size of a run store. */
#include <stdio.h>
#include <stdlib.h>

#include "../screens/fixture.h"

int main(int argc, char **argv)
{
	static const char *const expansions[] = {"x*2 if x < 20 else x + x//2", "x + 13", "x * 2", "x*3 if x < 27 else x + 13"};
	static const enum cvt_state ends[] = {CVT_STATE_DONE, CVT_STATE_DONE, CVT_STATE_STOPPED, CVT_STATE_DONE, CVT_STATE_DIVERGED};
	int n = argc == 3 ? atoi(argv[2]) : 0;

	if (n <= 0) {
		fprintf(stderr, "make_runs STORE N\n");
		return 2;
	}
	for (int i = 0; i < n; i++) {
		enum cvt_state state = ends[i % 5];
		char name[64];
		struct fixture_run what = {.expansion = expansions[i % 4], .layers = 1 + i % 4, .epochs = 20, .batches = state == CVT_STATE_DONE ? 160 : 40 + i % 100,
			.spike = i % 7 == 0 ? 30 : -1, .bad = -1, .state = state};
		struct cvt_run run;

		/* A name of its own: looking for the next free number would read the store again for each. */
		snprintf(name, sizeof name, "2026-01-%02d-%d-cnn", 1 + i / 40 % 28, i);
		what.name = name;
		if (fixture_make(argv[1], &what, &run, NULL) != 0) {
			fprintf(stderr, "make_runs: cannot make run %d in %s\n", i, argv[1]);
			return 1;
		}
	}
	return 0;
}
