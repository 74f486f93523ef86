"""Products of matrices and vectors as instructions: calls as of BLAS, with transposes as flags.

A matrix with rows of unit stride is for BLAS, which counts by columns, its own transpose: so what is computed is
``C^T = B^T A^T``.
"""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from scipy.linalg.cython_blas cimport ddot, dgemv, sdot, sgemv
from scirs_ad._compiler.program cimport Frame, Held, Native
from scirs_ad._kernels.blas cimport one_blas_thread, restore_blas_threads, warm
from scirs_ad._kernels.linalg_batch cimport small_product
from scirs_ad._kernels.linalg_panels cimport FEWEST_SHARED, gemm, mirror, share_panels, syrk
from scirs_ad._kernels.threads cimport parallel_for, threads_for
from scirs_ad._kernels.tiles cimport AD_PRODUCT_MOST

cdef enum:
    MOST_LOOPS = 32
    SHORT_GEMV = 100            # elements of a matrix
    MOST_ROWS = 4096            # of a single product: panels are for more

cdef struct Call:
    int m, n, k, lda, ldb, ldc, a, b, c
    char ta, tb
    int loops                   # over leading axes: lengths, and bytes to the next matrix of a, b and c
    Py_ssize_t count
    bint double
    bint large                  # each product
    bint wide                   # shared among threads by panels
    bint small                  # not for BLAS: 165 ns for 3 by 3 where the own kernel takes 13
    bint half                   # of a matrix and its own transpose: one triangle counts, so it is symmetric to the bit
    Py_ssize_t length[MOST_LOOPS]
    Py_ssize_t step[3][MOST_LOOPS]


cdef void gemm64(Call* x, const char* a, const char* b, char* c) noexcept nogil:
    gemm[double](x.ta, x.tb, x.m, x.n, x.k, <double*> a, x.lda, <double*> b, x.ldb, <double*> c, x.ldc)


cdef void gemm32(Call* x, const char* a, const char* b, char* c) noexcept nogil:
    gemm[float](x.ta, x.tb, x.m, x.n, x.k, <float*> a, x.lda, <float*> b, x.ldb, <float*> c, x.ldc)


cdef void small_gemm(Call* x, const char* a, const char* b, char* c) noexcept nogil:
    """As the product C = L R that BLAS sees transposed: L is its second operand, R its first."""
    small_product(not x.double, False)(
        x.n, x.m, x.k,
        b, x.ldb if x.tb == c'N' else 1, 1 if x.tb == c'N' else x.ldb,
        a, x.lda if x.ta == c'N' else 1, 1 if x.ta == c'N' else x.lda,
        c, x.ldc,
    )


ctypedef void (*One)(Call*, const char*, const char*, char*) noexcept nogil


cdef inline int some(Call* x, char** ptr, One one, Py_ssize_t first, Py_ssize_t end) noexcept nogil:
    """One product for each place of the leading axes, from one place to another."""
    cdef Py_ssize_t index[MOST_LOOPS]
    cdef Py_ssize_t rest = first
    cdef const char* a = ptr[x.a]
    cdef const char* b = ptr[x.b]
    cdef char* c = ptr[x.c]
    cdef int d
    for d in range(x.loops - 1, -1, -1):
        index[d] = rest % x.length[d]
        rest //= x.length[d]
        a += x.step[0][d] * index[d]
        b += x.step[1][d] * index[d]
        c += x.step[2][d] * index[d]
    while True:
        one(x, a, b, c)
        first += 1
        if first >= end:
            return 0
        d = x.loops - 1
        while True:
            a += x.step[0][d]
            b += x.step[1][d]
            c += x.step[2][d]
            index[d] += 1
            if index[d] < x.length[d]:
                break
            a -= x.step[0][d] * x.length[d]
            b -= x.step[1][d] * x.length[d]
            c -= x.step[2][d] * x.length[d]
            index[d] = 0
            d -= 1


ctypedef fused real:
    double
    float


cdef inline void half(Call* x, char** ptr, real* c) noexcept nogil:
    syrk(x.ta, x.m, x.k, <real*> ptr[x.a], x.lda, c, x.ldc)


cdef inline void each_gemm(Call* x, char** ptr, One one, real* c) noexcept nogil:
    if x.large:
        warm(1)
    if x.half and not x.small:
        half(x, ptr, c)
        return
    some(x, ptr, small_gemm if x.small else one, 0, x.count)
    if x.half:
        mirror(c, x.ldc, 0, x.n, 0, x.n)


