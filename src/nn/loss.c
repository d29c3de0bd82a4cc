/* loss.c - weighted cross entropy; small enough to be serial, in double throughout. */
#include "nn/loss.h"

#include <math.h>
#include <stddef.h>

static int largest(const float *row, int n)
{
	int best = 0;
	for (int k = 1; k < n; k++)
		if (row[k] > row[best])
			best = k;
	return best;
}

/* log of the sum of exp, shifted so that nothing overflows */
static double log_sum_exp(const float *row, int n)
{
	double top = row[largest(row, n)], sum = 0;
	for (int k = 0; k < n; k++)
		sum += exp(row[k] - top);
	return top + log(sum);
}

struct cvt_loss_result cvt_cross_entropy(const float *logits, const int *labels, const float *weights, int n, int classes,
	float *dlogits, int *predicted)
{
	struct cvt_loss_result result = {0};
	for (int i = 0; i < n; i++)
		result.weight_sum += weights[labels[i]];
	for (int i = 0; i < n; i++) {
		const float *row = logits + (ptrdiff_t)i * classes;
		int label = labels[i], guess = largest(row, classes);
		double lse = log_sum_exp(row, classes), share = result.weight_sum > 0 ? weights[label] / result.weight_sum : 0;
		result.weighted_loss += weights[label] * (lse - row[label]);
		result.correct += guess == label;
		if (predicted)
			predicted[i] = guess;
		for (int k = 0; dlogits && k < classes; k++)
			dlogits[(ptrdiff_t)i * classes + k] = (float)(share * (exp(row[k] - lse) - (k == label)));
	}
	/* Weights are rounded, so that of a class which is nearly all of the set may be 0: a batch of it alone teaches nothing. */
	result.loss = result.weight_sum > 0 ? result.weighted_loss / result.weight_sum : isnan(result.weighted_loss) ? NAN : 0;
	return result;
}

void cvt_softmax(const float *logits, int classes, float *probabilities)
{
	double lse = log_sum_exp(logits, classes);
	for (int k = 0; k < classes; k++)
		probabilities[k] = (float)exp(logits[k] - lse);
}
