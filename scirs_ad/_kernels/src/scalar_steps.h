/* The interpreter of scalar programs, for single numbers and for lanes: a template, included once per dtype with the
 * parameters of type_f64.h or type_f32.h. The interpreter itself is scalar_loop.h: AD_EACH(expression) is one operation
 * on the registers of a step, AD_CALL a function that is not one of its own. */
#define AD_SCALAR_NAME NAME(scalar_one)
#define AD_EACH(EXPRESSION) \
    const S a = w[k->a], b = w[k->b], c = w[k->c]; \
    (void)a, (void)b, (void)c; \
    w[k->dst] = EXPRESSION;
#define AD_CALL_OF(op) S (*const one)(S, S, S) = NAME(ones)[op];
#define AD_CALL w[k->dst] = one(w[k->a], w[k->b], w[k->c]);
#include "scalar_loop.h"

#define AD_SCALAR_NAME NAME(scalar_lanes)
#define AD_EACH(EXPRESSION) \
    S *const o = w + k->dst * lanes; \
    const S *const p = w + k->a * lanes, *const q = w + k->b * lanes, *const r = w + k->c * lanes; \
    (void)q, (void)r; \
    for (ptrdiff_t i = 0; i < lanes; i += AD_SCALAR_PAD) { \
        AD_SIMD \
        for (int j = 0; j < AD_SCALAR_PAD; j++) { \
            const S a = p[i + j], b = q[i + j], c = r[i + j]; \
            (void)a, (void)b, (void)c; \
            o[i + j] = EXPRESSION; \
        } \
    }
#define AD_CALL_OF(op) const ad_op_fn fn = table[op].S;
#define AD_CALL fn(lanes, w + k->a * lanes, w + k->b * lanes, w + k->c * lanes, w + k->dst * lanes);
#include "scalar_loop.h"
