/* test_widgets.c - cells, curves and figures. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edit.h"
#include "term/dump.h"
#include "term/key.h"
#include "widgets/canvas.h"
#include "widgets/chart.h"
#include "widgets/number.h"
#include "widgets/table.h"

static char *text_of(struct grid *grid)
{
	char *text = NULL;
	assert_int_equal(dump_text(grid, &text), CVT_OK);
	return text;
}

static struct grid *make(int w, int h, enum glyphs glyphs)
{
	struct grid *grid = NULL;
	assert_int_equal(grid_create(w, h, glyphs, &grid), CVT_OK);
	return grid;
}

static void draws_inside_only(void **state)
{
	struct grid *grid = make(6, 3, GLYPHS_BRAILLE);
	struct pane whole = pane_whole(grid), part = pane_sub(whole, 2, 1, 100, 100);
	(void)state;
	assert_int_equal(part.w, 4);
	pane_text(part, -2, 0, CELL_NORMAL, "abcdefgh");
	pane_text(part, 0, 5, CELL_NORMAL, "below");
	pane_put(whole, 6, 0, 'x', CELL_NORMAL);
	char *text = text_of(grid);
	assert_string_equal(text, "\n  cdef\n\n");
	free(text);
	grid_destroy(grid);
}

static void text_from_files_is_harmless(void **state)
{
	struct grid *grid = make(12, 1, GLYPHS_BRAILLE);
	(void)state;
	pane_text(pane_whole(grid), 0, 0, CELL_NORMAL, "a\033[2J\x9b\xc3(\xe2\x80\xae" "b\x7f");
	char *text = text_of(grid);
	assert_string_equal(text, "a?[2J?" "?(" "?b?\n");
	free(text);
	grid_destroy(grid);
}

/* Nothing of a text is lost where there is room, and where there is none that is seen. */
static void text_is_broken_into_lines(void **state)
{
	static const char text[] = "the data folder /a/folder/with/a/very/long/name/indeed cannot be opened: No such file or directory";
	(void)state;
	for (int w = 1; w <= 120; w++) {
		struct grid *grid = make(w, 120, GLYPHS_BRAILLE);
		int lines = pane_wrap(pane_whole(grid), 0, CELL_NORMAL, text), letters = 0, wanted = 0;
		for (int i = 0; i < w * 120; i++) {
			letters += grid->cells[i].code != ' ' && grid->cells[i].code != 0;
			assert_int_not_equal(grid->cells[i].code, 0x2026);
			assert_true(i < w * lines || grid->cells[i].code == ' ');
		}
		for (const char *c = text; *c; c++) {
			wanted += *c != ' ';
		}
		assert_int_equal(letters, wanted);
		grid_destroy(grid);
	}
	struct grid *grid = make(20, 2, GLYPHS_BRAILLE);
	assert_int_equal(pane_wrap(pane_whole(grid), 0, CELL_NORMAL, text), 2);
	int marks = 0;
	for (int x = 0; x < 20; x++) {
		marks += grid->cells[20 + x].code == 0x2026;
	}
	assert_int_equal(marks, 1);
	grid_destroy(grid);
}

static void wide_characters_keep_their_halves(void **state)
{
	struct grid *grid = make(5, 1, GLYPHS_BRAILLE);
	struct pane p = pane_whole(grid);
	(void)state;
	pane_text(p, 0, 0, CELL_NORMAL, "\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab");      /* two columns each: the third does not fit */
	pane_put(p, 1, 0, 'x', CELL_NORMAL);
	char *text = text_of(grid);
	assert_string_equal(text, " x\xe7\x8c\xab?\n");
	free(text);
	assert_int_equal(pane_fit(p, 0, 0, 4, CELL_NORMAL, "abcdef"), 4);
	text = text_of(grid);
	assert_string_equal(text, "abc\xe2\x80\xa6?\n");
	free(text);
	grid_destroy(grid);
}

static void ascii_has_only_ascii(void **state)
{
	struct grid *grid = make(20, 4, GLYPHS_ASCII);
	(void)state;
	pane_text(pane_box(pane_whole(grid), "\u03b1 \u2192 b", true), 0, 0, CELL_NORMAL, "\u25cf caf\u00e9 \u2026");
	char *text = text_of(grid);
	for (const char *c = text; *c; c++) {
		assert_true((unsigned char)*c < 0x80);
	}
	assert_non_null(strstr(text, "* caf? ~"));
	free(text);
	grid_destroy(grid);
}

