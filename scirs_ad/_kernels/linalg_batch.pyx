"""The engine of the batched linear-algebra kernels: arguments in, one loop over the leading axes, errors out.

A kernel names its operands and outputs, and a body that handles one matrix through plain pointers.  The engine
converts dtypes, broadcasts the leading axes by strides (nothing is copied), allocates one workspace per thread and
runs the body over the batch, in several threads when there is work for them.  One matrix of a batch is never shared
between threads, a single one in panels that do not depend on their number, so the results do not either.
"""
from libc.limits cimport INT_MAX
from libc.stdlib cimport free, malloc

cimport numpy as cnp

from scirs_ad._kernels.blas cimport blas_threads, one_blas_thread, restore_blas_threads, warm
from scirs_ad._kernels.buffers cimport empty
from scirs_ad._kernels.linalg_panels cimport share_panels
from scirs_ad._kernels.threads cimport parallel_for, threads_for
from scirs_ad._kernels.tiles cimport AD_TILE_LANES, AD_TILE_MOST, tiles

import numpy as np
from numpy.linalg import LinAlgError

cnp.import_array()

# Below this much work BLAS does not thread on its own account and a toggle of its setting is not worth its price.
cdef double NS_TINY = 2e3
# From here on the buffers of BLAS are worth warming (products of 48 x 48 gain nothing, of 64 x 64 a half).
cdef double NS_WARM = 1e4
# Matrices this large go one after another, each with threads of its own: in panels, or BLAS's.
cdef double NS_LARGE = 2e7
# A single matrix with less work than this, if its body does not use panels, runs on one thread. Blocked algorithms make
# many small calls of BLAS, and each waits for all of its workers: factorisations of 150 x 150 with their adjoints,
# 6 ms, took 250 ms with two threads while other programs ran. OpenBLAS's workers also spin for 100 ms after each call.
cdef double NS_ALONE = 2e7


# ---------------------------------------------------------------------------------------------- arguments

cdef cnp.ndarray door(str op, object x, str name, int core):
    """`x` as an ndarray with at least `core` axes."""
    cdef cnp.ndarray a
    if type(x) is cnp.ndarray:
        a = <cnp.ndarray> x
    else:
        a = np.asarray(x)
    if cnp.PyArray_NDIM(a) < core:
        raise ValueError(f"{op}: {name} has shape {(<object> a).shape}, wanted "
                         f"{'matrices (..., m, n)' if core == 2 else 'vectors (..., n)'}")
    return a


cdef int one_kind(str op, cnp.ndarray a) except -1:
    cdef int t = cnp.PyArray_TYPE(a)
    if t == cnp.NPY_DOUBLE or t == cnp.NPY_FLOAT or t == cnp.NPY_CDOUBLE or t == cnp.NPY_CFLOAT:
        return t
    if cnp.PyTypeNum_ISINTEGER(t) or cnp.PyTypeNum_ISBOOL(t):
        return cnp.NPY_DOUBLE
    raise TypeError(f"{op}: dtype {a.dtype} is not supported: wanted float32, float64, complex64 or complex128 "
                    "(integers and bool are computed as float64)")


cdef int kind(str op, cnp.ndarray a, cnp.ndarray b=None) except -1:
    """The type number in which `op` computes."""
    cdef int t = one_kind(op, a), u
    cdef bint double_precision
    if b is None or cnp.PyArray_TYPE(b) == t:
        return t
    u = one_kind(op, b)
    if t == u:
        return t
    double_precision = (t == cnp.NPY_DOUBLE or t == cnp.NPY_CDOUBLE or u == cnp.NPY_DOUBLE or u == cnp.NPY_CDOUBLE)
    if cnp.PyTypeNum_ISCOMPLEX(t) or cnp.PyTypeNum_ISCOMPLEX(u):
        return cnp.NPY_CDOUBLE if double_precision else cnp.NPY_CFLOAT
    return cnp.NPY_DOUBLE


