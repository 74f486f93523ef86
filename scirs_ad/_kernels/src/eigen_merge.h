/* Divide and conquer on a tridiagonal matrix. Vectors are rows here. */

/* Rows `order[i]` (length `width`, from column `from`) of a matrix, one after another. */
static void NAME(gather)(int rows, const int *order, int width, const S *q, int ld, int from, S *to)
{
    for (int i = 0; i < rows; i++)
        memcpy(to + (ptrdiff_t)i * width, q + (ptrdiff_t)order[i] * ld + from, width * sizeof(S));
}

static void NAME(multiply)(NAME(ad_gemm) gemm, int rows, int cols, int inner, S *a, int lda, S *b, int ldb, S *c, int ldc)
{
    S one = 1, zero = 0;
    char no = 'N';
    if (inner)
        gemm(&no, &no, &cols, &rows, &inner, &one, b, &ldb, a, &lda, &zero, c, &ldc);
    else
        for (int i = 0; i < rows; i++)
            memset(c + (ptrdiff_t)i * ldc, 0, cols * sizeof(S));
}

/* Of diag(T1, T2) + |rho| u u^T, u = e_n1 + sign(rho) e_(n1 + 1): `d` holds the eigenvalues of T1 and T2 and `q` their
 * vectors; order[i] is the place of the i-th smallest, of each by itself. */
