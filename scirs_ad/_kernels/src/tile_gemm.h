/* C = alpha op(A) op(B) + beta C by columns, as BLAS's xGEMM, for AVX-512. OpenBLAS as in SciPy's wheels (0.3.30) has no
 * kernels for AMD's processors with AVX-512 and runs those for AVX2: half of the speed on Zen 5. With AVX2 it is as
 * fast as this, so there it stays.
 *
 * Tiles of C in registers, vectors down a column; A in strips as high as a tile, packed unless small (Goto and van de
 * Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34, 2008). B is read where it lies, since eight
 * elements of a row or of eight columns are all that a tile wants of it at a time: packing it cost 2 to 20 % at every
 * size from 33 to 4096. Each element is one sum for every AD_GEMM_DEPTH terms, in their order, wherever its tile begins,
 * so panels of a product are to the bit what the whole is. A template, as tile_lanes.h. */

#define MR (AD_GEMM_UP * W)
#define AD_UNROLL _Pragma("GCC unroll 8")

/* A tile of `up` vectors and `across` columns, of whose last vector `rows` elements are in C. `as`: from one column of A to
 * the next; `bk` and `bj`: from one row and one column of B to the next. */
AD_INLINE void NAME(gemm_tile)(int up, int across, int k, S alpha, const S *a, ptrdiff_t as, const S *b, ptrdiff_t bk,
                               ptrdiff_t bj, S beta, S *c, ptrdiff_t ldc, int rows)
{
    V sum[AD_GEMM_ACROSS][AD_GEMM_UP];
    AD_UNROLL
    for (int j = 0; j < across; j++) {
        AD_UNROLL
        for (int v = 0; v < up; v++)
            sum[j][v] = (V){0};
    }
    for (int p = 0; p < k; p++, a += as, b += bk) {
        V x[AD_GEMM_UP];
        AD_UNROLL
        for (int v = 0; v < up; v++)
            memcpy(&x[v], a + v * W, sizeof(V));
        AD_UNROLL
        for (int j = 0; j < across; j++) {
            AD_UNROLL
            for (int v = 0; v < up; v++)
                sum[j][v] += x[v] * b[j * bj];
        }
    }
    AD_UNROLL
    for (int j = 0; j < across; j++) {
        AD_UNROLL
        for (int v = 0; v < up; v++) {
            S *const to = c + j * ldc + v * W;
            const V x = alpha * sum[j][v];
            if (v + 1 == up && rows < W) {
                for (int r = 0; r < rows; r++)
                    to[r] = beta != 0 ? x[r] + beta * to[r] : x[r];
            } else if (beta != 0) {
                V old;
                memcpy(&old, to, sizeof(V));
                old = x + beta * old;
                memcpy(to, &old, sizeof(V));
            } else
                memcpy(to, &x, sizeof(V));
        }
    }
}

/* All rows of some columns. What whole strips leave of A is in `last`, padded to whole vectors. */
#define AD_GEMM_COLUMNS(name, across, BJ) \
    static void NAME(name)(int m, int k, S alpha, const S *a, ptrdiff_t as, ptrdiff_t strip, const S *last, const S *b, \
                           ptrdiff_t bk, ptrdiff_t bj, S beta, S *c, ptrdiff_t ldc) \
    { \
        for (; m >= MR; m -= MR, a += strip, c += MR) \
            NAME(gemm_tile)(AD_GEMM_UP, across, k, alpha, a, as, b, bk, BJ, beta, c, ldc, W); \
        const int up = (m + W - 1) / W, rows = m - (up - 1) * W; \
        if (up == 3) \
            NAME(gemm_tile)(3, across, k, alpha, last, 3 * W, b, bk, BJ, beta, c, ldc, rows); \
        else if (up == 2) \
            NAME(gemm_tile)(2, across, k, alpha, last, 2 * W, b, bk, BJ, beta, c, ldc, rows); \
        else if (up == 1) \
            NAME(gemm_tile)(1, across, k, alpha, last, W, b, bk, BJ, beta, c, ldc, rows); \
    }
AD_GEMM_COLUMNS(gemm_rows_8, 8, 1)
AD_GEMM_COLUMNS(gemm_rows_4, 4, 1)
AD_GEMM_COLUMNS(gemm_rows_2, 2, 1)
AD_GEMM_COLUMNS(gemm_columns_8, 8, bj)
AD_GEMM_COLUMNS(gemm_columns_4, 4, bj)
AD_GEMM_COLUMNS(gemm_columns_2, 2, bj)
AD_GEMM_COLUMNS(gemm_column, 1, 1)
#undef AD_GEMM_COLUMNS