cdef cnp.ndarray behaved(cnp.ndarray x, int typenum):
    """`x` in this dtype, native and aligned; the same array if it already is."""
    if cnp.PyArray_TYPE(x) == typenum and cnp.PyArray_ISBEHAVED_RO(x):
        return x
    return <cnp.ndarray> cnp.PyArray_FROM_OTF(
        x, typenum, cnp.NPY_ARRAY_ALIGNED | cnp.NPY_ARRAY_NOTSWAPPED | cnp.NPY_ARRAY_FORCECAST)


cdef int dim(str op, cnp.ndarray x, int axis) except -1:
    """Length of a trailing axis (counted from the end) as a LAPACK integer."""
    cdef Py_ssize_t n = cnp.PyArray_DIMS(x)[cnp.PyArray_NDIM(x) + axis]
    if n > INT_MAX:
        raise ValueError(f"{op}: an axis of length {n} exceeds LAPACK's 32-bit integers")
    return <int> n


cdef int square(str op, cnp.ndarray x, str name) except -1:
    cdef int n = dim(op, x, -1)
    if dim(op, x, -2) != n:
        raise ValueError(f"{op}: {name} has shape {(<object> x).shape}, wanted square matrices (..., n, n)")
    return n


cdef int lwork_of(str op, double words) except -1:
    """A workspace length LAPACK answered with; float32 answers are rounded, so a little is added."""
    words = words * (1 + 1e-6) + 1
    if words > INT_MAX:
        raise ValueError(f"{op}: the workspace for a matrix this large exceeds LAPACK's 32-bit integers")
    return <int> words


cdef int one_shape(Job *job, cnp.ndarray x, int core) noexcept:
    """Broadcast the leading axes of `x` into the batch shape; nonzero if they do not fit."""
    cdef int ndim = cnp.PyArray_NDIM(x) - core, i, shift
    cdef cnp.npy_intp *d = cnp.PyArray_DIMS(x)
    if ndim > job.ndim:
        shift = ndim - job.ndim
        for i in range(job.ndim - 1, -1, -1):
            job.shape[i + shift] = job.shape[i]
        for i in range(shift):
            job.shape[i] = 1
        job.ndim = ndim
    shift = job.ndim - ndim
    for i in range(ndim):
        if job.shape[i + shift] == 1:
            job.shape[i + shift] = d[i]
        elif d[i] != 1 and d[i] != job.shape[i + shift]:
            return 1
    return 0


cdef void one_arg(Job *job, cnp.ndarray x, int core) noexcept:
    cdef Arg *arg = &job.arg[job.nargs]
    cdef int ndim = cnp.PyArray_NDIM(x) - core, i, shift = job.ndim - ndim
    cdef cnp.npy_intp *d = cnp.PyArray_DIMS(x)
    cdef cnp.npy_intp *s = cnp.PyArray_STRIDES(x)
    arg.data = cnp.PyArray_BYTES(x)
    arg.rs = s[ndim] if core > 0 else 0
    arg.cs = s[ndim + 1] if core > 1 else 0
    for i in range(job.ndim):
        arg.step[i] = 0 if i < shift or d[i - shift] == 1 else s[i - shift]
    job.nargs += 1


cdef int start(Job *job, str op, cnp.ndarray a, int ca, cnp.ndarray b=None, int cb=0,
               cnp.ndarray c=None, int cc=0) except -1:
    """Fill in a job's inputs (with their numbers of core axes) and its batch shape."""
    cdef int bad, i
    job.nargs = job.ndim = job.info = 0
    job.bytes = 0
    job.several = NULL
    job.panels = False
    bad = one_shape(job, a, ca)
    if b is not None:
        bad |= one_shape(job, b, cb)
    if c is not None:
        bad |= one_shape(job, c, cc)
    if bad:
        parts = [(<object> x).shape[:(<object> x).ndim - n] for x, n in ((a, ca), (b, cb), (c, cc)) if x is not None]
        raise ValueError(f"{op}: the leading axes {' and '.join(map(str, parts))} do not broadcast")
    job.size = 1
    for i in range(job.ndim):
        job.size *= job.shape[i]
    one_arg(job, a, ca)
    if b is not None:
        one_arg(job, b, cb)
    if c is not None:
        one_arg(job, c, cc)
    return 0


