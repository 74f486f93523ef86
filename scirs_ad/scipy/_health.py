"""What a matrix is like, before one trusts what is computed with it."""

from typing import NamedTuple

import numpy as np

from scirs_ad._core.core import shape_of
from scirs_ad._ops import index as ix
from scirs_ad.scipy._spectra import checked

__all__ = ["MatrixHealth", "check_matrix_health"]


class MatrixHealth(NamedTuple):
    """What `check_matrix_health` found.

    Parameters
    ----------
    condition : float
        The largest by the smallest singular value; ``inf`` for a singular matrix.
    rank : int
        Number of singular values above ``max(m, n)`` rounding units of the largest.
    symmetric : bool
        Equal to its adjoint up to rounding.
    positive_definite : bool
        Symmetric, with positive eigenvalues beyond rounding.
    warnings : tuple of str
        What to mind.
    """

    condition: float
    rank: int
    symmetric: bool
    positive_definite: bool
    warnings: tuple


def check_matrix_health(A):
    """Condition, rank, symmetry and definiteness of a matrix, and what to mind.

    Parameters
    ----------
    A : array_like, shape (m, n)
        Its values must be known (not in `trace`, `compile` or `vmap`).

    Returns
    -------
    MatrixHealth

    Raises
    ------
    ValueError
        If `A` is not a matrix.

    Notes
    -----
    No derivative: it is a diagnosis; `cond` has one. Cost: a singular value decomposition, and eigenvalues if symmetric.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> found = sla.check_matrix_health([[2.0, 0.0], [0.0, 1.0]])
    >>> found.condition, found.rank, found.positive_definite, found.warnings
    (2.0, 2, True, ())
    """
    A = checked("check_matrix_health", A, False)
    if len(shape_of(A)) != 2:
        raise ValueError(f"check_matrix_health: one matrix (m, n) is needed; the shape is {shape_of(A)}")
    a = ix.known_values(A, "check_matrix_health")
    m, n = a.shape
    eps = float(np.finfo(a.dtype).eps)
    if not np.all(np.isfinite(a)):
        return MatrixHealth(np.nan, 0, False, False, ("it has elements that are infinite or not a number",))
    if a.size == 0:
        return MatrixHealth(1.0, 0, m == n, m == n, ("it is empty",))
    s = np.linalg.svd(a, compute_uv=False)
    condition = float(s[0] / s[-1]) if s[-1] > 0 else np.inf
    rank = int(np.sum(s > max(m, n) * eps * s[0]))
    adjoint = a.conj().T
    symmetric = bool(m == n and np.max(np.abs(a - adjoint)) <= 8 * n * eps * np.max(np.abs(a)))
    definite = False
    if symmetric:
        definite = bool(np.linalg.eigvalsh((a + adjoint) / 2)[0] > n * eps * s[0])
    said = []
    if rank < min(m, n):
        said.append(f"it is singular to working precision: rank {rank} of {min(m, n)}")
    elif condition > eps**-0.5:
        said.append(f"it is ill-conditioned: about {max(-np.log10(condition * eps), 0):.0f} digits remain")
    if m == n and not symmetric and np.max(np.abs(a - adjoint)) <= eps**0.5 * np.max(np.abs(a)):
        said.append("it is nearly, but not, symmetric; symmetrize(A) if it should be")
    if symmetric and not definite and np.all(np.diagonal(a).real > 0):
        said.append("it is symmetric but not positive definite; a Cholesky factorisation fails")
    sizes = np.abs(a).max(1)
    small = sizes[sizes > 0]
    if small.size and small.max() > small.min() / eps**0.5:
        said.append(f"its rows differ in size by {small.max() / small.min():.1g}; scale the unknowns or equations")
    return MatrixHealth(condition, rank, symmetric, definite, tuple(said))
