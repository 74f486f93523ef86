/* log|Gamma|, digamma, trigamma. Positive normal arguments in vectors; the rest, rarely met, one by one. float32 in
 * float64 arithmetic.
 *
 * Relative accuracy holds at the zeros of gammaln at 1 and 2 and of digamma at 1.4616. Where they cross zero left of the
 * origin the error is relative to the largest term: 1 for gammaln, pi cot(pi x) for digamma. */

AD_INLINE int positive_normal_f64(f64 x) { return (x >= 0x1p-1022) & (x <= 0x1.fffffffffffffp1023); }

/* 0.7 <= x < 5: a ratio of polynomials, times (x - 1)(x - 2). Below: gammaln(x + 1) - log(x), the factors of the
 * former written in x. Above: Stirling's series. One logarithm serves both. */
AD_INLINE f64 gammaln_f64(f64 x)
{
    int low = x < 0.7;
    f64 u = low ? x + 1 : x;
    f64 factors = low ? x * (x - 1) : (x - 1) * (x - 2);
    f64 middle = FMA(factors, gammaln_r_num_f64(u) / gammaln_r_den_f64(u), factors * 0.4375);
    f64 log_x = log_f64(x), inverse = 1 / x;
    f64 far = FMA(x - 0.5, log_x - 1, FMA(stirling_p_f64(inverse * inverse), inverse, 0x1.acfe390c97d69p-2));
    f64 near = low ? middle - log_x : middle;
    return (x < 5 ? near : far) + 0.0; /* no -0 at 1 */
}

AD_INLINE int gammaln_rare_f64(f64 x) { return !positive_normal_f64(x); }

/* SciPy's value at -inf is -inf, C's is inf. */
AD_INLINE f64 gammaln_redo_f64(f64 x)
{
    int sign;
    return x == -(f64)INFINITY ? x : lgamma_r(x, &sign);
}

/* 1 <= x < 4: a ratio of polynomials, times the distance from the root. Below 1: one step of the recurrence. Above: the
 * asymptotic series. */
AD_INLINE f64 digamma_f64(f64 x)
{
    int low = x < 1;
    f64 u = low ? x + 1 : x, inverse = 1 / x, z = inverse * inverse;
    f64 from_root = (u - 0x1.762d86356be3fp+0) - 0x1.b86a722197829p-54;
    f64 middle = FMA(from_root, digamma_r_num_f64(u) / digamma_r_den_f64(u), from_root * 0.75);
    f64 far = log_f64(x) - FMA(z, digamma_p_f64(z), 0.5 * inverse);
    return x < 4 ? (low ? middle - inverse : middle) : far;
}

AD_INLINE int digamma_rare_f64(f64 x) { return !positive_normal_f64(x); }

AD_INLINE f64 digamma_redo_f64(f64 x)
{
    if (x == 0)
        return copysign(INFINITY, -x);
    if (!(x < 0))
        return x > 1 ? x : -1 / x; /* inf, NaN; subnormal */
    f64 r = x - rint(x);
    if (r == 0 || x == -(f64)INFINITY)
        return NAN;
    return digamma_f64(1 - x) - M_PI / tan(M_PI * r);
}

AD_INLINE f64 trigamma_f64(f64 x)
{
    int low = x < 1;
    f64 u = low ? x + 1 : x, inverse = 1 / x, z = inverse * inverse;
    f64 middle = 0.25 + trigamma_r_num_f64(u) / trigamma_r_den_f64(u);
    f64 far = inverse + z * FMA(inverse, trigamma_p_f64(z), 0.5);
    return x < 5 ? (low ? middle + z : middle) : far;
}

AD_INLINE int trigamma_rare_f64(f64 x) { return !positive_normal_f64(x); }

AD_INLINE f64 trigamma_redo_f64(f64 x)
{
    if (!(x < 0))
        return x > 1 ? 0 : 1 / (x * x); /* inf; NaN, 0, subnormal */
    f64 r = x - rint(x);
    if (r == 0 || x == -(f64)INFINITY)
        return INFINITY;
    f64 s = FMA(r * r * r, sinpi_p_f64(r * r), r); /* sin(pi r) / pi */
    return 1 / (s * s) - trigamma_f64(1 - x);
}

#define AD_FLOAT_FROM_DOUBLE(op) \
    AD_INLINE f32 op##_f32(f32 x) { return (f32)op##_f64(x); } \
    AD_INLINE int op##_rare_f32(f32 x) { return !((x > 0) & (x <= 0x1.fffffep127f)); } \
    AD_INLINE f32 op##_redo_f32(f32 x) { return (f32)op##_redo_f64(x); }
AD_FLOAT_FROM_DOUBLE(gammaln)
AD_FLOAT_FROM_DOUBLE(digamma)
AD_FLOAT_FROM_DOUBLE(trigamma)
