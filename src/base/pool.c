/* pool.c - see base/pool.h.
 *
 * A run publishes its function and number of tasks, then `unclaimed`. A worker claims a task by taking one off `unclaimed`, and only then
 * reads what the run is: a run cannot end before every claimed task has, so what it reads belongs to the task it claimed, however late
 * it woke. `unfinished` reaches 0 when the run may return. Both meetings (worker falls asleep while a run starts; caller falls
 * asleep while the last task ends) are the store-then-load pattern, hence the sequentially consistent atomics. */
#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "convtui/machine.h"

enum { MAX_THREADS = 1024, SPINS = 4000 /* of 24 nanoseconds where this was measured: passes of small maps are shorter than it takes to wake a thread */ };

struct worker {
	struct cvt_pool *pool;
	pthread_t thread;
	int number;
};

struct cvt_pool {
	int threads, spins;                    /* [I] */
	struct worker *workers;                /* [I] threads - 1 of them */
	cvt_task_fn *fn;                       /* these three: the caller's while `unfinished` is 0, else read only */
	void *context;
	int n_tasks;
	atomic_int unclaimed, unfinished;
	atomic_int sleepers;                   /* changed under `lock` */
	atomic_bool caller_sleeps, stop;
	pthread_mutex_t lock;
	pthread_cond_t work, finished;
};

static void flush_denormals(void)
{
#if defined(__x86_64__)
	_mm_setcsr(_mm_getcsr() | 0x8040);     /* FTZ, DAZ */
#elif defined(__aarch64__)
	uint64_t fpcr;

	__asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
	__asm__ volatile("msr fpcr, %0" : : "r"(fpcr | 1u << 24));
#endif
}

static void relax(void)
{
#if defined(__x86_64__)
	_mm_pause();
#endif
}

/* Claims and runs tasks until none is left. */
static void work(struct cvt_pool *pool, int worker)
{
	int left = atomic_load(&pool->unclaimed);

	while (left > 0) {
		if (!atomic_compare_exchange_weak(&pool->unclaimed, &left, left - 1))
			continue;
		pool->fn(pool->context, pool->n_tasks - left, worker);
		if (atomic_fetch_sub(&pool->unfinished, 1) == 1 && atomic_load(&pool->caller_sleeps)) {
			pthread_mutex_lock(&pool->lock);
			pthread_cond_signal(&pool->finished);
			pthread_mutex_unlock(&pool->lock);
		}
		left = atomic_load(&pool->unclaimed);
	}
}

static bool idle(struct cvt_pool *pool)
{
	return atomic_load(&pool->unclaimed) == 0 && !atomic_load(&pool->stop);
}

static void *worker_main(void *argument)
{
	struct worker *self = argument;
	struct cvt_pool *pool = self->pool;

	flush_denormals();
	while (!atomic_load(&pool->stop)) {
		for (int i = 0; i < pool->spins && idle(pool); i++)
			relax();
		if (idle(pool)) {
			pthread_mutex_lock(&pool->lock);
			atomic_fetch_add(&pool->sleepers, 1);
			while (idle(pool))
				pthread_cond_wait(&pool->work, &pool->lock);
			atomic_fetch_sub(&pool->sleepers, 1);
			pthread_mutex_unlock(&pool->lock);
		}
		work(pool, self->number);
	}
	return NULL;
}

static void wake(struct cvt_pool *pool, int wanted)
{
	int asleep = atomic_load(&pool->sleepers);

	if (asleep == 0)
		return;
	pthread_mutex_lock(&pool->lock);
	if (wanted >= asleep) {
		pthread_cond_broadcast(&pool->work);
	} else {
		for (int i = 0; i < wanted; i++)
			pthread_cond_signal(&pool->work);
	}
	pthread_mutex_unlock(&pool->lock);
}

static void wait_finished(struct cvt_pool *pool)
{
	for (int i = 0; i < pool->spins && atomic_load(&pool->unfinished) > 0; i++)
		relax();
	if (atomic_load(&pool->unfinished) == 0)
		return;
	pthread_mutex_lock(&pool->lock);
	atomic_store(&pool->caller_sleeps, true);
	while (atomic_load(&pool->unfinished) > 0)
		pthread_cond_wait(&pool->finished, &pool->lock);
	atomic_store(&pool->caller_sleeps, false);
	pthread_mutex_unlock(&pool->lock);
}

void cvt_pool_run(struct cvt_pool *pool, cvt_task_fn *fn, void *context, int n_tasks)
{
	flush_denormals();
	if (n_tasks <= 0)
		return;
	if (pool == NULL || pool->threads == 1 || n_tasks == 1) {
		for (int task = 0; task < n_tasks; task++)
			fn(context, task, 0);
		return;
	}
	pool->fn = fn;
	pool->context = context;
	pool->n_tasks = n_tasks;
	atomic_store(&pool->unfinished, n_tasks);
	atomic_store(&pool->unclaimed, n_tasks);
	wake(pool, n_tasks - 1);
	work(pool, 0);
	wait_finished(pool);
}

static int start_workers(struct cvt_pool *pool, struct cvt_error *err)
{
	sigset_t all, before;
	int status = CVT_OK;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (int i = 1; i < pool->threads && status == CVT_OK; i++) {
		struct worker *w = &pool->workers[i - 1];

		w->pool = pool;
		w->number = i;
		int failed = pthread_create(&w->thread, NULL, worker_main, w);

		if (failed != 0) {
			status = cvt_fail_errno(err, failed, "cannot start thread %d of %d: choose fewer threads", i + 1, pool->threads);
			pool->threads = i; /* those that destroy has to join */
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status;
}

int cvt_pool_create(int threads, struct cvt_pool **ret_pool, struct cvt_error *err)
{
	if (threads < 1 || threads > MAX_THREADS)
		return cvt_fail(err, CVT_ERR_RANGE, "threads %d: must be 1 to %d", threads, MAX_THREADS);

	struct cvt_pool *pool = calloc(1, sizeof *pool);
	struct worker *workers = calloc((size_t)threads, sizeof *workers);

	if (pool == NULL || workers == NULL) {
		free(pool);
		free(workers);
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for a pool of %d threads", threads);
	}
	pool->threads = threads;
	pool->workers = workers;
	pool->spins = threads <= cvt_machine_processors(NULL) ? SPINS : 0;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->finished, NULL);

	int status = start_workers(pool, err);

	if (status != CVT_OK) {
		cvt_pool_destroy(pool);
		return status;
	}
	*ret_pool = pool;
	return CVT_OK;
}

void cvt_pool_destroy(struct cvt_pool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	atomic_store(&pool->stop, true);
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (int i = 1; i < pool->threads; i++)
		pthread_join(pool->workers[i - 1].thread, NULL);
	pthread_cond_destroy(&pool->finished);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool->workers);
	free(pool);
}

int cvt_pool_threads(const struct cvt_pool *pool)
{
	return pool == NULL ? 1 : pool->threads;
}
