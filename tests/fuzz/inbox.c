/* inbox.c - a command file from anybody. It is taken, logged and gone, or removed and named; never taken twice; what a screen may send is what is
 * taken. After "csv:" it is the commands.csv of a run that is resumed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "store/inbox.h"
#include "store/writer.h"

enum { TOGETHER = 200 };      /* commands of one writer: its log is read, and grows */
static const char name[] = "inbox/0123456789abc0123450000.cmd";
static struct cvt_writer *writer;
static int taken;

static void open_writer(void)
{
	struct cvt_error err = {0};

	if (writer != NULL && taken < TOGETHER)
		return;
	cvt_writer_close(writer);
	fuzz_remove("commands.csv");
	fuzz_write("config.yaml", "epochs: 3\n", 10);
	taken = 0;
	if (cvt_writer_open(fuzz_folder(), &writer, &err) != CVT_OK) {
		fprintf(stderr, "inbox: %s\n", err.message);
		exit(2);
	}
}

static void resumed(const uint8_t *data, size_t size)
{
	struct cvt_command_row *rows;
	struct cvt_error err = {0};
	int n;

	cvt_writer_close(writer);
	writer = NULL;
	fuzz_write("config.yaml", "epochs: 3\n", 10);
	fuzz_write("commands.csv", data, size);
	if (cvt_writer_open(fuzz_folder(), &writer, &err) != CVT_OK) {
		fuzz_check_error(&err);
		fuzz_remove("commands.csv");
		return;
	}
	if (cvt_writer_commands(writer, &rows, &n, &err) != CVT_OK)
		__builtin_trap();        /* opening has read them already */
	for (int i = 0; i < n; i++)
		if (rows[i].batch < 0 || !cvt_command_id_ok(rows[i].id))
			__builtin_trap();
	free(rows);
	taken = TOGETHER;
}

/* The same command, as a screen sends it, must come out as it went in. */
static void send_again(const struct cvt_inbox_command *command)
{
	struct cvt_inbox_command again;
	struct cvt_error err = {0};
	char id[24];

	if (cvt_run_command(fuzz_folder(), command->name, command->value, id, &err) != CVT_OK ||
		cvt_writer_next_command(writer, &again, &err) != 1 || strcmp(again.name, command->name) != 0 ||
		strcmp(again.value, command->value) != 0 || strcmp(again.id, id) != 0)
		__builtin_trap();
	if (cvt_writer_take_stop(writer, 7) != (strcmp(command->name, "stop") == 0))
		__builtin_trap();
	if (cvt_writer_command_done(writer, &again, 7, &err) != CVT_OK || cvt_writer_next_command(writer, &again, &err) != 0)
		__builtin_trap();
	taken++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cvt_inbox_command command;
	struct cvt_error err = {0};
	char sent[64], value[128];
	int code;

	if (size >= 4 && memcmp(data, "csv:", 4) == 0) {
		resumed(data + 4, size - 4);
		return 0;
	}
	open_writer();
	/* Any text is asked of the sending side too. */
	snprintf(sent, sizeof sent, "%.*s", size < 30 ? (int)size : 30, (const char *)data);
	snprintf(value, sizeof value, "%.*s", size < 100 ? (int)size : 100, (const char *)data);
	if (cvt_run_command(fuzz_folder(), "lr", value, NULL, &err) != CVT_OK)
		fuzz_check_error(&err);
	else if (cvt_writer_next_command(writer, &command, &err) != 1 || cvt_writer_command_done(writer, &command, 3, &err) != CVT_OK)
		__builtin_trap();
	if (cvt_run_command(fuzz_folder(), sent, "", NULL, &err) != CVT_OK)
		fuzz_check_error(&err);
	else if (cvt_writer_next_command(writer, &command, &err) != 1 || cvt_writer_command_done(writer, &command, 3, &err) != CVT_OK)
		__builtin_trap();
	fuzz_write(name, data, size);
	code = cvt_writer_next_command(writer, &command, &err);
	if (code < 0)
		fuzz_check_error(&err);
	else if (code == 0)
		__builtin_trap();        /* it lies there */
	if (code == 1 && (memchr(command.name, 0, sizeof command.name) == NULL || memchr(command.value, 0, sizeof command.value) == NULL ||
		strpbrk(command.value, "\033\n,") != NULL))
		__builtin_trap();
	if (code == 1) {
		fuzz_remove(name);
		send_again(&command);
	} else if (cvt_writer_next_command(writer, &command, &err) != 0) {
		__builtin_trap();        /* it was not removed */
	}
	return 0;
}
