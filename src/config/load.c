/* load.c - configurations from YAML and to it: presets, files, config.yaml. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "config/rows.h"
#include "convtui/text.h"

enum { LIMIT_BYTES = 1 << 20 };

static const char *const provenance_keys[] = {"fingerprint", "parent", "parent-checkpoint", "version"};

const struct cvt_option *cvt_yaml_row(const struct cvt_yaml_entry *entry, const char *name, bool *ret_skip, struct cvt_error *err)
{
	const struct cvt_option *option = cvt_option_find(entry->key);
	*ret_skip = false;
	for (size_t i = 0; i < sizeof provenance_keys / sizeof *provenance_keys && !option; i++)
		*ret_skip |= !strcmp(entry->key, provenance_keys[i]);
	if (option || *ret_skip)
		return option;
	int n;
	const struct cvt_option *table = cvt_options(&n);
	const char *keys[64];
	char clean[64];
	for (int i = 0; i < n; i++)
		keys[i] = table[i].key;
	const char *near = cvt_nearest(entry->key, keys, n);
	cvt_text_clean(clean, sizeof clean, entry->key);
	if (near)
		cvt_fail_at(err, CVT_ERR_NOT_FOUND, name, entry->line, entry->column, "unknown key '%s': did you mean %s?", clean, near);
	else
		cvt_fail_at(err, CVT_ERR_NOT_FOUND, name, entry->line, entry->column, "unknown key '%s': see convtui train --help", clean);
	return NULL;
}

/* Else it is the name of a preset that is compiled in. */
static bool is_file(const char *name)
{
	size_t length = strlen(name);
	return strchr(name, '/') || (length > 5 && !strcmp(name + length - 5, ".yaml"));
}

int cvt_yaml_text(const struct cvt_option *option, const char *text, const char *name, char out[1024], struct cvt_error *err)
{
	const char *slash = strrchr(name, '/');
	bool beside = option->beside && *text && !strchr(text, '/') && is_file(name);
	int folder = !beside ? 0 : slash ? (int)(slash + 1 - name) : 2;
	int length = snprintf(out, 1024, "%.*s%s", folder, slash ? name : "./", text);
	return length < 1024 ? CVT_OK : cvt_fail(err, CVT_ERR_RANGE, "%s: longer than 1023 bytes%s", option->key, beside ? ", with the file's folder" : "");
}

/* One value of the file, at its place. */
static int apply_value(struct cvt_config *config, const struct cvt_option *option, const struct cvt_yaml_value *value, const char *name,
	struct cvt_error *err)
{
	char text[1024];
	struct cvt_error inner;
	int status = cvt_yaml_text(option, value->text, name, text, &inner);
	if (status == CVT_OK)
		status = cvt_config_set(config, option, text, &inner);
	return status == CVT_OK ? status : cvt_fail_at(err, status, name, value->line, value->column, "%s", inner.message);
}

static int apply(struct cvt_config *config, const struct cvt_yaml *yaml, const char *name, struct cvt_error *err)
{
	for (int i = 0; i < yaml->n; i++) {
		const struct cvt_yaml_entry *entry = &yaml->entries[i];
		bool skip;
		const struct cvt_option *option = cvt_yaml_row(entry, name, &skip, err);
		if (skip)
			continue;
		if (!option)
			return CVT_ERR_NOT_FOUND;
		if (entry->list)
			return cvt_fail_at(err, CVT_ERR_SYNTAX, name, entry->line, entry->column,
				"%s: a list makes a sweep: give one value here, or use convtui queue", entry->key);
		int status = apply_value(config, option, &entry->values[0], name, err);
		if (status != CVT_OK)
			return status;
	}
	return CVT_OK;
}

int cvt_config_parse(struct cvt_config *config, const char *text, size_t length, const char *name, struct cvt_error *err)
{
	struct cvt_yaml yaml;
	struct cvt_config work = *config;
	int status = cvt_yaml_read(text, length, name, &yaml, err);
	if (status != CVT_OK)
		return status;
	status = apply(&work, &yaml, name, err);
	cvt_yaml_finish(&yaml);
	if (status != CVT_OK)
		return status;
	cvt_config_resolve(&work);
	*config = work;
	return CVT_OK;
}

int cvt_config_load(struct cvt_config *config, const char *path, struct cvt_error *err)
{
	char *text;
	size_t length;
	int status = cvt_file_read(path, LIMIT_BYTES, &text, &length, err);
	if (status != CVT_OK)
		return status;
	status = cvt_config_parse(config, text, length, path, err);
	free(text);
	/* Defaults in its place would be taken for what the run was trained with. */
	if (status == CVT_OK && config->set == 0)
		status = cvt_fail(err, CVT_ERR_FORMAT, "%s has no option in it: put back what it was", path);
	return status;
}

