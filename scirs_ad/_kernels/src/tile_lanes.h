/* Vectors of lanes, and matrices brought into them and back. A template: S the type of an element, I integers of its
 * size, NAME(x) its own x. */
typedef S NAME(lanes) __attribute__((vector_size(AD_TILE_BYTES)));
typedef I NAME(mask) __attribute__((vector_size(AD_TILE_BYTES)));

AD_INLINE V NAME(all)(S x)
{
    V v = {0};
    return v + x;
}

AD_INLINE V NAME(pick)(MASK m, V a, V b) { return (V)(((MASK)a & m) | ((MASK)b & ~m)); }

AD_INLINE V NAME(size)(V a) { return (V)((MASK)a & ((MASK){0} + SIGNLESS)); }

AD_INLINE V NAME(root)(V a)
{
    S x[W] __attribute__((aligned(AD_TILE_BYTES)));
    memcpy(x, &a, sizeof a);
    _Pragma("omp simd")
    for (int l = 0; l < W; l++)
        x[l] = SQRT(x[l]);
    memcpy(&a, x, sizeof a);
    return a;
}

/* One bit per lane. */
AD_INLINE uint32_t NAME(bits)(MASK m)
{
    uint32_t found = 0;
    for (int l = 0; l < W; l++)
        found |= (uint32_t)(m[l] & 1) << l;
    return found;
}

AD_INLINE int NAME(any)(MASK m)
{
    I found = 0;
    for (int l = 0; l < W; l++)
        found |= m[l];
    return found != 0;
}

/* Lanes of a and b, by their numbers in m: those of b from W on. */
AD_INLINE V NAME(choose)(V a, V b, MASK m)
{
#if defined(__GNUC__) && !defined(__clang__)
    return __builtin_shuffle(a, b, m);
#else
    V found;
    for (int l = 0; l < W; l++)
        found[l] = m[l] < W ? a[m[l]] : b[m[l] - W];
    return found;
#endif
}

/* x[i][l] and x[l][i] exchanged, for W vectors: log2(W) rounds of interleaving. */
AD_INLINE void NAME(transpose)(V *x)
{
    MASK even, odd;
    V y[W];
#define AD_ROUND(step) \
    if (step < W) { \
        for (int l = 0; l < W; l++) { \
            even[l] = l & step ? W + l - step : l; \
            odd[l] = l & step ? W + l : l + step; \
        } \
        for (int i = 0; i < W; i++) \
            if (!(i & step)) { \
                y[i] = NAME(choose)(x[i], x[i + step], even); \
                y[i + step] = NAME(choose)(x[i], x[i + step], odd); \
            } \
        for (int i = 0; i < W; i++) \
            x[i] = y[i]; \
    }
    AD_ROUND(1)
    AD_ROUND(2)
    AD_ROUND(4)
    AD_ROUND(8)
#undef AD_ROUND
}

/* `total` elements that lie together: element e of each lane to x[at(e)], where e = r * inner + c goes to r * a + c * b. */
AD_INLINE void NAME(take)(V *x, char *const *lane, ptrdiff_t offset, int total, int inner, int a, int b)
{
    int e = 0;
    for (; total >= W && e < total; e += W) {
        V block[W];
        if (e + W > total) /* the last block overlaps the one before */
            e = total - W;
        for (int l = 0; l < W; l++)
            memcpy(&block[l], lane[l] + offset + e * (ptrdiff_t)sizeof(S), sizeof(V));
        NAME(transpose)(block);
        int r = e / inner, c = e % inner;
        for (int l = 0; l < W; l++) {
            x[r * a + c * b] = block[l];
            if (++c == inner)
                c = 0, r++;
        }
    }
    for (; e < total; e++) {
        V v;
        for (int l = 0; l < W; l++)
            v[l] = ((const S *)(lane[l] + offset))[e];
        x[e / inner * a + e % inner * b] = v;
    }
}

AD_INLINE void NAME(give)(const V *x, char *const *lane, int count, ptrdiff_t offset, int total, int inner, int a, int b)
{
    int e = 0;
    for (; total >= W && e < total; e += W) {
        V block[W];
        if (e + W > total)
            e = total - W;
        int r = e / inner, c = e % inner;
        for (int l = 0; l < W; l++) {
            block[l] = x[r * a + c * b];
            if (++c == inner)
                c = 0, r++;
        }
        NAME(transpose)(block);
        for (int l = 0; l < count; l++)
            memcpy(lane[l] + offset + e * (ptrdiff_t)sizeof(S), &block[l], sizeof(V));
    }
    for (; e < total; e++)
        for (int l = 0; l < count; l++)
            ((S *)(lane[l] + offset))[e] = x[e / inner * a + e % inner * b][l];
}

