/* test_charts.c - series, axes and the charts drawn of them. */
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

#include "term/dump.h"
#include "widgets/canvas.h"
#include "widgets/chart.h"

static struct grid *make(int w, int h, enum glyphs glyphs)
{
	struct grid *grid = NULL;
	assert_int_equal(grid_create(w, h, glyphs, &grid), CVT_OK);
	return grid;
}

static char *text_of(struct grid *grid)
{
	char *text = NULL;
	assert_int_equal(dump_text(grid, &text), CVT_OK);
	return text;
}

static void fill(struct series *s, int n, int spike, double height)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(series_append(s, i, i == spike ? height : 1 + 0.001 * (i % 10)), CVT_OK);
	}
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
					assert_true(x == last || x - last >= 3);     /* a point may stand in two cells, one above the other */
					dots += x != last;
					last = x;
				}
			}
		}
		assert_true(dots > 0);
		grid_destroy(grid);
		series_finish(&train);
		series_finish(&val);
	}
}

/* One mapping: a curve and a point at a label's value are in the label's row, in braille in the middle of it, at any height; a point is where its
 * curve is, and of two values the higher is not drawn lower. */
static void labels_curves_and_points_share_their_rows(void **state)
{
	(void)state;
	for (int glyphs = GLYPHS_BRAILLE; glyphs <= GLYPHS_ASCII; glyphs++) {
		for (int h = 6; h <= 40; h++) {
			double before = -1;
			int row_before = 1000;
			for (int i = 0; i <= 100; i++) {
				struct series s = {0};
				double value = i * 0.01;
				assert_int_equal(series_append(&s, 0, value), CVT_OK);
				assert_int_equal(series_append(&s, 50, value), CVT_OK);
				assert_int_equal(series_append(&s, 100, value), CVT_OK);
				struct chart chart = one_line(&s);
				chart.lines[0].thick = chart.lines[0].dots = true;
				chart.lines[0].meaning = CELL_VAL;
				struct chart_view view = {.x0 = 0, .x1 = 100, .y = {0, 1, true}};
				struct grid *grid = make(60, h, (enum glyphs)glyphs);
				chart_draw(pane_whole(grid), &chart, &view);
				int curve = -1, point = -1, label = -1;
				for (int y = 0; y < h; y++) {
					const struct cell *cells = &grid->cells[y * 60];
					curve = curve < 0 && cells[20].meaning == CELL_VAL ? y : curve;
					point = point < 0 && cells[59].meaning == CELL_VAL ? y : point;
					char text[5] = {(char)cells[0].code, (char)cells[1].code, (char)cells[2].code, (char)cells[3].code};
					bool tick = cells[4].code == (glyphs == GLYPHS_ASCII ? '+' : 0x2524u);
					label = tick && text[strspn(text, " ")] && fabs(strtod(text, NULL) - value) < 1e-9 ? y : label;
				}
				if (curve < 0 || point < 0 || abs(point - curve) > (glyphs == GLYPHS_BRAILLE) || curve > row_before) {
					fail_msg("glyphs %d, %d rows, %g: curve in row %d, point in %d; %g was in %d", glyphs, h, value, curve, point, before, row_before);
				}
				if (label >= 0 && (label != curve || (glyphs == GLYPHS_BRAILLE && grid->cells[label * 60 + 20].code != 0x2836))) {
					fail_msg("glyphs %d, %d rows: the label %g in row %d, its curve in %d", glyphs, h, value, label, curve);
				}
				before = value;
				row_before = curve;
				grid_destroy(grid);
				series_finish(&s);
			}
		}
	}
}

/* Without colour: each line has a sign of its own, and the legend's is the one that is drawn. */
static void lines_differ_without_colour(void **state)
{
	struct series raw = {0}, mean = {0}, val = {0};
	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(series_append(&raw, i, 1 + i % 7 * 0.1), CVT_OK);
		assert_int_equal(series_append(&mean, i, 0.5 + 0.002 * i), CVT_OK);
		assert_int_equal(series_append(&val, i, 0.1 + 0.001 * i), CVT_OK);
	}
	struct chart chart = {.n_lines = 3, .x_kind = CHART_X_IMAGES};
	chart.lines[0] = (struct chart_line){.points = &raw, .name = "batch", .meaning = CELL_TRAIN_RAW, .rank = 1, .sign = ':'};
	chart.lines[1] = (struct chart_line){.points = &mean, .name = "train", .meaning = CELL_TRAIN, .rank = 3, .thick = true, .bounds = true};
	chart.lines[2] = (struct chart_line){.points = &val, .name = "val", .meaning = CELL_VAL, .rank = 2, .dashed = true, .thick = true, .dots = true,
		.sign = 'o', .bounds = true};
	struct grid *grid = make(80, 20, GLYPHS_ASCII);
	struct chart_view view = {.x0 = 0, .x1 = 100};
	chart_fit(&chart, &view);
	chart_draw(pane_whole(grid), &chart, &view);
	int n[3] = {0};
	for (int i = 0; i < 80 * 20; i++) {
		const struct cell *cell = &grid->cells[i];
		n[0] += cell->meaning == CELL_TRAIN_RAW;
		n[1] += cell->meaning == CELL_TRAIN;
		n[2] += cell->meaning == CELL_VAL;
		if ((cell->meaning == CELL_TRAIN_RAW && cell->code != ':') || (cell->meaning == CELL_VAL && cell->code != 'o') ||
			(cell->meaning == CELL_TRAIN && !strchr("'-.|", (int)cell->code))) {
			fail_msg("'%c' of meaning %d", (int)cell->code, cell->meaning);
		}
	}
	assert_true(n[0] > 10 && n[1] > 10 && n[2] > 10);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(chart_key(&chart.lines[i], GLYPHS_ASCII), ":-o"[i]);
	}
	for (int i = 0; i < 3; i++) {
		assert_true(chart_key(&chart.lines[i], GLYPHS_BRAILLE) != chart_key(&chart.lines[(i + 1) % 3], GLYPHS_BRAILLE));
	}
	grid_destroy(grid);
	series_finish(&raw);
	series_finish(&mean);
	series_finish(&val);
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

