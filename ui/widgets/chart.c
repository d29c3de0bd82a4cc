/* chart.c - curves, axes, marks. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "widgets/canvas.h"
#include "widgets/chart.h"
#include "widgets/number.h"

/* The plot's place in cells, and how values become dots. */
struct plot {
	struct pane area;
	struct canvas canvas;
	const struct chart_view *view;
	double lo, hi;           /* of y, as drawn: log10 where the axis is logarithmic */
};

const char *chart_x_name(enum chart_x kind)
{
	return kind == CHART_X_IMAGES ? "images" : kind == CHART_X_EPOCHS ? "epochs" : "time";
}

void chart_x_label(enum chart_x kind, double x, char *out, size_t size)
{
	if (kind == CHART_X_SECONDS) {
		number_clock(x, out, size);
	} else if (kind == CHART_X_IMAGES) {
		number_short(x, out, size);
	} else {
		snprintf(out, size, "%.4g", x);
	}
}

double chart_value_at(const struct chart_line *line, double x)
{
	int64_t i = series_find(line->points, nextafter(x, INFINITY));
	return i > 0 ? (double)line->points->y[i - 1] : NAN;
}

uint32_t chart_key(const struct chart_line *line, enum glyphs glyphs)
{
	switch (glyphs) {
	case GLYPHS_ASCII: return line->sign ? (unsigned char)line->sign : '-';
	case GLYPHS_BLOCKS: return line->dots ? 0x2022 : 0x2580;
	case GLYPHS_BRAILLE: break;
	}
	return line->dots ? 0x28ff : line->thick ? 0x2836 : 0x2812;
}

static bool line_bounds(const struct chart_line *line, const struct chart_view *view, double *lo, double *hi)
{
	const struct series *s = line->points;
	float a, b;
	int64_t i0 = series_find(s, view->x0), i1 = series_find(s, nextafter(view->x1, INFINITY));
	if (!series_bounds(s, i0, i1, &a, &b)) {
		return false;
	}
	if (view->logarithmic && !(a > 0)) {
		/* The smallest positive value is not in the pyramid; a few decades below the top are shown, the rest is counted. */
		a = b > 0 ? b * 1e-4f : a;
	}
	if (view->logarithmic && !(b > 0)) {
		return false;
	}
	*lo = fmin(*lo, (double)a);
	*hi = fmax(*hi, (double)b);
	return true;
}

void chart_fit(const struct chart *chart, struct chart_view *view)
{
	double lo = INFINITY, hi = -INFINITY, rest_lo = INFINITY, rest_hi = -INFINITY;
	for (int i = 0; i < chart->n_lines; i++) {
		bool bounds = chart->lines[i].bounds;
		line_bounds(&chart->lines[i], view, bounds ? &lo : &rest_lo, bounds ? &hi : &rest_hi);
	}
	if (lo > hi) {
		lo = rest_lo, hi = rest_hi;
	} else if (rest_lo <= rest_hi) {
		double room = view->logarithmic ? hi * 10 : hi + 0.5 * (hi - fmin(lo, 0));
		hi = fmax(hi, fmin(rest_hi, room));
		lo = fmin(lo, rest_lo);
	}
	bool percent = chart->y_kind == CHART_Y_PERCENT;
	axis_fit(&view->y, lo, hi, percent ? 0 : -INFINITY, percent ? 100 : INFINITY, view->logarithmic);
}

static void y_label(const struct chart *chart, double v, double step, char *out, size_t size)
{
	if (fabs(v) < step * 1e-6) {
		v = 0;
	}
	if (chart->y_kind == CHART_Y_PERCENT) {
		snprintf(out, size, "%.*f%%", step < 0.095 ? 2 : step < 0.95 ? 1 : 0, v);
	} else if (v != 0 && (fabs(v) >= 1e5 || (step > 0 && step < 1e-4) || (step == 0 && fabs(v) < 1e-3))) {
		number_rate(v, out, size);
		if (fabs(v) >= 1e5) {
			number_short(v, out, size);
		}
	} else if (step == 0) {
		snprintf(out, size, "%.3g", v);
	} else {
		snprintf(out, size, "%.*f", step >= 0.95 ? 0 : step >= 0.095 ? 1 : step >= 0.0095 ? 2 : step >= 0.00095 ? 3 : 4, v);
	}
}

