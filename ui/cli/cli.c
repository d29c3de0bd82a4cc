/* cli.c - errors, JSON lines, configurations and runs, as every subcommand says and finds them. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "convtui/model.h"
#include "convtui/text.h"
#include "program.h"

/* The flags of this command line, by row of the option table: argv lives as long as the program. */
static const char *flag_texts[sizeof ((struct cli_args *)0)->options / sizeof (const char *)];

void cli_flags_given(const struct cli_args *args)
{
	memcpy(flag_texts, args->options, sizeof flag_texts);
}

/* A message of the engine begins with the option's key. Where that was given as a flag, "expansion: a value is missing" becomes
 * "--expansion 'x+*2': a value is missing". */
static void name_the_flag(char *message, size_t size)
{
	int n;
	const struct cvt_option *rows = cvt_options(&n);
	char old[sizeof ((struct cvt_error *)0)->message], value[200];
	size_t length = strcspn(message, " :");
	for (int i = 0; i < n; i++) {
		if (!flag_texts[i] || strlen(rows[i].key) != length || strncmp(message, rows[i].key, length))
			continue;
		snprintf(old, sizeof old, "%s", message + length);
		cvt_text_clean(value, sizeof value, flag_texts[i]);
		if (*old == ':')
			snprintf(message, size, "--%s '%s'%s", rows[i].key, value, old);
		else
			snprintf(message, size, "--%s%s", rows[i].key, old);
		return;
	}
}

int cli_fail(const struct cvt_error *err)
{
	char file[sizeof err->file], message[sizeof err->message + 256];
	cvt_text_clean(file, sizeof file, err->file);
	cvt_text_clean(message, sizeof err->message, err->message);
	if (!*file)
		name_the_flag(message, sizeof message);
	if (*file && err->line)
		fprintf(stderr, "convtui: %s:%d:%d: %s\n", file, err->line, err->column, message);
	else if (*file)
		fprintf(stderr, "convtui: %s: %s\n", file, message);
	else if (err->column)
		fprintf(stderr, "convtui: %s (column %d)\n", message, err->column);
	else
		fprintf(stderr, "convtui: %s\n", message);
	return CLI_FAILED;
}

int cli_wrong(const char *format, ...)
{
	char text[1024], clean[1024];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	cvt_text_clean(clean, sizeof clean, text);
	fprintf(stderr, "convtui: %s\n", clean);
	return CLI_USAGE;
}

/* A wrong option or preset is wrong usage; a file that cannot be read is a failure. */
int cli_config_failed(const struct cvt_error *err)
{
	cli_fail(err);
	return *err->file || (err->code != CVT_ERR_SYNTAX && err->code != CVT_ERR_RANGE && err->code != CVT_ERR_NOT_FOUND)
		? CLI_FAILED : CLI_USAGE;
}

/* The flag without which the preset's network works: what was typed is at fault then, though the value that fails is the preset's. */
static const struct cvt_option *flag_at_fault(const char *preset, const struct cvt_config *config)
{
	struct cvt_config base;
	int n;
	const struct cvt_option *rows = cvt_options(&n);
	cvt_config_init(&base);
	if (cvt_config_load_preset(&base, preset, NULL) != CVT_OK)
		return NULL;
	for (int i = 0; i < n; i++) {
		struct cvt_config without = *config;
		struct cvt_description description;
		char value[1024];
		cvt_config_get(&base, &rows[i], value, sizeof value);
		if (!flag_texts[i] || cvt_config_set(&without, &rows[i], value, NULL) != CVT_OK)
			continue;
		if (cvt_describe(&without, 2, &description, NULL) == CVT_OK) {
			cvt_description_finish(&description);
			return &rows[i];
		}
	}
	return NULL;
}

int cli_network_failed(const char *preset, const struct cvt_config *config, struct cvt_error *err)
{
	const struct cvt_option *flag = preset && cvt_config_place(preset, config, err) ? flag_at_fault(preset, config) : NULL;
	if (flag) {
		struct cvt_error placed = *err;
		char value[1024], word[200];
		cvt_config_get(config, flag, value, sizeof value);
		cvt_fail(err, placed.code, "--%s %s with %.100s: %.300s", flag->key, program_word(value, word, sizeof word), preset, placed.message);
	}
	return cli_fail(err);
}

int cli_config(const struct cli_args *args, const char *preset, struct cvt_config *ret_config)
{
	struct cvt_config config;
	struct cvt_error err;
	int n;
	const struct cvt_option *table = cvt_options(&n);
	cvt_config_init(&config);
	if (preset && cvt_config_load_preset(&config, preset, &err) != CVT_OK)
		return cli_config_failed(&err);
	for (int i = 0; i < n; i++)
		if (args->options[i] && cvt_config_set(&config, &table[i], args->options[i], &err) != CVT_OK)
			return cli_config_failed(&err);
	for (int i = 0; i < n; i++)
		if (args->options[i] && !cvt_option_applies(&table[i], config.arch))
			return cli_wrong("--%s does not apply to %s: leave it out", table[i].key, cvt_arch_name(config.arch));
	cvt_config_resolve(&config);
	if (cvt_config_check(&config, &err) != CVT_OK)
		return cli_config_failed(&err);
	*ret_config = config;
	return CLI_DONE;
}

int cli_flush(void)
{
	static bool said;   /* what follows fails too, for the same reason */
	int status = fflush(stdout);
	int error = errno;
	if (status == 0 && !ferror(stdout))
		return CLI_DONE;
	if (said)
		return CLI_FAILED;
	said = true;
	/* A write before this one failed: of a pipe without a reader, or of a disk that is full. */
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
	if (status == 0 && poll(&out, 1, 0) == 1 && out.revents & POLLERR)
		return CLI_FAILED;
	if (status == 0)
		fputs("convtui: standard output: something could not be written\n", stderr);
	else if (error != EPIPE)
		fprintf(stderr, "convtui: standard output: %s\n", strerror(error));
	return CLI_FAILED;
}

int cli_json(json_t *object)
{
	if (!object) {
		fputs("convtui: no memory for a line of JSON\n", stderr);
		return CLI_FAILED;
	}
	/* 15 digits: what a person typed comes out as typed (0.1), and a float loses nothing. */
	json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));   /* stdout's error flag tells of failures */
	json_decref(object);
	putchar('\n');
	return cli_flush();
}

json_t *cli_json_real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *cli_json_text(const char *text)
{
	if (!text)
		return json_null();
	size_t size = strlen(text) * 4 + 1;
	char *clean = malloc(size);
	if (!clean)
		return NULL;
	cvt_text_clean(clean, size, text);
	json_t *value = json_string(clean);
	free(clean);
	return value;
}
