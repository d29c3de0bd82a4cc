/* A trained run read back from its folder alone: evaluation and prediction agree with what was seen in training. */
#include "runs.h"

#include <arpa/inet.h>

#include "base/random.h"
#include "convtui/dataset.h"
#include "convtui/model.h"
#include "data/batch.h"
#include "nn/loss.h"
#include "train/prepare.h"
#include "train/trained.h"

static void evaluation_is_the_run_s_own(void **state)
{
	struct cvt_run *run = runs_make("epochs: 4\n");
	struct cvt_runner_result result = runs_train(run->folder, NULL);
	struct cvt_evaluation evaluation;
	struct cvt_error err;
	int64_t images = 0, right = 0;

	(void)state;
	assert_int_equal(result.state, CVT_STATE_DONE);
	assert_int_equal(cvt_evaluate(run->folder, NULL, NULL, CVT_PART_VAL, 2, &evaluation, &err), CVT_OK);
	assert_int_equal(evaluation.images, result.live.val_images);
	assert_near(evaluation.accuracy, result.live.best_val_accuracy, 1e-9);
	assert_near(evaluation.loss, atof(runs_cell(run->folder, "epochs.csv", result.live.best_epoch - 1, 3)), 1e-5);
	for (int i = 0; i < evaluation.n_classes; i++) {
		int64_t row = 0;

		for (int k = 0; k < evaluation.n_classes; k++)
			row += evaluation.confusion[i * evaluation.n_classes + k];
		images += row;
		right += evaluation.confusion[i * evaluation.n_classes + i];
		assert_near(evaluation.recall[i], 100.0 * (double)evaluation.confusion[i * evaluation.n_classes + i] / (double)row, 1e-9);
	}
	assert_int_equal(images, evaluation.images);
	assert_near(evaluation.accuracy, 100.0 * (double)right / (double)images, 1e-9);
	assert_int_equal(runs_rows(run->folder, "confusion.csv"), evaluation.n_classes);
	assert_string_equal(evaluation.checkpoint.file, "best.safetensors");
	assert_int_equal(evaluation.checkpoint.epoch, result.live.best_epoch);
	assert_false(evaluation.checkpoint.within_epoch);
	cvt_evaluation_finish(&evaluation);
	assert_int_equal(cvt_evaluate(run->folder, NULL, NULL, CVT_PART_TEST, 2, &evaluation, &err), CVT_ERR_RANGE);
	/* The newest, which is the last epoch's. */
	assert_int_equal(cvt_evaluate(run->folder, runs_file(run->folder, "checkpoint.safetensors"), NULL, CVT_PART_VAL, 2, &evaluation, &err), CVT_OK);
	assert_near(evaluation.accuracy, result.live.val_accuracy, 1e-9);
	assert_string_equal(evaluation.checkpoint.file, "checkpoint.safetensors");
	assert_int_equal(evaluation.checkpoint.epoch, 4);
	assert_int_equal(evaluation.checkpoint.batch, result.live.batch);
	cvt_evaluation_finish(&evaluation);
}

static void errors_csv_lists_what_was_wrong(void **state)
{
	struct cvt_run *run = runs_make("epochs: 1\n");
	struct cvt_runner_result result = runs_train(run->folder, NULL);
	int wrong = runs_rows(run->folder, "errors.csv");

	(void)state;
	assert_near(result.live.val_accuracy, 100.0 * (result.live.val_images - wrong) / result.live.val_images, 1e-9);
	assert_true(wrong > 0);
	assert_string_not_equal(runs_cell(run->folder, "errors.csv", 0, 1), runs_cell(run->folder, "errors.csv", 0, 2));
	assert_true(atof(runs_cell(run->folder, "errors.csv", 0, 3)) >= 1.0 / 3 - 1e-6);
}

