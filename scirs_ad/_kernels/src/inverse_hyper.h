/* Inverse hyperbolic functions. float64: the argument of log1p as a pair. float32: plain float64 arithmetic,
 * whose 29 spare bits cover the cancellation; below that a two-term series. */

AD_INLINE f64 arcsinh_f64(f64 x)
{
    f64 ax = __builtin_fabs(x);
    int big = ax > 0x1p60;
    pair_f64 p = square_plus_f64(big ? 1 : ax, 1.0);
    f64 s = __builtin_sqrt(p.h), low = (residual_f64(s, s, p.h) + p.l) / (2 * s);
    pair_f64 w = fast_two_sum_f64(ax, s - 1); /* ax + sqrt(1 + ax^2) = 1 + w */
    w = fast_two_sum_f64(w.h, w.l + low);
    f64 y = log1p_pair_f64(big ? ax : w.h, big ? 0 : w.l, big ? 1 : 0);
    y = ax < 0x1p-28 ? ax : y;
    y = ax <= 0x1.fffffffffffffp1023 ? y : ax;
    return __builtin_copysign(y, x);
}

AD_INLINE f64 arccosh_f64(f64 x)
{
    int big = x > 0x1p60;
    pair_f64 p = square_plus_f64(big ? 2 : x, -1.0);
    f64 s = __builtin_sqrt(p.h), low = s > 0 ? (residual_f64(s, s, p.h) + p.l) / (2 * s) : 0;
    pair_f64 t = two_sum_f64(x, -1);
    pair_f64 w = fast_two_sum_f64(s, t.h);
    f64 y = log1p_pair_f64(big ? x : w.h, big ? 0 : w.l + (low + t.l), big ? 1 : 0);
    y = x <= 0x1.fffffffffffffp1023 ? y : x;
    return x >= 1 ? y : (f64)NAN;
}

AD_INLINE f64 arctanh_f64(f64 x)
{
    f64 ax = __builtin_fabs(x), n = 2 * ax;
    pair_f64 d = two_sum_f64(1, -ax);
    f64 inverse = 1 / d.h, q = n * inverse;
    f64 low = (residual_f64(q, d.h, n) - q * d.l) * inverse;
    f64 y = 0.5 * log1p_pair_f64(q, low, 0);
    y = ax < 0x1p-28 ? ax : y;
    y = ax < 1 ? y : ax == 1 ? (f64)INFINITY : (f64)NAN;
    return __builtin_copysign(y, x);
}

AD_INLINE f32 arcsinh_f32(f32 x)
{
    f64 ax = __builtin_fabsf(x), z = ax * ax;
    f64 y = log_f64(ax + __builtin_sqrt(z + 1));
    y = ax < 0x1p-9 ? ax - ax * z * (1.0 / 6) : y;
    return __builtin_copysignf((f32)(ax <= 0x1.fffffep127 ? y : ax), x);
}

AD_INLINE f32 arccosh_f32(f32 x)
{
    f64 w = x, y = log_f64(w + __builtin_sqrt((w - 1) * (w + 1)));
    return (f32)(x >= 1 ? (x <= 0x1.fffffep127f ? y : w) : (f64)NAN);
}

AD_INLINE f32 arctanh_f32(f32 x)
{
    f64 ax = __builtin_fabsf(x);
    f64 y = 0.5 * log_f64((1 + ax) / (1 - ax));
    y = ax < 0x1p-9 ? ax + ax * ax * ax * (1.0 / 3) : y;
    return __builtin_copysignf((f32)(ax < 1 ? y : ax == 1 ? (f64)INFINITY : (f64)NAN), x);
}
