/* test_screen.c - whole screens of made-up runs, compared cell by cell with golden/NAME.txt.
 *
 * CVT_GOLDEN_WRITE=1 writes what is drawn instead: look at the difference before it is committed. */
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

static void training_at_120x40(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	compare(&s, "training-120x40");
	keys(&s, "i Left Left Left");
	compare(&s, "crosshair-120x40");
	stage_close(&s);
}

static void training_at_80x24(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 80, 24, GLYPHS_ASCII, true);
	compare(&s, "training-80x24-ascii");
	stage_close(&s);
	stage_open(&s, 80, 24, GLYPHS_BLOCKS, true);
	keys(&s, "q");
	compare(&s, "leaving-80x24-blocks");
	stage_close(&s);
}

static void help_and_steering(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 100, 30, GLYPHS_BRAILLE, true);
	keys(&s, "t Down Right");
	compare(&s, "steer-100x30");
	keys(&s, "Esc ?");
	compare(&s, "help-100x30");
	stage_close(&s);
}

/* The row of the run that is followed says what the header says, although the list is read once a second. */
static void the_table_agrees_with_the_header(void **state)
{
	struct stage s;
	char *text;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	draw(&s);
	struct cvt_live live = s.app->session->run.live;
	live.state = CVT_STATE_EVALUATING;
	assert_int_equal(cvt_writer_live(s.writer, &live, NULL), CVT_OK);
	app_tick(s.app);
	app_draw(s.app, s.grid);
	assert_int_equal(dump_text(s.grid, &text), CVT_OK);
	const char *header = strstr(text, "evaluating");
	assert_non_null(header);
	assert_non_null(strstr(header + 1, "evaluating"));
	assert_null(strstr(text, "training"));
	free(text);
	stage_close(&s);
}

static void a_schedule_is_steered_by_its_base(void **state)
{
	struct stage s;
	struct cvt_inbox_command command;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	draw(&s);
	s.app->run_config.schedule = CVT_SCHEDULE_STEP;
	struct cvt_live live = s.app->session->run.live;
	live.lr = 0.00005;                           /* what the schedule has made of the 0.0005 that was steered to */
	assert_int_equal(cvt_writer_live(s.writer, &live, NULL), CVT_OK);
	draw(&s);
	keys(&s, "t");
	assert_true(shows(&s, "base") && shows(&s, "5e-5"));
	keys(&s, "d Enter");
	assert_int_equal(cvt_writer_next_command(s.writer, &command, NULL), 1);
	assert_string_equal(command.value, "0.00025");
	stage_close(&s);
}

/* One run of a sweep after the other: the next is followed when the one before has ended, unless somebody looks at something. */
static void the_next_run_is_followed(void **state)
{
	static const struct fixture_run next_run = {"2026-01-02-2-cnn", "x + 13", 2, 20, 20, -1, -1, CVT_STATE_TRAINING};
	struct stage s;
	struct cvt_run run;
	struct cvt_writer *second;
	(void)state;
	for (int looking = 0; looking < 3; looking++) {
		stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
		draw(&s);
		assert_string_equal(s.app->session->run.name, live_run.name);
		if (looking == 1) {
			keys(&s, "i");
		} else if (looking == 2) {
			app_attach(s.app, s.app->runs[0].folder);
		}
		assert_int_equal(fixture_make(s.store, &next_run, &run, &second), CVT_OK);
		draw(&s);
		assert_string_not_equal(s.app->session->run.name, next_run.name);        /* beside a live one nothing moves */
		struct cvt_live live;
		memset(&live, 0, sizeof live);
		live = s.app->runs[2].live;
		live.state = CVT_STATE_DONE;
		assert_int_equal(cvt_writer_live(s.writer, &live, NULL), CVT_OK);
		cvt_writer_close(s.writer);
		s.writer = NULL;
		draw(&s);
		draw(&s);
		if (looking) {
			assert_string_not_equal(s.app->session->run.name, next_run.name);
			assert_true(shows(&s, "2026-01-02-2-cnn is training"));
		} else {
			assert_string_equal(s.app->session->run.name, next_run.name);
		}
		cvt_writer_close(second);
		stage_close(&s);
	}
}

static void q_with_a_live_run_asks(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 100, 30, GLYPHS_BRAILLE, true);
	keys(&s, "q");
	assert_false(s.app->leaving);
	assert_true(shows(&s, "leave it running"));
	keys(&s, "Esc");
	assert_int_equal(s.app->overlay, OVERLAY_NONE);
	keys(&s, "q Up Enter");
	assert_false(s.app->leaving);                /* the last choice: stay */
	keys(&s, "q Enter");
	assert_true(s.app->leaving);
	assert_int_equal(s.app->n_pending, 0);       /* the default leaves the run alone */
	stage_close(&s);
}

