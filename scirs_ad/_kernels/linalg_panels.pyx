"""Products, triangular solves and reflections of one matrix in panels of its result, for several threads.

The threads of BLAS wait for each other in every call, so that a factorisation with a few hundred of them stands still
when a core is busy; a loop over panels does not (src/pool.c). The panels depend on the sizes alone, so that results
are those of one thread.
"""
from numpy cimport NPY_DOUBLE, NPY_FLOAT

from scirs_ad._kernels.linalg_lapack cimport (
    c64, c128, getrf as getrf_of, getri as getri_of, herk_subtract, laswp, potrf as potrf_of, scalar,
    syrk as syrk_of, trsm as trsm_of, trtri,
)
from scirs_ad._kernels.threads cimport parallel_for, threads_for
from scirs_ad._kernels.tiles cimport AD_TRIANGLE_MOST, tiles

from scipy.linalg cimport cython_blas as blas

cdef extern from "thread_local.h":
    bint ad_panels        # of this thread: whether what it calls is for one matrix, while BLAS has one thread

cdef extern from "room.h":
    void *ad_room_take(int *number) noexcept nogil
    void ad_room_give(int number) noexcept nogil

# Operations for 2, 4, 8 and 64 panels. Each one packs an operand again: of products of 100 x 100 two panels
# take 6 % longer than one on one thread, of 300 x 300 four take 4 %.
cdef double FLOPS_OF_FOUR = 2e7
cdef double FLOPS_OF_EIGHT = 1e9
cdef double FLOPS_OF_MORE = 2e10
cdef double FLOPS_PER_NS = 17
cdef enum:
    ROWS = 16           # of the registers' tiles in BLAS, and a multiple of them
    TILE = 48           # rows of a tile of src/tile_gemm.h in float32, two tiles in float64
    LEAST = 32          # rows and columns of a panel
    FEW = 8             # right-hand sides: fewer are left to BLAS
    BLOCK = 64          # columns of a block, at most
    ORDER = 256         # of matrices that are factored in blocks

cdef enum Code:
    F32
    F64
    C64
    C128

cdef struct Call:
    char side, uplo, ta, tb, diag
    Code code
    int m, n, k, lda, ldb, ldc, across, down
    void *alpha
    void *a
    void *b
    void *beta
    void *c


cdef void share_panels(bint yes) noexcept nogil:
    global ad_panels
    ad_panels = yes


cdef bint panels_shared() noexcept nogil:
    """Whether this thread works on one matrix while BLAS has one thread."""
    return ad_panels


cdef inline int block_of(int n, bint quick) noexcept nogil:
    """Columns that a factorisation takes at a time, with `quick` products or BLAS's."""
    return 128 if n >= 512 else TILE if quick else 64


cdef inline Code code_of(scalar *like) noexcept nogil:
    if scalar is float:
        return F32
    elif scalar is double:
        return F64
    elif scalar is c64:
        return C64
    else:
        return C128


cdef inline double weighed(double flops, Code code) noexcept nogil:
    """Operations as many as BLAS does on real numbers in this time: the own kernel does four to six."""
    if code == C64 or code == C128:
        return 4 * flops
    return flops / 4 if tiles.gemm[code == F32] != NULL else flops


cdef inline int panels_for(double flops) noexcept nogil:
    if flops < FEWEST_SHARED or not ad_panels:
        return 1
    if flops < FLOPS_OF_EIGHT:
        return 2 if flops < FLOPS_OF_FOUR else 4
    return 8 if flops < FLOPS_OF_MORE else 64


cdef inline int threads_of(double flops) noexcept nogil:
    return threads_for(flops / FLOPS_PER_NS)


cdef inline int bound(int n, int i, int parts, int step=ROWS) noexcept nogil:
    """Where part `i` of `n` rows begins."""
    return n if i == parts else <int> (<Py_ssize_t> n * i / parts) // step * step


cdef inline bint own(scalar *like) noexcept nogil:
    """Whether src/tile_gemm.h has a kernel for products of these."""
    if scalar is c64 or scalar is c128:
        return False
    else:
        return tiles.gemm[sizeof(scalar) == sizeof(float)] != NULL


cdef bint quick(int typenum) noexcept nogil:
    """The same by the number of a dtype."""
    return (typenum == NPY_FLOAT or typenum == NPY_DOUBLE) and tiles.gemm[typenum == NPY_FLOAT] != NULL


