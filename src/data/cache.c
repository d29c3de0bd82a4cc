/* cache.c - see cache.h. */
#include "data/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "convtui/machine.h"
#include "convtui/text.h"

struct header {
	char magic[16];
	uint32_t crc;        /* of what follows in the header, and of the table */
	uint32_t n;
	uint64_t bytes, pixels_at;
};
static const char magic[16] = "convtui cache 1";

static uint32_t header_crc(const struct header *header, const struct cvt_prepared *table, int n)
{
	const size_t skip = offsetof(struct header, n);
	const uint32_t crc = cvt_crc32c(0, (const char *)header + skip, sizeof(*header) - skip);
	return cvt_crc32c(crc, table, (size_t)n * sizeof(*table));
}

int cvt_cache_folder(const char *given, char *path, size_t size, struct cvt_error *err)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int length;
	if (given)
		length = snprintf(path, size, "%s", given);
	else if (xdg && xdg[0] == '/')
		length = snprintf(path, size, "%s/convtui", xdg);
	else if (home && home[0] == '/')
		length = snprintf(path, size, "%s/.cache/convtui", home);
	else
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "no folder for the cache of pictures: set HOME or XDG_CACHE_HOME");
	if (length < 0 || (size_t)length >= size)
		return cvt_fail(err, CVT_ERR_RANGE, "the path of the cache folder is too long");
	return CVT_OK;
}

static int cache_init(int n, size_t bytes, struct cvt_cache *cache, struct cvt_error *err)
{
	const int64_t head = (int64_t)sizeof(struct header) + (int64_t)n * (int64_t)sizeof(struct cvt_prepared);
	*cache = (struct cvt_cache){.fd = -1, .n = n, .bytes = bytes, .pixels_at = (head + 4095) / 4096 * 4096};
	cache->table = calloc((size_t)n, sizeof(*cache->table));
	return cache->table ? CVT_OK : cvt_fail(err, CVT_ERR_MEMORY, "no memory for the table of %d pictures", n);
}

static int64_t cache_size(const struct cvt_cache *cache)
{
	return cache->pixels_at + (int64_t)cache->n * (int64_t)cache->bytes;
}