static void commands_are_pending_until_they_take_effect(void **state)
{
	struct stage s;
	struct cvt_inbox_command command;
	(void)state;
	stage_open(&s, 100, 30, GLYPHS_BRAILLE, true);
	keys(&s, "t d Enter");
	assert_int_equal(s.app->n_pending, 1);
	assert_int_equal(cvt_writer_next_command(s.writer, &command, NULL), 1);
	assert_string_equal(command.name, "lr");
	assert_string_equal(command.value, "0.005");         /* the number, never "half" */
	assert_true(shows(&s, "not yet in force"));
	assert_int_equal(cvt_writer_command_done(s.writer, &command, 66, NULL), CVT_OK);
	keys(&s, "Esc");
	draw(&s);
	assert_int_equal(s.app->n_pending, 0);
	assert_int_equal(s.app->follow.n_marks, 2);
	assert_true(shows(&s, "lr 0.005"));
	stage_close(&s);
}

/* Fewer epochs than have begun would end the run: that has a key of its own. The trainer, which has the last word, may still refuse. */
static void epochs_do_not_end_a_run(void **state)
{
	struct stage s;
	struct cvt_inbox_command command;
	(void)state;
	stage_open(&s, 80, 24, GLYPHS_BRAILLE, true);
	keys(&s, "t Down Enter");
	type(&s, "8");                               /* the ninth has begun */
	keys(&s, "Enter");
	assert_true(shows(&s, "epochs 8: it is in epoch 9: Esc, then x stops the run"));
	assert_int_equal(s.app->n_pending, 0);
	keys(&s, "Right Enter");
	assert_int_equal(s.app->n_pending, 1);
	assert_int_equal(cvt_writer_next_command(s.writer, &command, NULL), 1);
	assert_string_equal(command.value, "9");
	snprintf(command.name, sizeof command.name, "refused-epochs");
	assert_int_equal(cvt_writer_command_done(s.writer, &command, 72, NULL), CVT_OK);
	draw(&s);
	assert_int_equal(s.app->n_pending, 0);
	assert_non_null(strstr(s.app->notes[(s.app->n_notes - 1) % MAX_NOTES], "refused: epochs 9"));
	stage_close(&s);
}

/* A run that was cut goes on from an earlier batch than commands.csv has reached: what waits for its batch holds up no newer mark. */
static void a_mark_does_not_wait_for_one_ahead(void **state)
{
	struct stage s;
	const struct cvt_inbox_command ahead = {"ahead", "lr", "0.003"}, newer = {"newer", "lr", "0.004"};
	(void)state;
	stage_open(&s, 100, 30, GLYPHS_BRAILLE, true);
	draw(&s);
	int before = s.app->follow.n_marks;
	assert_int_equal(cvt_writer_command_done(s.writer, &ahead, 80, NULL), CVT_OK);
	assert_int_equal(cvt_writer_command_done(s.writer, &newer, 66, NULL), CVT_OK);
	draw(&s);
	assert_int_equal(s.app->follow.n_marks, before + 1);
	assert_string_equal(s.app->follow.marks[before].label, "lr 0.004");
	struct cvt_live live = s.app->session->run.live;
	assert_int_equal(fixture_advance(s.writer, &live_run, 68, 90, &live), 0);
	draw(&s);
	assert_int_equal(s.app->follow.n_marks, before + 2);
	stage_close(&s);
}

