/* One table of operations, for the instruction set that this file is compiled for (-DAD_ISA=name). */
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

static const ad_reducer reducers[AD_REDUCTIONS][AD_DTYPES] = {
    [AD_RED_SUM] = {[AD_F64] = AD_REDUCER_ROW(sum, f64, v_add_f64), [AD_F32] = AD_REDUCER_ROW(sum, f32, v_add_f32)},
    [AD_RED_PROD] = {[AD_F64] = AD_REDUCER_ROW(prod, f64, v_multiply_f64),
                     [AD_F32] = AD_REDUCER_ROW(prod, f32, v_multiply_f32)},
    [AD_RED_MAX] = {[AD_F64] = AD_REDUCER_ROW(max, f64, v_maximum_f64),
                    [AD_F32] = AD_REDUCER_ROW(max, f32, v_maximum_f32)},
    [AD_RED_MIN] = {[AD_F64] = AD_REDUCER_ROW(min, f64, v_minimum_f64),
                    [AD_F32] = AD_REDUCER_ROW(min, f32, v_minimum_f32)},
};

#define AD_TABLE_(isa) ad_isa_##isa
#define AD_TABLE(isa) AD_TABLE_(isa)
const ad_isa AD_TABLE(AD_ISA) = {table, reducers};
