/* Householder's reflections of the columns of one panel, I - V T V^T as xGEQRT leaves it: V below the diagonal of A, R on
 * and above it. LAPACK takes half of the time of a QR of 300 x 300 for panels, in calls of BLAS with little to do. Two
 * reflections at a time onto four columns, so that each is read and written half as often. A template, as tile_lanes.h. */

/* The sums of products of two vectors with two, from row `lo` on. */
AD_INLINE void NAME(four_dots)(int lo, int m, const S *x, const S *y, const S *a, const S *b, S *out)
{
    S xa = 0, xb = 0, ya = 0, yb = 0;
#pragma omp simd reduction(+ : xa, xb, ya, yb)
    for (int i = lo; i < m; i++) {
        xa += x[i] * a[i];
        xb += x[i] * b[i];
        ya += y[i] * a[i];
        yb += y[i] * b[i];
    }
    out[0] = xa, out[1] = xb, out[2] = ya, out[3] = yb;
}

/* Two reflections, x from row j and y from the next one on, onto `across` columns from `a` on; `inner`: y^T x. */
AD_INLINE void NAME(reflect_two)(int across, int j, int m, const S *x, const S *y, S tau_x, S tau_y, S inner, S *a, ptrdiff_t lda)
{
    V sum_x[4] = {{0}, {0}, {0}, {0}}, sum_y[4] = {{0}, {0}, {0}, {0}};
    S by_x[4], by_y[4];
    int i = j + 2;
    for (; i + W <= m; i += W) {
        V xi, yi, c;
        memcpy(&xi, x + i, sizeof(V));
        memcpy(&yi, y + i, sizeof(V));
#pragma GCC unroll 4
        for (int l = 0; l < across; l++) {
            memcpy(&c, a + l * lda + i, sizeof(V));
            sum_x[l] += xi * c;
            sum_y[l] += yi * c;
        }
    }
#pragma GCC unroll 4
    for (int l = 0; l < across; l++) {
        S *const c = a + l * lda;
        S dot_x = 0, dot_y = 0;
        for (int q = 0; q < W; q++) {
            dot_x += sum_x[l][q];
            dot_y += sum_y[l][q];
        }
        for (int r = i; r < m; r++) {
            dot_x += x[r] * c[r];
            dot_y += y[r] * c[r];
        }
        by_x[l] = tau_x * (c[j] + x[j + 1] * c[j + 1] + dot_x);
        by_y[l] = tau_y * (c[j + 1] + dot_y - by_x[l] * inner);
        c[j] -= by_x[l];
        c[j + 1] -= by_x[l] * x[j + 1] + by_y[l];
        for (int r = i; r < m; r++)
            c[r] -= by_x[l] * x[r] + by_y[l] * y[r];
    }
    for (i = j + 2; i + W <= m; i += W) {
        V xi, yi, c;
        memcpy(&xi, x + i, sizeof(V));
        memcpy(&yi, y + i, sizeof(V));
#pragma GCC unroll 4
        for (int l = 0; l < across; l++) {
            memcpy(&c, a + l * lda + i, sizeof(V));
            c = c - by_x[l] * xi - by_y[l] * yi;
            memcpy(a + l * lda + i, &c, sizeof(V));
        }
    }
}

/* One reflection onto one column. */
static void NAME(reflect_one)(int j, int m, const S *restrict x, S tau, S *restrict a)
{
    S dot = a[j];
#pragma omp simd reduction(+ : dot)
    for (int i = j + 1; i < m; i++)
        dot += x[i] * a[i];
    dot *= tau;
    a[j] -= dot;
#pragma omp simd
    for (int i = j + 1; i < m; i++)
        a[i] -= dot * x[i];
}

/* `a` has m rows, n <= m columns of `lda` elements, T n columns of `ldt`, of which the upper triangle is written. */
static void NAME(panel)(int m, int n, void *pa, ptrdiff_t lda, void *pt, ptrdiff_t ldt)
{
    S *const a = pa, *const t = pt;
    for (int j = 0; j < n; j += 2) {
        S *x = a + j * lda, *y = x + lda, tau_x, tau_y;
        const S beta = NAME(reflection)(m - j, x + j, &tau_x);
        t[j * (ldt + 1)] = tau_x;
        if (j + 1 == n) {
            x[j] = beta;
            break;
        }
        x[j] = 1;
        NAME(reflect_one)(j, m, x, tau_x, y);
        x[j] = beta;
        y[j + 1] = NAME(reflection)(m - j - 1, y + j + 1, &tau_y);
        t[(j + 1) * (ldt + 1)] = tau_y;
        S dot[4];
        NAME(four_dots)(j + 2, m, x, y, y, y, dot);
        const S inner = x[j + 1] + dot[0];
        t[(j + 1) * ldt + j] = inner;
        int k = j + 2;
        for (; k + 3 < n; k += 4)
            NAME(reflect_two)(4, j, m, x, y, tau_x, tau_y, inner, a + k * lda, lda);
        for (; k + 1 < n; k += 2)
            NAME(reflect_two)(2, j, m, x, y, tau_x, tau_y, inner, a + k * lda, lda);
        if (k < n)
            NAME(reflect_two)(1, j, m, x, y, tau_x, tau_y, inner, a + k * lda, lda);
    }
    /* T[:j, j] = -tau_j T[:j, :j] V[:, :j]^T v_j: first the products, two columns with two. */
    for (int j = 2; j < n; j += 2) {
        const S *x = a + j * lda, *y = j + 1 < n ? x + lda : x;
        for (int i = 0; i < j; i += 2) {
            const S *u = a + i * lda, *v = u + lda;
            S dot[4];
            NAME(four_dots)(j + 2 < m ? j + 2 : m, m, u, v, x, y, dot);
            const S next_u = j + 1 < m ? u[j + 1] : 0, next_v = j + 1 < m ? v[j + 1] : 0, below = j + 1 < m ? x[j + 1] : 0;
            t[j * ldt + i] = u[j] + next_u * below + dot[0];
            t[j * ldt + i + 1] = v[j] + next_v * below + dot[2];
            if (j + 1 < n) {
                t[(j + 1) * ldt + i] = next_u + dot[1];
                t[(j + 1) * ldt + i + 1] = next_v + dot[3];
            }
        }
    }
    for (int j = 1; j < n; j++) {
        S *column = t + j * ldt;
        const S tau = column[j];
        for (int i = 0; i < j; i++) { /* a triangle times a vector in its place: what is below i is still to be read */
            S sum = 0;
            for (int k = i; k < j; k++)
                sum += t[k * ldt + i] * column[k];
            column[i] = -tau * sum;
        }
    }
}
