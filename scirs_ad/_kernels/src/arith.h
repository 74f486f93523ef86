/* Arithmetic, rounding, comparison and selection: a template, included once per dtype with
 * the parameters of type_f64.h or type_f32.h. */
#define AD_OP1(op, expr) \
    AD_INLINE S NAME(op)(S a) { return expr; } \
    AD_SIMPLE_(op, S, 1)
#define AD_OP2(op, expr) \
    AD_INLINE S NAME(op)(S a, S b) { return expr; } \
    AD_SIMPLE_(op, S, 2)
#define AD_OP3(op, expr) \
    AD_INLINE S NAME(op)(S a, S b, S c) { return expr; } \
    AD_SIMPLE_(op, S, 3)

#define ONE ((S)1)
#define ZERO ((S)0)

AD_OP1(copy, a)
AD_OP1(negative, -a)
AD_OP1(abs, M(__builtin_fabs)(a))
AD_OP1(sign, a > ZERO ? ONE : a < ZERO ? -ONE : a == ZERO ? ZERO : a)
AD_OP1(square, a *a)
AD_OP1(sqrt, M(__builtin_sqrt)(a))
AD_OP1(reciprocal, ONE / a)
AD_OP1(floor, M(__builtin_floor)(a))
AD_OP1(ceil, M(__builtin_ceil)(a))
AD_OP1(rint, M(__builtin_rint)(a))
AD_OP1(trunc, M(__builtin_trunc)(a))
AD_OP1(isnan, a != a ? ONE : ZERO)
AD_OP1(isfinite, M(__builtin_fabs)(a) <= AD_MAX ? ONE : ZERO)
AD_OP1(logical_not, a == ZERO ? ONE : ZERO)

AD_OP2(add, a + b)
AD_OP2(subtract, a - b)
AD_OP2(multiply, a *b)
AD_OP2(divide, a / b)
AD_OP2(maximum, (a >= b) | (a != a) ? a : b)
AD_OP2(minimum, (a <= b) | (a != a) ? a : b)
AD_OP2(fmax, (a >= b) | (b != b) ? a : b)
AD_OP2(fmin, (a <= b) | (b != b) ? a : b)
AD_OP2(copysign, M(__builtin_copysign)(a, b))
AD_OP2(greater, a > b ? ONE : ZERO)
AD_OP2(greater_equal, a >= b ? ONE : ZERO)
AD_OP2(less, a < b ? ONE : ZERO)
AD_OP2(less_equal, a <= b ? ONE : ZERO)
AD_OP2(equal, a == b ? ONE : ZERO)
AD_OP2(not_equal, a != b ? ONE : ZERO)
AD_OP2(mulz, a == ZERO ? ZERO : a * b)

AD_OP3(where, a != ZERO ? b : c)
AD_OP3(fma, FMA_S(a, b, c))

/* NumPy's clip is minimum(maximum(x, lo), hi) with NaN from any of the three. */
AD_INLINE S NAME(clip_numpy)(S x, S lo, S hi)
{
    S t = (x < lo) | (lo != lo) ? lo : x;
    return (t > hi) | (hi != hi) ? hi : t;
}
AD_OP3(clip, NAME(clip_numpy)(a, b, c))

#undef AD_OP1
#undef AD_OP2
#undef AD_OP3
#undef ONE
#undef ZERO
