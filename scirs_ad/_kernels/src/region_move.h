/* From memory to registers and back: runs of elements by strides, by places near each other, and by index arrays. To be
 * included by region.c alone. */
#ifndef AD_REGION_MOVE_H
#define AD_REGION_MOVE_H

#include "region.h"

#include <string.h>

enum { MAX_DIMS = 64 };

#define MOVE(WORD, TYPE)                                                                                              \
    static void load_##WORD(TYPE *out, const char *in, ptrdiff_t stride, ptrdiff_t n)                                 \
    {                                                                                                                 \
        if (stride == (ptrdiff_t)sizeof(TYPE)) {                                                                      \
            memcpy(out, in, (size_t)n * sizeof(TYPE));                                                                \
        } else if (stride == 0) {                                                                                     \
            TYPE value;                                                                                               \
            memcpy(&value, in, sizeof value);                                                                         \
            for (ptrdiff_t i = 0; i < n; i++)                                                                         \
                out[i] = value;                                                                                       \
        } else {                                                                                                      \
            for (ptrdiff_t i = 0; i < n; i++)                                                                         \
                memcpy(&out[i], in + i * stride, sizeof(TYPE));                                                       \
        }                                                                                                             \
    }                                                                                                                 \
    static void save_##WORD(char *out, const TYPE *in, ptrdiff_t stride, ptrdiff_t n)                                 \
    {                                                                                                                 \
        if (stride == (ptrdiff_t)sizeof(TYPE))                                                                        \
            memcpy(out, in, (size_t)n * sizeof(TYPE));                                                                \
        else                                                                                                          \
            for (ptrdiff_t i = 0; i < n; i++)                                                                         \
                memcpy(out + i * stride, &in[i], sizeof(TYPE));                                                       \
    }
typedef struct {
    uint64_t low, high;
} two_words;
MOVE(1, uint8_t)
MOVE(4, uint32_t)
MOVE(8, uint64_t)
MOVE(16, two_words)

#define KERNELS(WORD, TYPE)                                                                                           \
    static void fill_##WORD(ptrdiff_t n, const void *a, const void *b, const void *c, void *out)                      \
    {                                                                                                                 \
        (void)b, (void)c;                                                                                             \
        load_##WORD((TYPE *)out, a, 0, n);                                                                            \
    }                                                                                                                 \
    static void copy_##WORD(ptrdiff_t n, const void *a, const void *b, const void *c, void *out)                      \
    {                                                                                                                 \
        (void)b, (void)c;                                                                                             \
        memmove(out, a, (size_t)n * sizeof(TYPE));                                                                    \
    }

/* Elements at the places of a table, as many as it has. */
#define MOVE_NEAR(WORD, TYPE)                                                                                         \
    static void load_near_##WORD(TYPE *out, const char *in, const ptrdiff_t *at, ptrdiff_t n)                         \
    {                                                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++)                                                                             \
            memcpy(&out[i], in + at[i], sizeof(TYPE));                                                                \
    }                                                                                                                 \
    static void save_near_##WORD(char *out, const TYPE *in, const ptrdiff_t *at, ptrdiff_t n)                         \
    {                                                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++)                                                                             \
            memcpy(out + at[i], &in[i], sizeof(TYPE));                                                                \
    }
MOVE_NEAR(1, uint8_t)
MOVE_NEAR(4, uint32_t)
MOVE_NEAR(8, uint64_t)
MOVE_NEAR(16, two_words)

KERNELS(1, uint8_t)
KERNELS(4, uint32_t)
KERNELS(8, uint64_t)
KERNELS(16, two_words)

ad_op_fn ad_region_fill(int size) { return size == 1 ? fill_1 : size == 4 ? fill_4 : size == 8 ? fill_8 : fill_16; }
ad_op_fn ad_region_copy(int size) { return size == 1 ? copy_1 : size == 4 ? copy_4 : size == 8 ? copy_8 : copy_16; }

static void load_run(int size, char *out, const char *in, ptrdiff_t stride, ptrdiff_t n)
{
    switch (size) {
    case 1: load_1((uint8_t *)out, in, stride, n); break;
    case 4: load_4((uint32_t *)out, in, stride, n); break;
    case 8: load_8((uint64_t *)out, in, stride, n); break;
    default: load_16((two_words *)out, in, stride, n); break;
    }
}

