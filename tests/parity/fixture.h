/* fixture.h - what PyTorch answered (gen_fixtures.py wrote it), and the weights and pictures that both sides make from one integer hash.
 *
 * The hash of number i of the array called `text`: FNV-1a of the text, plus i times 0x9e3779b1, mixed by two multiplications. */
#ifndef CVT_TEST_PARITY_FIXTURE_H
#define CVT_TEST_PARITY_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "nn/model.h"

struct fixture { char *data; size_t size; };

/* From fixtures/ beside the tests; fails the test where it is missing or damaged. */
struct fixture fixture_open(const char *name);
void fixture_close(struct fixture *f);
/* NULL: no such record. */
const float *fixture_find(const struct fixture *f, const char *name, int *ret_count);
float fixture_number(const struct fixture *f, const char *name);

void hash_uniform(const char *text, int64_t count, float *out);           /* [-1, 1) */
/* Weights and biases of conv and dense layers, as gen_fixtures.fill. */
void hash_weights(struct cvt_model *model, const char *seed);
/* Pictures [n, 3, size, size] and labels, as gen_fixtures.pictures. */
void hash_pictures(const char *seed, int first, int n, int size, float *out, int *labels);

#endif