cdef void add_argument(Job *job, cnp.ndarray x, int core) noexcept:
    """A further input, whose leading axes are the batch shape already."""
    one_arg(job, x, core)


cdef cnp.ndarray output(Job *job, int typenum, int core, Py_ssize_t d0=0, Py_ssize_t d1=0):
    """A new C-contiguous array, batch shape + core shape, that becomes the job's next operand."""
    cdef cnp.npy_intp dims[MAX_DIMS]
    cdef int i
    if job.ndim + core > MAX_DIMS:
        raise ValueError(f"an array of {job.ndim + core} dimensions is more than NumPy's {MAX_DIMS}")
    for i in range(job.ndim):
        dims[i] = job.shape[i]
    dims[job.ndim] = d0
    if core > 1:
        dims[job.ndim + 1] = d1
    if typenum == cnp.NPY_DOUBLE or typenum == cnp.NPY_FLOAT:
        x = <cnp.ndarray> empty(job.ndim + core, dims, typenum, False)
    else:
        x = <cnp.ndarray> cnp.PyArray_EMPTY(job.ndim + core, dims, typenum, 0)
    one_arg(job, x, core)
    return x


# ---------------------------------------------------------------------------------------------- the loop

cdef int coalesce(Job *job, Py_ssize_t *shape) noexcept nogil:
    """Drop batch axes of length 1 and merge neighbours every operand walks in one step; the number left."""
    cdef int i, a, last = -1
    cdef bint merge
    for i in range(job.ndim):
        if job.shape[i] == 1:
            continue
        merge = last >= 0
        if merge:
            for a in range(job.nargs):
                if job.arg[a].step[last] != job.arg[a].step[i] * job.shape[i]:
                    merge = False
                    break
        if merge:
            shape[last] *= job.shape[i]
        else:
            last += 1
            shape[last] = job.shape[i]
        for a in range(job.nargs):
            job.arg[a].step[last] = job.arg[a].step[i]
    return last + 1


cdef void transpose(void *to, const char *source, Py_ssize_t step, Py_ssize_t n0, Py_ssize_t n1,
                    int size) noexcept nogil:
    """to[i * n1 + j] = source[i + j * step]: the columns of a matrix that lies by rows."""
    tiles.transpose[size == 4](to, source, step, n0, n1)


cdef ad_product_fn small_product(bint single, bint complex_) noexcept nogil:
    """The product of matrices of at most AD_PRODUCT_MOST rows and columns, half as many of complex ones."""
    return tiles.product[complex_][single]


cdef ad_panel_fn qr_panel(bint single) noexcept nogil:
    """Reflections of the columns of one panel, I - V T V^T as xGEQRT leaves it, with at least as many rows."""
    return tiles.panel[single]


cdef void small(Job *job, int which, int typenum) noexcept:
    """Let a tile kernel run the batch if its matrices are small: call it last, when all of the job is filled in."""
    cdef int a
    cdef bint single = typenum == cnp.NPY_FLOAT or typenum == cnp.NPY_CFLOAT
    cdef bint complex_ = typenum == cnp.NPY_CDOUBLE or typenum == cnp.NPY_CFLOAT
    if job.size < LEAST_TILE:
        return
    job.several = (tiles.complex_fn if complex_ else tiles.fn)[which][single]
    if job.several == NULL:
        return
    job.width = tiles.bytes // (4 if single else 8)
    job.tile.m, job.tile.n, job.tile.k = job.m, job.n, job.k
    job.tile.conj = False
    for a in range(job.nargs):
        job.tile.rs[a], job.tile.cs[a] = job.arg[a].rs, job.arg[a].cs
    job.bytes = max(job.bytes, (4 * AD_TILE_MOST * AD_TILE_MOST) * <Py_ssize_t> tiles.bytes * (1 + complex_))
    job.ns /= 6


