/* power, logaddexp, hypot, arctan2 and cbrt: float64, and float32 in float64 arithmetic. */

/* log(x), x positive and normal, to about 2^-65 relative. With s = (m - 1)/(m + 1),
 * log(m) = 2 s + s^3 (2/3 + s^2 g(s^2)); all but g is carried in pairs. */
AD_INLINE pair_f64 log_pair_f64(f64 x)
{
    f64 k, m = log_split_f64(x, &k), f = m - 1;
    pair_f64 d = fast_two_sum_f64(2, f);
    f64 s = f / d.h;
    f64 s_low = (residual_f64(s, d.h, f) - s * d.l) * FMA(-0.5, s, 0.5); /* 1/d = (1 - s)/2 */
    pair_f64 z = two_prod_f64(s, s);
    z.l = FMA(2 * s, s_low, z.l);
    pair_f64 t = fast_two_sum_f64(0x1.5555555555555p-1, z.h * log_g_f64(z.h));
    t.l += 0x1.5555555555555p-55;
    pair_f64 w = two_prod_f64(z.h, s);
    w.l += FMA(z.h, s_low, z.l * s);
    pair_f64 u = two_prod_f64(w.h, t.h);
    u.l += FMA(w.h, t.l, w.l * t.h);
    pair_f64 sum = fast_two_sum_f64(2 * s, u.h);
    f64 low = sum.l + FMA(2, s_low, u.l);
    pair_f64 top = fast_two_sum_f64(k * 0x1.62e42fee00000p-1, sum.h);
    return fast_two_sum_f64(top.h, top.l + FMA(k, 0x1.a39ef35793c76p-33, low));
}

/* The value for a negative base, given the one for |x|. */
AD_INLINE f64 power_sign(f64 x, f64 y, f64 r)
{
    f64 half = 0.5 * y;
    r = x < 0 && __builtin_rint(half) != half ? -r : r;
    return x < 0 && __builtin_rint(y) != y ? (f64)NAN : r;
}

/* exp(h + l) = exp(h) (1 + l), with the sign of x^y. */
AD_INLINE f64 power_finish(f64 x, f64 y, f64 h, f64 l)
{
    f64 top = clamp_f64(h, -746, 711), t;
    pair_f64 e = exp_pair_f64(top, 0, &t);
    pair_f64 one = fast_two_sum_f64(1, e.h);
    f64 low = FMA(h == top ? l : 0, one.h + e.l, one.l + e.l);
    return power_sign(x, y, scale_wide_f64(one.h + low, t));
}

/* Two loops: one alone is a chain of some 100 dependent operations, of which the processor overlaps too few
 * iterations (8.0 against 6.2 ns an element on a Zen 3 core). */
#define POWER_STAGE 64
AD_NOINLINE void power_f64_body(ptrdiff_t n, const f64 *x, const f64 *y, const f64 *c, f64 *out)
{
    f64 h[POWER_STAGE], l[POWER_STAGE];
    (void)c;
    n &= -AD_PAD_f64;
    for (ptrdiff_t start = 0; start < n; start += POWER_STAGE) {
        ptrdiff_t m = (n - start < POWER_STAGE ? n - start : POWER_STAGE) & -AD_PAD_f64;
        AD_SIMD
        for (ptrdiff_t i = 0; i < m; i++) {
            pair_f64 log_x = log_pair_f64(__builtin_fabs(x[start + i]));
            pair_f64 p = two_prod_f64(y[start + i], log_x.h);
            h[i] = p.h;
            l[i] = FMA(y[start + i], log_x.l, p.l);
        }
        AD_SIMD
        for (ptrdiff_t i = 0; i < m; i++)
            out[start + i] = power_finish(x[start + i], y[start + i], h[i], l[i]);
    }
}

/* Zero, subnormal, infinite and NaN operands: C99's table, from libm. */
AD_INLINE int power_rare_f64(f64 x, f64 y)
{
    return !((__builtin_fabs(x) >= 0x1p-1022) & (__builtin_fabs(x) <= 0x1.fffffffffffffp1023)
             & (__builtin_fabs(y) <= 0x1.fffffffffffffp1023));
}
AD_INLINE f64 power_redo_f64(f64 x, f64 y) { return pow(x, y); }

