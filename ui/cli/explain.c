/* explain.c - convtui explain: convolution and max pooling of small matrices, each product and sum written out. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "convtui/text.h"

enum { MAX_SIDE = 12, FLAG_A = 0, FLAG_B, FLAG_STRIDE, FLAG_PADDING, FLAG_POOL };

static const struct cli_flag flags[] = {
	{"a", "MATRIX", "the picture: rows separated by ;, numbers by spaces or commas"},
	{"b", "MATRIX", "the kernel to convolve it with"},
	{"stride", "N", "how far the kernel moves (convolution: 1, pooling: its size)"},
	{"padding", "N", "rows and columns of zeros around A (0)"},
	{"pool", "N", "max pooling with an N x N window instead of a convolution"},
	{NULL},
};

struct matrix { int rows, columns; double v[MAX_SIDE][MAX_SIDE]; };

/* The worked examples of the post, "What is convolution?" and "More on ConvNets". */
static const char post_a[] = "0 0.5 0 0; 0 0.5 0 0; 0 0.5 0.5 0.5; 0 0.5 0 0", post_b[] = "0 1; 0 1";
static const char post_pooled[] = "2 0 0 3; 3 1 5 1; 2 0 0 2; 3 1 1 1";

static int parse_matrix(const char *name, const char *text, struct matrix *ret_matrix)
{
	struct matrix m = {0};
	int column = 0;
	for (const char *c = text;;) {
		c += strspn(c, " ,\t");
		size_t length = strcspn(c, " ,;\t");
		if (length) {
			char number[64];
			if (column == MAX_SIDE || m.rows == MAX_SIDE)
				return cli_wrong("--%s: at most %d x %d numbers", name, MAX_SIDE, MAX_SIDE);
			snprintf(number, sizeof number, "%.*s", (int)length, c);
			if (length >= sizeof number || !cvt_text_to_double(number, &m.v[m.rows][column]))
				return cli_wrong("--%s: row %d, column %d: '%s' is not a number", name, m.rows + 1, column + 1, number);
			column++;
			c += length;
			continue;
		}
		if (column) {
			if (m.rows && column != m.columns)
				return cli_wrong("--%s: row %d has %d numbers, row 1 has %d", name, m.rows + 1, column, m.columns);
			m.columns = column;
			m.rows++;
			column = 0;
		} else if (*c) {
			return cli_wrong("--%s: row %d is empty", name, m.rows + 1);
		}
		if (!*c)
			break;
		c++;
	}
	if (!m.rows)
		return cli_wrong("--%s: is empty: give rows such as '0 1; 0 1'", name);
	*ret_matrix = m;
	return CLI_DONE;
}

static void number(double v, char *text, size_t size)
{
	snprintf(text, size, "%.10g", v == 0 ? 0 : v);   /* 0.1 * 3 reads 0.3; no -0 */
}

static void print_matrix(const char *name, const struct matrix *m)
{
	int width = 0;
	char text[40];
	for (int i = 0; i < m->rows * m->columns; i++) {
		number(m->v[i / m->columns][i % m->columns], text, sizeof text);
		width = (int)strlen(text) > width ? (int)strlen(text) : width;
	}
	printf("%s (%d x %d)\n", name, m->rows, m->columns);
	for (int i = 0; i < m->rows; i++) {
		for (int j = 0; j < m->columns; j++) {
			number(m->v[i][j], text, sizeof text);
			printf("  %*s", width, text);
		}
		putchar('\n');
	}
	putchar('\n');
}

/* What lies under the window's cell, zeros outside. */
static double under(const struct matrix *a, int row, int column)
{
	return row < 0 || column < 0 || row >= a->rows || column >= a->columns ? 0 : a->v[row][column];
}

static double convolve_at(const struct matrix *a, const struct matrix *b, int top, int left, bool print)
{
	double sum = 0;
	for (int i = 0; i < b->rows; i++) {
		for (int j = 0; j < b->columns; j++) {
			char x[40], w[40];
			double value = under(a, top + i, left + j);
			number(value, x, sizeof x);
			number(b->v[i][j], w, sizeof w);
			sum += value * b->v[i][j];
			if (print)
				printf("%s%s*%s", i || j ? " + " : "", x, w);
		}
	}
	return sum;
}

static double pool_at(const struct matrix *a, int size, int top, int left, bool print)
{
	double best = -INFINITY;
	for (int i = 0; i < size; i++) {
		for (int j = 0; j < size; j++) {
			/* Outside counts as less than anything, as in PyTorch; a window is never wholly outside. */
			if (top + i < 0 || left + j < 0 || top + i >= a->rows || left + j >= a->columns)
				continue;
			char text[40];
			number(a->v[top + i][left + j], text, sizeof text);
			if (print)
				printf("%s%s", best > -INFINITY ? ", " : "max(", text);
			best = fmax(best, a->v[top + i][left + j]);
		}
	}
	if (print)
		putchar(')');
	return best;
}

struct window { int rows, columns, stride, padding; const struct matrix *kernel; /* NULL: max pooling */ };

static void print_sizes(const struct matrix *a, const struct window *w, int rows, int columns)
{
	const char *floor_word = (a->rows + 2 * w->padding - w->rows) % w->stride || (a->columns + 2 * w->padding - w->columns) % w->stride
		? ", rounded down" : "";
	printf("n_out = (n_in + 2*padding - kernel) / stride + 1%s\n", floor_word);
	printf("rows: (%d + 2*%d - %d) / %d + 1 = %d   columns: (%d + 2*%d - %d) / %d + 1 = %d\n\n", a->rows, w->padding, w->rows, w->stride,
		rows, a->columns, w->padding, w->columns, w->stride, columns);
}

