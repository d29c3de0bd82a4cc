/* bench.h - how fast a network trains and evaluates here. Implemented in src/train. */
#ifndef CONVTUI_BENCH_H
#define CONVTUI_BENCH_H

#include "convtui/config.h"

/* A layer that has a pass of its own, in training or at evaluation, with what is done on its way. */
struct cvt_bench_layer {
	char name[64], training[64], evaluation[64];   /* "conv + relu"; "": part of an earlier layer's pass */
	const char *kernel;              /* static text; "": there is no choice */
	double forward_ms, backward_ms, eval_ms;       /* an image: best of the repetitions */
};

struct cvt_bench_result {
	char network[160];
	int image_size, batch, threads;
	const char *isa;                 /* static text */
	double train_ms, eval_ms;        /* an image: best of the repetitions that fit; train: forward, loss, backward, update */
	double multiply_adds;            /* an image, forward */
	double train_gflops, eval_gflops;    /* direct-equivalent: 2 * multiply-adds (training: three times that, less the first layer's
	                                      * input gradient) over the time, in 1e9 a second */
	double peak_gflops;              /* fused multiply-adds in registers, all threads, each by its own processor time, in the same run */
	int64_t peak_bytes;              /* VmHWM, reset before the network was made where the system allows */
	int n_layers;
	struct cvt_bench_layer *layers;  /* the caller frees it */
};

/* Random pictures of config->channels x image_size^2, config->batch of them, on config->threads. `seconds`: how long to repeat each of the two;
 * at least three repetitions. Errors: those of a network that does not work or fit. */
CVT_NODISCARD int cvt_bench(const struct cvt_config *config, int n_classes, double seconds, struct cvt_bench_result *ret_result,
	struct cvt_error *err);

#endif
