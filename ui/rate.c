/* rate.c - how long an epoch will take. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "convtui/machine.h"
#include "convtui/session.h"
#include "rate.h"

#define ENOUGH_SECONDS 1.0       /* of training: less is too little to be told from chance */
#define HELD_UP 4                /* a batch that took so many times the median was: by ^Z, a machine that slept, a full disk */
#define BATCHES_APART 8          /* pictures a batch: below some, the cost of a batch itself shows (VGG's weights) */
/* What a byte costs that goes to memory, in multiply-adds, and how often a batch's weights do: forward, backward, update. With them the networks of
 * docs/speed.md, all families and sizes, lie within a factor of 1.8 of each other; by multiply-adds alone within 2.6. */
enum { BYTE_COST = 8, WEIGHT_PASSES = 3 };
enum { MOST_ROWS = 2000 };       /* of a run: those are enough, and a run of weeks is not read to its end */

/* Of training on one picture in a batch of so many. */
static double work_of(const struct cvt_description *what, int batch)
{
	double bytes = 0;
	for (int i = 0; i < what->n_layers; i++) {
		bytes += (double)what->layers[i].bytes;
	}
	return (double)what->multiply_adds + BYTE_COST * (bytes + WEIGHT_PASSES * sizeof(float) * (double)what->parameters / batch);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The rows behind the first, which is cold: memory is touched for the first time. */
static void add_rows(struct ui_rate_run *run, const struct cvt_batch_row *rows, int n, const struct cvt_description *what)
{
	double *each = malloc((size_t)(n > 0 ? n : 1) * sizeof *each), images = 0, seconds = 0;
	int known = 0;
	for (int i = 1; each && i < n; i++) {
		if (rows[i].images > 0 && isfinite(rows[i].seconds) && rows[i].seconds > 0) {
			each[known++] = rows[i].seconds / rows[i].images;
		}
	}
	if (known > 0) {
		qsort(each, (size_t)known, sizeof *each, by_size);
	}
	for (int i = 1; known > 0 && i < n; i++) {
		if (rows[i].images > 0 && isfinite(rows[i].seconds) && rows[i].seconds > 0) {
			images += rows[i].images;
			seconds += fmin(rows[i].seconds, HELD_UP * each[known / 2] * rows[i].images);
			run->batch = rows[i].images > run->batch ? rows[i].images : run->batch;
		}
	}
	free(each);
	if (isfinite(seconds) && seconds > 0) {
		run->seconds = seconds;
		run->work = images * work_of(what, run->batch);
	}
}

static int isa_of(const struct cvt_config *config)
{
	return config->isa == CVT_ISA_AUTO ? cvt_machine_best_isa() : config->isa;
}

static struct ui_rate_run measure(const struct cvt_run *from)
{
	struct ui_rate_run run = {.batches = from->live.batch, .threads = from->live.threads};
	struct cvt_session *session;
	struct cvt_config config;
	struct cvt_description what;
	char path[1100];
	memcpy(run.run, from->name, sizeof run.run);
	memcpy(run.network, from->live.network, sizeof run.network);
	cvt_config_init(&config);
	snprintf(path, sizeof path, "%s/config.yaml", from->folder);
	if (cvt_config_load(&config, path, NULL) != CVT_OK) {
		return run;
	}
	cvt_config_resolve(&config);
	run.arch = config.arch;
	run.image_size = config.image_size;
	run.isa = isa_of(&config);
	run.conv = config.conv;
	if (cvt_describe(&config, 3, &what, NULL) != CVT_OK) {
		return run;
	}
	if (cvt_session_open(from->folder, &session, NULL) == CVT_OK) {
		while (session->behind && session->n_batches < MOST_ROWS && cvt_session_poll(session, NULL) > 0) {
		}
		add_rows(&run, session->batches, session->n_batches < MOST_ROWS ? (int)session->n_batches : MOST_ROWS, &what);
		cvt_session_close(session);
	}
	cvt_description_finish(&what);
	return run;
}

int ui_rates_pick(const struct cvt_run *runs, int n, struct cvt_run picked[UI_RATE_RUNS])
{
	char host[sizeof runs->live.host] = "";
	int found = 0;
	if (gethostname(host, sizeof host - 1) < 0) {
		return 0;
	}
	for (int i = n - 1; i >= 0 && found < UI_RATE_RUNS; i--) {
		if (runs[i].live.batch > 1 && !strcmp(runs[i].live.host, host)) {
			picked[found++] = runs[i];
		}
	}
	return found;
}

void ui_rates_measure(struct ui_rates *rates, const struct cvt_run *picked, int n)
{
	struct ui_rates now = {.processors = cvt_machine_processors(NULL)};
	for (int i = 0; i < n; i++) {
		const struct ui_rate_run *known = NULL;
		for (int k = 0; k < rates->n && !known; k++) {
			if (!strcmp(rates->runs[k].run, picked[i].name) && picked[i].live.batch < 2 * rates->runs[k].batches) {
				known = &rates->runs[k];
			}
		}
		now.runs[now.n++] = known ? *known : measure(&picked[i]);
	}
	*rates = now;
}

/* vgg-a to vgg-e are one family. */
static bool same_family(int a, int b)
{
	const char *one = cvt_arch_name(a), *other = cvt_arch_name(b);
	size_t length = strcspn(one, "-");
	return length == strcspn(other, "-") && !strncmp(one, other, length);
}

/* What a run has in common with what is asked for; UI_BASIS_NONE: it tells nothing of it. */
static enum ui_basis in_common(const struct ui_rate_run *run, const struct ui_rate_run *wanted)
{
	if (!(run->seconds > 0) || run->threads != wanted->threads || run->isa != wanted->isa || run->conv != wanted->conv ||
		run->batch > BATCHES_APART * wanted->batch || wanted->batch > BATCHES_APART * run->batch) {
		return UI_BASIS_NONE;
	}
	if (!same_family(run->arch, wanted->arch)) {
		return UI_BASIS_OTHERS;
	}
	if (run->image_size != wanted->image_size) {
		return UI_BASIS_FAMILY;
	}
	return strcmp(run->network, wanted->network) ? UI_BASIS_SIZE : UI_BASIS_NETWORK;
}

struct ui_estimate ui_rates_estimate(const struct ui_rates *rates, const struct cvt_description *what, const struct cvt_config *config, int pictures)
{
	struct ui_estimate estimate = {.epoch_seconds = NAN};
	double fraction = *config->val ? 0 : config->val_fraction, train = pictures * (1 - fraction - (*config->val ? 0 : config->test_fraction));
	struct ui_rate_run wanted = {.arch = config->arch, .image_size = config->image_size, .isa = isa_of(config), .conv = config->conv,
		.threads = config->threads > 0 ? config->threads : rates->processors, .batch = train < config->batch ? (int)ceil(train) : config->batch};
	snprintf(wanted.network, sizeof wanted.network, "%s", what->network);
	for (enum ui_basis basis = UI_BASIS_NETWORK; train > 0 && basis <= UI_BASIS_OTHERS; basis++) {
		double work = 0, seconds = 0;
		int runs = 0;
		for (int i = 0; i < rates->n; i++) {
			enum ui_basis common = in_common(&rates->runs[i], &wanted);
			if (common != UI_BASIS_NONE && common <= basis) {
				work += rates->runs[i].work;
				seconds += rates->runs[i].seconds;
				runs++;
			}
		}
		if (seconds >= ENOUGH_SECONDS && work > 0) {
			/* A validation is a forward pass: a third of the work of a training step. */
			estimate = (struct ui_estimate){(train + pictures * fraction / 3) * work_of(what, wanted.batch) * seconds / work, basis, runs};
			break;
		}
	}
	return estimate;
}
