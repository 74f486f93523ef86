"""Loops: a program run for each row of arrays, in place and without Python per step.

What goes round from step to step stands in two halves of a buffer by turns, so that a step may read what it was given
after it has begun to write; the first step reads the caller's arrays, the last one writes to them.
"""

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.string cimport memcpy, memset
from scirs_ad._compiler.program cimport (
    BOX, FRESH, INPUT, RESULT_SCALAR, RESULT_VIEW, Fix, Frame, Held, Instr, Move, Program, check, move,
    run_native,
)
from scirs_ad._kernels.threads cimport parallel_for, threads_for

import numpy as np

cnp.import_array()

cdef extern from "Python.h":
    const Py_ssize_t PY_SSIZE_T_MAX

cdef enum:
    ALIGN = 64
    NS_OF_A_STEP = 30           # to set pointers

cdef double NS_BETWEEN = 2e7    # estimated work, between two looks for signals
cdef double NS_ALONE = 5000     # below, giving the GIL up costs more than it frees
cdef double NS_SIDE_BY_SIDE = 5e4   # below, a second thread is a loss

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

cdef struct Body:
    int carries, count, n_outs, n_moving, n_instr
    Py_ssize_t half, slice      # bytes of half a buffer; steps between two looks for signals
    int* leaf_slot
    Result* result
    Fix* moving                 # pointers that change from step to step
    Instr* instr

cdef struct Run:
    Body* body
    char** ptr                  # of the frame
    char** base
    char* extra
    Py_ssize_t step
    int status
    char** leaf
    Py_ssize_t* leaf_step
    char** out
    Py_ssize_t* out_step
    char* buffer
    Py_ssize_t length
    bint reverse


# ------------------------------------------------------------------------------------------------ steps
cdef void begin(Body* b, char** ptr, char** base, Run* run, Py_ssize_t step) noexcept nogil:
    """Let the pointers of a program show what this step reads and writes."""
    cdef Py_ssize_t row = run.length - 1 - step if run.reverse else step
    cdef int k, slot
    cdef Result* r
    for k in range(b.carries):
        slot = b.leaf_slot[k]
        if slot >= 0:
            base[slot] = written(b, run, k, step - 1) if step else run.leaf[k]
    for k in range(b.carries, b.carries + b.count):
        slot = b.leaf_slot[k]
        if slot >= 0:
            base[slot] = run.leaf[k] + row * run.leaf_step[k]
    for k in range(b.n_outs):
        r = &b.result[k]
        if r.how == IN_PLACE:
            base[r.at] = written(b, run, k, step) if k < b.carries else run.out[k] + row * run.out_step[k]
    for k in range(b.n_moving):
        ptr[b.moving[k].ptr] = base[b.moving[k].slot] + b.moving[k].offset


cdef inline char* written(Body* b, Run* run, int k, Py_ssize_t step) noexcept nogil:
    """Where a step leaves a carry."""
    if step == run.length - 1:
        return run.out[k]
    return run.buffer + (step & 1) * b.half + b.result[k].place


cdef void end(Body* b, char** ptr, char** base, Run* run, Py_ssize_t step) noexcept nogil:
    """Take results that lie elsewhere to their places."""
    cdef Py_ssize_t row = run.length - 1 - step if run.reverse else step
    cdef int k
    cdef Result* r
    cdef char* to
    for k in range(b.n_outs):
        r = &b.result[k]
        if r.how == IN_PLACE:
            continue
        to = written(b, run, k, step) if k < b.carries else run.out[k] + row * run.out_step[k]
        if r.how == FROM_POINTER:
            memcpy(to, ptr[r.at], r.size)
        elif r.how == FROM_SLOT:
            memcpy(to, base[r.at], r.size)
        else:
            move(r.order, base[r.at], to)


cdef int some_steps(Run* run) noexcept nogil:
    """The next steps, up to a slice of time; the status, for `check`."""
    cdef Body* b = run.body
    cdef Py_ssize_t last = min(run.step + b.slice, run.length)
    cdef int status
    while run.step < last:
        begin(b, run.ptr, run.base, run, run.step)
        status = run_native(b.instr, run.ptr, 0, b.n_instr)
        if status != 0:
            return status
        end(b, run.ptr, run.base, run, run.step)
        run.step += 1
    return 0


cdef void one_of_several(void* context, int chunk, int worker) noexcept nogil:
    cdef Run* run = (<Run**> context)[chunk]
    run.status = some_steps(run)


