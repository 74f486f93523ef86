"""Fused elementwise programs over a fixed iteration space: building them.

A `Region` is described in static single assignment form, compiled to steps of the machine (`src/region.h`) once, and
run on pointers. It knows nothing of operations but the tables of kernels.
"""

from cpython.mem cimport PyMem_Malloc, PyMem_Free
from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memset, memcpy
cimport numpy as cnp
from scirs_ad._kernels.ops cimport ad_op_fn, ad_reducer, table, tables
from scirs_ad._kernels.threads cimport parallel_for, threads_for

from math import gcd

import numpy as np
from scirs_ad._kernels.ops import ISA, OPCODES
from scirs_ad._kernels.peephole import accumulate, fuse, join, live
from scirs_ad._kernels.region_view import (
    REDUCTIONS, apart, describe, disturbed, identity, is_flat, lone, merge, rows_pay, shared,
)
from scirs_ad._kernels.vm import CHEAP

cnp.import_array()

cdef extern from "region.h" nogil:
    enum: AD_FLAT_BLOCKS
    enum: AD_ROW_BLOCKS
    enum: AD_TILES
    enum: AD_DIRECT
    enum: AD_POINT
    enum: AD_COPIED
    enum: AD_FOLDED
    enum: AD_CALL3
    enum: AD_CALL4
    enum: AD_CALL5
    enum: AD_LOAD
    enum: AD_SAVE
    enum: AD_FOLD
    enum: AD_TAKE
    enum: AD_SCATTER
    enum: AD_F64
    enum: AD_F32
    enum: AD_I64
    enum: AD_I32
    enum: AD_B8
    enum: AD_C128
    enum: AD_C64
    enum: AD_RED_SUM
    enum: AD_RED_PROD
    enum: AD_RED_MAX
    enum: AD_RED_MIN
    enum: AD_UNIT
    ctypedef struct ad_view:
        const Py_ssize_t* stride
        Py_ssize_t offset
        int arg
        uint16_t reg
        uint8_t how, itemsize, dtype, inner, shared, whole
        Py_ssize_t step, length
        Py_ssize_t size, row_partials
        const void* reducer
        char identity[16]
        uint8_t late
    ctypedef union step_fn:
        ad_op_fn call3
    ctypedef struct ad_step:
        step_fn fn
        uint16_t dst, a, b, c, d, e
        uint8_t kind, one
    ctypedef void (*ad_parallel_for)(void (*)(void*, int, int) noexcept nogil, void*, int, int) noexcept nogil
    ctypedef struct ad_region:
        int walk, ndim
        const Py_ssize_t* shape
        Py_ssize_t n, inner, rows, block, chunk, sheet
        int chunks, late
        Py_ssize_t head
        int n_in, n_out, n_reg, n_temp, n_direct, n_point, n_still, folds, serial
        ad_view* views
        const uint16_t* direct
        const uint16_t* point
        const uint16_t* still
        const ad_step* steps
        int once_steps, row_steps, block_steps
        char** fixed
        const uint16_t* temp_reg
        const Py_ssize_t* temp_at
        Py_ssize_t scratch
        double ns
        ad_parallel_for parallel
    ad_op_fn ad_region_fill(int itemsize)
    ad_op_fn ad_region_copy(int itemsize)
    void ad_region_heads(ad_region* region)
    int ad_region_run(const ad_region* region, char** ins, char** outs, int threads)

cdef enum:
    STILL = 0           # classes of values: one for the run, one per row, one per element
    PER_ROW = 1
    MOVING = 2
    MOST_REGISTERS = 16384
    CACHE_BYTES = 32768     # first-level cache, for temporaries
    SHORT_ROW = 64          # elements; shorter rows are run several to a block
    LEAST_CHUNK = 16        # blocks
    MOST_CHUNKS = 64
    LEAST_HEADS = 8         # a chunk is at least so many times its head

_DTYPES = {
    np.dtype(np.float64): AD_F64, np.dtype(np.float32): AD_F32, np.dtype(np.int64): AD_I64, np.dtype(np.int32): AD_I32,
    np.dtype(np.bool_): AD_B8, np.dtype(np.complex128): AD_C128, np.dtype(np.complex64): AD_C64,
}
# Estimates of work are for vectors of 512 bits; with 256, 0.55 and 6 ns an element were measured where they say 0.25
# and 2.
SLOWER = 1.0 if ISA == "v4" else 2.0
_CODES = {"sum": AD_RED_SUM, "prod": AD_RED_PROD, "max": AD_RED_MAX, "min": AD_RED_MIN}


