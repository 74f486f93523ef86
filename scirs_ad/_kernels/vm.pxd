from cpython.object cimport PyObject

cdef extern from "vm.h" nogil:
    ctypedef void (*ad_op_fn)(Py_ssize_t, const void*, const void*, const void*, void*) noexcept nogil
    ctypedef struct ad_instr:
        unsigned short op, dst, a, b, c
    ctypedef struct ad_program:
        int n_in, n_const, n_temp, n_out, n_code
        const ad_instr* code


cdef enum:
    STORE = 0
    ADD = 1
    SUM = 2


cdef class Program:
    cdef readonly tuple code          # the instructions, as given
    cdef ad_program c
    cdef ad_instr* instructions
    cdef ad_op_fn* fns64
    cdef ad_op_fn* fns32
    cdef double* consts64
    cdef float* consts32
    cdef double cost                  # estimated nanoseconds per element, to decide on threads
    cdef bint is_small                # few enough registers for few elements at a time
    cdef ad_op_fn single              # the kernel, if the program is one operation on its inputs in their order


cdef object run(Program p, PyObject** args, int nargs, list outs, int* modes)
cdef void run_flat(Program p, Py_ssize_t n, const char** ins, const double* scalars, char** outs,
                   const int* modes) noexcept
cdef object run_sweep(list stages, Py_ssize_t n, int n_scratch)
cpdef object sum_all(object x)
