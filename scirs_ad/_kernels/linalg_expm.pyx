"""The matrix exponential and the adjoint of its derivative, by Pade approximation, scaling and squaring.

A. H. Al-Mohy, N. J. Higham, "A new scaling and squaring algorithm for the matrix exponential", SIAM J. Matrix Anal.
Appl. 31 (2009): orders and scaling by the sizes of powers.  The adjoint goes back through the same steps, which is the
Frechet derivative at the adjoint matrix with the powers and factors of the exponential shared, as in their
"Computing the Frechet derivative of the matrix exponential", ibid. 30 (2009), section 4.

Matrices lie by rows; BLAS sees their transposes.
"""
from libc.math cimport NAN, ceil, exp, fabs, hypot, ldexp, log2, pow
from libc.string cimport memcpy, memset

cimport numpy as cnp
from scipy.linalg cimport cython_lapack as lapack

from scirs_ad._kernels.linalg_batch cimport (
    Job, add_argument, behaved, cost, door, kind, output, pack, run, small_product, square, start,
)
from scirs_ad._kernels.linalg_lapack cimport c64, c128, gemv, scalar
from scirs_ad._kernels.linalg_panels cimport gemm, gemm_add, getrf, trsm

import numpy as np

cnp.import_array()

cdef enum:
    KEPT = 4            # matrices before squarings that are kept for the adjoint; later ones are computed again
    PARTS = 5 + KEPT    # A^2, A^4, A^6, A^8 or W, the LU factors; those
    HOW = 2             # order of the approximation, number of squarings; row interchanges follow
    A2 = 0
    A4 = 1
    A6 = 2
    A8 = 3              # of order 9
    INNER = 3           # U = A W, of order 13
    FACTORS = 4
    SQUARES = 5

cdef double[5] BOUND = [1.495585217958292e-2, 2.539398330063230e-1, 9.504178996162932e-1, 2.097847961257068, 4.25]
cdef int[5] ORDER = [3, 5, 7, 9, 13]

# Coefficients of the numerators, ascending (N. J. Higham, "Functions of Matrices" (2008), section 10.3).
cdef double[14] B13 = [64764752532480000., 32382376266240000., 7771770303897600., 1187353796428800., 129060195264000.,
                       10559470521600., 670442572800., 33522128640., 1323241920., 40840800., 960960., 16380., 182., 1.]
cdef double[10] B9 = [17643225600., 8821612800., 2075673600., 302702400., 30270240., 2162160., 110880., 3960., 90., 1.]
cdef double[8] B7 = [17297280., 8648640., 1995840., 277200., 25200., 1512., 56., 1.]
cdef double[6] B5 = [30240., 15120., 3360., 420., 30., 1.]
cdef double[4] B3 = [120., 60., 12., 1.]


cdef inline const double *coefficients(int m) noexcept nogil:
    if m == 3:
        return &B3[0]
    if m == 5:
        return &B5[0]
    if m == 7:
        return &B7[0]
    return &B9[0] if m == 9 else &B13[0]


# ---------------------------------------------------------------------------------------------- matrices by rows

cdef enum:
    SMALL = 16          # own kernels: a call of BLAS takes 0.2 to 0.5 us, as long as a product of 10 by 10

cdef void adjoint_of(scalar *to, scalar *a, int n) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(n):
        for j in range(n):
            to[i * n + j] = a[j * n + i]
    conjugate(to, <Py_ssize_t> n * n)


cdef void small(scalar *c, char ta, scalar *a, char tb, scalar *b, int n) noexcept nogil:
    cdef scalar turned[SMALL * SMALL]
    cdef scalar other[SMALL * SMALL]
    if ta == c'C':
        adjoint_of(turned, a, n)
        a = turned
    if tb == c'C':
        adjoint_of(other, b, n)
        b = other
    if scalar is float:
        small_product(True, False)(n, n, n, a, n, 1, b, n, 1, c, n)
    elif scalar is double:
        small_product(False, False)(n, n, n, a, n, 1, b, n, 1, c, n)
    elif scalar is c64:
        small_product(True, True)(n, n, n, a, n, 1, b, n, 1, c, n)
    else:
        small_product(False, True)(n, n, n, a, n, 1, b, n, 1, c, n)