static void save_run(int size, char *out, const char *in, ptrdiff_t stride, ptrdiff_t n)
{
    switch (size) {
    case 1: save_1(out, (const uint8_t *)in, stride, n); break;
    case 4: save_4(out, (const uint32_t *)in, stride, n); break;
    case 8: save_8(out, (const uint64_t *)in, stride, n); break;
    default: save_16(out, (const two_words *)in, stride, n); break;
    }
}

static void move_near(int size, char *reg, char *base, const ptrdiff_t *at, ptrdiff_t n, int save)
{
    switch (save ? -size : size) {
    case 1: load_near_1((uint8_t *)reg, base, at, n); break;
    case 4: load_near_4((uint32_t *)reg, base, at, n); break;
    case 8: load_near_8((uint64_t *)reg, base, at, n); break;
    case 16: load_near_16((two_words *)reg, base, at, n); break;
    case -1: save_near_1(base, (const uint8_t *)reg, at, n); break;
    case -4: save_near_4(base, (const uint32_t *)reg, at, n); break;
    case -8: save_near_8(base, (const uint64_t *)reg, at, n); break;
    default: save_near_16(base, (const two_words *)reg, at, n); break;
    }
}

/* The same where the last dimensions are short: rows of three would be a loop each, of 15 ns. Their elements, and those of
 * the next few steps of the dimension before, are MOST_NEAR places at most, which a table holds. */
enum { MOST_NEAR = 64, SHORT = 16 };
static void move_short(const ad_region *r, const ad_view *v, char *base, ptrdiff_t start, ptrdiff_t n, char *reg, int save)
{
    ptrdiff_t at[MOST_NEAR], index[MAX_DIMS], size = 1, steps;
    int d = r->ndim; /* dimensions from d on are in the table */
    at[0] = 0;
    while (d > 0 && size * r->shape[d - 1] <= MOST_NEAR) {
        const ptrdiff_t stride = v->stride[--d];
        for (ptrdiff_t i = size, next = size * r->shape[d]; i < next; i++)
            at[i] = at[i - size] + stride;
        size *= r->shape[d];
    }
    const ptrdiff_t step = d ? v->stride[d - 1] : 0;
    steps = MOST_NEAR / size;
    for (ptrdiff_t i = size; i < steps * size; i++)
        at[i] = at[i - size] + step;
    ptrdiff_t inside = start % size;
    start /= size;
    for (int k = d - 1; k >= 0; k--) {
        index[k] = start % r->shape[k];
        start /= r->shape[k];
        base += index[k] * v->stride[k];
    }
    while (n > 0) {
        ptrdiff_t here = 1, run;
        if (d && inside == 0) {
            here = r->shape[d - 1] - index[d - 1];
            here = here < steps ? here : steps;
            here = here * size <= n ? here : n < size ? 1 : n / size;
        }
        run = here * size - inside;
        run = run < n ? run : n;
        move_near(v->itemsize, reg, base, at + inside, run, save);
        reg += run * v->itemsize;
        n -= run;
        inside = 0;
        if (n == 0)
            break;
        base += here * step;
        index[d - 1] += here;
        for (int k = d - 1; k > 0 && index[k] == r->shape[k]; k--) {
            base += v->stride[k - 1] - index[k] * v->stride[k];
            index[k] = 0;
            index[k - 1]++;
        }
    }
}

/* Elements start .. start + n of the flattened space, between a view and a register. */
static void move_flat(const ad_region *r, const ad_view *v, char *base, ptrdiff_t start, ptrdiff_t n, char *reg, int save)
{
    ptrdiff_t index[MAX_DIMS];
    const int last = r->ndim - 1;
    if (r->shape[last] <= SHORT && n >= 2 * MOST_NEAR) {
        move_short(r, v, base, start, n, reg, save);
        return;
    }
    for (int d = last; d >= 0; d--) {
        index[d] = start % r->shape[d];
        start /= r->shape[d];
        base += index[d] * v->stride[d];
    }
    while (n > 0) {
        ptrdiff_t run = r->shape[last] - index[last];
        if (run > n)
            run = n;
        if (save)
            save_run(v->itemsize, base, reg, v->stride[last], run);
        else
            load_run(v->itemsize, reg, base, v->stride[last], run);
        reg += run * v->itemsize;
        n -= run;
        base += run * v->stride[last];
        index[last] += run;
        for (int d = last; d > 0 && index[d] == r->shape[d]; d--) {
            base += v->stride[d - 1] - index[d] * v->stride[d];
            index[d] = 0;
            index[d - 1]++;
        }
    }
}

