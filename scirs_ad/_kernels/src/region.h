/* Regions: elementwise programs over a fixed iteration space, with what they read, write and reduce.
 *
 * A region is described once (region.pyx does it) for fixed shapes, strides and types, and run many times on
 * pointers: no Python, no description at run time, no allocation unless temporaries or partial results are many.
 *
 * The space has `ndim` merged dimensions. It is walked in C order, in one of three ways:
 *   flat   blocks of the flattened space; operands that are contiguous over it are read in place;
 *   rows   blocks of the last dimension; an operand that does not move along it is a scalar per row;
 *   tiles  blocks of whole short rows; where rows of the last two dimensions, a sheet, are many, within a sheet:
 *          an operand that repeats from row to row is then spread once per sheet, and one that does not move is a
 *          scalar per sheet.
 * The partition into chunks depends on the region alone, so every result is bitwise the same for any number of threads.
 */
#ifndef SCIRS_AD_REGION_H
#define SCIRS_AD_REGION_H

#include <stddef.h>
#include <stdint.h>

#include "ops.h"
#include "pool.h"

enum { AD_FLAT_BLOCKS, AD_ROW_BLOCKS, AD_TILES };

/* How a view reaches the program. */
enum {
    AD_DIRECT, /* its register points into its memory */
    AD_POINT,  /* the same, to one element per row (rows) or sheet, or one for all */
    AD_COPIED, /* by load and save steps, through temporaries */
    AD_FOLDED  /* an output that is a reduction */
};

typedef struct {
    const ptrdiff_t *stride; /* bytes, for every dimension of the region */
    ptrdiff_t offset;        /* bytes, from the pointer that the caller gives */
    int arg;                 /* which of the caller's pointers */
    uint16_t reg;
    uint8_t how, itemsize, dtype;
    ptrdiff_t step, length;  /* gathers and scatters: bytes per index, how many there are */
    /* Folded outputs. */
    uint8_t inner;           /* the last dimension is reduced */
    uint8_t shared;          /* several chunks write to the same elements */
    uint8_t whole;           /* everything to one number, by units of the flattened space */
    ptrdiff_t size;          /* elements of the result */
    ptrdiff_t row_partials;  /* rows, inner: where in the scratch the units of a row are; whole: a unit not yet complete */
    const ad_reducer *reducer;
    char identity[16];
    /* Outputs that are added to places which the chunk before writes, too: the head of a chunk adds to memory of its
     * own, of zeros that change nothing (-0), and that is added to the places when all chunks are done. */
    uint8_t late;
    ptrdiff_t head;          /* where in the memory of a head */
} ad_view;

/* Steps. CALL3, CALL4 and CALL5 run a kernel on registers; the others move between registers and views. */
enum { AD_CALL3, AD_CALL4, AD_CALL5, AD_LOAD, AD_SAVE, AD_FOLD, AD_TAKE, AD_SCATTER };
typedef struct {
    ad_any_fn fn;
    uint16_t dst, a, b, c, d, e; /* LOAD: view a to dst. SAVE, FOLD: register a to view dst. TAKE, SCATTER: at indices b */
    uint8_t kind;
    uint8_t one;              /* on one element, not on the block; TAKE, SCATTER: one index for all */
} ad_step;

typedef struct {
    int walk, ndim;
    const ptrdiff_t *shape;
    ptrdiff_t n, inner, rows; /* elements, length of the last dimension, n / inner */
    ptrdiff_t block;          /* elements per block; tiles: rows per block */
    ptrdiff_t chunk;          /* elements (flat) or rows per chunk */
    ptrdiff_t sheet;          /* tiles: rows of a sheet; 0: tiles pay no heed to sheets */
    int chunks, late;         /* late: whether a view is */
    ptrdiff_t head, head_bytes; /* elements (flat) or rows of the head of a chunk; bytes of its memory */
    int n_in, n_out, n_reg, n_temp, n_direct, n_point, n_still, folds, serial;
    ad_view *views;           /* inputs, then outputs */
    const uint16_t *direct, *point, *still; /* views of that kind; still: a point that is the same for all rows */
    const ad_step *steps;     /* once per chunk, once per row or sheet, once per block */
    int once_steps, row_steps, block_steps;
    char **fixed;             /* registers at the start: addresses of constants, else NULL */
    const uint16_t *temp_reg; /* registers that point into the scratch, and where */
    const ptrdiff_t *temp_at;
    ptrdiff_t scratch;        /* bytes */
    double ns;                /* estimated work of a run, nanoseconds on one thread */
    ad_parallel_for parallel;
} ad_region;

enum { AD_REGION_OK = 0, AD_REGION_NO_MEMORY = -1, AD_REGION_BAD_INDEX = -2 };

/* A scalar, or a run of elements, copied to a register: kernels for every size of element. */
ad_op_fn ad_region_fill(int itemsize);
ad_op_fn ad_region_copy(int itemsize);

/* Where the heads of late views lie, when chunks and views are known. */
void ad_region_heads(ad_region *region);

/* Run on the caller's pointers. An output may lie exactly over an input only if the region was built so.
 * Returns AD_REGION_OK or what went wrong: then outputs are undefined. */
int ad_region_run(const ad_region *region, char *const *in, char *const *out, int threads);

#endif
