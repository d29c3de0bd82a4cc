/* safetensors.c - a file of arrays from anywhere; every byte that it promises is read. After "state:" it is the state of a checkpoint, which
 * stands behind a checksum in a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "store/checkpoint_state.h"

static volatile uint8_t sink;

static void read_state(const uint8_t *data, size_t size)
{
	struct cvt_safetensors file = {0};
	struct cvt_checkpoint_state state;
	struct cvt_error err = {0};
	char *text = malloc(size + 1), *again;

	if (text == NULL)
		exit(2);
	memcpy(text, data, size);
	text[size] = 0;
	if (cvt_checkpoint_state_parse(text, "x.safetensors", &file, &state, &err) != CVT_OK)
		fuzz_check_error(&err);
	else if (state.n_classes < 0 || state.batch < 0 || (again = cvt_checkpoint_state_text(&state)) == NULL)
		__builtin_trap();
	else
		free(again);
	cvt_safetensors_finish(&file);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cvt_safetensors file;
	struct cvt_checkpoint_state state;
	struct cvt_error err = {0};
	char path[256];

	if (size >= 6 && memcmp(data, "state:", 6) == 0) {
		read_state(data + 6, size - 6);
		return 0;
	}
	fuzz_write("x.safetensors", data, size);
	snprintf(path, sizeof path, "%s/x.safetensors", fuzz_folder());
	if (cvt_safetensors_read(path, &file, &err) != CVT_OK) {
		fuzz_check_error(&err);
		return 0;
	}
	for (int i = 0; i < file.n_arrays; i++) {
		const struct cvt_array *a = &file.arrays[i];
		size_t bytes = a->dtype == CVT_I64 ? 8 : 4;

		for (int d = 0; d < a->n_dims; d++)
			bytes *= (size_t)a->dims[d];
		for (size_t b = 0; a->data != NULL && b < bytes; b++)
			sink ^= ((const uint8_t *)a->data)[b];
		if (cvt_safetensors_find(&file, a->name) == NULL)
			__builtin_trap();
	}
	cvt_safetensors_finish(&file);
	if (cvt_checkpoint_read(path, &file, &state, &err) != CVT_OK)
		fuzz_check_error(&err);
	else
		cvt_safetensors_finish(&file);
	return 0;
}
