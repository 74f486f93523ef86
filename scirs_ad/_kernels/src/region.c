#include "region.h"

#include <stdlib.h>
#include <string.h>

#include "region_move.h"

enum { STACK_BYTES = 49152, ALIGN = 64, SMALL_PARTIALS = 4096 };

typedef struct {
    const ad_region *r;
    char *const *in, *const *out;
    char **partials; /* per output: of units (whole) or of chunks (shared); else NULL */
    char *heads;     /* what the first elements of chunk 1, 2 ... add to places that the chunk before writes */
    int failed;
} run_state;

/* What one thread runs at a time: a chunk, or its head, or what is left of it. */
typedef struct {
    run_state *s;
    int chunk;
    ptrdiff_t first, end; /* elements (flat) or rows */
    char *head;           /* where late views add to; NULL: in their places */
} part;

/* ---- walking over the outer dimensions ----------------------------------------------------------------- */
static void locate(const ad_region *r, ptrdiff_t row, ptrdiff_t *index)
{
    for (int d = r->ndim - 2; d >= 0; d--) {
        index[d] = row % r->shape[d];
        row /= r->shape[d];
    }
}

static ptrdiff_t offset_of(const ad_region *r, const ad_view *v, const ptrdiff_t *index)
{
    ptrdiff_t at = 0;
    for (int d = 0; d < r->ndim - 1; d++)
        at += index[d] * v->stride[d];
    return at;
}

static void next_row(const ad_region *r, ptrdiff_t *index)
{
    for (int d = r->ndim - 2; d >= 0; d--) {
        if (++index[d] < r->shape[d])
            return;
        index[d] = 0;
    }
}

/* ---- one chunk ------------------------------------------------------------------------------------------ */
/* Bytes from the first element of a view to that of element (flat) or row `at`. */
static ptrdiff_t place_of(const ad_region *r, const ad_view *v, ptrdiff_t at)
{
    ptrdiff_t bytes = 0;
    int d = r->ndim - 1;
    if (r->walk != AD_FLAT_BLOCKS)
        d--;
    for (; d >= 0; d--) {
        bytes += at % r->shape[d] * v->stride[d];
        at /= r->shape[d];
    }
    return bytes;
}

static char *base_of(const part *p, int k)
{
    const run_state *s = p->s;
    const ad_region *r = s->r;
    const ad_view *v = &r->views[k];
    const int chunk = p->chunk;
    if (k < r->n_in)
        return s->in[v->arg] + v->offset;
    if (v->late && p->head)
        return p->head + v->head - place_of(r, v, p->first);
    char *partial = s->partials ? s->partials[k - r->n_in] : NULL;
    if (v->how == AD_FOLDED && partial)
        return v->whole ? partial : partial + chunk * v->size * v->itemsize;
    return s->out[v->arg] + v->offset;
}

static inline void call(const ad_step *k, ptrdiff_t n, char *const *reg)
{
    if (k->kind == AD_CALL3)
        k->fn.call3(n, reg[k->a], reg[k->b], reg[k->c], reg[k->dst]);
    else if (k->kind == AD_CALL4)
        k->fn.call4(n, reg[k->a], reg[k->b], reg[k->c], reg[k->d], reg[k->dst]);
    else
        k->fn.call5(n, reg[k->a], reg[k->b], reg[k->c], reg[k->d], reg[k->e], reg[k->dst]);
}

/* A step that moves between registers and views, in the flattened space. */
static void move_step(const part *p, const ad_step *k, ptrdiff_t start, ptrdiff_t n, char *const *reg)
{
    const ad_region *r = p->s->r;
    const int view = k->kind == AD_LOAD || k->kind == AD_TAKE ? k->a : k->dst;
    char *base = base_of(p, view);
    int bad = 0;
    if (k->kind == AD_LOAD)
        move_flat(r, &r->views[view], base, start, n, reg[k->dst], 0);
    else if (k->kind == AD_SAVE)
        move_flat(r, &r->views[view], base, start, n, reg[k->a], 1);
    else
        index_flat(r, &r->views[view], base, start, n, reg[k->kind == AD_TAKE ? k->dst : k->a],
                   (const int64_t *)reg[k->b], k->one, k->kind == AD_SCATTER, &bad);
    if (bad)
        __atomic_store_n(&p->s->failed, AD_REGION_BAD_INDEX, __ATOMIC_RELAXED);
}

static void fill_identity(const ad_view *v, char *out, ptrdiff_t n)
{
    load_run(v->itemsize, out, v->identity, 0, n);
}