static void a_run_that_has_ended_is_not_steered(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, false);
	app_attach(s.app, s.app->runs[0].folder);
	static const char *const names[] = {"t", "Space", "s", "x"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		s.app->n_notes = 0;
		keys(&s, names[i]);
		assert_int_equal(s.app->overlay, OVERLAY_NONE);
		assert_true(shows(&s, "has ended") && shows(&s, "convtui resume"));
	}
	/* What takes it further hangs on where it stands. */
	assert_true(shows(&s, "--epochs 30 goes on"));
	stage_close(&s);
	static const struct { enum cvt_state state; int epochs; const char *says; } ends[] = {{CVT_STATE_DONE, 15, "cnn --epochs 30 goes on"},
		{CVT_STATE_DONE, 25, "cnn --patience 0 goes on"}, {CVT_STATE_STOPPED, 100, "cnn goes on"},
		{CVT_STATE_QUEUED, 20, "it has not begun (queued): convtui work begins it"}};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		stage_open(&s, 120, 40, GLYPHS_BRAILLE, false);
		struct cvt_live now = s.app->runs[0].live;
		now.state = ends[i].state;
		now.epochs = ends[i].epochs;
		assert_int_equal(cvt_writer_open(s.app->runs[0].folder, &s.writer, NULL), CVT_OK);
		assert_int_equal(cvt_writer_live(s.writer, &now, NULL), CVT_OK);
		cvt_writer_close(s.writer);
		s.writer = NULL;
		app_attach(s.app, s.app->runs[0].folder);
		keys(&s, "t");
		assert_true(shows(&s, ends[i].says));
		stage_close(&s);
	}
	/* It ends while the panel is open: what was sent is not taken, and that is said. */
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	keys(&s, "t d Enter");
	assert_int_equal(s.app->n_pending, 1);
	struct cvt_live live = s.app->session->run.live;
	live.state = CVT_STATE_DONE;
	assert_int_equal(cvt_writer_live(s.writer, &live, NULL), CVT_OK);
	cvt_writer_close(s.writer);
	s.writer = NULL;
	assert_true(shows(&s, "nothing takes effect any more"));
	assert_int_equal(s.app->n_pending, 0);
	assert_true(shows(&s, "the run ended before it took lr 0.005"));
	keys(&s, "d Enter");
	assert_int_equal(s.app->n_pending, 0);
	stage_close(&s);
}

/* What this program has to say stands among the run's lines by its time. */
static void the_log_is_in_the_order_of_time(void **state)
{
	struct stage s;
	char *text = NULL;
	static const char log[] = "2000-01-01 00:00:00 long before\nand its second line\n2099-01-01 00:00:00 long after\n";
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	assert_int_equal(cvt_writer_file(s.writer, "log.txt", log, sizeof log - 1, NULL), CVT_OK);
	app_note(s.app, false, "a note");
	draw(&s);
	assert_int_equal(dump_text(s.grid, &text), CVT_OK);
	const char *second = strstr(text, "and its second line"), *note = strstr(text, "a note"), *after = strstr(text, "long after");
	assert_true(second && note && after && second < note && note < after);
	free(text);
	stage_close(&s);
}

static void the_filter_narrows_while_it_is_typed(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	assert_true(shows(&s, " 01-01-1 ") && shows(&s, " 01-01-2 "));
	keys(&s, "/");
	type(&s, "state:div");
	assert_true(!shows(&s, " 01-01-1 ") && shows(&s, " 01-01-2 "));
	keys(&s, "Esc");
	assert_true(shows(&s, " 01-01-1 "));
	keys(&s, "/");
	type(&s, "lr>0.005");
	keys(&s, "Enter");
	assert_true(!shows(&s, " 01-01-1 ") && shows(&s, "01-02-1 "));
	stage_close(&s);
}

static void new_rows_move_neither_cursor_nor_zoom(void **state)
{
	struct stage s;
	double x0, x1, y0, y1;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	keys(&s, "+ +");
	app_x_range(s.app, &x0, &x1);
	keys(&s, "Tab Tab Down");
	char cursor[96];
	snprintf(cursor, sizeof cursor, "%s", s.app->cursor_run);
	struct cvt_live live = s.app->session->run.live;
	assert_int_equal(fixture_advance(s.writer, &live_run, 68, 90, &live), 0);
	draw(&s);
	assert_int_equal(s.app->follow.loss.n, 90);
	app_x_range(s.app, &y0, &y1);
	assert_true(x0 == y0 && x1 == y1);
	assert_string_equal(cursor, s.app->cursor_run);
	stage_close(&s);
}

/* Points on the charts equal the rows of batches.csv. */
static void curves_hold_every_row(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	draw(&s);
	const struct cvt_session *session = s.app->session;
	assert_int_equal(session->n_batches, 68);
	assert_int_equal(s.app->follow.loss.n, 68);
	double images = 0;
	for (int i = 0; i < 68; i++) {
		images += session->batches[i].images;
		assert_true(s.app->follow.loss.y[i] == (float)session->batches[i].loss);
		assert_true(s.app->follow.loss.x[i] == images);
	}
	assert_int_equal(s.app->follow.val_accuracy.n, session->n_epochs);
	stage_close(&s);
}

/* A resumed runner cuts rows off and writes them again: the curve does not fold back. */
static void cut_rows_are_dropped(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	draw(&s);
	int64_t batches, epochs;
	cvt_writer_offsets(s.writer, &batches, &epochs);
	struct cvt_live live = s.app->session->run.live;
	assert_int_equal(fixture_advance(s.writer, &live_run, 68, 72, &live), 0);
	draw(&s);
	assert_int_equal(s.app->follow.loss.n, 72);
	assert_int_equal(cvt_writer_truncate(s.writer, batches, epochs, NULL), CVT_OK);
	draw(&s);
	assert_int_equal(s.app->follow.loss.n, 68);
	for (int i = 1; i < 68; i++) {
		assert_true(s.app->follow.loss.x[i] > s.app->follow.loss.x[i - 1]);
	}
	stage_close(&s);
}

