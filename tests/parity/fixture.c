#include "fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"

enum { NAME = 56, HEADER = 64 };

struct fixture fixture_open(const char *name)
{
	struct fixture f = {0};
	struct cvt_error err = {0};
	char path[1024];
	const char *root = getenv("CVT_TESTS");
	snprintf(path, sizeof path, "%s/parity/fixtures/%s", root ? root : "tests", name);
	if (cvt_file_read(path, 64 << 20, &f.data, &f.size, &err))
		fail_msg("%s", err.message);
	return f;
}

void fixture_close(struct fixture *f)
{
	free(f->data);
}

const float *fixture_find(const struct fixture *f, const char *name, int *ret_count)
{
	for (size_t at = 0; at + HEADER <= f->size;) {
		uint32_t count;
		memcpy(&count, f->data + at + NAME + 4, sizeof count);
		if (count > (f->size - at - HEADER) / sizeof(float))
			fail_msg("the fixture is cut");
		if (strncmp(f->data + at, name, NAME) == 0) {
			*ret_count = (int)count;
			return (const float *)(f->data + at + HEADER);
		}
		at += HEADER + count * sizeof(float);
	}
	return NULL;
}

float fixture_number(const struct fixture *f, const char *name)
{
	int count;
	const float *v = fixture_find(f, name, &count);
	if (!v || count != 1)
		fail_msg("the fixture has no number %s", name);
	return *v;
}

static uint32_t hash_number(const char *text, uint32_t i)
{
	uint32_t h = 0x811c9dc5;
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x01000193u;
	h += i * 0x9e3779b1u;
	h = (h ^ h >> 16) * 0x7feb352du;
	h = (h ^ h >> 15) * 0x846ca68bu;
	return h ^ h >> 16;
}

void hash_uniform(const char *text, int64_t count, float *out)
{
	for (int64_t i = 0; i < count; i++)
		out[i] = (float)(hash_number(text, (uint32_t)i) >> 8) * 0x1p-23f - 1;
}

void hash_weights(struct cvt_model *model, const char *seed)
{
	for (int i = 0; i < model->graph.n_params; i++) {
		struct cvt_param *p = &model->graph.params[i];
		char text[96];
		if (p->init != CVT_INIT_UNIFORM_FAN_IN)
			continue;
		snprintf(text, sizeof text, "%s %s", seed, p->name);
		hash_uniform(text, p->count, p->value);
		for (int64_t k = 0; k < p->count; k++)
			p->value[k] *= (float)(1 / sqrt(p->fan_in));
	}
}

void hash_pictures(const char *seed, int first, int n, int size, float *out, int *labels)
{
	char text[64];
	for (int i = 0; i < n; i++) {
		int index = first + i;
		snprintf(text, sizeof text, "%s label", seed);
		int label = (int)(hash_number(text, (uint32_t)index) % 3);
		snprintf(text, sizeof text, "%s picture %d", seed, index);
		for (int k = 0; k < 3 * size * size; k++) {
			int y = k / size % size, x = k % size, phase = x * (label - 1) + y * (label % 2 + 1) + 5 * index;
			/* rounds down, as Python's // and % do */
			int band = (phase - ((phase % 4) + 4) % 4) / 4, stripe = ((band % 2) + 2) % 2 * 96;
			*out++ = (float)(stripe + (int)(hash_number(text, (uint32_t)k) % 160) - 128) / 64;
		}
		labels[i] = label;
	}
}
