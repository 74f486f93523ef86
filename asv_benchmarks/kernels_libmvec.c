/* Our kernels against glibc's libmvec, one core, data in L1, float64. Not part of the package.
 *
 *   gcc -std=gnu11 -O3 -march=native -fopenmp-simd -fno-math-errno -fno-trapping-math -ffp-contract=off \
 *       -DAD_ISA=v3 -I scirs_ad/_kernels/src asv_benchmarks/kernels_libmvec.c scirs_ad/_kernels/src/ops.c -lm \
 *       -o /tmp/kernels_libmvec && /tmp/kernels_libmvec
 *
 * libmvec is reached by redeclaring the functions (glibc's header shows the vector variants under -ffast-math only).
 * Each figure is the best of many interleaved repeats, in nanoseconds per element.
 */
#include <stdio.h>
#include <time.h>

#include "ops.h"

#define SIMD __attribute__((simd("notinbranch")))
#define VARIANTS(X) X(exp, exp) X(sin, sin) X(cos, cos) X(log, log) X(tanh, tanh) X(expm1, expm1) X(log1p, log1p) \
    X(erf, erf) X(erfc, erfc) X(cbrt, cbrt) X(arctan, atan) X(tan, tan) X(sinh, sinh) X(cosh, cosh) \
    X(arcsinh, asinh) X(arcsin, asin) X(exp2, exp2) X(log2, log2) X(log10, log10)

#define VARIANTS_2(X) X(power, pow) X(arctan2, atan2) X(hypot, hypot)

#define DECLARE(name, fn) SIMD double fn(double); \
    static void mvec_##name(ptrdiff_t n, const double *a, const double *b, double *out) \
    { \
        _Pragma("omp simd") for (ptrdiff_t i = 0; i < n; i++) out[i] = fn(a[i]); \
    }
#define DECLARE_2(name, fn) SIMD double fn(double, double); \
    static void mvec_##name(ptrdiff_t n, const double *a, const double *b, double *out) \
    { \
        _Pragma("omp simd") for (ptrdiff_t i = 0; i < n; i++) out[i] = fn(a[i], b[i]); \
    }
VARIANTS(DECLARE)
VARIANTS_2(DECLARE_2)

typedef void (*mvec_fn)(ptrdiff_t, const double *, const double *, double *);
typedef struct {
    mvec_fn mvec;
    int row;
} contest;

#define ROW(name, fn) {mvec_##name, AD_OP_##name},
#define ROW_OURS(name) {NULL, AD_OP_##name},
/* The last have no counterpart. */
static const contest contests[] = {VARIANTS(ROW) VARIANTS_2(ROW) ROW_OURS(sigmoid) ROW_OURS(softplus) ROW_OURS(logaddexp)
    ROW_OURS(gammaln) ROW_OURS(digamma) ROW_OURS(trigamma) ROW_OURS(arccosh) ROW_OURS(arctanh) ROW_OURS(sqrt)
    ROW_OURS(add) ROW_OURS(divide) ROW_OURS(clip)};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

#define TABLE_(isa) ad_isa_##isa.ops
#define TABLE(isa) TABLE_(isa)
#define LOW 0.05
#define HIGH 0.95
enum { N = 1024, INNER = 50, REPEATS = 60 };

int main(void)
{
    static double x[N], y[N], out[N];
    for (int i = 0; i < N; i++) {
        x[i] = LOW + (HIGH - LOW) * ((i * 7919) % N) / N;
        y[i] = LOW + (HIGH - LOW) * ((i * 3571) % N) / N;
    }
    printf("%-10s %8s %8s %8s\n", "", "ours", "libmvec", "ratio");
    for (size_t k = 0; k < sizeof contests / sizeof contests[0]; k++) {
        const contest *c = &contests[k];
        const ad_op *op = &TABLE(AD_ISA)[c->row];
        double best[2] = {1e30, 1e30};
        for (int r = 0; r < REPEATS; r++)
            for (int side = 0; side < (c->mvec ? 2 : 1); side++) {
                double start = now();
                for (int i = 0; i < INNER; i++)
                    if (side)
                        c->mvec(N, x, y, out);
                    else
                        op->f64(N, x, y, y, out);
                double t = (now() - start) / INNER / N;
                best[side] = t < best[side] ? t : best[side];
            }
        if (c->mvec)
            printf("%-10s %8.3f %8.3f %8.2f\n", op->name, best[0], best[1], best[0] / best[1]);
        else
            printf("%-10s %8.3f\n", op->name, best[0]);
    }
    double small = 1e30;
    const ad_op *add = &TABLE(AD_ISA)[AD_OP_add];
    for (int r = 0; r < REPEATS; r++) {
        double start = now();
        for (int i = 0; i < 10000; i++)
            add->f64(10, x, x, NULL, out);
        double t = (now() - start) / 10000;
        small = t < small ? t : small;
    }
    printf("add, n = 10: %.1f ns a call\n", small);
    return 0;
}
