cdef int threads_for(double ns) noexcept nogil
