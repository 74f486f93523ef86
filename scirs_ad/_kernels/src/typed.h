/* Kernels whose operands or results are not all of one floating-point type: comparisons to bool, casts, selection by
 * a mask, integers, complex numbers. Rows are found by name and signature, one letter per operand, the result last. */
typedef uint8_t b8;
typedef int64_t i64;
typedef int32_t i32;
typedef uint64_t i64_bits;
typedef uint32_t i32_bits;
typedef struct {
    f64 r, i;
} c128;
typedef struct {
    f32 r, i;
} c64;

/* ---- complex arithmetic: NumPy's formulas ----------------------------------------------------------------- */
#define AD_COMPLEX(C, S, OF_C, M, SMALL, LARGE) \
    AD_INLINE C C##_of(S r, S i) { return (C){r, i}; } \
    AD_INLINE C C##_add(C a, C b) { return C##_of(a.r + b.r, a.i + b.i); } \
    AD_INLINE C C##_sub(C a, C b) { return C##_of(a.r - b.r, a.i - b.i); } \
    AD_INLINE C C##_mul(C a, C b) { return C##_of(a.r * b.r - a.i * b.i, a.r * b.i + a.i * b.r); } \
    AD_INLINE int C##_zero(C a) { return (a.r == 0) & (a.i == 0); } \
    AD_INLINE C C##_div(C a, C b) /* Smith */ \
    { \
        const S r = M(__builtin_fabs)(b.r), i = M(__builtin_fabs)(b.i); \
        if ((r == 0) & (i == 0)) \
            return C##_of(a.r / r, a.i / r); \
        if (r >= i) { \
            const S q = b.i / b.r, s = 1 / (b.r + b.i * q); \
            return C##_of((a.r + a.i * q) * s, (a.i - a.r * q) * s); \
        } \
        const S q = b.r / b.i, s = 1 / (b.i + b.r * q); \
        return C##_of((a.r * q + a.i) * s, (a.i * q - a.r) * s); \
    } \
    /* Functions, through the real kernels on the parts; what these do not cover goes to the C library. */ \
    typedef void (*C##_core)(ptrdiff_t n, const S *re, const S *im, C *out); \
    static void C##_drive(ptrdiff_t n, const C *a, C *out, C##_core core) \
    { \
        S re[AD_UNIT], im[AD_UNIT]; \
        for (ptrdiff_t k = 0; k < n; k += AD_UNIT) { \
            const ptrdiff_t m = n - k < AD_UNIT ? n - k : AD_UNIT; \
            for (ptrdiff_t i = 0; i < m; i++) \
                re[i] = a[k + i].r, im[i] = a[k + i].i; \
            core(m, re, im, out + k); \
        } \
    } \
    AD_INLINE C C##_from_c(OF_C z) { return C##_of(M(__builtin_creal)(z), M(__builtin_cimag)(z)); } \
    static void C##_exp_core(ptrdiff_t n, const S *re, const S *im, C *out) \
    { \
        S e[AD_UNIT], s[AD_UNIT], c[AD_UNIT]; \
        v_exp_##S(n, re, NULL, NULL, e); \
        v_sin_##S(n, im, NULL, NULL, s); \
        v_cos_##S(n, im, NULL, NULL, c); \
        for (ptrdiff_t i = 0; i < n; i++) \
            out[i] = C##_of(e[i] * c[i], e[i] * s[i]); \
        for (ptrdiff_t i = 0; i < n; i++) \
            if (!(M(__builtin_fabs)(e[i]) <= LARGE) | !(M(__builtin_fabs)(im[i]) <= LARGE)) \
                out[i] = C##_from_c(M(cexp)(__builtin_complex(re[i], im[i]))); \
    } \
    static void C##_log_core(ptrdiff_t n, const S *re, const S *im, C *out) \
    { \
        S h[AD_UNIT], l[AD_UNIT], t[AD_UNIT]; \
        v_hypot_##S(n, re, im, NULL, h); \
        v_log_##S(n, h, NULL, NULL, l); \
        v_arctan2_##S(n, im, re, NULL, t); \
        for (ptrdiff_t i = 0; i < n; i++) \
            out[i] = C##_of(l[i], t[i]); \
        for (ptrdiff_t i = 0; i < n; i++) /* near the unit circle the logarithm needs the square to twice the digits */ \
            if (!((h[i] < (S)0.5) | (h[i] > (S)2)) | !(h[i] <= LARGE) | !(h[i] >= SMALL)) \
                out[i] = C##_from_c(M(clog)(__builtin_complex(re[i], im[i]))); \
    } \
    static void C##_sqrt_core(ptrdiff_t n, const S *re, const S *im, C *out) \
    { \
        S h[AD_UNIT]; \
        v_hypot_##S(n, re, im, NULL, h); \
        for (ptrdiff_t i = 0; i < n; i++) { \
            const S t = M(__builtin_sqrt)((S)0.5 * (h[i] + M(__builtin_fabs)(re[i]))), u = im[i] / (2 * t); \
            out[i] = re[i] >= 0 ? C##_of(t, u) \
                                : C##_of(M(__builtin_fabs)(u), M(__builtin_copysign)(t, im[i])); \
        } \
        for (ptrdiff_t i = 0; i < n; i++) \
            if (!(h[i] <= LARGE / 4) | !(h[i] >= SMALL)) \
                out[i] = C##_from_c(M(csqrt)(__builtin_complex(re[i], im[i]))); \
    } \
    static void t_exp_##C(ptrdiff_t n, const void *a, const void *b, const void *c, void *out) \
    { \
        (void)b, (void)c; \
        C##_drive(n, a, out, C##_exp_core); \
    } \
    static void t_log_##C(ptrdiff_t n, const void *a, const void *b, const void *c, void *out) \
    { \
        (void)b, (void)c; \
        C##_drive(n, a, out, C##_log_core); \
    } \
    static void t_sqrt_##C(ptrdiff_t n, const void *a, const void *b, const void *c, void *out) \
    { \
        (void)b, (void)c; \
        C##_drive(n, a, out, C##_sqrt_core); \
    } \
    static void t_abs_##C(ptrdiff_t n, const void *pa, const void *b, const void *c, void *pout) \
    { \
        S re[AD_UNIT], im[AD_UNIT]; \
        const C *a = pa; \
        S *out = pout; \
        (void)b, (void)c; \
        for (ptrdiff_t k = 0; k < n; k += AD_UNIT) { \
            const ptrdiff_t m = n - k < AD_UNIT ? n - k : AD_UNIT; \
            for (ptrdiff_t i = 0; i < m; i++) \
                re[i] = a[k + i].r, im[i] = a[k + i].i; \
            v_hypot_##S(m, re, im, NULL, out + k); \
        } \
    }
#define AD_AS_f64(fn) fn
#define AD_AS_f32(fn) fn##f
AD_COMPLEX(c128, f64, double _Complex, AD_AS_f64, 0x1p-1000, 0x1.fffffffffffffp1023)
AD_COMPLEX(c64, f32, float _Complex, AD_AS_f32, 0x1p-120f, 0x1.fffffep127f)

/* ---- integers --------------------------------------------------------------------------------------------- */
#define AD_INTEGER(S) \
    AD_INLINE S add_##S(S a, S b) { return (S)((S##_bits)a + (S##_bits)b); } \
    AD_INLINE S multiply_##S(S a, S b) { return (S)((S##_bits)a * (S##_bits)b); } \
    AD_INLINE S negative_##S(S a) { return (S)(0 - (S##_bits)a); } \
    AD_INLINE S floor_divide_##S(S a, S b) \
    { \
        if (b == 0) \
            return 0; \
        if (b == -1) \
            return negative_##S(a); \
        return a / b - ((a % b != 0) & ((a < 0) != (b < 0))); \
    } \
    AD_INLINE S remainder_##S(S a, S b) \
    { \
        if ((b == 0) | (b == -1)) \
            return 0; \
        const S m = a % b; \
        return (m != 0) & ((m < 0) != (b < 0)) ? m + b : m; \
    }
AD_INTEGER(i64)
AD_INTEGER(i32)

/* ---- the list, read twice: once for the functions, once for the rows --------------------------------------- */
#define AD_COMPARE(S) \
    AD_T2(greater, S, S, b8, a > b) AD_T2(greater_equal, S, S, b8, a >= b) AD_T2(less, S, S, b8, a < b) \
    AD_T2(less_equal, S, S, b8, a <= b) AD_T2(equal, S, S, b8, a == b) AD_T2(not_equal, S, S, b8, a != b) \
    AD_T1(logical_not, S, b8, a == 0)
#define AD_CASTS(S) \
    AD_T1(cast, S, f64, (f64)a) AD_T1(cast, S, f32, (f32)a) AD_T1(cast, S, i64, (i64)a) AD_T1(cast, S, i32, (i32)a) \
    AD_T1(cast, S, b8, a != 0) AD_T1(cast, S, c128, c128_of((f64)a, 0)) AD_T1(cast, S, c64, c64_of((f32)a, 0))
#define AD_CLASSES(S) \
    AD_T1(isnan, S, b8, a != a) AD_T1(isfinite, S, b8, a - a == 0) AD_T1(isinf, S, b8, (a == a) & (a - a != 0)) \
    AD_T1(signbit, S, b8, AD_AS_##S(__builtin_copysign)(1, a) < 0)
#define AD_WHERE(S) AD_T3(where, b8, S, S, S, a ? b : c)
#define AD_INTEGERS(S) \
    AD_T1(copy, S, S, a) AD_T1(negative, S, S, negative_##S(a)) AD_T1(abs, S, S, a < 0 ? negative_##S(a) : a) \
    AD_T1(square, S, S, multiply_##S(a, a)) AD_T1(sign, S, S, (a > 0) - (a < 0)) AD_T1(invert, S, S, ~a) \
    AD_T2(add, S, S, S, add_##S(a, b)) AD_T2(subtract, S, S, S, add_##S(a, negative_##S(b))) \
    AD_T2(multiply, S, S, S, multiply_##S(a, b)) AD_T2(mulz, S, S, S, multiply_##S(a, b)) \
    AD_T2(maximum, S, S, S, a > b ? a : b) AD_T2(minimum, S, S, S, a < b ? a : b) \
    AD_T2(floor_divide, S, S, S, floor_divide_##S(a, b)) AD_T2(remainder, S, S, S, remainder_##S(a, b)) \
    AD_T2(bitwise_and, S, S, S, a & b) AD_T2(bitwise_or, S, S, S, a | b) AD_T2(bitwise_xor, S, S, S, a ^ b)
#define AD_BOOLEANS \
    AD_T1(copy, b8, b8, a) AD_T2(logical_and, b8, b8, b8, a & b) AD_T2(logical_or, b8, b8, b8, a | b) \
    AD_T2(logical_xor, b8, b8, b8, a ^ b) AD_T2(bitwise_and, b8, b8, b8, a & b) \
    AD_T2(bitwise_or, b8, b8, b8, a | b) AD_T2(bitwise_xor, b8, b8, b8, a ^ b) AD_T1(invert, b8, b8, !a) \
    AD_T2(maximum, b8, b8, b8, a | b) AD_T2(minimum, b8, b8, b8, a & b) AD_T2(add, b8, b8, b8, a | b) \
    AD_T2(multiply, b8, b8, b8, a & b)
#define AD_COMPLEXES(C, S) \
    AD_T1(copy, C, C, a) AD_T1(negative, C, C, C##_of(-a.r, -a.i)) AD_T1(conjugate, C, C, C##_of(a.r, -a.i)) \
    AD_T1(square, C, C, C##_mul(a, a)) AD_T1(reciprocal, C, C, C##_div(C##_of(1, 0), a)) \
    AD_T1(real, C, S, a.r) AD_T1(imag, C, S, a.i) AD_T2(complex, S, S, C, C##_of(a, b)) \
    AD_T2(add, C, C, C, C##_add(a, b)) AD_T2(subtract, C, C, C, C##_sub(a, b)) \
    AD_T2(multiply, C, C, C, C##_mul(a, b)) AD_T2(divide, C, C, C, C##_div(a, b)) \
    AD_T2(mulz, C, C, C, C##_zero(a) ? C##_of(0, 0) : C##_mul(a, b)) \
    AD_T2(equal, C, C, b8, (a.r == b.r) & (a.i == b.i)) AD_T2(not_equal, C, C, b8, (a.r != b.r) | (a.i != b.i)) \
    AD_T1(isfinite, C, b8, (a.r - a.r == 0) & (a.i - a.i == 0)) AD_T1(isnan, C, b8, (a.r != a.r) | (a.i != a.i)) \
    AD_T1(cast, C, c128, c128_of(a.r, a.i)) AD_T1(cast, C, c64, c64_of((f32)a.r, (f32)a.i)) \
    AD_T1(cast, C, b8, !C##_zero(a)) AD_T1(logical_not, C, b8, C##_zero(a)) \
    AD_T0(exp, C, C) AD_T0(log, C, C) AD_T0(sqrt, C, C) AD_T0(abs, C, S)
#define AD_TYPED_LIST \
    AD_COMPARE(f64) AD_COMPARE(f32) AD_COMPARE(i64) AD_COMPARE(i32) AD_COMPARE(b8) \
    AD_CASTS(f64) AD_CASTS(f32) AD_CASTS(i64) AD_CASTS(i32) AD_CASTS(b8) AD_CLASSES(f64) AD_CLASSES(f32) \
    AD_WHERE(f64) AD_WHERE(f32) AD_WHERE(i64) AD_WHERE(i32) AD_WHERE(b8) AD_WHERE(c128) AD_WHERE(c64) \
    AD_INTEGERS(i64) AD_INTEGERS(i32) AD_BOOLEANS AD_COMPLEXES(c128, f64) AD_COMPLEXES(c64, f32)

#define AD_T0(op, A, R)
#define AD_T1(op, A, R, expr) \
    static void t_##op##_##A##_##R(ptrdiff_t n, const void *pa, const void *pb, const void *pc, void *po) \
    { \
        const A *xa = pa; \
        R *out = po; \
        (void)pb, (void)pc; \
        AD_SIMD \
        for (ptrdiff_t i = 0; i < n; i++) { \
            const A a = xa[i]; \
            out[i] = expr; \
        } \
    }
#define AD_T2(op, A, B, R, expr) \
    static void t_##op##_##A##_##R(ptrdiff_t n, const void *pa, const void *pb, const void *pc, void *po) \
    { \
        const A *xa = pa; \
        const B *xb = pb; \
        R *out = po; \
        (void)pc; \
        AD_SIMD \
        for (ptrdiff_t i = 0; i < n; i++) { \
            const A a = xa[i]; \
            const B b = xb[i]; \
            out[i] = expr; \
        } \
    }
#define AD_T3(op, A, B, D, R, expr) \
    static void t_##op##_##A##_##R(ptrdiff_t n, const void *pa, const void *pb, const void *pc, void *po) \
    { \
        const A *xa = pa; \
        const B *xb = pb; \
        const D *xc = pc; \
        R *out = po; \
        AD_SIMD \
        for (ptrdiff_t i = 0; i < n; i++) { \
            const A a = xa[i]; \
            const B b = xb[i]; \
            const D c = xc[i]; \
            out[i] = expr; \
        } \
    }
AD_TYPED_LIST
#undef AD_T0
#undef AD_T1
#undef AD_T2
#undef AD_T3

#define AD_LETTER_f64 "d"
#define AD_LETTER_f32 "f"
#define AD_LETTER_i64 "l"
#define AD_LETTER_i32 "i"
#define AD_LETTER_b8 "?"
#define AD_LETTER_c128 "D"
#define AD_LETTER_c64 "F"
#define AD_T0(op, A, R) {#op, AD_LETTER_##A AD_LETTER_##R, t_##op##_##A},
#define AD_T1(op, A, R, expr) {#op, AD_LETTER_##A AD_LETTER_##R, t_##op##_##A##_##R},
#define AD_T2(op, A, B, R, expr) {#op, AD_LETTER_##A AD_LETTER_##B AD_LETTER_##R, t_##op##_##A##_##R},
#define AD_T3(op, A, B, D, R, expr) \
    {#op, AD_LETTER_##A AD_LETTER_##B AD_LETTER_##D AD_LETTER_##R, t_##op##_##A##_##R},
static const ad_typed typed[] = {AD_TYPED_LIST};

/* ---- reductions ------------------------------------------------------------------------------------------- */
#define AD_FOLD_AND(a, b) ((b8)((a) & (b)))
#define AD_FOLD_OR(a, b) ((b8)((a) | (b)))
AD_REDUCER(sum, i64, add_i64, 0)
AD_REDUCER(prod, i64, multiply_i64, 1)
AD_REDUCER(max, i64, AD_FOLD_MAX, x[0])
AD_REDUCER(min, i64, AD_FOLD_MIN, x[0])
AD_REDUCER(sum, i32, add_i32, 0)
AD_REDUCER(prod, i32, multiply_i32, 1)
AD_REDUCER(max, i32, AD_FOLD_MAX, x[0])
AD_REDUCER(min, i32, AD_FOLD_MIN, x[0])
AD_REDUCER(max, b8, AD_FOLD_OR, 0)
AD_REDUCER(min, b8, AD_FOLD_AND, 1)
#define AD_ZERO_COMPLEX {0, 0}
#define AD_ONE_COMPLEX {1, 0}
AD_REDUCER(sum, c128, c128_add, AD_ZERO_COMPLEX)
AD_REDUCER(prod, c128, c128_mul, AD_ONE_COMPLEX)
AD_REDUCER(sum, c64, c64_add, AD_ZERO_COMPLEX)
AD_REDUCER(prod, c64, c64_mul, AD_ONE_COMPLEX)
