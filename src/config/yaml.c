/* yaml.c - the only user of libyaml: a mapping of keys to scalars or sequences of scalars, read event by event.
 *
 * Aliases, anchors, tags and deeper nesting are refused where they stand: no preset needs them, and a cycle or a bomb of anchors
 * then never gets anywhere. */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/rows.h"
#include "convtui/text.h"

enum { LIMIT_BYTES = 1 << 20, LIMIT_ENTRIES = 256, LIMIT_VALUES = 4096 };

struct reader {
	yaml_parser_t parser;
	const char *text; size_t length;
	const char *name;
	struct cvt_yaml *yaml;
	struct cvt_error *err;
};

static int wrong(struct reader *r, const yaml_mark_t *at, const char *what)
{
	return cvt_fail_at(r->err, CVT_ERR_SYNTAX, r->name, (int)at->line + 1, (int)at->column + 1, "%s", what);
}

/* The reader's errors (bytes that are not UTF-8) come with an offset only. */
static int parser_error(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	if (p->error == YAML_MEMORY_ERROR)
		return cvt_fail(r->err, CVT_ERR_MEMORY, "%s: no memory to read it", r->name);
	yaml_mark_t at = p->problem_mark;
	if (p->error == YAML_READER_ERROR) {
		at = (yaml_mark_t){0};
		for (size_t i = 0; i < p->problem_offset && i < r->length; i++) {
			at.column++;
			if (r->text[i] == '\n') {
				at.line++;
				at.column = 0;
			}
		}
	}
	const char *problem = p->problem ? p->problem : "cannot be read";
	return cvt_fail_at(r->err, CVT_ERR_SYNTAX, r->name, (int)at.line + 1, (int)at.column + 1, "not YAML: %s", problem);
}

static int next(struct reader *r, yaml_event_t *event)
{
	return yaml_parser_parse(&r->parser, event) ? CVT_OK : parser_error(r);
}

/* What no place in the file may hold. */
static int refuse_extras(struct reader *r, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	if (event->type == YAML_ALIAS_EVENT)
		return wrong(r, &event->start_mark, "an alias (*name): write the value itself");
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor)
		return wrong(r, &event->start_mark, "an anchor (&name): write the value itself");
	if (tag)
		return wrong(r, &event->start_mark, "a tag (!name): write the plain value");
	return CVT_OK;
}

static int take_scalar(struct reader *r, const yaml_event_t *event, struct cvt_yaml_value *ret_value)
{
	const char *text = (const char *)event->data.scalar.value;
	if (strlen(text) != event->data.scalar.length)
		return wrong(r, &event->start_mark, "a NUL character in a value");
	char *copy = strdup(text);
	if (!copy)
		return cvt_fail(r->err, CVT_ERR_MEMORY, "%s: no memory to read it", r->name);
	*ret_value = (struct cvt_yaml_value){copy, (int)event->start_mark.line + 1, (int)event->start_mark.column + 1,
		event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE};
	return CVT_OK;
}

static int add_value(struct reader *r, struct cvt_yaml_entry *entry, const yaml_event_t *event)
{
	if (entry->n == LIMIT_VALUES)
		return wrong(r, &event->start_mark, "more than 4096 values");
	if ((entry->n & (entry->n - 1)) == 0) {   /* full at powers of two */
		void *grown = realloc(entry->values, sizeof *entry->values * (size_t)(entry->n ? entry->n * 2 : 1));
		if (!grown)
			return cvt_fail(r->err, CVT_ERR_MEMORY, "%s: no memory to read it", r->name);
		entry->values = grown;
	}
	int status = take_scalar(r, event, &entry->values[entry->n]);
	if (status == CVT_OK)
		entry->n++;
	return status;
}

static int read_sequence(struct reader *r, struct cvt_yaml_entry *entry)
{
	entry->list = true;
	for (;;) {
		yaml_event_t event;
		int status = next(r, &event);
		if (status != CVT_OK)
			return status;
		bool end = event.type == YAML_SEQUENCE_END_EVENT;
		status = end ? CVT_OK : refuse_extras(r, &event);
		if (!end && status == CVT_OK)
			status = event.type == YAML_SCALAR_EVENT ? add_value(r, entry, &event)
				: wrong(r, &event.start_mark, "a list or mapping inside a list: a list holds single values");
		if (end && entry->n == 0)
			status = wrong(r, &event.start_mark, "an empty list: give at least one value");
		yaml_event_delete(&event);
		if (status != CVT_OK || end)
			return status;
	}
}