/* Strips of op(A), m x k: to[s * k + p * high + i] = op(A)[s + i, p], where `high` is MR, and of the last strip whole
 * vectors with zeros below; those from row `begin` on. */
static void NAME(gemm_pack)(S *to, int trans, const S *a, ptrdiff_t lda, int begin, int m, int k)
{
    const int whole = m - m % MR, rows = m - whole, high = (rows + W - 1) / W * W;
    if (trans)
        for (int s = begin; s < whole; s += MR)
            NAME(transpose_whole)(to + s * (ptrdiff_t)k, (const char *)(a + s * lda), lda * (ptrdiff_t)sizeof(S), k, MR);
    else if (begin < whole)
        for (int p = 0; p < k; p++) /* along columns: fewer pages at a time */
            for (int s = begin; s < whole; s += MR)
                memcpy(to + s * (ptrdiff_t)k + p * MR, a + s + p * lda, MR * sizeof(S));
    to += whole * (ptrdiff_t)k;
    a += whole * (trans ? lda : 1);
    for (int p = 0; p < k && rows; p++, to += high) {
        if (trans)
            for (int i = 0; i < rows; i++)
                to[i] = a[i * lda + p];
        else
            memcpy(to, a + p * lda, rows * sizeof(S));
        for (int i = rows; i < high; i++)
            to[i] = 0;
    }
}

/* `room`: AD_GEMM_ROOM bytes, aligned to a line. */
static void NAME(gemm)(int ta, int tb, int m, int n, int k, const void *palpha, const void *pa, ptrdiff_t lda,
                       const void *pb, ptrdiff_t ldb, const void *pbeta, void *pc, ptrdiff_t ldc, void *room)
{
    const S *const a = pa, alpha = *(const S *)palpha;
    S *const strips = room, beta = *(const S *)pbeta;
    const ptrdiff_t bk = tb ? ldb : 1, bj = tb ? 1 : ldb;
    if (k <= 0 || alpha == 0) {
        S *c = pc;
        for (int j = 0; j < n; j++, c += ldc)
            for (int i = 0; i < m; i++)
                c[i] = beta != 0 ? beta * c[i] : 0;
        return;
    }
    for (int p = 0; p < k; p += AD_GEMM_DEPTH, beta = 1) {
        const int depth = k - p < AD_GEMM_DEPTH ? k - p : AD_GEMM_DEPTH;
        for (int i = 0; i < m; i += AD_GEMM_STRIPS * MR) {
            const int high = m - i < AD_GEMM_STRIPS * MR ? m - i : AD_GEMM_STRIPS * MR, whole = high - high % MR;
            const S *const first = ta ? a + i * lda + p : a + p * lda + i;
            const int near = !ta && (n <= AD_GEMM_FEW || m * (ptrdiff_t)k * (ptrdiff_t)sizeof(S) <= AD_GEMM_NEAR);
            const S *const last = strips + whole * (ptrdiff_t)depth;
            NAME(gemm_pack)(strips, ta, first, lda, near ? whole : 0, high, depth);
            const S *const x = near ? first : strips, *y = (const S *)pb + p * bk;
            const ptrdiff_t as = near ? lda : MR, strip = near ? MR : MR * (ptrdiff_t)depth;
            S *c = (S *)pc + i;
            int left = n;
            for (; left >= 8; left -= 8, y += 8 * bj, c += 8 * ldc)
                (tb ? NAME(gemm_rows_8) : NAME(gemm_columns_8))(high, depth, alpha, x, as, strip, last, y, bk, bj, beta, c, ldc);
            if (left & 4) {
                (tb ? NAME(gemm_rows_4) : NAME(gemm_columns_4))(high, depth, alpha, x, as, strip, last, y, bk, bj, beta, c, ldc);
                y += 4 * bj, c += 4 * ldc;
            }
            if (left & 2) {
                (tb ? NAME(gemm_rows_2) : NAME(gemm_columns_2))(high, depth, alpha, x, as, strip, last, y, bk, bj, beta, c, ldc);
                y += 2 * bj, c += 2 * ldc;
            }
            if (left & 1)
                NAME(gemm_column)(high, depth, alpha, x, as, strip, last, y, bk, bj, beta, c, ldc);
        }
    }
}
#undef MR
#undef AD_UNROLL
