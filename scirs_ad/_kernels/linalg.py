"""The batched linear-algebra kernels, in one namespace."""
from scirs_ad._kernels.linalg_eigen import eigh, eigvalsh, svd, svdvals
from scirs_ad._kernels.linalg_factor import cholesky, det, inv, lu_factor, qr, slogdet
from scirs_ad._kernels.linalg_matmul import matmul
from scirs_ad._kernels.linalg_solve import solve

__all__ = [
    "cholesky", "det", "eigh", "eigvalsh", "inv", "lu_factor", "matmul", "qr", "slogdet", "solve", "svd", "svdvals",
]
