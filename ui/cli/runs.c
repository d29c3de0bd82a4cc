/* runs.c - convtui runs and convtui rm: the table of runs, and runs out of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/select.h"
#include "cli/table.h"
#include "convtui/text.h"
#include "filter.h"
#include "program.h"

json_t *cli_json_of_run(const struct cvt_run *run)
{
	const struct cvt_live *l = &run->live;
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "run", cli_json_text(run->name),
		"state", cvt_state_name(l->state), "network", cli_json_text(l->network), "parameters",
		l->parameters >= 0 ? json_integer(l->parameters) : json_null(), "lr", cli_json_real(l->lr), "batch",
		l->batch_size > 0 ? json_integer(l->batch_size) : json_null(), "epochs", l->epochs > 0 ? json_integer(l->epochs) : json_null(),
		"epoch", l->epoch > 0 ? l->epoch : 0, "loss", cli_json_real(l->loss), "train_accuracy", cli_json_real(l->train_accuracy),
		"val_accuracy", cli_json_real(l->val_accuracy), "val_loss", cli_json_real(l->val_loss), "best_val_accuracy",
		cli_json_real(l->best_val_accuracy), "seconds", cli_json_real(l->seconds), "reason", cli_json_text(l->reason), "folder",
		cli_json_text(run->folder));
}

int cli_select(const struct cli_args *args, struct cvt_run **ret_runs, int *ret_n)
{
	char store[1024], text[1024] = "", message[512];
	struct cvt_error err;
	struct cvt_run *runs;
	int n, kept = 0, status = cli_store(args, store, sizeof store);
	if (status != CLI_DONE)
		return status;
	for (int i = 0; i < args->n_positional; i++) {
		size_t used = strlen(text);
		if (snprintf(text + used, sizeof text - used, "%s%s", i ? " " : "", args->positional[i]) >= (int)(sizeof text - used))
			return cli_wrong("filter: longer than %zu bytes", sizeof text - 1);
	}
	struct ui_filter *filter = ui_filter_create(text, message, sizeof message);
	if (!filter)
		return cli_wrong("%s", message);
	if (cvt_store_list(store, &runs, &n, &err) != CVT_OK) {
		ui_filter_destroy(filter);
		return cli_fail(&err);
	}
	for (int i = 0; i < n; i++)
		if (ui_filter_fits(filter, &runs[i]))
			runs[kept++] = runs[i];
	ui_filter_destroy(filter);
	*ret_runs = runs;
	*ret_n = kept;
	return CLI_DONE;
}

static void add_row(struct cli_table *table, const struct cvt_run *run)
{
	const struct cvt_live *l = &run->live;
	char parameters[32], lr[40], percent[3][32];
	cvt_text_thousands(l->parameters, parameters, sizeof parameters);
	cvt_text_from_double_rounded(l->lr, 4, lr, sizeof lr);   /* a schedule's has 17 digits: JSON and the rows have them */
	cli_percent(l->train_accuracy, percent[0], sizeof percent[0]);
	cli_percent(l->val_accuracy, percent[1], sizeof percent[1]);
	cli_percent(l->best_val_accuracy, percent[2], sizeof percent[2]);
	cli_table_add(table, "%s", run->name);
	cli_table_add(table, "%s", *l->network ? l->network : "-");
	cli_table_add(table, "%s", l->parameters >= 0 ? parameters : "-");
	cli_table_add(table, "%s", lr);
	cli_table_add(table, "%d", l->batch_size);
	cli_table_add(table, "%d/%d", l->epoch > 0 ? l->epoch : 0, l->epochs);
	for (int i = 0; i < 3; i++)
		cli_table_add(table, "%s", percent[i]);
	cli_table_add(table, "%s%s%s", cvt_state_name(l->state), *l->reason ? ": " : "", l->reason);
}

static int print_table(const struct cvt_run *runs, int n)
{
	static const char *const heads[] = {"run", "network", "parameters", "lr", "batch", "epoch", "train", "val", "best", "state"};
	struct cli_table table = {.columns = 10, .right = 0x1fc};
	for (int i = 0; i < 10; i++)
		cli_table_add(&table, "%s", heads[i]);
	for (int i = 0; i < n; i++)
		add_row(&table, &runs[i]);
	return cli_table_print(&table);
}

