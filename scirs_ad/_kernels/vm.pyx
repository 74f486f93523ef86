"""The blocked virtual machine for elementwise programs: from arrays to pointers, and back.

A `Program` is a flat list of instructions over registers, compiled once and run on float64 or float32 arrays of any
layout, with NumPy's broadcasting. See `src/vm.h` for the machine itself.
"""

from cpython.mem cimport PyMem_Malloc, PyMem_Free
from libc.stdlib cimport free, malloc
from cpython.float cimport PyFloat_CheckExact, PyFloat_AS_DOUBLE
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject, PyTypeObject
cimport numpy as cnp
from scirs_ad._kernels.ops cimport ad_reducer, table, tables
from scirs_ad._kernels.buffers cimport empty
from scirs_ad._kernels.threads cimport parallel_for, threads_for

import numpy as np
from scirs_ad._kernels.ops import OPCODES, ARITY

cnp.import_array()

cdef extern from "vm.h" nogil:
    enum: AD_MAX_DIMS
    enum: AD_FLAT
    enum: AD_SCALAR
    enum: AD_STRIDED
    enum: AD_SMALL
    enum: AD_SMALL_REGISTERS
    void ad_vm_small(const ad_program* program, const ad_op_fn* fns, ad_op_fn add, const double* consts, Py_ssize_t n,
                     const char** ins, const double* scalars, char** outs, const int* modes)
    ctypedef struct ad_operand:
        const char* data
        int mode
        int is_bool
        int ndim
        Py_ssize_t shape[64]
        Py_ssize_t stride[64]
    ctypedef struct ad_result:
        char* data
        int mode
    ctypedef void (*ad_parallel)(void (*)(void*, int, int) noexcept nogil, void*, int, int) noexcept nogil
    void ad_operand_merge(ad_operand* operand)
    int ad_vm_run(const ad_program* program, const ad_op_fn* fns, const void* sum, const void* consts, int itemsize,
                  Py_ssize_t n, const ad_operand* inputs, const ad_result* outputs, int threads, ad_parallel parallel)

cdef extern from "numpy/arrayobject.h":
    object PyArray_SimpleNew(int nd, cnp.npy_intp* dims, int typenum)
    object PyArray_EMPTY(int nd, cnp.npy_intp* dims, int typenum, int fortran)
    object PyArray_New(PyTypeObject* subtype, int nd, cnp.npy_intp* dims, int typenum, cnp.npy_intp* strides,
                       void* data, int itemsize, int flags, object obj)
    bint PyArray_ISBEHAVED_RO(cnp.ndarray array)

cdef enum:
    MAX_ARGS = 16       # inputs or outputs of one program
    NO_REGISTER = 255   # an operand that an operation lacks

cdef ad_op_fn ADD64 = <ad_op_fn> table[<int> OPCODES["add"]].f64
cdef const ad_reducer* SUM64 = &tables.reducers[0][0]
cdef const ad_reducer* SUM32 = &tables.reducers[0][1]

# Nanoseconds per element in the first-level cache, to decide on threads: the cheap ones; all others count as 1.
CHEAP = frozenset(
    "copy negative abs sign square reciprocal add subtract multiply divide maximum minimum mulz where fma clip greater "
    "greater_equal less less_equal equal not_equal sqrt floor ceil rint trunc isnan isfinite logical_not "
    "copysign".split()
)


