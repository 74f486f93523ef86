/* The tables of tile.h that are linked into this build, by name. */
#include "tile.h"

#include <string.h>

const ad_tile_table *ad_tile_find(const char *isa)
{
#ifdef AD_HAVE_baseline
    if (!strcmp(isa, "baseline"))
        return &ad_tile_baseline;
#endif
#ifdef AD_HAVE_v2
    if (!strcmp(isa, "v2"))
        return &ad_tile_v2;
#endif
#ifdef AD_HAVE_v3
    if (!strcmp(isa, "v3"))
        return &ad_tile_v3;
#endif
#ifdef AD_HAVE_v4
    if (!strcmp(isa, "v4"))
        return &ad_tile_v4;
#endif
    return NULL;
}
