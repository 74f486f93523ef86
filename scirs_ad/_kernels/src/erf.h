/* Error functions: a template, once per dtype. */
#define ERFC_AT_3 PICK(0x1.12f21ddd9f5e2p+0, 0x1.12f21ep+0f) /* 6 exp(9) erfc(3) */
#define ERFC_AT_3_LO PICK(-0x1.962bf736a7417p-54, -0x1.130510p-27f)

/* |x| <= 1 */
AD_INLINE S NAME(erf_small)(S x, S z) { return FMA_S(x, NAME(erf_p)(z), x); }

/* From 1 on, 1 - exp(-h(x)): what h loses is small beside 1. */
AD_INLINE S NAME(erf)(S x)
{
    S ax = M(__builtin_fabs)(x), t;
    S small = NAME(erf_small)(ax, ax * ax);
    S v = (ax > PICK(5.95, 4.0f) ? PICK(5.95, 4.0f) : ax) - 1;
    S p = NAME(exp_parts)(-NAME(erf_h)(v), &t);
    return M(__builtin_copysign)(ax < 1 ? small : 1 - NAME(scale)(p, t), x);
}

/* exp(-x^2) times a ratio, both as pairs, for |x| >= 0.4: that is erfc(|x|). */
AD_INLINE S NAME(erfc)(S x)
{
    S ax = M(__builtin_fabs)(x), t;
    ax = ax > PICK(27.5, 10.3f) ? PICK(27.5, 10.3f) : ax;
    NAME(pair) z = NAME(two_prod)(ax, ax);
    S near = 1 - NAME(erf_small)(x, z.h);

    NAME(pair) e = NAME(exp_pair)(-z.h, 0, &t);
    NAME(pair) p = NAME(fast_two_sum)((S)1, e.h);
    S p_low = FMA_S(-z.l, p.h + e.l, p.l + e.l);

    NAME(pair) d = NAME(two_sum)(ax, (S)3);
    S inverse = 1 / d.h, u = (d.h - 6) * inverse;
    S u_low = (NAME(residual)(u, d.h, d.h - 6) + (1 - u) * d.l) * inverse;
    NAME(pair) g = NAME(two_prod)(u, NAME(erfc_g)(u));
    NAME(pair) n = NAME(two_sum)(ERFC_AT_3, g.h);
    n.l += g.l + FMA_S(u_low, NAME(erfc_d)(u), ERFC_AT_3_LO);
    S q = n.h * inverse;
    S q_low = (NAME(residual)(q, d.h, n.h) + (n.l - q * d.l)) * inverse;

    S far = NAME(scale_wide)(NAME(fused)(p.h, q, FMA_S(p.h, q_low, p_low * q)), t);
    far = x < 0 ? 2 - far : far;
    return M(__builtin_fabs)(x) < (S)0.4 ? near : far;
}
