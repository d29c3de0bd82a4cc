/* folders.h - data folders for tests: a fresh root for each, pictures put into it, and what opening them should say. */
#ifndef CVT_TESTS_DATA_FOLDERS_H
#define CVT_TESTS_DATA_FOLDERS_H

#include "convtui/dataset.h"

/* Setup and teardown of a test: a fresh folder that in_root names paths in. */
int make_root(void **state);
int remove_root(void **state);
const char *in_root(const char *name);
void put(const char *fixture, const char *name, int extra);
void put_text(const char *name, const char *text);
struct cvt_dataset_options options_of(const char *data);
struct cvt_dataset *open_data(const struct cvt_dataset_options *options);
void expect_error(const struct cvt_dataset_options *options, int code, const char *word);
void expect_bad(const struct cvt_dataset *dataset, const char *path, const char *word);
bool warned(const struct cvt_dataset *dataset, const char *word);
void make_classes(const char *below);

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

#endif
