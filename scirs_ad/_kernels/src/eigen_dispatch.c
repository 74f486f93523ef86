/* The tables of eigen.h that are linked into this build, by name. */
#include "eigen.h"

#include <string.h>

const ad_eigen_table *ad_eigen_find(const char *isa)
{
#ifdef AD_HAVE_baseline
    if (!strcmp(isa, "baseline"))
        return &ad_eigen_baseline;
#endif
#ifdef AD_HAVE_v2
    if (!strcmp(isa, "v2"))
        return &ad_eigen_v2;
#endif
#ifdef AD_HAVE_v3
    if (!strcmp(isa, "v3"))
        return &ad_eigen_v3;
#endif
#ifdef AD_HAVE_v4
    if (!strcmp(isa, "v4"))
        return &ad_eigen_v4;
#endif
    return NULL;
}
