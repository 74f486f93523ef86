"""Rebuild a graph through one smart constructor: fold, simplify, share; dead operations drop out.

Levels: "none" only drops what no output needs; "basic" folds constants and shares equal operations; "standard" also
uses the exact identities of rules.py and those of views below; "aggressive" adds identities that change rounding.
"""

import math
import operator
from collections import Counter

import numpy as np

from scirs_ad._compiler import rules
from scirs_ad._compiler.contract import contracted
from scirs_ad._compiler.graph import NUMBERS, FlatGraph, Op
from scirs_ad._compiler.matrices import TABLE, share_factors
from scirs_ad._core.core import PRIMITIVES, Elementwise, Key, Spec, bind, spec_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._ops.gather import scatter

__all__ = ["LEVELS", "Builder", "drop_dead", "rebuild", "reshaped", "uniform_value"]

LEVELS = ("none", "basic", "standard", "aggressive")

FOLD_BYTES = 1 << 22  # results of folding that are larger are left to be computed: a program should stay small
ANY = "any constant"
SHARE_BYTES = 1 << 12  # constants are compared by value up to this size, by identity beyond


def uniform_value(value):
    """The one number that all elements of a constant are, as a Python number; None if they differ."""
    if isinstance(value, NUMBERS):
        return value
    if value.dtype.kind not in "fiub" or value.size == 0:
        return None
    first = value[(0,) * value.ndim]
    if value.size > 1 and any(value.strides):
        if value[(-1,) * value.ndim] != first or not (value == first).all():
            return None
    elif first != first:
        return float(first)
    return first.item()


def _guarded(*tables):
    """Rules by head, and there by what is quick to know about one argument: of a product there are thirty rules.

    A key is a place and what stands there: the name of a primitive, a number, or ANY constant; None is for rules that
    ask for nothing. Each rule has its place in the order, what is quick to test about each argument, and the rest.
    """
    found = {}
    for table in (*tables, rules.single):
        alone = table is rules.single
        for head, lines in table.items():
            for left, right, line in lines:
                guards = []
                for k, term in enumerate(left):
                    if term[0] == "number":
                        guards.append((k, None, term[1]))
                    elif term[0] == "constant":
                        guards.append((k, ANY, 0.0))
                    elif term[0] != "any":
                        guards.append((k, term[0], 0.0))
                rules_of = found.setdefault(head, {})
                key = None
                if guards:
                    k, name, number = guards[0]
                    key = k, number if name is None else name
                count = sum(map(len, rules_of.values()))
                rules_of.setdefault(key, []).append((count, tuple(guards), alone, left, right, line))
    return found


_place = operator.itemgetter(0)
_TABLES = _guarded(rules.exact), _guarded(rules.exact, rules.aggressive)


