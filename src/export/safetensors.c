/* safetensors.c - the plain state_dict of a run; see convtui/export.h. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "convtui/export.h"
#include "convtui/store.h"
#include "store/checkpoint.h"

static const char optimizer[] = "optimizer.", variance[] = ".running_var", counter[] = ".num_batches_tracked";

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

struct selection { struct cvt_array *arrays; char (*names)[256]; int n, n_names; };

/* Keeps what a state_dict has. PyTorch counts the batches of every batch norm in the name.num_batches_tracked beside its statistics and
 * misses it with strict=True; the count is the run's. */
static int choose(const struct cvt_safetensors *file, const int64_t *batches, struct selection *s, struct cvt_error *err)
{
	s->arrays = calloc(2 * (size_t)file->n_arrays + 1, sizeof *s->arrays);
	s->names = calloc((size_t)file->n_arrays + 1, sizeof *s->names);
	if (s->arrays == NULL || s->names == NULL)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory to export %d arrays", file->n_arrays);
	for (int i = 0; i < file->n_arrays; i++) {
		const struct cvt_array *a = &file->arrays[i];
		size_t stem = strlen(a->name) - (ends_in(a->name, variance) ? sizeof variance - 1 : 0);

		if (strncmp(a->name, optimizer, sizeof optimizer - 1) == 0)
			continue;
		if (a->dtype == CVT_DTYPE_OTHER)
			return cvt_fail(err, CVT_ERR_UNSUPPORTED, "array %s is neither F32 nor I64: this is no checkpoint of convtui", a->name);
		s->arrays[s->n++] = *a;
		if (!ends_in(a->name, variance))
			continue;

		char *name = s->names[s->n_names++];

		if ((size_t)snprintf(name, 256, "%.*s%s", (int)stem, a->name, counter) >= 256)
			return cvt_fail(err, CVT_ERR_RANGE, "array name too long: %.100s...", a->name);
		if (cvt_safetensors_find(file, name) == NULL)
			s->arrays[s->n++] = (struct cvt_array){.name = name, .dtype = CVT_I64, .data = batches};
	}
	return CVT_OK;
}

static int checkpoint_path(const char *run_folder, const char *checkpoint, char *path, size_t size, struct cvt_error *err)
{
	if (checkpoint != NULL && strchr(checkpoint, '/') != NULL) {
		if ((size_t)snprintf(path, size, "%s", checkpoint) >= size)
			return cvt_fail(err, CVT_ERR_RANGE, "path too long: %.100s...", checkpoint);
		return CVT_OK;
	}
	return cvt_path_join(path, size, run_folder, checkpoint != NULL ? checkpoint : "best.safetensors", err);
}

/* A run's files are its own: an export over its checkpoint or its rows would lose it. */
static int check_place(const char *path, struct cvt_error *err)
{
	char folder[4096], real[PATH_MAX];
	struct cvt_run run;

	cvt_path_folder(folder, sizeof folder, path);
	if (realpath(folder, real) == NULL || cvt_run_read(real, &run, NULL) != CVT_OK)
		return CVT_OK;                 /* no run's; or the writing says what is wrong */
	return cvt_fail(err, CVT_ERR_RANGE, "%s: its folder is that of run %s, whose files are its own: name a place outside of it", path, run.name);
}

int cvt_export_safetensors(const char *run_folder, const char *checkpoint, const char *path, struct cvt_error *err)
{
	static const struct cvt_pair metadata[] = {{"format", "pt"}};
	char from[4096];
	struct cvt_safetensors file = {0};
	struct cvt_checkpoint_state state;
	struct selection s = {0};
	int status = *path == '\0' ? cvt_fail(err, CVT_ERR_RANGE, "the name of the file to write is empty") : check_place(path, err);

	if (status == CVT_OK)
		status = checkpoint_path(run_folder, checkpoint, from, sizeof from, err);
	if (status == CVT_OK)
		status = cvt_checkpoint_read(from, &file, &state, err);
	if (status == CVT_ERR_NOT_FOUND && checkpoint == NULL)
		return cvt_fail(err, status, "%s has no best.safetensors yet: name another checkpoint, or train an epoch", run_folder);
	if (status != CVT_OK)
		return status;
	status = choose(&file, &state.batch, &s, err);
	if (status == CVT_OK)
		status = cvt_safetensors_write(path, s.arrays, s.n, metadata, 1, err);
	free(s.arrays);
	free(s.names);
	cvt_safetensors_finish(&file);
	return status;
}
