/* create.c - a run's beginning, and its way to the trash; see convtui/store.h. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "convtui/store.h"
#include "convtui/text.h"
#include "store/init.h"
#include "store/live.h"

#define NEW_PREFIX ".new-"
enum { MAX_TRIES = 10000, HALF_MADE_SECONDS = 24 * 3600 };

/* The number of a name "DATE-N-..." of this date; 0: another. */
static int number_of(const char *name, const char *date)
{
	size_t n = strlen(date);
	int number = 0;

	if (strncmp(name, date, n) != 0 || name[n] != '-')
		return 0;
	for (name += n + 1; isdigit((unsigned char)*name) && number < 10000000; name++)
		number = 10 * number + *name - '0';
	return *name == '-' || *name == 0 ? number : 0;
}

/* The largest number in use on this date; with `wanted` above 0: 1 when that one is in use, else 0. */
static int numbers_in_use(const char *store, const char *date, int wanted)
{
	int most = 0, used = 0;
	struct dirent *entry;
	DIR *folder = opendir(store);

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		int number = number_of(entry->d_name, date);

		most = number > most ? number : most;
		used = used || (wanted > 0 && number == wanted);
	}
	if (folder != NULL)
		closedir(folder);
	return wanted > 0 ? used : most;
}

/* Claims a number by mkdir of a hidden name, which only one of several can do; the look after it sees what was renamed before. */
static int claim_number(const char *store, const char *date, char *claim, size_t size, int *ret_number, struct cvt_error *err)
{
	int first = numbers_in_use(store, date, 0) + 1;

	for (int number = first; number < first + MAX_TRIES; number++) {
		if ((size_t)snprintf(claim, size, "%s/.claim-%s-%d", store, date, number) >= size)
			return cvt_fail(err, CVT_ERR_RANGE, "path too long: %.100s...", store);
		if (mkdir(claim, 0700) != 0) {
			if (errno == EEXIST)
				continue;
			return cvt_fail_errno(err, errno, "cannot create a run in %s", store);
		}
		if (!numbers_in_use(store, date, number)) {
			*ret_number = number;
			return CVT_OK;
		}
		rmdir(claim);
	}
	return cvt_fail(err, CVT_ERR_RANGE, "no free number for a run in %s: %d names are taken by abandoned claims", store, MAX_TRIES);
}

static int fill(const char *folder, const struct cvt_new_run *what, struct cvt_error *err)
{
	char path[1200], page[CVT_LIVE_SIZE];
	struct cvt_live live;
	int status = what->init != NULL ? cvt_init_take(what->init, folder, err) : CVT_OK;

	if (status == CVT_OK)
		status = cvt_path_join(path, sizeof path, folder, "config.yaml", err);
	if (status == CVT_OK)
		status = cvt_file_replace(path, what->config_yaml, strlen(what->config_yaml), err);
	if (status == CVT_OK)
		status = cvt_path_join(path, sizeof path, folder, "inbox", err);
	if (status == CVT_OK)
		status = cvt_folder_create(path, err);
	if (status == CVT_OK)
		status = cvt_path_join(path, sizeof path, folder, "live", err);
	if (status != CVT_OK)
		return status;
	cvt_live_init(&live);
	live.state = CVT_STATE_QUEUED;
	snprintf(live.network, sizeof live.network, "%s", what->network != NULL ? what->network : "");
	live.parameters = what->parameters;
	live.lr = what->lr;
	live.batch_size = what->batch_size;
	live.epochs = what->epochs;
	live.updated = cvt_clock_wall();
	cvt_live_format(&live, live.updated, page);
	return cvt_file_replace(path, page, sizeof page, err);
}

/* Renames the whole folder to its name; the number is ours, so the name is free unless somebody made it by hand. */
static int publish(const char *store, const char *hidden, const char *short_name, char folder[1024], struct cvt_error *err)
{
	char date[16], claim[1200];
	time_t now = (time_t)cvt_clock_wall();
	struct tm local;
	int number = 0, status;

	localtime_r(&now, &local);
	strftime(date, sizeof date, "%Y-%m-%d", &local);
	status = claim_number(store, date, claim, sizeof claim, &number, err);
	if (status != CVT_OK)
		return status;
	if ((size_t)snprintf(folder, 1024, "%s/%s-%d-%s", store, date, number, short_name) >= 1024)
		status = cvt_fail(err, CVT_ERR_RANGE, "path too long: %.100s...", store);
	else
		status = cvt_file_rename_new(hidden, folder, err);
	rmdir(claim);
	return status;
}

