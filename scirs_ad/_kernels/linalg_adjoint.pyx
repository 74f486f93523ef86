"""Adjoints of factorisations as kernels of level 3.

Matrices lie by rows; BLAS sees their transposes, as in linalg_solve.
"""
from libc.string cimport memcpy, memset

cimport numpy as cnp

from scirs_ad._kernels.linalg_batch cimport (
    Arg, Job, add_argument, behaved, cost, dim, door, kind, leading, output, pack, run, small, square, start,
)
from scirs_ad._kernels.linalg_lapack cimport c64, c128, scalar
from scirs_ad._kernels.linalg_panels cimport gemm, gemm_add, trsm
from scirs_ad._kernels.tiles cimport AD_TILE_MOST, AD_TILE_cholesky_pull

import numpy as np

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
    job.panels = True
    job.ns = cost(t, 100, n * <double> n * (n + 10) * 2 / 3)
    if n <= AD_TILE_MOST:
        small(&job, AD_TILE_cholesky_pull, t)
    if n:
        run(&job, t, <void*> cholesky_pull_body[float], <void*> cholesky_pull_body[double],
            <void*> cholesky_pull_body[c64], <void*> cholesky_pull_body[c128])
    return out


# ---------------------------------------------------------------------------------------------- qr

cdef inline scalar *in_rows(Arg *arg, char *p, Py_ssize_t rows, Py_ssize_t cols, scalar *copy) noexcept nogil:
    """A matrix by rows without gaps: where it lies, or its copy."""
    if arg.cs == sizeof(scalar) and (arg.rs == cols * <Py_ssize_t> sizeof(scalar) or rows == 1):
        return <scalar*> p
    pack(copy, p, arg.rs, arg.cs, rows, cols)
    return copy


cdef inline void turned(scalar *x, scalar *y, scalar *z, scalar *to, Py_ssize_t rows, Py_ssize_t ld) noexcept nogil:
    """X^H + Y^H - Z for `rows` x 16 elements of X and Y."""
    cdef scalar sum[256]
    cdef scalar across[256]
    cdef Py_ssize_t i, j
    for i in range(rows):
        for j in range(16):
            sum[i * 16 + j] = conj(x[i * ld + j]) + conj(y[i * ld + j])
    pack(across, <char*> sum, sizeof(scalar), 16 * sizeof(scalar), 16, rows)
    for j in range(16):
        for i in range(rows):
            to[j * ld + i] = across[j * rows + i] - z[j * ld + i]


cdef int qr_pull_body(Job *job, char **p, scalar *work) noexcept nogil:
    # work: the upper triangle of ct_r; Q^H ct_q; R ct_r^H; copies of q, r, ct_q where they have gaps.
    cdef Py_ssize_t m = job.m, n = job.n, nn = n * n, i, j, lo, hi
    cdef scalar *upper = work
    cdef scalar *inner = work + nn
    cdef scalar *moved = inner + nn
    cdef scalar *more = moved + nn
    cdef scalar *q = in_rows(&job.arg[0], p[0], m, n, more)
    cdef scalar *r = in_rows(&job.arg[1], p[1], n, n, more + m * n)
    cdef scalar *ct = in_rows(&job.arg[2], p[2], m, n, more + m * n + nn)
    cdef scalar *out = <scalar*> p[4]
    cdef scalar y
    pack(upper, p[3], job.arg[3].rs, job.arg[3].cs, n, n)
    for i in range(1, n):
        memset(upper + i * n, 0, i * sizeof(scalar))
    gemm(c'N', c'C', job.n, job.n, job.m, ct, job.n, q, job.n, inner, job.n)
    # Of R ct_r^H the lower triangle: both factors are zero below their diagonals, so a sixth of the products.
    for lo in range(0, n, 64):
        hi = min(lo + 64, n)
        gemm(c'C', c'N', <int> hi, <int> (hi - lo), <int> (n - lo), upper + lo, job.n, r + lo * (n + 1), job.n,
             moved + lo * n, job.n)
    if m > n:
        memcpy(out, ct, m * n * sizeof(scalar))
        gemm_add(c'N', c'N', job.n, job.m, job.n, -1, inner, job.n, q, job.n, out, job.n)
        trsm(c'L', c'L', c'C', c'N', job.n, job.m, r, job.n, out, job.n)
    # The adjoint of what stands between Q and R^-H, in place of `moved`: 16 by 16, so that both triangles stay in L1.
    for lo in range(0, n, 16):
        for hi in range(0, lo, 16):
            turned(moved + lo * n + hi, inner + lo * n + hi, inner + hi * n + lo, moved + hi * n + lo,
                   min(16, n - lo), n)
        for i in range(lo, min(lo + 16, n)):
            for j in range(lo, i):
                moved[j * n + i] = conj(moved[i * n + j]) + conj(inner[i * n + j]) - inner[j * n + i]
    for i in range(n):
        y = moved[i * (n + 1)]
        if scalar is c64 or scalar is c128:
            y.imag = -inner[i * (n + 1)].imag
        moved[i * (n + 1)] = y
    trsm(c'R', c'L', c'N', c'N', job.n, job.n, r, job.n, moved, job.n)
    if m > n:
        gemm_add(c'C', c'N', job.n, job.m, job.n, 1, moved, job.n, q, job.n, out, job.n)
    else:
        gemm(c'C', c'N', job.n, job.m, job.n, moved, job.n, q, job.n, out, job.n)
    return 0