cdef dict SUPERS = {(<bytes> tables.supers[i].name).decode(): i for i in range(tables.n_supers)}


cdef dict TYPED = {
    (<bytes> tables.typed[i].name + b" " + <bytes> tables.typed[i].signature).decode(): i for i in range(tables.n_typed)
}
_LETTERS = {dtype: dict(zip(range(7), "dfli?DF"))[code] for dtype, code in _DTYPES.items()}


def has_kernel(name, types, dtype):
    """Whether a region can run operation `name` on operands of `types`, for a result of `dtype`."""
    return _find(name, [np.dtype(t) for t in types], np.dtype(dtype)) != NULL


def kernels():
    """Names of the superinstructions, and (name, signature) of the kernels on mixed types."""
    return list(SUPERS), [tuple(key.split(" ")) for key in TYPED]


cdef ad_op_fn _find(str name, list types, dtype) except? NULL:
    cdef int op
    if name in SUPERS:
        op = SUPERS[name]
        return <ad_op_fn> (tables.supers[op].f64 if dtype == np.float64 else tables.supers[op].f32)
    if name in OPCODES and dtype.kind == "f" and all([t == dtype for t in types]):
        op = OPCODES[name]
        if dtype == np.float64:
            return <ad_op_fn> table[op].f64
        if dtype == np.float32:
            return <ad_op_fn> table[op].f32
    found = TYPED.get(f"{name} {''.join([_LETTERS.get(t, '-') for t in [*types, dtype]])}")
    if found is None:
        return NULL
    op = found
    return tables.typed[op].fn


cdef ad_op_fn _kernel(str name, list types, dtype) except NULL:
    """The kernel of an operation on operands of these types; KeyError if there is none."""
    cdef ad_op_fn fn = _find(name, types, dtype)
    if fn == NULL:
        raise KeyError(f"Region: no kernel for {name} of {', '.join(map(str, types))} giving {dtype}")
    return fn


cdef class Region:
    """A fused elementwise program.

    Values are numbered: the inputs, then the constants, then the results of the code, one by one.

    Parameters
    ----------
    shape : tuple of int
        The iteration space.
    inputs : sequence of tuple
        `(dtype, strides)` or `(dtype, strides, arg)` or `(dtype, strides, arg, offset)`: bytes per step along every
        dimension of the space, which of the caller's pointers (by default its own), bytes from there to the first
        element.
        A fifth entry `(k, step, length)` makes it a gather: the element is `step` bytes per index further, with the
        index from input `k` (int64), negative ones counted from `length`. Any strides will do: 0 along
        broadcast dimensions; several inputs may be (shifted) views of one argument.
    consts : sequence of tuple
        `(dtype, value)`.
    code : sequence of tuple
        `(name, dtype, operands)`: operation, type of the result, numbers of the operands.
    outputs : sequence of tuple
        `("store" | "add", value, strides[, arg[, offset[, alias]]])`: written, or added to what is there. `alias`
        names an input which may share its memory, element for element; no other output may be that input itself.
        `("scatter", value, strides, arg, offset, None, (k, step, length))`: added in C order to the elements that
        indices point to.
        `("sum" | "prod" | "max" | "min", value, axes[, arg[, offset]])`: reduced over these axes of the space (None:
        all), written in C order without them.

    Raises
    ------
    KeyError
        If an operation has no kernel for its types.
    ValueError
        If the description contradicts itself, or an empty dimension is reduced by max or min.
    """

    def __cinit__(self, shape, inputs, consts, code, outputs):
        self.memory = []
        self.listing = []
        self.description = (shape, inputs, consts, code, outputs)
        _Builder(self, tuple(shape), list(inputs), list(consts), list(code), list(outputs)).build()

    def __dealloc__(self):
        if self.c != NULL:
            PyMem_Free(<void*> self.c)

    def __reduce__(self):
        return Region, self.description

    def __repr__(self):
        return f"<Region: {self.n_ins} inputs, {self.n_outs} outputs, {len(self.listing)} steps>"

    def run(self, ins, outs, int threads=1):
        """Run on arrays: for tests. Only their pointers are used."""
        cdef char* c_ins[64]
        cdef char* c_outs[64]
        cdef int status, i
        if len(ins) != self.n_ins or len(outs) != self.n_outs:
            raise TypeError(f"Region: {len(ins)} inputs and {len(outs)} outputs, "
                            f"expected {self.n_ins} and {self.n_outs}")
        for i, x in enumerate(ins):
            c_ins[i] = <char*> cnp.PyArray_DATA(<cnp.ndarray?> x)
        for i, x in enumerate(outs):
            c_outs[i] = <char*> cnp.PyArray_DATA(<cnp.ndarray?> x)
        with nogil:
            status = region_run(self.c, c_ins, c_outs, threads)
        if status == REGION_NO_MEMORY:
            raise MemoryError("out of memory for the temporaries of a fused region")
        if status == REGION_BAD_INDEX:
            raise IndexError("index out of bounds in a fused region")