/* Operand `arg`, rows x cols, to x[i * cols + j]. */
static __attribute__((noinline)) void NAME(load)(V *x, const ad_tile *t, int arg, char *const *lanes, int rows, int cols)
{
    char *const *lane = lanes + arg * W;
    const ptrdiff_t rs = t->rs[arg], cs = t->cs[arg], size = sizeof(S);
    if (!rows || !cols)
        return;
    if (cs == size && (rs == cols * size || rows == 1))
        NAME(take)(x, lane, 0, rows * cols, cols, cols, 1);
    else if (rs == size && (cs == rows * size || cols == 1))
        NAME(take)(x, lane, 0, rows * cols, rows, 1, cols);
    else
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < cols; j++) {
                V v;
                for (int l = 0; l < W; l++)
                    v[l] = *(const S *)(lane[l] + i * rs + j * cs);
                x[i * cols + j] = v;
            }
}

static __attribute__((noinline)) void NAME(store)(const V *x, const ad_tile *t, int arg, char *const *lanes, int count,
                                                  int rows, int cols)
{
    char *const *lane = lanes + arg * W;
    const ptrdiff_t rs = t->rs[arg], cs = t->cs[arg], size = sizeof(S);
    if (!rows || !cols)
        return;
    if (cs == size && (rs == cols * size || rows == 1))
        NAME(give)(x, lane, count, 0, rows * cols, cols, cols, 1);
    else if (rs == size && (cs == rows * size || cols == 1))
        NAME(give)(x, lane, count, 0, rows * cols, rows, 1, cols);
    else
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < cols; j++)
                for (int l = 0; l < count; l++)
                    *(S *)(lane[l] + i * rs + j * cs) = x[i * cols + j][l];
}

/* r[q] -= sum over c of x[q * step + c * xs] * y[c * ys], for `rows` q: four rows share each y. */
AD_INLINE void NAME(minus_products)(V *r, int rstep, int rows, const V *x, int step, int xs, const V *y, int ys, int n)
{
    int q = 0;
    for (; q + 4 <= rows; q += 4) {
        const V *x0 = x + q * step, *x1 = x0 + step, *x2 = x1 + step, *x3 = x2 + step;
        V r0 = r[q * rstep], r1 = r[(q + 1) * rstep], r2 = r[(q + 2) * rstep], r3 = r[(q + 3) * rstep];
        for (int c = 0; c < n; c++) {
            const V z = y[c * ys];
            r0 -= x0[c * xs] * z;
            r1 -= x1[c * xs] * z;
            r2 -= x2[c * xs] * z;
            r3 -= x3[c * xs] * z;
        }
        r[q * rstep] = r0, r[(q + 1) * rstep] = r1, r[(q + 2) * rstep] = r2, r[(q + 3) * rstep] = r3;
    }
    for (; q < rows; q++) {
        V r0 = r[q * rstep];
        for (int c = 0; c < n; c++)
            r0 -= x[q * step + c * xs] * y[c * ys];
        r[q * rstep] = r0;
    }
}

/* out[i * width + j] = from[i + j * step] of one matrix, in blocks of W x W: a scalar loop takes five times as long. */
AD_INLINE void NAME(transpose_into)(S *out, ptrdiff_t width, const char *from, ptrdiff_t step, ptrdiff_t n0, ptrdiff_t n1)
{
    const ptrdiff_t m0 = n0 - n0 % W, m1 = n1 - n1 % W;
    for (ptrdiff_t i = 0; i < m0; i += W) {
        for (ptrdiff_t j = 0; j < m1; j += W) {
            V block[W];
            for (int l = 0; l < W; l++)
                memcpy(&block[l], from + (j + l) * step + i * (ptrdiff_t)sizeof(S), sizeof(V));
            NAME(transpose)(block);
            for (int l = 0; l < W; l++)
                memcpy(out + (i + l) * width + j, &block[l], sizeof(V));
        }
        for (ptrdiff_t j = m1; j < n1; j++)
            for (int l = 0; l < W; l++)
                out[(i + l) * width + j] = ((const S *)(from + j * step))[i + l];
    }
    for (ptrdiff_t i = m0; i < n0; i++)
        for (ptrdiff_t j = 0; j < n1; j++)
            out[i * width + j] = ((const S *)(from + j * step))[i];
}

static void NAME(transpose_whole)(void *to, const char *from, ptrdiff_t step, ptrdiff_t n0, ptrdiff_t n1)
{
    NAME(transpose_into)(to, n1, from, step, n0, n1);
}
