"""The pages: one place for each operation. Imported from the bottom up."""

from scirs_ad._ops import (
    accumulate,
    complex,
    decompositions,
    einsum,
    elementwise,
    fused,
    index,
    join,
    linalg,
    methods,
    norms,
    products,
    protocol,
    reduce,
    shape,
)
