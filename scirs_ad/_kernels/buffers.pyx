"""Fresh arrays, the large ones in memory that has been used before.

A fresh 8 MB allocation costs 2048 page faults and the clearing of its pages, 1.5 to 2.5 ms on a virtual machine: more
than a pass of arithmetic over it. Large buffers are therefore kept when their array dies, up to a limit, and given
out again. An array over such a buffer has it as its base.

A small array costs 900 instructions to make and to free, ten numbers 40 to multiply. Small vectors that nobody else
can see are therefore handed over whole by those who drop them, and given out again.
"""
cimport numpy as cnp
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdlib cimport free

import os
import warnings

cnp.import_array()

cdef extern from *:
    """
    #include <stdlib.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif
    /* Page-aligned; in huge pages where the system offers them, which makes the first touch cheaper too. */
    static void *ad_buffer_new(size_t size)
    {
        void *data = NULL;
    #if defined(_WIN32)
        data = malloc(size);
    #else
        if (posix_memalign(&data, size >= (4u << 20) ? (2u << 20) : 4096, size) != 0)
            return NULL;
    #if defined(__linux__) && defined(MADV_HUGEPAGE)
        if (size >= (4u << 20))
            madvise(data, size, MADV_HUGEPAGE);
    #endif
    #endif
        return data;
    }

    enum { AD_POOL_LENGTH = 64, AD_POOL_DEPTH = 128 };
    static PyObject *ad_pool[AD_POOL_LENGTH + 1][AD_POOL_DEPTH];   /* by length; 0: no axes */
    static int ad_pool_count[AD_POOL_LENGTH + 1];
    static PyArray_Descr *ad_double = NULL;

    /* x has one reference, which is about to be dropped: keep it, if it is an own small float64 array. */
    static void ad_recycle(PyObject *x)
    {
        const int need = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED | NPY_ARRAY_WRITEABLE | NPY_ARRAY_OWNDATA;
        PyArrayObject_fields *a = (PyArrayObject_fields *)x;
        if (Py_REFCNT(x) != 1 || Py_TYPE(x) != &PyArray_Type || a->nd > 1 || a->descr != ad_double || a->base != NULL
                || a->weakreflist != NULL || (a->flags & need) != need)
            return;
        npy_intp n = 0;
        if (a->nd == 1) {
            n = a->dimensions[0];
            if (n < 1 || n > AD_POOL_LENGTH || a->strides[0] != sizeof(double))
                return;
        }
        if (ad_pool_count[n] < AD_POOL_DEPTH) {
            Py_INCREF(x);
            ad_pool[n][ad_pool_count[n]++] = x;
        }
    }

    /* A float64 array of no axis, or of one of at most AD_POOL_LENGTH elements; not initialised. */
    static PyObject *ad_small(int nd, npy_intp *dims)
    {
        npy_intp n = nd == 0 ? 0 : dims[0];
        if ((nd == 0 || n > 0) && ad_pool_count[n] > 0)
            return ad_pool[n][--ad_pool_count[n]];
        return PyArray_EMPTY(nd, dims, NPY_DOUBLE, 0);
    }

    static void ad_pool_init(void) { ad_double = PyArray_DescrFromType(NPY_DOUBLE); }

    static void ad_pool_clear(void)
    {
        for (int n = 0; n <= AD_POOL_LENGTH; n++)
            while (ad_pool_count[n] > 0)
                Py_DECREF(ad_pool[n][--ad_pool_count[n]]);
    }
    """
    void* ad_buffer_new(size_t size)
    void ad_recycle(PyObject* x) noexcept
    object ad_small(int nd, cnp.npy_intp* dims)
    void ad_pool_init()
    void ad_pool_clear()

cdef extern from "numpy/arrayobject.h":
    object PyArray_EMPTY(int nd, cnp.npy_intp* dims, int typenum, int fortran)
    object PyArray_New(PyTypeObject* subtype, int nd, cnp.npy_intp* dims, int typenum, cnp.npy_intp* strides,
                       void* data, int itemsize, int flags, object obj)
    int PyArray_SetBaseObject(cnp.ndarray arr, object base) except -1