static void run_flat(const part *p, char **reg)
{
    const ad_region *r = p->s->r;
    const ptrdiff_t first = p->first, end = p->end;
    const ad_step *steps = r->steps + r->once_steps + r->row_steps;
    for (ptrdiff_t start = first; start < end; start += r->block) {
        const ptrdiff_t n = end - start < r->block ? end - start : r->block;
        for (int i = 0; i < r->n_direct; i++) {
            const ad_view *v = &r->views[r->direct[i]];
            reg[v->reg] = base_of(p, r->direct[i]) + start * v->itemsize;
        }
        for (const ad_step *k = steps; k < steps + r->block_steps; k++) {
            if (k->kind <= AD_CALL5) {
                call(k, n, reg);
            } else if (k->kind != AD_FOLD) {
                move_step(p, k, start, n, reg);
            } else {
                const ad_view *v = &r->views[k->dst];
                v->reducer->units(n, reg[k->a], base_of(p, k->dst) + start / AD_UNIT * v->itemsize);
            }
        }
    }
}

/* Elements at .. at + n of the flattened space into the partial results of their units. A unit that ends in a later row waits
 * in `carry`. */
static void fold_units(const ad_region *r, const ad_view *v, const char *x, ptrdiff_t at, ptrdiff_t n, char *carry, char *to)
{
    const ptrdiff_t item = v->itemsize;
    while (n > 0) {
        const ptrdiff_t inside = at % AD_UNIT, unit = at / AD_UNIT;
        ptrdiff_t some = AD_UNIT - inside;
        if (inside == 0 && n >= AD_UNIT) {
            some = n / AD_UNIT * AD_UNIT;
            v->reducer->units(some, x, to + unit * item);
        } else {
            some = some < n ? some : n;
            memcpy(carry + inside * item, x, (size_t)(some * item));
            if (inside + some == AD_UNIT || at + some == r->n)
                v->reducer->units(inside + some, carry, to + unit * item);
        }
        at += some;
        n -= some;
        x += some * item;
    }
}

static void run_rows(const part *t, char **reg, char *scratch)
{
    const ad_region *r = t->s->r;
    const ptrdiff_t first = t->first, end = t->end;
    const ad_step *row_steps = r->steps + r->once_steps, *steps = row_steps + r->row_steps;
    const int views = r->n_in + r->n_out;
    ptrdiff_t index[MAX_DIMS];
    char *at[views]; /* where this row of a view begins */
    locate(r, first, index);
    for (int i = 0; i < views; i++)
        at[i] = base_of(t, i) + offset_of(r, &r->views[i], index);
    for (ptrdiff_t row = first; row < end; row++) {
        for (int i = 0; i < r->n_point; i++)
            reg[r->views[r->point[i]].reg] = at[r->point[i]];
        for (const ad_step *k = row_steps; k < steps; k++)
            call(k, k->one ? 1 : r->block, reg);
        for (ptrdiff_t start = 0; start < r->inner; start += r->block) {
            const ptrdiff_t n = r->inner - start < r->block ? r->inner - start : r->block;
            for (int i = 0; i < r->n_direct; i++) {
                const ad_view *v = &r->views[r->direct[i]];
                reg[v->reg] = at[r->direct[i]] + start * v->itemsize;
            }
            for (const ad_step *k = steps; k < steps + r->block_steps; k++) {
                if (k->kind <= AD_CALL5) {
                    call(k, n, reg);
                } else if (k->kind == AD_LOAD) {
                    const ad_view *v = &r->views[k->a];
                    const ptrdiff_t stride = v->stride[r->ndim - 1];
                    load_run(v->itemsize, reg[k->dst], at[k->a] + start * stride, stride, n);
                } else if (k->kind == AD_SAVE) {
                    const ad_view *v = &r->views[k->dst];
                    const ptrdiff_t stride = v->stride[r->ndim - 1];
                    save_run(v->itemsize, at[k->dst] + start * stride, reg[k->a], stride, n);
                } else if (k->kind != AD_FOLD) {
                    const int view = k->kind == AD_TAKE ? k->a : k->dst;
                    const ad_view *v = &r->views[view];
                    const ptrdiff_t stride = v->stride[r->ndim - 1];
                    const int64_t *indices = (const int64_t *)reg[k->b];
                    int bad = 0;
                    if (k->kind == AD_TAKE)
                        take_run(v, reg[k->dst], at[view] + start * stride, stride, indices, k->one, n, &bad);
                    else
                        scatter_run(v, reg[k->a], at[view] + start * stride, stride, indices, k->one, n, &bad);
                    if (bad)
                        __atomic_store_n(&t->s->failed, AD_REGION_BAD_INDEX, __ATOMIC_RELAXED);
                } else {
                    const ad_view *v = &r->views[k->dst];
                    if (v->whole) {
                        fold_units(r, v, reg[k->a], row * r->inner + start, n, scratch + v->row_partials, at[k->dst]);
                    } else if (v->inner) {
                        v->reducer->units(n, reg[k->a], scratch + v->row_partials + start / AD_UNIT * v->itemsize);
                    } else {
                        char *to = at[k->dst] + start * v->itemsize;
                        v->reducer->merge(n, to, reg[k->a], NULL, to);
                    }
                }
            }
        }
        for (int i = r->n_in; i < views && r->folds; i++) {
            const ad_view *v = &r->views[i];
            if (v->how == AD_FOLDED && v->inner && !v->whole) {
                two_words value;
                v->reducer->tree((r->inner + AD_UNIT - 1) / AD_UNIT, scratch + v->row_partials, &value);
                v->reducer->merge(1, at[i], &value, NULL, at[i]);
            }
        }
        for (int d = r->ndim - 2; d >= 0; d--) {
            const int carry = ++index[d] == r->shape[d];
            for (int i = 0; i < views; i++)
                at[i] += carry ? r->views[i].stride[d] * (1 - r->shape[d]) : r->views[i].stride[d];
            if (!carry)
                break;
            index[d] = 0;
        }
    }
}

