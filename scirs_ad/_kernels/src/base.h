/* What every family of functions shares: types, bit casts, fma, and the loops around a scalar core.
 * All is static (inline): a function that the linker may share between builds could bring AVX-512 code
 * to a machine without it. */
#ifndef SCIRS_AD_BASE_H
#define SCIRS_AD_BASE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "ops.h"

typedef double f64;
typedef float f32;
typedef int64_t f64_flag;
typedef int32_t f32_flag;

#define AD_INLINE static inline __attribute__((always_inline))
#define AD_NOINLINE static __attribute__((noinline))
#define AD_UNUSED __attribute__((unused))
#define AD_SIMD _Pragma("omp simd")
#define AD_SIMD_OR _Pragma("omp simd reduction(|:any)")
#define AD_CAT_(a, b) a##_##b

/* The build sets -ffp-contract=off, so that an error-free transformation stays one and vector body and
 * scalar code agree to the bit; fused operations are asked for by name. Without hardware support
 * fma() would be a library call, 30 times slower. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__aarch64__)
#define AD_HAS_FMA 1
#define FMA(a, b, c) __builtin_fma(a, b, c)
#define FMAF(a, b, c) __builtin_fmaf(a, b, c)
#else
#define AD_HAS_FMA 0
#define FMA(a, b, c) ((a) * (b) + (c))
#define FMAF(a, b, c) ((a) * (b) + (c))
#endif

AD_INLINE uint64_t bits64(f64 x)
{
    uint64_t u;
    memcpy(&u, &x, 8);
    return u;
}

AD_INLINE f64 from64(uint64_t u)
{
    f64 x;
    memcpy(&x, &u, 8);
    return x;
}

AD_INLINE uint32_t bits32(f32 x)
{
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}

AD_INLINE f32 from32(uint32_t u)
{
    f32 x;
    memcpy(&x, &u, 4);
    return x;
}

/* ---- the loops -----------------------------------------------------------------------------------
 * A kernel has a body, a vector loop over a multiple of AD_PAD elements. What is left at the end is
 * copied to a padded block and goes through the same body, so an element's result does not depend on its place.
 * A kernel whose core does not cover every input also has `any` (does this block hold a rare element?)
 * and `redo` (recompute the rare elements, one by one).                                             */
#define AD_PAD_f64 8
#define AD_PAD_f32 16
#define AD_BLOCK 512