cdef enum:
    SLOTS = 64                      # buffers kept at most
    LEAST = 262144                  # bytes; below, the C library's own caching is as good

cdef void* kept[SLOTS]
cdef size_t sizes[SLOTS]
cdef int n_kept = 0
cdef size_t total = 0
cdef size_t limit = 256 << 20


cdef class Buffer:
    """Memory of an array; goes back to the cache when the last array over it dies."""

    cdef void* data
    cdef size_t size

    def __dealloc__(self):
        global n_kept, total
        if self.data == NULL:
            return
        if n_kept < SLOTS and total + self.size <= limit:
            kept[n_kept] = self.data
            sizes[n_kept] = self.size
            n_kept += 1
            total += self.size
        else:
            free(self.data)


cdef object empty(int ndim, cnp.npy_intp* dims, int typenum, bint fortran):
    """A new array of float64 or float32, not initialised."""
    global n_kept, total
    cdef size_t size = 8 if typenum == cnp.NPY_DOUBLE else 4
    cdef int d, i, best = -1
    cdef Buffer buffer
    for d in range(ndim):
        size *= <size_t> dims[d]
    if size < LEAST:
        return PyArray_EMPTY(ndim, dims, typenum, fortran)
    buffer = Buffer.__new__(Buffer)
    # The smallest that fits and is not much too large; of equal ones the last freed: it may still be in a cache.
    for i in range(n_kept):
        if sizes[i] >= size and sizes[i] - size <= size // 4 and (best < 0 or sizes[i] <= sizes[best]):
            best = i
    if best >= 0:
        buffer.data, buffer.size = kept[best], sizes[best]
        total -= sizes[best]
        n_kept -= 1
        for i in range(best, n_kept):
            kept[i], sizes[i] = kept[i + 1], sizes[i + 1]
    else:
        buffer.data, buffer.size = ad_buffer_new(size), size
        if buffer.data == NULL:
            clear_cache()
            buffer.data = ad_buffer_new(size)
            if buffer.data == NULL:
                raise MemoryError(f"cannot allocate an array of {size} bytes")
    array = PyArray_New(<PyTypeObject*> cnp.ndarray, ndim, dims, typenum, NULL, buffer.data, 0,
                        cnp.NPY_ARRAY_FARRAY if fortran else cnp.NPY_ARRAY_CARRAY, None)
    Py_INCREF(buffer)               # PyArray_SetBaseObject takes a reference over
    PyArray_SetBaseObject(<cnp.ndarray> array, buffer)
    return array


cdef object small(int ndim, cnp.npy_intp* dims):
    """A new float64 array without axis, or with one of at most 64 elements; not initialised."""
    return ad_small(ndim, dims)


cdef void recycle(PyObject* x) noexcept:
    """Keep `x`, if it is an array that `small` could give out and the caller's reference to it is the only one.

    The caller must drop that reference next.
    """
    ad_recycle(x)


def cached_bytes():
    """Bytes of freed arrays that are kept for the next ones."""
    return total


def set_cache_limit(nbytes):
    """Keep at most `nbytes` bytes of freed arrays; returns the limit before."""
    global limit
    if isinstance(nbytes, bool) or not hasattr(nbytes, "__index__") or nbytes < 0:
        raise ValueError(f"set_cache_limit: nbytes must be an integer of at least 0, not {nbytes!r}")
    before = limit
    limit = nbytes
    if total > limit:
        clear_cache()
    return before


def clear_cache():
    """Give all kept memory back to the system."""
    global n_kept, total
    cdef int i
    for i in range(n_kept):
        free(kept[i])
    n_kept = 0
    total = 0
    ad_pool_clear()


ad_pool_init()
text = os.environ.get("SCIRS_AD_CACHE_BYTES", "").strip()
if text.isdecimal():
    limit = int(text)
elif text:
    warnings.warn(f"scirs_ad: SCIRS_AD_CACHE_BYTES={text!r} is not a number of bytes; ignored", RuntimeWarning,
                  stacklevel=2)
del text
