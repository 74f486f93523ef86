/* The interpreter of scalar programs, once for one lane and once for several: included by ops.c.
 * Every operation jumps to the next one by itself, so that the processor learns which operation follows which. */
#define AD_REG(x) (w + (size_t)(x) * AD_W)
#define AD_NEXT \
    if (++k == end) \
        return; \
    goto *labels[k->op & 255];
#define AD_DO(label, EXPRESSION) \
    do_##label: { \
        double *o = AD_REG(k->dst); \
        const double *a = AD_REG(k->a), *b = AD_REG(k->b), *c = AD_REG(k->op >> 8); \
        (void)b, (void)c; \
        AD_SIMD \
        for (int j = 0; j < AD_W; j++) \
            o[j] = EXPRESSION; \
        AD_NEXT \
    }
#define AD_DO1(op) AD_DO(op, op##_f64(a[j]))
#define AD_DO2(op) AD_DO(op, op##_f64(a[j], b[j]))
#define AD_LABEL(op) [AD_OP_##op] = &&do_##op

static void AD_SCALAR_NAME(const ad_scalar_step *k, const ad_scalar_step *end, double *w)
{
    static const void *const labels[256] = {
        [0 ... 255] = &&do_call,
        AD_LABEL(add), AD_LABEL(subtract), AD_LABEL(multiply), AD_LABEL(divide), AD_LABEL(mulz), AD_LABEL(maximum),
        AD_LABEL(minimum), AD_LABEL(greater), AD_LABEL(less), AD_LABEL(copy), AD_LABEL(negative), AD_LABEL(abs),
        AD_LABEL(sign), AD_LABEL(square), AD_LABEL(sqrt), AD_LABEL(reciprocal), AD_LABEL(where),
        [AD_SCALAR_MULADD] = &&do_muladd, [AD_SCALAR_MULSUB] = &&do_mulsub, [AD_SCALAR_RMULSUB] = &&do_rmulsub,

    };
    if (k == end)
        return;
    goto *labels[k->op & 255];
    AD_DO2(add)
    AD_DO2(subtract)
    AD_DO2(multiply)
    AD_DO2(divide)
    AD_DO2(mulz)
    AD_DO2(maximum)
    AD_DO2(minimum)
    AD_DO2(greater)
    AD_DO2(less)
    AD_DO1(copy)
    AD_DO1(negative)
    AD_DO1(abs)
    AD_DO1(sign)
    AD_DO1(square)
    AD_DO1(sqrt)
    AD_DO1(reciprocal)
    AD_DO(where, where_f64(a[j], b[j], c[j]))
    AD_DO(muladd, add_f64(multiply_f64(a[j], b[j]), c[j]))
    AD_DO(mulsub, subtract_f64(multiply_f64(a[j], b[j]), c[j]))
    AD_DO(rmulsub, subtract_f64(c[j], multiply_f64(a[j], b[j])))
do_call:
    table[k->op & 255].f64(AD_W, AD_REG(k->a), AD_REG(k->b), AD_REG(k->op >> 8), AD_REG(k->dst));
    AD_NEXT
}
#undef AD_DO
#undef AD_DO1
#undef AD_DO2
#undef AD_NEXT
#undef AD_REG
#undef AD_LABEL
#undef AD_SCALAR_NAME
#undef AD_W