static void fill(struct series *s, int n, int spike, double height)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(series_append(s, i, i == spike ? height : 1 + 0.001 * (i % 10)), CVT_OK);
	}
}

static void bounds_agree_with_a_scan(void **state)
{
	struct series s = {0};
	unsigned seed = 12345;
	(void)state;
	for (int i = 0; i < 5000; i++) {
		seed = seed * 1664525u + 1013904223u;
		assert_int_equal(series_append(&s, i, seed % 50 == 0 ? NAN : (double)(seed >> 8) / 1e6), CVT_OK);
	}
	for (int k = 0; k < 2000; k++) {
		seed = seed * 1664525u + 1013904223u;
		int64_t a = seed % 5000;
		seed = seed * 1664525u + 1013904223u;
		int64_t b = a + (int64_t)(seed % (unsigned)(5001 - a));
		float lo = INFINITY, hi = -INFINITY, got_lo = 0, got_hi = 0;
		int64_t below = 0, above = 0, got_below, got_above;
		for (int64_t i = a; i < b; i++) {
			lo = s.y[i] < lo ? s.y[i] : lo;
			hi = s.y[i] > hi ? s.y[i] : hi;
			below += s.y[i] < 4;
			above += s.y[i] > 12;
		}
		bool any = series_bounds(&s, a, b, &got_lo, &got_hi);
		series_outside(&s, a, b, 4, 12, &got_below, &got_above);
		if (any != (lo <= hi) || (any && (lo != got_lo || hi != got_hi)) || below != got_below || above != got_above) {
			fail_msg("points %lld to %lld of seed 12345", (long long)a, (long long)b);
		}
	}
	series_finish(&s);
}

static struct chart one_line(const struct series *s)
{
	struct chart chart = {.n_lines = 1, .x_kind = CHART_X_IMAGES};
	chart.lines[0] = (struct chart_line){.points = s, .name = "train", .meaning = CELL_TRAIN, .rank = 1, .bounds = true};
	return chart;
}

/* The rows of the column that hold the curve. */
static int curve_cells(const struct grid *grid, int y)
{
	int n = 0;
	for (int x = 0; x < grid->width; x++) {
		n += grid->cells[y * grid->width + x].meaning == CELL_TRAIN;
	}
	return n;
}

static void a_spike_survives_any_width(void **state)
{
	struct series s = {0};
	(void)state;
	fill(&s, 1000000, 777777, 9);
	struct chart chart = one_line(&s);
	for (int glyphs = GLYPHS_BRAILLE; glyphs <= GLYPHS_ASCII; glyphs++) {
		for (int w = 20; w <= 300; w += 28) {
			struct grid *grid = make(w, 20, (enum glyphs)glyphs);
			struct chart_view view = {.x0 = 0, .x1 = 1000000};
			chart_fit(&chart, &view);
			assert_true(view.y.hi >= 9);
			chart_draw(pane_whole(grid), &chart, &view);
			int highest = 0;
			while (highest < 20 && !curve_cells(grid, highest)) {
				highest++;
			}
			if (highest > 3) {
				fail_msg("no spike at width %d, glyphs %d", w, glyphs);
			}
			/* It is one spike: the rows between hold a column or two of it. */
			assert_in_range(curve_cells(grid, 8), 1, 2);
			grid_destroy(grid);
		}
	}
	series_finish(&s);
}

static void what_is_not_finite_is_marked_and_bounds_nothing(void **state)
{
	struct series s = {0};
	(void)state;
	fill(&s, 100, 50, NAN);
	fill(&s, 1, 0, INFINITY);
	struct chart chart = one_line(&s);
	struct chart_view view = {.x0 = 0, .x1 = 100};
	struct grid *grid = make(80, 12, GLYPHS_BRAILLE);
	chart_fit(&chart, &view);
	assert_true(view.y.hi <= 1.2);
	chart_draw(pane_whole(grid), &chart, &view);
	int errors = 0;
	for (int i = 0; i < 80; i++) {
		errors += grid->cells[i].meaning == CELL_ERROR;
	}
	assert_int_equal(errors, 2);
	grid_destroy(grid);
	series_finish(&s);
}