class Builder:
    """Values and operations made so far; `emit` is the smart constructor."""

    def __init__(self, level):
        self.level = LEVELS.index(level)
        self.specs, self.ops, self.constants = [], [], {}
        self.maker = []  # per value the Op that makes it, or None
        self.heads = []  # and the name of its primitive
        self.memo, self.uniform = {}, {}
        self.uses = {}  # how often the graph that is rebuilt reads a value
        self.report = Counter()
        self.rules = {}
        if self.level >= 2:
            self.rules = _TABLES[self.level >= 3]

    def value(self, spec, maker=None):
        self.specs.append(spec)
        self.maker.append(maker)
        self.heads.append(maker.primitive.name if maker is not None else "")
        return len(self.specs) - 1

    def constant(self, value):
        """The value that stands for a constant: equal small ones are one."""
        if isinstance(value, NUMBERS):
            key = type(value), repr(value)
        elif value.nbytes <= SHARE_BYTES:
            key = value.shape, value.dtype.str, any(value.strides), value.tobytes()
        elif not any(value.strides):
            key = value.shape, value.dtype.str, value[(0,) * value.ndim].tobytes()
        else:
            key = id(value)
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = self.value(spec_of(value))
            self.constants[found] = value
            number = uniform_value(value)
            if number is not None:
                self.uniform[found] = number
        return found

    # -------------------------------------------------------------------------------- the smart constructor
    def emit(self, p, params, ins, specs):
        """The values that `p` makes of `ins`; `specs` are those of its results."""
        if self.level:
            constants = self.constants
            if isinstance(p, Elementwise) and specs[0].dtype.kind == "f":
                ins = self.numbers(ins, specs[0])
            for v in ins:
                if v not in constants or p is scatter:  # a scatter is better added to others than known
                    break
            else:
                folded = self.fold(p, params, ins, specs)
                if folded is not None:
                    self.report["folded"] += 1
                    return folded
            if self.level >= 2 and len(specs) == 1:
                found = self.simplify(p, params, ins, specs[0])
                if found is not None:
                    return (found,)
            key = _key(p, params, ins)
            known = self.memo.get(key) if key is not None else None
            if known is not None:
                self.report["shared"] += 1
                return known
        op = Op(p, params, ins, None)
        op.outputs = tuple([self.value(s, op) for s in specs])
        self.ops.append(op)
        if self.level and key is not None:
            self.memo[key] = op.outputs
        return op.outputs

    def apply(self, p, *ins, params=None):
        """`emit` for a rule: the Specs follow from the primitive."""
        args = [self.constants[v] if isinstance(self.constants.get(v), NUMBERS) else self.specs[v] for v in ins]
        if all(isinstance(a, NUMBERS) for a in args):
            args[0] = spec_of(args[0])
        spec = bind(p, tuple(args), params)
        return self.emit(p, params, ins, (spec,))[0]

    def numbers(self, ins, spec):
        """Constants of one value as Python numbers, where that changes neither shape nor dtype: so equal ones are one."""
        for v in ins:
            if v in self.uniform and not isinstance(self.constants[v], NUMBERS):
                break
        else:
            return ins
        found = [v for v in ins if v in self.uniform and not isinstance(self.constants[v], NUMBERS)]
        if not any(v not in self.constants and self.specs[v] == spec for v in ins):
            return ins
        return tuple([
            self.constant(float(self.uniform[v])) if v in found and self.specs[v].dtype == spec.dtype else v for v in ins
        ])  # fmt: skip

    def fold(self, p, params, ins, specs):
        """The results on constants; None where they would be large, or where computing them fails."""
        values = [self.constants[v] for v in ins]
        splat = isinstance(p, Elementwise) and all(v in self.uniform for v in ins)
        if not splat and sum(_bytes(s) for s in specs) > FOLD_BYTES:
            return None
        if splat:
            values = [v if isinstance(v, NUMBERS) else v[(0,) * v.ndim] for v in values]
        with np.errstate(all="ignore"):
            try:
                out = bind(p, tuple(values), params)
            except (ArithmeticError, LookupError, MemoryError, ValueError):  # as in eager mode: when it is run
                return None
        found = []
        for y, s in zip(out if type(out) is tuple else (out,), specs, strict=True):
            y = np.asarray(y)
            if y.dtype != s.dtype:
                return None
            if splat:
                y = np.broadcast_to(y, s.shape)
            if y.shape != s.shape:
                return None
            found.append(self.constant(y))
        return tuple(found)

    def simplify(self, p, params, ins, spec):
        special = SPECIAL.get(p.name)
        if special is not None:
            rule, line = special
            found = rule(self, params, ins, spec)
            if found is not None:
                self.report[line] += 1
                return found
        for rule, line, level in TABLE.get(p.name, ()):
            if self.level >= level:
                found = rule(self, params, ins, spec)
                if found is not None:
                    self.report[line] += 1
                    return found
        if spec.dtype.kind != "f":  # complex arithmetic makes nan of inf * 1
            return None
        rules_of = self.rules.get(p.name)
        if rules_of is None:
            return None
        candidates = list(rules_of.get(None, ()))
        for k, v in enumerate(ins):
            head = self.heads[v]
            if head:
                candidates += rules_of.get((k, head), ())
            if v in self.uniform:
                candidates += rules_of.get((k, self.uniform[v]), ())
                candidates += rules_of.get((k, ANY), ())
        if len(candidates) > 1:
            candidates.sort(key=_place)
        for _, guards, alone, left, right, line in candidates:
            for k, head, number in guards:
                if head is None:
                    if self.uniform.get(ins[k]) != number:
                        break
                elif self.heads[ins[k]] != head if head is not ANY else ins[k] not in self.uniform:
                    break
            else:
                if alone and any(self.uses.get(v, 1) > 1 for v in ins):
                    continue
                env = {}
                if not all(self.match(t, v, env) for t, v in zip(left, ins, strict=True)):
                    continue
                found = self.instantiate(right, env, spec)
                if found is not None:
                    self.report[line] += 1
                    return found
        return None

    def match(self, term, v, env):
        head = term[0]
        if head == "any":
            return env.setdefault(term[1], v) == v
        if head == "number":
            number = self.uniform.get(v)
            return number is not None and type(number) is not complex and number == term[1]
        if head == "constant":
            number = self.uniform.get(v)
            if type(number) not in (int, float) or number == 0 or number - number != 0:
                return False
            if term[1] == "p" and math.frexp(abs(number))[0] != 0.5:
                return False
            return env.setdefault(term[1], v) == v
        if head == "negative" and term[1][0] == "constant":  # of one that was found before
            number = self.uniform.get(v)
            return type(number) in (int, float) and number == -self.uniform[env[term[1][1]]]
        op = self.maker[v]
        if op is None or op.primitive.name != head or self.specs[v].dtype.kind != "f":
            return False
        return all(self.match(t, u, env) for t, u in zip(term[1:], op.inputs, strict=True))

    def instantiate(self, term, env, spec=None, dtype=None):
        """The value of a right side; None if it is not of `spec`. `dtype`: of the whole."""
        head, dtype = term[0], spec.dtype if spec is not None else dtype
        if head == "number":
            if spec is None:
                return self.constant(term[1])
            return self.constant(np.broadcast_to(np.asarray(term[1], spec.dtype), spec.shape))
        if head in ("any", "constant"):
            found = env[term[1]]
        else:
            p = PRIMITIVES[head]
            ins = tuple([self.instantiate(t, env, dtype=dtype) for t in term[1:]])
            plain = self.plain_shape(ins, dtype)
            if plain is not None:
                if spec is None:
                    return self.emit(p, None, ins, (Spec(plain, dtype),))[0]
                if plain != spec.shape:
                    return None
                found = self.emit(p, None, ins, (spec,))[0]
                return None if isinstance(self.constants.get(found), NUMBERS) else found
            if all(self.constants.get(v) is not None and self.specs[v].dtype.kind in "iu" for v in ins):
                # Of integers the reciprocal is an integer, and products overflow.
                ins = tuple([
                    self.constant(float(c) if type(c) is int else np.asarray(c, float))
                    for c in (self.constants[v] for v in ins)
                ])  # fmt: skip
            elif all(self.constants.get(v) is not None for v in ins):
                # A float32 number beside a float64 array was exact in it; the product of two such numbers is not.
                ins = tuple([
                    self.constant(np.asarray(self.constants[v], dtype))
                    if self.specs[v].dtype.kind == "f" and self.specs[v].dtype.itemsize < dtype.itemsize else v
                    for v in ins
                ])  # fmt: skip
            shape = np.broadcast_shapes(*[self.specs[v].shape for v in ins])
            if spec is not None and shape != spec.shape:
                return None
            found = self.apply(p, *ins)
        if spec is not None and (self.specs[found] != spec or isinstance(self.constants.get(found), NUMBERS)):
            return None
        return found

    def plain_shape(self, ins, dtype):
        """The shape of an operation on values of one dtype and on numbers; None for others, whose dtype `bind` knows.

        Half of the time that a rewrite takes is saved: all right sides of rules are functions that keep the dtype.
        """
        shape, some = (), False
        for v in ins:
            value = self.constants.get(v)
            if isinstance(value, NUMBERS):
                if type(value) is not float and type(value) is not int:
                    return None
                continue
            s = self.specs[v]
            if s.dtype != dtype:
                return None
            if value is None:
                some = True
            if s.shape != shape:
                shape = np.broadcast_shapes(shape, s.shape) if shape and s.shape else shape or s.shape
        return shape if some else None


