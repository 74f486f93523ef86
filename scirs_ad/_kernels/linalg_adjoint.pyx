"""Adjoints of factorisations as kernels of level 3.

Matrices lie by rows; BLAS sees their transposes, as in linalg_solve.
"""
from libc.string cimport memcpy

cimport numpy as cnp

from scirs_ad._kernels.linalg_batch cimport (
    AD_TILE_MOST, AD_TILE_cholesky_pull, Job, behaved, cost, door, kind, leading, output, pack, run, small, square,
    start,
)
from scirs_ad._kernels.linalg_lapack cimport c64, c128, gemm_add, scalar, trsm

cnp.import_array()

cdef enum:
    LEAST = 16      # rows that plain loops do
    PANEL = 128     # columns at a time: the matrix to the right of them is packed by BLAS once for each panel


# ---------------------------------------------------------------------------------------------- cholesky

cdef inline scalar conj(scalar x) noexcept nogil:
    if scalar is c64 or scalar is c128:
        return x.conjugate()
    else:
        return x


cdef inline void mirror(scalar *to, scalar *x, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t ld) noexcept nogil:
    """The adjoint of a block, in tiles of 16 by 16: both sides stay in L1."""
    cdef Py_ssize_t i, j, ib, jb
    for ib in range(0, rows, 16):
        for jb in range(0, cols, 16):
            for j in range(jb, min(jb + 16, cols)):
                for i in range(ib, min(ib + 16, rows)):
                    to[j * ld + i] = conj(x[i * ld + j])


cdef void columns(Py_ssize_t n, scalar *l, Py_ssize_t ldl, scalar *s, Py_ssize_t ld) noexcept nogil:
    """`hermitian_of` by plain loops."""
    cdef Py_ssize_t i, j, k
    cdef scalar y, d, inverse
    for k in range(n - 1, -1, -1):
        inverse = 1 / l[k * ldl + k]
        d = s[k * ld + k]
        for i in range(k + 1, n):
            y = s[i * ld + k]
            for j in range(k + 1, n):
                y = y - s[i * ld + j] * l[j * ldl + k]
            y = y * inverse
            s[i * ld + k] = y
        for i in range(k + 1, n):
            y = conj(s[i * ld + k])
            s[k * ld + i] = y
            d = d - y * l[i * ldl + k]
        d = d * inverse
        if scalar is c64 or scalar is c128:
            d = d.real
        s[k * ld + k] = d


cdef void hermitian_of(Py_ssize_t n, scalar *l, Py_ssize_t ldl, scalar *s, Py_ssize_t ld) noexcept nogil:
    """The Hermitian S with tril(S L) = tril(C), in place of the lower triangle of C: panels from right to left."""
    cdef Py_ssize_t lo, hi, rest, width
    if n <= LEAST:
        columns(n, l, ldl, s, ld)
        return
    width = PANEL if n >= 2 * PANEL else (n + 1) // 2
    hi = n
    while hi > 0:
        lo = max(hi - width, 0)
        rest = n - hi
        if rest:
            gemm_add(c'N', c'N', hi - lo, rest, rest, -1, l + hi * ldl + lo, ldl, s + hi * (ld + 1), ld,
                     s + hi * ld + lo, ld)
            trsm(c'L', c'U', c'N', c'N', hi - lo, rest, l + lo * (ldl + 1), ldl, s + hi * ld + lo, ld)
            mirror(s + lo * ld + hi, s + hi * ld + lo, rest, hi - lo, ld)
            gemm_add(c'N', c'C', hi - lo, hi - lo, rest, -1, l + hi * ldl + lo, ldl, s + hi * ld + lo, ld,
                     s + lo * (ld + 1), ld)
        hermitian_of(hi - lo, l + lo * (ldl + 1), ldl, s + lo * (ld + 1), ld)
        hi = lo


cdef int cholesky_pull_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef Py_ssize_t n = job.n, i, j, rs = job.arg[1].rs, cs = job.arg[1].cs
    cdef Py_ssize_t ld = job.arg[0].rs // sizeof(scalar)
    cdef scalar *l = <scalar*> p[0]
    cdef scalar *s = <scalar*> p[2]
    cdef scalar half = 0.5
    cdef char flag = c'N'
    if leading(job.arg[0].rs, job.arg[0].cs, n, n, sizeof(scalar), &flag) == 0 or flag != c'N':
        pack(work, p[0], job.arg[0].rs, job.arg[0].cs, n, n)
        l, ld = work, n
    for i in range(n):
        if cs == sizeof(scalar):
            memcpy(s + i * n, p[1] + i * rs, (i + 1) * sizeof(scalar))
        else:
            for j in range(i + 1):
                s[i * n + j] = (<scalar*> (p[1] + i * rs + j * cs))[0]
    hermitian_of(n, l, max(ld, n), s, n)
    for i in range(n * n):
        s[i] = half * s[i]
    return 0


def cholesky_pull(l, ct):
    """The cotangent of A from that of its Cholesky factor, A = L L^H.

    Parameters
    ----------
    l, ct : array_like
        (..., n, n); only lower triangles are read.

    Returns
    -------
    ndarray
        (..., n, n), Hermitian: half of the S with tril(S L) = tril(ct).

    Notes
    -----
    I. Murray, arXiv:1602.07527, section 4: the blocked reverse mode, with the sums for one panel of columns gathered in
    one product.  ``2/3 n^3`` operations, nearly all of them in gemm.
    """
    cdef Job job
    cdef str op = "cholesky_pull"
    cdef cnp.ndarray x = door(op, l, "l", 2), y = door(op, ct, "ct", 2), out
    cdef int t = kind(op, x, y), n = square(op, x, "l")
    if square(op, y, "ct") != n:
        raise ValueError(f"{op}: l has shape {(<object> x).shape}, ct {(<object> y).shape}")
    x = behaved(x, t)
    y = behaved(y, t)
    start(&job, op, x, 2, y, 2)
    out = output(&job, t, 2, n, n)
    job.n = n
    job.bytes = <Py_ssize_t> n * n * (<object> out).itemsize
    job.ns = cost(t, 100, n * <double> n * (n + 10) * 2 / 3)
    if n <= AD_TILE_MOST:
        small(&job, AD_TILE_cholesky_pull, t)
    if n:
        run(&job, t, <void*> cholesky_pull_body[float], <void*> cholesky_pull_body[double],
            <void*> cholesky_pull_body[c64], <void*> cholesky_pull_body[c128])
    return out