cdef class While


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
    cdef readonly Py_ssize_t buffer_bytes       # both halves
    cdef readonly bint native                   # no instruction of a step needs the GIL
    cdef Body body
    cdef int n_leaves, n_outs
    cdef Py_ssize_t extra
    cdef Py_ssize_t* leaf_size
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
        self.program, self.native = program, not (program.held or program.python_calls)
        self.body.carries, self.body.count, self.body.n_outs = carries, count, len(out_specs)
        self.body.instr, self.body.n_instr = program.instr, program.n_instr
        self.body.slice = max(1, <Py_ssize_t> (NS_BETWEEN / (program.ns + NS_OF_A_STEP)))
        self.n_leaves, self.n_outs = len(specs), len(out_specs)
        self.carry_specs = tuple(out_specs[:carries])
        self.body.leaf_slot = <int*> self.memory(self.n_leaves * sizeof(int))
        self.leaf_size = <Py_ssize_t*> self.memory(self.n_leaves * sizeof(Py_ssize_t))
        for k in range(self.n_leaves):
            self.body.leaf_slot[k] = -1
            self.leaf_size[k] = specs[k].size * specs[k].dtype.itemsize
        for i in range(program.n_slots):
            if program.slot_kind[i] == INPUT:
                self.body.leaf_slot[program.slot_input[i]] = i
                if program.slot_input[i] < carries + count:
                    changes.add(i)
        self.body.result = <Result*> self.memory(self.n_outs * sizeof(Result))
        for k in range(self.n_outs):
            r = &self.body.result[k]
            r.size = out_specs[k].size * out_specs[k].dtype.itemsize
            r.at = program.result_at[k]
            if k < carries:
                r.place = self.body.half
                self.body.half += (r.size + ALIGN - 1) // ALIGN * ALIGN
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
        self.buffer_bytes = 2 * self.body.half
        for slot, shape, dtype in program.fresh:
            if slot not in direct:
                self.spare.append((slot, self.extra))
                self.extra += (int(np.prod(shape)) * dtype.itemsize + ALIGN - 1) // ALIGN * ALIGN
        self.body.moving = <Fix*> self.memory(program.n_fix * sizeof(Fix))
        for i in range(program.n_fix):
            if program.fixes[i].slot in changes:
                self.body.moving[self.body.n_moving] = program.fixes[i]
                self.body.n_moving += 1

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

    # -------------------------------------------------------------------------------- all steps
    cdef Frame start(self, Run* run):
        """A frame for a run, whose pointers show what all steps share."""
        cdef Program program = self.program
        cdef Frame f
        cdef int i, k
        run.body, run.step, run.status = &self.body, 0, 0
        if self.extra:
            run.extra = <char*> PyMem_Malloc(self.extra)
            if run.extra == NULL:
                raise MemoryError(f"a loop needs {self.extra} bytes for intermediate results")
        f = program.frame()
        run.ptr, run.base = f.ptr, f.base
        for slot, offset in self.spare:
            f.base[<int> slot] = run.extra + <Py_ssize_t> offset
        for k in range(self.n_leaves):
            if self.body.leaf_slot[k] >= 0:
                f.base[self.body.leaf_slot[k]] = run.leaf[k]
        for i in range(program.n_fix):
            f.ptr[program.fixes[i].ptr] = f.base[program.fixes[i].slot] + program.fixes[i].offset
        return f

    cdef int go(self, Run* run) except -1:
        cdef Program program = self.program
        cdef Frame f
        cdef int i, k, status
        cdef double ns = program.ns + NS_OF_A_STEP, since = 0
        run.extra = NULL
        if run.length == 0:
            for k in range(self.body.carries):
                memcpy(run.out[k], run.leaf[k], self.leaf_size[k])
            return 0
        try:
            f = self.start(run)
            if not self.native:
                while run.step < run.length:
                    begin(&self.body, f.ptr, f.base, run, run.step)
                    program._execute(f)
                    end(&self.body, f.ptr, f.base, run, run.step)
                    run.step += 1
                    since += ns
                    if since > NS_BETWEEN:
                        PyErr_CheckSignals()
                        since = 0
                for i in range(program.n_slots):
                    if program.slot_kind[i] == BOX:
                        f.objects[i] = None
            while run.step < run.length:
                if (run.length - run.step) * ns > NS_ALONE:
                    with nogil:
                        status = some_steps(run)
                    PyErr_CheckSignals()
                else:
                    status = some_steps(run)
                check(status)
        finally:
            PyMem_Free(run.extra)
        program.give_back(f)
        return 0

    def __call__(self, tuple carry, list xs, list consts, list ys, Py_ssize_t length, bint reverse, While until=None):
        """Run on arrays that fit; rows of `xs` and `ys` must be contiguous. `ys` are filled; returns the carry.

        `until`: what tells when to stop, instead of `length`.
        """
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
                run.leaf_step[k] = x.strides[0] if self.body.carries <= k < self.body.carries + self.body.count else 0
            for k, y in enumerate((*outs, *ys)):
                run.out[k] = <char*> cnp.PyArray_DATA(<cnp.ndarray?> y)
                run.out_step[k] = y.strides[0] if k >= self.body.carries else 0
            if until is None:
                self.go(&run)
            else:
                until.go(&run)
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

    cdef Run* prepared(self, Frame f) except NULL:
        """A run on the pointers of a frame; to be freed."""
        cdef Loop loop = self.loop
        cdef int k, n = loop.n_leaves + loop.n_outs
        cdef Run* run = <Run*> PyMem_Malloc(sizeof(Run) + (n + 1) * sizeof(char*))
        cdef char** at = <char**> (run + 1)
        if run == NULL:
            raise MemoryError
        for k in range(n + 1):
            at[k] = f.ptr[self.pointers[k]]
        run.leaf, run.out, run.buffer = at, at + loop.n_leaves, at[n]
        run.leaf_step, run.out_step = self.row_steps, self.row_steps + loop.n_leaves
        run.length, run.reverse, run.extra = self.length, self.reverse, NULL
        return run

    cdef int step(self, Frame f) except -1:
        cdef Run* run = self.prepared(f)
        try:
            return self.loop.go(run)
        finally:
            PyMem_Free(run)

    @property
    def alone(self):
        """Whether it is too small, or needs the GIL too often, to run beside others."""
        return not self.loop.native or self.ns < NS_SIDE_BY_SIDE


