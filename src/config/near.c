/* near.c - the word that was probably meant. */
#include <string.h>

#include "config/rows.h"

enum { LONGEST = 63 };

/* Levenshtein's distance, with a swap of neighbours counting once (Damerau's, restricted). */
static int distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	if (n > LONGEST || m > LONGEST)
		return LONGEST;
	int rows[3][LONGEST + 1];
	for (size_t j = 0; j <= m; j++)
		rows[0][j] = (int)j;
	for (size_t i = 1; i <= n; i++) {
		int *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		now[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			int best = last[j - 1] + (a[i - 1] != b[j - 1]);
			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return rows[n % 3][m];
}

const char *cvt_nearest(const char *word, const char *const *words, int n)
{
	const char *best = NULL;
	int best_distance = LONGEST;
	size_t length = strlen(word);
	for (int i = 0; i < n; i++) {
		int d = distance(word, words[i]);
		/* "learning" for "learning-rate": a beginning of three letters counts as near. */
		if (length >= 3 && d > 1 && !strncmp(word, words[i], length))
			d = 1;
		if (d < best_distance) {
			best_distance = d;
			best = words[i];
		}
	}
	int allowed = length <= 3 ? 1 : length <= 6 ? 2 : 3;
	return best_distance <= allowed ? best : NULL;
}
