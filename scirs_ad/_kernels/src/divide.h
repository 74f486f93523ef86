/* Division with remainder, NumPy's (Python's) conventions. */
AD_INLINE f64 fmod_f64(f64 a, f64 b) { return fmod(a, b); }
AD_INLINE f32 fmod_f32(f32 a, f32 b) { return fmodf(a, b); }
AD_INLINE f64 remainder_f64(f64 a, f64 b)
{
    f64 m = fmod(a, b);
    if (!b) return m;
    if (m) return (b < 0) != (m < 0) ? m + b : m;
    return copysign(0.0, b);
}
AD_INLINE f64 floor_divide_f64(f64 a, f64 b)
{
    f64 m = fmod(a, b);
    if (!b) return a / b;
    f64 d = (a - m) / b;
    if (m && (b < 0) != (m < 0)) d -= 1;
    if (!d) return copysign(0.0, a / b);
    f64 f = floor(d);
    return d - f > 0.5 ? f + 1 : f;
}
AD_INLINE f32 remainder_f32(f32 a, f32 b)
{
    f32 m = fmodf(a, b);
    if (!b) return m;
    if (m) return (b < 0) != (m < 0) ? m + b : m;
    return copysignf(0.0f, b);
}
AD_INLINE f32 floor_divide_f32(f32 a, f32 b)
{
    f32 m = fmodf(a, b);
    if (!b) return a / b;
    f32 d = (a - m) / b;
    if (m && (b < 0) != (m < 0)) d -= 1;
    if (!d) return copysignf(0.0f, a / b);
    f32 f = floorf(d);
    return d - f > 0.5f ? f + 1 : f;
}
AD_VECTOR(fmod, f64, 2) AD_VECTOR(fmod, f32, 2)
AD_VECTOR(remainder, f64, 2) AD_VECTOR(remainder, f32, 2)
AD_VECTOR(floor_divide, f64, 2) AD_VECTOR(floor_divide, f32, 2)
