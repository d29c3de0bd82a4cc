/* worker.c - listing and counting beside the screen. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "convtui/dataset.h"
#include "worker.h"

static const double longest_goodbye = 0.5;   /* seconds */

struct worker {
	char store[1024];                    /* [I] */
	bool threaded;                       /* [I] */
	int fd;                              /* [I] */
	pthread_t thread;                    /* [I] */
	struct ui_rates measured;            /* [W] only the worker touches it */
	double next_list, next_count;        /* [W] when the store is listed again; when the form is told again how far a count is */
	pthread_mutex_t lock;
	pthread_cond_t wake;                 /* [L lock] */
	bool leave, hurry, asked;            /* [L lock] */
	char question[1024];                 /* [L lock] */
	struct cvt_run *runs;                /* [L lock] newest list not yet taken */
	int n_runs;                          /* [L lock] */
	bool have_runs, have_facts;          /* [L lock] */
	char error[256];                     /* [L lock] */
	struct dataset_facts facts;          /* [L lock] */
	struct ui_rates rates;               /* [L lock] */
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void tell(const struct worker *w)
{
	uint64_t one = 1;
	if (w->fd >= 0 && write(w->fd, &one, sizeof one) < 0) {
		return;                              /* full: the reader is told already */
	}
}

/* Returns how many runs are picked, from which rates are to be measured. */
static int list(struct worker *w, struct cvt_run picked[UI_RATE_RUNS])
{
	struct cvt_run *runs = NULL;
	struct cvt_error err;
	int n = 0, status = cvt_store_list(w->store, &runs, &n, &err), n_picked = status == CVT_OK ? ui_rates_pick(runs, n, picked) : 0;
	pthread_mutex_lock(&w->lock);
	snprintf(w->error, sizeof w->error, "%.255s", status == CVT_OK ? "" : err.message);
	free(w->runs);
	w->runs = status == CVT_OK ? runs : NULL;
	w->n_runs = status == CVT_OK ? n : 0;
	w->have_runs = true;
	pthread_mutex_unlock(&w->lock);
	tell(w);
	return status == CVT_OK ? n_picked : 0;
}

/* After the list, which does not wait for it. */
static void measure(struct worker *w, const struct cvt_run *picked, int n_picked)
{
	ui_rates_measure(&w->measured, picked, n_picked);
	pthread_mutex_lock(&w->lock);
	w->rates = w->measured;
	pthread_mutex_unlock(&w->lock);
	tell(w);
}

static void list_when_due(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	bool hurry = w->hurry;
	w->hurry = false;
	pthread_mutex_unlock(&w->lock);
	double start = now();
	if (hurry || start >= w->next_list) {
		struct cvt_run picked[UI_RATE_RUNS];
		int n_picked = list(w, picked);
		/* Listing takes at most 2% of one processor, whatever the size of the store. Measuring is done once for a run that has ended. */
		double took = now() - start;
		w->next_list = start + (took * 50 > 1 ? took * 50 : 1);
		measure(w, picked, n_picked);
	}
}

static void hand_over(struct worker *w, const struct dataset_facts *facts)
{
	pthread_mutex_lock(&w->lock);
	w->facts = *facts;
	w->have_facts = true;
	pthread_mutex_unlock(&w->lock);
	tell(w);
}

struct count { struct worker *worker; struct dataset_facts facts; };

/* A folder may take hours. Runs are listed meanwhile; the end, and another question, end it. */
static bool count_on(void *context, int done, int total, int bad, const char *what)
{
	struct count *count = context;
	struct worker *w = count->worker;
	(void)total, (void)bad, (void)what;
	pthread_mutex_lock(&w->lock);
	bool on = !w->leave && !w->asked;
	pthread_mutex_unlock(&w->lock);
	if (!on || !w->threaded) {
		return on;
	}
	list_when_due(w);
	if (now() >= w->next_count) {
		count->facts.counting = true;
		count->facts.pictures = done;
		hand_over(w, &count->facts);
		w->next_count = now() + 1;
	}
	return true;
}

static void answer(struct worker *w, const char *data)
{
	struct count count = {.worker = w};
	struct dataset_facts *facts = &count.facts;
	const struct cvt_dataset_progress progress = {count_on, &count};
	struct cvt_error err;
	snprintf(facts->data, sizeof facts->data, "%s", data);
	w->next_count = now() + 1;
	int status = cvt_dataset_count_classes(data, &progress, &facts->classes, &facts->pictures, &err);
	if (status == CVT_ERR_CANCELLED) {
		return;
	}
	facts->counting = false;
	facts->known = status == CVT_OK;
	if (!facts->known) {
		snprintf(facts->error, sizeof facts->error, "%.255s", err.message);
	}
	hand_over(w, facts);
}

static bool take_question(struct worker *w, char data[1024])
{
	pthread_mutex_lock(&w->lock);
	bool asked = w->asked;
	memcpy(data, w->question, sizeof w->question);
	w->asked = false;
	pthread_mutex_unlock(&w->lock);
	return asked;
}

/* Waits until `until`, a question, haste or the end; true: leave. */
static bool wait_until(struct worker *w, double until)
{
	pthread_mutex_lock(&w->lock);
	struct timespec t = {(time_t)until, (long)((until - floor(until)) * 1e9)};
	while (!w->leave && !w->asked && !w->hurry && now() < until) {
		if (pthread_cond_timedwait(&w->wake, &w->lock, &t) == ETIMEDOUT) {
			break;
		}
	}
	bool leave = w->leave;
	pthread_mutex_unlock(&w->lock);
	return leave;
}

static void *work(void *context)
{
	struct worker *w = context;
	char data[1024];
	for (;;) {
		if (take_question(w, data)) {
			answer(w, data);
		}
		list_when_due(w);
		if (wait_until(w, w->next_list)) {
			return NULL;
		}
	}
}

int worker_create(const char *store, bool threaded, struct worker **ret_worker)
{
	struct worker *w = calloc(1, sizeof *w);
	if (!w) {
		return CVT_ERR_MEMORY;
	}
	snprintf(w->store, sizeof w->store, "%s", store);
	w->threaded = threaded;
	w->fd = threaded ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	/* Signals are the screen's, but for those of a crash: blocked, they would end the process at once and leave the terminal as it is. */
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
	sigset_t all, before;
	sigfillset(&all);
	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
		sigdelset(&all, crashes[i]);
	}
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int failed = threaded && pthread_create(&w->thread, NULL, work, w) != 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		w->threaded = false;
		worker_destroy(w);
		return CVT_ERR_MEMORY;
	}
	*ret_worker = w;
	return CVT_OK;
}

