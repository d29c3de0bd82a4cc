/* pool.h - the compute pool: the only parallel construct of the engine.
 *
 * A pool has a number of workers, of which the caller of cvt_pool_run is worker 0. Each begins with its equal part of the tasks, those of
 * near numbers, and helps out where there are some left. So which worker runs a task, and when, varies, and a task's result may depend
 * on its index only: that is what makes the bits the same for any number of threads. Every worker has flush-to-zero and
 * denormals-are-zero set, and all signals blocked. */
#ifndef CVT_BASE_POOL_H
#define CVT_BASE_POOL_H

#include "convtui/error.h"

struct cvt_pool;
typedef void cvt_task_fn(void *context, int task, int worker);

/* threads: at least 1. The workers wait (spinning briefly, then asleep) between calls. */
CVT_NODISCARD int cvt_pool_create(int threads, struct cvt_pool **ret_pool, struct cvt_error *err);
void cvt_pool_destroy(struct cvt_pool *pool);
int cvt_pool_threads(const struct cvt_pool *pool);
/* Runs fn(context, task, worker) for task 0..n_tasks-1, returns when all are done. Cannot fail. Not from inside a task, and one
 * caller at a time. pool NULL: all in the caller, worker 0. Sets the caller's flush-to-zero too, for good. */
void cvt_pool_run(struct cvt_pool *pool, cvt_task_fn *fn, void *context, int n_tasks);

#endif
