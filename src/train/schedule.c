/* schedule.c - constant, step and cosine. */
#include "train/schedule.h"

#include <math.h>

double cvt_schedule_lr(const struct cvt_config *config, int epoch)
{
	double lr = config->lr;
	int finished = epoch > 0 ? epoch - 1 : 0;

	switch ((enum cvt_schedule)config->schedule) {
	case CVT_SCHEDULE_CONSTANT:
		break;
	case CVT_SCHEDULE_STEP:
		/* Multiplied one by one, not by pow(): the same bits with any C library. */
		for (int i = 0; config->step_epochs > 0 && i < finished / config->step_epochs; i++)
			lr *= config->step_factor;
		break;
	case CVT_SCHEDULE_COSINE:
		if (config->epochs > 0)
			lr *= (1 + cos(3.14159265358979323846 * finished / config->epochs)) / 2;
		break;
	}
	return lr;
}
