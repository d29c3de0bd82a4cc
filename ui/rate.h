/* rate.h - how long an epoch will take, from how fast past runs trained here. The form and `convtui describe` say the same. */
#ifndef CVT_UI_RATE_H
#define CVT_UI_RATE_H

#include "convtui/model.h"
#include "convtui/store.h"

/* The multiply-adds of the run that was asked last, so that a store that is listed every second is not described every second. */
struct ui_rate_memory { char run[96]; double multiply_adds; };

/* Multiply-adds a second (counted forward, while training) of the newest of the last 20 runs (oldest first, as cvt_store_list has them) that
 * was trained on this host and says how fast; NaN: none. */
double ui_rate_of_runs(const struct cvt_run *runs, int n, struct ui_rate_memory *memory);

/* Seconds that training for an epoch takes at that rate, with so many pictures in the data folder; NaN where unknown. */
double ui_rate_epoch_seconds(double rate, const struct cvt_description *what, const struct cvt_config *config, int pictures);

#endif
