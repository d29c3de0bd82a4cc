/* describe.c - convtui describe: what a configuration is and costs, before anything is allocated. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "convtui/model.h"
#include "convtui/text.h"
#include "rate.h"
#include "widgets/number.h"

static const struct cli_flag flags[] = {
	{"classes", "N", "how many classes, instead of counting the folders of the data"},
	{NULL},
};

/* *ret_pictures: 0 with --classes, for data that need not be there. */
static int count_classes(const struct cli_args *args, const struct cvt_config *config, int *ret_n, int *ret_pictures)
{
	struct cvt_error err;
	int64_t n;
	if (!args->flags[0])
		return cli_count_classes(config->data, ret_n, ret_pictures, &err) == CVT_OK ? CLI_DONE : cli_fail(&err);
	if (!cvt_text_to_i64(args->flags[0], &n) || n < 2 || n > 65536)
		return cli_wrong("--classes %s: must be 2 to 65536", args->flags[0]);
	*ret_n = (int)n;
	*ret_pictures = 0;
	return CLI_DONE;
}

/* From how fast past runs of the store trained here. */
static int estimate(const struct cli_args *args, const struct cvt_config *config, const struct cvt_description *d, int pictures,
	struct ui_estimate *ret_estimate)
{
	struct ui_rates rates = {0};
	struct cvt_error err;
	struct cvt_run *runs, picked[UI_RATE_RUNS];
	char store[1024];
	int n, status = cli_store(args, store, sizeof store);
	if (status != CLI_DONE)
		return status;
	if (cvt_store_list(store, &runs, &n, &err) != CVT_OK)
		return cli_fail(&err);
	ui_rates_measure(&rates, picked, ui_rates_pick(runs, n, picked));
	free(runs);
	*ret_estimate = ui_rates_estimate(&rates, d, config, pictures);
	return CLI_DONE;
}

static int print_json(const struct cvt_description *d, double epoch_seconds)
{
	json_t *maps = json_array(), *layers = json_array();
	for (int i = 0; i < d->n_feature_maps; i++)
		json_array_append_new(maps, json_integer(d->feature_maps[i]));
	for (int i = 0; i < d->n_layers; i++) {
		const struct cvt_layer_info *l = &d->layers[i];
		json_array_append_new(layers, json_pack("{s:s, s:s, s:s, s:[iii], s:I, s:I, s:I}", "name", l->name, "kind", l->kind,
			"kernel", l->kernel, "output", l->output[0], l->output[1], l->output[2], "parameters", (json_int_t)l->parameters,
			"multiply_adds", (json_int_t)l->multiply_adds, "bytes", (json_int_t)l->bytes));
	}
	return cli_json(json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "network", d->network, "feature_maps", maps,
		"fm_total", (json_int_t)d->fm_total, "parameters", (json_int_t)d->parameters, "multiply_adds", (json_int_t)d->multiply_adds,
		"train_bytes", (json_int_t)d->train_bytes, "eval_bytes", (json_int_t)d->eval_bytes, "checkpoint_bytes",
		(json_int_t)d->checkpoint_bytes, "epoch_seconds", cli_json_real(epoch_seconds), "layers", layers));
}

static void print_layers(struct cli_table *table, const struct cvt_description *d)
{
	static const char *const heads[] = {"layer", "kind", "output", "parameters", "multiply-adds", "kernel"};
	for (int i = 0; i < 6; i++)
		cli_table_add(table, "%s", heads[i]);
	for (int i = 0; i < d->n_layers; i++) {
		const struct cvt_layer_info *l = &d->layers[i];
		char parameters[32], multiply_adds[32];
		cvt_text_thousands(l->parameters, parameters, sizeof parameters);
		cvt_text_thousands(l->multiply_adds, multiply_adds, sizeof multiply_adds);
		cli_table_add(table, "%s", l->name);
		cli_table_add(table, "%s", l->kind);
		if (l->output[1] == 1 && l->output[2] == 1)
			cli_table_add(table, "%d", l->output[0]);
		else
			cli_table_add(table, "%d x %d x %d", l->output[0], l->output[1], l->output[2]);
		cli_table_add(table, "%s", l->parameters ? parameters : "");
		cli_table_add(table, "%s", l->multiply_adds ? multiply_adds : "");
		cli_table_add(table, "%s", l->kernel);
	}
}

