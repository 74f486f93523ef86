/* exp, log and their kin: a template, once per dtype. */
#define LOG2E PICK(0x1.71547652b82fep+0, 0x1.715476p+0f)
#define LN2_HI PICK(0x1.62e42fee00000p-1, 0x1.62e4p-1f) /* times an exponent: exact */
#define LN2_LO PICK(0x1.a39ef35793c76p-33, 0x1.7f7d1cp-20f)
#define SQRT_HALF_BITS PICK(0x3fe6a09e667f3bcdu, 0x3f3504f3u)
#define ONE_BITS ((U)BIAS << MANT)
#define MANT_MASK (((U)1 << MANT) - 1)
#define SIGN_BIT ((U)1 << PICK(63, 31))

/* ---- exponentials -------------------------------------------------------------------------------- */

/* 2^k p, where t = k + MAGIC and the result is a normal number. */
AD_INLINE S NAME(scale)(S p, S t) { return FROM(BITS(p) + (BITS(t) << MANT)); }

/* The same in two steps: any k down to where the result underflows to 0 and up to where it overflows. */
AD_INLINE S NAME(scale_wide)(S p, S t)
{
    U u = BITS(t) - BITS(MAGIC) + 2 * BIAS, half = u >> 1;
    return p * FROM(half << MANT) * FROM((u - half) << MANT);
}

/* 2^k, t = k + MAGIC, for a normal number. */
AD_INLINE S NAME(pow2)(S t) { return FROM((BITS(t) << MANT) + ONE_BITS); }

/* exp(x) = 2^k p, *t = k + MAGIC. */
AD_INLINE S NAME(exp_parts)(S x, S *t)
{
    *t = FMA_S(x, LOG2E, MAGIC);
    S k = *t - MAGIC;
    S r = FMA_S(-k, LN2_LO, FMA_S(-k, LN2_HI, x));
    return 1 + FMA_S(r * r, NAME(exp_q)(r), r);
}

/* exp(x) = 2^k (1 + r + q) to well over the working precision; x may carry a small correction. */
AD_INLINE NAME(pair) NAME(exp_pair)(S x, S correction, S *t)
{
    *t = FMA_S(x, LOG2E, MAGIC);
    S k = *t - MAGIC;
    S hi = FMA_S(-k, LN2_HI, x), w = k * LN2_LO;
    S r = hi - w, low = ((hi - r) - w) + correction;
    return (NAME(pair)){r, FMA_S(r * r, NAME(exp_q)(r), FMA_S(r, low, low))};
}

AD_INLINE S NAME(exp)(S x)
{
    S t, p = NAME(exp_parts)(x, &t);
    return NAME(scale)(p, t);
}

AD_INLINE int NAME(exp_rare)(S x) { return !(M(__builtin_fabs)(x) <= PICK(708.0, 87.0f)); }

AD_INLINE S NAME(clamp)(S x, S lo, S hi)
{
    x = x < lo ? lo : x;
    return x > hi ? hi : x;
}

AD_INLINE S NAME(exp_full)(S x)
{
    S t, p = NAME(exp_parts)(NAME(clamp)(x, PICK(-746.0, -105.0f), PICK(711.0, 90.0f)), &t);
    return NAME(scale_wide)(p, t);
}

#define LN2_53 PICK(0x1.62e42fefa39efp-1, 0x1.62e43p-1f)
#define LN2_53_LO PICK(0x1.abc9e3b39803fp-56, -0x1.05c61p-29f)

AD_INLINE S NAME(exp2_parts)(S x, S *t)
{
    *t = x + MAGIC;
    S r = x - (*t - MAGIC);
    return 1 + FMA_S(r, LN2_53, r * FMA_S(r, NAME(exp2_q)(r), LN2_53_LO));
}

AD_INLINE S NAME(exp2)(S x)
{
    S t, p = NAME(exp2_parts)(x, &t);
    return NAME(scale)(p, t);
}

AD_INLINE int NAME(exp2_rare)(S x) { return !(M(__builtin_fabs)(x) <= PICK(1021.0, 125.0f)); }

AD_INLINE S NAME(exp2_full)(S x)
{
    S t, p = NAME(exp2_parts)(NAME(clamp)(x, PICK(-1076.0, -151.0f), PICK(1025.0, 129.0f)), &t);
    return NAME(scale_wide)(p, t);
}

/* half * expm1(x) as a pair; half is 1, or 1/2 to reach 2^1024. x at most the logarithm of the largest number. */
AD_INLINE NAME(pair) NAME(expm1_pair)(S x, S half)
{
    S t;
    NAME(pair) p = NAME(exp_pair)(x, 0, &t);
    S scale = NAME(pow2)(half == 1 ? t : t - 1);
    NAME(pair) sum = NAME(fast_two_sum)(scale - half, scale * p.h);
    sum.l = FMA_S(scale, p.l, sum.l);
    return sum;
}

