/* writer.h - the runner's side of a run folder: takes the lock, appends rows, writes the live page, takes commands.
 *
 * Ownership of calls: the runner's main thread [M] or its trainer thread [T], as marked; rows and the live page have their own
 * files, so M and T never write the same one. */
#ifndef CVT_STORE_WRITER_H
#define CVT_STORE_WRITER_H

#include "convtui/session.h"

struct cvt_writer;
/* Takes the lock (CVT_ERR_BUSY: another runner has it, or has rows open although its lock was removed), opens the CSVs and the live page. [M] */
CVT_NODISCARD int cvt_writer_open(const char *folder, struct cvt_writer **ret_writer, struct cvt_error *err);
void cvt_writer_close(struct cvt_writer *writer);                                      /* [M] releases the lock last */
/* Do the run's names still lead to what was opened? CVT_ERR_NOT_FOUND: its folder is gone; CVT_ERR_BUSY: its name is another folder's now, or batches.csv
 * or epochs.csv were removed or replaced; another code: it cannot be told now. Asked before anything is written by name. [any thread] */
CVT_NODISCARD int cvt_writer_check_files(const struct cvt_writer *w, struct cvt_error *err);
/* The same, and CVT_ERR_BUSY where the lock was removed: nobody can see then that somebody trains the run. */
CVT_NODISCARD int cvt_writer_check(const struct cvt_writer *w, struct cvt_error *err);

/* Rows: appended whole with one write; on failure (no space) the file is as before and the row can be tried again. [T] */
CVT_NODISCARD int cvt_writer_batch(struct cvt_writer *w, const struct cvt_batch_row *row, struct cvt_error *err);
CVT_NODISCARD int cvt_writer_epoch(struct cvt_writer *w, const struct cvt_epoch_row *row, struct cvt_error *err);
/* Byte lengths now; fdatasync of both CSVs; cutting them back to lengths of a checkpoint (0: to the header). CVT_ERR_FORMAT: a file is
 * shorter than that, or no row ends there. [T] */
void cvt_writer_offsets(const struct cvt_writer *w, int64_t *ret_batches, int64_t *ret_epochs);
CVT_NODISCARD int cvt_writer_sync(struct cvt_writer *w, struct cvt_error *err);
CVT_NODISCARD int cvt_writer_truncate(struct cvt_writer *w, int64_t batches, int64_t epochs, struct cvt_error *err);

/* Rewrites the page in place; never needs space. Fills in pid, host and updated itself. [M] */
CVT_NODISCARD int cvt_writer_live(struct cvt_writer *w, const struct cvt_live *live, struct cvt_error *err);

/* Commands: the oldest of the inbox that is not yet in commands.csv. Returns 1 and fills *ret, 0 when there is none. Foreign, oversized or
 * broken files are removed and named in *err (negative). [T at a batch boundary, or M while preparing] */
struct cvt_inbox_command { char id[24], name[24], value[64]; };
CVT_NODISCARD int cvt_writer_next_command(struct cvt_writer *w, struct cvt_inbox_command *ret_command, struct cvt_error *err);
/* Logs it in commands.csv (fsync), then removes the inbox file. `batch`: the one before which it took effect. */
CVT_NODISCARD int cvt_writer_command_done(struct cvt_writer *w, const struct cvt_inbox_command *command, int64_t batch,
	struct cvt_error *err);
/* Is a stop in the inbox? Then it is taken: logged if that is possible, and removed. For a run that cannot write. [T] */
bool cvt_writer_take_stop(struct cvt_writer *w, int64_t batch);
/* Every row of commands.csv, for replay on resume; the caller's (free). */
CVT_NODISCARD int cvt_writer_commands(struct cvt_writer *w, struct cvt_command_row **ret_rows, int *ret_n, struct cvt_error *err);

/* Whole small files of the run, replaced by rename: split.csv, confusion.csv, errors.csv, config.yaml. */
CVT_NODISCARD int cvt_writer_file(struct cvt_writer *w, const char *name, const char *text, size_t size, struct cvt_error *err);
/* One line with a time into log.txt; machine.csv gets a row an attempt (header written when new). */
CVT_NODISCARD int cvt_writer_log(struct cvt_writer *w, const char *line, struct cvt_error *err);
CVT_NODISCARD int cvt_writer_machine(struct cvt_writer *w, const char *processor, const char *isa, const char *blas, int threads,
	const char *version, struct cvt_error *err);
const char *cvt_writer_folder(const struct cvt_writer *w);

#endif