/* A branch of a trained network begins with a loss near nothing: its validation has room on the chart all the same. */
static void the_loss_chart_holds_every_epoch(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	draw(&s);
	const struct series *loss = &s.app->follow.loss;
	assert_int_equal(series_append(&s.app->follow.val_loss, loss->x[loss->n - 1], 7), CVT_OK);
	draw(&s);
	assert_true(s.app->y_loss.hi >= 7);
	assert_false(shows(&s, "above"));
	stage_close(&s);
}

/* A list that does not fit says which part of it is shown, and has marks where there is more. */
static void a_list_says_which_part_is_shown(void **state)
{
	struct stage s;
	struct cvt_run run;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	assert_true(shows(&s, "\u256d Runs \u2500") && !shows(&s, "of 3"));
	for (int i = 0; i < 11; i++) {
		struct fixture_run what = {NULL, "x + 13", 1, 20, 0, -1, -1, CVT_STATE_QUEUED};
		assert_int_equal(fixture_make(s.store, &what, &run, NULL), CVT_OK);
	}
	s.app->focus = FOCUS_RUNS;
	draw(&s);
	keys(&s, "Home");
	assert_true(shows(&s, " Runs  1\u20136 of 14 ") && shows(&s, "\u25bc\u2502\n\u2570") && !shows(&s, "\u25b2\u2502"));
	keys(&s, "End");
	assert_true(shows(&s, " Runs  9\u201314 of 14 ") && !shows(&s, "\u25bc\u2502\n\u2570") && shows(&s, "\u25b2\u2502"));
	keys(&s, "Up Up Up Up Up Up Up");
	assert_true(shows(&s, "\u25bc\u2502\n\u2570") && shows(&s, "\u25b2\u2502"));
	keys(&s, "/");
	type(&s, "state:done");
	assert_true(shows(&s, "1 of 14") && !shows(&s, "\u25b2\u2502"));
	stage_close(&s);
}

/* Wherever there is a log, the line of an epoch has room. */
static void the_log_has_room_for_an_epoch(void **state)
{
	static const char line[] = "15:39:50 epoch 100: loss 0.002640, train 100.000%, val 100.000%, 12.4 s";
	(void)state;
	for (int w = 1; w <= 300; w++) {
		for (int h = 1; h <= 100; h++) {
			const struct layout *layout = layout_for(w, h, FOCUS_LOSS);
			for (int i = 0; i < LAYOUT_PANELS; i++) {
				struct pane pane = layout_pane((struct pane){NULL, 0, 0, w, h}, &layout->places[i]);
				if (layout->places[i].panel == PANEL_LOG && pane.w - 4 < (int)strlen(line)) {
					fail_msg("%d x %d: the log is %d wide", w, h, pane.w);
				}
			}
		}
	}
}

/* What became of a run is said whole at every width from which it has a line, in fewer words where it must. */
static void the_end_of_a_run_is_said_whole(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, false);
	app_attach(s.app, s.app->runs[0].folder);
	for (int w = 40; w <= 130; w++) {
		grid_destroy(s.grid);
		s.grid = NULL;
		assert_int_equal(grid_create(w, 12, GLYPHS_BRAILLE, &s.grid), CVT_OK);
		s.app->focus = FOCUS_LOSS;
		if (!shows(&s, " done  epoch 20/20") || !shows(&s, "best 100.000% @ 12")) {
			char *text;
			assert_int_equal(dump_text(s.grid, &text), CVT_OK);
			fail_msg("%d columns\n%s", w, text);
		}
	}
	stage_close(&s);
}

static bool has_q(const struct grid *grid)
{
	for (int i = 0; i < grid->width * grid->height; i++) {
		if (grid->cells[i].code == 'q' && grid->cells[i].meaning == CELL_KEY) {
			return true;
		}
	}
	return false;
}

static void one_size(struct stage *s, int w, int h)
{
	grid_destroy(s->grid);
	s->grid = NULL;
	assert_int_equal(grid_create(w, h, (enum glyphs)((w + h) % 3), &s->grid), CVT_OK);
	app_draw(s->app, s->grid);
	if (s->app->overlay == OVERLAY_NONE && !has_q(s->grid)) {
		fail_msg("no q at %d x %d", w, h);
	}
}

