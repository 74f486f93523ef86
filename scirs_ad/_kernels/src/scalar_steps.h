/* The interpreter of scalar programs, once for one lane and once for several: included by ops.c. */
#define AD_SCALAR_DO1(op) \
    case AD_OP_##op: \
        AD_SIMD for (int j = 0; j < AD_W; j++) o[j] = op##_f64(a[j]); \
        break;
#define AD_SCALAR_DO2(op) \
    case AD_OP_##op: \
        AD_SIMD for (int j = 0; j < AD_W; j++) o[j] = op##_f64(a[j], b[j]); \
        break;

static void AD_SCALAR_NAME(const ad_scalar_step *k, const ad_scalar_step *end, double *w)
{
    for (; k < end; k++) {
        double *o = w + (size_t)k->dst * AD_W;
        const double *a = w + (size_t)k->a * AD_W, *b = w + (size_t)k->b * AD_W, *c = w + (size_t)(k->op >> 8) * AD_W;
        switch (k->op & 255) {
            AD_SCALAR_DO2(add)
            AD_SCALAR_DO2(subtract)
            AD_SCALAR_DO2(multiply)
            AD_SCALAR_DO2(divide)
            AD_SCALAR_DO2(mulz)
            AD_SCALAR_DO2(maximum)
            AD_SCALAR_DO2(minimum)
            AD_SCALAR_DO2(greater)
            AD_SCALAR_DO2(less)
            AD_SCALAR_DO1(copy)
            AD_SCALAR_DO1(negative)
            AD_SCALAR_DO1(abs)
            AD_SCALAR_DO1(sign)
            AD_SCALAR_DO1(square)
            AD_SCALAR_DO1(sqrt)
            AD_SCALAR_DO1(reciprocal)
        case AD_OP_where:
            AD_SIMD for (int j = 0; j < AD_W; j++) o[j] = where_f64(a[j], b[j], c[j]);
            break;
        case AD_SCALAR_MULADD:
            AD_SIMD for (int j = 0; j < AD_W; j++) o[j] = add_f64(multiply_f64(a[j], b[j]), c[j]);
            break;
        case AD_SCALAR_MULSUB:
            AD_SIMD for (int j = 0; j < AD_W; j++) o[j] = subtract_f64(multiply_f64(a[j], b[j]), c[j]);
            break;
        case AD_SCALAR_RMULSUB:
            AD_SIMD for (int j = 0; j < AD_W; j++) o[j] = subtract_f64(c[j], multiply_f64(a[j], b[j]));
            break;
        default:
            table[k->op & 255].f64(AD_W, a, b, c, o);
        }
    }
}
#undef AD_SCALAR_DO1
#undef AD_SCALAR_DO2
#undef AD_SCALAR_NAME
#undef AD_W
