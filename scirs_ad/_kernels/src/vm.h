/* The blocked virtual machine: a flat list of elementwise instructions, run block by block so that every
   intermediate stays in the first-level cache. For eager mode, where shapes come with every call; compiled programs
   use regions (region.h), which are described once. */
#ifndef SCIRS_AD_VM_H
#define SCIRS_AD_VM_H

#include <stddef.h>
#include <stdint.h>

#include "ops.h"

enum { AD_MAX_DIMS = 64 };

typedef struct {
    uint16_t op, dst, a, b, c; /* registers: inputs, constants, temporaries, outputs */
} ad_instr;

typedef struct {
    int n_in, n_const, n_temp, n_out, n_code;
    const ad_instr *code;
} ad_program;

enum { AD_FLAT = 0, AD_SCALAR = 1, AD_STRIDED = 2 };

/* One input: read in place (flat), expanded once (scalar), or copied block by block (strided, broadcast). */
typedef struct {
    const char *data;
    int mode;
    int is_bool;                     /* one byte per element, converted on the way in */
    int ndim;                        /* strided only: dimensions of the output, as far as they could not be merged */
    ptrdiff_t shape[AD_MAX_DIMS];
    ptrdiff_t stride[AD_MAX_DIMS];   /* bytes; 0 along broadcast dimensions */
} ad_operand;

/* What happens to an output: written, added to what is there, or summed to one number. */
enum { AD_STORE = 0, AD_ADD = 1, AD_SUM = 2 };

typedef struct {
    char *data;
    int mode;
} ad_result;

/* Merge the dimensions of a strided operand that are contiguous to one another. */
void ad_operand_merge(ad_operand *operand);

/* Runs task(context, chunk, worker) for every chunk, in at most `threads` threads. */
typedef void (*ad_task)(void *context, int chunk, int worker);
typedef void (*ad_parallel)(ad_task task, void *context, int chunks, int threads);

/* Run over n elements of `itemsize` 8 (float64) or 4 (float32). `fns`: one kernel per instruction; `sum`: how
   sums are made; `consts`: n_const numbers of the dtype. Returns 0, or -1 when out of memory.
   The partition into blocks, and so every result, does not depend on the number of threads. */
int ad_vm_run(const ad_program *program, const ad_op_fn *fns, const ad_reducer *sum, const void *consts, int itemsize,
              ptrdiff_t n, const ad_operand *inputs, const ad_result *outputs, int threads, ad_parallel parallel);

/* The same for at most AD_SMALL float64 elements, all flat (`in[k]`) or scalar (`in[k]` NULL, then `scalars[k]`):
   nothing to describe, nothing to allocate. Outputs are stored or added. */
enum { AD_SMALL = 64, AD_SMALL_REGISTERS = 24 };
void ad_vm_small(const ad_program *program, const ad_op_fn *fns, ad_op_fn add, const double *consts, ptrdiff_t n,
                 const char *const *in, const double *scalars, char *const *out, const int *modes);

#endif
