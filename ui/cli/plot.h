/* plot.h - a curve or two as lines of text. */
#ifndef CVT_UI_CLI_PLOT_H
#define CVT_UI_CLI_PLOT_H

struct cli_series { const char *name; char mark; const double *y; };   /* y: n values, NaN where unknown */
/* Prints the series over 1..n, at most 60 columns by 10 rows; a column shows the least and the greatest of its points, `@` is where two
 * series meet, and is in the legend then. Prints nothing when no value is known. */
void cli_plot(const char *title, const char *x_name, const struct cli_series *series, int n_series, int n);

#endif
