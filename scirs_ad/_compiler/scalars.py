"""Scalar code: operations on single numbers and small vectors become scalar programs.

A function that indexes and loops over small vectors makes thousands of nodes of one number each. Here the operations
of a graph that are small are gathered into groups, as `fuse` gathers regions; every value of a group becomes an array
of numbers of scalar values, so that indexing, stacking and writing to elements are done now, once, on those numbers,
and what is left are operations on single numbers. Equal ones are shared and zeros fall away: the Jacobian by unit
vectors becomes the sparse one.

A graph that `vmap` has given a leading axis is mapped the same way: the program is that of one element of the axis,
and the machine runs it for many side by side.
"""

import heapq
from collections import Counter

import numpy as np

from scirs_ad._compiler.fuse import REDUCTIONS, signature_of
from scirs_ad._compiler.graph import NUMBERS, OPENED, FlatGraph, Op, replay
from scirs_ad._core.core import PRIMITIVES, Key, Spec
from scirs_ad._core.define import primitive, sample
from scirs_ad._kernels.ops import OPCODES
from scirs_ad._kernels.scalar import ScalarBuilder, ScalarCall
from scirs_ad._kernels.vm import CHEAP

__all__ = ["Code", "ports", "scalarise"]

WIDE = 64  # elements of a value that is computed element by element
NARROW = 4  # and of one for which that is a gain in any case
MOVED = 1024  # elements of a value that is only moved
READ = 1 << 14  # elements of an input of which single ones are read
LEAST_LANES = 16  # a leading axis that is shorter is not worth its own program
LEAST_OPS = 4  # what is smaller stays as it is

# Estimates in nanoseconds, measured on one core of a 3.7 GHz Zen 4: what the other instructions take.
CALL, ELEMENT, FUNCTION, COPY, PYTHON = 6.0, 0.2, 1.0, 10.0, 700.0

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
        call = ports(self, [(k, 0, x.strides) for k, x in enumerate(leaves)], range(len(leaves), len(leaves) + len(outs)))
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
    yield sample(rng.standard_normal(2), code=Lowering(graph, np.dtype("d"), 0, True).code(ops, (3,)))


OPENED.add(scalar_call)


# ------------------------------------------------------------------------------------------------ lowering
def _element(key, core):
    """The entries of a key of as many integers as there are axes; None for others."""
    entries = key.index[1:]
    return entries if len(entries) == core and all(type(e) is int for e in entries) else None


class Lowering:
    """Operations of a graph as operations on single numbers.

    A value is made of scalar values: one for a value of no dimension (in a mapped graph: but for the leading axis),
    else an array of them.
    """

    def __init__(self, graph, dtype, count, exact):
        self.graph, self.dtype, self.count = graph, dtype, count
        self.lead = 1 if count else 0
        self.b = ScalarBuilder(dtype, exact)
        self.numbers = {}  # of what is made here
        self.outside = {}  # of what is not, by (value, whether it has the leading axis)
        self.inputs = {}  # those of it that are loaded: their places among the inputs of the program

    def code(self, ops, outputs):
        """The Code of operations that make `outputs`."""
        graph = self.graph
        for op in ops:
            found = self.lower(op)
            self.numbers[op.outputs[0]] = found.item() if type(found) is np.ndarray and found.ndim == 0 else found
        rows = []
        for v in outputs:
            found = self.numbers[v]
            rows.append([found] if type(found) is int else found.reshape(-1).tolist())
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
        name, _ = signature_of(op, self.graph)
        if name == "cast":
            return self.cast(op)
        if self.graph.specs[op.outputs[0]].dtype.kind == "b":
            name = TRUTHS.get(name, BOOLEAN.get(name, name) if self.all_bool(op) else name)
        return self.each(OPCODES[name], [self.operand(v, op.outputs[0]) for v in op.inputs])

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
        arrays = np.broadcast_arrays(*operands)
        rows = [a.reshape(-1).tolist() for a in arrays]
        return np.array([b.apply(code, *row) for row in zip(*rows, strict=True)], np.int64).reshape(arrays[0].shape)

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
        out = np.zeros(shape, np.int64)
        for k, (v, key) in enumerate(zip(op.inputs, keys, strict=True)):
            found = self.moved_whole(v)
            element = _element(key, len(shape))
            if element is not None and type(found) is int:
                out[element] = self.b.apply(ADD, out.item(*element), found) if k else found
            elif k:
                out[key.index] = self.each(ADD, [out[key.index], np.asarray(found)])
            else:
                out[key.index] = found
        return out

    def put(self, op):
        x, values = (np.asarray(self.moved_to(v, op, c)) for v, c in zip(op.inputs, _put_core(op), strict=True))
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
        ahead = len(out) - _put_core(op)[0]
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
BOOLEAN = {"add": "maximum"}
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
}