def _bytes(spec):
    return spec.size * spec.dtype.itemsize


def _key(p, params, ins):
    """What makes two operations equal; None if a parameter cannot be compared."""
    if not params:
        return p, ins
    try:
        key = p, ins, tuple(params.items())
        hash(key)
    except TypeError:
        return None
    return key


# ------------------------------------------------------------------------------------------------ views
def _same(b, params, ins, spec):
    """An operation that changes nothing."""
    return ins[0] if b.specs[ins[0]] == spec and not isinstance(b.constants.get(ins[0]), NUMBERS) else None


def _reshape(b, params, ins, spec):
    same = _same(b, params, ins, spec)
    if same is not None:
        return same
    op = b.maker[ins[0]]
    if op is not None and op.primitive.name == "reshape_core":
        return reshaped(b, op.inputs[0], spec)
    if params["core"] != len(b.specs[ins[0]].shape):
        return reshaped(b, ins[0], spec)
    return None


def reshaped(b, v, spec):
    """`v` in the shape of `spec`, in the one form that all reshapes take."""
    if b.specs[v].shape == spec.shape:
        return v
    return b.emit(PRIMITIVES["reshape_core"], {"core": len(b.specs[v].shape), "to": spec.shape}, (v,), (spec,))[0]


def _broadcast(b, params, ins, spec):
    same = _same(b, params, ins, spec)
    if same is not None or params["to"] == spec.shape:
        return same
    return b.emit(PRIMITIVES["broadcast_core"], {"to": spec.shape}, ins, (spec,))[0]


