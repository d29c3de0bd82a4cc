/* expansion_value.c - the value of a rule: Python's integers, as far as 64 bits reach. */
#include <stdbool.h>
#include <stddef.h>

#include "arch/expansion_tree.h"

enum { MAX_MAPS = 65536 };

struct evaluation { const struct expansion_node *nodes; int64_t x; struct cvt_error *err; int status; };

static int64_t value_of(struct evaluation *e, int index);

static int64_t fail(struct evaluation *e, const struct expansion_node *node, const char *what)
{
	if (e->status == CVT_OK)
		e->status = cvt_fail_at(e->err, CVT_ERR_RANGE, NULL, 0, node->column, "expansion at x = %lld: %s", (long long)e->x, what);
	return 0;
}

/* Towards minus infinity, and a remainder of the divisor's sign. */
static int64_t divide(struct evaluation *e, const struct expansion_node *node, int64_t a, int64_t b)
{
	if (b == 0)
		return fail(e, node, "division by zero");
	if (b == -1) {   /* INT64_MIN / -1 */
		int64_t negated;
		if (node->kind == EXPANSION_MODULO)
			return 0;
		return __builtin_sub_overflow((int64_t)0, a, &negated) ? fail(e, node, "more than 64 bits") : negated;
	}
	int64_t quotient = a / b, remainder = a % b;
	bool adjust = remainder && (remainder < 0) != (b < 0);
	if (node->kind == EXPANSION_MODULO)
		return adjust ? remainder + b : remainder;
	return adjust ? quotient - 1 : quotient;
}

/* By squaring; the square is only taken while there is a use for it, so that 1**(2**40) and (-1)**n do not overflow. */
static int64_t power(struct evaluation *e, const struct expansion_node *node, int64_t base, int64_t exponent)
{
	int64_t result = 1;
	if (exponent < 0)
		return fail(e, node, "a negative exponent gives no whole number");
	while (exponent > 0) {
		if ((exponent & 1) && __builtin_mul_overflow(result, base, &result))
			return fail(e, node, "more than 64 bits");
		exponent >>= 1;
		if (exponent && __builtin_mul_overflow(base, base, &base))
			return fail(e, node, "more than 64 bits");
	}
	return result;
}

static int64_t arithmetic(struct evaluation *e, const struct expansion_node *node)
{
	int64_t a = value_of(e, node->a), b = e->status == CVT_OK ? value_of(e, node->b) : 0, result = 0;
	if (e->status != CVT_OK)
		return 0;
	bool over = false;
	switch (node->kind) {
	case EXPANSION_ADD:
		over = __builtin_add_overflow(a, b, &result);
		break;
	case EXPANSION_SUBTRACT:
		over = __builtin_sub_overflow(a, b, &result);
		break;
	case EXPANSION_MULTIPLY:
		over = __builtin_mul_overflow(a, b, &result);
		break;
	case EXPANSION_POWER:
		return power(e, node, a, b);
	default:
		return divide(e, node, a, b);
	}
	return over ? fail(e, node, "more than 64 bits") : result;
}

static bool holds(enum expansion_kind kind, int64_t a, int64_t b)
{
	switch (kind) {
	case EXPANSION_LESS:
		return a < b;
	case EXPANSION_LESS_EQUAL:
		return a <= b;
	case EXPANSION_GREATER:
		return a > b;
	case EXPANSION_GREATER_EQUAL:
		return a >= b;
	case EXPANSION_EQUAL:
		return a == b;
	default:
		return a != b;
	}
}

/* a < b < c is a < b and b < c with b taken once; the rest is not looked at once a link fails. */
static int64_t compare(struct evaluation *e, const struct expansion_node *node)
{
	int64_t left = value_of(e, node->a);
	for (int link = node->b; link >= 0 && e->status == CVT_OK; link = e->nodes[link].b) {
		int64_t right = value_of(e, e->nodes[link].a);
		if (e->status != CVT_OK || !holds(e->nodes[link].kind, left, right))
			return 0;
		left = right;
	}
	return e->status == CVT_OK;
}

static int64_t extreme(struct evaluation *e, const struct expansion_node *node)
{
	const struct expansion_node *argument = &e->nodes[node->a];
	int64_t best = value_of(e, argument->a);
	while (argument->b >= 0 && e->status == CVT_OK) {
		argument = &e->nodes[argument->b];
		int64_t v = value_of(e, argument->a);
		if (node->kind == EXPANSION_MIN ? v < best : v > best)
			best = v;
	}
	return best;
}

static int64_t negate(struct evaluation *e, const struct expansion_node *node, int64_t v)
{
	int64_t result;
	return __builtin_sub_overflow((int64_t)0, v, &result) ? fail(e, node, "more than 64 bits") : result;
}

static int64_t value_of(struct evaluation *e, int index)
{
	const struct expansion_node *node = &e->nodes[index];
	int64_t v;
	switch (node->kind) {
	case EXPANSION_NUMBER:
		return node->number;
	case EXPANSION_X:
		return e->x;
	case EXPANSION_NEGATE:
		v = value_of(e, node->a);
		return negate(e, node, v);
	case EXPANSION_NOT:
		return !value_of(e, node->a);
	case EXPANSION_ABS:
		v = value_of(e, node->a);
		return v < 0 ? negate(e, node, v) : v;
	case EXPANSION_AND:
		v = value_of(e, node->a);
		return e->status == CVT_OK && v ? value_of(e, node->b) : v;
	case EXPANSION_OR:
		v = value_of(e, node->a);
		return e->status == CVT_OK && !v ? value_of(e, node->b) : v;
	case EXPANSION_IF:
		v = value_of(e, node->a);
		return e->status == CVT_OK ? value_of(e, v ? node->b : node->c) : 0;
	case EXPANSION_COMPARE:
		return compare(e, node);
	case EXPANSION_MIN:
	case EXPANSION_MAX:
		return extreme(e, node);
	default:
		return arithmetic(e, node);
	}
}

int cvt_expansion_value(const struct cvt_expansion *rule, int64_t x, int64_t *ret_value, struct cvt_error *err)
{
	struct evaluation e = {.nodes = rule->nodes, .x = x, .err = err};
	int64_t value = value_of(&e, rule->root);
	if (e.status == CVT_OK)
		*ret_value = value;
	return e.status;
}

int cvt_expansion_apply(const struct cvt_expansion *rule, int64_t x, int64_t *ret_value, struct cvt_error *err)
{
	int64_t value;
	int status = cvt_expansion_value(rule, x, &value, err);
	if (status != CVT_OK)
		return status;
	if (value < 1 || value > MAX_MAPS)
		return cvt_fail_at(err, CVT_ERR_RANGE, NULL, 0, rule->nodes[rule->root].column,
			"expansion at x = %lld: gives %lld maps, must be 1 to 65,536", (long long)x, (long long)value);
	*ret_value = value;
	return CVT_OK;
}
