/* fuzz.h - one target a file: LLVMFuzzerTestOneInput takes bytes and must survive them. Under clang's libFuzzer (`./dev fuzz`) it looks for
 * bytes that do harm; linked with replay.c (`./dev test`) it runs the corpus, which holds every finding so far. */
#ifndef CVT_TESTS_FUZZ_H
#define CVT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A folder of the target's own, in memory where there is such a place; made on first use, emptied by fuzz_clean, removed at exit. */
const char *fuzz_folder(void);
/* Writes folder/name; ends the program when that is not possible (a broken machine, not a finding). */
void fuzz_write(const char *name, const void *data, size_t size);
void fuzz_remove(const char *name);
/* An error must be one clean line. Aborts otherwise: that is a finding. */
struct cvt_error;
void fuzz_check_error(const struct cvt_error *err);

#endif
