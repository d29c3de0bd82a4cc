/* checkpoint.h - one file, one rename: weights, optimiser state and where the run stood.
 *
 * Written by a thread of its own from a copy taken at the boundary, so training stops only for the copy. Order: fdatasync of the CSVs (by the
 * caller, before the copy), path.tmp, fsync, rename, fsync of the folder. best.safetensors is a hard link to the best so far (a second file where
 * there are no hard links), in place after the checkpoint is: what is called the best is never ahead of it. */
#ifndef CVT_STORE_CHECKPOINT_H
#define CVT_STORE_CHECKPOINT_H

#include <stdbool.h>

#include "store/safetensors.h"

struct cvt_checkpoint_state {
	int64_t batch;                 /* batches finished */
	int epoch;                     /* epochs finished */
	int batch_in_epoch;            /* finished in the running epoch */
	double epoch_loss_sum; int64_t epoch_correct, epoch_images; double epoch_seconds;   /* partial sums of the running epoch */
	int64_t batches_offset, epochs_offset;       /* bytes of the CSV files */
	double best_val_accuracy; int best_epoch, epochs_without_better;
	double seconds;                /* spent training so far */
	int image_size, channels; double mean[3], std[3];
	int n_classes; const char *const *classes;   /* written: the caller's; read: the file's */
	const char *config;            /* config.yaml's text, so that a checkpoint stands alone */
};

struct cvt_checkpoint_writer;
struct cvt_writer;
/* `owner` (NULL: nobody) outlives it: nothing is written or renamed unless cvt_writer_check_files says that folder and rows are still the owner's. */
CVT_NODISCARD int cvt_checkpoint_writer_create(const char *folder, const struct cvt_writer *owner, struct cvt_checkpoint_writer **ret_writer,
	struct cvt_error *err);
/* Waits for a write under way. */
void cvt_checkpoint_writer_destroy(struct cvt_checkpoint_writer *writer);
/* Copies the arrays and the state, and starts writing. When the last write is still under way, waits for it first; when that one failed and
 * nobody was told yet, returns its failure and starts nothing: try again. `best`: link it as best.safetensors too. Counts of the
 * state must not be negative. */
CVT_NODISCARD int cvt_checkpoint_begin(struct cvt_checkpoint_writer *writer, const struct cvt_array *arrays, int n_arrays,
	const struct cvt_checkpoint_state *state, bool best, struct cvt_error *err);
/* 1: still writing; 0: done (or nothing to do), *ret_batch is the newest whole checkpoint's; negative: the last write failed, once. */
int cvt_checkpoint_status(struct cvt_checkpoint_writer *writer, bool wait, int64_t *ret_batch, struct cvt_error *err);
/* Starts the write that failed last again, from the copy that is kept until it worked or the next begin: the weights of a best epoch
 * survive a full disk although training has gone on. CVT_OK when there is nothing to do. */
CVT_NODISCARD int cvt_checkpoint_retry(struct cvt_checkpoint_writer *writer, struct cvt_error *err);

/* Before a run goes on from its checkpoint, whose state is `at`: a best of a later batch is removed (*ret_dropped), since the run may go another
 * way; a checkpoint that is the best, and was cut off before it got that name, gets it. */
CVT_NODISCARD int cvt_checkpoint_settle_best(const char *folder, const struct cvt_checkpoint_state *at, bool *ret_dropped,
	struct cvt_error *err);

/* Reads a checkpoint; the state's text points into *ret_file. */
CVT_NODISCARD int cvt_checkpoint_read(const char *path, struct cvt_safetensors *ret_file, struct cvt_checkpoint_state *ret_state,
	struct cvt_error *err);

#endif
