/* predict.c - `convtui predict RUN IMAGE...`: class and probabilities of pictures, folders of them, or names on standard input. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/checkpoint.h"
#include "cli/cli.h"
#include "cli/names.h"
#include "convtui/dataset.h"
#include "convtui/model.h"
#include "convtui/text.h"

#define DEEPEST 16          /* folders within folders: a link to a parent must end */

struct job {
	struct cvt_predictor *predictor;
	char **paths;                /* [group]: the first n wait to be classified together */
	int n, group;
	struct cvt_prediction *predictions;
	float *probabilities;        /* [group, n_classes] */
	int n_classes;
	int n_others;                /* files of folders that are no pictures by their names */
	bool json, failed;
};

static void print_json(const struct job *job, const char *path, int class_index, const float *probabilities)
{
	json_t *all = json_object();

	for (int i = 0; i < job->n_classes; i++) {
		char name[256];

		cvt_text_clean(name, sizeof name, cvt_predictor_class(job->predictor, i));
		json_object_set_new(all, name, cli_json_real((double)probabilities[i]));
	}
	cli_json(json_pack("{s:o s:o s:o s:o}", "path", cli_json_text(path), "class",
		cli_json_text(cvt_predictor_class(job->predictor, class_index)), "probability",
		cli_json_real((double)probabilities[class_index]), "probabilities", all));
}

static void print_text(const struct job *job, const char *path, int class_index, const float *probabilities)
{
	char text[1024];

	cvt_text_clean(text, sizeof text, path);
	printf("%s  ", text);
	cvt_text_clean(text, sizeof text, cvt_predictor_class(job->predictor, class_index));
	printf("%s  ", text);
	for (int i = 0; i < job->n_classes; i++) {
		cvt_text_clean(text, sizeof text, cvt_predictor_class(job->predictor, i));
		printf("%s%s %.6f", i ? ", " : "", text, (double)probabilities[i]);
	}
	putchar('\n');
	fflush(stdout);
}

static void fail(struct job *job, const struct cvt_error *err)
{
	cli_fail(err);
	job->failed = true;
}

/* A picture that cannot be read is said in its place and passed over; the exit code tells of it. */
static void finish_group(struct job *job)
{
	cvt_predictor_classify(job->predictor, (const char *const *)job->paths, job->n, job->predictions, job->probabilities);
	for (int i = 0; i < job->n; i++) {
		const struct cvt_prediction *prediction = &job->predictions[i];
		const float *probabilities = job->probabilities + (size_t)i * (size_t)job->n_classes;

		if (prediction->status < 0)
			fail(job, &prediction->error);
		else if (job->json)
			print_json(job, job->paths[i], prediction->class_index, probabilities);
		else
			print_text(job, job->paths[i], prediction->class_index, probabilities);
		free(job->paths[i]);
	}
	job->n = 0;
}

/* What is wrong with something that is no picture; said after those before it. */
static void fail_in_order(struct job *job, const struct cvt_error *err)
{
	finish_group(job);
	fail(job, err);
}