static void fold_tile(const ad_region *r, const ad_view *v, char *base, ptrdiff_t row, ptrdiff_t rows, const char *x)
{
    ptrdiff_t index[MAX_DIMS];
    locate(r, row, index);
    for (ptrdiff_t i = 0; i < rows; i++) {
        char *to = base + offset_of(r, v, index);
        if (v->inner) {
            two_words value;
            v->reducer->whole(r->inner, x, &value);
            v->reducer->merge(1, to, &value, NULL, to);
        } else {
            v->reducer->merge(r->inner, to, x, NULL, to);
        }
        x += r->inner * v->itemsize;
        next_row(r, index);
    }
}

static void run_tiles(const part *t, char **reg)
{
    const ad_region *r = t->s->r;
    const ptrdiff_t first = t->first, end = t->end;
    const ad_step *steps = r->steps + r->once_steps + r->row_steps;
    for (ptrdiff_t row = first; row < end; row += r->block) {
        const ptrdiff_t rows = end - row < r->block ? end - row : r->block;
        const ptrdiff_t n = rows * r->inner, start = row * r->inner;
        for (int i = 0; i < r->n_direct; i++) {
            const ad_view *v = &r->views[r->direct[i]];
            reg[v->reg] = base_of(t, r->direct[i]) + start * v->itemsize;
        }
        for (const ad_step *k = steps; k < steps + r->block_steps; k++) {
            if (k->kind <= AD_CALL5)
                call(k, n, reg);
            else if (k->kind != AD_FOLD)
                move_step(t, k, start, n, reg);
            else
                fold_tile(r, &r->views[k->dst], base_of(t, k->dst), row, rows, reg[k->a]);
        }
    }
}

/* ---- tiles of sheets ---------------------------------------------------------------------------------------- */
enum { WIDE = 16 };
#define ROWS(WORD, TYPE)                                                                                              \
    static void load_rows_##WORD(TYPE *out, const char *in, ptrdiff_t down, ptrdiff_t right, ptrdiff_t rows, ptrdiff_t p) \
    {                                                                                                                 \
        /* One number for each row: whole vectors, what is beyond the row is written over by the next ones. */       \
        for (; right == 0 && p <= WIDE && rows * p >= 2 * WIDE; rows--, in += down, out += p) {                       \
            TYPE value;                                                                                               \
            memcpy(&value, in, sizeof value);                                                                         \
            for (int j = 0; j < WIDE; j++)                                                                            \
                out[j] = value;                                                                                       \
        }                                                                                                             \
        for (ptrdiff_t i = 0; i < rows; i++, in += down, out += p) {                                                  \
            const char *from = in;                                                                                    \
            for (ptrdiff_t j = 0; j < p; j++, from += right)                                                          \
                memcpy(&out[j], from, sizeof(TYPE));                                                                  \
        }                                                                                                             \
    }                                                                                                                 \
    static void save_rows_##WORD(char *out, const TYPE *in, ptrdiff_t down, ptrdiff_t right, ptrdiff_t rows, ptrdiff_t p) \
    {                                                                                                                 \
        for (ptrdiff_t i = 0; i < rows; i++, out += down, in += p) {                                                  \
            char *to = out;                                                                                           \
            for (ptrdiff_t j = 0; j < p; j++, to += right)                                                            \
                memcpy(to, &in[j], sizeof(TYPE));                                                                     \
        }                                                                                                             \
    }
