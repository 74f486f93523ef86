/* The kernels of tile.h for complex matrices: real and imaginary parts in vectors of their own, side by side. A template,
 * as tile_lanes.h; element e of a matrix is x[2 e], x[2 e + 1]. */
typedef struct {
    V re, im;
} NAME(complex);
#define C NAME(complex)

AD_INLINE C NAME(at)(const V *x, int e) { return (C){x[2 * e], x[2 * e + 1]}; }

AD_INLINE void NAME(set)(V *x, int e, C z) { x[2 * e] = z.re, x[2 * e + 1] = z.im; }

AD_INLINE C NAME(times)(C a, C b) { return (C){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }

AD_INLINE C NAME(minus)(C r, C a, C b)
{
    return (C){r.re - a.re * b.re + a.im * b.im, r.im - a.re * b.im - a.im * b.re};
}

/* r - a conj(b) */
AD_INLINE C NAME(minus_conj)(C r, C a, C b)
{
    return (C){r.re - a.re * b.re - a.im * b.im, r.im + a.re * b.im - a.im * b.re};
}

/* 1 / z where its square stays in range: other lanes are not good. */
AD_INLINE C NAME(inverse_of)(C z, MASK *good)
{
    const V square = z.re * z.re + z.im * z.im, s = NAME(all)(1) / square;
    *good &= (square > NAME(all)(TINY)) & (square < NAME(all)(HUGE_));
    return (C){z.re * s, -z.im * s};
}

AD_INLINE void NAME(conjugate)(V *x, int n)
{
    for (int e = 0; e < n; e++)
        x[2 * e + 1] = -x[2 * e + 1];
}

static __attribute__((noinline)) void NAME(load_complex)(V *x, const ad_tile *t, int arg, char *const *lanes, int rows, int cols)
{
    char *const *lane = lanes + arg * W;
    const ptrdiff_t rs = t->rs[arg], cs = t->cs[arg], size = 2 * sizeof(S);
    if (!rows || !cols)
        return;
    if (cs == size && (rs == cols * size || rows == 1))
        NAME(take)(x, lane, 0, 2 * rows * cols, 2 * rows * cols, 0, 1);
    else if (rs == size)
        for (int j = 0; j < cols; j++)
            NAME(take)(x + 2 * j, lane, j * cs, 2 * rows, 2, 2 * cols, 1);
    else
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < cols; j++)
                for (int part = 0; part < 2; part++)
                    for (int l = 0; l < W; l++)
                        x[2 * (i * cols + j) + part][l] = ((const S *)(lane[l] + i * rs + j * cs))[part];
}

static __attribute__((noinline)) void NAME(store_complex)(const V *x, const ad_tile *t, int arg, char *const *lanes, int count,
                                                          int rows, int cols)
{
    char *const *lane = lanes + arg * W;
    const ptrdiff_t rs = t->rs[arg], cs = t->cs[arg], size = 2 * sizeof(S);
    if (!rows || !cols)
        return;
    if (cs == size && (rs == cols * size || rows == 1))
        NAME(give)(x, lane, count, 0, 2 * rows * cols, 2 * rows * cols, 0, 1);
    else if (rs == size)
        for (int j = 0; j < cols; j++)
            NAME(give)(x + 2 * j, lane, count, j * cs, 2 * rows, 2, 2 * cols, 1);
    else
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < cols; j++)
                for (int part = 0; part < 2; part++)
                    for (int l = 0; l < count; l++)
                        ((S *)(lane[l] + i * rs + j * cs))[part] = x[2 * (i * cols + j) + part][l];
}

/* x[i, j] -= factor[i] y[j] (or conj(factor[i]) y[j]): two rows share each y. */
AD_INLINE void NAME(eliminate_complex)(V *x, int stride, const V *factor, int step, int conj, const V *y, int rows, int cols)
{
    int i = 0;
    for (; i + 2 <= rows; i += 2) {
        V *x0 = x + 2 * i * stride, *x1 = x0 + 2 * stride;
        C f0 = NAME(at)(factor, i * step), f1 = NAME(at)(factor, (i + 1) * step);
        if (conj)
            f0.im = -f0.im, f1.im = -f1.im;
        for (int j = 0; j < cols; j++) {
            const C z = NAME(at)(y, j);
            NAME(set)(x0, j, NAME(minus)(NAME(at)(x0, j), f0, z));
            NAME(set)(x1, j, NAME(minus)(NAME(at)(x1, j), f1, z));
        }
    }
    if (i < rows) {
        C f = NAME(at)(factor, i * step);
        if (conj)
            f.im = -f.im;
        for (int j = 0; j < cols; j++)
            NAME(set)(x, i * stride + j, NAME(minus)(NAME(at)(x, i * stride + j), f, NAME(at)(y, j)));
    }
}

