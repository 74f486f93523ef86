"""Factorisations over leading axes: cholesky, lu_factor, qr; and what needs one factorisation: inv, det, slogdet.

LAPACK stores columns together, NumPy rows.  Where the result allows it the matrix is handed over as it lies, which
is its transpose: the Cholesky factor, the inverse and the determinant of the transpose are the transposes
of what is wanted.
"""
from libc.math cimport INFINITY, NAN, fabs, frexp, hypot, ldexp, log
from libc.string cimport memcpy, memmove, memset

cimport numpy as cnp

from scirs_ad._kernels.linalg_batch cimport (
    LEAST_TILE, Job, behaved, cost, dim, door, fail, finite, holds_nan, itemsize_of, kind, lwork_of, output, pack,
    qr_panel, real_of, run, small, square, start,
)
from scirs_ad._kernels.linalg_lapack cimport c64, c128, geqrt, scalar
from scirs_ad._kernels.linalg_panels cimport getrf, getri, gemm, potrf, quick, reflect
from scirs_ad._kernels.tiles cimport (
    AD_TILE_MOST, AD_TILE_cholesky, AD_TILE_diagonal, AD_TILE_inv, AD_TILE_lu, AD_TILE_qr,
)

import numpy as np

cnp.import_array()


# ---------------------------------------------------------------------------------------------- cholesky

cdef inline void mean(scalar *to, char *a, char *b, Py_ssize_t sa, Py_ssize_t sb, Py_ssize_t lo,
                      Py_ssize_t hi) noexcept nogil:
    """Half of a row and of the conjugate of a column, from element lo to hi."""
    cdef Py_ssize_t j
    cdef scalar half = 0.5, y
    for j in range(lo, hi):
        y = (<scalar*> (b + j * sb))[0]
        if scalar is c64 or scalar is c128:
            y = y.conjugate()
        to[j] = half * ((<scalar*> (a + j * sa))[0] + y)


cdef int cholesky_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef Py_ssize_t n = job.n, i, j, lo, hi, rs = job.arg[0].rs, cs = job.arg[0].cs
    cdef scalar *c = <scalar*> p[1]
    cdef scalar *row
    cdef char *src
    cdef int info
    for i in range(n):
        row = c + i * n
        src = p[0] + i * rs
        lo = 0 if job.uplo == c'L' else i
        hi = i + 1 if job.uplo == c'L' else n
        memset(row, 0, n * sizeof(scalar))
        if job.flag:
            mean(row, src, p[0] + i * cs, cs, rs, lo, hi)
        elif cs == sizeof(scalar):
            memcpy(row + lo, src + lo * cs, (hi - lo) * sizeof(scalar))
        else:
            for j in range(lo, hi):
                row[j] = (<scalar*> (src + j * cs))[0]
    # The lower triangle by rows is the upper one by columns, of conj(A): U^H U = conj(A) has U = L^T.
    info = potrf(c'U' if job.uplo == c'L' else c'L', job.n, c, job.n)
    if info == 0:
        # OpenBLAS compares with "<= 0", which nan passes; and inf has a root.
        for i in range(n):
            if not finite(c + i * n + i, 1):
                return <int> i + 1
    return info


def cholesky(a, bint lower=True, bint symmetrize=False):
    """Cholesky factor of Hermitian positive-definite matrices (..., n, n).

    Parameters
    ----------
    a : array_like
        Only the triangle named by `lower` is read; the imaginary part of the diagonal is taken as 0.
    lower : bool
        True: L with A = L L^H.  False: U with A = U^H U.
    symmetrize : bool
        Factor ``(a + a^H) / 2``.

    Returns
    -------
    ndarray
        The factor; zero in the other triangle.

    Raises
    ------
    numpy.linalg.LinAlgError
        Not positive definite, or nan or inf met; names the matrix of the batch and the leading minor.
    """
    cdef Job job
    cdef cnp.ndarray x = door("cholesky", a, "a", 2), out
    cdef int t = kind("cholesky", x), n = square("cholesky", x, "a")
    cdef Py_ssize_t where
    x = behaved(x, t)
    start(&job, "cholesky", x, 2)
    out = output(&job, t, 2, n, n)
    job.n = n
    job.uplo = c'L' if lower else c'U'
    job.flag = symmetrize
    job.panels = True
    job.ns = cost(t, 100, n * <double> n * (n + 10) / 3)
    if n <= AD_TILE_MOST:
        small(&job, AD_TILE_cholesky, t)
        job.tile.flag = symmetrize
        if not lower:       # U is the transpose of what the transpose of A gives, of complex ones the adjoint
            job.tile.conj = True
            exchange(&job, 0)
            exchange(&job, 1)
    if n:
        where = run(&job, t, <void*> cholesky_body[float], <void*> cholesky_body[double], <void*> cholesky_body[c64],
                    <void*> cholesky_body[c128])
        if where >= 0:
            fail("cholesky", &job, where, f"is not positive definite: leading minor of order {job.info}")
    return out


