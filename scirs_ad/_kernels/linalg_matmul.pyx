"""Matrix products over leading axes: gemm and gemv by strides, own kernels for small matrices."""
from libc.limits cimport INT_MAX
from libc.string cimport memset

cimport numpy as cnp

from scirs_ad._kernels.linalg_batch cimport (
    Job, behaved, cost, dim, door, itemsize_of, leading, output, pack, run, small_product, start,
)
from scirs_ad._kernels.linalg_lapack cimport c64, c128, gemv, scalar
from scirs_ad._kernels.linalg_panels cimport gemm, syrk
from scirs_ad._kernels.tiles cimport AD_PRODUCT_MOST

import numpy as np

cnp.import_array()

cdef bint one_stride(Job *job, int which, Py_ssize_t *step) noexcept:
    """Whether an operand walks the whole batch in equal steps."""
    cdef int i, last = -1
    step[0] = 0
    for i in range(job.ndim - 1, -1, -1):
        if job.shape[i] == 1:
            continue
        if last < 0:
            step[0] = job.arg[which].step[i]
        elif job.arg[which].step[i] != job.arg[which].step[last] * job.shape[last]:
            return False
        last = i
    return True


cdef void fold(Job *job) noexcept:
    """Turn a batch against one matrix into one product: A's rows, or the vectors of A x, are stacked already."""
    cdef Py_ssize_t sa, sb
    if job.size < 2 or not one_stride(job, 0, &sa) or not one_stride(job, 1, &sb):
        return
    if sb == 0 and (job.m == 1 or sa == job.m * job.arg[0].rs) and job.size * job.m <= INT_MAX:
        if job.m == 1:
            job.arg[0].rs = sa
        job.m = <int> (job.size * job.m)
    elif sa == 0 and job.n == 1 and job.size <= INT_MAX:
        job.n = job.m
        job.m = <int> job.size
        job.arg[0], job.arg[1] = job.arg[1], job.arg[0]
        job.arg[0].cs = job.arg[0].rs
        job.arg[0].rs = sb
        job.arg[1].rs, job.arg[1].cs = job.arg[1].cs, job.arg[1].rs
    else:
        return
    job.ndim = 0
    job.size = 1


cdef int matmul_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef int m = job.m, n = job.n, k = job.k, size = sizeof(scalar)
    cdef Py_ssize_t ars = job.arg[0].rs, acs = job.arg[0].cs, brs = job.arg[1].rs, bcs = job.arg[1].cs
    cdef scalar *a = <scalar*> p[0]
    cdef scalar *b = <scalar*> p[1]
    cdef scalar *c = <scalar*> p[2]
    cdef char ta = c'N', tb = c'N'
    cdef int lda, ldb, most = AD_PRODUCT_MOST
    cdef bint single = False, complex_ = False
    if scalar is float or scalar is c64:
        single = True
    if scalar is c64 or scalar is c128:
        complex_ = True
        most //= 2
    if m == 0 or n == 0 or k == 0:
        memset(c, 0, <size_t> m * n * sizeof(scalar))
        return 0
    if n <= most and (not complex_ or m <= most) and (
            k <= most or (not complex_ and 2 * m <= most and 2 * n <= most and bcs == size)):
        small_product(single, complex_)(m, n, k, p[0], ars // size, acs // size, p[1], brs // size, bcs // size, c, n)
        return 0
    lda = leading(ars, acs, m, k, size, &ta)
    if lda == 0:
        pack(work, p[0], ars, acs, m, k)
        a = work
        work += <Py_ssize_t> m * k
        lda = k
    # gemv takes a vector with any positive stride.
    if n == 1 and k > 1 and brs > 0 and brs % size == 0 and brs // size <= INT_MAX:
        if ta == c'N':
            gemv(c'T', k, m, a, lda, b, <int> (brs // size), c)
        else:
            gemv(c'N', m, k, a, lda, b, <int> (brs // size), c)
        return 0
    ldb = leading(brs, bcs, k, n, size, &tb)
    if ldb == 0:
        pack(work, p[1], brs, bcs, k, n)
        b = work
        ldb = n
    if m == 1:
        if ta == c'N':
            lda = 1
        if tb == c'N':
            gemv(c'N', n, k, b, ldb, a, lda, c)
        else:
            gemv(c'T', k, n, b, ldb, a, lda, c)
    elif job.flag and a == b and ta != tb:
        syrk(tb, n, k, b, ldb, c, n)
    else:
        gemm(tb, ta, n, m, k, b, ldb, a, lda, c, n)
    return 0


def matmul(a, b):
    """Matrix product (..., m, k) @ (..., k, n) -> (..., m, n).

    Transposed and sliced views are read in place; leading axes broadcast.  Other dtypes than the four of BLAS go
    to `numpy.matmul`.

    Parameters
    ----------
    a, b : array_like
        At least two axes each.

    Returns
    -------
    ndarray
        New, C-contiguous.
    """
    cdef Job job
    cdef cnp.ndarray x = door("matmul", a, "a", 2), y = door("matmul", b, "b", 2), out
    cdef int t = cnp.PyArray_TYPE(x), size
    if cnp.PyArray_TYPE(y) != t:
        t = np.result_type(x, y).num
    if t != cnp.NPY_DOUBLE and t != cnp.NPY_FLOAT and t != cnp.NPY_CDOUBLE and t != cnp.NPY_CFLOAT:
        return np.matmul(x, y)
    job.m = dim("matmul", x, -2)
    job.k = dim("matmul", x, -1)
    job.n = dim("matmul", y, -1)
    if dim("matmul", y, -2) != job.k:
        raise ValueError(f"matmul: dimension k is {dim('matmul', y, -2)}, expected {job.k}, in (m,k),(k,n)->(m,n): "
                         f"a has shape {(<object> x).shape}, b {(<object> y).shape}")
    x = behaved(x, t)
    y = behaved(y, t)
    start(&job, "matmul", x, 2, y, 2)
    out = output(&job, t, 2, job.m, job.n)
    fold(&job)
    # Of a matrix and its own transpose one half is computed.
    job.flag = (job.m == job.n and job.size == 1 and job.arg[0].data == job.arg[1].data
                and job.arg[0].rs == job.arg[1].cs and job.arg[0].cs == job.arg[1].rs)
    size = itemsize_of(t)
    job.bytes = (<Py_ssize_t> job.m * job.k + <Py_ssize_t> job.k * job.n) * size if needs_copy(&job, size) else 0
    job.panels = True
    job.ns = cost(t, 20, 2.0 * job.m * job.n * job.k)
    run(&job, t, <void*> matmul_body[float], <void*> matmul_body[double], <void*> matmul_body[c64],
        <void*> matmul_body[c128])
    return out


cdef bint needs_copy(Job *job, int size) noexcept:
    cdef char flag
    return (leading(job.arg[0].rs, job.arg[0].cs, job.m, job.k, size, &flag) == 0
            or leading(job.arg[1].rs, job.arg[1].cs, job.k, job.n, size, &flag) == 0)
