"""Matrices that are zero but for a few diagonals, kept as the vectors on them.

A Jacobian or a Hessian is made of unit vectors, all in one constant matrix. Whatever acts on each element, and whatever
moves elements along an axis, leaves a sum of diagonals: of a function of neighbours, as in Rosenbrock's, three vectors of
n numbers instead of n x n. What is linear in such a matrix is computed on its diagonals; the matrix itself is written
where it is handed out or where something else needs it: zeros, and the diagonals in their places.

Exact up to the sign of a zero: the products of derivative rules (`mulz`) are zero wherever their first factor is, also
where the second is inf or nan.
"""

import numpy as np

from scirs_ad._compiler.graph import NUMBERS
from scirs_ad._compiler.rebuild import LEVELS, Builder, drop_dead, reshaped
from scirs_ad._compiler.views import box_of
from scirs_ad._core.core import PRIMITIVES, Key, Spec
from scirs_ad._ops.gather import scatter

__all__ = ["diagonals"]

LEAST = 64  # elements: of less nothing is gained
MOST = 12  # pieces that are kept apart

LINE = "a matrix of a few diagonals -> its diagonals"


class Band:
    """A matrix as pieces (row, shift, value): `value` lies on elements (row + i, row + i + shift)."""

    __slots__ = ("pieces", "spec")

    def __init__(self, spec, pieces):
        self.spec, self.pieces = spec, pieces


def _of_constant(b, array):
    """A constant matrix as a Band; None if it is not one, or not worth it."""
    if array.ndim != 2 or array.dtype.char not in "df" or array.size < LEAST:
        return None
    if not any(array.strides):
        return None
    there = array != 0  # of truth values NumPy finds the places ten times faster
    if np.count_nonzero(there) > 2 * max(array.shape):
        return None
    rows, columns = np.divmod(np.flatnonzero(there), array.shape[1])
    shifts = columns - rows
    pieces = []
    for shift in sorted(set(shifts.tolist())):  # np.unique loads numpy.ma: 30 ms
        there = rows[shifts == shift]
        first, last = int(there[0]), int(there[-1])
        if len(pieces) == 2 or last - first + 1 > 2 * len(there):
            return None  # scattered elements
        at = np.arange(first, last + 1)
        pieces.append((first, shift, b.constant(np.ascontiguousarray(array[at, at + shift]))))
    return Band(Spec(array.shape, array.dtype), pieces)


def _slice(b, v, start, stop, step=1):
    if (start, step) == (0, 1) and b.specs[v].shape == (stop,):
        return v
    return b.apply(PRIMITIVES["index"], v, params={"key": Key([slice(start, stop, step)])})