cdef void exchange(Job *job, int arg) noexcept:
    """Let a tile kernel see the transpose of an operand."""
    job.tile.rs[arg], job.tile.cs[arg] = job.tile.cs[arg], job.tile.rs[arg]


# ---------------------------------------------------------------------------------------------- lu

cdef int lu_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef Py_ssize_t m = job.m, n = job.n, i
    cdef int *piv = <int*> p[2]
    # Pivoting by rows needs columns together, as LAPACK has them.
    pack(work, p[0], job.arg[0].cs, job.arg[0].rs, n, m)
    getrf(job.m, job.n, work, job.m, piv)
    for i in range(min(m, n)):
        piv[i] -= 1
    pack(<scalar*> p[1], <char*> work, sizeof(scalar), m * sizeof(scalar), m, n)
    return 0


def lu_factor(a):
    """LU factorisation with row interchanges of matrices (..., m, n), packed as by `scipy.linalg.lu_factor`.

    Parameters
    ----------
    a : array_like

    Returns
    -------
    lu : ndarray
        (..., m, n): U in the upper triangle, L below it (its unit diagonal is not stored).
    piv : ndarray of int32
        (..., min(m, n)): row i was interchanged with row piv[i].

    Notes
    -----
    A singular matrix has a factorisation, with a zero on the diagonal of U: no error.  nan goes through.
    """
    cdef Job job
    cdef cnp.ndarray x = door("lu_factor", a, "a", 2), lu, piv
    cdef int t = kind("lu_factor", x)
    x = behaved(x, t)
    start(&job, "lu_factor", x, 2)
    job.m = dim("lu_factor", x, -2)
    job.n = dim("lu_factor", x, -1)
    lu = output(&job, t, 2, job.m, job.n)
    piv = output(&job, cnp.NPY_INT, 1, min(job.m, job.n))
    job.bytes = <Py_ssize_t> job.m * job.n * itemsize_of(t)
    job.panels = True
    job.ns = cost(t, 150, min(job.m, job.n) * (job.m + 10.0) * job.n)
    if job.m == job.n <= AD_TILE_MOST:
        small(&job, AD_TILE_lu, t)
    if job.m and job.n:
        run(&job, t, <void*> lu_body[float], <void*> lu_body[double], <void*> lu_body[c64], <void*> lu_body[c128])
    return lu, piv


cdef int inv_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef scalar *c = <scalar*> p[1]
    cdef int *piv = <int*> (work + job.lwork)
    cdef Py_ssize_t i
    cdef int info
    pack(c, p[0], job.arg[0].rs, job.arg[0].cs, job.n, job.n)
    info = getrf(job.n, job.n, c, job.n, piv)
    if info == 0:
        return getri(job.n, c, job.n, piv, work, job.lwork)
    if holds_nan(c, &job.arg[0], p[0], job.n):
        for i in range(<Py_ssize_t> job.n * job.n):
            c[i] = NAN
        return 0
    return info


