"""Lower: instructions for operations that are neither elementwise nor views.

A function here takes the Planner and an operation, emits its instructions and returns True; or it returns False and has
done nothing, and the operation stays a call of its kernel from Python.
"""

import numpy as np

from scirs_ad._compiler.graph import NUMBERS
from scirs_ad._compiler.loop import Branch, LoopStep, While, WhileStep
from scirs_ad._compiler.scalar_code import ports
from scirs_ad._compiler.scalar_step import ScalarStep
from scirs_ad._compiler.views import broadcast_strides, contiguous, is_contiguous, keys_of, merged, view_index
from scirs_ad._core.core import Spec
from scirs_ad._core.lazy import lazy
from scirs_ad._kernels import routines
from scirs_ad._kernels.region import Region

__all__ = ["LOWERED"]

_products = lazy("scirs_ad._compiler.products", routines.alone)

MOST_FLOPS = 1e10  # of one call of BLAS: a fifth of a second of one processor
ROWS_OF_A_PART = 256
MOST_POSITIONS = 1 << 24  # bytes of the list of elements that an index array selects


def _is_number(p, v):
    return isinstance(p.graph.constants.get(v), NUMBERS)


def _again(p, pointers):
    """Buffers of pointers that were made before other instructions are needed until now."""
    for k in pointers:
        buffer = p.pointers[k][0]
        buffer.end = max(buffer.end, p.time)
    return pointers


def _packed(p, v):
    """The pointer to a value in C order; it is copied if need be."""
    pointer, shape, strides = p.at(v)
    itemsize = p.specs[v].dtype.itemsize
    if is_contiguous(shape, strides, itemsize):
        return pointer
    made = p.scratch(p.specs[v].size * itemsize)
    p.copy_strided(pointer, strides, p.pointer(made), contiguous(shape, itemsize), shape, itemsize)
    return p.pointer(made)


# ------------------------------------------------------------------------------------------------ products
def _fits(p, op, *dims):
    """Whether BLAS does it: real floats of one dtype, at least these numbers of dimensions, nothing empty."""
    out = p.specs[op.outputs[0]]
    for v, n in zip(op.inputs, dims, strict=True):
        spec = p.specs[v]
        if len(spec.shape) < n or spec.dtype != out.dtype or 0 in spec.shape or spec.size >= 1 << 31:
            return False
        if _is_number(p, v):
            return False
    return out.dtype.char in "df" and out.size > 0


def _plain(p, op, *dims):
    """The same without leading axes."""
    return _fits(p, op, *dims) and all(len(p.specs[v].shape) == n for v, n in zip(op.inputs, dims, strict=True))


