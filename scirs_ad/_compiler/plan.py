"""Plan: where every value lives, and the flat list of instructions.

A value is a place in a buffer: (buffer, offset, strides), so views cost nothing. Buffers are inputs, constants, fresh
arrays that are handed out, results of Python instructions, and pieces of one arena, which are packed by the times of
their first and last use.
"""

import bisect
import heapq
import itertools

import numpy as np

from scirs_ad._compiler.beside import kernels_together, side_by_side
from scirs_ad._compiler.check_plan import check_plan
from scirs_ad._compiler.fuse import REDUCTIONS, TRUTHS, Region, signature_of
from scirs_ad._compiler.graph import NUMBERS
from scirs_ad._compiler.lower import LOWERED
from scirs_ad._compiler.program import Program
from scirs_ad._compiler.remat import Memory, fitting, smallest, written
from scirs_ad._compiler.views import (
    VIEWS,
    box_of,
    broadcast_strides,
    contiguous,
    is_contiguous,
    keys_of,
    layout_of_terms,
    merged,
    view_index,
)
from scirs_ad._core.core import Spec
from scirs_ad._kernels.region import Region as Pass
from scirs_ad._transforms.check import checking
from scirs_ad._transforms.cost import size_of

__all__ = ["Plan", "plan"]

SMALL = 4096  # bytes of a register: one block of the machine, so that nothing has to be cut into blocks
ALIGN = 64
ATTEMPTS = 4  # to fit a memory limit, before the plan that needs least is asked for
FLAT, SCALAR, STRIDED = 0, 1, 2  # how it reads an input


class Buffer:
    """Memory of one or several values."""

    __slots__ = ("array", "dtype", "end", "kind", "offset", "shape", "size", "slot", "start", "values")

    def __init__(self, kind, size, time, shape=(), dtype=None, array=None):
        self.kind, self.size, self.start, self.end = kind, size, time, time
        self.shape, self.dtype, self.array = shape, dtype, array
        self.slot, self.offset, self.values = 0, 0, []