cdef inline void product(scalar *c, char ta, scalar *a, char tb, scalar *b, int n) noexcept nogil:
    """C = op(A) op(B)."""
    if n <= SMALL:
        small(c, ta, a, tb, b, n)
    else:
        gemm(tb, ta, n, n, n, b, n, a, n, c, n)


cdef inline void times(scalar *c, scalar *a, scalar *b, int n) noexcept nogil:
    """C = A B."""
    product(c, c'N', a, c'N', b, n)


cdef void plus(scalar *c, char ta, scalar *a, char tb, scalar *b, int n) noexcept nogil:
    """C += op(A) op(B)."""
    cdef scalar found[SMALL * SMALL]
    cdef int i
    if n <= SMALL:
        small(found, ta, a, tb, b, n)
        for i in range(n * n):
            c[i] = c[i] + found[i]
    else:
        gemm_add(tb, ta, n, n, n, 1, b, n, a, n, c, n)


cdef void divide(char uplo, char trans, char diag, int n, scalar *t, scalar *b) noexcept nogil:
    """B := B op(T)^-1 for a triangle T, both by columns."""
    cdef int step, j, k, i
    cdef scalar x
    cdef bint ascending = (uplo == c'U') == (trans == c'N')
    if n > SMALL:
        trsm(c'R', uplo, trans, diag, n, n, t, n, b, n)
        return
    for step in range(n):
        j = step if ascending else n - 1 - step
        for k in range(0 if ascending else j + 1, j if ascending else n):
            x = t[j * n + k] if trans == c'N' else t[k * n + j]
            if trans != c'N':
                conjugate(&x, 1)
            for i in range(n):
                b[j * n + i] = b[j * n + i] - b[k * n + i] * x
        if diag == c'N':
            x = t[j * n + j]
            if trans != c'N':
                conjugate(&x, 1)
            for i in range(n):
                b[j * n + i] = b[j * n + i] / x


cdef inline double size(scalar x) noexcept nogil:
    if scalar is c64 or scalar is c128:
        return hypot(x.real, x.imag)
    else:
        return fabs(x)


cdef double norm(scalar *a, Py_ssize_t n, double *sums) noexcept nogil:
    """The largest sum of a column (by rows, in memory)."""
    cdef Py_ssize_t i, j
    cdef double most = 0
    memset(sums, 0, n * sizeof(double))
    for i in range(n):
        for j in range(n):
            sums[j] += size(a[i * n + j])
    for j in range(n):
        if not sums[j] <= most:
            most = sums[j]
    return most


cdef inline void estimate(int n, scalar *v, scalar *x, int *sign, double *est, int *kase, int *save) noexcept nogil:
    cdef double found = est[0]
    cdef float single = <float> est[0]
    if scalar is float:
        lapack.slacn2(&n, v, x, sign, &single, kase, save)
        found = single
    elif scalar is double:
        lapack.dlacn2(&n, v, x, sign, &found, kase, save)
    elif scalar is c64:
        lapack.clacn2(&n, v, x, &single, kase, save)
        found = single
    else:
        lapack.zlacn2(&n, v, x, &found, kase, save)
    est[0] = found


cdef double norm_of_product(scalar *a, scalar *b, int n, scalar *work, int *sign) noexcept nogil:
    """The norm of A B, of large matrices an estimate (xLACN2: Higham's method) from products with vectors."""
    cdef scalar found[SMALL * SMALL]
    cdef double sums[SMALL]
    cdef scalar *x = work + n
    cdef scalar *y = x + n
    cdef double est = 0
    cdef int kase = 0
    cdef int save[3]
    if n <= SMALL:
        times(found, a, b, n)
        return norm(found, n, sums)
    while True:
        estimate(n, work, x, sign, &est, &kase, save)
        if kase == 0:
            return est
        if kase == 1:       # (A B) x: BLAS sees A^T
            gemv(c'T', n, n, b, n, x, 1, y)
            gemv(c'T', n, n, a, n, y, 1, x)
        else:               # (A B)^H x = conj((A B)^T conj(x)); the norm of what comes back is all that matters
            conjugate(x, n)
            gemv(c'N', n, n, a, n, x, 1, y)
            gemv(c'N', n, n, b, n, y, 1, x)
            conjugate(x, n)


