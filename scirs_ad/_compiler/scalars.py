"""Scalar code: operations on single numbers and small vectors become scalar programs.

A function that indexes and loops over small vectors makes thousands of nodes of one number each. Here the operations
of a graph that are small are gathered into groups, as `fuse` gathers regions, and each group for which that is a gain
becomes one `scalar_call`.

A graph that `vmap` has given a leading axis is mapped the same way: the program is that of one element of the axis,
and the machine runs it for many side by side.
"""

import heapq
from collections import Counter

import numpy as np

from scirs_ad._compiler.fuse import REDUCTIONS, signature_of
from scirs_ad._compiler.graph import NUMBERS, FlatGraph, Op, dependencies
from scirs_ad._compiler.scalar_code import (
    MOVED_BY,
    PRODUCTS,
    RULES,
    SUMS,
    TRUTHS,
    Lowering,
    is_sparse_constant,
    put_core,
    scalar_call,
)
from scirs_ad._kernels.ops import OPCODES
from scirs_ad._kernels.vm import CHEAP

__all__ = ["scalarise"]

WIDE = 400  # elements of a value that is computed element by element
NARROW = 4  # and of one for which that is a gain in any case
MOVED = 1024  # elements of a value that is only moved
READ = 1 << 14  # elements of an input of which single ones are read
SHARED = 64  # and of one that is the same for all runs
LEAST_LANES = 16  # a leading axis that is shorter is not worth its own program
MOST_PRODUCT = 512  # operations of a matrix product that is computed element by element
LEAST_OPS = 4  # what is smaller stays as it is

# Estimates in nanoseconds, measured on one core of a 3.7 GHz Zen 4: what the other instructions take.
CALL, ELEMENT, FUNCTION, COPY, PYTHON, PRODUCT = 6.0, 0.2, 1.0, 10.0, 700.0, 50.0
# And an element in a scalar program, of one run and of many.
ONE, ONE_FUNCTION, LANE, LANE_FUNCTION = 0.9, 10.0, 0.1, 0.8
SHORT = int(CALL / (ONE - ELEMENT))  # elements of a vector that are a gain
MOVES = frozenset(["index", "reshape_core", "broadcast_core", "permute_core", "flip_last", "stop"])  # views
_GAINS = frozenset(RULES) - MOVES - frozenset(REDUCTIONS)


