/* Division with remainder, NumPy's (Python's) conventions: a template, once per dtype.
 * fmod is exact: a - trunc(a / b) b in one rounding, corrected where the rounded quotient is one too large. */
#if AD_HAS_FMA
#define QUOTIENT_MAX PICK(0x1p50, 0x1p21f)
#else
#define QUOTIENT_MAX PICK(0x1p24, 0x1p10f)
#endif

AD_INLINE S NAME(fmod)(S a, S b)
{
    S ax = M(__builtin_fabs)(a), ab = M(__builtin_fabs)(b);
    S q = M(__builtin_trunc)(ax / ab);
    S r = NAME(residual)(q, ab, ax);
    r = r < 0 ? r + ab : r;
    return M(__builtin_copysign)(r, a);
}

/* A large quotient (or a zero, infinite or NaN operand). */
AD_INLINE int NAME(fmod_rare)(S a, S b)
{
    S ab = M(__builtin_fabs)(b);
    return !((M(__builtin_fabs)(a) < ab * QUOTIENT_MAX) & (ab <= AD_MAX) & (ab >= AD_MIN));
}
AD_INLINE S NAME(fmod_redo)(S a, S b) { return M(fmod)(a, b); }

/* The remainder has the divisor's sign; `m` is fmod(a, b), b is not 0. */
AD_INLINE S NAME(remainder_of)(S m, S b)
{
    S shifted = (m < 0) != (b < 0) ? m + b : m;
    return m == 0 ? M(__builtin_copysign)((S)0, b) : shifted;
}

AD_INLINE S NAME(floor_divide_of)(S a, S b, S m)
{
    S d = (a - m) / b;
    d = (m != 0) & ((m < 0) != (b < 0)) ? d - 1 : d;
    S f = M(__builtin_floor)(d);
    f = d - f > (S)0.5 ? f + 1 : f;
    return d == 0 ? M(__builtin_copysign)((S)0, a / b) : f;
}

AD_INLINE S NAME(remainder)(S a, S b) { return NAME(remainder_of)(NAME(fmod)(a, b), b); }
AD_INLINE int NAME(remainder_rare)(S a, S b) { return NAME(fmod_rare)(a, b); }
AD_INLINE S NAME(remainder_redo)(S a, S b)
{
    S m = M(fmod)(a, b);
    return b == 0 ? m : NAME(remainder_of)(m, b);
}

AD_INLINE S NAME(floor_divide)(S a, S b) { return NAME(floor_divide_of)(a, b, NAME(fmod)(a, b)); }
AD_INLINE int NAME(floor_divide_rare)(S a, S b) { return NAME(fmod_rare)(a, b); }
AD_INLINE S NAME(floor_divide_redo)(S a, S b)
{
    return b == 0 ? a / b : NAME(floor_divide_of)(a, b, M(fmod)(a, b));
}