def _put_core(op):
    key = op.params["key"]
    return key.core, key.taken


# ------------------------------------------------------------------------------------------------ what can be lowered
class Chooser:
    """Which operations of a graph can be part of a scalar program, of one dtype, mapped over an axis or not."""

    def __init__(self, graph, dtype, count, wide):
        self.graph, self.dtype, self.count, self.wide = graph, dtype, count, wide
        self.made = set()  # values made by the operations that can

    def number(self, v):
        """Whether a value is of the dtype, or bool, or a number that is known."""
        if v in self.graph.uniform:
            return True
        dtype = self.graph.specs[v].dtype
        return dtype == self.dtype or dtype.kind == "b"

    def takes(self, op):
        """Whether an operation can be lowered; call it for all operations in their order."""
        graph, name = self.graph, op.primitive.name
        if len(op.outputs) != 1:
            return False
        out = graph.specs[op.outputs[0]]
        if self.count and (not out.shape or out.shape[0] != self.count):
            return False
        size = out.size // (self.count or 1)
        if not 0 < size <= MOVED or not (out.dtype == self.dtype or out.dtype.kind == "b"):
            return False
        for v in op.inputs:
            if not self.number(v) or graph.specs[v].size > READ * max(self.count, 1):
                return False
        rule = RULES.get(name)
        if rule is None:
            found = size <= self.wide and self.elementwise(op)
        else:
            found = self.moves(op, name)
        if found:
            self.made.add(op.outputs[0])
        return found

    def elementwise(self, op):
        found = signature_of(op, self.graph)
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
            v in graph.uniform
            or self.shared(v)
            if len(graph.specs[v].shape) < n or graph.specs[v].shape[0] == 1
            else graph.specs[v].shape[0] == self.count
            for v in op.inputs
        )

    def shared(self, v):
        return v not in self.made and self.graph.specs[v].size <= WIDE

    def moves(self, op, name):
        graph, count = self.graph, self.count
        specs = [graph.specs[v] for v in op.inputs]
        out = graph.specs[op.outputs[0]]
        if any(isinstance(graph.constants.get(v), NUMBERS) for v in op.inputs) and name != "put":
            return False
        if name == "put":
            return specs[0].size <= MOVED * max(count, 1) and (
                not count or all(map(self.put_operand, op.inputs, [op] * 2, _put_core(op)))
            )
        if name == "broadcast_core":
            return self.aligned(op)
        if count and name == "outer_last":
            return all(len(s.shape) == len(out.shape) - 1 and s.shape[0] == count for s in specs)
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
            return all(key.unique and key.taken < ndim + 1 - (1 if count else 0) for key in keys)
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
        graph = self.graph
        ours = [self.takes(op) for op in ops]
        if sum(ours) < LEAST_OPS:
            return list(ops)
        maker, users = {}, {}
        for k, op in enumerate(ops):
            for v in op.outputs:
                maker[v] = k
        waiting = [0] * len(ops)
        for k, op in enumerate(ops):
            for v in set(op.inputs):
                if v in maker:
                    users.setdefault(v, []).append(k)
                    waiting[k] += 1
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
def _price(graph, op, count):
    """Nanoseconds that an operation takes otherwise."""
    name = op.primitive.name
    size = graph.specs[op.outputs[0]].size
    if name in ("index", "reshape_core", "broadcast_core", "permute_core", "flip_last", "stop"):
        return 0.0 if count == 0 else 0.3 * size
    if name in ("put", "stack_core", "concatenate_core"):
        return PYTHON + size
    if name in ("scatter", "scatter_sum"):
        return COPY * (1 + len(op.inputs)) + 0.5 * size
    if name in REDUCTIONS:
        size = graph.specs[op.inputs[0]].size
    found = signature_of(op, graph) if name not in RULES else None
    cheap = found is None or found[0] in CHEAP
    return CALL + (ELEMENT if cheap else FUNCTION) * size + (0 if cheap else 10)


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


