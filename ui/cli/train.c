/* train.c - `convtui train`, and the training itself for resume and work. */
#include "cli/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/create.h"
#include "cli/lines.h"
#include "cli/table.h"
#include "convtui/runner.h"
#include "convtui/text.h"
#include "program.h"

struct report {
	struct cli_lines *lines;
	const char *folder, *name;
	bool json, quiet;
};

static void say_start(const struct report *report, const struct cvt_live *live)
{
	char parameters[32], test[48] = "";

	if (report->json) {
		cli_lines_json(report->lines, json_pack("{s:o s:o s:o s:I s:i s:i s:i}", "run", cli_json_text(report->name), "folder",
			cli_json_text(report->folder), "network", cli_json_text(live->network), "parameters", (json_int_t)live->parameters,
			"train_images", live->train_images, "val_images", live->val_images, "test_images", live->test_images));
		return;
	}
	cvt_text_thousands(live->parameters, parameters, sizeof parameters);
	cli_lines_text(report->lines, false, "run %s: %s, %s parameters", report->name, live->network, parameters);
	if (live->test_images > 0)
		snprintf(test, sizeof test, ", %d kept for a test", live->test_images);
	cli_lines_text(report->lines, false, "%d pictures to train on, %d to validate%s; batch %d, rate %g, %d thread%s", live->train_images,
		live->val_images, test, live->batch_size, live->lr, live->threads, live->threads == 1 ? "" : "s");
}

static void say_epoch(const struct report *report, const struct cvt_live *live, const struct cvt_epoch_row *row)
{
	char val[32] = "none";

	if (report->json) {
		cli_lines_json(report->lines, json_pack("{s:i s:i s:o s:o s:o s:o s:o}", "epoch", row->epoch, "epochs", live->epochs, "loss",
			cli_json_real(row->loss), "train_accuracy", cli_json_real(row->train_accuracy), "val_loss",
			cli_json_real(row->val_loss), "val_accuracy", cli_json_real(row->val_accuracy), "seconds",
			cli_json_real(row->seconds)));
		return;
	}
	if (!isnan(row->val_accuracy))
		snprintf(val, sizeof val, "%.3f%%", row->val_accuracy);
	cli_lines_text(report->lines, false, "epoch %d/%d  loss %.6f  train %.3f%%  val %s  %.1f s", row->epoch, live->epochs, row->loss,
		row->train_accuracy, val, row->seconds);
}

/* What to do about a run that diverged, with its checkpoint where it has one. */
static void say_branch(const struct report *report, double lr)
{
	char checkpoint[1200], config_path[1200], words[2][2400], rate[32];
	struct cvt_config config;
	cvt_config_init(&config);
	snprintf(config_path, sizeof config_path, "%s/config.yaml", report->folder);
	if (cvt_config_load(&config, config_path, NULL) != CVT_OK)
		return;
	cvt_config_resolve(&config);
	/* Not of a rate that was steered up, and harmed. */
	lr = lr > 0 && lr < config.lr ? lr : config.lr;
	bool kept = snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint.safetensors", report->folder) < (int)sizeof checkpoint &&
		access(checkpoint, R_OK) == 0;
	cvt_text_from_double(lr / 10, rate, sizeof rate);
	cli_lines_text(report->lines, true, "convtui: a new run with a tenth of the rate: %s train %s --lr %s%s%s", program_name(),
		program_word(config_path, words[0], sizeof words[0]), rate, kept ? " --init " : "",
		kept ? program_word(checkpoint, words[1], sizeof words[1]) : "");
}

