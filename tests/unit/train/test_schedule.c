/* The rate of each epoch, against PyTorch's StepLR and CosineAnnealingLR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "train/schedule.h"

static struct cvt_config config_of(int schedule)
{
	struct cvt_config config;

	cvt_config_init(&config);
	config.schedule = schedule;
	config.lr = 0.1;
	config.epochs = 8;
	config.step_epochs = 3;
	config.step_factor = 0.5;
	return config;
}

static void constant_stays(void **state)
{
	struct cvt_config config = config_of(CVT_SCHEDULE_CONSTANT);

	(void)state;
	for (int epoch = 1; epoch <= 9; epoch++)
		assert_true(cvt_schedule_lr(&config, epoch) == 0.1);
}

static void step_falls_every_so_many(void **state)
{
	static const double expected[] = {0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025};
	struct cvt_config config = config_of(CVT_SCHEDULE_STEP);

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_true(cvt_schedule_lr(&config, i + 1) == expected[i]);
}

static void cosine_ends_near_zero(void **state)
{
	/* torch.optim.lr_scheduler.CosineAnnealingLR(SGD(lr=0.1), T_max=8) */
	static const double expected[] = {0.1, 0.09619397662556434, 0.08535533905932738, 0.06913417161825449, 0.05, 0.030865828381745515,
		0.014644660940672627, 0.0038060233744356628};
	struct cvt_config config = config_of(CVT_SCHEDULE_COSINE);

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_true(fabs(cvt_schedule_lr(&config, i + 1) - expected[i]) < 1e-15);
}

static void base_may_change_on_the_way(void **state)
{
	struct cvt_config config = config_of(CVT_SCHEDULE_STEP);

	(void)state;
	config.lr = 0.4;
	assert_true(cvt_schedule_lr(&config, 4) == 0.2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constant_stays),
		cmocka_unit_test(step_falls_every_so_many),
		cmocka_unit_test(cosine_ends_near_zero),
		cmocka_unit_test(base_may_change_on_the_way),
	};

	return cmocka_run_group_tests_name("train schedule", tests, NULL, NULL);
}