/* As `cholesky`: L of (A + A^H) / 2, or of the lower triangle of A. */
static uint32_t NAME(cholesky_complex)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n;
    const V zero = NAME(all)(0), half = NAME(all)((S)0.5);
    V *x = work;
    MASK good = zero == zero;
    NAME(load_complex)(x, t, 0, lane, n, n);
    if (t->conj)
        NAME(conjugate)(x, n * n);
    if (t->flag)
        for (int i = 0; i < n; i++)
            for (int j = 0; j < i; j++) {
                const C a = NAME(at)(x, i * n + j), b = NAME(at)(x, j * n + i);
                NAME(set)(x, i * n + j, (C){half * (a.re + b.re), half * (a.im - b.im)});
            }
    for (int j = 0; j < n; j++) {
        const V *row = x + 2 * j * n;
        V d = row[2 * j];
        for (int c = 0; c < j; c++)
            d -= row[2 * c] * row[2 * c] + row[2 * c + 1] * row[2 * c + 1];
        good &= (d > zero) & (d - d == zero);
        const V root = NAME(root)(d), inverse = NAME(all)(1) / root;
        NAME(set)(x, j * n + j, (C){root, zero});
        int i = j + 1;
        for (; i + 2 <= n; i += 2) {
            C r0 = NAME(at)(x, i * n + j), r1 = NAME(at)(x, (i + 1) * n + j);
            for (int c = 0; c < j; c++) {
                const C z = NAME(at)(row, c);
                r0 = NAME(minus_conj)(r0, NAME(at)(x, i * n + c), z);
                r1 = NAME(minus_conj)(r1, NAME(at)(x, (i + 1) * n + c), z);
            }
            NAME(set)(x, i * n + j, (C){r0.re * inverse, r0.im * inverse});
            NAME(set)(x, (i + 1) * n + j, (C){r1.re * inverse, r1.im * inverse});
        }
        for (; i < n; i++) {
            C r = NAME(at)(x, i * n + j);
            for (int c = 0; c < j; c++)
                r = NAME(minus_conj)(r, NAME(at)(x, i * n + c), NAME(at)(row, c));
            NAME(set)(x, i * n + j, (C){r.re * inverse, r.im * inverse});
        }
        for (i = j + 1; i < n; i++)
            NAME(set)(x, j * n + i, (C){zero, zero});
    }
    if (t->conj)
        NAME(conjugate)(x, n * n);
    NAME(store_complex)(x, t, 1, lane, count, n, n);
    return NAME(bits)(~good);
}

/* As `cholesky_pull`: S is Hermitian. */
static uint32_t NAME(cholesky_pull_complex)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n;
    const V half = NAME(all)((S)0.5);
    V *x = work, *s = x + 2 * n * n;
    MASK good = half == half;
    NAME(load_complex)(x, t, 0, lane, n, n);
    NAME(load_complex)(s, t, 1, lane, n, n);
    for (int k = n - 1; k >= 0; k--) {
        const C inverse = NAME(inverse_of)(NAME(at)(x, k * n + k), &good);
        C d = NAME(at)(s, k * n + k);
        int i = k + 1;
        for (; i + 2 <= n; i += 2) {
            C y0 = NAME(at)(s, i * n + k), y1 = NAME(at)(s, (i + 1) * n + k);
            for (int j = k + 1; j < n; j++) {
                const C z = NAME(at)(x, j * n + k);
                y0 = NAME(minus)(y0, NAME(at)(s, i * n + j), z);
                y1 = NAME(minus)(y1, NAME(at)(s, (i + 1) * n + j), z);
            }
            NAME(set)(s, i * n + k, NAME(times)(y0, inverse));
            NAME(set)(s, (i + 1) * n + k, NAME(times)(y1, inverse));
        }
        for (; i < n; i++) {
            C y = NAME(at)(s, i * n + k);
            for (int j = k + 1; j < n; j++)
                y = NAME(minus)(y, NAME(at)(s, i * n + j), NAME(at)(x, j * n + k));
            NAME(set)(s, i * n + k, NAME(times)(y, inverse));
        }
        for (i = k + 1; i < n; i++) {
            C y = NAME(at)(s, i * n + k);
            y.im = -y.im;
            NAME(set)(s, k * n + i, y);
            d = NAME(minus)(d, y, NAME(at)(x, i * n + k));
        }
        d = NAME(times)(d, inverse);
        NAME(set)(s, k * n + k, (C){d.re, NAME(all)(0)});
    }
    for (int e = 0; e < 2 * n * n; e++)
        s[e] *= half;
    NAME(store_complex)(s, t, 2, lane, count, n, n);
    return NAME(bits)(~good);
}