cdef int each_gemm64(void* data, char** ptr) noexcept nogil:
    each_gemm(<Call*> data, ptr, gemm64, <double*> ptr[(<Call*> data).c])
    return 0


cdef int each_gemm32(void* data, char** ptr) noexcept nogil:
    each_gemm(<Call*> data, ptr, gemm32, <float*> ptr[(<Call*> data).c])
    return 0


cdef inline void short_gemv(Call* x, const real* a, const real* v, real* y) noexcept nogil:
    """Plain loops: with the instruction 15 ns for 3 by 3 and 20 ns for 6 by 6, where BLAS takes 38 and 51 ns."""
    cdef int i, j
    cdef real s
    if x.ta == c'N':
        for i in range(x.m):
            y[i] = 0
        for j in range(x.n):
            s = v[j * x.ldb]
            for i in range(x.m):
                y[i] += a[i + <Py_ssize_t> j * x.lda] * s
        return
    for j in range(x.n):
        s = 0
        for i in range(x.m):
            s += a[i + <Py_ssize_t> j * x.lda] * v[i * x.ldb]
        y[j] = s


cdef int short_gemv64(void* data, char** ptr) noexcept nogil:
    cdef Call* x = <Call*> data
    short_gemv[double](x, <double*> ptr[x.a], <double*> ptr[x.b], <double*> ptr[x.c])
    return 0


cdef int short_gemv32(void* data, char** ptr) noexcept nogil:
    cdef Call* x = <Call*> data
    short_gemv[float](x, <float*> ptr[x.a], <float*> ptr[x.b], <float*> ptr[x.c])
    return 0


cdef int gemv64(void* data, char** ptr) noexcept nogil:
    cdef Call* x = <Call*> data
    cdef double one = 1, zero = 0
    dgemv(&x.ta, &x.m, &x.n, &one, <double*> ptr[x.a], &x.lda, <double*> ptr[x.b], &x.ldb, &zero,
          <double*> ptr[x.c], &x.ldc)
    return 0


cdef int gemv32(void* data, char** ptr) noexcept nogil:
    cdef Call* x = <Call*> data
    cdef float one = 1, zero = 0
    sgemv(&x.ta, &x.m, &x.n, &one, <float*> ptr[x.a], &x.lda, <float*> ptr[x.b], &x.ldb, &zero,
          <float*> ptr[x.c], &x.ldc)
    return 0


cdef int dot64(void* data, char** ptr) noexcept nogil:
    cdef Call* x = <Call*> data
    (<double*> ptr[x.c])[0] = ddot(&x.n, <double*> ptr[x.a], &x.lda, <double*> ptr[x.b], &x.ldb)
    return 0


cdef int dot32(void* data, char** ptr) noexcept nogil:
    cdef Call* x = <Call*> data
    (<float*> ptr[x.c])[0] = sdot(&x.n, <float*> ptr[x.a], &x.lda, <float*> ptr[x.b], &x.ldb)
    return 0


cdef double NS_SHARED = 1e5     # less work than this is not worth a second thread
cdef double NS_ALONE = 1e6      # matrix products of more work go one after another, each in panels
cdef double NS_WARM = 1e4       # a matrix product of more work gains from warm buffers of BLAS


