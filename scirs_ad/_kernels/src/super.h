/* Superinstructions: two to four operations in one pass, and operations with a scalar operand.
 *
 * Each operation rounds as it does on its own, so fusing changes no bit. Names tell the kinds of operands, v (one
 * per element) or s (one for all): multiply_vs_add_v is (a * s) + c, and an outer operation with r takes its
 * operands in reverse: multiply_vs_rsubtract_v is c - (a * s). Measured on arithmetic in the first-level
 * cache, half the time of two passes. */
#define AD_DECL_v(x, S) const S *x = p##x;
#define AD_DECL_s(x, S) const S x = *(const S *)p##x;
#define AD_AT_v(x) x[i]
#define AD_AT_s(x) x

#define AD_OUTER_add(S, t, c) add_##S(t, c)
#define AD_OUTER_subtract(S, t, c) subtract_##S(t, c)
#define AD_OUTER_rsubtract(S, t, c) subtract_##S(c, t)
#define AD_OUTER_multiply(S, t, c) multiply_##S(t, c)
#define AD_OUTER_mulz(S, t, c) mulz_##S(t, c)
#define AD_OUTER_rmulz(S, t, c) mulz_##S(c, t)

#define AD_LOOP(EXPRESSION) \
    AD_SIMD \
    for (ptrdiff_t i = 0; i < n; i++) \
        out[i] = EXPRESSION;

