/* play.c - plays a made-up training into a run store, for looking at the dashboard: play STORE [BATCHES_A_SECOND [STATE]] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

static double wall(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int old_runs(const char *store)
{
	static const struct fixture_run runs[] = {
		{NULL, "x + 13", 1, 20, 160, -1, -1, CVT_STATE_DONE}, {NULL, "x*3 if x < 27 else x + 13", 3, 20, 160, 50, -1, CVT_STATE_DONE},
		{NULL, "x * 2", 2, 20, 71, -1, -1, CVT_STATE_STOPPED}, {NULL, "x + 13", 4, 20, 40, -1, 33, CVT_STATE_DIVERGED}};
	struct cvt_run run;
	for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
		if (fixture_make(store, &runs[i], &run, NULL)) {
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2 || old_runs(argv[1])) {
		fprintf(stderr, "play STORE [BATCHES_A_SECOND [FROM]]\n");
		return 1;
	}
	double rate = argc > 2 ? atof(argv[2]) : 5;
	struct fixture_run what = {NULL, "x*2 if x < 20 else x + x//2", 4, 20, argc > 3 ? atoi(argv[3]) : 8, -1, -1, CVT_STATE_TRAINING};
	struct cvt_run run;
	struct cvt_writer *w;
	if (fixture_make(argv[1], &what, &run, &w) || cvt_run_read(run.folder, &run, NULL)) {
		return 1;
	}
	struct cvt_live live = run.live;
	live.pid = getpid();
	for (int b = what.batches; b < what.epochs * FIXTURE_BATCHES && rate > 0; b++) {
		struct cvt_inbox_command command;
		while (cvt_writer_next_command(w, &command, NULL) == 1) {
			if (cvt_writer_command_done(w, &command, b, NULL)) {
				return 1;
			}
		}
		live.updated = wall();
		live.checkpoint_time = b % FIXTURE_BATCHES == 0 ? wall() : live.checkpoint_time;
		if (fixture_advance(w, &what, b, b + 1, &live)) {
			return 1;
		}
		usleep((useconds_t)(1e6 / rate));
	}
	live.state = CVT_STATE_DONE;
	int status = cvt_writer_live(w, &live, NULL);
	cvt_writer_close(w);
	return status != CVT_OK;
}
