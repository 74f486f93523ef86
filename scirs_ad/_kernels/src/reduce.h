/* Reductions of contiguous numbers, in an order that depends on nothing but their number.
 *
 * A unit is AD_UNIT elements (the last one fewer). Within it element i goes to lane i mod 16; the lanes are then
 * folded in halves, and the results of units by halving their number. An error bound for sums is
 * (log2 n + 12) eps times the sum of the magnitudes. */
#define AD_LANES 16
#define AD_COLUMNS 256
#define AD_ROWS 8

/* How many rows of p elements are a multiple of AD_LANES; 1 where that does not pay. */
AD_INLINE ptrdiff_t ad_rows_of_a_group(ptrdiff_t rows, ptrdiff_t p)
{
    ptrdiff_t group = AD_LANES;
    while (group > 1 && group / 2 * p % AD_LANES == 0)
        group /= 2;
    return group > 1 && rows >= 2 * group && group * p <= AD_COLUMNS ? group : 1;
}

/* FOLD(a, b) folds b into a. FIRST: what every lane starts with. */
#define AD_REDUCER(op, S, FOLD, FIRST) \
    AD_INLINE S op##_unit_##S(ptrdiff_t n, const S *x) \
    { \
        S lane[AD_LANES]; \
        const S first = FIRST; \
        for (int j = 0; j < AD_LANES; j++) \
            lane[j] = first; \
        ptrdiff_t i = 0; \
        for (; i + AD_LANES <= n; i += AD_LANES) \
            AD_SIMD \
            for (int j = 0; j < AD_LANES; j++) \
                lane[j] = FOLD(lane[j], x[i + j]); \
        for (int j = 0; i < n; i++, j++) \
            lane[j] = FOLD(lane[j], x[i]); \
        for (int j = 0; j < 8; j++) \
            lane[j] = FOLD(lane[j], lane[j + 8]); \
        for (int j = 0; j < 4; j++) \
            lane[j] = FOLD(lane[j], lane[j + 4]); \
        lane[0] = FOLD(lane[0], lane[2]); \
        lane[1] = FOLD(lane[1], lane[3]); \
        return FOLD(lane[0], lane[1]); \
    } \
    static void op##_units_##S(ptrdiff_t n, const void *px, void *pout) \
    { \
        const S *x = px; \
        S *out = pout; \
        for (; n >= AD_UNIT; n -= AD_UNIT, x += AD_UNIT) \
            *out++ = op##_unit_##S(AD_UNIT, x); \
        if (n > 0) \
            *out = op##_unit_##S(n, x); \
    } \
    static S op##_tree_of_##S(ptrdiff_t n, const S *x) \
    { \
        if (n == 1) \
            return x[0]; \
        if (n == 2) \
            return FOLD(x[0], x[1]); \
        const S low = op##_tree_of_##S(n / 2, x), high = op##_tree_of_##S(n - n / 2, x + n / 2); \
        return FOLD(low, high); \
    } \
    static void op##_tree_##S(ptrdiff_t n, const void *x, void *out) { *(S *)out = op##_tree_of_##S(n, x); } \
    /* The whole of n > 0 elements: the same tree without the list of units. */ \
    static S op##_whole_of_##S(ptrdiff_t n, const S *x) \
    { \
        if (n <= AD_UNIT) \
            return op##_unit_##S(n, x); \
        const ptrdiff_t half = (n + AD_UNIT - 1) / AD_UNIT / 2 * AD_UNIT; \
        const S low = op##_whole_of_##S(half, x), high = op##_whole_of_##S(n - half, x + half); \
        return FOLD(low, high); \
    } \
    static void op##_whole_##S(ptrdiff_t n, const void *x, void *out) { *(S *)out = op##_whole_of_##S(n, x); } \
    /* Rows of p > 0 elements, each folded and then into its place in `out`: several at a time, for what they wait. */ \
    static void op##_rows_##S(ptrdiff_t rows, ptrdiff_t p, const void *px, void *pout) \
    { \
        const S *x = px; \
        S *out = pout; \
        if (p <= AD_LANES) { \
            for (; rows >= AD_ROWS; rows -= AD_ROWS, x += AD_ROWS * p, out += AD_ROWS) { \
                S lane[AD_ROWS], next[AD_ROWS]; \
                for (int l = 0; l < AD_ROWS; l++) \
                    lane[l] = x[l * p]; \
                for (ptrdiff_t k = 1; k < p; k++) { \
                    for (int l = 0; l < AD_ROWS; l++) \
                        next[l] = x[l * p + k]; \
                    for (int l = 0; l < AD_ROWS; l++) \
                        lane[l] = FOLD(lane[l], next[l]); \
                } \
                for (int l = 0; l < AD_ROWS; l++) \
                    out[l] = FOLD(out[l], lane[l]); \
            } \
        } \
        for (; rows > 0; rows--, x += p, out++) { \
            const S value = op##_unit_##S(p, x); \
            *out = FOLD(*out, value); \
        } \
    } \
    /* Rows of p > 0 elements, folded into the p elements of `out`. Several rows at a time fill whole vectors. */ \
    static void op##_columns_##S(ptrdiff_t rows, ptrdiff_t p, const void *px, void *pout) \
    { \
        const S *x = px; \
        S *out = pout, lane[AD_COLUMNS]; \
        const ptrdiff_t group = ad_rows_of_a_group(rows, p), width = group * p; \
        if (group > 1) { \
            memcpy(lane, x, (size_t)width * sizeof(S)); \
            for (rows -= group, x += width; rows >= group; rows -= group, x += width) \
                for (ptrdiff_t j = 0; j < width; j += AD_LANES) \
                    AD_SIMD \
                    for (int l = 0; l < AD_LANES; l++) \
                        lane[j + l] = FOLD(lane[j + l], x[j + l]); \
            for (ptrdiff_t half = group / 2; half > 0; half /= 2) \
                for (ptrdiff_t j = 0; j < half * p; j++) \
                    lane[j] = FOLD(lane[j], lane[half * p + j]); \
            for (ptrdiff_t j = 0; j < p; j++) \
                out[j] = FOLD(out[j], lane[j]); \
        } \
        for (; rows > 0; rows--, x += p) \
            for (ptrdiff_t j = 0; j < p; j++) \
                out[j] = FOLD(out[j], x[j]); \
    }

#define AD_FOLD_SUM(a, b) ((a) + (b))
#define AD_FOLD_PROD(a, b) ((a) * (b))
#define AD_FOLD_MAX(a, b) (((a) >= (b)) | ((a) != (a)) ? (a) : (b))
#define AD_FOLD_MIN(a, b) (((a) <= (b)) | ((a) != (a)) ? (a) : (b))

#define AD_REDUCERS(S) \
    AD_REDUCER(sum, S, AD_FOLD_SUM, 0) \
    AD_REDUCER(prod, S, AD_FOLD_PROD, 1) \
    AD_REDUCER(max, S, AD_FOLD_MAX, x[0]) \
    AD_REDUCER(min, S, AD_FOLD_MIN, x[0])

#define AD_REDUCER_ROW(op, S, merge) {op##_units_##S, op##_tree_##S, op##_whole_##S, merge, op##_rows_##S, op##_columns_##S}
