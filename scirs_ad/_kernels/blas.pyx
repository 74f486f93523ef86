"""The thread setting of the BLAS behind `scipy.linalg.cython_blas`, and its buffers.

SciPy's wheels carry their own OpenBLAS; its setter is found once, through the very library that `cython_blas` is
linked to, and called as a C function (tens of nanoseconds; rediscovery by threadpoolctl costs 780 us a time).
"""
import ctypes
import importlib
import os
import platform

from numpy._core import _multiarray_umath

cython_blas = importlib.import_module("scipy.linalg.cython_blas")    # without its package, if it is there (routines)

ctypedef int (*Getter)() noexcept nogil
ctypedef void (*Setter)(int) noexcept nogil
ctypedef void* (*Allocate)(int) noexcept nogil
ctypedef void (*Free)(void*) noexcept nogil

cdef Getter getter = NULL
cdef Setter setter = NULL
cdef int users = 0        # sections that want one BLAS thread now; changed only under the GIL
cdef int saved = 1        # the owner's setting, to be restored by the last of them
found = None

# The kernels of OpenBLAS for AVX2 prefetch from the packed panel that comes after theirs.  For a product of few rows
# (at most 320 in float32, 512 in float64) every panel is packed into one place, so the pages after it were never
# written and are in no page table: each prefetch walks it in vain.  In float32, (256, 256) x (256, 256) runs at
# 10 GF/s; with the pages present, be they only the page of zeros that a read brings, at 36 (float64: 16 and 18).
# What a call packs into is the first free buffer of a pool.  Packed B begins 0.4 (float32) to 1.05 MB (float64) into
# it, after the place of packed A, and two panels are less than 80 kB.
cdef Allocate allocate[2]       # of SciPy's OpenBLAS and of NumPy's, which has the same kernels and its own pool
cdef Free release[2]
cdef int pools = 0
cdef int warm_buffers = 0
cdef int to_restart = 0
cdef enum:
    FEWEST_WARM = 2             # for two Python threads at once
    MOST_WARM = 64              # of 128 buffers in SciPy's wheels
    WARM_FROM = 1 << 18
    WARM_TO = 3 << 19
    PAGE = 4096

PAIRS = (
    ("scipy_openblas_get_num_threads", "scipy_openblas_set_num_threads"),
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"),
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
    ("bli_thread_get_num_threads", "bli_thread_set_num_threads"),
)


cdef int blas_threads() noexcept nogil:
    """Threads BLAS would use now; 1 if it cannot be asked."""
    return 1 if getter is NULL else getter()


cdef bint one_blas_thread():
    """Make BLAS single-threaded until `restore_blas_threads`; false (and nothing to restore) if it already is."""
    global users, saved
    if getter is NULL:
        return False
    if users == 0:
        saved = getter()
        if saved == 1:
            return False
        setter(1)
    users += 1
    return True


cdef void restore_blas_threads() noexcept:
    global users
    users -= 1
    if users == 0:
        setter(saved)


cdef class one_thread:
    """A context in which BLAS has one thread: for Python threads that use it side by side."""

    cdef bint single

    def __enter__(self):
        self.single = one_blas_thread()

    def __exit__(self, *error):
        if self.single:
            restore_blas_threads()


cdef void warm_up(int wanted) noexcept nogil:
    """Bring the pages into the first `wanted` free buffers of each pool: 0.2 ms each."""
    global warm_buffers
    cdef void* held[MOST_WARM]
    cdef volatile char* p
    cdef int i, n, pool, offset
    wanted = max(wanted, FEWEST_WARM)
    warm_buffers = wanted
    wanted = min(wanted + to_restart, MOST_WARM)
    for pool in range(pools):
        # All are held before one is given back, so they are different ones.
        n = 0
        while n < wanted:
            held[n] = allocate[pool](0)
            if held[n] is NULL:
                break
            n += 1
        for i in range(n):
            p = <volatile char*> held[i]
            offset = WARM_FROM
            while offset < WARM_TO:
                p[offset]
                offset += PAGE
        for i in range(n):
            release[pool](held[i])


def blas_warm_buffers():
    """Buffers of the BLAS whose pages are known to be present; 0 before the first product worth it."""
    return warm_buffers if pools else 0


def blas_num_threads():
    """Threads the BLAS used by the kernels would use for one large matrix."""
    return blas_threads()


def blas_threading():
    """Name of the function that sets the threads of the BLAS, or None if none was found."""
    return found


def _after_fork():
    global users
    _after_fork_in_parent()
    if users:
        users = 0
        setter(saved)


def _after_fork_in_parent():
    # OpenBLAS stops its threads when the process forks: the buffers they had are the first free ones, until it starts
    # threads again, which take as many.  In a child of two BLAS threads one more than theirs was found to be taken.
    global warm_buffers, to_restart
    warm_buffers = 0
    to_restart = blas_threads()


def _libraries():
    # A symbol is looked up in a library and in all it is linked to, so this finds the right copy of several.
    try:
        yield ctypes.CDLL(cython_blas.__file__)
    except OSError:
        pass
    # Windows does not search dependencies.
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return
    libraries = [lib for lib in ThreadpoolController().lib_controllers if lib.user_api == "blas"]
    libraries.sort(key=lambda lib: "scipy" not in os.path.basename(os.path.dirname(lib.filepath)))
    for lib in libraries:
        yield lib.dynlib


def _find_buffers():
    global pools
    # Only there is the trouble known.
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return
    for module in (cython_blas, _multiarray_umath):
        try:
            library = ctypes.CDLL(module.__file__)
        except OSError:
            continue
        if hasattr(library, "blas_memory_alloc") and hasattr(library, "blas_memory_free"):
            allocate[pools] = <Allocate> <size_t> ctypes.cast(library.blas_memory_alloc, ctypes.c_void_p).value
            release[pools] = <Free> <size_t> ctypes.cast(library.blas_memory_free, ctypes.c_void_p).value
            if pools == 1 and allocate[1] == allocate[0]:
                return
            pools += 1


def _find():
    global getter, setter, found
    for library in _libraries():
        for get, set_ in PAIRS:
            if hasattr(library, get) and hasattr(library, set_):
                getter = <Getter> <size_t> ctypes.cast(getattr(library, get), ctypes.c_void_p).value
                setter = <Setter> <size_t> ctypes.cast(getattr(library, set_), ctypes.c_void_p).value
                found = set_
                return


_find()
_find_buffers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork, after_in_parent=_after_fork_in_parent)
