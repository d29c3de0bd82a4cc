/* place.c - where a preset or file sets what turned out not to work later. */
#include <stdlib.h>
#include <string.h>

#include "config/rows.h"

/* The value of `entry` that is the configuration's, or NULL: a flag was given over it. */
static const struct cvt_yaml_value *value_of(const struct cvt_yaml_entry *entry, const struct cvt_option *option,
	const struct cvt_config *config, const char *name)
{
	char here[1024], there[1024], text[1024];
	cvt_config_get(config, option, here, sizeof here);
	for (int i = 0; i < entry->n; i++) {
		struct cvt_config scratch = *config;
		if (cvt_yaml_text(option, entry->values[i].text, name, text, NULL) != CVT_OK || cvt_config_set(&scratch, option, text, NULL) != CVT_OK)
			continue;
		cvt_config_get(&scratch, option, there, sizeof there);
		if (!strcmp(here, there))
			return &entry->values[i];
	}
	return NULL;
}

static void fill(const struct cvt_yaml_value *value, const char *name, struct cvt_error *err)
{
	struct cvt_error placed;
	int within = err->column > 0 ? err->column - 1 + !value->plain : 0;   /* in a rule, after its quote */
	cvt_fail_at(&placed, err->code, name, value->line, value->column + within, "%s", err->message);
	*err = placed;
}

bool cvt_config_place(const char *name, const struct cvt_config *config, struct cvt_error *err)
{
	char key[32], *text;
	size_t length = strcspn(err->message, " :"), size;
	bool found = false;
	struct cvt_yaml yaml;
	if (*err->file || length >= sizeof key)
		return false;
	memcpy(key, err->message, length);
	key[length] = 0;
	const struct cvt_option *option = cvt_option_find(key);
	if (!option || cvt_preset_text(name, &text, &size, NULL) != CVT_OK)
		return false;
	if (cvt_yaml_read(text, size, name, &yaml, NULL) == CVT_OK) {
		for (int i = 0; i < yaml.n && !found; i++) {
			const struct cvt_yaml_value *value = strcmp(yaml.entries[i].key, key) ? NULL : value_of(&yaml.entries[i], option, config, name);
			found = value != NULL;
			if (found)
				fill(value, name, err);
		}
		cvt_yaml_finish(&yaml);
	}
	free(text);
	return found;
}