cdef inline void conjugate(scalar *x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if scalar is c64 or scalar is c128:
        for i in range(n):
            x[i] = x[i].conjugate()


cdef inline void mix(scalar *to, Py_ssize_t nn, double a, scalar *x, double b, scalar *y, double c, scalar *z,
                     double d, scalar *w) noexcept nogil:
    """a x + b y + c z + d w, where NULL is left out from the right."""
    cdef Py_ssize_t i
    cdef scalar p = <scalar> a, q = <scalar> b, r = <scalar> c, s = <scalar> d
    if y is NULL:
        for i in range(nn):
            to[i] = p * x[i]
    elif z is NULL:
        for i in range(nn):
            to[i] = p * x[i] + q * y[i]
    elif w is NULL:
        for i in range(nn):
            to[i] = p * x[i] + q * y[i] + r * z[i]
    else:
        for i in range(nn):
            to[i] = p * x[i] + q * y[i] + r * z[i] + s * w[i]


cdef inline void add_diagonal(scalar *x, Py_ssize_t n, double d) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        x[i * (n + 1)] = x[i * (n + 1)] + <scalar> d


cdef inline void exchange_rows(scalar *x, Py_ssize_t n, int *piv, bint backward) noexcept nogil:
    cdef Py_ssize_t i, j, k, step
    cdef scalar s
    for step in range(n):
        i = n - 1 - step if backward else step
        j = piv[i] - 1
        if i != j:
            for k in range(n):
                s = x[i * n + k]
                x[i * n + k] = x[j * n + k]
                x[j * n + k] = s


# ---------------------------------------------------------------------------------------------- forward

cdef int choose(scalar *a, int n, scalar *parts, scalar *work, double *sums, int *how) noexcept nogil:
    """Powers of A in `parts`, the order and the number of squarings in `how`; nonzero: A is not finite."""
    cdef Py_ssize_t nn = <Py_ssize_t> n * n
    cdef double d4, d6, d8, d10, bound
    cdef int *sign = <int*> sums
    cdef scalar *a2 = parts
    cdef scalar *a4 = parts + nn
    cdef scalar *a6 = parts + 2 * nn
    how[1] = 0
    how[0] = 13
    bound = norm(a, n, sums)
    if bound - bound != 0:
        return 1
    times(a2, a, a, n)
    times(a4, a2, a2, n)
    d4 = pow(norm(a4, n, sums), 1 / 4.0)
    d6 = BOUND[4]       # an estimate is not needed where the order is higher anyway
    if d4 <= BOUND[1] and bound > BOUND[0]:
        d6 = pow(norm_of_product(a4, a2, n, work, sign), 1 / 6.0)
    if max(d4, d6) <= BOUND[0] or bound <= BOUND[0]:
        how[0] = 3
        return 0
    if max(d4, d6) <= BOUND[1] or bound <= BOUND[1]:
        how[0] = 5
        return 0
    times(a6, a4, a2, n)
    d6 = pow(norm(a6, n, sums), 1 / 6.0)
    d8 = pow(norm_of_product(a4, a4, n, work, sign), 1 / 8.0)
    bound = min(bound, max(d6, d8))
    if bound <= BOUND[2]:
        how[0] = 7
        return 0
    if bound <= BOUND[3]:
        how[0] = 9
        times(parts + A8 * nn, a4, a4, n)
        return 0
    d10 = pow(norm_of_product(a4, a6, n, work, sign), 1 / 10.0)
    bound = min(bound, max(d8, d10))
    if bound - bound != 0:
        return 1        # a power overflowed: so would the exponential
    if bound > BOUND[4]:
        how[1] = <int> ceil(log2(bound / BOUND[4]))
    return 0


cdef void scale(scalar *x, Py_ssize_t nn, int exponent) noexcept nogil:
    cdef Py_ssize_t i
    cdef scalar factor = <scalar> ldexp(1, exponent)
    for i in range(nn):
        x[i] = factor * x[i]


cdef int exponential(scalar *a, int n, scalar *out, scalar *parts, int *how, scalar *work) noexcept nogil:
    """exp(A) and what the adjoint needs; A is scaled in place. `work`: three matrices and a vector."""
    cdef Py_ssize_t nn = <Py_ssize_t> n * n, i
    cdef scalar *u = work
    cdef scalar *v = work + nn
    cdef scalar *factors = parts + FACTORS * nn
    cdef scalar *inner = parts + INNER * nn
    cdef scalar *a2 = parts
    cdef scalar *a4 = parts + nn
    cdef scalar *a6 = parts + 2 * nn
    cdef const double *b
    cdef int m, s, k
    if choose(a, n, parts, work, <double*> ((<size_t> (work + 3 * nn) + 7) & ~(<size_t> 7)), how) != 0:
        for i in range(nn):
            out[i] = NAN
        how[0] = 0
        return 0
    m, s = how[0], how[1]
    b = coefficients(m)
    if s:
        scale(a, nn, -s)
        scale(a2, nn, -2 * s)
        scale(a4, nn, -4 * s)
        scale(a6, nn, -6 * s)
    if m == 13:
        mix(u, nn, b[13], a6, b[11], a4, b[9], a2, 0, <scalar*> NULL)
        mix(inner, nn, b[7], a6, b[5], a4, b[3], a2, 0, <scalar*> NULL)
        plus(inner, c'N', a6, c'N', u, n)
        mix(u, nn, b[12], a6, b[10], a4, b[8], a2, 0, <scalar*> NULL)
        mix(v, nn, b[6], a6, b[4], a4, b[2], a2, 0, <scalar*> NULL)
        plus(v, c'N', a6, c'N', u, n)
        add_diagonal(inner, n, b[1])
        add_diagonal(v, n, b[0])
        times(u, a, inner, n)
    else:
        inner_of(m, b, n, parts, factors, 1)
        times(u, a, factors, n)
        inner_of(m, b, n, parts, v, 0)
    mix(factors, nn, 1, v, -1, u, 0, <scalar*> NULL, 0, <scalar*> NULL)
    mix(v, nn, 1, v, 1, u, 0, <scalar*> NULL, 0, <scalar*> NULL)
    # BLAS sees (V - U)^T = P L U, so R = P L^-T U^-T (V + U), and R^T = (V + U)^T U^-1 L^-1 P^T.
    if getrf(n, n, factors, n, how + HOW) != 0:
        for i in range(nn):
            out[i] = NAN
        how[0] = 0
        return 0
    divide(c'U', c'N', c'N', n, factors, v)
    divide(c'L', c'N', c'U', n, factors, v)
    exchange_rows(v, n, how + HOW, True)
    for k in range(s):
        if k < KEPT:
            memcpy(parts + (SQUARES + k) * nn, v, nn * sizeof(scalar))
        times(u, v, v, n)
        u, v = v, u
    memcpy(out, v, nn * sizeof(scalar))
    return 0


cdef void inner_of(int m, const double *b, int n, scalar *parts, scalar *to, int odd) noexcept nogil:
    """The even polynomial V, or the odd one without its factor A, of an order below 13."""
    cdef Py_ssize_t nn = <Py_ssize_t> n * n
    cdef scalar *a4 = parts + nn if m > 3 else NULL
    cdef scalar *a6 = parts + 2 * nn if m > 5 else NULL
    cdef scalar *a8 = parts + 3 * nn if m > 7 else NULL
    mix(to, nn, b[2 + odd], parts, b[4 + odd] if m > 3 else 0, a4, b[6 + odd] if m > 5 else 0, a6,
        b[8 + odd] if m > 7 else 0, a8)
    add_diagonal(to, n, b[odd])


# ---------------------------------------------------------------------------------------------- backward

cdef void backward(scalar *a, int n, scalar *e, scalar *parts, int *how, scalar *ct, scalar *out,
                   scalar *work) noexcept nogil:
    """L(A^H, ct) in `out`, given A (not scaled) and what `exponential` left; `ct` is written to. Work: 7 matrices."""
    cdef Py_ssize_t nn = <Py_ssize_t> n * n, i
    cdef int m = how[0], s = how[1], k, _
    cdef scalar *g = ct
    cdef scalar *t = work
    cdef scalar *u = work + nn          # cotangents: of U, then of W;
    cdef scalar *v = work + 2 * nn      # of V;
    cdef scalar *g2 = work + 3 * nn     # of the powers
    cdef scalar *g4 = work + 4 * nn
    cdef scalar *g6 = work + 5 * nn
    cdef scalar *w = work + 6 * nn
    cdef scalar *r
    cdef scalar *factors = parts + FACTORS * nn
    cdef scalar *inner = parts + INNER * nn
    cdef scalar *a2 = parts
    cdef scalar *a4 = parts + nn
    cdef scalar *a6 = parts + 2 * nn
    cdef const double *b = coefficients(m)
    if m == 0:
        for i in range(nn):
            out[i] = NAN
        return
    for k in range(s - 1, -1, -1):
        if k < KEPT:
            r = parts + (SQUARES + k) * nn
        else:
            r, t = w, u
            memcpy(r, parts + (SQUARES + KEPT - 1) * nn, nn * sizeof(scalar))
            for _ in range(KEPT - 1, k):
                times(t, r, r, n)
                r, t = t, r
        product(v, c'N', g, c'C', r, n)
        plus(v, c'C', r, c'N', g, n)
        g, v = v, g
    t = work
    r = parts + SQUARES * nn if s else e
    # G := (V - U)^-H G, where BLAS sees the transpose of the matrix: L U = P^T (V - U)^T.
    exchange_rows(g, n, how + HOW, False)
    divide(c'L', c'C', c'U', n, factors, g)
    divide(c'U', c'C', c'N', n, factors, g)
    product(t, c'N', g, c'C', r, n)
    mix(u, nn, 1, g, 1, t, 0, <scalar*> NULL, 0, <scalar*> NULL)
    mix(v, nn, 1, g, -1, t, 0, <scalar*> NULL, 0, <scalar*> NULL)
    g = t
    if m != 13:
        inner_of(m, b, n, parts, w, 1)
        inner = w
    product(out, c'N', u, c'C', inner, n)       # U = A W
    product(g, c'C', a, c'N', u, n)
    scale(g, nn, -s)
    if m == 13:
        # W = A6 (b13 A6 + b11 A4 + b9 A2) + b7 A6 + b5 A4 + b3 A2 + b1, and V likewise.
        mix(w, nn, b[13], a6, b[11], a4, b[9], a2, 0, <scalar*> NULL)
        product(g6, c'N', g, c'C', w, n)
        mix(w, nn, b[12], a6, b[10], a4, b[8], a2, 0, <scalar*> NULL)
        plus(g6, c'N', v, c'C', w, n)
        product(u, c'C', a6, c'N', g, n)
        product(w, c'C', a6, c'N', v, n)
        for i in range(nn):
            g6[i] = (g6[i] + <scalar> b[7] * g[i] + <scalar> b[6] * v[i] + <scalar> b[13] * u[i]
                     + <scalar> b[12] * w[i])
            g4[i] = <scalar> b[5] * g[i] + <scalar> b[4] * v[i] + <scalar> b[11] * u[i] + <scalar> b[10] * w[i]
            g2[i] = <scalar> b[3] * g[i] + <scalar> b[2] * v[i] + <scalar> b[9] * u[i] + <scalar> b[8] * w[i]
    else:
        mix(g2, nn, b[3], g, b[2], v, 0, <scalar*> NULL, 0, <scalar*> NULL)
        if m > 3:
            mix(g4, nn, b[5], g, b[4], v, 0, <scalar*> NULL, 0, <scalar*> NULL)
        if m > 5:
            mix(g6, nn, b[7], g, b[6], v, 0, <scalar*> NULL, 0, <scalar*> NULL)
        if m > 7:
            mix(w, nn, b[9], g, b[8], v, 0, <scalar*> NULL, 0, <scalar*> NULL)
            plus(g4, c'N', w, c'C', a4, n)
            plus(g4, c'C', a4, c'N', w, n)
    if m > 5:       # A6 = A4 A2
        plus(g4, c'N', g6, c'C', a2, n)
        plus(g2, c'C', a4, c'N', g6, n)
    if m > 3:
        plus(g2, c'N', g4, c'C', a2, n)
        plus(g2, c'C', a2, c'N', g4, n)
    scale(g2, nn, -s)
    plus(out, c'N', g2, c'C', a, n)
    plus(out, c'C', a, c'N', g2, n)
    scale(out, nn, -s)


# ---------------------------------------------------------------------------------------------- bodies

cdef inline scalar scalar_exp(scalar x) noexcept nogil:
    if scalar is c64 or scalar is c128:
        return <scalar> cexp(<c128> x)
    else:
        return <scalar> exp(<double> x)


cdef extern from "complex.h" nogil:
    c128 cexp(c128)


cdef int expm_body(Job *job, char **p, scalar *work) noexcept nogil:
    # work: A; three matrices and vectors; the parts and how, if they are not asked for.
    cdef Py_ssize_t nn = <Py_ssize_t> job.n * job.n
    cdef scalar *more = work + 4 * nn + 4 * job.n + 8
    cdef scalar *parts = <scalar*> p[2] if job.flag else more
    cdef int *how = <int*> p[3] if job.flag else <int*> (more + PARTS * nn)
    if job.flag:
        memset(parts, 0, PARTS * nn * sizeof(scalar))
    if job.n == 1:
        (<scalar*> p[1])[0] = scalar_exp((<scalar*> p[0])[0])
        how[0] = how[1] = how[2] = 0
        return 0
    pack(work, p[0], job.arg[0].rs, job.arg[0].cs, job.n, job.n)
    return exponential(work, job.n, <scalar*> p[1], parts, how, work + nn)


cdef int expm_pull_body(Job *job, char **p, scalar *work) noexcept nogil:
    cdef Py_ssize_t nn = <Py_ssize_t> job.n * job.n
    cdef scalar y
    if job.n == 1:
        y = (<scalar*> p[1])[0]
        conjugate(&y, 1)
        (<scalar*> p[5])[0] = y * (<scalar*> p[4])[0]
        return 0
    pack(work, p[0], job.arg[0].rs, job.arg[0].cs, job.n, job.n)
    pack(work + nn, p[4], job.arg[4].rs, job.arg[4].cs, job.n, job.n)
    backward(work, job.n, <scalar*> p[1], <scalar*> p[2], <int*> p[3], work + nn, <scalar*> p[5], work + 2 * nn)
    return 0


cdef int frechet_body(Job *job, char **p, scalar *work) noexcept nogil:
    # L(A, E) is the adjoint of L(A^H, .). work: A^H, scaled and not; E; its exponential; parts; how; 7 matrices.
    cdef Py_ssize_t nn = <Py_ssize_t> job.n * job.n
    cdef scalar *parts = work + 4 * nn
    cdef scalar *more = parts + PARTS * nn
    cdef int *how = <int*> (more + 7 * nn + 4 * job.n + 8)
    if job.n == 1:
        (<scalar*> p[2])[0] = scalar_exp((<scalar*> p[0])[0]) * (<scalar*> p[1])[0]
        return 0
    pack(work, p[0], job.arg[0].cs, job.arg[0].rs, job.n, job.n)
    conjugate(work, nn)
    memcpy(work + nn, work, nn * sizeof(scalar))
    pack(work + 2 * nn, p[1], job.arg[1].rs, job.arg[1].cs, job.n, job.n)
    exponential(work, job.n, work + 3 * nn, parts, how, more)
    backward(work + nn, job.n, work + 3 * nn, parts, how, work + 2 * nn, <scalar*> p[2], more)
    return 0


cdef tuple leading_axes(cnp.ndarray x, int core):
    return tuple([cnp.PyArray_DIMS(x)[i] for i in range(cnp.PyArray_NDIM(x) - core)])


cdef int prepare(Job *job, int t, int n, int matrices, int products) except -1:
    cdef int words = 8 if t == cnp.NPY_DOUBLE else 4 if t == cnp.NPY_FLOAT else 16 if t == cnp.NPY_CDOUBLE else 8
    job.n = n
    # The vectors hold sums in double precision and xLACN2's signs.
    job.bytes = (<Py_ssize_t> matrices * n * n + 8 * n + 32) * words + (n + HOW) * 8 + 64
    job.panels = True
    job.ns = cost(t, 2000, products * 2.0 * n * n * (n + 10))
    return 0


def expm(a, bint keep=False):
    """Exponentials of square matrices (..., n, n).

    Parameters
    ----------
    a : array_like
    keep : bool
        Return too what `expm_pull` needs.

    Returns
    -------
    e : ndarray
        (..., n, n); nan where `a` is not finite.
    parts : ndarray
        (..., 9, n, n), only with `keep`: powers of `a`, LU factors, and the first matrices that are squared.
    how : ndarray of int32
        (..., n + 2), only with `keep`: order of the approximation, number of squarings, row interchanges.
    """
    cdef Job job
    cdef cnp.ndarray x = door("expm", a, "a", 2), e, parts, how
    cdef int t = kind("expm", x), n = square("expm", x, "a")
    x = behaved(x, t)
    start(&job, "expm", x, 2)
    e = output(&job, t, 2, n, n)
    prepare(&job, t, n, 4 + PARTS, 8)
    job.flag = keep
    if keep:
        parts = output(&job, t, 2, PARTS * n, n)
        how = output(&job, cnp.NPY_INT, 1, n + HOW)
        if n == 0:
            how[...] = 0
    if n:
        run(&job, t, <void*> expm_body[float], <void*> expm_body[double], <void*> expm_body[c64],
            <void*> expm_body[c128])
    if keep:
        return e, (<object> parts).reshape(leading_axes(x, 2) + (PARTS, n, n)), how
    return e


def expm_pull(a, e, parts, how, ct):
    """The adjoint of the derivative of `expm`: L(a^H, ct).

    Parameters
    ----------
    a, ct : array_like
        (..., n, n); leading axes broadcast.
    e, parts, how : ndarray
        What ``expm(a, keep=True)`` returned.

    Returns
    -------
    ndarray
        (..., n, n)
    """
    cdef Job job
    cdef str op = "expm_pull"
    cdef cnp.ndarray x = door(op, a, "a", 2), y = door(op, ct, "ct", 2), r, p, h, out
    cdef int t = kind(op, x, y), n = square(op, x, "a")
    if square(op, y, "ct") != n:
        raise ValueError(f"{op}: a has shape {(<object> x).shape}, ct {(<object> y).shape}")
    lead = np.broadcast_shapes(leading_axes(x, 2), leading_axes(y, 2), leading_axes(e, 2),
                               leading_axes(parts, 3), leading_axes(how, 1))
    x = np.broadcast_to(behaved(x, t), lead + (n, n))
    y = np.broadcast_to(behaved(y, t), lead + (n, n))
    r = np.broadcast_to(np.ascontiguousarray(e, x.dtype), lead + (n, n))
    p = np.broadcast_to(np.ascontiguousarray(parts, x.dtype).reshape(leading_axes(parts, 3) + (PARTS * n * n,)),
                        lead + (PARTS * n * n,))
    h = np.broadcast_to(np.ascontiguousarray(how, np.int32), lead + (n + HOW,))
    start(&job, op, x, 2, r, 2, p, 1)
    add_argument(&job, h, 1)
    add_argument(&job, y, 2)
    out = output(&job, t, 2, n, n)
    prepare(&job, t, n, 9, 15)
    if n:
        run(&job, t, <void*> expm_pull_body[float], <void*> expm_pull_body[double], <void*> expm_pull_body[c64],
            <void*> expm_pull_body[c128])
    return out


def expm_frechet(a, e):
    """Frechet derivatives L(a, e) of the exponential at matrices (..., n, n).

    Parameters
    ----------
    a, e : array_like
        Leading axes broadcast.

    Returns
    -------
    ndarray
        (..., n, n)
    """
    cdef Job job
    cdef str op = "expm_frechet"
    cdef cnp.ndarray x = door(op, a, "a", 2), y = door(op, e, "e", 2), out
    cdef int t = kind(op, x, y), n = square(op, x, "a")
    if square(op, y, "e") != n:
        raise ValueError(f"{op}: a has shape {(<object> x).shape}, e {(<object> y).shape}")
    x = behaved(x, t)
    y = behaved(y, t)
    start(&job, op, x, 2, y, 2)
    out = output(&job, t, 2, n, n)
    prepare(&job, t, n, 11 + PARTS, 23)
    if n:
        run(&job, t, <void*> frechet_body[float], <void*> frechet_body[double], <void*> frechet_body[c64],
            <void*> frechet_body[c128])
    return out
