"""How many threads a loop deserves, and the threads: the one place for both.

Kernels call `threads_for(ns)` with an estimate of the work in nanoseconds (on one thread) and hand the answer to
`parallel_for`.  This module imports neither NumPy nor SciPy.
"""
import os
import warnings

cdef extern from "pool.h":
    void ad_pool_run(Task task, void *context, int chunks, int threads) noexcept nogil
    const char *ad_pool_kind() noexcept nogil

# A thread earns its wake-up with this much work.  Handing a chunk to a thread that still polls costs less than
# 1 us, waking one that sleeps 5-50 us; below 50 us per loop a second thread is a loss or noise.
cdef double NS_PER_THREAD = 25e3
cdef int MOST = 1024

cdef int limit = 1


cdef int threads_for(double ns) noexcept nogil:
    """Number of threads for a loop of `ns` nanoseconds of single-threaded work: 1 up to the limit."""
    cdef double n
    if limit == 1 or ns < 2 * NS_PER_THREAD:
        return 1
    n = ns / NS_PER_THREAD
    return limit if n >= limit else <int> n


cdef void parallel_for(Task task, void *context, int chunks, int threads) noexcept nogil:
    """Run ``task(context, chunk, worker)`` for every chunk, each once, in at most `threads` threads."""
    ad_pool_run(task, context, chunks, threads)


def threading_layer():
    """What runs the threads: 'pthreads', 'openmp' or 'none' (one thread)."""
    return ad_pool_kind().decode()


def get_num_threads():
    """The most threads a kernel uses.

    Set by `set_num_threads`; at import by the environment variable ``SCIRS_AD_NUM_THREADS``, else
    ``OMP_NUM_THREADS``, else the number of processors this process may run on.

    Returns
    -------
    int

    See Also
    --------
    set_num_threads : change it.
    """
    return limit


def set_num_threads(n):
    """Set the most threads a kernel uses, in this process.

    Results do not depend on it.  BLAS keeps its own setting for eigenvalues and singular values of single large
    matrices; all other products and factorisations use these threads.

    Parameters
    ----------
    n : int
        At least 1.

    Returns
    -------
    None

    Raises
    ------
    TypeError, ValueError
        If `n` is not an integer, or less than 1.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> ad.set_num_threads(ad.get_num_threads())

    See Also
    --------
    get_num_threads : ask for it.
    """
    global limit
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"set_num_threads: n must be an integer, got {type(n).__name__}")
    value = n.__index__()
    if value < 1:
        raise ValueError(f"set_num_threads: n must be at least 1, got {value}")
    limit = min(value, MOST)


def _from_environment():
    for name in ("SCIRS_AD_NUM_THREADS", "OMP_NUM_THREADS"):
        # OMP_NUM_THREADS may be a list, one number for each level of nesting.
        text = os.environ.get(name, "").split(",")[0].strip()
        if not text:
            continue
        if text.isdecimal() and int(text) >= 1:
            return min(int(text), MOST)
        warnings.warn(f"scirs_ad: {name}={text!r} is not a positive integer; ignored", RuntimeWarning, stacklevel=2)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


limit = _from_environment()