def _permute(b, params, ins, spec):
    axes = params["axes"]
    if axes == tuple(range(-len(axes), 0)):
        return ins[0]
    op = b.maker[ins[0]]
    if op is None or op.primitive.name != "permute_core":
        return None
    inner, n = op.params["axes"], len(spec.shape)
    order = tuple(range(-n, -len(inner))) + tuple(inner)
    outer = tuple(range(-n, -len(axes))) + tuple(axes)
    both = tuple(order[k] for k in outer)
    if both == tuple(range(-n, 0)):
        return op.inputs[0]
    return b.emit(op.primitive, {"axes": both}, op.inputs, (spec,))[0]


def _sum(b, params, ins, spec):
    return ins[0] if not params["axes"] else None


def _real_only(b, params, ins, spec):
    return ins[0] if b.specs[ins[0]].dtype.kind != "c" else None


def _product(b, params, ins, spec):
    """mulz(c, x) -> c * x and mulz(x, c) -> x * c for a finite c that is not zero."""
    if spec.dtype.kind != "f":
        return None
    for v in ins:
        c = b.uniform.get(v)
        if type(c) in (int, float) and c != 0 and c - c == 0:
            return b.emit(PRIMITIVES["multiply"], None, ins, (spec,))[0]
    return None


def _log_sum_exp(b, params, ins, spec):
    """In its three passes, which are fused with what stands before and after them."""
    axes, x = params["axes"], b.specs[ins[0]]
    if spec.dtype != x.dtype or x.dtype.char not in "df" or 0 in x.shape or not axes:
        return None
    kept = Spec([1 if i - len(x.shape) in axes else n for i, n in enumerate(x.shape)], x.dtype)
    high = b.emit(PRIMITIVES["max_axes"], {"axes": axes}, ins, (spec,))[0]
    finite = b.emit(PRIMITIVES["isfinite"], None, (high,), (Spec(spec.shape, bool),))[0]
    high = b.emit(PRIMITIVES["where"], None, (finite, high, b.constant(0.0)), (spec,))[0]
    moved = b.emit(PRIMITIVES["subtract"], None, (ins[0], reshaped(b, high, kept)), (x,))[0]
    total = b.emit(
        PRIMITIVES["sum_axes"], {"axes": axes}, (b.emit(PRIMITIVES["exp"], None, (moved,), (x,))[0],), (spec,)
    )[0]
    return b.emit(PRIMITIVES["add"], None, (b.emit(PRIMITIVES["log"], None, (total,), (spec,))[0], high), (spec,))[0]


