/* show.c - convtui show: a run's options, curves as text, and results. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/plot.h"
#include "cli/select.h"
#include "cli/table.h"
#include "convtui/session.h"
#include "convtui/text.h"

static void stamp(double wall, char *text, size_t size)
{
	time_t t = (time_t)wall;
	struct tm local;
	if (wall <= 0 || !localtime_r(&t, &local) || !strftime(text, size, "%Y-%m-%d %H:%M:%S", &local))
		snprintf(text, size, "-");
}

/* "checkpoint.safetensors of 2026-11-24-3-cnn", or the path of a file that is of no run. */
static void print_parent(struct cli_table *t, const struct cvt_parent *parent)
{
	const char *slash = strrchr(parent->checkpoint, '/');
	if (!*parent->checkpoint)
		return;
	cli_table_add(t, "began from");
	if (*parent->run)
		cli_table_add(t, "%s of %s", slash ? slash + 1 : parent->checkpoint, parent->run);
	else
		cli_table_add(t, "%s", parent->checkpoint);
}

static int print_results(const struct cvt_run *run, const struct cvt_parent *parent)
{
	const struct cvt_live *l = &run->live;
	struct cli_table t = {.columns = 2};
	char text[64], best[32];
	cli_table_add(&t, "run");
	cli_table_add(&t, "%s", run->name);
	cli_table_add(&t, "folder");
	cli_table_add(&t, "%s", run->folder);
	print_parent(&t, parent);
	cli_table_add(&t, "state");
	cli_table_add(&t, "%s%s%s", cvt_state_name(l->state), *l->reason ? ": " : "", l->reason);
	cli_table_add(&t, "network");
	cli_table_add(&t, "%s", l->network);
	cvt_text_thousands(l->parameters, text, sizeof text);
	cli_table_add(&t, "parameters");
	cli_table_add(&t, "%s", l->parameters >= 0 ? text : "-");
	cli_table_add(&t, "epochs");
	cli_table_add(&t, "%d of %d", l->epoch > 0 ? l->epoch : 0, l->epochs);
	cli_table_add(&t, "loss");
	cli_table_add(&t, isfinite(l->loss) ? "%.6f" : "-", l->loss);
	cli_percent(l->train_accuracy, text, sizeof text);
	cli_table_add(&t, "train");
	cli_table_add(&t, "%s", text);
	cli_percent(l->val_accuracy, text, sizeof text);
	cli_percent(l->best_val_accuracy, best, sizeof best);
	cli_table_add(&t, "validation");
	if (l->best_epoch > 0)
		cli_table_add(&t, "%s, best %s in epoch %d", text, best, l->best_epoch);
	else
		cli_table_add(&t, "%s", l->val_images == 0 ? "none" : text);
	cli_table_add(&t, "time");
	cli_table_add(&t, isfinite(l->seconds) && l->seconds >= 0 ? "%.1f s of training" : "-", l->seconds);
	stamp(l->checkpoint_time, text, sizeof text);
	cli_table_add(&t, "checkpoint");
	cli_table_add(&t, l->checkpoint_batch >= 0 ? "%s, after batch %lld" : "none", text, (long long)l->checkpoint_batch);
	return cli_table_print(&t);
}

/* config.yaml as it began. */
static int read_options(const struct cvt_run *run, struct cvt_config *ret_config, struct cvt_parent *ret_parent)
{
	char path[1200];
	struct cvt_error err;
	struct cvt_config config;
	cvt_config_init(&config);
	snprintf(path, sizeof path, "%s/config.yaml", run->folder);
	if (cvt_config_load(&config, path, &err) != CVT_OK || cvt_config_parent(path, ret_parent, &err) != CVT_OK)
		return cli_fail(&err);
	*ret_config = config;
	return CLI_DONE;
}

/* The value that the last command gave the row, as the table writes it; false: none did, or it is what the run began with. */
static bool steered_to(const struct cvt_session *s, const struct cvt_config *config, const struct cvt_option *option, char *value, size_t size)
{
	char began[1024];
	bool found = false;
	for (int i = s->n_commands - 1; i >= 0 && option->live && !found; i--) {
		struct cvt_config steered = *config;
		found = !strcmp(s->commands[i].name, option->key) && cvt_config_set(&steered, option, s->commands[i].value, NULL) == CVT_OK;
		cvt_config_get(&steered, option, value, size);
	}
	cvt_config_get(config, option, began, sizeof began);
	return found && strcmp(began, value) != 0;
}

/* As the run began, and where it was steered to; what does not apply to the architecture is left out. */
static int print_options(const struct cvt_session *session, const struct cvt_config *config)
{
	int n;
	const struct cvt_option *table = cvt_options(&n);
	struct cli_table t = {.columns = 2};
	puts("\noptions");
	for (int i = 0; i < n; i++) {
		char value[1024], steered[1024];
		if (!cvt_option_applies(&table[i], config->arch))
			continue;
		cvt_config_get(config, &table[i], value, sizeof value);
		cli_table_add(&t, "  %s", table[i].key);
		if (steered_to(session, config, &table[i], steered, sizeof steered))
			cli_table_add(&t, "%s, steered; began as %s", steered, value);
		else
			cli_table_add(&t, "%s", *value ? value : "-");
	}
	return cli_table_print(&t);
}

