cimport numpy as cnp
from cpython.object cimport PyObject

cdef object empty(int ndim, cnp.npy_intp* dims, int typenum, bint fortran)
cdef object small(int ndim, cnp.npy_intp* dims)
cdef void recycle(PyObject* x) noexcept
