/* Solutions with a small triangle, between the products of a large one: BLAS's takes half of the time of a solution with
 * 300 x 300 for them. What the triangle acts on are rows of vectors, one per unknown. A template, as tile_lanes.h. */

enum { NAME(TRIANGLE_WIDE) = 8 }; /* vectors of a row at a time: as many sums as hide the latency of one */

/* x_j := (x_j - sum over those before of t(j, i) x_i) / t(j, j) for rows `xs` elements apart, of `wide` vectors, the last one of
 * which has `rest` elements. `inverse`: of t's diagonal. */
AD_INLINE void NAME(triangle_rows)(int wide, int n, int forward, const S *t, ptrdiff_t tj, ptrdiff_t ti, const S *inverse,
                                   S *x, ptrdiff_t xs, int rest)
{
    for (int p = 0; p < n; p++) {
        const int j = forward ? p : n - 1 - p;
        V sum[NAME(TRIANGLE_WIDE)];
        S *const to = x + j * xs;
        _Pragma("GCC unroll 8")
        for (int v = 0; v < wide; v++)
            if (v + 1 < wide)
                memcpy(&sum[v], to + v * W, sizeof(V));
            else
                sum[v] = NAME(load_some)(to + v * W, rest);
        for (int q = 0; q < p; q++) {
            const int i = forward ? q : n - 1 - q;
            const S factor = t[j * tj + i * ti], *from = x + i * xs;
            _Pragma("GCC unroll 8")
            for (int v = 0; v < wide; v++) {
                V y;
                if (v + 1 < wide)
                    memcpy(&y, from + v * W, sizeof(V));
                else
                    y = NAME(load_some)(from + v * W, rest);
                sum[v] -= factor * y;
            }
        }
        _Pragma("GCC unroll 8")
        for (int v = 0; v < wide; v++) {
            const V y = sum[v] * inverse[j];
            if (v + 1 < wide)
                memcpy(to + v * W, &y, sizeof(V));
            else
                NAME(store_some)(to + v * W, y, rest);
        }
    }
}

/* The same of rows of any length. */
static void NAME(triangle_all)(int n, int forward, const S *t, ptrdiff_t tj, ptrdiff_t ti, const S *inverse, S *x,
                               ptrdiff_t xs, int length)
{
    while (length > 0) {
        const int left = (length + W - 1) / W, rest = length - (left - 1) * W;
#define AD_WIDE(w) \
    if (left >= w) { \
        NAME(triangle_rows)(w, n, forward, t, tj, ti, inverse, x, xs, left > w ? W : rest); \
        x += w * W, length -= w * W; \
        continue; \
    }
        AD_WIDE(8) AD_WIDE(6) AD_WIDE(4) AD_WIDE(3) AD_WIDE(2) AD_WIDE(1)
#undef AD_WIDE
    }
}

/* B := op(A)^-1 B, or B op(A)^-1 if `right`, for a triangle of at most AD_TRIANGLE_MOST rows, and B of m x n. */
static void NAME(triangle)(int right, int lower, int trans, int unit, int m, int n, const void *pa, ptrdiff_t lda, void *pb,
                           ptrdiff_t ldb)
{
    const S *const a = pa;
    S *b = pb, inverse[AD_TRIANGLE_MOST], rows[AD_TRIANGLE_MOST * NAME(TRIANGLE_WIDE) * W] __attribute__((aligned(64)));
    const int order = right ? n : m, forward = (lower != trans) != right;
    /* op(A)[i, j] is what x_i is multiplied with for b_j on the right, op(A)[j, i] on the left. */
    const ptrdiff_t tj = right != trans ? lda : 1, ti = right != trans ? 1 : lda;
    for (int j = 0; j < order; j++)
        inverse[j] = unit ? 1 : 1 / a[j * (lda + 1)];
    if (right) {
        NAME(triangle_all)(order, forward, a, tj, ti, inverse, b, ldb, m);
        return;
    }
    for (int wide; n > 0; n -= wide, b += wide * ldb) {
        wide = n < NAME(TRIANGLE_WIDE) * W ? n : NAME(TRIANGLE_WIDE) * W;
        NAME(transpose_into)(rows, wide, (const char *)b, ldb * (ptrdiff_t)sizeof(S), m, wide);
        NAME(triangle_all)(order, forward, a, tj, ti, inverse, rows, wide, wide);
        NAME(transpose_into)(b, ldb, (const char *)rows, wide * (ptrdiff_t)sizeof(S), wide, m);
    }
}
