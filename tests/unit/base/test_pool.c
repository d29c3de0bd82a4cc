/* The pool: each task once, each worker's own part first, by every number of threads, through many short runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/pool.h"

enum { MOST = 1000 };
struct tally {
	atomic_int next, out_of_order;
	int runs[MOST];                        /* by task: no two workers may write one, TSan sees to it */
	atomic_int by_worker[64];
	double denormal;                       /* stays 0 where denormals are flushed */
	atomic_int not_flushed, signals_open;
};

static void count(void *context, int task, int worker)
{
	struct tally *t = context;
	volatile double tiny = 1e-308, half = 0.001;
	sigset_t mask;

	t->runs[task]++;
	atomic_fetch_add(&t->by_worker[worker], 1);
	if (tiny * half != 0)
		atomic_fetch_add(&t->not_flushed, 1);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	if (worker != 0 && !sigismember(&mask, SIGTERM))
		atomic_fetch_add(&t->signals_open, 1);
}

static void every_task_once(void **state)
{
	static const int threads[] = {1, 2, 3, 8, 17};
	static const int tasks[] = {0, 1, 2, 3, 7, 64, MOST};

	for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
		struct cvt_pool *pool;

		assert_int_equal(cvt_pool_create(threads[i], &pool, NULL), CVT_OK);
		assert_int_equal(cvt_pool_threads(pool), threads[i]);
		for (size_t k = 0; k < sizeof tasks / sizeof tasks[0]; k++) {
			static struct tally t;

			t = (struct tally){0};
			cvt_pool_run(pool, count, &t, tasks[k]);
			for (int task = 0; task < MOST; task++)
				assert_int_equal(t.runs[task], task < tasks[k]);
			for (int w = threads[i]; w < 64; w++)
				assert_int_equal(t.by_worker[w], 0);
#if defined(__x86_64__) || defined(__aarch64__)
			assert_int_equal(t.not_flushed, 0);
#endif
			assert_int_equal(t.signals_open, 0);
		}
		cvt_pool_destroy(pool);
	}
}

static void without_a_pool(void **state)
{
	static struct tally t;

	cvt_pool_run(NULL, count, &t, 5);
	assert_int_equal(t.by_worker[0], 5);
	assert_int_equal(cvt_pool_threads(NULL), 1);
	cvt_pool_destroy(NULL);
}

struct chain { int value; int sums[8]; };

static void add(void *context, int task, int worker)
{
	struct chain *c = context;

	c->sums[task] += c->value + task;
}

/* Each run reads what the caller wrote after the run before, and a different context each time: a late worker would show. */
static void many_short_runs(void **state)
{
	struct cvt_pool *pool;
	struct chain chains[2] = {{0}};
	long want[2] = {0, 0};

	assert_int_equal(cvt_pool_create(4, &pool, NULL), CVT_OK);
	for (int i = 0; i < 20000; i++) {
		struct chain *c = &chains[i % 2];

		c->value = i % 7;
		want[i % 2] += i % 7;
		cvt_pool_run(pool, add, c, 2 + i % 7);
		assert_int_equal(c->sums[0], want[i % 2]);
		assert_int_equal(c->sums[1], want[i % 2] + i / 2 + 1);
		if (i % 5000 == 0)
			usleep(2000); /* let the workers fall asleep */
	}
	cvt_pool_destroy(pool);
}

static void order(void *context, int task, int worker)
{
	struct tally *t = context;

	/* One worker: tasks must come in index order. */
	if (atomic_fetch_add(&t->next, 1) != task)
		atomic_fetch_add(&t->out_of_order, 1);
}

static void in_index_order(void **state)
{
	static struct tally t;

	cvt_pool_run(NULL, order, &t, 100);
	assert_int_equal(t.out_of_order, 0);
}

/* Two tasks that wait for each other: only two workers at once can finish them. */
struct meeting { atomic_int here; };

static void meet(void *context, int task, int worker)
{
	struct meeting *m = context;

	atomic_fetch_add(&m->here, 1);
	while (atomic_load(&m->here) < 2)
		usleep(100);
}

/* The first tasks of all workers wait for each other: which they are, nobody else can have changed. Then one worker stands still, and
 * the others do all but the one that it has. */
struct shares { atomic_int here, done, first[3], last_of_all; };

static void begin(void *context, int task, int worker)
{
	struct shares *s = context;

	if (s->first[worker] < 0) {
		s->first[worker] = task;
		atomic_fetch_add(&s->here, 1);
		while (atomic_load(&s->here) < 3)
			usleep(100);
		while (worker == 1 && atomic_load(&s->done) < 29)
			usleep(100);
	}
	if (atomic_fetch_add(&s->done, 1) == 29)
		s->last_of_all = worker;
}

static void each_has_a_part(void **state)
{
	struct cvt_pool *pool;

	assert_int_equal(cvt_pool_create(3, &pool, NULL), CVT_OK);
	alarm(60); /* a broken pool would wait for ever */
	for (int i = 0; i < 20; i++) {
		struct shares s = {.first = {-1, -1, -1}};

		cvt_pool_run(pool, begin, &s, 30);
		for (int w = 0; w < 3; w++)
			assert_int_equal(s.first[w], 10 * w);
		assert_int_equal(s.done, 30);
		assert_int_equal(s.last_of_all, 1);
	}
	alarm(0);
	cvt_pool_destroy(pool);
}

static void tasks_run_side_by_side(void **state)
{
	struct cvt_pool *pool;
	struct meeting m = {0};

	assert_int_equal(cvt_pool_create(2, &pool, NULL), CVT_OK);
	alarm(60);
	cvt_pool_run(pool, meet, &m, 2);
	alarm(0);
	assert_int_equal(m.here, 2);
	cvt_pool_destroy(pool);
}

static void numbers_of_threads_are_checked(void **state)
{
	struct cvt_pool *pool = NULL;
	struct cvt_error err;

	assert_int_equal(cvt_pool_create(0, &pool, &err), CVT_ERR_RANGE);
	assert_int_equal(cvt_pool_create(-1, &pool, &err), CVT_ERR_RANGE);
	assert_int_equal(cvt_pool_create(1 << 20, &pool, &err), CVT_ERR_RANGE);
	assert_null(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_task_once), cmocka_unit_test(without_a_pool), cmocka_unit_test(many_short_runs),
		cmocka_unit_test(in_index_order), cmocka_unit_test(each_has_a_part),
		cmocka_unit_test(tasks_run_side_by_side), cmocka_unit_test(numbers_of_threads_are_checked),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