class Planner:
    """Goes through the steps of a fused graph once, making buffers, pointers and instructions."""

    def __init__(self, fused, donated=()):
        self.fused, self.graph, self.donated = fused, fused.graph, donated
        self.specs = self.graph.specs
        self.place = {}  # value -> (buffer, offset, strides)
        self.buffers, self.pointers, self.pointer_at = [], [], {}
        self.instructions, self.sources = [], []  # and the step that each instruction belongs to
        self.given = set()  # buffers of donated inputs
        self.overwritten = []  # (step, value, buffer): results of a region in the memory of what it reads
        self.splats = {}
        self.last = {}  # value -> the last step that reads it
        for k, step in enumerate(fused.steps):
            for v in step.inputs:
                self.last[v] = k
        for v in self.graph.outputs:
            self.last[v] = len(fused.steps)
        self.step = 0
        self.handed = self._handed_out()

    def _handed_out(self):
        """Values that are written straight into an array that the caller gets, and the shape of it."""
        graph = self.graph
        found = {v: self.specs[v].shape for v in graph.outputs if self.specs[v].shape}
        # A reshaped result is the result; so is one with values put in it.
        for k in range(len(self.fused.steps) - 1, -1, -1):
            step = self.fused.steps[k]
            if not isinstance(step, Region) and step.primitive.name in ("reshape_core", "permute_core", "put"):
                w, v = step.outputs[0], step.inputs[0]
                if step.primitive.name == "put" and (self.specs[v] != self.specs[w] or step.params["key"].advanced):
                    continue
                if w in found and v not in found and self.last[v] == k:
                    found[v] = self.specs[v].shape if step.primitive.name == "permute_core" else found[w]
        return found

    # -------------------------------------------------------------------------------- buffers
    @property
    def time(self):
        return len(self.instructions)

    def buffer(self, kind, size, **more):
        made = Buffer(kind, size, self.time, **more)
        self.buffers.append(made)
        return made

    def ours(self, buffer):
        """Whether the memory of a buffer may be written to when nobody reads it any more."""
        return buffer.kind == "arena" or (buffer.kind == "input" and buffer.slot in self.donated)

    def may_overwrite(self, v):
        """Whether a value is all of a buffer that this step reads last."""
        (buffer, offset, strides), spec = self.where(v), self.specs[v]
        return (
            (self.ours(buffer) or (buffer.kind == "fresh" and v in self.handed))
            and not offset
            and buffer.size == spec.size * spec.dtype.itemsize
            and is_contiguous(spec.shape, strides, spec.dtype.itemsize)
            and not any(self.last.get(u, -1) > self.step for u in buffer.values)
        )

    def may_hold(self, buffer, v):
        """Whether a result may lie in a buffer that is there: what is handed out needs an array of its shape."""
        handed = self.handed.get(v)
        return handed is None or (buffer.kind != "arena" and handed == buffer.shape)

    def new_place(self, v):
        """A contiguous place for a value that an instruction writes."""
        spec = self.specs[v]
        itemsize = spec.dtype.itemsize
        size = spec.size * itemsize
        if v in self.handed:
            buffer = self.buffer("fresh", size, shape=self.handed[v], dtype=spec.dtype)
        else:
            buffer = self.buffer("arena", size)
        return self.put(v, buffer, 0, contiguous(spec.shape, itemsize))

    def put(self, v, buffer, offset, strides):
        self.place[v] = buffer, offset, strides
        buffer.values.append(v)
        return self.place[v]

    def pointer(self, buffer, offset=0):
        """The number of the pointer to a place; the buffer is needed at least until now."""
        now = len(self.instructions)
        if buffer.end < now:
            buffer.end = now
        key = id(buffer), offset
        found = self.pointer_at.get(key)
        if found is None:
            found = self.pointer_at[key] = len(self.pointers)
            self.pointers.append((buffer, offset))
        return found

    def at(self, v):
        """(pointer, shape, strides) of a value."""
        buffer, offset, strides = self.where(v)
        return self.pointer(buffer, offset), self.specs[v].shape, strides

    def where(self, v):
        found = self.place.get(v)
        if found is None:
            array = np.asarray(self.graph.constants[v])
            found = self.put(v, self.constant_buffer(array), 0, array.strides)
        return found

    def constant_buffer(self, array):
        return self.buffer("constant", array.nbytes, array=array, shape=array.shape)

    def splat(self, number, dtype, n):
        """A constant block of one number."""
        key = repr(number), dtype, n
        if key not in self.splats:
            array = np.full(n, number, dtype)
            self.splats[key] = self.constant_buffer(array)
        return self.pointer(self.splats[key])

    def scratch(self, size):
        return self.buffer("arena", size)

    def emit(self, *instruction):
        self.instructions.append(instruction)
        self.sources.append(self.step)

    def emit_pass(self, region, inputs, outputs, threads=0):
        """A region, whose buffers are all needed now: instructions may lie between the making of its pointers."""
        for k in (*inputs, *outputs):
            buffer = self.pointers[k][0]
            buffer.end = max(buffer.end, self.time)
        self.emit("region", region, tuple(inputs), tuple(outputs), threads)

    def copy(self, v, to_pointer, to_strides):
        """Write a value to another place."""
        source, shape, strides = self.at(v)
        self.copy_strided(source, strides, to_pointer, to_strides, shape, self.specs[v].dtype.itemsize)

    def copy_strided(self, source, strides, to, to_strides, shape, itemsize):
        both = [(n, a, b) for n, a, b in zip(shape, strides, to_strides, strict=True) if n != 1]
        found = []
        for n, a, b in both:
            if found and found[-1][1] == a * n and found[-1][2] == b * n:
                found[-1] = (found[-1][0] * n, a, b)
            else:
                found.append((n, a, b))
        self.emit(
            "copy", itemsize, source, to, tuple(f[0] for f in found), tuple(f[1] for f in found),
            tuple(f[2] for f in found),
        )  # fmt: skip

    # -------------------------------------------------------------------------------- the walk
    def run(self):
        graph = self.graph
        for k, v in enumerate(graph.inputs):
            spec = self.specs[v]
            buffer = self.buffer("input", spec.size * spec.dtype.itemsize, shape=spec.shape, dtype=spec.dtype)
            buffer.slot = k
            if k in self.donated:
                self.given.add(buffer)
            self.put(v, buffer, 0, contiguous(spec.shape, spec.dtype.itemsize))
        for k, step in enumerate(self.fused.steps):
            self.step = k
            if isinstance(step, Region):
                self.region(step)
            else:
                self.single(step)
        self.step = len(self.fused.steps)
        results, given = [], set()
        for v in graph.outputs:
            results.append(self.result(v, given))
        return self.finish(results)

    def result(self, v, given):
        """How an output is handed out: the array of a buffer of its own, or a scalar."""
        spec = self.specs[v]
        buffer, offset, strides = self.where(v)
        if not spec.shape:
            return ("scalar", buffer, offset, spec.dtype)
        whole = offset == 0 and is_contiguous(spec.shape, strides, spec.dtype.itemsize)
        given_away = buffer.kind in ("fresh", "box") or (buffer.kind == "input" and self.ours(buffer))
        if whole and given_away and buffer.shape == spec.shape and id(buffer) not in given:
            given.add(id(buffer))
            self.pointer(buffer)
            buffer.end = 1 << 60
            return ("array", buffer)
        order = sorted(range(len(strides)), key=lambda d: -strides[d])
        dense = is_contiguous([spec.shape[d] for d in order], [strides[d] for d in order], spec.dtype.itemsize)
        if offset == 0 and dense and buffer.kind in ("fresh", "box") and id(buffer) not in given:
            given.add(id(buffer))  # transposed: a view of an array that nobody else has
            self.pointer(buffer)
            buffer.end = 1 << 60
            return ("view", buffer, spec.shape, strides)
        fresh = self.buffer("fresh", spec.size * spec.dtype.itemsize, shape=spec.shape, dtype=spec.dtype)
        self.copy(v, self.pointer(fresh), contiguous(spec.shape, spec.dtype.itemsize))
        given.add(id(fresh))
        return ("array", fresh)

    # -------------------------------------------------------------------------------- single operations
    def single(self, op):
        name = op.primitive.name
        lowered = LOWERED.get(name)
        if name == "reshape_core":
            self.reshape(op)
        elif name in ("hold", "named"):
            for v, out in zip(op.inputs, op.outputs, strict=False):
                self.put(out, *self.where(v))
        elif name in VIEWS and not isinstance(self.graph.constants.get(op.inputs[0]), NUMBERS):
            v, out = op.inputs[0], op.outputs[0]
            buffer, offset, strides = self.where(v)
            found = VIEWS[name](self.specs[v].shape, strides, op.params, self.specs[out].shape)
            if found is not None:
                self.put(out, buffer, offset + found[0], found[1])
            elif lowered is None or not lowered(self, op):
                self.python(op)
        elif name in ("scatter", "scatter_sum") and layout_of_terms(op, self.specs) is not None:
            self.scatter(op)
        elif lowered is None or not lowered(self, op):
            self.python(op)

    def reshape(self, op):
        v, out = op.inputs[0], op.outputs[0]
        spec, to = self.specs[v], self.specs[out].shape
        buffer, offset, strides = self.where(v)
        itemsize = spec.dtype.itemsize
        if is_contiguous(spec.shape, strides, itemsize):
            self.put(out, buffer, offset, contiguous(to, itemsize))
            return
        if spec.size and all(s == 0 for n, s in zip(spec.shape, strides, strict=True) if n != 1):
            self.put(out, buffer, offset, (0,) * len(to))
            return
        buffer, offset, strides = self.new_place(out)
        self.copy(v, self.pointer(buffer, offset), contiguous(spec.shape, itemsize))

    def scatter(self, op):
        """Zeros, and the values in their places."""
        terms, strides = layout_of_terms(op, self.specs)
        buffer = self.scattered(op)
        offset, v = terms[0]
        self.copy(v, self.pointer(buffer, offset), strides)
        for offset, v in terms[1:]:
            pointer, shape, own = self.at(v)
            dtype = self.specs[v].dtype
            made = Pass(shape, [(dtype, own)], [], [], [("add", 0, strides)])
            self.emit_pass(made, [pointer], [self.pointer(buffer, offset)])

    def scattered(self, op):
        """A new buffer for a sum of scatters, zero where the term that is written first leaves it untouched."""
        out = op.outputs[0]
        spec, itemsize = self.specs[out], self.specs[out].dtype.itemsize
        buffer, _, strides = self.new_place(out)
        # By the place: several terms may add the same value.
        first = max(keys_of(op), key=lambda key: view_index(spec.shape, strides, {"key": key}, None)[0])
        box = box_of(first, spec.shape)
        if box is None:
            self.emit("call", "zero", 8, spec.size * itemsize, -1, -1, -1, self.pointer(buffer))
            return buffer
        for d, (start, stop) in enumerate(box):
            for low, high in ((0, start), (stop, spec.shape[d])):
                if low >= high:
                    continue
                offset = low * strides[d] + sum(box[k][0] * strides[k] for k in range(d))
                shape = (*(box[k][1] - box[k][0] for k in range(d)), high - low, *spec.shape[d + 1 :])
                if is_contiguous(shape, strides, itemsize):
                    size = itemsize
                    for n in shape:
                        size *= n
                    self.emit("call", "zero", 8, size, -1, -1, -1, self.pointer(buffer, offset))
                else:
                    zero = self.splat(0.0, spec.dtype, 1)
                    self.copy_strided(zero, (0,) * len(shape), self.pointer(buffer, offset), strides, shape, itemsize)
        return buffer

    def python(self, op):
        args = []
        for v in op.inputs:
            if v in self.graph.constants and v not in self.place:
                args.append((None, self.graph.constants[v]))
                continue
            buffer, offset, strides = self.where(v)
            spec = self.specs[v]
            whole = (
                buffer.kind in ("input", "box")
                and offset == 0
                and buffer.shape == spec.shape
                and is_contiguous(spec.shape, strides, spec.dtype.itemsize)
            )
            args.append((self.pointer(buffer, offset), spec.shape, strides, spec.dtype, buffer if whole else None))
        outs = []
        for v in op.outputs:
            spec = self.specs[v]
            buffer = self.buffer("box", 0, shape=spec.shape, dtype=spec.dtype)
            self.put(v, buffer, 0, contiguous(spec.shape, spec.dtype.itemsize))
            outs.append((buffer, spec))
        self.emit("python", op.primitive, op.params, args, outs)

    # -------------------------------------------------------------------------------- regions
    def region(self, region):
        n = 1
        for k in region.shape:
            n *= k
        dtype = self.one_dtype(region)
        if dtype is not None and n * dtype.itemsize <= SMALL:
            folds_all = all(
                op.primitive.name == "sum_axes" and len(op.params["axes"]) == len(region.shape) for op in region.folds
            )
            flat = all(
                is_contiguous(region.shape, layout_of_terms(op, self.specs)[1], dtype.itemsize)
                for op in region.scatters
            )
            if folds_all and flat:
                self.small(region, n, dtype)
                return
        self.large(region)

    def one_dtype(self, region):
        """float64 or float32, if a region computes with nothing else, truth values as numbers; else None."""
        found = None
        for op in [*region.ops, *region.folds]:
            truth = getattr(op.primitive, "opcode", None) in TRUTHS
            for v in (*op.inputs, *op.outputs):
                dtype = self.specs[v].dtype
                if v in self.graph.uniform or (dtype.kind == "b" and (truth or v in op.inputs)):
                    continue
                if dtype.char not in "df" or (found is not None and dtype != found):
                    return None
                found = dtype
            if op.primitive.name not in REDUCTIONS and getattr(op.primitive, "opcode", None) is None:
                return None
        return found

    def read(self, v, shape, itemsize):
        """How a region reads a value: (mode, pointer, shape, strides)."""
        pointer, own, strides = self.at(v)
        strides = broadcast_strides(own, strides, shape)
        bits = 1 if self.specs[v].dtype.kind == "b" else itemsize
        if not any(strides):
            return SCALAR, pointer, (), ()
        if bits == itemsize and is_contiguous(shape, strides, itemsize):
            return FLAT, pointer, (), ()
        return STRIDED, pointer, *merged(shape, strides)

    def small(self, region, n, dtype):
        """At most one block: its registers lie in the arena, and each operation is one call of a kernel."""
        itemsize = dtype.itemsize
        size = n * itemsize
        register = {}  # value -> buffer and offset
        for v in region.inputs:
            mode, pointer, shape, strides = self.read(v, region.shape, itemsize)
            is_bool = self.specs[v].dtype.kind == "b"
            if mode == FLAT or (n == 1 and not is_bool):
                register[v] = self.pointers[pointer]
                continue
            made = self.scratch(size)
            register[v] = made, 0
            if is_bool:
                truth = pointer
                if mode != FLAT and n > 1:
                    bits = self.scratch(n)
                    truth = self.pointer(bits)
                    if mode == SCALAR:
                        shape, strides = (n,), (0,)
                    self.emit("copy", 1, pointer, truth, shape, strides, contiguous(shape, 1))
                    truth = self.pointer(bits)  # needed by the next instruction too
                self.emit("call", "truth", itemsize, n, truth, -1, -1, self.pointer(made))
            elif mode == SCALAR:
                self.emit("call", "fill", itemsize, n, pointer, -1, -1, self.pointer(made))
            else:
                self.emit("copy", itemsize, pointer, self.pointer(made), shape, strides, contiguous(shape, itemsize))
        last = {v: k for k, op in enumerate(region.ops) for v in op.inputs}
        kept = {v for op in [*region.folds, *region.scatters] for v in op.inputs}
        written, local = set(region.outputs), {}
        first, added = {}, []  # values written straight into a sum of scatters; those added in the end
        terms = {op: layout_of_terms(op, self.specs)[0] for op in region.scatters}
        again = {v for found in terms.values() for _, v in found[1:]}  # what is added must not be added to before
        for op in region.scatters:
            buffer = self.scattered(op)
            (offset, v), *rest = terms[op]
            if v in written or v in first or v in again or v in register or v in self.graph.uniform:
                rest = [(offset, v), *rest]
                self.emit("call", "zero", 8, size, -1, -1, -1, self.pointer(buffer, offset))
            else:
                first[v] = buffer, offset
            added += [(buffer, offset, v) for offset, v in rest]
        for k, op in enumerate(region.ops):
            operands = []
            for v in op.inputs:
                number = self.graph.uniform.get(v)
                operands.append(
                    self.splat(float(number), dtype, n) if number is not None else self.pointer(*register[v])
                )
            out = op.outputs[0]
            truth = op.primitive.opcode in TRUTHS and self.specs[out].dtype.kind == "b"
            if out in first:
                register[out] = first[out]
            elif out in written and not truth:
                register[out] = self.new_place(out)[:2]
            else:
                dying = next((v for v in op.inputs if v in local and last[v] == k), None)
                register[out] = (local.pop(dying), 0) if dying is not None else (self.scratch(size), 0)
                if out not in kept and out not in written:
                    local[out] = register[out][0]
            operands += [-1] * (3 - len(operands))
            self.emit("call", op.primitive.opcode, itemsize, n, *operands, self.pointer(*register[out]))
            if out in written and truth:
                buffer, offset, _ = self.new_place(out)
                self.emit(
                    "call", "bool", itemsize, n, self.pointer(*register[out]), -1, -1, self.pointer(buffer, offset)
                )
        for op in region.folds:
            number = self.graph.uniform.get(op.inputs[0])
            source = self.splat(number, dtype, n) if number is not None else self.pointer(*register[op.inputs[0]])
            buffer, offset, _ = self.new_place(op.outputs[0])
            self.emit("call", "sum", itemsize, n, source, -1, -1, self.pointer(buffer, offset))
        for buffer, offset, v in added:
            number = self.graph.uniform.get(v)
            source = self.splat(number, dtype, n) if number is not None else self.pointer(*register[v])
            to = self.pointer(buffer, offset)
            self.emit("call", "add", itemsize, n, to, source, -1, to)

    def large(self, region):
        """One pass of the machine."""
        uniform, shape = self.graph.uniform, region.shape
        number, inputs, pointers = {}, [], []
        for v in region.inputs:
            number[v] = len(inputs)
            pointer, own, strides = self.at(v)
            inputs.append((self.specs[v].dtype, broadcast_strides(own, strides, shape)))
            pointers.append(pointer)
        consts, code, memo = [], [], {}

        def operand(v, dtype):
            """The number of a value as an element of `dtype`."""
            if v in uniform or isinstance(self.graph.constants.get(v), NUMBERS):
                value = dtype.type(uniform[v] if v in uniform else self.graph.constants[v])
                key = dtype, value.tobytes()
                if key not in memo:
                    memo[key] = ~len(consts)  # constants come before the code: known when all are
                    consts.append((dtype, value))
                return memo[key]
            if self.specs[v].dtype == dtype:
                return number[v]
            if (v, dtype) not in memo:
                memo[v, dtype] = append("cast", dtype, [number[v]])
            return memo[v, dtype]

        def append(name, dtype, operands):
            code.append((name, dtype, operands))
            return 1 << 40 | (len(code) - 1)

        for op in region.ops:
            name, types = signature_of(op, self.graph)
            operands = [operand(v, t) for v, t in zip(op.inputs, types, strict=True)]
            number[op.outputs[0]] = append(name, self.specs[op.outputs[0]].dtype, operands)
        outputs, to = [], []
        free = self.dying(region)
        for k, v in enumerate(region.outputs):
            itemsize = self.specs[v].dtype.itemsize
            alias = None
            if free[k] is not None:
                alias, (buffer, offset) = free[k]
                self.put(v, buffer, 0, contiguous(shape, itemsize))
                self.overwritten.append((self.step, v, buffer))
            else:
                buffer, offset, _ = self.new_place(v)
            outputs.append(("store", number[v], contiguous(shape, itemsize), k, 0, alias))
            to.append(self.pointer(buffer, offset))
        for op in region.folds:
            buffer, offset, _ = self.new_place(op.outputs[0])
            axes = tuple(len(shape) + a for a in op.params["axes"])
            source = operand(op.inputs[0], self.specs[op.inputs[0]].dtype)
            outputs.append((REDUCTIONS[op.primitive.name], source, axes, len(to)))
            to.append(self.pointer(buffer, offset))
        for op in region.scatters:
            dtype = self.specs[op.outputs[0]].dtype
            terms, strides = layout_of_terms(op, self.specs)
            buffer = self.scattered(op)
            ready = operand(terms[0][1], dtype)
            if ready < 1 << 40:  # what is only handed through is written last: too late for the others
                ready = append("copy", dtype, [ready])
            outputs.append(("store", ready, strides, len(to), terms[0][0]))
            for offset, v in terms[1:]:
                at = operand(v, dtype)
                if 1 << 40 <= at < ready:  # within a block, what is added comes after what is written
                    at = append("copy", dtype, [at])
                outputs.append(("add", at, strides, len(to), offset))
            to.append(self.pointer(buffer))

        def final(x):
            """Inputs, then constants, then results of the code."""
            if x < 0:
                return len(inputs) + ~x
            return x if x < 1 << 40 else len(inputs) + len(consts) + (x & (1 << 40) - 1)

        code = [(name, dtype, [final(x) for x in operands]) for name, dtype, operands in code]
        outputs = [(mode, final(x), *rest) for mode, x, *rest in outputs]
        made = Pass(shape, inputs, consts, code, outputs)
        self.emit_pass(made, pointers, to)

    def dying(self, region):
        """For each output of a region, (input, place) that it may overwrite, or None: nobody needs that input later."""
        found = [None] * len(region.outputs)
        # What is folded as it came in is read at the end of a block.
        taken, late = set(), {v for op in [*region.folds, *region.scatters] for v in op.inputs}
        for i, v in enumerate(region.inputs):
            buffer, spec = self.where(v)[0], self.specs[v]
            if (
                v in late
                or id(buffer) in taken
                or spec.shape != region.shape
                or not self.may_overwrite(v)
                or sum(self.where(u)[0] is buffer for u in region.inputs) > 1
            ):
                continue
            for k, w in enumerate(region.outputs):
                if found[k] is None and self.specs[w].dtype == spec.dtype and self.may_hold(buffer, w):
                    found[k] = i, (buffer, 0)
                    taken.add(id(buffer))
                    break
        return found

    # -------------------------------------------------------------------------------- the program
    def finish(self, results):
        """Slots, packed arena, pointers: the Program."""
        side_by_side(self)
        slots = [("arena",)]
        for buffer in self.buffers:
            if buffer.kind == "arena":
                continue
            kind = buffer.kind
            if kind == "input":
                slots.append(("input", buffer.slot))
            elif kind == "constant":
                slots.append(("constant", buffer.array))
            elif kind == "fresh":
                slots.append(("fresh", buffer.shape, buffer.dtype))
            else:
                slots.append(("box",))
            buffer.slot = len(slots) - 1
        for found in results:  # what is read at the end is needed until then
            if found[0] == "scalar":
                self.pointer(found[1], found[2])
                found[1].end = 1 << 60
        self.arena = arena = pack([b for b in self.buffers if b.kind == "arena"])
        ends = {}
        for buffer in self.buffers:
            if buffer.kind == "box":
                ends.setdefault(buffer.end, []).append(buffer.slot)
        instructions, waiting, together = [], [], kernels_together(self)
        for k, d in enumerate(self.instructions):
            waiting += ends.get(k, ())
            if d[0] == "python":
                _, p, params, args, outs = d
                args = tuple([a if a[0] is None else (*a[:4], a[4].slot if a[4] is not None else -1) for a in args])
                outs = tuple([(buffer.slot, spec) for buffer, spec in outs])
                instructions.append(("python", p, params, args, outs, tuple(waiting), together.get(k, 1)))
                waiting = []
            else:
                instructions.append(d)
        ended = []
        for found in results:
            if found[0] == "array":
                ended.append(("array", found[1].slot))
            elif found[0] == "view":
                ended.append(("view", found[1].slot, found[2], found[3]))
            else:
                ended.append(("scalar", self.pointer(found[1], found[2]), found[3]))
        pointers = [(b.slot, b.offset + offset) for b, offset in self.pointers]
        return Program(slots, pointers, arena, instructions, ended)


