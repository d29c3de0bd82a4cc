/* stage.c - a dashboard over made-up runs, for tests. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "stage.h"
#include "term/dump.h"
#include "term/key.h"

void remove_folder(const char *folder)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	assert_int_equal(system(command), 0);
}

const struct fixture_run old_run = {"2026-01-01-1-cnn", "x + 13", 1, 20, 160, 50, -1, CVT_STATE_DONE};
const struct fixture_run diverged = {"2026-01-01-2-cnn", "x*3 if x < 27 else x + 13", 3, 20, 40, -1, 33, CVT_STATE_DIVERGED};
const struct fixture_run live_run = {"2026-01-02-1-cnn", "x*2 if x < 20 else x + x//2", 4, 20, 68, -1, -1, CVT_STATE_TRAINING};

void stage_open(struct stage *s, int w, int h, enum glyphs glyphs, bool alive)
{
	struct cvt_run run;
	struct cvt_error err;
	memset(s, 0, sizeof *s);
	snprintf(s->folder, sizeof s->folder, "/tmp/convtui-screen-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->store, sizeof s->store, "%s/runs", s->folder);
	assert_int_equal(fixture_make(s->store, &old_run, &run, NULL), CVT_OK);
	assert_int_equal(fixture_make(s->store, &diverged, &run, NULL), CVT_OK);
	if (alive) {
		assert_int_equal(fixture_make(s->store, &live_run, &run, &s->writer), CVT_OK);
	}
	s->app = malloc(sizeof *s->app);
	assert_non_null(s->app);
	struct app_options options = {.runs = s->store};
	assert_int_equal(app_init(s->app, &options, false, &err), CVT_OK);
	app_settle(s->app);
	assert_int_equal(grid_create(w, h, glyphs, &s->grid), CVT_OK);
}

void stage_close(struct stage *s)
{
	app_finish(s->app);
	free(s->app);
	grid_destroy(s->grid);
	cvt_writer_close(s->writer);
	remove_folder(s->folder);
}

/* Draws with the clocks stopped. */
void draw(struct stage *s)
{
	app_settle(s->app);
	form_update_cost(s->app);
	/* What the engine predicts of memory is its own tests' matter. */
	s->app->form.cost.what.train_bytes = 1300000000;
	s->app->form.cost.what.checkpoint_bytes = 15000000;
	s->app->rates.processors = 2;        /* as the made-up runs had, whatever this machine has */
	s->app->wall = 1767348009;
	s->app->load = 1.9;
	s->app->note_time = 0;
	app_draw(s->app, s->grid);
}

void keys(struct stage *s, const char *names)
{
	char copy[256], *save = NULL;
	snprintf(copy, sizeof copy, "%s", names);
	app_draw(s->app, s->grid);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		assert_int_not_equal(key_from_name(word), 0);
		app_key(s->app, key_from_name(word));
	}
}

void type(struct stage *s, const char *text)
{
	while (*text) {
		app_key(s->app, (int)text_next(&text));
	}
}

static void golden_path(const char *name, char *path, size_t size)
{
	const char *tests = getenv("CVT_TESTS");
	snprintf(path, size, "%s/screens/golden/%s.txt", tests ? tests : "tests", name);
}

void compare(struct stage *s, const char *name)
{
	char path[512], *text, *meanings, *both, wanted[200000];
	draw(s);
	assert_int_equal(dump_text(s->grid, &text), CVT_OK);
	assert_int_equal(dump_meanings(s->grid, &meanings), CVT_OK);
	assert_true(asprintf(&both, "%s--- what each cell means\n%s", text, meanings) > 0);
	golden_path(name, path, sizeof path);
	if (getenv("CVT_GOLDEN_WRITE")) {
		FILE *out = fopen(path, "w");
		assert_non_null(out);
		fputs(both, out);
		assert_int_equal(fclose(out), 0);
	}
	FILE *in = fopen(path, "r");
	if (!in) {
		fail_msg("no %s", path);
	}
	size_t n = fread(wanted, 1, sizeof wanted - 1, in);
	wanted[n] = 0;
	fclose(in);
	const char *a = both, *b = wanted;
	for (int line = 1; *a || *b; line++) {
		size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");
		if (la != lb || memcmp(a, b, la) != 0) {
			fail_msg("%s line %d\n  is     %.*s\n  wanted %.*s", path, line, (int)la, a, (int)lb, b);
		}
		a += la + (a[la] == '\n');
		b += lb + (b[lb] == '\n');
	}
	free(text);
	free(meanings);
	free(both);
}

bool shows(struct stage *s, const char *what)
{
	char *text;
	draw(s);
	assert_int_equal(dump_text(s->grid, &text), CVT_OK);
	bool found = strstr(text, what) != NULL;
	free(text);
	return found;
}

void default_form(struct stage *s)
{
	cvt_config_init(&s->app->form.config);
	cvt_config_resolve(&s->app->form.config);
}
