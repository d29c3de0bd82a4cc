/* Every write, fsync, rename, truncation, link and opening of a run of three epochs is made to fail once, in turn. Whatever fails, the run waits and
 * goes on, or ends and can be resumed; at the moment of the failure the checkpoint that is there loads; the end has the bits of a run that met none.
 *
 * In the suite a sample of the calls; with CONVTUI_TORTURE set all of them, with a full disk and with a broken one, a row each. */
#include "runs.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>

#include "store/checkpoint.h"

enum { N_KINDS = CVT_FILE_LINK + 1, SAMPLE = 6, MOST_CALLS = 4096, MOST_TRIES = 200 };
static const char *const kinds[N_KINDS] = {"open", "write", "fsync", "rename", "truncate", "link"};

/* A call is known by its kind, the name of its file, and how many of this kind and name came before it. Writer, trainer and main thread call. */
struct call { enum cvt_file_call kind; char name[64]; int nth; };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct call calls[MOST_CALLS];    /* of the run that is under way */
static int n_calls;
static struct call wanted;               /* the one that fails */
static int fail_with, injected;          /* errno (0: none); how often it failed */
static const char *folder;
static char doing[200];                  /* which failure is looked at, for whoever reads the log of a test that stopped there */
static char damage[400];                 /* what was wrong at the moment of a failure */

static bool same(const struct call *a, const struct call *b)
{
	return a->kind == b->kind && a->nth == b->nth && strcmp(a->name, b->name) == 0;
}

/* How often these are written depends on the time. */
static bool by_the_clock(const char *name)
{
	return strcmp(name, "live") == 0 || strcmp(name, "log.txt") == 0;
}

/* A name that is there stands for a whole file. */
static void look_at_checkpoints(void)
{
	static const char *const names[] = {"checkpoint.safetensors", "best.safetensors"};

	for (int i = 0; i < 2; i++) {
		struct cvt_checkpoint_state at;
		struct cvt_safetensors file;
		struct cvt_error err;
		char path[1200];

		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		if (access(path, F_OK) != 0)
			continue;
		if (cvt_checkpoint_read(path, &file, &at, &err) == CVT_OK)
			cvt_safetensors_finish(&file);
		else if (damage[0] == 0)
			snprintf(damage, sizeof damage, "%.399s", err.message);
	}
}

static int seam(enum cvt_file_call kind, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct call call = {.kind = kind};
	int number = 0;

	snprintf(call.name, sizeof call.name, "%.63s", strcmp(path, folder) == 0 ? "the run's folder" : slash ? slash + 1 : path);
	pthread_mutex_lock(&lock);
	for (int i = 0; i < n_calls; i++)
		call.nth += calls[i].kind == kind && strcmp(calls[i].name, call.name) == 0;
	if (n_calls < MOST_CALLS)
		calls[n_calls++] = call;
	if (fail_with != 0 && same(&call, &wanted)) {
		injected++;
		number = fail_with;
		look_at_checkpoints();
	}
	pthread_mutex_unlock(&lock);
	return number;
}

/* A run of its own, on a cache that is not there yet. Returns its folder; the first end is *ret_state (-1: it could not begin). */
static const char *run_once(int *ret_state, char why[256])
{
	const struct cvt_train_tuning tuning = {.retry_seconds = 0.002, .always_look = true};
	struct cvt_runner_result result;
	struct cvt_error err;
	char yaml[1200];

	scratch_remove(scratch("cache"));
	assert_int_equal(setenv("XDG_CACHE_HOME", scratch("cache"), 1), 0);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	/* No decoders: a child of many threads may find a lock of the sanitizer's held for ever. */
	snprintf(yaml, sizeof yaml, "momentum: 0.5\n");
#else
	snprintf(yaml, sizeof yaml, "data: %s/e2e/pictures\nbatch: 8\nmomentum: 0.5\n", getenv("CVT_TESTS"));
#endif
	folder = runs_make(yaml)->folder;
	n_calls = injected = 0;
	damage[0] = 0;
	cvt_file_fault = seam;
	int rc = cvt_runner_run_tuned(folder, &(struct cvt_runner_options){0}, &tuning, &result, &err);

	cvt_file_fault = NULL;
	*ret_state = rc < 0 ? -1 : (int)result.state;
	snprintf(why, 256, "%.255s", rc < 0 ? err.message : result.reason);
	return folder;
}

static void no_partial_file(const char *path, const struct call *call)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (strstr(entry->d_name, ".tmp") != NULL)
			fail_msg("%s of %s, number %d failed: %s is left", kinds[call->kind], call->name, call->nth + 1, entry->d_name);
	closedir(dir);
}

