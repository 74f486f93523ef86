"""Scalar programs: functions that index and loop over small vectors, as a list of operations on single numbers.

An instruction costs about two nanoseconds; mapped over many inputs, eight runs share one.
"""

from cpython.mem cimport PyMem_Malloc, PyMem_Free
from libc.stdint cimport uint32_t
from libc.stdlib cimport malloc, free
cimport numpy as cnp
from scirs_ad._kernels.ops cimport tables
from scirs_ad._kernels.threads cimport parallel_for, threads_for

import numpy as np
from scirs_ad._kernels.ops import ARITY, OPCODES
from scirs_ad._kernels.vm import CHEAP

cnp.import_array()

cdef extern from "scalar.h" nogil:
    enum: AD_SCALAR_LANES
    enum: AD_SCALAR_MULADD
    enum: AD_SCALAR_MULSUB
    enum: AD_SCALAR_RMULSUB
    ctypedef struct ad_scalar_step:
        uint32_t op, dst, a, b
    ctypedef void (*ad_parallel_for)(void (*)(void*, int, int) noexcept nogil, void*, int, int) noexcept nogil
    ctypedef struct ad_scalar:
        const ad_scalar_step* steps
        Py_ssize_t n_steps, n_const, n_reg
        const double* consts
        int n_in, n_out
        const Py_ssize_t* in_size
        const Py_ssize_t* out_size
        const uint32_t* results
        const void* isa
        ad_parallel_for parallel
        double ns
    int ad_scalar_run(const ad_scalar* program, const double** ins, double** outs)
    int ad_scalar_run_many(const ad_scalar* program, Py_ssize_t count, const double** ins, const Py_ssize_t* in_stride,
                           double** outs, const Py_ssize_t* out_stride, int threads)

cdef enum:
    MOST_REGISTERS = 1 << 24        # the third operand has 24 bits

LANES = AD_SCALAR_LANES


cdef int scalar_run(const ad_scalar_opaque* program, const double** ins, double** outs) noexcept nogil:
    return ad_scalar_run(<const ad_scalar*> program, ins, outs)


cdef int scalar_run_many(const ad_scalar_opaque* program, Py_ssize_t count, const double** ins,
                         const Py_ssize_t* in_strides, double** outs, const Py_ssize_t* out_strides,
                         int threads) noexcept nogil:
    cdef const ad_scalar* p = <const ad_scalar*> program
    if threads <= 0:
        threads = threads_for(count * p.ns)
    return ad_scalar_run_many(p, count, ins, in_strides, outs, out_strides, threads)


cdef list _contracted(list code, int first, list uses):
    """Products that only one sum or difference uses, merged into it: rounded twice, as before."""
    cdef list plan = list(code)
    cdef int k, side, d
    for k in range(len(code)):
        name, operands = code[k]
        if not uses[first + k] or name != "add" and name != "subtract":
            continue
        for side in (0, 1):
            d = operands[side] - first
            if d >= 0 and uses[operands[side]] == 1 and plan[d] is not None and plan[d][0] == "multiply":
                new = "muladd" if name == "add" else "mulsub" if side == 0 else "rmulsub"
                plan[k] = (new, (*code[d][1], operands[1 - side]))
                plan[d] = None
                break
    return plan


