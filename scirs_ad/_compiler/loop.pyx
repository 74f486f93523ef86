"""Loops: a program run for each row of arrays, in place and without Python per step.

What goes round from step to step stands in two halves of a buffer by turns, so that a step may read what it was given
after it has begun to write; the first step reads the caller's arrays, the last one writes to them.
"""

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.string cimport memcpy, memset
from scirs_ad._compiler.program cimport (
    BOX, FRESH, INPUT, RESULT_SCALAR, RESULT_VIEW, Fix, Frame, Held, Move, Program, check, move,
)

import numpy as np

cnp.import_array()

cdef enum:
    ALIGN = 64
    NS_OF_A_STEP = 30           # to set pointers

cdef double NS_BETWEEN = 2e7    # estimated work, between two looks for signals
cdef double NS_ALONE = 5000     # below, giving the GIL up costs more than it frees

# How a result comes to its place after a step.
cdef enum:
    IN_PLACE = 0                # it was written there
    FROM_POINTER = 1
    FROM_SLOT = 2
    REORDERED = 3

cdef struct Result:
    int how, at                 # a pointer (FROM_POINTER), else a slot
    Py_ssize_t size, place      # bytes; of a carry, where in a half of the buffer
    Move* order

cdef struct Run:
    char** leaf
    Py_ssize_t* leaf_step
    char** out
    Py_ssize_t* out_step
    char* buffer
    Py_ssize_t length
    bint reverse


