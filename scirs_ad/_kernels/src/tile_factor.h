/* Factorisations of tile.h: Cholesky with its derivative, LU, QR. A template, as tile_lanes.h. */

/* L of (A + A^T) / 2 (t->flag) or of the lower triangle of A. */
static uint32_t NAME(cholesky)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n;
    V *x = work;
    MASK good = NAME(all)(0) == NAME(all)(0);
    NAME(load)(x, t, 0, lane, n, n);
    if (t->flag)
        for (int i = 0; i < n; i++)
            for (int j = 0; j < i; j++)
                x[i * n + j] = NAME(all)((S)0.5) * (x[i * n + j] + x[j * n + i]);
    for (int j = 0; j < n; j++) {
        V *row = x + j * n;
        NAME(minus_products)(row + j, n, n - j, row, n, 1, row, 1, j);
        const V d = row[j];
        good &= (d > NAME(all)(0)) & (d - d == NAME(all)(0));
        row[j] = NAME(root)(d);
        const V inverse = NAME(all)(1) / row[j];
        for (int i = j + 1; i < n; i++) {
            x[i * n + j] *= inverse;
            row[i] = NAME(all)(0);
        }
    }
    NAME(store)(x, t, 1, lane, count, n, n);
    return NAME(bits)(~good);
}

/* The cotangent of A from L and that of L: with S = 2 A-bar, column k of S follows from those to the right of it,
 * S[i, k] = (ct[i, k] - S[i, k+1:] L[k+1:, k]) / L[k, k]. Murray (arXiv:1602.07527), section 3.1, its sums gathered. */
static uint32_t NAME(cholesky_pull)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n;
    V *x = work, *s = x + n * n;
    NAME(load)(x, t, 0, lane, n, n);
    NAME(load)(s, t, 1, lane, n, n);
    for (int k = n - 1; k >= 0; k--) {
        const int rest = n - k - 1;
        const V inverse = NAME(all)(1) / x[k * n + k];
        const V *below = x + (k + 1) * n + k;
        V *column = s + (k + 1) * n + k;
        NAME(minus_products)(column, n, rest, s + (k + 1) * (n + 1), n, 1, below, n, rest);
        V d = s[k * n + k];
        for (int i = 0; i < rest; i++) {
            const V y = column[i * n] * inverse;
            column[i * n] = y;
            s[k * n + k + 1 + i] = y;
            d -= y * below[i * n];
        }
        s[k * n + k] = d * inverse;
    }
    for (int i = 0; i < n * n; i++)
        s[i] *= NAME(all)((S)0.5);
    NAME(store)(s, t, 2, lane, count, n, n);
    return 0;
}

/* Row c, from vector `first` on, exchanged with the row below it of each lane's own: `here[i]` tells where that is row i. */
AD_INLINE void NAME(bring)(V *x, int width, int first, int n, int c, const MASK *here)
{
    for (int j = first; j < width; j++) {
        const V old = x[c * width + j];
        V found = old;
        for (int i = c + 1; i < n; i++) {
            const V v = x[i * width + j];
            found = NAME(pick)(here[i], v, found);
            x[i * width + j] = NAME(pick)(here[i], old, v);
        }
        x[c * width + j] = found;
    }
}

/* How large an element is: of complex ones there are two `parts`, and it is |re| + |im|, as LAPACK's. */
AD_INLINE V NAME(magnitude)(int parts, const V *x) { return parts == 1 ? NAME(size)(x[0]) : NAME(size)(x[0]) + NAME(size)(x[1]); }

/* The row of each lane's pivot in column c is brought to row c; which row that was. `first`: the first column that is
 * exchanged; `b`, with k columns, is exchanged too. */
