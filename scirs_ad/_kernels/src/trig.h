/* Circular functions and their inverses. */
AD_LIBM1(sin, sin)
AD_LIBM1(cos, cos)
AD_LIBM1(tan, tan)
AD_LIBM1(arcsin, asin)
AD_LIBM1(arccos, acos)
AD_LIBM1(arctan, atan)
AD_INLINE f64 arctan2_f64(f64 a, f64 b) { return atan2(a, b); }
AD_INLINE f32 arctan2_f32(f32 a, f32 b) { return atan2f(a, b); }
AD_INLINE f64 hypot_f64(f64 a, f64 b) { return hypot(a, b); }
AD_INLINE f32 hypot_f32(f32 a, f32 b) { return hypotf(a, b); }
AD_VECTOR(arctan2, f64, 2) AD_VECTOR(arctan2, f32, 2)
AD_VECTOR(hypot, f64, 2) AD_VECTOR(hypot, f32, 2)