/* (a inner b) outer c */
#define AD_SUPER_SAB(S, inner, ka, kb, outer, kc) \
    static void w_##inner##_##ka##kb##_##outer##_##kc##_##S(ptrdiff_t n, const void *pa, const void *pb, \
                                                            const void *pc, void *out_) \
    { \
        AD_DECL_##ka(a, S) AD_DECL_##kb(b, S) AD_DECL_##kc(c, S) S *out = out_; \
        AD_LOOP(AD_OUTER_##outer(S, inner##_##S(AD_AT_##ka(a), AD_AT_##kb(b)), AD_AT_##kc(c))) \
    }
/* (inner a) outer c; the second operand is c */
#define AD_SUPER_SA(S, inner, outer, kc) \
    static void w_##inner##_v_##outer##_##kc##_##S(ptrdiff_t n, const void *pa, const void *pc, const void *unused, \
                                                   void *out_) \
    { \
        AD_DECL_v(a, S) AD_DECL_##kc(c, S) S *out = out_; \
        (void)unused; \
        AD_LOOP(AD_OUTER_##outer(S, inner##_##S(AD_AT_v(a)), AD_AT_##kc(c))) \
    }
/* ((a inner b) outer c) third d */
#define AD_SUPER_3(S, inner, ka, kb, outer, kc, third, kd) \
    static void w_##inner##_##ka##kb##_##outer##_##kc##_##third##_##kd##_##S( \
        ptrdiff_t n, const void *pa, const void *pb, const void *pc, const void *pd, void *out_) \
    { \
        AD_DECL_##ka(a, S) AD_DECL_##kb(b, S) AD_DECL_##kc(c, S) AD_DECL_##kd(d, S) S *out = out_; \
        AD_LOOP(AD_OUTER_##third( \
            S, AD_OUTER_##outer(S, inner##_##S(AD_AT_##ka(a), AD_AT_##kb(b)), AD_AT_##kc(c)), AD_AT_##kd(d))) \
    }
/* ((inner a) outer c) third d */
#define AD_SUPER_SA3(S, inner, outer, kc, third, kd) \
    static void w_##inner##_v_##outer##_##kc##_##third##_##kd##_##S(ptrdiff_t n, const void *pa, const void *pc, \
                                                                    const void *pd, void *out_) \
    { \
        AD_DECL_v(a, S) AD_DECL_##kc(c, S) AD_DECL_##kd(d, S) S *out = out_; \
        AD_LOOP(AD_OUTER_##third(S, AD_OUTER_##outer(S, inner##_##S(AD_AT_v(a)), AD_AT_##kc(c)), AD_AT_##kd(d))) \
    }
/* outer (a inner b) */
#define AD_SUPER_U(S, inner, ka, kb, outer) \
    static void w_##inner##_##ka##kb##_##outer##_##S(ptrdiff_t n, const void *pa, const void *pb, const void *unused, \
                                                     void *out_) \
    { \
        AD_DECL_##ka(a, S) AD_DECL_##kb(b, S) S *out = out_; \
        (void)unused; \
        AD_LOOP(outer##_##S(inner##_##S(AD_AT_##ka(a), AD_AT_##kb(b)))) \
    }
/* outer (inner a) */
#define AD_SUPER_UU(S, inner, outer) \
    static void w_##inner##_v_##outer##_##S(ptrdiff_t n, const void *pa, const void *unused, const void *unused2, \
                                            void *out_) \
    { \
        AD_DECL_v(a, S) S *out = out_; \
        (void)unused, (void)unused2; \
        AD_LOOP(outer##_##S(inner##_##S(AD_AT_v(a)))) \
    }
/* a op b with one scalar */
#define AD_SUPER_B(S, op, ka, kb) \
    static void w_##op##_##ka##kb##_##S(ptrdiff_t n, const void *pa, const void *pb, const void *unused, void *out_) \
    { \
        AD_DECL_##ka(a, S) AD_DECL_##kb(b, S) S *out = out_; \
        (void)unused; \
        AD_LOOP(op##_##S(AD_AT_##ka(a), AD_AT_##kb(b))) \
    }
/* (a one b) outer (c other d) */
#define AD_SUPER_4(S, one, ka, kb, outer, other, kc, kd) \
    static void w_##one##_##ka##kb##_##outer##_##other##_##kc##kd##_##S( \
        ptrdiff_t n, const void *pa, const void *pb, const void *pc, const void *pd, void *out_) \
    { \
        AD_DECL_##ka(a, S) AD_DECL_##kb(b, S) AD_DECL_##kc(c, S) AD_DECL_##kd(d, S) S *out = out_; \
        AD_LOOP(outer##_##S(one##_##S(AD_AT_##ka(a), AD_AT_##kb(b)), other##_##S(AD_AT_##kc(c), AD_AT_##kd(d)))) \
    }
/* (((a inner b) outer c) third d) fourth e */
#define AD_SUPER_5(S, inner, ka, kb, outer, kc, third, kd, fourth, ke) \
    static void w_##inner##_##ka##kb##_##outer##_##kc##_##third##_##kd##_##fourth##_##ke##_##S( \
        ptrdiff_t n, const void *pa, const void *pb, const void *pc, const void *pd, const void *pe, void *out_) \
    { \
        AD_DECL_##ka(a, S) AD_DECL_##kb(b, S) AD_DECL_##kc(c, S) AD_DECL_##kd(d, S) AD_DECL_##ke(e, S) S *out = out_; \
        AD_LOOP(AD_OUTER_##fourth( \
            S, AD_OUTER_##third( \
                   S, AD_OUTER_##outer(S, inner##_##S(AD_AT_##ka(a), AD_AT_##kb(b)), AD_AT_##kc(c)), AD_AT_##kd(d)), \
            AD_AT_##ke(e))) \
    }
/* ((a b) outer (c d)) third e, of products `op` of vectors */
#define AD_SUPER_41(S, op, outer, third, ke) \
    static void w_##op##_vv_##outer##_##op##_vv_##third##_##ke##_##S( \
        ptrdiff_t n, const void *pa, const void *pb, const void *pc, const void *pd, const void *pe, void *out_) \
    { \
        AD_DECL_v(a, S) AD_DECL_v(b, S) AD_DECL_v(c, S) AD_DECL_v(d, S) AD_DECL_##ke(e, S) S *out = out_; \
        AD_LOOP(AD_OUTER_##third(S, outer##_##S(op##_##S(a[i], b[i]), op##_##S(c[i], d[i])), AD_AT_##ke(e))) \
    }

#define AD_WITH_OUTER(X, inner, ka, kb) \
    X(inner, ka, kb, add, v) X(inner, ka, kb, add, s) X(inner, ka, kb, subtract, v) X(inner, ka, kb, subtract, s) \
    X(inner, ka, kb, rsubtract, v) X(inner, ka, kb, rsubtract, s) X(inner, ka, kb, multiply, v) \
    X(inner, ka, kb, multiply, s) X(inner, ka, kb, mulz, v) X(inner, ka, kb, mulz, s) X(inner, ka, kb, rmulz, v) \
    X(inner, ka, kb, rmulz, s)
#define AD_SAB_LIST(X) \
    AD_WITH_OUTER(X, add, v, v) AD_WITH_OUTER(X, add, v, s) AD_WITH_OUTER(X, subtract, v, v) \
    AD_WITH_OUTER(X, subtract, v, s) AD_WITH_OUTER(X, subtract, s, v) AD_WITH_OUTER(X, multiply, v, v) \
    AD_WITH_OUTER(X, multiply, v, s) AD_WITH_OUTER(X, mulz, v, v) AD_WITH_OUTER(X, mulz, v, s) \
    AD_WITH_OUTER(X, mulz, s, v)
#define AD_WITH_OUTER_SA(X, inner) \
    X(inner, add, v) X(inner, add, s) X(inner, subtract, v) X(inner, subtract, s) X(inner, rsubtract, v) \
    X(inner, rsubtract, s) X(inner, multiply, v) X(inner, multiply, s) X(inner, mulz, v) X(inner, mulz, s) \
    X(inner, rmulz, v) X(inner, rmulz, s)
#define AD_SA_LIST(X) AD_WITH_OUTER_SA(X, square) AD_WITH_OUTER_SA(X, negative)
#define AD_U_LIST(X) \
    X(add, v, v, square) X(add, v, s, square) X(subtract, v, v, square) X(subtract, v, s, square) \
    X(subtract, s, v, square) X(multiply, v, v, square) X(multiply, v, s, square) X(add, v, v, negative) \
    X(add, v, s, negative) X(multiply, v, v, negative) X(multiply, v, s, negative) X(add, v, s, reciprocal) \
    X(add, v, v, reciprocal) X(multiply, v, v, reciprocal)
#define AD_UU_LIST(X) X(square, negative)
#define AD_B_LIST(X) \
    X(add, v, s) X(subtract, v, s) X(subtract, s, v) X(multiply, v, s) X(divide, v, s) X(divide, s, v) \
    X(maximum, v, s) X(minimum, v, s) X(mulz, v, s) X(mulz, s, v) X(greater, v, s) X(greater_equal, v, s) \
    X(less, v, s) X(less_equal, v, s) X(equal, v, s) X(not_equal, v, s)
#define AD_WITH_PRODUCTS(X, one, kb, other, kd) \
    X(one, v, kb, add, other, v, kd) X(one, v, kb, subtract, other, v, kd)
#define AD_4_LIST(X) \
    AD_WITH_PRODUCTS(X, multiply, v, multiply, v) AD_WITH_PRODUCTS(X, multiply, s, multiply, v) \
    AD_WITH_PRODUCTS(X, multiply, v, multiply, s) AD_WITH_PRODUCTS(X, multiply, s, multiply, s) \
    AD_WITH_PRODUCTS(X, mulz, v, mulz, v) AD_WITH_PRODUCTS(X, multiply, v, mulz, v) \
    AD_WITH_PRODUCTS(X, multiply, s, mulz, v) AD_WITH_PRODUCTS(X, mulz, v, multiply, v) \
    AD_WITH_PRODUCTS(X, mulz, v, multiply, s) X(subtract, s, v, multiply, add, v, s) \
    X(add, v, s, multiply, subtract, s, v) X(subtract, v, s, multiply, add, v, s) X(add, v, s, multiply, subtract, v, s)

#define AD_WITH_THIRD(X, inner, ka, kb, outer, kc) \
    X(inner, ka, kb, outer, kc, multiply, s) X(inner, ka, kb, outer, kc, add, v) X(inner, ka, kb, outer, kc, rmulz, v)
#define AD_WITH_TWO(X, inner, ka, kb) \
    AD_WITH_THIRD(X, inner, ka, kb, add, v) AD_WITH_THIRD(X, inner, ka, kb, subtract, v) \
    AD_WITH_THIRD(X, inner, ka, kb, rsubtract, v)
#define AD_WITH_SCALED(X, inner) \
    X(inner, v, v, multiply, s, add, v) X(inner, v, v, multiply, s, subtract, v) X(inner, v, v, multiply, s, rsubtract, v)
#define AD_WITH_FACTOR(X, inner, outer) \
    X(inner, v, v, outer, v, multiply, s) X(inner, v, v, outer, v, add, v) X(inner, v, v, outer, v, subtract, v) \
    X(inner, v, v, outer, v, rsubtract, v)
#define AD_3_LIST(X) \
    AD_WITH_TWO(X, add, v, v) AD_WITH_TWO(X, subtract, v, v) AD_WITH_TWO(X, multiply, v, v) \
    AD_WITH_TWO(X, multiply, v, s) AD_WITH_TWO(X, mulz, v, v) AD_WITH_SCALED(X, multiply) AD_WITH_SCALED(X, mulz) \
    AD_WITH_FACTOR(X, multiply, multiply) AD_WITH_FACTOR(X, multiply, mulz) AD_WITH_FACTOR(X, mulz, multiply) \
    AD_WITH_FACTOR(X, mulz, mulz)
#define AD_WITH_SCALED_FACTOR(X, inner, outer) \
    X(inner, v, v, outer, v, multiply, s, add, v) X(inner, v, v, outer, v, multiply, s, subtract, v) \
    X(inner, v, v, outer, v, multiply, s, rsubtract, v)
#define AD_5_LIST(X) \
    X(multiply, v, v, multiply, s, add, v, multiply, s) X(multiply, v, v, multiply, s, subtract, v, multiply, s) \
    X(multiply, v, v, multiply, s, rsubtract, v, multiply, s) X(mulz, v, v, multiply, s, add, v, multiply, s) \
    X(mulz, v, v, multiply, s, subtract, v, multiply, s) X(mulz, v, v, multiply, s, rsubtract, v, multiply, s) \
    AD_WITH_SCALED_FACTOR(X, multiply, multiply) AD_WITH_SCALED_FACTOR(X, multiply, mulz) \
    AD_WITH_SCALED_FACTOR(X, mulz, multiply) AD_WITH_SCALED_FACTOR(X, mulz, mulz)
#define AD_WITH_TWO_PRODUCTS(X, op, outer) X(op, outer, add, v) X(op, outer, rsubtract, v) X(op, outer, multiply, s)
#define AD_41_LIST(X) \
    AD_WITH_TWO_PRODUCTS(X, multiply, add) AD_WITH_TWO_PRODUCTS(X, multiply, subtract) \
    AD_WITH_TWO_PRODUCTS(X, mulz, add) AD_WITH_TWO_PRODUCTS(X, mulz, subtract)
#define AD_WITH_THIRD_SA(X, inner, outer) \
    X(inner, outer, v, multiply, s) X(inner, outer, v, add, v) X(inner, outer, v, rmulz, v)
#define AD_SA3_LIST(X) \
    AD_WITH_THIRD_SA(X, square, add) AD_WITH_THIRD_SA(X, square, subtract) AD_WITH_THIRD_SA(X, square, rsubtract)

#define AD_DEFINE_SAB(inner, ka, kb, outer, kc) \
    AD_SUPER_SAB(f64, inner, ka, kb, outer, kc) AD_SUPER_SAB(f32, inner, ka, kb, outer, kc)
#define AD_DEFINE_SA(inner, outer, kc) AD_SUPER_SA(f64, inner, outer, kc) AD_SUPER_SA(f32, inner, outer, kc)
#define AD_DEFINE_U(inner, ka, kb, outer) AD_SUPER_U(f64, inner, ka, kb, outer) AD_SUPER_U(f32, inner, ka, kb, outer)
#define AD_DEFINE_B(op, ka, kb) AD_SUPER_B(f64, op, ka, kb) AD_SUPER_B(f32, op, ka, kb)
#define AD_DEFINE_4(one, ka, kb, outer, other, kc, kd) \
    AD_SUPER_4(f64, one, ka, kb, outer, other, kc, kd) AD_SUPER_4(f32, one, ka, kb, outer, other, kc, kd)
#define AD_DEFINE_UU(inner, outer) AD_SUPER_UU(f64, inner, outer) AD_SUPER_UU(f32, inner, outer)
AD_SAB_LIST(AD_DEFINE_SAB)
AD_SA_LIST(AD_DEFINE_SA)
AD_U_LIST(AD_DEFINE_U)
AD_UU_LIST(AD_DEFINE_UU)
AD_B_LIST(AD_DEFINE_B)
AD_4_LIST(AD_DEFINE_4)
#define AD_DEFINE_3(inner, ka, kb, outer, kc, third, kd) \
    AD_SUPER_3(f64, inner, ka, kb, outer, kc, third, kd) AD_SUPER_3(f32, inner, ka, kb, outer, kc, third, kd)
#define AD_DEFINE_SA3(inner, outer, kc, third, kd) \
    AD_SUPER_SA3(f64, inner, outer, kc, third, kd) AD_SUPER_SA3(f32, inner, outer, kc, third, kd)
AD_3_LIST(AD_DEFINE_3)
#define AD_DEFINE_5(inner, ka, kb, outer, kc, third, kd, fourth, ke) \
    AD_SUPER_5(f64, inner, ka, kb, outer, kc, third, kd, fourth, ke) \
    AD_SUPER_5(f32, inner, ka, kb, outer, kc, third, kd, fourth, ke)
#define AD_DEFINE_41(op, outer, third, ke) AD_SUPER_41(f64, op, outer, third, ke) AD_SUPER_41(f32, op, outer, third, ke)
AD_5_LIST(AD_DEFINE_5)
AD_41_LIST(AD_DEFINE_41)
AD_SA3_LIST(AD_DEFINE_SA3)

#if AD_TWO_AT_A_TIME
#define AD_SINCOS_LOOP(S) \
    const ptrdiff_t half = n / AD_PAD_##S * (AD_PAD_##S / 2); \
    AD_SIMD \
    for (ptrdiff_t i = 0; i < half; i++) { \
        pair_##S first = sincos_##S(a[i]), second = sincos_##S(a[i + half]); \
        out[i] = first.h, c[i] = first.l; \
        out[i + half] = second.h, c[i + half] = second.l; \
    }
#else
#define AD_SINCOS_LOOP(S) \
    AD_SIMD \
    for (ptrdiff_t i = 0; i < n; i++) { \
        pair_##S both = sincos_##S(a[i]); \
        out[i] = both.h, c[i] = both.l; \
    }
#endif

/* Sine to `out` and cosine to `pc`: either computes both. What is rare, and the end, is left to their own kernels. */
#define AD_SINCOS(S) \
    AD_NOINLINE void sincos_##S##_body(ptrdiff_t n, const S *a, S *c, S *out) \
    { \
        n &= -AD_PAD_##S; \
        AD_SINCOS_LOOP(S) \
    } \
    AD_NOINLINE void sincos_apart_##S(ptrdiff_t n, const S *a, S *c, S *out) \
    { \
        S t[AD_BLOCK]; \
        memcpy(t, a, n * sizeof(S)); \
        v_sin_##S(n, t, NULL, NULL, out); \
        v_cos_##S(n, t, NULL, NULL, c); \
    } \
    static void w_sincos_##S(ptrdiff_t n, const void *pa, const void *pc, const void *unused, void *out_) \
    { \
        const S *a = pa; \
        S *c = (S *)pc, *out = out_; \
        (void)unused; \
        for (ptrdiff_t i = 0; i < n;) { \
            ptrdiff_t m = n - i < AD_BLOCK ? (n - i) & -AD_PAD_##S : AD_BLOCK; \
            if (!m || sin_##S##_any(m, a + i, NULL, NULL)) { \
                m = n - i < AD_BLOCK ? n - i : AD_BLOCK; \
                sincos_apart_##S(m, a + i, c + i, out + i); \
            } else { \
                sincos_##S##_body(m, a + i, c + i, out + i); \
            } \
            i += m; \
        } \
    }
AD_SINCOS(f64)
AD_SINCOS(f32)

#include "quotient.h"

#define AD_SUPER_ROW(fn) {#fn, {.call3 = w_##fn##_f64}, {.call3 = w_##fn##_f32}},
#define AD_ROW_SAB(inner, ka, kb, outer, kc) AD_SUPER_ROW(inner##_##ka##kb##_##outer##_##kc)
#define AD_ROW_SA(inner, outer, kc) AD_SUPER_ROW(inner##_v_##outer##_##kc)
#define AD_ROW_U(inner, ka, kb, outer) AD_SUPER_ROW(inner##_##ka##kb##_##outer)
#define AD_ROW_B(op, ka, kb) AD_SUPER_ROW(op##_##ka##kb)
#define AD_SUPER_ROW4(fn) {#fn, {.call4 = w_##fn##_f64}, {.call4 = w_##fn##_f32}},
#define AD_ROW_4(one, ka, kb, outer, other, kc, kd) AD_SUPER_ROW4(one##_##ka##kb##_##outer##_##other##_##kc##kd)
#define AD_ROW_UU(inner, outer) AD_SUPER_ROW(inner##_v_##outer)
#define AD_ROW_3(inner, ka, kb, outer, kc, third, kd) \
    AD_SUPER_ROW4(inner##_##ka##kb##_##outer##_##kc##_##third##_##kd)
#define AD_ROW_SA3(inner, outer, kc, third, kd) AD_SUPER_ROW(inner##_v_##outer##_##kc##_##third##_##kd)
#define AD_SUPER_ROW5(fn) {#fn, {.call5 = w_##fn##_f64}, {.call5 = w_##fn##_f32}},
#define AD_ROW_5(inner, ka, kb, outer, kc, third, kd, fourth, ke) \
    AD_SUPER_ROW5(inner##_##ka##kb##_##outer##_##kc##_##third##_##kd##_##fourth##_##ke)
#define AD_ROW_41(op, outer, third, ke) AD_SUPER_ROW5(op##_vv_##outer##_##op##_vv_##third##_##ke)
static const ad_super supers[] = {
    AD_SAB_LIST(AD_ROW_SAB) AD_SA_LIST(AD_ROW_SA) AD_U_LIST(AD_ROW_U) AD_UU_LIST(AD_ROW_UU)
    AD_B_LIST(AD_ROW_B) AD_4_LIST(AD_ROW_4) AD_3_LIST(AD_ROW_3) AD_SA3_LIST(AD_ROW_SA3) AD_5_LIST(AD_ROW_5) AD_41_LIST(AD_ROW_41)
    AD_SUPER_ROW(sincos) AD_SUPER_ROW(quotient)
};
