/* Superinstructions: two operations in one pass, and operations with a scalar operand.
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
/* outer (a inner b) */
#define AD_SUPER_U(S, inner, ka, kb, outer) \
    static void w_##inner##_##ka##kb##_##outer##_##S(ptrdiff_t n, const void *pa, const void *pb, const void *unused, \
                                                     void *out_) \
    { \
        AD_DECL_##ka(a, S) AD_DECL_##kb(b, S) S *out = out_; \
        (void)unused; \
        AD_LOOP(outer##_##S(inner##_##S(AD_AT_##ka(a), AD_AT_##kb(b)))) \
    }
/* a op b with one scalar */
#define AD_SUPER_B(S, op, ka, kb) \
    static void w_##op##_##ka##kb##_##S(ptrdiff_t n, const void *pa, const void *pb, const void *unused, void *out_) \
    { \
        AD_DECL_##ka(a, S) AD_DECL_##kb(b, S) S *out = out_; \
        (void)unused; \
        AD_LOOP(op##_##S(AD_AT_##ka(a), AD_AT_##kb(b))) \
    }
/* (a b) outer (c d) */
#define AD_SUPER_4(S, kb, outer, kd) \
    static void w_multiply_v##kb##_##outer##_multiply_v##kd##_##S(ptrdiff_t n, const void *pa, const void *pb, \
                                                                  const void *pc, const void *pd, void *out_) \
    { \
        AD_DECL_v(a, S) AD_DECL_##kb(b, S) AD_DECL_v(c, S) AD_DECL_##kd(d, S) S *out = out_; \
        AD_LOOP(outer##_##S(multiply_##S(AD_AT_v(a), AD_AT_##kb(b)), multiply_##S(AD_AT_v(c), AD_AT_##kd(d)))) \
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
#define AD_B_LIST(X) \
    X(add, v, s) X(subtract, v, s) X(subtract, s, v) X(multiply, v, s) X(divide, v, s) X(divide, s, v) \
    X(maximum, v, s) X(minimum, v, s) X(mulz, v, s) X(mulz, s, v) X(greater, v, s) X(greater_equal, v, s) \
    X(less, v, s) X(less_equal, v, s) X(equal, v, s) X(not_equal, v, s)
#define AD_4_LIST(X) \
    X(v, add, v) X(s, add, v) X(v, add, s) X(s, add, s) X(v, subtract, v) X(s, subtract, v) X(v, subtract, s) \
    X(s, subtract, s)

#define AD_DEFINE_SAB(inner, ka, kb, outer, kc) \
    AD_SUPER_SAB(f64, inner, ka, kb, outer, kc) AD_SUPER_SAB(f32, inner, ka, kb, outer, kc)
#define AD_DEFINE_SA(inner, outer, kc) AD_SUPER_SA(f64, inner, outer, kc) AD_SUPER_SA(f32, inner, outer, kc)
#define AD_DEFINE_U(inner, ka, kb, outer) AD_SUPER_U(f64, inner, ka, kb, outer) AD_SUPER_U(f32, inner, ka, kb, outer)
#define AD_DEFINE_B(op, ka, kb) AD_SUPER_B(f64, op, ka, kb) AD_SUPER_B(f32, op, ka, kb)
#define AD_DEFINE_4(kb, outer, kd) AD_SUPER_4(f64, kb, outer, kd) AD_SUPER_4(f32, kb, outer, kd)
AD_SAB_LIST(AD_DEFINE_SAB)
AD_SA_LIST(AD_DEFINE_SA)
AD_U_LIST(AD_DEFINE_U)
AD_B_LIST(AD_DEFINE_B)
AD_4_LIST(AD_DEFINE_4)

#define AD_SUPER_ROW(fn) {#fn, {.call3 = w_##fn##_f64}, {.call3 = w_##fn##_f32}},
#define AD_ROW_SAB(inner, ka, kb, outer, kc) AD_SUPER_ROW(inner##_##ka##kb##_##outer##_##kc)
#define AD_ROW_SA(inner, outer, kc) AD_SUPER_ROW(inner##_v_##outer##_##kc)
#define AD_ROW_U(inner, ka, kb, outer) AD_SUPER_ROW(inner##_##ka##kb##_##outer)
#define AD_ROW_B(op, ka, kb) AD_SUPER_ROW(op##_##ka##kb)
#define AD_SUPER_ROW4(fn) {#fn, {.call4 = w_##fn##_f64}, {.call4 = w_##fn##_f32}},
#define AD_ROW_4(kb, outer, kd) AD_SUPER_ROW4(multiply_v##kb##_##outer##_multiply_v##kd)
static const ad_super supers[] = {
    AD_SAB_LIST(AD_ROW_SAB) AD_SA_LIST(AD_ROW_SA) AD_U_LIST(AD_ROW_U) AD_B_LIST(AD_ROW_B) AD_4_LIST(AD_ROW_4)
};
