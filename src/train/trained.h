/* trained.h - a trained network read from a run's folder alone: weights, settings, classes and preprocessing of its checkpoint. */
#ifndef CVT_TRAIN_TRAINED_H
#define CVT_TRAIN_TRAINED_H

#include "convtui/model.h"
#include "store/checkpoint.h"
#include "train/network.h"

struct cvt_trained {
	struct cvt_config config;
	struct cvt_network *network;           /* evaluation only */
	int n_classes; char **classes;
	double mean[3], std[3];
	struct cvt_checkpoint_used used;
	char fingerprint[64];                  /* of the pictures that it was trained on; "": not said */
};
/* checkpoint: a file; NULL: best.safetensors of the folder, else checkpoint.safetensors. threads 0: all allowed. The batch is the same for
 * every use, so that a picture has the same bits in each: 32, or fewer where maps are large. Free with cvt_trained_finish, also after a
 * failure. */
CVT_NODISCARD int cvt_trained_load(const char *run_folder, const char *checkpoint, int threads, struct cvt_trained *trained,
	struct cvt_error *err);
void cvt_trained_finish(struct cvt_trained *trained);

#endif
