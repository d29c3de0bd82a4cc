/* predict.c - `convtui predict RUN IMAGE...`: class and probabilities of pictures, folders of them, or names on standard input. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "convtui/model.h"
#include "convtui/text.h"

#define DEEPEST 16          /* folders within folders: a link to a parent must end */

struct job {
	struct cvt_predictor *predictor;
	float *probabilities;
	int n_classes;
	bool json, failed;
};

static void print_json(const struct job *job, const char *path, int class_index)
{
	json_t *all = json_object();

	for (int i = 0; i < job->n_classes; i++) {
		char name[256];

		cvt_text_clean(name, sizeof name, cvt_predictor_class(job->predictor, i));
		json_object_set_new(all, name, cli_json_real((double)job->probabilities[i]));
	}
	cli_json(json_pack("{s:o s:o s:o s:o}", "path", cli_json_text(path), "class",
		cli_json_text(cvt_predictor_class(job->predictor, class_index)), "probability",
		cli_json_real((double)job->probabilities[class_index]), "probabilities", all));
}

static void print_text(const struct job *job, const char *path, int class_index)
{
	char text[1024];

	cvt_text_clean(text, sizeof text, path);
	printf("%s  ", text);
	cvt_text_clean(text, sizeof text, cvt_predictor_class(job->predictor, class_index));
	printf("%s  ", text);
	for (int i = 0; i < job->n_classes; i++) {
		cvt_text_clean(text, sizeof text, cvt_predictor_class(job->predictor, i));
		printf("%s%s %.6f", i ? ", " : "", text, (double)job->probabilities[i]);
	}
	putchar('\n');
	fflush(stdout);
}

/* A picture that cannot be read is said and passed over; the exit code tells of it. */
static void classify(struct job *job, const char *path)
{
	struct cvt_error err;
	int class_index;

	if (cvt_predictor_classify(job->predictor, path, job->probabilities, &class_index, &err) < 0) {
		cli_fail(&err);
		job->failed = true;
	} else if (job->json) {
		print_json(job, path, class_index);
	} else {
		print_text(job, path, class_index);
	}
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
		cli_fail(&err);
		job->failed = true;
		return;
	}
	for (int i = 0; i < n; i++) {
		char *name;

		if (asprintf(&name, "%s/%s", path, entries[i]->d_name) >= 0) {
			take_path(job, name, depth + 1);
			free(name);
		}
		free(entries[i]);
	}
	free(entries);
}

static void pass_over(struct job *job, const char *path)
{
	struct cvt_error err;

	cvt_fail(&err, CVT_ERR_RANGE, "%s: passed over: a folder %d folders deep, or a link that leads back; name it to look into it", path, DEEPEST);
	cli_fail(&err);
	job->failed = true;
}

static void take_path(struct job *job, const char *path, int depth)
{
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode))
		classify(job, path);
	else if (depth < DEEPEST)
		take_folder(job, path, depth);
	else
		pass_over(job, path);
}

static void take_names(struct job *job)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	while ((length = getline(&line, &room, stdin)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = 0;
		if (line[0])
			take_path(job, line, 0);
	}
	free(line);
}

static int predict_all(const struct cli_args *args, const struct cvt_run *run)
{
	struct job job = {.json = args->json};
	struct cvt_error err;

	if (cvt_predictor_open(run->folder, NULL, 0, &job.predictor, &err) < 0)
		return cli_fail(&err);
	job.n_classes = cvt_predictor_n_classes(job.predictor);
	job.probabilities = calloc((size_t)job.n_classes, sizeof *job.probabilities);
	if (!job.probabilities) {
		cvt_predictor_close(job.predictor);
		cvt_fail(&err, CVT_ERR_MEMORY, "no memory for %d classes", job.n_classes);
		return cli_fail(&err);
	}
	for (int i = 1; i < args->n_positional; i++) {
		if (strcmp(args->positional[i], "-") == 0)
			take_names(&job);
		else
			take_path(&job, args->positional[i], 0);
	}
	free(job.probabilities);
	cvt_predictor_close(job.predictor);
	return job.failed ? CLI_FAILED : CLI_DONE;
}

static int predict(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	struct cvt_run run;
	int rc = cli_parse(command, argc, argv, &args);

	if (rc != CLI_DONE)
		return rc < 0 ? CLI_DONE : rc;
	rc = cli_run(&args, args.positional[0], &run);
	if (rc == CLI_DONE)
		rc = predict_all(&args, &run);
	cli_args_finish(&args);
	return rc;
}

const struct cli_command cli_predict_command = {.name = "predict", .arguments = "RUN IMAGE...",
	.help = "class and probabilities of each picture; a folder, or - for names on standard input",
	.example = "find . -name '*.jpg' | convtui predict last -", .min_positional = 2, .max_positional = -1, .run = predict};
