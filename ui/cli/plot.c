/* plot.c - a curve or two as lines of text. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/plot.h"

enum { COLUMNS = 60, ROWS = 10 };

struct canvas { char cells[ROWS][COLUMNS + 1]; int columns; double low, high; };

static void bounds(struct canvas *canvas, const struct cli_series *series, int n_series, int n)
{
	canvas->low = INFINITY;
	canvas->high = -INFINITY;
	for (int s = 0; s < n_series; s++) {
		for (int i = 0; i < n; i++) {
			if (!isfinite(series[s].y[i]))
				continue;
			canvas->low = fmin(canvas->low, series[s].y[i]);
			canvas->high = fmax(canvas->high, series[s].y[i]);
		}
	}
}

static void mark(struct canvas *canvas, int column, double y, char with)
{
	double span = canvas->high - canvas->low;
	int row = span > 0 ? (int)lround((canvas->high - y) / span * (ROWS - 1)) : ROWS / 2;
	char *cell = &canvas->cells[row][column];
	*cell = *cell == ' ' || *cell == with ? with : '@';
}

static void draw(struct canvas *canvas, const struct cli_series *series, int n)
{
	for (int column = 0; column < canvas->columns; column++) {
		int from = (int)((long)column * n / canvas->columns), to = (int)((long)(column + 1) * n / canvas->columns);
		double least = INFINITY, greatest = -INFINITY;
		for (int i = from; i < to; i++) {
			if (!isfinite(series->y[i]))
				continue;
			least = fmin(least, series->y[i]);
			greatest = fmax(greatest, series->y[i]);
		}
		if (least > greatest)
			continue;
		mark(canvas, column, least, series->mark);
		if (greatest > least)
			mark(canvas, column, greatest, series->mark);
	}
}

void cli_plot(const char *title, const char *x_name, const struct cli_series *series, int n_series, int n)
{
	struct canvas canvas = {.columns = n < COLUMNS ? n : COLUMNS};
	bounds(&canvas, series, n_series, n);
	if (canvas.low > canvas.high)
		return;
	for (int row = 0; row < ROWS; row++) {
		memset(canvas.cells[row], ' ', (size_t)canvas.columns);
		canvas.cells[row][canvas.columns] = 0;
	}
	for (int s = 0; s < n_series; s++)
		draw(&canvas, &series[s], n);
	printf("\n%s", title);
	for (int s = 0; s < n_series; s++)
		printf("   %c %s", series[s].mark, series[s].name);
	puts(n_series > 1 ? "   @ both" : "");
	for (int row = 0; row < ROWS; row++) {
		if (row == 0 || row == ROWS - 1)
			printf("%10.4g |", row ? canvas.low : canvas.high);
		else
			printf("%10s |", "");
		puts(canvas.cells[row]);
	}
	printf("%10s +%.*s\n%12s1 to %d %s\n", "", canvas.columns, "------------------------------------------------------------", "", n, x_name);
}
