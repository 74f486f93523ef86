cimport numpy as cnp

cdef object empty(int ndim, cnp.npy_intp* dims, int typenum, bint fortran)
