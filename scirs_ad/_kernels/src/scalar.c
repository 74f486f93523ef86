#include "scalar.h"

#include <stdlib.h>
#include <string.h>

/* 64 lanes share the cost of a jump or a call: with 16 an operation takes 0.30 ns a lane, with 64 or more 0.17, also
 * where the registers of all lanes fill more than the first-level cache, up to half of the second. */
enum { STACK_BYTES = 1 << 15, MOST_LANES = 64, MOST_BYTES = 1 << 19, PAD = AD_SCALAR_PAD, LEAST_CHUNK = 64, ALIGN = 64 };

static void *registers(ptrdiff_t size, void *stack, void **heap)
{
    *heap = NULL;
    if (size <= STACK_BYTES)
        return stack;
    *heap = malloc((size_t)size + ALIGN);
    return *heap ? (void *)(((uintptr_t)*heap + ALIGN - 1) & -(uintptr_t)ALIGN) : NULL;
}

/* Loads and stores of lanes first .. first + n, for one dtype; lanes that are left over repeat the last run. */
#define MOVES(S) \
    static void load_##S(const ad_scalar_call *call, char *const *args, ptrdiff_t first, ptrdiff_t n, ptrdiff_t lanes, \
                         S *w) \
    { \
        for (int k = 0; k < call->n_loads; k++) { \
            const ad_scalar_port *p = &call->loads[k]; \
            for (int i = 0; i < p->count; i++) { \
                const char *x = args[p->arg] + p->offset + i * p->step + first * p->stride; \
                S *to = w + (p->reg + i) * lanes; \
                if (p->is_bool) \
                    for (ptrdiff_t j = 0; j < n; j++) \
                        to[j] = *(const unsigned char *)(x + j * p->stride) != 0; \
                else if (p->stride == sizeof(S)) \
                    memcpy(to, x, (size_t)n * sizeof(S)); \
                else \
                    for (ptrdiff_t j = 0; j < n; j++) \
                        to[j] = *(const S *)(x + j * p->stride); \
                for (ptrdiff_t j = n; j < lanes; j++) \
                    to[j] = to[n - 1]; \
            } \
        } \
    } \
    static void store_##S(const ad_scalar_call *call, char *const *args, ptrdiff_t first, ptrdiff_t n, \
                          ptrdiff_t lanes, const S *w) \
    { \
        for (int k = 0; k < call->n_stores; k++) { \
            const ad_scalar_port *p = &call->stores[k]; \
            for (int i = 0; i < p->count; i++) { \
                char *to = args[p->arg] + p->offset + i * p->step + first * p->stride; \
                const S *x = w + call->program->results[p->reg + i] * lanes; \
                if (p->is_bool) \
                    for (ptrdiff_t j = 0; j < n; j++) \
                        *(unsigned char *)(to + j * p->stride) = x[j] != 0; \
                else if (p->stride == sizeof(S)) \
                    memcpy(to, x, (size_t)n * sizeof(S)); \
                else \
                    for (ptrdiff_t j = 0; j < n; j++) \
                        *(S *)(to + j * p->stride) = x[j]; \
            } \
        } \
    } \
    static void ones_##S(const ad_scalar_call *call, char *const *args, S *w) \
    { \
        const ad_scalar *program = call->program; \
        memcpy(w, program->consts, (size_t)program->n_const * sizeof(S)); \
        for (int k = 0; k < call->n_loads; k++) { \
            const ad_scalar_port *p = &call->loads[k]; \
            const char *x = args[p->arg] + p->offset; \
            S *to = w + p->reg; \
            if (p->is_bool) \
                for (int i = 0; i < p->count; i++) \
                    to[i] = *(const unsigned char *)(x + i * p->step) != 0; \
            else \
                for (int i = 0; i < p->count; i++) \
                    to[i] = *(const S *)(x + i * p->step); \
        } \
        program->isa->scalar_one_##S(program->steps, w, 1); \
        const uint16_t *from = program->results; \
        for (int k = 0; k < call->n_stores; k++) { \
            const ad_scalar_port *p = &call->stores[k]; \
            char *to = args[p->arg] + p->offset; \
            if (p->is_bool) \
                for (int i = 0; i < p->count; i++) \
                    *(unsigned char *)(to + i * p->step) = w[from[p->reg + i]] != 0; \
            else \
                for (int i = 0; i < p->count; i++) \
                    *(S *)(to + i * p->step) = w[from[p->reg + i]]; \
        } \
    } \
    static void block_##S(const ad_scalar_call *call, char *const *args, ptrdiff_t first, ptrdiff_t n, ptrdiff_t lanes, \
                          S *w) \
    { \
        load_##S(call, args, first, n, lanes, w); \
        call->program->isa->scalar_lanes_##S(call->program->steps, w, lanes); \
        store_##S(call, args, first, n, lanes, w); \
    }
MOVES(double)
MOVES(float)

typedef struct {
    const ad_scalar_call *call;
    char *const *args;
    ptrdiff_t chunk, lanes;
    int failed;
} many;

static void task(void *context, int number, int worker)
{
    (void)worker;
    many *m = context;
    const ad_scalar *p = m->call->program;
    _Alignas(ALIGN) char stack[STACK_BYTES];
    void *heap;
    char *w = registers(p->n_reg * m->lanes * p->itemsize, stack, &heap);
    if (!w) {
        __atomic_store_n(&m->failed, -1, __ATOMIC_RELAXED);
        return;
    }
    for (ptrdiff_t i = 0; i < p->n_const; i++)
        for (ptrdiff_t j = 0; j < m->lanes; j++)
            memcpy(w + (i * m->lanes + j) * p->itemsize, (const char *)p->consts + i * p->itemsize,
                   (size_t)p->itemsize);
    const ptrdiff_t end = (number + 1) * m->chunk < m->call->count ? (number + 1) * m->chunk : m->call->count;
    for (ptrdiff_t i = number * m->chunk; i < end; i += m->lanes) {
        const ptrdiff_t n = end - i < m->lanes ? end - i : m->lanes;
        if (p->itemsize == sizeof(double))
            block_double(m->call, m->args, i, n, m->lanes, (double *)w);
        else
            block_float(m->call, m->args, i, n, m->lanes, (float *)w);
    }
    free(heap);
}

int ad_scalar_run(const ad_scalar_call *call, char *const *args)
{
    const ad_scalar *p = call->program;
    if (call->count == 0) {
        _Alignas(ALIGN) char stack[STACK_BYTES];
        void *heap, *w = registers(p->n_reg * p->itemsize, stack, &heap);
        if (!w)
            return -1;
        if (p->itemsize == sizeof(double))
            ones_double(call, args, w);
        else
            ones_float(call, args, w);
        free(heap);
        return 0;
    }
    ptrdiff_t lanes = MOST_BYTES / (p->n_reg * p->itemsize + 1) / PAD * PAD;
    lanes = lanes < PAD ? PAD : lanes > MOST_LANES ? MOST_LANES : lanes;
    ptrdiff_t chunk = (call->count / 64 + lanes) / lanes * lanes;
    if (chunk < LEAST_CHUNK)
        chunk = LEAST_CHUNK;
    many m = {call, args, chunk, lanes, 0};
    const int chunks = (int)((call->count + chunk - 1) / chunk);
    if (call->threads > 1 && chunks > 1)
        p->parallel(task, &m, chunks, call->threads);
    else
        for (int i = 0; i < chunks; i++)
            task(&m, i, 0);
    return m.failed;
}
