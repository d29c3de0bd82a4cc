/* step.h - one step of training, and one pass of evaluation, in the calling thread and the network's pool. */
#ifndef CVT_TRAIN_STEP_H
#define CVT_TRAIN_STEP_H

#include "convtui/dataset.h"
#include "train/network.h"

struct cvt_step_options {
	const int *pictures; int n;          /* indices into dataset->pictures; n <= network->train_batch */
	int64_t batch;                       /* of the whole run, from 0: names the random numbers of dropout */
	int epoch;                           /* from 1: names those of augmentation */
	bool flip;
	uint64_t seed;
	double lr, momentum, weight_decay;
};
struct cvt_step_result {
	double loss;                         /* weighted cross entropy of the batch, before the update */
	int correct;
	bool finite;                         /* false: loss or a stored gradient is not; only what backward updates itself has been updated */
};
/* Fills the batch, forward, loss, backward, update. Errors: the pictures cannot be read any more; nothing is changed then. */
CVT_NODISCARD int cvt_step_train(struct cvt_network *network, const struct cvt_dataset *dataset, const struct cvt_step_options *options,
	struct cvt_step_result *ret_result, struct cvt_error *err);

/* One pass over pictures in evaluation mode. */
struct cvt_pass {
	int64_t *confusion;                  /* [true][predicted], n_classes^2, allocated by cvt_pass_init */
	double weighted_loss, weight_sum;    /* loss = weighted_loss / weight_sum */
	int64_t correct, images;
};
struct cvt_pass_options {
	const int *pictures; int n;
	const int *class_map;                /* NULL, or the network's class of each class of the dataset */
	/* All may be NULL. After each batch; false cancels (CVT_ERR_CANCELLED). */
	bool (*progress)(void *context, int done, int total);
	/* For each picture; probabilities: softmax, [n_classes]. */
	void (*picture)(void *context, int picture, int truth, int predicted, const float *probabilities);
	void *context;
};
CVT_NODISCARD int cvt_pass_init(struct cvt_pass *pass, int n_classes, struct cvt_error *err);
void cvt_pass_finish(struct cvt_pass *pass);
CVT_NODISCARD int cvt_pass_run(struct cvt_network *network, const struct cvt_dataset *dataset, const struct cvt_pass_options *options,
	struct cvt_pass *pass, struct cvt_error *err);
/* NaN where no picture was. */
double cvt_pass_loss(const struct cvt_pass *pass);
double cvt_pass_accuracy(const struct cvt_pass *pass);   /* per cent */

#endif
