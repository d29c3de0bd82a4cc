/* doctor.c - convtui doctor: what this machine offers, and what is wrong with it. */
#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "convtui/machine.h"
#include "convtui/text.h"

struct report {
	bool json;
	json_t *object, *problems;
	struct cli_table lines;
	char problem_lines[16][512]; int n_problems;
};

static void fact(struct report *r, const char *key, const char *format, ...) CVT_PRINTF(3, 4);
static void fact(struct report *r, const char *key, const char *format, ...)
{
	char text[512];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	cli_table_add(&r->lines, "%s", key);
	cli_table_add(&r->lines, "%s", text);
}

static void problem(struct report *r, const char *format, ...) CVT_PRINTF(2, 3);
static void problem(struct report *r, const char *format, ...)
{
	if (r->n_problems == 16)
		return;
	char *text = r->problem_lines[r->n_problems++];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof r->problem_lines[0], format, list);
	va_end(list);
	json_array_append_new(r->problems, cli_json_text(text));
}

static void processor(struct report *r)
{
	char name[128], blas[256], sets[64] = "";
	bool serial = false;
	int cores = cvt_machine_processors(NULL);
	cvt_machine_name(NULL, name, sizeof name);
	json_t *has = json_array();
	for (int isa = CVT_ISA_BASELINE; isa <= CVT_ISA_AVX512; isa++) {
		if (!cvt_machine_has_isa(isa))
			continue;
		snprintf(sets + strlen(sets), sizeof sets - strlen(sets), "%s%s", *sets ? ", " : "", cvt_isa_name(isa));
		json_array_append_new(has, json_string(cvt_isa_name(isa)));
	}
	cvt_machine_blas(blas, sizeof blas, &serial);
	fact(r, "processor", "%s", name);
	fact(r, "instruction sets", "%s; auto is %s", sets, cvt_isa_name(cvt_machine_best_isa()));
	fact(r, "processors allowed", "%d", cores);
	fact(r, "BLAS", "%s", blas);
	json_object_set_new(r->object, "processor", cli_json_text(name));
	json_object_set_new(r->object, "isa", json_string(cvt_isa_name(cvt_machine_best_isa())));
	json_object_set_new(r->object, "isas", has);
	json_object_set_new(r->object, "processors", json_integer(cores));
	json_object_set_new(r->object, "blas", cli_json_text(blas));
	if (serial)
		problem(r, "BLAS: this OpenBLAS is the serial flavour, unsafe from several threads: install libopenblas0-pthread");
}

static void memory(struct report *r)
{
	char text[32];
	int64_t bytes = cvt_machine_memory(NULL);
	cli_bytes(bytes, text, sizeof text);
	fact(r, "memory available", "%s", bytes ? text : "unknown");
	json_object_set_new(r->object, "memory", bytes ? json_integer(bytes) : json_null());
	if (bytes && bytes < 200 * 1000 * 1000)
		problem(r, "memory: %s are left: the quick preset takes about 200 MB", text);
}

static void terminal(struct report *r)
{
	const char *term = getenv("TERM"), *charset = nl_langinfo(CODESET);
	struct winsize size = {0};
	int fd = isatty(STDOUT_FILENO) ? STDOUT_FILENO : isatty(STDERR_FILENO) ? STDERR_FILENO : STDIN_FILENO;
	if (isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0)
		fact(r, "terminal", "%s, %d x %d, %s%s", term ? term : "no TERM", size.ws_col, size.ws_row, charset,
			getenv("NO_COLOR") ? ", NO_COLOR" : "");
	else
		fact(r, "terminal", "none here (TERM=%s, %s): the commands work, the dashboard needs one", term ? term : "", charset);
	json_object_set_new(r->object, "terminal", size.ws_col ? cli_json_text(term) : json_null());
	json_object_set_new(r->object, "charset", cli_json_text(charset));
	if (size.ws_col && (!term || !strcmp(term, "dumb")))
		problem(r, "terminal: TERM is %s: set it to what the terminal is, such as xterm-256color", term ? term : "not set");
}

/* Where the folder would be made: its nearest parent that exists. */
static void nearest_parent(const char *path, char *parent, size_t size)
{
	struct stat st;
	snprintf(parent, size, "%s", path);
	while (stat(parent, &st) != 0 && errno == ENOENT) {
		char *slash = strrchr(parent, '/');
		if (!slash || slash == parent) {
			snprintf(parent, size, "%s", slash ? "/" : ".");
			return;
		}
		*slash = 0;
	}
}

static void folder(struct report *r, const char *what, const char *key, const char *path)
{
	char parent[1024], text[32];
	struct stat st;
	nearest_parent(path, parent, sizeof parent);
	int64_t bytes = cvt_machine_free_bytes(parent);
	bool is_folder = stat(parent, &st) == 0 && S_ISDIR(st.st_mode), new = strcmp(parent, path) != 0;
	cli_bytes(bytes, text, sizeof text);
	fact(r, what, "%s%s, %s free", path, new ? " (made when needed)" : "", text);
	json_object_set_new(r->object, key, cli_json_text(path));
	if (!is_folder)
		problem(r, "%s: %s is not a folder: move it away", what, parent);
	else if (access(parent, W_OK | X_OK) != 0)
		problem(r, "%s: %s: %s: set %s to a folder of yours", what, parent, strerror(errno),
			strcmp(key, "cache") ? "CONVTUI_RUNS" : "XDG_CACHE_HOME");
	else if (bytes >= 0 && bytes < 1000 * 1000 * 1000)
		problem(r, "%s: only %s are free on its file system: a start needs three checkpoints", what, text);
}

static int folders(struct report *r, const struct cli_args *args)
{
	char path[1024];
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int status = cli_store(args, path, sizeof path);
	if (status != CLI_DONE)
		return status;
	folder(r, "run store", "runs", path);
	if (cache && *cache == '/')
		snprintf(path, sizeof path, "%s/convtui", cache);
	else
		snprintf(path, sizeof path, "%s/.cache/convtui", home ? home : "");
	folder(r, "data cache", "cache", path);
	return CLI_DONE;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	int status = cli_parse(command, argc, argv, &args);
	if (status != CLI_DONE)
		return status < 0 ? CLI_DONE : status;
	struct report r = {.json = args.json, .object = json_object(), .problems = json_array(), .lines = {.columns = 2}};
	fact(&r, "convtui", "%s", CVT_VERSION);
	json_object_set_new(r.object, "version", json_string(CVT_VERSION));
	processor(&r);
	memory(&r);
	terminal(&r);
	status = folders(&r, &args);
	json_object_set_new(r.object, "problems", r.problems);
	if (status == CLI_DONE && r.json)
		status = cli_json(json_incref(r.object));
	else if (status == CLI_DONE)
		status = cli_table_print(&r.lines);
	for (int i = 0; i < r.n_problems && !r.json; i++)
		printf("problem: %s\n", r.problem_lines[i]);
	if (r.n_problems == 0 && !r.json && status == CLI_DONE)
		puts("no problem found");
	cli_table_finish(&r.lines);
	json_decref(r.object);
	cli_args_finish(&args);
	return status == CLI_DONE && r.n_problems ? CLI_FAILED : status;
}

const struct cli_command cli_doctor_command = {
	.name = "doctor", .arguments = "", .help = "processor, instruction set, BLAS, cores and memory allowed, terminal, folders",
	.example = "convtui doctor", .run = run,
};
