/* expansion.c - reads a rule: tokens, then recursive descent in Python's precedence, into a tree in one allocation. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arch/expansion_tree.h"

enum { MAX_BYTES = 255, MAX_DEPTH = 64 };

enum token_kind { TOKEN_END, TOKEN_NUMBER, TOKEN_NAME, TOKEN_OPERATOR };
struct token { enum token_kind kind; const char *at; int length; int64_t number; };

struct parser {
	const char *text, *at;             /* at: where the next token is looked for */
	struct token token;                /* the one being looked at */
	const char *parameter; int parameter_length;
	struct cvt_expansion *rule;
	int depth;
	struct cvt_error *err;
	int status;                        /* the first error sticks; parsing then only returns */
};

static int parse_expression(struct parser *p);

static int column_of(const struct parser *p, const char *at)
{
	return (int)(at - p->text) + 1;
}

static int fail(struct parser *p, const char *at, const char *what)
{
	if (p->status == CVT_OK)
		p->status = cvt_fail_at(p->err, CVT_ERR_SYNTAX, NULL, 0, column_of(p, at), "expansion: %s", what);
	p->token = (struct token){TOKEN_END, at, 0, 0};
	return -1;
}

/* Not ctype.h: the locale has no say in what a rule means. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int digit_value(char c)
{
	return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Python's integers: 12, 1_000, 0x1f, 0o17, 0b11; no leading zeros but in 0, 00, ... */
static void read_number(struct parser *p)
{
	const char *start = p->at, *c = start;
	int base = 10, digits = 0;
	int64_t value = 0;
	if (*c == '0' && c[1] && strchr("xXoObB", c[1])) {
		base = strchr("xX", c[1]) ? 16 : strchr("oO", c[1]) ? 8 : 2;
		c += 2;
	}
	for (;; c++) {
		if (*c == '_' && (digits || base != 10) && digit_value(c[1]) < base)
			continue;
		if (digit_value(*c) >= base)
			break;
		if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, digit_value(*c), &value)) {
			fail(p, start, "a number of more than 64 bits");
			return;
		}
		digits++;
	}
	if (!digits || is_digit(*c) || *c == '_') {
		fail(p, start, "not a number");
		return;
	}
	if (*c == '.' || *c == 'e' || *c == 'E') {
		bool word = *c != '.' && !is_digit(c[1]) && c[1] != '+' && c[1] != '-';   /* "1else" */
		if (!word) {
			fail(p, start, "maps are whole numbers: write no fraction or exponent");
			return;
		}
	}
	if (base == 10 && *start == '0' && value) {
		fail(p, start, "a number must not start with 0");
		return;
	}
	p->token = (struct token){TOKEN_NUMBER, start, (int)(c - start), value};
	p->at = c;
}

static void advance(struct parser *p)
{
	static const char *const operators[] = {"**", "//", "<=", ">=", "==", "!=", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "!", "?",
		":", "(", ")", ",", NULL};
	if (p->status != CVT_OK)
		return;
	while (*p->at == ' ' || *p->at == '\t')
		p->at++;
	if (*p->at == '#')                  /* a comment, as in Python */
		p->at += strlen(p->at);
	p->token = (struct token){TOKEN_END, p->at, 0, 0};
	if (!*p->at)
		return;
	if (is_digit(*p->at)) {
		read_number(p);
		return;
	}
	if (is_letter(*p->at)) {
		const char *start = p->at;
		while (is_letter(*p->at) || is_digit(*p->at))
			p->at++;
		p->token = (struct token){TOKEN_NAME, start, (int)(p->at - start), 0};
		return;
	}
	for (int i = 0; operators[i]; i++) {
		size_t length = strlen(operators[i]);
		if (!strncmp(p->at, operators[i], length)) {
			p->token = (struct token){TOKEN_OPERATOR, p->at, (int)length, 0};
			p->at += length;
			return;
		}
	}
	fail(p, p->at, *p->at == '=' ? "= is not known here: comparison is ==" : "a character that no rule has: see + - * // % ** min max abs if else");
}

static bool spells(const struct token *token, const char *text)
{
	return token->length == (int)strlen(text) && !strncmp(token->at, text, (size_t)token->length)
		&& (token->kind == TOKEN_OPERATOR || token->kind == TOKEN_NAME);
}

static bool accept(struct parser *p, const char *text)
{
	if (!spells(&p->token, text))
		return false;
	advance(p);
	return p->status == CVT_OK;
}

static int add(struct parser *p, enum expansion_kind kind, const char *at, int a, int b, int c)
{
	if (p->status != CVT_OK)
		return -1;
	struct cvt_expansion *rule = p->rule;
	rule->nodes[rule->n] = (struct expansion_node){.kind = kind, .column = column_of(p, at), .a = a, .b = b, .c = c};
	return rule->n++;
}