static bool short_name_ok(const char *name)
{
	size_t n = name == NULL ? 0 : strlen(name);

	return n >= 1 && n <= 32 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

int cvt_run_create(const char *store, const struct cvt_new_run *what, struct cvt_run *ret_run, struct cvt_error *err)
{
	char hidden[1024], folder[1024];
	int status;

	if (!short_name_ok(what->short_name))
		return cvt_fail(err, CVT_ERR_RANGE, "run name \"%s\": 1 to 32 of a-z, 0-9 and -", what->short_name ? what->short_name : "");
	if ((size_t)snprintf(hidden, sizeof hidden, "%s/" NEW_PREFIX "XXXXXX", store) + 64 >= sizeof hidden)
		return cvt_fail(err, CVT_ERR_RANGE, "path too long: %.100s...", store);
	status = cvt_folder_create(store, err);
	if (status != CVT_OK)
		return status;
	if (mkdtemp(hidden) == NULL)
		return cvt_fail_errno(err, errno, "cannot create a run in %s", store);
	status = fill(hidden, what, err);
	if (status == CVT_OK)
		status = publish(store, hidden, what->short_name, folder, err);
	if (status != CVT_OK) {
		(void)!cvt_folder_remove(hidden, NULL);
		return status;
	}
	status = cvt_folder_sync(store, err);
	return status != CVT_OK ? status : cvt_run_read(folder, ret_run, err);
}

/* Is `folder` an entry of `store` itself? Only such a one is removed. */
static bool inside_store(const char *store, const char *folder, char name[256])
{
	char parent[4096];
	struct stat a, b, own;
	size_t length = strlen(folder);

	while (length > 1 && folder[length - 1] == '/')
		length--;

	const char *slash = memrchr(folder, '/', length), *base = slash == NULL ? folder : slash + 1;

	snprintf(parent, sizeof parent, "%.*s", slash == NULL ? 1 : slash == folder ? 1 : (int)(slash - folder), slash == NULL ? "." : folder);
	snprintf(name, 256, "%.*s", (int)(folder + length - base), base);
	return cvt_path_component_ok(name) && name[0] != '.' && stat(store, &a) == 0 && stat(parent, &b) == 0 && a.st_dev == b.st_dev &&
		a.st_ino == b.st_ino && lstat(folder, &own) == 0 && S_ISDIR(own.st_mode);
}

/* The trash of the store, if it is there. A link of that name would lead elsewhere: nothing is put behind it, and nothing there is removed. */
static int look_at_trash(const char *store, char *trash, size_t size, bool *ret_there, struct cvt_error *err)
{
	struct stat st;
	int status = cvt_path_join(trash, size, store, ".trash", err);

	if (status != CVT_OK)
		return status;
	*ret_there = lstat(trash, &st) == 0;
	if (!*ret_there)
		return errno == ENOENT ? CVT_OK : cvt_fail_errno(err, errno, "cannot look at %s", trash);
	return S_ISDIR(st.st_mode) ? CVT_OK : cvt_fail(err, CVT_ERR_FORMAT, "%s is %s, not a folder: move it away", trash,
		S_ISLNK(st.st_mode) ? "a link" : "there");
}

static int move_to_trash(const char *store, const char *folder, const char *name, struct cvt_error *err)
{
	char trash[1100], target[1500];
	bool there;
	int status = look_at_trash(store, trash, sizeof trash, &there, err);

	if (status == CVT_OK)
		status = cvt_folder_create(trash, err);
	for (int i = 0; status == CVT_OK && i < MAX_TRIES; i++) {
		if ((size_t)snprintf(target, sizeof target, i == 0 ? "%s/%s" : "%s/%s.%d", trash, name, i) >= sizeof target)
			return cvt_fail(err, CVT_ERR_RANGE, "path too long: %.100s...", trash);
		status = cvt_file_rename_new(folder, target, err);
		if (status != CVT_ERR_BUSY)
			return status;
		status = CVT_OK; /* one of that name is in the trash already */
	}
	return status != CVT_OK ? status : cvt_fail(err, CVT_ERR_RANGE, "the trash is full of runs named %s: empty it", name);
}

int cvt_run_remove(const char *store, const char *folder, struct cvt_error *err)
{
	char lock[1200], name[256];
	struct cvt_run run;
	int fd, status;

	if (!inside_store(store, folder, name))
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "%s is not a run of the store %s", folder, store);
	if (cvt_run_read(folder, &run, err) == CVT_ERR_NOT_FOUND)
		return CVT_ERR_NOT_FOUND;
	status = cvt_path_join(lock, sizeof lock, folder, "lock", err);
	if (status != CVT_OK)
		return status;
	status = cvt_lock_take(lock, &fd, err);
	if (status == CVT_ERR_BUSY)
		return cvt_fail(err, CVT_ERR_BUSY, "%s is being trained: stop it first", name);
	if (status != CVT_OK)
		return status;
	status = move_to_trash(store, folder, name, err);
	close(fd);
	return status;
}