cdef class ScalarProgram:
    """A list of operations on single numbers (float64).

    Values are numbered: the elements of all inputs, then the constants, then the results of the code.

    Parameters
    ----------
    sizes : sequence of int
        Lengths of the input vectors.
    consts : sequence of float
    code : sequence of tuple
        `(name, operands)`: an operation of the table of kernels, numbers of the operands.
    outputs : sequence of sequence of int
        For every output vector the values of its elements.

    Raises
    ------
    KeyError
        If an operation has no kernel.
    ValueError
        If an operand or a result does not exist, or an operation has the wrong number of operands.

    Examples
    --------
    >>> from scirs_ad._kernels.scalar import ScalarProgram
    >>> norm = ScalarProgram([2], [], [("square", (0,)), ("square", (1,)), ("add", (2, 3)), ("sqrt", (4,))], [[5]])
    >>> norm([3.0, 4.0])[0]
    array([5.])
    """

    def __cinit__(self, sizes, consts, code, outputs):
        self.description = (tuple(sizes), tuple(consts), tuple(code), tuple([tuple(values) for values in outputs]))
        self.sizes = self.description[0]
        self.out_sizes = tuple([len(values) for values in self.description[3]])
        self.memory = []
        _build(self, list(self.description[1]), [(name, tuple(operands)) for name, operands in code])

    def __dealloc__(self):
        PyMem_Free(<void*> self.c)

    def __reduce__(self):
        return ScalarProgram, self.description

    def __repr__(self):
        return (f"<ScalarProgram: {len(self.sizes)} inputs, {len(self.out_sizes)} outputs, {self.n_steps} steps, "
                f"{self.n_registers} registers>")

    def __call__(self, *vectors):
        """Run once; a tuple of arrays."""
        return tuple([out[0] for out in self.map(1, *[np.asarray(v, np.float64)[None] for v in vectors])])

    def map(self, Py_ssize_t count, *inputs, int threads=0):
        """Run `count` times, on the rows of the inputs; an input of one dimension is shared by all runs.

        Parameters
        ----------
        count : int
        *inputs : array_like, shape (count, n) or (n,)
        threads : int, optional
            At most; 0 lets the amount of work decide.

        Returns
        -------
        tuple of ndarray, shape (count, m)

        Raises
        ------
        TypeError
            If the number of inputs is wrong.
        ValueError
            If the shape of an input is.
        """
        cdef Py_ssize_t k, n_in = len(self.sizes), n_out = len(self.out_sizes)
        cdef const double** ins
        cdef double** outs
        cdef Py_ssize_t* strides
        cdef int failed
        if len(inputs) != n_in:
            raise TypeError(f"ScalarProgram: {len(inputs)} inputs, expected {n_in}")
        arrays = [np.ascontiguousarray(x, np.float64) for x in inputs]
        for k, (x, size) in enumerate(zip(arrays, self.sizes)):
            if x.shape != (count, size) and x.shape != (size,):
                raise ValueError(f"ScalarProgram: input {k} has shape {x.shape}, "
                                 f"expected ({count}, {size}) or ({size},)")
        results = [np.empty((count, size)) for size in self.out_sizes]
        ins = <const double**> malloc((n_in + n_out + 1) * (sizeof(void*) + sizeof(Py_ssize_t)))
        if ins == NULL:
            raise MemoryError
        outs = <double**> ins + n_in
        strides = <Py_ssize_t*> (outs + n_out + 1)
        for k in range(n_in):
            ins[k] = <const double*> cnp.PyArray_DATA(<cnp.ndarray> arrays[k])
            strides[k] = self.sizes[k] if arrays[k].ndim == 2 else 0
        for k in range(n_out):
            outs[k] = <double*> cnp.PyArray_DATA(<cnp.ndarray> results[k])
            strides[n_in + k] = self.out_sizes[k]
        with nogil:
            if count == 1:
                failed = scalar_run(self.c, ins, outs)
            else:
                failed = scalar_run_many(self.c, count, ins, strides, outs, strides + n_in, threads)
        free(<void*> ins)
        if failed:
            raise MemoryError("out of memory for the registers of a scalar program")
        return tuple(results)


cdef char* _memory(ScalarProgram self, Py_ssize_t size) except NULL:
    cdef object block = bytearray(max(size, 1))
    cdef unsigned char[::1] view = block
    self.memory.append((block, view))
    return <char*> &view[0]


