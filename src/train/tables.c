/* tables.c - split.csv, confusion.csv and errors.csv: whole files, replaced by rename. */
#include "train/tables.h"

#include <stdlib.h>
#include <string.h>

#include "train/trainer.h"

void cvt_table_field(FILE *out, const char *text)
{
	if (!strpbrk(text, ",\"\n\r")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static const char *part_name(enum cvt_part part)
{
	static const char *const names[CVT_N_PARTS] = {"train", "val", "test"};

	return names[part];
}

struct file { const char *name; const char *text; size_t size; };

static int write_file(struct cvt_trainer *t, const void *what, struct cvt_error *err)
{
	const struct file *file = what;

	return cvt_writer_file(t->writer, file->name, file->text, file->size, err);
}

/* Closes a memory stream and writes what it holds; frees the text. */
static int finish(struct cvt_trainer *t, const char *name, FILE *out, char **text, size_t *size, struct cvt_error *err)
{
	bool failed = ferror(out) != 0;
	int rc;

	failed |= fclose(out) != 0;
	if (failed) {
		rc = cvt_fail(err, CVT_ERR_MEMORY, "no memory for %s", name);
	} else {
		struct file file = {name, *text, *size};

		rc = cvt_trainer_insist(t, write_file, &file, err);
	}
	free(*text);
	return rc;
}

int cvt_trainer_write_split(struct cvt_trainer *t, struct cvt_error *err)
{
	const struct cvt_dataset *dataset = t->dataset;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for split.csv");
	fputs("path,class,part\n", out);
	for (int i = 0; i < dataset->n_pictures; i++) {
		cvt_table_field(out, dataset->pictures[i].path);
		fputc(',', out);
		cvt_table_field(out, dataset->classes[dataset->pictures[i].class_index].name);
		fputc(',', out);
		fputs(part_name(dataset->pictures[i].part), out);
		fputc('\n', out);
	}
	return finish(t, "split.csv", out, &text, &size, err);
}

int cvt_trainer_write_tables(struct cvt_trainer *t, const struct cvt_pass *pass, const char *errors_text, size_t errors_size,
	struct cvt_error *err)
{
	struct file errors = {"errors.csv", errors_text, errors_size};
	int n = t->dataset->n_classes;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int rc;

	if (!out)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for confusion.csv");
	fputs("true", out);
	for (int i = 0; i < n; i++) {
		fputc(',', out);
		cvt_table_field(out, t->classes[i]);
	}
	for (int i = 0; i < n; i++) {
		fputc('\n', out);
		cvt_table_field(out, t->classes[i]);
		for (int k = 0; k < n; k++) {
			char count[24];

			snprintf(count, sizeof count, ",%lld", (long long)pass->confusion[(size_t)i * (size_t)n + (size_t)k]);
			fputs(count, out);
		}
	}
	fputc('\n', out);
	rc = finish(t, "confusion.csv", out, &text, &size, err);
	return rc < 0 ? rc : cvt_trainer_insist(t, write_file, &errors, err);
}
