/* split.h - which picture is for training and which for validation, and how much a class weighs in the loss. */
#ifndef CVT_DATA_SPLIT_H
#define CVT_DATA_SPLIT_H

#include <stdint.h>

#include "convtui/error.h"

/* Fills parts[n] (enum cvt_part): a random permutation by seed, the first floor((1 - val - test) * n) of it for training, the last
 * floor(test * n) for testing, the rest for validation, as the post's random_split. CVT_ERR_RANGE when nothing is left for training. */
CVT_NODISCARD int cvt_split_random(int n, double val_fraction, double test_fraction, uint64_t seed, int *parts, struct cvt_error *err);

/* weights[n] from the pictures of each class, all parts. `kind`: enum cvt_class_weights. */
void cvt_class_weigh(int kind, int n, const int *counts, double *weights);

#endif
