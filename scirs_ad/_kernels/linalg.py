"""The batched linear-algebra kernels, in one namespace."""

from scirs_ad._kernels.linalg_adjoint import cholesky_pull, qr_pull
from scirs_ad._kernels.linalg_eigen import eig, eigh, eigvals, eigvalsh, svd, svdvals
from scirs_ad._kernels.linalg_expm import expm, expm_frechet, expm_pull
from scirs_ad._kernels.linalg_factor import cholesky, det, inv, lu_factor, qr, slogdet
from scirs_ad._kernels.linalg_matmul import matmul
from scirs_ad._kernels.linalg_solve import (
    cho_solve,
    lstsq,
    lu_solve,
    solve,
    solve_pull,
    solve_triangular,
)

__all__ = [
    "cho_solve",
    "cholesky",
    "cholesky_pull",
    "det",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "expm_frechet",
    "expm_pull",
    "inv",
    "lstsq",
    "lu_factor",
    "lu_solve",
    "matmul",
    "qr",
    "qr_pull",
    "slogdet",
    "solve",
    "solve_pull",
    "solve_triangular",
    "svd",
    "svdvals",
]
