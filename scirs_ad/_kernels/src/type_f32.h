/* The template parameters for float32; type_none.h takes them away again. */
#define S f32
#define U uint32_t
#define M(fn) fn##f
#define NAME(fn) AD_CAT_(fn, f32)
#define PICK(for_f64, for_f32) (for_f32)
#define FMA_S FMAF
#define BITS bits32
#define FROM from32
#define MANT 23
#define BIAS 127
#define MAGIC 0x1.8p23f
#define AD_MAX 0x1.fffffep127f
#define AD_MIN 0x1p-126f
