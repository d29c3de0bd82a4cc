/* optimiser.h - SGD as PyTorch's torch.optim.SGD: g = grad + weight_decay * w; v = momentum * v + g (v = g at the first step);
 * w -= lr * v. Without momentum v is g. */
#ifndef CVT_NN_OPTIMISER_H
#define CVT_NN_OPTIMISER_H

#include "base/pool.h"
#include "nn/model.h"

/* Updates one parameter by this gradient of it, as backward does where none is stored. */
void cvt_sgd_update(struct cvt_param *param, const float *grad, struct cvt_pool *pool, float lr, float momentum, float weight_decay);
/* Updates every learning parameter that has a grad. */
void cvt_sgd_step(struct cvt_model *model, struct cvt_pool *pool, float lr, float momentum, float weight_decay);
/* Are all gradients finite that are stored? One that backward applied itself and that was not makes the next loss, or a weight of the next
 * checkpoint, none: to read large weights again each step is a tenth of training VGG on small pictures. */
bool cvt_model_finite(const struct cvt_model *model, struct cvt_pool *pool);

#endif
