/* The table of vectorised scalar functions: one row per operation, one table per instruction set.
 *
 * Every function walks unit-stride operands of n >= 0 elements. `out` may be exactly `a`, `b` or `c`
 * (not a partial overlap). Only element alignment is asked for. Operands past the arity are NULL.
 * Opcode numbers are positions in AD_OP_LIST and are never written by hand.
 */
#ifndef SCIRS_AD_OPS_H
#define SCIRS_AD_OPS_H

#include <stddef.h>

typedef void (*ad_op_fn)(ptrdiff_t n, const void *a, const void *b, const void *c, void *out);

typedef struct {
    const char *name;
    int arity;
    ad_op_fn f64;
    ad_op_fn f32;
} ad_op;

/* X(name, arity). Order is free: nothing outside derives a meaning from a number. */
#define AD_OP_LIST(X) \
    X(copy, 1) X(negative, 1) X(abs, 1) X(sign, 1) X(square, 1) X(sqrt, 1) X(cbrt, 1) X(reciprocal, 1) \
    X(exp, 1) X(exp2, 1) X(expm1, 1) X(log, 1) X(log2, 1) X(log10, 1) X(log1p, 1) \
    X(sin, 1) X(cos, 1) X(tan, 1) X(arcsin, 1) X(arccos, 1) X(arctan, 1) \
    X(sinh, 1) X(cosh, 1) X(tanh, 1) X(arcsinh, 1) X(arccosh, 1) X(arctanh, 1) \
    X(sigmoid, 1) X(softplus, 1) X(erf, 1) X(erfc, 1) X(gammaln, 1) X(digamma, 1) X(trigamma, 1) \
    X(floor, 1) X(ceil, 1) X(rint, 1) X(trunc, 1) X(isnan, 1) X(isfinite, 1) X(logical_not, 1) \
    X(add, 2) X(subtract, 2) X(multiply, 2) X(divide, 2) X(power, 2) X(arctan2, 2) X(hypot, 2) \
    X(maximum, 2) X(minimum, 2) X(fmax, 2) X(fmin, 2) X(fmod, 2) X(remainder, 2) X(floor_divide, 2) \
    X(copysign, 2) X(logaddexp, 2) X(greater, 2) X(greater_equal, 2) X(less, 2) X(less_equal, 2) \
    X(equal, 2) X(not_equal, 2) X(mulz, 2) \
    X(where, 3) X(fma, 3) X(clip, 3)

#define AD_OP_ENUM(name, arity) AD_OP_##name,
enum { AD_OP_LIST(AD_OP_ENUM) AD_OP_COUNT };
#undef AD_OP_ENUM

/* The types of an element. */
enum { AD_F64, AD_F32, AD_I64, AD_I32, AD_B8, AD_C128, AD_C64, AD_DTYPES };

/* Reductions, by units of AD_UNIT elements: see reduce.h. */
enum { AD_RED_SUM, AD_RED_PROD, AD_RED_MAX, AD_RED_MIN, AD_REDUCTIONS };
enum { AD_UNIT = 256 };
typedef void (*ad_fold_fn)(ptrdiff_t n, const void *x, void *out);
typedef void (*ad_fold_rows_fn)(ptrdiff_t rows, ptrdiff_t p, const void *x, void *out);
typedef struct {
    ad_fold_fn units; /* n elements to one number per unit */
    ad_fold_fn tree;  /* the numbers of n > 0 units to one */
    ad_fold_fn whole; /* n > 0 elements to one number: what units and tree give */
    ad_op_fn merge;   /* out = a op b, element by element */
    ad_fold_rows_fn rows, columns; /* rows of p elements: out[i] = out[i] op row i; out[j] = out[j] op column j */
} ad_reducer;

/* Two operations in one pass: see super.h. */
typedef void (*ad_op4_fn)(ptrdiff_t n, const void *a, const void *b, const void *c, const void *d, void *out);
typedef void (*ad_op5_fn)(ptrdiff_t n, const void *a, const void *b, const void *c, const void *d, const void *e,
                          void *out);
typedef union {
    ad_op_fn call3;
    ad_op4_fn call4; /* those with four operands */
    ad_op5_fn call5;
} ad_any_fn;
typedef struct {
    const char *name;
    ad_any_fn f64, f32;
} ad_super;

/* Other types: see typed.h. */
typedef struct {
    const char *name, *signature;
    ad_op_fn fn;
} ad_typed;

/* Scalar programs: see scalar.h. */
typedef struct ad_scalar_step ad_scalar_step;
typedef void (*ad_scalar_fn)(const ad_scalar_step *steps, void *registers, ptrdiff_t lanes);

/* Everything that is built for one instruction set. */
typedef struct {
    const ad_op *ops;
    const ad_reducer (*reducers)[AD_DTYPES]; /* [AD_REDUCTIONS]; NULL functions where a type has none */
    const ad_super *supers;
    int n_supers;
    const ad_typed *typed;
    int n_typed;
    ad_scalar_fn scalar_one_double, scalar_lanes_double, scalar_one_float, scalar_lanes_float;
} ad_isa;

/* Which tables this build holds is told by AD_HAVE_<isa>; see dispatch.c. */
extern const ad_isa ad_isa_v2, ad_isa_v3, ad_isa_v4, ad_isa_baseline;

/* The tables this build holds, slowest first. */
int ad_isa_count(void);
const char *ad_isa_name(int i);
int ad_isa_supported(int i);
const ad_isa *ad_isa_tables(int i);

#endif
