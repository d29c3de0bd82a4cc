/* test_widgets.c - cells, text, figures and the edited line. */
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
#include "widgets/grid.h"
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
		cmocka_unit_test(figures_read_as_people_write_them),
		cmocka_unit_test(a_line_is_edited_by_whole_characters),
		cmocka_unit_test(keys_have_names),
		cmocka_unit_test(a_number_is_cut_at_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
