"""The executor: a flat list of instructions over a table of pointers, run without a Python object per instruction.

A `Program` is made once per signature. What a run needs besides it (the arena, the table of pointers) is a `Frame`;
frames are kept for the next call, and two threads that run a program at once have one each. Pointers into the arena
and to constants are fixed when the frame is made; only those to inputs, outputs and results of Python instructions are
set in a call.
"""

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject, PyTypeObject
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from scirs_ad._kernels.buffers cimport empty
from scirs_ad._kernels.ops cimport ad_op_fn, table, tables
from scirs_ad._kernels.region cimport REGION_BAD_INDEX, Region, ad_region_opaque, region_run

import time

import numpy as np
from scirs_ad._compiler.together import run_together
from scirs_ad._core.core import bind
from scirs_ad._kernels.ops import OPCODES
from scirs_ad._transforms.custom import WATCHERS

cnp.import_array()

cdef list watchers = WATCHERS

cdef extern from *:
    """
    #include <stdint.h>
    #include <stdlib.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #define AD_POPULATE_WRITE 23    /* MADV_POPULATE_WRITE, Linux 5.14 */
    #endif
    /* A large one is touched at once, since all of it will be: 0.35 ms a MB, where page faults one by one are 0.65 ms
     * (on a virtual machine). A kernel that does not know how leaves it as it is. */
    static void *ad_arena_new(size_t size)
    {
    #if defined(_WIN32)
        return malloc(size);
    #else
        void *data = NULL;
        if (posix_memalign(&data, 64, size ? size : 64) != 0)
            return NULL;
    #if defined(__linux__)
        if (size >= (1u << 19)) {
            uintptr_t first = ((uintptr_t) data + 4095) & ~(uintptr_t) 4095;
            madvise((void *) first, ((uintptr_t) data + size - first) & ~(uintptr_t) 4095, AD_POPULATE_WRITE);
        }
    #endif
        return data;
    #endif
    }
    """
    void* ad_arena_new(size_t size)

cdef extern from "numpy/arrayobject.h":
    object PyArray_EMPTY(int nd, cnp.npy_intp* dims, int typenum, int fortran)
    object PyArray_New(PyTypeObject* subtype, int nd, cnp.npy_intp* dims, int typenum, cnp.npy_intp* strides,
                       void* data, int itemsize, int flags, object obj)
    object PyArray_Scalar(void* data, cnp.dtype descr, object base)

cdef enum:
    MAX_ARGS = 64           # inputs, or outputs, of one region; and arguments of the short way into a function
    SUM = 0                 # AD_RED_SUM, AD_F64, AD_F32 of src/ops.h
    F64 = 0
    F32 = 1

cdef enum:
    CALL = 0
    VM = 1
    COPY = 2
    NATIVE = 3
    PYTHON = 4                  # from here on with the GIL
    HELD = 5

cdef struct Pass:
    const ad_region_opaque* region
    int n_in, n_out, threads
    int* ptr                    # of inputs, then of outputs

# ------------------------------------------------------------------------------------------------ small kernels
cdef void fill64(Py_ssize_t n, const void* a, const void* b, const void* c, void* out) noexcept nogil:
    cdef Py_ssize_t i
    cdef double x = (<const double*> a)[0]
    for i in range(n):
        (<double*> out)[i] = x


cdef void fill32(Py_ssize_t n, const void* a, const void* b, const void* c, void* out) noexcept nogil:
    cdef Py_ssize_t i
    cdef float x = (<const float*> a)[0]
    for i in range(n):
        (<float*> out)[i] = x


cdef void sum64(Py_ssize_t n, const void* a, const void* b, const void* c, void* out) noexcept nogil:
    tables.reducers[SUM][F64].whole(n, a, out)


cdef void sum32(Py_ssize_t n, const void* a, const void* b, const void* c, void* out) noexcept nogil:
    tables.reducers[SUM][F32].whole(n, a, out)


cdef void truth64(Py_ssize_t n, const void* a, const void* b, const void* c, void* out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<double*> out)[i] = (<const unsigned char*> a)[i] != 0


cdef void truth32(Py_ssize_t n, const void* a, const void* b, const void* c, void* out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<float*> out)[i] = (<const unsigned char*> a)[i] != 0


