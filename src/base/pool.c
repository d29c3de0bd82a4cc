/* pool.c - see base/pool.h.
 *
 * Each worker has a share of a run's tasks, an equal part of the numbers side by side, and takes them from the front; who has none left
 * takes from the back of another's. So a worker mostly gets the same images in each layer of a network, which its own caches still have.
 *
 * A run publishes its function and number of tasks, then the shares, then that it has `started`. A worker claims a task by taking it off a
 * share, and only then reads what the run is: a run cannot end before every claimed task has, so what it reads belongs to the task it
 * claimed, however late it woke. `unfinished` reaches 0 when the run may return. Both meetings (worker falls asleep while a run starts;
 * caller falls asleep while the last task ends) are the store-then-load pattern, hence the sequentially consistent atomics. */
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

/* The tasks first .. end - 1 of a run that nobody has claimed: first << 32 | end. A line of a cache each. */
struct share { atomic_uint_least64_t tasks; char apart[64 - sizeof(uint_least64_t)]; };

struct cvt_pool {
	int threads, spins;                    /* [I] */
	struct worker *workers;                /* [I] threads - 1 of them */
	struct share *shares;                  /* of each worker, the caller first */
	cvt_task_fn *fn;                       /* these two: the caller's while `unfinished` is 0, else read only */
	void *context;
	atomic_int started, unfinished;        /* runs; tasks */
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

static uint_least64_t share_of(int first, int end)
{
	return (uint_least64_t)first << 32 | (uint_least64_t)end;
}

/* Claims a task, the first or the last of a share; -1: none is left. */
static int claim(struct share *share, bool last)
{
	uint_least64_t tasks = atomic_load(&share->tasks);

	for (;;) {
		int first = (int)(tasks >> 32), end = (int)(tasks & UINT32_MAX);

		if (first >= end)
			return -1;
		if (atomic_compare_exchange_weak(&share->tasks, &tasks, last ? share_of(first, end - 1) : share_of(first + 1, end)))
			return last ? end - 1 : first;
	}
}

static int claim_any(struct cvt_pool *pool, int worker)
{
	int task = claim(&pool->shares[worker], false);

	for (int i = 1; i < pool->threads && task < 0; i++)
		task = claim(&pool->shares[(worker + i) % pool->threads], true);
	return task;
}

/* Claims and runs tasks until none is left. */
static void work(struct cvt_pool *pool, int worker)
{
	int done = 0;

	for (int task; (task = claim_any(pool, worker)) >= 0; done++)
		pool->fn(pool->context, task, worker);
	if (done > 0 && atomic_fetch_sub(&pool->unfinished, done) == done && atomic_load(&pool->caller_sleeps)) {
		pthread_mutex_lock(&pool->lock);
		pthread_cond_signal(&pool->finished);
		pthread_mutex_unlock(&pool->lock);
	}
}

/* Whether no run has started but those that this worker has seen to their last task. */
static bool idle(struct cvt_pool *pool, int seen)
{
	return atomic_load(&pool->started) == seen && !atomic_load(&pool->stop);
}

static void *worker_main(void *argument)
{
	struct worker *self = argument;
	struct cvt_pool *pool = self->pool;
	int seen = 0;

	flush_denormals();
	while (!atomic_load(&pool->stop)) {
		for (int i = 0; i < pool->spins && idle(pool, seen); i++)
			relax();
		if (idle(pool, seen)) {
			pthread_mutex_lock(&pool->lock);
			atomic_fetch_add(&pool->sleepers, 1);
			while (idle(pool, seen))
				pthread_cond_wait(&pool->work, &pool->lock);
			atomic_fetch_sub(&pool->sleepers, 1);
			pthread_mutex_unlock(&pool->lock);
		}
		seen = atomic_load(&pool->started);
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

/* The first task of a worker's share. Rounded up: of few tasks the caller has one, who is awake. */
static int first_of(const struct cvt_pool *pool, int worker, int n_tasks)
{
	return (int)(((int64_t)n_tasks * worker + pool->threads - 1) / pool->threads);
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
	atomic_store(&pool->unfinished, n_tasks);
	for (int i = 0; i < pool->threads; i++)
		atomic_store(&pool->shares[i].tasks, share_of(first_of(pool, i, n_tasks), first_of(pool, i + 1, n_tasks)));
	atomic_fetch_add(&pool->started, 1);
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
	struct share *shares = calloc((size_t)threads, sizeof *shares);

	if (pool == NULL || workers == NULL || shares == NULL) {
		free(pool);
		free(workers);
		free(shares);
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for a pool of %d threads", threads);
	}
	pool->threads = threads;
	pool->workers = workers;
	pool->shares = shares;
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
	free(pool->shares);
	free(pool);
}

int cvt_pool_threads(const struct cvt_pool *pool)
{
	return pool == NULL ? 1 : pool->threads;
}
