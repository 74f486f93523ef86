/* The roots of 1 / rho + sum z_i^2 / (d_i - x), one to the right of each pole. R.-C. Li, LAPACK Working Note 89 (1993):
 * the rest of the sum is replaced by a pole beside the root, of fitted weight, so that steps are roots of a quadratic.
 * A root is kept as its distance from the nearer pole, so that its distance from every pole has all digits. */

typedef struct {
    S sum, slope;
} NAME(sums);

static inline NAME(sums) NAME(poles)(int lo, int hi, const S *restrict d, const S *restrict weight, S origin, S at)
{
    S sum = 0, slope = 0;
#pragma omp simd reduction(+ : sum, slope)
    for (int i = lo; i < hi; i++) {
        const S inverse = 1 / ((d[i] - origin) - at), term = weight[i] * inverse;
        sum += term;
        slope += term * inverse;
    }
    return (NAME(sums)){sum, slope};
}

/* The root of a x^2 - b x + c beside zero; with `far` that beyond both poles. */
static inline S NAME(quadratic)(S a, S b, S c, int far)
{
    const S root = SQRT(ABS(b * b - 4 * c * a));
    if (a == 0)
        return c / b;
    if (far)
        return b >= 0 ? (b + root) / (2 * a) : 2 * c / (b - root);
    return b <= 0 ? (b - root) / (2 * a) : 2 * c / (b + root);
}

/* Root j of n > 1, as at + d[origin]. */
static int NAME(root)(int n, int j, const S *d, const S *weight, S inverse, S total, int *origin, S *found)
{
    const int last = j == n - 1, a = last ? j - 1 : j, b = a + 1, split = last ? j : j + 1;
    const S gap = d[b] - d[a], half = last ? total / (2 * inverse) : gap / 2;
    int o = j, slow = 0;
    S at = half, lo = 0, hi = half, before = 0;
    NAME(sums) left = NAME(poles)(0, split, d, weight, d[o], at), right = NAME(poles)(split, n, d, weight, d[o], at);
    S f = inverse + left.sum + right.sum;
    if (last && f <= 0) {
        lo = half;
        hi = 2 * half + 2 * EPS * half;
    } else if (!last && f <= 0) {
        o = b;
        at = lo = -half;
        hi = 0;
    }
    const S da = d[a] - d[o], db = d[b] - d[o];
    {
        const S rest = f - weight[a] / (da - at) - weight[b] / (db - at);
        const S guess = NAME(quadratic)(rest, rest * (da + db) + weight[a] + weight[b],
                                        rest * da * db + weight[a] * db + weight[b] * da, last);
        if (guess > lo && guess < hi)
            at = guess;
        else if (last && f <= 0)
            at = (lo + hi) / 2;
    }
    for (int k = 0; k < TRIES; k++) {
        left = NAME(poles)(0, split, d, weight, d[o], at);
        right = NAME(poles)(split, n, d, weight, d[o], at);
        f = inverse + left.sum + right.sum;
        const S slope = left.slope + right.slope, size = ABS(left.sum) + ABS(right.sum) + inverse;
        if (ABS(f) <= EPS * (8 * size + ABS(at) * slope))
            break;
        if (f <= 0)
            lo = at;
        else
            hi = at;
        const S ta = da - at, tb = db - at;
        S c;
        slow ^= ABS(f) > ABS(before) / 10 && k > 0;
        before = f;
        if (last || slow)
            c = f - ta * left.slope - tb * right.slope;
        else if (o == a)
            c = f - tb * slope + gap * (weight[a] / (ta * ta));
        else
            c = f - ta * slope - gap * (weight[b] / (tb * tb));
        S step = NAME(quadratic)(last ? ABS(c) : c, (ta + tb) * f - ta * tb * slope, ta * tb * f, last);
        if (!(f * step < 0))
            step = -f / slope;
        S next = at + step;
        if (!(next > lo && next < hi))
            next = f <= 0 ? at + (hi - at) / 2 : at + (lo - at) / 2;
        if (next == at || next == lo || next == hi)
            break;
        at = next;
        if (k == TRIES - 1)
            return 1;
    }
    *origin = o;
    *found = at;
    return 0;
}
