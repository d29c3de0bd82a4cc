/* The filter of runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "filter.h"

static struct cvt_run vgg(void)
{
	struct cvt_run run = {.name = "2026-11-24-7-vgg-a", .live = {.state = CVT_STATE_DONE, .network = "VGG-11A", .lr = 0.0035, .batch_size = 16,
		.epochs = 30, .epoch = 30, .parameters = 160241411, .val_accuracy = 99.398, .best_val_accuracy = 99.5, .train_accuracy = NAN}};
	return run;
}

static bool fits(const char *text)
{
	char message[256] = "";
	struct cvt_run run = vgg();
	struct ui_filter *filter = ui_filter_create(text, message, sizeof message);
	if (!filter)
		fail_msg("%s: %s", text, message);
	bool yes = ui_filter_fits(filter, &run);
	ui_filter_destroy(filter);
	return yes;
}

static void what_fits(void **state)
{
	(void)state;
	static const char *const yes[] = {"", " ", "vgg", "VGG", "vgg done", "cnn|vgg", "cnn|vgg done|failed", "cnn | vgg", "!cnn", "!!vgg", "/^vgg-[0-9]+a$/",
		"lr>0.001", "lr=3.5e-3", "lr>=0.0035", "lr<=0.0035", "lr!=0.1", "batch<32 epochs>=30", "arch:vgg", "arch:vgg-a", "state:done", "!arch:cnn",
		"val>99 best>99.4", "vgg|", "/vgg", "|vgg", "run:2026", "!train>0", "parameters>1e8"};
	static const char *const no[] = {"cnn", "vgg failed", "cnn|googlenet", "!vgg", "/^11/", "lr>0.0035", "lr<0.0035", "lr!=0.0035", "arch:cnn", "arch:vgg-b",
		"state:failed", "train>0", "train<=0", "train=0", "train!=0", "vgg cnn|failed", "run:done"};
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!fits(yes[i]))
			fail_msg("does not fit: %s", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (fits(no[i]))
			fail_msg("fits: %s", no[i]);
}

static void what_cannot_be_read(void **state)
{
	(void)state;
	static const struct { const char *text, *says; } cases[] = {{"lr>x", "number"}, {"rate>1", "no number 'rate'"}, {"/[/", "["}, {"lr>", "number"},
		{"foo:bar", "no field 'foo': run network"}, {"!lr:0.1", "no field 'lr'"}, {"vgg|acrh:cnn", "no field 'acrh'"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char message[256] = "";
		assert_null(ui_filter_create(cases[i].text, message, sizeof message));
		if (!strstr(message, cases[i].says))
			fail_msg("%s: %s", cases[i].text, message);
	}
	char many[400] = "", message[256];
	for (int i = 0; i < 65; i++)
		strcat(many, "a ");
	assert_null(ui_filter_create(many, message, sizeof message));
}

static void architectures_of_labels(void **state)
{
	(void)state;
	assert_string_equal(ui_filter_arch("VGG-19E"), "vgg-e");
	assert_string_equal(ui_filter_arch("GoogLeNet"), "googlenet");
	assert_string_equal(ui_filter_arch("3->16 FM total: 16"), "cnn");
	assert_string_equal(ui_filter_arch(""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_fits), cmocka_unit_test(what_cannot_be_read), cmocka_unit_test(architectures_of_labels)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
