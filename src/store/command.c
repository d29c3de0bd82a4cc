/* command.c - the front end's side of the inbox; see convtui/store.h. The runner's side is inbox.c. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "convtui/store.h"
#include "convtui/text.h"
#include "store/inbox.h"

static bool made_of(const char *text, size_t least, size_t most, const char *characters)
{
	size_t n = strlen(text);

	return n >= least && n <= most && strspn(text, characters) == n;
}

bool cvt_command_name_ok(const char *name)
{
	return made_of(name, 1, 23, "abcdefghijklmnopqrstuvwxyz-");
}

bool cvt_command_value_ok(const char *value)
{
	return made_of(value, 0, 63, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.+-");
}

bool cvt_command_id_ok(const char *id)
{
	return made_of(id, 1, 23, "0123456789abcdefghijklmnopqrstuvwxyz");
}

/* 13 digits of microseconds, which sort; 6 of host and process; 4 of a counter. A clock that went back does not turn our own
 * commands round: each is at least a microsecond after the one before. */
static void make_id(char id[24])
{
	static atomic_uint_fast64_t last;
	static atomic_uint counter;
	char host[64] = "";
	uint64_t now = (uint64_t)(1e6 * cvt_clock_wall()), before = atomic_load(&last), mine;
	int pid = (int)getpid();

	do {
		mine = now > before ? now : before + 1;
	} while (!atomic_compare_exchange_weak(&last, &before, mine));
	gethostname(host, sizeof host - 1);

	uint32_t origin = cvt_crc32c(cvt_crc32c(0, host, strlen(host)), &pid, sizeof pid);

	snprintf(id, 24, "%013" PRIx64 "%06" PRIx32 "%04x", mine & 0xfffffffffffff, origin & 0xffffff, atomic_fetch_add(&counter, 1) & 0xffff);
}

static int write_command(const char *temporary, const char *path, const char *text, struct cvt_error *err)
{
	int fd = cvt_file_open_write(temporary, O_CREAT | O_EXCL, err);

	if (fd < 0)
		return fd;

	int status = cvt_file_write_all(fd, temporary, text, strlen(text), err);

	if (close(fd) != 0 && status == CVT_OK)
		status = cvt_fail_errno(err, errno, "cannot close %s", temporary);
	/* No fsync: a screen must not wait for a disk, and a command lost with the power was not confirmed. */
	if (status == CVT_OK)
		status = cvt_file_rename(temporary, path, err);
	if (status != CVT_OK)
		unlink(temporary);
	return status;
}

int cvt_run_command(const char *folder, const char *name, const char *value, char ret_id[24], struct cvt_error *err)
{
	char id[24], path[1200], temporary[1200], text[128];
	struct stat st;

	if (value == NULL)
		value = "";
	if (!cvt_command_name_ok(name))
		return cvt_fail(err, CVT_ERR_RANGE, "command \"%.40s\": no such command", name);
	if (!cvt_command_value_ok(value))
		return cvt_fail(err, CVT_ERR_RANGE, "%s \"%.80s\": not a value of a command", name, value);
	if ((size_t)snprintf(path, sizeof path, "%s/inbox", folder) >= sizeof path)
		return cvt_fail(err, CVT_ERR_RANGE, "path too long: %.100s...", folder);
	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "%s is not a run: it has no inbox", folder);
	make_id(id);
	if ((size_t)snprintf(path, sizeof path, "%s/inbox/%s.cmd", folder, id) >= sizeof path ||
		(size_t)snprintf(temporary, sizeof temporary, "%s/inbox/%s.tmp", folder, id) >= sizeof temporary)
		return cvt_fail(err, CVT_ERR_RANGE, "path too long: %.100s...", folder);
	snprintf(text, sizeof text, "%s%s%s\n", name, *value ? " " : "", value);

	int status = write_command(temporary, path, text, err);

	if (status == CVT_OK && ret_id != NULL)
		memcpy(ret_id, id, sizeof id);
	return status;
}
