/* lines.c - a queue of lines and the thread that writes them. */
#include "cli/lines.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "convtui/text.h"

struct line {
	struct line *next;
	char *text;                    /* or */
	json_t *object;
	bool to_stderr;
};
struct cli_lines {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t more;
	struct line *first, **last;    /* [L mutex] */
	bool finished;                 /* [L mutex] */
};

static void write_line(struct line *line)
{
	if (line->object) {
		(void)!cli_json(line->object);
		return;
	}
	FILE *out = line->to_stderr ? stderr : stdout;

	if (fprintf(out, "%s\n", line->text) < 0 || fflush(out) != 0)
		clearerr(out);
	free(line->text);
}

static void *write_lines(void *context)
{
	struct cli_lines *lines = context;

	pthread_mutex_lock(&lines->mutex);
	while (lines->first || !lines->finished) {
		struct line *line = lines->first;

		if (!line) {
			pthread_cond_wait(&lines->more, &lines->mutex);
			continue;
		}
		lines->first = line->next;
		if (!lines->first)
			lines->last = &lines->first;
		pthread_mutex_unlock(&lines->mutex);
		write_line(line);
		free(line);
		pthread_mutex_lock(&lines->mutex);
	}
	pthread_mutex_unlock(&lines->mutex);
	return NULL;
}

struct cli_lines *cli_lines_start(void)
{
	struct cli_lines *lines = calloc(1, sizeof *lines);
	sigset_t all, old;
	int failed;

	if (!lines)
		return NULL;
	signal(SIGPIPE, SIG_IGN);
	lines->last = &lines->first;
	pthread_mutex_init(&lines->mutex, NULL);
	pthread_cond_init(&lines->more, NULL);
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	failed = pthread_create(&lines->thread, NULL, write_lines, lines);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!failed)
		return lines;
	pthread_cond_destroy(&lines->more);
	pthread_mutex_destroy(&lines->mutex);
	free(lines);
	return NULL;
}

/* Takes over text and object. */
static void put(struct cli_lines *lines, char *text, json_t *object, bool to_stderr)
{
	struct line *line = calloc(1, sizeof *line);

	if (!line || (!text && !object)) {
		free(line);
		free(text);
		json_decref(object);
		return;
	}
	*line = (struct line){.text = text, .object = object, .to_stderr = to_stderr};
	pthread_mutex_lock(&lines->mutex);
	*lines->last = line;
	lines->last = &line->next;
	pthread_cond_signal(&lines->more);
	pthread_mutex_unlock(&lines->mutex);
}

void cli_lines_text(struct cli_lines *lines, bool to_stderr, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	/* A run's folder, which may come from anybody, names itself. */
	char *clean = text ? malloc(strlen(text) + 1) : NULL;

	if (clean)
		cvt_text_clean(clean, strlen(text) + 1, text);
	free(text);
	put(lines, clean, NULL, to_stderr);
}

void cli_lines_json(struct cli_lines *lines, json_t *object)
{
	put(lines, NULL, object, false);
}

void cli_lines_finish(struct cli_lines *lines)
{
	pthread_mutex_lock(&lines->mutex);
	lines->finished = true;
	pthread_cond_signal(&lines->more);
	pthread_mutex_unlock(&lines->mutex);
	pthread_join(lines->thread, NULL);
	pthread_cond_destroy(&lines->more);
	pthread_mutex_destroy(&lines->mutex);
	free(lines);
}
