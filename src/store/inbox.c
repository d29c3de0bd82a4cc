/* inbox.c - the runner's side of the inbox: takes the oldest command, logs it, removes it; see store/writer.h. */
#include "store/inbox.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "convtui/text.h"
#include "store/rows.h"
#include "store/writer_private.h"

enum { COMMAND_LIMIT = 128, CSV_LIMIT = 64 << 20 };

static int add_id(struct cvt_writer *w, const char *id, struct cvt_error *err)
{
	if (w->n_ids == w->capacity_ids) {
		int capacity = w->capacity_ids == 0 ? 64 : 2 * w->capacity_ids;
		void *more = realloc(w->ids, (size_t)capacity * sizeof w->ids[0]);

		if (more == NULL)
			return cvt_fail(err, CVT_ERR_MEMORY, "no memory for %d commands", capacity);
		w->ids = more;
		w->capacity_ids = capacity;
	}
	memset(w->ids[w->n_ids], 0, sizeof w->ids[0]);
	memcpy(w->ids[w->n_ids++], id, strlen(id));
	return CVT_OK;
}

static bool known_id(const struct cvt_writer *w, const char *id)
{
	for (int i = w->n_ids - 1; i >= 0; i--)
		if (strcmp(w->ids[i], id) == 0)
			return true;
	return false;
}

int cvt_writer_commands(struct cvt_writer *w, struct cvt_command_row **ret_rows, int *ret_n, struct cvt_error *err)
{
	char *text, *rest, *line;
	size_t size;
	int n = 0, lines = 0, status = cvt_file_read(w->commands.path, CSV_LIMIT, &text, &size, err);

	if (status != CVT_OK)
		return status;
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';

	struct cvt_command_row *rows = calloc((size_t)lines + 1, sizeof *rows);

	if (rows == NULL) {
		free(text);
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for %d commands", lines);
	}
	rest = text;
	strsep(&rest, "\n"); /* the header */
	for (int i = 2; rest != NULL && (line = strsep(&rest, "\n")) != NULL && rest != NULL; i++) {
		if (cvt_command_parse(line, &rows[n])) {
			n++;
			continue;
		}
		/* What steered a run cannot be guessed: a resume without it would go another way in silence. */
		free(rows);
		free(text);
		return cvt_fail_at(err, CVT_ERR_FORMAT, w->commands.path, i, 0, "not a command: restore the line or remove it");
	}
	free(text);
	*ret_rows = rows;
	*ret_n = n;
	return CVT_OK;
}

int cvt_writer_load_ids(struct cvt_writer *w, struct cvt_error *err)
{
	struct cvt_command_row *rows;
	int n, status = cvt_writer_commands(w, &rows, &n, err);

	if (status != CVT_OK)
		return status;
	for (int i = 0; i < n && status == CVT_OK; i++)
		status = add_id(w, rows[i].id, err);
	free(rows);
	return status;
}

/* The id of a name "ID.cmd"; false: another name. */
static bool id_of_name(const char *name, char id[24])
{
	const char *dot = strrchr(name, '.');
	size_t n = dot == NULL ? 0 : (size_t)(dot - name);

	if (n == 0 || n > 23 || strcmp(dot, ".cmd") != 0)
		return false;
	memcpy(id, name, n);
	id[n] = 0;
	return cvt_command_id_ok(id);
}

/* Half-written commands end in .tmp and are their writer's business. */
static bool is_temporary(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && strcmp(name + n - 4, ".tmp") == 0;
}

static bool remove_anything(const char *path)
{
	struct stat st;

	if (unlink(path) == 0)
		return true;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && cvt_folder_remove(path, NULL) == CVT_OK;
}

/* Finds the oldest command, and the first name that is none (once it is removed; what cannot be removed is passed over). Removes
 * commands that are in commands.csv: a runner that was killed between logging and removing left them. */
static int look(struct cvt_writer *w, const char *inbox, char oldest[24], char foreign[256], struct cvt_error *err)
{
	char path[1500], id[24];
	struct dirent *entry;
	DIR *folder = opendir(inbox);

	if (folder == NULL)
		return cvt_fail_errno(err, errno, "cannot look into %s", inbox);
	while ((entry = readdir(folder)) != NULL && *foreign == 0) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || is_temporary(name))
			continue;
		snprintf(path, sizeof path, "%s/%s", inbox, name);
		if (!id_of_name(name, id)) {
			if (remove_anything(path))
				snprintf(foreign, 256, "%s", name);
		} else if (known_id(w, id)) {
			unlink(path);
		} else if (*oldest == 0 || strcmp(id, oldest) < 0) {
			memcpy(oldest, id, sizeof id);
		}
	}
	closedir(folder);
	return CVT_OK;
}

