/* Small matrices, several at once: lane l of every vector belongs to matrix l, so an algorithm for one matrix, written
 * on vectors, runs on as many as a register has lanes, and no lane knows of the others: a result depends neither on the
 * place of its matrix in the batch nor on the number of threads.
 *
 * A function reads its operands where they lie, by strides, works in `work` (AD_TILE_WORDS vectors, aligned), and
 * writes its results. It returns the lanes that it could not do (singular, not finite ...), one bit each: these are
 * done again, one by one, by LAPACK, which has the last word. */
#ifndef SCIRS_AD_TILE_H
#define SCIRS_AD_TILE_H

#include <stddef.h>
#include <stdint.h>

enum { AD_TILE_MOST = 16 }; /* rows and columns: two matrices of 16 x 16 vectors fill L1 */
enum { AD_TILE_ARGS = 6, AD_TILE_LANES = 16 /* at most */ };

typedef struct {
    int m, n, k;    /* as the operation names them */
    int lower, flag;
    int conj; /* complex: of the conjugate of operand 0 */
    ptrdiff_t rs[AD_TILE_ARGS], cs[AD_TILE_ARGS]; /* of operands and results, in bytes */
} ad_tile;

/* lane[a * width + l]: operand a of matrix l. Lanes from `count` on repeat the last matrix and are not written. */
typedef uint32_t (*ad_tile_fn)(const ad_tile *t, char *const *lane, int count, void *work);

#define AD_TILE_LIST(X) \
    X(cholesky) X(cholesky_pull) X(solve) X(solve_pull) X(lu) X(lu_solve) X(triangular) X(diagonal) X(inv) X(qr)

#define AD_TILE_COMPLEX_LIST(X) /* of these there are complex ones */ \
    X(cholesky) X(cholesky_pull) X(solve) X(solve_pull) X(lu) X(lu_solve) X(triangular) X(diagonal) X(inv)

#define AD_TILE_ENUM(name) AD_TILE_##name,
enum { AD_TILE_LIST(AD_TILE_ENUM) AD_TILE_COUNT };
#undef AD_TILE_ENUM

/* to[i * n1 + j] = from[i + j * step], for elements of 8 or 4 bytes; `step` in bytes. */
typedef void (*ad_transpose_fn)(void *to, const char *from, ptrdiff_t step, ptrdiff_t n0, ptrdiff_t n1);

/* C = A B of one matrix each, where n and k are at most AD_PRODUCT_MOST; k may be more if rows of B lie together. Of complex
 * ones m, n and k are at most half of it. Strides and `ldc` in elements. */
typedef void (*ad_product_fn)(int m, int n, int k, const void *a, ptrdiff_t ars, ptrdiff_t acs, const void *b,
                              ptrdiff_t brs, ptrdiff_t bcs, void *c, ptrdiff_t ldc);
enum { AD_PRODUCT_MOST = 32 };

/* The QR factors of a panel: see tile_panel.h. */
typedef void (*ad_panel_fn)(int m, int n, void *a, ptrdiff_t lda, void *t, ptrdiff_t ldt);

/* Products of matrices: see tile_gemm.h. */
typedef void (*ad_gemm_fn)(int ta, int tb, int m, int n, int k, const void *alpha, const void *a, ptrdiff_t lda, const void *b,
                           ptrdiff_t ldb, const void *beta, void *c, ptrdiff_t ldc, void *room);
enum { AD_GEMM_ROOM = 432 << 10 };

/* Solutions with small triangles: see tile_triangle.h. */
typedef void (*ad_triangle_fn)(int right, int lower, int trans, int unit, int m, int n, const void *a, ptrdiff_t lda, void *b,
                               ptrdiff_t ldb);
enum { AD_TRIANGLE_MOST = 32 };

typedef struct {
    ad_tile_fn fn[AD_TILE_COUNT][2]; /* float64, float32 */
    ad_tile_fn complex_fn[AD_TILE_COUNT][2]; /* or NULL */
    ad_transpose_fn transpose[2];
    ad_product_fn product[2][2]; /* real, complex */
    ad_panel_fn panel[2];
    ad_gemm_fn gemm[2]; /* NULL where BLAS is as fast */
    ad_triangle_fn triangle[2];
    int bytes; /* of a vector */
} ad_tile_table;

extern const ad_tile_table ad_tile_v2, ad_tile_v3, ad_tile_v4, ad_tile_baseline;

/* The table for an instruction set by its name; NULL if this build does not hold it. */
const ad_tile_table *ad_tile_find(const char *isa);

#endif