static int run_runs(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	struct cvt_run *runs;
	int n, status = cli_parse(command, argc, argv, &args);
	if (status != CLI_DONE)
		return status < 0 ? CLI_DONE : status;
	status = cli_select(&args, &runs, &n);
	if (status == CLI_DONE) {
		for (int i = 0; i < n && args.json && status == CLI_DONE; i++)
			status = cli_json(cli_json_of_run(&runs[i]));
		if (!args.json && n)
			status = print_table(runs, n);
		else if (!args.json && args.n_positional)
			puts("no run fits the filter");
		else if (!args.json)
			printf("no runs yet: %s train quick makes one\n", program_name());
		free(runs);
	}
	cli_args_finish(&args);
	return status;
}

const struct cli_command cli_runs_command = {
	.name = "runs", .arguments = "[FILTER]", .help = "the table of runs; a filter is words, a|b, !not, /re/, lr>0.01, arch:vgg",
	.example = "convtui runs 'arch:cnn best>95 !crashed'", .max_positional = -1, .run = run_runs,
};

static const struct cli_flag rm_flags[] = {
	{"empty", NULL, "remove for good what is in the trash (the folder .trash of the run store; mv brings a run back)"},
	{NULL},
};

static int empty_trash(const char *store, bool json)
{
	struct cvt_error err;
	int n;
	if (cvt_store_empty_trash(store, &n, &err) != CVT_OK)
		return cli_fail(&err);
	if (json)
		return cli_json(json_pack("{s:i}", "emptied", n));
	printf("trash emptied: %d run%s\n", n, n == 1 ? "" : "s");
	return CLI_DONE;
}

static int remove_run(const struct cli_args *args, const char *store, const char *name)
{
	struct cvt_run run;
	struct cvt_error err;
	int status = cli_run(args, name, &run);
	if (status != CLI_DONE)
		return status;
	if (cvt_run_remove(store, run.folder, &err) != CVT_OK)
		return cli_fail(&err);
	if (args->json)
		return cli_json(json_pack("{s:o, s:b}", "run", cli_json_text(run.name), "removed", 1));
	printf("%s: in the trash of the run store\n", run.name);
	return CLI_DONE;
}

/* A folder of the trash is the run as it was: moving it back is all that there is to do. */
static void say_way_back(const struct cli_args *args, const char *store)
{
	char path[1100], word[2][4400];
	snprintf(path, sizeof path, "%s/.trash", store);
	printf("the trash is %s: mv a run from there to %s to have it back; ", program_word(path, word[0], sizeof word[0]),
		program_word(store, word[1], sizeof word[1]));
	printf("%s rm --empty%s%s removes all that is in it\n", program_name(), args->runs ? " --runs " : "", args->runs ? word[1] : "");
}

static int run_rm(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	char store[1024];
	int removed = 0, status = cli_parse(command, argc, argv, &args);
	if (status != CLI_DONE)
		return status < 0 ? CLI_DONE : status;
	if (!args.n_positional && !args.flags[0])
		status = cli_wrong("rm: which run? %s rm RUN..., or --empty for the trash", program_name());
	if (status == CLI_DONE)
		status = cli_store(&args, store, sizeof store);
	/* One that cannot be removed does not keep the others. */
	for (int i = 0; i < args.n_positional && status != CLI_USAGE; i++) {
		if (remove_run(&args, store, args.positional[i]) == CLI_DONE)
			removed++;
		else
			status = CLI_FAILED;
	}
	if (removed && !args.json && !args.flags[0])
		say_way_back(&args, store);
	if (args.flags[0] && status == CLI_DONE)
		status = empty_trash(store, args.json);
	cli_args_finish(&args);
	return status;
}

const struct cli_command cli_rm_command = {
	.name = "rm", .arguments = "RUN...", .help = "to the trash of the run store, from where mv brings it back; --empty empties it",
	.example = "convtui rm 2026-11-24-1-cnn", .flags = rm_flags, .max_positional = -1, .run = run_rm,
};
