/* fixture.c - made-up runs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convtui/config.h"
#include "convtui/model.h"
#include "fixture.h"

/* A number of its own for each i, the same on every machine. */
static double noise(unsigned i)
{
	i = (i ^ 61u) ^ (i >> 16);
	i *= 9u;
	i ^= i >> 4;
	i *= 0x27d4eb2du;
	i ^= i >> 15;
	return (double)(i & 0xffff) / 65535.0 - 0.5;
}

static double loss_at(const struct fixture_run *what, int batch)
{
	double t = (double)batch / FIXTURE_BATCHES;
	return batch == what->spike ? 9 : batch == what->bad ? NAN : 0.03 + 1.07 * exp(-t / 1.6) * (1 + 0.5 * noise((unsigned)batch)) +
		0.03 * (noise((unsigned)batch + 7u) + 0.5);
}

static double accuracy_at(double t)
{
	return 100 - 58 * exp(-t / 1.4);
}

int fixture_advance(struct cvt_writer *w, const struct fixture_run *what, int from, int to, struct cvt_live *live)
{
	for (int b = from; b < to; b++) {
		int epoch = b / FIXTURE_BATCHES + 1, last = b % FIXTURE_BATCHES == FIXTURE_BATCHES - 1, images = last ? FIXTURE_IMAGES - 7 * 128 : 128;
		double right = accuracy_at((double)(b + 1) / FIXTURE_BATCHES) + 6 * noise((unsigned)b + 99u);
		struct cvt_batch_row row = {.batch = b, .epoch = epoch, .images = images, .loss = loss_at(what, b), .lr = live->lr, .seconds = 0.9,
			.correct = (int)lround(images * fmin(right, 100) / 100)};
		if (cvt_writer_batch(w, &row, NULL)) {
			return -1;
		}
		live->batch = b + 1;
		live->batch_in_epoch = last ? 0 : b % FIXTURE_BATCHES + 1;
		if (last) {
			double val = fmin(100, accuracy_at(epoch - 0.7) + 5 * noise((unsigned)epoch + 500u));
			struct cvt_epoch_row e = {.epoch = epoch, .loss = loss_at(what, b - 1 == what->spike ? b : b - 1), .train_accuracy = accuracy_at(epoch),
				.val_loss = 0.06 + 2.2 * exp(-epoch / 1.3), .val_accuracy = val, .lr = live->lr, .seconds = 8.4};
			if (cvt_writer_epoch(w, &e, NULL)) {
				return -1;
			}
			live->epoch = epoch;
			live->loss = e.loss;
			live->train_accuracy = e.train_accuracy;
			live->val_loss = e.val_loss;
			live->val_accuracy = val;
			if (!(live->best_val_accuracy >= val)) {
				live->best_val_accuracy = val;
				live->best_epoch = epoch;
			}
			live->checkpoint_batch = b + 1;
		}
	}
	live->seconds = 0.9 * to;
	return cvt_writer_live(w, live, NULL) ? -1 : 0;
}

int fixture_make(const char *store, const struct fixture_run *what, struct cvt_run *ret_run, struct cvt_writer **ret_writer)
{
	struct cvt_config config;
	struct cvt_description d;
	struct cvt_provenance from = {.version = "test"};
	struct cvt_writer *w = NULL;
	char *yaml = NULL, text[32];
	cvt_config_init(&config);
	snprintf(text, sizeof text, "%d", what->layers);
	if (cvt_config_set(&config, cvt_option_find("expansion"), what->expansion, NULL) || cvt_config_set(&config, cvt_option_find("layers"), text, NULL)) {
		return -1;
	}
	cvt_config_resolve(&config);
	if (cvt_describe(&config, 3, &d, NULL) || cvt_config_write(&config, &from, &yaml, NULL)) {
		return -1;
	}
	struct cvt_new_run new = {.short_name = "cnn", .config_yaml = yaml, .network = d.network, .parameters = d.parameters, .lr = config.lr,
		.batch_size = 128, .epochs = what->epochs};
	int status = cvt_run_create(store, &new, ret_run, NULL);
	if (status == CVT_OK && what->name) {
		char folder[1024];
		snprintf(folder, sizeof folder, "%.800s/%s", store, what->name);
		status = rename(ret_run->folder, folder);
		snprintf(ret_run->folder, sizeof ret_run->folder, "%s", folder);
		snprintf(ret_run->name, sizeof ret_run->name, "%s", what->name);
	}
	if (status == CVT_OK && what->batches > 0 && (status = cvt_writer_open(ret_run->folder, &w, NULL)) == CVT_OK) {
		struct cvt_live live = ret_run->live;
		live.state = what->state;
		live.batches_per_epoch = FIXTURE_BATCHES;
		live.train_images = FIXTURE_IMAGES;
		live.val_images = 665;
		live.threads = 2;
		live.images_per_second = 142;
		live.batch_seconds = 0.9;
		live.updated = live.checkpoint_time = live.started = 1767348000;
		status = fixture_advance(w, what, 0, what->batches, &live);
		struct cvt_inbox_command command = {.id = "0001", .name = "lr", .value = "0.0005"};
		if (what->batches > 60) {
			status |= cvt_writer_command_done(w, &command, 60, NULL);
		}
		static const char log[] = "prepared 1661 pictures, 0 bad\n";
		status |= cvt_writer_file(w, "log.txt", log, sizeof log - 1, NULL);
	}
	if (ret_writer && status == CVT_OK) {
		*ret_writer = w;
	} else {
		cvt_writer_close(w);
	}
	cvt_description_finish(&d);
	free(yaml);
	return status;
}