static json_t *json_matrix(const struct matrix *m)
{
	json_t *rows = json_array();
	for (int i = 0; i < m->rows; i++) {
		json_t *row = json_array();
		for (int j = 0; j < m->columns; j++)
			json_array_append_new(row, json_real(m->v[i][j]));
		json_array_append_new(rows, row);
	}
	return rows;
}

static int explain(const struct matrix *a, const struct window *w, bool json)
{
	if (w->rows > a->rows + 2 * w->padding || w->columns > a->columns + 2 * w->padding)
		return cli_wrong("explain: a window of %d x %d is larger than A, %d x %d with its padding", w->rows, w->columns,
			a->rows + 2 * w->padding, a->columns + 2 * w->padding);
	struct matrix out = {.rows = (a->rows + 2 * w->padding - w->rows) / w->stride + 1,
		.columns = (a->columns + 2 * w->padding - w->columns) / w->stride + 1};
	if (out.rows > MAX_SIDE || out.columns > MAX_SIDE)
		return cli_wrong("explain: the result would be %d x %d: at most %d x %d", out.rows, out.columns, MAX_SIDE, MAX_SIDE);
	if (!json) {
		printf("%s, stride %d, padding %d\n\n", w->kernel ? "Convolution of A with the kernel B" : "Max pooling of A", w->stride,
			w->padding);
		print_matrix("A", a);
		if (w->kernel)
			print_matrix("B", w->kernel);
		print_sizes(a, w, out.rows, out.columns);
	}
	for (int i = 0; i < out.rows; i++) {
		for (int j = 0; j < out.columns; j++) {
			int top = i * w->stride - w->padding, left = j * w->stride - w->padding;
			char text[40];
			if (!json)
				printf("c%s%d%s%d = ", out.rows > 9 || out.columns > 9 ? "_" : "", i + 1, out.rows > 9 || out.columns > 9 ? "_" : "", j + 1);
			out.v[i][j] = w->kernel ? convolve_at(a, w->kernel, top, left, !json) : pool_at(a, w->rows, top, left, !json);
			number(out.v[i][j], text, sizeof text);
			if (!json)
				printf(" = %s\n", text);
		}
	}
	if (json)
		return cli_json(json_pack("{s:s, s:o, s:o, s:i, s:i, s:o}", "operation", w->kernel ? "convolution" : "max pooling", "a",
			json_matrix(a), "b", w->kernel ? json_matrix(w->kernel) : json_null(), "stride", w->stride, "padding", w->padding, "result",
			json_matrix(&out)));
	putchar('\n');
	print_matrix("C", &out);
	return CLI_DONE;
}

static int small_number(const char *name, const char *text, int min, int otherwise, int *ret_value)
{
	int64_t v = otherwise;
	if (text && (!cvt_text_to_i64(text, &v) || v < min || v > MAX_SIDE))
		return cli_wrong("--%s %s: must be %d to %d", name, text, min, MAX_SIDE);
	*ret_value = (int)v;
	return CLI_DONE;
}

static int explain_given(const struct cli_args *args)
{
	struct matrix a, b = {0};
	struct window w = {0};
	const char *const *given = args->flags;
	int pool = 0, status = CLI_DONE;
	if (given[FLAG_POOL] && given[FLAG_B])
		return cli_wrong("explain: --b is a convolution's kernel, --pool a window without one: give one of them");
	status = parse_matrix("a", given[FLAG_A] ? given[FLAG_A] : given[FLAG_POOL] ? post_pooled : post_a, &a);
	if (status == CLI_DONE && !given[FLAG_POOL])
		status = parse_matrix("b", given[FLAG_B] ? given[FLAG_B] : post_b, &b);
	if (status == CLI_DONE)
		status = small_number("pool", given[FLAG_POOL], 1, 0, &pool);
	if (status == CLI_DONE)
		status = small_number("stride", given[FLAG_STRIDE], 1, pool ? pool : 1, &w.stride);
	if (status == CLI_DONE)
		status = small_number("padding", given[FLAG_PADDING], 0, 0, &w.padding);
	if (status != CLI_DONE)
		return status;
	w.rows = pool ? pool : b.rows;
	w.columns = pool ? pool : b.columns;
	w.kernel = pool ? NULL : &b;
	if (pool && w.padding * 2 > pool)
		return cli_wrong("--padding %d: at most half of the window, %d", w.padding, pool / 2);
	return explain(&a, &w, args->json);
}

static int explain_post(bool json)
{
	struct matrix a, b, pooled;
	int status = parse_matrix("a", post_a, &a);
	if (status == CLI_DONE)
		status = parse_matrix("b", post_b, &b);
	if (status == CLI_DONE)
		status = parse_matrix("a", post_pooled, &pooled);
	if (status == CLI_DONE)
		status = explain(&a, &(struct window){2, 2, 2, 0, &b}, json);
	return status == CLI_DONE ? explain(&pooled, &(struct window){2, 2, 2, 0, NULL}, json) : status;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	int status = cli_parse(command, argc, argv, &args);
	if (status != CLI_DONE)
		return status < 0 ? CLI_DONE : status;
	bool given = false;
	for (int i = 0; flags[i].name; i++)
		given |= args.flags[i] != NULL;
	status = given ? explain_given(&args) : explain_post(args.json);
	cli_args_finish(&args);
	return status;
}

const struct cli_command cli_explain_command = {
	.name = "explain", .arguments = "[--a MATRIX] [--b MATRIX]", .help = "convolution and max pooling of small matrices, step by step",
	.example = "convtui explain --a '0 .5 0 0; 0 .5 0 0; 0 .5 .5 .5; 0 .5 0 0' --b '0 1; 0 1' --stride 2", .flags = flags, .run = run,
};
