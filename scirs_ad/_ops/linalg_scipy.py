"""What scipy.linalg has beyond numpy.linalg: factors as objects of their own, triangular systems."""

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg import (
    h_,
    kernels,
    lu_body,
    lu_of,
    matmul_core,
    solve_triangular_core,
    t_,
    well_conditioned,
)  # fmt: skip


def _below(x):
    n = shape_of(x)[-1]
    return ew.where(np.tri(n, n, -1, bool), x, 0.0)


def _above(x):
    n = shape_of(x)[-1]
    return ew.where(~np.tri(n, n, -1, bool), x, 0.0)


@primitive("(n)->(n,n)", differentiable=False, internal=True)
def permutation_of(piv):
    """The matrix P of row interchanges: ``P a = L U``."""
    n = piv.shape[-1]
    p = np.broadcast_to(np.eye(n), (*piv.shape, n)).copy()
    for place in np.ndindex(piv.shape[:-1]):
        for i in range(n):
            j = piv[(*place, i)]
            p[place][[i, j]] = p[place][[j, i]]
    return p


permutation_of.not_differentiable("row interchanges are integers")


@permutation_of.def_samples
def _(rng):
    yield sample(np.array([2, 2, 2], np.int32))
    yield sample(rng.integers(1, 2, (2, 2)))


@primitive("(n,n)->(n,n)", kernel=lambda a: kernels.lu_factor(a)[0], internal=True)
def lu_packed(a):
    """The LU factors of a square matrix with row interchanges, packed: L below the diagonal, U above and on it.

    Derivative: ``P^T L^-H (tril(L^H ct_L, -1) + triu(ct_U U^H)) U^-H``; see S. F. Walter, L. Lehmann, "Algorithmic
    differentiation of linear algebra functions" (2010), section on LU, with the adjoint read off
    ``L^-1 P da U^-1 = L^-1 dL + dU U^-1``, whose two terms are strictly lower and upper. Cost: ``2 n^3`` operations.
    """
    return lu_body(a)[0]


def _low(lu, b, trans):
    return solve_triangular_core(lu, b, lower=True, trans=trans, unit=True)


def _up(lu, b, trans):
    return solve_triangular_core(lu, b, lower=False, trans=trans, unit=False)


def _unit(lu):
    return ew.add(_below(lu), np.eye(shape_of(lu)[-1], dtype=dtype_of(lu)))


@lu_packed.def_vjp
def _(ct, out, a):
    p = sh.cast(permutation_of(lu_of(a)[1]), dtype_of(a))
    inner = ew.add(_below(matmul_core(h_(_unit(out)), _below(ct))), _above(matmul_core(_above(ct), h_(_above(out)))))
    left = _low(out, inner, 2)
    right = h_(_up(out, h_(left), 0))
    return matmul_core(t_(p), right)


@lu_packed.def_jvp
def _(t, out, a):
    p = sh.cast(permutation_of(lu_of(a)[1]), dtype_of(a))
    inner = _low(out, matmul_core(p, t), 0)
    inner = h_(_up(out, h_(inner), 2))
    return ew.add(matmul_core(_unit(out), _below(inner)), matmul_core(_above(inner), _above(out)))


@lu_packed.def_samples
def _(rng):
    yield sample(well_conditioned(rng, 3, 3))
    yield sample(well_conditioned(rng, 3, 3)[::-1].copy())
    yield sample(well_conditioned(rng, 2, 2, 2))
    yield sample(well_conditioned(rng, 3, 3, complex_too=True))
    yield sample(well_conditioned(rng, 2, 2).astype(np.float32))
    yield sample(np.ones((0, 0)))
