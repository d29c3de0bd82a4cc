/* test_form.c - the form of the next run: what it shows, takes, refuses and starts. */
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

static bool same_option(const struct app *app, const char *key, const char *text)
{
	char is[1024];
	cvt_config_get(&app->form.config, cvt_option_find(key), is, sizeof is);
	return !strcmp(is, text);
}

static void the_rule_is_edited_with_its_maps(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, false);
	default_form(&s);
	assert_true(shows(&s, "3 \u2192 16 \u2192 29 \u2192 42 \u2192 55"));
	keys(&s, "Down Down Down Down Enter ^U");
	type(&s, "x*2");
	assert_true(shows(&s, "3 \u2192 6 \u2192 12 \u2192 24 \u2192 48"));
	type(&s, " if x < 20 els x + x//2");
	compare(&s, "rule-error-120x40");
	/* The caret stands under the column of the error. */
	assert_true(s.app->form.error.column > 0);
	keys(&s, "Enter");
	assert_true(s.app->form.open);
	keys(&s, "Esc");
	assert_false(s.app->form.open);
	assert_string_equal(s.app->form.config.expansion, "x + 13");
	keys(&s, "Enter ^U");
	type(&s, "x*2 if x < 20 else x + x//2");
	keys(&s, "Enter");
	assert_string_equal(s.app->form.config.expansion, "x*2 if x < 20 else x + x//2");
	assert_true(shows(&s, "2,391,607 parameters"));
	stage_close(&s);
}

static void characters_are_commands_unless_a_field_is_open(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, false);
	keys(&s, "Enter");
	type(&s, "q1?");
	assert_false(s.app->leaving);
	assert_true(strstr(s.app->form.edit.text, "q1?") != NULL);
	keys(&s, "Esc ?");
	assert_int_equal(s.app->overlay, OVERLAY_HELP);
	keys(&s, "Esc q");
	assert_true(s.app->leaving);
	stage_close(&s);
}

/* What an opened field holds gives way to the first character, and stays when the cursor is moved first. */
static void typing_replaces_what_a_field_held(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, false);
	default_form(&s);
	keys(&s, "n Enter");
	type(&s, "/tmp");
	keys(&s, "Enter");
	assert_true(same_option(s.app, "data", "/tmp"));
	keys(&s, "Up Up Enter");
	app_key(s.app, KEY_TABULATOR);
	assert_string_equal(s.app->form.edit.text, "/tmp/");
	keys(&s, "Esc Enter Right");
	type(&s, "x");
	keys(&s, "Enter");
	assert_true(same_option(s.app, "data", "/tmpx"));
	stage_close(&s);
}

/* No shell has been over what is typed here: ~ is the home folder, for Tab too. */
static void a_tilde_is_completed_and_taken(void **state)
{
	struct stage s;
	char before[1024], folder[128];
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, false);
	snprintf(before, sizeof before, "%s", getenv("HOME") ? getenv("HOME") : "");
	assert_int_equal(setenv("HOME", s.folder, 1), 0);
	keys(&s, "n Home Enter");
	type(&s, "~/ru");
	app_key(s.app, KEY_TABULATOR);
	assert_string_equal(s.app->form.edit.text, "~/runs/");
	keys(&s, "^U");
	type(&s, "~");
	app_key(s.app, KEY_TABULATOR);
	assert_string_equal(s.app->form.edit.text, "~/");
	type(&s, "runs");
	keys(&s, "Enter");
	snprintf(folder, sizeof folder, "%s/runs", s.folder);
	assert_true(same_option(s.app, "data", folder));
	keys(&s, "Home Enter");
	type(&s, "~anna/x");
	keys(&s, "Enter");
	assert_true(s.app->form.open && shows(&s, "whole path"));
	assert_int_equal(setenv("HOME", before, 1), 0);
	stage_close(&s);
}

