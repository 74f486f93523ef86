"""Linear systems over leading axes: solve, solve_triangular, cho_solve, lu_solve, lstsq.

Right-hand sides stay where NumPy has them, rows together: column-major BLAS sees X^T, so A X = B is solved as
X^T A^T = B^T, from the right.  Neither the matrix nor the right-hand side is ever transposed in memory.
"""
from libc.limits cimport INT_MAX

cimport numpy as cnp

from scirs_ad._kernels.linalg_batch cimport (
    Job, behaved, cost, dim, door, fail, itemsize_of, kind, lwork_of, output, pack, real_of, run, square, start,
)
from scirs_ad._kernels.linalg_lapack cimport c64, c128, gelsd, getrf, scalar, trsm, trsv

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
        return info
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
    job.ns = cost(t, 150, 2.0 * n * n * ((n + 10) / 3.0 + job.k))
    if n and job.k:
        where = run(&job, t, <void*> solve_body[float], <void*> solve_body[double], <void*> solve_body[c64],
                    <void*> solve_body[c128])
        if where >= 0:
            fail("solve", &job, where, f"is singular: pivot {job.info} is zero")
    return out
