"""Eigenvalues and singular values over leading axes: eigh, eigvalsh, eig, eigvals, svd, svdvals.

The matrix is handed to LAPACK by columns, as NumPy does, so that the signs and phases of vectors are NumPy's.
A matrix with nan or inf is refused: LAPACK's iterations may not end on one.
"""
from libc.math cimport fabs, frexp, ldexp
from libc.string cimport memcpy, memmove, memset

cimport numpy as cnp

from scirs_ad._kernels.linalg_batch cimport (
    Job, behaved, complex_of, cost, dim, door, fail, finite, kind, lwork_of, output, pack, real_of, run,
    square, start,
)
from scirs_ad._kernels.linalg_lapack cimport (
    bdsdc, c64, c128, geev, gesdd, gesvd, heevd, lapack, scalar, sterf, sytrd,
)
from scirs_ad._kernels.linalg_panels cimport dgemm, panels_shared, sgemm, share_panels
from scirs_ad._kernels.threads cimport parallel_for, threads_for

import numpy as np

from scirs_ad._kernels.ops import ISA

cnp.import_array()

cdef extern from "eigen.h":
    ctypedef struct ad_eigen_table:
        void (*reduce_f64)(int, int, double *, double *, double *, double *, double *) noexcept nogil
        void (*reduce_f32)(int, int, float *, float *, float *, float *, float *) noexcept nogil
        int (*vectors_f64)(int, const double *, int, double *, double *, const double *, double *, double *, int *,
                           void *, void *) noexcept nogil
        int (*vectors_f32)(int, const float *, int, float *, float *, const float *, float *, float *, int *, void *,
                           void *) noexcept nogil
        void (*bidiagonal_f64)(int, int, int, double *, double *, double *, double *, double *, double *, int,
                               double *) noexcept nogil
        void (*bidiagonal_f32)(int, int, int, float *, float *, float *, float *, float *, float *, int,
                               float *) noexcept nogil
        void (*back_f64)(int, int, int, int, const double *, int, const double *, double *, int, double *,
                         void *) noexcept nogil
        void (*back_f32)(int, int, int, int, const float *, int, const float *, float *, int, float *,
                         void *) noexcept nogil
    const ad_eigen_table *ad_eigen_find(const char *isa)
    Py_ssize_t ad_back_words(Py_ssize_t rows, Py_ssize_t cols) noexcept nogil
    Py_ssize_t ad_eigen_words(Py_ssize_t n) noexcept nogil
    enum:
        AD_EIGEN_LEAF
        AD_EIGEN_STEP

ctypedef fused real:
    float
    double


cdef enum:
    NOT_FINITE = -1000
    PASSES = 512        # rows; for larger matrices LAPACK's reduction has threads, and reads the matrix half as often

cdef const ad_eigen_table *eigen = ad_eigen_find(ISA.encode())


cdef inline Py_ssize_t up(Py_ssize_t bytes) noexcept nogil:
    return (bytes + 15) & ~(<Py_ssize_t> 15)


cdef inline double real_part(scalar *x) noexcept:
    if scalar is c64 or scalar is c128:
        return x[0].real
    else:
        return x[0]


cdef object did_not_converge(str op, Job *job, Py_ssize_t where):
    fail(op, job, where, "has nan or inf" if job.info == NOT_FINITE else "did not converge")


# ---------------------------------------------------------------------------------------------- eigh

cdef bint lower_triangle(Job *job, char *a, scalar *to, Py_ssize_t ld) noexcept nogil:
    """The matrix that is decomposed, its lower triangle by columns; whether it is finite."""
    cdef Py_ssize_t n = job.n, i, j, rs = job.arg[0].rs, cs = job.arg[0].cs
    cdef scalar half = 0.5, y
    cdef bint good = True
    for j in range(n):
        for i in range(j, n):
            to[j * ld + i] = (<scalar*> (a + i * rs + j * cs))[0]
        if job.flag:
            for i in range(j, n):
                y = (<scalar*> (a + j * rs + i * cs))[0]
                if scalar is c64 or scalar is c128:
                    y = y.conjugate()
                to[j * ld + i] = half * (to[j * ld + i] + y)
        for i in range(n, ld):
            to[j * ld + i] = 0
        good = good and finite(to + j * ld + j, n - j)
    return good


