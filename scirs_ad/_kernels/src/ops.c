/* One table of operations, for the instruction set that this file is compiled for (-DAD_ISA=name). */
#include "base.h"

#define AD_SIMPLE_(op, S, arity) AD_SIMPLE(op, S, arity)

#define S f64
#define M(fn) fn
#define AD_FMA_S FMA
#define AD_MAX 0x1.fffffffffffffp1023
#include "arith.h"
#undef S
#undef M
#undef AD_FMA_S
#undef AD_MAX

#define S f32
#define M(fn) fn##f
#define AD_FMA_S FMAF
#define AD_MAX 0x1.fffffep127f
#include "arith.h"
#undef S
#undef M
#undef AD_FMA_S
#undef AD_MAX

#include "exp_log.h"
#include "trig.h"
#include "hyper.h"
#include "erf_gamma.h"
#include "divide.h"

#define AD_TABLE_(isa) ad_ops_##isa
#define AD_TABLE(isa) AD_TABLE_(isa)
#define AD_ROW(op, arity) {#op, arity, v_##op##_f64, v_##op##_f32},
const ad_op AD_TABLE(AD_ISA)[AD_OP_COUNT] = {AD_OP_LIST(AD_ROW)};