# ------------------------------------------------------------------------------------------------ while
cdef struct Test:
    Instr* instr
    int n_instr, n_fix, carries, at     # at: the pointer to the truth value
    int* slot                           # of each leaf; -1: not read
    Fix* fixes
    char** ptr                          # of the frame
    char** base


cdef void look(Run* run, Test* t) noexcept nogil:
    """Let the pointers of a test show the carry as it is now."""
    cdef int k
    for k in range(t.carries):
        if t.slot[k] >= 0:
            t.base[t.slot[k]] = carried(run, k)
    for k in range(t.n_fix):
        t.ptr[t.fixes[k].ptr] = t.base[t.fixes[k].slot] + t.fixes[k].offset


cdef inline char* carried(Run* run, int k) noexcept nogil:
    return written(run.body, run, k, run.step - 1) if run.step else run.leaf[k]


cdef int some_rounds(Run* run, Test* t, bint* done) noexcept nogil:
    """The next rounds, up to a slice of time; the status, for `check`."""
    cdef Body* b = run.body
    cdef Py_ssize_t last = run.step + b.slice
    cdef int status
    while run.step < last:
        look(run, t)
        status = run_native(t.instr, t.ptr, 0, t.n_instr)
        if status != 0:
            return status
        if not t.ptr[t.at][0]:
            done[0] = True
            return 0
        begin(b, run.ptr, run.base, run, run.step)
        status = run_native(b.instr, run.ptr, 0, b.n_instr)
        if status != 0:
            return status
        end(b, run.ptr, run.base, run, run.step)
        run.step += 1
    return 0


