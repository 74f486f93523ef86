/* Products of single small matrices, where a call of BLAS takes longer than the work: rows of C in registers, columns in
 * vectors of W elements, then W / 2 ... then one. Each element is one sum in the order of k, whichever block it is in. A
 * template, as tile_lanes.h. */

#define AD_PRODUCT_BLOCK(name, T, vectors) \
    AD_INLINE void NAME(name)(int rows, int k, const S *a, ptrdiff_t ars, ptrdiff_t acs, const S *b, ptrdiff_t brs, S *c, \
                              ptrdiff_t ldc) \
    { \
        T sum[8][vectors]; \
        for (int r = 0; r < rows; r++) \
            for (int v = 0; v < vectors; v++) \
                sum[r][v] = (T){0}; \
        for (int p = 0; p < k; p++) \
            for (int v = 0; v < vectors; v++) { \
                T x; \
                memcpy(&x, b + p * brs + v * (ptrdiff_t)(sizeof(T) / sizeof(S)), sizeof x); \
                for (int r = 0; r < rows; r++) \
                    sum[r][v] += a[r * ars + p * acs] * x; \
            } \
        for (int r = 0; r < rows; r++) \
            memcpy(c + r * ldc, sum[r], sizeof sum[r]); \
    } \
    AD_INLINE void NAME(name##_rows)(int m, int k, const S *a, ptrdiff_t ars, ptrdiff_t acs, const S *b, ptrdiff_t brs, \
                                     S *c, ptrdiff_t ldc) \
    { \
        const int most = vectors * sizeof(T) > 16 ? 4 : 8; \
        int i = 0; \
        for (; i + most <= m; i += most) \
            NAME(name)(most, k, a + i * ars, ars, acs, b, brs, c + i * ldc, ldc); \
        if (most == 8 && m - i >= 4) { \
            NAME(name)(4, k, a + i * ars, ars, acs, b, brs, c + i * ldc, ldc); \
            i += 4; \
        } \
        if (m - i == 3) \
            NAME(name)(3, k, a + i * ars, ars, acs, b, brs, c + i * ldc, ldc); \
        else if (m - i == 2) \
            NAME(name)(2, k, a + i * ars, ars, acs, b, brs, c + i * ldc, ldc); \
        else if (m - i == 1) \
            NAME(name)(1, k, a + i * ars, ars, acs, b, brs, c + i * ldc, ldc); \
    }

AD_PRODUCT_BLOCK(product_2w, V, 2)
AD_PRODUCT_BLOCK(product_w, V, 1)
#if AD_TILE_BYTES >= 64
typedef S NAME(half) __attribute__((vector_size(32)));
AD_PRODUCT_BLOCK(product_half, NAME(half), 1)
#endif
#if AD_TILE_BYTES >= 32
typedef S NAME(quarter) __attribute__((vector_size(16)));
AD_PRODUCT_BLOCK(product_quarter, NAME(quarter), 1)
#endif
#ifdef AD_PRODUCT_PAIR /* of 16 bytes there are four elements: two are a vector still */
typedef S NAME(pair) __attribute__((vector_size(2 * sizeof(S))));
AD_PRODUCT_BLOCK(product_pair, NAME(pair), 1)
#endif
AD_PRODUCT_BLOCK(product_1, S, 1)
#undef AD_PRODUCT_BLOCK

AD_INLINE void NAME(product_of)(int m, int n, int k, const S *a, ptrdiff_t ars, ptrdiff_t acs, const S *b, ptrdiff_t brs,
                                S *c, ptrdiff_t ldc)
{
    int j = 0;
    for (; j + 2 * W <= n; j += 2 * W)
        NAME(product_2w_rows)(m, k, a, ars, acs, b + j, brs, c + j, ldc);
    if (j + W <= n) {
        NAME(product_w_rows)(m, k, a, ars, acs, b + j, brs, c + j, ldc);
        j += W;
    }
#if AD_TILE_BYTES >= 64
    if (j + W / 2 <= n) {
        NAME(product_half_rows)(m, k, a, ars, acs, b + j, brs, c + j, ldc);
        j += W / 2;
    }
#endif
#if AD_TILE_BYTES >= 32
    const int quarter = (int)(16 / sizeof(S));
    if (j + quarter <= n) {
        NAME(product_quarter_rows)(m, k, a, ars, acs, b + j, brs, c + j, ldc);
        j += quarter;
    }
#endif
#ifdef AD_PRODUCT_PAIR
    if (j + 2 <= n) {
        NAME(product_pair_rows)(m, k, a, ars, acs, b + j, brs, c + j, ldc);
        j += 2;
    }
#endif
    if (j < n)
        NAME(product_1_rows)(m, k, a, ars, acs, b + j, brs, c + j, ldc);
}

