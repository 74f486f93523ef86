/* Circular functions and their inverses: a template, once per dtype. */
#define TWO_OVER_PI PICK(0x1.45f306dc9c883p-1, 0x1.45f306p-1f)
#define HALF_PI PICK(0x1.921fb54442d18p+0, 0x1.921fb6p+0f)
#define HALF_PI_LO PICK(0x1.1a62633145c07p-54, -0x1.777a5cp-25f)

/* How far the reduction below holds. With a fused multiply-add x - k pi/2 is exact for the first 53 bits of pi/2,
 * else the parts are short enough for their multiples to be exact. Past it libm does the element. */
#if AD_HAS_FMA
#define TRIG_MAX PICK(0x1p28, 0x1p13f)
#else
#define TRIG_MAX PICK(0x1p20, 0x1p7f)
#endif

/* |x| = k pi/2 + r; *quadrant holds k in its low bits. */
AD_INLINE S NAME(trig_reduce)(S ax, U *quadrant)
{
    S t = FMA_S(ax, TWO_OVER_PI, MAGIC), k = t - MAGIC;
    *quadrant = BITS(t);
#if AD_HAS_FMA
    S r = FMA_S(-k, PICK(0x1.921fb54442d18p+0, 0x1.921fb6p+0f), ax);
    r = FMA_S(-k, PICK(0x1.1a62633145c07p-54, -0x1.777a5cp-25f), r);
    return FMA_S(-k, PICK(-0x1.f1976b7ed8fbcp-110, -0x1.ee59dap-50f), r);
#else
    S a = ax - k * PICK(0x1.921fb54400000p+0, 0x1.921f00p+0f);
    S w = k * PICK(0x1.0b4611a600000p-34, 0x1.6a8800p-17f), r = a - w, lost = (a - r) - w;
    return r - ((k * PICK(0x1.3198a2e000000p-69, 0x1.0b4600p-34f) - lost) + k * PICK(0x1.b839a252049c1p-104, 0x1.1a6264p-54f));
#endif
}

AD_INLINE S NAME(sin_core)(S r, S z) { return FMA_S(r * z, NAME(sin_p)(z), r); }

AD_INLINE S NAME(cos_core)(S z) { return FMA_S(z, FMA_S(z, NAME(cos_p)(z), (S)-0.5), (S)1); }

/* The sign is put on last: it keeps -0 and makes the function exactly odd. */
AD_INLINE S NAME(sin)(S x)
{
    U q;
    S r = NAME(trig_reduce)(M(__builtin_fabs)(x), &q), z = r * r;
    S s = NAME(sin_core)(r, z), c = NAME(cos_core)(z);
    S y = q & 1 ? c : s;
    return FROM(BITS(y) ^ ((q << PICK(62, 30)) & SIGN_BIT) ^ (BITS(x) & SIGN_BIT));
}

AD_INLINE S NAME(cos)(S x)
{
    U q;
    S r = NAME(trig_reduce)(M(__builtin_fabs)(x), &q), z = r * r;
    S s = NAME(sin_core)(r, z), c = NAME(cos_core)(z);
    S y = q & 1 ? s : c;
    return FROM(BITS(y) ^ (((q + 1) << PICK(62, 30)) & SIGN_BIT));
}

/* Both, to the bit: sine and cosine. */
AD_INLINE NAME(pair) NAME(sincos)(S x)
{
    U q;
    S r = NAME(trig_reduce)(M(__builtin_fabs)(x), &q), z = r * r;
    S s = NAME(sin_core)(r, z), c = NAME(cos_core)(z);
    S first = q & 1 ? c : s, second = q & 1 ? s : c;
    return (NAME(pair)){FROM(BITS(first) ^ ((q << PICK(62, 30)) & SIGN_BIT) ^ (BITS(x) & SIGN_BIT)),
                        FROM(BITS(second) ^ (((q + 1) << PICK(62, 30)) & SIGN_BIT))};
}

AD_INLINE S NAME(tan)(S x)
{
    U q;
    S r = NAME(trig_reduce)(M(__builtin_fabs)(x), &q), z = r * r;
    S s = NAME(sin_core)(r, z), c = NAME(cos_core)(z);
    S y = (q & 1 ? c : s) / (q & 1 ? s : c);
    return FROM(BITS(y) ^ ((q << PICK(63, 31)) & SIGN_BIT) ^ (BITS(x) & SIGN_BIT));
}

AD_INLINE int NAME(sin_rare)(S x) { return !(M(__builtin_fabs)(x) <= TRIG_MAX); }
AD_INLINE int NAME(cos_rare)(S x) { return NAME(sin_rare)(x); }
AD_INLINE int NAME(tan_rare)(S x) { return NAME(sin_rare)(x); }
AD_INLINE S NAME(sin_redo)(S x) { return M(sin)(x); }
AD_INLINE S NAME(cos_redo)(S x) { return M(cos)(x); }
AD_INLINE S NAME(tan_redo)(S x) { return M(tan)(x); }

/* atan(x) = pi/2 - atan(1/x): one polynomial on [0, 1]. */
AD_INLINE S NAME(arctan)(S x)
{
    S ax = M(__builtin_fabs)(x);
    int big = ax > 1;
    S t = big ? 1 / ax : ax, z = t * t;
    S p = t * z * NAME(atan_p)(z);
    S y = big ? HALF_PI - (t + (p - HALF_PI_LO)) : t + p;
    return M(__builtin_copysign)(y, x);
}

/* For |x| >= 1/2: z = (1 - |x|) / 2 (exact), s + c = sqrt(z), asin(|x|) = pi/2 - 2 asin(sqrt(z)). */
AD_INLINE NAME(pair) NAME(half_angle)(S z)
{
    S s = M(__builtin_sqrt)(z);
    return (NAME(pair)){s, z > 0 ? NAME(residual)(s, s, z) / (2 * s) : 0};
}

AD_INLINE S NAME(arcsin)(S x)
{
    S ax = M(__builtin_fabs)(x);
    int big = ax >= (S)0.5;
    S z = big ? (1 - ax) * (S)0.5 : ax * ax;
    NAME(pair) s = NAME(half_angle)(z);
    S p = z * NAME(asin_p)(z);
    NAME(pair) d = NAME(fast_two_sum)(HALF_PI, -2 * s.h);
    S large = d.h + (d.l + (HALF_PI_LO - 2 * FMA_S(s.h, p, s.l)));
    S y = big ? large : FMA_S(ax, p, ax);
    return M(__builtin_copysign)(y, x);
}

AD_INLINE S NAME(arccos)(S x)
{
    S ax = M(__builtin_fabs)(x);
    int big = ax >= (S)0.5;
    S z = big ? (1 - ax) * (S)0.5 : ax * ax;
    NAME(pair) s = NAME(half_angle)(z);
    S p = z * NAME(asin_p)(z);
    S right = 2 * (s.h + FMA_S(s.h, p, s.l));
    NAME(pair) d = NAME(fast_two_sum)(2 * HALF_PI, -2 * s.h);
    S left = d.h + (d.l + 2 * (HALF_PI_LO - FMA_S(s.h, p, s.l)));
    NAME(pair) m = NAME(fast_two_sum)(HALF_PI, -x);
    S middle = m.h + (m.l + (HALF_PI_LO - x * p));
    return big ? (x > 0 ? right : left) : middle;
}
