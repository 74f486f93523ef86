/* Unevaluated sums of two numbers: a template, once per dtype. */
typedef struct {
    S h, l;
} NAME(pair);

/* a + b exactly, |a| >= |b| or a = 0. */
AD_INLINE NAME(pair) NAME(fast_two_sum)(S a, S b)
{
    S s = a + b;
    return (NAME(pair)){s, b - (s - a)};
}

/* a + b exactly. */
AD_INLINE NAME(pair) NAME(two_sum)(S a, S b)
{
    S s = a + b, v = s - a;
    return (NAME(pair)){s, (a - (s - v)) + (b - v)};
}

/* c - a b with one rounding if the hardware can, else to twice the precision of the product. */
AD_INLINE S NAME(residual)(S a, S b, S c)
{
#if AD_HAS_FMA
    return FMA_S(-a, b, c);
#else
    const U mask = ~(((U)1 << (MANT / 2 + 1)) - 1);
    S ah = FROM(BITS(a) & mask), al = a - ah, bh = FROM(BITS(b) & mask), bl = b - bh;
    return (((c - ah * bh) - ah * bl) - al * bh) - al * bl;
#endif
}

/* a b exactly. */
AD_INLINE NAME(pair) NAME(two_prod)(S a, S b)
{
    S p = a * b;
    return (NAME(pair)){p, -NAME(residual)(a, b, p)};
}

/* a^2 + b, |b| = 1, normalised. */
AD_INLINE NAME(pair) NAME(square_plus)(S a, S b)
{
    NAME(pair) p = NAME(two_prod)(a, a);
    NAME(pair) sum = NAME(two_sum)(p.h, b);
    return NAME(fast_two_sum)(sum.h, sum.l + p.l);
}

/* a b + c in one rounding; without the hardware for it, in one rounding but for the last digits of a small c. */
AD_INLINE S NAME(fused)(S a, S b, S c)
{
#if AD_HAS_FMA
    return FMA_S(a, b, c);
#else
    NAME(pair) p = NAME(two_prod)(a, b);
    NAME(pair) sum = NAME(two_sum)(p.h, c);
    return sum.h + (sum.l + p.l);
#endif
}
