/* a / b and 1 / b together, to the bit, with one division or none.
 *
 * With r = 1/b rounded and q = a r, which is within an ulp of a/b, the remainder a - q b is exact and q + r (a - q b),
 * rounded once, is a/b rounded (P. Markstein, IBM J. Res. Dev. 34 (1990), 111: theorem 1).
 *
 * With AVX-512 r is found without the divider. The bits of b taken from a constant are a first guess of 4 bits; two steps
 * of third order leave 2^-38; one of Newton's, a quarter to half of an ulp too large on purpose, is within an ulp; and
 * another one rounds (theorem 2 there. Its exception, a mantissa of ones, is none where r comes from above: of r = 1/2
 * half an ulp is missing, which is rounded to even, of the number above that it stays what it is). Intel's divider takes
 * 16 cycles for eight numbers, these operations 6. With AVX2 there is a division; on Zen 1 it takes less time. */
#if AD_HAS_FMA
AD_INLINE f64 inverse_f64(f64 b)
{
#if defined(__AVX512F__)
    f64 r = from64(0x7fde623822fc16e6u - bits64(b));
    f64 e = FMA(-b, r, 1);
    r = FMA(r, FMA(e, e, e), r);
    e = FMA(-b, r, 1);
    r = FMA(r, FMA(e, e, e), r);
    r = FMA(r, FMA(-b, r, 1) + 0x1p-54, r);
    return FMA(r, FMA(-b, r, 1), r);
#else
    return 1 / b;
#endif
}
AD_INLINE f32 inverse_f32(f32 b) { return 1 / b; }

/* `any`: is there an element that is not between 2^(1 - WIDE) and 2^WIDE? Between them all is normal. As exponents are
 * counted from there, with the sign shifted out, these have the two upper bits clear. */
#define AD_QUOTIENT(S, U, FMA_, BITS, MANT, BIAS, WIDE) \
    AD_INLINE S quotient_##S(S a, S b, S r) \
    { \
        S q = a * r; \
        return FMA_(FMA_(-q, b, a), r, q); \
    } \
    AD_NOINLINE int quotient_##S##_any(ptrdiff_t n, const S *a, const S *b) \
    { \
        const U least = (U)(BIAS + 1 - WIDE) << (MANT + 1); \
        U any = 0; \
        n &= -AD_PAD_##S; \
        AD_SIMD_OR \
        for (ptrdiff_t i = 0; i < n; i++) \
            any |= ((BITS(a[i]) << 1) - least) | ((BITS(b[i]) << 1) - least); \
        return any >> (sizeof(S) * 8 - 2) != 0; \
    } \
    AD_NOINLINE void quotient_##S##_body(ptrdiff_t n, const S *a, const S *b, S *c, S *out) \
    { \
        n &= -AD_PAD_##S; \
        AD_SIMD \
        for (ptrdiff_t i = 0; i < n; i++) { \
            S r = inverse_##S(b[i]), q = quotient_##S(a[i], b[i], r); \
            out[i] = q, c[i] = r; \
        } \
    }
AD_QUOTIENT(f64, uint64_t, FMA, bits64, 52, 1023, 256)
AD_QUOTIENT(f32, uint32_t, FMAF, bits32, 23, 127, 32)
#else
#define quotient_f64_any(n, a, b) 1
#define quotient_f32_any(n, a, b) 1
#define quotient_f64_body(n, a, b, c, out) (void)0
#define quotient_f32_body(n, a, b, c, out) (void)0
#endif

/* The quotient to `out` and the reciprocal to `pc`: either may be an operand. What is rare, and the end, is divided. */
#define AD_QUOTIENTS(S) \
    AD_NOINLINE void quotient_apart_##S(ptrdiff_t n, const S *a, const S *b, S *c, S *out) \
    { \
        AD_SIMD \
        for (ptrdiff_t i = 0; i < n; i++) { \
            S q = a[i] / b[i], r = 1 / b[i]; \
            out[i] = q, c[i] = r; \
        } \
    } \
    static void w_quotient_##S(ptrdiff_t n, const void *pa, const void *pb, const void *pc, void *out_) \
    { \
        const S *a = pa, *b = pb; \
        S *c = (S *)pc, *out = out_; \
        for (ptrdiff_t i = 0; i < n;) { \
            ptrdiff_t m = n - i < AD_BLOCK ? (n - i) & -AD_PAD_##S : AD_BLOCK; \
            if (!m || quotient_##S##_any(m, a + i, b + i)) { \
                m = n - i < AD_BLOCK ? n - i : AD_BLOCK; \
                quotient_apart_##S(m, a + i, b + i, c + i, out + i); \
            } else { \
                quotient_##S##_body(m, a + i, b + i, c + i, out + i); \
            } \
            i += m; \
        } \
    }
AD_QUOTIENTS(f64)
AD_QUOTIENTS(f32)
