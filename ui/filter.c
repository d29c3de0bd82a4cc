/* filter.c - which runs a line of text selects. */
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convtui/text.h"
#include "filter.h"

enum { MAX_TERMS = 64, MAX_WORD = 256 };
enum term_kind { TERM_WORD, TERM_FIELD, TERM_REGEX, TERM_NUMBER };
enum compare { LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL };

struct term {
	enum term_kind kind;
	bool negated;
	bool or_next;                /* the next term is another way to fit this one */
	char word[MAX_WORD];         /* WORD, FIELD: what is looked for */
	int key;                     /* FIELD: of text_keys; NUMBER: of number_keys */
	enum compare compare;
	double number;
	regex_t regex;
};
struct ui_filter { int n; struct term terms[MAX_TERMS]; };

static const char *const text_keys[] = {"run", "network", "state", "arch", "reason"};
static const char *const number_keys[] = {"lr", "batch", "epochs", "epoch", "parameters", "loss", "train", "val", "val-loss", "best", "seconds",
	"speed", "threads"};

static double number_of(const struct cvt_run *run, int key)
{
	const struct cvt_live *l = &run->live;
	const double values[] = {l->lr, l->batch_size, l->epochs, l->epoch, (double)l->parameters, l->loss, l->train_accuracy, l->val_accuracy,
		l->val_loss, l->best_val_accuracy, l->seconds, l->images_per_second, l->threads};
	return values[key];
}

const char *ui_filter_arch(const char *network)
{
	static const char *const vggs[] = {"vgg-a", "vgg-b", "vgg-c", "vgg-d", "vgg-e"};
	size_t length = strlen(network);
	if (!strncmp(network, "VGG-", 4)) {
		char last = network[length - 1];
		return last >= 'A' && last <= 'E' ? vggs[last - 'A'] : "vgg";
	}
	return !strncmp(network, "GoogLeNet", 9) ? "googlenet" : *network ? "cnn" : "";
}

static const char *text_of(const struct cvt_run *run, int key)
{
	switch (key) {
	case 0:
		return run->name;
	case 1:
		return run->live.network;
	case 2:
		return cvt_state_name(run->live.state);
	case 3:
		return ui_filter_arch(run->live.network);
	default:
		return run->live.reason;
	}
}

static bool compares(enum compare compare, double a, double b)
{
	switch (compare) {
	case LESS:
		return a < b;
	case LESS_EQUAL:
		return a <= b;
	case GREATER:
		return a > b;
	case GREATER_EQUAL:
		return a >= b;
	case EQUAL:
		return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));   /* as typed: 0.0035, 93.684 */
	default:
		return !isnan(a) && fabs(a - b) > 1e-9 * fmax(fabs(a), fabs(b));
	}
}

static bool term_fits(const struct term *t, const struct cvt_run *run)
{
	bool fits = false;
	if (t->kind == TERM_NUMBER)
		fits = compares(t->compare, number_of(run, t->key), t->number);
	else if (t->kind == TERM_FIELD)
		fits = strcasestr(text_of(run, t->key), t->word);
	for (int key = 0; key < 3 && !fits && t->kind != TERM_NUMBER && t->kind != TERM_FIELD; key++)
		fits = t->kind == TERM_WORD ? strcasestr(text_of(run, key), t->word) != NULL
			: regexec(&t->regex, text_of(run, key), 0, NULL, 0) == 0;
	return fits != t->negated;
}

bool ui_filter_fits(const struct ui_filter *filter, const struct cvt_run *run)
{
	bool any = false;
	for (int i = 0; i < filter->n; i++) {
		any = any || term_fits(&filter->terms[i], run);
		if (filter->terms[i].or_next)
			continue;
		if (!any)
			return false;
		any = false;
	}
	return true;
}

