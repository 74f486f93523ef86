/* Scalar programs: thousands of operations on single numbers, one after the other.
 *
 * Registers are numbers (or `lanes` numbers side by side: the same program for several inputs at once): first the
 * constants, then what is loaded, then temporaries. The program is a stream of runs: operations of one kind stand
 * together, so that the processor meets one indirect jump for all of them. In a program of thousands of operations
 * it cannot learn which follows which, and a jump that it guesses wrong costs as much as ten operations. */
#ifndef SCIRS_AD_SCALAR_H
#define SCIRS_AD_SCALAR_H

#include <stddef.h>
#include <stdint.h>

#include "ops.h"
#include "pool.h"

/* One operation; or the head of a run: the operation, and how many of them follow (b + 65536 c). */
struct ad_scalar_step {
    uint16_t dst, a, b, c;
};

/* Two operations in one, each rounded as it is on its own. The operands are a, b and c; r: the other way round. */
#define AD_SCALAR_PAIRS(X) \
    X(multiply_add, add(multiply(a, b), c)) X(multiply_subtract, subtract(multiply(a, b), c)) \
    X(multiply_rsubtract, subtract(c, multiply(a, b))) X(mulz_add, add(mulz(a, b), c)) \
    X(mulz_subtract, subtract(mulz(a, b), c)) X(mulz_rsubtract, subtract(c, mulz(a, b))) \
    X(multiply_multiply, multiply(multiply(a, b), c)) X(multiply_mulz, mulz(multiply(a, b), c)) \
    X(multiply_rmulz, mulz(c, multiply(a, b))) X(add_add, add(add(a, b), c)) \
    X(subtract_multiply, multiply(subtract(a, b), c)) X(add_multiply, multiply(add(a, b), c))
#define AD_SCALAR_NUMBER(name, EXPRESSION) AD_SCALAR_##name,
enum { AD_SCALAR_FIRST = 127, AD_SCALAR_PAIRS(AD_SCALAR_NUMBER) AD_SCALAR_LAST, AD_SCALAR_END = 255 };
enum { AD_SCALAR_PAD = 16 }; /* lanes are a multiple of it */
#undef AD_SCALAR_NUMBER

/* Elements that are loaded or stored: `count` of them, `step` bytes apart from `offset` behind pointer `arg`. The runs
 * of a program are `stride` bytes apart. The registers of loads are `reg`, reg + 1, ...; of stores results[reg], ... */
typedef struct {
    int arg, is_bool, reg, count;
    ptrdiff_t offset, step, stride;
} ad_scalar_port;

typedef struct {
    const ad_scalar_step *steps;
    ptrdiff_t n_const, n_reg, itemsize;
    const void *consts;
    const uint16_t *results;
    const ad_isa *isa;
    ad_parallel_for parallel;
} ad_scalar;

typedef struct {
    const ad_scalar *program;
    const ad_scalar_port *loads, *stores;
    int n_loads, n_stores;
    ptrdiff_t count;    /* runs; 0: one, without lanes */
    int threads;
} ad_scalar_call;

/* 0, or -1 when out of memory. */
int ad_scalar_run(const ad_scalar_call *call, char *const *args);

#endif
