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
    cdef ad_op_fn single              # the kernel, if the program is one operation on its inputs in their order


cdef object run(Program p, PyObject** args, int nargs, list outs, int* modes)
cpdef object sum_all(object x)