cdef int own_eigh(Job *job, char **p, real *work) noexcept nogil:
    """`eigh_body` of a real matrix with the functions of eigen.h."""
    cdef int n = job.n, ld = (n + AD_EIGEN_STEP - 1) // AD_EIGEN_STEP * AD_EIGEN_STEP, exponent = 0, info = 0
    cdef real *passes = work + <Py_ssize_t> n * ld
    cdef real *e = passes + 4 * ld
    cdef real *tau = e + n
    cdef real *z = tau + n
    cdef real *rest = z + <Py_ssize_t> n * n
    cdef real *w = <real*> p[1]
    cdef double most = 0
    cdef Py_ssize_t i, j
    if not lower_triangle(job, p[0], work, ld):
        return NOT_FINITE
    for j in range(n):
        for i in range(j, n):
            most = max(most, fabs(work[j * ld + i]))
    # Squares neither overflow nor vanish: LAPACK's bounds; powers of 2, so that nothing is rounded.
    if most != 0 and not (job.tol <= most <= 1 / job.tol):
        frexp(most, &exponent)
        for j in range(n):
            for i in range(j, n):
                work[j * ld + i] = <real> ldexp(work[j * ld + i], -exponent)
    if real is double:
        if n <= PASSES:
            eigen.reduce_f64(n, ld, work, w, e, tau, passes)
        else:
            info = sytrd(c'L', n, work, ld, w, e, tau, rest, <int> min(ad_eigen_words(n), 64 * n))
        if info == 0 and job.mode == c'V':
            info = eigen.vectors_f64(n, work, ld, w, e, tau, z, rest, <int*> (rest + ad_eigen_words(n)),
                                     <void*> dgemm, <void*> lapack.dsteqr)
        elif info == 0:
            info = sterf(n, w, e)
    else:
        if n <= PASSES:
            eigen.reduce_f32(n, ld, work, w, e, tau, passes)
        else:
            info = sytrd(c'L', n, work, ld, w, e, tau, rest, <int> min(ad_eigen_words(n), 64 * n))
        if info == 0 and job.mode == c'V':
            info = eigen.vectors_f32(n, work, ld, w, e, tau, z, rest, <int*> (rest + ad_eigen_words(n)),
                                     <void*> sgemm, <void*> lapack.ssteqr)
        elif info == 0:
            info = sterf(n, w, e)
    if info == 0:
        if exponent != 0:
            for i in range(n):
                w[i] = <real> ldexp(w[i], exponent)
        if job.mode == c'V':
            pack(<real*> p[2], <char*> z, sizeof(real), n * sizeof(real), n, n)
    return info


cdef int eigh_body(Job *job, char **p, scalar *work) noexcept nogil:
    # work: the matrix by columns; LAPACK's three workspaces.
    cdef Py_ssize_t n = job.n
    cdef scalar *extra = work + n * n
    cdef char *rwork = (<char*> extra) + up(job.lwork * sizeof(scalar))
    cdef int *iwork = <int*> (rwork + up(job.lrwork * <Py_ssize_t> sizeof(double)))
    cdef int info
    if scalar is float or scalar is double:
        if n > AD_EIGEN_LEAF:
            info = own_eigh(job, p, work)
            if info == 0 or info == NOT_FINITE:
                return info
    if not lower_triangle(job, p[0], work, n):
        return NOT_FINITE
    info = heevd(job.mode, c'L', job.n, work, job.n, p[1], extra, job.lwork, rwork, job.lrwork, iwork, job.liwork)
    if info == 0 and job.mode == c'V':
        pack(<scalar*> p[2], <char*> work, sizeof(scalar), n * sizeof(scalar), n, n)
    return info


