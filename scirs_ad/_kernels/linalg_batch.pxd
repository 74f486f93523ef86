# A batch of equal small problems: operands with their strides, outputs, one body run once per matrix.
from libc.limits cimport INT_MAX
from libc.string cimport memcpy

cimport numpy as cnp

from scirs_ad._kernels.linalg_lapack cimport scalar
from scirs_ad._kernels.tiles cimport ad_panel_fn, ad_product_fn, ad_tile, ad_tile_fn

cdef enum:
    MAX_ARGS = 6
    MAX_DIMS = 64
    LEAST_TILE = 4      # matrices: a tile kernel takes as long for one as for all its lanes

cdef struct Job

# Runs one matrix: pointers to the operands' cores, the thread's workspace.  Nonzero: this matrix failed.
ctypedef int (*Body)(Job*, char**, void*) noexcept nogil

cdef struct Arg:
    char *data
    Py_ssize_t rs, cs                # strides of the core's rows and columns [bytes]
    Py_ssize_t step[MAX_DIMS]        # strides of the batch axes [bytes]; 0 where broadcast

cdef struct Job:
    int nargs, ndim
    Py_ssize_t shape[MAX_DIMS]
    Py_ssize_t size
    Arg arg[MAX_ARGS]
    int m, n, k, lwork, lrwork, liwork, flag, flag2
    char uplo, mode, diag
    double tol
    Py_ssize_t bytes                 # workspace per thread
    double ns                        # estimated work per matrix, one thread
    bint panels                      # large matrices are shared in panels, not by BLAS
    int info                         # of the first matrix that failed
    ad_tile_fn several               # runs `width` small matrices at once; NULL: one by one
    int width
    ad_tile tile


cdef cnp.ndarray door(str op, object x, str name, int core)
cdef int kind(str op, cnp.ndarray a, cnp.ndarray b=*) except -1
cdef cnp.ndarray behaved(cnp.ndarray x, int typenum)
cdef int square(str op, cnp.ndarray x, str name) except -1
cdef int dim(str op, cnp.ndarray x, int axis) except -1
cdef int start(Job *job, str op, cnp.ndarray a, int ca, cnp.ndarray b=*, int cb=*,
               cnp.ndarray c=*, int cc=*) except -1
cdef void add_argument(Job *job, cnp.ndarray x, int core) noexcept
cdef cnp.ndarray output(Job *job, int typenum, int core, Py_ssize_t d0=*, Py_ssize_t d1=*)
cdef Py_ssize_t run(Job *job, int typenum, void *f, void *d, void *c, void *z) except -2
cdef void transpose(void *to, const char *source, Py_ssize_t step, Py_ssize_t n0, Py_ssize_t n1,
                    int size) noexcept nogil
cdef ad_product_fn small_product(bint single, bint complex_) noexcept nogil
cdef ad_panel_fn qr_panel(bint single) noexcept nogil
cdef void small(Job *job, int which, int typenum) noexcept
cdef object fail(str op, Job *job, Py_ssize_t where, str text)
cdef int lwork_of(str op, double words) except -1


cdef inline int itemsize_of(int typenum) noexcept nogil:
    if typenum == cnp.NPY_FLOAT:
        return 4
    return 16 if typenum == cnp.NPY_CDOUBLE else 8


cdef inline int real_of(int typenum) noexcept nogil:
    return cnp.NPY_FLOAT if typenum == cnp.NPY_FLOAT or typenum == cnp.NPY_CFLOAT else cnp.NPY_DOUBLE


cdef inline double cost(int typenum, double overhead, double flops) noexcept nogil:
    """Rough time of a routine on one thread [ns]: only the choice of threads depends on it."""
    if cnp.PyTypeNum_ISCOMPLEX(typenum):
        flops *= 4
    return overhead + flops * (0.03 if itemsize_of(real_of(typenum)) == 4 else 0.06)


cdef inline int complex_of(int typenum) noexcept nogil:
    return cnp.NPY_CFLOAT if typenum == cnp.NPY_FLOAT or typenum == cnp.NPY_CFLOAT else cnp.NPY_CDOUBLE


cdef inline void pack(scalar *dst, char *src, Py_ssize_t s0, Py_ssize_t s1, Py_ssize_t n0,
                      Py_ssize_t n1) noexcept nogil:
    """dst[i*n1 + j] = src[i*s0 + j*s1]: rows together, whatever the strides [bytes] of the source."""
    cdef Py_ssize_t i, j, ib, jb, iend, jend
    if s1 == sizeof(scalar) and s0 == n1 * <Py_ssize_t> sizeof(scalar):
        memcpy(dst, src, n0 * n1 * sizeof(scalar))
    elif s1 == sizeof(scalar):
        for i in range(n0):
            memcpy(dst + i * n1, src + i * s0, n1 * sizeof(scalar))
    elif s0 == sizeof(scalar) and sizeof(scalar) <= 8:
        transpose(dst, src, s1, n0, n1, sizeof(scalar))
    else:
        # Tiles of 16 by 16: both sides stay in L1 when the source runs the other way.
        for ib in range(0, n0, 16):
            iend = min(ib + 16, n0)
            for jb in range(0, n1, 16):
                jend = min(jb + 16, n1)
                for i in range(ib, iend):
                    for j in range(jb, jend):
                        dst[i * n1 + j] = (<scalar*> (src + i * s0 + j * s1))[0]


cdef inline bint finite(scalar *x, Py_ssize_t n) noexcept nogil:
    """Whether no element is nan or inf (x - x is 0 for every finite x)."""
    cdef scalar s = 0
    cdef Py_ssize_t i
    for i in range(n):
        s = s + (x[i] - x[i])
    return s == 0


cdef inline bint holds_nan(scalar *work, Arg *a, char *p, Py_ssize_t n) noexcept nogil:
    """Whether a matrix that LU called singular is not finite: OpenBLAS's complex pivot search may pass over nan."""
    pack(work, p, a.rs, a.cs, n, n)
    return not finite(work, n * n)


cdef inline bint steps_over(Py_ssize_t stride, int count, int size) noexcept nogil:
    """Whether BLAS can step from one vector of `count` elements to the next by this stride [bytes]."""
    return stride >= count * <Py_ssize_t> size and stride % size == 0 and stride // size <= INT_MAX


cdef inline int leading(Py_ssize_t rs, Py_ssize_t cs, int rows, int cols, int size, char *flag) noexcept nogil:
    """How BLAS can read this row-major matrix in place: its leading dimension, 0 if it cannot.

    `flag` becomes 'N' if rows are contiguous (column-major BLAS sees the transpose), 'T' if columns are.
    """
    if (cs == size or cols == 1) and (rows == 1 or steps_over(rs, cols, size)):
        flag[0] = c'N'
        return cols if rows == 1 else <int> (rs // size)
    if (rs == size or rows == 1) and (cols == 1 or steps_over(cs, rows, size)):
        flag[0] = c'T'
        return rows if cols == 1 else <int> (cs // size)
    return 0