cdef void one_gemm(char ta, char tb, int m, int n, int k, scalar *alpha, scalar *a, int lda, scalar *b, int ldb,
                   scalar *beta, scalar *c, int ldc) noexcept nogil:
    """C := alpha op(A) op(B) + beta C on this thread."""
    cdef int number
    cdef void *room
    if scalar is float or scalar is double:
        room = ad_room_take(&number) if own(a) else NULL
        if room != NULL:
            tiles.gemm[sizeof(scalar) == sizeof(float)](
                ta != c'N', tb != c'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, room)
            ad_room_give(number)
            return
    if scalar is float:
        blas.sgemm(&ta, &tb, &m, &n, &k, alpha, a, &lda, b, &ldb, beta, c, &ldc)
    elif scalar is double:
        blas.dgemm(&ta, &tb, &m, &n, &k, alpha, a, &lda, b, &ldb, beta, c, &ldc)
    elif scalar is c64:
        blas.cgemm(&ta, &tb, &m, &n, &k, alpha, a, &lda, b, &ldb, beta, c, &ldc)
    else:
        blas.zgemm(&ta, &tb, &m, &n, &k, alpha, a, &lda, b, &ldb, beta, c, &ldc)


cdef inline void part_of_gemm(Call *x, int chunk, scalar *a) noexcept nogil:
    cdef int row = bound(x.m, chunk % x.down, x.down, TILE), column = bound(x.n, chunk // x.down, x.across)
    cdef int m = bound(x.m, chunk % x.down + 1, x.down, TILE) - row
    cdef int n = bound(x.n, chunk // x.down + 1, x.across) - column
    cdef scalar *b = <scalar*> x.b + column * <Py_ssize_t> (x.ldb if x.tb == c'N' else 1)
    cdef scalar *c = <scalar*> x.c + column * <Py_ssize_t> x.ldc + row
    a += row * <Py_ssize_t> (1 if x.ta == c'N' else x.lda)
    one_gemm(x.ta, x.tb, m, n, x.k, <scalar*> x.alpha, a, x.lda, b, x.ldb, <scalar*> x.beta, c, x.ldc)


cdef void gemm_chunk(void *context, int chunk, int worker) noexcept nogil:
    cdef Call *x = <Call*> context
    if x.code == F32:
        part_of_gemm[float](x, chunk, <float*> x.a)
    elif x.code == F64:
        part_of_gemm[double](x, chunk, <double*> x.a)
    elif x.code == C64:
        part_of_gemm[c64](x, chunk, <c64*> x.a)
    else:
        part_of_gemm[c128](x, chunk, <c128*> x.a)


cdef void general(char ta, char tb, int m, int n, int k, scalar *alpha, scalar *a, int lda, scalar *b, int ldb,
                  scalar *beta, scalar *c, int ldc) noexcept nogil:
    """C := alpha op(A) op(B) + beta C."""
    cdef double flops = weighed(2.0 * m * n * k, code_of(a))
    cdef Call x
    cdef int parts
    x.code = code_of(a)
    x.ta, x.tb = ta, tb
    x.m, x.n, x.k, x.lda, x.ldb, x.ldc = m, n, k, lda, ldb, ldc
    x.alpha, x.a, x.b, x.beta, x.c = alpha, a, b, beta, c
    x.across = x.down = 1
    parts = panels_for(flops)
    while x.across * x.down < parts:
        if n // x.across >= m // x.down and n // x.across >= 2 * LEAST:
            x.across *= 2
        elif m // x.down >= 2 * TILE:
            x.down *= 2
        else:
            break
    if x.across * x.down == 1:
        gemm_chunk(&x, 0, 0)
    else:
        parallel_for(gemm_chunk, &x, x.across * x.down, threads_of(flops))


cdef void gemm(char ta, char tb, int m, int n, int k, scalar *a, int lda, scalar *b, int ldb,
               scalar *c, int ldc) noexcept nogil:
    cdef scalar one = 1, zero = 0
    general(ta, tb, m, n, k, &one, a, lda, b, ldb, &zero, c, ldc)


cdef void gemm_add(char ta, char tb, int m, int n, int k, double factor, scalar *a, int lda, scalar *b, int ldb,
                   scalar *c, int ldc) noexcept nogil:
    """C += factor op(A) op(B)."""
    cdef scalar one = 1, alpha = <scalar> factor
    general(ta, tb, m, n, k, &alpha, a, lda, b, ldb, &one, c, ldc)


cdef void sgemm(char *ta, char *tb, int *m, int *n, int *k, float *alpha, float *a, int *lda, float *b, int *ldb,
                float *beta, float *c, int *ldc) noexcept nogil:
    """`general` by BLAS's interface."""
    general[float](ta[0], tb[0], m[0], n[0], k[0], alpha, a, lda[0], b, ldb[0], beta, c, ldc[0])


cdef void dgemm(char *ta, char *tb, int *m, int *n, int *k, double *alpha, double *a, int *lda, double *b, int *ldb,
                double *beta, double *c, int *ldc) noexcept nogil:
    """`general` by BLAS's interface."""
    general[double](ta[0], tb[0], m[0], n[0], k[0], alpha, a, lda[0], b, ldb[0], beta, c, ldc[0])


cdef void mirror(scalar *c, int ldc, int lo, int hi, int first, int n) noexcept nogil:
    """Columns `lo` to `hi`, below the diagonal and from row `first` on, into rows above: 16 by 16, to stay in L1."""
    cdef Py_ssize_t i, j, row, column, ld = ldc
    for column in range(lo, hi, 16):
        for row in range(max(column, first), n, 16):
            for j in range(column, min(column + 16, <Py_ssize_t> hi)):
                for i in range(max(row, j + 1), min(row + 16, <Py_ssize_t> n)):
                    c[i * ld + j] = c[j * ld + i]


cdef inline void part_of_syrk(Call *x, int chunk, scalar *a) noexcept nogil:
    cdef int lo = bound(x.n, chunk, x.across, TILE), hi = bound(x.n, chunk + 1, x.across, TILE)
    cdef char tb = c'T' if x.ta == c'N' else c'N'
    cdef Py_ssize_t step = 1 if x.ta == c'N' else x.lda
    cdef scalar *c = <scalar*> x.c
    cdef scalar one = 1, zero = 0
    if own(a):
        one_gemm(x.ta, tb, x.n - lo, hi - lo, x.k, &one, a + lo * step, x.lda, a + lo * step, x.lda, &zero,
                 c + lo * <Py_ssize_t> (x.ldc + 1), x.ldc)
    else:
        syrk_of(c'L', x.ta, hi - lo, x.k, a + lo * step, x.lda, c + lo * <Py_ssize_t> (x.ldc + 1), x.ldc)
        one_gemm(x.ta, tb, x.n - hi, hi - lo, x.k, &one, a + hi * step, x.lda, a + lo * step, x.lda, &zero,
                 c + lo * <Py_ssize_t> x.ldc + hi, x.ldc)
    mirror(c, x.ldc, lo, hi, hi if own(a) else lo, x.n)


cdef void syrk_chunk(void *context, int chunk, int worker) noexcept nogil:
    cdef Call *x = <Call*> context
    if x.code == F32:
        part_of_syrk[float](x, chunk, <float*> x.a)
    elif x.code == F64:
        part_of_syrk[double](x, chunk, <double*> x.a)
    elif x.code == C64:
        part_of_syrk[c64](x, chunk, <c64*> x.a)
    else:
        part_of_syrk[c128](x, chunk, <c128*> x.a)


cdef void syrk(char ta, int n, int k, scalar *a, int lda, scalar *c, int ldc) noexcept nogil:
    """C := op(A) op(A)^T, all of it from one triangle, so that it is symmetric to the bit."""
    cdef double flops = weighed(<double> n * n * k, code_of(a))
    cdef Call x
    cdef int chunk
    x.code = code_of(a)
    x.ta, x.n, x.k, x.lda, x.ldc = ta, n, k, lda, ldc
    x.a, x.c = a, c
    x.across = max(1, n // (2 * TILE))
    if x.across > 1 and ad_panels and flops >= FEWEST_SHARED:
        parallel_for(syrk_chunk, &x, x.across, threads_of(flops))
    else:
        for chunk in range(x.across):
            syrk_chunk(&x, chunk, 0)


# ---------------------------------------------------------------------------------------------- triangular solves

cdef void one_trsm(char side, char uplo, char ta, char diag, int m, int n, scalar *a, int lda,
                   scalar *b, int ldb) noexcept nogil:
    """B := op(A)^-1 B, or B op(A)^-1, on this thread: by halves, with a product between them."""
    cdef int order = m if side == c'L' else n, many = n if side == c'L' else m
    cdef int half = order // 2 // ROWS * ROWS, rest = order - half
    cdef bint forward = ((uplo == c'L') == (ta == c'N')) == (side == c'L')
    cdef scalar one = 1, minus = -1
    cdef scalar *second = a + <Py_ssize_t> half * (lda + 1)
    cdef scalar *between = a + half * <Py_ssize_t> (1 if uplo == c'L' else lda)
    cdef scalar *tail = b + half * <Py_ssize_t> (1 if side == c'L' else ldb)
    if many < FEW or not own(a):
        trsm_of(side, uplo, ta, diag, m, n, a, lda, b, ldb)
    elif order <= AD_TRIANGLE_MOST:
        if scalar is float or scalar is double:
            tiles.triangle[sizeof(scalar) == sizeof(float)](
                side == c'R', uplo == c'L', ta != c'N', diag == c'U', m, n, a, lda, b, ldb)
    elif side == c'L' and forward:
        one_trsm(side, uplo, ta, diag, half, n, a, lda, b, ldb)
        one_gemm(ta, c'N', rest, n, half, &minus, between, lda, b, ldb, &one, tail, ldb)
        one_trsm(side, uplo, ta, diag, rest, n, second, lda, tail, ldb)
    elif side == c'L':
        one_trsm(side, uplo, ta, diag, rest, n, second, lda, tail, ldb)
        one_gemm(ta, c'N', half, n, rest, &minus, between, lda, tail, ldb, &one, b, ldb)
        one_trsm(side, uplo, ta, diag, half, n, a, lda, b, ldb)
    elif forward:
        one_trsm(side, uplo, ta, diag, m, half, a, lda, b, ldb)
        one_gemm(c'N', ta, m, rest, half, &minus, b, ldb, between, lda, &one, tail, ldb)
        one_trsm(side, uplo, ta, diag, m, rest, second, lda, tail, ldb)
    else:
        one_trsm(side, uplo, ta, diag, m, rest, second, lda, tail, ldb)
        one_gemm(c'N', ta, m, half, rest, &minus, tail, ldb, between, lda, &one, b, ldb)
        one_trsm(side, uplo, ta, diag, m, half, a, lda, b, ldb)


cdef inline void part_of_trsm(Call *x, int chunk, scalar *b) noexcept nogil:
    cdef int all = x.n if x.side == c'L' else x.m
    cdef int first = bound(all, chunk, x.across), size = bound(all, chunk + 1, x.across) - first
    if x.side == c'L':
        one_trsm(x.side, x.uplo, x.ta, x.diag, x.m, size, <scalar*> x.a, x.lda, b + first * <Py_ssize_t> x.ldb, x.ldb)
    else:
        one_trsm(x.side, x.uplo, x.ta, x.diag, size, x.n, <scalar*> x.a, x.lda, b + first, x.ldb)


cdef void trsm_chunk(void *context, int chunk, int worker) noexcept nogil:
    cdef Call *x = <Call*> context
    if x.code == F32:
        part_of_trsm[float](x, chunk, <float*> x.b)
    elif x.code == F64:
        part_of_trsm[double](x, chunk, <double*> x.b)
    elif x.code == C64:
        part_of_trsm[c64](x, chunk, <c64*> x.b)
    else:
        part_of_trsm[c128](x, chunk, <c128*> x.b)


cdef void trsm(char side, char uplo, char ta, char diag, int m, int n, scalar *a, int lda,
               scalar *b, int ldb) noexcept nogil:
    """B := op(A)^-1 B, or B op(A)^-1, for a triangle A: in panels of right-hand sides."""
    cdef int order = m if side == c'L' else n, many = n if side == c'L' else m
    cdef double flops = weighed(<double> order * order * many, code_of(a))
    cdef Call x
    x.code = code_of(a)
    x.side, x.uplo, x.ta, x.diag = side, uplo, ta, diag
    x.m, x.n, x.lda, x.ldb = m, n, lda, ldb
    x.a, x.b = a, b
    # Each panel packs the triangle again: of 500 right-hand sides four take 10 % longer than two.
    x.across = panels_for(flops / 4)
    while x.across > 1 and many // x.across < LEAST:
        x.across //= 2
    if x.across == 1:
        one_trsm(side, uplo, ta, diag, m, n, a, lda, b, ldb)
    else:
        parallel_for(trsm_chunk, &x, x.across, threads_of(flops))


# ---------------------------------------------------------------------------------------------- reflections

cdef inline void part_of_reflect(Call *x, int chunk, scalar *c) noexcept nogil:
    # a, b: the two factors, alpha: the workspace.
    cdef int first = bound(x.m, chunk, x.down, TILE), size = bound(x.m, chunk + 1, x.down, TILE) - first
    cdef scalar one = 1, zero = 0, minus = -1
    cdef scalar *w = <scalar*> x.alpha + first * <Py_ssize_t> x.k
    c += first
    one_gemm(c'N', c'N', size, x.k, x.n, &one, c, x.ldc, <scalar*> x.a, x.n, &zero, w, size)
    one_gemm(c'N', c'T', size, x.n, x.k, &minus, w, size, <scalar*> x.b, x.n, &one, c, x.ldc)


cdef void reflect_chunk(void *context, int chunk, int worker) noexcept nogil:
    cdef Call *x = <Call*> context
    if x.code == F32:
        part_of_reflect[float](x, chunk, <float*> x.c)
    elif x.code == F64:
        part_of_reflect[double](x, chunk, <double*> x.c)
    elif x.code == C64:
        part_of_reflect[c64](x, chunk, <c64*> x.c)
    else:
        part_of_reflect[c128](x, chunk, <c128*> x.c)


cdef void reflect(int m, int n, int k, scalar *a, scalar *b, scalar *c, int ldc, scalar *work) noexcept nogil:
    """C -= C A B^T of m x n elements, A and B of n x k without gaps; work of m k elements."""
    cdef double flops = weighed(4.0 * m * n * k, code_of(c))
    cdef Call x
    x.code = code_of(c)
    x.m, x.n, x.k, x.ldc = m, n, k, ldc
    x.alpha, x.a, x.b, x.c = work, a, b, c
    x.down = panels_for(flops)
    while x.down > 1 and m // x.down < TILE:
        x.down //= 2
    parallel_for(reflect_chunk, &x, x.down, threads_of(flops))


# ---------------------------------------------------------------------------------------------- factorisations

cdef void square_subtract(char uplo, int n, int k, scalar *a, int lda, scalar *c, int ldc) noexcept nogil:
    """A triangle of C -= A^H A (upper) or A A^H (lower), for at most BLOCK rows."""
    cdef scalar one = 1, zero = 0
    cdef scalar square[BLOCK * BLOCK]
    cdef int i, j
    if n > BLOCK or not own(a):
        herk_subtract(uplo, c'C' if uplo == c'U' else c'N', n, k, a, lda, c, ldc)
        return
    one_gemm(c'C' if uplo == c'U' else c'N', c'N' if uplo == c'U' else c'C', n, n, k, &one, a, lda, a, lda, &zero,
             square, n)
    for j in range(n):
        for i in range(0 if uplo == c'U' else j, j + 1 if uplo == c'U' else n):
            c[j * <Py_ssize_t> ldc + i] = c[j * <Py_ssize_t> ldc + i] - square[j * n + i]


cdef int potrf(char uplo, int n, scalar *a, int lda) noexcept nogil:
    """A = L L^H or U^H U in place of a triangle: block by block, each from all that are done."""
    cdef int lo = 0, hi, info, block = BLOCK if own(a) else block_of(n, False)
    cdef Py_ssize_t ld = lda
    if (n < ORDER or not ad_panels) and (n <= BLOCK or not own(a)):
        return potrf_of(uplo, n, a, lda)
    while lo < n:
        hi = min(lo + block, n)
        if uplo == c'U':
            square_subtract(c'U', hi - lo, lo, a + lo * ld, lda, a + lo * (ld + 1), lda)
            gemm_add(c'C', c'N', hi - lo, n - hi, lo, -1, a + lo * ld, lda, a + hi * ld, lda, a + hi * ld + lo, lda)
        else:
            square_subtract(c'L', hi - lo, lo, a + lo, lda, a + lo * (ld + 1), lda)
            gemm_add(c'N', c'C', n - hi, hi - lo, lo, -1, a + hi, lda, a + lo, lda, a + lo * ld + hi, lda)
        info = potrf_of(uplo, hi - lo, a + lo * (ld + 1), lda)
        if info > 0:
            return lo + info
        if uplo == c'U':
            trsm(c'L', c'U', c'C', c'N', hi - lo, n - hi, a + lo * (ld + 1), lda, a + hi * ld + lo, lda)
        else:
            trsm(c'R', c'L', c'C', c'N', n - hi, hi - lo, a + lo * (ld + 1), lda, a + lo * ld + hi, lda)
        lo = hi
    return 0


cdef int getrf(int m, int n, scalar *a, int lda, int *piv) noexcept nogil:
    """P A = L U in place, with the interchanges of LAPACK; the number of the first zero on U's diagonal."""
    cdef int k = min(m, n), lo = 0, hi, i, info, first = 0, block = block_of(min(m, n), own(a))
    cdef Py_ssize_t ld = lda
    if (k < ORDER or not ad_panels) and (k < 2 * TILE or not own(a)):
        return getrf_of(m, n, a, lda, piv)
    while lo < k:
        hi = min(lo + block, k)
        info = getrf_of(m - lo, hi - lo, a + lo * (ld + 1), lda, piv + lo)
        if info > 0 and first == 0:
            first = lo + info
        for i in range(lo, hi):
            piv[i] += lo
        laswp(lo, a, lda, lo, hi, piv)
        if hi < n:
            laswp(n - hi, a + hi * ld, lda, lo, hi, piv)
            trsm(c'L', c'L', c'N', c'U', hi - lo, n - hi, a + lo * (ld + 1), lda, a + hi * ld + lo, lda)
            gemm_add(c'N', c'N', m - hi, n - hi, hi - lo, -1, a + lo * ld + hi, lda, a + hi * ld + lo, lda,
                     a + hi * (ld + 1), lda)
        lo = hi
    return first


cdef void upper_inverse(int n, scalar *a, int lda) noexcept nogil:
    """U^-1 in place of an upper triangle U: by halves."""
    cdef int half = n // 2 // ROWS * ROWS, rest = n - half
    cdef scalar *second = a + <Py_ssize_t> half * (lda + 1)
    cdef scalar *between = a + half * <Py_ssize_t> lda
    cdef int i, j
    if n <= AD_TRIANGLE_MOST:
        trtri(c'U', c'N', n, a, lda)
        return
    trsm(c'L', c'U', c'N', c'N', half, rest, a, lda, between, lda)
    trsm(c'R', c'U', c'N', c'N', half, rest, second, lda, between, lda)
    for j in range(rest):
        for i in range(half):
            between[j * <Py_ssize_t> lda + i] = -between[j * <Py_ssize_t> lda + i]
    upper_inverse(half, a, lda)
    upper_inverse(rest, second, lda)


cdef int getri(int n, scalar *a, int lda, int *piv, scalar *work, int lwork) noexcept nogil:
    """A^-1 in place of the factors of getrf: X of ``X L = U^-1``, in blocks of columns; work of TILE n elements."""
    cdef Py_ssize_t ld = lda
    cdef int lo, width, i, j
    cdef scalar x
    if n < 2 * TILE or not own(a):
        return getri_of(n, a, lda, piv, work, lwork)
    for i in range(n):
        if a[i * (ld + 1)] == 0:
            return i + 1
    upper_inverse(n, a, lda)
    lo = (n - 1) // TILE * TILE
    while lo >= 0:
        width = min(TILE, n - lo)
        for j in range(width):
            for i in range(lo + j + 1, n):
                work[j * <Py_ssize_t> n + i] = a[(lo + j) * ld + i]
                a[(lo + j) * ld + i] = 0
        gemm_add(c'N', c'N', n, width, n - lo - width, -1, a + (lo + width) * ld, lda, work + lo + width, n,
                 a + lo * ld, lda)
        trsm(c'R', c'L', c'N', c'U', n, width, work + lo, n, a + lo * ld, lda)
        lo -= TILE
    for j in range(n - 2, -1, -1):
        if piv[j] != j + 1:
            for i in range(n):
                x = a[j * ld + i]
                a[j * ld + i] = a[(piv[j] - 1) * ld + i]
                a[(piv[j] - 1) * ld + i] = x
    return 0
