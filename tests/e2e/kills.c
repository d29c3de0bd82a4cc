/* kills.c [KILLS [SEED]]: whole runs killed with -9, at moments that are hit for certain, then resumed until they are done; their weights and rows
 * must have the bits of runs that were left alone. A line for each moment and network: kills, lost rows, differing bits, runs that could not resume.
 * Every fourth run is killed once more, at another moment, when it goes on.
 *
 * A process of its own trains, with the runner that `convtui resume` has. The seams (files, boundaries, evaluation) tell the moment: there it kills
 * itself, or tells its parent, which kills it a random while later, in the midst of a batch or of a write. What a run was steered by is in its
 * commands.csv; the run it is compared with gets the same at the same batches. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/scratch.h"
#include "base/file.h"
#include "store/checkpoint.h"
#include "train/tuned.h"

enum moment { PREPARING, BATCH, EVALUATION, CHECKPOINT, INBOX, EARLY, N_MOMENTS };
static const char *const moments[N_MOMENTS] = {"preparing", "batch", "evaluation", "checkpoint", "inbox", "before the first"};
/* Smallest first, so that a short list still has all moments. Epochs: a VGG writes 200 MB a checkpoint. */
static const struct network { const char *label, *yaml; int epochs; } networks[] = {
	{"CNN 32x32", "arch: cnn\nlayers: 3\nimage-size: 32\nlr: 0.01\n", 4}, {"CNN 64x64", "arch: cnn\nlayers: 3\nimage-size: 64\nlr: 0.01\n", 4},
	{"GoogLeNet 32x32", "arch: googlenet\nimage-size: 32\nlr: 0.01\n", 3}, {"GoogLeNet 64x64", "arch: googlenet\nimage-size: 64\nlr: 0.01\n", 3},
	{"VGG 32x32", "arch: vgg-a\nimage-size: 32\nlr: 0.001\n", 2}, {"VGG 64x64", "arch: vgg-a\nimage-size: 64\nlr: 0.001\n", 2}};
enum { N_NETWORKS = sizeof networks / sizeof *networks, MOST_COMMANDS = 16, TRIES = 12 };

static void broken(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	scratch_remove(scratch_folder);
	exit(1);
}

/* ---- in the process that trains ---- */

/* Where it dies, and what is steered where. nth: calls of the moment to let pass. */
static struct aim {
	bool dies;
	enum moment moment;
	int nth;
	int64_t batch;
	bool later;                            /* tell the parent, which kills a while later */
	int tell;                              /* a pipe */
	const char *folder;
	struct cvt_command_row commands[MOST_COMMANDS];
	int n_commands;
} aim;
static atomic_int passed;                  /* calls of the moment so far */
static atomic_bool begun;                  /* the first boundary was reached */
static atomic_bool steered;

static void now(void)
{
	if (!aim.later)
		kill(getpid(), SIGKILL);
	if (write(aim.tell, "!", 1) != 1)
		_exit(2);
}

static void count_call(void)
{
	if (atomic_fetch_add(&passed, 1) == aim.nth)
		now();
}

/* Every call that a kill may come before; those of the clock aside. */
static int seam(enum cvt_file_call call, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	bool checkpoint = strstr(name, "checkpoint.safetensors") || strstr(name, "best.safetensors") || strcmp(path, aim.folder) == 0 ||
		(call == CVT_FILE_FSYNC && strstr(name, ".csv"));

	if (strcmp(name, "live") == 0 || strcmp(name, "log.txt") == 0)
		return 0;
	if ((aim.moment == PREPARING && !begun) || (aim.moment == CHECKPOINT && begun && checkpoint) ||
		(aim.moment == INBOX && steered && strcmp(name, "commands.csv") == 0))
		count_call();
	return 0;
}

static void at_boundary(void *context, int64_t batch)
{
	char id[24];

	(void)context;
	begun = true;
	for (int i = 0; i < aim.n_commands; i++)
		if (aim.commands[i].batch == batch && cvt_run_command(aim.folder, aim.commands[i].name, aim.commands[i].value, id, NULL) < 0)
			_exit(2);
	if (!aim.dies || batch != aim.batch)
		return;
	if (aim.moment == INBOX) {
		if (cvt_run_command(aim.folder, "lr", "0.003", id, NULL) < 0)
			_exit(2);
		steered = true;
		count_call();
	} else if (aim.moment == BATCH || aim.moment == EARLY) {
		now();
	}
}

static void at_evaluation(void *context, int done)
{
	(void)context, (void)done;
	if (aim.dies && aim.moment == EVALUATION)
		count_call();
}

