"""The identities that `rebuild` knows, one a line.

Exact ones hold for all values, inf and nan included, up to the sign of a zero that an operand has (`-(x - y)` is not
`y - x`: equal numbers have differences of either sign, and arctan2 tells them apart); and a rewrite is used only where
shape and dtype stay the same. `x*0`, `x/x`, `log(exp(x))`, `sqrt(x**2)` change values or domains and are not among them.
`mulz` is the product that is zero wherever its first factor is. `c` and `d` are constants of one value, `p` is a power
of two: factors of it are exact, as long as nothing leaves the range of normal numbers.
"""

import ast

EXACT = """
x + 0              -> x
0 + x              -> x
x - 0              -> x
x * 1              -> x
1 * x              -> x
x / 1              -> x
x * -1             -> -x
-1 * x             -> -x
x / -1             -> -x
-(-x)              -> x
x + (-y)           -> x - y
(-x) + y           -> y - x
x - (-y)           -> x + y
(-x) * (-y)        -> x * y
(-x) / (-y)        -> x / y
mulz(1, x)         -> x
mulz(x, 1)         -> x
mulz(x, -1)        -> -x
mulz(-1, x)        -> -x
c * (-x)           -> -c * x
(-x) * c           -> x * -c
(-x) / c           -> x / -c
p * (c * x)        -> (p * c) * x
p * (x * c)        -> (p * c) * x
(c * x) * p        -> (p * c) * x
(x * c) * p        -> x * (p * c)
c * (p * x)        -> (p * c) * x
c * (x * p)        -> (p * c) * x
(p * x) * c        -> (p * c) * x
(x * p) * c        -> x * (p * c)
mulz(p * x, y)     -> p * mulz(x, y)
mulz(x, p * y)     -> p * mulz(x, y)
p * x + p * y      -> p * (x + y)
p * x - p * y      -> p * (x - y)
p * x + -p * y     -> p * (x - y)
p * x - -p * y     -> p * (x + y)
x * c              -> c * x
x / p              -> x * reciprocal(p)
mulz(0, x)         -> 0
mulz(-x, -y)       -> mulz(x, y)
mulz(-x, y)        -> -mulz(x, y)
mulz(x, -y)        -> -mulz(x, y)
x * x              -> square(x)
square(-x)         -> square(x)
square(abs(x))     -> square(x)
abs(-x)            -> abs(x)
abs(abs(x))        -> abs(x)
cos(-x)            -> cos(x)
1 / x              -> reciprocal(x)
where(m, x, x)     -> x
maximum(x, x)      -> x
minimum(x, x)      -> x
positive(x)        -> x
"""

# Exact too, but a loss where the inner operation is needed for something else.
SINGLE = """
-(c * x)           -> -c * x
-(x * c)           -> x * -c
-(x / c)           -> x / -c
"""

# What changes rounding, but no domain: asked for by name.
AGGRESSIVE = """
(x + c) + d        -> x + (c + d)
c * (d * x)        -> (c * d) * x
c * (x * d)        -> (c * d) * x
(x * c) * d        -> x * (c * d)
x / c              -> x * reciprocal(c)
x * y + x * z      -> x * (y + z)
exp(x) * exp(y)    -> exp(x + y)
"""

CONSTANTS = frozenset("cdp")

_NAMES = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.USub: "negative",
}


def _term(e, constants):
    """A term: ("number", value), ("any", name), ("constant", name), or (primitive, *terms)."""
    match e:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=v)):
            return ("number", -float(v))
        case ast.Constant(value=v):
            return ("number", float(v))
        case ast.Name(id=name):
            return ("constant" if name in constants else "any", name)
        case ast.BinOp(left=a, op=op, right=b):
            return (_NAMES[type(op)], _term(a, constants), _term(b, constants))
        case ast.UnaryOp(op=op, operand=a):
            return (_NAMES[type(op)], _term(a, constants))
        case ast.Call(func=ast.Name(id=name), args=args):
            return (name, *(_term(a, constants) for a in args))
    raise ValueError(f"a rule has a term that is not understood: {ast.unparse(e)}")


def read(text, constants=frozenset()):
    """Rules by the primitive at their head: lists of (left terms, right term, line)."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        left, right = (_term(ast.parse(s.strip(), mode="eval").body, constants) for s in line.split("->"))
        if left != right:
            found.setdefault(left[0], []).append((left[1:], right, " ".join(line.split())))
    return found


exact = read(EXACT, CONSTANTS)
single = read(SINGLE, CONSTANTS)
aggressive = read(AGGRESSIVE, CONSTANTS)