cdef int eigh_words(Job *job, str op, scalar *word) except -1:
    cdef int liwork = 0, n = job.n
    cdef double rwork[2]
    heevd(job.mode, c'L', n, word, n, rwork, word, -1, rwork, -1, &liwork, -1)
    job.lwork = lwork_of(op, real_part(word))
    if scalar is c64 or scalar is c128:
        job.lrwork = lwork_of(op, 1 + 5.0 * n + 2.0 * n * n if job.mode == c'V' else n)
    else:
        job.lrwork = 0
    job.liwork = liwork
    job.bytes = (n * <Py_ssize_t> n * <Py_ssize_t> sizeof(scalar) + up(job.lwork * <Py_ssize_t> sizeof(scalar))
                 + up(job.lrwork * <Py_ssize_t> sizeof(double)) + liwork * <Py_ssize_t> sizeof(int) + 64)
    if scalar is float or scalar is double:
        job.tol = 4.5e-16 if scalar is float else 1.1e-146
        if n > AD_EIGEN_LEAF:
            job.bytes = max(job.bytes, (<Py_ssize_t> (n + 4) * (n + AD_EIGEN_STEP) + 2 * n + n * <Py_ssize_t> n
                                        + ad_eigen_words(n)) * <Py_ssize_t> sizeof(scalar)
                            + 6 * n * <Py_ssize_t> sizeof(int))
    return 0


cdef object hermitian(str op, object a, bint vectors, bint symmetrize):
    cdef Job job
    cdef cnp.ndarray x = door(op, a, "a", 2), w, v = None
    cdef int t = kind(op, x), n = square(op, x, "a")
    cdef double complex word = 0
    cdef Py_ssize_t where
    x = behaved(x, t)
    start(&job, op, x, 2)
    w = output(&job, real_of(t), 1, n)
    if vectors:
        v = output(&job, t, 2, n, n)
    job.n = n
    job.flag = symmetrize
    job.mode = c'V' if vectors else c'N'
    if n:
        if t == cnp.NPY_FLOAT:
            eigh_words(&job, op, <float*> &word)
        elif t == cnp.NPY_DOUBLE:
            eigh_words(&job, op, <double*> &word)
        elif t == cnp.NPY_CFLOAT:
            eigh_words(&job, op, <c64*> &word)
        else:
            eigh_words(&job, op, <c128*> &word)
        job.ns = cost(t, 1000, n * <double> n * (n + 10) * (9 if vectors else 4))
        where = run(&job, t, <void*> eigh_body[float], <void*> eigh_body[double], <void*> eigh_body[c64],
                    <void*> eigh_body[c128])
        if where >= 0:
            did_not_converge(op, &job, where)
    return (w, v) if vectors else w


def eigh(a, bint symmetrize=False):
    """Eigenvalues (ascending) and orthonormal eigenvectors of Hermitian matrices (..., n, n).

    Parameters
    ----------
    a : array_like
        Only the lower triangle is read.
    symmetrize : bool
        Decompose ``(a + a^H) / 2``.

    Returns
    -------
    w : ndarray
        (..., n), real.
    v : ndarray
        (..., n, n), eigenvectors in columns.

    Raises
    ------
    numpy.linalg.LinAlgError
        nan or inf in the lower triangle, or no convergence; names the matrix of the batch.
    """
    return hermitian("eigh", a, True, symmetrize)


def eigvalsh(a, bint symmetrize=False):
    """Eigenvalues of Hermitian matrices; as `eigh` without the vectors.

    Parameters
    ----------
    a : array_like
    symmetrize : bool

    Returns
    -------
    ndarray
        (..., n), real, ascending.
    """
    return hermitian("eigvalsh", a, False, symmetrize)


# ---------------------------------------------------------------------------------------------- eig