static void add_picture(struct job *job, const char *path)
{
	struct cvt_error err;
	char *copy = strdup(path);

	if (!copy) {
		cvt_fail(&err, CVT_ERR_MEMORY, "%s: no memory for its name", path);
		fail_in_order(job, &err);
		return;
	}
	job->paths[job->n++] = copy;
	if (job->n == job->group)
		finish_group(job);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_byte(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void take_path(struct job *job, const char *path, int depth);

static void take_folder(struct job *job, const char *path, int depth)
{
	struct dirent **entries;
	struct cvt_error err;
	int n = scandir(path, &entries, not_hidden, by_byte);

	if (n < 0) {
		cvt_fail_errno(&err, errno, "%s", path);
		fail_in_order(job, &err);
		return;
	}
	for (int i = 0; i < n; i++) {
		char *name;

		if (asprintf(&name, "%s/%s", path, entries[i]->d_name) >= 0) {
			take_path(job, name, depth + 1);
			free(name);
		} else {
			cvt_fail(&err, CVT_ERR_MEMORY, "%s/%s: no memory for its name", path, entries[i]->d_name);
			fail_in_order(job, &err);
		}
		free(entries[i]);
	}
	free(entries);
}

static void pass_over(struct job *job, const char *path)
{
	struct cvt_error err;

	cvt_fail(&err, CVT_ERR_RANGE, "%s: passed over: a folder %d folders deep, or a link that leads back; name it to look into it", path, DEEPEST);
	fail_in_order(job, &err);
}

static void take_path(struct job *job, const char *path, int depth)
{
	struct stat status;
	bool there = stat(path, &status) == 0;

	/* In a folder as training has it: what is no picture by its name is none of our business. What was named itself is tried. */
	if (there && depth > 0 && S_ISREG(status.st_mode) && !cvt_picture_name(path))
		job->n_others++;
	else if (!there || !S_ISDIR(status.st_mode))
		add_picture(job, path);
	else if (depth < DEEPEST)
		take_folder(job, path, depth);
	else
		pass_over(job, path);
}

/* Who writes a name and waits for its answer gets it: nothing is held back for names that may come. */
static void take_names(struct job *job)
{
	struct cli_names names = {.fd = STDIN_FILENO};
	enum cli_names_status status;
	struct cvt_error err;
	const char *name;

	do {
		status = cli_names_next(&names, job->n == 0, &name, &err);
		if (status == CLI_NAMES_NAME)
			take_path(job, name, 0);
		else if (status == CLI_NAMES_NONE_NOW)
			finish_group(job);
		else if (status != CLI_NAMES_END)
			fail_in_order(job, &err);
	} while (status != CLI_NAMES_END && status != CLI_NAMES_FAILED);
}

static int open_job(struct job *job, const char *run_folder, const char *checkpoint, struct cvt_error *err)
{
	int rc = cvt_predictor_open(run_folder, checkpoint, 0, &job->predictor, err);

	if (rc < 0)
		return rc;
	job->n_classes = cvt_predictor_n_classes(job->predictor);
	job->group = cvt_predictor_group(job->predictor);
	job->paths = malloc((size_t)job->group * sizeof *job->paths);
	job->predictions = malloc((size_t)job->group * sizeof *job->predictions);
	job->probabilities = malloc((size_t)job->group * (size_t)job->n_classes * sizeof *job->probabilities);
	if (!job->paths || !job->predictions || !job->probabilities)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for %d pictures of %d classes", job->group, job->n_classes);
	return CVT_OK;
}

static void close_job(struct job *job)
{
	free(job->paths);
	free(job->predictions);
	free(job->probabilities);
	cvt_predictor_close(job->predictor);
}

/* To a person only: what reads the lines, also those of errors, finds pictures in them and nothing else. */
static void say_checkpoint(const struct job *job)
{
	char text[128];

	if (job->json || !isatty(STDERR_FILENO))
		return;
	cli_checkpoint_text(cvt_predictor_checkpoint(job->predictor), text, sizeof text);
	fprintf(stderr, "by %s\n", text);
}

static int predict_all(const struct cli_args *args, const struct cvt_run *run, const char *checkpoint)
{
	struct job job = {.json = args->json};
	struct cvt_error err;

	if (open_job(&job, run->folder, checkpoint, &err) < 0) {
		close_job(&job);
		return cli_fail(&err);
	}
	say_checkpoint(&job);
	for (int i = 1; i < args->n_positional; i++) {
		if (strcmp(args->positional[i], "-") == 0)
			take_names(&job);
		else
			take_path(&job, args->positional[i], 0);
	}
	finish_group(&job);
	close_job(&job);
	if (job.n_others)
		fprintf(stderr, "convtui: %d file%s passed over: no picture%s by name\n", job.n_others, job.n_others == 1 ? "" : "s",
			job.n_others == 1 ? "" : "s");
	return job.failed ? CLI_FAILED : CLI_DONE;
}

static int predict(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	struct cvt_run run;
	const char *checkpoint;
	char path[sizeof run.folder + 32];
	int rc = cli_parse(command, argc, argv, &args);

	if (rc != CLI_DONE)
		return rc < 0 ? CLI_DONE : rc;
	rc = cli_run(&args, args.positional[0], &run);
	if (rc == CLI_DONE)
		rc = cli_checkpoint(&run, args.flags[0], path, sizeof path, &checkpoint);
	if (rc == CLI_DONE)
		rc = predict_all(&args, &run, checkpoint);
	cli_args_finish(&args);
	return rc;
}

const struct cli_command cli_predict_command = {.name = "predict", .arguments = "RUN IMAGE...",
	.help = "class and probabilities of each picture, by the best checkpoint; a folder, or - for names on standard input",
	.flags = (const struct cli_flag[]){CLI_CHECKPOINT_FLAG, {0}},
	.example = "find . -name '*.jpg' | convtui predict last -", .min_positional = 2, .max_positional = -1, .run = predict};