def inv(a):
    """Inverses of square matrices (..., n, n).

    Parameters
    ----------
    a : array_like

    Returns
    -------
    ndarray

    Raises
    ------
    numpy.linalg.LinAlgError
        A pivot is exactly zero; names the matrix of the batch.  nan goes through.
    """
    cdef Job job
    cdef cnp.ndarray x = door("inv", a, "a", 2), out
    cdef int t = kind("inv", x), n = square("inv", x, "a")
    cdef Py_ssize_t where
    x = behaved(x, t)
    start(&job, "inv", x, 2)
    out = output(&job, t, 2, n, n)
    job.n = n
    # 64 columns at a time: the block size of LAPACK's ilaenv for getri in every precision.
    job.lwork = lwork_of("inv", 64.0 * n)
    job.bytes = <Py_ssize_t> job.lwork * itemsize_of(t) + n * sizeof(int)
    job.ns = cost(t, 300, 2.0 * n * n * (n + 10))
    job.panels = quick(t)
    if n <= AD_TILE_MOST:
        small(&job, AD_TILE_inv, t)
    if n:
        where = run(&job, t, <void*> inv_body[float], <void*> inv_body[double], <void*> inv_body[c64],
                    <void*> inv_body[c128])
        if where >= 0:
            fail("inv", &job, where, f"is singular: pivot {job.info} of {n} is zero")
    return out


# ---------------------------------------------------------------------------------------------- det

cdef inline int factor_diagonal(Job *job, char *a, scalar *work, int *sign) noexcept nogil:
    """LU of the matrix in `work`, its diagonal gathered at the front; the sign of the interchanges."""
    cdef Py_ssize_t n = job.n, i
    cdef int *piv = <int*> (work + n * n)
    cdef int info
    sign[0] = 1
    if n == 0:
        return 0
    pack(work, a, job.arg[0].rs, job.arg[0].cs, n, n)
    info = getrf(job.n, job.n, work, job.n, piv)
    if info != 0 and holds_nan(work, &job.arg[0], a, n):
        work[0] = NAN
        info = 0
    for i in range(n):
        if piv[i] != i + 1:
            sign[0] = -sign[0]
        work[i] = work[i * n + i]
    return info


cdef inline int normalise(double *re, double *im) noexcept nogil:
    """Scale by a power of 2 to magnitude 1/2..1; the exponent taken out (0 for 0, inf and nan)."""
    cdef int e
    cdef double big = max(fabs(re[0]), fabs(im[0]))
    if big == 0 or big - big != 0:
        return 0
    frexp(big, &e)
    re[0] = ldexp(re[0], -e)
    im[0] = ldexp(im[0], -e)
    return e


cdef int det_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef int sign
    if factor_diagonal(job, p[0], work, &sign) > 0:
        (<scalar*> p[1])[0] = 0
    else:
        product(job.n, work, sign, p[1])
    return 0


cdef void product(Py_ssize_t n, scalar *diagonal, int sign, char *out) noexcept nogil:
    # Mantissa and exponent apart: no overflow on the way to a finite determinant.
    cdef double ar = sign, ai = 0, dr, di = 0
    cdef long exponent = 0
    cdef Py_ssize_t i
    for i in range(n):
        if scalar is c64 or scalar is c128:
            dr = diagonal[i].real
            di = diagonal[i].imag
            exponent += normalise(&dr, &di)
            dr, di = ar * dr - ai * di, ar * di + ai * dr
        else:
            dr = diagonal[i]
            exponent += normalise(&dr, &di)
            dr = ar * dr
        exponent += normalise(&dr, &di)
        ar = dr
        ai = di
    exponent = max(min(exponent, 100000), -100000)
    if scalar is c64:
        (<float*> out)[0] = <float> ldexp(ar, <int> exponent)
        (<float*> out)[1] = <float> ldexp(ai, <int> exponent)
    elif scalar is c128:
        (<double*> out)[0] = ldexp(ar, <int> exponent)
        (<double*> out)[1] = ldexp(ai, <int> exponent)
    else:
        (<scalar*> out)[0] = <scalar> ldexp(ar, <int> exponent)


cdef int slogdet_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef int sign
    if factor_diagonal(job, p[0], work, &sign) > 0:
        work[0] = 0
    logarithm(job.n, work, sign, p[1], p[2])
    return 0