cdef int eig_body(Job *job, char **p, scalar *work) noexcept nogil:
    # work: A and the vectors by columns; real and imaginary parts of real A's eigenvalues; LAPACK's workspaces.
    cdef Py_ssize_t n = job.n, i, j
    cdef bint vectors = job.mode == c'V'
    cdef scalar *v = work + n * n
    cdef scalar *wr = v + (n * n if vectors else 0)
    cdef scalar *wi = wr + n
    cdef scalar *extra = wi + n
    cdef char *rwork = (<char*> extra) + up(job.lwork * <Py_ssize_t> sizeof(scalar))
    cdef scalar *w = <scalar*> p[1]
    cdef scalar *out = <scalar*> p[2] if vectors else NULL
    cdef int info
    pack(work, p[0], job.arg[0].cs, job.arg[0].rs, n, n)
    if not finite(work, n * n):
        return NOT_FINITE
    info = geev(job.mode, job.n, work, job.n, wr, wi, v, job.n, extra, job.lwork, rwork)
    if info != 0:
        return info
    if scalar is c64 or scalar is c128:
        memcpy(w, wr, n * sizeof(scalar))
        if vectors:
            pack(out, <char*> v, sizeof(scalar), n * sizeof(scalar), n, n)
    else:
        # A complex pair keeps its first vector as two real columns; outputs are pairs of reals here.
        j = 0
        while j < n:
            w[2 * j] = wr[j]
            w[2 * j + 1] = wi[j]
            if wi[j] == 0:
                if vectors:
                    for i in range(n):
                        out[2 * (i * n + j)] = v[j * n + i]
                        out[2 * (i * n + j) + 1] = 0
                j += 1
                continue
            w[2 * j + 2] = wr[j + 1]
            w[2 * j + 3] = wi[j + 1]
            if vectors:
                for i in range(n):
                    out[2 * (i * n + j)] = v[j * n + i]
                    out[2 * (i * n + j) + 1] = v[(j + 1) * n + i]
                    out[2 * (i * n + j) + 2] = v[j * n + i]
                    out[2 * (i * n + j) + 3] = -v[(j + 1) * n + i]
            j += 2
    return 0


cdef int eig_words(Job *job, str op, scalar *word) except -1:
    cdef Py_ssize_t n = job.n, vectors = job.mode == c'V'
    geev(job.mode, job.n, word, job.n, word, word, word, job.n, word, -1, word)
    job.lwork = lwork_of(op, real_part(word))
    job.bytes = ((n * n * (1 + vectors) + 2 * n) * <Py_ssize_t> sizeof(scalar)
                 + up(job.lwork * <Py_ssize_t> sizeof(scalar)) + 2 * n * <Py_ssize_t> sizeof(double) + 64)
    return 0


cdef object general(str op, object a, bint vectors):
    cdef Job job
    cdef cnp.ndarray x = door(op, a, "a", 2), w, v = None
    cdef int t = kind(op, x), n = square(op, x, "a")
    cdef double complex word = 0
    cdef Py_ssize_t where
    x = behaved(x, t)
    start(&job, op, x, 2)
    w = output(&job, complex_of(t), 1, n)
    if vectors:
        v = output(&job, complex_of(t), 2, n, n)
    job.n = n
    job.mode = c'V' if vectors else c'N'
    if n:
        if t == cnp.NPY_FLOAT:
            eig_words(&job, op, <float*> &word)
        elif t == cnp.NPY_DOUBLE:
            eig_words(&job, op, <double*> &word)
        elif t == cnp.NPY_CFLOAT:
            eig_words(&job, op, <c64*> &word)
        else:
            eig_words(&job, op, <c128*> &word)
        job.ns = cost(t, 2000, n * <double> n * (n + 10) * (25 if vectors else 10))
        where = run(&job, t, <void*> eig_body[float], <void*> eig_body[double], <void*> eig_body[c64],
                    <void*> eig_body[c128])
        if where >= 0:
            did_not_converge(op, &job, where)
    return (w, v) if vectors else w


def eig(a):
    """Eigenvalues and right eigenvectors of square matrices (..., n, n), always complex.

    Parameters
    ----------
    a : array_like

    Returns
    -------
    w : ndarray
        (..., n), complex, in no particular order; those of a real matrix in conjugate pairs.
    v : ndarray
        (..., n, n), complex: eigenvectors in columns, of Euclidean norm 1, the largest component real.

    Raises
    ------
    numpy.linalg.LinAlgError
        nan or inf, or no convergence; names the matrix of the batch.
    """
    return general("eig", a, True)


def eigvals(a):
    """Eigenvalues of square matrices, always complex; as `eig` without the vectors.

    Parameters
    ----------
    a : array_like

    Returns
    -------
    ndarray
        (..., n), complex.
    """
    return general("eigvals", a, False)