/* Every size, with what lies over the screen in turn. Out of bounds is the sanitizer's to find. */
static void every_size_draws_and_takes_q(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 120, 40, GLYPHS_BRAILLE, true);
	static const enum overlay overlays[] = {OVERLAY_NONE, OVERLAY_HELP, OVERLAY_STEER, OVERLAY_QUIT};
	for (int w = 1; w <= 300; w++) {
		for (int h = 1; h <= 100; h++) {
			s.app->focus = (enum focus)((w + h) % FOCUS_N);
			s.app->overlay = overlays[(w * 7 + h) % 4];
			one_size(&s, w, h);
			s.app->overlay = OVERLAY_NONE;
		}
	}
	one_size(&s, 1, 1);
	keys(&s, "q Enter");
	assert_true(s.app->leaving);
	stage_close(&s);
}

static void every_key_anywhere_is_harmless(void **state)
{
	struct stage s;
	unsigned seed = 4711;
	(void)state;
	stage_open(&s, 100, 30, GLYPHS_BRAILLE, false);
	for (int i = 0; i < 4000; i++) {
		seed = seed * 1664525u + 1013904223u;
		unsigned r = seed >> 10;
		int key = r % 3 == 0 ? (int)(KEY_BASE + 1 + r / 3 % 11) : r % 3 == 1 ? (int)(32 + r / 3 % 95) : (int)(1 + r / 3 % 31);
		if (key == 'G' || key == KEY_CTRL_Z || (key == KEY_RETURN && s.app->focus == FOCUS_FORM && !s.app->form.open)) {
			continue;                            /* nothing is started here */
		}
		app_key(s.app, key);
		s.app->leaving = false;
		if (i % 50 == 0) {
			app_settle(s.app);
			app_draw(s.app, s.grid);
		}
	}
	stage_close(&s);
}

static void an_empty_store_is_said(void **state)
{
	struct stage s;
	(void)state;
	stage_open(&s, 80, 24, GLYPHS_BRAILLE, false);
	app_finish(s.app);
	remove_folder(s.store);
	struct app_options options = {.runs = s.store};
	struct cvt_error err;
	assert_int_equal(app_init(s.app, &options, false, &err), CVT_OK);
	assert_true(shows(&s, "no run yet"));
	options.run = "nonsense";
	app_finish(s.app);
	assert_int_not_equal(app_init(s.app, &options, false, &err), CVT_OK);
	stage_close(&s);
}

/* A key has one meaning in each context. */
static void bindings_do_not_collide(void **state)
{
	(void)state;
	for (const struct binding *a = keys_table(); a->action != ACT_NONE; a++) {
		for (const struct binding *b = a + 1; b->action != ACT_NONE; b++) {
			if (a->key == b->key && (a->contexts & b->contexts)) {
				fail_msg("key %d means %d and %d", a->key, a->action, b->action);
			}
		}
		/* In a text context no character is bound. */
		assert_false((a->contexts & IN_TEXT) && a->key >= 32 && a->key < 127);
	}
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(training_at_120x40),
		cmocka_unit_test(training_at_80x24),
		cmocka_unit_test(help_and_steering),
		cmocka_unit_test(the_table_agrees_with_the_header),
		cmocka_unit_test(a_schedule_is_steered_by_its_base),
		cmocka_unit_test(the_next_run_is_followed),
		cmocka_unit_test(q_with_a_live_run_asks),
		cmocka_unit_test(commands_are_pending_until_they_take_effect), cmocka_unit_test(epochs_do_not_end_a_run),
		cmocka_unit_test(a_mark_does_not_wait_for_one_ahead),
		cmocka_unit_test(a_run_that_has_ended_is_not_steered),
		cmocka_unit_test(the_log_is_in_the_order_of_time),
		cmocka_unit_test(the_filter_narrows_while_it_is_typed),
		cmocka_unit_test(new_rows_move_neither_cursor_nor_zoom),
		cmocka_unit_test(curves_hold_every_row), cmocka_unit_test(the_loss_chart_holds_every_epoch),
		cmocka_unit_test(a_list_says_which_part_is_shown),
		cmocka_unit_test(the_log_has_room_for_an_epoch),
		cmocka_unit_test(the_end_of_a_run_is_said_whole),
		cmocka_unit_test(cut_rows_are_dropped),
		cmocka_unit_test(every_size_draws_and_takes_q),
		cmocka_unit_test(every_key_anywhere_is_harmless),
		cmocka_unit_test(an_empty_store_is_said),
		cmocka_unit_test(bindings_do_not_collide),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
