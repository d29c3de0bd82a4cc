/* dump.c - a grid as plain text. */
#include <stdlib.h>

#include "term/dump.h"

static int dump(const struct grid *grid, bool meanings, char **ret_text)
{
	/* One letter a meaning, in the order of enum cell_meaning. */
	static const char letters[CELL_N_MEANINGS + 1] = ".SdbBTtkLlVOMGWEXCFPp";
	char *text = malloc(((size_t)grid->width * 4 + 1) * (size_t)grid->height + 1), *out = text;
	if (!text) {
		return CVT_ERR_MEMORY;
	}
	for (int y = 0; y < grid->height; y++) {
		char *end = out;
		for (int x = 0; x < grid->width; x++) {
			const struct cell *cell = &grid->cells[y * grid->width + x];
			if (meanings) {
				*out++ = letters[cell->meaning];
				end = out;
			} else if (cell->code) {
				out += text_encode(cell->code, out);
				end = cell->code == ' ' ? end : out;
			}
		}
		*end = '\n';
		out = end + 1;
	}
	*out = 0;
	*ret_text = text;
	return CVT_OK;
}

int dump_text(const struct grid *grid, char **ret_text)
{
	return dump(grid, false, ret_text);
}

int dump_meanings(const struct grid *grid, char **ret_text)
{
	return dump(grid, true, ret_text);
}