/* The same of a logarithmic axis: decades on whole rows, all as far apart; 2 and 5 within half a row, and the same in each decade. */
static void logarithmic_labels_stand_evenly(void **state)
{
	(void)state;
	for (int rows = 4; rows <= 60; rows++) {
		for (int i = 0; i < 60; i++) {
			for (double decades = 0.4; decades < 9; decades += 0.37) {
				double lo = pow(10, -7 + i * 0.13), hi = lo * pow(10, decades), a = lo, b = hi, at[64];
				int every = axis_log_every(lo, hi, rows / 2), unit = every ? every : 1, most = (int)((rows - 1) * unit / decades + 1e-9);
				if (most < 1) {
					continue;
				}
				axis_log_align(&a, &b, rows, every);
				int n = axis_log_ticks(a, b, every, at, 64), tens = 0;
				double apart = 0, last = 0;
				for (int k = 0; k < n; k++) {
					double row = (log10(b) - log10(at[k])) / (log10(b) - log10(a)) * (rows - 1), power = log10(at[k]);
					if (fabs(power - round(power)) > 1e-6) {
						continue;
					}
					apart = tens == 1 ? last - row : apart;
					if (fabs(row - round(row)) > 1e-6 || (tens > 1 && fabs(last - row - apart) > 1e-6)) {
						fail_msg("%d rows, %g..%g: %g in row %g", rows, lo, hi, at[k], row);
					}
					last = row;
					tens++;
				}
				/* At least half of the height is used, where a row has not to be a decade. */
				if (a > lo * (1 + 1e-6) || b < hi * (1 - 1e-6) || (most >= 3 && log10(b / a) > 2.01 * decades)) {
					fail_msg("%d rows, %g..%g: %g..%g", rows, lo, hi, a, b);
				}
			}
		}
	}
}

/* An axis of 0 to 100% leaves hardly a row below 0%. */
static void no_rows_below_nothing(void **state)
{
	(void)state;
	for (int rows = 3; rows <= 60; rows++) {
		struct axis_rows a = axis_align(0, 100, rows, true);
		double below = -a.lo / (a.step / a.apart);
		if (below > 1.5 + rows / 6) {
			fail_msg("%d rows: %g of them below 0%%", rows, below);
		}
	}
}

/* All of a line with bounds has room; of one without, what is far outside is counted at the edge. */
static void single_batches_do_not_squeeze_the_rest(void **state)
{
	struct series raw = {0}, mean = {0}, val = {0};
	(void)state;
	fill(&raw, 1000, 500, 900);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(series_append(&mean, i, 0.003), CVT_OK);
		assert_int_equal(series_append(&val, i, 3.5), CVT_OK);
	}
	struct chart chart = {.n_lines = 3, .x_kind = CHART_X_IMAGES};
	chart.lines[0] = (struct chart_line){.points = &raw, .name = "batch", .meaning = CELL_TRAIN_RAW, .rank = 1};
	chart.lines[1] = (struct chart_line){.points = &mean, .name = "train", .meaning = CELL_TRAIN, .rank = 3, .bounds = true};
	chart.lines[2] = (struct chart_line){.points = &val, .name = "val", .meaning = CELL_VAL, .rank = 2, .bounds = true};
	struct chart_view view = {.x0 = 0, .x1 = 1000};
	struct grid *grid = make(80, 12, GLYPHS_BRAILLE);
	chart_fit(&chart, &view);
	assert_true(view.y.hi >= 3.5 && view.y.hi < 8);
	chart_draw(pane_whole(grid), &chart, &view);
	char *text = text_of(grid);
	assert_non_null(strstr(text, "1 batch above"));
	free(text);
	grid_destroy(grid);
	series_finish(&raw);
	series_finish(&mean);
	series_finish(&val);
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

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_agree_with_a_scan),
		cmocka_unit_test(a_spike_survives_any_width),
		cmocka_unit_test(what_is_not_finite_is_marked_and_bounds_nothing),
		cmocka_unit_test(the_training_curve_stays_solid),
		cmocka_unit_test(labels_curves_and_points_share_their_rows),
		cmocka_unit_test(lines_differ_without_colour),
		cmocka_unit_test(ticks_step_by_1_2_5),
		cmocka_unit_test(labels_stand_evenly),
		cmocka_unit_test(logarithmic_labels_stand_evenly),
		cmocka_unit_test(no_rows_below_nothing),
		cmocka_unit_test(single_batches_do_not_squeeze_the_rest),
		cmocka_unit_test(a_thick_line_is_whole),
		cmocka_unit_test(bounds_have_inertia),
		cmocka_unit_test(the_mean_starts_at_the_first_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