cdef void logarithm(Py_ssize_t n, scalar *diagonal, int sign, char *to, char *log_to) noexcept nogil:
    cdef double total = 0, size
    cdef double ar = sign, ai = 0, dr, di
    cdef Py_ssize_t i
    for i in range(n):
        if diagonal[i] == 0:
            ar = ai = 0
            total = -INFINITY
            break
        if scalar is c64 or scalar is c128:
            dr = diagonal[i].real
            di = diagonal[i].imag
            size = hypot(dr, di)
            dr, di = dr / size, di / size
            ar, ai = ar * dr - ai * di, ar * di + ai * dr
        else:
            size = fabs(diagonal[i])
            if diagonal[i] < 0:
                ar = -ar
            elif size != size:
                ar = size
        total += log(size)
    if scalar is c64:
        (<float*> to)[0] = <float> ar
        (<float*> to)[1] = <float> ai
    elif scalar is c128:
        (<double*> to)[0] = ar
        (<double*> to)[1] = ai
    else:
        (<scalar*> to)[0] = <scalar> ar
    if scalar is float or scalar is c64:
        (<float*> log_to)[0] = <float> total
    else:
        (<double*> log_to)[0] = total


cdef int diagonal_body(Job *job, char **p, scalar *work) noexcept nogil:
    """The sign of the interchanges and the diagonal of U."""
    cdef scalar *out = <scalar*> p[1]
    cdef int sign
    if factor_diagonal(job, p[0], work, &sign) > 0:
        work[0] = 0
    out[0] = sign
    memcpy(out + 1, work, job.n * sizeof(scalar))
    return 0


cdef void determinants(Py_ssize_t n, Py_ssize_t count, scalar *d, char *first, char *second) noexcept nogil:
    """Of the sign and diagonal of each matrix the determinant; with `second` its sign and logarithm."""
    cdef Py_ssize_t i, size = sizeof(scalar), real_size = size
    cdef int sign
    if scalar is c64 or scalar is c128:
        real_size = size // 2
    for i in range(count):
        if scalar is c64 or scalar is c128:
            sign = <int> d[0].real
        else:
            sign = <int> d[0]
        if second == NULL:
            product(n, d + 1, sign, first + size * i)
        else:
            logarithm(n, d + 1, sign, first + size * i, second + real_size * i)
        d += n + 1


cdef int in_lanes(Job *job, int t, cnp.ndarray first, cnp.ndarray second) except -1:
    """The determinants of many small matrices, or their signs and logarithms."""
    cdef cnp.ndarray d
    cdef void *data
    cdef char *to = <char*> cnp.PyArray_DATA(first)
    cdef char *log_to = NULL if second is None else <char*> cnp.PyArray_DATA(second)
    job.nargs = 1
    d = output(job, t, 1, job.n + 1)
    data = cnp.PyArray_DATA(d)
    small(job, AD_TILE_diagonal, t)
    run(job, t, <void*> diagonal_body[float], <void*> diagonal_body[double], <void*> diagonal_body[c64],
        <void*> diagonal_body[c128])
    if t == cnp.NPY_FLOAT:
        determinants(job.n, job.size, <float*> data, to, log_to)
    elif t == cnp.NPY_DOUBLE:
        determinants(job.n, job.size, <double*> data, to, log_to)
    elif t == cnp.NPY_CFLOAT:
        determinants(job.n, job.size, <c64*> data, to, log_to)
    else:
        determinants(job.n, job.size, <c128*> data, to, log_to)
    return 0


cdef bint suits_lanes(Job *job):
    return 0 < job.n <= AD_TILE_MOST and job.size >= LEAST_TILE


cdef int start_det(Job *job, str op, cnp.ndarray x, int t, int n) except -1:
    start(job, op, x, 2)
    job.n = n
    job.bytes = <Py_ssize_t> n * n * itemsize_of(t) + n * sizeof(int) + 16
    job.panels = True
    job.ns = cost(t, 150, 2.0 / 3 * n * n * (n + 10))
    return 0