cdef int several(Job *job, Body body, char **lane, int count, void *work, int *info) noexcept nogil:
    """Run some small matrices at once, and by `body` those that this cannot do; the first that fails, or -1."""
    cdef char *p[MAX_ARGS]
    cdef int a, i
    cdef unsigned int bad
    for a in range(job.nargs):
        for i in range(count, job.width):
            lane[a * job.width + i] = lane[a * job.width + count - 1]
    bad = job.several(&job.tile, lane, count, work)
    for i in range(count):
        if bad >> i & 1:
            for a in range(job.nargs):
                p[a] = lane[a * job.width + i]
            info[0] = body(job, p, work)
            if info[0] != 0:
                return i
    return -1


cdef Py_ssize_t span(Job *job, Body body, int ndim, Py_ssize_t *shape, Py_ssize_t lo, Py_ssize_t hi, void *work,
                     int *info) noexcept nogil:
    """Run matrices lo..hi-1; the first that fails, or -1."""
    cdef char *p[MAX_ARGS]
    cdef char *lane[MAX_ARGS * AD_TILE_LANES]
    cdef Py_ssize_t index[MAX_DIMS]
    cdef Py_ssize_t rest = lo, i
    cdef int a, d, count = 0
    for a in range(job.nargs):
        p[a] = job.arg[a].data
    for d in range(ndim - 1, -1, -1):
        index[d] = rest % shape[d]
        rest = rest // shape[d]
        for a in range(job.nargs):
            p[a] += index[d] * job.arg[a].step[d]
    for i in range(lo, hi):
        if job.several is NULL:
            info[0] = body(job, p, work)
            if info[0] != 0:
                return i
        else:
            for a in range(job.nargs):
                lane[a * job.width + count] = p[a]
            count += 1
            if count == job.width or i == hi - 1:
                d = several(job, body, lane, count, work, info)
                if d >= 0:
                    return i + 1 - count + d
                count = 0
        for d in range(ndim - 1, -1, -1):
            index[d] += 1
            for a in range(job.nargs):
                p[a] += job.arg[a].step[d]
            if index[d] < shape[d]:
                break
            index[d] = 0
            for a in range(job.nargs):
                p[a] -= shape[d] * job.arg[a].step[d]
    return -1


cdef enum:
    CHUNKS_PER_THREAD = 4      # a thread the system delays holds up little
    MOST_CHUNKS = 4096

cdef struct Spread:
    Job *job
    Body body
    int ndim, chunks
    Py_ssize_t *shape
    char *work
    Py_ssize_t stride
    Py_ssize_t bad[MOST_CHUNKS]
    int info[MOST_CHUNKS]


cdef void one_chunk(void *context, int chunk, int worker) noexcept nogil:
    cdef Spread *s = <Spread*> context
    cdef Py_ssize_t size = s.job.size
    s.bad[chunk] = span(s.job, s.body, s.ndim, s.shape, chunk * size // s.chunks, (chunk + 1) * size // s.chunks,
                        s.work + worker * s.stride, &s.info[chunk])


cdef Py_ssize_t spread(Job *job, Body body, int ndim, Py_ssize_t *shape, int threads, char *work,
                       Py_ssize_t stride) noexcept nogil:
    """`span` over the whole batch in several threads; the lowest failing matrix, or -1."""
    cdef Spread s
    cdef int c
    s.job = job
    s.body = body
    s.ndim = ndim
    s.shape = shape
    s.work = work
    s.stride = stride
    s.chunks = <int> min(job.size, CHUNKS_PER_THREAD * threads, MOST_CHUNKS)
    parallel_for(one_chunk, &s, s.chunks, threads)
    for c in range(s.chunks):
        if s.bad[c] >= 0:
            job.info = s.info[c]
            return s.bad[c]
    return -1


