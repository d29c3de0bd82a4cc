/* settings.c - a run's settings as others need them. */
#include <string.h>

#include "train/prepare.h"

struct cvt_dataset_options cvt_dataset_options_of(const struct cvt_config *config)
{
	return (struct cvt_dataset_options){.data = config->data, .val = config->val, .image_size = config->image_size,
		.channels = config->channels, .exif = config->exif == CVT_EXIF_ON, .class_weights = config->class_weights,
		.val_fraction = config->val_fraction, .test_fraction = config->test_fraction, .seed = config->seed, .threads = config->threads};
}

int cvt_same_pictures(const char *began_with, const struct cvt_dataset *dataset, const char *data, const char *or_else,
	struct cvt_error *err)
{
	if (!began_with[0] || strcmp(began_with, dataset->fingerprint) == 0)
		return CVT_OK;
	return cvt_fail(err, CVT_ERR_FORMAT, "the pictures of %s are not those that the run began with (a file changed, came or went, "
		"or can be read no more): put them back, or %s", data, or_else);
}

bool cvt_yaml_value(const char *text, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *from, *end;

		if (strncmp(line, key, length) != 0 || line[length] != ':')
			continue;
		from = line + length + 1;
		from += strspn(from, " \"'");
		end = from + strcspn(from, "\"'\n");
		while (end > from && end[-1] == ' ')
			end--;
		if (end == from || (size_t)(end - from) >= size)
			return false;
		memcpy(value, from, (size_t)(end - from));
		value[end - from] = 0;
		return true;
	}
	return false;
}
