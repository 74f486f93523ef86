/* C = alpha op(A) op(B) + beta C by columns, as BLAS's xGEMM, for AVX-512. OpenBLAS as in SciPy's wheels (0.3.30) has no
 * kernels for AMD's processors with AVX-512 and runs those for AVX2: half of the speed on Zen 5. With AVX2 it is as
 * fast as this, so there it stays.
 *
 * Tiles of C in registers, vectors down a column; A in strips as high as a tile, packed unless small (Goto and van de
 * Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34, 2008). B is read where it lies, since eight
 * elements of a row or of eight columns are all that a tile wants of it at a time: packing it cost 2 to 20 % at every
 * size from 33 to 4096. Rows of eight that are far apart are packed, for they are on as many pages: of 300 x 300 the
 * product with B^T went from 70 to 80 Gflop/s, of 1000 x 1000 from 60 to 72. Each element is one sum for every `depth`
 * terms, in their order, wherever its tile begins, so panels of a product are to the bit what the whole is. A template, as
 * tile_lanes.h. */

#define MR (AD_GEMM_UP * W)
#define AD_UNROLL _Pragma("GCC unroll 8")

/* A tile of `up` vectors, of whose last one `rows` elements count unless it is `whole`, and `across` columns. `as`: from one
 * column of A to the next; `bk` and `bj`: from one row and one column of B to the next. */