/* Where validation runs along the training curve only the dots of its points lie above that, at least four columns apart. */
static void the_training_curve_stays_solid(void **state)
{
	for (int points = 10; points <= 400; points = points * 3 / 2) {
		struct series train = {0}, val = {0};
		(void)state;
		fill(&train, points, 0, 1);
		fill(&val, points, 0, 1);
		struct chart chart = one_line(&train);
		chart.lines[0].rank = 3;
		chart.lines[0].thick = true;
		chart.lines[1] = (struct chart_line){.points = &val, .name = "val", .meaning = CELL_VAL, .rank = 2, .dashed = true, .thick = true, .dots = true};
		chart.n_lines = 2;
		struct chart_view view = {.x0 = 0, .x1 = points};
		struct grid *grid = make(80, 12, GLYPHS_BRAILLE);
		chart_fit(&chart, &view);
		chart_draw(pane_whole(grid), &chart, &view);
		int dots = 0, last = -10;
		for (int x = 0; x < 80; x++) {
			for (int y = 0; y < 12; y++) {
				if (grid->cells[y * 80 + x].meaning == CELL_VAL) {
					assert_int_equal(grid->cells[y * 80 + x].code, 0x2022);
					assert_true(x - last >= 3);
					last = x;
					dots++;
				}
			}
		}
		assert_true(dots > 0);
		grid_destroy(grid);
		series_finish(&train);
		series_finish(&val);
	}
}

static void ticks_step_by_1_2_5(void **state)
{
	(void)state;
	static const struct { double span; int most; double step; } cases[] = {{1, 10, 0.1}, {1, 9, 0.2}, {1, 4, 0.5}, {100, 4, 50}, {7, 8, 1}, {0.0031, 4, 0.001},
		{3e6, 3, 1e6}, {0, 4, 1}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(fabs(axis_step(cases[i].span, cases[i].most) / cases[i].step - 1) < 1e-9);
	}
	for (int i = 1; i < 5000; i++) {
		double span = i * 0.0137, step = axis_step(span, 6);
		double mantissa = step / pow(10, floor(log10(step) + 1e-9));
		assert_true(fabs(mantissa - 1) < 1e-6 || fabs(mantissa - 2) < 1e-6 || fabs(mantissa - 5) < 1e-6);
		assert_true(span / step <= 6 + 1e-6);
	}
}

/* Ticks on whole rows, 1, 2 or 5 apart, nothing cut off, 0 and 100% at the edge, and not more room than needed. */
static void labels_stand_evenly(void **state)
{
	(void)state;
	for (int rows = 2; rows <= 60; rows++) {
		for (int i = 1; i < 200; i++) {
			double lo = i % 3 ? 0 : i * 0.011, hi = lo + i * 0.037;
			struct axis_rows a = axis_align(lo, hi, rows, false);
			double mantissa = a.step / pow(10, floor(log10(a.step) + 1e-9)), first = a.lo + a.step * a.first / a.apart;
			if (a.lo > lo + 1e-9 || a.hi < hi - 1e-9 || (lo == 0 && a.lo != 0) || a.apart < 1 || a.apart >= rows ||
				fabs(a.lo + a.step * (rows - 1) / a.apart - a.hi) > 1e-9 * a.hi || fabs(first / a.step - round(first / a.step)) > 1e-6 ||
				a.first < 0 || a.first >= a.apart || a.first + a.apart >= rows + (rows < 3) ||
				!(fabs(mantissa - 1) < 1e-6 || fabs(mantissa - 2) < 1e-6 || fabs(mantissa - 5) < 1e-6) ||
				(rows >= 7 && a.hi - a.lo > (rows >= 14 ? 1.65 : rows >= 10 ? 1.7 : 1.81) * (hi - lo))) {
				fail_msg("rows %d, %g..%g: %g..%g, a tick of %g each %d rows", rows, lo, hi, a.lo, a.hi, a.step, a.apart);
			}
			a = axis_align(100 - i / 2.0, 100, rows, true);
			if (a.hi != 100 || a.lo > 100 - i / 2.0 + 1e-9) {
				fail_msg("rows %d, %g..100 per cent: %g..%g", rows, 100 - i / 2.0, a.lo, a.hi);
			}
		}
	}
}

