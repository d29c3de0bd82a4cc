/* batch.h - pictures of a part, in the order of an epoch, normalised into a tensor. Pure functions of (seed, epoch, index). */
#ifndef CVT_DATA_BATCH_H
#define CVT_DATA_BATCH_H

#include "base/pool.h"
#include "convtui/dataset.h"

/* The pictures of a part, in the dataset's order; *ret_pictures (indices into dataset->pictures) is the caller's (free). */
CVT_NODISCARD int cvt_part_pictures(const struct cvt_dataset *dataset, enum cvt_part part, int **ret_pictures, int *ret_n,
	struct cvt_error *err);
/* Shuffles them for an epoch (from 1): Philox(seed, SHUFFLE, epoch). `pictures` is in the dataset's order and stays; `order` is filled. */
void cvt_epoch_order(const int *pictures, int n, uint64_t seed, int epoch, int *order);

/* What a byte of each channel becomes: (value/255 - mean)/std, in float as torchvision's ToTensor and Normalize. A channel of one colour
 * throughout has no deviation: it stays centred. levels: [channels][256]. */
void cvt_batch_levels(const double *mean, const double *std, int channels, float (*levels)[256]);

struct cvt_batch_options { bool flip; uint64_t seed; int epoch; };   /* augmentation of training; epoch 0: none */
/* Reads n pictures and writes (value/255 - mean)/std as [n, c, h, w] into out, and labels. Flips a picture with probability 1/2 by
 * Philox(seed, AUGMENT, epoch, picture). Errors: the cache cannot be read any more. */
CVT_NODISCARD int cvt_batch_fill(const struct cvt_dataset *dataset, const int *pictures, int n,
	const struct cvt_batch_options *options, struct cvt_pool *pool, float *out, int *labels, struct cvt_error *err);

#endif
