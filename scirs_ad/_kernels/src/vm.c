#include "vm.h"

#include <stdlib.h>
#include <string.h>

/* 512 doubles or 1024 floats: 4 KiB per register, so that six to eight live registers fit a 32 KiB cache.
   Measured flat between 256 and 1024 doubles, 20 to 40 % slower from 2048. */
enum { BLOCK_BYTES = 4096, STACK_BYTES = 32768, ALIGN = 64, MAX_REGISTERS = 256 };

void ad_operand_merge(ad_operand *x)
{
    int last = -1;
    for (int i = 0; i < x->ndim; i++) {
        if (x->shape[i] == 1)
            continue;
        if (last >= 0 && x->stride[last] == x->stride[i] * x->shape[i]) {
            x->shape[last] *= x->shape[i];
            x->stride[last] = x->stride[i];
        } else {
            last++;
            x->shape[last] = x->shape[i];
            x->stride[last] = x->stride[i];
        }
    }
    x->ndim = last + 1;
}

#define COPY_RUN(TYPE, WORD)                                                                                          \
    static void copy_run_##TYPE(TYPE *out, const char *in, ptrdiff_t stride, ptrdiff_t n, int is_bool)               \
    {                                                                                                                 \
        if (is_bool) {                                                                                                \
            for (ptrdiff_t i = 0; i < n; i++)                                                                         \
                out[i] = *(const unsigned char *)(in + i * stride) ? (TYPE)1 : (TYPE)0;                               \
        } else if (stride == (ptrdiff_t)sizeof(TYPE)) {                                                               \
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
    }
COPY_RUN(double, 8)
COPY_RUN(float, 4)

/* Copy elements start .. start + n of an operand, in the order of the output. */
static void gather(const ad_operand *x, ptrdiff_t start, ptrdiff_t n, int itemsize, char *out)
{
    ptrdiff_t index[AD_MAX_DIMS];
    int last = x->ndim - 1;
    if (last < 0) { /* all dimensions have length one */
        if (itemsize == 8)
            copy_run_double((double *)out, x->data, 0, n, x->is_bool);
        else
            copy_run_float((float *)out, x->data, 0, n, x->is_bool);
        return;
    }
    const char *at = x->data;
    for (int i = last; i >= 0; i--) {
        index[i] = start % x->shape[i];
        start /= x->shape[i];
        at += index[i] * x->stride[i];
    }
    while (n > 0) {
        ptrdiff_t run = x->shape[last] - index[last];
        if (run > n)
            run = n;
        if (itemsize == 8)
            copy_run_double((double *)out, at, x->stride[last], run, x->is_bool);
        else
            copy_run_float((float *)out, at, x->stride[last], run, x->is_bool);
        out += run * itemsize;
        n -= run;
        at += run * x->stride[last];
        index[last] += run;
        for (int i = last; i > 0 && index[i] == x->shape[i]; i--) {
            at += x->stride[i - 1] - index[i] * x->stride[i];
            index[i] = 0;
            index[i - 1]++;
        }
    }
}

typedef struct {
    const ad_program *program;
    const ad_op_fn *fns;
    ad_op_fn add;
    const void *consts;
    const ad_operand *inputs;
    const ad_result *outputs;
    const ad_reducer *sum;
    char **partials; /* per output summed: one number per unit */
    ptrdiff_t n, block;
    int itemsize;
} job;

static void fill(char *out, const char *value, ptrdiff_t n, int itemsize, int is_bool)
{
    if (itemsize == 8)
        copy_run_double((double *)out, value, 0, n, is_bool);
    else
        copy_run_float((float *)out, value, 0, n, is_bool);
}

static int run_blocks(const job *j, ptrdiff_t first, ptrdiff_t end)
{
    const ad_program *p = j->program;
    const int size = j->itemsize;
    const ptrdiff_t width = j->n < j->block ? j->n : j->block;
    const size_t stride = ((size_t)width * size + ALIGN - 1) / ALIGN * ALIGN;
    char *reg[MAX_REGISTERS];
    reg[MAX_REGISTERS - 1] = NULL; /* stands for an operand that an operation lacks */
    char stack[STACK_BYTES] __attribute__((aligned(ALIGN)));
    int needed = p->n_const + p->n_temp;
    for (int i = 0; i < p->n_in; i++)
        needed += j->inputs[i].mode != AD_FLAT;
    for (int i = 0; i < p->n_out; i++)
        needed += j->outputs[i].mode != AD_STORE;
    char *heap = NULL, *next = stack;
    if (needed * stride > STACK_BYTES) {
        heap = aligned_alloc(ALIGN, needed * stride);
        if (heap == NULL)
            return -1;
        next = heap;
    }
    int r = 0;
    for (int i = 0; i < p->n_in; i++, r++) {
        reg[r] = NULL;
        if (j->inputs[i].mode != AD_FLAT) {
            reg[r] = next;
            next += stride;
        }
        if (j->inputs[i].mode == AD_SCALAR)
            fill(reg[r], j->inputs[i].data, width, size, j->inputs[i].is_bool);
    }
    for (int i = 0; i < p->n_const; i++, r++, next += stride) {
        reg[r] = next;
        fill(next, (const char *)j->consts + i * size, width, size, 0);
    }
    for (int i = 0; i < p->n_temp; i++, r++, next += stride)
        reg[r] = next;
    const int out = r;
    for (int i = 0; i < p->n_out; i++, r++) {
        reg[r] = NULL;
        if (j->outputs[i].mode != AD_STORE) {
            reg[r] = next;
            next += stride;
        }
    }
    for (ptrdiff_t block = first; block < end; block++) {
        const ptrdiff_t start = block * j->block;
        const ptrdiff_t n = j->n - start < j->block ? j->n - start : j->block;
        for (int i = 0; i < p->n_in; i++) {
            const ad_operand *x = &j->inputs[i];
            if (x->mode == AD_FLAT)
                reg[i] = (char *)x->data + start * size;
            else if (x->mode == AD_STRIDED)
                gather(x, start, n, size, reg[i]);
        }
        for (int i = 0; i < p->n_out; i++)
            if (j->outputs[i].mode == AD_STORE)
                reg[out + i] = j->outputs[i].data + start * size;
        for (int i = 0; i < p->n_code; i++) {
            const ad_instr *k = &p->code[i];
            j->fns[i](n, reg[k->a], reg[k->b], reg[k->c], reg[k->dst]);
        }
        for (int i = 0; i < p->n_out; i++) {
            if (j->outputs[i].mode == AD_ADD) {
                char *to = j->outputs[i].data + start * size;
                j->add(n, to, reg[out + i], NULL, to);
            } else if (j->outputs[i].mode == AD_SUM) {
                j->sum->units(n, reg[out + i], j->partials[i] + start / AD_UNIT * size);
            }
        }
    }
    free(heap);
    return 0;
}

typedef struct {
    const job *j;
    ptrdiff_t blocks;
    int chunks, failed;
} share;

/* A chunk is a run of neighbouring blocks. */
static void run_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    share *s = context;
    if (run_blocks(s->j, s->blocks * chunk / s->chunks, s->blocks * (chunk + 1) / s->chunks) != 0)
        __atomic_store_n(&s->failed, 1, __ATOMIC_RELAXED);
}

