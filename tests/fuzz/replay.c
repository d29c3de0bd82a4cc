/* replay.c CORPUS...: runs a fuzz target over the files of its corpus, as TAP: a line a file. A crash ends the program, and so the test. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data;
	int code = 1;

	if (f == NULL)
		return 1;
	if (fstat(fileno(f), &st) == 0 && (data = malloc((size_t)st.st_size + 1)) != NULL) {
		if (fread(data, 1, (size_t)st.st_size, f) == (size_t)st.st_size) {
			LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
			code = 0;
		}
		free(data);
	}
	fclose(f);
	return code;
}

int main(int argc, char **argv)
{
	int n = 0, bad = 0;

	for (int i = 1; i < argc; i++) {
		struct dirent **names;
		int count = scandir(argv[i], &names, NULL, alphasort);

		for (int k = 0; k < count; k++) {
			char path[4096];

			snprintf(path, sizeof path, "%s/%s", argv[i], names[k]->d_name);
			if (names[k]->d_name[0] != '.') {
				int failed = run_file(path);

				bad += failed;
				printf("%s %d - %s\n", failed ? "not ok" : "ok", ++n, names[k]->d_name);
				fflush(stdout);
			}
			free(names[k]);
		}
		if (count >= 0)
			free(names);
	}
	printf("1..%d\n", n);
	return bad > 0 || n == 0;
}