enum { MAX_TICKS = 32 };
struct ticks { int n, row[MAX_TICKS]; double at[MAX_TICKS], step; };

/* The labels, and the view's bounds widened to them. */
static struct ticks y_ticks(const struct chart *chart, struct chart_view *view, int rows)
{
	struct ticks t = {0};
	if (view->logarithmic) {
		int every = axis_log_every(view->y.lo, view->y.hi, rows < 2 ? 1 : rows <= 8 ? (rows + 1) / 2 : rows <= 20 ? rows * 2 / 5 : 8);
		if (rows >= 2) {
			axis_log_align(&view->y.lo, &view->y.hi, rows, every);
		}
		double top = log10(view->y.hi), span = top - log10(view->y.lo);
		t.n = axis_log_ticks(view->y.lo, view->y.hi, every, t.at, MAX_TICKS);
		for (int i = 0; i < t.n; i++) {
			t.row[i] = (int)lround((top - log10(t.at[i])) / span * (rows - 1));
		}
		return t;
	}
	bool percent = chart->y_kind == CHART_Y_PERCENT && view->y.hi > 100 - 1e-9;      /* 100% is the highest row: there is nothing above it */
	struct axis_rows axis = axis_align(view->y.lo, view->y.hi, rows, percent);
	view->y.lo = axis.lo;
	view->y.hi = axis.hi;
	t.step = axis.step;
	double lowest = axis.lo + axis.step * axis.first / axis.apart;
	for (int k = 0; axis.first + k * axis.apart < rows && t.n < MAX_TICKS; k++) {
		double at = percent ? axis.hi - k * axis.step : lowest + k * axis.step;
		if (!percent || at > -axis.step * 1e-6) {
			t.row[t.n] = percent ? k * axis.apart : rows - 1 - axis.first - k * axis.apart;
			t.at[t.n++] = at;
		}
	}
	return t;
}

static double y_value(const struct plot *p, double v)
{
	return p->view->logarithmic ? (v > 0 ? log10(v) : -INFINITY) : v;
}

/* Row of dots of a value: as the labels stand, the highest value is in the middle of the highest row of cells, the lowest in that of the lowest. Far
 * outside is brought near, so that lines stay short. */
static int dot_y(const struct plot *p, double v)
{
	int h = p->canvas.h, each = p->canvas.dots_y, middle = h > 1 ? (each - 1) / 2 : 0, span = h > 1 ? (h - 1) * each : each - 1;
	double at = (p->hi - y_value(p, v)) / (p->hi - p->lo) * span;
	return middle + (int)lround(at < -span - each ? -span - each : at > 2 * span + each ? 2 * span + each : at);
}

static int dot_x(const struct plot *p, double x)
{
	int dots = p->canvas.w * p->canvas.dots_x;
	double at = (x - p->view->x0) / (p->view->x1 - p->view->x0) * (dots - 1);
	return (int)lround(at < -1 ? -1 : at > dots ? dots : at);
}

/* The value where the line from point i - 1 to point i crosses x. */
static double crossing(const struct series *s, int64_t i, double x)
{
	double x0 = s->x[i - 1], x1 = s->x[i], t = x1 > x0 ? (x - x0) / (x1 - x0) : 0;
	return (double)s->y[i - 1] + t * (double)(s->y[i] - s->y[i - 1]);
}

static void draw_column(struct plot *p, const struct series *s, int64_t i0, int64_t i1, int column, int *last_x, int *last_y, bool *joined,
	struct pen *pen)
{
	float lo, hi;
	if (!series_bounds(s, i0, i1, &lo, &hi)) {
		*joined = false;                     /* nothing finite: the curve has a gap here */
		return;
	}
	double first = isfinite(s->y[i0]) ? (double)s->y[i0] : (double)lo, last = isfinite(s->y[i1 - 1]) ? (double)s->y[i1 - 1] : (double)hi;
	if (*joined && isfinite(s->y[i0])) {
		canvas_line(&p->canvas, *last_x, *last_y, column, dot_y(p, first), pen);
	}
	if (i1 - i0 > 1 || !*joined) {
		canvas_line(&p->canvas, column, dot_y(p, (double)lo), column, dot_y(p, (double)hi), pen);
	}
	*last_x = column;
	*last_y = dot_y(p, last);
	*joined = isfinite(s->y[i1 - 1]);
}