def _flag(rows, columns, down, right, itemsize):
    """(flag, leading dimension) of a matrix as BLAS is to see its transpose; None if it has to be copied."""
    if (right == itemsize or columns == 1) and (rows == 1 or down >= columns * itemsize) and not down % itemsize:
        return "N", max(down // itemsize, columns, 1) if rows > 1 else max(columns, 1)
    if (down == itemsize or rows == 1) and (columns == 1 or right >= rows * itemsize) and not right % itemsize:
        return "T", max(right // itemsize, rows, 1) if columns > 1 else max(rows, 1)
    return None


def _matrix(p, v, view, ordered=False):
    """(pointer, flag, leading dimension, strides of the leading axes) of matrices; `ordered`: not as transposes."""
    pointer, shape, strides = view
    itemsize = p.specs[v].dtype.itemsize
    found = _flag(*shape[-2:], *strides[-2:], itemsize)
    if found is not None and not (ordered and found[0] == "T"):
        return pointer, *found, strides[:-2]
    _again(p, (pointer,))  # the other operand may have been copied since
    made = p.scratch(p.specs[v].size * itemsize)
    to = contiguous(shape, itemsize)
    p.copy_strided(pointer, strides, p.pointer(made), to, shape, itemsize)
    return p.pointer(made), "N", max(shape[-1], 1), to[:-2]


def _turned(view):
    """Matrices as their transposes."""
    pointer, shape, strides = view
    return pointer, (*shape[:-2], shape[-1], shape[-2]), (*strides[:-2], strides[-1], strides[-2])


def _column(view):
    pointer, shape, strides = view
    return pointer, (*shape, 1), (*strides, strides[-1])


def _row(view):
    pointer, shape, strides = view
    return pointer, (*shape[:-1], 1, shape[-1]), (*strides[:-1], shape[-1] * strides[-1], strides[-1])


def _is_short(p, v, shape, other):
    """Whether a copy of matrices is nothing beside their product with the other ones."""
    return 8 * p.specs[v].size <= p.specs[other].size and max(shape[-2:]) <= 64


def _vector(p, v):
    """(pointer, increment) of a vector as BLAS takes it."""
    pointer, (n,), (step,) = p.at(v)
    itemsize = p.specs[v].dtype.itemsize
    if n == 1:
        return pointer, 1
    if step > 0 and not step % itemsize:
        return pointer, step // itemsize
    made = p.scratch(n * itemsize)
    p.copy_strided(pointer, (step,), p.pointer(made), (itemsize,), (n,), itemsize)
    return p.pointer(made), 1


def _product(p, op, kind, flags, sizes, steps, pointers, loop=((), (), ())):
    buffer, offset, strides = p.new_place(op.outputs[0])
    _again(p, pointers)
    itemsize = p.specs[op.outputs[0]].dtype.itemsize
    read, pointers = pointers, (*pointers, p.pointer(buffer, offset))
    lead = p.specs[op.outputs[0]].shape[: len(loop[1])]
    loops = _merged(lead, *loop[1:], strides[: len(lead)])
    made = _products.Product(kind, itemsize, flags, sizes, steps, pointers, loops)
    p.emit("held" if made.shared else "native", _products.Products(made) if made.shared else made, read, pointers[2:])
    return True


def _merged(shape, *strides):
    """(length, step of each operand) of the fewest loops."""
    found = []
    for n, *steps in zip(shape, *strides, strict=True):
        if n == 1:
            continue
        if found and all(a == b * n for a, b in zip(found[-1][1:], steps, strict=True)):
            found[-1] = (found[-1][0] * n, *steps)
        else:
            found.append((n, *steps))
    return tuple(found)


def _matmul(p, op):
    a, b = op.inputs
    if not _fits(p, op, 2, 2):
        return False
    shape = p.specs[a].shape
    if len(shape) == 2 and p.where(a)[:2] == p.where(b)[:2] and 2.0 * shape[0] * shape[0] * shape[1] > MOST_FLOPS:
        return False  # of a matrix and its own transpose one half is computed, but not in parts
    return _stacks(p, op, a, p.at(a), b, p.at(b), p.specs[op.outputs[0]].shape[:-2])


def _stacks(p, op, a, view_a, b, view_b, lead):
    """Products of stacks of matrices, of which the values `a` and `b` are views; `lead`: the leading axes of the result."""
    left, right = view_a[1], view_b[1]
    (m, k), n = left[-2:], right[-1]
    # A transposed operand costs BLAS much where the other one is long: 273 us and 161 us for 25 products of 1000 by 10
    # and 10 by 10.
    at, ta, lda, over_a = _matrix(p, a, view_a, ordered=_is_short(p, a, left, b))
    at_b, tb, ldb, over_b = _matrix(p, b, view_b, ordered=_is_short(p, b, right, a))
    over_a, over_b = broadcast_strides(left[:-2], over_a, lead), broadcast_strides(right[:-2], over_b, lead)
    itemsize = p.specs[a].dtype.itemsize
    stacked = _merged((*lead, m), (*over_a, lda * itemsize))
    if lead and not any(over_b) and ta == "N" and len(stacked) == 1 and stacked[0][1] == lda * itemsize:
        m, lead, over_a, over_b = stacked[0][0], (), (), ()  # one matrix for a whole batch: one product
    if n == 1 and not lead:
        flags, sizes = ("TN", (k, m, 1)) if ta == "N" else ("NN", (m, k, 1))
        return _product(p, op, "gemv", tuple(flags), sizes, (lda, 1 if tb == "T" else ldb, 1), (at, at_b))
    sizes, steps = (n, m, k), (ldb, lda, n)
    rows = max(ROWS_OF_A_PART, int(MOST_FLOPS / (2 * n * k)) // ROWS_OF_A_PART * ROWS_OF_A_PART)
    if not lead and rows < m:
        return _in_parts(p, op, (tb, ta), sizes, steps, (at_b, at), rows)
    return _product(p, op, "gemm", (tb, ta), sizes, steps, (at_b, at), (lead, over_b, over_a))


def _in_parts(p, op, flags, sizes, steps, pointers, rows):
    """A product that takes long as several instructions, between which a program can be interrupted."""
    (n, m, k), (at_b, at) = sizes, pointers
    itemsize = p.specs[op.outputs[0]].dtype.itemsize
    (source, offset_a), (buffer, offset_c, _) = p.pointers[at], p.new_place(op.outputs[0])
    step = itemsize * (steps[1] if flags[1] == "N" else 1)
    for start in range(0, m, rows):
        parts = at_b, p.pointer(source, offset_a + start * step), p.pointer(buffer, offset_c + start * n * itemsize)
        _again(p, parts)
        made = _products.Product("gemm", itemsize, flags, (n, min(rows, m - start), k), steps, parts)
        p.emit("native", made, parts[:2], parts[2:])
    return True


def _matvec(p, op, transposed=False):
    a, x = op.inputs[::-1] if transposed else op.inputs
    if not _fits(p, op, *((1, 2) if transposed else (2, 1))):
        return False
    lead = p.specs[op.outputs[0]].shape[:-1]
    matrix, vector = p.at(a), p.at(x)
    if not lead:
        (m, k) = p.specs[a].shape[::-1] if transposed else p.specs[a].shape
        at, flag, lda, _ = _matrix(p, a, _turned(matrix) if transposed else matrix)
        at_x, step = _vector(p, x)
        sizes, flags = ((k, m, 1), "TN") if flag == "N" else ((m, k, 1), "NN")
        return _product(p, op, "gemv", tuple(flags), sizes, (lda, step, 1), (at, at_x))
    if transposed:
        return _stacks(p, op, x, _row(vector), a, matrix, lead)
    if len(p.specs[a].shape) == 2:
        return _stacks(p, op, x, _row(vector), a, _turned(matrix), lead)
    return _stacks(p, op, a, matrix, x, _column(vector), lead)


def _vecmat(p, op):
    return _matvec(p, op, True)


def _inner(p, op):
    if not _fits(p, op, 1, 1):
        return False
    a, b = op.inputs
    if p.specs[a].shape[-1] != p.specs[b].shape[-1]:
        return False
    dims = [len(p.specs[v].shape) for v in (a, b)]
    if max(dims) == 1:
        (at, step_a), (at_b, step_b) = _vector(p, a), _vector(p, b)
        return _product(p, op, "dot", ("N", "N"), (1, p.specs[a].size, 1), (step_a, step_b, 1), (at, at_b))
    if min(dims) > 1:
        return False
    many, one = (a, b) if dims[1] == 1 else (b, a)
    return _stacks(p, op, many, _row(p.at(many)), one, _column(p.at(one)), p.specs[op.outputs[0]].shape)


# ------------------------------------------------------------------------------------------------ joining
def _join(p, op, parts):
    """Copies to parts of the result: (offset, strides) of each."""
    out = p.specs[op.outputs[0]]
    if any(p.specs[v].dtype != out.dtype or _is_number(p, v) for v in op.inputs):
        return False
    buffer, offset, strides = p.new_place(op.outputs[0])
    for v, (at, steps) in zip(op.inputs, parts(strides), strict=True):
        if p.specs[v].size:
            p.copy(v, p.pointer(buffer, offset + at), steps)
    return True


def _concatenate(p, op):
    axis = op.params["axis"]

    def parts(strides):
        start = 0
        for v in op.inputs:
            yield start * strides[axis], strides
            start += p.specs[v].shape[axis]

    lead = len(p.specs[op.outputs[0]].shape)
    if any(len(p.specs[v].shape) != lead for v in op.inputs):
        return False
    return _join(p, op, parts)


def _stack(p, op):
    axis = op.params["axis"]
    return _join(p, op, lambda strides: [
        (k * strides[axis], (*strides[:axis], *strides[len(strides) + axis + 1 :])) for k in range(len(op.inputs))
    ])  # fmt: skip


# ------------------------------------------------------------------------------------------------ indices
_MOVED = frozenset(map(np.dtype, "dfli?DF"))


def _take(p, op, v, over, step, length, at, over_at, shape):
    """A gather as a pass: for each element of `shape` the entry of `v` that the index at its place tells."""
    dtype = p.specs[v].dtype
    source = p.at(v)[0]
    buffer, offset, strides = p.new_place(op.outputs[0])
    strides = contiguous(shape, dtype.itemsize)
    inputs = [(dtype, over, 0, 0, (1, step, length)), (np.dtype(np.int64), over_at)]
    p.emit_pass(Region(shape, inputs, [], [], [("store", 0, strides)]), [source, at], [p.pointer(buffer, offset)])
    return True


def _scatter(p, op, source, over, step, length, at, over_at, over_out, shape):
    """A scatter as a pass: zeros, to which values are added in order."""
    dtype, out = p.specs[op.inputs[0]].dtype, p.specs[op.outputs[0]]
    buffer, offset, _ = p.new_place(op.outputs[0])
    to = p.pointer(buffer, offset)
    p.emit("call", "zero", 8, out.size * dtype.itemsize, -1, -1, -1, to)
    inputs = [(dtype, over), (np.dtype(np.int64), over_at)]
    outputs = [("scatter", 0, over_out, 0, 0, None, (1, step, length))]
    p.emit_pass(Region(shape, inputs, [], [], outputs), [source, at], [to], 1)
    return True


def _moved(p, op, *values):
    """Whether a pass can move the values: their dtypes, and nothing empty."""
    return (
        p.specs[values[0]].dtype in _MOVED
        and not any(_is_number(p, v) or 0 in p.specs[v].shape for v in values)
        and 0 not in p.specs[op.outputs[0]].shape
    )


def _gather(p, op):
    x, i = op.inputs
    if not _moved(p, op, x, i) or p.specs[i].dtype != np.int64:
        return False
    shape = p.specs[op.outputs[0]].shape
    _, long, over = p.at(x)
    at, indices, over_at = p.at(i)
    over = (*broadcast_strides(long[:-1], over[:-1], shape[:-1]), 0)
    step = p.at(x)[2][-1]
    return _take(p, op, x, over, step, long[-1], at, broadcast_strides(indices, over_at, shape), shape)


def _scatter_along(p, op):
    x, i = op.inputs
    if not _moved(p, op, x, i) or p.specs[i].dtype != np.int64 or p.specs[x].dtype.kind == "b":
        return False
    out = p.specs[op.outputs[0]]
    shape = np.broadcast_shapes(p.specs[x].shape, p.specs[i].shape)
    source, given, over = p.at(x)
    at, indices, over_at = p.at(i)
    itemsize = out.dtype.itemsize
    return _scatter(
        p, op, source, broadcast_strides(given, over, shape), itemsize, op.params["n"], at,
        broadcast_strides(indices, over_at, shape), (*contiguous(out.shape, itemsize)[:-1], 0), shape,
    )  # fmt: skip


def _positions(p, key, shape):
    """The pointer to the flat positions that a key with arrays selects, and their number."""
    found = key.positions(shape).astype(np.int64, copy=False).reshape(-1)
    return p.pointer(p.constant_buffer(found)), found.size


def _indexed(p, op):
    """``x[key]`` with arrays in the key: by flat positions."""
    (x,), key = op.inputs, op.params["key"]
    spec, out = p.specs[x], p.specs[op.outputs[0]]
    lead = len(spec.shape) - key.core
    if not _moved(p, op, x) or not key.advanced or 8 * out.size > MOST_POSITIONS:
        return False
    _, shape, strides = p.at(x)
    steps = merged(shape[lead:], strides[lead:])[1]
    if len(steps) > 1 or (steps and steps[0] < 0):
        return False
    at, n = _positions(p, key, spec.shape[lead:])
    size = spec.size
    for k in spec.shape[:lead]:
        size //= k
    over_at = (0,) * lead + (8,)
    return _take(
        p, op, x, (*strides[:lead], 0), steps[0] if steps else 0, size, at, over_at, (*spec.shape[:lead], n)
    )  # fmt: skip


def _scattered(p, op):
    """Zeros with values added at keys: by strides, or by flat positions where a key has arrays."""
    keys, out = keys_of(op), p.specs[op.outputs[0]]
    if not _moved(p, op, *op.inputs) or out.dtype.kind not in "fc":
        return False
    if len(keys) == 1 and keys[0].advanced:
        return _scattered_at(p, op, keys[0])
    if any(key.advanced or not key.unique for key in keys):
        return False
    places = [view_index(out.shape, contiguous(out.shape, out.dtype.itemsize), {"key": key}, None) for key in keys]
    buffer, offset, _ = p.new_place(op.outputs[0])
    p.emit("call", "zero", 8, out.size * out.dtype.itemsize, -1, -1, -1, p.pointer(buffer, offset))
    for k, (v, (at, strides)) in enumerate(zip(op.inputs, places, strict=True)):
        pointer, shape, own = p.at(v)
        to = p.pointer(buffer, offset + at)
        if k == 0:
            p.copy(v, to, strides)
        else:
            p.emit_pass(Region(shape, [(out.dtype, own)], [], [], [("add", 0, strides)]), [pointer], [to])
    return True


def _put(p, op):
    """A copy, which the last reader of `x` need not make, and the values copied to a view of it."""
    (x, values), key, out = op.inputs, op.params["key"], p.specs[op.outputs[0]]
    number = _is_number(p, values)
    if key.advanced or not _moved(p, op, *((x,) if number else (x, values))):
        return False
    if (not number and p.specs[values].dtype != out.dtype) or p.specs[x].dtype != out.dtype:
        return False
    itemsize = out.dtype.itemsize
    strides = contiguous(out.shape, itemsize)
    place = view_index(out.shape, strides, op.params, None)
    if place is None:
        return False
    to = key.shape(out.shape)
    if number:
        source, over = p.splat(p.graph.constants[values], out.dtype, 1), (0,) * len(to)
    else:
        source, own, over = p.at(values)
        over = broadcast_strides(own, over, to)
    buffer, offset = p.where(x)[:2]
    if (
        p.specs[x].shape == out.shape
        and p.may_overwrite(x)
        and p.may_hold(buffer, op.outputs[0])
        and (number or p.where(values)[0] is not buffer)
    ):
        p.put(op.outputs[0], buffer, offset, strides)
        p.overwritten.append((p.step, op.outputs[0], buffer))
    else:
        pointer, own, steps = p.at(x)
        buffer, offset, _ = p.new_place(op.outputs[0])
        steps = broadcast_strides(own, steps, out.shape)
        p.copy_strided(pointer, steps, p.pointer(buffer, offset), strides, out.shape, itemsize)
    _again(p, [source])
    p.copy_strided(source, over, p.pointer(buffer, offset + place[0]), place[1], to, itemsize)
    return True


def _scattered_at(p, op, key):
    (x,) = op.inputs
    spec, out = p.specs[x], p.specs[op.outputs[0]]
    lead = len(spec.shape) - key.taken
    itemsize = spec.dtype.itemsize
    if 8 * spec.size > MOST_POSITIONS:
        return False
    source, shape, strides = p.at(x)
    if not is_contiguous(shape[lead:], strides[lead:], itemsize):
        source, strides = _packed(p, x), contiguous(shape, itemsize)
    at, n = _positions(p, key, out.shape[lead:])
    size = 1
    for k in out.shape[lead:]:
        size *= k
    return _scatter(
        p, op, source, (*strides[:lead], itemsize), itemsize, size, at, (0,) * lead + (8,),
        (*contiguous(out.shape, itemsize)[:lead], 0), (*spec.shape[:lead], n),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ loops
def _scan(p, op):
    """A loop whose body is a program: one instruction."""
    q = op.params
    made = getattr(q["body"].program, "loop", None)
    if made is None or not q["length"] or not _typed(p, op.inputs, q["body"].specs):
        return False
    loop, n = made(q["carries"], q["count"]), q["carries"]
    made, read, written = _loop(
        p, op.inputs, op.outputs, loop, q["body"].specs, range(n, n + q["count"]), range(n, len(op.outputs)), q["length"],
        q.get("reverse"),
    )  # fmt: skip
    p.emit("held", made, read, written)
    return True


def _while(p, op):
    """A loop of unknown length whose test and body are programs."""
    q = op.params
    made, test = getattr(q["body"].program, "loop", None), getattr(q["cond"].program, "body", None)
    specs = q["body"].specs
    if made is None or test is None or not _typed(p, op.inputs, specs):
        return False
    try:
        loop = While(made(q["carries"], 0), test.program)
    except ValueError:
        return False
    made, read, written = _loop(p, op.inputs, op.outputs, loop.loop, specs, (), (), 1, False)
    p.emit("held", WhileStep(loop, made), read, written)
    return True


def _cond(p, op):
    """Two programs, one of which is run."""
    q, (pred, *inputs) = op.params, op.inputs
    sides = [getattr(q[name].program, "loop", None) for name in ("on_true", "on_false")]
    if None in sides or _is_number(p, pred) or p.specs[pred] != Spec((), bool):
        return False
    if not all(_typed(p, inputs, q[name].specs) for name in ("on_true", "on_false")):
        return False
    truth = p.at(pred)[0]
    steps, read, written = [], [truth], []
    for name, made in zip(("on_true", "on_false"), sides, strict=True):
        step, reads, writes = _loop(p, inputs, op.outputs, made(0, 0), q[name].specs, (), (), 1, False)
        steps.append(step)
        read += reads
        written += writes
    _again(p, [*read, *written])
    p.emit("held", Branch(truth, *steps), read, written)
    return True


def _typed(p, values, specs):
    """Whether values have the dtypes of the inputs of a body, or are Python numbers."""
    return all(p.specs[v].dtype == s.dtype or _is_number(p, v) for v, s in zip(values, specs, strict=True))


def _loop(p, inputs, outputs, loop, specs, rows, stacked, length, reverse):
    """The LoopStep, and the pointers that it reads and writes.

    `rows`: the places of inputs that are rows; `stacked`: of outputs.
    """
    leaves = [_rows(p, v, specs[k]) if k in rows else (_whole(p, v, specs[k]), 0) for k, v in enumerate(inputs)]
    outs = []
    for k, v in enumerate(outputs):
        buffer, offset, strides = p.place[v] if v in p.place else p.new_place(v)
        outs.append((p.pointer(buffer, offset), strides[0] if k in stacked else 0))
    buffer = p.pointer(p.scratch(max(loop.buffer_bytes, 1)))
    read, written = [k for k, _ in leaves], [*[k for k, _ in outs], buffer]
    _again(p, [*read, *written])
    return LoopStep(loop, leaves, outs, buffer, length, bool(reverse)), read, written


def _whole(p, v, spec):
    """The pointer to a value in C order, in the dtype of `spec`."""
    if _is_number(p, v):
        return p.pointer(p.constant_buffer(np.full(spec.shape, p.graph.constants[v], spec.dtype)))
    return _packed(p, v)


def _rows(p, v, spec):
    """(pointer, bytes from row to row), where each row is in C order."""
    pointer, shape, strides = p.at(v)
    if not is_contiguous(shape[1:], strides[1:], spec.dtype.itemsize):
        return _packed(p, v), spec.size * spec.dtype.itemsize
    return pointer, strides[0]


# ------------------------------------------------------------------------------------------------ scalar programs
def _scalars(p, op):
    """One instruction; its program has read all inputs of a run before it writes."""
    outputs = [p.pointer(*p.new_place(v)[:2]) for v in op.outputs]
    inputs = []
    for v in op.inputs:
        buffer, offset, strides = p.where(v)
        inputs.append((p.pointer(buffer), offset, strides))
    p.emit("native", ScalarStep(ports(op.params["code"], inputs, outputs)), [k for k, _, _ in inputs], outputs)
    return True


LOWERED = {
    "concatenate_core": _concatenate,
    "cond_call": _cond,
    "gather": _gather,
    "index": _indexed,
    "inner_last": _inner,
    "matmul_core": _matmul,
    "matvec_core": _matvec,
    "put": _put,
    "scalar_call": _scalars,
    "scan_call": _scan,
    "scatter": _scattered,
    "scatter_along": _scatter_along,
    "scatter_sum": _scattered,
    "stack_core": _stack,
    "vecmat_core": _vecmat,
    "while_call": _while,
}
