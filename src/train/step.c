/* step.c - fill, forward, loss, backward, update; and evaluation. */
#include "train/step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "nn/loss.h"
#include "nn/optimiser.h"

int cvt_step_train(struct cvt_network *network, const struct cvt_dataset *dataset, const struct cvt_step_options *options,
	struct cvt_step_result *ret_result, struct cvt_error *err)
{
	struct cvt_batch_options fill = {.flip = options->flip, .seed = options->seed, .epoch = options->epoch};
	struct cvt_exec exec = {.pool = network->pool, .seed = options->seed, .step = (uint32_t)options->batch, .lr = (float)options->lr,
		.momentum = (float)options->momentum, .weight_decay = (float)options->weight_decay};
	struct cvt_loss_result loss;
	bool finite;
	int rc = cvt_batch_fill(dataset, options->pictures, options->n, &fill, network->pool, cvt_plan_input(network->train).data,
		network->labels, err);

	if (rc < 0)
		return rc;
	cvt_plan_forward(network->train, options->n, &exec);
	loss = cvt_cross_entropy(cvt_plan_logits(network->train), network->labels, network->weights, options->n, network->n_classes,
		cvt_plan_logits_grad(network->train), NULL);
	finite = isfinite(loss.loss);
	if (finite) {
		cvt_plan_backward(network->train, options->n, &exec);
		finite = cvt_model_finite(network->model, network->pool);
	}
	if (finite)
		cvt_sgd_step(network->model, network->pool, exec.lr, exec.momentum, exec.weight_decay);
	*ret_result = (struct cvt_step_result){.loss = loss.loss, .correct = loss.correct, .finite = finite};
	return CVT_OK;
}

int cvt_pass_init(struct cvt_pass *pass, int n_classes, struct cvt_error *err)
{
	*pass = (struct cvt_pass){.confusion = calloc((size_t)n_classes * (size_t)n_classes, sizeof(int64_t))};
	if (!pass->confusion)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory for a confusion matrix of %d classes", n_classes);
	return CVT_OK;
}

void cvt_pass_finish(struct cvt_pass *pass)
{
	free(pass->confusion);
	*pass = (struct cvt_pass){0};
}

double cvt_pass_loss(const struct cvt_pass *pass)
{
	return pass->weight_sum > 0 ? pass->weighted_loss / pass->weight_sum : NAN;
}

double cvt_pass_accuracy(const struct cvt_pass *pass)
{
	return pass->images > 0 ? 100.0 * (double)pass->correct / (double)pass->images : NAN;
}

/* Counts a batch whose logits are in the plan. */
static void count_batch(struct cvt_network *network, const int *pictures, int n, const struct cvt_pass_options *options,
	float *probabilities, struct cvt_pass *pass)
{
	const float *logits = cvt_plan_logits(network->eval);
	struct cvt_loss_result loss = cvt_cross_entropy(logits, network->labels, network->weights, n, network->n_classes, NULL,
		network->predicted);

	pass->weighted_loss += loss.weighted_loss;
	pass->weight_sum += loss.weight_sum;
	pass->correct += loss.correct;
	pass->images += n;
	for (int i = 0; i < n; i++) {
		pass->confusion[(size_t)network->labels[i] * (size_t)network->n_classes + (size_t)network->predicted[i]]++;
		if (!options->picture)
			continue;
		cvt_softmax(logits + (size_t)i * (size_t)network->n_classes, network->n_classes, probabilities);
		options->picture(options->context, pictures[i], network->labels[i], network->predicted[i], probabilities);
	}
}

int cvt_pass_run(struct cvt_network *network, const struct cvt_dataset *dataset, const struct cvt_pass_options *options,
	struct cvt_pass *pass, struct cvt_error *err)
{
	const struct cvt_batch_options fill = {0};
	const struct cvt_exec exec = {.pool = network->pool};
	float *probabilities = malloc((size_t)network->n_classes * sizeof *probabilities);
	int rc = probabilities ? CVT_OK : cvt_fail(err, CVT_ERR_MEMORY, "no memory for %d probabilities", network->n_classes);

	for (int done = 0; rc == CVT_OK && done < options->n;) {
		int n = options->n - done < network->eval_batch ? options->n - done : network->eval_batch;

		rc = cvt_batch_fill(dataset, options->pictures + done, n, &fill, network->pool, cvt_plan_input(network->eval).data,
			network->labels, err);
		if (rc < 0)
			break;
		for (int i = 0; options->class_map && i < n; i++)
			network->labels[i] = options->class_map[network->labels[i]];
		cvt_plan_forward(network->eval, n, &exec);
		count_batch(network, options->pictures + done, n, options, probabilities, pass);
		done += n;
		if (options->progress && !options->progress(options->context, done, options->n))
			rc = cvt_fail(err, CVT_ERR_CANCELLED, "evaluation was cancelled");
	}
	free(probabilities);
	return rc;
}