ROWS(1, uint8_t)
ROWS(4, uint32_t)
ROWS(8, uint64_t)
ROWS(16, two_words)

static void load_rows(const ad_view *v, int last, char *reg, const char *in, ptrdiff_t rows, ptrdiff_t p)
{
    const ptrdiff_t down = v->stride[last - 1], right = v->stride[last];
    switch (v->itemsize) {
    case 1: load_rows_1((uint8_t *)reg, in, down, right, rows, p); break;
    case 4: load_rows_4((uint32_t *)reg, in, down, right, rows, p); break;
    case 8: load_rows_8((uint64_t *)reg, in, down, right, rows, p); break;
    default: load_rows_16((two_words *)reg, in, down, right, rows, p); break;
    }
}

static void save_rows(const ad_view *v, int last, const char *reg, char *out, ptrdiff_t rows, ptrdiff_t p)
{
    const ptrdiff_t down = v->stride[last - 1], right = v->stride[last];
    switch (v->itemsize) {
    case 1: save_rows_1(out, (const uint8_t *)reg, down, right, rows, p); break;
    case 4: save_rows_4(out, (const uint32_t *)reg, down, right, rows, p); break;
    case 8: save_rows_8(out, (const uint64_t *)reg, down, right, rows, p); break;
    default: save_rows_16(out, (const two_words *)reg, down, right, rows, p); break;
    }
}

/* One row of p elements, over and over. */
static void spread_row(const ad_view *v, int last, char *reg, const char *in, ptrdiff_t rows, ptrdiff_t p)
{
    const size_t all = (size_t)(rows * p * v->itemsize);
    size_t have = (size_t)(p * v->itemsize);
    load_rows(v, last, reg, in, 1, p);
    for (; have < all; have *= 2)
        memcpy(reg + have, reg, have < all - have ? have : all - have);
}

/* A tile into a result; `to`: where the first of its rows goes. */
static void fold_rows(const ad_view *v, int last, char *to, ptrdiff_t rows, ptrdiff_t p, const char *x)
{
    const ptrdiff_t down = v->stride[last - 1], item = v->itemsize;
    if (v->inner && down == 0) {
        two_words value;
        v->reducer->whole(rows * p, x, &value);
        v->reducer->merge(1, to, &value, NULL, to);
    } else if (v->inner && down == item) {
        v->reducer->rows(rows, p, x, to);
    } else if (!v->inner && down == 0) {
        v->reducer->columns(rows, p, x, to);
    } else if (!v->inner && down == p * item) {
        v->reducer->merge(rows * p, to, x, NULL, to);
    } else {
        for (ptrdiff_t i = 0; i < rows; i++, x += p * item, to += down) {
            if (v->inner)
                v->reducer->rows(1, p, x, to);
            else
                v->reducer->merge(p, to, x, NULL, to);
        }
    }
}

static void run_sheets(const part *t, char **reg)
{
    const ad_region *r = t->s->r;
    const ptrdiff_t first = t->first, end = t->end;
    const ad_step *sheet_steps = r->steps + r->once_steps, *steps = sheet_steps + r->row_steps;
    const int views = r->n_in + r->n_out, last = r->ndim - 1;
    const ptrdiff_t p = r->inner;
    ptrdiff_t index[MAX_DIMS], rows;
    char *at[views]; /* where this sheet of a view begins */
    for (ptrdiff_t row = first; row < end; row += rows) {
        const ptrdiff_t inside = row % r->sheet;
        if (row == first || inside == 0) {
            locate(r, row - inside, index);
            for (int i = 0; i < views; i++)
                at[i] = base_of(t, i) + offset_of(r, &r->views[i], index);
            for (int i = 0; i < r->n_point; i++)
                reg[r->views[r->point[i]].reg] = at[r->point[i]];
            for (const ad_step *k = sheet_steps; k < steps; k++) {
                if (k->kind <= AD_CALL5)
                    call(k, k->one ? 1 : r->block * p, reg);
                else
                    spread_row(&r->views[k->a], last, reg[k->dst], at[k->a], r->block, p);
            }
        }
        rows = r->sheet - inside < r->block ? r->sheet - inside : r->block;
        rows = end - row < rows ? end - row : rows;
        for (int i = 0; i < r->n_direct; i++) {
            const ad_view *v = &r->views[r->direct[i]];
            reg[v->reg] = at[r->direct[i]] + inside * p * v->itemsize;
        }
        for (const ad_step *k = steps; k < steps + r->block_steps; k++) {
            if (k->kind <= AD_CALL5) {
                call(k, rows * p, reg);
            } else if (k->kind == AD_LOAD) {
                const ad_view *v = &r->views[k->a];
                load_rows(v, last, reg[k->dst], at[k->a] + inside * v->stride[last - 1], rows, p);
            } else {
                const ad_view *v = &r->views[k->dst];
                char *to = at[k->dst] + inside * v->stride[last - 1];
                if (k->kind == AD_SAVE)
                    save_rows(v, last, reg[k->a], to, rows, p);
                else
                    fold_rows(v, last, to, rows, p, reg[k->a]);
            }
        }
    }
}