static int read_value(struct reader *r, struct cvt_yaml_entry *entry)
{
	yaml_event_t event;
	int status = next(r, &event);
	if (status != CVT_OK)
		return status;
	status = refuse_extras(r, &event);
	if (status != CVT_OK)
		goto out;
	if (event.type == YAML_SCALAR_EVENT)
		status = add_value(r, entry, &event);
	else if (event.type == YAML_SEQUENCE_START_EVENT)
		status = read_sequence(r, entry);
	else
		status = wrong(r, &event.start_mark, "a mapping inside a mapping: a key has one value or a list");
	if (status == CVT_OK && !entry->list && entry->values[0].plain && !*entry->values[0].text)
		status = cvt_fail_at(r->err, CVT_ERR_SYNTAX, r->name, entry->line, entry->column, "%s has no value", entry->key);
out:
	yaml_event_delete(&event);
	return status;
}

/* Reads a key and its value; the entry belongs to the document even when its value fails, so that it is freed once. */
static int read_entry(struct reader *r, const yaml_event_t *event)
{
	struct cvt_yaml *yaml = r->yaml;
	int status = refuse_extras(r, event);
	if (status != CVT_OK)
		return status;
	if (event->type != YAML_SCALAR_EVENT)
		return wrong(r, &event->start_mark, "a key must be a word");
	if (yaml->n == LIMIT_ENTRIES)
		return wrong(r, &event->start_mark, "more than 256 keys");
	struct cvt_yaml_value key = {0};
	status = take_scalar(r, event, &key);
	if (status != CVT_OK)
		return status;
	struct cvt_yaml_entry *entry = &yaml->entries[yaml->n++];
	*entry = (struct cvt_yaml_entry){.key = key.text, .line = key.line, .column = key.column};
	for (int i = 0; i < yaml->n - 1; i++) {
		if (!strcmp(yaml->entries[i].key, key.text)) {
			char clean[64];
			cvt_text_clean(clean, sizeof clean, key.text);
			return cvt_fail_at(r->err, CVT_ERR_SYNTAX, r->name, key.line, key.column, "%s is given twice: line %d has it already",
				clean, yaml->entries[i].line);
		}
	}
	return read_value(r, entry);
}

static int read_mapping(struct reader *r)
{
	for (;;) {
		yaml_event_t event;
		int status = next(r, &event);
		if (status != CVT_OK)
			return status;
		bool end = event.type == YAML_MAPPING_END_EVENT;
		if (!end)
			status = read_entry(r, &event);
		yaml_event_delete(&event);
		if (status != CVT_OK || end)
			return status;
	}
}

static int read_stream(struct reader *r)
{
	bool seen = false;
	for (;;) {
		yaml_event_t event;
		int status = next(r, &event);
		if (status != CVT_OK)
			return status;
		bool end = event.type == YAML_STREAM_END_EVENT;
		if (event.type == YAML_DOCUMENT_START_EVENT && seen)
			status = wrong(r, &event.start_mark, "a second document: a file holds one");
		seen = seen || event.type == YAML_DOCUMENT_START_EVENT;
		if (event.type == YAML_MAPPING_START_EVENT) {
			status = refuse_extras(r, &event);
			if (status == CVT_OK)
				status = read_mapping(r);
		} else if (event.type == YAML_SCALAR_EVENT || event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_ALIAS_EVENT) {
			status = wrong(r, &event.start_mark, "must be lines of `key: value`");
		}
		yaml_event_delete(&event);
		if (status != CVT_OK || end)
			return status;
	}
}

int cvt_yaml_read(const char *text, size_t length, const char *name, struct cvt_yaml *ret_yaml, struct cvt_error *err)
{
	struct cvt_yaml yaml = {0};
	struct reader r = {.text = text, .length = length, .name = name, .yaml = &yaml, .err = err};
	int status;
	if (length > LIMIT_BYTES)
		return cvt_fail_at(err, CVT_ERR_RANGE, name, 0, 0, "more than 1 MB: no file of options is that long");
	if (!yaml_parser_initialize(&r.parser))
		return cvt_fail(err, CVT_ERR_MEMORY, "%s: no memory to read it", name);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml.entries = calloc(LIMIT_ENTRIES, sizeof *yaml.entries);
	if (!yaml.entries)
		status = cvt_fail(err, CVT_ERR_MEMORY, "%s: no memory to read it", name);
	else
		status = read_stream(&r);
	yaml_parser_delete(&r.parser);
	if (status == CVT_OK)
		*ret_yaml = yaml;
	else
		cvt_yaml_finish(&yaml);
	return status;
}

void cvt_yaml_finish(struct cvt_yaml *yaml)
{
	for (int i = 0; i < yaml->n; i++) {
		for (int j = 0; j < yaml->entries[i].n; j++)
			free(yaml->entries[i].values[j].text);
		free(yaml->entries[i].values);
		free(yaml->entries[i].key);
	}
	free(yaml->entries);
	*yaml = (struct cvt_yaml){0};
}