#define AD_DRIVER(S) \
    typedef void (*S##_body)(ptrdiff_t n, const S *a, const S *b, const S *c, S *out); \
    typedef int (*S##_any)(ptrdiff_t n, const S *a, const S *b, const S *c); \
    AD_INLINE void S##_pad(S *to, const S *from, ptrdiff_t n) \
    { \
        for (ptrdiff_t i = 0; i < AD_PAD_##S; i++) \
            to[i] = 1; \
        for (ptrdiff_t i = 0; i < n; i++) \
            to[i] = from[i]; \
    } \
    AD_NOINLINE void S##_tail(ptrdiff_t n, const S *a, const S *b, const S *c, S *out, S##_body body, \
                              S##_any any, S##_body redo) \
    { \
        S t[4][AD_PAD_##S]; \
        S##_pad(t[0], a, n); \
        if (b) \
            S##_pad(t[1], b, n); \
        if (c) \
            S##_pad(t[2], c, n); \
        body(AD_PAD_##S, t[0], t[1], t[2], t[3]); \
        if (any && any(AD_PAD_##S, t[0], t[1], t[2])) \
            redo(n, t[0], t[1], t[2], t[3]); \
        for (ptrdiff_t i = 0; i < n; i++) \
            out[i] = t[3][i]; \
    } \
    AD_UNUSED static void S##_drive(ptrdiff_t n, const S *a, const S *b, const S *c, S *out, S##_body body) \
    { \
        ptrdiff_t m = n & -AD_PAD_##S; \
        if (m) \
            body(m, a, b, c, out); \
        if (m < n) \
            S##_tail(n - m, a + m, b ? b + m : NULL, c ? c + m : NULL, out + m, body, NULL, NULL); \
    } \
    /* The inputs of a block with rare elements are kept aside, since `out` may be one of them. */ \
    AD_NOINLINE void S##_rare_block(ptrdiff_t n, const S *a, const S *b, const S *c, S *out, S##_body body, \
                                    S##_body redo) \
    { \
        S t[3][AD_BLOCK]; \
        memcpy(t[0], a, n * sizeof(S)); \
        if (b) \
            memcpy(t[1], b, n * sizeof(S)); \
        if (c) \
            memcpy(t[2], c, n * sizeof(S)); \
        body(n, t[0], t[1], t[2], out); \
        redo(n, t[0], t[1], t[2], out); \
    } \
    AD_UNUSED static void S##_drive_rare(ptrdiff_t n, const S *a, const S *b, const S *c, S *out, S##_body body, \
                                         S##_any any, S##_body redo) \
    { \
        for (ptrdiff_t i = 0; i < n;) { \
            const S *bi = b ? b + i : NULL, *ci = c ? c + i : NULL; \
            ptrdiff_t m = n - i < AD_BLOCK ? (n - i) & -AD_PAD_##S : AD_BLOCK; \
            if (!m) { \
                S##_tail(n - i, a + i, bi, ci, out + i, body, any, redo); \
                return; \
            } \
            if (any(m, a + i, bi, ci)) \
                S##_rare_block(m, a + i, bi, ci, out + i, body, redo); \
            else \
                body(m, a + i, bi, ci, out + i); \
            i += m; \
        } \
    }

AD_DRIVER(f64)
AD_DRIVER(f32)

#define AD_DRIVER_TWO(S) \
    AD_UNUSED static void S##_drive_two(ptrdiff_t n, const S *a, const S *b, const S *c, S *out, S##_body body, \
                                        S##_any any, S##_body full) \
    { \
        for (ptrdiff_t i = 0; i < n;) { \
            const S *bi = b ? b + i : NULL, *ci = c ? c + i : NULL; \
            ptrdiff_t m = n - i < AD_BLOCK ? (n - i) & -AD_PAD_##S : AD_BLOCK; \
            if (!m) { \
                S##_tail(n - i, a + i, bi, ci, out + i, full, NULL, NULL); \
                return; \
            } \
            (any(m, a + i, bi, ci) ? full : body)(m, a + i, bi, ci, out + i); \
            i += m; \
        } \
    }

AD_DRIVER_TWO(f64)
AD_DRIVER_TWO(f32)

#define AD_ARGS_1(a, b, c, i) a[i]
#define AD_ARGS_2(a, b, c, i) a[i], b[i]
#define AD_ARGS_3(a, b, c, i) a[i], b[i], c[i]

/* A vector loop over the core `op_S`. A core is a chain of 12 to 60 dependent operations, more than a small scheduler
 * sees past. So with AVX2 two elements are taken at a time, half a block apart, for the compiler to interleave
 * (-fschedule-insns): on Zen 1 three quarters of the time. */
#if defined(__AVX2__) && !defined(__AVX512F__)
#define AD_TWO_AT_A_TIME 1
#else
#define AD_TWO_AT_A_TIME 0
#endif
#if AD_TWO_AT_A_TIME
#define AD_BODY_LOOP(S, n, CORE, ARGS) \
    const ptrdiff_t half = n / AD_PAD_##S * (AD_PAD_##S / 2); \
    AD_SIMD \
    for (ptrdiff_t i = 0; i < half; i++) { \
        S first = CORE(ARGS(a, b, c, i)), second = CORE(ARGS(a, b, c, i + half)); \
        out[i] = first; \
        out[i + half] = second; \
    }
#else
#define AD_BODY_LOOP(S, n, CORE, ARGS) \
    AD_SIMD \
    for (ptrdiff_t i = 0; i < n; i++) \
        out[i] = CORE(ARGS(a, b, c, i));
#endif
#define AD_BODY(op, S, arity) \
    AD_NOINLINE void op##_##S##_body(ptrdiff_t n, const S *a, const S *b, const S *c, S *out) \
    { \
        (void)a, (void)b, (void)c; \
        n &= -AD_PAD_##S; /* tells the compiler that there is no remainder */ \
        AD_BODY_LOOP(S, n, op##_##S, AD_ARGS_##arity) \
    }

/* The same for a single number. */
#define AD_OF_1(a, b, c) a
#define AD_OF_2(a, b, c) a, b
#define AD_OF_3(a, b, c) a, b, c
#define AD_ONE(op, S, EXPRESSION) \
    AD_NOINLINE S one_##op##_##S(S a, S b, S c) \
    { \
        (void)a, (void)b, (void)c; \
        return EXPRESSION; \
    }

/* One IEEE operation or a select: any order of evaluation gives the same bits, so no padding. */
#define AD_SIMPLE(op, S, arity) \
    AD_ONE(op, S, op##_##S(AD_OF_##arity(a, b, c))) \
    static void v_##op##_##S(ptrdiff_t n, const void *pa, const void *pb, const void *pc, void *po) \
    { \
        const S *a = pa, *b = pb, *c = pc; \
        S *out = po; \
        (void)a, (void)b, (void)c; \
        AD_SIMD \
        for (ptrdiff_t i = 0; i < n; i++) \
            out[i] = op##_##S(AD_ARGS_##arity(a, b, c, i)); \
    }

/* A core that covers every input. */
#define AD_VECTOR(op, S, arity) \
    AD_BODY(op, S, arity) \
    AD_ONE(op, S, op##_##S(AD_OF_##arity(a, b, c))) \
    static void v_##op##_##S(ptrdiff_t n, const void *a, const void *b, const void *c, void *out) \
    { \
        S##_drive(n, a, b, c, out, op##_##S##_body); \
    }

/* Does a block hold an element for which `op_rare_S`? The flag is as wide as an element: no narrowing in the loop. */
#define AD_ANY(op, S, arity) \
    AD_NOINLINE int op##_##S##_any(ptrdiff_t n, const S *a, const S *b, const S *c) \
    { \
        (void)a, (void)b, (void)c; \
        S##_flag any = 0; \
        n &= -AD_PAD_##S; \
        AD_SIMD_OR \
        for (ptrdiff_t i = 0; i < n; i++) \
            any |= op##_rare_##S(AD_ARGS_##arity(a, b, c, i)) ? (S##_flag)-1 : 0; \
        return any != 0; \
    }

/* Two cores: `op_S` for ordinary input, and `op_full_S`, which gives the same bits there and covers every
 * input. `op_rare_S` is 1 where only the second holds. */
#define AD_VECTOR_TWO(op, S, arity) \
    AD_BODY(op, S, arity) \
    AD_BODY(op##_full, S, arity) \
    AD_ANY(op, S, arity) \
    AD_ONE(op, S, op##_rare_##S(AD_OF_##arity(a, b, c)) ? op##_full_##S(AD_OF_##arity(a, b, c)) \
                                                        : op##_##S(AD_OF_##arity(a, b, c))) \
    static void v_##op##_##S(ptrdiff_t n, const void *a, const void *b, const void *c, void *out) \
    { \
        S##_drive_two(n, a, b, c, out, op##_##S##_body, op##_##S##_any, op##_full_##S##_body); \
    }

/* A core, `op_rare_S` (1 where the core does not hold) and `op_redo_S` (the scalar function there). */
#define AD_VECTOR_RARE(op, S, arity) \
    AD_BODY(op, S, arity) \
    AD_RARE(op, S, arity) \
    AD_ONE(op, S, op##_rare_##S(AD_OF_##arity(a, b, c)) ? op##_redo_##S(AD_OF_##arity(a, b, c)) \
                                                        : op##_##S(AD_OF_##arity(a, b, c)))
#define AD_RARE(op, S, arity) \
    AD_ANY(op, S, arity) \
    AD_NOINLINE void op##_##S##_fix(ptrdiff_t n, const S *a, const S *b, const S *c, S *out) \
    { \
        (void)a, (void)b, (void)c; \
        for (ptrdiff_t i = 0; i < n; i++) \
            if (op##_rare_##S(AD_ARGS_##arity(a, b, c, i))) \
                out[i] = op##_redo_##S(AD_ARGS_##arity(a, b, c, i)); \
    } \
    static void v_##op##_##S(ptrdiff_t n, const void *a, const void *b, const void *c, void *out) \
    { \
        S##_drive_rare(n, a, b, c, out, op##_##S##_body, op##_##S##_any, op##_##S##_fix); \
    }

#endif
