"""A fingerprint of the numbers of an array."""

cimport numpy as cnp

cnp.import_array()

cdef extern from "digest.h" nogil:
    unsigned long long ad_digest(const void* data, size_t bytes) noexcept


cpdef unsigned long long digest(cnp.ndarray array) except? 0:
    """64 bits that differ if a contiguous array has been written to in between.

    Parameters
    ----------
    array : ndarray
        Of numbers, in C or Fortran order.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the array is not contiguous.
    """
    cdef unsigned long long found
    cdef const void* data = cnp.PyArray_DATA(array)
    cdef size_t size = cnp.PyArray_NBYTES(array)
    if not (cnp.PyArray_IS_C_CONTIGUOUS(array) or cnp.PyArray_IS_F_CONTIGUOUS(array)):
        raise ValueError("digest: the array is not contiguous")
    with nogil:
        found = ad_digest(data, size)
    return found