cdef class Program:
    """A list of elementwise instructions.

    Parameters
    ----------
    n_in : int
        Number of inputs: registers `0 .. n_in - 1`.
    consts : sequence of float
        Constants: the registers after the inputs.
    n_temp : int
        Number of temporaries: the registers after the constants.
    n_out : int
        Number of outputs: the registers after the temporaries.
    code : sequence of tuple
        `(name, dst, a, b, c)`: operation, destination and operands; operands that an operation lacks are 0.

    Raises
    ------
    KeyError
        If an operation has no kernel.
    ValueError
        If a register does not exist, or there are more inputs or outputs than the machine takes.
    """

    def __cinit__(self, int n_in, consts, int n_temp, int n_out, code):
        cdef int i, n_const = len(consts), n_code = len(code), registers = n_in + n_const + n_temp + n_out
        if n_in > MAX_ARGS or n_out > MAX_ARGS or registers > 255:
            raise ValueError(f"Program: {n_in} inputs, {n_out} outputs, {registers} registers; the machine takes "
                             f"{MAX_ARGS}, {MAX_ARGS} and 255")
        self.code = tuple(code)
        self.instructions = <ad_instr*> PyMem_Malloc(max(n_code, 1) * sizeof(ad_instr))
        self.fns64 = <ad_op_fn*> PyMem_Malloc(max(n_code, 1) * sizeof(ad_op_fn))
        self.fns32 = <ad_op_fn*> PyMem_Malloc(max(n_code, 1) * sizeof(ad_op_fn))
        self.consts64 = <double*> PyMem_Malloc(max(n_const, 1) * sizeof(double))
        self.consts32 = <float*> PyMem_Malloc(max(n_const, 1) * sizeof(float))
        if (self.instructions == NULL or self.fns64 == NULL or self.fns32 == NULL or self.consts64 == NULL
                or self.consts32 == NULL):
            raise MemoryError
        for i in range(n_const):
            self.consts64[i] = consts[i]
            self.consts32[i] = <float> self.consts64[i]
        self.cost = 0.3
        for i, (name, dst, a, b, c) in enumerate(code):
            if max(dst, a, b, c) >= registers or min(dst, a, b, c) < 0:
                raise ValueError(f"Program: instruction {i} ({name}) names a register outside 0 .. {registers - 1}")
            self.instructions[i].op = OPCODES[name]
            self.instructions[i].dst = dst
            arity = ARITY[name]
            self.instructions[i].a = a if arity > 0 else NO_REGISTER
            self.instructions[i].b = b if arity > 1 else NO_REGISTER
            self.instructions[i].c = c if arity > 2 else NO_REGISTER
            self.fns64[i] = <ad_op_fn> table[self.instructions[i].op].f64
            self.fns32[i] = <ad_op_fn> table[self.instructions[i].op].f32
            self.cost += 0.15 if name in CHEAP else 1.2
        self.c.n_in, self.c.n_const, self.c.n_temp = n_in, n_const, n_temp
        self.c.n_out, self.c.n_code = n_out, n_code
        self.c.code = self.instructions
        self.single = NULL
        self.is_small = registers <= AD_SMALL_REGISTERS
        if n_code == 1 and n_const == 0 and n_temp == 0 and n_out == 1:
            operands = tuple(code[0][2:2 + ARITY[code[0][0]]])
            if operands == tuple(range(n_in)):
                self.single = self.fns64[0]

    def __dealloc__(self):
        PyMem_Free(self.instructions)
        PyMem_Free(self.fns64)
        PyMem_Free(self.fns32)
        PyMem_Free(self.consts64)
        PyMem_Free(self.consts32)

    def __reduce__(self):
        return Program, (self.c.n_in, [self.consts64[i] for i in range(self.c.n_const)], self.c.n_temp, self.c.n_out,
                         self.code)

    def __repr__(self):
        return f"<Program: {self.c.n_in} inputs, {self.c.n_out} outputs, {self.c.n_code} instructions>"

    def __call__(self, *args):
        """Run on `args`; a tuple of arrays, or None if the dtypes are not float64 or float32."""
        cdef PyObject* c_args[MAX_ARGS]
        cdef int modes[MAX_ARGS]
        cdef int i
        cdef list outs = [None] * self.c.n_out
        if len(args) != self.c.n_in:
            raise TypeError(f"Program: {len(args)} inputs, expected {self.c.n_in}")
        for i in range(self.c.n_in):
            c_args[i] = <PyObject*> args[i]
        for i in range(self.c.n_out):
            modes[i] = STORE
        if run(self, c_args, self.c.n_in, outs, modes) is None:
            return None
        return tuple(outs)


cdef inline bint _is_weak(object x):
    return PyFloat_CheckExact(x) or PyLong_CheckExact(x) or isinstance(x, bool)