/* steered: NULL for what the run began with; else only what was steered, and what to. */
static json_t *json_options(const struct cvt_config *config, const struct cvt_session *steered)
{
	int n;
	const struct cvt_option *table = cvt_options(&n);
	json_t *object = json_object();
	for (int i = 0; i < n; i++) {
		char value[1024];
		int64_t whole;
		double real;
		if (!steered)
			cvt_config_get(config, &table[i], value, sizeof value);
		else if (!steered_to(steered, config, &table[i], value, sizeof value))
			continue;
		if (table[i].type == CVT_TYPE_REAL && cvt_text_to_double(value, &real))
			json_object_set_new(object, table[i].key, json_real(real));
		else if ((table[i].type == CVT_TYPE_INT || table[i].type == CVT_TYPE_SEED) && cvt_text_to_i64(value, &whole))
			json_object_set_new(object, table[i].key, json_integer(whole));
		else
			json_object_set_new(object, table[i].key, cli_json_text(value));
	}
	return object;
}

static int plot_epochs(const struct cvt_session *s)
{
	size_t n = (size_t)s->n_epochs;
	double *columns = malloc(4 * n * sizeof *columns);
	if (!columns)
		return cli_wrong("no memory for the curves");
	for (size_t i = 0; i < n; i++) {
		columns[i] = s->epochs[i].loss;
		columns[n + i] = s->epochs[i].val_loss;
		columns[2 * n + i] = s->epochs[i].train_accuracy;
		columns[3 * n + i] = s->epochs[i].val_accuracy;
	}
	cli_plot("loss", "epochs", (struct cli_series[]){{"train", '*', columns}, {"validation", 'o', columns + n}}, 2, s->n_epochs);
	cli_plot("accuracy, %", "epochs", (struct cli_series[]){{"train", '*', columns + 2 * n}, {"validation", 'o', columns + 3 * n}}, 2,
		s->n_epochs);
	free(columns);
	return CLI_DONE;
}

/* Before there are two epochs, the loss of every batch. */
static int plot_batches(const struct cvt_session *s)
{
	int n = s->n_batches < 100000 ? (int)s->n_batches : 100000;
	double *loss = malloc((size_t)(n ? n : 1) * sizeof *loss);
	if (!loss)
		return cli_wrong("no memory for the curve");
	for (int i = 0; i < n; i++)
		loss[i] = s->batches[i].loss;
	cli_plot("loss", "batches", &(struct cli_series){"train", '*', loss}, 1, n);
	free(loss);
	return CLI_DONE;
}

static int print_curves(const struct cvt_session *s)
{
	int status = s->n_epochs > 1 ? plot_epochs(s) : plot_batches(s);
	if (s->n_commands)
		puts("\nsteered");
	for (int i = 0; i < s->n_commands; i++) {
		const struct cvt_command_row *c = &s->commands[i];
		char name[64], value[128];
		cvt_text_clean(name, sizeof name, c->name);
		cvt_text_clean(value, sizeof value, c->value);
		printf("  before batch %lld: %s %s\n", (long long)c->batch, name, value);
	}
	return status;
}

static json_t *json_epochs(const struct cvt_session *s)
{
	json_t *epochs = json_array();
	for (int i = 0; i < s->n_epochs; i++) {
		const struct cvt_epoch_row *e = &s->epochs[i];
		json_array_append_new(epochs, json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "epoch", e->epoch, "loss", cli_json_real(e->loss),
			"train_accuracy", cli_json_real(e->train_accuracy), "val_loss", cli_json_real(e->val_loss), "val_accuracy",
			cli_json_real(e->val_accuracy), "lr", cli_json_real(e->lr), "seconds", cli_json_real(e->seconds)));
	}
	return epochs;
}

static int show_json(const struct cvt_session *session, const struct cvt_config *config, const struct cvt_parent *parent)
{
	json_t *object = cli_json_of_run(&session->run);
	if (object) {
		json_object_set_new(object, "options", json_options(config, NULL));
		json_object_set_new(object, "steered", json_options(config, session));
		json_object_set_new(object, "parent", cli_json_text(*parent->run ? parent->run : NULL));
		json_object_set_new(object, "parent_checkpoint", cli_json_text(*parent->checkpoint ? parent->checkpoint : NULL));
		json_object_set_new(object, "history", json_epochs(session));
	}
	return cli_json(object);
}

static int show(const struct cvt_run *run, bool json)
{
	struct cvt_session *session;
	struct cvt_error err;
	struct cvt_config config;
	struct cvt_parent parent;
	int status = read_options(run, &config, &parent);
	if (status != CLI_DONE)
		return status;
	if (cvt_session_open(run->folder, &session, &err) != CVT_OK)
		return cli_fail(&err);
	do {
		if (cvt_session_poll(session, &err) < 0)
			status = cli_fail(&err);
	} while (status == CLI_DONE && session->behind);
	if (status == CLI_DONE && json)
		status = show_json(session, &config, &parent);
	else if (status == CLI_DONE) {
		status = print_results(&session->run, &parent);
		if (status == CLI_DONE)
			status = print_curves(session);
		if (status == CLI_DONE)
			status = print_options(session, &config);
	}
	cvt_session_close(session);
	return status;
}

static int run_show(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	struct cvt_run run;
	int status = cli_parse(command, argc, argv, &args);
	if (status != CLI_DONE)
		return status < 0 ? CLI_DONE : status;
	status = cli_run(&args, args.positional[0], &run);
	if (status == CLI_DONE)
		status = show(&run, args.json);
	cli_args_finish(&args);
	return status;
}

const struct cli_command cli_show_command = {
	.name = "show", .arguments = "RUN", .help = "a run's results, curves as text, options", .example = "convtui show last",
	.min_positional = 1, .max_positional = 1, .run = run_show,
};