/* Where the head of a chunk ends, and how many elements of memory it adds to. */
static ptrdiff_t head_end(const ad_region *r, int chunk)
{
    const ptrdiff_t all = r->walk == AD_FLAT_BLOCKS ? r->n : r->rows, first = chunk * r->chunk;
    return all - first < r->head ? all : first + r->head;
}

static ptrdiff_t head_size(const ad_region *r, const ad_view *v, int chunk)
{
    ptrdiff_t bytes = place_of(r, v, head_end(r, chunk) - 1) - place_of(r, v, chunk * r->chunk);
    if (r->walk != AD_FLAT_BLOCKS)
        bytes += (r->inner - 1) * v->stride[r->ndim - 1];
    return bytes / v->itemsize + 1;
}

void ad_region_heads(ad_region *r)
{
    for (int i = r->n_in; i < r->n_in + r->n_out && r->late; i++) {
        ptrdiff_t most = 0;
        for (int c = 1; c < r->chunks && r->views[i].late; c++) {
            const ptrdiff_t size = head_size(r, &r->views[i], c);
            most = size > most ? size : most;
        }
        r->views[i].head = r->head_bytes;
        r->head_bytes += (most * r->views[i].itemsize + ALIGN - 1) / ALIGN * ALIGN;
    }
}

static void run_part(const part *p, char **reg, char *scratch)
{
    const ad_region *r = p->s->r;
    if (r->walk == AD_FLAT_BLOCKS)
        run_flat(p, reg);
    else if (r->walk == AD_ROW_BLOCKS)
        run_rows(p, reg, scratch);
    else if (r->sheet)
        run_sheets(p, reg);
    else
        run_tiles(p, reg);
}

static int run_chunk(run_state *s, int chunk)
{
    const ad_region *r = s->r;
    const ptrdiff_t all = r->walk == AD_FLAT_BLOCKS ? r->n : r->rows;
    part p = {s, chunk, chunk * r->chunk, 0, NULL};
    p.end = all - p.first < r->chunk ? all : p.first + r->chunk;
    char stack[STACK_BYTES] __attribute__((aligned(ALIGN)));
    char *reg[r->n_reg];
    char *heap = NULL, *scratch = stack;
    if (r->scratch > STACK_BYTES) {
        heap = scratch = aligned_alloc(ALIGN, (size_t)r->scratch);
        if (!heap)
            return AD_REGION_NO_MEMORY;
    }
    memcpy(reg, r->fixed, r->n_reg * sizeof *reg);
    for (int i = 0; i < r->n_temp; i++)
        reg[r->temp_reg[i]] = scratch + r->temp_at[i];
    for (int i = 0; i < r->n_still; i++)
        reg[r->views[r->still[i]].reg] = base_of(&p, r->still[i]);
    for (int i = r->n_in; i < r->n_in + r->n_out && r->folds; i++)
        if (r->views[i].shared && r->chunks > 1)
            fill_identity(&r->views[i], base_of(&p, i), r->views[i].size);
    const ptrdiff_t width = r->walk == AD_TILES ? r->block * r->inner : r->block;
    for (const ad_step *k = r->steps; k < r->steps + r->once_steps; k++)
        call(k, k->one ? 1 : width, reg);
    if (r->late && chunk) {
        part head = p;
        head.end = head_end(r, chunk);
        head.head = s->heads + (chunk - 1) * r->head_bytes;
        for (int i = r->n_in; i < r->n_in + r->n_out; i++)
            if (r->views[i].late)
                fill_identity(&r->views[i], head.head + r->views[i].head, head_size(r, &r->views[i], chunk));
        run_part(&head, reg, scratch);
        p.first = head.end;
    }
    if (p.first < p.end)
        run_part(&p, reg, scratch);
    free(heap);
    return AD_REGION_OK;
}