cdef int _result_type(PyObject** args, int nargs):
    """The NumPy type number of the result, by NumPy's promotion; -1 if it is neither float64 nor float32."""
    cdef list kinds = []
    cdef int i
    for i in range(nargs):
        x = <object> args[i]
        if isinstance(x, bool):
            kinds.append(np.bool_)
        elif PyFloat_CheckExact(x):
            kinds.append(0.0)
        elif PyLong_CheckExact(x):
            kinds.append(0)
        elif isinstance(x, np.ndarray) or isinstance(x, np.generic):
            if x.dtype.kind not in "fiub":
                return -1
            kinds.append(x.dtype)
        else:
            return -1
    result = np.result_type(*kinds)
    if result == np.float64:
        return cnp.NPY_DOUBLE
    if result == np.float32:
        return cnp.NPY_FLOAT
    return -1


cdef object _run_small(Program p, PyObject** args, int nargs, list outs, int* modes):
    """`run` for few float64 elements in flat arrays of one shape, and Python floats; None if they are not that."""
    cdef const char* ins[MAX_ARGS]
    cdef char* results[MAX_ARGS]
    cdef double scalars[MAX_ARGS]
    cdef int store = STORE
    cdef cnp.ndarray first = None
    cdef cnp.ndarray array
    cdef object only
    cdef int i, d
    cdef Py_ssize_t n
    if not p.is_small:
        return None
    for i in range(nargs):
        if type(<object> args[i]) is cnp.ndarray:
            array = <cnp.ndarray> args[i]
            if cnp.PyArray_TYPE(array) != cnp.NPY_DOUBLE or not cnp.PyArray_ISCARRAY_RO(array):
                return None
            if first is None:
                first = array
            elif cnp.PyArray_NDIM(array) != cnp.PyArray_NDIM(first):
                return None
            else:
                for d in range(cnp.PyArray_NDIM(first)):
                    if cnp.PyArray_DIMS(array)[d] != cnp.PyArray_DIMS(first)[d]:
                        return None
            ins[i] = <const char*> cnp.PyArray_DATA(array)
        elif PyFloat_CheckExact(<object> args[i]):
            scalars[i] = PyFloat_AS_DOUBLE(<object> args[i])
            ins[i] = NULL
        else:
            return None
    if first is None:
        return None
    n = cnp.PyArray_SIZE(first)
    if n > AD_SMALL:
        return None
    if outs is None:
        only = PyArray_EMPTY(cnp.PyArray_NDIM(first), cnp.PyArray_DIMS(first), cnp.NPY_DOUBLE, 0)
        results[0] = <char*> cnp.PyArray_DATA(<cnp.ndarray> only)
        ad_vm_small(&p.c, p.fns64, ADD64, p.consts64, n, ins, scalars, results, &store)
        return only
    for i in range(p.c.n_out):
        if modes[i] == SUM:
            return None
        if modes[i] == ADD:
            array = <cnp.ndarray> outs[i]
            if (cnp.PyArray_TYPE(array) != cnp.NPY_DOUBLE or not cnp.PyArray_ISCARRAY_RO(array)
                    or cnp.PyArray_SIZE(array) != n or cnp.PyArray_NDIM(array) != cnp.PyArray_NDIM(first)):
                return None
    for i in range(p.c.n_out):
        if modes[i] == STORE:
            outs[i] = PyArray_EMPTY(cnp.PyArray_NDIM(first), cnp.PyArray_DIMS(first), cnp.NPY_DOUBLE, 0)
        results[i] = <char*> cnp.PyArray_DATA(<cnp.ndarray> outs[i])
    ad_vm_small(&p.c, p.fns64, ADD64, p.consts64, n, ins, scalars, results, modes)
    return True


cdef void run_flat(Program p, Py_ssize_t n, const char** ins, const double* scalars, char** outs,
                   const int* modes) noexcept:
    """Run `p`, of at most 24 registers, on at most 64 float64 elements: flat arrays, or NULL for a scalar."""
    ad_vm_small(&p.c, p.fns64, ADD64, p.consts64, n, ins, scalars, outs, modes)


