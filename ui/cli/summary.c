/* summary.c - convtui summary: the runs that are done, line for line as the post prints its own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/post_results.h"
#include "cli/select.h"
#include "cli/table.h"
#include "convtui/text.h"
#include "filter.h"
#include "program.h"

static const struct cli_flag flags[] = {
	{"compare", NULL, "the post's figure and the difference beside each"},
	{NULL},
};

/* The post prints its CNNs, its VGGs and GoogLeNet each in a block of its own. */
static int block_of(const struct cvt_run *run)
{
	const char *arch = ui_filter_arch(run->live.network);
	return !strcmp(arch, "googlenet") ? 2 : !strncmp(arch, "vgg", 3) ? 1 : 0;
}

/* By block, then in the post's order, then (other networks; the same network again) as they were made. */
static int by_post_order(const void *a, const void *b)
{
	const struct cvt_run *x = a, *y = b;
	int blocks = block_of(x) - block_of(y);
	if (blocks)
		return blocks;
	int places = post_result_index(x->live.network) - post_result_index(y->live.network);
	if (places)
		return places;
	return x->created < y->created ? -1 : x->created > y->created ? 1 : strcmp(x->name, y->name);
}

static double post_accuracy(const struct cvt_run *run)
{
	int i = post_result_index(run->live.network);
	return i < n_post_results ? post_results[i].accuracy : NAN;
}

static int print_json(const struct cvt_run *runs, int n)
{
	int status = CLI_DONE;
	for (int i = 0; i < n && status == CLI_DONE; i++) {
		double post = post_accuracy(&runs[i]), here = runs[i].live.val_accuracy;
		status = cli_json(json_pack("{s:o, s:o, s:o, s:o, s:o}", "run", cli_json_text(runs[i].name), "network",
			cli_json_text(runs[i].live.network), "val_accuracy", cli_json_real(here), "post", cli_json_real(post), "difference",
			cli_json_real(here - post)));
	}
	return status;
}

/* The run, and what it was trained on and at: the post's are 256 x 256 pictures of its own. */
static void print_origin(const struct cvt_run *run)
{
	struct cvt_config config;
	char path[1100], data[64];
	printf("    %s", run->name);
	cvt_config_init(&config);
	snprintf(path, sizeof path, "%s/config.yaml", run->folder);
	if (cvt_config_load(&config, path, NULL) != CVT_OK)
		return;
	const char *slash = strrchr(config.data, '/');
	cvt_text_clean(data, sizeof data, slash && slash[1] ? slash + 1 : config.data);
	printf("  %s, %d px, %d epoch%s", data, config.image_size, run->live.epoch, run->live.epoch == 1 ? "" : "s");
}

/* A line each, as the post prints its own. What it prints there is no accuracy, so there is no difference to show. */
static void print_googlenets(const struct cvt_run *runs, int n, bool compare)
{
	for (int i = 0; i < n; i++) {
		printf("%s accuracy: %.3f", runs[i].live.network, runs[i].live.val_accuracy);
		if (compare)
			fputs("    post 99.000 is the number of its last epoch, no accuracy", stdout);
		if (compare)
			print_origin(&runs[i]);
		putchar('\n');
	}
}

/* As pandas prints a Series of texts: labels to the left and as wide as the longest, four spaces, values to the right. */
static void print_block(const struct cvt_run *runs, int n, bool compare)
{
	int label_width = 0, value_width = 0;
	char value[32], post[32], difference[32];
	for (int i = 0; i < n; i++) {
		int width = (int)strlen(runs[i].live.network);
		label_width = width > label_width ? width : label_width;
		width = snprintf(value, sizeof value, "%.3f%%", runs[i].live.val_accuracy);
		value_width = width > value_width ? width : value_width;
	}
	if (block_of(&runs[0]) == 2) {
		print_googlenets(runs, n, compare);
		return;
	}
	puts("accuracies on validation set");
	for (int i = 0; i < n; i++) {
		snprintf(value, sizeof value, "%.3f%%", runs[i].live.val_accuracy);
		printf("%-*s    %*s", label_width, runs[i].live.network, value_width, value);
		if (compare) {
			double there = post_accuracy(&runs[i]);
			cli_percent(there, post, sizeof post);
			if (isfinite(there))
				snprintf(difference, sizeof difference, "%+.3f", runs[i].live.val_accuracy - there);
			printf("    post %8s    %8s", post, isfinite(there) ? difference : "-");
			print_origin(&runs[i]);
		}
		putchar('\n');
	}
}

static int print_text(const struct cvt_run *runs, int n, bool compare)
{
	for (int start = 0, end; start < n; start = end) {
		for (end = start; end < n && block_of(&runs[end]) == block_of(&runs[start]);)
			end++;
		if (start)
			putchar('\n');
		print_block(runs + start, end - start, compare);
	}
	/* Drawn pictures are easier than photographs: such a difference says nothing of the network. */
	if (compare)
		puts("\n"
			"differences count on the post's pictures only (Caltech 101: airplanes, motorbikes, schooners); on others, such as builtin, they mean nothing");
	return CLI_DONE;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	struct cvt_run *runs;
	int n, done = 0, status = cli_parse(command, argc, argv, &args);
	if (status != CLI_DONE)
		return status < 0 ? CLI_DONE : status;
	status = cli_select(&args, &runs, &n);
	if (status == CLI_DONE) {
		for (int i = 0; i < n; i++)
			if (runs[i].live.state == CVT_STATE_DONE && isfinite(runs[i].live.val_accuracy))
				runs[done++] = runs[i];
		if (done)
			qsort(runs, (size_t)done, sizeof *runs, by_post_order);
		if (done == 0) {
			if (n == 0 && args.n_positional)
				fprintf(stderr, "convtui: summary: no run fits the filter\n");
			else
				fprintf(stderr, "convtui: summary: %s: %s %s\n", n ? "no run is done with a validation accuracy" : "no runs yet", program_name(),
					n ? "runs lists them" : "train quick makes one");
			status = CLI_FAILED;
		} else {
			status = args.json ? print_json(runs, done) : print_text(runs, done, args.flags[0]);
		}
		free(runs);
	}
	cli_args_finish(&args);
	return status;
}

const struct cli_command cli_summary_command = {
	.name = "summary", .arguments = "[FILTER]", .help = "the post's summary lines of the runs that are done",
	.example = "convtui summary --compare arch:cnn", .flags = flags, .max_positional = -1, .run = run,
};