static int NAME(merge)(int n, int n1, S rho, S *d, S *q, int ld, int *order, S *work, int *iwork, NAME(ad_gemm) gemm)
{
    const int n2 = n - n1;
    S *z = work, *pole = z + n, *weight = pole + n, *at = weight + n, *fresh = at + n, *placed = fresh + n,
      *size = placed + n, *kept = size + n;
    int *sorted = iwork, *what = sorted + n, *which = what + n, *origin = which + n, *place = origin + n;
    enum { TOP, BOTH, BOTTOM, DEFLATED };
    const S half = (S)0.70710678118654752440;
    S most = 0, most_z = 0;
    for (int i = 0; i < n; i++) {
        z[i] = half * (i < n1 ? q[(ptrdiff_t)i * ld + n1 - 1] : rho < 0 ? -q[(ptrdiff_t)i * ld + n1] : q[(ptrdiff_t)i * ld + n1]);
        what[i] = i < n1 ? TOP : BOTTOM;
        most = ABS(d[i]) > most ? ABS(d[i]) : most;
        most_z = ABS(z[i]) > most_z ? ABS(z[i]) : most_z;
    }
    rho = 2 * ABS(rho);
    for (int i = 0, l = 0, r = n1; i < n; i++)
        sorted[i] = r == n || (l < n1 && d[order[l]] <= d[n1 + order[r]]) ? order[l++] : n1 + order[r++];

    /* Deflation: what has no share in u, and of two nearly equal values one, by a rotation. */
    const S tolerance = 8 * EPS * (most > most_z ? most : most_z);
    int k = 0, last = -1, out = n; /* `which`: the k that take part, ascending; from the end those that do not */
    for (int i = 0; i < n; i++) {
        const int j = sorted[i];
        if (rho * ABS(z[j]) <= tolerance) {
            what[j] = DEFLATED;
            which[--out] = j;
            continue;
        }
        if (last >= 0) {
            S s = z[last], c = z[j];
            const S t = SQRT(c * c + s * s), apart = d[j] - d[last];
            c /= t;
            s = -s / t;
            if (ABS(apart * c * s) <= tolerance) {
                S *x = q + (ptrdiff_t)last * ld, *y = q + (ptrdiff_t)j * ld;
                z[j] = t;
                z[last] = 0;
                if (what[j] != what[last])
                    what[j] = BOTH;
                what[last] = DEFLATED;
#pragma omp simd
                for (int l = 0; l < n; l++) {
                    const S a = x[l], b = y[l];
                    x[l] = c * a + s * b;
                    y[l] = c * b - s * a;
                }
                const S low = d[last], high = d[j];
                d[last] = low * c * c + high * s * s;
                d[j] = low * s * s + high * c * c;
                which[--out] = last;
                last = j;
                continue;
            }
            which[k++] = last;
        }
        last = j;
    }
    if (last >= 0)
        which[k++] = last;
    /* The deflated, ascending: nearly so already, from the end. */
    for (int i = n - 2; i >= out; i--)
        for (int j = i; j + 1 < n && d[which[j]] > d[which[j + 1]]; j++) {
            const int t = which[j];
            which[j] = which[j + 1];
            which[j + 1] = t;
        }

    /* Rows that take part, by what of them is not zero. */
    int count[3] = {0, 0, 0}, next[3];
    for (int i = 0; i < k; i++)
        count[what[which[i]]]++;
    next[TOP] = 0;
    next[BOTH] = count[TOP];
    next[BOTTOM] = count[TOP] + count[BOTH];
    S total = 0;
    for (int i = 0; i < k; i++) {
        const int j = which[i], at_place = next[what[j]]++;
        pole[i] = d[j];
        weight[i] = z[j] * z[j];
        total += weight[i];
        placed[at_place] = d[j];
        place[i] = at_place;
        sorted[at_place] = j;
    }
    const int upper = count[TOP] + count[BOTH], lower = count[BOTH] + count[BOTTOM];
    S *above = kept, *below = above + (ptrdiff_t)upper * n1, *aside = below + (ptrdiff_t)lower * n2,
      *turn = kept + (ptrdiff_t)n * n;
    NAME(gather)(upper, sorted, n1, q, ld, 0, above);
    NAME(gather)(lower, sorted + count[TOP], n2, q, ld, n1, below);
    NAME(gather)(n - k, which + k, n, q, ld, 0, aside);
    for (int i = k; i < n; i++)
        size[i] = d[which[i]];

    if (k == 1) {
        origin[0] = 0;
        at[0] = rho * weight[0];
    } else {
        for (int j = 0; j < k; j++)
            if (NAME(root)(k, j, pole, weight, 1 / rho, total, origin + j, at + j))
                return 1;
    }
    /* The u of which the roots are the exact eigenvalues (Gu and Eisenstat), so that vectors are orthogonal. */
    for (int i = 0; i < k; i++)
        fresh[i] = 1;
    for (int j = 0; j < k; j++) {
        const S o = pole[origin[j]], t = at[j], p = pole[j];
#pragma omp simd
        for (int i = 0; i < j; i++)
            fresh[i] *= ((pole[i] - o) - t) / (pole[i] - p);
        fresh[j] *= (p - o) - t;
#pragma omp simd
        for (int i = j + 1; i < k; i++)
            fresh[i] *= ((pole[i] - o) - t) / (pole[i] - p);
    }
    for (int i = 0; i < k; i++) {
        const S root = SQRT(ABS(fresh[i]));
        weight[place[i]] = z[which[i]] < 0 ? -root : root;
    }
    for (int j = 0; j < k; j++) {
        S *row = turn + (ptrdiff_t)j * k, sum = 0;
        const S o = pole[origin[j]], t = at[j];
#pragma omp simd reduction(+ : sum)
        for (int i = 0; i < k; i++) {
            const S x = weight[i] / ((placed[i] - o) - t);
            row[i] = x;
            sum += x * x;
        }
        sum = 1 / SQRT(sum);
#pragma omp simd
        for (int i = 0; i < k; i++)
            row[i] *= sum;
    }
    NAME(multiply)(gemm, k, n1, upper, turn, k, above, n1, q, ld);
    NAME(multiply)(gemm, k, n2, lower, turn + count[TOP], k, below, n2, q + n1, ld);
    for (int i = k; i < n; i++)
        memcpy(q + (ptrdiff_t)i * ld, aside + (ptrdiff_t)(i - k) * n, n * sizeof(S));
    for (int i = 0; i < n; i++)
        d[i] = i < k ? pole[origin[i]] + at[i] : size[i];
    for (int i = 0, l = 0, r = k; i < n; i++)
        order[i] = r == n || (l < k && d[l] <= d[r]) ? l++ : r++;
    return 0;
}

