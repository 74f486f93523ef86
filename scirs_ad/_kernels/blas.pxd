cdef int warm_buffers
cdef int blas_threads() noexcept nogil
cdef bint one_blas_thread()
cdef void restore_blas_threads() noexcept
cdef void warm_up(int wanted) noexcept nogil


cdef inline void warm(int threads) noexcept nogil:
    """To be called before products of more than a few microseconds, with the threads that will call BLAS."""
    if warm_buffers < threads:
        warm_up(threads)
