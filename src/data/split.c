/* split.c - see split.h. */
#include "data/split.h"

#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "convtui/config.h"
#include "convtui/dataset.h"

/* 1 - 0.2 - 0.1 is a hair above 0.7 and 0.29 * 100 one below 29: what is meant is the whole number. */
static int whole(double value)
{
	return (int)floor(value + 1e-9);
}

int cvt_split_random(int n, double val_fraction, double test_fraction, uint64_t seed, int *parts, struct cvt_error *err)
{
	const int train = whole((1.0 - val_fraction - test_fraction) * n), test = whole(test_fraction * n);
	if (train < 1)
		return cvt_fail(err, CVT_ERR_RANGE, "%d pictures leave none for training: lower the fractions for validation and test", n);
	int *order = malloc((size_t)n * sizeof(int));
	if (!order)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory to split %d pictures", n);
	cvt_random_permutation(seed, CVT_RANDOM_SPLIT, 0, n, order);
	for (int i = 0; i < n; i++)
		parts[order[i]] = i < train ? CVT_PART_TRAIN : i < n - test ? CVT_PART_VAL : CVT_PART_TEST;
	free(order);
	return CVT_OK;
}

void cvt_class_weigh(int kind, int n, const int *counts, double *weights)
{
	double total = 0;
	for (int i = 0; i < n; i++)
		total += counts[i];
	for (int i = 0; i < n; i++) {
		/* The post computes its shares in the order of os.walk, which is ImageFolder's backwards, and so weighs the wrong classes. */
		const int of = kind == CVT_WEIGHTS_POST ? n - 1 - i : i;
		if (kind == CVT_WEIGHTS_NONE)
			weights[i] = 1.0;
		else if (kind == CVT_WEIGHTS_BALANCED)
			weights[i] = total / (n * (double)counts[i]);
		else
			weights[i] = rint((1.0 - counts[of] / total) * 1000.0) / 1000.0;
	}
}
