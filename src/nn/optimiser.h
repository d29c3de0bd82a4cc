/* optimiser.h - SGD as PyTorch's torch.optim.SGD: g = grad + weight_decay * w; v = momentum * v + g (v = g at the first step);
 * w -= lr * v. Without momentum v is g. */
#ifndef CVT_NN_OPTIMISER_H
#define CVT_NN_OPTIMISER_H

#include "base/pool.h"
#include "nn/model.h"

/* Updates n weights. v: their momentum, NULL: without. */
void cvt_sgd_apply(float *restrict w, float *restrict v, const float *restrict grad, int64_t n, float lr, float momentum, float weight_decay);
/* Updates one parameter by this gradient of it: for a backward whose gradient is not stored. */
void cvt_sgd_update(struct cvt_param *param, const float *grad, struct cvt_pool *pool, float lr, float momentum, float weight_decay);
/* Updates every learning parameter that has a grad. */
void cvt_sgd_step(struct cvt_model *model, struct cvt_pool *pool, float lr, float momentum, float weight_decay);
/* Are all stored gradients finite? One that is not and that backward applied itself shows in the next loss, or when weights are looked at before an
 * evaluation and a checkpoint: it is not kept, and to read all weights each step costs some per cent. */
bool cvt_model_finite(const struct cvt_model *model, struct cvt_pool *pool);

#endif