static void draw_line(struct plot *p, const struct chart_line *line)
{
	const struct series *s = line->points;
	const struct chart_view *view = p->view;
	struct pen pen = {(uint8_t)line->rank, line->meaning, line->dashed ? (p->canvas.glyphs == GLYPHS_ASCII ? 2 : 4) : 0, 0, line->thick, line->sign};
	int dots = p->canvas.w * p->canvas.dots_x, last_x = 0, last_y = 0;
	int64_t i = series_find(s, view->x0), end = series_find(s, nextafter(view->x1, INFINITY));
	bool joined = false;
	if (i > 0 && i < s->n && isfinite(s->y[i]) && isfinite(s->y[i - 1])) {
		last_y = dot_y(p, crossing(s, i, view->x0));
		joined = true;
	}
	while (i < end) {
		int column = dot_x(p, s->x[i]);
		/* Columns are cut where dot_x rounds up to the next one. */
		double next = view->x0 + (column + 0.5) / (dots - 1) * (view->x1 - view->x0);
		int64_t i1 = series_find(s, next);
		i1 = i1 <= i ? i + 1 : i1 > end ? end : i1;
		draw_column(p, s, i, i1, column, &last_x, &last_y, &joined, &pen);
		i = i1;
	}
	if (joined && end < s->n && isfinite(s->y[end])) {
		canvas_line(&p->canvas, last_x, last_y, dots - 1, dot_y(p, crossing(s, end, view->x1)), &pen);
	}
}

/* A point: in braille four dots high and two wide, its middle that of a thick line there, above all curves; coarser, a sign in the curve's own cell. */
static void draw_point(struct plot *p, int x, int y, const struct chart_line *line)
{
	const struct pen pen = {.rank = UINT8_MAX, .meaning = line->meaning};
	for (int i = 0; p->canvas.glyphs == GLYPHS_BRAILLE && i < 8; i++) {
		canvas_dot(&p->canvas, x / 2 * 2 + i % 2, y - 1 + i / 2, &pen);
	}
	if (p->canvas.glyphs != GLYPHS_BRAILLE && y >= 0) {
		pane_put(p->area, x / p->canvas.dots_x, y / p->canvas.dots_y, chart_key(line, p->canvas.glyphs), line->meaning);
	}
}

static void draw_dots(struct plot *p, const struct chart_line *line)
{
	const struct series *s = line->points;
	int64_t i = series_find(s, p->view->x0), end = series_find(s, nextafter(p->view->x1, INFINITY));
	/* At least four columns apart; every second, fourth ... point, so that with a new one most stay where they were. */
	int64_t every = 1;
	while (line->dots && (end - i) * 4 > every * p->area.w) {
		every *= 2;
	}
	for (; line->dots && i < end; i++) {
		if ((i + 1) % every != 0) {
			continue;
		}
		if (isfinite(s->y[i])) {
			draw_point(p, dot_x(p, s->x[i]), dot_y(p, (double)s->y[i]), line);
		}
	}
}

/* Points that are not finite: a cross at the top of their column. Points cut off: how many, at the edge. */
static void draw_outside(const struct plot *p, const struct chart *chart)
{
	int64_t below = 0, above = 0;
	const char *name = "";
	const struct chart_view *view = p->view;
	for (int i = 0; i < chart->n_lines; i++) {
		const struct chart_line *line = &chart->lines[i];
		int64_t a, b, i0 = series_find(line->points, view->x0), i1 = series_find(line->points, nextafter(view->x1, INFINITY));
		series_outside(line->points, i0, i1, view->y.lo - 1e-6 * fabs(view->y.lo), view->y.hi + 1e-6 * fabs(view->y.hi), &a, &b);
		below += line->bounds && !view->logarithmic ? 0 : a;
		above += line->bounds ? 0 : b;
		name = a || b ? line->name : name;
		for (int64_t k = 0; k < (line->points->n_bad ? p->area.w : 0); k++) {
			double width = (view->x1 - view->x0) / p->area.w, x = view->x0 + (double)k * width;
			if (series_bad_in(line->points, x, x + width)) {
				pane_put(p->area, (int)k, 0, 0xd7, CELL_ERROR);
			}
		}
	}
	char text[48];
	if (above) {
		snprintf(text, sizeof text, "\u25b2 %lld %s above", (long long)above, name);
		pane_right(p->area, 0, 0, p->area.w, CELL_WARN, text);
	}
	if (below) {
		snprintf(text, sizeof text, "\u25bc %lld %s below", (long long)below, name);
		pane_right(p->area, 0, p->area.h - 1, p->area.w, CELL_WARN, text);
	}
}

