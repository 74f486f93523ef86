"""The kernels of src/tile.h for the instruction set in use: small matrices, panels and products."""
from scirs_ad._kernels.ops import ISA


cdef extern from "tile.h":
    const ad_tile_table *ad_tile_find(const char *isa)

tiles = ad_tile_find(ISA.encode())
