/* store.h - the run store: folders of runs, what each is, and commands to it.
 *
 * A run is a folder (see docs/runs.md). A runner trains it and is the only one to write it; everybody else reads
 * it and drops command files into inbox/. Nothing here blocks for long or needs the runner to be alive.
 * Implemented in src/store, which knows no network: it stores text and named arrays. */
#ifndef CONVTUI_STORE_H
#define CONVTUI_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convtui/error.h"

enum cvt_state {
	CVT_STATE_QUEUED, CVT_STATE_PREPARING, CVT_STATE_TRAINING, CVT_STATE_EVALUATING, CVT_STATE_PAUSED,
	CVT_STATE_BLOCKED, CVT_STATE_DONE, CVT_STATE_STOPPED, CVT_STATE_DIVERGED, CVT_STATE_FAILED,
	CVT_STATE_CRASHED            /* derived, never written: a state that should have a runner, and no lock */
};
/* Lower case, as in files and JSON; the text is static. */
const char *cvt_state_name(enum cvt_state state);
/* A runner is (or should be) at work: preparing, training, evaluating, paused, blocked. */
bool cvt_state_alive(enum cvt_state state);

/* The live page: what a runner says of itself, rewritten in place at most ten times a second. Unknown numbers are NaN, unknown
 * counts -1. Also what `runs` lists, so a list needs one small read a run. */
struct cvt_live {
	enum cvt_state state;
	char reason[256];            /* of failed, blocked, diverged; what is going on while preparing */
	char network[160];           /* the post's label */
	int64_t parameters;
	double lr;                   /* in force now */
	int batch_size, epochs;      /* in force now */
	int epoch;                   /* epochs finished */
	int64_t batch;               /* batches finished, whole run */
	int batch_in_epoch, batches_per_epoch;
	int prepared, to_prepare, bad;   /* pictures, while preparing */
	int evaluated, to_evaluate;      /* pictures, while evaluating */
	double loss, train_accuracy, val_loss, val_accuracy, best_val_accuracy;  /* of the last epoch; per cent */
	int best_epoch;              /* from 1; 0: none */
	double images_per_second;    /* training, lately */
	double batch_seconds;        /* median, lately */
	double seconds;              /* spent training, all attempts */
	int64_t checkpoint_batch;    /* the newest checkpoint's, -1: none */
	double started, updated, checkpoint_time;   /* wall clock, seconds since 1970; 0: never */
	int pid; char host[64];
	int threads;
	int train_images, val_images, test_images;   /* pictures of each part */
	int64_t peak_bytes;          /* VmHWM since this attempt began */
};

struct cvt_run {
	char name[96];               /* "2026-11-24-3-cnn": the folder's own name */
	char folder[1024];
	struct cvt_live live;        /* live.state has CRASHED derived */
	bool locked;                 /* a runner holds it now */
	double created;
};

/* $CONVTUI_RUNS, else $XDG_STATE_HOME/convtui/runs, else ~/.local/state/convtui/runs. `override` (may be NULL) wins.
 * Does not create anything. */
CVT_NODISCARD int cvt_store_path(const char *override, char *path, size_t size, struct cvt_error *err);

/* All runs, oldest first. A folder that is no run is skipped; a damaged one is listed as failed with the reason. An absent store is
 * an empty list. *ret_runs is the caller's (free). */
CVT_NODISCARD int cvt_store_list(const char *store, struct cvt_run **ret_runs, int *ret_n, struct cvt_error *err);
/* `name`: a run's name, a unique part of one, a path of a run folder, or "last". CVT_ERR_NOT_FOUND lists what is near;
 * an ambiguous part lists what it fits. */
CVT_NODISCARD int cvt_store_find(const char *store, const char *name, struct cvt_run *ret_run, struct cvt_error *err);
/* Reads one run again. */
CVT_NODISCARD int cvt_run_read(const char *folder, struct cvt_run *ret_run, struct cvt_error *err);

/* The weights that a run starts from, in its folder; config.yaml's `init` names them. */
#define CVT_RUN_INIT "init.safetensors"

/* Creates a queued run: folder 0700 named DATE-N-short, config.yaml, inbox/, a live page with state queued, the weights it starts from. The
 * number N is claimed by mkdir, so racing front ends do no harm; the folder appears whole (built under a hidden name, renamed). Weights that
 * are no run's are read and copied, which takes as long as the disk does. */
struct cvt_new_run {
	const char *short_name;      /* "cnn": [a-z0-9-], at most 32 */
	const char *config_yaml;     /* text of config.yaml */
	const char *init;            /* the file that becomes CVT_RUN_INIT; NULL: none */
	const char *network; int64_t parameters; double lr; int batch_size, epochs;
};
CVT_NODISCARD int cvt_run_create(const char *store, const struct cvt_new_run *what, struct cvt_run *ret_run,
	struct cvt_error *err);

/* To the trash of the store (store/.trash), never a run whose lock is held (CVT_ERR_BUSY). */
CVT_NODISCARD int cvt_run_remove(const char *store, const char *folder, struct cvt_error *err);
/* Removes the runs in the trash, and nothing else that lies there. CVT_ERR_FORMAT: .trash is a link or a file. */
CVT_NODISCARD int cvt_store_empty_trash(const char *store, int *ret_n, struct cvt_error *err);

/* Drops a command into the inbox: name one of lr momentum weight-decay epochs patience threads (with an absolute value), pause resume
 * stop checkpoint (value ""), stop-after-epoch. ret_id (24 bytes) is the command's id, to find it in commands.csv. The value is
 * checked by the runner against the option table. */
CVT_NODISCARD int cvt_run_command(const char *folder, const char *name, const char *value, char ret_id[24],
	struct cvt_error *err);

#endif