static int add_number(struct parser *p, const char *at, int64_t number)
{
	int node = add(p, EXPANSION_NUMBER, at, -1, -1, -1);
	if (node >= 0)
		p->rule->nodes[node].number = number;
	return node;
}

static bool enter(struct parser *p)
{
	if (++p->depth <= MAX_DEPTH)
		return true;
	fail(p, p->token.at, "nested more than 64 levels deep");
	return false;
}

/* min(a, b, ...), max(...), abs(a); the name has been read. */
static int parse_call(struct parser *p, const struct token *name)
{
	bool absolute = spells(name, "abs");
	int first = -1, last = -1, n = 0;
	if (!accept(p, "("))
		return fail(p, p->token.at, "( expected after min, max or abs");
	while (!spells(&p->token, ")")) {
		const char *at = p->token.at;
		int argument = add(p, EXPANSION_ARGUMENT, at, parse_expression(p), -1, -1);
		if (argument < 0)
			return -1;
		if (last >= 0)
			p->rule->nodes[last].b = argument;
		else
			first = argument;
		last = argument;
		n++;
		if (!accept(p, ","))
			break;
	}
	if (!spells(&p->token, ")"))
		return fail(p, p->token.at, "a ) is missing");
	if (absolute ? n != 1 : n < 2)
		return fail(p, name->at, absolute ? "abs takes one value" : "min and max take two values or more");
	advance(p);
	if (absolute)
		return add(p, EXPANSION_ABS, name->at, p->rule->nodes[first].a, -1, -1);
	return add(p, spells(name, "min") ? EXPANSION_MIN : EXPANSION_MAX, name->at, first, -1, -1);
}

static bool is_keyword(const struct token *token)
{
	static const char *const words[] = {"and", "or", "not", "if", "else", "lambda", "True", "False", "None", "in", "is", "for", "while",
		"def", "return", "class", "import", "from", "as", "with", "try", "except", "finally", "raise", "pass", "break", "continue", "del",
		"global", "nonlocal", "assert", "yield", "await", "async", "elif", NULL};
	for (int i = 0; words[i]; i++)
		if (spells(token, words[i]))
			return true;
	return false;
}

static int parse_name(struct parser *p)
{
	struct token name = p->token;
	if (name.length == p->parameter_length && !strncmp(name.at, p->parameter, (size_t)name.length)) {
		advance(p);
		return add(p, EXPANSION_X, name.at, -1, -1, -1);
	}
	if (spells(&name, "True") || spells(&name, "False")) {
		advance(p);
		return add_number(p, name.at, *name.at == 'T');
	}
	if (spells(&name, "min") || spells(&name, "max") || spells(&name, "abs")) {
		advance(p);
		return parse_call(p, &name);
	}
	return fail(p, name.at, is_keyword(&name) ? "a value is missing before this word" : "an unknown name: a rule is a function of x");
}

static int parse_atom(struct parser *p)
{
	struct token token = p->token;
	if (token.kind == TOKEN_NUMBER) {
		advance(p);
		return add_number(p, token.at, token.number);
	}
	if (token.kind == TOKEN_NAME)
		return parse_name(p);
	if (accept(p, "(")) {
		int inside = parse_expression(p);
		if (p->status == CVT_OK && !spells(&p->token, ")"))
			return fail(p, p->token.at, "a ) is missing");
		advance(p);
		return inside;
	}
	if (token.kind == TOKEN_END)
		return fail(p, token.at, column_of(p, token.at) == 1 ? "is empty: give a rule such as x + 13" : "the rule ends too early");
	return fail(p, token.at, "a value is missing here");
}

/* factor: (+ | - | !) factor | atom [** factor]: the power binds tighter than a sign on its left, looser than one on its right. */
static int parse_factor(struct parser *p)
{
	if (p->status != CVT_OK || !enter(p))
		return -1;
	const char *at = p->token.at;
	int node;
	if (accept(p, "+")) {
		node = parse_factor(p);
	} else if (accept(p, "-")) {
		node = add(p, EXPANSION_NEGATE, at, parse_factor(p), -1, -1);
	} else if (accept(p, "!")) {
		node = add(p, EXPANSION_NOT, at, parse_factor(p), -1, -1);
	} else {
		node = parse_atom(p);
		at = p->token.at;
		if (accept(p, "**"))
			node = add(p, EXPANSION_POWER, at, node, parse_factor(p), -1);
	}
	p->depth--;
	return node;
}

static int parse_term(struct parser *p)
{
	int left = parse_factor(p);
	while (p->status == CVT_OK) {
		const char *at = p->token.at;
		enum expansion_kind kind;
		if (accept(p, "*"))
			kind = EXPANSION_MULTIPLY;
		else if (accept(p, "//") || accept(p, "/"))
			kind = EXPANSION_DIVIDE;
		else if (accept(p, "%"))
			kind = EXPANSION_MODULO;
		else
			break;
		left = add(p, kind, at, left, parse_factor(p), -1);
	}
	return left;
}