static bool number_term(struct term *t, char *message, size_t size)
{
	size_t length = strcspn(t->word, "<>=!");
	const char *op = t->word + length;
	char key[32];
	if (!*op || !length || length >= sizeof key || (*op == '!' && op[1] != '='))
		return true;                /* a plain word */
	memcpy(key, t->word, length);
	key[length] = 0;
	for (size_t i = 0; i < sizeof number_keys / sizeof *number_keys; i++) {
		if (strcmp(number_keys[i], key))
			continue;
		bool equal = op[1] == '=';
		const char *number = op + 1 + equal;
		t->compare = *op == '<' ? (equal ? LESS_EQUAL : LESS) : *op == '>' ? (equal ? GREATER_EQUAL : GREATER)
			: *op == '=' ? EQUAL : NOT_EQUAL;
		t->kind = TERM_NUMBER;
		t->key = (int)i;
		if (cvt_text_to_double(number, &t->number))
			return true;
		snprintf(message, size, "filter %s: '%s' is not a number", t->word, number);
		return false;
	}
	snprintf(message, size, "filter %s: no number '%s': lr batch epochs epoch parameters loss train val val-loss best seconds speed threads",
		t->word, key);
	return false;
}

/* KEY:TEXT of a key that there is; of another it is refused, as a number's is, or a slip would look like "no run". A word that only begins or
 * ends in a colon stands in a label, "FM total:", and is a word. */
static bool field_term(struct term *t, char *message, size_t size)
{
	for (size_t i = 0; i < sizeof text_keys / sizeof *text_keys; i++) {
		size_t length = strlen(text_keys[i]);
		if (!strncmp(t->word, text_keys[i], length) && t->word[length] == ':') {
			t->kind = TERM_FIELD;
			t->key = (int)i;
			memmove(t->word, t->word + length + 1, strlen(t->word) - length);
			return true;
		}
	}
	const char *colon = strchr(t->word, ':');
	if (!colon || colon == t->word || !colon[1])
		return true;
	snprintf(message, size, "filter %s: no field '%.*s': run network state arch reason", t->word, (int)(colon - t->word), t->word);
	return false;
}

/* Reads one term at *at; false: message says what is wrong. */
static bool read_term(struct term *t, const char **at, char *message, size_t size)
{
	const char *c = *at;
	while (*c == '!') {
		t->negated = !t->negated;
		c++;
	}
	bool regex = *c == '/';
	const char *end = regex ? strchr(c + 1, '/') : c + strcspn(c, " |");
	if (!end)
		end = c + strlen(c);           /* while it is typed, the last / is not there yet */
	size_t length = (size_t)(end - c) - regex;
	if (length >= MAX_WORD) {
		snprintf(message, size, "filter: a word of more than 255 bytes");
		return false;
	}
	memcpy(t->word, c + regex, length);
	t->word[length] = 0;
	*at = end + (regex && *end == '/');
	if (!regex) {
		return field_term(t, message, size) && (t->kind == TERM_FIELD || number_term(t, message, size));
	}
	int status = regcomp(&t->regex, t->word, REG_EXTENDED | REG_ICASE | REG_NOSUB);
	if (status) {
		char why[128];
		regerror(status, &t->regex, why, sizeof why);
		snprintf(message, size, "filter /%s/: %s", t->word, why);
		return false;
	}
	t->kind = TERM_REGEX;
	return true;
}

struct ui_filter *ui_filter_create(const char *text, char *message, size_t size)
{
	struct ui_filter *filter = calloc(1, sizeof *filter);
	if (!filter) {
		snprintf(message, size, "filter: no memory");
		return NULL;
	}
	for (const char *c = text;;) {
		while (*c == ' ' || (*c == '|' && filter->n == 0))
			c++;
		if (*c == '|' ) {                /* `a | b` is `a|b` */
			filter->terms[filter->n - 1].or_next = true;
			c++;
			continue;
		}
		if (!*c)
			break;
		if (filter->n == MAX_TERMS) {
			snprintf(message, size, "filter: more than 64 words");
			goto fail;
		}
		if (!read_term(&filter->terms[filter->n], &c, message, size))
			goto fail;
		filter->n++;
	}
	if (filter->n)
		filter->terms[filter->n - 1].or_next = false;   /* `a|` while it is typed */
	return filter;
fail:
	ui_filter_destroy(filter);
	return NULL;
}

void ui_filter_destroy(struct ui_filter *filter)
{
	for (int i = 0; filter && i < filter->n; i++)
		if (filter->terms[i].kind == TERM_REGEX)
			regfree(&filter->terms[i].regex);
	free(filter);
}
