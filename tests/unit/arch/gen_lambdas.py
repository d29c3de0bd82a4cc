#!/usr/bin/env python3
"""Writes lambdas.txt: random rules and what CPython makes of them at a few x.

    python3 gen_lambdas.py > lambdas.txt

A line is RULE TAB RESULT RESULT ...: one result for each x of XS; an integer, or the kind of error: z division by zero, o more than 64
bits in any step, n a negative exponent. A rule in C's spelling is evaluated as the Python that it stands for; / is evaluated as //."""
import ast
import random

XS = [1, 3, 7, 20, 64]
N = 5000
LOW, HIGH = -2**63, 2**63 - 1


class Over(Exception):
    pass


class Negative(Exception):
    pass


def checked(v):
    if not LOW <= v <= HIGH:
        raise Over
    return v


def power(a, b):
    if b < 0:
        raise Negative
    if abs(a) > 1 and b > 64:
        raise Over
    return checked(a ** b)


class Check(ast.NodeTransformer):
    """Wraps every step, so that one that leaves 64 bits is noticed; CPython still computes."""
    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow):
            return ast.Call(ast.Name("power", ast.Load()), [node.left, node.right], [])
        if isinstance(node.op, ast.Div):
            node.op = ast.FloorDiv()
        return ast.Call(ast.Name("checked", ast.Load()), [node], [])

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        return ast.Call(ast.Name("checked", ast.Load()), [node], []) if isinstance(node.op, ast.USub) else node

    def visit_Call(self, node):
        self.generic_visit(node)
        return ast.Call(ast.Name("checked", ast.Load()), [node], []) if node.func.id == "abs" else node


def result(code, name, x):
    try:
        return str(int(eval(code, {"checked": checked, "power": power, "min": min, "max": max, "abs": abs, name: x})))
    except ZeroDivisionError:
        return "z"
    except Over:
        return "o"
    except Negative:
        return "n"


class Rules:
    """The grammar, top down: each production gives (text here, text for CPython)."""
    def __init__(self, seed):
        self.r = random.Random(seed)

    def pick(self, *weighted):
        return self.r.choices([c for c, _ in weighted], [w for _, w in weighted])[0]

    def glue(self, a, op, b):
        s = self.pick(("", 1), (" ", 2))
        return (a[0] + s + op[0] + s + b[0], a[1] + " " + op[1] + " " + b[1])

    def expression(self, d):
        kind = self.pick(("or", 6), ("if", 2), ("c", 2)) if d > 0 else "or"
        if kind == "or":
            return self.logic(d)
        a, c, b = self.logic(d - 1), self.logic(d - 1), self.expression(d - 1)
        python = f"{a[1]} if {c[1]} else {b[1]}"
        if kind == "if":
            return (f"{a[0]} if {c[0]} else {b[0]}", python)
        return (f"{c[0]} ? {a[0]} : {b[0]}", python)

    def logic(self, d):
        left = self.both(d)
        while d > 0 and self.r.random() < 0.12:
            word = self.r.choice(["or", "||"])
            left = (f"{left[0]} {word} ", f"{left[1]} or ")
            right = self.both(d - 1)
            left = (left[0] + right[0], left[1] + right[1])
        return left

    def both(self, d):
        left = self.negation(d)
        while d > 0 and self.r.random() < 0.12:
            word, right = self.r.choice(["and", "&&"]), self.negation(d - 1)
            left = (f"{left[0]} {word} {right[0]}", f"{left[1]} and {right[1]}")
        return left

    def negation(self, d):
        if d > 0 and self.r.random() < 0.06:
            inner = self.negation(d - 1)
            return ("not " + inner[0], "not " + inner[1])
        return self.comparison(d)

    def comparison(self, d):
        left = self.sum(d)
        while d > 0 and self.r.random() < 0.2:
            op = self.r.choice(["<", "<=", ">", ">=", "==", "!="])
            left = self.glue(left, (op, op), self.sum(d - 1))
        return left

    def sum(self, d):
        left = self.term(d)
        while d > 0 and self.r.random() < 0.4:
            op = self.r.choice("+-")
            left = self.glue(left, (op, op), self.term(d - 1))
        return left

    def term(self, d):
        left = self.factor(d)
        while d > 0 and self.r.random() < 0.35:
            op = self.r.choice(["*", "*", "//", "%", "/"])
            left = self.glue(left, (op, op), self.factor(d - 1))
        return left

    def factor(self, d):
        kind = self.pick(("atom", 20), ("-", 3), ("+", 1), ("**", 3 if d > 0 else 0), ("!", 1 if d > 0 else 0))
        if kind == "atom":
            return self.atom(d)
        if kind == "**":
            a, b = self.atom(d - 1), self.factor(d - 1)
            return (a[0] + "**" + b[0], a[1] + "**" + b[1])
        inner = self.factor(d - 1)
        if kind == "!":
            return ("!" + inner[0], f"(not ({inner[1]}))")
        return (kind + inner[0], kind + inner[1])

    def atom(self, d):
        kind = self.pick(("x", 6), ("number", 6), ("(", 3 if d > 0 else 0), ("call", 2 if d > 0 else 0), ("bool", 0.3))
        if kind == "x":
            return ("x", "x")
        if kind == "number":
            n = self.r.choice([0, 1, 2, 3, 5, 6, 13, 20, 50, 100, 255, 1000, 65536, 2**31, 2**62 + 7])
            n = n if self.r.random() < 0.9 else self.r.randrange(10)
            text = self.pick((str(n), 20), (hex(n), 1), (f"{n:_}", 1))
            return (text, text)
        if kind == "bool":
            return self.r.choice([("True", "True"), ("False", "False")])
        if kind == "(":
            inner = self.expression(d - 1)
            return ("(" + inner[0] + ")", "(" + inner[1] + ")")
        name = self.r.choice(["min", "max", "abs"])
        args = [self.expression(d - 1) for _ in range(1 if name == "abs" else self.r.choice([2, 2, 3]))]
        return (name + "(" + ", ".join(a[0] for a in args) + ")", name + "(" + ", ".join(a[1] for a in args) + ")")


def main():
    rules, seen = Rules(20221022), set()
    while len(seen) < N:
        text, python = rules.expression(rules.r.choice([1, 2, 3]))
        name = rules.pick(("", 8), ("x", 1), ("maps", 1))
        if name:
            text, python = (t.replace("max", "MAX").replace("x", name).replace("MAX", "max") if name != "x" else t for t in (text, python))
            text = f"lambda {name}: {text}"
        if len(text) > 90 or text in seen or "0" + name in text:   # 0x... must not lose its x
            continue
        seen.add(text)
        tree = ast.fix_missing_locations(Check().visit(ast.parse(python.strip(), mode="eval")))
        code = compile(tree, "rule", "eval")
        print(text + "\t" + " ".join(result(code, name or "x", x) for x in XS))


main()
