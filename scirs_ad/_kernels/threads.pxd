# One chunk of a loop: `worker` is 0 for the caller, and below the number of threads.
ctypedef void (*Task)(void *context, int chunk, int worker) noexcept nogil

cdef int threads_for(double ns) noexcept nogil
cdef void parallel_for(Task task, void *context, int chunks, int threads) noexcept nogil