/* A PNG without compression: enough to hand a picture's pixels to the decoder. */
static void put_chunk(FILE *out, const char *kind, const unsigned char *data, uint32_t size)
{
	uint32_t crc = 0xffffffff, big = htonl(size);

	fwrite(&big, 4, 1, out);
	fwrite(kind, 4, 1, out);
	if (size > 0)
		fwrite(data, 1, size, out);
	for (uint32_t i = 0; i < size + 4; i++) {
		crc ^= i < 4 ? (unsigned char)kind[i] : data[i - 4];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	big = htonl(~crc);
	fwrite(&big, 4, 1, out);
}

static void put_png(const char *path, const unsigned char *planar, int size)
{
	unsigned char raw[8192] = {0x78, 0x01, 0x01}, head[13] = {0, 0, 0, 0, 0, 0, 0, 0, 8, 2};
	uint32_t a = 1, b = 0, at = 7, length = (uint32_t)(size * (size * 3 + 1));
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_true(length + 11 < sizeof raw);
	head[3] = head[7] = (unsigned char)size;
	raw[3] = (unsigned char)length;
	raw[4] = (unsigned char)(length >> 8);
	raw[5] = (unsigned char)~length;
	raw[6] = (unsigned char)(~length >> 8);
	for (int y = 0; y < size; y++) {
		raw[at++] = 0;
		for (int x = 0; x < size; x++)
			for (int c = 0; c < 3; c++)
				raw[at++] = planar[(c * size + y) * size + x];
	}
	for (uint32_t i = 7; i < at; i++) {
		a = (a + raw[i]) % 65521;
		b = (b + a) % 65521;
	}
	uint32_t adler = htonl(b << 16 | a);

	memcpy(raw + at, &adler, 4);
	fwrite("\x89PNG\r\n\x1a\n", 8, 1, out);
	put_chunk(out, "IHDR", head, 13);
	put_chunk(out, "IDAT", raw, at + 4);
	put_chunk(out, "IEND", NULL, 0);
	assert_int_equal(fclose(out), 0);
}

/* One picture alone. */
static struct cvt_prediction predict(struct cvt_predictor *predictor, const char *path, float *probabilities)
{
	struct cvt_prediction prediction = {.status = 1};

	cvt_predictor_classify(predictor, &path, 1, &prediction, probabilities);
	return prediction;
}

static void prediction_is_the_evaluation_s(void **state)
{
	struct cvt_run *run = runs_make("epochs: 3\n");
	struct cvt_runner_result result = runs_train(run->folder, NULL);
	struct cvt_predictor *predictor;
	struct cvt_dataset *dataset;
	struct cvt_config config;
	struct cvt_error err;
	unsigned char pixels[3 * 16 * 16];
	int *pictures, n, right = 0;

	(void)state;
	cvt_config_init(&config);
	assert_int_equal(cvt_config_load(&config, runs_file(run->folder, "config.yaml"), &err), CVT_OK);
	struct cvt_dataset_options options = cvt_dataset_options_of(&config);

	assert_int_equal(cvt_dataset_open(&options, NULL, &dataset, &err), CVT_OK);
	assert_int_equal(cvt_part_pictures(dataset, CVT_PART_VAL, &pictures, &n, &err), CVT_OK);
	assert_int_equal(cvt_predictor_open(run->folder, NULL, 1, &predictor, &err), CVT_OK);
	assert_int_equal(cvt_predictor_n_classes(predictor), 3);
	for (int i = 0; i < n; i++) {
		float probabilities[3];

		assert_int_equal(cvt_dataset_pixels(dataset, pictures[i], pixels, &err), CVT_OK);
		put_png(scratch("picture.png"), pixels, 16);
		struct cvt_prediction prediction = predict(predictor, scratch("picture.png"), probabilities);
		int guess = prediction.class_index;

		if (prediction.status != CVT_OK)
			fail_msg("%s", prediction.error.message);
		right += guess == dataset->pictures[pictures[i]].class_index;
		assert_near(probabilities[0] + probabilities[1] + probabilities[2], 1, 1e-5);
		for (int k = 0; k < 3; k++)
			assert_true(probabilities[k] <= probabilities[guess]);
	}
	assert_near(100.0 * right / n, result.live.best_val_accuracy, 1e-9);
	cvt_predictor_close(predictor);
	cvt_dataset_close(dataset);
	free(pictures);
}

/* Bytes become floats in one way only, and what leaves is the bits of a pass over the data. */
static void probabilities_are_the_evaluation_s_bits(void **state)
{
	struct cvt_run *run = runs_make("epochs: 1\n");
	struct cvt_predictor *predictor;
	struct cvt_trained trained;
	struct cvt_dataset *dataset;
	struct cvt_error err;
	unsigned char pixels[3 * 16 * 16];

	(void)state;
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
	assert_int_equal(cvt_trained_load(run->folder, NULL, 1, &trained, &err), CVT_OK);
	struct cvt_dataset_options options = cvt_dataset_options_of(&trained.config);

	assert_int_equal(cvt_dataset_open(&options, NULL, &dataset, &err), CVT_OK);
	assert_int_equal(cvt_predictor_open(run->folder, NULL, 1, &predictor, &err), CVT_OK);
	for (int i = 0; i < 20; i++) {
		struct cvt_plan *plan = trained.network->eval;
		float wanted[3], probabilities[3];
		int label;

		assert_int_equal(cvt_batch_fill(dataset, &i, 1, NULL, NULL, cvt_plan_input(plan).data, &label, &err), CVT_OK);
		cvt_plan_forward(plan, 1, &(struct cvt_exec){.pool = trained.network->pool});
		cvt_softmax(cvt_plan_logits(plan), 3, wanted);
		assert_int_equal(cvt_dataset_pixels(dataset, i, pixels, &err), CVT_OK);
		put_png(scratch("picture.png"), pixels, 16);
		assert_int_equal(predict(predictor, scratch("picture.png"), probabilities).status, CVT_OK);
		assert_memory_equal(probabilities, wanted, sizeof wanted);
	}
	cvt_predictor_close(predictor);
	cvt_dataset_close(dataset);
	cvt_trained_finish(&trained);
}

enum { N_PICTURES = 83 };                  /* two groups and a rest */

/* Pictures with one that cannot be read in the middle of the first group, and one that is not there at the end of all. */
static void make_pictures(char paths[][600], const char **names)
{
	unsigned char pixels[3 * 16 * 16];

	for (int i = 0; i < N_PICTURES; i++) {
		snprintf(paths[i], sizeof paths[i], "%s/%d.png", scratch_folder, i);
		names[i] = paths[i];
		for (size_t k = 0; k < sizeof pixels; k++)
			pixels[k] = (unsigned char)(cvt_random_u32(1, CVT_RANDOM_TEST, (uint32_t)i, k) >> (i % 3));
		if (i == 7)
			scratch_text(paths[i], "not a picture");
		else if (i < N_PICTURES - 1)
			put_png(paths[i], pixels, 16);
	}
}

/* Whether n pictures from `first` on, done together, are what each is alone. */
static void check_together(struct cvt_predictor *predictor, const char *const *names, const struct cvt_prediction *alone,
	float alone_probabilities[][3], int first, int n)
{
	static struct cvt_prediction predictions[N_PICTURES];
	static float probabilities[N_PICTURES][3];

	for (int i = 0; i < n; i++)
		memcpy(probabilities[i], (float[]){-1, -2, -3}, sizeof probabilities[i]);
	cvt_predictor_classify(predictor, names + first, n, predictions, probabilities[0]);
	for (int i = 0; i < n; i++) {
		const struct cvt_prediction *one = &alone[first + i];

		if (predictions[i].status != one->status || memcmp(probabilities[i], alone_probabilities[first + i], sizeof probabilities[i]) != 0)
			fail_msg("picture %d among %d from %d on is not what it is alone", first + i, n, first);
		if (one->status == CVT_OK)
			assert_int_equal(predictions[i].class_index, one->class_index);
		else
			assert_string_equal(predictions[i].error.message, one->error.message);
	}
}

/* Nine threads: a group is more than a batch of the network. */
static void a_picture_is_the_same_among_others(void **state)
{
	static char paths[N_PICTURES][600];
	static struct cvt_prediction alone[N_PICTURES];
	static float probabilities[N_PICTURES][3];
	static const int threads[] = {1, 3, 9}, sizes[] = {0, 1, 2, 3, 7, 31, 33, N_PICTURES};
	struct cvt_run *run = runs_make("epochs: 1\n");
	const char *names[N_PICTURES];
	struct cvt_predictor *predictor;
	struct cvt_error err;

	(void)state;
	assert_int_equal(runs_train(run->folder, NULL).state, CVT_STATE_DONE);
	make_pictures(paths, names);
	for (int t = 0; t < 3; t++) {
		assert_int_equal(cvt_predictor_open(run->folder, NULL, threads[t], &predictor, &err), CVT_OK);
		assert_int_equal(cvt_predictor_group(predictor), threads[t] == 9 ? 36 : 32);
		for (int i = 0; i < N_PICTURES && t == 0; i++) {
			memcpy(probabilities[i], (float[]){-1, -2, -3}, sizeof probabilities[i]);
			alone[i] = predict(predictor, names[i], probabilities[i]);
			assert_int_equal(alone[i].status, i == 7 ? CVT_ERR_FORMAT : i == N_PICTURES - 1 ? CVT_ERR_NOT_FOUND : CVT_OK);
			if (alone[i].status != CVT_OK)
				assert_non_null(strstr(alone[i].error.message, names[i]));
		}
		for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
			for (int first = 0; first + sizes[s] <= N_PICTURES; first += sizes[s] ? sizes[s] : N_PICTURES)
				check_together(predictor, names, alone, probabilities, first, sizes[s]);
		cvt_predictor_close(predictor);
	}
}

static void no_checkpoint_is_said(void **state)
{
	struct cvt_run *run = runs_make("");
	struct cvt_predictor *predictor;
	struct cvt_error err;

	(void)state;
	assert_int_equal(cvt_predictor_open(run->folder, NULL, 1, &predictor, &err), CVT_ERR_NOT_FOUND);
	assert_non_null(strstr(err.message, "no checkpoint"));
}

/* The sum over any number of threads is the same sum. 25 pixels: no power of two, and pooling drops a row. */
static void any_number_of_threads(void **state)
{
	static const char *const yaml[] = {"image-size: 25\nmomentum: 0.9\naugment: flip\nepochs: 2\nthreads: 1\n",
		"image-size: 25\nmomentum: 0.9\naugment: flip\nepochs: 2\nthreads: 2\n",
		"image-size: 25\nmomentum: 0.9\naugment: flip\nepochs: 2\nthreads: 3\n"};
	struct cvt_run *runs[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		runs[i] = runs_make(yaml[i]);
		assert_int_equal(runs_train(runs[i]->folder, NULL).state, CVT_STATE_DONE);
	}
	runs_same(runs[0]->folder, runs[1]->folder);
	runs_same(runs[0]->folder, runs[2]->folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(evaluation_is_the_run_s_own, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(errors_csv_lists_what_was_wrong, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(prediction_is_the_evaluation_s, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(probabilities_are_the_evaluation_s_bits, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(a_picture_is_the_same_among_others, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(no_checkpoint_is_said, runs_setup, runs_teardown),
		cmocka_unit_test_setup_teardown(any_number_of_threads, runs_setup, runs_teardown),
	};

	return cmocka_run_group_tests_name("train read back", tests, runs_group_setup, runs_group_teardown);
}