AD_INLINE void NAME(gemm_tile)(int up, int across, int whole, int k, S alpha, const S *a, ptrdiff_t as, const S *b, ptrdiff_t bk,
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
            if (whole || v + 1 < up)
                memcpy(&x[v], a + v * W, sizeof(V));
            else
                x[v] = NAME(load_some)(a + v * W, rows);
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
            if (!whole && v + 1 == up) {
                const V old = beta != 0 ? x + beta * (V)NAME(load_some)(to, rows) : x;
                NAME(store_some)(to, old, rows);
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

/* All rows of some columns. `last`: what whole strips leave of A, with columns `ls` apart. */
#define AD_GEMM_COLUMNS(name, across, BJ) \
    static void NAME(name)(int m, int k, S alpha, const S *a, ptrdiff_t as, ptrdiff_t strip, const S *last, ptrdiff_t ls, const S *b, \
                           ptrdiff_t bk, ptrdiff_t bj, S beta, S *c, ptrdiff_t ldc) \
    { \
        for (; m >= MR; m -= MR, a += strip, c += MR) \
            NAME(gemm_tile)(AD_GEMM_UP, across, 1, k, alpha, a, as, b, bk, BJ, beta, c, ldc, W); \
        const int up = (m + W - 1) / W, rows = m - (up - 1) * W; \
        if (up == 3) \
            NAME(gemm_tile)(3, across, 0, k, alpha, last, ls, b, bk, BJ, beta, c, ldc, rows); \
        else if (up == 2) \
            NAME(gemm_tile)(2, across, 0, k, alpha, last, ls, b, bk, BJ, beta, c, ldc, rows); \
        else if (up == 1) \
            NAME(gemm_tile)(1, across, 0, k, alpha, last, ls, b, bk, BJ, beta, c, ldc, rows); \
    }
AD_GEMM_COLUMNS(gemm_rows_8, 8, 1)
AD_GEMM_COLUMNS(gemm_rows_4, 4, 1)
AD_GEMM_COLUMNS(gemm_rows_2, 2, 1)
AD_GEMM_COLUMNS(gemm_columns_8, 8, bj)
AD_GEMM_COLUMNS(gemm_columns_4, 4, bj)
AD_GEMM_COLUMNS(gemm_columns_2, 2, bj)
AD_GEMM_COLUMNS(gemm_column, 1, 1)
#undef AD_GEMM_COLUMNS

/* Strips of op(A), m x k: to[s * k + p * high + i] = op(A)[s + i, p], where `high` is MR or what is left for the last. */
static void NAME(gemm_pack)(S *to, int trans, const S *a, ptrdiff_t lda, int m, int k)
{
    const int whole = m - m % MR, left = m - whole;
    if (trans) {
        for (int s = 0; s < m; s += MR)
            NAME(transpose_whole)(to + s * (ptrdiff_t)k, (const char *)(a + s * lda), lda * (ptrdiff_t)sizeof(S), k,
                                  s < whole ? MR : left);
        return;
    }
    for (int p = 0; p < k; p++, a += lda) { /* along columns: fewer pages at a time */
        for (int s = 0; s < whole; s += MR)
            memcpy(to + s * (ptrdiff_t)k + p * MR, a + s, MR * sizeof(S));
        memcpy(to + whole * (ptrdiff_t)k + p * left, a + whole, left * sizeof(S));
    }
}

/* m x n elements, with A as in gemm_rows_8. `room`: for 8 k elements of B, or NULL. */
static void NAME(gemm_strips)(int m, int n, int k, S alpha, const S *a, ptrdiff_t as, ptrdiff_t strip, const S *last,
                              ptrdiff_t ls, const S *b, ptrdiff_t bk, ptrdiff_t bj, S beta, S *c, ptrdiff_t ldc, S *room)
{
    if (room && bj == 1 && bk * (ptrdiff_t)sizeof(S) >= AD_GEMM_APART && m >= 4 * MR)
        for (; n >= 8; n -= 8, b += 8, c += 8 * ldc) {
            for (int p = 0; p < k; p++)
                memcpy(room + p * 8, b + p * bk, 8 * sizeof(S));
            NAME(gemm_rows_8)(m, k, alpha, a, as, strip, last, ls, room, 8, 1, beta, c, ldc);
        }
    for (; n >= 8; n -= 8, b += 8 * bj, c += 8 * ldc)
        (bj == 1 ? NAME(gemm_rows_8) : NAME(gemm_columns_8))(m, k, alpha, a, as, strip, last, ls, b, bk, bj, beta, c, ldc);
    if (n & 4) {
        (bj == 1 ? NAME(gemm_rows_4) : NAME(gemm_columns_4))(m, k, alpha, a, as, strip, last, ls, b, bk, bj, beta, c, ldc);
        b += 4 * bj, c += 4 * ldc;
    }
    if (n & 2) {
        (bj == 1 ? NAME(gemm_rows_2) : NAME(gemm_columns_2))(m, k, alpha, a, as, strip, last, ls, b, bk, bj, beta, c, ldc);
        b += 2 * bj, c += 2 * ldc;
    }
    if (n & 1)
        NAME(gemm_column)(m, k, alpha, a, as, strip, last, ls, b, bk, bj, beta, c, ldc);
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
    /* Parts of equal depth: 256 and 44 of 300 terms took 8 % longer. */
    const int most = tb ? AD_GEMM_DEPTH / 2 : AD_GEMM_DEPTH, parts = (k + most - 1) / most, equal = ((k + parts - 1) / parts + 7) & -8;
    const int block = (tb ? 2 * AD_GEMM_STRIPS : AD_GEMM_STRIPS) * MR;
    S *const packed = strips + (AD_GEMM_STRIPS + 1) * AD_GEMM_DEPTH * MR;
    for (int p = 0; p < k; p += equal, beta = 1) {
        const int depth = k - p < equal ? k - p : equal;
        for (int i = 0; i < m; i += block) {
            const int high = m - i < block ? m - i : block, whole = high - high % MR;
            const S *const first = ta ? a + i * lda + p : a + p * lda + i;
            const int near = !ta && (n <= AD_GEMM_FEW || m * (ptrdiff_t)k * (ptrdiff_t)sizeof(S) <= AD_GEMM_NEAR);
            if (!near)
                NAME(gemm_pack)(strips, ta, first, lda, high, depth);
            const S *const x = near ? first : strips, *y = (const S *)pb + p * bk;
            const ptrdiff_t as = near ? lda : MR, ls = near ? lda : high - whole, strip = near ? MR : MR * (ptrdiff_t)depth;
            NAME(gemm_strips)(high, n, depth, alpha, x, as, strip, x + whole / MR * strip, ls, y, bk, bj, beta, (S *)pc + i, ldc, packed);
        }
    }
}
#undef MR
#undef AD_UNROLL
