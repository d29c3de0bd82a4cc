/* evaluate.c - `convtui evaluate RUN`: accuracy, confusion matrix, recall and precision of each class. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/checkpoint.h"
#include "convtui/dataset.h"
#include "convtui/model.h"
#include "convtui/text.h"

enum { FLAG_DATA, FLAG_PART, FLAG_CHECKPOINT };
static const char *const parts[CVT_N_PARTS] = {"train", "val", "test"};

/* part NULL: not one of the run, all of another folder. */
static void print_json(const struct cvt_evaluation *e, const char *part)
{
	json_t *confusion = json_array(), *classes = json_array();

	for (int i = 0; i < e->n_classes; i++) {
		json_t *row = json_array();

		for (int k = 0; k < e->n_classes; k++)
			json_array_append_new(row, json_integer(e->confusion[(size_t)i * (size_t)e->n_classes + (size_t)k]));
		json_array_append_new(confusion, row);
		json_array_append_new(classes, json_pack("{s:o s:o s:o}", "name", cli_json_text(e->class_names[i]), "recall",
			cli_json_real(e->recall[i]), "precision", cli_json_real(e->precision[i])));
	}
	cli_json(json_pack("{s:i s:o s:o s:o s:o s:o s:i s:o}", "images", e->images, "accuracy", cli_json_real(e->accuracy), "loss",
		cli_json_real(e->loss), "confusion", confusion, "per_class", classes, "checkpoint", cli_json_text(e->checkpoint.file), "epoch",
		e->checkpoint.epoch, "part", cli_json_text(part)));
}

static void print_share(double value)
{
	if (isnan(value))
		printf("%11s", "-");
	else
		printf("%10.3f%%", value);
}

/* data NULL: the run's own pictures. */
static void print_text(const struct cvt_evaluation *e, int part, const char *data)
{
	static const char *const names[CVT_N_PARTS] = {"training", "validation", "test"};
	char name[64], checkpoint[128], folder[1024];

	cli_checkpoint_text(&e->checkpoint, checkpoint, sizeof checkpoint);
	cvt_text_clean(folder, sizeof folder, data ? data : "");
	if (data)
		printf("all of %s, by %s\n", folder, checkpoint);
	else
		printf("%s part, by %s\n", names[part], checkpoint);
	printf("%d pictures, accuracy %.3f%%, loss %.6f\n\n", e->images, e->accuracy, e->loss);
	printf("%-24s%11s%11s   predicted, in the same order\n", "true class", "recall", "precision");
	for (int i = 0; i < e->n_classes; i++) {
		cvt_text_clean(name, sizeof name, e->class_names[i]);
		printf("%-24s", name);
		print_share(e->recall[i]);
		print_share(e->precision[i]);
		printf("   ");
		for (int k = 0; k < e->n_classes; k++)
			printf("%7lld", (long long)e->confusion[(size_t)i * (size_t)e->n_classes + (size_t)k]);
		putchar('\n');
	}
}

static int part_of(const char *name)
{
	for (int i = 0; name && i < CVT_N_PARTS; i++)
		if (strcmp(parts[i], name) == 0)
			return i;
	return name ? -1 : CVT_PART_VAL;
}

static int evaluate(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	struct cvt_evaluation evaluation;
	struct cvt_config given;
	struct cvt_error err;
	struct cvt_run run;
	const char *checkpoint, *data;
	char path[sizeof run.folder + 32];
	int part, rc = cli_parse(command, argc, argv, &args);

	if (rc != CLI_DONE)
		return rc < 0 ? CLI_DONE : rc;
	data = args.flags[FLAG_DATA];
	part = part_of(args.flags[FLAG_PART]);
	if (part < 0)
		rc = cli_wrong("--part %s: must be train, val or test", args.flags[FLAG_PART]);
	if (rc == CLI_DONE)
		rc = cli_run(&args, args.positional[0], &run);
	if (rc == CLI_DONE)
		rc = cli_checkpoint(&run, args.flags[FLAG_CHECKPOINT], path, sizeof path, &checkpoint);
	/* As the option of that name takes it. */
	const struct cvt_option *option = cvt_option_find("data");
	if (rc == CLI_DONE && data) {
		cvt_config_init(&given);
		rc = cvt_config_set(&given, option, data, &err) != CVT_OK ? cli_fail(&err) : CLI_DONE;
		data = given.data;
	}
	if (rc == CLI_DONE && cvt_evaluate(run.folder, checkpoint, data, part, 0, &evaluation, &err) < 0)
		rc = cli_fail(&err);
	else if (rc == CLI_DONE) {
		if (args.json)
			print_json(&evaluation, data ? NULL : parts[part]);
		else
			print_text(&evaluation, part, data);
		cvt_evaluation_finish(&evaluation);
	}
	cli_args_finish(&args);
	return rc;
}

const struct cli_command cli_evaluate_command = {.name = "evaluate", .arguments = "RUN",
	.help = "accuracy, confusion matrix, recall and precision of each class: of the validation part, by the best checkpoint",
	.example = "convtui evaluate last --data pictures",
	.flags = (const struct cli_flag[]){{"data", "DIR", "a folder of class folders, instead of the run's own pictures"},
		{"part", "PART", "train, val or test of the run's own pictures (val)"}, CLI_CHECKPOINT_FLAG, {0}},
	.min_positional = 1, .max_positional = 1, .run = evaluate};