/* Is the stretch of the row free of curves? */
static bool row_free(const struct plot *p, int row, int start, int columns)
{
	for (int x = start; x < start + columns; x++) {
		if (p->canvas.cells[row * p->canvas.w + x].bits) {
			return false;
		}
	}
	return true;
}

/* The dotted lines first, so that no line cuts a label. */
static void draw_marks(const struct plot *p, const struct chart *chart)
{
	enum { ROWS = 3 };
	int free_from[2 * ROWS] = {0}, h = p->area.h;    /* the upper rows, then the lower ones: column from which a label fits */
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < chart->n_marks; i++) {
			const struct chart_mark *m = &chart->marks[i];
			if (m->x < p->view->x0 || m->x > p->view->x1) {
				continue;
			}
			int column = dot_x(p, m->x) / p->canvas.dots_x, columns = text_columns(m->label);
			for (int y = 0; pass == 0 && y < h; y++) {
				if (!p->canvas.cells[y * p->canvas.w + column].bits) {
					pane_put(p->area, column, y, 0x2506, m->meaning);
				}
			}
			int start = column + 1 + columns > p->area.w ? column - columns : column + 1;
			for (int k = 0; pass == 1 && start >= 0 && k < 2 * ROWS && h >= 2 * ROWS; k++) {
				int row = k < ROWS ? k : h - 1 - (k - ROWS);
				if (start >= free_from[k] && row_free(p, row, start, columns)) {
					pane_text(p->area, start, row, m->meaning, m->label);
					free_from[k] = start + columns;
					break;
				}
			}
		}
	}
}

static void draw_x_axis(const struct chart *chart, const struct chart_view *view, struct pane row, bool line)
{
	/* Ticks far enough apart for their labels; whole epochs only. */
	double span = view->x1 - view->x0, step = axis_step(span, row.w / 9 < 1 ? 1 : row.w / 9);
	if (chart->x_kind == CHART_X_EPOCHS && step < 1) {
		step = 1;
	}
	if (chart->x_kind == CHART_X_SECONDS) {
		static const double steps[] = {1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 36000, 86400};
		for (size_t i = 0; i < sizeof steps / sizeof *steps && span / step > row.w / 9.0 + 1e-9; i++) {
			step = steps[i];
		}
		for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
			if (steps[i] >= step) {
				step = steps[i];
				break;
			}
		}
	}
	int labels = line ? 1 : 0, room = row.w - text_columns(chart_x_name(chart->x_kind)) - 1;
	for (int x = 0; line && x < row.w; x++) {
		pane_put(row, x, 0, 0x2500, CELL_BORDER);
	}
	double first = ceil(view->x0 / step - 1e-9);
	for (int k = 0; k < 100 && (first + k) * step <= view->x1 + step * 1e-6; k++) {
		char text[32];
		int x = (int)lround(((first + k) * step - view->x0) / span * (row.w - 1));
		chart_x_label(chart->x_kind, (first + k) * step, text, sizeof text);
		int start = x - text_columns(text) / 2;
		start = start < 0 ? 0 : start;
		if (line) {
			pane_put(row, x, 0, 0x2534, CELL_BORDER);
		}
		if (start + text_columns(text) <= room) {
			pane_text(row, start, labels, CELL_DIM, text);
		}
	}
	pane_right(row, 0, labels, row.w, CELL_DIM, chart_x_name(chart->x_kind));
}

