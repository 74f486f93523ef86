cdef int blas_threads() noexcept nogil
cdef bint one_blas_thread()
cdef void restore_blas_threads() noexcept