AD_INLINE MASK NAME(lu_in_place_complex)(V *x, int n, MASK *p)
{
    MASK good = NAME(all)(0) == NAME(all)(0);
    for (int c = 0; c < n; c++) {
        p[c] = NAME(pivot)(2, x, n, c, 0, NULL, 0);
        const C inverse = NAME(inverse_of)(NAME(at)(x, c * n + c), &good);
        for (int i = c + 1; i < n; i++)
            NAME(set)(x, i * n + c, NAME(times)(NAME(at)(x, i * n + c), inverse));
        NAME(eliminate_complex)(x + 2 * (c + 1) * (n + 1), n, x + 2 * ((c + 1) * n + c), n, 0, x + 2 * (c * n + c + 1),
                                n - c - 1, n - c - 1);
    }
    return good;
}

static uint32_t NAME(lu_complex)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n;
    V *x = work;
    MASK p[AD_TILE_MOST];
    NAME(load_complex)(x, t, 0, lane, n, n);
    const uint32_t bad = NAME(bits)(~NAME(lu_in_place_complex)(x, n, p));
    NAME(store_complex)(x, t, 1, lane, count, n, n);
    NAME(give_rows)(p, t, 2, lane, count);
    return bad;
}

static uint32_t NAME(diagonal_complex)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n;
    V *x = work, *found = x + 2 * n * n;
    MASK p[AD_TILE_MOST], odd = {0};
    NAME(load_complex)(x, t, 0, lane, n, n);
    const uint32_t bad = NAME(bits)(~NAME(lu_in_place_complex)(x, n, p));
    for (int c = 0; c < n; c++) {
        odd ^= p[c] != (I)c;
        NAME(set)(found, 1 + c, NAME(at)(x, c * n + c));
    }
    NAME(set)(found, 0, (C){NAME(pick)(odd, NAME(all)(-1), NAME(all)(1)), NAME(all)(0)});
    NAME(store_complex)(found, t, 1, lane, count, n + 1, 1);
    return bad;
}

AD_INLINE MASK NAME(solve_in_place_complex)(V *x, V *b, int n, int k)
{
    MASK good = NAME(all)(0) == NAME(all)(0);
    for (int c = 0; c < n; c++) {
        const int rest = n - c - 1;
        NAME(pivot)(2, x, n, c, c, b, k);
        const C inverse = NAME(inverse_of)(NAME(at)(x, c * n + c), &good);
        NAME(set)(x, c * n + c, inverse);
        for (int i = c + 1; i < n; i++)
            NAME(set)(x, i * n + c, NAME(times)(NAME(at)(x, i * n + c), inverse));
        const V *factor = x + 2 * ((c + 1) * n + c);
        NAME(eliminate_complex)(x + 2 * (c + 1) * (n + 1), n, factor, n, 0, x + 2 * (c * n + c + 1), rest, rest);
        NAME(eliminate_complex)(b + 2 * (c + 1) * k, k, factor, n, 0, b + 2 * c * k, rest, k);
    }
    for (int i = n - 1; i >= 0; i--) {
        const C inverse = NAME(at)(x, i * n + i);
        for (int r = 0; r < k; r++)
            NAME(set)(b, i * k + r, NAME(times)(NAME(at)(b, i * k + r), inverse));
        NAME(eliminate_complex)(b, k, x + 2 * i, n, 0, b + 2 * i * k, i, k);
    }
    return good;
}

static uint32_t NAME(inv_complex)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n;
    V *x = work, *b = x + 2 * n * n;
    NAME(load_complex)(x, t, 0, lane, n, n);
    for (int e = 0; e < n * n; e++)
        NAME(set)(b, e, (C){NAME(all)(e % (n + 1) == 0), NAME(all)(0)});
    const uint32_t bad = NAME(bits)(~NAME(solve_in_place_complex)(x, b, n, n));
    NAME(store_complex)(b, t, 1, lane, count, n, n);
    return bad;
}

static uint32_t NAME(solve_complex)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n, k = t->k;
    V *x = work, *b = x + 2 * n * n;
    NAME(load_complex)(x, t, 0, lane, n, n);
    NAME(load_complex)(b, t, 1, lane, n, k);
    const uint32_t bad = NAME(bits)(~NAME(solve_in_place_complex)(x, b, n, k));
    NAME(store_complex)(b, t, 2, lane, count, n, k);
    return bad;
}