def scalarise(graph, exact=True):
    """A graph whose small operations are scalar programs, where that is a gain.

    Parameters
    ----------
    graph : FlatGraph
    exact : bool
        Whether identities that hold for all values may be used.

    Returns
    -------
    FlatGraph
        The same graph if nothing is gained.
    """
    letters = Counter(graph.specs[op.outputs[0]].dtype.char for op in graph.ops)
    ops, changed = graph.ops, False
    for letter in "df":
        if letters[letter] < LEAST_OPS:
            continue
        dtype = np.dtype(letter)
        count = _axis(graph)
        for axis in (count, 0) if count else (0,):
            found = _gathered(graph, ops, dtype, axis, exact)
            if found is not None:
                ops, changed = found, True
    if not changed:
        return graph
    return FlatGraph(graph.name, graph.specs, graph.constants, ops, graph.inputs, graph.outputs, graph.uniform)


def _gathered(graph, ops, dtype, count, exact):
    """The operations with scalar programs among them; None if there is none that is worth it."""
    steps = Chooser(graph, dtype, count, WIDE).groups(ops)
    if not any(type(step) is list for step in steps):
        return None
    reader = _readers(graph, steps)
    found, changed = [], False
    for k, step in enumerate(steps):
        if type(step) is not list:
            found.append(step)
            continue
        made = _best(graph, step, k, reader, dtype, count, exact)
        changed = changed or made is not step
        found.extend(made)
    return found if changed else None


def _readers(graph, steps):
    """For every value the step that reads it; -1: several, or the caller."""
    reader = dict.fromkeys(graph.outputs, -1)
    for k, step in enumerate(steps):
        for op in step if type(step) is list else [step]:
            for v in op.inputs:
                if reader.setdefault(v, k) != k:
                    reader[v] = -1
    return reader


def _best(graph, group, number, reader, dtype, count, exact):
    """A group as one scalar program, or with smaller ones in it, or as it was."""
    arithmetic = [op for op in group if op.primitive.name not in RULES]
    if len(arithmetic) < LEAST_OPS or (count and not _narrow(graph, group)):
        return group
    otherwise = sum(_price(graph, op, count) for op in group)
    most = sum(graph.specs[op.outputs[0]].size for op in arithmetic) // max(count, 1)
    outputs = tuple(v for op in group for v in op.outputs if reader.get(v, number) != number)
    best, cost = group, otherwise
    if most <= 100 * len(arithmetic) + 1000:
        made = _lowered(graph, group, outputs, dtype, count, exact)
        if made is not None and _cost(made) < cost:
            best, cost = [made], _cost(made)
    if not count and any(graph.specs[op.outputs[0]].size > NARROW for op in arithmetic):
        wanted = set(outputs)
        steps = Chooser(graph, dtype, 0, NARROW).groups(group)
        inner = _readers(graph, steps)
        parts = []
        for k, step in enumerate(steps):
            if type(step) is not list:
                parts.append(step)
                continue
            if sum(op.primitive.name not in RULES for op in step) < LEAST_OPS:
                parts.extend(step)
                continue
            ends = tuple(v for op in step for v in op.outputs if v in wanted or inner.get(v, k) != k)
            made = _lowered(graph, step, ends, dtype, 0, exact)
            before = sum(_price(graph, op, 0) for op in step)
            parts.extend([made] if made is not None and _cost(made) < before else step)
        total = sum(_cost(op) if op.primitive is scalar_call else _price(graph, op, 0) for op in parts)
        if total < cost:
            best = parts
    return best


def _narrow(graph, group):
    """Whether a mapped group has small axes of its own: else it is made of vectors, and better left to the regions."""
    return sum(op.primitive.name in RULES for op in group) >= 2


def _lowered(graph, group, outputs, dtype, count, exact):
    """One operation for a group; None if the machine does not take it."""
    try:
        code = Lowering(graph, dtype, count, exact).code(group, outputs)
    except ValueError:  # too many registers
        return None
    return Op(scalar_call, {"code": code}, code.graph.inputs, outputs)


def _cost(op):
    code = op.params["code"]
    return 15 + code.program.ns * max(code.count, 1)
