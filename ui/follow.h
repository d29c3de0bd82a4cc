/* follow.h - the followed run's rows as curves: appended as they come, rebuilt when x or the smoothing changes. */
#ifndef UI_FOLLOW_H
#define UI_FOLLOW_H

#include "convtui/session.h"
#include "widgets/chart.h"

enum { FOLLOW_MAX_MARKS = 256 };
struct follow {
	enum chart_x x_kind;
	double smoothing;                    /* factor of the exponential mean, 0: none */
	struct series loss, loss_mean, accuracy, accuracy_mean;              /* by batch; accuracies in per cent */
	struct series val_loss, val_accuracy, epoch_loss, epoch_accuracy;    /* by epoch */
	struct ema loss_ema, accuracy_ema;
	struct series epoch_end;             /* y: x of the end of each epoch that the batches have reached (a table, not drawn) */
	double images, seconds;              /* up to the last batch taken */
	int64_t n_batches;
	int n_epochs, n_commands;
	struct chart_mark marks[FOLLOW_MAX_MARKS];
	char labels[FOLLOW_MAX_MARKS][40];
	int n_marks;
	int64_t next_mark;                   /* the first batch that a command waits for; INT64_MAX: none does */
};

void follow_init(struct follow *follow);
void follow_finish(struct follow *follow);
/* Takes up what is new in the session. */
CVT_NODISCARD int follow_update(struct follow *follow, const struct cvt_session *session);
/* Starts over at the next update: another run, another x, another smoothing. */
void follow_reset(struct follow *follow);
/* The x at which the run ends by its plan; 0: unknown. */
double follow_planned(const struct follow *follow, const struct cvt_session *session);
double follow_last_x(const struct follow *follow);
double follow_next_smoothing(double smoothing, int direction);

#endif
