/* runs.c - where runs are, which there are, and which one a name means; see convtui/store.h. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "convtui/store.h"
#include "convtui/text.h"
#include "store/live.h"

enum { MAX_RUNS = 1000000 };

static int expand_store(char *path, size_t size, const char *what, const char *text, struct cvt_error *err)
{
	char clean[128];
	struct cvt_error inner;
	int status = cvt_path_expand(path, size, text, &inner);

	if (status == CVT_OK)
		return CVT_OK;
	cvt_text_clean(clean, sizeof clean, text);
	return cvt_fail(err, status, "%s '%s': %s", what, clean, inner.message);
}

int cvt_store_path(const char *override, char *path, size_t size, struct cvt_error *err)
{
	const char *runs = getenv("CONVTUI_RUNS"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	if (override != NULL && *override != 0)
		return expand_store(path, size, "--runs", override, err);
	else if (runs != NULL && *runs != 0)
		return expand_store(path, size, "CONVTUI_RUNS", runs, err);
	else if (state != NULL && *state == '/') /* the XDG specification: a relative path is to be ignored */
		n = snprintf(path, size, "%s/convtui/runs", state);
	else if (home != NULL && *home != 0)
		n = snprintf(path, size, "%s/.local/state/convtui/runs", home);
	else
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "no place for runs: set CONVTUI_RUNS or HOME, or give --runs DIR");
	if ((size_t)n >= size)
		return cvt_fail(err, CVT_ERR_RANGE, "the path of the run store is longer than %zu bytes", size - 1);
	return CVT_OK;
}

/* Where the lock may not be asked (another user's run, a file system without locks): is it certain that its process is no more? Only here, and a
 * process of another user counts as there. A number that was given to another process makes the run look alive, never the other way round. */
static bool is_gone(const struct cvt_live *live)
{
	char host[sizeof live->host];

	return live->pid > 0 && gethostname(host, sizeof host) == 0 && strncmp(host, live->host, sizeof host - 1) == 0 &&
		kill(live->pid, 0) != 0 && errno == ESRCH;
}

/* Reads the page, and whether it should have a runner and has none. The page is read again after the lock was seen free, and the lock
 * after that page: a runner that ends writes its last state before it lets go, one that starts takes the lock before it writes. */
static int read_state(const char *folder, struct cvt_run *run, struct cvt_error *err)
{
	char lock[1100];
	int status = cvt_path_join(lock, sizeof lock, folder, "lock", err);

	for (int i = 0; i < 2 && status == CVT_OK; i++) {
		status = cvt_live_read(folder, &run->live, &run->created, NULL, err);
		if (status != CVT_OK)
			break;

		int held = cvt_lock_held(lock);

		run->locked = held == 1;
		if (!cvt_state_alive(run->live.state) || held == 1 || (held < 0 && !is_gone(&run->live)))
			return CVT_OK;
	}
	if (status == CVT_OK)
		run->live.state = CVT_STATE_CRASHED;
	return status;
}

static const char *base_name(const char *folder)
{
	const char *slash = strrchr(folder, '/');

	return slash == NULL ? folder : slash + 1;
}

int cvt_run_read(const char *folder, struct cvt_run *ret_run, struct cvt_error *err)
{
	struct cvt_run run = {0};
	struct stat st;
	size_t length = strlen(folder);

	while (length > 1 && folder[length - 1] == '/')
		length--;
	if (length >= sizeof run.folder)
		return cvt_fail(err, CVT_ERR_RANGE, "path too long: %.100s...", folder);
	memcpy(run.folder, folder, length);
	cvt_text_clean(run.name, sizeof run.name, base_name(run.folder));

	int status = read_state(run.folder, &run, err);

	if (status != CVT_OK) {
		bool folder_there = stat(run.folder, &st) == 0 && S_ISDIR(st.st_mode);

		if (!folder_there)
			return cvt_fail(err, CVT_ERR_NOT_FOUND, "%s is not there: `convtui runs` lists the runs", run.folder);
		if (status == CVT_ERR_NOT_FOUND)
			return cvt_fail(err, CVT_ERR_NOT_FOUND, "%s is not a run: it has no live page", run.folder);
		return cvt_fail(err, status, "%s/live: %s", run.folder, err != NULL ? err->message : "cannot be read");
	}
	if (isnan(run.created))
		run.created = stat(run.folder, &st) == 0 ? (double)st.st_mtim.tv_sec : 0;
	*ret_run = run;
	return CVT_OK;
}

/* A run for the list: a damaged one is listed as failed, with the reason; false: not a run at all. */
static bool read_for_list(const char *store, const char *name, struct cvt_run *run)
{
	struct cvt_error err;
	struct stat st;
	char path[1200], config[1200];

	if (name[0] == '.' || !cvt_path_component_ok(name) || cvt_path_join(path, sizeof path, store, name, NULL) != CVT_OK ||
		strlen(path) >= sizeof run->folder)
		return false;
	if (cvt_run_read(path, run, &err) == CVT_OK)
		return true;
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return false;
	if (err.code == CVT_ERR_NOT_FOUND &&
		(cvt_path_join(config, sizeof config, path, "config.yaml", NULL) != CVT_OK || access(config, F_OK) != 0))
		return false;
	memset(run, 0, sizeof *run);
	snprintf(run->folder, sizeof run->folder, "%s", path);
	cvt_text_clean(run->name, sizeof run->name, name);
	cvt_live_init(&run->live);
	run->live.state = CVT_STATE_FAILED;
	cvt_text_clean(run->live.reason, sizeof run->live.reason, err.message);
	run->created = (double)st.st_mtim.tv_sec;
	return true;
}

static int older(const void *a, const void *b)
{
	const struct cvt_run *x = a, *y = b;

	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return strverscmp(x->name, y->name);
}

