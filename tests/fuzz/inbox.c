/* inbox.c - a command file from anybody. It is taken, or removed and named; never taken twice. */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#include "fuzz.h"
#include "store/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cvt_writer *writer;
	struct cvt_inbox_command command;
	struct cvt_error err = {0};
	int code;

	if (writer == NULL) {
		fuzz_write("config.yaml", "epochs: 3\n", 10);
		if (cvt_writer_open(fuzz_folder(), &writer, &err) != CVT_OK) {
			fprintf(stderr, "inbox: %s\n", err.message);
			exit(2);
		}
	}
	fuzz_write("inbox/0123456789abc0123450000.cmd", data, size);
	code = cvt_writer_next_command(writer, &command, &err);
	if (code < 0)
		fuzz_check_error(&err);
	if (code == 1 && (memchr(command.name, 0, sizeof command.name) == NULL || memchr(command.value, 0, sizeof command.value) == NULL ||
		strpbrk(command.value, "\033\n,") != NULL))
		__builtin_trap();
	fuzz_remove("inbox/0123456789abc0123450000.cmd");
	return 0;
}