AD_INLINE MASK NAME(pivot)(int parts, V *x, int n, int c, int first, V *b, int k)
{
    V best = NAME(magnitude)(parts, x + parts * (c * n + c));
    MASK p = (MASK){0} + (I)c;
    for (int i = c + 1; i < n; i++) {
        const V v = NAME(magnitude)(parts, x + parts * (i * n + c));
        const MASK larger = v > best;
        best = NAME(pick)(larger, v, best);
        p = (((MASK){0} + (I)i) & larger) | (p & ~larger);
    }
    if (NAME(any)(p != (I)c)) {
        MASK here[AD_TILE_MOST];
        for (int i = c + 1; i < n; i++)
            here[i] = p == (I)i;
        NAME(bring)(x, parts * n, parts * first, n, c, here);
        NAME(bring)(b, parts * k, 0, n, c, here);
    }
    return p;
}

/* The rows exchanged, as integers: operand `arg`. */
AD_INLINE void NAME(give_rows)(const MASK *p, const ad_tile *t, int arg, char *const *lane, int count)
{
    for (int c = 0; c < t->n; c++)
        for (int l = 0; l < count; l++)
            *(int32_t *)(lane[arg * W + l] + c * t->rs[arg]) = (int32_t)p[c][l];
}

/* x[i, j] -= x[i, c] y[j] for the rows below c: two rows share each y. */
AD_INLINE void NAME(eliminate)(V *x, int stride, const V *factor, int step, const V *y, int rows, int cols)
{
    int i = 0;
    for (; i + 2 <= rows; i += 2) {
        V *x0 = x + i * stride, *x1 = x0 + stride;
        const V f0 = factor[i * step], f1 = factor[(i + 1) * step];
        for (int j = 0; j < cols; j++) {
            const V z = y[j];
            x0[j] -= f0 * z;
            x1[j] -= f1 * z;
        }
    }
    if (i < rows)
        for (int j = 0; j < cols; j++)
            x[i * stride + j] -= factor[i * step] * y[j];
}

/* L and U in place of x, the rows exchanged in p; the lanes without a zero pivot. */
AD_INLINE MASK NAME(lu_in_place)(V *x, int n, MASK *p)
{
    MASK good = NAME(all)(0) == NAME(all)(0);
    for (int c = 0; c < n; c++) {
        p[c] = NAME(pivot)(1, x, n, c, 0, NULL, 0);
        good &= x[c * n + c] != NAME(all)(0);
        const V inverse = NAME(all)(1) / x[c * n + c];
        for (int i = c + 1; i < n; i++)
            x[i * n + c] *= inverse;
        NAME(eliminate)(x + (c + 1) * (n + 1), n, x + (c + 1) * n + c, n, x + c * n + c + 1, n - c - 1, n - c - 1);
    }
    return good;
}

static uint32_t NAME(lu)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n;
    V *x = work;
    MASK p[AD_TILE_MOST];
    NAME(load)(x, t, 0, lane, n, n);
    const uint32_t bad = NAME(bits)(~NAME(lu_in_place)(x, n, p));
    NAME(store)(x, t, 1, lane, count, n, n);
    NAME(give_rows)(p, t, 2, lane, count);
    return bad;
}

/* The diagonal of U, and the sign of the row exchanges in front of it. */
static uint32_t NAME(diagonal)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n;
    V *x = work, *found = x + n * n;
    MASK p[AD_TILE_MOST], odd = {0};
    NAME(load)(x, t, 0, lane, n, n);
    const uint32_t bad = NAME(bits)(~NAME(lu_in_place)(x, n, p));
    for (int c = 0; c < n; c++) {
        odd ^= p[c] != (I)c;
        found[1 + c] = x[c * n + c];
    }
    found[0] = NAME(pick)(odd, NAME(all)(-1), NAME(all)(1));
    NAME(store)(found, t, 1, lane, count, n + 1, 1);
    return bad;
}

