"""How many threads a loop deserves: the one place that decides.

Kernels call `threads_for(ns)` with an estimate of the work in nanoseconds (on one thread) and hand the answer
to ``prange``.  Without OpenMP the answer is always 1.  This module imports neither NumPy nor SciPy.
"""
import os
import warnings

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    #define SCIRS_AD_OPENMP 1
    static int scirs_in_parallel(void) { return omp_in_parallel(); }
    #else
    #define SCIRS_AD_OPENMP 0
    static int scirs_in_parallel(void) { return 0; }
    #endif
    """
    const int SCIRS_AD_OPENMP
    int scirs_in_parallel() noexcept nogil

# A thread earns its wake-up with this much work.  Fork-join of libgomp costs 0.7-0.9 us when its threads still
# spin, 3-6 us when they sleep; below 20-50 us per loop a second thread is a loss or noise.
cdef double NS_PER_THREAD = 25e3
cdef int MOST = 1024

cdef int limit = 1
cdef bint forked = False


cdef int threads_for(double ns) noexcept nogil:
    """Number of threads for a loop of `ns` nanoseconds of single-threaded work: 1 up to the limit."""
    cdef double n
    if limit == 1 or forked or ns < 2 * NS_PER_THREAD or scirs_in_parallel():
        return 1
    n = ns / NS_PER_THREAD
    return limit if n >= limit else <int> n


def has_openmp():
    """Whether this build can use several threads."""
    return bool(SCIRS_AD_OPENMP)


def get_num_threads():
    """The most threads a kernel uses.

    Set by `set_num_threads`; at import by the environment variable ``SCIRS_AD_NUM_THREADS``, else
    ``OMP_NUM_THREADS``, else the number of processors this process may run on.  Always 1 in a build without
    OpenMP, and in a child of ``os.fork``.

    Returns
    -------
    int

    See Also
    --------
    set_num_threads : change it.
    """
    return 1 if forked or not SCIRS_AD_OPENMP else limit


def set_num_threads(n):
    """Set the most threads a kernel uses, in this process.

    Results do not depend on it.  BLAS keeps its own setting for single large matrices.  A child of ``os.fork``
    stays at one thread whatever is set there: the OpenMP runtime does not survive a fork.

    Parameters
    ----------
    n : int
        At least 1.

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


def _after_fork():
    # libgomp's threads do not exist in the child, but its records say they do: the next parallel region would
    # wait for them for ever.  Another library may have run one through the same libgomp, so this cannot be
    # narrowed to "if we ran one".
    global forked
    forked = True


limit = _from_environment()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