#ifdef AD_HAS_GEMM
/* By columns: C^T = B^T A^T. From 5 x 5 on it takes 0.3 to 0.9 of the time. */
static void NAME(product_any)(int m, int n, int k, const S *a, ptrdiff_t ars, ptrdiff_t acs, const S *b, ptrdiff_t brs,
                              S *c, ptrdiff_t ldc)
{
    const int whole = n - n % (AD_GEMM_UP * W);
    NAME(gemm_strips)(n, m, k, 1, b, brs, AD_GEMM_UP * W, b + whole, brs, a, acs, ars, 0, c, ldc, NULL);
}
#else
AD_INLINE void NAME(product_any)(int m, int n, int k, const S *a, ptrdiff_t ars, ptrdiff_t acs, const S *b, ptrdiff_t brs,
                                 S *c, ptrdiff_t ldc)
{
    NAME(product_of)(m, n, k, a, ars, acs, b, brs, c, ldc);
}
#endif

/* C = A B with rows of C together, strides in elements. Lengths of two to four are unrolled. */
static void NAME(product)(int m, int n, int k, const void *left, ptrdiff_t ars, ptrdiff_t acs, const void *right,
                          ptrdiff_t brs, ptrdiff_t bcs, void *to, ptrdiff_t ldc)
{
    const S *a = left, *b = right;
    S rows[AD_PRODUCT_MOST * AD_PRODUCT_MOST];
    if (n == 1 && ldc == 1 && ars == 1) { /* down the columns of A */
        NAME(product_of)(1, m, k, b, 1, brs, a, acs, to, m);
        return;
    }
    if (bcs != 1 && n > 1) {
        for (int p = 0; p < k; p++)
            for (int j = 0; j < n; j++)
                rows[p * n + j] = b[p * brs + j * bcs];
        b = rows, brs = n;
    }
#define AD_UNROLLED(M, N) \
    if (m == M && n == N && k == M) { \
        NAME(product_of)(M, N, M, a, ars, acs, b, brs, to, ldc); \
        return; \
    }
    AD_UNROLLED(2, 2) AD_UNROLLED(3, 3) AD_UNROLLED(4, 4) AD_UNROLLED(2, 1) AD_UNROLLED(3, 1) AD_UNROLLED(4, 1)
#undef AD_UNROLLED
    NAME(product_any)(m, n, k, a, ars, acs, b, brs, to, ldc);
}

/* The same of complex matrices, strides in complex elements: the real and the imaginary parts of A with B, whose rows are
 * real numbers, twice as many. */
static void NAME(product_complex)(int m, int n, int k, const void *left, ptrdiff_t ars, ptrdiff_t acs, const void *right,
                                  ptrdiff_t brs, ptrdiff_t bcs, void *to, ptrdiff_t ldc)
{
    enum { MOST = AD_PRODUCT_MOST / 2 };
    const S *a = left, *b = right;
    S *c = to, rows[2 * MOST * MOST], turned[2 * MOST * MOST];
    if (bcs != 1 && n > 1) {
        for (int p = 0; p < k; p++)
            for (int j = 0; j < n; j++)
                memcpy(rows + 2 * (p * n + j), b + 2 * (p * brs + j * bcs), 2 * sizeof(S));
        b = rows, brs = n;
    }
    NAME(product_any)(m, 2 * n, k, a, 2 * ars, 2 * acs, b, 2 * brs, c, 2 * ldc);
    NAME(product_any)(m, 2 * n, k, a + 1, 2 * ars, 2 * acs, b, 2 * brs, turned, 2 * n);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            c[2 * (i * ldc + j)] -= turned[2 * (i * n + j) + 1];
            c[2 * (i * ldc + j) + 1] += turned[2 * (i * n + j)];
        }
}
