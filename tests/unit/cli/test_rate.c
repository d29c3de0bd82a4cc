/* How long an epoch is said to take, from the rows of past runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../scratch.h"
#include "convtui/machine.h"
#include "convtui/session.h"
#include "rate.h"
#include "store/writer.h"

static struct cvt_config config_of(const char *yaml)
{
	struct cvt_config config;
	struct cvt_error err;
	cvt_config_init(&config);
	if (cvt_config_parse(&config, yaml, strlen(yaml), "test", &err) != CVT_OK) {
		fail_msg("%s", err.message);
	}
	cvt_config_resolve(&config);
	return config;
}

/* A run of so many batches of `images`, each of `seconds`; the first of `cold`, one in the midst of `held`. */
struct rows { int batches, images; double seconds, cold, held; int threads; };

static struct cvt_run make_run(const char *yaml, struct rows rows)
{
	struct cvt_config config = config_of(yaml);
	struct cvt_description what;
	struct cvt_error err;
	struct cvt_run run;
	struct cvt_writer *writer;
	char *text;
	assert_int_equal(cvt_describe(&config, 3, &what, &err), CVT_OK);
	assert_int_equal(cvt_config_write(&config, NULL, &text, &err), CVT_OK);
	struct cvt_new_run new = {.short_name = "run", .config_yaml = text, .network = what.network, .batch_size = config.batch, .epochs = 1};
	assert_int_equal(cvt_run_create(scratch("runs"), &new, &run, &err), CVT_OK);
	assert_int_equal(cvt_writer_open(run.folder, &writer, &err), CVT_OK);
	for (int i = 0; i < rows.batches; i++) {
		double seconds = i == 0 && rows.cold > 0 ? rows.cold : i == rows.batches / 2 && rows.held > 0 ? rows.held : rows.seconds;
		assert_int_equal(cvt_writer_batch(writer, &(struct cvt_batch_row){.batch = i, .epoch = 1, .images = rows.images, .loss = 1, .lr = 0.01,
			.seconds = seconds}, &err), CVT_OK);
	}
	run.live.state = CVT_STATE_DONE;
	run.live.batch = rows.batches;
	run.live.threads = rows.threads ? rows.threads : cvt_machine_processors(NULL);
	assert_int_equal(gethostname(run.live.host, sizeof run.live.host - 1), 0);
	assert_int_equal(cvt_writer_live(writer, &run.live, &err), CVT_OK);
	cvt_writer_close(writer);
	cvt_description_finish(&what);
	free(text);
	return run;
}

static struct ui_rates measure(void)
{
	struct ui_rates rates = {0};
	struct cvt_run *runs, picked[UI_RATE_RUNS];
	struct cvt_error err;
	int n;
	assert_int_equal(cvt_store_list(scratch("runs"), &runs, &n, &err), CVT_OK);
	ui_rates_measure(&rates, picked, ui_rates_pick(runs, n, picked));
	free(runs);
	return rates;
}

static struct ui_estimate estimate(const struct ui_rates *rates, const char *yaml, int pictures)
{
	struct cvt_config config = config_of(yaml);
	struct cvt_description what;
	struct cvt_error err;
	assert_int_equal(cvt_describe(&config, 3, &what, &err), CVT_OK);
	struct ui_estimate e = ui_rates_estimate(rates, &what, &config, pictures);
	cvt_description_finish(&what);
	return e;
}

static void is_near(struct ui_estimate e, double seconds, enum ui_basis basis, int runs)
{
	if (e.basis != basis || e.runs != runs || !(fabs(e.epoch_seconds / seconds - 1) < 1e-6)) {
		fail_msg("%g s by %d run(s), basis %d, not %g s by %d, %d", e.epoch_seconds, e.runs, (int)e.basis, seconds, runs, (int)basis);
	}
}

/* No validation part, so that an epoch is its batches. */
#define QUICK "image-size: 64\nbatch: 32\nval-fraction: 0\n"

/* A folder of 20 pictures, an epoch of a single batch: it says nothing, and the newest run does not put out what older ones say. */
static void a_moment_says_nothing(void **state)
{
	(void)state;
	make_run(QUICK, (struct rows){.batches = 1, .images = 12, .seconds = 0.2});
	make_run(QUICK, (struct rows){.batches = 2, .images = 12, .seconds = 0.2});
	struct ui_rates rates = measure();
	assert_true(isnan(estimate(&rates, QUICK, 2040).epoch_seconds));
	assert_int_equal(estimate(&rates, QUICK, 2040).basis, UI_BASIS_NONE);
	make_run(QUICK, (struct rows){.batches = 251, .images = 32, .seconds = 0.0064});
	make_run(QUICK, (struct rows){.batches = 1, .images = 12, .seconds = 0.2});
	rates = measure();
	struct ui_estimate e = estimate(&rates, QUICK, 2040);
	assert_true(e.basis == UI_BASIS_NETWORK && e.epoch_seconds > 0.4 && e.epoch_seconds < 0.5);
}