cdef class While:
    """A program whose first inputs are handed on for as long as another program finds that a condition holds.

    Parameters
    ----------
    loop : Loop
        Without rows: all its outputs are carries.
    test : Program
        Of the same inputs; its only result is a truth value.
    """

    cdef readonly Loop loop
    cdef Program test
    cdef int* slot

    def __cinit__(self, Loop loop, Program test):
        cdef int i
        if (test.n_fresh or test.n_results != 1 or test.result_kind[0] != RESULT_SCALAR
                or test.result_dtype[0].kind != "b"):
            raise ValueError("While: the test must give one truth value and nothing else")
        self.loop, self.test = loop, test
        self.slot = <int*> loop.memory(loop.n_leaves * sizeof(int))
        for i in range(loop.n_leaves):
            self.slot[i] = -1
        for i in range(test.n_slots):
            if test.slot_kind[i] == INPUT:
                self.slot[test.slot_input[i]] = i

    cdef int go(self, Run* run) except -1:
        cdef Program test = self.test, program = self.loop.program
        cdef Test t
        cdef Frame f, g
        cdef int k, status
        cdef bint done = False
        cdef bint native = self.loop.native and not (test.held or test.python_calls)
        cdef double since = 0
        t.instr, t.n_instr, t.n_fix, t.fixes = test.instr, test.n_instr, test.n_fix, test.fixes
        t.carries, t.at, t.slot = self.loop.body.carries, test.result_at[0], self.slot
        run.length, run.extra = PY_SSIZE_T_MAX, NULL
        try:
            f = self.loop.start(run)
            g = test.frame()
            t.ptr, t.base = g.ptr, g.base
            for k in range(self.loop.n_leaves):
                if self.slot[k] >= 0:
                    g.base[self.slot[k]] = run.leaf[k]
            while not done:
                if native:
                    with nogil:
                        status = some_rounds(run, &t, &done)
                    check(status)
                    PyErr_CheckSignals()
                    continue
                look(run, &t)
                test._execute(g)
                if not t.ptr[t.at][0]:
                    break
                begin(&self.loop.body, f.ptr, f.base, run, run.step)
                program._execute(f)
                end(&self.loop.body, f.ptr, f.base, run, run.step)
                run.step += 1
                since += program.ns + test.ns + NS_OF_A_STEP
                if since > NS_BETWEEN:
                    PyErr_CheckSignals()
                    since = 0
            for k in range(self.loop.body.carries):
                memcpy(run.out[k], carried(run, k), self.loop.leaf_size[k])
        finally:
            PyMem_Free(run.extra)
        program.give_back(f)
        test.give_back(g)
        return 0


cdef class WhileStep(Held):
    """A loop of unknown length as an instruction.

    Parameters
    ----------
    loop : While
    step : LoopStep
        Its leaves, outs and buffer.
    """

    cdef While loop
    cdef LoopStep of

    def __cinit__(self, While loop, LoopStep step):
        self.loop, self.of = loop, step
        self.ns = 100 * (loop.loop.program.ns + loop.test.ns)    # nobody knows
        self.text = f"while: {step.text}"

    cdef int step(self, Frame f) except -1:
        cdef Run* run = self.of.prepared(f)
        try:
            return self.loop.go(run)
        finally:
            PyMem_Free(run)


cdef class Branch(Held):
    """One of two programs, by a truth value.

    Parameters
    ----------
    truth : int
        The pointer to it.
    on_true, on_false : LoopStep
        Of one step, without carries.
    """

    cdef int truth
    cdef LoopStep on_true, on_false

    def __cinit__(self, int truth, LoopStep on_true, LoopStep on_false):
        self.truth, self.on_true, self.on_false = truth, on_true, on_false
        self.ns = max(on_true.ns, on_false.ns)
        self.text = f"if p{truth}: {on_true.text}\n  else: {on_false.text}"

    cdef int step(self, Frame f) except -1:
        return (self.on_true if f.ptr[self.truth][0] else self.on_false).step(f)


cdef class SideBySide(Held):
    """Several loops that do not need each other, each in a thread.

    Parameters
    ----------
    steps : sequence of LoopStep
    """

    cdef tuple steps

    def __cinit__(self, steps):
        self.steps = tuple(steps)
        self.ns = max([s.ns for s in self.steps])
        self.text = "\n  ".join(["side by side:", *[s.text for s in self.steps]])

    cdef int step(self, Frame f) except -1:
        cdef int n = len(self.steps), k, left = n
        cdef LoopStep s
        cdef list frames = []
        cdef Run** runs = <Run**> PyMem_Malloc(n * sizeof(Run*))
        if runs == NULL:
            raise MemoryError
        memset(runs, 0, n * sizeof(Run*))
        try:
            for k in range(n):
                s = <LoopStep> self.steps[k]
                runs[k] = s.prepared(f)
                frames.append(s.loop.start(runs[k]))
            while left:
                with nogil:     # what is finished has no step left
                    parallel_for(one_of_several, runs, n, threads_for(NS_BETWEEN))
                PyErr_CheckSignals()
                left = 0
                for k in range(n):
                    check(runs[k].status)
                    left += runs[k].step < runs[k].length
            for k in range(n):
                (<LoopStep> self.steps[k]).loop.program.give_back(<Frame> frames[k])
        finally:
            for k in range(n):
                if runs[k] != NULL:
                    PyMem_Free(runs[k].extra)
                    PyMem_Free(runs[k])
            PyMem_Free(runs)
        return 0