AD_INLINE S NAME(expm1)(S x)
{
    NAME(pair) e = NAME(expm1_pair)(NAME(clamp)(x, PICK(-50.0, -25.0f), PICK(710.0, 89.0f)), (S)0.5);
    S y = (e.h + e.l) * 2;
    return M(__builtin_fabs)(x) < PICK(0x1p-54, 0x1p-25f) ? x : y;
}

/* ---- logarithms ---------------------------------------------------------------------------------- */

/* x = 2^k m, m from sqrt(1/2) to sqrt(2); x normal and positive. */
AD_INLINE S NAME(log_split)(S x, S *k)
{
    U i = BITS(x) + (ONE_BITS - SQRT_HALF_BITS);
    const S two_mant = (S)((U)1 << MANT);
    *k = FROM((i >> MANT) | BITS(two_mant)) - (two_mant + BIAS);
    return FROM((i & MANT_MASK) + SQRT_HALF_BITS);
}

/* log(1 + f + c) + k ln 2, where c is below half a unit in the last place of 1 + f. */
AD_INLINE S NAME(log_finish)(S f, S c, S k)
{
    S s = f / (2 + f), z = s * s;
    S r = z * NAME(log_p)(z);
    S half = (S)0.5 * f * f;
    S low = FMA_S(s, half + r, FMA_S(k, LN2_LO, c));
    return FMA_S(k, LN2_HI, f - (half - low));
}

AD_INLINE S NAME(log)(S x)
{
    S k, m = NAME(log_split)(x, &k);
    return NAME(log_finish)(m - 1, 0, k);
}

/* Not a positive normal number. */
AD_INLINE int NAME(log_rare)(S x) { return !((x >= AD_MIN) & (x <= AD_MAX)); }

/* A logarithm's values where x is 0, negative, infinite or NaN; `y` elsewhere. */
AD_INLINE S NAME(log_special)(S x, S y)
{
    y = x <= AD_MAX ? y : x;
    return x > 0 ? y : x == 0 ? -(S)INFINITY : (S)NAN;
}

#define SUBNORMAL_SHIFT PICK(54, 25)
#define LIFT(x) ((x) < AD_MIN ? (x) * PICK(0x1p54, 0x1p25f) : (x))
#define LIFTED(x) ((x) < AD_MIN ? (S)SUBNORMAL_SHIFT : 0)

AD_INLINE S NAME(log_full)(S x)
{
    S k, m = NAME(log_split)(LIFT(x), &k);
    return NAME(log_special)(x, NAME(log_finish)(m - 1, 0, k - LIFTED(x)));
}

/* log(m) = hi + lo, hi short enough to be multiplied exactly by a constant of half the precision. */
AD_INLINE NAME(pair) NAME(log_halves)(S m)
{
    S f = m - 1, s = f / (2 + f), z = s * s;
    S r = z * NAME(log_p)(z), half = (S)0.5 * f * f;
    S hi = FROM(BITS(f - half) & ~(((U)1 << PICK(32, 12)) - 1));
    return (NAME(pair)){hi, FMA_S(s, half + r, (f - hi) - half)};
}

/* k a + log(m) / ln(base): a and 1/ln(base) in two parts each. */
AD_INLINE S NAME(log_base)(NAME(pair) p, S k, S a_hi, S a_lo, S c_hi, S c_lo)
{
    S top = k * a_hi, main = p.h * c_hi;
    NAME(pair) sum = NAME(fast_two_sum)(top, main);
    return sum.h + (sum.l + FMA_S(k, a_lo, FMA_S(p.l + p.h, c_lo, p.l * c_hi)));
}

#define LOG2_ARGS 1, 0, PICK(0x1.7154765200000p+0, 0x1.714p+0f), PICK(0x1.705fc2eefa200p-33, 0x1.47652cp-12f)
#define LOG10_ARGS PICK(0x1.34413509e0000p-2, 0x1.344p-2f), PICK(0x1.79fef311f12b3p-38, 0x1.3509f8p-18f), \
                   PICK(0x1.bcb7b15200000p-2, 0x1.bcap-2f), PICK(0x1.b9438ca9aadd5p-36, 0x1.7b1526p-14f)

AD_INLINE S NAME(log2)(S x)
{
    S k, m = NAME(log_split)(x, &k);
    return NAME(log_base)(NAME(log_halves)(m), k, LOG2_ARGS);
}

AD_INLINE int NAME(log2_rare)(S x) { return NAME(log_rare)(x); }

AD_INLINE S NAME(log2_full)(S x)
{
    S k, m = NAME(log_split)(LIFT(x), &k);
    return NAME(log_special)(x, NAME(log_base)(NAME(log_halves)(m), k - LIFTED(x), LOG2_ARGS));
}