cdef int region_run(const ad_region_opaque* region, char** ins, char** outs, int threads) noexcept nogil:
    cdef const ad_region* r = <const ad_region*> region
    return ad_region_run(r, ins, outs, threads if threads > 0 else threads_for(r.ns))


cdef class _Memory:
    """A block of memory that a region points into."""
    cdef char* data

    def __cinit__(self, Py_ssize_t size):
        self.data = <char*> PyMem_Malloc(max(size, 1))
        if self.data == NULL:
            raise MemoryError
        memset(self.data, 0, max(size, 1))

    def __dealloc__(self):
        PyMem_Free(self.data)


cdef class _Builder:
    """From the description to steps."""
    cdef Region region
    cdef tuple shape
    cdef list inputs, consts, code, outputs, views
    cdef int walk, ndim, n_in, n_out, n_const
    cdef bint whole                     # everything is folded to one number, by units of the flattened space
    cdef Py_ssize_t n, inner, rows, block, sheet
    cdef list types, classes            # by value
    cdef list registers                 # by value: its register, or None
    cdef dict filled                    # (value) -> register that holds it once per element
    cdef list once, per_row, per_block  # steps: (kind, fn as int, dst, five operands, one)
    cdef list fixed                     # by register: address, or 0
    cdef list temps                     # (register, offset in the scratch)
    cdef Py_ssize_t scratch, slot
    cdef list free                      # registers of free temporaries
    cdef dict last                      # value -> position of its last use in the code
    cdef dict direct                    # value -> the output it is computed into
    cdef dict results                   # position in the code -> outputs that are written there
    cdef dict added                     # position in the code -> the output that its superinstruction adds to
    cdef dict joined                    # position in the code -> that of a value that is computed along
    cdef set owned                      # registers that are temporaries of the block
    cdef list out_registers             # by output
    cdef list plan                      # by instruction: what runs, see `fuse`
    cdef int first                      # the value of the first instruction

    def __init__(self, Region region, tuple shape, list inputs, list consts, list code, list outputs):
        self.region, self.shape = region, shape
        self.inputs, self.consts, self.code, self.outputs = inputs, consts, code, outputs
        self.n_in, self.n_const, self.n_out = len(inputs), len(consts), len(outputs)
        self.once, self.per_row, self.per_block = [], [], []
        self.fixed, self.temps, self.free = [], [], []
        self.filled = {}
        self.owned = set()
        self.first = self.n_in + self.n_const

    def build(self):
        self.check()
        self.space()
        self.classify()
        self.plan = fuse(self.code, self.first, [v.value for v in self.views[self.n_in:]],
                         [cls == MOVING for cls in self.classes], self.types, SUPERS)
        self.blocks()
        self.lifetimes()
        self.added = accumulate(
            self.plan, self.first, [v.value for v in self.views[self.n_in:]], self.types, SUPERS,
            [k for k, v in enumerate(self.views[self.n_in:])
             if v.mode == "add" and v.how == AD_DIRECT and not self.reads(v.value, v.arg)])
        self.joined = join(self.plan, [
            cls == MOVING and dtype.kind == "f" and (
                k + self.first not in self.direct or lone(self.views[self.n_in:], self.direct[k + self.first]))
            for k, (cls, dtype) in enumerate(zip(self.classes[self.first:], self.types[self.first:]))])
        self.allocate()
        self.finish()

    cdef check(self):
        cdef int k
        self.views = describe(len(self.shape), self.inputs, self.outputs)
        self.types = [v.dtype for v in self.views[:self.n_in]] + [np.dtype(dtype) for dtype, _ in self.consts]
        for k, (name, dtype, operands) in enumerate(self.code):
            if any(not 0 <= value < len(self.types) for value in operands):
                raise ValueError(f"Region: instruction {k} ({name}) uses a value that is not computed before it")
            self.types.append(np.dtype(dtype))
            self.code[k] = (name, self.types[len(self.types) - 1], operands)
        for dtype in self.types:
            if dtype not in _DTYPES:
                raise KeyError(f"Region: no kernels for dtype {dtype}")
        if len(self.types) > MOST_REGISTERS:
            raise ValueError(f"Region: {len(self.types)} values; the machine takes {MOST_REGISTERS}")
        for k in range(self.n_out):
            v = self.views[self.n_in + k]
            if not 0 <= v.value < len(self.types):
                raise ValueError(f"Region: output {k} is value {v.value}; there are {len(self.types)}")
            v.dtype = self.types[v.value]
            if v.axes is not None:
                v.strides = [0] * len(self.shape)
                v.size = 1
                step = v.dtype.itemsize
                for d in range(len(self.shape) - 1, -1, -1):
                    if d not in v.axes:
                        v.strides[d] = step
                        step *= self.shape[d]
                        v.size *= self.shape[d]
                    elif self.shape[d] == 0 and v.mode in ("max", "min"):
                        raise ValueError(f"zero-size array to reduction operation {v.mode}imum which has no identity")
        for k in range(self.n_out):
            if self.views[self.n_in + k].alias is not None:
                self.check_alias(k, self.views[self.n_in + k].alias)
        for v in self.views:
            if v.index is not None and self.types[v.index[0]] != np.int64:
                raise ValueError(f"Region: indices must be int64, not {self.types[v.index[0]]}")
            if len(v.strides) != len(self.shape):
                raise ValueError(f"Region: {len(v.strides)} strides for a space of {len(self.shape)} dimensions")

    cdef check_alias(self, int k, int alias):
        """Output `k` lies over input `alias`: nobody else may read it when a block has been computed."""
        if not 0 <= alias < self.n_in:
            raise ValueError(f"Region: output {k} is to lie over input {alias}; there are {self.n_in}")
        x, y = self.views[alias], self.views[self.n_in + k]
        same = all([n == 1 or a == b for n, a, b in zip(self.shape, x.strides, y.strides)])
        if y.axes is not None or y.index is not None or y.dtype.itemsize != x.dtype.itemsize or not same:
            raise ValueError(f"Region: output {k} is to lie over input {alias}, but has other places")
        for i in range(self.n_in):
            if i != alias and self.views[i].arg == x.arg:
                raise ValueError(f"Region: output {k} is to lie over input {alias}, whose memory input {i} reads, too")
        for i in range(self.n_out):
            if i != k and self.views[self.n_in + i].value == alias:
                raise ValueError(
                    f"Region: output {k} is to lie over input {alias}, which output {i} takes as it came in, when it "
                    f"has been written over; let output {i} take a copy (an instruction), or give output {k} its own "
                    f"memory"
                )

    cdef space(self):
        """Merge the dimensions, choose the walk, and how each view is reached."""
        cdef list folds = [v for v in self.views if v.axes is not None]
        cdef bint whole = all(len(v.axes) == len(self.shape) for v in folds)
        cdef Py_ssize_t size
        full = [v for v in folds if len(v.axes) == len(self.shape)]
        self.n = 1
        for size in self.shape:
            self.n *= size
        self.shape = merge(self.shape, self.views, not folds and not any([v.mode == "scatter" for v in self.views]))
        self.ndim = len(self.shape)
        self.inner = self.shape[self.ndim - 1]
        self.rows = self.n // self.inner if self.n else 0
        if folds and not (whole and full):
            self.walk = AD_ROW_BLOCKS if self.inner >= SHORT_ROW else AD_TILES
        elif self.ndim == 1 or self.inner < SHORT_ROW or (
                folds and not rows_pay(self.views, self.shape, len(self.code))):
            self.walk = AD_FLAT_BLOCKS
        else:
            self.walk = AD_ROW_BLOCKS
        if apart(self.views, self.shape, SHORT_ROW, self.walk == AD_TILES):
            self.walk = AD_TILES
            self.sheet = self.shape[self.ndim - 2]
        self.whole = bool(full) and whole and self.walk != AD_TILES
        for v in self.views:
            item = v.dtype.itemsize
            v.cls = MOVING
            if v.axes is not None:
                v.how = AD_FOLDED
            elif v.index is not None:
                v.how = AD_COPIED
            elif not any(v.strides) and v.mode is None:
                v.how, v.cls = AD_POINT, STILL
            elif self.sheet:
                down, step = v.strides[self.ndim - 2], v.strides[self.ndim - 1]
                if v.mode is None and down == 0 and step == 0:
                    v.how, v.cls = AD_POINT, PER_ROW
                else:
                    v.how = AD_DIRECT if step == item and down == self.inner * item else AD_COPIED
                    v.spread = v.mode is None and down == 0
            elif self.walk == AD_ROW_BLOCKS:
                step = v.strides[self.ndim - 1]
                if step == 0 and v.mode is None:
                    v.how, v.cls = AD_POINT, PER_ROW
                else:
                    v.how = AD_DIRECT if step == item or self.inner == 1 else AD_COPIED
            else:
                v.how = AD_DIRECT if is_flat(v.strides, self.shape, item) else AD_COPIED

    cdef blocks(self):
        """Choose the size of blocks: as many elements as fit the first-level cache together."""
        cdef Py_ssize_t widest = max([t.itemsize for t in self.types], default=8)
        cdef Py_ssize_t size, block = max(4096 // widest, AD_UNIT)
        if live(self.plan, self.first) * block * widest > CACHE_BYTES:
            block = AD_UNIT
        if self.walk == AD_TILES:
            self.block = max(1, min(block // max(self.inner, 1), self.sheet if self.sheet else self.rows))
            size = self.block * self.inner
        else:
            size = self.n if self.walk == AD_FLAT_BLOCKS else self.inner
            self.block = size = max(1, min(block, size))
        self.slot = (size * widest + 63) // 64 * 64 + 64

    cdef lifetimes(self):
        """Where each value is used last, and which outputs are computed in place."""
        cdef int k, value, end = len(self.code)
        self.last, self.direct, self.results = {}, {}, {}
        for k, entry in enumerate(self.plan):
            for value in entry[1] if entry else ():
                self.last[value] = k
        outputs = self.views[self.n_in:]
        row = self.inner if self.walk == AD_ROW_BLOCKS else self.n
        adds = {}                       # argument -> position of the first addition to it
        for v in self.views[self.n_in:]:
            if v.mode == "add":
                at = v.value - self.first
                adds[v.arg] = min(adds.get(v.arg, end), at if at >= 0 else end)
        for k in range(self.n_out):
            v = self.views[self.n_in + k]
            value = v.value
            at = value - self.first
            # Written over an input which is still read later: at the end.
            wait = at < 0 or (v.alias is not None and self.last.get(v.alias, -1) > at)
            if wait:
                at = end
            elif (v.mode == "store" and v.how == AD_DIRECT and self.classes[value] == MOVING
                    and value not in self.direct
                    # What is added to the result changes what is read from there.
                    and self.last.get(value, -1) <= adds.get(v.arg, end + 1) and not disturbed(v, outputs, row)):
                self.direct[value] = k
            self.last[value] = max(self.last.get(value, -1), at)
            self.results.setdefault(at, []).append(k)
        for v in self.views:            # indices stay: where they are read depends on the view
            if v.index is not None:
                self.last[v.index[0]] = end

    cdef classify(self):
        cdef int value
        self.classes = [v.cls for v in self.views[:self.n_in]] + [STILL] * self.n_const
        for _, _, operands in self.code:
            self.classes.append(max([self.classes[value] for value in operands], default=STILL))

    cdef bint reads(self, int value, int arg):
        """Whether the instruction that gives `value` reads what is stored in an output."""
        cdef int k = value - self.first
        if k < 0 or self.plan[k] is None:
            return False
        return any([x in self.direct and self.views[self.n_in + self.direct[x]].arg == arg for x in self.plan[k][1]])

    # ---- registers
    cdef int register(self, object address=0):
        self.fixed.append(address)
        return len(self.fixed) - 1

    cdef int keep(self, Py_ssize_t size):
        """A register with memory of its own for the whole run."""
        cdef int r = self.register()
        self.temps.append((r, self.scratch))
        self.scratch += (size + 63) // 64 * 64
        return r

    cdef int take(self):
        """A register with a block of its own, until it is released."""
        cdef int r = self.free.pop() if self.free else self.keep(self.slot)
        self.owned.add(r)
        return r

    cdef release(self, object r):
        if r in self.owned:
            self.owned.discard(r)
            self.free.append(r)

    cdef call(self, list steps, str text, ad_op_fn fn, int dst, list operands, bint one):
        cdef int kind = AD_CALL5 if len(operands) == 5 else AD_CALL4 if len(operands) == 4 else AD_CALL3
        steps.append((kind, <size_t> fn, dst, operands + [0] * (5 - len(operands)), one))
        self.note(f"{text} r{dst} <- {' '.join([f'r{x}' for x in operands])}", one)

    cdef move(self, int kind, str text, int dst, int a):
        self.per_block.append((kind, 0, dst, [a, 0, 0, 0, 0], False))
        self.note(f"{text} {dst} <- {a}", False)

    cdef note(self, str text, bint one):
        self.region.listing.append(text + (" (one)" if one else ""))

    cdef int vector(self, int value) except -1:
        """The register that holds `value` once per element."""
        cdef int r, cls = self.classes[value]
        cdef _Memory memory
        cdef Py_ssize_t item = self.types[value].itemsize
        if cls == MOVING:
            if self.registers[value] is None:       # an input that is copied
                self.registers[value] = r = self.load(value)
            return self.registers[value]
        if value in self.filled:
            return self.filled[value]
        if self.n_in <= value < self.first:
            memory = self.constant(value, self.slot // item)
            r = self.register(<size_t> memory.data)
        else:
            r = self.keep(self.slot)
            self.call(self.once if cls == STILL else self.per_row, "fill", ad_region_fill(item), r,
                      [self.registers[value]], False)
        self.filled[value] = r
        return r

    cdef int load(self, int value) except -1:
        """An input to a register."""
        cdef int r
        v = self.views[value]
        if v.spread:
            r = self.keep(self.slot)
            self.per_row.append((AD_LOAD, 0, r, [value, 0, 0, 0, 0], False))
            self.note(f"spread r{r} <- {value}", False)
        elif v.index is None:
            r = self.take()
            self.move(AD_LOAD, "load", r, value)
        else:
            at, one = self.indices(v)
            r = self.take()
            self.per_block.append((AD_TAKE, 0, r, [value, at, 0, 0, 0], one))
            self.note(f"take r{r} <- {value} at r{at}", one)
        return r

    cdef tuple indices(self, v):
        """The register of the indices of a view, and whether one is for the whole block."""
        cdef int value = v.index[0]
        if self.classes[value] == MOVING:
            return self.vector(value), False
        return self.registers[value], True

    cdef _Memory constant(self, int value, Py_ssize_t n):
        dtype, number = self.consts[value - self.n_in]
        cdef bytes data = np.full(n, number, dtype).tobytes()
        cdef _Memory memory = _Memory(len(data))
        memcpy(memory.data, <const char*> data, len(data))
        self.region.memory.append(memory)
        return memory

    cdef allocate(self):
        cdef int k, value, r, x, cls
        cdef _Memory memory
        cdef ad_op_fn fn
        self.registers = [None] * len(self.types)
        self.register()                 # register 0 stays empty: operands that an operation lacks
        for k in range(self.n_in):
            if self.views[k].how != AD_COPIED:
                self.registers[k] = self.register()
        for k in range(self.n_in, self.first):
            memory = self.constant(k, 1)
            self.registers[k] = self.register(<size_t> memory.data)
        self.out_registers = [
            self.register() if self.views[self.n_in + k].how == AD_DIRECT else 0 for k in range(self.n_out)
        ]
        for k, entry in enumerate(self.plan):
            if entry is None:
                continue
            name, operands, kinds = entry
            value = self.first + k
            cls = self.classes[value]
            fn = _kernel(name, [self.types[x] for x in operands], self.types[value])
            if cls < MOVING:
                r = self.registers[value] = self.keep(16)
                self.call(self.once if cls == STILL else self.per_row, name, fn, r,
                          [self.registers[x] for x in operands], True)
            elif self.registers[value] is None:
                self.instruction(k, value, name, fn, operands, kinds)
            for x in self.results.get(k, ()) if k not in self.added else ():
                self.write(x)
            if cls == MOVING and self.last[value] == k:
                self.release(self.registers[value])
        for x in self.results.get(len(self.code), ()):
            self.write(x)

    cdef instruction(self, int k, int value, str name, ad_op_fn fn, operands, str kinds):
        cdef int x, r
        cdef list sources = [
            self.registers[x] if kind == "s" else self.vector(x) for x, kind in zip(operands, kinds)
        ]
        cdef list late = []
        for x in set(operands):
            if self.last[x] == k:
                # The result may take an operand's place, if elements are of one size.
                if self.types[x].itemsize == self.types[value].itemsize:
                    self.release(self.registers[x])
                else:
                    late.append(self.registers[x])
        if k in self.added:
            r = self.out_registers[self.added[k]]
            sources.append(r)
        else:
            r = self.out_registers[self.direct[value]] if value in self.direct else self.take()
        self.registers[value] = r
        if k in self.joined:
            value = self.first + self.joined[k]
            x = self.out_registers[self.direct[value]] if value in self.direct else self.take()
            self.registers[value] = x
            sources.append(r if name == "cos" else x)
            name, r = "quotient" if name == "divide" else "sincos", x if name == "cos" else r
            fn = _kernel(name, [], self.types[value])
        self.call(self.per_block, name, fn, r, sources, False)
        for source in late:
            self.release(source)

    cdef write(self, int k):
        """Output `k`, from the register of its value."""
        cdef int r, t, view = self.n_in + k
        v = self.views[view]
        if self.direct.get(v.value) == k:
            return
        r = self.vector(v.value)
        if v.mode in REDUCTIONS:
            self.move(AD_FOLD, v.mode, view, r)
        elif v.mode == "scatter":
            at, one = self.indices(v)
            self.per_block.append((AD_SCATTER, 0, view, [r, at, 0, 0, 0], one))
            self.note(f"scatter {view} <- r{r} at r{at}", one)
        elif v.mode == "store" and v.how == AD_DIRECT:
            self.call(self.per_block, "copy", ad_region_copy(v.dtype.itemsize), self.out_registers[k], [r], False)
        elif v.mode == "store":
            self.move(AD_SAVE, "save", view, r)
        elif v.how == AD_DIRECT:
            fn = _kernel("add", [v.dtype, v.dtype], v.dtype)
            self.call(self.per_block, "add", fn, self.out_registers[k], [self.out_registers[k], r], False)
        else:
            fn = _kernel("add", [v.dtype, v.dtype], v.dtype)
            t = self.take()
            self.move(AD_LOAD, "load", t, view)
            self.call(self.per_block, "add", fn, t, [t, r], False)
            self.move(AD_SAVE, "save", view, t)
            self.release(t)

    # ---- the C structure
    cdef void* memory(self, Py_ssize_t size) except NULL:
        cdef _Memory memory = _Memory(size)
        self.region.memory.append(memory)
        return memory.data

    cdef uint16_t* numbers(self, list values) except NULL:
        cdef uint16_t* out = <uint16_t*> self.memory(2 * len(values))
        cdef int i
        for i in range(len(values)):
            out[i] = values[i]
        return out

    cdef Py_ssize_t* sizes(self, values) except NULL:
        cdef Py_ssize_t* out = <Py_ssize_t*> self.memory(sizeof(Py_ssize_t) * len(values))
        cdef int i
        for i in range(len(values)):
            out[i] = values[i]
        return out

    cdef finish(self):
        cdef ad_region* r = <ad_region*> PyMem_Malloc(sizeof(ad_region))
        cdef ad_step* steps
        cdef ad_view* c
        cdef int i
        if r == NULL:
            raise MemoryError
        memset(r, 0, sizeof(ad_region))
        self.region.c = <ad_region_opaque*> r
        r.walk, r.ndim, r.shape = self.walk, self.ndim, self.sizes(self.shape)
        r.n, r.inner, r.rows, r.block, r.sheet = self.n, self.inner, self.rows, self.block, self.sheet
        r.n_in, r.n_out = self.n_in, self.n_out
        r.views = <ad_view*> self.memory(sizeof(ad_view) * len(self.views))
        for i, v in enumerate(self.views):
            c = &r.views[i]
            c.stride, c.offset, c.arg = self.sizes(v.strides), v.offset, v.arg
            c.how, c.itemsize, c.dtype = v.how, v.dtype.itemsize, _DTYPES[v.dtype]
            if v.index is not None:
                c.step, c.length = v.index[1], v.index[2]
                r.serial = r.serial or v.mode == "scatter"
            if v.how == AD_FOLDED:
                self.fold(v, c)
                r.folds += 1
            elif v.how != AD_COPIED:
                c.reg = self.registers[i] if i < self.n_in else self.out_registers[i - self.n_in]
        self.partition(r, self.overlaps(r))
        ad_region_heads(r)
        direct = [i for i, v in enumerate(self.views) if v.how == AD_DIRECT]
        point = [i for i, v in enumerate(self.views) if v.how == AD_POINT and v.cls == PER_ROW]
        still = [i for i, v in enumerate(self.views) if v.how == AD_POINT and v.cls == STILL]
        r.direct, r.n_direct = self.numbers(direct), len(direct)
        r.point, r.n_point = self.numbers(point), len(point)
        r.still, r.n_still = self.numbers(still), len(still)
        steps = <ad_step*> self.memory(
            sizeof(ad_step) * (len(self.once) + len(self.per_row) + len(self.per_block)))
        r.once_steps, r.row_steps, r.block_steps = len(self.once), len(self.per_row), len(self.per_block)
        for i, (kind, fn, dst, operands, one) in enumerate(self.once + self.per_row + self.per_block):
            steps[i].kind, steps[i].one = kind, one
            steps[i].fn.call3 = <ad_op_fn> <size_t> fn
            steps[i].dst = dst
            steps[i].a, steps[i].b, steps[i].c, steps[i].d, steps[i].e = operands
        r.steps = steps
        r.n_reg = len(self.fixed)
        r.fixed = <char**> self.memory(sizeof(char*) * r.n_reg)
        for i in range(r.n_reg):
            r.fixed[i] = <char*> <size_t> self.fixed[i]
        r.n_temp = len(self.temps)
        r.temp_reg = self.numbers([t for t, _ in self.temps])
        r.temp_at = self.sizes([at for _, at in self.temps])
        r.scratch = self.scratch
        r.parallel = <ad_parallel_for> parallel_for
        r.ns = SLOWER * self.n * (0.3 + sum([
            0.15 if entry[0] in CHEAP or entry[0] in SUPERS else 1.2
            for k, entry in enumerate(self.plan) if entry and self.classes[self.first + k] == MOVING
        ]))
        self.region.ns = r.ns
        self.region.n_ins = max([v.arg for v in self.views[:self.n_in]], default=-1) + 1
        self.region.n_outs = max([v.arg for v in self.views[self.n_in:]], default=-1) + 1

    cdef fold(self, v, ad_view* c):
        cdef Py_ssize_t size
        cdef bytes first = identity(v.mode, v.dtype).tobytes()
        memcpy(c.identity, <const char*> first, len(first))
        cdef const ad_reducer* reducer = &tables.reducers[<int> _CODES[v.mode]][<int> _DTYPES[v.dtype]]
        c.reducer = <const void*> reducer
        if reducer.units == NULL:
            raise KeyError(f"Region: no kernel for the {v.mode} of {v.dtype}")
        c.inner = v.strides[self.ndim - 1] == 0
        c.whole = self.whole
        c.size = v.size
        if self.walk == AD_ROW_BLOCKS and c.inner:
            c.row_partials = self.scratch
            size = AD_UNIT if c.whole else (self.inner + AD_UNIT - 1) // AD_UNIT
            self.scratch += (size * c.itemsize + 63) // 64 * 64

    cdef Py_ssize_t overlaps(self, ad_region* r) except -1:
        """Marks late outputs; how many elements (flat) or rows of a chunk they concern."""
        cdef Py_ssize_t step, head = 0
        cdef int k, d = self.ndim - 1 if self.walk == AD_FLAT_BLOCKS else self.ndim - 2
        found = shared(self.shape, self.views)
        r.serial = r.serial or found is None
        if r.serial:
            return 0
        for k, gap in found.items():
            v = self.views[k]
            r.late = r.views[k].late = 1
            r.views[k].reducer = <const void*> &tables.reducers[<int> AD_RED_SUM][<int> _DTYPES[v.dtype]]
            nothing = v.dtype.type(-0.0).tobytes()
            memcpy(r.views[k].identity, <const char*> nothing, len(nothing))
            step = v.strides[d] if d >= 0 and v.strides[d] else gap
            head = max(head, (gap + step - 1) // step)
        r.head = (head + AD_UNIT - 1) // AD_UNIT * AD_UNIT if self.walk == AD_FLAT_BLOCKS else head
        return r.head

    cdef partition(self, ad_region* r, Py_ssize_t head):
        """Chunks of equal size, and whether several write to the same element of a reduction."""
        cdef Py_ssize_t least, sheet
        cdef int i, most = MOST_CHUNKS
        cdef bint first = False, outer = False
        if self.walk == AD_FLAT_BLOCKS:
            least = max(LEAST_CHUNK * self.block, LEAST_HEADS * head)
            r.chunk = max(least, (self.n + most - 1) // most)
            r.chunk = (r.chunk + self.block - 1) // self.block * self.block
            r.chunks = (self.n + r.chunk - 1) // r.chunk
            return
        for i, v in enumerate(self.views):
            if v.how == AD_FOLDED and not self.whole and not all(v.strides[:self.ndim - 1]):
                outer = True
                first = first or v.strides[0] == 0
                r.views[i].shared = True
                most = max(1, min(most, self.n // (4 * max(v.size, 1))))
        least = (LEAST_CHUNK * (AD_UNIT * 2) + self.inner - 1) // max(self.inner, 1)
        r.chunk = max(1, least, LEAST_HEADS * head, (self.rows + most - 1) // most)
        if self.walk == AD_TILES:
            r.chunk = (r.chunk + self.block - 1) // self.block * self.block
        if self.whole:                  # chunks end where units do
            sheet = AD_UNIT // gcd(AD_UNIT, self.inner)
            r.chunk = (r.chunk + sheet - 1) // sheet * sheet
        if outer and not first:         # whole sheets: then nothing is shared
            sheet = self.rows // self.shape[0] if self.n else 1
            r.chunk = (r.chunk + sheet - 1) // sheet * sheet
            for i in range(len(self.views)):
                r.views[i].shared = False
        r.chunks = (self.rows + r.chunk - 1) // r.chunk
