/* data.c - convtui data: what a data folder holds, and what of it would be trained on. */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "convtui/dataset.h"
#include "convtui/text.h"

static const char *const part_names[CVT_N_PARTS] = {"training", "validation", "test"};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
	interrupted = 1;
}

static json_t *classes_json(const struct cvt_dataset *dataset)
{
	json_t *list = json_array();
	for (int i = 0; i < dataset->n_classes; i++) {
		const struct cvt_class *class = &dataset->classes[i];
		json_array_append_new(list, json_pack("{s:o, s:i, s:o, s:i, s:i, s:i}", "name", cli_json_text(class->name), "count", class->count,
			"weight", cli_json_real(class->weight), "training", class->part_count[CVT_PART_TRAIN], "validation",
			class->part_count[CVT_PART_VAL], "test", class->part_count[CVT_PART_TEST]));
	}
	return list;
}

static json_t *channels_json(const struct cvt_dataset *dataset, const double *values)
{
	json_t *list = json_array();
	for (int c = 0; c < dataset->channels; c++)
		json_array_append_new(list, cli_json_real(values[c]));
	return list;
}

static int print_json(const struct cvt_dataset *dataset)
{
	json_t *bad = json_array(), *duplicates = json_array(), *warnings = json_array();
	for (int i = 0; i < dataset->n_bad; i++)
		json_array_append_new(bad, json_pack("{s:o, s:o}", "path", cli_json_text(dataset->bad[i].path), "reason",
			cli_json_text(dataset->bad[i].reason)));
	for (int i = 0; i < dataset->n_duplicates; i++)
		json_array_append_new(duplicates, json_pack("{s:o, s:o, s:b}", "path", cli_json_text(dataset->duplicates[i].path), "of",
			cli_json_text(dataset->duplicates[i].of), "across_parts", dataset->duplicates[i].across_parts));
	for (int i = 0; i < dataset->n_warnings; i++)
		json_array_append_new(warnings, cli_json_text(dataset->warnings[i]));
	return cli_json(json_pack("{s:o, s:i, s:o, s:o, s:o, s:o, s:i, s:i, s:i, s:i, s:i, s:s, s:o}", "classes", classes_json(dataset), "images",
		dataset->n_pictures, "mean", channels_json(dataset, dataset->mean), "std", channels_json(dataset, dataset->std), "bad", bad,
		"duplicates", duplicates, "others", dataset->n_others, "image_size", dataset->image_size, "train_images",
		dataset->part_size[CVT_PART_TRAIN], "val_images", dataset->part_size[CVT_PART_VAL], "test_images",
		dataset->part_size[CVT_PART_TEST], "fingerprint", dataset->fingerprint, "warnings", warnings));
}

static int print_classes(const struct cvt_dataset *dataset)
{
	struct cli_table table = {.columns = 3, .right = 0x7e};
	int parts[CVT_N_PARTS], n = 0;
	for (int p = 0; p < CVT_N_PARTS; p++)
		if (dataset->part_size[p])
			parts[n++] = p;
	table.columns += n;
	cli_table_add(&table, "class");
	cli_table_add(&table, "images");
	for (int p = 0; p < n; p++)
		cli_table_add(&table, "%s", part_names[parts[p]]);
	cli_table_add(&table, "weight");
	for (int i = 0; i <= dataset->n_classes; i++) {
		const struct cvt_class *class = i < dataset->n_classes ? &dataset->classes[i] : NULL;
		cli_table_add(&table, "%s", class ? class->name : "all");
		cli_table_add(&table, "%d", class ? class->count : dataset->n_pictures);
		for (int p = 0; p < n; p++)
			cli_table_add(&table, "%d", class ? class->part_count[parts[p]] : dataset->part_size[parts[p]]);
		if (class)
			cli_table_add(&table, "%.3f", class->weight);
		else
			cli_table_add(&table, "%s", "");
	}
	return cli_table_print(&table);
}

static void print_channels(const char *name, const struct cvt_dataset *dataset, const double *values)
{
	printf("%-11s", name);
	for (int c = 0; c < dataset->channels; c++)
		printf("%s%.4f", c ? " " : "", values[c]);
	putchar('\n');
}

