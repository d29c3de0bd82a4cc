/* session.c - see convtui/session.h. */
#include "convtui/session.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "convtui/text.h"
#include "store/follow.h"
#include "store/live.h"
#include "store/rows.h"

enum { LOG_LINES = 500, LOG_TAIL = 1 << 17 };
static const double poll_seconds = 0.005, silence_seconds = 30, silence_batches = 5;

struct log_tail {
	struct stat seen;
	char *text;                          /* cleaned lines, one after the other */
	const char *lines[LOG_LINES];
};

struct session {
	struct cvt_session shown;            /* first: what the caller holds */
	struct cvt_follow batches, epochs, commands;
	struct log_tail log;
	int inotify;                         /* -1: none */
	double page_changed;                 /* our clock, when `updated` last changed */
};

static int watch(const char *folder)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd >= 0 && inotify_add_watch(fd, folder, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF |
		IN_ONLYDIR) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* A curve does not fold back, whoever wrote into the file. */
static bool batch_after(const void *before, const void *row)
{
	return ((const struct cvt_batch_row *)row)->batch > ((const struct cvt_batch_row *)before)->batch;
}

static bool epoch_after(const void *before, const void *row)
{
	return ((const struct cvt_epoch_row *)row)->epoch > ((const struct cvt_epoch_row *)before)->epoch;
}

int cvt_session_open(const char *folder, struct cvt_session **ret_session, struct cvt_error *err)
{
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory to follow %s", folder);
	s->batches = (struct cvt_follow){.name = "batches.csv", .header = cvt_batches_header, .row_size = sizeof(struct cvt_batch_row),
		.parse = cvt_batch_parse, .comes_after = batch_after};
	s->epochs = (struct cvt_follow){.name = "epochs.csv", .header = cvt_epochs_header, .row_size = sizeof(struct cvt_epoch_row),
		.parse = cvt_epoch_parse, .comes_after = epoch_after};
	s->commands = (struct cvt_follow){.name = "commands.csv", .header = cvt_commands_header,
		.row_size = sizeof(struct cvt_command_row), .parse = cvt_command_parse};
	s->inotify = watch(folder); /* before the first read: what changes after it is told */

	int status = cvt_run_read(folder, &s->shown.run, err);

	s->page_changed = cvt_clock_monotonic();
	if (status == CVT_OK) {
		status = cvt_session_poll(&s->shown, err);
		status = status > 0 ? CVT_OK : status;
	}
	if (status != CVT_OK) {
		cvt_session_close(&s->shown);
		return status;
	}
	*ret_session = &s->shown;
	return CVT_OK;
}

void cvt_session_close(struct cvt_session *session)
{
	struct session *s = (struct session *)session;

	if (s == NULL)
		return;
	cvt_follow_finish(&s->batches);
	cvt_follow_finish(&s->epochs);
	cvt_follow_finish(&s->commands);
	free(s->log.text);
	if (s->inotify >= 0)
		close(s->inotify);
	free(s);
}

int cvt_session_fd(const struct cvt_session *session)
{
	return ((const struct session *)session)->inotify;
}

static void drain(int fd)
{
	char events[4096];

	while (fd >= 0 && read(fd, events, sizeof events) > 0)
		;
}

/* A page that is torn or damaged for the moment leaves what was shown; only a folder that is gone is an error. */
static int poll_page(struct session *s, bool *changed, struct cvt_error *err)
{
	struct cvt_run run;
	struct cvt_error why;
	int status = cvt_run_read(s->shown.run.folder, &run, &why);
	double now = cvt_clock_monotonic();

	if (status == CVT_ERR_NOT_FOUND)
		return cvt_fail(err, status, "%s", why.message);
	if (status == CVT_OK) {
		bool same_page = run.live.updated == s->shown.run.live.updated && run.live.batch == s->shown.run.live.batch;

		if (!same_page)
			s->page_changed = now;
		if (!same_page || run.locked != s->shown.run.locked || memcmp(&run.live, &s->shown.run.live, sizeof run.live) != 0) {
			s->shown.run = run;
			*changed = true;
		}
	}

	double batches = silence_batches * s->shown.run.live.batch_seconds; /* NaN while unknown: fmax takes the other */
	bool silent = cvt_state_alive(s->shown.run.live.state) && now - s->page_changed > fmax(silence_seconds, batches);

	*changed = *changed || silent != s->shown.no_sign_of_life;
	s->shown.no_sign_of_life = silent;
	return CVT_OK;
}

