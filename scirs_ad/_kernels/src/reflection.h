/* Householder's reflection of one vector. A template: S the type of an element, NAME(x) its own x, SQRT its root, LEAST_SUM
 * and MOST_SUM the bounds between which a sum of squares is right. */

/* H x = (beta, 0, ...) with H = 1 - tau v v^T, v = (1, x[1:]), as xLARFG: x[1:] is left in x. Returns beta. */
static S NAME(reflection)(int n, S *x, S *tau)
{
    const S first = x[0];
    S sum = 0, most = 0, scale = 1;
    *tau = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 1; i < n; i++)
        sum += x[i] * x[i];
    if (sum == sum && !(sum > LEAST_SUM && sum + first * first < MOST_SUM)) { /* else a NaN goes on */
#pragma omp simd reduction(max : most)
        for (int i = 1; i < n; i++) {
            const S size = x[i] < 0 ? -x[i] : x[i];
            most = size > most ? size : most;
        }
        if (most == 0)
            return first;
        const S size = first < 0 ? -first : first;
        scale = size > most ? size : most;
        sum = 0;
        for (int i = 1; i < n; i++)
            sum += (x[i] / scale) * (x[i] / scale);
        if (sum == 0)
            return first;
    }
    const S head = first / scale, norm = SQRT(head * head + sum), beta = head < 0 ? norm : -norm;
    const S below = 1 / (head - beta);
    *tau = (beta - head) / beta;
    if (scale == 1) {
#pragma omp simd
        for (int i = 1; i < n; i++)
            x[i] *= below;
    } else {
        for (int i = 1; i < n; i++)
            x[i] = x[i] / scale * below;
    }
    return beta * scale;
}