int cvt_store_list(const char *store, struct cvt_run **ret_runs, int *ret_n, struct cvt_error *err)
{
	struct cvt_run *runs = NULL;
	int n = 0, capacity = 0, status = CVT_OK;
	struct dirent *entry;
	DIR *folder = opendir(store);

	if (folder == NULL && errno != ENOENT)
		return cvt_fail_errno(err, errno, "cannot list the runs in %s", store);
	while (folder != NULL && status == CVT_OK && (entry = readdir(folder)) != NULL) {
		if (n == capacity) {
			capacity = capacity == 0 ? 64 : 2 * capacity;
			struct cvt_run *more = n >= MAX_RUNS ? NULL : realloc(runs, (size_t)capacity * sizeof *runs);

			if (more == NULL) {
				status = cvt_fail(err, CVT_ERR_MEMORY, "no memory for a list of %d runs in %s", n, store);
				break;
			}
			runs = more;
		}
		if (read_for_list(store, entry->d_name, &runs[n]))
			n++;
	}
	if (folder != NULL)
		closedir(folder);
	if (status != CVT_OK) {
		free(runs);
		return status;
	}
	if (n > 0)
		qsort(runs, (size_t)n, sizeof *runs, older);
	*ret_runs = runs;
	*ret_n = n;
	return CVT_OK;
}

/* Levenshtein's distance of texts of at most 95 bytes. */
static int distance(const char *a, const char *b)
{
	int row[96], n = (int)strnlen(b, 95);

	for (int j = 0; j <= n; j++)
		row[j] = j;
	for (int i = 0; a[i] != 0 && i < 95; i++) {
		int corner = row[0];

		row[0] = i + 1;
		for (int j = 1; j <= n; j++) {
			int change = corner + (a[i] != b[j - 1]), least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;

			corner = row[j];
			row[j] = change < least ? change : least;
		}
	}
	return row[n];
}

/* Appends ", NAME"; at the last that is said, ", ..." */
static void append_name(char *text, size_t size, int i, const char *name)
{
	size_t used = strlen(text);

	if (i < 5)
		snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "", name);
	else if (i == 5)
		snprintf(text + used, size - used, ", ...");
}

static int nothing_fits(const struct cvt_run *runs, int n, const char *name, const char *store, struct cvt_error *err)
{
	char near[600] = "";
	int picked[3], n_picked = 0;

	if (n == 0)
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "no run \"%s\": there are no runs in %s", name, store);
	for (; n_picked < 3 && n_picked < n; n_picked++) {
		int best = -1;

		for (int i = 0; i < n; i++) {
			bool taken = false;

			for (int k = 0; k < n_picked; k++)
				taken = taken || picked[k] == i;
			if (!taken && (best < 0 || distance(name, runs[i].name) < distance(name, runs[best].name)))
				best = i;
		}
		picked[n_picked] = best;
		append_name(near, sizeof near, n_picked, runs[best].name);
	}
	return cvt_fail(err, CVT_ERR_NOT_FOUND, "no run \"%s\": near are %s; `convtui runs` lists all", name, near);
}

/* "11-24-1" names 2026-11-24-1-cnn beside 2026-11-24-10-cnn: the table on the screen shows no more of a name. */
static bool fits_between_hyphens(const char *run, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = run; (at = strstr(at, name)) != NULL; at++) {
		if ((at == run || at[-1] == '-') && (at[length] == 0 || at[length] == '-'))
			return true;
	}
	return false;
}

static int pick(const struct cvt_run *runs, int n, const char *name, const char *store, struct cvt_run *ret_run,
	struct cvt_error *err)
{
	char fits[600] = "";
	int found = -1, count = 0, whole = -1, wholes = 0;

	if (strcmp(name, "last") == 0 && n > 0) {
		/* What waits in a queue has nothing to show yet: the newest that has begun, where one has. */
		int newest = n - 1;

		while (newest > 0 && runs[newest].live.state == CVT_STATE_QUEUED)
			newest--;
		*ret_run = runs[runs[newest].live.state == CVT_STATE_QUEUED ? n - 1 : newest];
		return CVT_OK;
	}
	for (int i = 0; i < n; i++) {
		if (strcmp(runs[i].name, name) == 0) {
			*ret_run = runs[i];
			return CVT_OK;
		}
		if (strstr(runs[i].name, name) != NULL) {
			append_name(fits, sizeof fits, count++, runs[i].name);
			found = i;
		}
		if (fits_between_hyphens(runs[i].name, name)) {
			whole = i;
			wholes++;
		}
	}
	if (wholes == 1) {
		*ret_run = runs[whole];
		return CVT_OK;
	}
	if (count == 0)
		return nothing_fits(runs, n, name, store, err);
	if (count > 1)
		return cvt_fail(err, CVT_ERR_RANGE, "\"%s\" fits %d runs: %s: give more of the name", name, count, fits);
	*ret_run = runs[found];
	return CVT_OK;
}

int cvt_store_find(const char *store, const char *name, struct cvt_run *ret_run, struct cvt_error *err)
{
	char path[1100];
	struct cvt_run *runs;
	int n, status;

	if (*name == 0)
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "no run has an empty name: `convtui runs` lists the runs");
	if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return cvt_run_read(name, ret_run, err);
	/* A whole name needs no list. */
	if (cvt_path_component_ok(name) && name[0] != '.' && cvt_path_join(path, sizeof path, store, name, NULL) == CVT_OK &&
		cvt_run_read(path, ret_run, NULL) == CVT_OK)
		return CVT_OK;
	status = cvt_store_list(store, &runs, &n, err);
	if (status != CVT_OK)
		return status;
	status = pick(runs, n, name, store, ret_run, err);
	free(runs);
	return status;
}
