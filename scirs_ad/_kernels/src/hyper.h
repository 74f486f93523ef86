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

/* With x = k ln(2)/2 + r and s = 2^k: ((s - 1) + (s + 1) t) / ((s + 1) + (s - 1) t), t = tanh(r). Numerator and
 * denominator are pairs n + n_low, d + d_low; the quotient is corrected once. Nothing is lost for a small x: k is 0. The
 * shift keeps k there until n is at least 1/2, so that s - 1 - n is exact. */
AD_INLINE S NAME(tanh)(S x)
{
    S ax = M(__builtin_fabs)(x);
    ax = ax > PICK(22.0, 10.0f) ? PICK(22.0, 10.0f) : ax;
    S turns = FMA_S(ax - (S)0.0068, 2 * LOG2E, MAGIC), k = turns - MAGIC;
    S r = FMA_S(-k, LN2_LO / 2, FMA_S(-k, LN2_HI / 2, ax)), z = r * r;
    S t = r * z * NAME(tanh_p)(z); /* less r */
    S more = NAME(pow2)(turns) + 1, less = more - 2; /* in this order right to the last digit before tanh is 1 */
    S n = FMA_S(more, r, less), d = FMA_S(less, r, more);
    S n_low = FMA_S(more, t, FMA_S(more, r, less - n)), d_low = FMA_S(less, t, FMA_S(less, r, more - d));
    S inverse = 1 / (d + d_low), q = (n + n_low) * inverse;
    S rest = NAME(residual)(q, d, n) + FMA_S(-q, d_low, n_low);
    return M(__builtin_copysign)(FMA_S(rest, inverse, q), x);
}