/* Points at the last whole lines of `raw`, cleaned; the text of the lines before stays valid until then. */
static bool show_log(struct session *s, char *raw, size_t n, bool from_start)
{
	char *clean = malloc(n + 1), *to = clean, *rest = raw, *newline;
	int lines = 0;

	if (clean == NULL)
		return false;
	if (!from_start) { /* the first line is cut */
		newline = strchr(raw, '\n');
		rest = newline == NULL ? raw + n : newline + 1;
	}
	for (; (newline = strchr(rest, '\n')) != NULL; rest = newline + 1) {
		*newline = 0;
		if (lines == LOG_LINES)
			memmove(s->log.lines, s->log.lines + 1, (LOG_LINES - 1) * sizeof s->log.lines[0]);
		else
			lines++;
		s->log.lines[lines - 1] = to;
		to += cvt_text_clean(to, n + 1 - (size_t)(to - clean), rest) + 1;
	}
	free(s->log.text);
	s->log.text = clean;
	s->shown.log = s->log.lines;
	s->shown.n_log = lines;
	return true;
}

static void poll_log(struct session *s, bool *changed)
{
	char path[1200];
	struct stat st;

	if (cvt_path_join(path, sizeof path, s->shown.run.folder, "log.txt", NULL) != CVT_OK)
		return;

	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_size != s->log.seen.st_size || st.st_ino != s->log.seen.st_ino ||
		memcmp(&st.st_mtim, &s->log.seen.st_mtim, sizeof st.st_mtim) != 0)) {
		off_t from = st.st_size > LOG_TAIL ? st.st_size - LOG_TAIL : 0;
		size_t size = (size_t)(st.st_size - from);
		char *raw = malloc(size + 1);
		ssize_t n = raw == NULL ? -1 : cvt_file_pread_all(fd, raw, size, from, NULL);

		if (n >= 0) {
			for (ssize_t i = 0; i < n; i++)
				raw[i] = raw[i] == 0 ? '?' : raw[i];
			raw[n] = 0;
			if (show_log(s, raw, (size_t)n, from == 0)) {
				s->log.seen = st;
				*changed = true;
			}
		}
		free(raw);
	}
	close(fd);
}

int cvt_session_poll(struct cvt_session *session, struct cvt_error *err)
{
	struct session *s = (struct session *)session;
	double deadline = cvt_clock_monotonic() + poll_seconds;
	struct cvt_follow *files[] = {&s->epochs, &s->commands, &s->batches};
	bool changed = false, behind = false;

	drain(s->inotify);

	int status = poll_page(s, &changed, err);

	if (status != CVT_OK)
		return status;
	poll_log(s, &changed);
	for (int i = 0; i < 3 && status >= 0; i++) {
		status = cvt_follow_poll(files[i], session->run.folder, deadline, err);
		changed = changed || status > 0;
		behind = behind || !files[i]->complete;
	}
	if (status < 0)
		return status;
	session->batches = s->batches.rows;
	session->n_batches = s->batches.n;
	session->epochs = s->epochs.rows;
	session->n_epochs = (int)s->epochs.n;
	session->commands = s->commands.rows;
	session->n_commands = (int)s->commands.n;
	session->bad_lines = s->batches.bad_lines + s->epochs.bad_lines + s->commands.bad_lines;
	changed = changed || behind != session->behind;
	session->behind = behind;
	session->generation += changed;
	return changed;
}
