/* fuzz.c - see fuzz.h. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "convtui/error.h"

static char folder[64];

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	if (system(command) != 0)
		fprintf(stderr, "%s is left\n", folder);
}

const char *fuzz_folder(void)
{
	if (folder[0] == 0) {
		snprintf(folder, sizeof folder, "%s/convtui-fuzz.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		if (mkdtemp(folder) == NULL || atexit(remove_folder) != 0) {
			perror("fuzz: a folder");
			exit(2);
		}
	}
	return folder;
}

static void path_of(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", fuzz_folder(), name);
}

void fuzz_write(const char *name, const void *data, size_t size)
{
	char path[256];
	FILE *f;

	path_of(path, sizeof path, name);
	f = fopen(path, "w");
	if (f == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0) {
		perror("fuzz: a file");
		exit(2);
	}
}

void fuzz_remove(const char *name)
{
	char path[256];

	path_of(path, sizeof path, name);
	unlink(path);
}

void fuzz_check_error(const struct cvt_error *err)
{
	if (err->code >= 0 || err->message[0] == 0 || memchr(err->message, 0, sizeof err->message) == NULL)
		abort();
	for (const char *p = err->message; *p != 0; p++)
		if ((unsigned char)*p < 32 || *p == 127)
			abort();
}
