#define AD_RUN(label, EXPRESSION) \
    do_##label: { \
        const ad_scalar_step *const stop = k + 1 + k->b + ((ptrdiff_t)k->c << 16); \
        k++; \
        do { \
            AD_EACH(EXPRESSION) \
        } while (++k != stop); \
        goto *labels[k->a]; \
    }
#define AD_RUN1(op) AD_RUN(op, NAME(op)(a))
#define AD_RUN2(op) AD_RUN(op, NAME(op)(a, b))
#define AD_LABEL(op) [AD_OP_##op] = &&do_##op,
#define AD_PAIR_LABEL(name, EXPRESSION) [AD_SCALAR_##name] = &&do_##name,

static void AD_SCALAR_NAME(const ad_scalar_step *k, void *registers, ptrdiff_t lanes)
{
    static const void *const labels[256] = {
        [0 ... 255] = &&do_call,
        AD_LABEL(add) AD_LABEL(subtract) AD_LABEL(multiply) AD_LABEL(divide) AD_LABEL(mulz) AD_LABEL(maximum)
        AD_LABEL(minimum) AD_LABEL(greater) AD_LABEL(greater_equal) AD_LABEL(less) AD_LABEL(less_equal)
        AD_LABEL(equal) AD_LABEL(copy) AD_LABEL(negative) AD_LABEL(abs) AD_LABEL(sign) AD_LABEL(sqrt)
        AD_LABEL(reciprocal) AD_LABEL(where) AD_SCALAR_PAIRS(AD_PAIR_LABEL) [AD_SCALAR_END] = &&do_end,
    };
    S *const w = registers;
    (void)lanes;
    goto *labels[k->a];
    AD_RUN2(add)
    AD_RUN2(subtract)
    AD_RUN2(multiply)
    AD_RUN2(divide)
    AD_RUN2(mulz)
    AD_RUN2(maximum)
    AD_RUN2(minimum)
    AD_RUN2(greater)
    AD_RUN2(greater_equal)
    AD_RUN2(less)
    AD_RUN2(less_equal)
    AD_RUN2(equal)
    AD_RUN1(copy)
    AD_RUN1(negative)
    AD_RUN1(abs)
    AD_RUN1(sign)
    AD_RUN1(sqrt)
    AD_RUN1(reciprocal)
    AD_RUN(where, NAME(where)(a, b, c))
#define add NAME(add)
#define subtract NAME(subtract)
#define multiply NAME(multiply)
#define mulz NAME(mulz)
    AD_SCALAR_PAIRS(AD_RUN)
#undef add
#undef subtract
#undef multiply
#undef mulz
do_call: {
    const ad_scalar_step *const stop = k + 1 + k->b + ((ptrdiff_t)k->c << 16);
    AD_CALL_OF(k->a)
    k++;
    do {
        AD_CALL
    } while (++k != stop);
    goto *labels[k->a];
}
do_end:;
}
#undef AD_RUN
#undef AD_RUN1
#undef AD_RUN2
#undef AD_LABEL
#undef AD_PAIR_LABEL
#undef AD_SCALAR_NAME
#undef AD_EACH
#undef AD_CALL
#undef AD_CALL_OF
