/* rate.h - how long an epoch will take, from how fast past runs trained here. The form and `convtui describe` say the same. */
#ifndef CVT_UI_RATE_H
#define CVT_UI_RATE_H

#include "convtui/model.h"
#include "convtui/store.h"

enum { UI_RATE_RUNS = 20 };
/* What a run's rows say. Those that cannot be read are kept too, with 0 seconds, so that they are not read again. */
struct ui_rate_run {
	char run[96];
	int64_t batches;             /* that the run had when it was measured */
	char network[160];
	int arch, image_size, batch, threads, isa, conv;
	double work;                 /* multiply-adds and what goes to memory, of the pictures that were trained on in ... */
	double seconds;
};
struct ui_rates {
	int processors;              /* that this process may use: what 0 threads are */
	int n;
	struct ui_rate_run runs[UI_RATE_RUNS];
};

/* The newest of `runs` (oldest first, as cvt_store_list has them) that were trained on this host and have rows to measure. Returns how many. */
int ui_rates_pick(const struct cvt_run *runs, int n, struct cvt_run picked[UI_RATE_RUNS]);
/* Measures what was picked. What *rates, which begins as zeros, has already is not read again before the run is twice as long: a store that is
 * listed every second costs nothing. Takes some milliseconds a run. */
void ui_rates_measure(struct ui_rates *rates, const struct cvt_run *picked, int n);

/* What the runs that an estimate rests on have in common with it, at least: the first of these of which there is a second of training or more.
 * As many threads, the instruction set and the way of convolution they have in common always. */
enum ui_basis { UI_BASIS_NONE, UI_BASIS_NETWORK, UI_BASIS_SIZE, UI_BASIS_FAMILY, UI_BASIS_OTHERS };
struct ui_estimate {
	double epoch_seconds;        /* training and validation; NaN: unknown */
	enum ui_basis basis;
	int runs;
};
/* Of `what`, which is `config` resolved, with so many pictures in the data folder (0: unknown). */
struct ui_estimate ui_rates_estimate(const struct ui_rates *rates, const struct cvt_description *what, const struct cvt_config *config,
	int pictures);

#endif
