/* checkpoint_state.c - see store/checkpoint_state.h.
 *
 * Doubles are text that reads back as the same bits. Names of classes are names of folders, which need not be UTF-8: what JSON cannot
 * hold is written as %XX, and % itself too. */
#include "store/checkpoint_state.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convtui/text.h"
#include "store/safetensors_private.h"

enum kind { INT, LONG, REAL };
struct field { const char *key; enum kind kind; size_t offset; };

#define FIELD(name, kind) {#name, kind, offsetof(struct cvt_checkpoint_state, name)}

static const struct field fields[] = {
	FIELD(batch, LONG), FIELD(epoch, INT), FIELD(batch_in_epoch, INT), FIELD(epoch_loss_sum, REAL), FIELD(epoch_correct, LONG),
	FIELD(epoch_images, LONG), FIELD(epoch_seconds, REAL), FIELD(batches_offset, LONG), FIELD(epochs_offset, LONG),
	FIELD(best_val_accuracy, REAL), FIELD(best_epoch, INT), FIELD(epochs_without_better, INT), FIELD(seconds, REAL),
	FIELD(image_size, INT), FIELD(channels, INT), {"mean_0", REAL, offsetof(struct cvt_checkpoint_state, mean[0])},
	{"mean_1", REAL, offsetof(struct cvt_checkpoint_state, mean[1])}, {"mean_2", REAL, offsetof(struct cvt_checkpoint_state, mean[2])},
	{"std_0", REAL, offsetof(struct cvt_checkpoint_state, std[0])}, {"std_1", REAL, offsetof(struct cvt_checkpoint_state, std[1])},
	{"std_2", REAL, offsetof(struct cvt_checkpoint_state, std[2])},
};
enum { N_FIELDS = sizeof fields / sizeof fields[0], MAX_CLASSES = 100000 };

/* Text that is ASCII stays readable; other bytes are written as %XX. */
static json_t *escaped(const char *text)
{
	char *out = malloc(3 * strlen(text) + 1), *o = out;

	if (out == NULL)
		return NULL;
	for (const unsigned char *s = (const unsigned char *)text; *s != 0; s++) {
		if (*s < 0x80 && *s != '%' && (*s >= 0x20 || *s == '\n' || *s == '\t'))
			*o++ = (char)*s;
		else
			o += sprintf(o, "%%%02X", *s);
	}
	*o = 0;

	json_t *string = json_string(out);

	free(out);
	return string;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* NULL: not text of ours, or no memory. */
static const char *unescaped(json_t *value, struct cvt_safetensors *file)
{
	const char *s = json_string_value(value);
	char *out = s == NULL ? NULL : cvt_safetensors_alloc(file, strlen(s) + 1), *o = out;

	if (out == NULL)
		return NULL;
	for (; *s != 0; s++) {
		if (*s != '%') {
			*o++ = *s;
			continue;
		}
		int high = hex(s[1]), low = high < 0 ? -1 : hex(s[2]);

		if (low < 0 || (high == 0 && low == 0))
			return NULL;
		*o++ = (char)(high << 4 | low);
		s += 2;
	}
	*o = 0;
	return out;
}

static json_t *field_value(const struct field *f, const struct cvt_checkpoint_state *state)
{
	const char *at = (const char *)state + f->offset;
	char text[40];
	double real;
	int64_t whole;
	int small;

	if (f->kind == REAL) {
		memcpy(&real, at, sizeof real);
		cvt_text_from_double(real, text, sizeof text);
		return json_string(text);
	}
	if (f->kind == LONG) {
		memcpy(&whole, at, sizeof whole);
		return json_integer(whole);
	}
	memcpy(&small, at, sizeof small);
	return json_integer(small);
}

char *cvt_checkpoint_state_text(const struct cvt_checkpoint_state *state)
{
	json_t *root = json_object(), *classes = json_array();
	char *text = NULL;
	int failed = 0;

	for (int i = 0; i < N_FIELDS; i++)
		failed |= json_object_set_new(root, fields[i].key, field_value(&fields[i], state));
	for (int i = 0; i < state->n_classes; i++)
		failed |= json_array_append_new(classes, escaped(state->classes[i]));
	failed |= json_object_set_new(root, "classes", classes);
	failed |= json_object_set_new(root, "config", escaped(state->config != NULL ? state->config : ""));
	if (!failed)
		text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

static bool parse_field(const struct field *f, json_t *value, struct cvt_checkpoint_state *state)
{
	char *at = (char *)state + f->offset;

	if (f->kind == REAL) {
		const char *text = json_string_value(value);
		double real = NAN;

		if (text == NULL || (strcmp(text, "nan") != 0 && !cvt_text_to_double(text, &real)))
			return false;
		memcpy(at, &real, sizeof real);
		return true;
	}
	if (!json_is_integer(value) || json_integer_value(value) < 0 || (f->kind == INT && json_integer_value(value) > INT_MAX))
		return false;
	if (f->kind == LONG)
		memcpy(at, &(int64_t){json_integer_value(value)}, sizeof(int64_t));
	else
		memcpy(at, &(int){(int)json_integer_value(value)}, sizeof(int));
	return true;
}

static bool parse_classes(json_t *array, struct cvt_safetensors *file, struct cvt_checkpoint_state *state)
{
	size_t n = json_array_size(array);
	const char **classes = !json_is_array(array) || n > MAX_CLASSES ? NULL : cvt_safetensors_alloc(file, n * sizeof *classes);

	if (classes == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((classes[i] = unescaped(json_array_get(array, i), file)) == NULL)
			return false;
	state->classes = classes;
	state->n_classes = (int)n;
	return true;
}

int cvt_checkpoint_state_parse(const char *text, const char *path, struct cvt_safetensors *file,
	struct cvt_checkpoint_state *ret_state, struct cvt_error *err)
{
	struct cvt_checkpoint_state state = {0};
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *bad = json_is_object(root) ? NULL : "object";

	for (int i = 0; i < N_FIELDS && bad == NULL; i++)
		if (!parse_field(&fields[i], json_object_get(root, fields[i].key), &state))
			bad = fields[i].key;
	if (bad == NULL && !parse_classes(json_object_get(root, "classes"), file, &state))
		bad = "classes";
	if (bad == NULL && (state.config = unescaped(json_object_get(root, "config"), file)) == NULL)
		bad = "config";
	json_decref(root);
	if (bad != NULL)
		return cvt_fail(err, CVT_ERR_FORMAT, "%s is not a whole checkpoint: no good %s in its state", path, bad);
	*ret_state = state;
	return CVT_OK;
}