def pack(buffers):
    """Give each buffer an offset in the arena; its size. Buffers whose times do not overlap may share memory."""
    buffers = sorted(buffers, key=lambda b: b.start)
    offsets, sizes = [], []  # free pieces, in order
    top, alive = 0, []

    def give(offset, size):
        i = bisect.bisect_left(offsets, offset)
        if i < len(offsets) and offset + size == offsets[i]:
            size += sizes[i]
            del offsets[i], sizes[i]
        if i and offsets[i - 1] + sizes[i - 1] == offset:
            sizes[i - 1] += size
        else:
            offsets.insert(i, offset)
            sizes.insert(i, size)

    for number, b in enumerate(buffers):
        while alive and alive[0][0] < b.start:
            _, _, offset, size = heapq.heappop(alive)
            give(offset, size)
        size = max(-(-b.size // ALIGN) * ALIGN, ALIGN)
        best = -1
        for i, s in enumerate(sizes):
            if s >= size and (best < 0 or s < sizes[best]):
                best = i
        if best >= 0:
            b.offset = offsets[best]
            if sizes[best] == size:
                del offsets[best], sizes[best]
            else:
                offsets[best] += size
                sizes[best] -= size
        else:
            if offsets and offsets[-1] + sizes[-1] == top:  # the last free piece grows
                b.offset = offsets.pop()
                sizes.pop()
            else:
                b.offset = top
            top = b.offset + size
        heapq.heappush(alive, (b.end, number, b.offset, size))
    return top


class Plan:
    """A Program, and what is known of it.

    Attributes
    ----------
    program : Program
    fused : FusedGraph
        What it runs: with a memory limit, some steps twice.
    sources : list of int
        Of each instruction the step that it belongs to; ``len(fused)`` for copies of results.
    live : list of int
        Bytes that are in use at each instruction: of the arena, of outputs, of results of kernels of other libraries.
    peak : int
        Bytes that a call allocates at most: the arena, outputs, results of kernels of other libraries.
    repeated : frozenset of int
        Steps that compute something a second time to fit a memory limit.
    """

    def __init__(self, fused, donated=(), before=None):
        """`before`: the graph without what is repeated."""
        planner = Planner(fused, donated)
        self.fused, self.repeated = fused, frozenset()
        if before is not None:
            n = len(before.graph.specs)  # what is made again has a new number
            self.repeated = frozenset(k for k, step in enumerate(fused.steps) if max(written(step), default=0) >= n)
        self.program, self.sources = planner.run(), planner.sources
        if checking():
            check_plan(planner)
        n = len(planner.instructions)
        waits = [k for k, d in enumerate(planner.instructions) if d[0] == "python"]
        used, boxes = [0] * (n + 2), [0] * (n + 2)
        handed = 0
        for b in planner.buffers:
            if b.kind == "arena":
                _during(used, b.start, b.end, b.size)
            elif b.kind == "fresh":
                handed += b.size
            elif b.kind == "box":  # given back by the next Python instruction
                size = size_of(Spec(b.shape, b.dtype))
                k = bisect.bisect_left(waits, b.end)
                _during(used, b.start, waits[k] if k < len(waits) else n, size)
                _during(boxes, b.start, waits[k] if k < len(waits) else n, size)
        used, boxes = list(itertools.accumulate(used)), list(itertools.accumulate(boxes))
        self.live = [handed + x for x in used[:n]]
        self.peak = planner.arena + handed + max(boxes)


def _during(changes, start, end, size):
    """Add a size to the changes at its start and after its end."""
    last = len(changes) - 2
    changes[min(start, last)] += size
    changes[min(end, last) + 1] -= size


def plan(fused, donated=(), limit=None):
    """The Plan of a fused graph.

    Parameters
    ----------
    fused : FusedGraph
    donated : collection of int
        Inputs that may be written over when they are not needed any more.
    limit : int, optional
        Bytes that a call may allocate. If more are needed, steps are repeated instead of keeping what they make.

    Raises
    ------
    MemoryError
        If no plan is found that needs so little. It says how much is needed.
    """
    found = Plan(fused, donated)
    if limit is None or found.peak <= limit:
        return found
    beside = found.peak - Memory(fused).peak  # outputs, and what packing adds
    for _ in range(ATTEMPTS):
        other, needed = fitting(fused, limit - beside)
        if needed > limit - beside:
            break
        made = Plan(other, donated, fused)
        if made.peak <= limit:
            return made
        beside += max(made.peak - limit, ALIGN)
    other = smallest(fused)
    made = Plan(other, donated, fused)
    if made.peak <= limit:
        return made
    raise MemoryError(
        f"compile of {fused.graph.name}: {found.peak} bytes are needed for intermediate results and outputs, "
        f"{min(made.peak, found.peak)} where values are computed again instead of being kept; memory_limit is {limit}. "
        "Allow more, or use smaller batches"
    )