cdef void bool64(Py_ssize_t n, const void* a, const void* b, const void* c, void* out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<unsigned char*> out)[i] = (<const double*> a)[i] != 0


cdef void bool32(Py_ssize_t n, const void* a, const void* b, const void* c, void* out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        (<unsigned char*> out)[i] = (<const float*> a)[i] != 0


cdef void zero(Py_ssize_t n, const void* a, const void* b, const void* c, void* out) noexcept nogil:
    memset(out, 0, n)


cdef ad_op_fn function_of(str name, int itemsize) except NULL:
    """A kernel by name: of this module, or of the table of operations."""
    cdef bint double = itemsize == 8
    if name == "fill":
        return fill64 if double else fill32
    if name == "sum":
        return sum64 if double else sum32
    if name == "truth":
        return truth64 if double else truth32
    if name == "bool":
        return bool64 if double else bool32
    if name == "zero":
        return zero
    cdef int op = OPCODES[name]
    return <ad_op_fn> (table[op].f64 if double else table[op].f32)


cdef void move(Move* m, const char* source, char* to) noexcept nogil:
    """Copy a strided array to a strided place."""
    cdef Py_ssize_t index[MAX_DIMS]
    cdef Py_ssize_t i, n, fs, ts
    cdef int d, last = m.ndim - 1, size = m.itemsize
    if last < 0:
        memcpy(to, source, size)
        return
    for d in range(m.ndim):
        index[d] = 0
        if m.shape[d] == 0:
            return
    n, fs, ts = m.shape[last], m.from_stride[last], m.to_stride[last]
    while True:
        if fs == size and ts == size:
            memcpy(to, source, n * size)
        elif size == 8:
            for i in range(n):
                memcpy(to + i * ts, source + i * fs, 8)
        elif size == 4:
            for i in range(n):
                memcpy(to + i * ts, source + i * fs, 4)
        elif size == 1:
            for i in range(n):
                to[i * ts] = source[i * fs]
        else:
            for i in range(n):
                memcpy(to + i * ts, source + i * fs, size)
        d = last - 1
        while d >= 0:
            index[d] += 1
            source += m.from_stride[d]
            to += m.to_stride[d]
            if index[d] < m.shape[d]:
                break
            source -= m.from_stride[d] * m.shape[d]
            to -= m.to_stride[d] * m.shape[d]
            index[d] = 0
            d -= 1
        if d < 0:
            return


cdef int run_pass(Pass* r, char** ptr) noexcept nogil:
    cdef char* args[2 * MAX_ARGS]
    cdef int i
    for i in range(r.n_in + r.n_out):
        args[i] = ptr[r.ptr[i]]
    return region_run(r.region, args, args + r.n_in, r.threads)


cdef int run_native(Instr* instr, char** ptr, int i, int end) noexcept nogil:
    """Instructions that do without the GIL, in order; the status, for `check`."""
    cdef Instr* at
    cdef int status
    while i < end:
        at = &instr[i]
        if at.kind == CALL:
            at.fn(at.n, ptr[at.a], ptr[at.b] if at.b >= 0 else NULL, ptr[at.c] if at.c >= 0 else NULL,
                  ptr[at.out])
        elif at.kind == VM:
            status = run_pass(<Pass*> at.data, ptr)
            if status != 0:
                return status
        elif at.kind == NATIVE:
            status = at.run(at.data, ptr)
            if status != 0:
                return status
        else:
            move(<Move*> at.data, ptr[at.a], ptr[at.out])
        i += 1
    return 0


cdef int check(int status) except -1:
    """Raise what a status of native instructions stands for."""
    if status == 0:
        return 0
    if status == REGION_BAD_INDEX:
        raise IndexError("an index is out of bounds for the axis that it selects from, in a compiled function")
    raise MemoryError("out of memory for the temporaries of a compiled function")


# ------------------------------------------------------------------------------------------------ frames
cdef class Frame:
    """What one run of a program needs for itself."""

    def __dealloc__(self):
        free(self.arena)
        PyMem_Free(self.ptr)
        PyMem_Free(self.base)


cdef class Native:
    pass


cdef class Held:
    cdef int step(self, Frame f) except -1:
        raise NotImplementedError       # each subclass has its own: there is no instruction without one


cdef class PythonCall:
    """A primitive without an instruction of its own: its kernel, on views of the arena."""


cdef class Program:
    """A planned graph. Made by plan.py, which describes slots, pointers and instructions.

    Parameters
    ----------
    slots : list of tuple
        ``("arena",)``, ``("input", k)``, ``("constant", array)``, ``("fresh", shape, dtype)``, ``("box",)``.
    pointers : list of (slot, offset)
    arena : int
        Its size in bytes.
    instructions : list of tuple
    results : list of tuple
        ``("array", slot)``, ``("view", slot, shape, strides)`` or ``("scalar", pointer, dtype)``.
    """

    cdef void* memory(self, size_t size) except NULL:
        cdef void* block = PyMem_Malloc(max(size, 8))
        if block == NULL:
            raise MemoryError
        self.blocks.append(<size_t> block)
        return block

    def __cinit__(self, slots, pointers, arena, instructions, results):
        cdef int i, k
        self.blocks = []
        self.arena_bytes = arena
        self.slot_list, self.pointer_list = list(slots), list(pointers)
        self.n_slots, self.n_ptrs, self.n_instr = len(slots), len(pointers), len(instructions)
        self.slot_kind = <int*> self.memory(self.n_slots * sizeof(int))
        self.slot_input = <int*> self.memory(self.n_slots * sizeof(int))
        self.constants, self.fresh, self.keep, self.python = [], [], [], []
        kinds = {"arena": ARENA, "input": INPUT, "constant": CONSTANT, "fresh": FRESH, "box": BOX}
        for i, slot in enumerate(slots):
            self.slot_kind[i] = kinds[slot[0]]
            if slot[0] == "input":
                self.slot_input[i] = slot[1]
                self.n_in = max(self.n_in, slot[1] + 1)
            elif slot[0] == "constant":
                self.constants.append((i, slot[1]))
            elif slot[0] == "fresh":
                self.fresh.append((i, slot[1], np.dtype(slot[2])))
        self.n_fresh = len(self.fresh)
        self.fresh_slot = <int*> self.memory(self.n_fresh * sizeof(int))
        self.fresh_ndim = <int*> self.memory(self.n_fresh * sizeof(int))
        self.fresh_type = <int*> self.memory(self.n_fresh * sizeof(int))
        self.fresh_dims = <cnp.npy_intp*> self.memory(self.n_fresh * MAX_DIMS * sizeof(cnp.npy_intp))
        for i, (slot, shape, dtype) in enumerate(self.fresh):
            self.fresh_slot[i], self.fresh_ndim[i], self.fresh_type[i] = slot, len(shape), dtype.num
            for k in range(len(shape)):
                self.fresh_dims[i * MAX_DIMS + k] = shape[k]
        moving = [(i, slot, offset) for i, (slot, offset) in enumerate(pointers)
                  if self.slot_kind[slot] == INPUT or self.slot_kind[slot] == FRESH]
        self.n_fix = len(moving)
        self.fixes = <Fix*> self.memory(self.n_fix * sizeof(Fix))
        for k, (i, slot, offset) in enumerate(moving):
            self.fixes[k].ptr, self.fixes[k].slot, self.fixes[k].offset = i, slot, offset
        self.results = list(results)
        self.n_results = len(results)
        self.result_kind = <int*> self.memory(self.n_results * sizeof(int))
        self.result_at = <int*> self.memory(self.n_results * sizeof(int))
        self.result_dtype = []
        for i, found in enumerate(results):
            self.result_kind[i] = {"array": RESULT_ARRAY, "scalar": RESULT_SCALAR, "view": RESULT_VIEW}[found[0]]
            self.result_at[i] = found[1]
            if found[0] != "scalar" and self.slot_kind[<int> found[1]] == INPUT:
                self.returns_inputs += 1
            self.result_dtype.append(np.dtype(found[2]) if found[0] == "scalar" else None)
        self.instructions = tuple(instructions)
        self.instr = <Instr*> self.memory(self.n_instr * sizeof(Instr))
        memset(self.instr, 0, self.n_instr * sizeof(Instr))
        for i in range(self.n_instr):
            self._instruction(&self.instr[i], instructions[i])
            self.ns += self.instr[i].ns
        self._fix_boxes()

    def __dealloc__(self):
        if self.blocks is not None:
            for block in self.blocks:
                PyMem_Free(<void*> <size_t> block)

    def __len__(self):
        return self.n_instr

    def __repr__(self):
        return f"<Program: {self.n_instr} instruction(s), arena of {self.arena_bytes} bytes>"

    def __str__(self):
        lines = [f"arena: {self.arena_bytes} bytes"]
        lines += [f"p{k} = {self.slot_list[slot][0]} {slot} + {offset}"
                  for k, (slot, offset) in enumerate(self.pointer_list)]
        for d in self.instructions:
            if d[0] == "call":
                a = " ".join([f"p{k}" for k in d[4:7] if k >= 0])
                lines.append(f"  {d[1]} f{8 * d[2]} x {d[3]}: {a} -> p{d[7]}")
            elif d[0] == "region":
                lines.append(f"  region {d[1].description[0]}: {' '.join([f'p{k}' for k in d[2]])} -> "
                             f"{' '.join([f'p{k}' for k in d[3]])}")
                lines += [f"    {text}" for text in d[1].listing]
            elif d[0] == "copy":
                lines.append(f"  copy {d[4]}: p{d[2]} -> p{d[3]}")
            elif d[0] in ("native", "held"):
                lines.append(f"  {d[1].text}")
            else:
                args = [f"p{a[0]}" if a[0] is not None else "constant" for a in d[3]]
                lines.append(f"  kernel of {d[1].name}: {' '.join(args)} -> slots {[slot for slot, _ in d[4]]}"
                             + (f", with the next {d[6] - 1}" if d[6] > 1 else ""))
        return "\n".join(lines)

    cdef _instruction(self, Instr* at, tuple d):
        cdef Pass* r
        cdef Move* m
        cdef Region region
        cdef Native native
        cdef Held held
        cdef PythonCall call
        cdef int i
        name = d[0]
        self.python.append(None)
        at.a = at.b = at.c = at.out = -1
        if name == "call":
            at.kind = CALL
            at.fn = function_of(d[1], d[2])
            at.n, at.a, at.b, at.c, at.out = d[3], d[4], d[5], d[6], d[7]
            at.ns = 5 + at.n
        elif name == "region":
            _, region, inputs, outputs, threads = d
            self.keep.append(region)
            at.kind = VM
            r = <Pass*> self.memory(sizeof(Pass))
            at.data = r
            r.region, r.n_in, r.n_out, r.threads = region.c, len(inputs), len(outputs), threads
            r.ptr = <int*> self.memory((r.n_in + r.n_out) * sizeof(int))
            for i, ptr in enumerate((*inputs, *outputs)):
                r.ptr[i] = ptr
            at.ns = 50 + region.ns
        elif name == "native":
            native = d[1]
            self.keep.append(native)
            at.kind = NATIVE
            at.run, at.data, at.ns = native.run, native.data, native.ns
        elif name == "held":
            held = d[1]
            self.python[len(self.python) - 1] = held
            at.kind, at.ns = HELD, held.ns
            self.held += 1
        elif name == "copy":
            _, itemsize, source, to, shape, from_strides, to_strides = d
            at.kind = COPY
            m = <Move*> self.memory(sizeof(Move))
            at.data = m
            m.itemsize, m.ndim = itemsize, len(shape)
            m.shape = <Py_ssize_t*> self.memory(3 * m.ndim * sizeof(Py_ssize_t))
            m.from_stride = m.shape + m.ndim
            m.to_stride = m.from_stride + m.ndim
            at.n = 1
            for i in range(m.ndim):
                m.shape[i], m.from_stride[i], m.to_stride[i] = shape[i], from_strides[i], to_strides[i]
                at.n *= m.shape[i]
            at.a, at.out = source, to
            at.ns = 10 + at.n
        elif name == "python":
            call = PythonCall.__new__(PythonCall)
            _, call.primitive, call.params, call.args, call.outs, call.release, at.n = d
            self.python_calls += 1
            self.python[len(self.python) - 1] = call
            at.kind = PYTHON
            at.ns = 2000
        else:
            raise ValueError(f"Program: there is no instruction {name!r}")

    cdef _fix_boxes(self):
        """Which pointers follow each result of a Python instruction."""
        cdef PythonCall call
        by_slot = {}
        for k, (slot, offset) in enumerate(self.pointer_list):
            if self.slot_kind[slot] == BOX:
                by_slot.setdefault(slot, []).append((k, offset))
        for found in self.python:
            if type(found) is PythonCall:
                call = <PythonCall> found
                call.fixes = tuple([tuple(by_slot.get(slot, ())) for slot, _ in call.outs])

    # -------------------------------------------------------------------------------- frames
    cdef Frame frame(self):
        """A frame of our own: one that was kept, or a new one."""
        cdef Frame f = self.spare
        cdef int i
        if f is not None:
            self.spare = f.next
            f.next = None
            return f
        f = Frame.__new__(Frame)
        f.arena = <char*> ad_arena_new(self.arena_bytes)
        f.ptr = <char**> PyMem_Malloc(max(self.n_ptrs, 1) * sizeof(char*))
        f.base = <char**> PyMem_Malloc(max(self.n_slots, 1) * sizeof(char*))
        if f.arena == NULL or f.ptr == NULL or f.base == NULL:
            raise MemoryError(f"a compiled function needs {self.arena_bytes} bytes for intermediate results")
        f.objects = [None] * self.n_slots
        for i in range(self.n_slots):
            f.base[i] = f.arena if self.slot_kind[i] == ARENA else NULL
        for i, array in self.constants:
            f.base[i] = <char*> cnp.PyArray_DATA(<cnp.ndarray> array)
            f.objects[i] = array
        for i, (slot, offset) in enumerate(self.pointer_list):
            f.ptr[i] = f.base[slot] + <Py_ssize_t> offset if f.base[slot] != NULL else NULL
        return f

    # -------------------------------------------------------------------------------- a run
    cdef object run(self, PyObject** args, bint one, list given):
        """Run on arrays of the planned shapes and dtypes, C-contiguous; a tuple, or the one result if `one`.

        `given`: for every result None or an array that it can be written to, if it is made in an array of its own.
        """
        cdef Frame f = self.frame()
        cdef int i, slot
        cdef cnp.ndarray array
        for i in range(self.n_slots):
            if self.slot_kind[i] == INPUT:
                f.base[i] = <char*> cnp.PyArray_DATA(<cnp.ndarray> args[self.slot_input[i]])
                if self.python_calls or self.returns_inputs:
                    f.objects[i] = <object> args[self.slot_input[i]]
        for i in range(self.n_fresh):
            slot = self.fresh_slot[i]
            if given is not None and self._given(f, slot, given):
                continue
            if self.fresh_type[i] == cnp.NPY_DOUBLE or self.fresh_type[i] == cnp.NPY_FLOAT:
                array = empty(self.fresh_ndim[i], self.fresh_dims + i * MAX_DIMS, self.fresh_type[i], False)
            else:
                array = PyArray_EMPTY(self.fresh_ndim[i], self.fresh_dims + i * MAX_DIMS, self.fresh_type[i], 0)
            f.objects[slot] = array
            f.base[slot] = <char*> cnp.PyArray_DATA(array)
        for i in range(self.n_fix):
            f.ptr[self.fixes[i].ptr] = f.base[self.fixes[i].slot] + self.fixes[i].offset
        try:
            self._execute(f)
            out = self._result(f, 0) if one else tuple([self._result(f, i) for i in range(self.n_results)])
        finally:
            if self.python_calls or self.returns_inputs:
                for i in range(self.n_slots):
                    if self.slot_kind[i] != CONSTANT:
                        f.objects[i] = None
            else:
                for i in range(self.n_fresh):
                    f.objects[self.fresh_slot[i]] = None
        self.give_back(f)
        return out

    cdef void give_back(self, Frame f) noexcept:
        """Keep a frame for the next run."""
        f.next = self.spare
        self.spare = f

    cdef bint _given(self, Frame f, int slot, list given):
        """Let a result be written straight into the caller's array."""
        cdef int k
        for k in range(self.n_results):
            if self.result_kind[k] == RESULT_ARRAY and self.result_at[k] == slot and given[k] is not None:
                f.objects[slot] = given[k]
                f.base[slot] = <char*> cnp.PyArray_DATA(<cnp.ndarray> given[k])
                return True
        return False

    cdef object _result(self, Frame f, int i):
        if self.result_kind[i] == RESULT_SCALAR:
            return PyArray_Scalar(f.ptr[self.result_at[i]], <cnp.dtype> self.result_dtype[i], None)
        if self.result_kind[i] == RESULT_VIEW:
            _, slot, shape, strides = self.results[i]
            whole = f.objects[<int> slot]
            return np.ndarray(shape, whole.dtype, whole, 0, strides)
        return f.objects[self.result_at[i]]

    def profile(self, *args):
        """Run once, and tell how long each instruction took.

        Returns
        -------
        list of (int, float)
            Number of the instruction and seconds, the slowest first.
        """
        cdef list times = []
        self.times = times
        try:
            self(*args)
        finally:
            self.times = None
        return sorted(times, key=lambda found: -found[1])

    cdef _execute(self, Frame f):
        cdef int i = 0, end, failed
        cdef double ns, since = 0
        if self.times is not None:
            for i in range(self.n_instr):
                start = time.perf_counter()
                if self.instr[i].kind >= PYTHON:
                    self._with_gil(f, i)
                else:
                    check(self._native(f.ptr, i, i + 1))
                self.times.append((i, time.perf_counter() - start))
            return
        while i < self.n_instr:
            if self.instr[i].kind >= PYTHON:
                if self.instr[i].kind == PYTHON and self.instr[i].n > 1:
                    self._together(f, i, i + self.instr[i].n)
                    i += self.instr[i].n
                else:
                    self._with_gil(f, i)
                    i += 1
                continue
            end = i
            ns = 0
            while end < self.n_instr and self.instr[end].kind < PYTHON and ns < 2e7:
                ns += self.instr[end].ns
                end += 1
            if ns > 5000:       # below, giving the GIL up costs more than it frees
                with nogil:
                    failed = self._native(f.ptr, i, end)
            else:
                failed = self._native(f.ptr, i, end)
            check(failed)
            since += ns
            if since > 1e7:
                PyErr_CheckSignals()
                since = 0
            i = end

    cdef int _with_gil(self, Frame f, int i) except -1:
        if self.instr[i].kind == HELD:
            return (<Held> self.python[i]).step(f)
        self._python(<PythonCall> self.python[i], f)
        return 0

    cdef int _native(self, char** ptr, int i, int end) noexcept nogil:
        return run_native(self.instr, ptr, i, end)

    cdef _python(self, PythonCall call, Frame f):
        cdef list args = self._arguments(call, f)
        self._keep(call, f, args, bind(call.primitive, tuple(args), call.params))

    cdef _together(self, Frame f, int first, int end):
        """Kernels that do not need each other, side by side."""
        cdef int i
        cdef list args = [self._arguments(<PythonCall> call, f) for call in self.python[first:end]]
        cdef list outs = run_together([((<PythonCall> call).primitive, tuple(given), (<PythonCall> call).params)
                                       for call, given in zip(self.python[first:end], args)])
        for i in range(first, end):
            self._keep(<PythonCall> self.python[i], f, <list> args[i - first], outs[i - first])

    cdef list _arguments(self, PythonCall call, Frame f):
        cdef list args = []
        cdef int k, slot
        cdef cnp.npy_intp dims[MAX_DIMS]
        cdef cnp.npy_intp steps[MAX_DIMS]
        cdef cnp.dtype dtype
        for found in call.args:
            if found[0] is None:
                args.append(found[1])
                continue
            ptr, shape, strides, dtype, slot = found
            if slot >= 0 and f.objects[slot] is not None:   # None: a row, in a loop
                args.append(f.objects[slot])
                continue
            for k in range(len(<tuple> shape)):
                dims[k], steps[k] = shape[k], strides[k]
            # Views are read-only: a kernel never writes to its arguments.
            args.append(PyArray_New(<PyTypeObject*> cnp.ndarray, len(<tuple> shape), dims, dtype.type_num, steps,
                                    f.ptr[<int> ptr], 0, cnp.NPY_ARRAY_ALIGNED, None))
        return args

    cdef _keep(self, PythonCall call, Frame f, list args, object out):
        """The results of a kernel become those of its instruction."""
        cdef int k, slot
        cdef cnp.ndarray array
        outs = out if type(out) is tuple else (out,)
        for k in range(len(call.outs)):
            slot, spec = call.outs[k]
            y = (<tuple> outs)[k]
            array = np.asarray(y, spec.dtype, order="C")
            if (<object> array).shape != spec.shape:
                raise ValueError(f"{call.primitive.name}: the result has shape {(<object> array).shape}; while "
                                 f"tracing it was {spec.shape}")
            # A view of an argument would change when the arena is used again, or with the caller's array.
            if _is_ours(array, args):
                array = array.copy()
            f.objects[slot] = array
            f.base[slot] = <char*> cnp.PyArray_DATA(array)
            for at, offset in call.fixes[k]:
                f.ptr[<int> at] = f.base[slot] + <Py_ssize_t> offset
        for released in call.release:
            f.objects[<int> released] = None

    @property
    def overwrites(self):
        """Whether results may lie in the memory of (donated) inputs."""
        return self.returns_inputs > 0

    def __call__(self, *args, list given=None):
        """Run on arrays of the planned shapes and dtypes, C-contiguous; a tuple of results."""
        cdef PyObject** at
        cdef int i
        if len(args) < self.n_in:
            raise TypeError(f"Program: {len(args)} input(s), expected {self.n_in}")
        at = <PyObject**> PyMem_Malloc(max(len(args), 1) * sizeof(PyObject*))
        if at == NULL:
            raise MemoryError
        try:
            for i in range(len(args)):
                at[i] = <PyObject*> args[i]
            return self.run(at, False, given)
        finally:
            PyMem_Free(at)


cdef bint _is_ours(cnp.ndarray array, list args):
    """Whether an array lies in the memory of one of the arguments."""
    cdef bint owns = cnp.PyArray_CHKFLAGS(array, cnp.NPY_ARRAY_OWNDATA)
    for x in args:
        if array is x or not owns and type(x) is cnp.ndarray and np.may_share_memory(array, x):
            return True
    return False


# ------------------------------------------------------------------------------------------------ the door
cdef class Door:
    """A callable that runs a Program at once if the arguments are what the last call's were.

    What it compares are types, dtypes, shapes and layouts of a few plain arrays; for everything else it asks `slow`.
    """

    cdef Program program
    cdef int n_args
    cdef bint one
    cdef object shape_of_result         # None: one array or a flat tuple; else a nested tuple of ints
    cdef int typenum[MAX_ARGS]
    cdef int ndim[MAX_ARGS]
    cdef cnp.npy_intp dims[MAX_ARGS][8]

    def __call__(self, *args, **kwargs):
        cdef PyObject* c_args[MAX_ARGS]
        cdef cnp.ndarray array
        cdef PyObject* x
        cdef int i, d
        cdef bint same = self.program is not None and len(args) == self.n_args and not kwargs and not watchers
        if same:
            for i in range(self.n_args):
                x = <PyObject*> args[i]
                if type(<object> x) is not cnp.ndarray:
                    same = False
                    break
                array = <cnp.ndarray> x
                if (cnp.PyArray_TYPE(array) != self.typenum[i] or cnp.PyArray_NDIM(array) != self.ndim[i]
                        or not cnp.PyArray_ISCARRAY_RO(array)):
                    same = False
                    break
                for d in range(self.ndim[i]):
                    if cnp.PyArray_DIMS(array)[d] != self.dims[i][d]:
                        same = False
                        break
                c_args[i] = x
            if same:
                nested = self.shape_of_result   # another thread may remember something else while this one runs
                out = self.program.run(c_args, self.one, None)
                return out if nested is None else _nest(nested, <tuple> out)
        return self.slow(args, kwargs)

    def remember(self, Program program, tuple args, bint one, nested):
        """Run `program` at once when arguments like these come again."""
        cdef cnp.ndarray array
        cdef int i, d
        if len(args) > MAX_ARGS or len(args) != program.n_in:
            return
        for x in args:
            if type(x) is not cnp.ndarray or cnp.PyArray_NDIM(x) > 8:
                return
        self.program = None
        for i, array in enumerate(args):
            self.typenum[i], self.ndim[i] = cnp.PyArray_TYPE(array), cnp.PyArray_NDIM(array)
            for d in range(self.ndim[i]):
                self.dims[i][d] = cnp.PyArray_DIMS(array)[d]
        self.n_args, self.one, self.shape_of_result = len(args), one, nested
        self.program = program

    def forget(self):
        """Ask `slow` the next time."""
        self.program = None


cdef object _nest(object shape, tuple flat):
    """A nested tuple of results, whose places are given by a nested tuple of ints."""
    if type(shape) is int:
        return flat[shape]
    return tuple([_nest(s, flat) for s in <tuple> shape])