AD_INLINE S NAME(log10)(S x)
{
    S k, m = NAME(log_split)(x, &k);
    return NAME(log_base)(NAME(log_halves)(m), k, LOG10_ARGS);
}

AD_INLINE int NAME(log10_rare)(S x) { return NAME(log_rare)(x); }

AD_INLINE S NAME(log10_full)(S x)
{
    S k, m = NAME(log_split)(LIFT(x), &k);
    return NAME(log_special)(x, NAME(log_base)(NAME(log_halves)(m), k - LIFTED(x), LOG10_ARGS));
}

/* log(1 + h + l) + shift ln 2, -1 < h <= largest number, |l| below an ulp of h. */
AD_INLINE S NAME(log1p_pair)(S h, S l, S shift)
{
    NAME(pair) u = NAME(two_sum)((S)1, h);
    S k, m = NAME(log_split)(u.h, &k);
    U exponent = (BITS(u.h) + (ONE_BITS - SQRT_HALF_BITS)) & ~MANT_MASK;
    S c = (u.l + l) * FROM(((U)(2 * BIAS + 1) << MANT) - exponent); /* twice 2^-k: never below 0 */
    S f = m - 1;
    /* c / m, to the few digits that count */
    c *= FMA_S(f, FMA_S(f, FMA_S(f, (S)-0.45, (S)0.51), (S)-0.5), (S)0.5);
    int small = M(__builtin_fabs)(h) < (S)0.29; /* then k is 0, and 1 + h need not be rounded */
    return NAME(log_finish)(small ? h : f, small ? l : c, k + shift);
}

AD_INLINE S NAME(log1p)(S x)
{
    S y = NAME(log1p_pair)(x, 0, 0);
    return M(__builtin_fabs)(x) < PICK(0x1p-54, 0x1p-25f) ? x : y;
}

AD_INLINE int NAME(log1p_rare)(S x) { return !((x > -1) & (x <= AD_MAX)); }

AD_INLINE S NAME(log1p_full)(S x)
{
    S y = x <= AD_MAX ? NAME(log1p)(x) : x;
    return x > -1 ? y : x == -1 ? -(S)INFINITY : (S)NAN;
}

/* ---- sigmoid, softplus ---------------------------------------------------------------------------- */

/* h + l divided by 1 + dh + dl (dh, dl at most 1). */
AD_INLINE S NAME(pair_over_one_plus)(S h, S l, S dh, S dl)
{
    NAME(pair) d = NAME(fast_two_sum)((S)1, dh);
    S inverse = 1 / d.h, q = h * inverse;
    S rest = NAME(residual)(q, d.h, h) + (l - q * (d.l + dl));
    return FMA_S(rest, inverse, q);
}

/* 1 / (1 + exp(-x)): with e = exp(-|x|), 1 / (1 + e) on the right and e / (1 + e) on the left. The power of
 * two in e is left out of the numerator until the end, so that a subnormal result is rounded once. */
AD_INLINE S NAME(sigmoid)(S x)
{
    S y = -M(__builtin_fabs)(x), t;
    y = y < PICK(-746.0, -105.0f) ? PICK(-746.0, -105.0f) : y;
    NAME(pair) e = NAME(exp_pair)(y, 0, &t);
    NAME(pair) p = NAME(fast_two_sum)((S)1, e.h);
    p = NAME(fast_two_sum)(p.h, p.l + e.l);
    int left = x < 0;
    S q = NAME(pair_over_one_plus)(left ? p.h : 1, left ? p.l : 0, NAME(scale_wide)(p.h, t),
                                   NAME(scale_wide)(p.l, t));
    return left ? NAME(scale_wide)(q, t) : q;
}

/* log(1 + h + l), 0 <= h <= 1, |l| below an ulp of h: short of a reduction. */
AD_INLINE S NAME(log1p_unit)(S h, S l)
{
    S s = h / (2 + h), z = s * s;
    S half = (S)0.5 * h * h;
    l *= FMA_S(s, FMA_S(s, (S)1.5, (S)-2), (S)1); /* l / (1 + h), to the few digits that count */
    return h - (half - FMA_S(s, FMA_S(z, NAME(log1p_p)(z), half), l));
}

/* max(x, 0) + log1p(exp(-|x|)) */
AD_INLINE S NAME(softplus)(S x)
{
    S y = -M(__builtin_fabs)(x), t;
    y = y < PICK(-746.0, -105.0f) ? PICK(-746.0, -105.0f) : y;
    NAME(pair) e = NAME(exp_pair)(y, 0, &t);
    NAME(pair) p = NAME(fast_two_sum)((S)1, e.h);
    p = NAME(fast_two_sum)(p.h, p.l + e.l);
    S h = NAME(scale_wide)(p.h, t), l = NAME(scale_wide)(p.l, t);
    return (x > 0 ? x : 0) + NAME(log1p_unit)(h, l);
}
