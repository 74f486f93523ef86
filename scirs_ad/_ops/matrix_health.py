"""Residuals in higher precision, for iterative refinement."""

import numpy as np

from scirs_ad._core.define import primitive, sample
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops.linalg import fit, h_, matmul_core


def _residual(a, x, b):
    kind = np.result_type(a, x, b)
    wide = np.result_type(kind, np.float64 if kind.char in "fF" else np.longdouble)
    return (b - np.matmul(a.astype(wide), x.astype(wide))).astype(kind)


@primitive("(m,n),(n,k),(m,k)->(m,k)", kernel=_residual, internal=True)
def residual_core(a, x, b):
    """``b - a x``, added up in twice the precision (in that of long double for double).

    Derivative: ``-ct x^H`` for `a`, ``-a^H ct`` for `x`, ``ct`` for `b`. Cost: ``2 m n k`` slow operations.
    """
    return _residual(a, x, b)


@residual_core.def_vjp
def _(ct, a, x, specs):
    return (
        lambda: fit(ew.negative(matmul_core(ct, h_(x))), specs[0]),
        lambda: fit(ew.negative(matmul_core(h_(a), ct)), specs[1]),
        fit(ct, specs[2]),
    )


@residual_core.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 3)), rng.standard_normal((3, 1)), rng.standard_normal((2, 1)))
    yield sample(rng.standard_normal((2, 2, 2)) + 0j, rng.standard_normal((2, 1)) + 1j, np.ones((2, 1)) + 0j, order=1)
