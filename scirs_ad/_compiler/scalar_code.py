"""Scalar programs from operations on small arrays: `Lowering` makes a `Code`, which `scalar_call` runs.

Every value becomes an array of numbers of scalar values, so that indexing, stacking and writing to elements are done
now, once, on those numbers, and what is left are operations on single numbers. Equal ones are shared and zeros fall
away: the Jacobian by unit vectors becomes the sparse one.
"""

from collections import Counter

import numpy as np

from scirs_ad._compiler.fuse import REDUCTIONS, signature_of
from scirs_ad._compiler.graph import OPENED, FlatGraph, Op, replay
from scirs_ad._core.core import PRIMITIVES, Key, Spec
from scirs_ad._core.define import primitive, sample
from scirs_ad._kernels.ops import OPCODES
from scirs_ad._kernels.scalar import ScalarBuilder, ScalarCall

__all__ = [
    "FOLDS",
    "RULES",
    "SUMS",
    "TRUTHS",
    "Code",
    "Lowering",
    "is_sparse_constant",
    "ports",
    "put_core",
    "scalar_call",
]

TRUTHS = {"logical_and": "multiply", "logical_or": "maximum", "logical_xor": "not_equal", "bitwise_and": "multiply",
          "bitwise_or": "maximum", "bitwise_xor": "not_equal", "invert": "logical_not"}  # fmt: skip
FOLDS = {"sum": "add", "max": "maximum", "min": "minimum"}


# ------------------------------------------------------------------------------------------------ the primitive
class Code:
    """A group of operations and the scalar program that they became.

    Attributes
    ----------
    graph : FlatGraph
        The operations, between the inputs and the outputs of the group.
    program : ScalarProgram
    mapped : tuple of bool
        For every input whether it has the leading axis.
    count : int
        Length of the leading axis; 0: there is none.
    """

    def __init__(self, graph, program, mapped, count):
        self.graph, self.program, self.mapped, self.count = graph, program, mapped, count

    def __repr__(self):
        runs = f", {self.count} runs" if self.count else ""
        return f"<{self.program.n_steps} steps{runs}>"

    def __call__(self, *leaves):
        """Run on arrays."""
        specs = [self.graph.specs[v] for v in self.graph.outputs]
        leaves = [np.asarray(x) for x in leaves]
        outs = [np.empty(s.shape, s.dtype) for s in specs]
        call = ports(
            self, [(k, 0, x.strides) for k, x in enumerate(leaves)], range(len(leaves), len(leaves) + len(outs))
        )
        call.run([*leaves, *outs])
        return tuple(outs)


def ports(code, inputs, outputs):
    """The call of a program.

    Parameters
    ----------
    code : Code
    inputs : list of (pointer, offset, strides)
        Where each input lies; offsets and strides in bytes.
    outputs : sequence of int
        Pointers to the outputs, which are contiguous.

    Returns
    -------
    ScalarCall
    """
    graph, lead = code.graph, 1 if code.count else 0
    places = {}
    loads = []
    for k, element in code.program.loads:
        if k not in places:
            places[k] = _places(graph.specs[graph.inputs[k]], inputs[k], lead if code.mapped[k] else 0)
        pointer, is_bool, offsets, stride = places[k]
        offset = offsets[element]
        if loads and loads[-1][0] == pointer and loads[-1][5] == stride:
            _, _, count, first, step, _ = loads[-1]
            if count == 1 or offset == first + count * step:
                loads[-1] = pointer, is_bool, count + 1, first, offset - first if count == 1 else step, stride
                continue
        loads.append((pointer, is_bool, 1, offset, 0, stride))
    stores = []
    for v, pointer in zip(graph.outputs, outputs, strict=True):
        spec = graph.specs[v]
        size, item = spec.size // max(code.count, 1), spec.dtype.itemsize
        stores.append((pointer, spec.dtype.kind == "b", size, 0, item, size * item))
    return ScalarCall(code.program, loads, stores, code.count)


