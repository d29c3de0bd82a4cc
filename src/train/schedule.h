/* schedule.h - the learning rate of an epoch: a function of the base rate and the epoch, so there is nothing to save.
 *
 * A rate steered while a run trains replaces the base; the schedule goes on from where it stands. */
#ifndef CVT_TRAIN_SCHEDULE_H
#define CVT_TRAIN_SCHEDULE_H

#include "convtui/config.h"

/* The rate in force in `epoch` (from 1) of config->epochs, as PyTorch's StepLR and CosineAnnealingLR give it; config->lr is the base.
 * Thread-safe. */
double cvt_schedule_lr(const struct cvt_config *config, int epoch);

#endif
