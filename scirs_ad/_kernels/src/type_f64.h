/* The template parameters for float64; type_none.h takes them away again. */
#define S f64
#define U uint64_t
#define M(fn) fn
#define NAME(fn) AD_CAT_(fn, f64)
#define PICK(for_f64, for_f32) (for_f64)
#define FMA_S FMA
#define BITS bits64
#define FROM from64
#define MANT 52
#define BIAS 1023
#define MAGIC 0x1.8p52 /* adding it rounds to an integer, found in the low bits of the sum */
#define AD_MAX 0x1.fffffffffffffp1023
#define AD_MIN 0x1p-1022
