"""The thread setting of the BLAS behind `scipy.linalg.cython_blas`.

SciPy's wheels carry their own OpenBLAS; its setter is found once, through the very library that `cython_blas` is
linked to, and called as a C function (tens of nanoseconds; rediscovery by threadpoolctl costs 780 us a time).
"""
import ctypes
import os

from scipy.linalg import cython_blas

ctypedef int (*Getter)() noexcept nogil
ctypedef void (*Setter)(int) noexcept nogil

cdef Getter getter = NULL
cdef Setter setter = NULL
cdef int users = 0        # sections that want one BLAS thread now; changed only under the GIL
cdef int saved = 1        # the owner's setting, to be restored by the last of them
found = None

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


def blas_num_threads():
    """Threads the BLAS used by the kernels would use for one large matrix."""
    return blas_threads()


def blas_threading():
    """Name of the function that sets the threads of the BLAS, or None if none was found."""
    return found


def _after_fork():
    global users
    if users:
        users = 0
        setter(saved)


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
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