static int print_plain(const struct cvt_dataset *dataset)
{
	char path[512], other[512];
	int status = print_classes(dataset);
	printf("\n%-11s%d x %d, %s\n", "size", dataset->image_size, dataset->image_size, dataset->channels == 3 ? "RGB" : "grey");
	print_channels("mean", dataset, dataset->mean);
	print_channels("deviation", dataset, dataset->std);
	printf("%-11s%d\n%-11s%d\n", "bad", dataset->n_bad, "duplicates", dataset->n_duplicates);
	if (dataset->n_others)
		printf("%-11s%d, passed over: no pictures by their names\n", "others", dataset->n_others);
	if (dataset->n_bad)
		puts("\nbad files, skipped:");
	for (int i = 0; i < dataset->n_bad; i++) {
		cvt_text_clean(path, sizeof path, dataset->bad[i].path);
		cvt_text_clean(other, sizeof other, dataset->bad[i].reason);
		printf("  %s: %s\n", path, other);
	}
	if (dataset->n_duplicates)
		puts("\nthe same bytes:");
	for (int i = 0; i < dataset->n_duplicates; i++) {
		cvt_text_clean(path, sizeof path, dataset->duplicates[i].path);
		cvt_text_clean(other, sizeof other, dataset->duplicates[i].of);
		printf("  %s = %s%s\n", path, other, dataset->duplicates[i].across_parts ? "  (in another part)" : "");
	}
	fflush(stdout);
	for (int i = 0; i < dataset->n_warnings; i++)
		fprintf(stderr, "warning: %s\n", dataset->warnings[i]);
	return status;
}

static int show(const struct cvt_config *config, bool json)
{
	const struct cvt_dataset_options options = {.data = config->data, .val = config->val, .image_size = config->image_size,
		.channels = config->channels, .exif = config->exif == CVT_EXIF_ON, .class_weights = config->class_weights,
		.val_fraction = config->val_fraction, .test_fraction = config->test_fraction, .seed = config->seed, .threads = config->threads};
	struct cli_progress progress;
	const struct cvt_dataset_progress watch = {cli_progress_step, &progress};
	/* The second one ends at once: the first may wait for a disk that never answers. */
	const struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART | SA_RESETHAND};
	struct sigaction before_int, before_term;
	struct cvt_dataset *dataset;
	struct cvt_error err;
	cli_progress_start(&progress, &interrupted);
	sigaction(SIGINT, &action, &before_int);
	sigaction(SIGTERM, &action, &before_term);
	int status = cvt_dataset_open(&options, &watch, &dataset, &err);
	sigaction(SIGINT, &before_int, NULL);
	sigaction(SIGTERM, &before_term, NULL);
	cli_progress_end(&progress);
	if (status)
		return cli_fail(&err);
	status = json ? print_json(dataset) : print_plain(dataset);
	cvt_dataset_close(dataset);
	return status;
}

/* DIR is the option data: put there before the options are checked, since what --val may be depends on it. */
static int take_folder(struct cli_args *args)
{
	int n;
	ptrdiff_t row = cvt_option_find("data") - cvt_options(&n);
	if (args->options[row])
		return cli_wrong("data: DIR and --data are the same: give one of them");
	args->options[row] = args->positional[0];
	return CLI_DONE;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	struct cvt_config config;
	int status = cli_parse(command, argc, argv, &args);
	if (status != CLI_DONE)
		return status < 0 ? CLI_DONE : status;
	status = take_folder(&args);
	if (status == CLI_DONE)
		status = cli_config(&args, NULL, &config);
	if (status == CLI_DONE)
		status = show(&config, args.json);
	cli_args_finish(&args);
	return status;
}

const struct cli_command cli_data_command = {
	.name = "data", .arguments = "DIR [OPTIONS]", .help = "classes, counts, weights, mean, deviation, bad files, duplicates",
	.example = "convtui data ~/pictures --image-size 128", .takes_options = true, .min_positional = 1, .max_positional = 1, .run = run,
};