/* Ends with the run's state, or 99. */
static void child(const char *folder)
{
	const struct cvt_train_tuning tuning = {.retry_seconds = 0.05, .always_look = true, .boundary = at_boundary, .evaluating = at_evaluation};
	struct cvt_runner_result result;
	struct cvt_error err;

	aim.folder = folder;
	if (aim.dies)
		cvt_file_fault = seam;
	if (cvt_runner_run_tuned(folder, &(struct cvt_runner_options){0}, &tuning, &result, &err) < 0) {
		printf("# %s: %s\n", folder, err.message);
		fflush(stdout);
		_exit(99);
	}
	if (result.state != CVT_STATE_DONE)
		printf("# %s: %s\n", folder, result.reason);
	fflush(stdout);
	_exit((int)result.state);
}

/* ---- in the parent ---- */

static double share(void)
{
	return (double)random() / ((double)RAND_MAX + 1);
}

/* Trains in a process of its own. True: it died of the kill; else *ret_state is how the run ended. delay: seconds, with aim.later. */
static bool train(const char *folder, double delay, int *ret_state)
{
	int ends[2], status;
	char told;
	pid_t pid;

	if (pipe(ends) != 0)
		broken("pipe", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		broken("fork", strerror(errno));
	if (pid == 0) {
		close(ends[0]);
		aim.tell = ends[1];
		child(folder);
	}
	close(ends[1]);
	if (read(ends[0], &told, 1) == 1) {
		usleep((useconds_t)(delay * 1e6));
		kill(pid, SIGKILL);
	}
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_state = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void make_run(const struct network *network, struct cvt_run *run)
{
	struct cvt_config config;
	struct cvt_error err;
	char yaml[1400], *text;

	snprintf(yaml, sizeof yaml, "data: %s/e2e/pictures\n%sbatch: 8\nmomentum: 0.5\naugment: flip\nthreads: 1\nseed: 3\nepochs: %d\n",
		getenv("CVT_TESTS"), network->yaml, network->epochs);
	cvt_config_init(&config);
	if (cvt_config_parse(&config, yaml, strlen(yaml), "kills", &err) < 0)
		broken("settings", err.message);
	cvt_config_resolve(&config);
	if (cvt_config_write(&config, &(struct cvt_provenance){.version = "test"}, &text, &err) < 0)
		broken("config.yaml", err.message);
	const struct cvt_new_run what = {.short_name = "run", .config_yaml = text, .network = "?", .lr = config.lr, .batch_size = config.batch,
		.epochs = config.epochs};

	if (cvt_run_create(scratch_folder, &what, run, &err) < 0)
		broken("a run", err.message);
	free(text);
}

static char *text_of(const char *folder, const char *name)
{
	char path[1200], *text;
	size_t size;
	struct cvt_error err;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (cvt_file_read(path, 1 << 24, &text, &size, &err) < 0)
		broken(path, err.message);
	return text;
}

/* Rows of `want` that are not in `got` (lost), and rows that differ, the last column (a time) aside. */
static void compare_rows(const char *want_folder, const char *got_folder, const char *name, int *lost, int *differ)
{
	char *want = text_of(want_folder, name), *got = text_of(got_folder, name), *a = want, *b = got, *x, *y;

	while ((x = strsep(&a, "\n")) != NULL && a != NULL) {
		char *x_end = strrchr(x, ','), *y_end;

		y = strsep(&b, "\n");
		if (y == NULL || b == NULL) {
			++*lost;
			continue;
		}
		y_end = strrchr(y, ',');
		*differ += x_end == NULL || y_end == NULL || x_end - x != y_end - y || memcmp(x, y, (size_t)(x_end - x)) != 0;
	}
	*differ += b != NULL && *b != 0;       /* more rows than there should be */
	free(want);
	free(got);
}

/* Arrays that differ. */
static int compare_weights(const char *want_folder, const char *got_folder, const char *name)
{
	struct cvt_safetensors want, got;
	struct cvt_error err;
	char path[2][1200];
	int differ = 0;

	snprintf(path[0], sizeof path[0], "%s/%s", want_folder, name);
	snprintf(path[1], sizeof path[1], "%s/%s", got_folder, name);
	if (cvt_safetensors_read(path[0], &want, &err) < 0)
		broken(path[0], err.message);
	if (cvt_safetensors_read(path[1], &got, &err) < 0) {
		printf("# %s\n", err.message);
		cvt_safetensors_finish(&want);
		return 1;
	}
	for (int i = 0; i < want.n_arrays; i++) {
		const struct cvt_array *a = &want.arrays[i], *b = cvt_safetensors_find(&got, a->name);
		size_t count = 1;

		for (int d = 0; d < a->n_dims; d++)
			count *= (size_t)a->dims[d];
		differ += b == NULL || b->n_dims != a->n_dims || memcmp(b->dims, a->dims, sizeof a->dims) != 0 ||
			memcmp(a->data, b->data, count * sizeof(float)) != 0;
	}
	differ += want.n_arrays != got.n_arrays || want.n_arrays == 0;
	cvt_safetensors_finish(&want);
	cvt_safetensors_finish(&got);
	return differ;
}

/* What steered the run, into the next aim. */
static void steer_as(const char *folder)
{
	char *text = text_of(folder, "commands.csv"), *rest = text, *line;
	long long batch;

	strsep(&rest, "\n");
	while ((line = strsep(&rest, "\n")) != NULL && rest != NULL && aim.n_commands < MOST_COMMANDS) {
		struct cvt_command_row *row = &aim.commands[aim.n_commands];

		if (sscanf(line, "%lld,%*[^,],%23[^,],%63[^,]", &batch, row->name, row->value) != 3)
			broken(folder, line);
		row->batch = batch;
		aim.n_commands++;
	}
	free(text);
}

static int batches_of(const char *folder)
{
	char *text = text_of(folder, "batches.csv");
	int n = -1;

	for (const char *at = text; *at; at++)
		n += *at == '\n';
	free(text);
	return n;
}

/* A run that nobody cuts, steered as `like` was (NULL: not at all). */
static struct cvt_run uncut(const struct network *network, const char *like)
{
	struct cvt_run run;
	int state;

	make_run(network, &run);
	memset(&aim, 0, sizeof aim);
	if (like)
		steer_as(like);
	if (train(run.folder, 0, &state) || state != CVT_STATE_DONE)
		broken(network->label, "the run that is left alone does not end");
	return run;
}

struct tally { int kills, lost, differ, stuck; };
struct reference { struct cvt_run run; int batches; double batch_seconds; };

/* Another place to die each time: spread over all of the moment's calls and batches. */
static double aim_at(enum moment moment, const struct network *network, const struct reference *reference, int turn)
{
	int per_epoch = reference->batches / network->epochs;
	double delay = share() * 0.9 * reference->batch_seconds;

	memset(&aim, 0, sizeof aim);
	aim.dies = true;
	aim.moment = moment;
	switch (moment) {
	case PREPARING: aim.nth = (int)(share() * 80); break;
	case BATCH: aim.batch = per_epoch + (int)(share() * (reference->batches - per_epoch)); aim.later = true; break;
	case EVALUATION: aim.nth = (int)(share() * 2 * network->epochs); break;
	/* Before each call in turn; every third time a while after it began, as the bytes go out. */
	case CHECKPOINT: aim.nth = turn % 14; aim.later = turn % 3 == 2; delay = share() * 0.02; break;
	/* It lies in the inbox; its row is about to be written; to be synced; it may be taken, or not. */
	case INBOX: aim.nth = turn % 3; aim.later = turn % 4 == 3; aim.batch = 1 + (int)(share() * (reference->batches - 1)); break;
	default: aim.batch = (int)(share() * per_epoch); aim.later = turn % 2 == 0;
	}
	return delay;
}

/* Kills a run at the moment: tries until the kill came in time. */
static bool kill_one(const struct network *network, enum moment moment, const struct reference *reference, int turn, struct cvt_run *run)
{
	char cache[1100], *usual = strdup(getenv("XDG_CACHE_HOME"));
	bool killed = false;
	int state;

	snprintf(cache, sizeof cache, "%s/cache-of-one", scratch_folder);
	if (moment == PREPARING)
		setenv("XDG_CACHE_HOME", cache, 1);
	for (int i = 0; i < TRIES && !killed; i++) {
		make_run(network, run);
		double delay = aim_at(moment, network, reference, turn + i);

		atomic_store(&passed, 0);
		killed = train(run->folder, delay, &state);
		if (!killed)
			scratch_remove(run->folder);
		scratch_remove(cache);
	}
	setenv("XDG_CACHE_HOME", usual, 1);
	free(usual);
	return killed;
}

static bool was_steered(const char *folder)
{
	char *text = text_of(folder, "commands.csv");
	int lines = 0;

	for (const char *at = text; *at; at++)
		lines += *at == '\n';
	free(text);
	return lines > 1;
}

/* The moment need not come: then the run ends, which is as good. */
static bool kill_again(const struct network *network, enum moment moment, const struct reference *reference, int turn, const char *folder)
{
	double delay = aim_at(moment, network, reference, turn);
	int state;

	atomic_store(&passed, 0);
	return train(folder, delay, &state);
}

static void judge(const struct network *network, const struct reference *reference, const struct cvt_run *run, struct tally *tally)
{
	struct cvt_run expected = reference->run;
	int state, lost = 0, differ = 0;
	bool steered_once;

	memset(&aim, 0, sizeof aim);
	if (train(run->folder, 0, &state) || state != CVT_STATE_DONE) {
		tally->stuck++;
		return;
	}
	/* A command that was still in the inbox acts after the resume. */
	steered_once = was_steered(run->folder);
	if (steered_once)
		expected = uncut(network, run->folder);
	compare_rows(expected.folder, run->folder, "batches.csv", &lost, &differ);
	compare_rows(expected.folder, run->folder, "epochs.csv", &lost, &differ);
	differ += compare_weights(expected.folder, run->folder, "checkpoint.safetensors");
	differ += compare_weights(expected.folder, run->folder, "best.safetensors");
	tally->lost += lost;
	tally->differ += differ;
	if (steered_once)
		scratch_remove(expected.folder);
}

static void make_references(struct reference *references, int n)
{
	char cache[1100];

	snprintf(cache, sizeof cache, "%s/cache", scratch_folder);
	setenv("XDG_CACHE_HOME", cache, 1);
	for (int i = 0; i < n; i++) {
		struct timespec from, to;

		references[i].run = uncut(&networks[i], NULL);
		references[i].batches = batches_of(references[i].run.folder);
		clock_gettime(CLOCK_MONOTONIC, &from);
		struct cvt_run again = uncut(&networks[i], NULL);

		clock_gettime(CLOCK_MONOTONIC, &to);
		scratch_remove(again.folder);
		references[i].batch_seconds = ((double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec)) / 2 /
			references[i].batches;
	}
}

int main(int argc, char **argv)
{
	static struct reference references[N_NETWORKS];
	static struct tally tallies[N_MOMENTS][N_NETWORKS];
	int kills = argc > 1 ? atoi(argv[1]) : N_MOMENTS, used = kills < 2 * N_MOMENTS ? 1 : N_NETWORKS, bad = 0, n = 0, again = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	srandom(argc > 2 ? (unsigned)atoi(argv[2]) : 1);
	if (kills < 1 || getenv("CVT_TESTS") == NULL || scratch_setup(NULL) != 0)
		broken("kills", "a number of kills is wanted, CVT_TESTS and a folder for temporary files");
	make_references(references, used);
	for (int i = 0; i < kills; i++) {
		int which = i / N_MOMENTS % used, turn = i / N_MOMENTS / used + 5 * which;
		enum moment moment = (enum moment)(i % N_MOMENTS);
		struct tally *tally = &tallies[moment][which];
		struct cvt_run run;

		if (!kill_one(&networks[which], moment, &references[which], turn, &run)) {
			printf("# %s, %s: the moment did not come in %d runs\n", networks[which].label, moments[moment], TRIES);
			bad++;
			continue;
		}
		if (i % 12 == 11)
			printf("# %d kills\n", i + 1);
		tally->kills++;
		again += turn % 4 == 1 && kill_again(&networks[which], (enum moment)((moment + 1 + turn) % N_MOMENTS), &references[which], turn, run.folder);
		judge(&networks[which], &references[which], &run, tally);
		scratch_remove(run.folder);
	}
	printf("# %-16s %-16s %5s %9s %9s %13s\n", "killed at", "network", "kills", "lost rows", "differing", "not resumable");
	for (int m = 0; m < N_MOMENTS; m++) {
		struct tally sum = {0};

		for (int k = 0; k < used; k++) {
			const struct tally *t = &tallies[m][k];

			printf("# %-16s %-16s %5d %9d %9d %13d\n", moments[m], networks[k].label, t->kills, t->lost, t->differ, t->stuck);
			sum = (struct tally){sum.kills + t->kills, sum.lost + t->lost, sum.differ + t->differ, sum.stuck + t->stuck};
		}
		bool good = sum.lost + sum.differ + sum.stuck == 0 && (sum.kills > 0 || kills <= m);

		printf("%s %d - killed at %s: %d kills, %d lost rows, %d differing, %d not resumable\n", good ? "ok" : "not ok", ++n, moments[m],
			sum.kills, sum.lost, sum.differ, sum.stuck);
		bad += !good;
	}
	printf("# and %d of them once more while they went on\n1..%d\n", again, n);
	scratch_remove(scratch_folder);
	return bad > 0;
}
