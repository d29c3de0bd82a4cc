/* file.h - files: whole reads and writes, replacement by rename, locks. Every call retries EINTR and short transfers. */
#ifndef CVT_BASE_FILE_H
#define CVT_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "convtui/error.h"

/* The seam where tests make a call fail: NULL, or called before each write, fsync, rename, truncation, link and open-for-writing of this file with its
 * kind and path; a nonzero return is the errno to fail with. Not thread-safe to change while others write. */
enum cvt_file_call { CVT_FILE_OPEN, CVT_FILE_WRITE, CVT_FILE_FSYNC, CVT_FILE_RENAME, CVT_FILE_TRUNCATE, CVT_FILE_LINK };
extern int (*cvt_file_fault)(enum cvt_file_call call, const char *path);

/* Reads a whole regular file of at most `limit` bytes. *ret_data is the caller's (free), with a 0 byte after the end.
 * A FIFO, device or folder is CVT_ERR_FORMAT; a larger file CVT_ERR_RANGE. */
CVT_NODISCARD int cvt_file_read(const char *path, size_t limit, char **ret_data, size_t *ret_size, struct cvt_error *err);
/* The same, with this name of the file in errors: "it" for a caller whose own words have the path already. */
CVT_NODISCARD int cvt_file_read_as(const char *path, const char *name, size_t limit, char **ret_data, size_t *ret_size, struct cvt_error *err);
/* Opens a regular file for writing (O_RDWR: reading too) with O_CLOEXEC, mode 0600. Symbolic links, FIFOs and devices are
 * CVT_ERR_FORMAT: in a folder made by somebody else they lead elsewhere. Returns a descriptor >= 0 or a negative code. */
CVT_NODISCARD int cvt_file_open_write(const char *path, int flags /* O_CREAT, O_APPEND, O_TRUNC, O_EXCL, O_RDWR */, struct cvt_error *err);
CVT_NODISCARD int cvt_file_write_all(int fd, const char *path, const void *data, size_t size, struct cvt_error *err);
CVT_NODISCARD int cvt_file_pwrite_all(int fd, const char *path, const void *data, size_t size, off_t offset, struct cvt_error *err);
/* Returns the bytes read (less than size only at the end of the file) or a negative code. */
CVT_NODISCARD ssize_t cvt_file_pread_all(int fd, void *data, size_t size, off_t offset, struct cvt_error *err);
CVT_NODISCARD int cvt_file_sync(int fd, const char *path, bool data_only, struct cvt_error *err);
CVT_NODISCARD int cvt_file_truncate(int fd, const char *path, off_t size, struct cvt_error *err);
/* fsyncs the folder, so that a rename in it lasts. */
CVT_NODISCARD int cvt_folder_sync(const char *path, struct cvt_error *err);
CVT_NODISCARD int cvt_file_rename(const char *from, const char *to, struct cvt_error *err);
/* The same, but CVT_ERR_BUSY when `to` exists. */
CVT_NODISCARD int cvt_file_rename_new(const char *from, const char *to, struct cvt_error *err);
/* A second name for a file; CVT_ERR_UNSUPPORTED where the file system has no hard links (or no more for this file). */
CVT_NODISCARD int cvt_file_link(const char *from, const char *to, struct cvt_error *err);
/* Writes path.tmp, fsyncs it, renames it over path, fsyncs the folder. On failure the .tmp is removed and path is as it was, save when
 * only the folder's fsync failed: path is then the whole new file, which a loss of power may still undo. */
CVT_NODISCARD int cvt_file_replace(const char *path, const void *data, size_t size, struct cvt_error *err);
/* mkdir -p with mode 0700 for what is created. */
CVT_NODISCARD int cvt_folder_create(const char *path, struct cvt_error *err);
/* Removes a folder and all that is in it; links are removed, not followed. */
CVT_NODISCARD int cvt_folder_remove(const char *path, struct cvt_error *err);
/* Holds on to a folder, for cvt_file_check; a descriptor >= 0 or a negative code. */
CVT_NODISCARD int cvt_folder_open(const char *path, struct cvt_error *err);
/* Does `path` still lead to this open file or folder? CVT_ERR_NOT_FOUND: nothing is there; CVT_ERR_BUSY: another one is; another code: it cannot be told
 * now. */
CVT_NODISCARD int cvt_file_check(int fd, const char *path, struct cvt_error *err);
/* Joins folder and name with one '/', CVT_ERR_RANGE when it does not fit. */
CVT_NODISCARD int cvt_path_join(char *out, size_t size, const char *folder, const char *name, struct cvt_error *err);
/* The folder a path is in: "." for a bare name, "/" at the root. `size` at least strlen(path) + 2. */
void cvt_path_folder(char *out, size_t size, const char *path);
/* A name from a file that may become a path component: not empty, no '/', no control character, not "." or "..". */
bool cvt_path_component_ok(const char *name);

/* An advisory open-file-description lock (F_OFD_SETLK). *ret_fd holds it until closed, in children that were forked without exec too. CVT_ERR_BUSY: somebody else does.
 * CVT_ERR_NOT_FOUND: the file was removed meanwhile. */
CVT_NODISCARD int cvt_lock_take(const char *path, int *ret_fd, struct cvt_error *err);
/* The same lock on a file that is open for writing. */
CVT_NODISCARD int cvt_file_lock(int fd, const char *path, struct cvt_error *err);
/* Asks without taking: 1 held, 0 free (also: no such file), negative: cannot be asked here. */
int cvt_lock_held(const char *path);

#endif
