/* steer.c - convtui steer: drops commands into a run's inbox and says when they took effect. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "advice.h"
#include "cli/cli.h"
#include "convtui/session.h"
#include "convtui/text.h"
#include "program.h"

enum { MAX_COMMANDS = 16, WAIT_SECONDS = 30 };

static const struct cli_flag flags[] = {
	{"wait", "SECONDS", "how long to wait until it took effect (30; 0, and a queued run: not at all)"},
	{NULL},
};
#define ORDERS "lr= momentum= weight-decay= epochs= patience= threads=, pause, resume, checkpoint, stop, stop-after-epoch"
static const char *const words[] = {"pause", "resume", "stop", "stop-after-epoch", "checkpoint"};
enum { N_WORDS = sizeof words / sizeof *words };

struct order { char name[24], value[64], id[24]; bool seen, refused; };

static int unknown(const char *word)
{
	const char *names[N_WORDS + 64], *near;
	char clean[64];
	int n, n_names = 0;
	const struct cvt_option *table = cvt_options(&n);
	for (int i = 0; i < N_WORDS; i++)
		names[n_names++] = words[i];
	for (int i = 0; i < n; i++)
		if (table[i].live)
			names[n_names++] = table[i].key;
	near = cvt_nearest(word, names, n_names);
	cvt_text_clean(clean, sizeof clean, word);
	if (near)
		return cli_wrong("steer: no order '%s': did you mean %s?", clean, near);
	return cli_wrong("steer: no order '%s': " ORDERS, clean);
}

/* `lr=5e-4` or `pause`; a value is checked and rewritten as the option table has it. */
static int read_order(const char *text, struct order *ret_order)
{
	struct order order = {0};
	char key[64];
	size_t length = strcspn(text, "=");
	struct cvt_error err;
	struct cvt_config scratch;
	for (int i = 0; i < N_WORDS; i++) {
		if (!strcmp(words[i], text)) {
			snprintf(order.name, sizeof order.name, "%s", text);
			*ret_order = order;
			return CLI_DONE;
		}
	}
	snprintf(key, sizeof key, "%.*s", (int)length, text);
	const struct cvt_option *option = cvt_option_find(key);
	if (!option && text[length])
		return unknown(key);
	if (!option)
		return unknown(text);
	if (!option->live)
		return cli_wrong("steer: %s cannot change while a run trains: queue a new run with it", key);
	if (!text[length])
		return cli_wrong("steer: %s needs a value: %s=VALUE", key, key);
	cvt_config_init(&scratch);
	if (cvt_config_set(&scratch, option, text + length + 1, &err) != CVT_OK) {
		cli_fail(&err);
		return CLI_USAGE;
	}
	snprintf(order.name, sizeof order.name, "%.23s", option->key);
	cvt_config_get(&scratch, option, order.value, sizeof order.value);
	*ret_order = order;
	return CLI_DONE;
}