cdef enum:
    MOST_KEPT = 64 << 20
cdef char *kept = NULL          # a workspace for the next call: fresh memory costs a page fault for each 4 KiB
cdef Py_ssize_t kept_size = 0   # both are touched only under the GIL


cdef char *take_work(Py_ssize_t *size) noexcept:
    """A workspace of at least `size` bytes; `size` becomes what it has."""
    global kept, kept_size
    cdef char *found
    if kept is not NULL and kept_size >= size[0]:
        found, size[0] = kept, kept_size
        kept = NULL
        kept_size = 0
        return found
    return <char*> malloc(size[0])


cdef void give_work(char *work, Py_ssize_t size) noexcept:
    """Keep the larger of two workspaces."""
    global kept, kept_size
    if size > MOST_KEPT or (kept is not NULL and kept_size >= size):
        free(work)
        return
    free(kept)
    kept, kept_size = work, size


cdef Py_ssize_t run(Job *job, int typenum, void *f, void *d, void *c, void *z) except -2:
    """Run the body for this dtype over the batch: -1, or the flat index of the first matrix that failed."""
    cdef Body body = <Body> (f if typenum == cnp.NPY_FLOAT else d if typenum == cnp.NPY_DOUBLE
                             else c if typenum == cnp.NPY_CFLOAT else z)
    cdef Py_ssize_t shape[MAX_DIMS]
    cdef Py_ssize_t where, stride, size
    cdef char *work = NULL
    cdef char small[4096]
    cdef int threads = 1, ndim
    cdef bint single = False
    if job.size == 0:
        return -1
    ndim = coalesce(job, shape)
    if job.size == 1 or (job.panels and job.ns > NS_LARGE):
        if job.ns > NS_TINY and (job.panels or job.ns < NS_ALONE):
            single = one_blas_thread()
            share_panels(True)
    elif job.ns < NS_LARGE or blas_threads() == 1:
        # The number of BLAS threads must not depend on ours, or the last bits would.
        single = job.ns > NS_TINY and one_blas_thread()
        threads = min(threads_for(job.ns * job.size), job.size)
    if job.ns > NS_WARM:
        warm(threads_for(job.ns) if job.panels and threads == 1 else threads)
    stride = (job.bytes + 127) & ~(<Py_ssize_t> 63)
    size = threads * stride + 64
    if size <= <Py_ssize_t> sizeof(small):
        work = small
    else:
        work = take_work(&size)
    try:
        if work is NULL:
            raise MemoryError(f"no memory for a workspace of {threads * stride} bytes")
        if job.ns * job.size < NS_TINY:
            where = span(job, body, ndim, shape, 0, job.size, aligned(work), &job.info)
        else:
            with nogil:
                if threads == 1:
                    where = span(job, body, ndim, shape, 0, job.size, aligned(work), &job.info)
                else:
                    where = spread(job, body, ndim, shape, threads, aligned(work), stride)
    finally:
        share_panels(False)
        if single:
            restore_blas_threads()
        if work is not small and work is not NULL:
            give_work(work, size)
    return where


cdef inline char *aligned(char *p) noexcept nogil:
    return <char*> ((<size_t> p + 63) & ~(<size_t> 63))


cdef object fail(str op, Job *job, Py_ssize_t where, str text):
    """Raise LinAlgError: which matrix of the batch, and what is wrong with it."""
    cdef int i
    if job.ndim == 0:
        raise LinAlgError(f"{op}: the matrix {text}")
    index = tuple(int(i) for i in np.unravel_index(where, tuple([job.shape[i] for i in range(job.ndim)])))
    raise LinAlgError(f"{op}: matrix {index[0] if len(index) == 1 else index} of the batch {text}")