/* Halves as xLAED0 forms them: of equal depth, until none has more than LEAF rows. */
static int NAME(divide)(int n, int depth, S *d, S *e, S *q, int ld, int *order, S *work, int *iwork,
                        NAME(ad_gemm) gemm, NAME(ad_steqr) steqr)
{
    int info = 0;
    if (depth == 0) {
        char identity = 'I';
        steqr(&identity, &n, d, e, q, &ld, work, &info);
        for (int i = 0; i < n; i++)
            order[i] = i;
        return info;
    }
    const int n1 = n / 2;
    const S rho = e[n1 - 1];
    d[n1 - 1] -= ABS(rho);
    d[n1] -= ABS(rho);
    return NAME(divide)(n1, depth - 1, d, e, q, ld, order, work, iwork, gemm, steqr)
           || NAME(divide)(n - n1, depth - 1, d + n1, e + n1, q + (ptrdiff_t)n1 * (ld + 1), ld, order + n1, work, iwork,
                           gemm, steqr)
           || NAME(merge)(n, n1, rho, d, q, ld, order, work, iwork, gemm);
}

/* Eigenvalues in `d`, vectors in the rows of `q`; order[i] is the place of the i-th smallest. */
static int NAME(tridiagonal)(int n, S *d, S *e, S *q, int *order, S *work, int *iwork, NAME(ad_gemm) gemm,
                             NAME(ad_steqr) steqr)
{
    int *merged = iwork;
    memset(q, 0, (ptrdiff_t)n * n * sizeof(S));
    for (int lo = 0, hi; lo < n; lo = hi) {
        for (hi = lo + 1; hi < n; hi++)
            if (ABS(e[hi - 1]) <= EPS * SQRT(ABS(d[hi - 1])) * SQRT(ABS(d[hi])))
                break;
        const int m = hi - lo;
        int depth = 0;
        S most = 0;
        for (int size = m; size > LEAF; size = (size + 1) / 2)
            depth++;
        for (int i = lo; i < hi; i++)
            most = ABS(d[i]) > most ? ABS(d[i]) : most;
        for (int i = lo; i < hi - 1; i++)
            most = ABS(e[i]) > most ? ABS(e[i]) : most;
        if (most == 0 || m <= LEAF)
            most = 1;
        for (int i = lo; i < hi; i++)
            d[i] /= most;
        for (int i = lo; i < hi - 1; i++)
            e[i] /= most;
        if (NAME(divide)(m, depth, d + lo, e + lo, q + (ptrdiff_t)lo * (n + 1), n, order + lo, work, iwork, gemm, steqr))
            return 1;
        for (int i = lo; i < hi; i++)
            d[i] *= most;
        for (int i = lo; i < hi; i++)
            order[i] += lo;
        for (int i = 0, l = 0, r = lo; lo && i < hi; i++)
            merged[i] = r == hi || (l < lo && d[order[l]] <= d[order[r]]) ? order[l++] : order[r++];
        if (lo)
            memcpy(order, merged, hi * sizeof(int));
    }
    return 0;
}

static int NAME(vectors)(int n, const S *a, int lda, S *d, S *e, const S *tau, S *z, S *work, int *iwork, NAME(ad_gemm) gemm,
                         NAME(ad_steqr) steqr)
{
    int *order = iwork;
    S *values = work, *rest = work + n;
    if (NAME(tridiagonal)(n, d, e, z, order, rest, iwork + n, gemm, steqr))
        return 1;
    memcpy(rest, z, (ptrdiff_t)n * n * sizeof(S));
    for (int i = 0; i < n; i++) {
        values[i] = d[order[i]];
        memcpy(z + (ptrdiff_t)i * n, rest + (ptrdiff_t)order[i] * n, n * sizeof(S));
    }
    memcpy(d, values, n * sizeof(S));
    NAME(back)(n, n, n - 1, 1, a, lda, tau, z, n, rest, gemm);
    return 0;
}
