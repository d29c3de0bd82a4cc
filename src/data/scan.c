/* scan.c - walking a data folder. See scan.h.
 *
 * The folder may be anybody's: links to files and folders are followed, as ImageFolder does, but a folder that is its own ancestor or was
 * there before, a FIFO or a device is named and left alone, and nothing here opens a file. It may also be a disk, or on a network: whoever waits
 * is told how far it is, and can end it. */
#include "data/scan.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "convtui/text.h"

enum { MAX_DEPTH = 32, MAX_PATH = 4096, MAX_CLASSES = 10000 };

/* A folder on the way down; the chain to the root tells a loop. */
struct level { dev_t device; ino_t inode; const struct level *above; int depth; };

struct cvt_visited { dev_t device; ino_t inode; };   /* both 0: free */

struct names { char **names; int n, room; };

static int no_memory(struct cvt_error *err)
{
	return cvt_fail(err, CVT_ERR_MEMORY, "no memory for the list of pictures");
}

/* Room for one more element of `size` bytes. */
static bool grow(void **list, int n, int *room, size_t size)
{
	if (n < *room)
		return true;
	const int wanted = *room ? 2 * *room : 64;
	void *moved = *room < (1 << 29) ? realloc(*list, (size_t)wanted * size) : NULL;
	if (!moved)
		return false;
	*list = moved;
	*room = wanted;
	return true;
}

