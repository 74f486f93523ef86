"""The pages: one place for each operation. Imported from the bottom up."""

from scirs_ad._ops import (
    accumulate,  # noqa: F401
    calculus,  # noqa: F401
    complex,  # noqa: F401
    creation,  # noqa: F401
    decompositions,  # noqa: F401
    einsum,  # noqa: F401
    elementwise,  # noqa: F401
    fft,  # noqa: F401
    fused,  # noqa: F401
    index,  # noqa: F401
    join,  # noqa: F401
    linalg,  # noqa: F401
    methods,  # noqa: F401
    moments,  # noqa: F401
    norms,  # noqa: F401
    polynomial,  # noqa: F401
    products,  # noqa: F401
    protocol,  # noqa: F401
    reduce,  # noqa: F401
    shape,  # noqa: F401
    statistics,  # noqa: F401
)