int ad_vm_run(const ad_program *program, const ad_op_fn *fns, const ad_reducer *sum, const void *consts, int itemsize,
              ptrdiff_t n, const ad_operand *inputs, const ad_result *outputs, int threads, ad_parallel parallel)
{
    if (program->n_in + program->n_const + program->n_temp + program->n_out >= MAX_REGISTERS)
        return -1;
    const ptrdiff_t block = BLOCK_BYTES / itemsize;
    const ptrdiff_t blocks = (n + block - 1) / block;
    const ptrdiff_t units = (n + AD_UNIT - 1) / AD_UNIT;
    char *partials[MAX_REGISTERS]; /* of summed outputs only */
    char few[256] __attribute__((aligned(16))); /* the common case: few units, nothing to allocate */
    job j = {program, fns, sum->merge, consts, inputs, outputs, sum, partials, n, block, itemsize};
    int failed = 0;
    for (int i = 0; i < program->n_out; i++)
        if (outputs[i].mode == AD_SUM) {
            partials[i] = program->n_out == 1 && units * itemsize <= (int)sizeof few
                              ? few : malloc((size_t)(units + 1) * itemsize);
            failed |= partials[i] == NULL;
        }
    if (!failed && threads > 1 && blocks > 1) {
        /* Four chunks a thread: a thread that comes late finds less to do, and nobody waits for it. */
        share s = {&j, blocks, (int)(blocks < 4 * threads ? blocks : 4 * threads), 0};
        parallel(run_chunk, &s, s.chunks, threads);
        failed = s.failed;
    } else if (!failed) {
        failed = run_blocks(&j, 0, blocks) != 0;
    }
    for (int i = 0; i < program->n_out; i++)
        if (outputs[i].mode == AD_SUM && partials[i] != NULL) {
            if (!failed && units)
                sum->tree(units, partials[i], outputs[i].data);
            else if (!failed)
                memset(outputs[i].data, 0, itemsize);
            if (partials[i] != few)
                free(partials[i]);
        }
    return failed ? -1 : 0;
}

void ad_vm_small(const ad_program *p, const ad_op_fn *fns, ad_op_fn add, const double *consts, ptrdiff_t n,
                 const char *const *in, const double *scalars, char *const *out, const int *modes)
{
    double scratch[AD_SMALL_REGISTERS][AD_SMALL] __attribute__((aligned(ALIGN)));
    char *reg[MAX_REGISTERS];
    reg[MAX_REGISTERS - 1] = NULL;
    int r = 0, used = 0;
    for (int i = 0; i < p->n_in; i++, r++) {
        reg[r] = (char *)in[i];
        if (in[i] == NULL) {
            reg[r] = (char *)scratch[used++];
            for (ptrdiff_t j = 0; j < n; j++)
                ((double *)reg[r])[j] = scalars[i];
        }
    }
    for (int i = 0; i < p->n_const; i++, r++) {
        reg[r] = (char *)scratch[used++];
        for (ptrdiff_t j = 0; j < n; j++)
            ((double *)reg[r])[j] = consts[i];
    }
    for (int i = 0; i < p->n_temp; i++, r++)
        reg[r] = (char *)scratch[used++];
    for (int i = 0; i < p->n_out; i++)
        reg[r + i] = modes[i] == AD_STORE ? out[i] : (char *)scratch[used++];
    for (int i = 0; i < p->n_code; i++) {
        const ad_instr *k = &p->code[i];
        fns[i](n, reg[k->a], reg[k->b], reg[k->c], reg[k->dst]);
    }
    for (int i = 0; i < p->n_out; i++)
        if (modes[i] == AD_ADD)
            add(n, out[i], reg[r + i], NULL, out[i]);
}