/* A field with choices shows them while it is open, and Tab goes through them; Tab is in the line of keys only where it does something. */
static void tab_goes_through_the_choices(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, false);
	default_form(&s);
	keys(&s, "n Home");
	assert_false(shows(&s, "vgg-e") || shows(&s, "Tab complete"));
	keys(&s, "Enter");
	assert_true(shows(&s, "Tab complete"));
	keys(&s, "Esc Down Down Enter");
	assert_true(shows(&s, "vgg-e") && shows(&s, "googlenet") && shows(&s, "Tab next choice"));
	app_key(s.app, KEY_TABULATOR);
	assert_string_equal(s.app->form.edit.text, "vgg-a");
	type(&s, "goo");                             /* what Tab wrote gives way as what the field held does */
	app_key(s.app, KEY_TABULATOR);
	assert_string_equal(s.app->form.edit.text, "googlenet");
	app_key(s.app, KEY_TABULATOR);
	assert_string_equal(s.app->form.edit.text, "cnn");
	type(&s, "x");
	app_key(s.app, KEY_TABULATOR);
	assert_string_equal(s.app->form.edit.text, "x");
	assert_true(shows(&s, "must be one of") && shows(&s, "googlenet"));
	keys(&s, "Esc Down Enter");                  /* conv layers: a number */
	assert_true(s.app->form.open && !shows(&s, "Tab"));
	stage_close(&s);
}

static void what_is_pasted_is_no_command(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, false);
	app_key(s.app, KEY_PASTE_BEGIN);
	type(&s, "q");
	app_key(s.app, KEY_RETURN);
	app_key(s.app, KEY_PASTE_BEGIN);                     /* one that was in the text */
	type(&s, "q");
	app_key(s.app, KEY_PASTE_END);
	assert_false(s.app->leaving);
	assert_false(s.app->form.open);
	app_key(s.app, KEY_PASTE_END);                       /* without a beginning: nothing */
	type(&s, "q");
	assert_true(s.app->leaving);
	stage_close(&s);
}

/* A mark whose partner never comes makes nothing deaf. */
static void a_paste_without_an_end_ends(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, false);
	app_key(s.app, KEY_PASTE_BEGIN);
	app_tick(s.app);
	type(&s, "q");
	assert_false(s.app->leaving);
	app_tick(s.app);
	s.app->paste_pause -= 1;
	app_tick(s.app);
	type(&s, "q");
	assert_true(s.app->leaving);
	s.app->leaving = false;
	app_key(s.app, KEY_PASTE_BEGIN);
	app_key(s.app, KEY_CTRL_C);
	assert_true(s.app->leaving);
	stage_close(&s);
}

static void the_form_shows_what_applies(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, false);
	assert_true(shows(&s, "expansion"));
	keys(&s, "Down Down Right");
	assert_int_equal(s.app->form.config.arch, CVT_ARCH_VGG_A);
	assert_false(shows(&s, "expansion"));
	assert_true(shows(&s, "160,241,411 parameters"));
	stage_close(&s);
}

/* A folder that is not there is said whole at every size, and nothing is begun with it. */
static void a_missing_folder_is_said_before_the_start(void **state)
{
	static const struct { int w, h; } sizes[] = {{80, 24}, {100, 30}, {120, 40}, {200, 60}};
	struct stage s;
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		stage_open(&s, sizes[i].w, sizes[i].h, GLYPHS_BRAILLE, false);
		keys(&s, "Home Enter ^U");
		type(&s, "/no/such/folder");
		keys(&s, "Enter");
		if (!shows(&s, "/no/such/folder") || !shows(&s, "cannot") || !shows(&s, "directory")) {
			char *text;
			assert_int_equal(dump_text(s.grid, &text), CVT_OK);
			fail_msg("%d x %d\n%s", sizes[i].w, sizes[i].h, text);
		}
		int before = s.app->n_runs;
		keys(&s, "G");
		draw(&s);
		assert_int_equal(s.app->n_runs, before);
		assert_int_equal(s.app->overlay, OVERLAY_NONE);
		stage_close(&s);
	}
}