/* In every column of a thick line two dots or more, one above the other, also at the edges. */
static void a_thick_line_is_whole(void **state)
{
	(void)state;
	for (int y0 = 0; y0 < 40; y0 += 3) {
		for (int y1 = 0; y1 < 40; y1 += 3) {
			struct canvas c;
			struct pen pen = {.rank = 1, .meaning = CELL_TRAIN, .thick = true};
			assert_int_equal(canvas_create(10, 10, GLYPHS_BRAILLE, &c), CVT_OK);
			canvas_line(&c, 0, y0, 19, y1, &pen);
			for (int x = 0; x < 20; x++) {
				int dots = 0;
				for (int y = 0; y < 40; y++) {
					dots += c.cells[y / 4 * 10 + x / 2].bits >> (y % 4 * 2 + x % 2) & 1;
				}
				if (dots < (abs(y1 - y0) > 19 ? 1 : 2)) {
					fail_msg("%d dots in column %d of a line from row %d to %d", dots, x, y0, y1);
				}
			}
			canvas_finish(&c);
		}
	}
}

static void bounds_have_inertia(void **state)
{
	struct axis_range r = {0};
	(void)state;
	axis_fit(&r, 0.1, 1, -INFINITY, INFINITY, false);
	struct axis_range first = r;
	axis_fit(&r, 0.1, first.hi * 0.7, -INFINITY, INFINITY, false);
	assert_true(r.lo == first.lo && r.hi == first.hi);
	axis_fit(&r, 0.1, first.hi * 0.5, -INFINITY, INFINITY, false);
	assert_true(r.hi < first.hi);
	axis_fit(&r, 0.1, 3, -INFINITY, INFINITY, false);
	assert_true(r.hi >= 3);
	axis_fit(&r, 0.1, NAN, -INFINITY, INFINITY, false);
	assert_true(r.hi >= 3);
	r.valid = false;
	axis_fit(&r, 88, 99.9, 0, 100, false);
	assert_true(r.lo >= 80 && r.hi == 100);
	r.valid = false;
	axis_fit(&r, 0.003, 2.1, -INFINITY, INFINITY, true);
	assert_true(r.lo <= 0.003 && r.lo >= 0.001 && r.hi >= 2.1 && r.hi <= 10);
}

static void the_mean_starts_at_the_first_value(void **state)
{
	struct ema ema = {.factor = 0.9};
	(void)state;
	assert_true(isnan(ema_next(&ema, NAN)));
	assert_true(fabs(ema_next(&ema, 5) - 5) < 1e-12);
	assert_true(fabs(ema_next(&ema, 7) - (0.9 * 5 + 7) / 1.9) < 1e-12);
	double before = ema_next(&ema, 6);
	assert_true(ema_next(&ema, INFINITY) == before);
}

static void figures_read_as_people_write_them(void **state)
{
	char t[40];
	(void)state;
	number_rate(5e-4, t, sizeof t);
	assert_string_equal(t, "5e-4");
	number_rate(0.00035, t, sizeof t);
	assert_string_equal(t, "3.5e-4");
	number_rate(0.01, t, sizeof t);
	assert_string_equal(t, "0.01");
	/* A schedule's rate, and one that somebody typed. */
	number_rate(0.00029289321881345256, t, sizeof t);
	assert_string_equal(t, "2.929e-4");
	number_rate(0.0098765432, t, sizeof t);
	assert_string_equal(t, "0.009877");
	number_typed(0.000123456, t, sizeof t);
	assert_string_equal(t, "1.23456e-4");
	number_typed(1e-5, t, sizeof t);
	assert_string_equal(t, "1e-5");
	number_percent(99.3985, t, sizeof t);
	assert_string_equal(t, "99.398%");
	number_percent(NAN, t, sizeof t);
	assert_string_equal(t, "-");
	number_clock(101, t, sizeof t);
	assert_string_equal(t, "1:41");
	number_clock(3661, t, sizeof t);
	assert_string_equal(t, "1:01:01");
	number_count(3706933, t, sizeof t);
	assert_string_equal(t, "3,706,933");
	number_short(12000, t, sizeof t);
	assert_string_equal(t, "12k");
	/* A run that diverges. */
	number_loss(2.876e24, t, sizeof t);
	assert_string_equal(t, "2.9e24");
	number_short(3e24, t, sizeof t);
	assert_string_equal(t, "3e24");
	number_loss(123456.7, t, sizeof t);
	assert_string_equal(t, "123456.7");
}

