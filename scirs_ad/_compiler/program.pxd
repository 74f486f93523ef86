cimport cython
cimport numpy as cnp
from cpython.object cimport PyObject
from scirs_ad._kernels.ops cimport ad_op_fn

cdef enum:
    MAX_DIMS = 64

# Kinds of slots.
cdef enum:
    ARENA = 0
    INPUT = 1
    CONSTANT = 2
    FRESH = 3
    BOX = 4

cdef enum:
    RESULT_ARRAY = 0            # the array in a slot
    RESULT_SCALAR = 1           # a NumPy scalar of what a pointer shows
    RESULT_VIEW = 2             # the array in a slot with its axes in another order

cdef struct Instr:
    int kind
    int a, b, c, out            # places in the table of pointers; -1: none
    Py_ssize_t n
    ad_op_fn fn
    int (*run)(void*, char**) noexcept nogil
    void* data
    double ns                   # estimated work

cdef struct Fix:
    int ptr, slot
    Py_ssize_t offset

cdef struct Move:
    int itemsize, ndim
    Py_ssize_t* shape           # shape, source strides, destination strides
    Py_ssize_t* from_stride
    Py_ssize_t* to_stride

cdef void move(Move* m, const char* source, char* to) noexcept nogil
cdef int run_native(Instr* instr, char** ptr, int i, int end) noexcept nogil
cdef int check(int status) except -1

cdef class Native:
    """An instruction of another module: C code over the table of pointers."""
    cdef int (*run)(void* data, char** pointers) noexcept nogil     # the status, for `check`
    cdef void* data
    cdef readonly double ns                                         # estimated work
    cdef readonly str text


@cython.final
cdef class Frame:
    cdef char* arena
    cdef char** ptr
    cdef char** base
    cdef list objects           # per slot: the array that is there now, if it is a Python object
    cdef Frame next             # of those that wait for the next call

cdef class Held:
    """An instruction of another module that starts with the GIL."""
    cdef readonly double ns
    cdef readonly str text
    cdef int step(self, Frame f) except -1

cdef class PythonCall:
    cdef object primitive, params
    cdef tuple args             # (ptr, shape, strides, dtype, whole slot or -1), or (None, constant)
    cdef tuple outs             # (slot, Spec)
    cdef tuple fixes            # per output: [(ptr, offset)]
    cdef tuple release          # slots whose arrays nobody needs any more


@cython.final
cdef class Program:
    cdef readonly Py_ssize_t arena_bytes
    cdef readonly int n_in
    cdef readonly tuple instructions      # as described, for printing
    cdef readonly double ns
    cdef int n_slots, n_ptrs, n_instr, n_fix, n_results, python_calls, held, returns_inputs
    cdef int* slot_kind
    cdef int* slot_input
    cdef Fix* fixes             # of inputs and fresh outputs
    cdef Instr* instr
    cdef list constants         # kept alive
    cdef list fresh             # (slot, shape, dtype)
    cdef int* fresh_slot
    cdef int* fresh_ndim
    cdef int* fresh_type
    cdef cnp.npy_intp* fresh_dims       # 64 each
    cdef int n_fresh
    cdef list python            # per instruction a PythonCall or a Held, or None
    cdef list keep
    cdef list results
    cdef int* result_kind
    cdef int* result_at
    cdef list result_dtype
    cdef list pointer_list, slot_list
    cdef Frame spare
    cdef list times             # of instructions, while they are measured
    cdef list blocks            # memory of ours

    cdef void* memory(self, size_t size) except NULL
    cdef _instruction(self, Instr* at, tuple d)
    cdef _fix_boxes(self)
    cdef Frame frame(self)
    cdef void give_back(self, Frame f) noexcept
    cdef object run(self, PyObject** args, bint one, list given)
    cdef bint _given(self, Frame f, int slot, list given)
    cdef object _result(self, Frame f, int i)
    cdef _execute(self, Frame f)
    cdef int _with_gil(self, Frame f, int i) except -1
    cdef int _native(self, char** ptr, int i, int end) noexcept nogil
    cdef _python(self, PythonCall call, Frame f)
    cdef _together(self, Frame f, int first, int end)
    cdef list _arguments(self, PythonCall call, Frame f)
    cdef _keep(self, PythonCall call, Frame f, list args, object out)
