/* cgroup.c - see base/cgroup.h.
 *
 * /proc/self/cgroup names our group in each hierarchy, /proc/self/mountinfo says where hierarchies are mounted and which of their
 * groups is the mount's root (a container sees only its own part). A limit may sit at any ancestor, so each is asked. */
#include "base/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "convtui/text.h"

enum { PATH = 4096, PROC_LIMIT = 4 << 20 };

static char *read_text(const char *root, const char *path)
{
	char full[2 * PATH];
	char *text;
	size_t size;

	if ((size_t)snprintf(full, sizeof full, "%s%s", root, path) >= sizeof full ||
		cvt_file_read(full, PROC_LIMIT, &text, &size, NULL) != CVT_OK)
		return NULL;
	return text;
}

/* Is `word` one of the comma-separated `list`? */
static bool listed(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = list; s != NULL && *s != 0; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL)
		if (strncmp(s, word, n) == 0 && (s[n] == ',' || s[n] == 0))
			return true;
	return false;
}

/* Our group's path in the hierarchy of `controller` (NULL: version 2) by /proc/self/cgroup: "4:memory:/a/b", "0::/a/b". */
static bool own_group(const char *root, const char *controller, char group[PATH])
{
	char *text = read_text(root, "/proc/self/cgroup"), *rest = text, *line;
	bool found = false;

	while (!found && (line = strsep(&rest, "\n")) != NULL) {
		char *list = strchr(line, ':'), *path = list == NULL ? NULL : strchr(list + 1, ':');

		if (path == NULL)
			continue;
		*list++ = 0;
		*path++ = 0;
		found = controller == NULL ? strcmp(line, "0") == 0 && *list == 0 : listed(list, controller);
		if (found)
			snprintf(group, PATH, "%s", path);
	}
	free(text);
	return found;
}

/* "36 35 0:31 /a /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory" */
static bool mount_of_line(char *line, const char *controller, char mount_root[PATH], char mount_point[PATH])
{
	char *type = strstr(line, " - "), *options = NULL, *field[5];

	if (type == NULL)
		return false;
	*type = 0;
	type += 3;
	for (int i = 0; i < 5; i++)
		if ((field[i] = strsep(&line, " ")) == NULL)
			return false;
	options = strrchr(type, ' ');
	if (options == NULL)
		return false;
	*options++ = 0;
	if (controller == NULL ? strncmp(type, "cgroup2 ", 8) != 0 : strncmp(type, "cgroup ", 7) != 0 || !listed(options, controller))
		return false;
	snprintf(mount_root, PATH, "%s", field[3]);
	snprintf(mount_point, PATH, "%s", field[4]);
	return true;
}

/* The folder of our group in the hierarchy, and the length of its mount point, where ancestors end. */
static bool group_folder(const char *root, const char *controller, char folder[PATH], size_t *ret_top)
{
	char group[PATH], mount_root[PATH], mount_point[PATH];
	char *text = read_text(root, "/proc/self/mountinfo"), *rest = text, *line;
	bool found = false;

	if (!own_group(root, controller, group)) {
		free(text);
		return false;
	}
	while (!found && (line = strsep(&rest, "\n")) != NULL)
		found = mount_of_line(line, controller, mount_root, mount_point);
	free(text);
	if (!found)
		return false;

	/* Outside of what is mounted ("/..", another part): the mount's own root is the nearest ancestor that can be seen. */
	size_t n = strcmp(mount_root, "/") == 0 ? 0 : strlen(mount_root);
	const char *below = strncmp(group, mount_root, n) == 0 && (group[n] == '/' || group[n] == 0) ? group + n : "";

	if (strstr(below, "/..") != NULL || strcmp(below, "/") == 0)
		below = "";
	*ret_top = strlen(mount_point);
	return (size_t)snprintf(folder, PATH, "%s%s", mount_point, below) < PATH;
}

/* The value of `file` in the folder; -1: none, "max", or not a number. */
static int64_t read_number(const char *root, const char *folder, const char *file, int field)
{
	char path[PATH + 64];
	int64_t value = -1;

	snprintf(path, sizeof path, "%s/%s", folder, file);

	char *text = read_text(root, path), *rest = text, *word = NULL;

	for (int i = 0; i <= field && rest != NULL; i++)
		word = strsep(&rest, " \n");
	if (word == NULL || !cvt_text_to_i64(word, &value) || value < 0)
		value = -1;
	free(text);
	return value;
}

/* The value of a line "key value" of memory.stat; 0: none. */
static int64_t read_stat(const char *root, const char *folder, const char *key)
{
	char path[PATH + 64];
	int64_t value = 0;

	snprintf(path, sizeof path, "%s/memory.stat", folder);

	char *text = read_text(root, path), *rest = text, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		char *number = strchr(line, ' ');

		if (number == NULL)
			continue;
		*number++ = 0;
		if (strcmp(line, key) == 0 && (!cvt_text_to_i64(number, &value) || value < 0))
			value = 0;
	}
	free(text);
	return value;
}

/* Goes from our group to the mount's root and keeps the least that `ask` (negative: no limit here) says. */
static double least_of_ancestors(const char *root, const char *controller,
	double (*ask)(const char *root, const char *folder, bool second), double none)
{
	char folder[PATH];
	size_t top;
	double least = none;

	if (!group_folder(root, controller, folder, &top))
		return none;
	for (;;) {
		double here = ask(root, folder, controller == NULL);

		if (here >= 0 && (least == none || here < least))
			least = here;

		char *slash = strrchr(folder, '/');

		if (slash == NULL || strlen(folder) <= top)
			return least;
		*slash = 0;
	}
}

static double processors_of(const char *root, const char *folder, bool second)
{
	int64_t quota = second ? read_number(root, folder, "cpu.max", 0) : read_number(root, folder, "cpu.cfs_quota_us", 0);
	int64_t period = second ? read_number(root, folder, "cpu.max", 1) : read_number(root, folder, "cpu.cfs_period_us", 0);

	return quota > 0 && period > 0 ? (double)quota / (double)period : -1;
}

static double memory_of(const char *root, const char *folder, bool second)
{
	int64_t limit = read_number(root, folder, second ? "memory.max" : "memory.limit_in_bytes", 0);
	int64_t used = read_number(root, folder, second ? "memory.current" : "memory.usage_in_bytes", 0);
	int64_t cache = read_stat(root, folder, second ? "inactive_file" : "total_inactive_file");

	if (second) { /* above memory.high the group is slowed to a crawl, which is no better than a limit */
		int64_t high = read_number(root, folder, "memory.high", 0);

		if (high >= 0 && (limit < 0 || high < limit))
			limit = high;
	}
	if (limit < 0 || used < 0)
		return -1;

	double left = (double)limit - (double)used + (double)(cache < used ? cache : used);

	return left > 0 ? left : 0;
}

/* A hybrid system has both: the controller is in one of them. */
static double least(double a, double b, double none)
{
	return a == none ? b : b == none ? a : a < b ? a : b;
}

double cvt_cgroup_processors(const char *root)
{
	return least(least_of_ancestors(root, NULL, processors_of, 0), least_of_ancestors(root, "cpu", processors_of, 0), 0);
}

int64_t cvt_cgroup_memory(const char *root)
{
	double left = least(least_of_ancestors(root, NULL, memory_of, -1), least_of_ancestors(root, "memory", memory_of, -1), -1);

	return left >= 0x1p62 ? -1 : (int64_t)left;
}
