/* harness.c - random shapes, guarded arrays, comparison, timing. See harness.h. */
#include "harness.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static uint64_t next(struct kt *t)          /* splitmix64 */
{
	uint64_t z = t->state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int note(struct kt *t, const char *name, int value)
{
	size_t used = strlen(t->shape);
	snprintf(t->shape + used, sizeof t->shape - used, "%s%s=%d", used ? " " : "", name, value);
	return value;
}

int kt_int(struct kt *t, const char *name, int low, int high)
{
	return note(t, name, low + (int)(next(t) % (uint64_t)(high - low + 1)));
}

int kt_size(struct kt *t, const char *name, int high)
{
	double u = (double)(next(t) >> 11) * 0x1p-53;
	int v = 1 + (int)(u * u * high);
	if (next(t) & 1)
		v = (v + 15) / 16 * 16 + (int)(next(t) % 3) - 1;
	return note(t, name, v < 1 ? 1 : v > high ? high : v);
}

bool kt_flag(struct kt *t, const char *name)
{
	return note(t, name, (int)(next(t) & 1));
}

float kt_uniform(struct kt *t)
{
	return (float)((double)(next(t) >> 40) * 0x1p-23 - 1.0);
}

static void *guarded(struct kt *t, size_t bytes, bool aligned)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (bytes + page - 1) / page * page;
	struct kt_array *a = malloc(sizeof *a);
	char *map = mmap(NULL, body + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!a || map == MAP_FAILED || (body && mprotect(map + page, body, PROT_READ | PROT_WRITE))) {
		fputs("out of memory\n", stderr);
		exit(2);
	}
	*a = (struct kt_array){ map, body + 2 * page, t->arrays };
	t->arrays = a;
	if (next(t) & 1)
		return map + page;
	return map + page + body - (aligned ? (bytes + 63) / 64 * 64 : bytes);
}

float *kt_output(struct kt *t, size_t n, bool aligned)
{
	float *p = guarded(t, n * sizeof *p, aligned);
	for (size_t i = 0; i < n; i++)
		p[i] = NAN;
	return p;
}

float *kt_random(struct kt *t, size_t n, bool aligned)
{
	float *p = guarded(t, n * sizeof *p, aligned);
	for (size_t i = 0; i < n; i++)
		p[i] = kt_uniform(t);
	return p;
}

double *kt_doubles(struct kt *t, size_t n)
{
	return guarded(t, n * sizeof(double), false);
}

void kt_fail(struct kt *t, const char *format, ...)
{
	va_list args;
	if (t->failure[0])
		return;                             /* the first tells most */
	va_start(args, format);
	vsnprintf(t->failure, sizeof t->failure, format, args);
	va_end(args);
}

void kt_close(struct kt *t, const char *what, const float *got, const double *want, const double *bound, size_t n, double tolerance)
{
	for (size_t i = 0; i < n; i++) {
		double allowed = tolerance * bound[i] + 1e-30;
		if (!(fabs((double)got[i] - want[i]) <= allowed)) {
			kt_fail(t, "%s[%zu of %zu] is %.9g, should be %.9g +- %.3g", what, i, n, (double)got[i], want[i], allowed);
			return;
		}
	}
}

void kt_same(struct kt *t, const char *what, const void *got, const void *want, size_t bytes)
{
	const unsigned char *a = got, *b = want;
	for (size_t i = 0; i < bytes; i++)
		if (a[i] != b[i]) {
			kt_fail(t, "%s differs at byte %zu of %zu", what, i, bytes);
			return;
		}
}

void kt_release(struct kt *t)
{
	while (t->arrays) {
		struct kt_array *a = t->arrays;
		t->arrays = a->next;
		munmap(a->map, a->map_bytes);
		free(a);
	}
}

static double cpu_seconds(void)
{
	struct timespec s;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &s);
	return (double)s.tv_sec + 1e-9 * (double)s.tv_nsec;
}

void kt_bench(struct kt *t, const char *label, double flops, double bytes, void (*run)(void *context), void *context)
{
	double best = 1e9, total = 0;
	if (t->label && !strstr(label, t->label))
		return;
	for (int i = 0; i < 5 || (total < 0.3 && i < 100000); i++) {
		double s = cpu_seconds();
		run(context);
		s = cpu_seconds() - s;
		best = s < best ? s : best;
		total += s;
	}
	printf("# %-8s %-28s %-24s %9.1f us", t->kernels->name, t->slot, label, best * 1e6);
	if (flops > 0)
		printf(" %7.1f GFLOP/s %4.0f %%", flops / best * 1e-9, t->peak > 0 ? flops / best * 1e-7 / t->peak : 0);
	if (bytes > 0)
		printf(" %6.1f GB/s", bytes / best * 1e-9);
	putchar('\n');
	fflush(stdout);
}