cdef object run(Program p, PyObject** args, int nargs, list outs, int* modes):
    """Run `p` on `args` (ndarrays, NumPy or Python scalars), broadcast together, into `outs`.

    `modes[k]` is STORE: `outs[k]` becomes a fresh array; ADD: `outs[k]` is added to, if it is a C-contiguous array of
    the result's shape and dtype, else the mode becomes STORE; SUM: `outs[k]` becomes the 0-d sum over all elements.
    Returns True, or None when the dtypes are not the machine's: then nothing has been done. With `outs` None the
    only output is stored and returned.
    """
    cdef ad_operand inputs[MAX_ARGS]
    cdef ad_result results[MAX_ARGS]
    cdef double scalars[MAX_ARGS]
    cdef float scalars32[MAX_ARGS]
    cdef PyObject* hold[MAX_ARGS]
    cdef list keep = None               # converted inputs, kept alive
    cdef cnp.ndarray array, first = None
    cdef cnp.npy_intp* shape = NULL
    cdef cnp.npy_intp dims[64]
    cdef int ndim = 0, i, k, d, typenum = -1, code
    cdef bint same = True, c_order = True, f_order = True
    cdef Py_ssize_t n = 1, size
    cdef object only = None
    only = _run_small(p, args, nargs, outs, modes)
    if only is not None:
        return only
    # 1. The dtype: quickly if every array is already of one.
    for i in range(nargs):
        x = <object> args[i]
        hold[i] = args[i]
        if type(x) is cnp.ndarray:
            code = cnp.PyArray_TYPE(x)
            if typenum == -1 and (code == cnp.NPY_DOUBLE or code == cnp.NPY_FLOAT):
                typenum = code
            elif code != typenum and code != cnp.NPY_BOOL:
                typenum = -2
                break
            if not PyArray_ISBEHAVED_RO(<cnp.ndarray> x):
                typenum = -2
                break
        elif not PyFloat_CheckExact(x) and not PyLong_CheckExact(x):
            typenum = -2
            break
    if typenum < 0:
        typenum = _result_type(args, nargs)
        if typenum < 0:
            return None
        keep = []
        for i in range(nargs):
            x = <object> args[i]
            if _is_weak(x):
                x = float(x)
            else:
                array = np.asarray(x)
                if cnp.PyArray_TYPE(array) == typenum or cnp.PyArray_TYPE(array) == cnp.NPY_BOOL:
                    x = array if PyArray_ISBEHAVED_RO(array) else array.astype(array.dtype.newbyteorder("="))
                else:
                    x = array.astype(np.float64 if typenum == cnp.NPY_DOUBLE else np.float32)
            keep.append(x)
            hold[i] = <PyObject*> x
    # 2. The shape.
    for i in range(nargs):
        if type(<object> hold[i]) is not cnp.ndarray:
            continue
        array = <cnp.ndarray> hold[i]
        if cnp.PyArray_NDIM(array) == 0:
            continue
        if first is None:
            first = array
            ndim = cnp.PyArray_NDIM(array)
            shape = cnp.PyArray_DIMS(array)
        elif same:
            if cnp.PyArray_NDIM(array) != ndim:
                same = False
            else:
                for d in range(ndim):
                    if cnp.PyArray_DIMS(array)[d] != shape[d]:
                        same = False
                        break
    if not same:
        ndim = 0
        for i in range(nargs):
            if type(<object> hold[i]) is cnp.ndarray and cnp.PyArray_NDIM(<object> hold[i]) > ndim:
                ndim = cnp.PyArray_NDIM(<object> hold[i])
        for d in range(ndim):
            dims[d] = 1
        for i in range(nargs):
            if type(<object> hold[i]) is cnp.ndarray:
                array = <cnp.ndarray> hold[i]
                k = ndim - cnp.PyArray_NDIM(array)
                for d in range(cnp.PyArray_NDIM(array)):
                    if cnp.PyArray_DIMS(array)[d] != 1:
                        if dims[k + d] != 1 and dims[k + d] != cnp.PyArray_DIMS(array)[d]:
                            shapes = " ".join(str(np.shape(<object> hold[j])) for j in range(nargs))
                            raise ValueError(f"shapes {shapes} cannot be broadcast together")
                        dims[k + d] = cnp.PyArray_DIMS(array)[d]
        shape = dims
    for d in range(ndim):
        n *= shape[d]
    # 3. How each input is read. Inputs that are all in Fortran order are run flat, and so are the results.
    c_order = True
    f_order = ndim > 1
    for i in range(nargs):
        if type(<object> hold[i]) is cnp.ndarray and cnp.PyArray_NDIM(<object> hold[i]) != 0:
            array = <cnp.ndarray> hold[i]
            if cnp.PyArray_NDIM(array) != ndim or not same or not cnp.PyArray_IS_F_CONTIGUOUS(array):
                f_order = False
            if not cnp.PyArray_IS_C_CONTIGUOUS(array):
                c_order = False
    if c_order:
        f_order = False
    size = 8 if typenum == cnp.NPY_DOUBLE else 4
    for k in range(p.c.n_out):
        if outs is not None and modes[k] == ADD:
            array = outs[k]
            if (cnp.PyArray_TYPE(array) == typenum and cnp.PyArray_IS_C_CONTIGUOUS(array)
                    and cnp.PyArray_NDIM(array) == ndim and cnp.PyArray_SIZE(array) == n):
                f_order = False
            else:
                modes[k] = STORE
    for i in range(nargs):
        x = <object> hold[i]
        inputs[i].is_bool = 0
        if type(x) is not cnp.ndarray:
            scalars[i] = x
            scalars32[i] = <float> scalars[i]
            inputs[i].data = <const char*> &scalars[i] if size == 8 else <const char*> &scalars32[i]
            inputs[i].mode = AD_SCALAR
            continue
        array = <cnp.ndarray> x
        inputs[i].data = <const char*> cnp.PyArray_DATA(array)
        inputs[i].is_bool = cnp.PyArray_TYPE(array) == cnp.NPY_BOOL
        if cnp.PyArray_NDIM(array) == 0:
            inputs[i].mode = AD_SCALAR
        elif (same and not inputs[i].is_bool and (cnp.PyArray_IS_C_CONTIGUOUS(array) or f_order)):
            inputs[i].mode = AD_FLAT
        else:
            _strided(array, ndim, shape, f_order, &inputs[i])
    # 4. The outputs.
    for k in range(p.c.n_out):
        if outs is None:
            results[k].mode = STORE
            only = empty(ndim, shape, typenum, f_order)
            results[k].data = <char*> cnp.PyArray_DATA(<cnp.ndarray> only)
            continue
        results[k].mode = modes[k]
        if modes[k] == STORE:
            outs[k] = empty(ndim, shape, typenum, f_order)
        elif modes[k] == SUM:
            outs[k] = PyArray_EMPTY(0, NULL, typenum, 0)
        results[k].data = <char*> cnp.PyArray_DATA(<cnp.ndarray> outs[k])
    # 5. Go. Below 10,000 elements giving the GIL up costs more than it frees.
    if p.single != NULL and n <= 512 and size == 8 and results[0].mode == STORE and _all_flat(inputs, nargs):
        p.single(n, inputs[0].data, inputs[1].data if nargs > 1 else NULL, inputs[2].data if nargs > 2 else NULL,
                 results[0].data)
        return only if outs is None else True
    cdef int failed
    cdef ad_op_fn* fns = p.fns64 if size == 8 else p.fns32
    cdef const void* total = <const void*> (SUM64 if size == 8 else SUM32)
    cdef void* consts = <void*> p.consts64 if size == 8 else <void*> p.consts32
    if n < 10000:
        failed = ad_vm_run(&p.c, fns, total, consts, size, n, inputs, results, 1, NULL)
    else:
        with nogil:
            failed = ad_vm_run(&p.c, fns, total, consts, size, n, inputs, results, threads_for(n * p.cost),
                               <ad_parallel> parallel_for)
    if failed:
        raise MemoryError("out of memory for the temporaries of an elementwise program")
    return only if outs is None else True