# ---------------------------------------------------------------------------------------------- svd

cdef enum:
    OWN = 8             # rows and columns from which the steps below are faster than LAPACK's driver

cdef struct Sides:
    bint single
    int rows[2], cols[2], count[2], lda[2]
    void *a[2]
    void *tau[2]
    void *z[2]
    void *work[2]


cdef void side_chunk(void *context, int chunk, int worker) noexcept nogil:
    """Vectors of the bidiagonal matrix on one side become those of the matrix."""
    cdef Sides *x = <Sides*> context
    cdef bint shared = panels_shared()
    # Else panels would depend on the thread that comes here, and with BLAS's products the last bits.
    share_panels(False)
    if x.single:
        eigen.back_f32(x.rows[chunk], x.cols[chunk], x.count[chunk], chunk, <float*> x.a[chunk], x.lda[chunk],
                       <float*> x.tau[chunk], <float*> x.z[chunk], x.rows[chunk], <float*> x.work[chunk], <void*> sgemm)
    else:
        eigen.back_f64(x.rows[chunk], x.cols[chunk], x.count[chunk], chunk, <double*> x.a[chunk], x.lda[chunk],
                       <double*> x.tau[chunk], <double*> x.z[chunk], x.rows[chunk], <double*> x.work[chunk],
                       <void*> dgemm)
    share_panels(shared)


cdef inline Py_ssize_t stepped(Py_ssize_t n) noexcept nogil:
    return (n + AD_EIGEN_STEP - 1) // AD_EIGEN_STEP * AD_EIGEN_STEP


cdef inline Py_ssize_t own_svd_words(Py_ssize_t rows, Py_ssize_t k, Py_ssize_t cols) noexcept nogil:
    """Elements that `own_svd` works with; `cols`: vectors of the longer side, if any."""
    cdef Py_ssize_t ld = stepped(rows), most = 4 * k
    if cols:
        most = rows * cols + 3 * k * k + max(3 * k * k + 4 * k, ad_back_words(rows, cols) + ad_back_words(k, k))
    return ld * k + 4 * (ld + k) + 3 * k + most


cdef int own_svd(Job *job, char **p, real *a) noexcept nogil:
    """The steps of xGESDD for a real matrix whose elements are of ordinary size, the last two side by side.

    Of a wide matrix the transpose comes in `a`: `left` are vectors of the longer side, `right` of the shorter one.
    """
    cdef bint wide = job.m < job.n
    cdef int rows = max(job.m, job.n), k = min(job.m, job.n), cols = job.flag2 if wide else job.flag, info
    cdef Py_ssize_t ld = stepped(rows), i, j
    cdef real *passes = a + ld * k
    cdef real *tauq = passes + 4 * (ld + k)
    cdef real *taup = tauq + k
    cdef real *e = taup + k
    cdef real *left = e + k
    cdef real *right = left + rows * <Py_ssize_t> cols
    cdef real *v = right + k * <Py_ssize_t> k
    cdef real *vt = v + k * <Py_ssize_t> k
    cdef real *rest = vt + k * <Py_ssize_t> k
    cdef real *s = <real*> (p[2] if cols else p[1])
    cdef Sides x
    for j in range(k - 1, -1, -1):
        memmove(a + j * ld, a + j * rows, rows * sizeof(real))
        memset(a + j * ld + rows, 0, (ld - rows) * sizeof(real))
    if real is double:
        eigen.bidiagonal_f64(rows, k, ld, a, s, e, tauq, taup, v if cols else NULL, k, passes)
    else:
        eigen.bidiagonal_f32(rows, k, ld, a, s, e, tauq, taup, v if cols else NULL, k, passes)
    if not cols:
        return bdsdc(c'L' if wide else c'U', c'N', k, s, e, left, 1, left, 1, left, <int*> NULL)
    memset(left, 0, rows * <Py_ssize_t> cols * sizeof(real))
    info = bdsdc(c'L' if wide else c'U', c'I', k, s, e, right if wide else left, k if wide else rows, vt, k, rest,
                 <int*> (rest + 3 * k * <Py_ssize_t> k + 4 * k))
    if info != 0:
        return info
    for j in range(k, cols):
        left[j * (rows + 1)] = 1
    if wide:
        for j in range(k):
            for i in range(k):
                left[j * rows + i] = vt[i * k + j]
    else:
        pack(right, <char*> vt, sizeof(real), k * sizeof(real), k, k)
    x.single = real is float
    x.rows[0], x.cols[0], x.count[0], x.lda[0], x.a[0], x.tau[0], x.z[0] = rows, cols, k, ld, a, tauq, left
    x.rows[1], x.cols[1], x.count[1], x.lda[1], x.a[1], x.tau[1], x.z[1] = k, k, k - 1, k, v, taup, right
    x.work[0], x.work[1] = rest, rest + ad_back_words(rows, cols)
    parallel_for(side_chunk, &x, 2, threads_for(0.1 * k * k * (rows + cols)))
    if wide:
        pack(<real*> p[1], <char*> right, sizeof(real), k * sizeof(real), k, k)
        memcpy(p[3], left, rows * <Py_ssize_t> cols * sizeof(real))
    else:
        pack(<real*> p[1], <char*> left, sizeof(real), rows * sizeof(real), rows, cols)
        memcpy(p[3], right, k * <Py_ssize_t> k * sizeof(real))
    return 0


