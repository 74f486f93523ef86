/* Eigenvalues and eigenvectors of real symmetric matrices: Householder's reduction to tridiagonal form, divide and
 * conquer, and the way back; for singular values the reduction to bidiagonal form and the way back. The signs of vectors are those of LAPACK's xSYEVD, which takes the same steps: J. J. M.
 * Cuppen, Numer. Math. 36 (1981); M. Gu, S. C. Eisenstat, SIAM J. Matrix Anal. Appl. 16 (1995).
 *
 * What is faster here: the update of the matrix by one reflector and its product with the next are one pass over it;
 * sums over poles and the vectors that belong to their roots are vector loops; the way back is products of matrices. */
#ifndef SCIRS_AD_EIGEN_H
#define SCIRS_AD_EIGEN_H

#include <stddef.h>

/* Routines of BLAS and LAPACK for one precision, by their Fortran interfaces. */
typedef void (*ad_gemm_f64)(char *, char *, int *, int *, int *, double *, double *, int *, double *, int *, double *,
                            double *, int *);
typedef void (*ad_gemm_f32)(char *, char *, int *, int *, int *, float *, float *, int *, float *, int *, float *,
                            float *, int *);
typedef void (*ad_steqr_f64)(char *, int *, double *, double *, double *, int *, double *, int *);
typedef void (*ad_steqr_f32)(char *, int *, float *, float *, float *, int *, float *, int *);

/* reduce: the lower triangle of `a`, by columns of `ld` elements, to tridiagonal form, as xSYTRD leaves it; `a` and
 * `work`, of 4 ld elements, are aligned to 64 bytes, and so are columns: ld is a multiple of AD_EIGEN_STEP.
 * vectors: eigenvalues (ascending, in place of `d`) and eigenvectors (rows of `z`) of the matrix that was reduced; `d`, `e`
 * and `tau` of n elements. Nonzero if it did not converge. Work of ad_eigen_words(n) elements, 6 n integers.
 * bidiagonal: m x n elements, m >= n, by columns of `ld`, to upper bidiagonal form as xGEBRD leaves it, but that the
 * reflectors of rows are columns of `v`; `a` and `work`, of 4 (ld + n) elements, as for reduce, with zeros in `a` below row m.
 * back: the product of reflectors onto Z; see eigen_back.h. */
enum { AD_EIGEN_LEAF = 25, AD_EIGEN_STEP = 16 };

typedef struct {
    void (*reduce_f64)(int n, int ld, double *a, double *d, double *e, double *tau, double *work);
    void (*reduce_f32)(int n, int ld, float *a, float *d, float *e, float *tau, float *work);
    int (*vectors_f64)(int n, const double *a, int ld, double *d, double *e, const double *tau, double *z, double *work,
                       int *iwork, ad_gemm_f64 gemm, ad_steqr_f64 steqr);
    int (*vectors_f32)(int n, const float *a, int ld, float *d, float *e, const float *tau, float *z, float *work, int *iwork,
                       ad_gemm_f32 gemm, ad_steqr_f32 steqr);
    void (*bidiagonal_f64)(int m, int n, int ld, double *a, double *d, double *e, double *tauq, double *taup, double *v, int ldv,
                           double *work);
    void (*bidiagonal_f32)(int m, int n, int ld, float *a, float *d, float *e, float *tauq, float *taup, float *v, int ldv,
                           float *work);
    void (*back_f64)(int rows, int cols, int count, int first, const double *a, int lda, const double *tau, double *z, int ldz,
                     double *work, ad_gemm_f64 gemm);
    void (*back_f32)(int rows, int cols, int count, int first, const float *a, int lda, const float *tau, float *z, int ldz,
                     float *work, ad_gemm_f32 gemm);
} ad_eigen_table;

static inline ptrdiff_t ad_back_words(ptrdiff_t rows, ptrdiff_t cols)
{
    return 64 * (rows + 32) + 32 * cols;
}

static inline ptrdiff_t ad_eigen_words(ptrdiff_t n)
{
    return 2 * n * n + 108 * n + 2048;
}

extern const ad_eigen_table ad_eigen_v2, ad_eigen_v3, ad_eigen_v4, ad_eigen_baseline;

/* The table for an instruction set by its name; NULL if this build does not hold it. */
const ad_eigen_table *ad_eigen_find(const char *isa);

#endif