cdef _build(ScalarProgram self, list consts, list code):
    cdef int n_in = sum(self.sizes), n_const = len(consts), first = n_in + n_const, k, r, value
    cdef Py_ssize_t i, n_reg
    cdef ad_scalar* p
    cdef ad_scalar_step* steps
    cdef double* numbers
    cdef uint32_t* results
    cdef Py_ssize_t* lengths
    cdef list uses = [0] * (first + len(code))
    for k, (name, operands) in enumerate(code):
        if name not in OPCODES:
            raise KeyError(f"ScalarProgram: no kernel for {name}")
        if len(operands) != ARITY[name]:
            raise ValueError(f"ScalarProgram: instruction {k}: {name} takes {ARITY[name]} operands, "
                             f"not {len(operands)}")
        for value in operands:
            if not 0 <= value < first + k:
                raise ValueError(f"ScalarProgram: instruction {k} ({name}) uses value {value}, "
                                 f"which is not computed before it")
    results_of = [value for values in self.description[3] for value in values]
    for value in results_of:
        if not 0 <= value < len(uses):
            raise ValueError(f"ScalarProgram: an output is value {value}; there are {len(uses)}")
        uses[value] += 1
    for k in range(len(code) - 1, -1, -1):
        if uses[first + k]:
            for value in code[k][1]:
                uses[value] += 1
    plan = _contracted(code, first, uses)
    # Registers: constants, inputs, temporaries; a temporary is free after its last use.
    register = [n_const + i for i in range(n_in)] + list(range(n_const)) + [0] * len(code)
    last = {}
    for k, entry in enumerate(plan):
        if entry is not None and uses[first + k]:
            for value in entry[1]:
                last[value] = k
    for value in results_of:
        last[value] = len(code)
    free_registers, chosen = [], []
    n_reg = first
    for k, entry in enumerate(plan):
        if entry is None or not uses[first + k]:
            continue
        name, operands = entry
        for value in set(operands):
            if value >= first and last[value] == k:
                free_registers.append(register[value])
        if free_registers:
            r = free_registers.pop()
        else:
            r, n_reg = n_reg, n_reg + 1
        chosen.append((name, r, [register[value] for value in operands]))
        register[first + k] = r
    if n_reg > MOST_REGISTERS:
        raise ValueError(f"ScalarProgram: {n_reg} registers; the machine takes {MOST_REGISTERS}")
    p = <ad_scalar*> PyMem_Malloc(sizeof(ad_scalar))
    if p == NULL:
        raise MemoryError
    self.c = <const ad_scalar_opaque*> p
    steps = <ad_scalar_step*> _memory(self, sizeof(ad_scalar_step) * len(chosen))
    extra = {"muladd": AD_SCALAR_MULADD, "mulsub": AD_SCALAR_MULSUB, "rmulsub": AD_SCALAR_RMULSUB}
    self.ns = 20.0
    for i, (name, r, operands) in enumerate(chosen):
        operands = operands + [0] * (3 - len(operands))
        k = extra[name] if name in extra else OPCODES[name]
        steps[i].op = k | <uint32_t> operands[2] << 8
        steps[i].dst, steps[i].a, steps[i].b = r, operands[0], operands[1]
        self.ns += 2.0 if name in extra or name in CHEAP else 20.0
    numbers = <double*> _memory(self, sizeof(double) * n_const)
    for i in range(n_const):
        numbers[i] = consts[i]
    results = <uint32_t*> _memory(self, sizeof(uint32_t) * len(results_of))
    for i in range(len(results_of)):
        results[i] = register[results_of[i]]
    p.steps, p.n_steps, p.n_const, p.n_reg, p.consts = steps, len(chosen), n_const, n_reg, numbers
    p.n_in, p.n_out, p.results = len(self.sizes), len(self.out_sizes), results
    lengths = <Py_ssize_t*> _memory(self, sizeof(Py_ssize_t) * p.n_in)
    for i in range(p.n_in):
        lengths[i] = self.sizes[i]
    p.in_size = lengths
    lengths = <Py_ssize_t*> _memory(self, sizeof(Py_ssize_t) * p.n_out)
    for i in range(p.n_out):
        lengths[i] = self.out_sizes[i]
    p.out_size = lengths
    p.isa = <const void*> tables
    p.parallel = <ad_parallel_for> parallel_for
    p.ns = self.ns / 4              # run many times, side by side
    self.n_registers, self.n_steps = n_reg, len(chosen)
