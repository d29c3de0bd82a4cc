/* queue.c - convtui queue: creates queued runs from presets, lists and ranges; convtui work trains them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "convtui/model.h"
#include "launch.h"
#include "program.h"

/* What a run of the sweep needs before any is created, so that a size that does not work leaves no half a sweep behind. */
struct plan { struct cvt_config config; int n_classes; char folder[1024] /* once it is created */; };
struct plans { int n; struct plan *plans; };

static int add(struct plans *plans, const struct cvt_sweep *sweep, const char *preset)
{
	struct cvt_error err;
	void *grown = realloc(plans->plans, sizeof *plans->plans * (size_t)(plans->n + sweep->n));
	if (!grown)
		return cli_wrong("queue: no memory for %d runs", plans->n + sweep->n);
	plans->plans = grown;
	for (int i = 0; i < sweep->n; i++) {
		struct plan *plan = &plans->plans[plans->n];
		struct cvt_description d;
		plan->config = sweep->configs[i];
		if (launch_paths(&plan->config, &err) != CVT_OK)
			return cli_network_failed(preset, &plan->config, &err);
		if (cli_count_classes(plan->config.data, &plan->n_classes, NULL, &err) != CVT_OK
			|| cvt_describe(&plan->config, plan->n_classes, &d, &err) != CVT_OK)
			return cli_network_failed(preset, &plan->config, &err);
		cvt_description_finish(&d);
		plans->n++;
	}
	return CLI_DONE;
}

static int add_preset(struct plans *plans, const struct cli_args *args, const char *preset)
{
	struct cvt_sweep sweep;
	struct cvt_config base;
	struct cvt_error err;
	cvt_config_init(&base);
	int status = preset ? cvt_sweep_load_preset(preset, args->options, &sweep, &err) : cvt_sweep_expand(&base, args->options, &sweep, &err);
	if (status != CVT_OK)
		return cli_config_failed(&err);
	status = add(plans, &sweep, preset);
	cvt_sweep_finish(&sweep);
	return status;
}

static int create(const struct cvt_config *config, int n_classes, const char *store, bool json, char ret_folder[1024])
{
	struct cvt_error err;
	struct cvt_run run;
	if (launch_create(store, config, n_classes, &run, &err) != CVT_OK)
		return cli_fail(&err);
	memcpy(ret_folder, run.folder, sizeof run.folder);
	if (json)
		return cli_json(json_pack("{s:o, s:o, s:o, s:I}", "run", cli_json_text(run.name), "folder", cli_json_text(run.folder), "network",
			cli_json_text(run.live.network), "parameters", (json_int_t)run.live.parameters));
	printf("%s  %s  rate %g, batch %d, %d epoch%s\n", run.name, run.live.network, config->lr, config->batch, config->epochs,
		config->epochs == 1 ? "" : "s");
	return cli_flush();
}

/* Runs that start from one file all start from what the first of them took: it may change meanwhile, and a link needs no room. */
static int create_all(struct plans *plans, const char *store, bool json)
{
	int status = CLI_DONE;
	for (int i = 0; i < plans->n && status == CLI_DONE; i++) {
		struct plan *plan = &plans->plans[i];
		struct cvt_config config = plan->config;
		int first = 0;
		while (first < i && strcmp(plans->plans[first].config.init, config.init) != 0)
			first++;
		if (*config.init && first < i && snprintf(config.init, sizeof config.init, "%s/%s", plans->plans[first].folder, CVT_RUN_INIT)
			>= (int)sizeof config.init)
			return cli_wrong("queue: the path of the run store is too long");
		status = create(&config, plan->n_classes, store, json, plan->folder);
	}
	return status;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	struct plans plans = {0};
	char store[1024];
	int status = cli_parse(command, argc, argv, &args);
	if (status != CLI_DONE)
		return status < 0 ? CLI_DONE : status;
	status = cli_store(&args, store, sizeof store);
	if (status == CLI_DONE && !args.n_positional)
		status = add_preset(&plans, &args, NULL);
	for (int i = 0; i < args.n_positional && status == CLI_DONE; i++)
		status = add_preset(&plans, &args, args.positional[i]);
	if (status == CLI_DONE)
		status = create_all(&plans, store, args.json);
	if (status == CLI_DONE && plans.n > 0 && !args.json)
		fprintf(stderr, "convtui: %d queued: %s work trains them\n", plans.n, program_name());
	free(plans.plans);
	cli_args_finish(&args);
	return status;
}

const struct cli_command cli_queue_command = {
	.name = "queue", .arguments = "[PRESET...] [OPTIONS]", .help = "create queued runs; a list or range makes a sweep",
	.example = "convtui queue quick --lr 1e-3,1e-2 --layers 1..4", .takes_options = true, .max_positional = -1, .run = run,
};
