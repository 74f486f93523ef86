/* Scalar programs: thousands of operations on single numbers, one after the other.
 *
 * Registers are numbers (or AD_SCALAR_LANES numbers side by side: the same program for several inputs at once):
 * first the constants, then the elements of all inputs, then temporaries. */
#ifndef SCIRS_AD_SCALAR_H
#define SCIRS_AD_SCALAR_H

#include <stddef.h>
#include <stdint.h>

#include "ops.h"
#include "pool.h"

enum { AD_SCALAR_LANES = 8 };

/* `op`: the operation in the low 8 bits; above them the third operand. */
struct ad_scalar_step {
    uint32_t op, dst, a, b;
};
/* Operations besides those of AD_OP_LIST: two roundings each. */
enum { AD_SCALAR_MULADD = 250, AD_SCALAR_MULSUB, AD_SCALAR_RMULSUB }; /* a b + c, a b - c, c - a b */

typedef struct {
    const ad_scalar_step *steps;
    ptrdiff_t n_steps, n_const, n_reg;
    const double *consts;
    int n_in, n_out;
    const ptrdiff_t *in_size, *out_size;
    const uint32_t *results; /* for every element of every output: its register */
    const ad_isa *isa;
    ad_parallel_for parallel;
    double ns;               /* estimated work of one run, nanoseconds */
} ad_scalar;

/* Both return 0, or -1 when out of memory. Inputs and outputs are contiguous vectors. */
int ad_scalar_run(const ad_scalar *program, const double *const *in, double *const *out);
/* `count` runs: the vectors of run i begin i * stride elements behind the pointers (0: shared by all runs). */
int ad_scalar_run_many(const ad_scalar *program, ptrdiff_t count, const double *const *in, const ptrdiff_t *in_stride,
                       double *const *out, const ptrdiff_t *out_stride, int threads);

#endif
