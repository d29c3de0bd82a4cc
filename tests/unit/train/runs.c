/* runs.c - see runs.h. */
#include "runs.h"

#include <errno.h>
#include <math.h>
#include <sys/wait.h>

#include "store/checkpoint.h"

static char cache[256];

/* Small enough for tests by the hundred; several batches an epoch, the last one smaller. */
static const char small[] =
	"data: builtin\nimage-size: 16\narch: cnn\nlayers: 2\nexpansion: x + 3\nbatch: 250\nepochs: 3\nlr: 0.05\nthreads: 2\nseed: 7\n";

int runs_group_setup(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(cache, sizeof cache, "%s/convtui-cache-XXXXXX", base ? base : "/tmp");
	return mkdtemp(cache) && setenv("XDG_CACHE_HOME", cache, 1) == 0 ? 0 : -1;
}

int runs_group_teardown(void **state)
{
	(void)state;
	scratch_remove(cache);
	return 0;
}

int runs_setup(void **state)
{
	return scratch_setup(state);
}

int runs_teardown(void **state)
{
	cvt_file_fault = NULL;
	return scratch_teardown(state);
}

static void die(const char *what, const struct cvt_error *err)
{
	fail_msg("%s: %s", what, err->message);
}

struct cvt_run *runs_make(const char *yaml)
{
	static struct cvt_run runs[8];
	static int next;
	struct cvt_run *run = &runs[next++ % 8];
	struct cvt_config config;
	struct cvt_error err;
	char *text;

	cvt_config_init(&config);
	if (cvt_config_parse(&config, small, strlen(small), "small", &err) < 0 || cvt_config_parse(&config, yaml, strlen(yaml), "test", &err) < 0)
		die("settings", &err);
	cvt_config_resolve(&config);
	if (cvt_config_write(&config, &(struct cvt_provenance){.version = "test"}, &text, &err) < 0)
		die("config.yaml", &err);
	struct cvt_new_run what = {.short_name = "cnn", .config_yaml = text, .network = "?", .lr = config.lr, .batch_size = config.batch,
		.epochs = config.epochs};

	if (cvt_run_create(scratch_folder, &what, run, &err) < 0)
		die("cvt_run_create", &err);
	free(text);
	return run;
}

/* On the trainer's thread: no cmocka here. */
static void at_boundary(void *context, int64_t batch)
{
	struct script *script = context;
	char id[24];

	script->boundaries++;
	if (script->dies && script->die_at == batch)
		_exit(9);
	if (script->also)
		script->also(batch);
	while (script->given < script->n_commands && script->commands[script->given].batch == batch) {
		const char *name = script->commands[script->given].name, *value = script->commands[script->given].value;

		if (cvt_run_command(script->folder, name, value, id, NULL) < 0)
			abort();
		script->given++;
	}
}

struct cvt_runner_result runs_train_with(const char *folder, const struct cvt_runner_options *options, struct script *script)
{
	struct script nothing = {0};
	struct cvt_runner_result result;
	struct cvt_error err;

	script = script ? script : &nothing;
	script->folder = folder;
	const struct cvt_train_tuning tuning = {.retry_seconds = 0.05, .always_look = true, .boundary = at_boundary,
		.context = script, .memory = script->memory, .save_seconds = script->save_seconds};

	if (cvt_runner_run_tuned(folder, options, &tuning, &result, &err) < 0)
		die("cvt_runner_run", &err);
	return result;
}

struct cvt_runner_result runs_train(const char *folder, struct script *script)
{
	return runs_train_with(folder, &(struct cvt_runner_options){0}, script);
}

char runs_notes[8192];

static void on_event(void *context, const struct cvt_runner_event *event)
{
	size_t length = strlen(runs_notes);

	(void)context;
	if (event->kind == CVT_RUNNER_NOTE)
		snprintf(runs_notes + length, sizeof runs_notes - length, "%s\n", event->text);
}

const struct cvt_runner_options runs_listening = {.event = on_event};

void runs_die(const char *folder, int64_t at)
{
	struct script script = {.dies = true, .die_at = at};
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		runs_train(folder, &script);
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 9);
}

const char *runs_file(const char *folder, const char *name)
{
	static char paths[8][1200];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

int runs_rows(const char *folder, const char *name)
{
	int lines = 0;

	for (const char *at = scratch_get(runs_file(folder, name)); *at; at++)
		lines += *at == '\n';
	return lines > 0 ? lines - 1 : 0;
}

const char *runs_cell(const char *folder, const char *name, int row, int column)
{
	static char cells[8][128];
	static int next;
	char *cell = cells[next++ % 8];
	const char *at = scratch_get(runs_file(folder, name));

	for (int i = 0; i <= row && at; i++) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	for (int i = 0; i < column && at; i++) {
		at += strcspn(at, ",\n");
		at = *at == ',' ? at + 1 : NULL;
	}
	snprintf(cell, sizeof cells[0], "%.*s", at ? (int)strcspn(at, ",\n") : 0, at ? at : "");
	return cell;
}

void runs_same_weights(const char *a, const char *b, const char *name)
{
	struct cvt_safetensors x, y;
	struct cvt_error err;

	if (cvt_safetensors_read(runs_file(a, name), &x, &err) < 0 || cvt_safetensors_read(runs_file(b, name), &y, &err) < 0)
		die(name, &err);
	assert_int_equal(x.n_arrays, y.n_arrays);
	assert_true(x.n_arrays > 0);
	for (int i = 0; i < x.n_arrays; i++) {
		const struct cvt_array *other = cvt_safetensors_find(&y, x.arrays[i].name);
		size_t count = 1;

		assert_non_null(other);
		for (int d = 0; d < x.arrays[i].n_dims; d++)
			count *= (size_t)x.arrays[i].dims[d];
		if (memcmp(x.arrays[i].data, other->data, count * sizeof(float)) != 0)
			fail_msg("%s differs in %s between %s and %s", x.arrays[i].name, name, a, b);
	}
	cvt_safetensors_finish(&x);
	cvt_safetensors_finish(&y);
}

/* Rows without their last column, which is a time. */
static void same_rows(const char *a, const char *b, const char *name)
{
	const char *x = scratch_get(runs_file(a, name)), *y = scratch_get(runs_file(b, name));
	int row = 0;

	assert_true(x[0] != 0);
	while (*x || *y) {
		size_t x_line = strcspn(x, "\n"), y_line = strcspn(y, "\n"), x_end = x_line, y_end = y_line;

		while (x_end > 0 && x[x_end - 1] != ',')
			x_end--;
		while (y_end > 0 && y[y_end - 1] != ',')
			y_end--;
		if (x_end == 0 || x_end != y_end || memcmp(x, y, x_end) != 0)
			fail_msg("%s, line %d: %.*s in %s, %.*s in %s", name, row + 1, (int)x_line, x, a, (int)y_line, y, b);
		x += x_line + (x[x_line] == '\n');
		y += y_line + (y[y_line] == '\n');
		row++;
	}
}

void runs_same(const char *a, const char *b)
{
	runs_same_weights(a, b, "checkpoint.safetensors");
	runs_same_weights(a, b, "best.safetensors");
	same_rows(a, b, "batches.csv");
	same_rows(a, b, "epochs.csv");
	assert_string_equal(scratch_get(runs_file(a, "confusion.csv")), scratch_get(runs_file(b, "confusion.csv")));
	assert_string_equal(scratch_get(runs_file(a, "errors.csv")), scratch_get(runs_file(b, "errors.csv")));
	assert_string_equal(scratch_get(runs_file(a, "split.csv")), scratch_get(runs_file(b, "split.csv")));
}
