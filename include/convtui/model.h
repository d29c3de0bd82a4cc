/* model.h - what a network is and costs before it trains, and what a trained one says.
 *
 * Implemented in src/arch (describe) and src/train (predict, evaluate). */
#ifndef CONVTUI_MODEL_H
#define CONVTUI_MODEL_H

#include "convtui/config.h"

struct cvt_layer_info {
	char name[48];               /* module path in PyTorch's words: "net.0" */
	char kind[32];               /* "conv 5x5", "batch norm", "max pool 2x2", ... */
	char kernel[48];             /* how it is computed here: "winograd F(4x4,5x5)"; "" where there is no choice */
	int output[3];               /* channels, height, width; dense: n, 1, 1 */
	int64_t parameters;          /* trained */
	int64_t multiply_adds;       /* one picture, forward */
	int64_t bytes;               /* of its output, one picture */
};
struct cvt_description {
	char network[160];           /* the post's label: "3->16->29->42->55 FM total: 142", "VGG-11A", "GoogLeNet", "GoogLeNet inception post" */
	int n_feature_maps, feature_maps[24];   /* 3, 16, 29, 42, 55: conv outputs of the CNN; VGG: of each conv */
	int64_t fm_total;            /* without the input's channels; 0 where the post prints none */
	int64_t parameters;          /* trained */
	int64_t multiply_adds;       /* one picture, forward */
	int64_t train_bytes;         /* peak of the process while training at this batch size, predicted */
	int64_t eval_bytes;          /* the same for evaluation only */
	int64_t checkpoint_bytes;
	int n_layers; struct cvt_layer_info *layers;
};

/* Builds the graph and a dry plan: allocates no weights, takes well under 10 ms. A rule that cannot be read or a size that does not
 * work is CVT_ERR_SYNTAX or CVT_ERR_RANGE; for the rule, err->column is the place in config->expansion (from 1).
 * Free with cvt_description_finish. */
CVT_NODISCARD int cvt_describe(const struct cvt_config *config, int n_classes, struct cvt_description *ret_description,
	struct cvt_error *err);
void cvt_description_finish(struct cvt_description *description);

/* The maps that a rule gives: maps[0] = channels, maps[1..layers]. For the form, at each keystroke. */
CVT_NODISCARD int cvt_expansion_maps(const char *rule, int channels, int layers, int *maps, struct cvt_error *err);

/* Which checkpoint was read. */
struct cvt_checkpoint_used {
	char file[64];               /* its name without the folder: "best.safetensors" */
	int epoch;                   /* epochs finished when it was saved */
	int64_t batch;               /* batches finished */
	bool within_epoch;           /* it was saved in the midst of the next epoch */
};

/* A trained network read from a run's folder (best.safetensors, else checkpoint.safetensors). */
struct cvt_predictor;
CVT_NODISCARD int cvt_predictor_open(const char *run_folder, const char *checkpoint /* NULL: best */, int threads,
	struct cvt_predictor **ret_predictor, struct cvt_error *err);
void cvt_predictor_close(struct cvt_predictor *predictor);
const struct cvt_checkpoint_used *cvt_predictor_checkpoint(const struct cvt_predictor *predictor);
int cvt_predictor_n_classes(const struct cvt_predictor *predictor);
const char *cvt_predictor_class(const struct cvt_predictor *predictor, int class_index);
/* How many pictures cvt_predictor_classify does together, which keeps every thread busy. More are done one such group after another. */
int cvt_predictor_group(const struct cvt_predictor *predictor);
/* What became of a picture. */
struct cvt_prediction {
	int status;                  /* CVT_OK, or why it cannot be read: the rest is untouched but for `error`, which names it */
	int class_index;
	struct cvt_error error;
};
/* Decodes n >= 0 pictures on all threads, resizes and normalises as the run did, and evaluates them together: the same bits as each alone.
 * predictions: n. probabilities: [n, n_classes], softmax of the logits; the row of a picture that cannot be read is untouched. Both are
 * the caller's. A decoder is started for each thread that gets a picture, and stays. One thread at a time. */
void cvt_predictor_classify(struct cvt_predictor *predictor, const char *const *paths, int n, struct cvt_prediction *predictions,
	float *probabilities);

struct cvt_evaluation {
	struct cvt_checkpoint_used checkpoint;
	int n_classes; char **class_names;
	int64_t *confusion;          /* [true][predicted] */
	int images; double accuracy; /* per cent */
	double loss;                 /* weighted cross entropy over the whole part */
	double *recall, *precision;  /* per cent; NaN where there is none */
};
/* The run's own part (CVT_PART_VAL by default) with data NULL, or every picture of the folder `data`, classes by name. */
CVT_NODISCARD int cvt_evaluate(const char *run_folder, const char *checkpoint, const char *data, int part, int threads,
	struct cvt_evaluation *ret_evaluation, struct cvt_error *err);
void cvt_evaluation_finish(struct cvt_evaluation *evaluation);

#endif
