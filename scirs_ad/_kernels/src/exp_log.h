/* exp, log and their kin. */
#define AD_LIBM1(op, fn) \
    AD_INLINE f64 op##_f64(f64 x) { return fn(x); } \
    AD_INLINE f32 op##_f32(f32 x) { return fn##f(x); } \
    AD_VECTOR(op, f64, 1) AD_VECTOR(op, f32, 1)
AD_LIBM1(exp, exp)
AD_LIBM1(exp2, exp2)
AD_LIBM1(expm1, expm1)
AD_LIBM1(log, log)
AD_LIBM1(log2, log2)
AD_LIBM1(log10, log10)
AD_LIBM1(log1p, log1p)
AD_LIBM1(cbrt, cbrt)
AD_INLINE f64 sigmoid_f64(f64 x) { f64 e = exp(-fabs(x)); return (x >= 0 ? 1 : e) / (1 + e); }
AD_INLINE f32 sigmoid_f32(f32 x) { return (f32)sigmoid_f64(x); }
AD_INLINE f64 softplus_f64(f64 x) { return (x > 0 ? x : x == x ? 0 : x) + log1p(exp(-fabs(x))); }
AD_INLINE f32 softplus_f32(f32 x) { return (f32)softplus_f64(x); }
AD_INLINE f64 logaddexp_f64(f64 a, f64 b) { return a == b ? a + 0.6931471805599453 : (a > b ? a : b) + log1p(exp(-fabs(a - b))) + (a - b) * 0; }
AD_INLINE f32 logaddexp_f32(f32 a, f32 b) { return (f32)logaddexp_f64(a, b); }
AD_INLINE f64 power_f64(f64 a, f64 b) { return pow(a, b); }
AD_INLINE f32 power_f32(f32 a, f32 b) { return powf(a, b); }
AD_VECTOR(sigmoid, f64, 1) AD_VECTOR(sigmoid, f32, 1)
AD_VECTOR(softplus, f64, 1) AD_VECTOR(softplus, f32, 1)
AD_VECTOR(logaddexp, f64, 2) AD_VECTOR(logaddexp, f32, 2)
AD_VECTOR(power, f64, 2) AD_VECTOR(power, f32, 2)
