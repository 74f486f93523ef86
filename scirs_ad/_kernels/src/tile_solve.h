/* Solutions of linear equations of tile.h. A template, as tile_lanes.h. */

static uint32_t NAME(solve)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n, k = t->k;
    V *x = work, *b = x + n * n;
    NAME(load)(x, t, 0, lane, n, n);
    NAME(load)(b, t, 1, lane, n, k);
    const uint32_t bad = NAME(bits)(~NAME(solve_in_place)(x, b, n, k));
    NAME(store)(b, t, 2, lane, count, n, k);
    return bad;
}

/* Of A, X with A X = B, and the cotangent of X: that of B, G = A^-T ct, and that of A, -G X^T. */
static uint32_t NAME(solve_pull)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n, k = t->k;
    V *x = work, *g = x + n * n, *y = g + n * k;
    ad_tile transposed = *t;
    transposed.rs[0] = t->cs[0], transposed.cs[0] = t->rs[0];
    NAME(load)(x, &transposed, 0, lane, n, n);
    NAME(load)(y, t, 1, lane, n, k);
    NAME(load)(g, t, 2, lane, n, k);
    const uint32_t bad = NAME(bits)(~NAME(solve_in_place)(x, g, n, k));
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            V sum = -g[i * k] * y[j * k];
            for (int r = 1; r < k; r++)
                sum -= g[i * k + r] * y[j * k + r];
            x[i * n + j] = sum;
        }
    NAME(store)(g, t, 3, lane, count, n, k);
    NAME(store)(x, t, 4, lane, count, n, n);
    return bad;
}

/* b := T^-1 b for T = x, lower (or the transpose of an upper, `across`) or upper triangle; `inverse`: of the diagonal. */
AD_INLINE void NAME(forward)(const V *x, int down, int across, const V *inverse, V *b, int n, int k, int upper)
{
    for (int s = 0; s < n; s++) {
        const int i = upper ? n - 1 - s : s;
        if (inverse)
            for (int r = 0; r < k; r++)
                b[i * k + r] *= inverse[i];
        if (upper)
            NAME(eliminate)(b, k, x + i * across, down, b + i * k, i, k);
        else
            NAME(eliminate)(b + (i + 1) * k, k, x + (i + 1) * down + i * across, down, b + i * k, n - i - 1, k);
    }
}

/* Flag: 0 one triangle, 1 with a unit diagonal, 2 a Cholesky factor: L L^T x = b, or U^T U x = b. */
static uint32_t NAME(triangular)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n, k = t->k;
    V *x = work, *b = x + n * n, inverse[AD_TILE_MOST];
    MASK good = NAME(all)(0) == NAME(all)(0);
    NAME(load)(x, t, 0, lane, n, n);
    NAME(load)(b, t, 1, lane, n, k);
    for (int i = 0; i < n && t->flag != 1; i++) {
        good &= x[i * n + i] != NAME(all)(0);
        inverse[i] = NAME(all)(1) / x[i * n + i];
    }
    if (t->flag == 2) {
        const int down = t->lower ? n : 1, across = t->lower ? 1 : n;
        NAME(forward)(x, down, across, inverse, b, n, k, 0);
        NAME(forward)(x, across, down, inverse, b, n, k, 1);
    } else
        NAME(forward)(x, n, 1, t->flag ? NULL : inverse, b, n, k, !t->lower);
    NAME(store)(b, t, 2, lane, count, n, k);
    return NAME(bits)(~good);
}

AD_INLINE void NAME(exchange)(V *b, int k, int i, MASK p, int n)
{
    for (int q = i + 1; q < n; q++) {
        const MASK here = p == (I)q;
        if (NAME(any)(here))
            for (int r = 0; r < k; r++) {
                const V u = b[i * k + r], v = b[q * k + r];
                b[i * k + r] = NAME(pick)(here, v, u);
                b[q * k + r] = NAME(pick)(here, u, v);
            }
    }
}

/* Reads the rows exchanged, operand `arg`; the lanes in which all are rows. */
AD_INLINE MASK NAME(take_rows)(MASK *p, const ad_tile *t, int arg, char *const *lane)
{
    MASK good = NAME(all)(0) == NAME(all)(0);
    for (int c = 0; c < t->n; c++) {
        for (int l = 0; l < W; l++)
            p[c][l] = *(const int32_t *)(lane[arg * W + l] + c * t->rs[arg]);
        good &= (p[c] >= (I)c) & (p[c] < (I)t->n);
    }
    return good;
}

/* From L and U, packed, and the row exchanges; flag: of the transpose. */
static uint32_t NAME(lu_solve)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n, k = t->k;
    V *x = work, *b = x + n * n, inverse[AD_TILE_MOST];
    MASK p[AD_TILE_MOST], good = NAME(take_rows)(p, t, 1, lane);
    NAME(load)(x, t, 0, lane, n, n);
    for (int c = 0; c < n; c++) {
        good &= x[c * n + c] != NAME(all)(0);
        inverse[c] = NAME(all)(1) / x[c * n + c];
    }
    NAME(load)(b, t, 2, lane, n, k);
    if (!t->flag) {
        for (int c = 0; c < n; c++)
            NAME(exchange)(b, k, c, p[c], n);
        NAME(forward)(x, n, 1, NULL, b, n, k, 0);
        NAME(forward)(x, n, 1, inverse, b, n, k, 1);
    } else {
        NAME(forward)(x, 1, n, inverse, b, n, k, 0);
        NAME(forward)(x, 1, n, NULL, b, n, k, 1);
        for (int c = n - 1; c >= 0; c--)
            NAME(exchange)(b, k, c, p[c], n);
    }
    NAME(store)(b, t, 3, lane, count, n, k);
    return NAME(bits)(~good);
}