def qr_pull(q, r, ct_q, ct_r):
    """The cotangent of A = Q R from those of Q (m, n) and R (n, n), m >= n.

    Parameters
    ----------
    q, ct_q : array_like
        (..., m, n)
    r, ct_r : array_like
        (..., n, n); of `ct_r` the upper triangle is read.

    Returns
    -------
    ndarray
        (..., m, n)

    Notes
    -----
    H.-J. Liao et al., PRX 9, 031041 (2019), equation 6, in the basis Q; triangles times triangles in blocks.
    """
    cdef Job job
    cdef str op = "qr_pull"
    cdef cnp.ndarray x = door(op, q, "q", 2), y = door(op, r, "r", 2), u = door(op, ct_q, "ct_q", 2)
    cdef cnp.ndarray v = door(op, ct_r, "ct_r", 2), out
    cdef int t = kind(op, x, u), n = square(op, y, "r"), m = dim(op, x, -2)
    if dim(op, x, -1) != n or dim(op, u, -1) != n or dim(op, u, -2) != m or square(op, v, "ct_r") != n or m < n:
        raise ValueError(f"{op}: q, r, ct_q, ct_r have shapes {(<object> x).shape}, {(<object> y).shape}, "
                         f"{(<object> u).shape}, {(<object> v).shape}; wanted (..., m, n) and (..., n, n) with m >= n")
    lead = np.broadcast_shapes(*[(<object> z).shape[:(<object> z).ndim - 2] for z in (x, y, u, v)])
    x, u = (np.broadcast_to(behaved(z, t), lead + (m, n)) for z in (x, u))
    y, v = (np.broadcast_to(behaved(z, t), lead + (n, n)) for z in (y, v))
    start(&job, op, x, 2, y, 2, u, 2)
    add_argument(&job, v, 2)
    out = output(&job, t, 2, m, n)
    job.m, job.n = m, n
    job.bytes = (4 * <Py_ssize_t> n * n + 2 * <Py_ssize_t> m * n) * (<object> out).itemsize
    job.panels = True
    job.ns = cost(t, 1000, m * 5.0 * n * (n + 10))
    if n:
        run(&job, t, <void*> qr_pull_body[float], <void*> qr_pull_body[double], <void*> qr_pull_body[c64],
            <void*> qr_pull_body[c128])
    return out


# ---------------------------------------------------------------------------------------------- lu

cdef int lu_pull_body(Job *job, char **p, scalar *work) noexcept nogil:
    # work: L, U, the parts of ct that belong to them, and some rows of the upper triangle of ct_U U^H.
    cdef Py_ssize_t n = job.n, nn = n * n, i, j, lo, hi
    cdef scalar *lower = work
    cdef scalar *upper = lower + nn
    cdef scalar *to_lower = upper + nn
    cdef scalar *to_upper = to_lower + nn
    cdef scalar *rows = to_upper + nn
    cdef scalar *out = <scalar*> p[2]
    pack(lower, p[0], job.arg[0].rs, job.arg[0].cs, n, n)
    pack(to_lower, p[1], job.arg[1].rs, job.arg[1].cs, n, n)
    for i in range(n):
        for j in range(i):
            upper[i * n + j] = to_upper[i * n + j] = 0
        for j in range(i, n):
            upper[i * n + j] = lower[i * n + j]
            to_upper[i * n + j] = to_lower[i * n + j]
            lower[i * n + j] = to_lower[i * n + j] = 0
        lower[i * (n + 1)] = 1
    # Both factors of a product are zero on one side of their diagonals: a third of the operations.
    for lo in range(0, n, 64):
        hi = min(lo + 64, n)
        gemm(c'N', c'C', <int> hi, <int> (hi - lo), <int> (n - lo), to_lower + lo * n, job.n,
             lower + lo * (n + 1), job.n, out + lo * n, job.n)
        gemm(c'C', c'N', <int> (n - lo), <int> (hi - lo), <int> (n - lo), upper + lo * (n + 1), job.n,
             to_upper + lo * (n + 1), job.n, rows + lo, job.n)
        for i in range(lo, hi):
            memcpy(out + i * (n + 1), rows + (i - lo) * n + i, (n - i) * sizeof(scalar))
    trsm(c'R', c'U', c'C', c'U', job.n, job.n, lower, job.n, out, job.n)
    trsm(c'L', c'L', c'C', c'N', job.n, job.n, upper, job.n, out, job.n)
    return 0


def lu_pull(lu, ct):
    """The cotangent of P A from that of its packed factors, P A = L U.

    Parameters
    ----------
    lu, ct : array_like
        (..., n, n)

    Returns
    -------
    ndarray
        (..., n, n): L^-H (strictly lower L^H ct_L + upper ct_U U^H) U^-H.

    Notes
    -----
    S. F. Walter, L. Lehmann, "Algorithmic differentiation of linear algebra functions" (2010); triangles times
    triangles in blocks.
    """
    cdef Job job
    cdef str op = "lu_pull"
    cdef cnp.ndarray x = door(op, lu, "lu", 2), y = door(op, ct, "ct", 2), out
    cdef int t = kind(op, x, y), n = square(op, x, "lu")
    if square(op, y, "ct") != n:
        raise ValueError(f"{op}: lu has shape {(<object> x).shape}, ct {(<object> y).shape}")
    x = behaved(x, t)
    y = behaved(y, t)
    start(&job, op, x, 2, y, 2)
    out = output(&job, t, 2, n, n)
    job.n = n
    job.bytes = (4 * <Py_ssize_t> n * n + 64 * <Py_ssize_t> n) * (<object> out).itemsize
    job.panels = True
    job.ns = cost(t, 200, n * <double> n * (n + 10) * 8 / 3)
    if n:
        run(&job, t, <void*> lu_pull_body[float], <void*> lu_pull_body[double], <void*> lu_pull_body[c64],
            <void*> lu_pull_body[c128])
    return out