cdef inline bint ordinary(real *a, Py_ssize_t n, double least) noexcept nogil:
    """Whether the largest element is one that xGESDD would not scale."""
    cdef double most = 0
    cdef Py_ssize_t i
    for i in range(n):
        most = max(most, fabs(a[i]))
    return least <= most <= 1 / least


cdef int svd_body(Job *job, char **p, scalar *work) noexcept nogil:
    # work: A, U, V^H by columns; LAPACK's three workspaces.
    cdef Py_ssize_t m = job.m, n = job.n, nu = job.flag, nv = job.flag2
    cdef scalar *u = work + m * n
    cdef scalar *vt = u + m * nu
    cdef scalar *extra = vt + nv * n
    cdef char *rwork = (<char*> extra) + up(job.lwork * <Py_ssize_t> sizeof(scalar))
    cdef int *iwork = <int*> (rwork + up(job.lrwork * <Py_ssize_t> sizeof(double)))
    cdef char *s = p[2] if nu else p[1]
    cdef int info
    if scalar is float or scalar is double:
        if own_shape(m, n):
            if m < n:
                pack(work, p[0], job.arg[0].rs, job.arg[0].cs, m, n)
            else:
                pack(work, p[0], job.arg[0].cs, job.arg[0].rs, n, m)
            if not finite(work, m * n):
                return NOT_FINITE
            # xGESDD's bounds: the root of the smallest normal number over the precision, and its inverse.
            if ordinary(work, m * n, 1e-12 if scalar is float else 1e-138) and own_svd(job, p, work) == 0:
                return 0
    pack(work, p[0], job.arg[0].cs, job.arg[0].rs, n, m)
    if not finite(work, m * n):
        return NOT_FINITE
    info = gesdd(job.mode, job.m, job.n, work, job.m, s, u, job.m, vt, max(job.flag2, 1), extra, job.lwork, rwork,
                 iwork)
    if info > 0:
        # Divide and conquer gave up (rare); QR iteration is slower and needs no more workspace.
        pack(work, p[0], job.arg[0].cs, job.arg[0].rs, n, m)
        info = gesvd(job.mode, job.m, job.n, work, job.m, s, u, job.m, vt, max(job.flag2, 1), extra, job.lwork, rwork)
    if info == 0 and nu:
        pack(<scalar*> p[1], <char*> u, sizeof(scalar), m * sizeof(scalar), m, nu)
        pack(<scalar*> p[3], <char*> vt, sizeof(scalar), nv * sizeof(scalar), nv, n)
    return info


cdef inline bint own_shape(Py_ssize_t m, Py_ssize_t n) noexcept nogil:
    """Whether xGESDD would reduce the matrix as it is, without a QR decomposition of a long one first."""
    return min(m, n) >= OWN and max(m, n) < 11 * min(m, n) // 6