struct tally { int calls, injected, went_on, resumed; };

/* Fails the call, once, and lets the run come to its end. False: this time there was no such call. row: print what became of it. */
static bool fail_one(const struct call *call, int number, const char *expected, bool row, struct tally *tally)
{
	char why[256];
	int state;

	wanted = *call;
	fail_with = number;
	const char *run = run_once(&state, why);

	fail_with = 0;
	if (injected == 0) {
		scratch_remove(run);
		return false;
	}
	if (damage[0])
		fail_msg("%s of %s, number %d failed: %s", kinds[call->kind], call->name, call->nth + 1, damage);
	if (state != CVT_STATE_DONE && state != CVT_STATE_FAILED && state != -1)
		fail_msg("%s of %s, number %d failed: %s", kinds[call->kind], call->name, call->nth + 1, cvt_state_name(state));
	if (state != CVT_STATE_DONE) {
		/* The reason must name what failed. */
		assert_true(why[0] != 0);
		assert_int_equal(runs_train(run, NULL).state, CVT_STATE_DONE);
	}
	no_partial_file(run, call);
	/* A picture that went missing would be another set of pictures. */
	const char *log = scratch_get(runs_file(run, "log.txt")), *skipped = strstr(log, "skipped ");

	if (skipped != NULL)
		fail_msg("%s of %s, number %d failed: %.200s", kinds[call->kind], call->name, call->nth + 1, skipped);
	if (strcmp(scratch_get(runs_file(run, "batches.csv")), "") == 0)
		fail_msg("%s of %s, number %d failed: no rows", kinds[call->kind], call->name, call->nth + 1);
	snprintf(doing, sizeof doing, "%s of %s, number %d failed (%s)", kinds[call->kind], call->name, call->nth + 1, cvt_state_name(state));
	runs_same(run, expected);
	doing[0] = 0;
	tally->injected++;
	tally->went_on += state == CVT_STATE_DONE;
	tally->resumed += state != CVT_STATE_DONE;
	if (row)
		print_message("# %-8s %-32s %3d  %-24s %s\n", kinds[call->kind], call->name, call->nth + 1, strerror(number),
			state == CVT_STATE_DONE ? "waited or went on" : "ended, resumed");
	scratch_remove(run);
	return true;
}

static void every_call_fails_once(void **state)
{
	static struct call clean[MOST_CALLS];
	static const int numbers[] = {ENOSPC, EIO};
	bool all = getenv("CONVTUI_TORTURE") != NULL;
	struct tally tallies[N_KINDS] = {{0}};
	char expected[1024], why[256];
	int n, end;

	(void)state;
	snprintf(expected, sizeof expected, "%s", run_once(&end, why));
	assert_int_equal(end, CVT_STATE_DONE);
	n = n_calls;
	assert_true(n > 60 && n < MOST_CALLS);
	memcpy(clean, calls, sizeof clean);
	for (int e = 0; e < (all ? 2 : 1); e++) {
		for (int i = 0; i < n; i++) {
			struct tally *tally = &tallies[clean[i].kind];
			int before = tally->calls++, tries = 0;

			/* Always the first of a kind: a kind that is rare must not be missed. The built-in pictures make hundreds of writes of one kind. */
			if (!all && before != 0 && (i % SAMPLE != 0 || (clean[i].nth > 100 && clean[i].nth % 600 > 5)))
				continue;
			while (!fail_one(&clean[i], numbers[all ? e : i / SAMPLE % 2], expected, all, tally)) {
				if (!by_the_clock(clean[i].name) || ++tries == MOST_TRIES)
					fail_msg("%s of %s, number %d: not called again", kinds[clean[i].kind], clean[i].name, clean[i].nth + 1);
			}
		}
	}
	for (int k = 0; k < N_KINDS; k++) {
		print_message("# %-8s %3d calls in a clean run, %3d failed: %3d runs waited or went on, %3d ended and were resumed\n", kinds[k],
			tallies[k].calls / (all ? 2 : 1), tallies[k].injected, tallies[k].went_on, tallies[k].resumed);
		assert_true(!all || tallies[k].injected == tallies[k].calls);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_call_fails_once, runs_setup, runs_teardown),
	};

	int failed = cmocka_run_group_tests_name("train faults", tests, runs_group_setup, runs_group_teardown);

	if (doing[0] != 0)
		fprintf(stderr, "# while: %s\n", doing);
	return failed;
}
