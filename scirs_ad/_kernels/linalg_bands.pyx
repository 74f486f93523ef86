"""The change of a banded Cholesky factor, and its adjoint, within the bands."""
cimport numpy as cnp

import numpy as np

cnp.import_array()

ctypedef fused scalar:
    float
    double
    float complex
    double complex


cdef inline scalar conj_of(scalar x) noexcept nogil:
    if scalar is float or scalar is double:
        return x
    else:
        return x.conjugate()


cdef inline double real_of(scalar x) noexcept nogil:
    if scalar is float or scalar is double:
        return x
    else:
        return x.real


cdef void forward(scalar *l, scalar *w, Py_ssize_t bands, Py_ssize_t n) noexcept nogil:
    """`w`, the change of the matrix, becomes that of its factor: the steps of the factorisation, differentiated."""
    cdef Py_ssize_t i, j, k, m
    cdef double first, moved
    cdef scalar d, c
    for j in range(n):
        m = min(bands, n - j)
        first = real_of(l[j])
        moved = real_of(w[j]) / (2 * first)
        w[j] = <scalar> moved
        for i in range(1, m):
            w[i * n + j] = <scalar> ((w[i * n + j] - l[i * n + j] * <scalar> moved) / <scalar> first)
        for i in range(m, bands):
            w[i * n + j] = 0
        for k in range(1, m):
            d, c = conj_of(w[k * n + j]), conj_of(l[k * n + j])
            for i in range(k, m):
                w[(i - k) * n + j + k] = w[(i - k) * n + j + k] - w[i * n + j] * c - l[i * n + j] * d


cdef void backward(scalar *l, scalar *w, Py_ssize_t bands, Py_ssize_t n) noexcept nogil:
    """`w`, the cotangent of the factor, becomes that of the matrix: the transposed steps, from the last."""
    cdef Py_ssize_t i, j, k, m
    cdef double first, moved
    cdef scalar y
    for j in range(n - 1, -1, -1):
        m = min(bands, n - j)
        for i in range(m, bands):
            w[i * n + j] = 0
        for k in range(1, m):
            for i in range(k, m):
                y = w[(i - k) * n + j + k]
                w[i * n + j] = w[i * n + j] - y * l[k * n + j]
                w[k * n + j] = w[k * n + j] - conj_of(y) * l[i * n + j]
        first = real_of(l[j])
        moved = real_of(w[j])
        for i in range(1, m):
            w[i * n + j] = <scalar> (w[i * n + j] / <scalar> first)
            moved -= real_of(conj_of(w[i * n + j]) * l[i * n + j])
        w[j] = <scalar> (moved / (2 * first))


cdef void each(scalar *l, scalar *w, Py_ssize_t count, Py_ssize_t bands, Py_ssize_t n, bint adjoint) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(count):
        if adjoint:
            backward(l + k * bands * n, w + k * bands * n, bands, n)
        else:
            forward(l + k * bands * n, w + k * bands * n, bands, n)


def cholesky_turn(factor, x, bint adjoint):
    """The change D of banded lower Cholesky factors L (..., k, n) for a change `x` of their matrices; or the adjoint.

    Parameters
    ----------
    factor, x : ndarray, shape (..., k, n)
        Band storage, ``ab[i - j, j] = a[i, j]``; broadcast over leading axes.
    adjoint : bool
        False: the solution of ``D L^H + L D^H = x`` within the bands. True: the cotangent of the matrix for that,
        `x`, of the factor.

    Returns
    -------
    ndarray, shape (..., k, n)
        The diagonal is real, and what lies outside of the matrix is zero.
    """
    kind = np.result_type(factor, x, np.float32)
    shape = np.broadcast_shapes(factor.shape, x.shape)
    cdef cnp.ndarray left = np.ascontiguousarray(np.broadcast_to(factor, shape), kind)
    cdef cnp.ndarray out = np.array(np.broadcast_to(x, shape), kind, order="C")
    cdef Py_ssize_t bands = out.shape[out.ndim - 2], n = out.shape[out.ndim - 1], count = out.size // max(bands * n, 1)
    cdef void *l = cnp.PyArray_DATA(left)
    cdef void *w = cnp.PyArray_DATA(out)
    cdef int code = cnp.PyArray_TYPE(out)
    with nogil:
        if code == cnp.NPY_DOUBLE:
            each(<double*> l, <double*> w, count, bands, n, adjoint)
        elif code == cnp.NPY_FLOAT:
            each(<float*> l, <float*> w, count, bands, n, adjoint)
        elif code == cnp.NPY_CDOUBLE:
            each(<double complex*> l, <double complex*> w, count, bands, n, adjoint)
        else:
            each(<float complex*> l, <float complex*> w, count, bands, n, adjoint)
    return out
