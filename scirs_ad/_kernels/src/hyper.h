/* Hyperbolic functions and their inverses: a template, once per dtype. */

/* For x >= 0: 2^k and 2^-k, a quarter of each, and x = k ln 2 + r + low. */
AD_INLINE NAME(pair) NAME(hyper_split)(S x, S *a, S *b)
{
    S t = FMA_S(x, LOG2E, MAGIC), k = t - MAGIC;
    S hi = FMA_S(-k, LN2_HI, x), w = k * LN2_LO;
    S r = hi - w;
    *a = NAME(pow2)(t - 2);
    /* past this 2^-k does not reach the sum, and would leave the normal range */
    *b = x > PICK(64.0, 32.0f) ? 0 : FROM(((U)(2 * BIAS - 4) << MANT) - BITS(*a));
    return (NAME(pair)){r, (hi - r) - w};
}

/* sinh(k ln 2 + r) = cosh(r) sinh(k ln 2) + sinh(r) cosh(k ln 2): one formula for small and large x. */
AD_INLINE S NAME(sinh)(S x)
{
    S ax = M(__builtin_fabs)(x), a, b;
    ax = ax > PICK(710.6, 89.6f) ? PICK(710.6, 89.6f) : ax;
    NAME(pair) r = NAME(hyper_split)(ax, &a, &b);
    S ch = a + b, sh = a - b, z = r.h * r.h;
    S cosh_less_1 = z * FMA_S(z, NAME(cosh_p)(z), (S)0.5);
    NAME(pair) p = NAME(two_prod)(r.h, ch);
    NAME(pair) sum = NAME(fast_two_sum)(sh, p.h);
    S rest = FMA_S(FMA_S(r.h * z, NAME(sinh_p)(z), r.l), ch, FMA_S(cosh_less_1, sh, p.l));
    S y = 2 * (sum.h + (sum.l + rest));
    y = ax < PICK(0x1p-27, 0x1p-12f) ? ax : y;
    return M(__builtin_copysign)(y, x);
}

AD_INLINE S NAME(cosh)(S x)
{
    S ax = M(__builtin_fabs)(x), a, b;
    ax = ax > PICK(710.6, 89.6f) ? PICK(710.6, 89.6f) : ax;
    NAME(pair) r = NAME(hyper_split)(ax, &a, &b);
    S ch = a + b, sh = a - b, z = r.h * r.h;
    S cosh_less_1 = z * FMA_S(z, NAME(cosh_p)(z), (S)0.5);
    NAME(pair) sum = NAME(fast_two_sum)(ch, r.h * sh);
    S rest = FMA_S(FMA_S(r.h * z, NAME(sinh_p)(z), r.l), sh, cosh_less_1 * ch);
    return 2 * (sum.h + (sum.l + rest));
}

/* e / (e + 2), e = expm1(2 |x|) as a pair. */
AD_INLINE S NAME(tanh)(S x)
{
    S ax = M(__builtin_fabs)(x);
    NAME(pair) e = NAME(expm1_pair)(ax > PICK(22.0, 10.0f) ? PICK(44.0, 20.0f) : 2 * ax, 1);
    e = NAME(fast_two_sum)(e.h, e.l);
    NAME(pair) d = NAME(two_sum)((S)2, e.h);
    S inverse = 1 / d.h, q = e.h * inverse;
    S rest = NAME(residual)(q, d.h, e.h) + (e.l - q * (d.l + e.l));
    S y = FMA_S(rest, inverse, q);
    return M(__builtin_copysign)(ax < PICK(0x1p-28, 0x1p-13f) ? ax : y, x);
}
