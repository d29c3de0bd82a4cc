/* worker.h - the front end's one thread beside the screen: what may take longer than 10 ms.
 *
 * It lists the run store (once a second, less often where that takes long), counts classes and pictures of the data
 * folder in the form, and finds how fast past runs trained. Results are handed over as copies. */
#ifndef UI_WORKER_H
#define UI_WORKER_H

#include "convtui/store.h"
#include "rate.h"

struct dataset_facts {
	char data[1024];             /* the folder asked for */
	bool known, counting;        /* counting: not known yet, `pictures` so far */
	int classes, pictures;
	char error[256];             /* when not known */
};

struct worker;
/* Without `threaded` nothing happens until worker_step. */
CVT_NODISCARD int worker_create(const char *store, bool threaded, struct worker **ret_worker);
/* Ends what it does; waits at most half a second for it. */
void worker_destroy(struct worker *worker);
/* Readable when there is a result; -1 without a thread. */
int worker_fd(const struct worker *worker);
/* Does all that waits, in this thread. */
void worker_step(struct worker *worker);
/* Asks for the facts of a data folder; a later question replaces an earlier one. */
void worker_ask(struct worker *worker, const char *data);
/* List again soon: something was started. */
void worker_hurry(struct worker *worker);
/* Each returns true when there is something new, which is then the caller's. A list that failed has *ret_error. */
bool worker_take_runs(struct worker *worker, struct cvt_run **ret_runs, int *ret_n, char error[256]);
bool worker_take_facts(struct worker *worker, struct dataset_facts *ret_facts);
/* How fast past runs trained here, as far as it is known yet. */
void worker_rates(struct worker *worker, struct ui_rates *ret_rates);

#endif