static int read_head(struct cvt_cache *cache, struct cvt_error *err)
{
	struct header header;
	struct stat info;
	const size_t table = (size_t)cache->n * sizeof(*cache->table);
	if (fstat(cache->fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size != cache_size(cache) ||
		cvt_file_pread_all(cache->fd, &header, sizeof(header), 0, NULL) != (ssize_t)sizeof(header) ||
		memcmp(header.magic, magic, sizeof(magic)) != 0 || header.n != (uint32_t)cache->n || header.bytes != cache->bytes ||
		header.pixels_at != (uint64_t)cache->pixels_at ||
		cvt_file_pread_all(cache->fd, cache->table, table, sizeof(header), NULL) != (ssize_t)table ||
		header_crc(&header, cache->table, cache->n) != header.crc)
		return cvt_fail(err, CVT_ERR_FORMAT, "the cache %s is damaged or not a cache", cache->path);
	for (int i = 0; i < cache->n; i++)
		cache->table[i].reason[sizeof(cache->table[i].reason) - 1] = 0;
	return CVT_OK;
}

int cvt_cache_open(const char *folder, const char *name, int n, size_t bytes, struct cvt_cache *ret_cache, struct cvt_error *err)
{
	struct cvt_cache cache;
	int status = cache_init(n, bytes, &cache, err);
	if (!status)
		status = cvt_path_join(cache.path, sizeof(cache.path), folder, name, err);
	if (!status) {
		cache.fd = open(cache.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		status = cache.fd < 0 ? cvt_fail_errno(err, errno, "the cache %s cannot be opened", cache.path) : read_head(&cache, err);
	}
	if (status)
		cvt_cache_close(&cache);
	else
		*ret_cache = cache;
	return status;
}

int cvt_cache_create(const char *folder, const char *name, int n, size_t bytes, struct cvt_cache *ret_cache, struct cvt_error *err)
{
	struct cvt_cache cache;
	int status = cache_init(n, bytes, &cache, err);
	if (!status)
		status = cvt_path_join(cache.path, sizeof(cache.path), folder, name, err);
	if (!status)
		status = cvt_folder_create(folder, err);
	if (!status) {
		/* Two runners may build the same cache: each has its own file, and the last rename wins. */
		snprintf(cache.tmp, sizeof(cache.tmp), "%s.%ld.tmp", cache.path, (long)getpid());
		unlink(cache.tmp);
		cache.fd = cvt_file_open_write(cache.tmp, O_CREAT | O_EXCL | O_RDWR, err);
		if (cache.fd < 0) {
			status = cache.fd;
			cache.tmp[0] = 0;
		}
	}
	/* Room first: no space is known before an hour of decoding, not after. */
	if (!status) {
		const int error = posix_fallocate(cache.fd, 0, cache_size(&cache));
		if (error)
			status = cvt_fail_errno(err, error, "no room for a cache of %lld MB in %s", (long long)(cache_size(&cache) >> 20), folder);
	}
	if (status)
		cvt_cache_close(&cache);
	else
		*ret_cache = cache;
	return status;
}

int cvt_cache_create_memory(int n, size_t bytes, struct cvt_cache *ret_cache, struct cvt_error *err)
{
	struct cvt_cache cache;
	int status = cache_init(n, bytes, &cache, err);
	const int64_t allowed = cvt_machine_memory(NULL);
	if (!status && allowed > 0 && cache_size(&cache) > allowed)
		status = cvt_fail(err, CVT_ERR_SPACE, "%lld MB of pixels fit neither the cache folder nor memory: make room in it or take "
			"smaller pictures", (long long)(cache_size(&cache) >> 20));
	if (!status) {
		cache.fd = memfd_create("convtui pixels", MFD_CLOEXEC);
		if (cache.fd < 0 || ftruncate(cache.fd, cache_size(&cache)) != 0)
			status = cvt_fail_errno(err, errno, "no memory for %lld MB of pixels", (long long)(cache_size(&cache) >> 20));
	}
	if (status)
		cvt_cache_close(&cache);
	else
		*ret_cache = cache;
	return status;
}

static off_t slot_at(const struct cvt_cache *cache, int slot)
{
	return (off_t)(cache->pixels_at + (int64_t)slot * (int64_t)cache->bytes);
}

int cvt_cache_write(struct cvt_cache *cache, int slot, const unsigned char *pixels, struct cvt_error *err)
{
	cache->table[slot].crc = cvt_crc32c(0, pixels, cache->bytes);
	return cvt_file_pwrite_all(cache->fd, cache->tmp[0] ? cache->tmp : "pixels in memory", pixels, cache->bytes, slot_at(cache, slot), err);
}

int cvt_cache_read(const struct cvt_cache *cache, int slot, bool check, unsigned char *pixels, struct cvt_error *err)
{
	const ssize_t got = cvt_file_pread_all(cache->fd, pixels, cache->bytes, slot_at(cache, slot), err);
	if (got < 0)
		return (int)got;
	if ((size_t)got != cache->bytes || (check && cvt_crc32c(0, pixels, cache->bytes) != cache->table[slot].crc))
		return cvt_fail(err, CVT_ERR_FORMAT, "the cache of pictures %s was cut or changed: start again to rebuild it", cache->path);
	return CVT_OK;
}

/* A cache of the same folder and settings whose files have changed since; or one being built by somebody who was killed an hour ago. */
static bool is_stale(const char *path, const char *name, const char *own, size_t prefix)
{
	const char *dot = strrchr(name, '.');
	struct stat info;
	if (strncmp(name, own, prefix) != 0 || !dot)
		return false;
	if (strcmp(dot, ".pixels") == 0)
		return strcmp(name, own) != 0;
	return strcmp(dot, ".tmp") == 0 && stat(path, &info) == 0 && (double)info.st_mtime < cvt_clock_wall() - 3600;
}

/* Failing to remove one is no failure. */
static void remove_older(const struct cvt_cache *cache, size_t prefix)
{
	char folder[4096], path[4096];
	snprintf(folder, sizeof(folder), "%s", cache->path);
	char *name = strrchr(folder, '/');
	if (!name)
		return;
	*name++ = 0;
	DIR *open_folder = opendir(folder);
	if (!open_folder)
		return;
	for (struct dirent *entry; (entry = readdir(open_folder));) {
		if (cvt_path_join(path, sizeof(path), folder, entry->d_name, NULL) == CVT_OK && is_stale(path, entry->d_name, name, prefix))
			unlink(path);
	}
	closedir(open_folder);
}

int cvt_cache_commit(struct cvt_cache *cache, size_t prefix, struct cvt_error *err)
{
	if (!cache->tmp[0])
		return CVT_OK;
	struct header header = {.n = (uint32_t)cache->n, .bytes = cache->bytes, .pixels_at = (uint64_t)cache->pixels_at};
	memcpy(header.magic, magic, sizeof(magic));
	header.crc = header_crc(&header, cache->table, cache->n);
	int status = cvt_file_pwrite_all(cache->fd, cache->tmp, &header, sizeof(header), 0, err);
	if (!status)
		status = cvt_file_pwrite_all(cache->fd, cache->tmp, cache->table, (size_t)cache->n * sizeof(*cache->table), sizeof(header), err);
	/* No fsync: after a crash of the machine the checksums tell, and the cache is built again. */
	if (!status)
		status = cvt_file_rename(cache->tmp, cache->path, err);
	if (status)
		return status;
	cache->tmp[0] = 0;
	remove_older(cache, prefix);
	return CVT_OK;
}

void cvt_cache_close(struct cvt_cache *cache)
{
	if (!cache)
		return;
	if (cache->fd >= 0)
		close(cache->fd);
	if (cache->tmp[0])
		unlink(cache->tmp);
	free(cache->table);
	*cache = (struct cvt_cache){.fd = -1};
}