static void a_line_is_edited_by_whole_characters(void **state)
{
	struct edit e;
	(void)state;
	edit_open(&e, "a\xc3\xa9\xe7\x8c\xab");
	assert_int_equal(edit_column(&e), 4);
	edit_key(&e, KEY_ARROW_LEFT);
	edit_key(&e, KEY_BACK);
	assert_string_equal(e.text, "a\xe7\x8c\xab");
	edit_key(&e, 0xfc);
	assert_string_equal(e.text, "a\xc3\xbc\xe7\x8c\xab");
	edit_key(&e, KEY_TO_HOME);
	edit_key(&e, KEY_BACK);
	edit_key(&e, KEY_DELETE);
	assert_string_equal(e.text, "\xc3\xbc\xe7\x8c\xab");
	assert_false(edit_key(&e, KEY_RETURN));
	assert_false(edit_key(&e, KEY_ESC));
	for (int i = 0; i < 3000; i++) {
		edit_key(&e, 0x732b);
	}
	assert_true(e.length < (int)sizeof e.text && strlen(e.text) == (size_t)e.length);
	edit_open(&e, "one two/three");
	edit_key(&e, KEY_CTRL_W);
	assert_string_equal(e.text, "one two/");
	edit_key(&e, KEY_CTRL_U);
	assert_string_equal(e.text, "");
}

static void keys_have_names(void **state)
{
	char t[16];
	(void)state;
	key_label(KEY_RETURN, t, sizeof t);
	assert_string_equal(t, "Enter");
	key_label(12, t, sizeof t);
	assert_string_equal(t, "^L");
	assert_int_equal(key_from_name("Down"), KEY_ARROW_DOWN);
	assert_int_equal(key_from_name("^C"), 3);
	assert_int_equal(key_from_name("x"), 'x');
	assert_int_equal(key_from_name("nonsense"), 0);
}

/* "...93e-4" would be another number. */
static void a_number_is_cut_at_its_end(void **state)
{
	static const struct table_column column = {"lr", 6, 6, 6, 1, true};
	struct grid *grid;
	struct table table;
	char *text;
	(void)state;
	assert_int_equal(grid_create(9, 3, GLYPHS_ASCII, &grid), CVT_OK);
	table_begin(&table, pane_whole(grid), &column, 1, 2, 0);
	table_row(&table, 0, &(struct table_cell){"2.92893e-4", CELL_NORMAL}, ' ', CELL_NORMAL);
	table_row(&table, 1, &(struct table_cell){"0.01", CELL_NORMAL}, ' ', CELL_NORMAL);
	assert_int_equal(dump_text(grid, &text), CVT_OK);
	assert_non_null(strstr(text, " 2.928"));
	assert_null(strstr(text, "93e-4"));
	assert_non_null(strstr(text, "   0.01"));
	free(text);
	grid_destroy(grid);
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_inside_only),
		cmocka_unit_test(text_from_files_is_harmless),
		cmocka_unit_test(text_is_broken_into_lines),
		cmocka_unit_test(wide_characters_keep_their_halves),
		cmocka_unit_test(ascii_has_only_ascii),
		cmocka_unit_test(bounds_agree_with_a_scan),
		cmocka_unit_test(a_spike_survives_any_width),
		cmocka_unit_test(what_is_not_finite_is_marked_and_bounds_nothing),
		cmocka_unit_test(the_training_curve_stays_solid),
		cmocka_unit_test(ticks_step_by_1_2_5),
		cmocka_unit_test(labels_stand_evenly),
		cmocka_unit_test(a_thick_line_is_whole),
		cmocka_unit_test(bounds_have_inertia),
		cmocka_unit_test(the_mean_starts_at_the_first_value),
		cmocka_unit_test(figures_read_as_people_write_them),
		cmocka_unit_test(a_line_is_edited_by_whole_characters),
		cmocka_unit_test(keys_have_names),
		cmocka_unit_test(a_number_is_cut_at_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
