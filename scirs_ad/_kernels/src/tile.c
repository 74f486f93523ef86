/* The kernels of tile.h, for the instruction set that this file is compiled for (-DAD_ISA=name). */
#include "tile.h"

#include <string.h>

#define AD_INLINE static inline __attribute__((always_inline))
#define AD_CAT_(a, b) a##_##b

#if defined(__AVX512F__)
#define AD_TILE_BYTES 64
#elif defined(__AVX__)
#define AD_TILE_BYTES 32
#else
#define AD_TILE_BYTES 16
#endif

#if AD_TILE_BYTES >= 64
#define AD_HAS_GEMM
#include <immintrin.h>
enum { AD_GEMM_UP = 3, AD_GEMM_ACROSS = 8 }; /* vectors and columns of a tile: 24 sums in 32 registers */
enum { AD_GEMM_DEPTH = 320, AD_GEMM_STRIPS = 6 }; /* at most: six strips of A fill a part of L2 */
enum { AD_GEMM_FEW = 128, AD_GEMM_NEAR = 512 << 10 }; /* columns of B, or bytes of A, that are not worth packing A */
enum { AD_GEMM_APART = 1024 }; /* bytes from one row of B to the next: rows worth packing */
_Static_assert(((AD_GEMM_STRIPS + 1) * AD_GEMM_UP * AD_TILE_BYTES + 4 * 8) * AD_GEMM_DEPTH <= AD_GEMM_ROOM, "room for strips");
#define AD_GEMM_ROW {gemm_f64, gemm_f32}, {triangle_f64, triangle_f32}
#else
#define AD_GEMM_ROW {NULL, NULL}, {NULL, NULL}
#endif

#define V NAME(lanes)
#define MASK NAME(mask)
#define W ((int)(AD_TILE_BYTES / sizeof(S)))

#ifdef AD_HAS_GEMM
/* The first `n` elements of a vector. */
AD_INLINE __m512d load_some_f64(const double *p, int n) { return _mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p); }
AD_INLINE void store_some_f64(double *p, __m512d x, int n) { _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), x); }
AD_INLINE __m512 load_some_f32(const float *p, int n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
AD_INLINE void store_some_f32(float *p, __m512 x, int n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x); }
#endif

#define S double
#define I int64_t
#define NAME(fn) AD_CAT_(fn, f64)
#define SIGNLESS INT64_MAX
#define SQRT __builtin_sqrt
#define TINY 0x1p-700 /* the square of a norm between these is right */
#define HUGE_ 0x1p700
#include "tile_lanes.h"
#include "tile_factor.h"
#include "tile_solve.h"
#include "tile_complex.h"
#ifdef AD_HAS_GEMM
#include "tile_gemm.h"
#include "tile_triangle.h"
#endif
#include "tile_product.h"
#define LEAST_SUM TINY
#define MOST_SUM HUGE_
#include "reflection.h"
#include "tile_panel.h"
#undef LEAST_SUM
#undef MOST_SUM
#undef S
#undef I
#undef NAME
#undef SIGNLESS
#undef SQRT
#undef TINY
#undef HUGE_

#define S float
#define I int32_t
#define NAME(fn) AD_CAT_(fn, f32)
#define SIGNLESS INT32_MAX
#define SQRT __builtin_sqrtf
#define TINY 0x1p-80f
#define HUGE_ 0x1p80f
#define AD_PRODUCT_PAIR
#include "tile_lanes.h"
#include "tile_factor.h"
#include "tile_solve.h"
#include "tile_complex.h"
#ifdef AD_HAS_GEMM
#include "tile_gemm.h"
#include "tile_triangle.h"
#endif
#include "tile_product.h"
#define LEAST_SUM TINY
#define MOST_SUM HUGE_
#include "reflection.h"
#include "tile_panel.h"
#undef LEAST_SUM
#undef MOST_SUM

#define AD_TABLE_(isa) ad_tile_##isa
#define AD_TABLE(isa) AD_TABLE_(isa)
#define AD_TILE_ROW(name) {name##_f64, name##_f32},
#define AD_TILE_COMPLEX_ROW(name) [AD_TILE_##name] = {name##_complex_f64, name##_complex_f32},
const ad_tile_table AD_TABLE(AD_ISA) = {{AD_TILE_LIST(AD_TILE_ROW)}, {AD_TILE_COMPLEX_LIST(AD_TILE_COMPLEX_ROW)},
                                               {transpose_whole_f64, transpose_whole_f32},
                                               {{product_f64, product_f32}, {product_complex_f64, product_complex_f32}}, {panel_f64, panel_f32},
                                               AD_GEMM_ROW, AD_TILE_BYTES};
