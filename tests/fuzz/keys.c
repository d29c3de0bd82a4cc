/* keys.c - keys to the screen: a byte a key, on a live run and an old one, drawn now and then and at the end. 0xa0 W H: another size, drawn at
 * once; 0xa1: rows, lists and clocks; 0xa2: drawn at once; from 0xa3 on: characters beyond ASCII, wide and joining ones too. No cell may hold a
 * control character.
 *
 * Linked with --wrap: no runner is started, no terminal suspended, no folder outside is counted, whatever is typed; the machine is not asked for
 * its processors again and again; and no inotify descriptor is made, since closing one takes the kernel milliseconds. */
#include <dirent.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../screens/fixture.h"
#include "convtui/dataset.h"
#include "convtui/machine.h"
#include "fuzz.h"
#include "launch.h"
#include "state.h"
#include "term/key.h"
#include "term/term.h"

enum { MOST_KEYS = 100, DRAWN = 32 };
static struct cvt_run live;

/* Declared by what they stand for, so that a change there does not compile here. */
__typeof__(launch_create) __wrap_launch_create;
__typeof__(launch_runner) __wrap_launch_runner;
__typeof__(term_suspend) __wrap_term_suspend;
__typeof__(term_mouse) __wrap_term_mouse;
__typeof__(cvt_dataset_count_classes) __wrap_cvt_dataset_count_classes;

int __wrap_launch_create(const char *store, const struct cvt_config *config, int n_classes, struct cvt_run *ret_run, struct cvt_error *err)
{
	(void)store, (void)config, (void)n_classes, (void)err;
	*ret_run = live;
	return CVT_OK;
}

int __wrap_launch_runner(const char *folder, struct cvt_error *err)
{
	return cvt_fail(err, CVT_ERR_MEMORY, "no runner for %s here", folder);
}

void __wrap_term_suspend(void)
{
}

void __wrap_term_mouse(bool on)
{
	(void)on;
}

int __wrap_cvt_dataset_count_classes(const char *folder, const struct cvt_dataset_progress *progress, int *ret_classes, int *ret_pictures,
	struct cvt_error *err)
{
	(void)progress;
	if (strlen(folder) % 2 != 0)
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "no folder %s", folder);
	*ret_classes = 3;
	*ret_pictures = 996;
	return CVT_OK;
}

int __wrap_inotify_init1(int flags);

int __wrap_inotify_init1(int flags)
{
	(void)flags;
	return -1;
}

__typeof__(cvt_machine_processors) __wrap_cvt_machine_processors;

int __wrap_cvt_machine_processors(const char *root)
{
	(void)root;
	return 2;
}

static const char *store(void)
{
	static const struct fixture_run old = {"2026-01-01-1-cnn", "x + 13", 1, 20, 30, 20, 25, CVT_STATE_DIVERGED};
	static const struct fixture_run now = {"2026-01-02-1-cnn", "x*2 if x < 20 else x + x//2", 4, 20, 68, -1, -1, CVT_STATE_TRAINING};
	static char path[128];
	static struct cvt_writer *writer;        /* its lock keeps the run alive */
	struct cvt_run run;

	if (path[0] != 0)
		return path;
	setlocale(LC_ALL, "C.UTF-8");
	snprintf(path, sizeof path, "%s/runs", fuzz_folder());
	if (fixture_make(path, &old, &run, NULL) != 0 || fixture_make(path, &now, &live, &writer) != 0) {
		fprintf(stderr, "fuzz: no runs\n");
		exit(2);
	}
	return path;
}

/* What was steered, so that it does not pile up. */
static void empty_inbox(void)
{
	char path[1400];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof path, "%s/inbox", live.folder);
	folder = opendir(path);
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		snprintf(path, sizeof path, "%.1024s/inbox/%.255s", live.folder, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(path);
	}
	if (folder != NULL)
		closedir(folder);
}

static void draw(struct app *app, struct grid *grid)
{
	app_draw(app, grid);
	for (int i = 0; i < grid->width * grid->height; i++) {
		const struct cell *cell = &grid->cells[i];

		/* 0: the second half of a wide character. */
		if ((cell->code > 0 && cell->code < 32) || (cell->code >= 127 && cell->code < 160) || cell->meaning >= CELL_N_MEANINGS)
			__builtin_trap();
	}
}

static struct grid *resized(struct grid *grid, int width, int height)
{
	grid_destroy(grid);
	grid = NULL;
	if (grid_create(width, height, (enum glyphs)(width % 3), &grid) != CVT_OK)
		exit(2);
	return grid;
}

static int key_of(uint8_t byte)
{
	static const uint32_t others[] = {0x301, 0x200d, 0x4e2d, 0x1f600, 0xe9, 0x2028, 0xfeff, 0x202e, 0x10ffff, 0x9b, 0xad};

	if (byte < 128)
		return byte;
	if (byte < 0xa0)
		return KEY_BASE + 1 + (byte & 31) % (KEY_IGNORED - KEY_BASE);
	return (int)others[byte % (sizeof others / sizeof *others)];
}

static void play(struct app *app, const uint8_t *data, size_t size)
{
	struct grid *grid = resized(NULL, 80, 24);
	int since = 0;

	app_settle(app);
	for (size_t i = 0; i < size && i < MOST_KEYS && !app->leaving; i++) {
		if (data[i] == 0xa0 && i + 2 < size) {
			grid = resized(grid, 1 + data[i + 1], 1 + data[i + 2] % 100);
			i += 2;
			since = DRAWN;
		} else if (data[i] == 0xa1) {
			app_settle(app);
		} else if (data[i] == 0xa2) {
			since = DRAWN;
		} else {
			app_key(app, key_of(data[i]));
		}
		if (++since > DRAWN) {
			draw(app, grid);
			since = 0;
		}
	}
	draw(app, grid);
	grid_destroy(grid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct app_options options = {.runs = store(), .run = size % 4 == 3 ? "2026-01-01-1-cnn" : NULL};
	struct app *app = malloc(sizeof *app);
	struct cvt_error err;

	if (app == NULL)
		exit(2);
	if (app_init(app, &options, false, &err) != CVT_OK)
		fuzz_check_error(&err);
	else
		play(app, data, size);
	app_finish(app);
	free(app);
	empty_inbox();
	return 0;
}
