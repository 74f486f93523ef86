/* Error functions and the gamma family. */
#define AD_LIBM1(op, fn) \
    AD_INLINE f64 op##_f64(f64 x) { return fn(x); } \
    AD_INLINE f32 op##_f32(f32 x) { return fn##f(x); } \
    AD_VECTOR(op, f64, 1) AD_VECTOR(op, f32, 1)
AD_LIBM1(erf, erf)
AD_LIBM1(erfc, erfc)
AD_LIBM1(gammaln, lgamma)
AD_INLINE f64 digamma_f64(f64 x)
{
    if (x == 0) return copysign(INFINITY, -x);
    if (x < 0 && x == floor(x)) return NAN;
    f64 s = 0;
    if (x < 0) { f64 r = x - rint(x); s = -M_PI / tan(M_PI * r); x = 1 - x; }
    while (x < 10) { s -= 1 / x; x += 1; }
    f64 z = 1 / (x * x);
    return s + (log(x) - 0.5 / x
        - z * (1. / 12 - z * (1. / 120 - z * (1. / 252 - z * (1. / 240 - z * (1. / 132 - z * (691. / 32760 - z / 12)))))));
}
AD_INLINE f64 trigamma_f64(f64 x)
{
    if (x <= 0 && x == floor(x)) return INFINITY;
    f64 s = 0, sign = 1;
    if (x < 0) { f64 t = sin(M_PI * (x - rint(x))); s = M_PI * M_PI / (t * t); sign = -1; x = 1 - x; }
    f64 p = 0;
    while (x < 10) { p += 1 / (x * x); x += 1; }
    f64 z = 1 / (x * x);
    f64 q = p + (1 / x + 0.5 * z + z / x * (1. / 6 - z * (1. / 30 - z * (1. / 42 - z * (1. / 30 - z * (5. / 66 - z * (691. / 2730 - z * 7 / 6)))))));
    return s + sign * q;
}
AD_INLINE f32 digamma_f32(f32 x) { return (f32)digamma_f64(x); }
AD_INLINE f32 trigamma_f32(f32 x) { return (f32)trigamma_f64(x); }
AD_VECTOR(digamma, f64, 1) AD_VECTOR(digamma, f32, 1)
AD_VECTOR(trigamma, f64, 1) AD_VECTOR(trigamma, f32, 1)
