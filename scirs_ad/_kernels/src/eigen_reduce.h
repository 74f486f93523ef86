/* Tridiagonal form. A template: S the type of an element, NAME(x) its own x. */

/* Rows lo..n-1 and columns lo..n-1 of the lower triangle: a -= v w^T + w v^T, and y = a p, in one pass; `a` by columns
 * of ld elements. What is aligned is at multiples of W; the vectors are zero from n to ld. Two columns at a time: their
 * loads and stores take as many cycles of a core with two of them as their arithmetic. */
static void NAME(sweep)(int lo, int n, int ld, S *a, const S *restrict v, const S *restrict w, const S *restrict p,
                        S *restrict y)
{
    memset(y + lo, 0, (ld - lo) * sizeof(S));
    int j = lo;
    for (; j + 1 < n; j += 2) {
        S *restrict a0 = a + (ptrdiff_t)j * ld, *restrict a1 = a0 + ld;
        const S v0 = v[j], w0 = w[j], v1 = v[j + 1], w1 = w[j + 1], p0 = p[j], p1 = p[j + 1];
        const S top = a0[j] - 2 * v0 * w0, side = a0[j + 1] - v1 * w0 - w1 * v0, end = a1[j + 1] - 2 * v1 * w1;
        S s0 = top * p0 + side * p1, s1 = side * p0 + end * p1;
        a0[j] = top;
        a0[j + 1] = side;
        a1[j + 1] = end;
        int i = j + 2;
        for (; i < n && i % W; i++) {
            const S x0 = a0[i] - v[i] * w0 - w[i] * v0, x1 = a1[i] - v[i] * w1 - w[i] * v1;
            a0[i] = x0;
            a1[i] = x1;
            y[i] += x0 * p0 + x1 * p1;
            s0 += x0 * p[i];
            s1 += x1 * p[i];
        }
        V t0 = {0}, t1 = {0};
        for (; i < n; i += W) {
            V vi = *(const V *)(v + i), wi = *(const V *)(w + i), pi = *(const V *)(p + i);
            AD_KEEP(vi);
            AD_KEEP(wi);
            AD_KEEP(pi);
            const V x0 = *(V *)(a0 + i) - vi * w0 - wi * v0, x1 = *(V *)(a1 + i) - vi * w1 - wi * v1;
            *(V *)(a0 + i) = x0;
            *(V *)(a1 + i) = x1;
            *(V *)(y + i) = *(V *)(y + i) + x0 * p0 + x1 * p1;
            t0 += x0 * pi;
            t1 += x1 * pi;
        }
        for (int l = 0; l < W; l++) {
            s0 += t0[l];
            s1 += t1[l];
        }
        y[j] += s0;
        y[j + 1] += s1;
    }
    if (j < n) {
        a[(ptrdiff_t)j * (ld + 1)] -= 2 * v[j] * w[j];
        y[j] += a[(ptrdiff_t)j * (ld + 1)] * p[j];
    }
}

static void NAME(reduce)(int n, int ld, S *a, S *d, S *e, S *tau, S *work)
{
    /* The last reflector v and its w = tau a v - (tau^2 v^T a v / 2) v have not yet been taken from the matrix. */
    S *v = work, *w = work + ld, *p = w + ld, *y = p + ld;
    memset(work, 0, 4 * (size_t)ld * sizeof(S));
    for (int k = 0; k < n; k++) {
        S *column = a + (ptrdiff_t)k * ld;
        const S vk = v[k], wk = w[k];
#pragma omp simd
        for (int i = k; i < n; i++)
            column[i] -= v[i] * wk + w[i] * vk;
        d[k] = column[k];
        if (k == n - 1)
            break;
        e[k] = NAME(reflection)(n - k - 1, column + k + 1, tau + k);
        column[k + 1] = 1;
        memcpy(p + k + 1, column + k + 1, (n - k - 1) * sizeof(S));
        p[k + 1] = 1;
        NAME(sweep)(k + 1, n, ld, a, v, w, p, y);
        const S t = tau[k];
        S inner = 0;
#pragma omp simd reduction(+ : inner)
        for (int i = k + 1; i < n; i++) {
            y[i] *= t;
            inner += y[i] * p[i];
        }
        inner *= -t / 2;
#pragma omp simd
        for (int i = k + 1; i < n; i++)
            y[i] += inner * p[i];
        S *const old_v = v, *const old_w = w;
        v = p;
        w = y;
        p = old_v;
        y = old_w;
    }
}