static void say_end(const struct report *report, const struct cvt_runner_result *result)
{
	const struct cvt_live *live = &result->live;
	char best[64] = "no validation yet", memory[32], folder[2400];
	bool done = result->state == CVT_STATE_DONE;      /* its reason is no complaint */

	if (report->json) {
		cli_lines_json(report->lines, json_pack("{s:s s:o s:o s:o s:I}", "state", cvt_state_name(result->state), "reason",
			cli_json_text(result->reason), "best_val_accuracy", cli_json_real(live->best_val_accuracy), "seconds", cli_json_real(live->seconds), "peak_bytes",
			(json_int_t)live->peak_bytes));
	} else if (result->left) {
		cli_lines_text(report->lines, false, "not resumed: the run stays as it was, %s", cvt_state_name(live->state));
		cli_lines_text(report->lines, false, "%s", report->folder);
	} else {
		if (live->best_epoch > 0)
			snprintf(best, sizeof best, "best %.3f%% in epoch %d", live->best_val_accuracy, live->best_epoch);
		else if (live->val_images == 0)
			snprintf(best, sizeof best, "val none");
		cli_bytes(live->peak_bytes, memory, sizeof memory);
		cli_lines_text(report->lines, false, "%s: %s%s%s, %.1f s, peak memory %s", cvt_state_name(result->state), done ? result->reason : "",
			done && result->reason[0] ? ", " : "", best, isnan(live->seconds) ? 0 : live->seconds, memory);
		if (done && live->test_images > 0)
			cli_lines_text(report->lines, false, "the %d pictures of the test part were not used: %s evaluate %s --part test", live->test_images,
				program_name(), program_word(report->folder, folder, sizeof folder));
		cli_lines_text(report->lines, false, "%s", report->folder);
	}
	if (result->reason[0] && !done)
		cli_lines_text(report->lines, true, "convtui: %s: %s", report->name, result->reason);
	if (result->state == CVT_STATE_DIVERGED)
		say_branch(report, live->lr);
}

/* On the runner's main thread; the lines are written by another. */
static void on_event(void *context, const struct cvt_runner_event *event)
{
	const struct report *report = context;
	char text[1024];

	switch (event->kind) {
	case CVT_RUNNER_PREPARED:
		say_start(report, event->live);
		break;
	case CVT_RUNNER_EPOCH:
		say_epoch(report, event->live, event->epoch);
		break;
	case CVT_RUNNER_NOTE:
	case CVT_RUNNER_COMMAND:
		if (report->quiet)
			break;
		cvt_text_clean(text, sizeof text, event->text);
		cli_lines_text(report->lines, true, "%s", text);
		break;
	}
}

static int exit_code(enum cvt_state state)
{
	if (state == CVT_STATE_DONE)
		return CLI_DONE;
	return state == CVT_STATE_STOPPED ? CLI_STOPPED : CLI_FAILED;
}

int cli_train_run(const char *folder, const struct cli_train_options *options, bool *ret_asked, bool *ret_taken)
{
	const char *slash = strrchr(folder, '/');
	struct report report = {.folder = folder, .name = slash ? slash + 1 : folder, .json = options->json, .quiet = options->quiet,
		.lines = cli_lines_start()};
	const struct cvt_runner_options run = {.event = on_event, .context = &report, .catch_signals = true,
		.take_queued_only = options->queued_only, .changes = options->changes};
	struct cvt_runner_result result;
	struct cvt_error err;
	int rc;

	if (!report.lines) {
		cvt_fail(&err, CVT_ERR_MEMORY, "no memory for a thread that prints");
		return cli_fail(&err);
	}
	rc = cvt_runner_run(folder, &run, &result, &err);
	if (rc == CVT_OK)
		say_end(&report, &result);
	cli_lines_finish(report.lines);
	if (ret_taken)
		*ret_taken = rc == CVT_OK;
	if (ret_asked)
		*ret_asked = rc == CVT_OK && result.asked;
	if (rc == CVT_ERR_BUSY && options->queued_only)
		return CLI_DONE;
	return rc < 0 ? cli_fail(&err) : exit_code(result.state);
}

static int train(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	struct cvt_config config;
	struct cvt_run run;
	char store[1024];
	bool taken = true;
	int rc = cli_parse(command, argc, argv, &args);

	if (rc != CLI_DONE)
		return rc < 0 ? CLI_DONE : rc;
	rc = cli_config(&args, args.n_positional > 0 ? args.positional[0] : NULL, &config);
	if (rc == CLI_DONE)
		rc = cli_store(&args, store, sizeof store);
	if (rc == CLI_DONE)
		rc = cli_create(store, &config, args.n_positional > 0 ? args.positional[0] : NULL, &run);
	if (rc == CLI_DONE)
		rc = cli_train_run(run.folder, &(struct cli_train_options){.json = args.json}, NULL, &taken);
	/* Nobody queued it: the next `work` must not find it. */
	if (!taken && cvt_run_read(run.folder, &run, NULL) == CVT_OK && run.live.state == CVT_STATE_QUEUED)
		(void)!cvt_run_remove(store, run.folder, NULL);
	cli_args_finish(&args);
	return rc;
}

const struct cli_command cli_train_command = {.name = "train", .arguments = "[PRESET] [OPTIONS]",
	.help = "train a network here, a line an epoch", .example = "convtui train quick --epochs 3", .takes_options = true,
	.min_positional = 0, .max_positional = 1, .run = train};
