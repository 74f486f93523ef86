cdef class Native:
    """An instruction of another module: C code over the table of pointers."""
    cdef int (*run)(void* data, char** pointers) noexcept nogil     # not 0: out of memory
    cdef void* data
    cdef readonly double ns                                         # estimated work
    cdef readonly str text
