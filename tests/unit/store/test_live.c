/* The live page: what is written is read, whatever stands in it; torn and foreign pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convtui/store.h"
#include "convtui/text.h"
#include "store/live.h"

static struct cvt_live full_live(void)
{
	struct cvt_live live;
	int number = 0;

	memset(&live, 0, sizeof live);
	live.state = CVT_STATE_BLOCKED;
	memset(live.reason, 'r', sizeof live.reason - 1);
	memset(live.network, 'n', sizeof live.network - 1);
	memset(live.host, 'h', sizeof live.host - 1);
	live.lr = -1.2345678901234567e-300;
	live.parameters = live.batch = live.checkpoint_batch = live.peak_bytes = INT64_MIN;
	int *ints[] = {&live.batch_size, &live.epochs, &live.epoch, &live.batch_in_epoch, &live.batches_per_epoch, &live.prepared,
		&live.to_prepare, &live.bad, &live.evaluated, &live.to_evaluate, &live.best_epoch, &live.pid, &live.threads,
		&live.train_images, &live.val_images, &live.test_images};
	for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++)
		*ints[i] = -2147483647 + number++;
	double *reals[] = {&live.loss, &live.train_accuracy, &live.val_loss, &live.val_accuracy, &live.best_val_accuracy,
		&live.images_per_second, &live.batch_seconds, &live.seconds, &live.started, &live.updated, &live.checkpoint_time};
	for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++)
		*reals[i] = -1.2345678901234567e-300 * (1 + number++);
	return live;
}

static void the_longest_page_fits(void **state)
{
	struct cvt_live live = full_live(), again;
	char page[CVT_LIVE_SIZE];
	double created;
	struct cvt_error err;

	cvt_live_format(&live, 1.5e9, page);
	assert_int_equal(page[CVT_LIVE_SIZE - 1], '\n');
	assert_null(memchr(page, 0, sizeof page));
	if (cvt_live_parse(page, sizeof page, &again, &created, &err) != CVT_OK)
		fail_msg("%s", err.message);
	assert_memory_equal(&again, &live, sizeof live);
	assert_true(created == 1.5e9);
}

static void text_in_the_page_cannot_break_it(void **state)
{
	struct cvt_live live, again;
	char page[CVT_LIVE_SIZE];
	double created;

	cvt_live_init(&live);
	live.state = CVT_STATE_TRAINING;
	strcpy(live.reason, "a\nstate done\nchecksum 00000000\n\x1b[31m");
	cvt_live_format(&live, 1, page);
	assert_int_equal(cvt_live_parse(page, sizeof page, &again, &created, NULL), CVT_OK);
	assert_int_equal(again.state, CVT_STATE_TRAINING);
	assert_string_equal(again.reason, "a?state done?checksum 00000000??[31m");
	assert_true(isnan(again.loss) && again.batch_size == -1);
}

/* Every mixture of an old and a new page, cut at any byte, and every single flipped bit of what the checksum covers. */
static void torn_pages_are_seen(void **state)
{
	struct cvt_live a = full_live(), b = full_live(), again;
	char old[CVT_LIVE_SIZE], new[CVT_LIVE_SIZE], torn[CVT_LIVE_SIZE];
	double created;

	int whole = 0;

	b.batch++;
	b.loss /= 3;
	b.state = CVT_STATE_DONE;
	cvt_live_format(&a, 1, old);
	cvt_live_format(&b, 1, new);
	for (size_t cut = 0; cut <= sizeof torn; cut++) {
		memcpy(torn, new, cut);
		memcpy(torn + cut, old + cut, sizeof torn - cut);
		int status = cvt_live_parse(torn, sizeof torn, &again, &created, NULL);
		/* What follows the checksum does not count, so a rest of the old page there does no harm. */
		if (status == CVT_OK)
			assert_true(memcmp(&again, &a, sizeof a) == 0 || memcmp(&again, &b, sizeof b) == 0);
		whole += status == CVT_OK;
	}
	assert_in_range(whole, 2, sizeof torn - 1000); /* most cuts within the text are seen */
	size_t covered = (size_t)(strstr(old, "checksum ") - old) + 17;
	for (size_t i = 0; i < covered; i++) {
		memcpy(torn, old, sizeof torn);
		torn[i] ^= 1 << i % 8;
		assert_int_equal(cvt_live_parse(torn, sizeof torn, &again, &created, NULL), CVT_ERR_FORMAT);
	}
	for (size_t size = 0; size < CVT_LIVE_SIZE; size += 97)
		assert_int_equal(cvt_live_parse(old, size, &again, &created, NULL), CVT_ERR_FORMAT);
}

static void seal(char page[CVT_LIVE_SIZE], const char *text)
{
	int n = snprintf(page, CVT_LIVE_SIZE, "%s", text);

	snprintf(page + n, (size_t)(CVT_LIVE_SIZE - n), "checksum %08x\n", cvt_crc32c(0, text, strlen(text)));
}

static void pages_of_others(void **state)
{
	struct cvt_live live;
	char page[CVT_LIVE_SIZE] = "";
	double created;

	seal(page, "convtui 1\nstate done\nfuture 1 2 3\nloss 0.5\n"); /* a newer program's key */
	assert_int_equal(cvt_live_parse(page, sizeof page, &live, &created, NULL), CVT_OK);
	assert_true(live.loss == 0.5 && live.state == CVT_STATE_DONE && isnan(created));
	static const char *const wrong[] = {"convtui 1\nstate crashed\n", "convtui 1\nstate\n", "convtui 1\nepoch 99999999999\n",
		"convtui 1\nloss 0x1p3\n", "convtui 1\nbatch \n", "convtui 2\nstate done\n", "convtui 1\n\n"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		seal(page, wrong[i]);
		assert_int_equal(cvt_live_parse(page, sizeof page, &live, &created, NULL), CVT_ERR_FORMAT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_page_fits), cmocka_unit_test(text_in_the_page_cannot_break_it), cmocka_unit_test(torn_pages_are_seen),
		cmocka_unit_test(pages_of_others),
	};

	return cmocka_run_group_tests_name("live page", tests, NULL, NULL);
}