cdef class Product(Native):
    """One call of BLAS.

    Parameters
    ----------
    kind : {"gemm", "gemv", "dot"}
    itemsize : int
        8 or 4.
    flags : (str, str)
        "N" or "T" for each operand, as BLAS sees it.
    sizes : (int, int, int)
        m, n, k as BLAS sees them; those that it does not ask for are 1.
    steps : (int, int, int)
        Leading dimensions of matrices, increments of vectors, in elements.
    pointers : (int, int, int)
        Of the operands and the result.
    loops : tuple of (int, int, int, int)
        For "gemm", leading axes: the length, and bytes to the next matrix of the operands and of the result.
    """

    cdef readonly bint shared           # for several threads to share in

    def __cinit__(self, str kind, int itemsize, tuple flags, tuple sizes, tuple steps, tuple pointers, tuple loops=()):
        cdef int d
        cdef double alone
        cdef Call* x = <Call*> PyMem_Malloc(sizeof(Call))
        cdef bint double = itemsize == 8
        if x == NULL:
            raise MemoryError
        self.data = x
        x.count, x.double = 1, double
        x.ta, x.tb = ord(flags[0]), ord(flags[1])
        x.m, x.n, x.k = sizes
        x.lda, x.ldb, x.ldc = steps
        x.a, x.b, x.c = pointers
        if len(loops) > MOST_LOOPS:
            raise ValueError(f"Product: {len(loops)} leading axes; at most {MOST_LOOPS} are possible")
        x.loops = len(loops)
        for d in range(x.loops):
            x.length[d], x.step[0][d], x.step[1][d], x.step[2][d] = loops[d]
            x.count *= x.length[d]
        if kind == "gemm":
            self.run = each_gemm64 if double else each_gemm32
        elif kind == "gemv" and x.m * x.n <= SHORT_GEMV and x.ldc == 1:
            self.run = short_gemv64 if double else short_gemv32
        elif kind == "gemv":
            self.run = gemv64 if double else gemv32
        else:
            self.run = dot64 if double else dot32
        # Of 25 products of 1000 x 10 by 10 x 10, and of 10 x 1000 by 1000 x 10, BLAS takes 0.8 ms, the own kernel 0.3.
        x.small = kind == "gemm" and x.m <= AD_PRODUCT_MOST and (x.n <= MOST_ROWS or x.loops > 0) and (
            x.k <= AD_PRODUCT_MOST or (x.n <= AD_PRODUCT_MOST // 2 and x.m <= AD_PRODUCT_MOST // 2 and x.ta == c'N'))
        alone = (10 if x.small else 50) + 2.0 * x.m * x.n * x.k / (40 if kind == "gemm" else 4)
        self.ns = x.count * alone
        x.large = alone > NS_WARM
        x.half = kind == "gemm" and x.a == x.b and x.ta != x.tb and x.lda == x.ldb and x.m == x.n and x.loops == 0
        x.wide = (kind == "gemm" and not x.small and 2.0 * x.m * x.n * x.k >= FEWEST_SHARED
                  and (x.count == 1 or alone > NS_ALONE))
        self.shared = x.wide or (x.count > 1 and self.ns > NS_SHARED)
        times = f"{x.count} times " if loops else ""
        self.text = f"{times}{kind} {flags[0]}{flags[1]} {x.m} x {x.n} x {x.k}: p{x.a} p{x.b} -> p{x.c}"

    def __dealloc__(self):
        PyMem_Free(self.data)

    def __repr__(self):
        return f"<{self.text}>"


cdef struct Share:
    Call* call
    char** ptr
    Py_ssize_t size


cdef void share(void* context, int chunk, int worker) noexcept nogil:
    cdef Share* s = <Share*> context
    cdef Py_ssize_t first = chunk * s.size
    cdef One one = small_gemm if s.call.small else gemm64 if s.call.double else gemm32
    some(s.call, s.ptr, one, first, min(first + s.size, s.call.count))


cdef class Products(Held):
    """Products, shared among threads, in each of which BLAS has one: so results depend on neither.

    Parameters
    ----------
    product : Product
    """

    cdef Product product

    def __cinit__(self, Product product):
        self.product = product
        self.ns, self.text = product.ns, product.text

    cdef int step(self, Frame f) except -1:
        cdef Share s
        cdef Py_ssize_t chunks
        cdef int threads = threads_for(self.ns)
        cdef bint single = one_blas_thread()
        s.call, s.ptr = <Call*> self.product.data, f.ptr
        if s.call.large:
            warm(threads)
        if s.call.wide:
            with nogil:
                share_panels(True)
                if s.call.half and s.call.double:
                    half(s.call, f.ptr, <double*> f.ptr[s.call.c])
                elif s.call.half:
                    half(s.call, f.ptr, <float*> f.ptr[s.call.c])
                else:
                    some(s.call, f.ptr, gemm64 if s.call.double else gemm32, 0, s.call.count)
                share_panels(False)
            if single:
                restore_blas_threads()
            return 0
        chunks = min(s.call.count, max(2, <Py_ssize_t> (self.ns / 2e4)), 256)
        s.size = (s.call.count + chunks - 1) // chunks
        with nogil:
            parallel_for(share, &s, <int> ((s.call.count + s.size - 1) // s.size), threads)
        if single:
            restore_blas_threads()
        return 0