static int no_such_preset(const char *name, struct cvt_error *err)
{
	int n;
	const struct cvt_preset *presets = cvt_presets(&n);
	const char *names[128];
	for (int i = 0; i < n && i < 128; i++)
		names[i] = presets[i].name;
	const char *near = cvt_nearest(name, names, n < 128 ? n : 128);
	char clean[64];
	cvt_text_clean(clean, sizeof clean, name);
	if (near)
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "no preset '%s': did you mean %s?", clean, near);
	return cvt_fail(err, CVT_ERR_NOT_FOUND, "no preset '%s': convtui queue --help lists them; a file's name has a / or ends in .yaml", clean);
}

int cvt_preset_text(const char *name, char **ret_text, size_t *ret_length, struct cvt_error *err)
{
	struct stat st;
	if (strchr(name, '/') && stat(name, &st) == 0 && S_ISDIR(st.st_mode)) {
		char clean[256];
		cvt_text_clean(clean, sizeof clean, name);
		return cvt_fail(err, CVT_ERR_FORMAT, "%s is a folder, not a preset: --data %s trains on its pictures", clean, clean);
	}
	if (is_file(name))
		return cvt_file_read(name, LIMIT_BYTES, ret_text, ret_length, err);
	int n;
	const struct cvt_preset *presets = cvt_presets(&n);
	for (int i = 0; i < n; i++) {
		if (!strcmp(presets[i].name, name)) {
			char *copy = strdup(presets[i].text);
			if (!copy)
				return cvt_fail(err, CVT_ERR_MEMORY, "preset %s: no memory to read it", name);
			*ret_length = strlen(copy);
			*ret_text = copy;
			return CVT_OK;
		}
	}
	return no_such_preset(name, err);
}

int cvt_config_load_preset(struct cvt_config *config, const char *name, struct cvt_error *err)
{
	char *text;
	size_t length;
	int status = cvt_preset_text(name, &text, &length, err);
	if (status != CVT_OK)
		return status;
	status = cvt_config_parse(config, text, length, name, err);
	free(text);
	return status;
}

static void write_key(FILE *out, const char *key)
{
	fputs(key, out);
	fputs(": ", out);
}

/* Single-quoted, where the only character to mind is the quote itself; cvt_config_set lets no control character in. */
static void write_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\'', out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

static void write_provenance(FILE *out, const char *key, const char *value)
{
	if (!value)
		return;
	char clean[1024];
	cvt_text_clean(clean, sizeof clean, value);
	write_key(out, key);
	write_quoted(out, clean);
	fputc('\n', out);
}

int cvt_config_write(const struct cvt_config *config, const struct cvt_provenance *from, char **ret_text, struct cvt_error *err)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return cvt_fail(err, CVT_ERR_MEMORY, "config.yaml: no memory to write it");
	int n;
	const struct cvt_option *table = cvt_options(&n);
	fputs("# every option of this run: convtui train FILE repeats it\n", out);
	for (int i = 0; i < n; i++) {
		char value[1024];
		cvt_config_get(config, &table[i], value, sizeof value);
		write_key(out, table[i].key);
		if (table[i].type == CVT_TYPE_TEXT || table[i].type == CVT_TYPE_PATH)
			write_quoted(out, value);
		else
			fputs(value, out);
		fputc('\n', out);
	}
	if (from) {
		const char *values[] = {from->fingerprint, from->parent, from->parent_checkpoint, from->version};
		for (size_t i = 0; i < sizeof values / sizeof *values; i++)
			write_provenance(out, provenance_keys[i], values[i]);
	}
	bool bad = ferror(out);
	if (fclose(out) || bad) {
		free(text);
		return cvt_fail(err, CVT_ERR_MEMORY, "config.yaml: no memory to write it");
	}
	*ret_text = text;
	return CVT_OK;
}

static void take_provenance(const struct cvt_yaml *yaml, const char *key, char *out, size_t size)
{
	for (int i = 0; i < yaml->n; i++)
		if (!strcmp(yaml->entries[i].key, key) && !yaml->entries[i].list)
			snprintf(out, size, "%s", yaml->entries[i].values[0].text);
}

int cvt_config_parent(const char *path, struct cvt_parent *ret_parent, struct cvt_error *err)
{
	char *text;
	size_t length;
	struct cvt_yaml yaml;
	struct cvt_parent parent = {0};
	int status = cvt_file_read(path, LIMIT_BYTES, &text, &length, err);
	if (status != CVT_OK)
		return status;
	status = cvt_yaml_read(text, length, path, &yaml, err);
	free(text);
	if (status != CVT_OK)
		return status;
	take_provenance(&yaml, "parent", parent.run, sizeof parent.run);
	take_provenance(&yaml, "parent-checkpoint", parent.checkpoint, sizeof parent.checkpoint);
	cvt_yaml_finish(&yaml);
	*ret_parent = parent;
	return CVT_OK;
}