/* x = b, n x k, where x is the matrix, by elimination; the lanes without a zero pivot. */
AD_INLINE MASK NAME(solve_in_place)(V *x, V *b, int n, int k)
{
    MASK good = NAME(all)(0) == NAME(all)(0);
    for (int c = 0; c < n; c++) {
        const int rest = n - c - 1;
        NAME(pivot)(1, x, n, c, c, b, k);
        good &= x[c * n + c] != NAME(all)(0);
        const V inverse = NAME(all)(1) / x[c * n + c];
        x[c * n + c] = inverse;
        for (int i = c + 1; i < n; i++)
            x[i * n + c] *= inverse;
        NAME(eliminate)(x + (c + 1) * (n + 1), n, x + (c + 1) * n + c, n, x + c * n + c + 1, rest, rest);
        NAME(eliminate)(b + (c + 1) * k, k, x + (c + 1) * n + c, n, b + c * k, rest, k);
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int r = 0; r < k; r++)
            b[i * k + r] *= x[i * n + i];
        NAME(eliminate)(b, k, x + i, n, b + i * k, i, k);
    }
    return good;
}

static uint32_t NAME(inv)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int n = t->n;
    V *x = work, *b = x + n * n;
    NAME(load)(x, t, 0, lane, n, n);
    for (int i = 0; i < n * n; i++)
        b[i] = NAME(all)(i % (n + 1) == 0);
    const uint32_t bad = NAME(bits)(~NAME(solve_in_place)(x, b, n, n));
    NAME(store)(b, t, 1, lane, count, n, n);
    return bad;
}

/* Q and R of an m x n matrix, m >= n, by reflections with LAPACK's signs. */
static uint32_t NAME(qr)(const ad_tile *t, char *const *lane, int count, void *work)
{
    const int m = t->m, n = t->n;
    V *x = work, *q = x + m * n, tau[AD_TILE_MOST], sums[AD_TILE_MOST];
    const V zero = NAME(all)(0);
    MASK good = zero == zero;
    NAME(load)(x, t, 0, lane, m, n);
    for (int c = 0; c < n; c++) {
        const V alpha = x[c * n + c];
        V square = zero, most = zero;
        for (int i = c + 1; i < m; i++) {
            const V v = x[i * n + c], s = NAME(size)(v);
            square += v * v;
            most = NAME(pick)(s > most, s, most);
        }
        const V whole = square + alpha * alpha;
        const MASK none = most == zero;
        good &= (none & (alpha - alpha == zero) & (square == zero)) | ((square > NAME(all)(TINY)) & (whole < NAME(all)(HUGE_)));
        const V norm = NAME(root)(whole);
        const V beta = NAME(pick)(none, alpha, NAME(pick)(alpha < zero, norm, -norm));
        tau[c] = NAME(pick)(none, zero, (beta - alpha) / beta);
        const V scale = NAME(pick)(none, zero, NAME(all)(1) / (alpha - beta));
        x[c * n + c] = beta;
        for (int j = c + 1; j < n; j++)
            sums[j] = x[c * n + j];
        for (int i = c + 1; i < m; i++) {
            const V v = x[i * n + c] * scale;
            x[i * n + c] = v;
            for (int j = c + 1; j < n; j++)
                sums[j] += v * x[i * n + j];
        }
        for (int j = c + 1; j < n; j++) {
            sums[j] *= tau[c];
            x[c * n + j] -= sums[j];
        }
        NAME(eliminate)(x + (c + 1) * (n + 1), n, x + (c + 1) * n + c, n, sums + c + 1, m - c - 1, n - c - 1);
    }
    for (int i = 0; i < m * n; i++)
        q[i] = NAME(all)(i < n * n && i % (n + 1) == 0);
    for (int c = n - 1; c >= 0; c--) {
        for (int j = c; j < n; j++)
            sums[j] = q[c * n + j];
        for (int i = c + 1; i < m; i++)
            for (int j = c; j < n; j++)
                sums[j] += x[i * n + c] * q[i * n + j];
        for (int j = c; j < n; j++) {
            sums[j] *= tau[c];
            q[c * n + j] -= sums[j];
        }
        NAME(eliminate)(q + (c + 1) * n + c, n, x + (c + 1) * n + c, n, sums + c, m - c - 1, n - c);
    }
    for (int i = 1; i < n; i++)
        for (int j = 0; j < i; j++)
            x[i * n + j] = zero;
    NAME(store)(q, t, 1, lane, count, m, n);
    NAME(store)(x, t, 2, lane, count, n, n);
    return NAME(bits)(~good);
}