AD_INLINE f32 power_f32(f32 x, f32 y)
{
    f64 wide = y, h = clamp_f64(wide * log_f64(__builtin_fabs((f64)x)), -160, 140), t;
    f64 p = exp_parts_f64(h, &t);
    return (f32)power_sign(x, wide, scale_f64(p, t));
}

AD_INLINE int power_rare_f32(f32 x, f32 y)
{
    return !((__builtin_fabsf(x) > 0) & (__builtin_fabsf(x) <= 0x1.fffffep127f)
             & (__builtin_fabsf(y) <= 0x1.fffffep127f));
}
AD_INLINE f32 power_redo_f32(f32 x, f32 y) { return powf(x, y); }

/* x = 2^(3 k) v, 1 <= v < 8. A polynomial gives r = v^(-1/3) to 2^-14, one step of order four makes it
 * full, and the cube root v r^2 is corrected by its own exact residual. */
AD_INLINE f64 cbrt_f64(f64 x)
{
    f64 ax = __builtin_fabs(x);
    int low = ax < 0x1p-1022;
    f64 lifted = low ? ax * 0x1p54 : ax;
    uint64_t i = bits64(lifted);
    f64 e = from64((i >> 52) | bits64(0x1p52)) - (0x1p52 + 1023);
    f64 t = (e - 1) * 0x1.5555555555555p-2 + 0x1.8p52, k = t - 0x1.8p52, j = e - 3 * k;
    f64 m = from64((i & 0xfffffffffffffu) | 0x3ff0000000000000u);
    f64 v = scale_f64(m, j + 0x1.8p52);
    f64 r = cbrt_p_f64(m) * (j == 0 ? 1 : j == 1 ? 0x1.965fea53d6e3dp-1 : 0x1.428a2f98d728bp-1);
    f64 miss = 1 - v * r * (r * r);
    r += r * miss * FMA(miss, FMA(miss, 14.0 / 81, 2.0 / 9), 1.0 / 3);
    f64 r2 = r * r, y = v * r2;
    pair_f64 y2 = two_prod_f64(y, y);
    y += (residual_f64(y2.h, y, v) - y2.l * y) * (r2 * (1.0 / 3));
    y = scale_f64(y, low ? t - 18 : t);
    y = ax > 0 && ax <= 0x1.fffffffffffffp1023 ? y : ax;
    return __builtin_copysign(y, x);
}

AD_INLINE f32 cbrt_f32(f32 x)
{
    f64 ax = __builtin_fabsf(x);
    uint64_t i = bits64(ax);
    f64 e = from64((i >> 52) | bits64(0x1p52)) - (0x1p52 + 1023);
    f64 t = (e - 1) * 0x1.5555555555555p-2 + 0x1.8p52, k = t - 0x1.8p52, j = e - 3 * k;
    f64 m = from64((i & 0xfffffffffffffu) | 0x3ff0000000000000u);
    f64 v = scale_f64(m, j + 0x1.8p52);
    f64 r = cbrt_p_f64(m) * (j == 0 ? 1 : j == 1 ? 0x1.965fea53d6e3dp-1 : 0x1.428a2f98d728bp-1);
    f64 miss = 1 - v * r * (r * r);
    r += r * miss * FMA(miss, 2.0 / 9, 1.0 / 3);
    f64 y = scale_f64(v * r * r, t);
    y = ax > 0 && ax <= 0x1.fffffep127 ? y : ax;
    return __builtin_copysignf((f32)y, x);
}

/* Scaled by a power of two so that the squares neither overflow nor vanish. */
AD_INLINE f64 hypot_f64(f64 x, f64 y)
{
    f64 ax = __builtin_fabs(x), ay = __builtin_fabs(y);
    f64 top = ax > ay ? ax : ay;
    f64 scale = top > 0x1p500 ? 0x1p-600 : top < 0x1p-400 ? 0x1p600 : 1;
    f64 back = top > 0x1p500 ? 0x1p600 : top < 0x1p-400 ? 0x1p-600 : 1;
    ax *= scale;
    ay *= scale;
    f64 r = __builtin_sqrt(FMA(ax, ax, ay * ay)) * back;
    return (ax == (f64)INFINITY) | (ay == (f64)INFINITY) ? (f64)INFINITY : r;
}