def det(a):
    """Determinants of square matrices (..., n, n).

    Parameters
    ----------
    a : array_like

    Returns
    -------
    ndarray
        The leading axes of `a`; 1 for n = 0, exactly 0 where a pivot is.
    """
    cdef Job job
    cdef cnp.ndarray x = door("det", a, "a", 2), out
    cdef int t = kind("det", x), n = square("det", x, "a")
    x = behaved(x, t)
    start_det(&job, "det", x, t, n)
    out = output(&job, t, 0)
    if suits_lanes(&job):
        in_lanes(&job, t, out, None)
        return out
    run(&job, t, <void*> det_body[float], <void*> det_body[double], <void*> det_body[c64], <void*> det_body[c128])
    return out


def slogdet(a):
    """Sign and logarithm of the absolute value of determinants of square matrices (..., n, n).

    Parameters
    ----------
    a : array_like

    Returns
    -------
    sign : ndarray
        The leading axes of `a`, its dtype: -1, 0, 1 or a complex number of absolute value 1.
    logabsdet : ndarray
        Real; -inf where the sign is 0.
    """
    cdef Job job
    cdef cnp.ndarray x = door("slogdet", a, "a", 2), sign, logabs
    cdef int t = kind("slogdet", x), n = square("slogdet", x, "a")
    x = behaved(x, t)
    start_det(&job, "slogdet", x, t, n)
    sign = output(&job, t, 0)
    logabs = output(&job, real_of(t), 0)
    if suits_lanes(&job):
        in_lanes(&job, t, sign, logabs)
        return sign, logabs
    run(&job, t, <void*> slogdet_body[float], <void*> slogdet_body[double], <void*> slogdet_body[c64],
        <void*> slogdet_body[c128])
    return sign, logabs


# ---------------------------------------------------------------------------------------------- by the factors of lu

cdef int start_factors(Job *job, str op, object lu, object piv) except -1:
    """The type; operands as `lu_factor` returns them."""
    cdef cnp.ndarray x = door(op, lu, "lu", 2), q = door(op, piv, "piv", 1)
    cdef int t = kind(op, x), n = square(op, x, "lu")
    if not cnp.PyTypeNum_ISINTEGER(cnp.PyArray_TYPE(q)):
        raise TypeError(f"{op}: piv has dtype {q.dtype}, wanted integers")
    if dim(op, q, -1) != n:
        raise ValueError(f"{op}: piv has shape {(<object> q).shape}, wanted (..., {n})")
    x = behaved(x, t)
    q = behaved(q, cnp.NPY_INT)
    start(job, op, x, 2, q, 1)
    job.n = n
    return t


cdef inline int diagonal_of(Job *job, char **p, scalar *work) noexcept nogil:
    """The diagonal of U to the front of `work`; the sign of the interchanges."""
    cdef Py_ssize_t i
    cdef int sign = 1
    for i in range(job.n):
        if (<int*> (p[1] + i * job.arg[1].rs))[0] != i:
            sign = -sign
        work[i] = (<scalar*> (p[0] + i * (job.arg[0].rs + job.arg[0].cs)))[0]
    return sign


cdef int det_of_lu_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef int sign = diagonal_of(job, p, work)
    product(job.n, work, sign, p[2])
    return 0


cdef int slogdet_of_lu_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef int sign = diagonal_of(job, p, work)
    logarithm(job.n, work, sign, p[2], p[3])
    return 0


cdef int inverse_by_columns(Job *job, char **p, scalar *work) noexcept nogil:
    """The inverse to the front of `work`; behind it LAPACK's workspace and the interchanges."""
    cdef Py_ssize_t n = job.n, i
    cdef scalar *extra = work + n * n
    cdef int *piv = <int*> (extra + job.lwork)
    for i in range(n):
        piv[i] = (<int*> (p[1] + i * job.arg[1].rs))[0] + 1
        if piv[i] < 1 or piv[i] > n:
            return -<int> (i + 1)
    pack(work, p[0], job.arg[0].cs, job.arg[0].rs, n, n)
    return getri(job.n, work, job.n, piv, extra, job.lwork)


cdef int inv_of_lu_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef Py_ssize_t n = job.n
    cdef int info = inverse_by_columns(job, p, work)
    if info == 0:
        pack(<scalar*> p[2], <char*> work, sizeof(scalar), n * sizeof(scalar), n, n)
    return info


