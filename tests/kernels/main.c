/* main.c - runs every slot on every instruction set that the machine has.
 *
 *   kernels [--shapes N] [--seed S] [--trial I] [--slot PREFIX] [--isa NAME] [--bench [--label PART]]
 * A failure prints the words that repeat it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness.h"

#ifndef KT_FAMILIES                         /* the build may name others */
#define KT_FAMILIES(F) \
	F(maxpool) \
	F(norm) \
	F(norm_windows) \
	F(peak) \
	F(product) \
	F(winograd5)
#endif

#define F(name) extern const struct kt_slot kt_##name[];
KT_FAMILIES(F)
#undef F
#define F(name) kt_##name,
static const struct kt_slot *const families[] = { KT_FAMILIES(F) };
#undef F

static int shapes = 24, first_trial;
static unsigned long long seed = 1;
struct job { const struct kt_slot *slot; const struct cvt_kernels *kernels; };
static struct kt current;                   /* for the signal handler */

static void say_where(char *text, size_t size)
{
	snprintf(text, size, "%s on %s, %s (--slot %s --isa %s --seed %llu --trial %d)", current.slot, current.kernels->name, current.shape,
		current.slot, current.kernels->name, seed, first_trial);
}

static void on_fault(int number)
{
	char where[1200];
	(void)number;
	say_where(where, sizeof where);
	(void)!write(2, "read or wrote outside an array: ", 32);
	(void)!write(2, where, strlen(where));
	(void)!write(2, "\n", 1);
	_exit(1);
}

static void begin(struct kt *t, const struct job *job)
{
	*t = (struct kt){ .kernels = job->kernels, .slot = job->slot->name, .state = seed * 1000003u + (unsigned)first_trial };
}

static void run_slot(void **state)
{
	const struct job *job = *state;
	int from = first_trial;
	char where[1200];
	signal(SIGSEGV, on_fault);              /* here: cmocka has its own until a test begins */
	signal(SIGBUS, on_fault);
	for (; first_trial < from + shapes; first_trial++) {
		begin(&current, job);
		job->slot->check(&current);
		say_where(where, sizeof where);
		kt_release(&current);
		if (current.failure[0])
			fail_msg("%s: %s", where, current.failure);
	}
	first_trial = from;
}

static void peak_once(void *context)
{
	float sink;
	((struct kt *)context)->kernels->peak.multiply_adds(100000, &sink);
}

static double measure_peak(const struct cvt_kernels *kernels)
{
	struct kt t = { .kernels = kernels, .slot = "peak" };
	float sink;
	double flops = kernels->peak.multiply_adds(1, &sink) * 1e5, best = 0;
	for (int i = 0; i < 30; i++) {
		struct timespec a, b;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		peak_once(&t);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		double rate = flops / ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec));
		best = rate > best ? rate : best;
	}
	return best;
}

int main(int argc, char **argv)
{
	static struct job jobs[1000];
	static struct CMUnitTest tests[1000];
	static char names[1000][80];
	const char *only_slot = "", *only_isa = NULL, *only_label = NULL;
	int bench = 0, n = 0;
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(argv[i], "--bench")) { bench = 1; continue; }
		i++;
		if (!strcmp(argv[i - 1], "--shapes")) shapes = atoi(value);
		else if (!strcmp(argv[i - 1], "--seed")) seed = strtoull(value, NULL, 10);
		else if (!strcmp(argv[i - 1], "--trial")) { first_trial = atoi(value); shapes = 1; }
		else if (!strcmp(argv[i - 1], "--slot")) only_slot = value;
		else if (!strcmp(argv[i - 1], "--isa")) only_isa = value;
		else if (!strcmp(argv[i - 1], "--label")) only_label = value;
		else { fprintf(stderr, "kernels: unknown option %s\n", argv[i - 1]); return 2; }
	}
	for (int isa = CVT_ISA_BASELINE; isa <= CVT_ISA_AVX512; isa++) {
		const struct cvt_kernels *kernels = cvt_kernels_get(isa);
		if (!kernels || (only_isa && strcmp(only_isa, kernels->name)))
			continue;
		double peak = bench ? measure_peak(kernels) : 0;
		for (size_t f = 0; f < sizeof families / sizeof *families; f++)
			for (const struct kt_slot *s = families[f]; s->name; s++) {
				if (strncmp(s->name, only_slot, strlen(only_slot)) || n == 1000)
					continue;
				jobs[n] = (struct job){ s, kernels };
				if (bench && s->bench) {
					begin(&current, &jobs[n]);
					current.peak = peak;
					current.label = only_label;
					s->bench(&current);
					kt_release(&current);
				}
				snprintf(names[n], sizeof names[n], "%s on %s", s->name, kernels->name);
				tests[n] = (struct CMUnitTest){ names[n], run_slot, NULL, NULL, &jobs[n] };
				n += s->check && !bench;
			}
	}
	if (bench)
		return 0;
	return _cmocka_run_group_tests("kernels", tests, (size_t)n, NULL, NULL);
}
