/* rows.h - what the files of this folder share: values of rows, the YAML reader's output. */
#ifndef CVT_CONFIG_ROWS_H
#define CVT_CONFIG_ROWS_H

#include "convtui/config.h"

/* One scalar of a YAML file and where it stands. */
struct cvt_yaml_value { char *text; int line, column; bool plain; };
struct cvt_yaml_entry {
	char *key; int line, column;
	bool list;                       /* a sequence; `values` may then be any number, else exactly 1 */
	int n; struct cvt_yaml_value *values;
};
struct cvt_yaml { int n; struct cvt_yaml_entry *entries; };

/* Reads a mapping of keys to scalars or sequences of scalars, at most 1 MB. Errors carry name, line and column. Keys are not looked up,
 * but a key given twice is an error. Free with cvt_yaml_finish. */
CVT_NODISCARD int cvt_yaml_read(const char *text, size_t length, const char *name, struct cvt_yaml *ret_yaml, struct cvt_error *err);
void cvt_yaml_finish(struct cvt_yaml *yaml);

/* The row of a key, or NULL with err filled (unknown key, the nearest one named). *ret_skip: a key of the provenance, to be read past. */
const struct cvt_option *cvt_yaml_row(const struct cvt_yaml_entry *entry, const char *name, bool *ret_skip, struct cvt_error *err);

/* The text of a preset or a file: *ret_text is the caller's (free), *ret_length its bytes. Files are limited to 1 MB. */
CVT_NODISCARD int cvt_preset_text(const char *name, char **ret_text, size_t *ret_length, struct cvt_error *err);

/* A value of the file `name` as cvt_config_set is to read it: `text` itself, or the path of the file beside it that the value names. */
CVT_NODISCARD int cvt_yaml_text(const struct cvt_option *option, const char *text, const char *name, char out[1024], struct cvt_error *err);

/* The row's number in the table. */
int cvt_option_index(const struct cvt_option *option);

#endif
