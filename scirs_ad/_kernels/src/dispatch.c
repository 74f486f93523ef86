/* Which of the tables linked into this build the machine can run.
 * Compiled with the baseline flags: nothing here may need a newer instruction set. */
#include "ops.h"

typedef struct {
    const char *name;
    const ad_isa *tables;
} isa_entry;

static const isa_entry isas[] = {
#ifdef AD_HAVE_baseline
    {"baseline", &ad_isa_baseline},
#endif
#ifdef AD_HAVE_v2
    {"v2", &ad_isa_v2},
#endif
#ifdef AD_HAVE_v3
    {"v3", &ad_isa_v3},
#endif
#ifdef AD_HAVE_v4
    {"v4", &ad_isa_v4},
#endif
};

int ad_isa_count(void) { return (int)(sizeof isas / sizeof isas[0]); }

const char *ad_isa_name(int i) { return isas[i].name; }

const ad_isa *ad_isa_tables(int i) { return isas[i].tables; }

/* Feature names and not "x86-64-vN", which gcc understands from 12 on only. The built-in also asks the
 * operating system (XGETBV) whether it saves the wide registers. */
int ad_isa_supported(int i)
{
#if defined(__x86_64__) && !defined(AD_HAVE_baseline)
    __builtin_cpu_init();
    int v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    int v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
          && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    int v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
          && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
          && __builtin_cpu_supports("avx512cd");
    switch (isas[i].name[1]) {
    case '2': return v2;
    case '3': return v3;
    case '4': return v4;
    default: return 0;
    }
#else
    (void)i;
    return 1;
#endif
}