cdef int svd_words(Job *job, str op, scalar *word) except -1:
    cdef int m = job.m, n = job.n, nu = job.flag, nv = job.flag2, iwork
    cdef double k = min(m, n), mx = max(m, n)
    gesdd(job.mode, m, n, word, m, word, word, m, word, max(nv, 1), word, -1, word, &iwork)
    job.lwork = lwork_of(op, real_part(word))
    if scalar is c64 or scalar is c128:
        job.lrwork = lwork_of(op, 7 * k if nu == 0 else k * max(5 * k + 7, 2 * mx + 2 * k + 1))
    else:
        job.lrwork = 0
    job.bytes = ((<Py_ssize_t> m * n + <Py_ssize_t> m * nu + <Py_ssize_t> nv * n) * <Py_ssize_t> sizeof(scalar)
                 + up(job.lwork * <Py_ssize_t> sizeof(scalar)) + up(job.lrwork * <Py_ssize_t> sizeof(double))
                 + 8 * <Py_ssize_t> min(m, n) * <Py_ssize_t> sizeof(int) + 64)
    if (scalar is float or scalar is double) and own_shape(m, n):
        job.bytes = max(job.bytes, own_svd_words(max(m, n), min(m, n), max(nu, nv)) * <Py_ssize_t> sizeof(scalar)
                        + 8 * <Py_ssize_t> min(m, n) * <Py_ssize_t> sizeof(int) + 64)
    return 0


cdef object singular(str op, object a, bint vectors, bint full_matrices):
    cdef Job job
    cdef cnp.ndarray x = door(op, a, "a", 2), u = None, s, vh = None
    cdef int t = kind(op, x), m = dim(op, x, -2), n = dim(op, x, -1), k = min(m, n)
    cdef double complex word = 0
    cdef Py_ssize_t where
    x = behaved(x, t)
    start(&job, op, x, 2)
    job.m, job.n = m, n
    job.flag = 0 if not vectors else m if full_matrices else k
    job.flag2 = 0 if not vectors else n if full_matrices else k
    job.mode = c'N' if not vectors else c'A' if full_matrices else c'S'
    if vectors:
        u = output(&job, t, 2, m, job.flag)
    s = output(&job, real_of(t), 1, k)
    if vectors:
        vh = output(&job, t, 2, job.flag2, n)
    if k == 0:
        if vectors:
            u[...] = np.eye(m, job.flag)
            vh[...] = np.eye(job.flag2, n)
    else:
        if t == cnp.NPY_FLOAT:
            svd_words(&job, op, <float*> &word)
        elif t == cnp.NPY_DOUBLE:
            svd_words(&job, op, <double*> &word)
        elif t == cnp.NPY_CFLOAT:
            svd_words(&job, op, <c64*> &word)
        else:
            svd_words(&job, op, <c128*> &word)
        job.ns = cost(t, 2000, m * <double> n * (k + 10) * (20 if vectors else 6))
        where = run(&job, t, <void*> svd_body[float], <void*> svd_body[double], <void*> svd_body[c64],
                    <void*> svd_body[c128])
        if where >= 0:
            did_not_converge(op, &job, where)
    return (u, s, vh) if vectors else s


def svd(a, bint full_matrices=True):
    """Singular value decomposition of matrices (..., m, n): A = U diag(s) V^H.

    Parameters
    ----------
    a : array_like
    full_matrices : bool
        True: U (m, m), V^H (n, n).  False: U (m, k), V^H (k, n) with k = min(m, n).

    Returns
    -------
    u, s, vh : ndarray
        s is (..., k), real, descending.

    Raises
    ------
    numpy.linalg.LinAlgError
        nan or inf, or no convergence; names the matrix of the batch.
    """
    return singular("svd", a, True, full_matrices)


def svdvals(a):
    """Singular values of matrices (..., m, n); as `svd` without the vectors.

    Parameters
    ----------
    a : array_like

    Returns
    -------
    ndarray
        (..., min(m, n)), real, descending.
    """
    return singular("svdvals", a, False, False)
