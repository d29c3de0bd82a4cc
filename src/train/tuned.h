/* tuned.h - cvt_runner_run with what tests turn. */
#ifndef CVT_TRAIN_TUNED_H
#define CVT_TRAIN_TUNED_H

#include "convtui/runner.h"
#include "train/trainer.h"

CVT_NODISCARD int cvt_runner_run_tuned(const char *folder, const struct cvt_runner_options *options,
	const struct cvt_train_tuning *tuning, struct cvt_runner_result *ret_result, struct cvt_error *err);

#endif