static int parse_sum(struct parser *p)
{
	int left = parse_term(p);
	while (p->status == CVT_OK) {
		const char *at = p->token.at;
		enum expansion_kind kind;
		if (accept(p, "+"))
			kind = EXPANSION_ADD;
		else if (accept(p, "-"))
			kind = EXPANSION_SUBTRACT;
		else
			break;
		left = add(p, kind, at, left, parse_term(p), -1);
	}
	return left;
}

static int parse_comparison(struct parser *p)
{
	static const char *const spellings[] = {"<", "<=", ">", ">=", "==", "!="};
	int first = parse_sum(p), head = -1, last = -1;
	while (p->status == CVT_OK) {
		const char *at = p->token.at;
		int which = 0;
		while (which < 6 && !spells(&p->token, spellings[which]))
			which++;
		if (which == 6)
			break;
		advance(p);
		int link = add(p, (enum expansion_kind)(EXPANSION_LESS + which), at, parse_sum(p), -1, -1);
		if (link < 0)
			return -1;
		if (last >= 0)
			p->rule->nodes[last].b = link;
		else
			head = add(p, EXPANSION_COMPARE, at, first, link, -1);
		last = link;
	}
	return head >= 0 ? head : first;
}

static int parse_not(struct parser *p)
{
	if (p->status != CVT_OK || !enter(p))
		return -1;
	const char *at = p->token.at;
	int node = accept(p, "not") ? add(p, EXPANSION_NOT, at, parse_not(p), -1, -1) : parse_comparison(p);
	p->depth--;
	return node;
}

static int parse_and(struct parser *p)
{
	int left = parse_not(p);
	while (p->status == CVT_OK) {
		const char *at = p->token.at;
		if (!accept(p, "and") && !accept(p, "&&"))
			break;
		left = add(p, EXPANSION_AND, at, left, parse_not(p), -1);
	}
	return left;
}

static int parse_or(struct parser *p)
{
	int left = parse_and(p);
	while (p->status == CVT_OK) {
		const char *at = p->token.at;
		if (!accept(p, "or") && !accept(p, "||"))
			break;
		left = add(p, EXPANSION_OR, at, left, parse_and(p), -1);
	}
	return left;
}

/* expression: or [if or else expression] | or ? expression : expression */
static int parse_expression(struct parser *p)
{
	if (p->status != CVT_OK || !enter(p))
		return -1;
	int node = parse_or(p);
	const char *at = p->token.at;
	if (accept(p, "if")) {
		int then = node, condition = parse_or(p);
		if (p->status == CVT_OK && !accept(p, "else"))
			fail(p, p->token.at, "else is missing");
		node = add(p, EXPANSION_IF, at, condition, then, parse_expression(p));
	} else if (accept(p, "?")) {
		int condition = node, then = parse_expression(p);
		if (p->status == CVT_OK && !accept(p, ":"))
			fail(p, p->token.at, "the : of ? : is missing");
		node = add(p, EXPANSION_IF, at, condition, then, parse_expression(p));
	}
	p->depth--;
	return node;
}

/* "lambda x:" with any name for x. */
static void parse_prefix(struct parser *p)
{
	p->parameter = "x";
	p->parameter_length = 1;
	if (!accept(p, "lambda"))
		return;
	struct token name = p->token;
	if (name.kind != TOKEN_NAME || is_keyword(&name)) {
		fail(p, name.at, "a name is missing after lambda");
		return;
	}
	p->parameter = name.at;
	p->parameter_length = name.length;
	advance(p);
	if (!accept(p, ":"))
		fail(p, p->token.at, "the : after lambda and its one name is missing");
}

int cvt_expansion_parse(const char *text, struct cvt_expansion **ret_rule, struct cvt_error *err)
{
	size_t length = strnlen(text, MAX_BYTES + 1);
	if (length > MAX_BYTES)
		return cvt_fail_at(err, CVT_ERR_SYNTAX, NULL, 0, MAX_BYTES + 1, "expansion: longer than 255 bytes");
	/* A token adds at most two nodes: a comparison's operator its link and its head, an argument's value its own and the list's. */
	struct cvt_expansion *rule = calloc(1, sizeof *rule + sizeof *rule->nodes * (2 * length + 2));
	if (!rule)
		return cvt_fail(err, CVT_ERR_MEMORY, "expansion: no memory to read the rule");
	struct parser p = {.text = text, .at = text, .rule = rule, .err = err};
	advance(&p);
	parse_prefix(&p);
	rule->root = parse_expression(&p);
	if (p.status == CVT_OK && p.token.kind != TOKEN_END)
		fail(&p, p.token.at, "an operator is missing before this, or it is too much");
	if (p.status != CVT_OK) {
		free(rule);
		return p.status;
	}
	*ret_rule = rule;
	return CVT_OK;
}

void cvt_expansion_destroy(struct cvt_expansion *rule)
{
	free(rule);
}
