/* The plain state_dict of a run: what PyTorch's load_state_dict(strict=True) asks for, no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../scratch.h"
#include "convtui/export.h"
#include "faults.h"
#include "store/checkpoint.h"

static const float values[12] = {0.5f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const struct cvt_array arrays[] = {
	{.name = "net.0.weight", .dims = {2, 1, 1, 3}, .n_dims = 4, .data = values},
	{.name = "net.1.weight", .dims = {2}, .n_dims = 1, .data = values},
	{.name = "net.1.running_mean", .dims = {2}, .n_dims = 1, .data = values + 2},
	{.name = "net.1.running_var", .dims = {2}, .n_dims = 1, .data = values + 4},
	{.name = "optimizer.momentum.net.0.weight", .dims = {2, 1, 1, 3}, .n_dims = 4, .data = values + 6},
};

static void write_checkpoint(bool best)
{
	struct cvt_checkpoint_writer *w;
	struct cvt_checkpoint_state state = {.batch = 996};

	assert_int_equal(cvt_checkpoint_writer_create(scratch_folder, NULL, &w, NULL), CVT_OK);
	assert_int_equal(cvt_checkpoint_begin(w, arrays, 5, &state, best, NULL), CVT_OK);
	assert_int_equal(cvt_checkpoint_status(w, true, NULL, NULL), 0);
	cvt_checkpoint_writer_destroy(w);
}

static void a_plain_state_dict(void **state)
{
	struct cvt_safetensors file;
	struct cvt_error err;

	write_checkpoint(true);
	if (cvt_export_safetensors(scratch_folder, NULL, scratch("out"), &err) != CVT_OK)
		fail_msg("%s", err.message);
	assert_int_equal(cvt_safetensors_read(scratch("out"), &file, &err), CVT_OK);
	assert_int_equal(file.n_arrays, 5);
	assert_null(cvt_safetensors_find(&file, "optimizer.momentum.net.0.weight"));
	const struct cvt_array *count = cvt_safetensors_find(&file, "net.1.num_batches_tracked");
	assert_non_null(count);
	assert_int_equal(count->dtype, CVT_I64);
	assert_int_equal(count->n_dims, 0);
	assert_int_equal(*(const int64_t *)count->data, 996);
	for (int i = 0; i < 4; i++) {
		const struct cvt_array *a = cvt_safetensors_find(&file, arrays[i].name);

		assert_non_null(a);
		assert_memory_equal(a->dims, arrays[i].dims, sizeof a->dims);
		assert_memory_equal(a->data, arrays[i].data, 8);
	}
	assert_string_equal(cvt_safetensors_metadata(&file, "format"), "pt");
	assert_null(cvt_safetensors_metadata(&file, "convtui_state"));
	cvt_safetensors_finish(&file);
}

static void which_checkpoint(void **state)
{
	struct cvt_error err;

	write_checkpoint(false);
	assert_int_equal(cvt_export_safetensors(scratch_folder, NULL, scratch("out"), &err), CVT_ERR_NOT_FOUND);
	assert_non_null(strstr(err.message, "best.safetensors"));
	assert_false(scratch_exists(scratch("out")));
	assert_int_equal(cvt_export_safetensors(scratch_folder, "checkpoint.safetensors", scratch("out"), &err), CVT_OK);
	assert_int_equal(cvt_export_safetensors("/nowhere", scratch("checkpoint.safetensors"), scratch("out"), &err), CVT_OK);
	/* What was exported is no checkpoint, and is not taken for one. */
	assert_int_equal(cvt_export_safetensors("/nowhere", scratch("out"), scratch("again"), &err), CVT_ERR_FORMAT);
	inject(1, ENOSPC);
	assert_int_equal(cvt_export_safetensors(scratch_folder, "checkpoint.safetensors", scratch("new"), &err), CVT_ERR_SPACE);
	no_faults();
	assert_false(scratch_exists(scratch("new")) || scratch_exists(scratch("new.tmp")));
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {WITH_FOLDER(a_plain_state_dict), WITH_FOLDER(which_checkpoint)};

	return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
