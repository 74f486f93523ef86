"""Scalar programs: thousands of operations on single numbers. The machine: `src/scalar.h`.

For code that runs them without the GIL: keep the `ScalarCall` alive and hold its `c`.
"""


cdef class ScalarCall:
    cdef void* c
    cdef readonly object program
    cdef readonly Py_ssize_t count
    cdef readonly double ns             # estimated work, nanoseconds
    cdef list memory


# Runs a ScalarCall's `c` on a table of pointers: 0, or -1 when out of memory.
cdef int scalar_run(void* call, char** pointers) noexcept nogil
