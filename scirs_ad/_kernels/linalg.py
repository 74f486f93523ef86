"""The batched linear-algebra kernels, in one namespace."""

from scirs_ad._kernels.linalg_adjoint import cholesky_pull, lu_pull, qr_pull
from scirs_ad._kernels.linalg_eigen import eig, eigh, eigvals, eigvalsh, svd, svdvals
from scirs_ad._kernels.linalg_expm import expm, expm_frechet, expm_pull
from scirs_ad._kernels.linalg_factor import (
    cholesky,
    cofactor_of_lu,
    det,
    det_of_lu,
    inv,
    inv_of_lu,
    lu_factor,
    qr,
    slogdet,
    slogdet_of_lu,
)
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
    "cofactor_of_lu",
    "det",
    "det_of_lu",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "expm_frechet",
    "expm_pull",
    "inv",
    "inv_of_lu",
    "lstsq",
    "lu_factor",
    "lu_pull",
    "lu_solve",
    "matmul",
    "qr",
    "qr_pull",
    "slogdet",
    "slogdet_of_lu",
    "solve",
    "solve_pull",
    "solve_triangular",
    "svd",
    "svdvals",
]
