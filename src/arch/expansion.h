/* expansion.h - the rule by which a CNN's feature maps grow from layer to layer.
 *
 * A rule is an integer expression in x, the number of maps that go in, in Python's or C's spelling:
 *   "x*2 if x < 20 else x + x//2"      "x < 20 ? x*2 : x + x/2"      "lambda x: x + 13"
 * Division rounds towards minus infinity, as Python's // does; % follows it. Python's meaning wherever Python accepts the text (chained
 * comparisons, and/or giving an operand, not, ** binding tighter than unary minus on its left); && || ! are C's words for and, or, not. */
#ifndef CVT_ARCH_EXPANSION_H
#define CVT_ARCH_EXPANSION_H

#include <stdint.h>

#include "convtui/error.h"

struct cvt_expansion;
/* On success *ret_rule is the caller's, to be freed with cvt_expansion_destroy(). On failure returns CVT_ERR_SYNTAX, *ret_rule is
 * untouched, and err->column (from 1, in bytes) is where reading stopped. At most 255 bytes and 64 levels of nesting. */
CVT_NODISCARD int cvt_expansion_parse(const char *text, struct cvt_expansion **ret_rule, struct cvt_error *err);
void cvt_expansion_destroy(struct cvt_expansion *rule);
/* The value at x. CVT_ERR_RANGE with a column: division by zero, overflow of 64 bits, a negative exponent; a result below 1 or above
 * 65,536. Only the branch taken is evaluated, as in Python. */
CVT_NODISCARD int cvt_expansion_apply(const struct cvt_expansion *rule, int64_t x, int64_t *ret_value, struct cvt_error *err);
/* The same without the bounds of maps: for tests against CPython. */
CVT_NODISCARD int cvt_expansion_value(const struct cvt_expansion *rule, int64_t x, int64_t *ret_value, struct cvt_error *err);

#endif
