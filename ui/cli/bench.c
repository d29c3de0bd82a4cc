/* bench.c - `convtui bench`: how fast networks train and evaluate on this machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "convtui/bench.h"

enum { FLAG_SECONDS, FLAG_EACH_LAYER, CLASSES = 3 };    /* the post's classes: the last layer's width is nothing beside the rest */

static json_t *layers_json(const struct cvt_bench_result *r)
{
	json_t *list = json_array();

	for (int i = 0; i < r->n_layers; i++) {
		const struct cvt_bench_layer *layer = &r->layers[i];
		json_t *o = json_object();

		json_object_set_new(o, "layer", cli_json_text(layer->name));
		json_object_set_new(o, "train", cli_json_text(layer->training));
		json_object_set_new(o, "evaluate", cli_json_text(layer->evaluation));
		json_object_set_new(o, "kernel", cli_json_text(layer->kernel));
		json_object_set_new(o, "forward_ms", cli_json_real(layer->forward_ms));
		json_object_set_new(o, "backward_ms", cli_json_real(layer->backward_ms));
		json_object_set_new(o, "eval_ms", cli_json_real(layer->eval_ms));
		json_array_append_new(list, o);
	}
	return list;
}

static int print_json(const struct cvt_bench_result *r, bool each_layer)
{
	json_t *o = json_object();

	json_object_set_new(o, "network", cli_json_text(r->network));
	json_object_set_new(o, "image_size", json_integer(r->image_size));
	json_object_set_new(o, "batch", json_integer(r->batch));
	json_object_set_new(o, "threads", json_integer(r->threads));
	json_object_set_new(o, "isa", cli_json_text(r->isa));
	json_object_set_new(o, "train_ms_per_image", cli_json_real(r->train_ms));
	json_object_set_new(o, "eval_ms_per_image", cli_json_real(r->eval_ms));
	json_object_set_new(o, "peak_bytes", json_integer(r->peak_bytes));
	json_object_set_new(o, "train_gflops", cli_json_real(r->train_gflops));
	json_object_set_new(o, "eval_gflops", cli_json_real(r->eval_gflops));
	json_object_set_new(o, "peak_gflops", cli_json_real(r->peak_gflops));
	if (each_layer)
		json_object_set_new(o, "layers", layers_json(r));
	return cli_json(o);
}

/* Milliseconds an image; a dot: done on the way of a layer above, or nothing to do. */
static void print_ms(double ms)
{
	if (ms > 0)
		printf(" %9.3f", ms);
	else
		printf(" %9s", ".");
}

static void print_layers(const struct cvt_bench_result *r)
{
	printf("  %-32s %9s %9s %9s  %s\n", "ms an image", "forward", "backward", "evaluate", "what is done, and how");
	for (int i = 0; i < r->n_layers; i++) {
		const struct cvt_bench_layer *layer = &r->layers[i];
		bool same = strcmp(layer->training, layer->evaluation) == 0;

		printf("  %-32s", layer->name);
		print_ms(layer->forward_ms);
		print_ms(layer->backward_ms);
		print_ms(layer->eval_ms);
		printf("  %s", layer->training);
		if (!same && layer->evaluation[0] != 0)
			printf("%sevaluate: %s", layer->training[0] != 0 ? "; " : "", layer->evaluation);
		printf("%s%s\n", layer->kernel[0] != 0 ? ", by " : "", layer->kernel);
	}
}

static int print_line(const struct cvt_bench_result *r, bool each_layer)
{
	char memory[32];

	cli_bytes(r->peak_bytes, memory, sizeof memory);
	int n = printf("%-36s  %4d px  batch %3d  train %8.3f ms/image (%4.0f GFLOP/s, %3.0f%% of peak)  evaluate %8.3f ms/image (%4.0f GFLOP/s, "
		"%3.0f%% of peak)  memory %s  %d thread%s, %s\n", r->network, r->image_size, r->batch, r->train_ms, r->train_gflops,
		100 * r->train_gflops / r->peak_gflops, r->eval_ms, r->eval_gflops, 100 * r->eval_gflops / r->peak_gflops,
		memory, r->threads, r->threads == 1 ? "" : "s", r->isa);

	if (each_layer)
		print_layers(r);
	return n < 0 || fflush(stdout) != 0 ? CLI_FAILED : CLI_DONE;
}

/* Once, below all networks. */
static int print_words(void)
{
	int n = printf("GFLOP/s are direct-equivalent: the operations of a direct convolution over the time. Winograd needs fewer, so that more than 100%%\n"
		"of peak is possible. The peak is of multiply-adds in registers on all threads, sampled in between. Each figure is its best repetition.\n"
		"Memory is the most that the bench took; a training has the copy of a checkpoint and more in it (convtui describe).\n");

	return n < 0 || fflush(stdout) != 0 ? CLI_FAILED : CLI_DONE;
}

static int bench_one(const struct cli_args *args, const char *preset, double seconds)
{
	struct cvt_config config;
	struct cvt_bench_result result;
	struct cvt_error err;
	int code = cli_config(args, preset, &config);

	if (code != CLI_DONE)
		return code;
	if (cvt_bench(&config, CLASSES, seconds, &result, &err) != CVT_OK)
		return cli_fail(&err);
	code = args->json ? print_json(&result, args->flags[FLAG_EACH_LAYER]) : print_line(&result, args->flags[FLAG_EACH_LAYER]);
	free(result.layers);
	return code;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	double seconds = 4;
	int code = cli_parse(command, argc, argv, &args);

	if (code != CLI_DONE)
		return code < 0 ? CLI_DONE : code;
	if (args.flags[FLAG_SECONDS] != NULL) {
		char *end;

		seconds = strtod(args.flags[FLAG_SECONDS], &end);
		if (*end != 0 || !(seconds > 0 && seconds <= 3600))
			code = cli_wrong("--seconds %s: give a number of seconds, up to 3600", args.flags[FLAG_SECONDS]);
	}
	if (code == CLI_DONE && args.n_positional == 0)
		code = bench_one(&args, NULL, seconds);
	for (int i = 0; code == CLI_DONE && i < args.n_positional; i++)
		code = bench_one(&args, args.positional[i], seconds);
	if (code == CLI_DONE && !args.json)
		code = print_words();
	cli_args_finish(&args);
	return code;
}

static const struct cli_flag flags[] = {
	[FLAG_SECONDS] = {"seconds", "S", "how long to repeat each measurement (default 4)"},
	[FLAG_EACH_LAYER] = {"each-layer", NULL, "milliseconds of each layer as well"},
	{NULL, NULL, NULL},
};

extern const struct cli_command cli_bench_command;
const struct cli_command cli_bench_command = {
	.name = "bench", .arguments = "[PRESET...] [OPTIONS]",
	.help = "milliseconds an image to train and to evaluate, and memory, here",
	.example = "convtui bench --arch googlenet --batch 32 --threads 2",
	.takes_options = true, .flags = flags, .min_positional = 0, .max_positional = -1, .run = run,
};
