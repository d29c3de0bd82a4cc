/* loss.h - weighted cross entropy on logits, as PyTorch's CrossEntropyLoss(weight): divided by the sum of the targets' weights. */
#ifndef CVT_NN_LOSS_H
#define CVT_NN_LOSS_H

#include <stdint.h>

struct cvt_loss_result { double loss, weight_sum, weighted_loss /* loss * weight_sum */; int correct; };

/* logits [n, classes], labels [n], weights [classes]. dlogits (NULL: not wanted): d loss/d logits. predicted (NULL: not wanted): [n], the
 * first largest, as torch.max. Sums in double, in index order. */
struct cvt_loss_result cvt_cross_entropy(const float *logits, const int *labels, const float *weights, int n, int classes,
	float *dlogits, int *predicted);
/* softmax of one row, in double inside. */
void cvt_softmax(const float *logits, int classes, float *probabilities);

#endif