cdef inline double magnitude(scalar x) noexcept nogil:
    if scalar is c64 or scalar is c128:
        return hypot(x.real, x.imag)
    else:
        return fabs(x)


cdef int cofactor_of_lu_body(Job *job, char **p, scalar *work) noexcept nogil:
    # work: as `inverse_by_columns` leaves it; the sums of rows of the inverse in LAPACK's workspace.
    cdef Py_ssize_t n = job.n, i, j, rs = job.arg[2].rs, cs = job.arg[2].cs
    cdef scalar *extra = work + n * n
    cdef scalar *out = <scalar*> p[3]
    cdef double *sums = <double*> extra
    cdef double most = 0, size
    cdef scalar det
    cdef int sign = diagonal_of(job, p, extra), info
    product(n, extra, sign, <char*> &det)
    for i in range(n):
        size = 0
        for j in range(n):
            size += magnitude((<scalar*> (p[2] + i * rs + j * cs))[0])
        most = max(most, size)
    info = inverse_by_columns(job, p, work)
    if info != 0:
        return info
    memset(sums, 0, n * sizeof(double))
    for j in range(n):
        for i in range(n):
            sums[i] += magnitude(work[j * n + i])
    size = 0
    for i in range(n):
        size = max(size, sums[i])
    if not (most * size < job.tol):
        return 1
    for i in range(n * n):      # the inverse by columns is its transpose by rows
        if scalar is c64 or scalar is c128:
            out[i] = (det * work[i]).conjugate()
        else:
            out[i] = det * work[i]
    return 0


def cofactor_of_lu(a, lu, piv, double most):
    """Conjugate cofactors of matrices by their factors, or None if one has a condition number (inf) of `most` or above.

    Raises
    ------
    ValueError
        Something of `piv` is not the index of a row.
    """
    cdef Job job
    cdef cnp.ndarray x = door("cofactor_of_lu", a, "a", 2), y = door("cofactor_of_lu", lu, "lu", 2)
    cdef cnp.ndarray q = door("cofactor_of_lu", piv, "piv", 1), out
    cdef int t = kind("cofactor_of_lu", x, y), n = square("cofactor_of_lu", x, "a")
    cdef Py_ssize_t where
    if square("cofactor_of_lu", y, "lu") != n or dim("cofactor_of_lu", q, -1) != n:
        raise ValueError(f"cofactor_of_lu: the shapes {np.shape(a)}, {np.shape(lu)} and {np.shape(piv)} do not fit")
    x = behaved(x, t)
    y = behaved(y, t)
    q = behaved(q, cnp.NPY_INT)
    start(&job, "cofactor_of_lu", y, 2, q, 1, x, 2)
    out = output(&job, t, 2, n, n)
    job.n = n
    job.tol = most
    job.lwork = lwork_of("cofactor_of_lu", 64.0 * n)
    job.bytes = (<Py_ssize_t> job.lwork + <Py_ssize_t> n * n) * itemsize_of(t) + n * sizeof(int)
    job.ns = cost(t, 300, 4.0 / 3 * n * n * (n + 20))
    if n:
        where = run(&job, t, <void*> cofactor_of_lu_body[float], <void*> cofactor_of_lu_body[double],
                    <void*> cofactor_of_lu_body[c64], <void*> cofactor_of_lu_body[c128])
        if where >= 0 and job.info < 0:
            raise ValueError(f"cofactor_of_lu: piv[..., {-job.info - 1}] is not a row index (0..{n - 1})")
        if where >= 0:
            return None
    return out


def det_of_lu(lu, piv):
    """Determinants by the factors (..., n, n) and interchanges (..., n) of `lu_factor`."""
    cdef Job job
    cdef int t = start_factors(&job, "det_of_lu", lu, piv)
    cdef cnp.ndarray out = output(&job, t, 0)
    job.bytes = <Py_ssize_t> job.n * itemsize_of(t)
    job.ns = cost(t, 50, 30.0 * job.n)
    run(&job, t, <void*> det_of_lu_body[float], <void*> det_of_lu_body[double], <void*> det_of_lu_body[c64],
        <void*> det_of_lu_body[c128])
    return out