cdef inline bint _all_flat(ad_operand* inputs, int nargs) noexcept:
    cdef int i
    for i in range(nargs):
        if inputs[i].mode != AD_FLAT:
            return False
    return True


cdef void _strided(cnp.ndarray array, int ndim, cnp.npy_intp* shape, bint f_order, ad_operand* x) noexcept:
    cdef int d, k = ndim - cnp.PyArray_NDIM(array)
    cdef bint moves = False
    x.mode = AD_STRIDED
    x.ndim = ndim
    for d in range(ndim):
        x.shape[d] = shape[d]
        x.stride[d] = 0
        if d >= k and cnp.PyArray_DIMS(array)[d - k] != 1:
            x.stride[d] = cnp.PyArray_STRIDES(array)[d - k]
        if x.stride[d] != 0:
            moves = True
    if not moves:
        x.mode = AD_SCALAR
        return
    if f_order:                         # the elements are run in Fortran order: so is this operand
        for d in range(ndim // 2):
            x.shape[d], x.shape[ndim - 1 - d] = x.shape[ndim - 1 - d], x.shape[d]
            x.stride[d], x.stride[ndim - 1 - d] = x.stride[ndim - 1 - d], x.stride[d]
    ad_operand_merge(x)


cpdef object sum_all(object x):
    """The sum of a C-contiguous float64 or float32 array as a 0-d array, pairwise; None for other arrays.

    Within (log2 n + 12) * eps of the sum of the magnitudes.
    """
    cdef cnp.ndarray array, out
    cdef Py_ssize_t n
    if type(x) is not cnp.ndarray:
        return None
    array = <cnp.ndarray> x
    if not cnp.PyArray_ISCARRAY_RO(array) and not cnp.PyArray_ISFARRAY_RO(array):
        return None
    n = cnp.PyArray_SIZE(array)
    if cnp.PyArray_TYPE(array) == cnp.NPY_DOUBLE:
        out = PyArray_EMPTY(0, NULL, cnp.NPY_DOUBLE, 0)
        if n == 0:
            (<double*> cnp.PyArray_DATA(out))[0] = 0.0
        elif n < 10000:
            SUM64.whole(n, cnp.PyArray_DATA(array), cnp.PyArray_DATA(out))
        else:
            with nogil:
                SUM64.whole(n, cnp.PyArray_DATA(array), cnp.PyArray_DATA(out))
        return out
    if cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT:
        out = PyArray_EMPTY(0, NULL, cnp.NPY_FLOAT, 0)
        if n == 0:
            (<float*> cnp.PyArray_DATA(out))[0] = 0.0
        else:
            with nogil:
                SUM32.whole(n, cnp.PyArray_DATA(array), cnp.PyArray_DATA(out))
        return out
    return None


def expand(x, tuple shape):
    """A 0-d float64 or float32 array repeated to `shape`: fresh if it is small, else a view; None for others."""
    cdef cnp.npy_intp dims[64]
    cdef cnp.npy_intp strides[64]
    cdef cnp.ndarray out
    cdef Py_ssize_t n = 1, i
    cdef int d, code
    if type(x) is not cnp.ndarray or cnp.PyArray_NDIM(x) != 0 or len(shape) > 63:
        return None
    code = cnp.PyArray_TYPE(x)
    if code != cnp.NPY_DOUBLE and code != cnp.NPY_FLOAT:
        return None
    for d in range(len(shape)):
        dims[d] = shape[d]
        strides[d] = 0
        n *= dims[d]
    if n <= 64 and code == cnp.NPY_DOUBLE:
        out = PyArray_SimpleNew(len(shape), dims, code)
        for i in range(n):
            (<double*> cnp.PyArray_DATA(out))[i] = (<double*> cnp.PyArray_DATA(<cnp.ndarray> x))[0]
        return out
    out = PyArray_New(<PyTypeObject*> cnp.ndarray, len(shape), dims, code, strides,
                      cnp.PyArray_DATA(<cnp.ndarray> x), 0, cnp.NPY_ARRAY_ALIGNED, None)
    cnp.set_array_base(out, x)
    return out


# ------------------------------------------------------------------------------------------------ several programs
cdef enum:
    SWEEP_BLOCK = 8192      # elements: a dozen registers of 64 KiB fit the second-level cache
    FULL = 0                # a register of a sweep: an array,
    CONSTANT = 1            # one number for all elements,
    SCRATCH = 2             # or what only other programs of the sweep read

cdef struct stage:
    const ad_program* program
    const ad_op_fn* fns
    const double* consts
    int n_in, n_out
    int in_kind[MAX_ARGS]
    int in_slot[MAX_ARGS]
    int out_kind[MAX_ARGS]
    int out_slot[MAX_ARGS]
    int modes[MAX_ARGS]
    const char* in_data[MAX_ARGS]
    char* out_data[MAX_ARGS]
    double scalars[MAX_ARGS]

cdef struct sweep:
    stage* stages
    int n_stages, n_scratch, chunks, failed
    Py_ssize_t n


cdef void _sweep_chunk(void* context, int chunk, int worker) noexcept nogil:
    """A run of neighbouring blocks: for each block all programs, one after the other."""
    cdef sweep* s = <sweep*> context
    cdef Py_ssize_t blocks = (s.n + SWEEP_BLOCK - 1) // SWEEP_BLOCK
    cdef Py_ssize_t block = blocks * chunk // s.chunks, end = blocks * (chunk + 1) // s.chunks, start, n
    cdef char* scratch = <char*> malloc(<size_t> max(s.n_scratch, 1) * SWEEP_BLOCK * 8)
    cdef ad_operand ins[MAX_ARGS]
    cdef ad_result outs[MAX_ARGS]
    cdef stage* g
    cdef int k, i
    if scratch == NULL:
        s.failed = 1
        return
    while block < end:
        start = block * SWEEP_BLOCK
        n = min(<Py_ssize_t> SWEEP_BLOCK, s.n - start)
        for k in range(s.n_stages):
            g = &s.stages[k]
            for i in range(g.n_in):
                ins[i].is_bool = 0
                ins[i].mode = AD_SCALAR if g.in_kind[i] == CONSTANT else AD_FLAT
                if g.in_kind[i] == FULL:
                    ins[i].data = g.in_data[i] + start * 8
                elif g.in_kind[i] == SCRATCH:
                    ins[i].data = scratch + g.in_slot[i] * SWEEP_BLOCK * 8
                else:
                    ins[i].data = g.in_data[i] if g.in_data[i] != NULL else <const char*> &g.scalars[i]
            for i in range(g.n_out):
                outs[i].mode = g.modes[i]
                outs[i].data = (g.out_data[i] + start * 8 if g.out_kind[i] == FULL
                                else scratch + g.out_slot[i] * SWEEP_BLOCK * 8)
            if ad_vm_run(g.program, g.fns, <const void*> SUM64, g.consts, 8, n, ins, outs, 1, NULL):
                s.failed = 1
        block += 1
    free(scratch)


cdef object run_sweep(list stages, Py_ssize_t n, int n_scratch):
    """Run programs one after the other on n float64 elements, block by block, so that what lies between stays in cache.

    A stage is `(program, inputs, outputs, modes)`. An input: an array (C-contiguous, of n elements), an array of one
    element or a float (the same for all), or an int (a scratch register). An output: an array or an int.
    """
    cdef sweep s
    cdef stage* g
    cdef Program p
    cdef double cost = 0.0
    cdef int k, i, threads
    s.n_stages, s.n_scratch, s.n, s.failed = len(stages), n_scratch, n, 0
    s.stages = <stage*> PyMem_Malloc(s.n_stages * sizeof(stage))
    if s.stages == NULL:
        raise MemoryError
    for k in range(s.n_stages):
        g = &s.stages[k]
        program, ins, outs, modes = stages[k]
        p = <Program> program
        g.program, g.fns, g.consts, g.n_in, g.n_out = &p.c, p.fns64, p.consts64, p.c.n_in, p.c.n_out
        cost += p.cost
        for i in range(g.n_in):
            x = ins[i]
            g.in_data[i] = NULL
            if type(x) is cnp.ndarray:
                g.in_kind[i] = FULL if cnp.PyArray_IS_C_CONTIGUOUS(x) and cnp.PyArray_SIZE(x) == n else CONSTANT
                g.in_data[i] = <const char*> cnp.PyArray_DATA(<cnp.ndarray> x)
            elif type(x) is float:
                g.in_kind[i] = CONSTANT
                g.scalars[i] = x
            else:
                g.in_kind[i] = SCRATCH
                g.in_slot[i] = x
        for i in range(g.n_out):
            x = outs[i]
            g.modes[i] = modes[i]
            if type(x) is cnp.ndarray:
                g.out_kind[i] = FULL
                g.out_data[i] = <char*> cnp.PyArray_DATA(<cnp.ndarray> x)
            else:
                g.out_kind[i] = SCRATCH
                g.out_slot[i] = x
    threads = threads_for(n * cost)
    # Each thread has scratch of its own; more chunks than threads, so that nobody waits for one that comes late.
    s.chunks = 1 if threads <= 1 else 4 * threads
    with nogil:
        if threads <= 1:
            _sweep_chunk(&s, 0, 0)
        else:
            parallel_for(_sweep_chunk, &s, s.chunks, threads)
    PyMem_Free(s.stages)
    if s.failed:
        raise MemoryError("out of memory for the temporaries of a backward sweep")
