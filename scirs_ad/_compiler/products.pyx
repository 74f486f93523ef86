"""Products of matrices and vectors as instructions: BLAS, with transposes as flags.

A matrix with rows of unit stride is for BLAS, which counts by columns, its own transpose: so what is computed is
``C^T = B^T A^T``.
"""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from scipy.linalg.cython_blas cimport ddot, dgemm, dgemv, sdot, sgemm, sgemv
from scirs_ad._compiler.program cimport Native

cdef struct Call:
    int m, n, k, lda, ldb, ldc, a, b, c
    char ta, tb


cdef int gemm64(void* data, char** ptr) noexcept nogil:
    cdef Call* x = <Call*> data
    cdef double one = 1, zero = 0
    dgemm(&x.ta, &x.tb, &x.m, &x.n, &x.k, &one, <double*> ptr[x.a], &x.lda, <double*> ptr[x.b], &x.ldb, &zero,
          <double*> ptr[x.c], &x.ldc)
    return 0


cdef int gemm32(void* data, char** ptr) noexcept nogil:
    cdef Call* x = <Call*> data
    cdef float one = 1, zero = 0
    sgemm(&x.ta, &x.tb, &x.m, &x.n, &x.k, &one, <float*> ptr[x.a], &x.lda, <float*> ptr[x.b], &x.ldb, &zero,
          <float*> ptr[x.c], &x.ldc)
    return 0


cdef int gemv64(void* data, char** ptr) noexcept nogil:
    cdef Call* x = <Call*> data
    cdef double one = 1, zero = 0
    dgemv(&x.ta, &x.m, &x.n, &one, <double*> ptr[x.a], &x.lda, <double*> ptr[x.b], &x.ldb, &zero,
          <double*> ptr[x.c], &x.ldc)
    return 0


cdef int gemv32(void* data, char** ptr) noexcept nogil:
    cdef Call* x = <Call*> data
    cdef float one = 1, zero = 0
    sgemv(&x.ta, &x.m, &x.n, &one, <float*> ptr[x.a], &x.lda, <float*> ptr[x.b], &x.ldb, &zero,
          <float*> ptr[x.c], &x.ldc)
    return 0


cdef int dot64(void* data, char** ptr) noexcept nogil:
    cdef Call* x = <Call*> data
    (<double*> ptr[x.c])[0] = ddot(&x.n, <double*> ptr[x.a], &x.lda, <double*> ptr[x.b], &x.ldb)
    return 0


cdef int dot32(void* data, char** ptr) noexcept nogil:
    cdef Call* x = <Call*> data
    (<float*> ptr[x.c])[0] = sdot(&x.n, <float*> ptr[x.a], &x.lda, <float*> ptr[x.b], &x.ldb)
    return 0


cdef class Product(Native):
    """One call of BLAS.

    Parameters
    ----------
    kind : {"gemm", "gemv", "dot"}
    itemsize : int
        8 or 4.
    flags : (str, str)
        "N" or "T" for each operand, as BLAS sees it.
    sizes : (int, int, int)
        m, n, k as BLAS sees them; those that it does not ask for are 1.
    steps : (int, int, int)
        Leading dimensions of matrices, increments of vectors, in elements.
    pointers : (int, int, int)
        Of the operands and the result.
    """

    def __cinit__(self, str kind, int itemsize, tuple flags, tuple sizes, tuple steps, tuple pointers):
        cdef Call* x = <Call*> PyMem_Malloc(sizeof(Call))
        cdef bint double = itemsize == 8
        if x == NULL:
            raise MemoryError
        self.data = x
        x.ta, x.tb = ord(flags[0]), ord(flags[1])
        x.m, x.n, x.k = sizes
        x.lda, x.ldb, x.ldc = steps
        x.a, x.b, x.c = pointers
        if kind == "gemm":
            self.run = gemm64 if double else gemm32
        elif kind == "gemv":
            self.run = gemv64 if double else gemv32
        else:
            self.run = dot64 if double else dot32
        self.ns = 50 + 2.0 * x.m * x.n * x.k / (40 if kind == "gemm" else 4)
        self.text = f"{kind} {flags[0]}{flags[1]} {x.m} x {x.n} x {x.k}: {x.a} {x.b} -> {x.c}"

    def __dealloc__(self):
        PyMem_Free(self.data)

    def __repr__(self):
        return f"<{self.text}>"
