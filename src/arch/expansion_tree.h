/* expansion_tree.h - what expansion.c (reads a rule) and expansion_value.c (computes it) share: the tree. */
#ifndef CVT_ARCH_EXPANSION_TREE_H
#define CVT_ARCH_EXPANSION_TREE_H

#include <stdint.h>

#include "arch/expansion.h"

enum expansion_kind {
	EXPANSION_NUMBER, EXPANSION_X, EXPANSION_NEGATE, EXPANSION_NOT, EXPANSION_ABS,
	EXPANSION_ADD, EXPANSION_SUBTRACT, EXPANSION_MULTIPLY, EXPANSION_DIVIDE, EXPANSION_MODULO, EXPANSION_POWER,
	EXPANSION_AND, EXPANSION_OR,
	EXPANSION_IF,                      /* a: condition, b: then, c: else */
	EXPANSION_COMPARE,                 /* a: first operand, b: first of the links */
	EXPANSION_LESS, EXPANSION_LESS_EQUAL, EXPANSION_GREATER, EXPANSION_GREATER_EQUAL, EXPANSION_EQUAL, EXPANSION_NOT_EQUAL,
	                                   /* links of a comparison. a: right operand, b: next link or -1 */
	EXPANSION_MIN, EXPANSION_MAX,      /* a: first argument */
	EXPANSION_ARGUMENT                 /* a: the value, b: next argument or -1 */
};
struct expansion_node {
	enum expansion_kind kind;
	int column;                        /* from 1: of the operator or value, for errors */
	int a, b, c;                       /* nodes, -1: none */
	int64_t number;
};
struct cvt_expansion {
	int root, n;
	struct expansion_node nodes[];
};

#endif