static void cold_and_held_up_batches(void **state)
{
	(void)state;
	make_run(QUICK, (struct rows){.batches = 101, .images = 32, .seconds = 0.02, .cold = 90});
	struct ui_rates rates = measure();
	is_near(estimate(&rates, QUICK, 3200), 2, UI_BASIS_NETWORK, 1);
	/* ^Z for ten minutes in one of them: it counts as four. */
	scratch_remove(scratch("runs"));
	make_run(QUICK, (struct rows){.batches = 101, .images = 32, .seconds = 0.02, .held = 600});
	rates = measure();
	is_near(estimate(&rates, QUICK, 3200), 2 * 1.03, UI_BASIS_NETWORK, 1);
	assert_true(isnan(estimate(&rates, QUICK, 0).epoch_seconds));
}

/* Multiply-adds a second differ from network to network: what is nearest is asked first. */
static void the_nearest_runs_count(void **state)
{
	(void)state;
	make_run("image-size: 64\nbatch: 32\n", (struct rows){.batches = 101, .images = 32, .seconds = 0.02});
	make_run("arch: vgg-a\nimage-size: 64\nbatch: 16\n", (struct rows){.batches = 11, .images = 16, .seconds = 3});
	struct ui_rates rates = measure();
	is_near(estimate(&rates, QUICK, 3200), 2, UI_BASIS_NETWORK, 1);
	is_near(estimate(&rates, "arch: vgg-a\nimage-size: 64\nbatch: 16\nval-fraction: 0\n", 1600), 300, UI_BASIS_NETWORK, 1);
	assert_int_equal(estimate(&rates, QUICK "layers: 2\n", 100).basis, UI_BASIS_SIZE);
	assert_int_equal(estimate(&rates, "image-size: 128\nbatch: 32\n", 100).basis, UI_BASIS_FAMILY);
	assert_int_equal(estimate(&rates, "arch: vgg-d\nimage-size: 64\nbatch: 16\n", 100).basis, UI_BASIS_SIZE);
	assert_int_equal(estimate(&rates, "arch: googlenet\nimage-size: 64\nbatch: 32\n", 100).basis, UI_BASIS_OTHERS);
	assert_int_equal(estimate(&rates, "arch: googlenet\nimage-size: 64\nbatch: 32\n", 100).runs, 2);
	/* The validation is forward only. */
	is_near(estimate(&rates, "image-size: 64\nbatch: 32\nval-fraction: 0.5\n", 3200), 1 + 1.0 / 3, UI_BASIS_NETWORK, 1);
}

static void what_cannot_be_compared(void **state)
{
	(void)state;
	char more[64];
	int all = cvt_machine_processors(NULL);
	make_run(QUICK, (struct rows){.batches = 101, .images = 32, .seconds = 0.02, .threads = all});
	struct ui_rates rates = measure();
	snprintf(more, sizeof more, QUICK "threads: %d\n", all);
	assert_int_equal(estimate(&rates, more, 100).basis, UI_BASIS_NETWORK);
	snprintf(more, sizeof more, QUICK "threads: %d\n", all + 1);
	assert_int_equal(estimate(&rates, more, 100).basis, UI_BASIS_NONE);
	assert_int_equal(estimate(&rates, QUICK "conv: direct\n", 100).basis, UI_BASIS_NONE);
	/* Three pictures a batch are not thirty: also where the folder has no more. */
	assert_int_equal(estimate(&rates, "image-size: 64\nbatch: 3\n", 100).basis, UI_BASIS_NONE);
	assert_int_equal(estimate(&rates, QUICK, 3).basis, UI_BASIS_NONE);
}

/* What was measured is not read again; a run that has grown is. */
static void measured_once(void **state)
{
	(void)state;
	struct cvt_run run = make_run(QUICK, (struct rows){.batches = 101, .images = 32, .seconds = 0.02});
	struct ui_rates rates = measure();
	char path[1200];
	snprintf(path, sizeof path, "%s/batches.csv", run.folder);
	assert_int_equal(unlink(path), 0);
	ui_rates_measure(&rates, &run, 1);
	assert_true(rates.n == 1 && rates.runs[0].seconds > 1.9);
	run.live.batch = 202;
	ui_rates_measure(&rates, &run, 1);
	assert_true(rates.n == 1 && rates.runs[0].seconds == 0);
	strcpy(run.live.host, "another");
	struct cvt_run picked[UI_RATE_RUNS];
	assert_int_equal(ui_rates_pick(&run, 1, picked), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_moment_says_nothing), TEST(cold_and_held_up_batches), TEST(the_nearest_runs_count), TEST(what_cannot_be_compared), TEST(measured_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
