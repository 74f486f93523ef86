#include "scalar.h"

#include <stdlib.h>
#include <string.h>

enum { STACK_NUMBERS = 4096, LEAST_RUNS = 64 };

static double *registers(const ad_scalar *p, int lanes, double *stack, double **heap)
{
    const size_t n = (size_t)p->n_reg * lanes;
    *heap = n > STACK_NUMBERS ? malloc(n * sizeof(double)) : NULL;
    double *w = n > STACK_NUMBERS ? *heap : stack;
    if (w)
        for (ptrdiff_t i = 0; i < p->n_const; i++)
            for (int j = 0; j < lanes; j++)
                w[i * lanes + j] = p->consts[i];
    return w;
}

int ad_scalar_run(const ad_scalar *p, const double *const *in, double *const *out)
{
    double stack[STACK_NUMBERS], *heap;
    double *w = registers(p, 1, stack, &heap);
    if (!w)
        return -1;
    double *next = w + p->n_const;
    for (int k = 0; k < p->n_in; k++) {
        memcpy(next, in[k], (size_t)p->in_size[k] * sizeof(double));
        next += p->in_size[k];
    }
    p->isa->scalar_one(p->steps, p->steps + p->n_steps, w);
    const uint32_t *from = p->results;
    for (int k = 0; k < p->n_out; k++)
        for (ptrdiff_t i = 0; i < p->out_size[k]; i++)
            out[k][i] = w[*from++];
    free(heap);
    return 0;
}

typedef struct {
    const ad_scalar *p;
    ptrdiff_t count, chunk;
    const double *const *in;
    const ptrdiff_t *in_stride;
    double *const *out;
    const ptrdiff_t *out_stride;
    int failed;
} many;

/* Runs first .. first + n, n <= AD_SCALAR_LANES; the lanes that are left over repeat the last run. */
static void run_lanes(const many *m, ptrdiff_t first, ptrdiff_t n, double *w)
{
    enum { L = AD_SCALAR_LANES };
    const ad_scalar *p = m->p;
    double *next = w + p->n_const * L;
    for (int k = 0; k < p->n_in; k++)
        for (int j = 0; j < L; j++) {
            const double *x = m->in[k] + (first + (j < n ? j : n - 1)) * m->in_stride[k];
            double *to = next + j;
            if (j == L - 1)
                next += p->in_size[k] * L;
            for (ptrdiff_t i = 0; i < p->in_size[k]; i++)
                to[i * L] = x[i];
        }
    p->isa->scalar_lanes(p->steps, p->steps + p->n_steps, w);
    const uint32_t *from = p->results;
    for (int k = 0; k < p->n_out; from += p->out_size[k], k++)
        for (ptrdiff_t j = 0; j < n; j++) {
            double *to = m->out[k] + (first + j) * m->out_stride[k];
            for (ptrdiff_t i = 0; i < p->out_size[k]; i++)
                to[i] = w[(size_t)from[i] * L + j];
        }
}

static void task(void *context, int chunk, int worker)
{
    (void)worker;
    many *m = context;
    double stack[STACK_NUMBERS], *heap;
    double *w = registers(m->p, AD_SCALAR_LANES, stack, &heap);
    if (!w) {
        __atomic_store_n(&m->failed, -1, __ATOMIC_RELAXED);
        return;
    }
    const ptrdiff_t end = (chunk + 1) * m->chunk < m->count ? (chunk + 1) * m->chunk : m->count;
    for (ptrdiff_t i = chunk * m->chunk; i < end; i += AD_SCALAR_LANES)
        run_lanes(m, i, end - i < AD_SCALAR_LANES ? end - i : AD_SCALAR_LANES, w);
    free(heap);
}

int ad_scalar_run_many(const ad_scalar *p, ptrdiff_t count, const double *const *in, const ptrdiff_t *in_stride,
                       double *const *out, const ptrdiff_t *out_stride, int threads)
{
    ptrdiff_t chunk = (count / 64 + AD_SCALAR_LANES) / AD_SCALAR_LANES * AD_SCALAR_LANES;
    if (chunk < LEAST_RUNS)
        chunk = LEAST_RUNS;
    many m = {p, count, chunk, in, in_stride, out, out_stride, 0};
    const int chunks = (int)((count + chunk - 1) / chunk);
    if (threads > 1 && chunks > 1)
        p->parallel(task, &m, chunks, threads);
    else
        for (int i = 0; i < chunks; i++)
            task(&m, i, 0);
    return m.failed;
}