/* The form begins as the run that is shown; what a person has changed stays. */
static void the_form_begins_with_the_options_of_the_run(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	assert_true(same_option(s.app, "expansion", live_run.expansion));
	app_attach(s.app, s.app->runs[0].folder);
	assert_true(same_option(s.app, "expansion", old_run.expansion) && same_option(s.app, "layers", "1"));
	keys(&s, "n Down Down Down Right");
	assert_true(same_option(s.app, "layers", "2"));
	assert_true(same_option(s.app, "lr", "0.002"));      /* still the rate of the depth */
	app_attach(s.app, s.app->runs[1].folder);
	assert_true(same_option(s.app, "layers", "2"));
	stage_close(&s);
}

/* A run that diverged offers a run from its checkpoint with a tenth of the rate; one without a checkpoint says so. */
static void a_run_branches_from_its_checkpoint(void **state)
{
	struct stage s;
	char path[1100];
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	keys(&s, "b");
	assert_int_not_equal(s.app->focus, FOCUS_FORM);
	assert_true(shows(&s, "has no checkpoint yet"));
	app_attach(s.app, s.app->runs[1].folder);
	snprintf(path, sizeof path, "%s/checkpoint.safetensors", s.app->runs[1].folder);
	FILE *file = fopen(path, "w");
	assert_true(file && fclose(file) == 0);
	keys(&s, "t");
	assert_true(shows(&s, "has diverged: b fills the form"));
	double rate = s.app->run_config.lr;
	keys(&s, "b");
	assert_int_equal(s.app->focus, FOCUS_FORM);
	assert_true(same_option(s.app, "expansion", diverged.expansion) && same_option(s.app, "init", path));
	assert_float_equal(s.app->form.config.lr, rate / 10, 1e-12);
	/* Of one that has not diverged, named by the cursor of the table: the rate that is in force. */
	snprintf(path, sizeof path, "%s/checkpoint.safetensors", s.app->runs[0].folder);
	assert_true((file = fopen(path, "w")) && fclose(file) == 0);
	s.app->focus = FOCUS_RUNS;
	snprintf(s.app->cursor_run, sizeof s.app->cursor_run, "%s", old_run.name);
	keys(&s, "b");
	assert_true(same_option(s.app, "init", path) && same_option(s.app, "expansion", old_run.expansion));
	assert_float_equal(s.app->form.config.lr, steer_in_force(s.app, INT64_MAX).lr, 1e-12);
	stage_close(&s);
}

static void starting_beside_a_live_run_says_what_each_choice_means(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 80, 24, GLYPHS_BRAILLE, true);
	keys(&s, "G");
	assert_int_equal(s.app->overlay, OVERLAY_START);
	assert_true(shows(&s, "start when it has ended") && shows(&s, "with or without this screen"));
	keys(&s, "Down");
	assert_true(shows(&s, "both share the processor"));
	keys(&s, "Up Up Enter");                     /* not now */
	assert_int_equal(s.app->overlay, OVERLAY_NONE);
	draw(&s);
	assert_int_equal(s.app->n_runs, 3);
	stage_close(&s);
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rule_is_edited_with_its_maps),
		cmocka_unit_test(characters_are_commands_unless_a_field_is_open),
		cmocka_unit_test(typing_replaces_what_a_field_held),
		cmocka_unit_test(a_tilde_is_completed_and_taken),
		cmocka_unit_test(tab_goes_through_the_choices),
		cmocka_unit_test(what_is_pasted_is_no_command),
		cmocka_unit_test(a_paste_without_an_end_ends),
		cmocka_unit_test(the_form_shows_what_applies),
		cmocka_unit_test(a_missing_folder_is_said_before_the_start),
		cmocka_unit_test(the_form_begins_with_the_options_of_the_run),
		cmocka_unit_test(a_run_branches_from_its_checkpoint),
		cmocka_unit_test(starting_beside_a_live_run_says_what_each_choice_means),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