/* The labels left of the plot, a rule, and faint dots across at each tick. Returns the columns taken. */
static int draw_y_axis(const struct chart *chart, struct chart_view *view, struct pane pane, int rows, struct pane *ret_area)
{
	struct ticks t = y_ticks(chart, view, rows);
	char text[32];
	int width = 4;           /* "100%": charts above each other share their columns */
	for (int i = 0; i < t.n; i++) {
		y_label(chart, t.at[i], t.step, text, sizeof text);
		width = text_columns(text) > width ? text_columns(text) : width;
	}
	*ret_area = pane_sub(pane, width + 1, 0, pane.w - width - 1, rows);
	for (int y = 0; y < rows; y++) {
		pane_put(pane, width, y, 0x2502, CELL_BORDER);
	}
	for (int i = 0; i < t.n; i++) {
		int y = t.row[i];
		y_label(chart, t.at[i], t.step, text, sizeof text);
		pane_right(pane, 0, y, width, CELL_DIM, text);
		pane_put(pane, width, y, 0x2524, CELL_BORDER);
		for (int x = 3; pane.grid->glyphs != GLYPHS_ASCII && x < ret_area->w; x += 4) {
			pane_put(*ret_area, x, y, 0xb7, CELL_REST);
		}
	}
	return width;
}

static bool has_points(const struct chart *chart)
{
	for (int i = 0; i < chart->n_lines; i++) {
		if (chart->lines[i].points->n > 0) {
			return true;
		}
	}
	return false;
}

void chart_draw(struct pane pane, const struct chart *chart, const struct chart_view *as_set)
{
	struct chart_view drawn = *as_set, *view = &drawn;
	struct plot p = {.view = view};
	if (pane.w < 1 || pane.h < 1) {
		return;
	}
	if (!has_points(chart) || !view->y.valid || !(view->x1 > view->x0)) {
		if (chart->empty) {
			int x = (pane.w - text_columns(chart->empty)) / 2;
			pane_fit(pane, x > 0 ? x : 0, pane.h / 2, pane.w, CELL_DIM, chart->empty);
		}
		return;
	}
	int below = pane.h >= 9 && pane.w >= 30 ? 2 : pane.h >= 4 && pane.w >= 24 ? 1 : 0, rows = pane.h - below, left = 0;
	if (pane.w >= 20 && pane.h >= 2) {
		left = draw_y_axis(chart, view, pane, rows, &p.area);
	} else {
		p.area = pane_sub(pane, 0, 0, pane.w, rows);
	}
	if (below == 2) {
		pane_put(pane, left, rows, 0x2570, CELL_BORDER);
	}
	if (below) {
		draw_x_axis(chart, view, pane_sub(pane, left + 1, rows, pane.w - left - 1, below), below == 2);
	}
	p.lo = view->logarithmic ? log10(view->y.lo) : view->y.lo;
	p.hi = view->logarithmic ? log10(view->y.hi) : view->y.hi;
	if (p.area.w < 1 || !(p.hi > p.lo) || canvas_create(p.area.w, p.area.h, pane.grid->glyphs, &p.canvas) != CVT_OK) {
		return;
	}
	for (int i = 0; i < chart->n_lines; i++) {
		draw_line(&p, &chart->lines[i]);
	}
	for (int pass = 0; pass < 2; pass++) {       /* points of braille are dots among dots, others signs above them */
		for (int i = 0; i < chart->n_lines && (pass == 0) == (p.canvas.glyphs == GLYPHS_BRAILLE); i++) {
			draw_dots(&p, &chart->lines[i]);
		}
		if (pass == 0) {
			canvas_draw(&p.canvas, p.area);
		}
	}
	draw_marks(&p, chart);
	draw_outside(&p, chart);
	if (view->crosshair && view->cross_x >= view->x0 && view->cross_x <= view->x1) {
		int column = dot_x(&p, view->cross_x) / p.canvas.dots_x;
		for (int y = 0; y < p.area.h; y++) {
			if (!p.canvas.cells[y * p.canvas.w + column].bits) {
				pane_put(p.area, column, y, 0x2502, CELL_STRONG);
			}
		}
	}
	canvas_finish(&p.canvas);
}
