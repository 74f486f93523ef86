"""Regions: fused elementwise programs over a fixed iteration space. The machine: `src/region.h`.

For code that runs regions without the GIL: keep the `Region` alive, hold its `c`, and call `region_run`.
"""

cdef extern from *:
    """
    typedef struct ad_region_opaque ad_region_opaque;
    """
    ctypedef struct ad_region_opaque:
        pass

cdef enum:
    REGION_OK = 0
    REGION_NO_MEMORY = -1       # raise MemoryError
    REGION_BAD_INDEX = -2       # an index of a gather or scatter is out of bounds: raise IndexError


cdef class Region:
    cdef const ad_region_opaque* c
    cdef readonly int n_ins             # pointers that a run takes
    cdef readonly int n_outs
    cdef readonly double ns             # estimated work of a run, nanoseconds on one thread
    cdef readonly tuple description     # the arguments it was built with
    cdef readonly list listing          # the steps, for people
    cdef list memory                    # keeps what `c` points to


# Run on one pointer per argument; `threads` 0 lets the size decide. Returns REGION_OK or what went wrong.
cdef int region_run(const ad_region_opaque* region, char** ins, char** outs, int threads) noexcept nogil
