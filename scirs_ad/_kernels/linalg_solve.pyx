"""Linear systems over leading axes: solve, solve_triangular, cho_solve, lu_solve, lstsq.

Right-hand sides stay where NumPy has them, rows together: column-major BLAS sees X^T, so A X = B is solved as
X^T A^T = B^T, from the right.  Neither the matrix nor the right-hand side is ever transposed in memory.
"""
from libc.math cimport NAN

cimport numpy as cnp

from scirs_ad._kernels.linalg_batch cimport (
    Job, behaved, cost, dim, door, fail, finite, holds_nan, itemsize_of, kind, leading, lwork_of, output, pack,
    real_of, run, small, square, start,
)
from scirs_ad._kernels.linalg_lapack cimport c64, c128, gelsd, scalar, trsv
from scirs_ad._kernels.linalg_panels cimport getrf, trsm
from scirs_ad._kernels.tiles cimport (
    AD_TILE_MOST, AD_TILE_lu_solve, AD_TILE_solve, AD_TILE_solve_pull, AD_TILE_triangular,
)

cnp.import_array()


cdef inline void conjugate(scalar *x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if scalar is c64 or scalar is c128:
        for i in range(n):
            x[i] = x[i].conjugate()


cdef inline void from_right(char uplo, char ta, char diag, int n, int k, scalar *a, int lda, scalar *x) noexcept nogil:
    """X^T := X^T op(M)^-1 for X (n, k) by rows and M triangular by columns."""
    if k == 1:
        # One column: trsv on op(M)^T; trsm would pack the whole triangle first.
        if ta == c'C':
            conjugate(x, n)
            trsv(uplo, c'N', diag, n, a, lda, x)
            conjugate(x, n)
        else:
            trsv(uplo, c'T' if ta == c'N' else c'N', diag, n, a, lda, x)
    else:
        trsm(c'R', uplo, ta, diag, k, n, a, lda, x, k)


cdef inline void triangular(char flag, bint lower, int trans, char diag, int n, int k, scalar *a, int lda,
                            scalar *x) noexcept nogil:
    """X := op(A)^-1 X for X (n, k) by rows; A triangular by rows (flag 'N') or columns ('T'); op by `trans`."""
    if flag == c'N':
        # BLAS sees M = A^T, so X^T op(A)^T with A^T = M, A = M^T, conj(A) = M^H.
        from_right(c'U' if lower else c'L', c'N' if trans == 0 else c'T' if trans == 1 else c'C', diag, n, k, a, lda, x)
    elif trans == 2:
        # conj(A) alone is not one of BLAS's three: conjugate the sides instead.
        conjugate(x, <Py_ssize_t> n * k)
        from_right(c'L' if lower else c'U', c'N', diag, n, k, a, lda, x)
        conjugate(x, <Py_ssize_t> n * k)
    else:
        from_right(c'L' if lower else c'U', c'T' if trans == 0 else c'N', diag, n, k, a, lda, x)


cdef inline int zero_diagonal(char *a, Py_ssize_t step, int n, scalar *like) noexcept nogil:
    """1 + the place of the first zero on the diagonal, 0 if there is none."""
    cdef Py_ssize_t i
    for i in range(n):
        if (<scalar*> (a + i * step))[0] == 0:
            return <int> i + 1
    return 0


cdef inline scalar *in_place(Job *job, char *a, scalar *work, int *lda, char *flag) noexcept nogil:
    """The first operand where it lies if BLAS can read it, else its copy by rows in `work`."""
    lda[0] = leading(job.arg[0].rs, job.arg[0].cs, job.n, job.n, sizeof(scalar), flag)
    if lda[0] == 0:
        pack(work, a, job.arg[0].rs, job.arg[0].cs, job.n, job.n)
        lda[0] = job.n
        flag[0] = c'N'
        return work
    return <scalar*> a


cdef inline void swap_rows(scalar *x, Py_ssize_t i, Py_ssize_t j, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t c
    cdef scalar s
    if i != j:
        for c in range(k):
            s = x[i * k + c]
            x[i * k + c] = x[j * k + c]
            x[j * k + c] = s


cdef int rhs(str op, Job *job, cnp.ndarray a, cnp.ndarray b, int n) except -1:
    job.n = n
    job.k = dim(op, b, -1)
    if dim(op, b, -2) != n:
        raise ValueError(f"{op}: b has shape {(<object> b).shape}, wanted (..., {n}, k) for a of shape "
                         f"{(<object> a).shape}")
    return 0


# ---------------------------------------------------------------------------------------------- solve

cdef int solve_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef Py_ssize_t n = job.n, i
    cdef scalar *x = <scalar*> p[2]
    cdef int *piv = <int*> (work + n * n)
    cdef int info
    pack(work, p[0], job.arg[0].rs, job.arg[0].cs, n, n)
    pack(x, p[1], job.arg[1].rs, job.arg[1].cs, n, job.k)
    # A^T = P L U, so X^T = B^T U^-1 L^-1 P^-1.
    info = getrf(job.n, job.n, work, job.n, piv)
    if info != 0:
        if not holds_nan(work, &job.arg[0], p[0], n):
            return info
        for i in range(n * job.k):
            x[i] = NAN
        return 0
    from_right(c'U', c'N', c'N', job.n, job.k, work, job.n, x)
    from_right(c'L', c'N', c'U', job.n, job.k, work, job.n, x)
    for i in range(n - 1, -1, -1):
        swap_rows(x, i, piv[i] - 1, job.k)
    return 0


def solve(a, b):
    """Solve A X = B for square matrices (..., n, n) and right-hand sides (..., n, k).

    Parameters
    ----------
    a, b : array_like
        Leading axes broadcast.

    Returns
    -------
    ndarray
        (..., n, k)

    Raises
    ------
    numpy.linalg.LinAlgError
        A pivot is exactly zero; names the matrix of the batch.  nan goes through.
    """
    cdef Job job
    cdef cnp.ndarray x = door("solve", a, "a", 2), y = door("solve", b, "b", 2), out
    cdef int t = kind("solve", x, y), n = square("solve", x, "a")
    cdef Py_ssize_t where
    rhs("solve", &job, x, y, n)
    x = behaved(x, t)
    y = behaved(y, t)
    start(&job, "solve", x, 2, y, 2)
    out = output(&job, t, 2, n, job.k)
    job.bytes = <Py_ssize_t> n * n * itemsize_of(t) + n * sizeof(int)
    job.panels = True
    job.ns = cost(t, 150, 2.0 * n * n * ((n + 10) / 3.0 + job.k))
    if n <= AD_TILE_MOST and job.k <= AD_TILE_MOST:
        small(&job, AD_TILE_solve, t)
    if n and job.k:
        where = run(&job, t, <void*> solve_body[float], <void*> solve_body[double], <void*> solve_body[c64],
                    <void*> solve_body[c128])
        if where >= 0:
            fail("solve", &job, where, f"is singular: pivot {job.info} of {n} is zero")
    return out


cdef int solve_pull_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef Py_ssize_t n = job.n, k = job.k, i, j, r, rs = job.arg[4].rs, cs = job.arg[4].cs
    cdef scalar *g = <scalar*> p[3]
    cdef int *piv = <int*> (work + n * n)
    cdef scalar s, y
    cdef int info
    pack(work, p[0], job.arg[0].cs, job.arg[0].rs, n, n)
    conjugate(work, n * n)
    pack(g, p[2], job.arg[2].rs, job.arg[2].cs, n, k)
    info = getrf(job.n, job.n, work, job.n, piv)
    if info != 0:
        if not holds_nan(work, &job.arg[0], p[0], n):
            return info
        for i in range(n * k):
            g[i] = NAN
    else:
        from_right(c'U', c'N', c'N', job.n, job.k, work, job.n, g)
        from_right(c'L', c'N', c'U', job.n, job.k, work, job.n, g)
        for i in range(n - 1, -1, -1):
            swap_rows(g, i, piv[i] - 1, k)
    for i in range(n):
        for j in range(n):
            s = 0
            for r in range(k):
                y = (<scalar*> (p[1] + j * job.arg[1].rs + r * job.arg[1].cs))[0]
                if scalar is c64 or scalar is c128:
                    y = y.conjugate()
                s = s - g[i * k + r] * y
            (<scalar*> (p[4] + i * rs + j * cs))[0] = s
    return 0


def solve_pull(a, x, ct, bint trans=False):
    """Cotangents of a solution: for small matrices, whose factors are not worth keeping.

    Parameters
    ----------
    a : array_like
        (..., n, n)
    x, ct : array_like
        (..., n, k): the solution of A X = B (A^T X = B for `trans`), and its cotangent.

    Returns
    -------
    g : ndarray
        (..., n, k): A^-H ct, the cotangent of B.
    to_a : ndarray
        (..., n, n): -G X^H, the cotangent of A (its transpose for `trans`).

    Raises
    ------
    numpy.linalg.LinAlgError
        A pivot is exactly zero; names the matrix of the batch.  nan goes through.
    """
    cdef Job job
    cdef str op = "solve"
    cdef cnp.ndarray q = door(op, a, "a", 2), y = door(op, x, "x", 2), z = door(op, ct, "ct", 2), g, to_a
    cdef int t = kind(op, y, z), n = square(op, q, "a"), i
    cdef Py_ssize_t where
    rhs(op, &job, q, y, n)
    rhs(op, &job, q, z, n)
    t = kind(op, q, behaved(y, t))
    q, y, z = behaved(q, t), behaved(y, t), behaved(z, t)
    start(&job, op, q, 2, y, 2, z, 2)
    g = output(&job, t, 2, n, job.k)
    to_a = output(&job, t, 2, n, n)
    if trans:
        for i in (0, 4):
            job.arg[i].rs, job.arg[i].cs = job.arg[i].cs, job.arg[i].rs
    job.bytes = <Py_ssize_t> n * n * itemsize_of(t) + n * sizeof(int)
    job.panels = True
    job.ns = cost(t, 150, 2.0 * n * n * ((n + 10) / 3.0 + 2 * job.k))
    if n <= AD_TILE_MOST and job.k <= AD_TILE_MOST:
        small(&job, AD_TILE_solve_pull, t)
    if n and job.k:
        where = run(&job, t, <void*> solve_pull_body[float], <void*> solve_pull_body[double],
                    <void*> solve_pull_body[c64], <void*> solve_pull_body[c128])
        if where >= 0:
            fail(op, &job, where, f"is singular: pivot {job.info} of {n} is zero")
    else:
        to_a[...] = 0
    return g, to_a


# ---------------------------------------------------------------------------------------------- with a factor

cdef int triangular_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef scalar *x = <scalar*> p[2]
    cdef scalar *a
    cdef int lda, info = 0
    cdef char flag
    pack(x, p[1], job.arg[1].rs, job.arg[1].cs, job.n, job.k)
    if job.diag == c'N':
        info = zero_diagonal(p[0], job.arg[0].rs + job.arg[0].cs, job.n, x)
    if info == 0:
        a = in_place(job, p[0], work, &lda, &flag)
        triangular(flag, job.flag, job.flag2, job.diag, job.n, job.k, a, lda, x)
    return info


cdef int cho_solve_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef scalar *x = <scalar*> p[2]
    cdef scalar *a
    cdef int lda, info
    cdef char flag
    pack(x, p[1], job.arg[1].rs, job.arg[1].cs, job.n, job.k)
    info = zero_diagonal(p[0], job.arg[0].rs + job.arg[0].cs, job.n, x)
    if info == 0:
        a = in_place(job, p[0], work, &lda, &flag)
        # L L^H, or U^H U.
        triangular(flag, job.flag, 0 if job.flag else 2, c'N', job.n, job.k, a, lda, x)
        triangular(flag, job.flag, 2 if job.flag else 0, c'N', job.n, job.k, a, lda, x)
    return info


cdef int lu_solve_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef scalar *x = <scalar*> p[3]
    cdef scalar *a
    cdef int lda, info, i, j
    cdef char flag
    pack(x, p[2], job.arg[2].rs, job.arg[2].cs, job.n, job.k)
    for i in range(job.n):
        j = (<int*> (p[1] + i * job.arg[1].rs))[0]
        if j < 0 or j >= job.n:
            return -(i + 1)
    info = zero_diagonal(p[0], job.arg[0].rs + job.arg[0].cs, job.n, x)
    if info != 0:
        return info
    a = in_place(job, p[0], work, &lda, &flag)
    if job.flag2 == 0:
        for i in range(job.n):
            swap_rows(x, i, (<int*> (p[1] + i * job.arg[1].rs))[0], job.k)
        triangular(flag, True, 0, c'U', job.n, job.k, a, lda, x)
        triangular(flag, False, 0, c'N', job.n, job.k, a, lda, x)
    else:
        triangular(flag, False, job.flag2, c'N', job.n, job.k, a, lda, x)
        triangular(flag, True, job.flag2, c'U', job.n, job.k, a, lda, x)
        for i in range(job.n - 1, -1, -1):
            swap_rows(x, i, (<int*> (p[1] + i * job.arg[1].rs))[0], job.k)
    return 0


cdef int start_factor(Job *job, int t, int triangles) except -1:
    cdef char flag
    cdef Py_ssize_t n = job.n
    if leading(job.arg[0].rs, job.arg[0].cs, job.n, job.n, itemsize_of(t), &flag) == 0:
        job.bytes = n * n * itemsize_of(t)
    job.panels = True
    job.ns = cost(t, 100, triangles * <double> n * (n + 10) * job.k)
    return 0


cdef int operation(str op, int trans) except -1:
    if trans < 0 or trans > 2:
        raise ValueError(f"{op}: trans is {trans}, wanted 0 (A), 1 (transpose) or 2 (conjugate transpose)")
    return trans


def solve_triangular(a, b, bint lower=False, int trans=0, bint unit_diagonal=False):
    """Solve op(A) X = B for triangular matrices (..., n, n) and right-hand sides (..., n, k).

    Parameters
    ----------
    a, b : array_like
        Leading axes broadcast.  The other triangle of `a` is not read.
    lower : bool
        Which triangle of `a` holds A.
    trans : {0, 1, 2}
        op(A) = A, A^T or A^H.
    unit_diagonal : bool
        Take the diagonal as 1 without reading it.

    Returns
    -------
    ndarray
        (..., n, k)

    Raises
    ------
    numpy.linalg.LinAlgError
        An exact zero on the diagonal; names the matrix of the batch.  nan goes through.
    """
    cdef Job job
    cdef str op = "solve_triangular"
    cdef cnp.ndarray x = door(op, a, "a", 2), y = door(op, b, "b", 2), out
    cdef int t = kind(op, x, y), n = square(op, x, "a")
    cdef Py_ssize_t where
    job.flag2 = operation(op, trans)
    job.flag = lower
    job.diag = c'U' if unit_diagonal else c'N'
    rhs(op, &job, x, y, n)
    x = behaved(x, t)
    y = behaved(y, t)
    start(&job, op, x, 2, y, 2)
    out = output(&job, t, 2, n, job.k)
    start_factor(&job, t, 1)
    if n <= AD_TILE_MOST and job.k <= AD_TILE_MOST:
        small(&job, AD_TILE_triangular, t)
        job.tile.flag, job.tile.lower = unit_diagonal, lower
        job.tile.conj = trans == 2
        if trans:
            job.tile.rs[0], job.tile.cs[0] = job.tile.cs[0], job.tile.rs[0]
            job.tile.lower = not lower
    if n and job.k:
        where = run(&job, t, <void*> triangular_body[float], <void*> triangular_body[double],
                    <void*> triangular_body[c64], <void*> triangular_body[c128])
        if where >= 0:
            fail(op, &job, where, f"is singular: a[{job.info - 1}, {job.info - 1}] is zero")
    return out


def cho_solve(c, b, bint lower=True):
    """Solve A X = B given the Cholesky factor of A.

    Parameters
    ----------
    c : array_like
        (..., n, n): L with A = L L^H if `lower`, else U with A = U^H U.  The other triangle is not read.
    b : array_like
        (..., n, k); leading axes broadcast.
    lower : bool

    Returns
    -------
    ndarray
        (..., n, k)

    Raises
    ------
    numpy.linalg.LinAlgError
        An exact zero on the diagonal; names the matrix of the batch.  nan goes through.
    """
    cdef Job job
    cdef str op = "cho_solve"
    cdef cnp.ndarray x = door(op, c, "c", 2), y = door(op, b, "b", 2), out
    cdef int t = kind(op, x, y), n = square(op, x, "c")
    cdef Py_ssize_t where
    job.flag = lower
    rhs(op, &job, x, y, n)
    x = behaved(x, t)
    y = behaved(y, t)
    start(&job, op, x, 2, y, 2)
    out = output(&job, t, 2, n, job.k)
    start_factor(&job, t, 2)
    if n <= AD_TILE_MOST and job.k <= AD_TILE_MOST:
        small(&job, AD_TILE_triangular, t)
        job.tile.flag, job.tile.lower = 2, lower
    if n and job.k:
        where = run(&job, t, <void*> cho_solve_body[float], <void*> cho_solve_body[double],
                    <void*> cho_solve_body[c64], <void*> cho_solve_body[c128])
        if where >= 0:
            fail(op, &job, where, f"is singular: c[{job.info - 1}, {job.info - 1}] is zero")
    return out


def lu_solve(lu, piv, b, int trans=0):
    """Solve op(A) X = B given the LU factorisation of A.

    Parameters
    ----------
    lu, piv : array_like
        (..., n, n) and (..., n), as from `lu_factor`.
    b : array_like
        (..., n, k); leading axes broadcast.
    trans : {0, 1, 2}
        op(A) = A, A^T or A^H.

    Returns
    -------
    ndarray
        (..., n, k)

    Raises
    ------
    numpy.linalg.LinAlgError
        An exact zero on the diagonal of U; names the matrix of the batch.  nan goes through.
    """
    cdef Job job
    cdef str op = "lu_solve"
    cdef cnp.ndarray x = door(op, lu, "lu", 2), q = door(op, piv, "piv", 1), y = door(op, b, "b", 2), out
    cdef int t = kind(op, x, y), n = square(op, x, "lu")
    cdef Py_ssize_t where
    job.flag2 = operation(op, trans)
    rhs(op, &job, x, y, n)
    if not cnp.PyTypeNum_ISINTEGER(cnp.PyArray_TYPE(q)):
        raise TypeError(f"{op}: piv has dtype {q.dtype}, wanted integers")
    if dim(op, q, -1) != n:
        raise ValueError(f"{op}: piv has shape {(<object> q).shape}, wanted (..., {n})")
    x = behaved(x, t)
    y = behaved(y, t)
    q = behaved(q, cnp.NPY_INT)
    start(&job, op, x, 2, q, 1, y, 2)
    out = output(&job, t, 2, n, job.k)
    start_factor(&job, t, 2)
    if n <= AD_TILE_MOST and job.k <= AD_TILE_MOST:
        small(&job, AD_TILE_lu_solve, t)
        job.tile.flag = trans
    if n and job.k:
        where = run(&job, t, <void*> lu_solve_body[float], <void*> lu_solve_body[double],
                    <void*> lu_solve_body[c64], <void*> lu_solve_body[c128])
        if where >= 0 and job.info < 0:
            raise ValueError(f"{op}: piv[..., {-job.info - 1}] is not a row index (0..{n - 1})")
        if where >= 0:
            fail(op, &job, where, f"is singular: U[{job.info - 1}, {job.info - 1}] is zero")
    return out


# ---------------------------------------------------------------------------------------------- least squares

cdef enum:
    NOT_FINITE = -1000


cdef int lstsq_body(Job *job, char **p, scalar *work) noexcept nogil:
    # work: A and B by columns; LAPACK's three workspaces.
    cdef Py_ssize_t m = job.m, n = job.n, k = job.k, ldb = max(m, n), i, j
    cdef scalar *b = work + m * n
    cdef scalar *extra = b + ldb * max(k, 1)
    cdef char *rwork = (<char*> extra) + ((job.lwork * <Py_ssize_t> sizeof(scalar) + 15) & ~(<Py_ssize_t> 15))
    cdef int *iwork = <int*> (rwork + job.lrwork * <Py_ssize_t> sizeof(double))
    cdef int info, rank = 0
    pack(work, p[0], job.arg[0].cs, job.arg[0].rs, n, m)
    if not finite(work, m * n):
        return NOT_FINITE
    b[0] = 0
    for j in range(k):
        for i in range(m):
            b[j * ldb + i] = (<scalar*> (p[1] + i * job.arg[1].rs + j * job.arg[1].cs))[0]
        for i in range(m, n):
            b[j * ldb + i] = 0
    if k == 0:
        for i in range(ldb):
            b[i] = 0
    info = gelsd(job.m, job.n, max(job.k, 1), work, job.m, b, <int> ldb, p[4], job.tol, &rank, extra, job.lwork, rwork,
                 iwork)
    if info == 0:
        pack(<scalar*> p[2], <char*> b, sizeof(scalar), ldb * sizeof(scalar), n, k)
        (<cnp.npy_intp*> p[3])[0] = rank
    return info


cdef int lstsq_words(Job *job, scalar *word) except -1:
    cdef int m = job.m, n = job.n, rank = 0, liwork = 0, k = max(job.k, 1), ldb = max(m, n)
    # LAPACK writes the sizes of all three workspaces into their first elements.
    cdef float single[2]
    cdef double double_[2]
    gelsd(m, n, k, word, m, word, ldb, word, -1.0, &rank, word, -1,
          <void*> single if scalar is c64 else <void*> double_, &liwork)
    if scalar is c64 or scalar is c128:
        job.lwork = lwork_of("lstsq", word[0].real)
        job.lrwork = lwork_of("lstsq", single[0] if scalar is c64 else double_[0])
    else:
        job.lwork = lwork_of("lstsq", word[0])
        job.lrwork = 0
    job.bytes = ((<Py_ssize_t> m * n + <Py_ssize_t> ldb * k + job.lwork) * <Py_ssize_t> sizeof(scalar)
                 + job.lrwork * <Py_ssize_t> sizeof(double) + liwork * <Py_ssize_t> sizeof(int) + 64)
    return 0


def lstsq(a, b, rcond=None):
    """Least-squares solutions of smallest norm for matrices (..., m, n) and right-hand sides (..., m, k).

    Parameters
    ----------
    a, b : array_like
        Leading axes broadcast.
    rcond : float, optional
        Singular values up to ``rcond`` times the largest count as 0.  Default: eps * max(m, n).

    Returns
    -------
    x : ndarray
        (..., n, k)
    rank : ndarray of intp
        The leading axes.
    s : ndarray
        (..., min(m, n)), real, descending.

    Raises
    ------
    numpy.linalg.LinAlgError
        nan or inf in `a`, or no convergence; names the matrix of the batch.  nan in `b` goes through.
    """
    cdef Job job
    cdef str op = "lstsq"
    cdef cnp.ndarray x = door(op, a, "a", 2), y = door(op, b, "b", 2), out, rank, s
    cdef int t = kind(op, x, y), m = dim(op, x, -2), n = dim(op, x, -1)
    cdef double complex word = 0
    cdef Py_ssize_t where
    rhs(op, &job, x, y, m)
    job.m, job.n = m, n
    job.tol = (1.1920929e-07 if real_of(t) == cnp.NPY_FLOAT else 2.220446049250313e-16) * max(m, n)
    if rcond is not None:
        job.tol = rcond
        if not job.tol >= 0:
            raise ValueError(f"{op}: rcond is {rcond}, wanted a number >= 0")
    x = behaved(x, t)
    y = behaved(y, t)
    start(&job, op, x, 2, y, 2)
    out = output(&job, t, 2, n, job.k)
    rank = output(&job, cnp.NPY_INTP, 0)
    s = output(&job, real_of(t), 1, min(m, n))
    if m == 0 or n == 0:
        out[...] = 0
        rank[...] = 0
        return out, rank, s
    if t == cnp.NPY_FLOAT:
        lstsq_words(&job, <float*> &word)
    elif t == cnp.NPY_DOUBLE:
        lstsq_words(&job, <double*> &word)
    elif t == cnp.NPY_CFLOAT:
        lstsq_words(&job, <c64*> &word)
    else:
        lstsq_words(&job, <c128*> &word)
    job.ns = cost(t, 2000, m * <double> n * (min(m, n) + 10 + job.k) * 8)
    where = run(&job, t, <void*> lstsq_body[float], <void*> lstsq_body[double], <void*> lstsq_body[c64],
                <void*> lstsq_body[c128])
    if where >= 0:
        fail(op, &job, where, "has nan or inf" if job.info == NOT_FINITE else "did not converge")
    return out, rank, s