int cvt_bad_add(struct cvt_bad_file **list, int *n, int *room, const char *path, const char *reason, struct cvt_error *err)
{
	char *path_copy = strdup(path), *reason_copy = strdup(reason);
	if (!path_copy || !reason_copy || !grow((void **)list, *n, room, sizeof(**list))) {
		free(path_copy);
		free(reason_copy);
		return no_memory(err);
	}
	(*list)[(*n)++] = (struct cvt_bad_file){path_copy, reason_copy};
	return CVT_OK;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_finish(struct names *names)
{
	for (int i = 0; i < names->n; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct names){0};
}

/* Some ten times a second. CVT_ERR_CANCELLED: whoever waits has had enough. */
static int tell(struct cvt_scan *scan, struct cvt_error *err)
{
	const double now = cvt_clock_monotonic();
	if (!scan->progress || !scan->progress->step || now - scan->said < 0.1)
		return CVT_OK;
	scan->said = now;
	if (scan->progress->step(scan->progress->context, scan->n_files, 0, scan->n_bad, "listing"))
		return CVT_OK;
	return cvt_fail(err, CVT_ERR_CANCELLED, "stopped while listing the pictures of %s", scan->roots[0]);
}

static bool is_visited(const struct cvt_scan *scan, dev_t device, ino_t inode, size_t *ret_place)
{
	const size_t mask = scan->visited_room - 1;
	size_t i = (size_t)(((uint64_t)inode ^ (uint64_t)device << 40) * 0x9e3779b97f4a7c15u >> 32) & mask;
	while (scan->visited[i].device || scan->visited[i].inode) {
		if (scan->visited[i].device == device && scan->visited[i].inode == inode)
			return true;
		i = (i + 1) & mask;
	}
	*ret_place = i;
	return false;
}

/* At least half of the table stays free. */
static bool make_room(struct cvt_scan *scan)
{
	struct cvt_scan wider = {.visited_room = scan->visited_room ? 2 * scan->visited_room : 64};
	size_t place;
	if (2 * scan->n_visited < scan->visited_room)
		return true;
	wider.visited = calloc(wider.visited_room, sizeof(*wider.visited));
	if (!wider.visited)
		return false;
	for (size_t i = 0; i < scan->visited_room; i++) {
		const struct cvt_visited *old = &scan->visited[i];
		if ((old->device || old->inode) && !is_visited(&wider, old->device, old->inode, &place))
			wider.visited[place] = *old;
	}
	free(scan->visited);
	scan->visited = wider.visited;
	scan->visited_room = wider.visited_room;
	return true;
}

/* Notes that the walk has come to a folder. *ret_before: it was there before, for this class. */
static int visit(struct cvt_scan *scan, const struct stat *info, bool *ret_before, struct cvt_error *err)
{
	size_t place;
	if (!make_room(scan))
		return no_memory(err);
	*ret_before = is_visited(scan, info->st_dev, info->st_ino, &place);
	if (!*ret_before) {
		scan->visited[place] = (struct cvt_visited){info->st_dev, info->st_ino};
		scan->n_visited++;
	}
	return CVT_OK;
}

static void forget_visits(struct cvt_scan *scan)
{
	free(scan->visited);
	scan->visited = NULL;
	scan->n_visited = scan->visited_room = 0;
}

/* The entries of a folder that are not hidden, sorted by byte. */
static int list_folder(struct cvt_scan *scan, const char *path, struct names *names, struct cvt_error *err)
{
	DIR *folder = opendir(path);
	if (!folder)
		return cvt_fail_errno(err, errno, "the data folder %s cannot be opened", path);
	int status = CVT_OK;
	errno = 0;
	for (struct dirent *entry; !status && (entry = readdir(folder)); errno = 0) {
		status = tell(scan, err);
		if (status || entry->d_name[0] == '.')
			continue;
		char *copy = strdup(entry->d_name);
		if (!copy || !grow((void **)&names->names, names->n, &names->room, sizeof(char *))) {
			free(copy);
			status = no_memory(err);
		} else {
			names->names[names->n++] = copy;
		}
	}
	if (!status && errno)
		status = cvt_fail_errno(err, errno, "the data folder %s cannot be read", path);
	closedir(folder);
	if (!status && names->n)
		qsort(names->names, (size_t)names->n, sizeof(char *), compare_names);
	return status;
}

static bool is_folder(const char *folder, const char *name)
{
	char path[MAX_PATH];
	struct stat info;
	return cvt_path_join(path, sizeof(path), folder, name, NULL) == CVT_OK && stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The folders in a folder, sorted by byte. */
static int list_folders(struct cvt_scan *scan, const char *path, struct names *ret_names, struct cvt_error *err)
{
	struct names all = {0};
	int status = list_folder(scan, path, &all, err), kept = 0;
	for (int i = 0; i < all.n; i++) {
		if (!status)
			status = tell(scan, err);
		if (!status && is_folder(path, all.names[i]))
			all.names[kept++] = all.names[i];
		else
			free(all.names[i]);
	}
	all.n = kept;
	if (status)
		names_finish(&all);
	else
		*ret_names = all;
	return status;
}

bool cvt_picture_name(const char *name)
{
	static const char *const endings[] = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"};
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < sizeof(endings) / sizeof(*endings); i++)
		if (strcasecmp(dot, endings[i]) == 0)
			return true;
	return false;
}

static int add_file(struct cvt_scan *scan, const char *path, int root, int class_index, int part, const struct stat *info,
	struct cvt_error *err)
{
	char *copy = strdup(path);
	if (!copy || !grow((void **)&scan->files, scan->n_files, &scan->file_room, sizeof(*scan->files))) {
		free(copy);
		return no_memory(err);
	}
	scan->files[scan->n_files++] = (struct cvt_found){.path = copy, .root = root, .class_index = class_index, .part = part,
		.size = info->st_size, .mtime = (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec};
	return CVT_OK;
}

static int add_bad(struct cvt_scan *scan, const char *path, const char *reason, struct cvt_error *err)
{
	return cvt_bad_add(&scan->bad, &scan->n_bad, &scan->bad_room, path, reason, err);
}

/* Why a folder or an entry cannot be taken; NULL: it can. */
static const char *why_no_folder(const struct stat *info, const struct level *above)
{
	if (above && above->depth >= MAX_DEPTH)
		return "folders nested too deep";
	for (const struct level *l = above; l; l = l->above)
		if (l->device == info->st_dev && l->inode == info->st_ino)
			return "a loop of links";
	return NULL;
}

static const char *kind_name(mode_t mode)
{
	return S_ISFIFO(mode) ? "a FIFO, not a file" : S_ISSOCK(mode) ? "a socket, not a file" : "a device, not a file";
}

/* Walks `path` (relative to its root) for one class. */
static int walk(struct cvt_scan *scan, int root, const char *path, int class_index, int part, const struct level *above,
	struct cvt_error *err)
{
	char full[MAX_PATH], below[MAX_PATH];
	struct stat info;
	struct names names = {0};
	struct cvt_error why;
	if (cvt_path_join(full, sizeof(full), scan->roots[root], path, NULL))
		return add_bad(scan, path, "its path is too long", err);
	if (stat(full, &info) != 0)
		return add_bad(scan, path, strerror(errno), err);
	const char *reason = why_no_folder(&info, above);
	if (reason)
		return add_bad(scan, path, reason, err);
	bool before = false;
	int status = visit(scan, &info, &before, err);
	if (status)
		return status;
	if (before)
		return add_bad(scan, path, "a folder of this class already, by another path", err);
	const struct level here = {info.st_dev, info.st_ino, above, above ? above->depth + 1 : 0};
	status = list_folder(scan, full, &names, &why);
	if (status == CVT_ERR_MEMORY || status == CVT_ERR_CANCELLED) {
		names_finish(&names);
		return cvt_fail(err, status, "%s", why.message);
	}
	if (status) {
		names_finish(&names);
		return add_bad(scan, path, status == CVT_ERR_PERMISSION ?
			"a folder that may not be read: Permission denied" : "a folder that cannot be read", err);
	}
	for (int i = 0; i < names.n && !status; i++) {
		const bool picture = cvt_picture_name(names.names[i]);
		status = tell(scan, err);
		if (status)
			break;
		if (cvt_path_join(below, sizeof(below), path, names.names[i], NULL) ||
			cvt_path_join(full, sizeof(full), scan->roots[root], below, NULL))
			status = add_bad(scan, names.names[i], "its path is too long", err);
		else if (stat(full, &info) != 0)
			status = errno == ELOOP ? add_bad(scan, below, "a loop of links", err) : errno == ENOENT ?
				add_bad(scan, below, "a link to nowhere", err) : add_bad(scan, below, strerror(errno), err);
		else if (S_ISDIR(info.st_mode))
			status = walk(scan, root, below, class_index, part, &here, err);
		else if (!S_ISREG(info.st_mode))
			status = add_bad(scan, below, kind_name(info.st_mode), err);
		else if (picture)
			status = add_file(scan, below, root, class_index, part, &info, err);
		else
			scan->n_others++;
	}
	names_finish(&names);
	return status;
}

static int find_class(const struct cvt_scan *scan, const char *name)
{
	for (int i = 0; i < scan->n_classes; i++)
		if (strcmp(scan->classes[i], name) == 0)
			return i;
	return -1;
}

static void near_classes(const struct cvt_scan *scan, char *text, size_t size)
{
	size_t at = 0;
	text[0] = 0;
	for (int i = 0; i < scan->n_classes && at + 80 < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%.60s", i ? ", " : "", scan->classes[i]);
}

/* One part's class folders, below `folder` ("" : the root itself). The first part defines the classes, the others match them. */
static int scan_part(struct cvt_scan *scan, int root, const char *folder, int part, bool defines, struct cvt_error *err)
{
	char full[MAX_PATH], path[MAX_PATH], known[256];
	struct names names = {0};
	int status = folder[0] ? cvt_path_join(full, sizeof(full), scan->roots[root], folder, err) : CVT_OK;
	if (!status)
		status = list_folders(scan, folder[0] ? full : scan->roots[root], &names, err);
	if (status)
		return status;
	if (defines) {
		scan->classes = names.names;
		scan->n_classes = names.n;
	}
	if (names.n > MAX_CLASSES)
		status = cvt_fail(err, CVT_ERR_RANGE, "%s holds %d folders: at most %d classes", scan->roots[root], names.n, MAX_CLASSES);
	for (int i = 0; i < names.n && !status; i++) {
		const int class_index = defines ? i : find_class(scan, names.names[i]);
		if (class_index < 0) {
			near_classes(scan, known, sizeof(known));
			status = cvt_fail(err, CVT_ERR_NOT_FOUND, "class folder \"%s\" of %s is none of the training classes (%s): rename or remove it",
				names.names[i], folder[0] ? full : scan->roots[root], known);
			break;
		}
		if (folder[0])
			status = cvt_path_join(path, sizeof(path), folder, names.names[i], err);
		else
			snprintf(path, sizeof(path), "%s", names.names[i]);
		if (!status)
			status = walk(scan, root, path, class_index, part, NULL, err);
		forget_visits(scan);
	}
	if (!defines)
		names_finish(&names);
	return status;
}

/* Are the root's only folders train and val or validation, perhaps test? ret_val: which of the two names; "" : not parts. Parts that
 * are not complete are refused: as classes they would train in earnest, to tell training from test pictures. */
static int find_parts(struct cvt_scan *scan, const char **ret_val, bool *ret_test, struct cvt_error *err)
{
	struct names names = {0};
	const char *root = scan->roots[0];
	const int status = list_folders(scan, root, &names, err);
	if (status)
		return status;
	bool train = false, val = false, validation = false, test = false, other = false;
	for (int i = 0; i < names.n; i++) {
		const char *name = names.names[i];
		bool *which = !strcmp(name, "train") ? &train : !strcmp(name, "val") ? &val : !strcmp(name, "validation") ? &validation :
			!strcmp(name, "test") ? &test : &other;
		*which = true;
	}
	const int names_of_parts = names.n;
	names_finish(&names);
	if (!other && names_of_parts > 1 && (!train || val == validation))
		return cvt_fail(err, CVT_ERR_FORMAT, "the folders of %s are parts of a set, not classes, but %s: give the part to train on as the data, and "
			"with --val the part to validate on", root, !train ? "none is train" : val ? "there are both val and validation" :
			"neither val nor validation is among them");
	*ret_val = other || !train || val == validation ? "" : val ? "val" : "validation";
	*ret_test = test;
	return CVT_OK;
}

static int compare_files(const void *a, const void *b)
{
	const struct cvt_found *x = a, *y = b;
	if (x->class_index != y->class_index)
		return x->class_index < y->class_index ? -1 : 1;
	const int order = strcmp(x->path, y->path);
	return order ? order : x->root - y->root;
}

static int check_classes(const struct cvt_scan *scan, struct cvt_error *err)
{
	if (scan->n_classes == 0)
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "%s holds no class folders: give a folder with one folder of pictures for each class",
			scan->roots[0]);
	if (scan->n_classes == 1)
		return cvt_fail(err, CVT_ERR_RANGE, "%s holds one class only (%s): at least two are needed", scan->roots[0], scan->classes[0]);
	for (int c = 0, i = 0; c < scan->n_classes; c++) {
		while (i < scan->n_files && scan->files[i].class_index < c)
			i++;
		if (i < scan->n_files && scan->files[i].class_index == c)
			continue;
		const size_t length = strlen(scan->classes[c]);
		for (int b = 0; b < scan->n_bad; b++)
			if (strncmp(scan->bad[b].path, scan->classes[c], length) == 0)
				return cvt_fail(err, CVT_ERR_NOT_FOUND, "class folder \"%s\" of %s holds no picture (%s: %s)", scan->classes[c],
					scan->roots[0], scan->bad[b].path, scan->bad[b].reason);
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "class folder \"%s\" of %s holds no picture: add some or remove the folder",
			scan->classes[c], scan->roots[0]);
	}
	return CVT_OK;
}

int cvt_scan_folder(const char *data, const char *val, const struct cvt_dataset_progress *progress, struct cvt_scan *scan,
	struct cvt_error *err)
{
	const char *part_val = "";
	bool test = false, extra = val && val[0];
	struct stat info;
	*scan = (struct cvt_scan){.roots = {strdup(data), extra ? strdup(val) : NULL}, .progress = progress};
	if (!scan->roots[0] || (extra && !scan->roots[1]))
		return no_memory(err);
	for (int i = 0; i < (extra ? 2 : 1); i++) {
		if (stat(scan->roots[i], &info) != 0)
			return cvt_fail_errno(err, errno, "the data folder %s cannot be opened", scan->roots[i]);
		if (!S_ISDIR(info.st_mode))
			return cvt_fail(err, CVT_ERR_FORMAT, "%s is not a folder: give a folder with one folder of pictures for each class",
				scan->roots[i]);
	}
	int status = extra ? CVT_OK : find_parts(scan, &part_val, &test, err);
	scan->parts = part_val[0] != 0;
	if (!status && scan->parts) {
		status = scan_part(scan, 0, "train", CVT_PART_TRAIN, true, err);
		if (!status)
			status = scan_part(scan, 0, part_val, CVT_PART_VAL, false, err);
		if (!status && test)
			status = scan_part(scan, 0, "test", CVT_PART_TEST, false, err);
	} else if (!status) {
		status = scan_part(scan, 0, "", CVT_PART_OPEN, true, err);
		if (!status && extra)
			status = scan_part(scan, 1, "", CVT_PART_VAL, false, err);
	}
	if (!status && scan->n_files)
		qsort(scan->files, (size_t)scan->n_files, sizeof(*scan->files), compare_files);
	return status ? status : check_classes(scan, err);
}

void cvt_scan_finish(struct cvt_scan *scan)
{
	for (int i = 0; i < scan->n_classes; i++)
		free(scan->classes[i]);
	for (int i = 0; i < scan->n_files; i++)
		free(scan->files[i].path);
	for (int i = 0; i < scan->n_bad; i++) {
		free(scan->bad[i].path);
		free(scan->bad[i].reason);
	}
	free(scan->classes);
	free(scan->files);
	free(scan->bad);
	forget_visits(scan);
	free(scan->roots[0]);
	free(scan->roots[1]);
	*scan = (struct cvt_scan){0};
}