static bool parse_command(char *text, size_t size, struct cvt_inbox_command *command)
{
	if (size < 2 || strlen(text) != size || text[size - 1] != '\n')
		return false;
	text[size - 1] = 0;

	char *value = text, *name = strsep(&value, " ");

	if (value == NULL)
		value = text + size - 1;
	if (!cvt_command_name_ok(name) || !cvt_command_value_ok(value))
		return false;
	snprintf(command->name, sizeof command->name, "%s", name);
	snprintf(command->value, sizeof command->value, "%s", value);
	return true;
}

static int command_path(const struct cvt_writer *w, const char *id, char *path, size_t size, struct cvt_error *err)
{
	if ((size_t)snprintf(path, size, "%s/inbox/%s.cmd", w->folder, id) >= size)
		return cvt_fail(err, CVT_ERR_RANGE, "path too long: %.100s...", w->folder);
	return CVT_OK;
}

int cvt_writer_next_command(struct cvt_writer *w, struct cvt_inbox_command *ret_command, struct cvt_error *err)
{
	char inbox[1200], path[1200], foreign[256] = "";
	struct cvt_inbox_command command = {0};
	char *text;
	size_t size;
	int status = cvt_path_join(inbox, sizeof inbox, w->folder, "inbox", err);

	if (status == CVT_OK)
		status = look(w, inbox, command.id, foreign, err);
	if (status != CVT_OK)
		return status;
	if (*foreign != 0)
		return cvt_fail(err, CVT_ERR_FORMAT, "inbox/%s is not a command and was removed", foreign);
	if (command.id[0] == 0)
		return 0;
	status = command_path(w, command.id, path, sizeof path, err);
	if (status != CVT_OK)
		return status;
	status = cvt_file_read(path, COMMAND_LIMIT, &text, &size, err);
	if (status != CVT_OK && status != CVT_ERR_FORMAT && status != CVT_ERR_RANGE)
		return status;

	bool good = status == CVT_OK && parse_command(text, size, &command);

	if (status == CVT_OK)
		free(text);
	if (good) {
		*ret_command = command;
		return 1;
	}
	if (!remove_anything(path))
		return cvt_fail_errno(err, errno, "inbox/%s.cmd is not a command and cannot be removed", command.id);
	return cvt_fail(err, CVT_ERR_FORMAT, "inbox/%s.cmd is not a command and was removed", command.id);
}

int cvt_writer_command_done(struct cvt_writer *w, const struct cvt_inbox_command *command, int64_t batch, struct cvt_error *err)
{
	char text[CVT_ROW_SIZE], path[1200];
	struct cvt_command_row row = {.batch = batch, .time = cvt_clock_wall()};
	int status = command_path(w, command->id, path, sizeof path, err);

	if (status != CVT_OK)
		return status;
	memcpy(row.id, command->id, sizeof row.id);
	memcpy(row.name, command->name, sizeof row.name);
	memcpy(row.value, command->value, sizeof row.value);
	if (!known_id(w, command->id)) {
		int64_t before = w->commands.length;

		status = cvt_append_row(&w->commands, text, cvt_command_format(&row, text), err);
		if (status == CVT_OK) {
			status = cvt_file_sync(w->commands.fd, w->commands.path, true, err);
			if (status != CVT_OK) /* not known to be on the disk: the caller tries again, and the log must not have it twice */
				(void)!cvt_append_truncate(&w->commands, before, NULL);
		}
		if (status == CVT_OK)
			status = add_id(w, command->id, err);
		if (status != CVT_OK)
			return status;
	}
	unlink(path); /* should it stay, its id is known and the next look removes it */
	return CVT_OK;
}

bool cvt_writer_take_stop(struct cvt_writer *w, int64_t batch)
{
	char inbox[1200], path[1500];
	struct dirent *entry;
	DIR *folder = cvt_path_join(inbox, sizeof inbox, w->folder, "inbox", NULL) == CVT_OK ? opendir(inbox) : NULL;
	bool found = false;

	while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
		struct cvt_inbox_command command = {0};
		char *text;
		size_t size;

		snprintf(path, sizeof path, "%s/%s", inbox, entry->d_name);
		if (!id_of_name(entry->d_name, command.id) || known_id(w, command.id) ||
			cvt_file_read(path, COMMAND_LIMIT, &text, &size, NULL) != CVT_OK)
			continue;
		found = parse_command(text, size, &command) && strcmp(command.name, "stop") == 0;
		free(text);
		if (found && cvt_writer_command_done(w, &command, batch, NULL) != CVT_OK)
			unlink(path);
	}
	if (folder != NULL)
		closedir(folder);
	return found;
}
