/* trainer.h - the thread that trains: prepares, runs epochs and batches, writes rows and checkpoints, obeys commands between batches.
 *
 * trainer.c is its loop, prepare.c how it begins, steering.c commands, saving.c what must reach the disk. It never writes to a terminal
 * or a pipe and never waits for the runner's main thread. */
#ifndef CVT_TRAIN_TRAINER_H
#define CVT_TRAIN_TRAINER_H

#include "convtui/dataset.h"
#include "store/checkpoint.h"
#include "store/writer.h"
#include "train/network.h"
#include "train/shared.h"
#include "train/step.h"

/* What tests turn; zeros: as a user gets it. */
struct cvt_train_tuning {
	double retry_seconds;                          /* between two tries of a write that failed; 0: 5 s */
	double save_seconds;                           /* between checkpoints within an epoch; 0: 600 s */
	int64_t memory;                                /* bytes this process may take; 0: as the machine says */
	bool always_look;                              /* into the inbox at each boundary, without waiting for M to see something there */
	void (*boundary)(void *context, int64_t batch);/* [T] before the commands at a boundary are taken */
	void (*evaluating)(void *context, int done);   /* [T] after each batch of an evaluation */
	void *context;
};

/* A row of `changes` given on resume: taken as a command that takes effect where the run goes on. */
struct cvt_train_change { char name[24], value[64]; };

struct cvt_trainer {
	struct cvt_writer *writer;                     /* [I] rows, commands and files are T's, page and log are M's */
	struct cvt_shared *shared;                     /* [I] */
	const char *folder;                            /* [I] */
	struct cvt_train_tuning tuning;                /* [I] */
	struct cvt_train_change changes[8]; int n_changes;   /* [I] */

	/* [T] All that follows, from the start of the thread to its end. */
	struct cvt_config config;                      /* in force: steered rows change here */
	char *config_text;                             /* config.yaml */
	struct cvt_dataset *dataset;
	struct cvt_network *network;
	struct cvt_checkpoint_writer *saver;
	const char **classes;
	int *pictures, n_pictures;                     /* training part, in the dataset's order */
	int *order, order_epoch;                       /* the epoch's order; which epoch it is of, 0: none */
	int *validation, n_validation;
	int batches_per_epoch;
	struct cvt_checkpoint_state at;                /* where the run stands */
	struct cvt_command_row *replay; int n_replay, next_replay;   /* logged commands not yet reached again, by batch */
	double last_lr;                                /* in force in the last batch */
	double times[15]; int n_times;                 /* seconds of the last batches, a ring */
	int64_t first_batch;                           /* where this attempt began */
	bool page_is_new;                              /* [I] nothing is known of a start before this one */
	bool began;                                    /* all can be had: from here on the folder is not as it was */
	bool unwanted;                                 /* the changes of a resume do not fit the run, which they leave as it was */
	bool paused, stop, save_wanted;
	bool changes_dropped;                          /* given on a resume that has nothing to train */
	char inbox_trouble[256];                       /* said last of an inbox that cannot be read: said once, not at each look */
	int stop_after_epoch;                          /* 0: no such wish */
	int64_t saved_batch; int saved_epoch;          /* the newest checkpoint begun: -1, 0 */
	bool ever_saved;
	double save_time;                              /* monotonic, of the newest checkpoint; 0: none by this attempt */
	double stall, last_stall, trained_seconds;     /* of this attempt */
	enum cvt_state end;                            /* once the loop has ended */
};

/* prepare.c: everything up to the first batch, from the checkpoint if there is one. CVT_ERR_CANCELLED: a stop was asked for. */
CVT_NODISCARD int cvt_trainer_prepare(struct cvt_trainer *t, struct cvt_error *err);
/* The body of the thread; `context` is the trainer. The final state is in the shared page. */
void *cvt_trainer_thread(void *context);
void cvt_trainer_finish(struct cvt_trainer *t);

/* steering.c. Loads commands.csv; takes those before t->at.batch. */
CVT_NODISCARD int cvt_trainer_load_commands(struct cvt_trainer *t, struct cvt_error *err);
/* Replays logged commands up to t->at.batch. */
CVT_NODISCARD int cvt_trainer_replay(struct cvt_trainer *t, struct cvt_error *err);
/* Takes what is in the inbox, if M has seen something there. */
CVT_NODISCARD int cvt_trainer_take_commands(struct cvt_trainer *t, struct cvt_error *err);
/* Logs and applies the changes given on resume; where the run is over with them and without, they are dropped. */
CVT_NODISCARD int cvt_trainer_take_changes(struct cvt_trainer *t, struct cvt_error *err);
/* Whether they would be taken where the checkpoint stands: who resumes a run with a value that is refused does not want it trained without. */
CVT_NODISCARD int cvt_trainer_check_changes(struct cvt_trainer *t, struct cvt_error *err);
/* What the next batch is trained with: the settings in force, and what is replayed before that batch. */
struct cvt_config cvt_trainer_coming(const struct cvt_trainer *t);

/* trainer.c: with these settings, is the run over where it stands? */
bool cvt_trainer_over(const struct cvt_trainer *t, const struct cvt_config *config);

/* saving.c. A write that fails is tried again until it works, the state being BLOCKED meanwhile; negative only when the run should end
 * (stop asked for, folder gone). */
typedef int cvt_save_fn(struct cvt_trainer *t, const void *what, struct cvt_error *err);
CVT_NODISCARD int cvt_trainer_insist(struct cvt_trainer *t, cvt_save_fn *save, const void *what, struct cvt_error *err);
/* Ends the run as diverged where a weight is not finite. */
CVT_NODISCARD int cvt_trainer_check(struct cvt_trainer *t, struct cvt_error *err);
/* Begins a checkpoint of where the run stands, after the same look. */
CVT_NODISCARD int cvt_trainer_save(struct cvt_trainer *t, bool best, struct cvt_error *err);
/* May an ordinary epoch's checkpoint be skipped to hold the stall under 2%? */
bool cvt_trainer_may_skip(const struct cvt_trainer *t);
/* Takes note of checkpoints that reached the disk. wait: until none is under way. */
CVT_NODISCARD int cvt_trainer_settle(struct cvt_trainer *t, bool wait, struct cvt_error *err);

/* tables.c: whole small files. */
CVT_NODISCARD int cvt_trainer_write_split(struct cvt_trainer *t, struct cvt_error *err);
/* confusion.csv and errors.csv. errors_text: errors.csv's, from cvt_table_error. */
CVT_NODISCARD int cvt_trainer_write_tables(struct cvt_trainer *t, const struct cvt_pass *pass, const char *errors_text, size_t size,
	struct cvt_error *err);

#endif