def _places(spec, place, lead):
    """(pointer, is_bool, byte offset of every element, bytes from one run to the next) of an input."""
    pointer, offset, strides = place
    offsets = np.full(spec.shape[lead:], offset, np.int64)
    for d, (n, s) in enumerate(zip(spec.shape[lead:], strides[lead:], strict=True)):
        offsets += (np.arange(n) * s).reshape((-1,) + (1,) * (offsets.ndim - d - 1))
    return pointer, spec.dtype.kind == "b", offsets.reshape(-1).tolist(), strides[0] if lead else 0


@primitive(core=None, n_out=-1, kernel=lambda *leaves, code: code(*leaves), differentiable=False, internal=True)
def scalar_call(*leaves, code):
    """A group of small operations as one scalar program; made by the compiler alone.

    Cost: 1 to 2 ns an operation.
    """
    return replay(code.graph, leaves)


scalar_call.not_differentiable("it is made when derivatives have been taken")
scalar_call.def_shape(lambda *leaves, code: tuple([code.graph.specs[v] for v in code.graph.outputs]))
scalar_call.batch_rule = lambda batch, args, params: scalar_call.body(*args, **params)


@scalar_call.def_samples
def _(rng):
    specs = [Spec((2,)), Spec(()), Spec(()), Spec((2,))]
    ops = [
        Op(PRIMITIVES["index"], {"key": Key([1])}, (0,), (1,)),
        Op(PRIMITIVES["multiply"], None, (1, 1), (2,)),
        Op(PRIMITIVES["subtract"], None, (2, 0), (3,)),
    ]
    graph = FlatGraph("sample", specs, {}, ops, (0,), (3,))
    yield sample(rng.standard_normal(2), code=Lowering(graph, np.dtype("d"), 0).code(ops, (3,)))


OPENED.add(scalar_call)


# ------------------------------------------------------------------------------------------------ lowering
def _element(key, core):
    """The entries of a key of as many integers as there are axes; None for others."""
    entries = key.index[1:]
    return entries if len(entries) == core and all(type(e) is int for e in entries) else None


def _place(element, shape):
    """The place of an element in an array of this shape, counted through."""
    at = 0
    for e, n in zip(element, shape, strict=True):
        at = at * n + (e + n if e < 0 else e)
    return at