# ------------------------------------------------------------------------------------------------ what can be lowered
class Known:
    """What is asked several times about the operations of a graph: their kernels, and what they take otherwise."""

    def __init__(self, graph, products):
        self.graph, self.products = graph, products
        self.signatures, self.prices = {}, {}

    def signature(self, op):
        v = op.outputs[0]
        if v not in self.signatures:
            self.signatures[v] = signature_of(op, self.graph)
        return self.signatures[v]

    def price(self, op, count=0):
        """Nanoseconds that an operation takes, if it is none of a scalar program."""
        if op.primitive is scalar_call:
            return _cost(op)
        v = op.outputs[0]
        if v not in self.prices:
            self.prices[v] = self._price(op)
        return self.prices[v] or (0.3 * self.graph.specs[v].size if count else 0.0)

    def _price(self, op):
        specs, name = self.graph.specs, op.primitive.name
        size = specs[op.outputs[0]].size
        if name in MOVES:
            return 0.0
        if name == "put":
            return PYTHON + size if op.params["key"].advanced else 2 * COPY + 0.5 * size
        if name in ("stack_core", "concatenate_core"):
            return COPY * (1 + len(op.inputs)) + size
        if name in ("scatter", "scatter_sum"):
            return COPY * (1 + len(op.inputs)) + 0.5 * size
        if name in REDUCTIONS:
            size = specs[op.inputs[0]].size
        if name in PRODUCTS:
            return PRODUCT * max(1, size // 8) + size
        found = self.signature(op) if name not in RULES else None
        cheap = found is None or found[0] in CHEAP
        return CALL + (ELEMENT if cheap else FUNCTION) * size + (0 if cheap else 10)

    def alone(self, op, count):
        """Nanoseconds for an element in a scalar program, where two operations may be one."""
        found = self.signature(op) if op.primitive.name not in RULES else None
        cheap = found is None or found[0] in CHEAP
        return (LANE if cheap else LANE_FUNCTION) if count else (ONE if cheap else ONE_FUNCTION)


class Chooser:
    """Which operations of a graph can be part of a scalar program, of one dtype, mapped over an axis or not."""

    def __init__(self, known, dtype, count, wide):
        self.known, self.graph = known, known.graph
        self.dtype, self.count, self.wide = dtype, count, wide
        self.made = set()  # values made by the operations that can
        self.sparse = set()  # those of them that are sums of scattered elements

    def number(self, v):
        """Whether a value is of the dtype, or bool, or a number that is known."""
        if v in self.graph.uniform:
            return True
        dtype = self.graph.specs[v].dtype
        return dtype == self.dtype or dtype.kind == "b"

    def takes(self, op):
        """Whether an operation can be lowered; call it for all operations in their order."""
        graph, name = self.graph, op.primitive.name
        if len(op.outputs) != 1 or op.primitive is scalar_call:
            return False
        out = graph.specs[op.outputs[0]]
        if self.count and (not out.shape or out.shape[0] != self.count):
            return False
        size = out.size // (self.count or 1)
        sparse = self.is_sparse(op, name)
        if not 0 < size <= (READ if sparse else MOVED) or not (out.dtype == self.dtype or out.dtype.kind == "b"):
            return False
        for v in op.inputs:
            if not self.number(v) or graph.specs[v].size > READ * max(self.count, 1):
                return False
        rule = RULES.get(name)
        if rule is None:
            found = (sparse or size <= self.wide) and self.elementwise(op)
        else:
            found = self.moves(op, name)
        if found:
            self.made.add(op.outputs[0])
            if sparse:
                self.sparse.add(op.outputs[0])
        return found

    def is_sparse(self, op, name):
        """Whether the result is a sum of scattered elements."""
        if name in ("scatter", "scatter_sum"):
            keys = op.params["keys"] if "keys" in op.params else (op.params["key"],)
            return all(key.taken == 0 and not key.advanced for key in keys)
        if name not in SUMS:
            return False
        return all(v in self.sparse or (not self.count and is_sparse_constant(self.graph, v)) for v in op.inputs)

    def elementwise(self, op):
        found = self.known.signature(op)
        if found is None:
            return False
        name, types = found
        if any(t != self.dtype and t.kind != "b" for t in types):
            return False
        if name == "cast":
            return self.aligned(op)
        if self.graph.specs[op.outputs[0]].dtype.kind == "b":
            name = TRUTHS.get(name, name)
        return name in OPCODES and self.aligned(op)

    def aligned(self, op):
        """Whether each operand has the leading axis or is the same for all runs."""
        if not self.count:
            return True
        graph = self.graph
        n = len(graph.specs[op.outputs[0]].shape)
        return all(
            v in graph.uniform or self.shared(v)
            if len(graph.specs[v].shape) < n or graph.specs[v].shape[0] == 1
            else graph.specs[v].shape[0] == self.count
            for v in op.inputs
        )

    def shared(self, v):
        return v not in self.made and self.graph.specs[v].size <= SHARED

    def moves(self, op, name):
        graph, count = self.graph, self.count
        specs = [graph.specs[v] for v in op.inputs]
        out = graph.specs[op.outputs[0]]
        if any(isinstance(graph.constants.get(v), NUMBERS) for v in op.inputs) and name != "put":
            return False
        if name == "put":
            return specs[0].size <= MOVED * max(count, 1) and (
                not count or all(map(self.put_operand, op.inputs, [op] * 2, put_core(op)))
            )
        if name == "broadcast_core":
            return self.aligned(op)
        if name in PRODUCTS and not (self.known.products and self.small_product(op, specs, out)):
            return False
        if count and name in ("outer_last", *PRODUCTS):
            ahead = len(out.shape) - PRODUCTS.get(name, (1, 1, 2))[2]
            return ahead > 0 and all(
                (len(s.shape) - own == ahead and s.shape[0] == count)
                or (len(s.shape) == own and name != "outer_last" and self.shared(v))
                for v, s, own in zip(op.inputs, specs, PRODUCTS.get(name, (1, 1, 2)), strict=False)
            )
        if count and any(not s.shape or s.shape[0] != count for s in specs):
            return False
        ndim = len(specs[0].shape)
        if name == "index":
            key = op.params["key"]
            if count and key.core == ndim:
                return not key.advanced and type(key.index[1]) is slice and key.index[1] == slice(None)
            return True
        if name in ("scatter", "scatter_sum"):
            keys = op.params["keys"] if name == "scatter_sum" else (op.params["key"],)
            lead = 1 if count else 0
            return all(key.unique and key.taken <= len(s.shape) - lead for key, s in zip(keys, specs, strict=True))
        if name == "permute_core":
            axes = op.params["axes"]
            return not count or len(axes) < ndim or axes[0] == -ndim
        if name in ("stack_core", "concatenate_core"):
            return not count or -op.params["axis"] < len(out.shape)
        if name in REDUCTIONS:
            axes = op.params["axes"]
            if specs[0].dtype != out.dtype or out.dtype != self.dtype or not axes or specs[0].size == 0:
                return False
            return specs[0].size // max(count, 1) <= self.wide and (not count or -ndim not in axes)
        if name == "flip_last":
            return not count or ndim > 1
        return True

    def small_product(self, op, specs, out):
        """Whether a product is one of few numbers, of one dtype."""
        return _work(self.graph, op, self.count) <= MOST_PRODUCT and all(s.dtype == out.dtype for s in specs)

    def put_operand(self, v, op, core):
        """Whether an operand of `put` has the leading axis as the result has it, or is the same for all runs."""
        graph = self.graph
        shape, ahead = graph.specs[v].shape, len(graph.specs[op.outputs[0]].shape) - op.params["key"].core
        if not ahead:
            return False
        if len(shape) - core == ahead:
            return shape[0] == self.count
        return len(shape) - core < ahead and self.shared(v)

    def groups(self, ops):
        """The operations in an order of steps: lists of those that go together, and single others."""
        ours = [self.takes(op) for op in ops]
        if sum(ours) < LEAST_OPS:
            return list(ops)
        users, waiting = dependencies(ops)
        others, ready, steps = [], [], []

        def done(k):
            for v in ops[k].outputs:
                for j in users.get(v, ()):
                    waiting[j] -= 1
                    if not waiting[j]:
                        heapq.heappush(ready if ours[j] else others, j)

        for k in range(len(ops)):
            if not waiting[k]:
                heapq.heappush(ready if ours[k] else others, k)
        while others or ready:
            while others:
                k = heapq.heappop(others)
                steps.append(ops[k])
                done(k)
            group = []
            while ready:
                k = heapq.heappop(ready)
                group.append(ops[k])
                done(k)
            if group:
                steps.append(group)
        return steps


# ------------------------------------------------------------------------------------------------ the step
def _axis(graph):
    """The leading axis that most operations have, if it can be one of runs; else 0."""
    lengths = Counter()
    for op in graph.ops:
        shape = graph.specs[op.outputs[0]].shape
        if shape and shape[0] >= LEAST_LANES:
            lengths[shape[0]] += 1
    if not lengths:
        return 0
    count, times = lengths.most_common(1)[0]
    return count if times >= LEAST_OPS else 0


def _is_wide(graph):
    """Whether by the estimates above no group can gain: no joins, scatters and products, and hardly a short vector.

    It is a tenth of the time that the groups take to say the same: a fifth of compiling a function of vectors.
    """
    short = 0
    for op in graph.ops:
        name = op.primitive.name
        if name in _GAINS:
            return False
        if name not in MOVED_BY and (name in REDUCTIONS or graph.specs[op.outputs[0]].size <= SHORT):
            short += 1
    if short >= LEAST_OPS:
        return False
    for v, value in graph.constants.items():
        if type(value) is np.ndarray and v not in graph.uniform and 2 * np.count_nonzero(value) < value.size <= READ:
            return False
    return True


def scalarise(graph, products=False):
    """A graph whose small operations are scalar programs, where that is a gain.

    Parameters
    ----------
    graph : FlatGraph
    products : bool
        Whether small matrix products may be part of them: they are rounded in another order than by BLAS.

    Returns
    -------
    FlatGraph
        The same graph if nothing is gained.
    """
    axis = _axis(graph)
    if not axis and _is_wide(graph):
        return graph
    letters = Counter(graph.specs[op.outputs[0]].dtype.char for op in graph.ops)
    best, cost, known = graph.ops, None, Known(graph, products)
    for letter in "df":
        if letters[letter] < LEAST_OPS:
            continue
        ops, dtype = best, np.dtype(letter)
        # A leading axis may be one of runs, or of elements: that of the unit vectors of a Jacobian.
        mapped = _gathered(known, ops, dtype, axis) if axis else ops
        for start in (ops,) if mapped is ops else (ops, mapped):
            found = _gathered(known, start, dtype, 0)
            if found is not ops:
                price = sum(map(known.price, found))
                if cost is None:
                    cost = sum(map(known.price, graph.ops))
                if price < cost:
                    best, cost = found, price
    if best is graph.ops:
        return graph
    return FlatGraph(graph.name, graph.specs, graph.constants, best, graph.inputs, graph.outputs, graph.uniform)


def _gathered(known, ops, dtype, count):
    """The operations with scalar programs among them; the same list if there is none that is worth it."""
    chooser = Chooser(known, dtype, count, WIDE)
    steps = chooser.groups(ops)
    if not any(type(step) is list for step in steps):
        return ops
    reader = _readers(known.graph, steps)
    found, changed = [], False
    for k, step in enumerate(steps):
        if type(step) is not list:
            found.append(step)
            continue
        made = _best(known, step, k, reader, chooser)
        changed = changed or made is not step
        found.extend(made)
    return found if changed else ops


def _readers(graph, steps):
    """For every value the step that reads it; -1: several, or the caller."""
    reader = dict.fromkeys(graph.outputs, -1)
    for k, step in enumerate(steps):
        for op in step if type(step) is list else [step]:
            for v in op.inputs:
                if reader.setdefault(v, k) != k:
                    reader[v] = -1
    return reader


def _best(known, group, number, reader, chooser):
    """A group as one scalar program, or with smaller ones in it, or as it was."""
    graph, dtype, count = known.graph, chooser.dtype, chooser.count
    arithmetic = [op for op in group if op.primitive.name not in MOVED_BY]
    if len(arithmetic) < LEAST_OPS or (count and not _narrow(group)):
        return group
    otherwise = sum([known.price(op, count) for op in group])
    sizes = [1 if op.outputs[0] in chooser.sparse else _work(graph, op, count) for op in arithmetic]
    most = sum(sizes)
    least = sum([n * known.alone(op, count) for n, op in zip(sizes, arithmetic, strict=True)]) * max(count, 1)
    outputs = tuple([v for op in group for v in op.outputs if reader.get(v, number) != number])
    best, cost = group, otherwise
    if most <= 64 * len(arithmetic) + 1000 and (least < otherwise or _sparse(graph, group)):
        made = _lowered(known, group, outputs, dtype, count)
        if made is not None and _cost(made) < cost:
            best, cost = [made], _cost(made)
    if not count and max(sizes, default=0) > NARROW:
        parts = _parts(known, group, set(outputs), dtype)
        if sum(map(known.price, parts)) < cost:
            best = parts
    return best


def _parts(known, group, outputs, dtype):
    """A group with programs of its smallest operations in it."""
    steps = Chooser(known, dtype, 0, NARROW).groups(group)
    reader = _readers(known.graph, steps)
    parts = []
    for k, step in enumerate(steps):
        if type(step) is not list:
            parts.append(step)
        elif sum([op.primitive.name not in MOVED_BY for op in step]) < LEAST_OPS:
            parts.extend(step)
        else:
            ends = tuple([v for op in step for v in op.outputs if v in outputs or reader.get(v, k) != k])
            made = _lowered(known, step, ends, dtype, 0)
            gain = made is not None and _cost(made) < sum(map(known.price, step))
            parts.extend([made] if gain else step)
    return parts


def _work(graph, op, count):
    """Operations on single numbers, of one run."""
    size = graph.specs[op.outputs[0]].size // max(count, 1)
    if op.primitive.name in PRODUCTS:
        size *= 2 * graph.specs[op.inputs[0]].shape[-1]
    return size


def _sparse(graph, group):
    """Whether zeros come in, so that less is computed than there are elements."""
    for op in group:
        if op.primitive.name in ("scatter", "scatter_sum"):
            return True
        for v in op.inputs:
            value = graph.constants.get(v)
            if type(value) is np.ndarray and v not in graph.uniform and 2 * np.count_nonzero(value) < value.size:
                return True
    return False


def _narrow(group):
    """Whether a mapped group has small axes of its own: else it is made of vectors, and better left to the regions."""
    return sum(op.primitive.name in RULES for op in group) >= 2


def _lowered(known, group, outputs, dtype, count):
    """One operation for a group; None if the machine does not take it."""
    try:
        code = Lowering(known.graph, dtype, count, known.signatures).code(group, outputs)
    except ValueError:  # too many registers
        return None
    return Op(scalar_call, {"code": code}, code.graph.inputs, outputs)


def _cost(op):
    code = op.params["code"]
    return 15 + code.program.ns * max(code.count, 1)