class _Bands:
    """The rules: each takes an operation, its inputs and the Spec of its result; a Band, a value, or None if it does not hold."""

    def __init__(self, b):
        self.b = b

    # -------------------------------------------------------------------------------- parts of other operands
    def part(self, v, band, piece):
        """What an operand that is broadcast against a Band has on one of its pieces; None if it is not of a known form."""
        b, (m, n), (row, shift, along) = self.b, band.spec.shape, piece
        length = b.specs[along].shape[0]
        number = b.uniform.get(v)
        if number is not None:
            return b.constant(float(number)) if b.specs[v].dtype == band.spec.dtype else None
        shape = b.specs[v].shape
        if b.specs[v].size == 1:
            return reshaped(b, v, Spec((), b.specs[v].dtype))
        if shape in ((n,), (1, n)):
            flat = reshaped(b, v, Spec((n,), b.specs[v].dtype))
            return _slice(b, flat, row + shift, row + shift + length)
        if shape == (m, 1):
            return _slice(b, reshaped(b, v, Spec((m,), b.specs[v].dtype)), row, row + length)
        if shape == (m, n):
            start = row * n + row + shift
            flat = reshaped(b, v, Spec((m * n,), b.specs[v].dtype))
            return _slice(b, flat, start, start + (length - 1) * (n + 1) + 1, n + 1)
        return None

    def each(self, band, make):
        """`make(piece)` gives the new value on each piece."""
        found = []
        for piece in band.pieces:
            v = make(piece)
            if v is None:
                return None
            found.append((*piece[:2], v))
        return Band(band.spec, found)

    def unary(self, op, ins, spec):
        return self.each(ins[0], lambda piece: self.b.apply(op.primitive, piece[2]))

    def cast(self, op, ins, spec):
        if spec.dtype.char not in "df":
            return None
        b = self.b
        made = [
            b.emit(op.primitive, op.params, p[2:], (Spec(b.specs[p[2]].shape, spec.dtype),))[0] for p in ins[0].pieces
        ]
        return Band(spec, [(*p[:2], v) for p, v in zip(ins[0].pieces, made, strict=True)])

    # -------------------------------------------------------------------------------- products
    def mulz(self, op, ins, spec):
        band, other = ins
        if type(band) is not Band or type(other) is Band:
            return None

        def make(piece):
            part = self.part(other, band, piece)
            return None if part is None else self.b.apply(op.primitive, piece[2], part)

        return self.each(band, make)

    def finite(self, v):
        """Whether a value is one number, neither zero nor infinite: a product of zeros with it is zeros."""
        number = self.b.uniform.get(v) if type(v) is int else None
        return type(number) in (int, float) and number != 0 and number - number == 0

    def scaled(self, op, ins, spec):
        left, right = ins
        band, c = (left, right) if type(left) is Band else (right, left)
        if type(c) is Band or not self.finite(c) or (op.primitive.name == "divide" and band is right):
            return None

        def make(piece):
            part = self.part(c, band, piece)
            if part is None:
                return None
            return self.b.apply(op.primitive, *((piece[2], part) if band is left else (part, piece[2])))

        return self.each(band, make)

    # -------------------------------------------------------------------------------- sums
    def add(self, op, ins, spec):
        left, right = ins
        if type(left) is not Band or type(right) is not Band or left.spec != right.spec:
            return None
        b, minus = self.b, op.primitive.name == "subtract"
        found = {(*p[:2], b.specs[p[2]].shape): p[2] for p in left.pieces}
        if len(found) < len(left.pieces):
            return None
        for row, shift, v in right.pieces:
            key = row, shift, b.specs[v].shape
            if key in found:
                found[key] = b.apply(op.primitive, found[key], v)
            else:
                found[key] = b.apply(PRIMITIVES["negative"], v) if minus else v
        return Band(left.spec, [(*key[:2], v) for key, v in found.items()]) if len(found) <= MOST else None

    def where(self, op, ins, spec):
        mask, left, right = ins
        if type(mask) is Band or (type(left) is Band) == (type(right) is Band):
            return None
        band = left if type(left) is Band else right
        zero = right if band is left else left
        if self.b.uniform.get(zero) != 0:
            return None

        def make(piece):
            part = self.part(mask, band, piece) if self.b.uniform.get(mask) is None else None
            if part is None:
                return None
            none = self.b.constant(0.0)
            return self.b.apply(op.primitive, part, *((piece[2], none) if band is left else (none, piece[2])))

        return self.each(band, make)

    def sum(self, op, ins, spec):
        """Over one axis: each piece in its place along the other."""
        (band,) = ins
        axes = op.params["axes"]
        if axes not in ((-1,), (-2,)):
            return None
        rows = axes == (-1,)
        n = band.spec.shape[0 if rows else 1]
        terms = []
        for row, shift, v in band.pieces:
            start = row if rows else row + shift
            terms.append((Key([slice(start, start + self.b.specs[v].shape[0])]), v))
        return self.scattered(terms, (n,), band.spec.dtype)

    def scattered(self, terms, to, dtype):
        """The sum of vectors in their places."""
        b, spec = self.b, Spec(to, dtype)
        if not terms:
            return b.constant(np.broadcast_to(np.zeros((), dtype), to))
        if len(terms) == 1:
            ((key, v),) = terms
            if b.specs[v].shape == to:
                return v
            return b.emit(scatter, {"key": key, "to": to}, (v,), (spec,))[0]
        params = {"keys": tuple(key for key, _ in terms), "to": to}
        return b.emit(PRIMITIVES["scatter_sum"], params, tuple(v for _, v in terms), (spec,))[0]

    # -------------------------------------------------------------------------------- moves
    def transpose(self, op, ins, spec):
        (band,) = ins
        if op.params["axes"] != (-1, -2):
            return None
        return Band(spec, [(row + shift, -shift, v) for row, shift, v in band.pieces])

    def index(self, op, ins, spec):
        """Rows and columns from to: the pieces are cut."""
        (band,), key = ins, op.params["key"]
        if key.advanced or len(spec.shape) != 2 or not all(type(e) is slice for e in key.index[1:]):
            return None
        box = box_of(key, band.spec.shape)
        if box is None:
            return None
        (top, bottom), (left, right) = box
        found = []
        for row, shift, v in band.pieces:
            first = max(row, top, left - shift)
            last = min(row + self.b.specs[v].shape[0], bottom, right - shift)
            if first < last:
                found.append((first - top, shift - left + top, _slice(self.b, v, first - row, last - row)))
        return Band(spec, found)

    def scatter(self, op, ins, spec):
        """Along the last axis: the pieces move. Of a sum of scatters every term must be a Band."""
        keys = op.params["keys"] if "keys" in op.params else (op.params["key"],)
        if len(op.params["to"]) != 1 or not all(type(v) is Band for v in ins):
            return None
        found = Band(spec, [])
        for key, band in zip(keys, ins, strict=True):
            if key.advanced or len(key.index) != 2 or type(key.index[1]) is not slice:
                return None
            start, _, step = key.index[1].indices(spec.shape[1])
            if step != 1:
                return None
            moved = Band(spec, [(row, shift + start, v) for row, shift, v in band.pieces])
            found = self.merged(found, moved)
            if found is None:
                return None
        return found

    def merged(self, left, right):
        b = self.b
        found = {(*p[:2], b.specs[p[2]].shape): p[2] for p in left.pieces}
        for row, shift, v in right.pieces:
            key = row, shift, b.specs[v].shape
            found[key] = b.apply(PRIMITIVES["add"], found[key], v) if key in found else v
        return Band(left.spec, [(*key[:2], v) for key, v in found.items()]) if len(found) <= MOST else None

    # -------------------------------------------------------------------------------- the matrix itself
    def dense(self, band):
        b, (m, n) = self.b, band.spec.shape
        terms = []
        for row, shift, v in band.pieces:
            start = row * n + row + shift
            stop = start + (b.specs[v].shape[0] - 1) * (n + 1) + 1
            terms.append((Key([slice(start, stop, n + 1)]), v))
        flat = self.scattered(terms, (m * n,), band.spec.dtype)
        return reshaped(b, flat, band.spec)


