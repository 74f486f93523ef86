"""Scalar programs: thousands of operations on single numbers. The machine: `src/scalar.h`.

For code that runs them without the GIL: keep the `ScalarProgram` alive and hold its `c`.
"""

cdef extern from *:
    """
    typedef struct ad_scalar_opaque ad_scalar_opaque;
    """
    ctypedef struct ad_scalar_opaque:
        pass


cdef class ScalarProgram:
    cdef const ad_scalar_opaque* c
    cdef readonly tuple sizes           # lengths of the input vectors
    cdef readonly tuple out_sizes       # lengths of the output vectors
    cdef readonly int n_registers
    cdef readonly int n_steps
    cdef readonly double ns             # estimated work of one run, nanoseconds
    cdef tuple description
    cdef list memory


# 0, or -1 when out of memory. Vectors are contiguous float64; strides count elements from one run to the next.
cdef int scalar_run(const ad_scalar_opaque* program, const double** ins, double** outs) noexcept nogil
cdef int scalar_run_many(const ad_scalar_opaque* program, Py_ssize_t count, const double** ins,
                         const Py_ssize_t* in_strides, double** outs, const Py_ssize_t* out_strides,
                         int threads) noexcept nogil