static int say(const struct order *order, const struct cvt_run *run, int64_t batch, bool json)
{
	if (json)
		return cli_json(json_pack("{s:o, s:s, s:s, s:s, s:o, s:b}", "run", cli_json_text(run->name), "id", order->id, "name", order->name, "value",
			order->value, "batch", batch >= 0 ? json_integer(batch) : json_null(), "refused", order->refused));
	printf("%s%s%s: ", order->name, *order->value ? " " : "", order->value);
	if (batch >= 0)
		printf("%s before batch %lld\n", order->refused ? "refused" : "took effect", (long long)batch);
	else
		puts(run->locked ? "sent, not taken yet" : "sent: it takes effect when the run begins");
	return cli_flush();
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Says of each order when it took effect, as its row comes. *ret_left: those without a row when the time was over or the run had
 * ended (*ret_ended). */
static int follow(const struct cvt_run *run, struct order *orders, int n, double seconds, bool json, int *ret_left, bool *ret_ended)
{
	struct cvt_session *session;
	struct cvt_error err;
	int left = n, status = CLI_DONE;
	if (cvt_session_open(run->folder, &session, &err) != CVT_OK)
		return cli_fail(&err);
	for (double end = now() + seconds; left && status == CLI_DONE;) {
		if (cvt_session_poll(session, &err) < 0) {
			status = cli_fail(&err);
			break;
		}
		for (int i = 0; i < session->n_commands; i++) {
			for (int j = 0; j < n; j++) {
				if (orders[j].seen || strcmp(orders[j].id, session->commands[i].id))
					continue;
				orders[j].seen = true;
				orders[j].refused = !strncmp(session->commands[i].name, "refused-", 8);
				left--;
				status = say(&orders[j], run, session->commands[i].batch, json);
			}
		}
		if (session->behind)
			continue;
		if (!left || now() >= end || !session->run.locked)
			break;
		struct pollfd fd = {.fd = cvt_session_fd(session), .events = POLLIN};
		poll(&fd, fd.fd >= 0, 200);
	}
	*ret_ended = !session->run.locked;
	cvt_session_close(session);
	*ret_left = left;
	return status;
}

static int send(const struct cvt_run *run, struct order *orders, int n, double seconds, bool json)
{
	struct cvt_error err;
	int left = n, status = CLI_DONE;
	bool ended = false;
	for (int i = 0; i < n; i++)
		if (cvt_run_command(run->folder, orders[i].name, orders[i].value, orders[i].id, &err) != CVT_OK)
			return cli_fail(&err);
	if (run->locked && seconds > 0)
		status = follow(run, orders, n, seconds, json, &left, &ended);
	for (int i = 0; i < n && status == CLI_DONE; i++)
		if (!orders[i].seen)
			status = say(&orders[i], run, -1, json);
	for (int i = 0; i < n && status == CLI_DONE; i++)
		if (orders[i].refused) {
			fprintf(stderr, "convtui: %s refused %s %s: its log.txt says why\n", run->name, orders[i].name, orders[i].value);
			status = CLI_FAILED;
		}
	if (status == CLI_DONE && left && ended) {
		fprintf(stderr, "convtui: %s ended before it took %d order%s: the next resume takes what is left\n", run->name, left, left == 1 ? "" : "s");
		return CLI_FAILED;
	}
	if (status == CLI_DONE && left && run->locked && seconds > 0) {
		fprintf(stderr, "convtui: %s: %d order%s not taken after %g s: the runner takes them after the batch it is in, see %s show %s\n",
			run->name, left, left == 1 ? "" : "s", seconds, program_name(), run->name);
		return CLI_FAILED;
	}
	return status;
}

/* As the trainer will see it, which has the last word: here it can be said at once. */
static int check_epochs(const struct cvt_run *run, const struct order *orders, int n)
{
	int least = advice_least_epochs(&run->live);
	int64_t epochs;
	for (int i = 0; i < n && run->locked; i++)
		if (!strcmp(orders[i].name, "epochs") && cvt_text_to_i64(orders[i].value, &epochs) && epochs < least) {
			fprintf(stderr, "convtui: epochs %s: %s is in epoch %d: stop or stop-after-epoch ends the run\n", orders[i].value, run->name, least);
			return CLI_FAILED;
		}
	return CLI_DONE;
}

static int steer(const struct cli_args *args)
{
	struct order orders[MAX_COMMANDS];
	struct cvt_run run;
	double seconds = WAIT_SECONDS;
	int n = args->n_positional - 1;
	if (n > MAX_COMMANDS)
		return cli_wrong("steer: at most %d orders at once", MAX_COMMANDS);
	if (args->flags[0] && (!cvt_text_to_double(args->flags[0], &seconds) || seconds < 0 || seconds > 86400))
		return cli_wrong("--wait %s: must be 0 to 86400 seconds", args->flags[0]);
	for (int i = 0; i < n; i++) {
		int status = read_order(args->positional[i + 1], &orders[i]);
		if (status != CLI_DONE)
			return status;
	}
	int status = cli_run(args, args->positional[0], &run);
	if (status != CLI_DONE)
		return status;
	status = check_epochs(&run, orders, n);
	if (status != CLI_DONE)
		return status;
	if (!run.locked && run.live.state != CVT_STATE_QUEUED) {
		char advice[4400];
		advice_go_on(&run, advice, sizeof advice);
		if (run.live.state == CVT_STATE_DIVERGED)
			fprintf(stderr, "convtui: %s is diverged: nobody trains it, so there is nothing to steer: begin a run with a lower rate\n", run.name);
		else
			fprintf(stderr, "convtui: %s is %s: nobody trains it, so there is nothing to steer: %s\n", run.name,
				cvt_state_name(run.live.state), advice);
		return CLI_FAILED;
	}
	return send(&run, orders, n, seconds, args->json);
}

static int run_steer(const struct cli_command *command, int argc, char **argv)
{
	struct cli_args args;
	int status = cli_parse(command, argc, argv, &args);
	if (status != CLI_DONE)
		return status < 0 ? CLI_DONE : status;
	status = steer(&args);
	cli_args_finish(&args);
	return status;
}

const struct cli_command cli_steer_command = {
	.name = "steer", .arguments = "RUN ORDER...", .help = ORDERS ": says when it took effect",
	.example = "convtui steer last lr=5e-4", .flags = flags, .min_positional = 2, .max_positional = -1, .run = run_steer,
};