RULES = {
    "negative": _Bands.unary,
    "cast_to": _Bands.cast,
    "mulz": _Bands.mulz,
    "multiply": _Bands.scaled,
    "divide": _Bands.scaled,
    "add": _Bands.add,
    "subtract": _Bands.add,
    "where": _Bands.where,
    "sum_axes": _Bands.sum,
    "permute_core": _Bands.transpose,
    "index": _Bands.index,
    "scatter": _Bands.scatter,
    "scatter_sum": _Bands.scatter,
}


def diagonals(graph, level, report):
    """A graph in which matrices of few diagonals are vectors, with the same results.

    Parameters
    ----------
    graph : FlatGraph
        As `rebuild` makes it.
    level : {"none", "basic", "standard", "aggressive"}
        Below "standard" nothing is changed.
    report : Counter
        Counts are added to it.

    Returns
    -------
    FlatGraph
    """
    if LEVELS.index(level) < 2:
        return graph
    b = Builder(level)
    rules = _Bands(b)
    bands, where = {}, {}
    for v, value in graph.constants.items():
        if isinstance(value, NUMBERS) or v in graph.uniform:
            continue
        band = _of_constant(b, value)
        if band is not None:
            bands[v] = band
    if not bands:
        return graph
    where = {v: b.value(graph.specs[v]) for v in graph.inputs}
    for v, value in graph.constants.items():
        where[v] = b.constant(value)

    def dense(v):
        if v not in where:
            where[v] = rules.dense(bands[v])
        return where[v]

    for op in graph.ops:
        specs = [graph.specs[v] for v in op.outputs]
        rule = RULES.get(op.primitive.name)
        if rule is not None and any(v in bands for v in op.inputs):
            ins = [bands[v] if v in bands else where[v] for v in op.inputs]
            found = rule(rules, op, ins, specs[0])
            if found is not None:
                report[LINE] += 1
                (bands if type(found) is Band else where)[op.outputs[0]] = found
                continue
        outs = b.emit(op.primitive, op.params, tuple([dense(v) for v in op.inputs]), specs)
        where.update(zip(op.outputs, outs, strict=True))
    outputs = tuple([dense(v) for v in graph.outputs])
    report.update({line: count for line, count in b.report.items() if line != "dead"})
    return drop_dead(graph.name, b, tuple([where[v] for v in graph.inputs]), outputs)