def _deviations(b, v, axes):
    """``(x - x[0]) - mean(x - x[0])``, as `centered` computes it: two passes that are fused with others."""
    x = b.specs[v]
    first = Key([slice(0, 1) if i in axes else slice(None) for i in range(-len(x.shape), 0)])
    moved = b.apply(PRIMITIVES["subtract"], v, b.apply(PRIMITIVES["index"], v, params={"key": first}))
    kept = Spec([1 if i in axes else n for i, n in zip(range(-len(x.shape), 0), x.shape, strict=True)], x.dtype)
    total = b.apply(PRIMITIVES["sum_axes"], moved, params={"axes": axes})
    mean = b.apply(PRIMITIVES["divide"], total, b.constant(float(x.size // kept.size)))
    return b.apply(PRIMITIVES["subtract"], moved, reshaped(b, mean, kept))


def _centered(b, params, ins, spec):
    if spec.dtype.char not in "df" or 0 in spec.shape or not params["axes"]:
        return None
    return _deviations(b, ins[0], params["axes"])


def _variance(b, params, ins, spec):
    x, axes = b.specs[ins[0]], params["axes"]
    if x.dtype.char not in "df" or 0 in x.shape or not axes:
        return None
    n = x.size // max(spec.size, 1) - params["ddof"]
    if n <= 0:
        return None
    square = b.apply(PRIMITIVES["square"], _deviations(b, ins[0], axes))
    total = b.apply(PRIMITIVES["sum_axes"], square, params={"axes": axes})
    return b.apply(PRIMITIVES["divide"], total, b.constant(float(n)))


def _cast(b, params, ins, spec):
    """cast(x * w) -> x * cast(w), where `x` is of the narrow dtype and `w` chooses between numbers that are exact in it.

    A product of two float32 numbers is exact in float64, so both sides round once.
    """
    same = _same(b, params, ins, spec)
    op = b.maker[ins[0]]
    if same is not None or spec.dtype.char != "f" or op is None or op.primitive.name not in ("mulz", "multiply"):
        return same
    for k in (0, 1):
        v, w = op.inputs[k], op.inputs[1 - k]
        if b.specs[v].dtype == spec.dtype and not isinstance(b.constants.get(v), NUMBERS):
            narrow = _narrow(b, w)
            if narrow is not None:
                pair = (v, narrow) if k == 0 else (narrow, v)
                if np.broadcast_shapes(b.specs[v].shape, b.specs[narrow].shape) == spec.shape:
                    return b.emit(op.primitive, None, pair, (spec,))[0]
    return None


def _narrow(b, v):
    """A float64 value as float32, if that is exact because it is a choice between numbers; else None."""
    number = b.uniform.get(v)
    if number is not None:
        exact = type(number) in (int, float) and float(np.float32(number)) == number
        return b.constant(np.asarray(number, np.float32)) if exact else None
    op = b.maker[v]
    if op is None or op.primitive.name != "where":
        return None
    left, right = _narrow(b, op.inputs[1]), _narrow(b, op.inputs[2])
    if left is None or right is None:
        return None
    return b.emit(op.primitive, None, (op.inputs[0], left, right), (Spec(b.specs[v].shape, np.float32),))[0]


_VIEW = "a view of a view, or of everything"
SPECIAL = {
    "reshape_core": (_reshape, _VIEW),
    "broadcast_core": (_broadcast, _VIEW),
    "permute_core": (_permute, _VIEW),
    "cast_to": (_cast, "a cast to the same dtype, or cast(x * w) -> x * cast(w)"),
    "stop": (_same, "stop(x) -> x"),
    "named": (_same, "named(x) -> x"),
    "sum_axes": (_sum, "a sum over no axes"),
    "real_part": (_real_only, "real and conj of real numbers"),
    "conj_complex": (_real_only, "real and conj of real numbers"),
    "mulz": (_product, "mulz(c, x) -> c * x, c finite and not zero"),
    "einsum_two": (contracted, "einsum -> products of matrices"),
    "logsumexp_axes": (_log_sum_exp, "logsumexp -> max, sum of exp, log"),
    "centered": (_centered, "deviations -> differences from a mean"),
    "var_axes": (_variance, "variance -> sum of squares of deviations"),
}


@primitive(
    core=lambda *values, keys, to: tuple([key.taken for key in keys]),
    loops="equal",
    differentiable=False,
    internal=True,
)
def scatter_sum(*values, keys, to):
    """The sum of arrays of shape `to` that are zero but for one selection each; made by the compiler alone.

    Cost: one pass over the values.
    """
    return sum((scatter.body(v, key=key, to=to) for v, key in zip(values[1:], keys[1:], strict=True)),
               scatter.body(values[0], key=keys[0], to=to))  # fmt: skip


scatter_sum.not_differentiable("it is made when derivatives have been taken")
scatter_sum.def_shape(
    lambda *values, keys, to: Spec(values[0].shape[: len(values[0].shape) - keys[0].taken] + to, values[0].dtype)
)


@scatter_sum.def_samples
def _(rng):
    keys = Key([slice(1, None)]), Key([slice(None, -1)])
    yield sample(rng.standard_normal(3), rng.standard_normal(3), keys=keys, to=(4,))


def _terms(b, v):
    """The (key, value) pairs of a sum of scatters; None for another operation, or where elements are repeated."""
    op = b.maker[v]
    if op is None or (op.primitive is not scatter and op.primitive is not scatter_sum):
        return None
    keys = op.params["keys"] if op.primitive is scatter_sum else (op.params["key"],)
    if not all(key.unique and not key.advanced for key in keys):
        return None
    return list(zip(keys, op.inputs, strict=True))


def _constant_term(b, v, terms):
    """A constant that is zero outside of what one of the keys selects, as such a term; None for others."""
    value = b.constants.get(v)
    if not isinstance(value, np.ndarray) or value.nbytes > FOLD_BYTES or v in b.uniform:
        return None
    for key, _ in terms:
        rest = value.copy()
        rest[key.index] = 0
        if not rest.any():
            return [(key, b.constant(np.ascontiguousarray(value[key.index])))]
    return None


def _add_scatters(b, ins, spec):
    """scatter(x, k) + scatter(y, k) -> scatter(x + y, k); with two keys one sum of both."""
    left, right = _terms(b, ins[0]), _terms(b, ins[1])
    if left is None and right is not None:
        left = _constant_term(b, ins[0], right)
    elif right is None and left is not None:
        right = _constant_term(b, ins[1], left)
    if left is None or right is None or b.specs[ins[0]] != b.specs[ins[1]]:
        return None
    found = {b.maker[v].params["to"] for v in ins if b.maker[v] is not None}
    if len(found) != 1:
        return None
    (to,) = found
    terms = dict(left)
    for key, v in right:
        if key in terms:
            if b.specs[terms[key]] != b.specs[v]:
                return None
            v = b.emit(PRIMITIVES["add"], None, (terms[key], v), (b.specs[v],))[0]
        terms[key] = v
    if len(terms) == 1:
        ((key, v),) = terms.items()
        return b.emit(scatter, {"key": key, "to": to}, (v,), (spec,))[0]
    return b.emit(scatter_sum, {"keys": tuple(terms), "to": to}, tuple(terms.values()), (spec,))[0]


# ------------------------------------------------------------------------------------------------ decompositions
# What computes values alone -> what computes them with their vectors, and as which of its results.
_VALUES = {"svdvals_core": ("svd_core", 1), "eigvalsh_core": ("eigh_core", 0), "eigvals_core": ("eig_core", 0)}


def _with_vectors(graph):
    """Operations that compute values whose vectors are needed later: by their outputs, (what computes both, place)."""
    alone = [op for op in graph.ops if op.primitive.name in _VALUES]
    if not alone:
        return {}
    live, both = set(graph.outputs), {}
    for op in reversed(graph.ops):
        if not live.isdisjoint(op.outputs):
            live.update(op.inputs)
            both[op.primitive.name, op.inputs] = op
    found = {}
    for op in alone:
        name, place = _VALUES[op.primitive.name]
        whole = both.get((name, op.inputs))
        if whole is not None:
            found[op.outputs] = whole, place
    return found


# ------------------------------------------------------------------------------------------------ the step
def rebuild(graph, level="standard"):
    """A graph of fewer operations with the same results, and a report.

    Parameters
    ----------
    graph : FlatGraph
    level : {"none", "basic", "standard", "aggressive"}

    Returns
    -------
    FlatGraph
    Counter
        How often each identity was used, constants were folded and operations shared, and what was dropped.
    """
    b = Builder(level)
    where = {v: b.value(graph.specs[v]) for v in graph.inputs}
    for v, value in graph.constants.items():
        where[v] = b.constant(value)
    uses = Counter([v for op in graph.ops for v in op.inputs])
    with_vectors = _with_vectors(graph) if b.level >= 2 else {}
    uses.update(graph.outputs)
    for op in graph.ops:
        ins = tuple([where[v] for v in op.inputs])
        specs = [graph.specs[v] for v in op.outputs]
        outs = None
        if b.level >= 2 and op.primitive.name == "add":
            found = _add_scatters(b, ins, specs[0])
            if found is not None:
                b.report["scatter(x) + scatter(y) -> scatter(x + y)"] += 1
                outs = (found,)
        if op.outputs in with_vectors:
            whole, place = with_vectors[op.outputs]
            both = b.emit(whole.primitive, whole.params, ins, [graph.specs[v] for v in whole.outputs])
            outs = (both[place],)
            b.report["values of a decomposition that is needed anyway"] += 1
        if outs is None:
            outs = b.emit(op.primitive, op.params, ins, specs)
        for v, w in zip(op.outputs, outs, strict=True):
            where[v] = w
            b.uses[w] = b.uses.get(w, 0) + uses[v] - (w in ins)  # what is its own argument reads it no more
    outputs = tuple([where[v] for v in graph.outputs])
    inputs = tuple([where[v] for v in graph.inputs])
    found = drop_dead(graph.name, b, inputs, outputs)
    return share_factors(found, b.report) if b.level >= 2 else found, b.report


def drop_dead(name, b, inputs, outputs):
    """The operations that the outputs need."""
    live = set(outputs)
    kept = []
    for op in reversed(b.ops):
        if not live.isdisjoint(op.outputs):
            kept.append(op)
            live.update(op.inputs)
    kept.reverse()
    b.report["dead"] += len(b.ops) - len(kept)
    constants = {v: value for v, value in b.constants.items() if v in live}
    return FlatGraph(name, b.specs, constants, kept, inputs, outputs, b.uniform)
