/* One table of operations, for the instruction set that this file is compiled for (-DAD_ISA=name). */
#include <complex.h>
#undef I

#include "base.h"
#include "coefficients.h"
#include "reduce.h"

#define AD_SIMPLE_(op, S, arity) AD_SIMPLE(op, S, arity)

/* Templates: everything once for float64, then for float32. */
#include "type_f64.h"
#include "arith.h"
#include "pair.h"
#include "exp_log.h"
#include "hyper.h"
#include "trig.h"
#include "erf.h"
#include "divide.h"
#include "type_none.h"

#include "type_f32.h"
#include "arith.h"
#include "pair.h"
#include "exp_log.h"
#include "hyper.h"
#include "trig.h"
#include "erf.h"
#include "divide.h"
#include "type_none.h"

#include "inverse_hyper.h"
#include "power.h"
#include "gamma.h"

#define AD_BOTH(kind, op, arity) kind(op, f64, arity) kind(op, f32, arity)
AD_BOTH(AD_VECTOR_TWO, exp, 1)
AD_BOTH(AD_VECTOR_TWO, exp2, 1)
AD_BOTH(AD_VECTOR, expm1, 1)
AD_BOTH(AD_VECTOR_TWO, log, 1)
AD_BOTH(AD_VECTOR_TWO, log2, 1)
AD_BOTH(AD_VECTOR_TWO, log10, 1)
AD_BOTH(AD_VECTOR_TWO, log1p, 1)
AD_BOTH(AD_VECTOR, cbrt, 1)
AD_BOTH(AD_VECTOR, sigmoid, 1)
AD_BOTH(AD_VECTOR, softplus, 1)
AD_BOTH(AD_VECTOR, logaddexp, 2)
AD_RARE(power, f64, 2) AD_VECTOR_RARE(power, f32, 2)
static f64 one_power_f64(f64 a, f64 b, f64 c)
{
    (void)c;
    if (power_rare_f64(a, b))
        return power_redo_f64(a, b);
    f64 x[8] = {a, 1, 1, 1, 1, 1, 1, 1}, y[8] = {b, 1, 1, 1, 1, 1, 1, 1}, out[8];
    power_f64_body(8, x, y, NULL, out);
    return out[0];
}
AD_BOTH(AD_VECTOR_RARE, sin, 1)
AD_BOTH(AD_VECTOR_RARE, cos, 1)
AD_BOTH(AD_VECTOR_RARE, tan, 1)
AD_BOTH(AD_VECTOR, arcsin, 1)
AD_BOTH(AD_VECTOR, arccos, 1)
AD_BOTH(AD_VECTOR, arctan, 1)
AD_BOTH(AD_VECTOR_RARE, arctan2, 2)
AD_BOTH(AD_VECTOR, hypot, 2)
AD_BOTH(AD_VECTOR, sinh, 1)
AD_BOTH(AD_VECTOR, cosh, 1)
AD_BOTH(AD_VECTOR, tanh, 1)
AD_BOTH(AD_VECTOR, arcsinh, 1)
AD_BOTH(AD_VECTOR, arccosh, 1)
AD_BOTH(AD_VECTOR, arctanh, 1)
AD_BOTH(AD_VECTOR, erf, 1)
AD_BOTH(AD_VECTOR, erfc, 1)
AD_BOTH(AD_VECTOR_RARE, gammaln, 1)
AD_BOTH(AD_VECTOR_RARE, digamma, 1)
AD_BOTH(AD_VECTOR_RARE, trigamma, 1)
AD_BOTH(AD_VECTOR_RARE, fmod, 2)
AD_BOTH(AD_VECTOR_RARE, remainder, 2)
AD_BOTH(AD_VECTOR_RARE, floor_divide, 2)

AD_REDUCERS(f64)
AD_REDUCERS(f32)

#define AD_ROW(op, arity) {#op, arity, v_##op##_f64, v_##op##_f32},
static const ad_op table[AD_OP_COUNT] = {AD_OP_LIST(AD_ROW)};

#include "super.h"
#include "typed.h"

#include "scalar.h"

/* Every function of one number, for single numbers: what its vector loop gives. */
#define AD_ONE_ROW(op, arity) one_##op##_f64,
static f64 (*const ones_f64[AD_OP_COUNT])(f64, f64, f64) = {AD_OP_LIST(AD_ONE_ROW)};
#undef AD_ONE_ROW
#define AD_ONE_ROW(op, arity) one_##op##_f32,
static f32 (*const ones_f32[AD_OP_COUNT])(f32, f32, f32) = {AD_OP_LIST(AD_ONE_ROW)};

#include "type_f64.h"
#include "scalar_steps.h"
#include "type_none.h"
#include "type_f32.h"
#include "scalar_steps.h"
#include "type_none.h"

#define AD_RED(op, S, merge) [AD_OF_##S] = AD_REDUCER_ROW(op, S, merge)
enum { AD_OF_f64 = AD_F64, AD_OF_f32 = AD_F32, AD_OF_i64 = AD_I64, AD_OF_i32 = AD_I32, AD_OF_b8 = AD_B8,
       AD_OF_c128 = AD_C128, AD_OF_c64 = AD_C64 };
static const ad_reducer reducers[AD_REDUCTIONS][AD_DTYPES] = {
    [AD_RED_SUM] = {AD_RED(sum, f64, v_add_f64), AD_RED(sum, f32, v_add_f32), AD_RED(sum, i64, t_add_i64_i64),
                    AD_RED(sum, i32, t_add_i32_i32), AD_RED(sum, c128, t_add_c128_c128),
                    AD_RED(sum, c64, t_add_c64_c64)},
    [AD_RED_PROD] = {AD_RED(prod, f64, v_multiply_f64), AD_RED(prod, f32, v_multiply_f32),
                     AD_RED(prod, i64, t_multiply_i64_i64), AD_RED(prod, i32, t_multiply_i32_i32),
                     AD_RED(prod, c128, t_multiply_c128_c128), AD_RED(prod, c64, t_multiply_c64_c64)},
    [AD_RED_MAX] = {AD_RED(max, f64, v_maximum_f64), AD_RED(max, f32, v_maximum_f32),
                    AD_RED(max, i64, t_maximum_i64_i64), AD_RED(max, i32, t_maximum_i32_i32),
                    AD_RED(max, b8, t_maximum_b8_b8)},
    [AD_RED_MIN] = {AD_RED(min, f64, v_minimum_f64), AD_RED(min, f32, v_minimum_f32),
                    AD_RED(min, i64, t_minimum_i64_i64), AD_RED(min, i32, t_minimum_i32_i32),
                    AD_RED(min, b8, t_minimum_b8_b8)},
};

#define AD_TABLE_(isa) ad_isa_##isa
#define AD_TABLE(isa) AD_TABLE_(isa)
const ad_isa AD_TABLE(AD_ISA) = {table, reducers, supers, sizeof supers / sizeof supers[0],
                                 typed, sizeof typed / sizeof typed[0], scalar_one_f64, scalar_lanes_f64,
                                 scalar_one_f32, scalar_lanes_f32};