cdef class Loop:
    """A program whose first inputs are handed on from step to step.

    Parameters
    ----------
    program : Program
        Carry, rows and constants in; carry and rows out.
    carries, count : int
        How many inputs are carries, and how many are rows.
    specs, out_specs : sequence of Spec
        Of its inputs and outputs.
    """

    cdef readonly Program program
    cdef readonly int carries, count
    cdef readonly Py_ssize_t buffer_bytes       # both halves
    cdef int n_leaves, n_outs, n_moving
    cdef Py_ssize_t half, extra
    cdef int* leaf_slot
    cdef Py_ssize_t* leaf_size
    cdef Result* result
    cdef Fix* moving                            # pointers that change from step to step
    cdef list spare                             # fresh slots that are no result as they are: (slot, offset)
    cdef list blocks
    cdef tuple carry_specs

    cdef void* memory(self, size_t size) except NULL:
        cdef void* block = PyMem_Malloc(max(size, 8))
        if block == NULL:
            raise MemoryError
        self.blocks.append(<size_t> block)
        memset(block, 0, max(size, 8))
        return block

    def __cinit__(self, Program program, int carries, int count, specs, out_specs):
        cdef int i, k, slot
        cdef Result* r
        cdef set direct = set(), changes = set()
        self.blocks, self.spare = [], []
        self.program, self.carries, self.count = program, carries, count
        self.n_leaves, self.n_outs = len(specs), len(out_specs)
        self.carry_specs = tuple(out_specs[:carries])
        self.leaf_slot = <int*> self.memory(self.n_leaves * sizeof(int))
        self.leaf_size = <Py_ssize_t*> self.memory(self.n_leaves * sizeof(Py_ssize_t))
        for k in range(self.n_leaves):
            self.leaf_slot[k] = -1
            self.leaf_size[k] = specs[k].size * specs[k].dtype.itemsize
        for i in range(program.n_slots):
            if program.slot_kind[i] == INPUT:
                self.leaf_slot[program.slot_input[i]] = i
                if program.slot_input[i] < carries + count:
                    changes.add(i)
        self.result = <Result*> self.memory(self.n_outs * sizeof(Result))
        for k in range(self.n_outs):
            r = &self.result[k]
            r.size = out_specs[k].size * out_specs[k].dtype.itemsize
            r.at = program.result_at[k]
            if k < carries:
                r.place = self.half
                self.half += (r.size + ALIGN - 1) // ALIGN * ALIGN
            if program.result_kind[k] == RESULT_SCALAR:
                r.how = FROM_POINTER
                continue
            slot = r.at
            if program.result_kind[k] == RESULT_VIEW:
                r.how = REORDERED
                r.order = self.order(program.results[k], out_specs[k])
            elif program.slot_kind[slot] == FRESH and slot not in direct:
                r.how = IN_PLACE
                direct.add(slot)
                changes.add(slot)
            else:
                r.how = FROM_SLOT
        self.buffer_bytes = 2 * self.half
        for slot, shape, dtype in program.fresh:
            if slot not in direct:
                self.spare.append((slot, self.extra))
                self.extra += (int(np.prod(shape)) * dtype.itemsize + ALIGN - 1) // ALIGN * ALIGN
        self.moving = <Fix*> self.memory(program.n_fix * sizeof(Fix))
        for i in range(program.n_fix):
            if program.fixes[i].slot in changes:
                self.moving[self.n_moving] = program.fixes[i]
                self.n_moving += 1

    def __dealloc__(self):
        if self.blocks is not None:
            for block in self.blocks:
                PyMem_Free(<void*> <size_t> block)

    cdef Move* order(self, tuple found, spec) except NULL:
        """From a result whose axes stand in another order."""
        cdef int d
        cdef Move* m = <Move*> self.memory(sizeof(Move))
        _, _, shape, strides = found
        m.itemsize, m.ndim = spec.dtype.itemsize, len(shape)
        m.shape = <Py_ssize_t*> self.memory(3 * m.ndim * sizeof(Py_ssize_t))
        m.from_stride, m.to_stride = m.shape + m.ndim, m.shape + 2 * m.ndim
        step = m.itemsize
        for d in range(m.ndim - 1, -1, -1):
            m.shape[d], m.from_stride[d], m.to_stride[d] = shape[d], strides[d], step
            step *= shape[d]
        return m

    # -------------------------------------------------------------------------------- a step
    cdef void begin(self, char** ptr, char** base, Run* run, Py_ssize_t step) noexcept nogil:
        """Let the pointers of a program show what this step reads and writes."""
        cdef Py_ssize_t row = run.length - 1 - step if run.reverse else step
        cdef int k, slot
        cdef Result* r
        for k in range(self.carries):
            slot = self.leaf_slot[k]
            if slot >= 0:
                base[slot] = self.written(run, k, step - 1) if step else run.leaf[k]
        for k in range(self.carries, self.carries + self.count):
            slot = self.leaf_slot[k]
            if slot >= 0:
                base[slot] = run.leaf[k] + row * run.leaf_step[k]
        for k in range(self.n_outs):
            r = &self.result[k]
            if r.how == IN_PLACE:
                base[r.at] = self.written(run, k, step) if k < self.carries else run.out[k] + row * run.out_step[k]
        for k in range(self.n_moving):
            ptr[self.moving[k].ptr] = base[self.moving[k].slot] + self.moving[k].offset

    cdef inline char* written(self, Run* run, int k, Py_ssize_t step) noexcept nogil:
        """Where a step leaves a carry."""
        if step == run.length - 1:
            return run.out[k]
        return run.buffer + (step & 1) * self.half + self.result[k].place

    cdef void end(self, char** ptr, char** base, Run* run, Py_ssize_t step) noexcept nogil:
        """Take results that lie elsewhere to their places."""
        cdef Py_ssize_t row = run.length - 1 - step if run.reverse else step
        cdef int k
        cdef Result* r
        cdef char* to
        for k in range(self.n_outs):
            r = &self.result[k]
            if r.how == IN_PLACE:
                continue
            to = self.written(run, k, step) if k < self.carries else run.out[k] + row * run.out_step[k]
            if r.how == FROM_POINTER:
                memcpy(to, ptr[r.at], r.size)
            elif r.how == FROM_SLOT:
                memcpy(to, base[r.at], r.size)
            else:
                move(r.order, base[r.at], to)

    cdef int steps(self, char** ptr, char** base, Run* run, Py_ssize_t first, Py_ssize_t end) noexcept nogil:
        cdef Py_ssize_t step
        cdef int status
        for step in range(first, end):
            self.begin(ptr, base, run, step)
            status = self.program._native(ptr, 0, self.program.n_instr)
            if status != 0:
                return status
            self.end(ptr, base, run, step)
        return 0

    # -------------------------------------------------------------------------------- all steps
    cdef int go(self, Run* run) except -1:
        cdef Program program = self.program
        cdef Frame f
        cdef char* extra = NULL
        cdef Py_ssize_t step = 0, end, some
        cdef int i, k, failed
        cdef double ns = program.ns + NS_OF_A_STEP, since = 0
        if run.length == 0:
            for k in range(self.carries):
                memcpy(run.out[k], run.leaf[k], self.leaf_size[k])
            return 0
        f = program.frame()
        if self.extra:
            extra = <char*> PyMem_Malloc(self.extra)
            if extra == NULL:
                raise MemoryError(f"a loop needs {self.extra} bytes for intermediate results")
        try:
            for slot, offset in self.spare:
                f.base[<int> slot] = extra + <Py_ssize_t> offset
            for k in range(self.n_leaves):
                if self.leaf_slot[k] >= 0:
                    f.base[self.leaf_slot[k]] = run.leaf[k]
            for i in range(program.n_fix):
                f.ptr[program.fixes[i].ptr] = f.base[program.fixes[i].slot] + program.fixes[i].offset
            if program.held or program.python_calls:
                for step in range(run.length):
                    self.begin(f.ptr, f.base, run, step)
                    program._execute(f)
                    self.end(f.ptr, f.base, run, step)
                    since += ns
                    if since > NS_BETWEEN:
                        PyErr_CheckSignals()
                        since = 0
                for i in range(program.n_slots):
                    if program.slot_kind[i] == BOX:
                        f.objects[i] = None
            else:
                some = max(1, <Py_ssize_t> (NS_BETWEEN / ns))
                while step < run.length:
                    end = min(step + some, run.length)
                    if (end - step) * ns > NS_ALONE:
                        with nogil:
                            failed = self.steps(f.ptr, f.base, run, step, end)
                        PyErr_CheckSignals()
                    else:
                        failed = self.steps(f.ptr, f.base, run, step, end)
                    check(failed)
                    step = end
        finally:
            PyMem_Free(extra)
        program.give_back(f)
        return 0

    def __call__(self, tuple carry, list xs, list consts, list ys, Py_ssize_t length, bint reverse):
        """Run on arrays that fit; rows of `xs` and `ys` must be contiguous. `ys` are filled; returns the carry."""
        cdef Run run
        cdef list outs = [np.empty(s.shape, s.dtype) for s in self.carry_specs]
        cdef Py_ssize_t n = self.n_leaves + self.n_outs
        cdef char* block = <char*> PyMem_Malloc(n * (sizeof(char*) + sizeof(Py_ssize_t)) + self.buffer_bytes + ALIGN)
        cdef int k
        if block == NULL:
            raise MemoryError(f"a loop needs {self.buffer_bytes} bytes for what it carries")
        run.leaf = <char**> block
        run.out = run.leaf + self.n_leaves
        run.leaf_step = <Py_ssize_t*> (run.out + self.n_outs)
        run.out_step = run.leaf_step + self.n_leaves
        run.buffer = <char*> ((<size_t> (run.out_step + self.n_outs) + ALIGN - 1) // ALIGN * ALIGN)
        run.length, run.reverse = length, reverse
        try:
            for k, x in enumerate((*carry, *xs, *consts)):
                run.leaf[k] = <char*> cnp.PyArray_DATA(<cnp.ndarray?> x)
                run.leaf_step[k] = x.strides[0] if self.carries <= k < self.carries + self.count else 0
            for k, y in enumerate((*outs, *ys)):
                run.out[k] = <char*> cnp.PyArray_DATA(<cnp.ndarray?> y)
                run.out_step[k] = y.strides[0] if k >= self.carries else 0
            self.go(&run)
        finally:
            PyMem_Free(block)
        return tuple(outs)


cdef class LoopStep(Held):
    """A loop as an instruction.

    Parameters
    ----------
    loop : Loop
    leaves, outs : sequence of (int, int)
        Pointer and bytes from row to row.
    buffer : int
        The pointer to memory of `loop.buffer_bytes`.
    length : int
    reverse : bool
    """

    cdef Loop loop
    cdef int* pointers                  # of leaves, outs and the buffer
    cdef Py_ssize_t* row_steps          # of leaves and outs
    cdef Py_ssize_t length
    cdef bint reverse

    def __cinit__(self, Loop loop, leaves, outs, int buffer, Py_ssize_t length, bint reverse):
        cdef int k, pointer
        cdef Py_ssize_t n = loop.n_leaves + loop.n_outs, step
        self.loop, self.length, self.reverse = loop, length, reverse
        self.pointers = <int*> loop.memory((n + 1) * sizeof(int))
        self.row_steps = <Py_ssize_t*> loop.memory(n * sizeof(Py_ssize_t))
        for k, (pointer, step) in enumerate((*leaves, *outs)):
            self.pointers[k], self.row_steps[k] = pointer, step
        self.pointers[n] = buffer
        self.ns = length * (loop.program.ns + NS_OF_A_STEP)
        shown = [" ".join([f"p{pointer}" for pointer, _ in part]) for part in (leaves, outs)]
        text = "\n".join([f"    {line}" for line in str(loop.program).splitlines()])
        self.text = f"loop of {length} steps{' backwards' if reverse else ''}: {shown[0]} -> {shown[1]}\n{text}"

    cdef int step(self, Frame f) except -1:
        cdef Loop loop = self.loop
        cdef Run run
        cdef int k, n = loop.n_leaves + loop.n_outs
        cdef char** at = <char**> PyMem_Malloc((n + 1) * sizeof(char*))
        if at == NULL:
            raise MemoryError
        for k in range(n + 1):
            at[k] = f.ptr[self.pointers[k]]
        run.leaf, run.out, run.buffer = at, at + loop.n_leaves, at[n]
        run.leaf_step, run.out_step = self.row_steps, self.row_steps + loop.n_leaves
        run.length, run.reverse = self.length, self.reverse
        try:
            return loop.go(&run)
        finally:
            PyMem_Free(at)