def slogdet_of_lu(lu, piv):
    """Signs and logarithms of determinants by the factors (..., n, n) and interchanges (..., n) of `lu_factor`."""
    cdef Job job
    cdef int t = start_factors(&job, "slogdet_of_lu", lu, piv)
    cdef cnp.ndarray sign = output(&job, t, 0), logabs = output(&job, real_of(t), 0)
    job.bytes = <Py_ssize_t> job.n * itemsize_of(t)
    job.ns = cost(t, 50, 100.0 * job.n)
    run(&job, t, <void*> slogdet_of_lu_body[float], <void*> slogdet_of_lu_body[double],
        <void*> slogdet_of_lu_body[c64], <void*> slogdet_of_lu_body[c128])
    return sign, logabs


def inv_of_lu(lu, piv):
    """Inverses by the factors (..., n, n) and interchanges (..., n) of `lu_factor`.

    Raises
    ------
    numpy.linalg.LinAlgError
        A pivot is exactly zero; names the matrix of the batch.  nan goes through.
    ValueError
        Something of `piv` is not the index of a row.
    """
    cdef Job job
    cdef int t = start_factors(&job, "inv_of_lu", lu, piv), n = job.n
    cdef cnp.ndarray out = output(&job, t, 2, n, n)
    cdef Py_ssize_t where
    job.lwork = lwork_of("inv_of_lu", 64.0 * n)
    job.bytes = (<Py_ssize_t> job.lwork + <Py_ssize_t> n * n) * itemsize_of(t) + n * sizeof(int)
    job.ns = cost(t, 200, 4.0 / 3 * n * n * (n + 10))
    job.panels = quick(t)
    if n:
        where = run(&job, t, <void*> inv_of_lu_body[float], <void*> inv_of_lu_body[double],
                    <void*> inv_of_lu_body[c64], <void*> inv_of_lu_body[c128])
        if where >= 0 and job.info < 0:
            raise ValueError(f"inv_of_lu: piv[..., {-job.info - 1}] is not a row index (0..{n - 1})")
        if where >= 0:
            fail("inv (inv_of_lu)", &job, where, f"is singular: pivot {job.info} of {n} is zero")
    return out


# ---------------------------------------------------------------------------------------------- qr

cdef enum:
    REFLECTORS = 16     # in a block; with 32 columns a QR of 300 x 300 takes 9 % more, with 48 a quarter
    IN_CACHE = 1 << 18  # bytes of a panel that goes column by column; xGEQRT halves it


cdef inline int reflectors(int m, int n, scalar *a, int lda, scalar *t, int ldt, scalar *work) noexcept nogil:
    if scalar is float or scalar is double:
        if <Py_ssize_t> m * n * <Py_ssize_t> sizeof(scalar) <= IN_CACHE:
            qr_panel(scalar is float)(m, n, a, lda, t, ldt)
            return 0
    return geqrt(m, n, n, a, lda, t, ldt, work)


cdef inline Py_ssize_t stride_of(Py_ssize_t n, Py_ssize_t size) noexcept nogil:
    """Elements from one row of n to the next, so that each begins with a line of the cache."""
    return (n * size + 63) // 64 * 64 // size


