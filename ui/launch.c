/* launch.c - a run's start. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "convtui/model.h"
#include "convtui/text.h"
#include "launch.h"

extern char **environ;
static pid_t children[64];
static int n_children;

/* The runner may start in another folder, on another day. */
static int absolute(const char *key, char *path, size_t size, struct cvt_error *err)
{
	char *real = *path ? realpath(path, NULL) : NULL;
	if (!real && !*path) {
		return CVT_OK;
	}
	if (!real) {
		char clean[256];
		int error = errno;
		cvt_text_clean(clean, sizeof clean, path);
		return cvt_fail_errno(err, error, "%s: %s", key, clean);
	}
	size_t length = strlen(real);
	if (length < size) {
		memcpy(path, real, length + 1);
	}
	free(real);
	return length < size ? CVT_OK : cvt_fail(err, CVT_ERR_RANGE, "%s: its full path is longer than %zu bytes", key, size - 1);
}

/* As a run's config.yaml names its weights, which a copy of that file elsewhere does not have beside it. */
static bool is_init_of_run(const char *init)
{
	const char *slash = strrchr(init, '/');
	return !strcmp(slash ? slash + 1 : init, CVT_RUN_INIT);
}

int launch_paths(struct cvt_config *config, struct cvt_error *err)
{
	int status = strcmp(config->data, "builtin") ? absolute("data", config->data, sizeof config->data, err) : CVT_OK;
	if (status == CVT_OK) {
		status = absolute("val", config->val, sizeof config->val, err);
	}
	bool of_run = is_init_of_run(config->init) && access(config->init, F_OK) != 0;
	if (status == CVT_OK && of_run) {
		return cvt_fail(err, CVT_ERR_NOT_FOUND, "init: %s is not beside this file: it is in the folder of the run; copy it too, or give another --init",
			config->init);
	}
	return status == CVT_OK ? absolute("init", config->init, sizeof config->init, err) : status;
}

/* What a file of weights is of, by its full path: the checkpoint of a run has that run's name. What a run itself started from is of that
 * run's parent: config.yaml is repeated, or it was the first of a sweep. */
static int parent_of(const char *init, struct cvt_parent *ret_parent, struct cvt_error *err)
{
	char path[1100];
	struct cvt_parent parent = {0};
	const char *file = strrchr(init, '/'), *folder = file;
	while (folder && folder > init && folder[-1] != '/') {
		folder--;
	}
	snprintf(path, sizeof path, "%.*s/config.yaml", file ? (int)(file - init) : 0, init);
	bool of_run = file && file > folder && access(path, R_OK) == 0;
	if (of_run && !strcmp(file + 1, CVT_RUN_INIT)) {
		int status = cvt_config_parent(path, &parent, err);
		if (status != CVT_OK) {
			return status;
		}
	}
	if (!*parent.checkpoint) {
		snprintf(parent.checkpoint, sizeof parent.checkpoint, "%s", init);
		snprintf(parent.run, sizeof parent.run, "%.*s", of_run ? (int)(file - folder) : 0, of_run ? folder : "");
	}
	*ret_parent = parent;
	return CVT_OK;
}

int launch_create(const char *store, const struct cvt_config *wanted, int n_classes, struct cvt_run *ret_run, struct cvt_error *err)
{
	struct cvt_provenance from = {.version = CVT_VERSION};
	struct cvt_config config = *wanted;
	struct cvt_description what;
	struct cvt_parent parent = {0};
	char *text = NULL, init[sizeof config.init];
	int status = cvt_config_check(&config, err);
	if (status == CVT_OK) {
		status = launch_paths(&config, err);
	}
	memcpy(init, config.init, sizeof init);
	if (status == CVT_OK && *init) {
		status = parent_of(init, &parent, err);
		snprintf(config.init, sizeof config.init, "%s", CVT_RUN_INIT);
	}
	if (status != CVT_OK || (status = cvt_describe(&config, n_classes, &what, err)) != CVT_OK) {
		return status;
	}
	from.parent = *parent.run ? parent.run : NULL;
	from.parent_checkpoint = *init ? parent.checkpoint : NULL;
	status = cvt_config_write(&config, &from, &text, err);
	if (status == CVT_OK) {
		struct cvt_new_run run = {.short_name = cvt_arch_name(config.arch), .config_yaml = text, .init = *init ? init : NULL, .network = what.network,
			.parameters = what.parameters, .lr = config.lr, .batch_size = config.batch, .epochs = config.epochs};
		status = cvt_run_create(store, &run, ret_run, err);
	}
	free(text);
	cvt_description_finish(&what);
	return status;
}

/* A process in a session of its own, whose errors go to the log of the run in the folder. */
static int launch(char *const argv[], const char *folder, struct cvt_error *err)
{
	char self[] = "/proc/self/exe", log[1100];
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	pid_t pid;
	snprintf(log, sizeof log, "%s/log.txt", folder);
	if (posix_spawn_file_actions_init(&files) != 0) {
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory to start the runner");
	}
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, 2, log, O_WRONLY | O_APPEND | O_CREAT, 0600);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int error = posix_spawn(&pid, self, &files, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	if (error) {
		return cvt_fail_errno(err, error, "the runner of %s cannot be started", folder);
	}
	if (n_children < (int)(sizeof children / sizeof *children)) {
		children[n_children++] = pid;
	}
	return CVT_OK;
}

int launch_runner(const char *folder, struct cvt_error *err)
{
	char name[] = "convtui", command[] = "resume", quiet[] = "--quiet", where[1024];
	char *argv[] = {name, command, quiet, where, NULL};
	snprintf(where, sizeof where, "%s", folder);
	return launch(argv, folder, err);
}

int launch_after(const char *store, const struct cvt_run *run, const char *after, struct cvt_error *err)
{
	char name[] = "convtui", command[] = "work", quiet[] = "--quiet", runs[] = "--runs", flag[] = "--after", where[1024], first[1024], own[96];
	char *argv[] = {name, command, quiet, runs, where, flag, first, own, NULL};
	snprintf(where, sizeof where, "%s", store);
	snprintf(first, sizeof first, "%s", after);
	snprintf(own, sizeof own, "%s", run->name);
	return launch(argv, run->folder, err);
}

bool launch_any(void)
{
	return n_children > 0;
}

int launch_reap(void)
{
	int failed = 0;
	for (int i = 0; i < n_children;) {
		int status;
		pid_t ended = waitpid(children[i], &status, WNOHANG);
		if (ended == 0) {
			i++;
			continue;
		}
		failed += ended > 0 && (WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 3));
		children[i] = children[--n_children];
	}
	return failed;
}