static void print_time(const struct cvt_config *config, const struct ui_estimate *estimate, int pictures)
{
	static const char *const as[] = {[UI_BASIS_NETWORK] = "as this network trained here", [UI_BASIS_SIZE] = "as its kind trained here at this size",
		[UI_BASIS_FAMILY] = "as its kind trained here at any size", [UI_BASIS_OTHERS] = "roughly: as other networks trained here"};
	char epoch[32], all[32];
	if (isnan(estimate->epoch_seconds)) {
		puts(pictures > 0 ? "time           unknown: nothing like it (threads, pictures a batch) was trained here for a second or more" :
			"time           unknown: --classes says nothing of how many pictures there are");
		return;
	}
	number_span(estimate->epoch_seconds, epoch, sizeof epoch);
	number_span(estimate->epoch_seconds * config->epochs, all, sizeof all);
	printf("time           %s an epoch, %s in all, %s (%d run%s)\n", epoch, all, as[estimate->basis], estimate->runs, estimate->runs == 1 ? "" : "s");
}

static int print_text(const struct cvt_config *config, int n_classes, const struct cvt_description *d, const struct ui_estimate *estimate,
	int pictures)
{
	struct cli_table layers = {.columns = 6, .right = 1 << 3 | 1 << 4};
	char parameters[32], multiply_adds[32], train[32], eval[32], checkpoint[32];
	cvt_text_thousands(d->parameters, parameters, sizeof parameters);
	cvt_text_thousands(d->multiply_adds, multiply_adds, sizeof multiply_adds);
	cli_bytes(d->train_bytes, train, sizeof train);
	cli_bytes(d->eval_bytes, eval, sizeof eval);
	cli_bytes(d->checkpoint_bytes, checkpoint, sizeof checkpoint);
	/* The label holds the total already; here the chain and the total have a line each. */
	printf("network        %.*s\n", (int)strcspn(d->network, " "), d->network);
	if (d->fm_total)
		printf("FM total       %lld\n", (long long)d->fm_total);
	printf("parameters     %s\nmultiply-adds  %s a picture, forward\n", parameters, multiply_adds);
	printf("input          %d x %d x %d, %d classes\n", config->channels, config->image_size, config->image_size, n_classes);
	printf("training       batch %d, learning rate %g, %d epoch%s\n", config->batch, config->lr, config->epochs,
		config->epochs == 1 ? "" : "s");
	printf("memory         %s to train, %s to evaluate, checkpoint %s\n", train, eval, checkpoint);
	print_time(config, estimate, pictures);
	putchar('\n');
	print_layers(&layers, d);
	return cli_table_print(&layers);
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	struct cvt_config config;
	struct cvt_description description;
	struct cvt_error err;
	struct ui_estimate time = {.epoch_seconds = NAN};
	int n_classes, pictures = 0, status = cli_parse(command, argc, argv, &args);
	if (status != CLI_DONE)
		return status < 0 ? CLI_DONE : status;
	status = cli_config(&args, args.n_positional ? args.positional[0] : NULL, &config);
	if (status == CLI_DONE)
		status = count_classes(&args, &config, &n_classes, &pictures);
	if (status == CLI_DONE && cvt_describe(&config, n_classes, &description, &err) != CVT_OK)
		status = cli_network_failed(args.n_positional ? args.positional[0] : NULL, &config, &err);
	else if (status == CLI_DONE) {
		status = estimate(&args, &config, &description, pictures, &time);
		if (status == CLI_DONE)
			status = args.json ? print_json(&description, time.epoch_seconds) : print_text(&config, n_classes, &description, &time, pictures);
		cvt_description_finish(&description);
	}
	cli_args_finish(&args);
	return status;
}

const struct cli_command cli_describe_command = {
	.name = "describe", .arguments = "[PRESET] [OPTIONS]", .help = "layers, shapes, parameters, multiply-adds, memory, time an epoch",
	.example = "convtui describe --layers 4 --expansion 'x + 13'", .takes_options = true, .flags = flags, .max_positional = 1, .run = run,
};