cdef inline void conjugate(scalar *x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if scalar is c64 or scalar is c128:
        for i in range(n):
            x[i] = x[i].conjugate()


cdef int qr_body(Job *job, char **p, scalar *work) noexcept nogil:
    # A and Q stay as they lie, by rows: to BLAS they are A^T and Q^T. work: A; V and conj(V T) of the blocks, of all if
    # there is a Q; T and LAPACK's workspace; C V T of one block.
    cdef int m = job.m, n = job.n, k = min(m, n), nq = job.flag, nr = job.flag2, nb = min(REFLECTORS, k), info = 0
    cdef int lo = 0, width, high
    cdef Py_ssize_t i, j, ld = stride_of(n, sizeof(scalar)), each = <Py_ssize_t> m * nb
    cdef scalar *v = work + m * ld
    cdef scalar *u = v + (<Py_ssize_t> m * k if nq else each)
    cdef scalar *t = u + (<Py_ssize_t> m * k if nq else each)
    cdef scalar *extra = t + nb * nb
    cdef scalar *r = <scalar*> p[job.nargs - 1]
    cdef scalar *q = <scalar*> p[1]
    cdef scalar *a
    pack(work, p[0], job.arg[0].rs, job.arg[0].cs, m, n)
    for i in range(m - 1, 0, -1):
        memmove(work + i * ld, work + i * n, n * sizeof(scalar))
    while lo < k:
        width, high = min(nb, k - lo), m - lo
        a = work + lo * (ld + 1)
        pack(v, <char*> a, sizeof(scalar), ld * sizeof(scalar), width, high)
        info = reflectors(high, width, v, high, t, nb, extra)
        for j in range(width):
            for i in range(j + 1):
                a[i * ld + j] = v[j * high + i]
                v[j * high + i] = i == j
            for i in range(j + 1, width):
                t[j * nb + i] = 0
        gemm(c'N', c'N', high, width, width, v, high, t, nb, u, high)
        conjugate(u, <Py_ssize_t> high * width)
        if lo + width < n:
            reflect(n - lo - width, high, width, u, v, a + width, <int> ld, extra)
        lo += nb
        if nq:
            v += each
            u += each
    for i in range(nr):
        memset(r + i * n, 0, min(i, n) * sizeof(scalar))
        memcpy(r + i * n + min(i, n), work + i * ld + min(i, n), (n - min(i, n)) * sizeof(scalar))
    if nq:
        # The blocks onto the identity, from the last: what lies above and to the left is still that of the identity.
        memset(q, 0, <size_t> m * nq * sizeof(scalar))
        for i in range(nq):
            q[i * (nq + 1)] = 1
        lo = (k - 1) // nb * nb
        while lo >= 0:
            v -= each
            u -= each
            width, high = min(nb, k - lo), m - lo
            conjugate(v, <Py_ssize_t> high * width)
            conjugate(u, <Py_ssize_t> high * width)
            reflect(nq - lo, high, width, v, u, q + lo * (nq + 1), nq, extra)
            lo -= nb
    return info


def qr(a, str mode="reduced"):
    """QR factorisation of matrices (..., m, n): A = Q R.

    Parameters
    ----------
    a : array_like
    mode : {'reduced', 'complete', 'r'}
        Q (m, k), R (k, n) with k = min(m, n); or Q (m, m), R (m, n); or R (k, n) alone.

    Returns
    -------
    q, r : ndarray
        Only r for ``mode='r'``.

    Notes
    -----
    The diagonal of R has LAPACK's signs, as in NumPy.  nan goes through.
    """
    cdef Job job
    cdef cnp.ndarray x = door("qr", a, "a", 2), q = None, r
    cdef int t = kind("qr", x), m = dim("qr", x, -2), n = dim("qr", x, -1), k = min(m, n), size = itemsize_of(t)
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: mode is {mode!r}, wanted 'reduced', 'complete' or 'r'")
    x = behaved(x, t)
    start(&job, "qr", x, 2)
    job.m, job.n = m, n
    job.flag = 0 if mode == "r" else m if mode == "complete" else k
    job.flag2 = m if mode == "complete" else k
    if mode != "r":
        q = output(&job, t, 2, m, job.flag)
    r = output(&job, t, 2, job.flag2, n)
    if k == 0:
        if q is not None:
            q[...] = np.eye(m, job.flag)
        return r if q is None else (q, r)
    job.bytes = (m * stride_of(n, size) + 2 * <Py_ssize_t> m * (k if job.flag else min(REFLECTORS, k))
                 + min(REFLECTORS, k) * (min(REFLECTORS, k) + <Py_ssize_t> max(n, job.flag))) * size
    job.panels = True
    job.ns = cost(t, 500, 2.0 * m * n * (k + 10) * (2 if q is not None else 1))
    if n <= m <= AD_TILE_MOST and job.flag == n:
        small(&job, AD_TILE_qr, t)
    run(&job, t, <void*> qr_body[float], <void*> qr_body[double], <void*> qr_body[c64], <void*> qr_body[c128])
    return r if q is None else (q, r)
