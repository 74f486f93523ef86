"""numpy.linalg by name, on Variables and arrays alike."""

import sys

import numpy as np

from scirs_ad._ops.decompositions import eig, eigh, eigvals, eigvalsh, pinv, qr, svd, svdvals
from scirs_ad._ops.determinants import det, slogdet
from scirs_ad._ops.linalg import cholesky, inv, solve
from scirs_ad._ops.linalg_parts import cross, trace
from scirs_ad._ops.norms import (
    cond,
    lstsq,
    matrix_norm,
    matrix_power,
    matrix_rank,
    multi_dot,
    norm,
    tensorinv,
    tensorsolve,
    vector_norm,
)  # fmt: skip
from scirs_ad._ops.products import matmul, outer, tensordot, vecdot
from scirs_ad._ops.protocol import register_namespace
from scirs_ad._ops.views import linalg_diagonal as diagonal
from scirs_ad._ops.views import matrix_transpose

LinAlgError = np.linalg.LinAlgError

__all__ = [
    "LinAlgError", "cholesky", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "inv", "lstsq",
    "matmul", "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose", "multi_dot", "norm", "outer", "pinv",
    "qr", "slogdet", "solve", "svd", "svdvals", "tensordot", "tensorinv", "tensorsolve", "trace", "vecdot",
    "vector_norm",
]  # fmt: skip

register_namespace(np.linalg, sys.modules[__name__])
