/* Bidiagonal form. A template: S the type of an element, NAME(x) its own x.
 *
 * Each step takes the last two reflections from the matrix, multiplies it from the left with the next reflector u and from
 * the right with the one after that, v, in one pass over its columns. v is not known before the pass ends, but its elements
 * but for the first and a factor are those of row k, which come from the product with u column by column: A v is formed
 * of A times the row (G. Howell, J. Demmel, C. Fulton, S. Hammarling, K. Marmol, "Cache efficient bidiagonalization using
 * BLAS 2.5 operators", ACM TOMS 34 (2008)). xGEBRD reads the matrix twice for it. */

typedef struct {
    int k, lo, ld;             /* the step; rows from `lo`, a multiple of W, to `ld` */
    const S *u0, *x0, *y0, *v0; /* what the step before left: the matrix is still to lose u0 y0^T + x0 v0^T */
    const S *u;
    S tau, *y, *row, *z, inner; /* y = tau A^T u, row k of A - u y^T, z = A row, inner = y^T row */
} NAME(bidiagonal_step);

/* `across` columns from `j` on, of which the first is `a`. */
AD_INLINE void NAME(bidiagonal_columns)(int across, NAME(bidiagonal_step) *s, int j, S *a)
{
    const S *restrict u0 = s->u0, *restrict x0 = s->x0, *restrict u = s->u;
    S *restrict z = s->z;
    const ptrdiff_t ld = s->ld;
    V sum[4] = {{0}, {0}, {0}, {0}};
    S row[4];
    for (int i = s->lo; i < s->ld; i += W) {
        const V ui = *(const V *)(u0 + i), xi = *(const V *)(x0 + i), next = *(const V *)(u + i);
        AD_UNROLL
        for (int c = 0; c < across; c++) {
            const V x = *(V *)(a + c * ld + i) - ui * s->y0[j + c] - xi * s->v0[j + c];
            *(V *)(a + c * ld + i) = x;
            sum[c] += x * next;
        }
    }
    AD_UNROLL
    for (int c = 0; c < across; c++) {
        S dot = 0;
        for (int l = 0; l < W; l++)
            dot += sum[c][l];
        s->y[j + c] = s->tau * dot;
        s->row[j + c] = row[c] = a[c * ld + s->k] - s->y[j + c];
        s->inner += s->y[j + c] * row[c];
    }
    for (int i = s->lo; i < s->ld; i += W) {
        V x = *(V *)(z + i);
        AD_UNROLL
        for (int c = 0; c < across; c++)
            x += *(V *)(a + c * ld + i) * row[c];
        *(V *)(z + i) = x;
    }
}

/* x = A v for what the pass could not form: a row so small that its products with A have lost digits. */
static void NAME(bidiagonal_again)(int k, int m, int n, int ld, const S *a, const S *v, S *x)
{
    memset(x, 0, ld * sizeof(S));
    for (int j = k + 1; j < n; j++) {
        const S *column = a + j * (ptrdiff_t)ld;
        for (int i = k + 1; i < m; i++)
            x[i] += column[i] * v[j];
    }
}

/* As xGEBRD of m >= n rows, but that the reflectors of rows are columns of `v`, unless it is NULL: the j-th from row j + 1
 * on, with its one. Columns of `a` and `v` are `ld` and `ldv` apart. */
static void NAME(bidiagonal)(int m, int n, int ld, S *a, S *d, S *e, S *tauq, S *taup, S *v, int ldv, S *work)
{
    S *u0 = work, *x0 = u0 + ld, *u = x0 + ld, *z = u + ld, *y0 = z + ld, *v0 = y0 + n, *y = v0 + n, *row = y + n;
    memset(work, 0, (4 * (size_t)ld + 4 * (size_t)n) * sizeof(S));
    for (int k = 0; k < n; k++) {
        S *column = a + k * (ptrdiff_t)ld;
        const S yk = y0[k], vk = v0[k];
#pragma omp simd
        for (int i = k; i < m; i++)
            column[i] -= u0[i] * yk + x0[i] * vk;
        d[k] = NAME(reflection)(m - k, column + k, tauq + k);
        column[k] = 1;
        if (k == n - 1)
            break;
        NAME(bidiagonal_step) s = {k, k / W * W, ld, u0, x0, y0, v0, u, tauq[k], y, row, z, 0};
        memset(u + s.lo, 0, (k - s.lo) * sizeof(S));
        memcpy(u + k, column + k, (m - k) * sizeof(S));
        memset(z + s.lo, 0, (ld - s.lo) * sizeof(S));
        int j = k + 1;
        for (; j + 3 < n; j += 4)
            NAME(bidiagonal_columns)(4, &s, j, a + j * (ptrdiff_t)ld);
        for (; j < n; j++)
            NAME(bidiagonal_columns)(1, &s, j, a + j * (ptrdiff_t)ld);
        const S alpha = row[k + 1];
        S sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int i = k + 1; i < n; i++)
            sum += row[i] * row[i];
        const S beta = e[k] = NAME(reflection)(n - k - 1, row + k + 1, taup + k);
        row[k + 1] = 1;
        if (v)
            memcpy(v + k * (ptrdiff_t)ldv + k + 1, row + k + 1, (n - k - 1) * sizeof(S));
        u[k] = 0;
        z[k] = 0;
        if (taup[k] != 0) {
            S below = 1 / (alpha - beta), off = beta, inner = s.inner - beta * y[k + 1];
            if (!(sum > LEAST_SUM && sum < MOST_SUM)) {
                NAME(bidiagonal_again)(k, m, n, ld, a, row, z);
                inner = 0;
                for (int i = k + 1; i < n; i++)
                    inner += y[i] * row[i];
                below = 1;
                off = 0;
            }
            const S by = taup[k] * below, with = taup[k] * inner * below;
            const S *restrict next = a + (k + 1) * (ptrdiff_t)ld;
#pragma omp simd
            for (int i = k + 1; i < m; i++)
                z[i] = by * (z[i] - off * next[i]) - with * u[i];
        } else
            memset(z + s.lo, 0, (ld - s.lo) * sizeof(S));
        S *const old[4] = {u0, x0, y0, v0};
        u0 = u, x0 = z, y0 = y, v0 = row;
        u = old[0], z = old[1], y = old[2], row = old[3];
    }
}