/* ---- gathers and scatters --------------------------------------------------------------------------------- */
/* Where index i points to; what is out of bounds is reported, and becomes the first element. */
static inline const char *at_index(const ad_view *v, const char *base, int64_t i, int *bad)
{
    i = i < 0 ? i + v->length : i;
    if (i < 0 || i >= v->length) {
        *bad = 1;
        i = 0;
    }
    return base + i * v->step;
}

#define TAKE(WORD, TYPE)                                                                                              \
    static void take_##WORD(const ad_view *v, TYPE *out, const char *base, ptrdiff_t stride, const int64_t *index,     \
                            ptrdiff_t n, int *bad)                                                                    \
    {                                                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++, base += stride)                                                             \
            memcpy(&out[i], at_index(v, base, index[i], bad), sizeof(TYPE));                                          \
    }
TAKE(1, uint8_t)
TAKE(4, uint32_t)
TAKE(8, uint64_t)
TAKE(16, two_words)

static void take_run(const ad_view *v, char *out, const char *base, ptrdiff_t stride, const int64_t *index, int one,
                     ptrdiff_t n, int *bad)
{
    if (one) {
        load_run(v->itemsize, out, at_index(v, base, *index, bad), stride, n);
        return;
    }
    switch (v->itemsize) {
    case 1: take_1(v, (uint8_t *)out, base, stride, index, n, bad); break;
    case 4: take_4(v, (uint32_t *)out, base, stride, index, n, bad); break;
    case 8: take_8(v, (uint64_t *)out, base, stride, index, n, bad); break;
    default: take_16(v, (two_words *)out, base, stride, index, n, bad); break;
    }
}

#define SCATTER(TYPE, WORDS)                                                                                          \
    static void scatter_##TYPE##WORDS(const ad_view *v, const TYPE *in, const char *base, ptrdiff_t stride,           \
                                      const int64_t *index, int one, ptrdiff_t n, int *bad)                           \
    {                                                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++, base += stride) {                                                           \
            int wrong = 0;                                                                                            \
            TYPE *to = (TYPE *)at_index(v, base, index[one ? 0 : i], &wrong);                                         \
            *bad |= wrong;                                                                                            \
            for (int k = 0; k < WORDS && !wrong; k++)                                                                 \
                to[k] += in[i * WORDS + k];                                                                           \
        }                                                                                                             \
    }
SCATTER(double, 1)
SCATTER(double, 2)
SCATTER(float, 1)
SCATTER(float, 2)
SCATTER(uint64_t, 1)
SCATTER(uint32_t, 1)

static void scatter_run(const ad_view *v, const char *in, const char *base, ptrdiff_t stride, const int64_t *index,
                        int one, ptrdiff_t n, int *bad)
{
    switch (v->dtype) {
    case AD_F64: scatter_double1(v, (const double *)in, base, stride, index, one, n, bad); break;
    case AD_C128: scatter_double2(v, (const double *)in, base, stride, index, one, n, bad); break;
    case AD_F32: scatter_float1(v, (const float *)in, base, stride, index, one, n, bad); break;
    case AD_C64: scatter_float2(v, (const float *)in, base, stride, index, one, n, bad); break;
    case AD_I64: scatter_uint64_t1(v, (const uint64_t *)in, base, stride, index, one, n, bad); break;
    default: scatter_uint32_t1(v, (const uint32_t *)in, base, stride, index, one, n, bad); break;
    }
}

/* move_flat at indices. */
static void index_flat(const ad_region *r, const ad_view *v, const char *base, ptrdiff_t start, ptrdiff_t n, char *reg,
                       const int64_t *at, int one, int scatter, int *bad)
{
    ptrdiff_t index[MAX_DIMS];
    const int last = r->ndim - 1;
    for (int d = last; d >= 0; d--) {
        index[d] = start % r->shape[d];
        start /= r->shape[d];
        base += index[d] * v->stride[d];
    }
    while (n > 0) {
        ptrdiff_t run = r->shape[last] - index[last];
        if (run > n)
            run = n;
        if (scatter)
            scatter_run(v, reg, base, v->stride[last], at, one, run, bad);
        else
            take_run(v, reg, base, v->stride[last], at, one, run, bad);
        reg += run * v->itemsize;
        at += one ? 0 : run;
        n -= run;
        base += run * v->stride[last];
        index[last] += run;
        for (int d = last; d > 0 && index[d] == r->shape[d]; d--) {
            base += v->stride[d - 1] - index[d] * v->stride[d];
            index[d] = 0;
            index[d - 1]++;
        }
    }
}

#endif