def is_sparse_constant(graph, v):
    """Whether a value is a constant array with few elements that are not zero."""
    value = graph.constants.get(v)
    if type(value) is not np.ndarray or v in graph.uniform or not value.ndim or value.size > 1 << 14:
        return False
    return np.count_nonzero(value) <= max(4, value.size // 8)


class Sparse:
    """An array of scalar values of which most are zero: a gradient that is a sum of scattered elements.

    Sums of them take time by what is not zero, so that the gradient of a loop over a vector is made in linear time.
    """

    __slots__ = ("at", "shape")

    def __init__(self, at, shape):
        self.at, self.shape = at, shape

    def row(self):
        n = 1
        for m in self.shape:
            n *= m
        found = [0] * n
        for k, x in self.at.items():
            found[k] = x
        return found

    def dense(self):
        return np.array(self.row(), np.int64).reshape(self.shape)


class Lowering:
    """Operations of a graph as operations on single numbers.

    A value is made of scalar values: one for a value of no dimension (in a mapped graph: but for the leading axis),
    else an array of them.
    """

    def __init__(self, graph, dtype, count, signatures=None):
        self.graph, self.dtype, self.count = graph, dtype, count
        self.signatures = signatures or {}  # what is known of signature_of
        self.lead = 1 if count else 0
        self.b = ScalarBuilder(dtype, True)
        self.numbers = {}  # of what is made here
        self.outside = {}  # of what is not, by (value, whether it has the leading axis)
        self.inputs = {}  # those of it that are loaded: their places among the inputs of the program

    def code(self, ops, outputs):
        """The Code of operations that make `outputs`."""
        graph = self.graph
        self.uses = Counter([v for op in ops for v in op.inputs])
        self.uses.update(outputs)
        for op in ops:
            found = self.lower(op)
            self.numbers[op.outputs[0]] = found.item() if type(found) is np.ndarray and found.ndim == 0 else found
        rows = []
        for v in outputs:
            found = self.numbers[v]
            if type(found) is int:
                rows.append([found])
            else:
                rows.append(found.row() if type(found) is Sparse else found.reshape(-1).tolist())
        program = self.b.program(rows, self.count > 0)
        constants = {v: graph.constants[v] for op in ops for v in op.inputs if v in graph.constants}
        inputs = tuple([v for v, _ in self.inputs])
        part = FlatGraph("scalars", graph.specs, constants, list(ops), inputs, tuple(outputs), graph.uniform)
        return Code(part, program, tuple([mapped for _, mapped in self.inputs]), self.count)

    def ids(self, v, mapped):
        """The scalar values of an operand, which has the leading axis or not."""
        found = self.numbers.get(v)
        if found is None:
            found = self.outside.get((v, mapped))
        if found is None:
            found = self.outside[v, mapped] = self.entered(v, mapped)
        elif type(found) is Sparse:
            found = self.numbers[v] = found.dense()
        return found

    def entered(self, v, mapped):
        """The scalar values of what is not made here: constants, and elements that are loaded."""
        graph, spec, b = self.graph, self.graph.specs[v], self.b
        shape = spec.shape[1:] if mapped else spec.shape
        if v in graph.uniform:
            one = b.constant(float(graph.uniform[v]))
            return np.full(shape, one) if shape else one
        if v in graph.constants and not mapped:
            values = np.asarray(graph.constants[v], self.dtype).reshape(-1).tolist()
            found = [b.constant(x) for x in values]
        else:
            at = self.inputs.setdefault((v, mapped), len(self.inputs))
            found = [b.load(at, i) for i in range(spec.size // (self.count if mapped else 1))]
        return np.array(found, np.int64).reshape(shape) if shape else found[0]

    def has_lead(self, v, ndim):
        shape = self.graph.specs[v].shape
        return bool(self.count) and len(shape) == ndim and shape[0] == self.count

    def lower(self, op):
        name = op.primitive.name
        rule = RULES.get(name)
        if rule is not None:
            return rule(self, op)
        name, _ = self.signatures.get(op.outputs[0]) or signature_of(op, self.graph)
        if name in SUMS:
            found = [self.sparse(v) for v in op.inputs]
            if None not in found:
                return self.added(name, op.inputs, found)
        if name == "cast":
            return self.whole(self.cast(op), op.outputs[0])
        if self.graph.specs[op.outputs[0]].dtype.kind == "b":
            name = TRUTHS.get(name, BOOLEAN.get(name, name) if self.all_bool(op) else name)
        return self.whole(self.each(OPCODES[name], [self.operand(v, op.outputs[0]) for v in op.inputs]), op.outputs[0])

    def whole(self, found, out):
        """The result of an elementwise operation with the axes that only constants of one number have."""
        shape = self.graph.specs[out].shape
        if self.count and shape[:1] == (self.count,) and np.ndim(found) < len(shape):
            shape = shape[1:]
        return found if np.shape(found) == shape else np.broadcast_to(found, shape)

    def sparse(self, v):
        """A value as a sparse array, if it is one; else None."""
        found = self.numbers.get(v)
        if type(found) is Sparse:
            return found
        if not self.count and is_sparse_constant(self.graph, v):
            value = self.graph.constants[v].reshape(-1)
            at = {k: self.b.constant(value[k]) for k in np.flatnonzero(value).tolist()}
            return Sparse(at, self.graph.specs[v].shape)
        return None

    def added(self, name, inputs, found):
        """A sum, difference or negative of sparse arrays; it takes the memory of one that nobody else reads."""
        b = self.b
        if name == "negative":
            return Sparse({k: b.emit(name, x) for k, x in found[0].at.items()}, found[0].shape)
        (left, right), (own, other) = found, [self.uses[v] == 1 and v in self.numbers for v in inputs]
        if name == "add" and other and (not own or len(right.at) > len(left.at)):
            left, right, own = right, left, True
        total = left.at if own else dict(left.at)
        for k, x in right.at.items():
            total[k] = b.emit(name, total.get(k, 0), x)
        return Sparse(total, left.shape)

    def all_bool(self, op):
        return all(self.graph.specs[v].dtype.kind == "b" for v in op.inputs)

    def operand(self, v, out):
        """An operand of an elementwise operation: its axes stand at the end, axes of length one are repeated."""
        graph = self.graph
        shape, to = graph.specs[v].shape, graph.specs[out].shape
        if v not in self.numbers and v in graph.uniform:
            return self.b.constant(float(graph.uniform[v]))
        if not self.count or len(shape) < len(to):
            return self.ids(v, False)
        if shape[0] == self.count:
            return self.ids(v, True)
        found = self.ids(v, False)  # its leading axis has length one
        return found if type(found) is int else found[0]

    def each(self, code, operands):
        """An operation, element by element."""
        b = self.b
        for x in operands:
            if type(x) is not int:
                break
        else:
            return b.apply(code, *operands)
        shapes = {x.shape for x in operands if type(x) is not int}
        return b.apply_all(code, operands, shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes))

    def cast(self, op):
        found = self.operand(op.inputs[0], op.outputs[0])
        if self.graph.specs[op.outputs[0]].dtype.kind != "b" or self.all_bool(op):
            return found
        return self.each(OPCODES["not_equal"], [found, 0])

    # -------------------------------------------------------------------------------- moves: on the numbers
    def index(self, op):
        key, v = op.params["key"], op.inputs[0]
        found = self.moved_whole(v)
        core = np.ndim(found)
        element = _element(key, core)
        if element is not None:
            return found.item(*element)
        index = key.index if key.core <= core else (Ellipsis, *key.index[2:])  # the whole of the leading axis
        return np.asarray(found)[index]

    def moved_whole(self, v):
        """An operand that has the leading axis if the graph has one."""
        return self.ids(v, bool(self.count))

    def scatter(self, op):
        """Sums of values in their places; what is no place is zero."""
        params = op.params
        keys = params["keys"] if "keys" in params else (params["key"],)
        shape = self.graph.specs[op.outputs[0]].shape[self.lead :]
        if all(_element(key, key.core) is not None for key in keys):
            return self.scattered(op.inputs, keys, shape)
        out = np.zeros(shape, np.int64)
        for k, (v, key) in enumerate(zip(op.inputs, keys, strict=True)):
            found = self.moved_whole(v)
            if k:
                out[key.index] = self.each(ADD, [out[key.index], np.asarray(found)])
            else:
                out[key.index] = found
        return out

    def scattered(self, inputs, keys, shape):
        """The sum of arrays of one element each, along the last axes."""
        found, b = {}, self.b
        for v, key in zip(inputs, keys, strict=True):
            at = _place(_element(key, key.core), shape[len(shape) - key.core :])
            values = self.moved_whole(v)
            if type(values) is int:
                found[at] = b.apply(ADD, found.get(at, 0), values)
                continue
            size = 1
            for n in shape[len(shape) - key.core :]:
                size *= n
            for x in values.reshape(-1).tolist():
                if x:
                    found[at] = b.apply(ADD, found.get(at, 0), x)
                at += size
        return Sparse(found, shape)

    def put(self, op):
        x, values = (np.asarray(self.moved_to(v, op, c)) for v, c in zip(op.inputs, put_core(op), strict=True))
        element = _element(op.params["key"], x.ndim)
        if element is not None and values.ndim == 0:
            out = x.copy()
            out[element] = values
            return out
        return op.primitive.body(x, values, key=op.params["key"])

    def moved_to(self, v, op, core):
        """An operand with `core` axes of its own, whose leading axes are aligned with those of the result."""
        graph = self.graph
        if v in graph.uniform and v not in self.numbers and not graph.specs[v].shape:
            return self.b.constant(float(graph.uniform[v]))
        return self.ids(v, self.lead_of(v, op, core))

    def lead_of(self, v, op, core):
        shape, out = self.graph.specs[v].shape, self.graph.specs[op.outputs[0]].shape
        ahead = len(out) - put_core(op)[0]
        return bool(self.count) and len(shape) - core == ahead and ahead > 0 and shape[0] == self.count

    def reshape(self, op):
        return np.reshape(self.moved_whole(op.inputs[0]), self.graph.specs[op.outputs[0]].shape[self.lead :])

    def broadcast(self, op):
        found = self.operand(op.inputs[0], op.outputs[0])
        return np.broadcast_to(found, self.graph.specs[op.outputs[0]].shape[self.lead :])

    def permute(self, op):
        found, axes = self.moved_whole(op.inputs[0]), op.params["axes"]
        n = np.ndim(found)
        if len(axes) > n:  # the leading axis stays in front
            axes = axes[1:]
        return np.transpose(found, (*range(n - len(axes)), *(n + a for a in axes)))

    def flip(self, op):
        return self.moved_whole(op.inputs[0])[..., ::-1]

    def stack(self, op):
        found = [self.moved_whole(v) for v in op.inputs]
        if all(type(x) is int for x in found):
            return np.array(found, np.int64)
        return np.stack(found, op.params["axis"])

    def concatenate(self, op):
        return np.concatenate([self.moved_whole(v) for v in op.inputs], op.params["axis"])

    def same(self, op):
        return self.moved_whole(op.inputs[0])

    def outer(self, op):
        x, y = (np.asarray(self.moved_to_end(v, op)) for v in op.inputs)
        return self.each(OPCODES["multiply"], [x[..., :, None], y[..., None, :]])

    def moved_to_end(self, v, op):
        return self.ids(v, self.has_lead(v, len(self.graph.specs[op.outputs[0]].shape) - 1))

    def product(self, op):
        """A product of matrices or vectors: products in the order of their axis, added one after the other."""
        own = PRODUCTS[op.primitive.name]
        ahead = len(self.graph.specs[op.outputs[0]].shape) - own[2]
        x, y = (
            np.asarray(self.ids(v, self.has_lead(v, ahead + n) if ahead else False))
            for v, n in zip(op.inputs, own, strict=False)
        )
        if own[0] == 1:
            x = x[..., None, :]
        if own[1] == 1:
            y = y[..., :, None]
        multiply, total = OPCODES["multiply"], None
        for k in range(x.shape[-1]):
            term = self.each(multiply, [x[..., :, k, None], y[..., None, k, :]])
            total = term if total is None else self.each(ADD, [total, term])
        return np.reshape(total, self.graph.specs[op.outputs[0]].shape[self.lead :])

    def fold(self, op):
        """A reduction in the order of the kernels: 16 lanes, folded in halves (reduce.h)."""
        found = self.moved_whole(op.inputs[0])
        axes = op.params["axes"]
        n = np.ndim(found)
        rows = np.moveaxis(found, axes, range(n - len(axes), n))
        shape = rows.shape[: n - len(axes)]
        rows = rows.reshape(*shape, -1) if shape else rows.reshape(1, -1)
        code = OPCODES[FOLDS[REDUCTIONS[op.primitive.name]]]
        out = np.array([self.folded(code, row.tolist()) for row in rows.reshape(-1, rows.shape[-1])], np.int64)
        return out.reshape(shape)

    def folded(self, code, row):
        lanes = row[:16]
        for i, x in enumerate(row[16:]):
            lanes[i % 16] = self.b.apply(code, lanes[i % 16], x)
        for half in (8, 4, 2, 1):
            for j in range(half, min(2 * half, len(lanes))):
                lanes[j - half] = self.b.apply(code, lanes[j - half], lanes[j])
            lanes = lanes[:half]
        return lanes[0]


ADD = OPCODES["add"]
SUMS = frozenset(["add", "subtract", "negative"])
BOOLEAN = {"add": "maximum"}
# Numbers of axes of the operands and the result.
PRODUCTS = {
    "matmul_core": (2, 2, 2),
    "matvec_core": (2, 1, 1),
    "vecmat_core": (1, 2, 1),
    "inner_last": (1, 1, 0),
}
RULES = {
    "index": Lowering.index,
    "scatter": Lowering.scatter,
    "scatter_sum": Lowering.scatter,
    "put": Lowering.put,
    "reshape_core": Lowering.reshape,
    "broadcast_core": Lowering.broadcast,
    "permute_core": Lowering.permute,
    "flip_last": Lowering.flip,
    "stack_core": Lowering.stack,
    "concatenate_core": Lowering.concatenate,
    "stop": Lowering.same,
    "outer_last": Lowering.outer,
    **dict.fromkeys(REDUCTIONS, Lowering.fold),
    **dict.fromkeys(PRODUCTS, Lowering.product),
}
MOVED_BY = frozenset(RULES) - frozenset(PRODUCTS) - frozenset(REDUCTIONS) - {"outer_last"}  # rules without arithmetic


def put_core(op):
    key = op.params["key"]
    return key.core, key.taken