/* As `solve_pull`: G = A^-H ct, and -G X^H. */
static uint32_t NAME(solve_pull_complex)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n, k = t->k;
    V *x = work, *g = x + 2 * n * n, *y = g + 2 * n * k;
    ad_tile transposed = *t;
    transposed.rs[0] = t->cs[0], transposed.cs[0] = t->rs[0];
    NAME(load_complex)(x, &transposed, 0, lane, n, n);
    NAME(conjugate)(x, n * n);
    NAME(load_complex)(y, t, 1, lane, n, k);
    NAME(load_complex)(g, t, 2, lane, n, k);
    const uint32_t bad = NAME(bits)(~NAME(solve_in_place_complex)(x, g, n, k));
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            C sum = {NAME(all)(0), NAME(all)(0)};
            for (int r = 0; r < k; r++)
                sum = NAME(minus_conj)(sum, NAME(at)(g, i * k + r), NAME(at)(y, j * k + r));
            NAME(set)(x, i * n + j, sum);
        }
    NAME(store_complex)(g, t, 3, lane, count, n, k);
    NAME(store_complex)(x, t, 4, lane, count, n, n);
    return bad;
}

/* As `forward`; conj: of the conjugate triangle (`inverse` is that of the diagonal as it is). */
AD_INLINE void NAME(forward_complex)(const V *x, int down, int across, int conj, const V *inverse, V *b, int n, int k, int upper)
{
    for (int s = 0; s < n; s++) {
        const int i = upper ? n - 1 - s : s;
        if (inverse) {
            C f = NAME(at)(inverse, i);
            if (conj)
                f.im = -f.im;
            for (int r = 0; r < k; r++)
                NAME(set)(b, i * k + r, NAME(times)(NAME(at)(b, i * k + r), f));
        }
        if (upper)
            NAME(eliminate_complex)(b, k, x + 2 * i * across, down, conj, b + 2 * i * k, i, k);
        else
            NAME(eliminate_complex)(b + 2 * (i + 1) * k, k, x + 2 * ((i + 1) * down + i * across), down, conj, b + 2 * i * k,
                                    n - i - 1, k);
    }
}

/* Flag as for `triangular`: 2 is L L^H x = b, or U^H U x = b. */
static uint32_t NAME(triangular_complex)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n, k = t->k;
    V *x = work, *b = x + 2 * n * n, inverse[2 * AD_TILE_MOST];
    MASK good = NAME(all)(0) == NAME(all)(0);
    NAME(load_complex)(x, t, 0, lane, n, n);
    NAME(load_complex)(b, t, 1, lane, n, k);
    if (t->flag != 1)
        for (int i = 0; i < n; i++)
            NAME(set)(inverse, i, NAME(inverse_of)(NAME(at)(x, i * n + i), &good));
    if (t->flag == 2) {
        const int down = t->lower ? n : 1, across = t->lower ? 1 : n;
        NAME(forward_complex)(x, down, across, !t->lower, inverse, b, n, k, 0);
        NAME(forward_complex)(x, across, down, t->lower, inverse, b, n, k, 1);
    } else
        NAME(forward_complex)(x, n, 1, t->conj, t->flag ? NULL : inverse, b, n, k, !t->lower);
    NAME(store_complex)(b, t, 2, lane, count, n, k);
    return NAME(bits)(~good);
}

/* As `lu_solve`; flag 2: of the conjugate transpose. */
static uint32_t NAME(lu_solve_complex)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n, k = t->k, conj = t->flag == 2;
    V *x = work, *b = x + 2 * n * n, inverse[2 * AD_TILE_MOST];
    MASK p[AD_TILE_MOST], good = NAME(take_rows)(p, t, 1, lane);
    NAME(load_complex)(x, t, 0, lane, n, n);
    for (int c = 0; c < n; c++)
        NAME(set)(inverse, c, NAME(inverse_of)(NAME(at)(x, c * n + c), &good));
    NAME(load_complex)(b, t, 2, lane, n, k);
    if (!t->flag) {
        for (int c = 0; c < n; c++)
            NAME(exchange)(b, 2 * k, c, p[c], n);
        NAME(forward_complex)(x, n, 1, 0, NULL, b, n, k, 0);
        NAME(forward_complex)(x, n, 1, 0, inverse, b, n, k, 1);
    } else {
        NAME(forward_complex)(x, 1, n, conj, inverse, b, n, k, 0);
        NAME(forward_complex)(x, 1, n, conj, NULL, b, n, k, 1);
        for (int c = n - 1; c >= 0; c--)
            NAME(exchange)(b, 2 * k, c, p[c], n);
    }
    NAME(store_complex)(b, t, 3, lane, count, n, k);
    return NAME(bits)(~good);
}
#undef C
