/* chart.h - curves over a shared x: drawn in dots, with axes, marks and a crosshair.
 *
 * Each column of dots draws from the minimum to the maximum of its points and joins its neighbour, so a spike of one
 * batch survives any width. The chart itself is immutable while drawn; what a person moves (zoom, crosshair, log) and
 * the bounds with their inertia live in the view. */
#ifndef UI_WIDGETS_CHART_H
#define UI_WIDGETS_CHART_H

#include "widgets/axis.h"
#include "widgets/grid.h"
#include "widgets/series.h"

struct chart_line {
	const struct series *points;
	const char *name;
	enum cell_meaning meaning;
	int rank;                /* a higher one covers a lower one */
	bool dashed, thick;
	bool dots;               /* a sign at each point where there is room */
	char sign;               /* what it is drawn with in ASCII, where lines have one width; 0: as struct pen says */
	bool bounds;             /* the y bounds hold all of it; else what is far outside of the others is cut off and counted at the edge */
};
struct chart_mark { double x; const char *label; enum cell_meaning meaning; };
enum chart_x { CHART_X_IMAGES, CHART_X_EPOCHS, CHART_X_SECONDS, CHART_N_X };
enum chart_y { CHART_Y_NUMBER, CHART_Y_PERCENT };

enum { CHART_MAX_LINES = 24 };
struct chart {
	struct chart_line lines[CHART_MAX_LINES];        /* drawn in order */
	int n_lines;
	const struct chart_mark *marks;
	int n_marks;
	enum chart_x x_kind;
	enum chart_y y_kind;
	const char *empty;                               /* said while there is no point */
};
struct chart_view {
	double x0, x1;                                   /* what is shown */
	bool logarithmic, crosshair;
	double cross_x;
	struct axis_range y;
};

/* The y bounds for the part that is shown; call before drawing, which widens them so that labels stand evenly. Lines without `bounds` may stretch
 * them by half of what the others need (by a decade where they are logarithmic). */
void chart_fit(const struct chart *chart, struct chart_view *view);
void chart_draw(struct pane pane, const struct chart *chart, const struct chart_view *view);
/* The sign of the line for a legend: a cell of it as it is drawn. */
uint32_t chart_key(const struct chart_line *line, enum glyphs glyphs);
/* The value of the line at the last point not after x; NaN where there is none. */
double chart_value_at(const struct chart_line *line, double x);
/* "images", "epochs", "time". */
const char *chart_x_name(enum chart_x kind);
void chart_x_label(enum chart_x kind, double x, char *out, size_t size);

#endif