void worker_destroy(struct worker *w)
{
	if (!w) {
		return;
	}
	if (w->threaded) {
		pthread_mutex_lock(&w->lock);
		w->leave = true;
		pthread_cond_signal(&w->wake);
		pthread_mutex_unlock(&w->lock);
		/* It may be in a call that a dead server never answers. Then what it uses stays: the program is about to end. */
		double end = now() + longest_goodbye;
		struct timespec t = {(time_t)end, (long)((end - floor(end)) * 1e9)};
		if (pthread_clockjoin_np(w->thread, NULL, CLOCK_MONOTONIC, &t) != 0) {
			return;
		}
	}
	if (w->fd >= 0) {
		close(w->fd);
	}
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w->runs);
	free(w);
}

int worker_fd(const struct worker *w)
{
	return w->fd;
}

void worker_step(struct worker *w)
{
	char data[1024];
	if (take_question(w, data)) {
		answer(w, data);
	}
	struct cvt_run picked[UI_RATE_RUNS];
	measure(w, picked, list(w, picked));
}

void worker_ask(struct worker *w, const char *data)
{
	pthread_mutex_lock(&w->lock);
	snprintf(w->question, sizeof w->question, "%s", data);
	w->asked = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

void worker_hurry(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->hurry = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

static void drain(const struct worker *w)
{
	uint64_t count;
	if (w->fd >= 0 && read(w->fd, &count, sizeof count) < 0) {
		return;                              /* nothing there */
	}
}

bool worker_take_runs(struct worker *w, struct cvt_run **ret_runs, int *ret_n, char error[256])
{
	drain(w);
	pthread_mutex_lock(&w->lock);
	bool have = w->have_runs;
	if (have) {
		memcpy(error, w->error, sizeof w->error);
		*ret_runs = w->runs;
		*ret_n = w->n_runs;
		w->runs = NULL;
		w->have_runs = false;
	}
	pthread_mutex_unlock(&w->lock);
	return have;
}

bool worker_take_facts(struct worker *w, struct dataset_facts *ret_facts)
{
	pthread_mutex_lock(&w->lock);
	bool have = w->have_facts;
	if (have) {
		*ret_facts = w->facts;
		w->have_facts = false;
	}
	pthread_mutex_unlock(&w->lock);
	return have;
}

void worker_rates(struct worker *w, struct ui_rates *ret_rates)
{
	pthread_mutex_lock(&w->lock);
	*ret_rates = w->rates;
	pthread_mutex_unlock(&w->lock);
}