/* A folder with a live page, as all that cvt_run_remove brings; anything else was laid there by somebody. */
static bool is_removed_run(const char *path)
{
	char live[1500];
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && cvt_path_join(live, sizeof live, path, "live", NULL) == CVT_OK && lstat(live, &st) == 0;
}

/* The live page goes last: what is left of a run where this was cut off is still seen to be one. */
static int remove_for_good(const char *path, struct cvt_error *err)
{
	char file[1800];
	struct dirent *entry;
	int status = CVT_OK;
	DIR *folder = opendir(path);

	if (folder == NULL)
		return cvt_fail_errno(err, errno, "cannot open %s", path);
	while (status == CVT_OK && (entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || strcmp(entry->d_name, "live") == 0)
			continue;
		status = cvt_path_join(file, sizeof file, path, entry->d_name, err);
		if (status == CVT_OK)
			status = cvt_folder_remove(file, err);
	}
	closedir(folder);
	return status == CVT_OK ? cvt_folder_remove(path, err) : status;
}

/* What creations that were killed have left, with the weights that they copied; not one that goes on now. */
static int remove_half_made(const char *store, struct cvt_error *err)
{
	char path[1400];
	struct dirent *entry;
	struct stat st;
	int status = CVT_OK;
	DIR *folder = opendir(store);

	if (folder == NULL)
		return errno == ENOENT ? CVT_OK : cvt_fail_errno(err, errno, "cannot open %s", store);
	while (status == CVT_OK && (entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, NEW_PREFIX, sizeof NEW_PREFIX - 1) != 0)
			continue;
		status = cvt_path_join(path, sizeof path, store, entry->d_name, err);
		if (status == CVT_OK && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && cvt_clock_wall() - (double)st.st_mtim.tv_sec > HALF_MADE_SECONDS)
			status = cvt_folder_remove(path, err);
	}
	closedir(folder);
	return status;
}

int cvt_store_empty_trash(const char *store, int *ret_n, struct cvt_error *err)
{
	char trash[1100], path[1400];
	struct dirent *entry;
	bool there;
	int n = 0, status = look_at_trash(store, trash, sizeof trash, &there, err);

	if (status != CVT_OK)
		return status;

	DIR *folder = there ? opendir(trash) : NULL;

	if (there && folder == NULL)
		return cvt_fail_errno(err, errno, "cannot open %s", trash);
	while (folder != NULL && status == CVT_OK && (entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		status = cvt_path_join(path, sizeof path, trash, entry->d_name, err);
		if (status != CVT_OK || !is_removed_run(path))
			continue;
		status = remove_for_good(path, err);
		n += status == CVT_OK;
	}
	if (folder != NULL)
		closedir(folder);
	if (status == CVT_OK)
		status = remove_half_made(store, err);
	if (status == CVT_OK)
		*ret_n = n;
	return status;
}