AD_INLINE f32 hypot_f32(f32 x, f32 y)
{
    f64 a = x, b = y;
    f32 r = (f32)__builtin_sqrt(a * a + b * b);
    return (__builtin_fabsf(x) == (f32)INFINITY) | (__builtin_fabsf(y) == (f32)INFINITY) ? (f32)INFINITY : r;
}

/* base +- atan(smaller / larger), the quotient as a pair. */
AD_INLINE f64 arctan2_f64(f64 y, f64 x)
{
    f64 ax = __builtin_fabs(x), ay = __builtin_fabs(y);
    int steep = ay > ax, back = x < 0;
    f64 n = steep ? ax : ay, d = steep ? ay : ax;
    f64 inverse = 1 / d;
    f64 q = n / d, z = q * q;
    f64 q_low = residual_f64(q, d, n) * inverse;
    /* 1/(1 + z) to 5 %: all that a correction below an ulp needs */
    f64 a_low = FMA(q * z, atan_p_f64(z), (n < 0x1p-900 ? 0 : q_low) * (0.97 - 0.47 * z));
    f64 base = steep ? 0x1.921fb54442d18p+0 : back ? 0x1.921fb54442d18p+1 : 0;
    f64 base_low = steep ? 0x1.1a62633145c07p-54 : back ? 0x1.1a62633145c07p-53 : 0;
    int minus = steep != back;
    pair_f64 sum = fast_two_sum_f64(base, minus ? -q : q);
    f64 r = sum.h + (sum.l + (base_low + (minus ? -a_low : a_low)));
    return __builtin_copysign(r, y);
}

AD_INLINE int arctan2_rare_f64(f64 y, f64 x)
{
    f64 sum = __builtin_fabs(x) + __builtin_fabs(y);
    return !((sum > 0x1p-900) & (sum < 0x1p1000));
}
AD_INLINE f64 arctan2_redo_f64(f64 y, f64 x) { return atan2(y, x); }

AD_INLINE f32 arctan2_f32(f32 y, f32 x)
{
    f64 ax = __builtin_fabs((f64)x), ay = __builtin_fabs((f64)y);
    int steep = ay > ax, back = x < 0;
    f64 q = (steep ? ax : ay) / (steep ? ay : ax), z = q * q;
    f64 a = FMA(q * z, atan_p32_f64(z), q);
    f64 base = steep ? 0x1.921fb54442d18p+0 : back ? 0x1.921fb54442d18p+1 : 0;
    f64 r = steep != back ? base - a : base + a;
    return __builtin_copysignf((f32)r, y);
}

AD_INLINE int arctan2_rare_f32(f32 y, f32 x)
{
    f32 sum = __builtin_fabsf(x) + __builtin_fabsf(y);
    return !((sum > 0) & (sum < (f32)INFINITY));
}
AD_INLINE f32 arctan2_redo_f32(f32 y, f32 x) { return atan2f(y, x); }

/* max + log1p(exp(-|a - b|)), the difference in two parts. Where max and the logarithm cancel (a result near 0
 * from operands of order 1) the error is relative to the operands. */
AD_INLINE f64 logaddexp_f64(f64 a, f64 b)
{
    f64 top = (a >= b) | (a != a) ? a : b, low = (a >= b) | (a != a) ? b : a, t;
    pair_f64 d = two_sum_f64(low, -top);
    f64 y = d.h < -746 ? -746 : d.h;
    int level = a == b; /* also where both are the same infinity, whose difference is NaN */
    pair_f64 e = exp_pair_f64(level ? 0 : y, (level | !(d.h > -746)) ? 0 : d.l, &t);
    pair_f64 p = fast_two_sum_f64(1, e.h);
    p = fast_two_sum_f64(p.h, p.l + e.l);
    f64 h = scale_wide_f64(p.h, t), l = scale_wide_f64(p.l, t);
    return top + log1p_unit_f64(h, l);
}

/* In float64: max + log(1 + exp(-|a - b|)). */
AD_INLINE f32 logaddexp_f32(f32 a, f32 b)
{
    f64 top = (a >= b) | (a != a) ? a : b, low = (a >= b) | (a != a) ? b : a, t;
    f64 y = a == b ? 0 : low - top;
    f64 p = exp_parts_f64(y < -200 ? -200 : y, &t);
    f64 e = scale_f64(p, t), l = log_f64(1 + e);
    return (f32)(top + (e < 0x1p-27 ? e : l));
}