static void task(void *context, int chunk, int worker)
{
    (void)worker;
    run_state *s = context;
    const int failed = run_chunk(s, chunk);
    if (failed)
        __atomic_store_n(&s->failed, failed, __ATOMIC_RELAXED);
}

/* ---- a whole run ------------------------------------------------------------------------------------------ */
static ptrdiff_t partial_bytes(const ad_region *r, const ad_view *v)
{
    if (v->how != AD_FOLDED)
        return 0;
    if (v->whole)
        return (r->n + AD_UNIT - 1) / AD_UNIT * v->itemsize;
    return v->shared && r->chunks > 1 ? r->chunks * v->size * v->itemsize : 0;
}

static void run_chunks(run_state *s, int threads)
{
    const ad_region *r = s->r;
    if (threads > 1 && r->chunks > 1)
        r->parallel(task, s, r->chunks, threads);
    else
        for (int c = 0; c < r->chunks && !s->failed; c++)
            task(s, c, 0);
    for (int c = 1; c < r->chunks && r->late && !s->failed; c++) {
        for (int i = r->n_in; i < r->n_in + r->n_out; i++) {
            const ad_view *v = &r->views[i];
            if (!v->late)
                continue;
            char *to = s->out[v->arg] + v->offset + place_of(r, v, c * r->chunk);
            v->reducer->merge(head_size(r, v, c), to, s->heads + (c - 1) * r->head_bytes + v->head, NULL, to);
        }
    }
}

static int run_folds(run_state *s, int threads)
{
    const ad_region *r = s->r;
    const ad_view *outs = r->views + r->n_in;
    char *partials[r->n_out];
    char small[SMALL_PARTIALS] __attribute__((aligned(ALIGN)));
    char *heap = NULL, *next = small;
    ptrdiff_t needed = 0;
    for (int i = 0; i < r->n_out; i++)
        needed += (partial_bytes(r, &outs[i]) + ALIGN - 1) / ALIGN * ALIGN;
    if (needed > SMALL_PARTIALS) {
        next = heap = aligned_alloc(ALIGN, (size_t)needed);
        if (!heap)
            return AD_REGION_NO_MEMORY;
    }
    for (int i = 0; i < r->n_out; i++) {
        const ptrdiff_t bytes = partial_bytes(r, &outs[i]);
        partials[i] = bytes ? next : NULL;
        next += (bytes + ALIGN - 1) / ALIGN * ALIGN;
        if (outs[i].how == AD_FOLDED && !outs[i].whole)
            fill_identity(&outs[i], s->out[outs[i].arg] + outs[i].offset, outs[i].size);
    }
    s->partials = partials;
    run_chunks(s, threads);
    for (int i = 0; i < r->n_out && !s->failed; i++) {
        const ad_view *v = &outs[i];
        if (!partials[i])
            continue;
        char *to = s->out[v->arg] + v->offset;
        if (v->whole)
            v->reducer->tree((r->n + AD_UNIT - 1) / AD_UNIT, partials[i], to);
        else
            for (int c = 0; c < r->chunks; c++)
                v->reducer->merge(v->size, to, partials[i] + c * v->size * v->itemsize, NULL, to);
    }
    free(heap);
    return s->failed;
}

int ad_region_run(const ad_region *r, char *const *in, char *const *out, int threads)
{
    run_state s = {r, in, out, NULL, NULL, 0};
    if (r->n == 0) {
        for (int i = r->n_in; i < r->n_in + r->n_out; i++)
            if (r->views[i].how == AD_FOLDED)
                fill_identity(&r->views[i], out[r->views[i].arg] + r->views[i].offset, r->views[i].size);
        return AD_REGION_OK;
    }
    if (r->serial) /* one order of additions */
        threads = 1;
    if (r->late && r->chunks > 1) {
        s.heads = aligned_alloc(ALIGN, (size_t)((r->chunks - 1) * r->head_bytes));
        if (!s.heads)
            return AD_REGION_NO_MEMORY;
    }
    if (r->folds)
        s.failed = run_folds(&s, threads);
    else
        run_chunks(&s, threads);
    free(s.heads);
    return s.failed;
}
