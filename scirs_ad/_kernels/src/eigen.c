/* The functions of eigen.h, for the instruction set that this file is compiled for (-DAD_ISA=name). */
#include "eigen.h"

#include <string.h>

#define AD_CAT_(a, b) a##_##b

#if defined(__AVX512F__)
#define AD_EIGEN_BYTES 64
#elif defined(__AVX__)
#define AD_EIGEN_BYTES 32
#else
#define AD_EIGEN_BYTES 16
#endif

/* Loaded once, not in each of the operations that use it. */
#if defined(__SSE2__)
#define AD_KEEP(x) __asm__("" : "+x"(x))
#else
#define AD_KEEP(x) (void)(x)
#endif

#define AD_INLINE static inline __attribute__((always_inline))
#define AD_UNROLL _Pragma("GCC unroll 8")

#define V NAME(vector)
#define W ((int)(AD_EIGEN_BYTES / sizeof(S)))

enum {
    LEAF = AD_EIGEN_LEAF, /* rows that QR iteration does: xSTEDC's, for its signs */
    BLOCK = 32,           /* reflectors in a block on the way back */
    TRIES = 60            /* steps to a root */
};

#define S double
#define NAME(fn) AD_CAT_(fn, f64)
#define EPS 0x1p-53
#define LEAST_SUM 0x1p-900 /* squares below this may have lost digits, those beyond MOST_SUM more */
#define MOST_SUM 0x1p900
#define SQRT __builtin_sqrt
#define ABS __builtin_fabs
typedef S V __attribute__((vector_size(AD_EIGEN_BYTES)));
#include "reflection.h"
#include "eigen_reduce.h"
#include "eigen_bidiagonal.h"
#include "eigen_back.h"
#include "eigen_roots.h"
#include "eigen_merge.h"
#undef S
#undef NAME
#undef EPS
#undef LEAST_SUM
#undef MOST_SUM
#undef SQRT
#undef ABS

#define S float
#define NAME(fn) AD_CAT_(fn, f32)
#define EPS 0x1p-24f
#define LEAST_SUM 0x1p-100f
#define MOST_SUM 0x1p100f
#define SQRT __builtin_sqrtf
#define ABS __builtin_fabsf
typedef S V __attribute__((vector_size(AD_EIGEN_BYTES)));
#include "reflection.h"
#include "eigen_reduce.h"
#include "eigen_bidiagonal.h"
#include "eigen_back.h"
#include "eigen_roots.h"
#include "eigen_merge.h"

#define AD_TABLE_(isa) ad_eigen_##isa
#define AD_TABLE(isa) AD_TABLE_(isa)
const ad_eigen_table AD_TABLE(AD_ISA) = {
    reduce_f64, reduce_f32, vectors_f64, vectors_f32, bidiagonal_f64, bidiagonal_f32, back_f64, back_f32,
};
